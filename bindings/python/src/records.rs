//! Records: lists of dictionaries, which pandas and polars take as they are.

use elman::Score;
use elman::infer::{
    LineOptions, LineSums, LineSurprisals, NgramLengths, SurprisalOptions, Unknown, WordSurprisal,
};
use elman::text::{ReadOptions, Source};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::f64::consts::LN_10;

/// A line by its number, with the sums of its scores.
pub type ScoredLine = (u64, LineSums);

/// A word with its surprisal and its place.
pub struct Word {
    sentence: u64,
    position: usize,
    text: String,
    found: WordSurprisal,
}

/// The tokens of a text with their log-probabilities and, under an n-gram model, the lengths of the n-grams that were found.
pub fn tokens<'py>(
    py: Python<'py>,
    score: Score,
    model: &elman::Model,
) -> PyResult<Bound<'py, PyList>> {
    let rows = PyList::empty(py);
    let mut lengths = model.as_ngram().map(|_| NgramLengths::new(model));
    for token in score.tokens {
        let row = PyDict::new(py);
        row.set_item("token", token.text)?;
        row.set_item("id", token.id)?;
        row.set_item("log_prob", token.log_prob)?;
        row.set_item("unk", token.unknown)?;
        let length = lengths.as_mut().map(|lengths| lengths.next(token.id));
        row.set_item("ngram_length", length)?;
        rows.append(row)?;
    }
    Ok(rows)
}

/// Scores the lines of a text.
pub fn score(
    model: &elman::Model,
    sources: Vec<Source>,
    options: &LineOptions,
) -> elman::Result<Vec<ScoredLine>> {
    let mut scored = Vec::new();
    if sources.is_empty() {
        return Ok(scored);
    }
    let read = ReadOptions::default();
    elman::infer::score_lines(model, sources, &read, options, &mut |line| {
        scored.push((line.number, LineSums::of(&line, model)));
        Ok::<(), elman::Error>(())
    })?;
    Ok(scored)
}

/// Scored lines, as `elman score --json` prints them.
pub fn scores(
    py: Python<'_>,
    lines: Vec<ScoredLine>,
    unknown: Unknown,
) -> PyResult<Bound<'_, PyList>> {
    let rows = PyList::empty(py);
    for (number, sums) in lines {
        let row = PyDict::new(py);
        row.set_item("line", number)?;
        row.set_item("log10_p", sums.log_prob(unknown) / LN_10)?;
        row.set_item("tokens", sums.tokens)?;
        row.set_item("words", sums.fields)?;
        row.set_item("oov", sums.unknown)?;
        row.set_item("zeros", sums.zeros + sums.unknown_zeros)?;
        row.set_item("ppl", sums.perplexity(unknown))?;
        rows.append(row)?;
    }
    Ok(rows)
}

/// Finds the surprisals of the words of a text; with `ends` those of the ends of its lines too.
pub fn find(
    model: &elman::Model,
    sources: Vec<Source>,
    options: &SurprisalOptions,
    ends: bool,
) -> elman::Result<Vec<Word>> {
    let mut words = Vec::new();
    if sources.is_empty() {
        return Ok(words);
    }
    let read = ReadOptions::default();
    let mut sink = |line: LineSurprisals<'_>| {
        let end = ends.then_some(line.end);
        for (position, word) in line.words.iter().chain(end).enumerate() {
            let bytes = &line.text[word.bytes.clone()];
            words.push(Word {
                sentence: line.number - 1,
                position,
                text: match bytes.is_empty() {
                    true => elman::text::EOS.to_owned(),
                    false => String::from_utf8_lossy(bytes).into_owned(),
                },
                found: word.clone(),
            });
        }
        Ok::<(), elman::Error>(())
    };
    elman::infer::surprisals(model, sources, &read, options, &mut sink)?;
    Ok(words)
}

/// Words with their surprisals, as `elman surprisal --json` prints them; `unit` is the number of nats in one unit.
pub fn surprisals(
    py: Python<'_>,
    words: Vec<Word>,
    unit: f64,
    continuous: bool,
) -> PyResult<Bound<'_, PyList>> {
    let rows = PyList::empty(py);
    let mut read = 0;
    for word in words {
        let row = PyDict::new(py);
        row.set_item("word", &word.text)?;
        row.set_item("sentid", word.sentence)?;
        row.set_item("sentpos", word.position)?;
        row.set_item("wlen", word.text.chars().count())?;
        row.set_item("surp", word.found.surprisal_nats / unit)?;
        row.set_item("entropy", word.found.entropy_nats / unit)?;
        row.set_item("entred", word.found.reduction_nats / unit)?;
        row.set_item("unk", word.found.unknown)?;
        row.set_item("tokens", word.found.tokens)?;
        row.set_item("context", if continuous { read } else { word.position })?;
        read += usize::from(!word.found.bytes.is_empty());
        rows.append(row)?;
    }
    Ok(rows)
}
