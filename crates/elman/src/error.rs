//! Every failure that the library reports, gathered from its parts.

/// Any failure that the library reports.
///
/// Each part of the library has an error of its own, which says what is wrong and where; this type gathers them for
/// programs that use several parts.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Text(#[from] elman_text::TextError),
    #[error(transparent)]
    Store(#[from] elman_store::StoreError),
    #[error(transparent)]
    Ngram(#[from] elman_ngram::NgramError),
    #[error(transparent)]
    Model(#[from] elman_infer::Error),
    #[cfg(feature = "train")]
    #[error(transparent)]
    Train(#[from] elman_train::Error),
    #[cfg(feature = "exchange")]
    #[error(transparent)]
    Exchange(#[from] elman_exchange::Error),
    #[cfg(feature = "measure")]
    #[error(transparent)]
    Measure(#[from] elman_measure::Error),
}

/// What a function of the library returns.
pub type Result<T> = std::result::Result<T, Error>;
