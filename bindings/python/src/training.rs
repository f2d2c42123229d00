//! Runs from Python: the same runs as those of `elman train`, to the bit.

use crate::arguments::{self, Input, VocabularyArgument};
use crate::error::{ElmanError, exception};
use crate::process::detached;
use elman::text::Kind;
use elman::train::config::Choices;
use elman::train::job::NewBudget;
use elman::train::metrics::Line;
use elman::train::{
    self, Changes, Ending, Event, Folder, Job, Machine, Outcome, TokenTexts, Watch,
};
use elman::{Isa, TrainConfig};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use std::path::PathBuf;
use std::str::FromStr;
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
    let outcome = detached(py, || work(&mut observer));
    // The exception says why the run was interrupted, the outcome only that it was.
    if let Some(raised) = observer.raised {
        return Err(raised);
    }
    let outcome = outcome.map_err(exception)?;
    Ok(outcome.ending != Ending::Stopped)
}

/// The configuration that `options` choose over `base`, as lines of TOML, and whether they leave the size of the run open.
pub fn configuration(options: &str, base: &TrainConfig) -> PyResult<(TrainConfig, bool)> {
    let choices = Choices::from_toml(options)
        .map_err(|error| ElmanError::new_err(error.message().to_owned()))?;
    let config = TrainConfig::resolve(base, &[&choices]).map_err(exception)?;
    Ok((config, TrainConfig::leaves_size_open(&[&choices])))
}

/// The id of the token that ends lines in a vocabulary of kind `kind`.
#[pyfunction]
pub fn eos_of(vocabulary: VocabularyArgument, kind: &str) -> PyResult<u32> {
    let kind = Kind::from_str(kind).map_err(|error| PyValueError::new_err(error.to_string()))?;
    let vocab = arguments::vocabulary(Some(vocabulary)).read(kind);
    Ok(vocab.map_err(exception)?.map_or(0, |vocab| vocab.eos()))
}

/// Train a network; see `elman.train`.
///
/// `input` is a text, and `ids` are texts that are tokens already: those of training, and perhaps those of validation.
#[pyfunction]
#[pyo3(signature = (
    input, run, options, *, ids = None, valid = None, vocabulary = None, init_from = None, progress = None, threads = None
))]
pub fn train_run(
    py: Python<'_>,
    input: Input,
    run: PathBuf,
    options: &str,
    ids: Option<(Vec<u8>, Option<Vec<u8>>)>,
    valid: Option<Vec<PathBuf>>,
    vocabulary: Option<VocabularyArgument>,
    init_from: Option<PathBuf>,
    progress: Option<Py<PyAny>>,
    threads: Option<usize>,
) -> PyResult<bool> {
    let machine = machine(threads)?;
    let (config, size_is_open) = configuration(options, &TrainConfig::defaults_on(machine.isa))?;
    let tokens = ids.map(|(train, valid)| TokenTexts {
        train: arguments::ids(&train),
        valid: valid.map(|valid| arguments::ids(&valid)),
    });
    let train = match input {
        Input::Files(files) => files,
        Input::Text(text) => {
            let copy = Folder::spool(&run, &mut text.as_bytes()).map_err(exception)?;
            vec![copy]
        }
    };
    let job = Job {
        fit_to_text: init_from.is_none() && size_is_open,
        config,
        train,
        valid,
        vocabulary: arguments::vocabulary(vocabulary),
        init_from,
        own_text: None,
        run,
        cache: None,
        machine,
    };
    self::run(py, progress, move |watch| match &tokens {
        Some(tokens) => train::start_on(&job, tokens, watch),
        None => train::start(&job, watch),
    })
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
