//! The extension module `elman._elman`: elman's library as Python sees it.
//!
//! ```text
//! model      Model: load, score, surprisal, evaluate, generate       session   Session, Distribution
//! pieces     a text that is generated while it is read               training  runs, from Python
//! ngrams     n-gram models: train, mix, prune, save                  kenlm     the queries of `elman.kenlm`
//! arguments  what Python gives                                       records   lists of dictionaries
//! ```
//! The package `python/elman` adds what is simpler in Python: records, arrays of numpy, and the shapes of other packages. Work that takes time runs without the
//! interpreter's lock.

mod arguments;
mod error;
mod kenlm;
mod model;
mod ngrams;
mod pieces;
mod records;
mod session;
mod training;

use pyo3::prelude::*;

#[pymodule]
mod _elman {
    #[pymodule_export]
    use super::error::ElmanError;
    #[pymodule_export]
    use super::kenlm::{KenlmModel, KenlmState};
    #[pymodule_export]
    use super::model::Model;
    #[pymodule_export]
    use super::ngrams::{mix_ngrams, train_ngram};
    #[pymodule_export]
    use super::pieces::Pieces;
    #[pymodule_export]
    use super::session::{Distribution, Session};
    #[pymodule_export]
    use super::training::{resume_run, train_run};
    use super::*;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
