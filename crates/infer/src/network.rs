//! The network as inference sees it: weights that never change, packed for forward passes, and the vocabulary.
//!
//! ```text
//! s_0 = 0      (s_{t+1}, h_t) = cell(x_t, s_t)      ŷ_t = softmax(W_S h_t + b_2)
//! ```
//! A [`NetworkModel`] holds its weights twice: in rows, for the embedding and for saving, and in the panels that
//! the products read. It keeps no state and no activations: these are a session's or a streams's.

use super::files::{self, About};
use crate::error::Result;
use elman_kernels::{Cpu, Format, Isa};
use elman_net::dims::{Dims, packed_forward_bytes};
use elman_net::network::ForwardPanels;
use elman_net::{Network, NetworkView, Params, State};
use elman_text::{Layout, Vocab};
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
    /// The format's name: `f32`, `bf16`, `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Weights::F32 => "f32",
            Weights::Bf16 => "bf16",
            Weights::Int8 => "int8",
        }
    }

    pub fn format(self) -> Format {
        match self {
            Weights::F32 => Format::F32,
            Weights::Bf16 => Format::Bf16,
            Weights::Int8 => Format::Int8,
        }
    }
}

/// A network with its weights and its vocabulary. Immutable; [`super::Model`] is what texts are scored and written with.
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

    /// The sizes.
    pub fn dims(&self) -> &Dims {
        self.network.dims()
    }

    /// The format of the matrices.
    pub fn weights(&self) -> Weights {
        self.weights
    }

    /// The architecture.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The parameters in f32, under PyTorch's names.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The vocabulary.
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

    /// The state before any text, for `batch` streams.
    pub fn zero_state(&self, batch: usize) -> State {
        State::zeros(self.dims(), batch)
    }

    /// The network with its weights, for forward passes.
    pub fn view(&self) -> NetworkView<'_> {
        NetworkView {
            network: &self.network,
            params: &self.params,
            panels: &self.panels,
        }
    }
}

impl std::fmt::Debug for NetworkModel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({:?}, {:?})", self.dims(), self.vocab)
    }
}

#[cfg(test)]
mod tests;
