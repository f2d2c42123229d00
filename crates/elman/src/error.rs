//! What can go wrong in the world, said with what, where and what to do.
//!
//! Each room has its own error; this type gathers them. Mistakes of our own are assertions.

use crate::infer::ModelError;
use crate::ngram::NgramError;
use crate::store::StoreError;
use crate::text::TextError;
use crate::train::TrainError;

/// Any failure that the library reports.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Text(#[from] TextError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Ngram(#[from] NgramError),
    #[error(transparent)]
    Model(#[from] ModelError),
    #[error(transparent)]
    Train(#[from] TrainError),
    /// An option, or a combination of options, that cannot be carried out.
    #[error("{0}")]
    Config(String),
    /// A file that is intact but does not fit what it is used for.
    #[error("{0}")]
    Mismatch(String),
    /// Training cannot go on.
    #[error("{0}")]
    Diverged(String),
}

pub type Result<T> = std::result::Result<T, Error>;
