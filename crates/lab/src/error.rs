//! Errors of the laboratory.

use elman_measure as measure;
use std::path::PathBuf;

/// Result of the laboratory.
pub type Result<T> = std::result::Result<T, Error>;

/// Error of the laboratory.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The laboratory could not be opened, or was stopped.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A text, a training or a measurement failed.
    #[error(transparent)]
    Measure(measure::Error),
}

/// Reason why a laboratory could not be opened, or that it was stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LabError {
    /// The directory holds a laboratory with another text, seed, size or version of elman.
    #[error(
        "{} holds measurements with another text, seed, size or version of elman: choose another directory, or delete that one",
        .0.display()
    )]
    OtherPlan(PathBuf),
    /// The directory holds files that are no laboratory's.
    #[error(
        "{} holds other things than a laboratory, which would overwrite some of them",
        .0.display()
    )]
    Foreign(PathBuf),
    /// The text is not UTF-8.
    #[error("the text is not UTF-8: see its byte {at}")]
    NotUtf8 {
        /// Offset in bytes of the first invalid byte.
        at: usize,
    },
    /// The text that is used has too few lines.
    #[error(
        "the part of the text that is read has {lines} lines in {bytes} bytes, and the laboratory needs at least {least}: give a text of shorter lines, or a longer one"
    )]
    FewLines {
        /// Number of lines.
        lines: usize,
        /// Number of bytes that are used.
        bytes: usize,
        /// The smallest number of lines.
        least: usize,
    },
    /// The user asked to stop; opening the laboratory again continues.
    #[error("stopped; run the same command again to continue")]
    Stopped,
}

/// Every error of the crates below is one of a measurement.
impl<E: Into<measure::Error>> From<E> for Error {
    fn from(error: E) -> Error {
        Error::Measure(error.into())
    }
}
