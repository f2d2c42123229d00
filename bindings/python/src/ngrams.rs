//! N-gram models: estimated with interpolated modified Kneser–Ney, pruned, mixed and saved.

use crate::arguments::in_memory;
use crate::error::exception;
use crate::model::Model;
use elman::infer::VocabularyFrom;
use elman::ngram::{Builder, CountOptions, Counts, History, NgramError, Words, arpa, prune};
use elman::text::{Kind, ReadOptions, Source};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread::available_parallelism;

/// Where the sentences come from; they are read more than once.
enum Texts {
    Files(Vec<PathBuf>),
    Lines(String),
}

impl Texts {
    fn sources(&self) -> Vec<Source> {
        match self {
            Texts::Files(paths) => paths.iter().cloned().map(Source::File).collect(),
            Texts::Lines(text) => vec![in_memory(text.clone())],
        }
    }
}

fn texts(files: Option<Vec<PathBuf>>, sentences: Option<Vec<String>>) -> PyResult<Texts> {
    match (files, sentences) {
        (Some(files), None) => Ok(Texts::Files(files)),
        (None, Some(sentences)) => Ok(Texts::Lines(
            sentences
                .iter()
                .flat_map(|sentence| [sentence, "\n"])
                .collect(),
        )),
        _ => Err(PyTypeError::new_err(
            "give the files of a text, or a list of sentences",
        )),
    }
}

/// Estimate an n-gram model; see `elman.ngram.train`.
#[pyfunction]
#[pyo3(signature = (
    files = None, sentences = None, *, order = 5, prune = Vec::new(), prune_entropy = None, vocab = "fields", max_vocab = None, min_count = 1,
    memory_bytes = 1 << 30, threads = None, scratch = None
))]
pub fn train_ngram(
    py: Python<'_>,
    files: Option<Vec<PathBuf>>,
    sentences: Option<Vec<String>>,
    order: usize,
    prune: Vec<u64>,
    prune_entropy: Option<f64>,
    vocab: &str,
    max_vocab: Option<usize>,
    min_count: u64,
    memory_bytes: u64,
    threads: Option<usize>,
    scratch: Option<PathBuf>,
) -> PyResult<Model> {
    let texts = texts(files, sentences)?;
    let kind = Kind::from_str(vocab).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let options = CountOptions {
        order,
        prune,
        memory_bytes,
        threads: threads.unwrap_or_else(|| available_parallelism().map_or(1, |n| n.get())),
        scratch: scratch.unwrap_or_else(std::env::temp_dir),
    };
    py.detach(|| {
        options.check()?;
        let read = ReadOptions::default();
        let vocab =
            VocabularyFrom::Text.vocab(texts.sources(), kind, &read, min_count, max_vocab)?;
        let words = Words::new(vocab);
        let counts = Counts::of(texts.sources(), &read, &words, &options, &mut |_| ())?;
        let mut builder = Builder::new(words, order);
        counts.estimate(&mut |gram, p, weight| -> Result<(), NgramError> {
            Ok(builder.push(gram, p, weight)?)
        })?;
        let mut model = builder.finish().map_err(NgramError::from)?;
        if let Some(threshold) = prune_entropy {
            let history = History::read(&model, texts.sources(), &read)?;
            model = self::prune(&model, &history, threshold)?;
        }
        Ok(model)
    })
    .map(|model| Model::of(model.into()))
    .map_err(|error: elman::Error| exception(error))
}

/// Mix n-gram models into one by static interpolation; see `elman.ngram.mix`.
#[pyfunction]
pub fn mix_ngrams(
    py: Python<'_>,
    models: Vec<PyRef<'_, Model>>,
    weights: Vec<f64>,
) -> PyResult<Model> {
    let shared: Vec<elman::Model> = models.iter().map(|model| model.shared()).collect();
    let ngrams: Vec<&elman::ngram::Model> =
        shared.iter().filter_map(|model| model.as_ngram()).collect();
    let positive = weights.iter().all(|&weight| weight > 0.0 && weight <= 1.0);
    let whole = (weights.iter().sum::<f64>() - 1.0).abs() < 1e-6;
    if ngrams.is_empty() || ngrams.len() != models.len() {
        return Err(PyTypeError::new_err(
            "mix takes n-gram models, at least one",
        ));
    }
    if weights.len() != ngrams.len() || !positive || !whole {
        return Err(PyValueError::new_err(
            "there is a weight above 0 for each model, and the weights sum to 1",
        ));
    }
    let mixed = py.detach(|| elman::ngram::mix(&ngrams, &weights, &mut |_| ()));
    Ok(Model::of(mixed.map_err(exception)?.into()))
}

/// Save an n-gram model as an ARPA file; see `Model.save_arpa`.
pub fn save_arpa(model: &elman::Model, path: &Path) -> PyResult<()> {
    let Some(ngram) = model.as_ngram() else {
        return Err(PyTypeError::new_err(format!(
            "ARPA files hold n-gram models, and this is a {}",
            model.architecture()
        )));
    };
    arpa::save(path, |out| arpa::write(ngram, out).map(drop)).map_err(exception)
}
