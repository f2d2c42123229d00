//! Arguments of methods, as Python gives them.

use elman::infer::VocabularyFrom;
use elman::text::{Layout, Source};
use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use std::io::Cursor;
use std::path::PathBuf;

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

/// A text: files, which Python gives as a tuple of paths, one string of lines, or a list of sentences.
pub enum Input {
    Files(Vec<PathBuf>),
    Text(String),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Input {
    type Error = PyErr;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> PyResult<Input> {
        if let Ok(paths) = object.cast::<PyTuple>() {
            return Ok(Input::Files(
                paths
                    .iter()
                    .map(|path| path.extract())
                    .collect::<PyResult<_>>()?,
            ));
        }
        Ok(Input::Text(Lines::extract(object)?.into_text()?))
    }
}

impl Input {
    /// The text as sources, which may be asked for several times.
    pub fn sources(&self) -> Vec<Source> {
        match self {
            Input::Files(paths) => Source::files(paths),
            Input::Text(text) => vec![in_memory(text.clone())],
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
    /// The text as one string; the sentences of a list are its lines.
    fn into_text(self) -> PyResult<String> {
        match self {
            Lines::One(text) => Ok(text),
            Lines::Many(lines) => {
                if let Some(line) = lines.iter().find(|line| line.contains(['\n', '\r'])) {
                    return Err(PyValueError::new_err(format!(
                        "a sentence of a list is one line, and {line:?} has several: give one string with lines instead"
                    )));
                }
                Ok(lines.iter().flat_map(|line| [line, "\n"]).collect())
            }
        }
    }

    /// The text as a source; the sentences of a list are its lines, and without lines there is no source.
    pub fn sources(self) -> PyResult<Vec<Source>> {
        let text = self.into_text()?;
        Ok(match text.is_empty() {
            true => Vec::new(),
            false => vec![in_memory(text)],
        })
    }
}

/// Where a vocabulary comes from: what it is (`model`, `file` or `tokenizer`), the path, and the token that ends a text.
pub type VocabularyArgument = (String, PathBuf, Option<String>);

/// The source of a vocabulary; without one it is counted in the text.
pub fn vocabulary(given: Option<VocabularyArgument>) -> VocabularyFrom {
    match given {
        None => VocabularyFrom::Text,
        Some((what, path, eos)) => match &*what {
            "model" => VocabularyFrom::Model(path),
            "tokenizer" => VocabularyFrom::Tokenizer { file: path, eos },
            _ => VocabularyFrom::File(path),
        },
    }
}

/// Token ids as the bytes of an array of uint32.
pub fn ids(bytes: &[u8]) -> Vec<u32> {
    let numbers = bytes.chunks_exact(4);
    numbers
        .map(|number| u32::from_ne_bytes([number[0], number[1], number[2], number[3]]))
        .collect()
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

/// The layout with a name: `stream` or `sentences`.
pub fn layout_named(name: &str) -> PyResult<Layout> {
    let layouts = [Layout::Stream, Layout::Sentences].map(|layout| (layout.name(), layout));
    named("layout", name, &layouts)
}
