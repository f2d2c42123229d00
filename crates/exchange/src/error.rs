//! What can go wrong while a model is imported or exported.

use elman_store::StoreError;
use elman_text::TextError;

/// Result of a function of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file was not imported or a model was not exported.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The vocabulary of the network could not be read or used.
    #[error(transparent)]
    Text(#[from] TextError),
    /// A file could not be read or written, or is not a usable safetensors file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The model's files could not be written or read.
    #[error(transparent)]
    Model(#[from] elman_infer::Error),
    /// The names and shapes of a state dict leave a question open, which [`Hints`](crate::Hints) can answer.
    #[error("{path}: {question}")]
    Unclear {
        /// Path of the state dict.
        path: String,
        /// The open question, with the tensors that it is about.
        question: Unclear,
    },
    /// The vocabulary has no `<eos>`, but another token, `end`, that other programs use for the end of a text.
    #[error(
        "the vocabulary has no {eos}, which begins and ends every text here, but it has {end}",
        eos = elman_text::EOS
    )]
    NoEos {
        /// The token of the vocabulary that may be the end of a text.
        end: String,
    },
    /// The file is a pickle of PyTorch, a program and not only numbers, and is not opened. `target` is a name for the safetensors
    /// file that the message proposes to make of it.
    #[error(
        "{path} is a pickle of PyTorch, a program that runs when it is opened, so it is not read here. \
         The script tools/pickle_to_safetensors.py of elman takes the weights out without running it:\n\n    \
         python pickle_to_safetensors.py {path:?} {target:?}\n\n\
         If you trust it, PyTorch does so, too (pip install torch safetensors):\n\n    \
         import torch\n    \
         from safetensors.torch import save_file\n    \
         saved = torch.load({path:?}, map_location=\"cpu\", weights_only=False)\n    \
         state = saved if isinstance(saved, dict) else saved.state_dict()\n    \
         save_file({{name: tensor.detach().clone().contiguous() for name, tensor in state.items()}}, {target:?})\n"
    )]
    Pickle {
        /// Path of the pickle.
        path: String,
        /// Proposed path of the converted file.
        target: String,
    },
    /// ONNX has no operator that computes the cell of this name.
    #[error("ONNX has no operator for the cell {cell}")]
    NoOperator {
        /// Name of the cell, such as `elman:relu`.
        cell: String,
    },
    /// sherpa-onnx cannot run the network, or its vocabulary does not fit the recogniser.
    #[error("not for sherpa-onnx: {what}")]
    NotForSherpa {
        /// The reason, in words.
        what: String,
    },
    /// A line of a recogniser's list of symbols is not a symbol and its id.
    #[error("{name}, line {line}: {what}")]
    Symbols {
        /// Name of the file.
        name: String,
        /// Number of the line, from 1.
        line: usize,
        /// The flaw, in words.
        what: String,
    },
    /// The weights need more bytes than a protobuf message can hold (2 GiB).
    #[error(
        "the weights have {bytes} bytes, and an ONNX file ends at 2 GiB: export it to safetensors"
    )]
    TooLargeForOnnx {
        /// Size of the weights in bytes.
        bytes: u64,
    },
}

/// A question that the names and shapes of a state dict leave open, or a hint that contradicts them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unclear {
    /// The cell is a plain RNN, whose activation must be given in [`Hints::activation`](crate::Hints::activation).
    #[error("{0}, so the cell is a plain RNN, and its tensors do not say with which activation")]
    Activation(String),
    /// An activation was given, but the cell is an LSTM or a GRU.
    #[error("{0}, and an activation is for a plain RNN")]
    NotPlain(String),
    /// Two matrices could each be the embedding or the output layer; [`Hints`](crate::Hints) must name one of them.
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
    /// A flaw of a tensor, in words.
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
