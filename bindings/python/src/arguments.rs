//! Arguments of methods, as Python gives them.

use elman::text::{Layout, Source};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use std::io::Cursor;

/// Function and arguments by which Python loads a pickle.
pub type Reduced<'py, Arguments> = (Bound<'py, PyAny>, Arguments);

/// A token, given by its id or by its text.
#[derive(FromPyObject)]
pub enum Token {
    Id(u32),
    Text(String),
}

impl Token {
    /// The id of the token in the vocabulary of `model`.
    pub fn id(self, model: &elman::Model) -> PyResult<u32> {
        let vocab = model.vocab();
        match self {
            Token::Id(id) if (id as usize) < vocab.len() => Ok(id),
            Token::Id(id) => Err(PyKeyError::new_err(format!(
                "there is no token {id}: the vocabulary has {} tokens",
                vocab.len()
            ))),
            Token::Text(text) => vocab.id(text.as_bytes()).ok_or_else(|| {
                PyKeyError::new_err(format!("the vocabulary has no token {text:?}"))
            }),
        }
    }
}

/// Text as one string of lines, or as a list of sentences.
#[derive(FromPyObject)]
pub enum Lines {
    One(String),
    Many(Vec<String>),
}

impl Lines {
    /// The text as a source; the sentences of a list are its lines.
    pub fn sources(self) -> PyResult<Vec<Source>> {
        let text = match self {
            Lines::One(text) => text,
            Lines::Many(lines) => {
                if let Some(line) = lines.iter().find(|line| line.contains(['\n', '\r'])) {
                    return Err(PyValueError::new_err(format!(
                        "a sentence of a list is one line, and {line:?} has several: give one string with lines instead"
                    )));
                }
                lines.iter().flat_map(|line| [line, "\n"]).collect()
            }
        };
        Ok(vec![in_memory(text)])
    }
}

/// Makes a source of a text in memory.
pub fn in_memory(text: String) -> Source {
    Source::Reader {
        name: "the text".into(),
        reader: Box::new(Cursor::new(text)),
    }
}

/// Finds a value by its name.
pub fn named<T: Copy>(what: &str, name: &str, values: &[(&str, T)]) -> PyResult<T> {
    let found = values.iter().find(|(known, _)| *known == name);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let known: Vec<&str> = values.iter().map(|(known, _)| *known).collect();
        PyValueError::new_err(format!("{what} is one of {}, not {name}", known.join(", ")))
    })
}

/// Layout of sentences that are scored after all before them, or each from its beginning.
pub fn layout(continuous: bool) -> Layout {
    match continuous {
        true => Layout::Stream,
        false => Layout::Sentences,
    }
}
