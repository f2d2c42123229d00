//! Import of networks from PyTorch, and export of models to PyTorch, Transformers and ONNX.
//!
//! ```text
//! forms        weight drop, weight norm and copies     → the tensors of the plain form
//! recognise    names and shapes of a state dict        → which network that is, and what each tensor is in it
//! import       a state dict and a vocabulary           → network, parameters
//! state_dict   a model                                 → the tensors that torch loads, alone or beside a script
//! transformers a model                                 → a directory that Hugging Face Transformers loads
//! onnx         a model                                 → a graph of ONNX operators (protobuf: its messages), also for sherpa-onnx
//! ```
//! A recurrent layer of PyTorch adds two biases where ours has one: with b = b_ih + b_hh both compute the same, except in the
//! n part of a GRU, n = tanh(W_in x + b_in + r ⊙ (W_hn h + b_hn)), whose b_hn stays a parameter of its own.
//! Files of other programs are judged by their headers before anything is allocated, and every refusal names the tensor. Pickles
//! (`.pt`) are programs and are not opened. `docs/EXCHANGE.md` is the guide.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod error;
mod forms;
mod import;
mod onnx;
mod recognise;
mod state_dict;
mod transformers;

pub use error::{Error, Result, Unclear};
pub use import::{Imported, import};
pub use onnx::{
    OFFLINE_NAME, ONLINE_NAME, OnnxOptions, Recogniser, Symbols, save_for_sherpa, save_onnx,
};
pub use recognise::Hints;
pub use state_dict::{SCRIPT_NAME, save_for_pytorch, save_state_dict};
pub use transformers::{MODELING_NAME, save_for_transformers};
