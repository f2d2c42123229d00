//! A text that is generated while it is read: an iterator over its pieces.

use crate::error::exception;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

/// The pieces of a generated text, each handed out as soon as it can be printed. Dropping the iterator ends the generation.
#[pyclass(module = "elman")]
pub struct Pieces {
    open: Mutex<Option<Open>>,
}

struct Open {
    pieces: Receiver<Vec<u8>>,
    writer: JoinHandle<elman::Result<()>>,
}

impl Pieces {
    /// Starts a thread that continues `prompt`.
    pub fn start(model: elman::Model, prompt: String, sampling: elman::Sampling) -> Pieces {
        let (send, pieces) = sync_channel(16);
        let writer = thread::spawn(move || {
            let mut sink = |_, piece: &[u8]| match send.send(piece.to_vec()) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            };
            let written =
                elman::infer::generate(&model, prompt.as_bytes(), 1, &sampling, &mut sink);
            Ok(written.map(drop)?)
        });
        Pieces {
            open: Mutex::new(Some(Open { pieces, writer })),
        }
    }
}

#[pymethods]
impl Pieces {
    fn __iter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    fn __next__(&self, py: Python<'_>) -> PyResult<Option<String>> {
        py.detach(|| {
            let poisoned = |_| PyRuntimeError::new_err("an earlier call has failed");
            let mut open = self.open.lock().map_err(poisoned)?;
            let Some(reading) = open.as_ref() else {
                return Ok(None);
            };
            if let Ok(piece) = reading.pieces.recv() {
                return Ok(Some(String::from_utf8_lossy(&piece).into_owned()));
            }
            // The writer has ended: what it says is the result.
            match open.take().map(|open| open.writer.join()) {
                Some(Ok(Ok(()))) | None => Ok(None),
                Some(Ok(Err(error))) => Err(exception(error)),
                Some(Err(_)) => Err(PyRuntimeError::new_err("generation has failed")),
            }
        })
    }
}
