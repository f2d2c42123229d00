//! N-gram models: estimated with interpolated modified Kneser–Ney, pruned, mixed and saved.

use crate::arguments::{self, Input, VocabularyArgument};
use crate::error::exception;
use crate::model::Model;
use crate::process::detached;
use elman::measure::compare::{NamedModel, fit};
use elman::ngram::{Builder, CountOptions, Counts, History, NgramError, Words, arpa, prune};
use elman::text::{Kind, ReadOptions};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::thread::available_parallelism;

/// Estimate an n-gram model; see `elman.ngram.train`.
#[pyfunction]
#[pyo3(signature = (
    input, *, order = 5, prune = Vec::new(), prune_entropy = None, vocab = "fields", max_vocab = None, min_count = 1, vocabulary = None,
    lossy = false, skip_symbols = false, memory_bytes = 1 << 30, threads = None, scratch = None
))]
pub fn train_ngram(
    py: Python<'_>,
    input: Input,
    order: usize,
    prune: Vec<u64>,
    prune_entropy: Option<f64>,
    vocab: &str,
    max_vocab: Option<usize>,
    min_count: u64,
    vocabulary: Option<VocabularyArgument>,
    lossy: bool,
    skip_symbols: bool,
    memory_bytes: u64,
    threads: Option<usize>,
    scratch: Option<PathBuf>,
) -> PyResult<Model> {
    let kind = Kind::from_str(vocab).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let kind = match kind {
        // As in ARPA files.
        Kind::Whitespace => Kind::Fields,
        kind => kind,
    };
    let from = arguments::vocabulary(vocabulary);
    let options = CountOptions {
        order,
        prune,
        memory_bytes,
        threads: threads.unwrap_or_else(|| available_parallelism().map_or(1, |n| n.get())),
        scratch: scratch.unwrap_or_else(std::env::temp_dir),
    };
    let read = ReadOptions {
        lossy,
        skip_markers: skip_symbols,
        ..ReadOptions::default()
    };
    detached(py, || {
        options.check()?;
        let vocab = from.vocab(input.sources(), kind, &read, min_count, max_vocab)?;
        let words = Words::new(vocab);
        let counts = Counts::of(input.sources(), &read, &words, &options, &mut |_| ())?;
        let mut builder = Builder::new(words, order);
        counts.estimate(&mut |gram, p, weight| -> Result<(), NgramError> {
            Ok(builder.push(gram, p, weight)?)
        })?;
        let mut model = builder.finish().map_err(NgramError::from)?;
        if let Some(threshold) = prune_entropy {
            let history = History::read(&model, input.sources(), &read)?;
            model = self::prune(&model, &history, threshold)?;
        }
        Ok(model)
    })
    .map(|model| Model::of(model.into()))
    .map_err(|error: elman::Error| exception(error))
}

/// Load an n-gram model; see `elman.ngram.load`.
#[pyfunction]
pub fn load_ngram(py: Python<'_>, path: PathBuf, clip_positive: bool) -> PyResult<Model> {
    let how = arpa::ArpaOptions { clip_positive };
    let model = detached(py, || elman::ngram::Model::load_as(&path, how));
    Ok(Model::of(model.map_err(exception)?.into()))
}

/// Prune an n-gram model by entropy; see `elman.ngram.prune`.
#[pyfunction]
#[pyo3(signature = (model, threshold, history = None))]
pub fn prune_ngram(
    py: Python<'_>,
    model: PyRef<'_, Model>,
    threshold: f64,
    history: Option<Input>,
) -> PyResult<Model> {
    if !(threshold > 0.0 && threshold.is_finite()) {
        return Err(PyValueError::new_err(
            "the threshold is a number above 0, such as 1e-7",
        ));
    }
    let model = model.shared();
    let ngram = as_ngram(&model)?;
    let pruned = detached(py, || -> elman::Result<_> {
        let history = match &history {
            None => History::own(ngram)?,
            Some(text) => History::read(ngram, text.sources(), &ReadOptions::default())?,
        };
        Ok(prune(ngram, &history, threshold)?)
    });
    Ok(Model::of(pruned.map_err(exception)?.into()))
}

/// What an n-gram model holds; see `elman.ngram.info`.
#[pyfunction]
pub fn ngram_info<'py>(py: Python<'py>, model: PyRef<'_, Model>) -> PyResult<Bound<'py, PyDict>> {
    let model = model.shared();
    let ngram = as_ngram(&model)?;
    let info = PyDict::new(py);
    info.set_item("order", ngram.order())?;
    info.set_item("ngrams", ngram.counts())?;
    info.set_item("vocab_kind", ngram.vocab().kind().name())?;
    info.set_item("vocab_size", ngram.vocab().len())?;
    info.set_item("parameters", ngram.parameters())?;
    info.set_item("bytes", ngram.bytes())?;
    info.set_item("id", detached(py, || ngram.id()))?;
    info.set_item("notes", ngram.notes())?;
    Ok(info)
}

/// Weights of the best linear mixture of models on a text; see `elman.fit_weights`.
#[pyfunction]
pub fn fit_weights(
    py: Python<'_>,
    models: Vec<PyRef<'_, Model>>,
    input: Input,
) -> PyResult<Vec<f64>> {
    let named = |(number, model): (usize, &PyRef<'_, Model>)| NamedModel {
        name: format!("model {number}"),
        model: model.shared(),
        disk_bytes: 0,
        load_seconds: 0.0,
    };
    let models: Vec<NamedModel> = models.iter().enumerate().map(named).collect();
    let fitted = detached(py, || {
        fit(
            &models,
            input.sources(),
            &ReadOptions::default(),
            &mut |_| (),
        )
    });
    Ok(fitted.map_err(exception)?.0.weights)
}

/// The n-gram model of a model.
fn as_ngram(model: &elman::Model) -> PyResult<&elman::ngram::Model> {
    model.as_ngram().ok_or_else(|| {
        PyTypeError::new_err(format!(
            "this is for n-gram models, and the model is a {}",
            model.architecture()
        ))
    })
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
    let mixed = detached(py, || elman::ngram::mix(&ngrams, &weights, &mut |_| ()));
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
    ngram.check_listed().map_err(exception)?;
    arpa::save(path, |out| arpa::write(ngram, out).map(drop)).map_err(exception)
}
