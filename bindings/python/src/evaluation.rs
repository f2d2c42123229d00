//! Evaluation: perplexity, and how often answers are right.

use crate::arguments::{Input, layout_named};
use crate::error::{ElmanError, exception};
use crate::model::Model;
use crate::process::detached;
use elman::infer::{EvalOptions, evaluate, evaluate_answers};
use elman::text::ReadOptions;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Evaluate a model on a text; see `elman.evaluate`. Returns what `elman eval --json` prints.
#[pyfunction]
#[pyo3(signature = (
    model, input, *, layout = None, batch_size = None, loss_after = None, lossy = false, document_separator = None, skip_symbols = false
))]
pub fn evaluate_model(
    py: Python<'_>,
    model: PyRef<'_, Model>,
    input: Input,
    layout: Option<&str>,
    batch_size: Option<usize>,
    loss_after: Option<String>,
    lossy: bool,
    document_separator: Option<String>,
    skip_symbols: bool,
) -> PyResult<String> {
    let model = model.shared();
    if batch_size.is_some() && model.as_network().is_none() {
        return Err(PyValueError::new_err(
            "batch_size is for networks: an n-gram model needs no batches",
        ));
    }
    let options = EvalOptions {
        layout: layout.map(layout_named).transpose()?,
        batch_size,
        window: None,
    };
    options.check().map_err(exception)?;
    let read = ReadOptions {
        lossy,
        skip_markers: skip_symbols,
        range: None,
        separator: document_separator,
        ..ReadOptions::default()
    };
    let evaluated = detached(py, || -> elman::Result<_> {
        let sources = input.sources();
        let json = match &loss_after {
            Some(token) => serde_json::to_string(&evaluate_answers(
                &model,
                sources,
                &read,
                token,
                batch_size,
                &mut |_| (),
            )?),
            None => {
                serde_json::to_string(&evaluate(&model, sources, &read, &options, &mut |_| ())?)
            }
        };
        Ok(json)
    });
    let json = evaluated.map_err(exception)?;
    json.map_err(|error| ElmanError::new_err(error.to_string()))
}
