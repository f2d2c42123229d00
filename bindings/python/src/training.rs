//! Runs from Python: the same runs as those of `elman train`, to the bit.

use crate::error::{ElmanError, exception};
use elman::infer::VocabularyFrom;
use elman::train::config::{Choices, ConfigError};
use elman::train::job::NewBudget;
use elman::train::metrics::Line;
use elman::train::{self, Changes, Ending, Event, Job, Machine, Outcome, Watch};
use elman::{Isa, TrainConfig};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

/// Time between two checks for Ctrl-C, and between two calls of the progress function.
const INTERVAL: Duration = Duration::from_millis(100);
/// Time between checkpoints.
const SAVE_EVERY: Duration = Duration::from_secs(60);

/// An observer that calls a function of Python, and ends the run when an exception was raised.
struct Observer {
    progress: Option<Py<PyAny>>,
    checked: Instant,
    raised: Option<PyErr>,
}

impl Observer {
    fn call(&mut self, fill: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>) {
        let Some(progress) = &self.progress else {
            return;
        };
        if self.raised.is_some() {
            return;
        }
        let called = Python::attach(|py| {
            let report = PyDict::new(py);
            fill(&report)?;
            progress.call1(py, (report,)).map(drop)
        });
        self.raised = called.err();
    }
}

impl Watch for Observer {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Step(step) if self.checked.elapsed() >= INTERVAL => {
                self.checked = Instant::now();
                if let Err(interrupt) = Python::attach(|py| py.check_signals()) {
                    self.raised = Some(interrupt);
                }
                self.call(|report| {
                    report.set_item("event", "step")?;
                    report.set_item("step", step.step)?;
                    report.set_item("total_steps", step.total_steps)?;
                    report.set_item("epoch", step.epoch)?;
                    report.set_item("loss", step.loss_nats)?;
                    report.set_item("perplexity", step.perplexity())?;
                    report.set_item("lr", step.lr)?;
                    report.set_item("tokens_per_second", step.tokens_per_second())
                });
            }
            Event::Recorded(Line::Valid(validation)) => self.call(|report| {
                report.set_item("event", "validation")?;
                report.set_item("step", validation.step)?;
                report.set_item("epoch", validation.epoch)?;
                report.set_item("loss", validation.loss_nats)?;
                report.set_item("perplexity", validation.perplexity)
            }),
            Event::Note(note) => self.call(|report| {
                report.set_item("event", "note")?;
                report.set_item("note", note)
            }),
            _ => {}
        }
    }

    fn stop_requested(&self) -> bool {
        self.raised.is_some()
    }
}

fn machine(threads: Option<usize>) -> PyResult<Machine> {
    if threads == Some(0) {
        return Err(PyValueError::new_err("threads is at least 1"));
    }
    Ok(Machine {
        threads: threads.unwrap_or_else(|| available_parallelism().map_or(1, |n| n.get())),
        isa: Isa::detect(),
        save_every: SAVE_EVERY,
        memory_bytes: None,
    })
}

/// Carries out `work`, and raises the exception that was raised meanwhile, if any; returns whether the run ended by itself.
fn run(
    py: Python<'_>,
    progress: Option<Py<PyAny>>,
    work: impl FnOnce(&mut dyn Watch) -> train::Result<Outcome> + Send,
) -> PyResult<bool> {
    let mut observer = Observer {
        progress,
        checked: Instant::now(),
        raised: None,
    };
    let outcome = py.detach(|| work(&mut observer));
    // The exception says why the run was interrupted, the outcome only that it was.
    if let Some(raised) = observer.raised {
        return Err(raised);
    }
    let outcome = outcome.map_err(exception)?;
    Ok(outcome.ending != Ending::Stopped)
}

/// Train a network; see `elman.train`.
#[pyfunction]
#[pyo3(signature = (files, run, options, *, valid = None, init_from = None, progress = None, threads = None))]
pub fn train_run(
    py: Python<'_>,
    files: Vec<PathBuf>,
    run: PathBuf,
    options: &str,
    valid: Option<Vec<PathBuf>>,
    init_from: Option<PathBuf>,
    progress: Option<Py<PyAny>>,
    threads: Option<usize>,
) -> PyResult<bool> {
    let machine = machine(threads)?;
    let wrong = |error: String| ElmanError::new_err(error);
    let choices = Choices::from_toml(options).map_err(|error| wrong(error.message().to_owned()))?;
    let base = TrainConfig::defaults_on(machine.isa);
    let config = TrainConfig::resolve(&base, &[&choices]).map_err(exception_of_config)?;
    let vocabulary = match &init_from {
        Some(model) => VocabularyFrom::Model(model.clone()),
        None => VocabularyFrom::Text,
    };
    let job = Job {
        fit_to_text: init_from.is_none() && TrainConfig::leaves_size_open(&[&choices]),
        config,
        train: files,
        valid,
        vocabulary,
        init_from,
        own_text: None,
        run,
        cache: None,
        machine,
    };
    self::run(py, progress, move |watch| train::start(&job, watch))
}

/// Resume a run; see `elman.resume`.
#[pyfunction]
#[pyo3(signature = (run, *, epochs = None, steps = None, minutes = None, progress = None, threads = None))]
pub fn resume_run(
    py: Python<'_>,
    run: PathBuf,
    epochs: Option<f64>,
    steps: Option<u64>,
    minutes: Option<f64>,
    progress: Option<Py<PyAny>>,
    threads: Option<usize>,
) -> PyResult<bool> {
    let machine = machine(threads)?;
    let budget = NewBudget {
        epochs,
        steps,
        minutes,
    };
    self::run(py, progress, move |watch| {
        train::resume(&run, Changes::from(&budget), &machine, watch)
    })
}

fn exception_of_config(error: ConfigError) -> PyErr {
    exception(elman::Error::from(elman::train::Error::from(error)))
}
