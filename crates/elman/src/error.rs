//! Errors of the whole library, gathered from its crates.

/// Any error that the library returns.
///
/// Each crate of the library has an error of its own, which says what is wrong and where; this type gathers them for programs that
/// use several crates.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text could not be read or tokenized, or a vocabulary is not usable.
    #[error(transparent)]
    Text(#[from] elman_text::TextError),
    /// A file could not be read or written, or is damaged.
    #[error(transparent)]
    Store(#[from] elman_store::StoreError),
    /// An n-gram model could not be counted, read or written.
    #[error(transparent)]
    Ngram(#[from] elman_ngram::NgramError),
    /// A model could not be loaded, scored, evaluated or used for generation.
    #[error(transparent)]
    Model(#[from] elman_infer::Error),
    /// A network could not be trained, or a run could not be started or resumed.
    #[cfg(feature = "train")]
    #[error(transparent)]
    Train(#[from] elman_train::Error),
    /// A network could not be imported, or a model could not be exported.
    #[cfg(feature = "exchange")]
    #[error(transparent)]
    Exchange(#[from] elman_exchange::Error),
    /// A measurement, comparison or inspection could not be carried out.
    #[cfg(feature = "measure")]
    #[error(transparent)]
    Measure(#[from] elman_measure::Error),
}

#[cfg(feature = "train")]
impl From<elman_train::config::ConfigError> for Error {
    fn from(error: elman_train::config::ConfigError) -> Error {
        elman_train::Error::from(error).into()
    }
}

/// Result of a function of the library.
pub type Result<T> = std::result::Result<T, Error>;
