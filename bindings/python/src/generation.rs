//! Generated texts: samples of prompts, and the search for the most probable texts.

use crate::error::exception;
use elman::infer::{Allow, Beam, Eos, Generation, Generator, LengthPenalty};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use serde_json::Value;
use std::ops::ControlFlow;

/// Options of generation, by their names; see the stub of `SamplingOptions`.
#[pyclass(module = "elman", frozen)]
pub struct Sampling {
    inner: elman::Sampling,
}

#[pymethods]
impl Sampling {
    #[new]
    #[pyo3(signature = (
        *, max_tokens = 200, temperature = 1.0, top_k = None, top_p = 1.0, min_p = 0.0, typical = 1.0, repetition_penalty = 1.0,
        repetition_window = None, seed = 1, stop = Vec::new(), ignore_eos = false, allow_unk = false, allow = None, allow_words = None
    ))]
    fn new(
        max_tokens: usize,
        temperature: f32,
        top_k: Option<usize>,
        top_p: f32,
        min_p: f32,
        typical: f32,
        repetition_penalty: f32,
        repetition_window: Option<usize>,
        seed: u64,
        stop: Vec<String>,
        ignore_eos: bool,
        allow_unk: bool,
        allow: Option<String>,
        allow_words: Option<Vec<String>>,
    ) -> PyResult<Sampling> {
        let inner = elman::Sampling {
            max_tokens,
            temperature,
            top_k,
            top_p,
            min_p,
            typical,
            repetition_penalty,
            repetition_window,
            seed,
            stop,
            eos: if ignore_eos { Eos::GoOn } else { Eos::ByKind },
            allow_unk,
            allow: match (allow, allow_words) {
                (None, None) => None,
                (Some(expression), None) => Some(Allow::Regex(expression)),
                (None, Some(words)) => Some(Allow::Words(words)),
                _ => return Err(PyValueError::new_err("give allow or allow_words, not both")),
            },
            ..elman::Sampling::default()
        };
        inner.check().map_err(exception)?;
        Ok(Sampling { inner })
    }
}

/// The options of a call, which names some of them.
pub fn sampling(py: Python<'_>, options: Option<&Bound<'_, PyDict>>) -> PyResult<elman::Sampling> {
    let sampling = py.get_type::<Sampling>().call((), options)?;
    Ok(sampling.cast::<Sampling>()?.get().inner.clone())
}

/// A prompt, or several that are continued side by side.
#[derive(FromPyObject)]
pub enum Prompts {
    One(String),
    Many(Vec<String>),
}

impl Prompts {
    fn list(self) -> Vec<String> {
        match self {
            Prompts::One(prompt) => vec![prompt],
            Prompts::Many(prompts) => prompts,
        }
    }
}

/// A text that was generated, with its prompt.
pub struct Written {
    prompt: String,
    index: usize,
    prompt_tokens: usize,
    text: Generation,
    found: Found,
}

/// How a text was found.
enum Found {
    Sample {
        number: u64,
    },
    Search {
        rank: usize,
        score: f64,
        logprob: f64,
    },
}

/// Writes samples 0 to `samples` − 1 of each prompt, in the order of the prompts; `batch_size` prompts are continued side by side.
pub fn samples(
    model: &elman::Model,
    prompts: Prompts,
    samples: u64,
    batch_size: usize,
    options: &elman::Sampling,
) -> elman::Result<Vec<Written>> {
    let prompts = prompts.list();
    let mut written = Vec::new();
    for (first, prompts) in prompts.chunks(batch_size.max(1)).enumerate() {
        let ids = tokenized(model, prompts)?;
        let mut generator = Generator::new(model.streams(prompts.len()), &ids, options.clone())?;
        let mut rounds = Vec::new();
        for number in 0..samples {
            rounds.push(generator.sample(number, &mut |_, _| ControlFlow::Continue(()))?);
        }
        for (row, prompt) in prompts.iter().enumerate() {
            for (number, texts) in (0..).zip(&rounds) {
                written.push(Written {
                    prompt: prompt.clone(),
                    index: first * batch_size.max(1) + row,
                    prompt_tokens: generator.prompt_tokens(row),
                    text: texts[row].clone(),
                    found: Found::Sample { number },
                });
            }
        }
    }
    Ok(written)
}

/// Searches for the most probable texts after each prompt.
pub fn search(
    model: &elman::Model,
    prompts: Prompts,
    beam: &Beam,
    options: &elman::Sampling,
) -> elman::Result<Vec<Written>> {
    let mut written = Vec::new();
    for (index, prompt) in prompts.list().into_iter().enumerate() {
        let ids = tokenized(model, std::slice::from_ref(&prompt))?;
        let mut generator = Generator::new(model.streams(1), &ids, options.clone())?;
        for (place, found) in generator.search(0, beam)?.into_iter().enumerate() {
            written.push(Written {
                prompt: prompt.clone(),
                index,
                prompt_tokens: generator.prompt_tokens(0),
                text: found.text,
                found: Found::Search {
                    rank: place + 1,
                    score: found.score,
                    logprob: found.logprob,
                },
            });
        }
    }
    Ok(written)
}

fn tokenized(model: &elman::Model, prompts: &[String]) -> elman::Result<Vec<Vec<u32>>> {
    let tokenize = |prompt: &String| Ok(model.vocab().tokenize(prompt.as_bytes())?.ids);
    prompts.iter().map(tokenize).collect()
}

/// How texts of different lengths are compared.
#[derive(FromPyObject)]
pub enum Penalty {
    Alpha(f64),
    Named(String),
}

impl Penalty {
    pub fn parse(self) -> PyResult<LengthPenalty> {
        match self {
            Penalty::Alpha(alpha) => Ok(LengthPenalty::Alpha(alpha)),
            Penalty::Named(name) if name == "mean" => Ok(LengthPenalty::Mean),
            Penalty::Named(name) => Err(PyValueError::new_err(format!(
                "length_penalty is a number of at least 0, or 'mean', not {name:?}"
            ))),
        }
    }
}

/// Generated texts, as `elman generate --json` prints them.
pub fn records(py: Python<'_>, written: Vec<Written>) -> PyResult<Bound<'_, PyList>> {
    let rows = PyList::empty(py);
    for text in written {
        let row = PyDict::new(py);
        row.set_item("index", text.index)?;
        match text.found {
            Found::Sample { number } => row.set_item("sample", number)?,
            Found::Search {
                rank,
                score,
                logprob,
            } => {
                row.set_item("rank", rank)?;
                row.set_item("score", score)?;
                row.set_item("logprob", logprob)?;
            }
        }
        row.set_item("prompt", &text.prompt)?;
        row.set_item("text", String::from_utf8_lossy(&text.text.text))?;
        let finish = serde_json::to_value(text.text.finish);
        row.set_item("finish", finish.as_ref().ok().and_then(Value::as_str))?;
        row.set_item("prompt_tokens", text.prompt_tokens)?;
        row.set_item("tokens", &text.text.tokens)?;
        if !text.text.logprobs.is_empty() {
            row.set_item("logprobs", &text.text.logprobs)?;
        }
        rows.append(row)?;
    }
    Ok(rows)
}
