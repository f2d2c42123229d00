//! The extension module `elman._elman`: elman's library as Python sees it.
//!
//! ```text
//! model       Model: load, score, surprisal, generate       session   Session, Distribution
//! generation  samples and beam search                       pieces    a text that is generated while it is read
//! evaluation  perplexity, and how often answers are right   inspect   hidden states, and gradient flow
//! training    runs, from Python                             ngrams    n-gram models: train, mix, prune, save
//! kenlm       the queries of `elman.kenlm`                  records   lists of dictionaries
//! arguments   what Python gives                             arrays    numbers for numpy
//! process     threads, also after a fork                    error     errors as exceptions
//! ```
//! The package `python/elman` adds what is simpler in Python: records, arrays of numpy, and the shapes of other packages. Work that takes time runs without the
//! interpreter's lock.

mod arguments;
mod arrays;
mod error;
mod evaluation;
mod generation;
mod inspect;
mod kenlm;
mod model;
mod ngrams;
mod pieces;
mod process;
mod records;
mod session;
mod training;

use pyo3::prelude::*;

#[pymodule]
mod _elman {
    #[pymodule_export]
    use super::error::ElmanError;
    #[pymodule_export]
    use super::evaluation::evaluate_model;
    #[pymodule_export]
    use super::generation::Sampling;
    #[pymodule_export]
    use super::inspect::{gradients, hidden_states, untrained};
    #[pymodule_export]
    use super::kenlm::{KenlmModel, KenlmState};
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::ngrams::{
        fit_weights, load_ngram, mix_ngrams, ngram_info, prune_ngram, train_ngram,
    };
    #[pymodule_export]
    use super::pieces::Pieces;
    #[pymodule_export]
    use super::process::{_forked, _in_process};
    #[pymodule_export]
    use super::session::{Distribution, Session};
    #[pymodule_export]
    use super::training::{eos_of, resume_run, train_run};
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
