//! A network for inference: weights that do not change, packed for forward passes, and the vocabulary.
//!
//! ```text
//! s_0 = 0      (s_{t+1}, h_t) = cell(x_t, s_t)      ŷ_t = softmax(W_S h_t + b_2)
//! ```
//! A [`NetworkModel`] holds its weights twice: in rows, for the embedding and for saving, and in the panels that the matrix
//! products use. It keeps no state and no activations: they belong to a session or to streams.

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

/// Number format of the matrices in inference; the embedding, biases and activations are f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// 32-bit floats, as trained; the same bits on every machine.
    #[default]
    F32,
    /// Rounded to bf16: half the memory; the same bits on machines of one instruction set.
    Bf16,
    /// 8-bit integers with a scale for each row: a quarter of the memory; the same bits on every machine.
    Int8,
}

impl Weights {
    /// Name of the format: `f32`, `bf16`, `int8`.
    pub fn name(self) -> &'static str {
        match self {
            Weights::F32 => "f32",
            Weights::Bf16 => "bf16",
            Weights::Int8 => "int8",
        }
    }

    /// The kernels' name for the format.
    pub fn format(self) -> Format {
        match self {
            Weights::F32 => Format::F32,
            Weights::Bf16 => Format::Bf16,
            Weights::Int8 => Format::Int8,
        }
    }
}

/// A network with its weights and its vocabulary, immutable.
///
/// It becomes a [`Model`](crate::Model), which scores and writes texts, by `Model::from`.
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
    /// Makes a model of streams from a network and its parameters, whose matrices are packed in the format `weights`.
    ///
    /// # Panics
    /// If `params` does not have the layout of `network`, or V is not the size of `vocab`.
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

    /// Returns the model as one that was trained on texts laid out as `layout`.
    pub fn with_layout(self, layout: Layout) -> NetworkModel {
        NetworkModel {
            layout,
            id: OnceLock::new(),
            ..self
        }
    }

    /// Loads a model's directory, or the model of a run's directory, with matrices in f32.
    ///
    /// # Errors
    /// As for [`NetworkModel::load_as`].
    pub fn load(path: &Path) -> Result<NetworkModel> {
        NetworkModel::load_as(path, Weights::F32)
    }

    /// Loads a model's directory, or the model of a run's directory, with matrices in the format `weights`.
    ///
    /// # Errors
    /// [`FileError`](crate::FileError) if no model is there or its files describe none that can be used;
    /// [`Error::Store`](crate::Error::Store) if a file is missing or damaged. The message names the file and the tensor.
    pub fn load_as(path: &Path, weights: Weights) -> Result<NetworkModel> {
        files::load(path, weights)
    }

    /// Sizes of the network: V, E, H of every layer.
    pub fn dims(&self) -> &Dims {
        self.network.dims()
    }

    /// Number format of the matrices.
    pub fn weights(&self) -> Weights {
        self.weights
    }

    /// The network: its architecture and the layout of its parameters.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Parameters of the network in f32, under PyTorch's names.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// Vocabulary of the model.
    pub fn vocab(&self) -> &Vocab {
        &self.vocab
    }

    /// Origin of the model: how far its training was, or where it was imported from.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// How the training text was laid out, which is also the default for scoring and generation.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Identity of the model: BLAKE3 (hex) over architecture, vocabulary and weights; models of one identity give the same numbers.
    ///
    /// It is computed at the first call.
    pub fn id(&self) -> &str {
        self.id
            .get_or_init(|| files::identity(&self.network, &self.params, &self.vocab, self.layout))
    }

    /// Memory of the weights and the packed matrices, in bytes.
    pub fn mem_bytes(&self) -> u64 {
        4 * self.network.layout().arena_len() as u64
            + packed_forward_bytes(self.dims(), self.weights.format())
    }

    /// The zero state for `batch` streams, before any text.
    pub fn zero_state(&self, batch: usize) -> State {
        State::zeros(self.dims(), batch)
    }

    /// A borrowed view of the network and its weights, for forward passes.
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
