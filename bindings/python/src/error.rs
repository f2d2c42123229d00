//! Errors of the library as exceptions of Python.

use elman::infer::{FileError, NotAModel};
use pyo3::exceptions::{PyException, PyFileNotFoundError};
use pyo3::{PyErr, create_exception};
use std::error::Error;
use std::io;

create_exception!(
    elman,
    ElmanError,
    PyException,
    "An error of elman; its message says what is wrong, where, and what to do."
);

/// Message of an error with the messages of its causes, each once.
fn message(error: &dyn Error) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !message.contains(&more) {
            message = format!("{message}: {more}");
        }
        cause = error.source();
    }
    message
}

/// Whether a file is missing.
fn is_missing(error: &elman::Error) -> bool {
    if let elman::Error::Model(elman::infer::Error::File(FileError::NotAModel { kind, .. })) = error
    {
        return *kind == NotAModel::Nothing;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let io = error.downcast_ref::<io::Error>();
        if io.is_some_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return true;
        }
        cause = error.source();
    }
    false
}

/// Message of an error of the library, with its causes.
pub fn message_of(error: impl Into<elman::Error>) -> String {
    message(&error.into())
}

/// The exception for an error of the library: `FileNotFoundError` for a missing file, and [`ElmanError`] for all others.
pub fn exception(error: impl Into<elman::Error>) -> PyErr {
    let error = error.into();
    match is_missing(&error) {
        true => PyFileNotFoundError::new_err(message(&error)),
        false => ElmanError::new_err(message(&error)),
    }
}
