//! The model as inference sees it: weights that never change, and steps from state to state.
//!
//! ```text
//! s_0 = 0      (s_{t+1}, h_t) = cell(x_t, s_t)      ŷ_t = softmax(W_S h_t + b_2)
//! ```
//! A step is a window of T = 1 through the same kernels as training, so reading a text token by token,
//! in windows, or beside other lanes gives the same bits.
//!
//! A [`NetworkModel`] holds its weights twice: in rows, for the embedding and for saving, and in the panels that
//! the products read. It keeps no state and no activations: these are the caller's [`State`] and [`Workspace`].

mod ready;

pub use ready::{Ready, Workspace};

use super::files::{self, About};
use crate::dims::{Dims, packed_forward_bytes};
use crate::error::Result;
use crate::net::network::ForwardPanels;
use crate::net::{Network, Params, State};
use crate::text::{Layout, Vocab};
use elman_kernels::{Cpu, Format, Isa};
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::OnceLock;
use std::thread::available_parallelism;

/// How the matrices are kept that every token is multiplied with. The embedding, biases and activations are f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// As trained; the same bits on every machine.
    #[default]
    F32,
    /// Rounded to bf16: half the memory; the same bits on the same instruction set.
    Bf16,
    /// Integers of eight bits with a scale for each row: a quarter of the memory; the same bits on every machine.
    Int8,
}

impl Weights {
    pub fn name(self) -> &'static str {
        match self {
            Weights::F32 => "f32",
            Weights::Bf16 => "bf16",
            Weights::Int8 => "int8",
        }
    }

    pub(crate) fn format(self) -> Format {
        match self {
            Weights::F32 => Format::F32,
            Weights::Bf16 => Format::Bf16,
            Weights::Int8 => Format::Int8,
        }
    }
}

/// A language model: network, weights and vocabulary. Immutable; share it by reference or `Arc`.
pub struct NetworkModel {
    network: Network,
    params: Params,
    panels: ForwardPanels,
    weights: Weights,
    vocab: Vocab,
    about: About,
    layout: Layout,
    id: OnceLock<String>,
}

impl NetworkModel {
    /// Packs the matrices as `weights`; the model is one of streams. `params` has the layout of `network`, and V is the size of `vocab`.
    pub fn new(
        network: Network,
        params: Params,
        vocab: Vocab,
        about: About,
        weights: Weights,
    ) -> NetworkModel {
        assert_eq!(
            network.dims().vocab,
            vocab.len(),
            "the network is for another vocabulary"
        );
        assert_eq!(
            network.layout().arena_len(),
            params.layout().arena_len(),
            "the parameters are of another network"
        );
        let mut panels = network.forward_panels(weights.format());
        // On all CPUs, since somebody waits for the first token; the result is the same.
        let threads = available_parallelism().map_or(1, |n| n.get());
        let cpu = Cpu::new(Isa::detect(), threads);
        network.pack_forward(&cpu, &params, None, &mut panels);
        NetworkModel {
            network,
            params,
            panels,
            weights,
            vocab,
            about,
            layout: Layout::Stream,
            id: OnceLock::new(),
        }
    }

    /// The model as one that was trained on texts laid out as `layout`.
    pub fn with_layout(self, layout: Layout) -> NetworkModel {
        NetworkModel {
            layout,
            id: OnceLock::new(),
            ..self
        }
    }

    /// [`NetworkModel::load_as`] with weights as they were trained.
    pub fn load(path: &Path) -> Result<NetworkModel> {
        NetworkModel::load_as(path, Weights::F32)
    }

    /// Reads a model's directory, or the model of a run's directory.
    ///
    /// Errors: whatever is missing, damaged, too large, of the wrong shape or not a finite number, by
    /// file and tensor.
    pub fn load_as(path: &Path, weights: Weights) -> Result<NetworkModel> {
        files::load(path, weights)
    }

    pub fn dims(&self) -> &Dims {
        self.network.dims()
    }

    pub fn weights(&self) -> Weights {
        self.weights
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    pub fn params(&self) -> &Params {
        &self.params
    }

    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Where its training stood when it was saved.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// How its training text was laid out, and how it reads and writes unless something else is asked for.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// BLAKE3 (hex) over architecture, vocabulary and weights: two models with the same id give the same
    /// numbers. Computed at the first call.
    pub fn id(&self) -> &str {
        self.id
            .get_or_init(|| files::identity(&self.network, &self.params, &self.vocab, self.layout))
    }

    /// Memory of weights and panels, in bytes.
    pub fn mem_bytes(&self) -> u64 {
        4 * self.network.layout().arena_len() as u64
            + packed_forward_bytes(self.dims(), self.weights.format())
    }

    /// The state before any text, for `lanes` streams.
    pub fn zero_state(&self, lanes: usize) -> State {
        State::zeros(self.dims(), lanes)
    }

    /// The network with its weights.
    pub fn ready(&self) -> Ready<'_> {
        Ready {
            network: &self.network,
            params: &self.params,
            panels: &self.panels,
        }
    }

    /// Reads `tokens` (T, B), any T; `state` becomes the state after them. Ids are below V.
    ///
    /// A text begins with `<eos>` read from the zero state.
    pub fn advance(&self, cpu: &Cpu, tokens: &[u32], state: &mut State, workspace: &mut Workspace) {
        self.ready().advance(cpu, tokens, state, workspace);
    }

    /// As [`NetworkModel::advance`] over `inputs` (T, B), and the loss of each target: `nats` (T, B) = −ln ŷ; and if asked for, whether it is
    /// the most likely token: `right` (T, B). A position's number is not finite only if the hidden states overflow.
    pub fn score(
        &self,
        cpu: &Cpu,
        inputs: &[u32],
        targets: &[u32],
        state: &mut State,
        workspace: &mut Workspace,
        nats: &mut [f64],
        mut right: Option<&mut [bool]>,
    ) {
        assert!(inputs.len() == targets.len() && inputs.len() == nats.len());
        let rows = workspace.rows(state.lanes);
        let windows = inputs.chunks(rows).zip(targets.chunks(rows));
        for (number, ((inputs, targets), nats)) in windows.zip(nats.chunks_mut(rows)).enumerate() {
            self.ready().read(cpu, inputs, state, workspace);
            let right = right.as_mut();
            let right = right.map(|right| &mut right[number * rows..][..targets.len()]);
            self.network.loss(
                cpu,
                &self.params,
                &self.panels,
                targets,
                &mut workspace.tape,
                nats,
                right,
            );
        }
    }

    /// Natural log-probabilities of what follows the last tokens read: (B, V) into `out`.
    pub fn next_log_probs(&self, cpu: &Cpu, workspace: &Workspace, out: &mut [f32]) {
        assert!(workspace.rows > 0, "no token has been read");
        self.network.last_log_probs(
            cpu,
            &self.params,
            &self.panels,
            &workspace.tape,
            workspace.rows,
            out,
        );
    }

    /// The same before normalisation: logits (B, V) into `out`.
    pub fn next_logits(&self, cpu: &Cpu, workspace: &Workspace, out: &mut [f32]) {
        self.ready().next_logits(cpu, workspace, out);
    }
}

impl std::fmt::Debug for NetworkModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({:?}, {:?})", self.dims(), self.vocab)
    }
}

#[cfg(test)]
mod tests;
