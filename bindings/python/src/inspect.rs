//! Inspection of networks: hidden states and gradient flow as arrays; see `elman.inspect`.

use crate::arguments::{Input, VocabularyArgument, layout_named, vocabulary};
use crate::arrays::{Numbers, vector};
use crate::error::{ElmanError, exception};
use crate::model::Model;
use crate::process::detached;
use crate::training::configuration;
use elman::infer::NetworkModel;
use elman::measure::inspect::excerpts::tokens;
use elman::measure::inspect::gradients::{LagNorm, LayerFlow, Options as GradientOptions};
use elman::measure::inspect::places::TextOptions;
use elman::measure::inspect::states::Options as StateOptions;
use elman::measure::inspect::{self, LagShare};
use elman::text::ReadOptions;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// The network of a model; n-gram models and mixtures have no hidden states.
fn network(model: &elman::Model) -> PyResult<&NetworkModel> {
    model.as_network().ok_or_else(|| {
        PyTypeError::new_err(format!(
            "only networks have hidden states and gradients, and this is a {}",
            model.architecture()
        ))
    })
}

/// Hidden states over a text; see `elman.inspect.hidden_states`.
#[pyfunction]
#[pyo3(signature = (model, input, *, limit = 20_000))]
pub fn hidden_states<'py>(
    py: Python<'py>,
    model: PyRef<'_, Model>,
    input: Input,
    limit: usize,
) -> PyResult<Bound<'py, PyDict>> {
    let model = model.shared();
    let network = network(&model)?;
    let options = StateOptions {
        tokens: limit,
        ..StateOptions::default()
    };
    let computed = detached(py, || -> elman::Result<_> {
        let ids = tokens(input.sources(), network.vocab(), &ReadOptions::default())?;
        let states = inspect::states(network, model.cpu(), &ids, &options)?;
        Ok((ids, states))
    });
    let (mut ids, states) = computed.map_err(exception)?;
    ids.truncate(states.tokens);
    let arrays = PyDict::new(py);
    let names = ids.iter().map(|id| network.vocab().token(*id));
    arrays.set_item("tokens", names.collect::<Vec<_>>())?;
    arrays.set_item("ids", Numbers::U32(ids).into_numpy(py, &[states.tokens])?)?;
    for (k, layer) in states.layers.into_iter().enumerate() {
        let shape = [states.tokens, layer.hidden];
        arrays.set_item(
            format!("h_l{k}"),
            Numbers::F32(layer.h).into_numpy(py, &shape)?,
        )?;
        if !layer.c.is_empty() {
            arrays.set_item(
                format!("c_l{k}"),
                Numbers::F32(layer.c).into_numpy(py, &shape)?,
            )?;
        }
    }
    Ok(arrays)
}

/// Gradient flow on a text; see `elman.inspect.gradients`. Returns what the command prints as JSON, and the tables of each layer.
#[pyfunction]
#[pyo3(signature = (model, input, *, excerpts, lags, context, seed, layout = None, loss_after = None))]
pub fn gradients<'py>(
    py: Python<'py>,
    model: PyRef<'_, Model>,
    input: Input,
    excerpts: usize,
    lags: usize,
    context: usize,
    seed: u64,
    layout: Option<&str>,
    loss_after: Option<String>,
) -> PyResult<(String, Bound<'py, PyList>)> {
    let model = model.shared();
    let network = network(&model)?;
    let options = GradientOptions {
        excerpts,
        lags,
        context,
        seed,
        text: TextOptions {
            layout: layout.map(layout_named).transpose()?,
            loss_after,
        },
    };
    let found = detached(py, || -> elman::Result<_> {
        let ids = tokens(input.sources(), network.vocab(), &ReadOptions::default())?;
        Ok(inspect::gradients(network, model.cpu(), &ids, &options)?)
    });
    let found = found.map_err(exception)?;
    let report =
        serde_json::to_string(&found).map_err(|error| ElmanError::new_err(error.to_string()))?;
    let layers = PyList::empty(py);
    for layer in &found.layers {
        layers.append((norms(py, layer)?, shares(py, &layer.contribution.lags)?))?;
    }
    Ok((report, layers))
}

/// The norms of a layer by lag: a column for each figure.
fn norms<'py>(py: Python<'py>, layer: &LayerFlow) -> PyResult<Bound<'py, PyDict>> {
    type Figure = fn(&LagNorm) -> f64;
    let figures: [(&str, Figure); 5] = [
        ("mean_log10", |norm| norm.mean_log10),
        ("least_log10", |norm| norm.least_log10),
        ("most_log10", |norm| norm.most_log10),
        ("steps_log10", |norm| norm.steps_log10),
        ("bound_log10", |norm| norm.bound_log10),
    ];
    let columns = PyDict::new(py);
    let lags = layer.norms.iter().map(|norm| norm.lag as u32).collect();
    let count = layer.norms.len();
    columns.set_item("lag", Numbers::U32(lags).into_numpy(py, &[count])?)?;
    for (name, figure) in figures {
        let column = layer.norms.iter().map(figure).collect();
        columns.set_item(name, vector(py, column)?)?;
    }
    Ok(columns)
}

/// The contributions to a gradient by lag: a column for each figure.
fn shares<'py>(py: Python<'py>, lags: &[LagShare]) -> PyResult<Bound<'py, PyDict>> {
    type Figure = fn(&LagShare) -> f64;
    let figures: [(&str, Figure); 3] = [
        ("share", |lag| lag.share),
        ("size", |lag| lag.size),
        ("beyond", |lag| lag.beyond),
    ];
    let columns = PyDict::new(py);
    let numbers = lags.iter().map(|lag| lag.lag as u32).collect();
    columns.set_item("lag", Numbers::U32(numbers).into_numpy(py, &[lags.len()])?)?;
    for (name, figure) in figures {
        columns.set_item(name, vector(py, lags.iter().map(figure).collect())?)?;
    }
    Ok(columns)
}

/// A network before training; see `elman.inspect.untrained`.
#[pyfunction]
#[pyo3(signature = (input, options, *, vocabulary = None))]
pub fn untrained(
    py: Python<'_>,
    input: Input,
    options: &str,
    vocabulary: Option<VocabularyArgument>,
) -> PyResult<Model> {
    let (config, _) = configuration(options, &elman::TrainConfig::default())?;
    let from = self::vocabulary(vocabulary);
    let made = detached(py, || inspect::untrained(&config, &from, input.sources()));
    Ok(Model::of(made.map_err(exception)?.into()))
}
