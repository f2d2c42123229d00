//! What can go wrong while a model is imported or exported.

use elman_store::StoreError;
use elman_text::TextError;

/// What a function of this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// A file that cannot be imported, or a model that cannot be exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Model(#[from] elman_infer::Error),
    /// A state dict whose names and shapes leave a question open.
    #[error("{path}: {question}")]
    Unclear { path: String, question: Unclear },
    #[error(
        "the vocabulary has no {eos}, which begins and ends every text here, but it has {end}: say whether that is the end",
        eos = elman_text::EOS
    )]
    NoEos { end: String },
    /// A pickle, which is a program and not only numbers.
    #[error(
        "{path} is a pickle of PyTorch, a program that runs when it is opened, so it is not read here. \
         If you trust it, turn it into safetensors with Python (pip install torch safetensors):\n\n    \
         import torch\n    \
         from safetensors.torch import save_file\n    \
         saved = torch.load({path:?}, map_location=\"cpu\", weights_only=False)\n    \
         state = saved if isinstance(saved, dict) else saved.state_dict()\n    \
         save_file({{name: tensor.detach().clone().contiguous() for name, tensor in state.items()}}, {target:?})\n"
    )]
    Pickle { path: String, target: String },
    #[error("ONNX has no operator for the cell {cell}")]
    NoOperator { cell: String },
    #[error(
        "the weights have {bytes} bytes, and an ONNX file ends at 2 GiB: export it to safetensors"
    )]
    TooLargeForOnnx { bytes: u64 },
}

/// What names and shapes do not say, or what was said against them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    #[error(
        "{0}, so the cell is a plain RNN, and its tensors do not say with which activation: name it, tanh (PyTorch's default), relu or sigmoid"
    )]
    Activation(String),
    #[error("{0}, and an activation is for a plain RNN")]
    NotPlain(String),
    #[error(
        "{0}: which is the embedding and which the output layer is not clear from shapes and names; name one of them"
    )]
    Tables(String),
}

/// Why a state dict is not imported.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error(transparent)]
    Unclear(Unclear),
    /// What is wrong with a tensor, in words.
    #[error("{0}")]
    Flaw(String),
}

impl From<Unclear> for Refusal {
    fn from(question: Unclear) -> Refusal {
        Refusal::Unclear(question)
    }
}

impl<T: Into<String>> From<T> for Refusal {
    fn from(flaw: T) -> Refusal {
        Refusal::Flaw(flaw.into())
    }
}
