//! The state of a run between two steps, and its form on disk.
//!
//! Everything that decides the next step is here; the counter-based generator needs only the step.
//! Where the state becomes a snapshot its structs are taken apart without `..`, so a field that is
//! added and not saved does not compile.

use super::guard::Guard;
use super::optim::{Average, AverageProgress, OptimizerState};
use super::schedule::{Place, Plateau};
use super::watch::Best;
use super::windows::Cursor;
use crate::error::{Result, RunError};
use elman_net::{Params, State};
use elman_store::{Array, Snapshot, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// Header entries of a checkpoint that may differ between runs that computed the same.
pub const VOLATILE: [&str; 1] = ["seconds"];

/// Progress of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Number of updates done, skipped ones included.
    pub step: u64,
    /// Number of complete epochs.
    pub epoch: u64,
    /// Position in the present epoch, of `Windows::length`.
    pub position: usize,
    /// Number of windows done in the present epoch; checkpoints of version 0.1 do not have it.
    #[serde(default)]
    pub window: u64,
    /// Number of updates of the whole budget.
    pub total_steps: u64,
    /// Counts of skipped updates.
    pub guard: Guard,
    /// The best validation so far.
    pub best: Option<Best>,
    /// Number of validations since the best one.
    pub stale: u32,
    /// State of the `plateau` schedule; not written unless that schedule is used.
    #[serde(default, skip_serializing_if = "Plateau::is_untouched")]
    pub plateau: Plateau,
    /// Figures of the steps since the last line of the metrics.
    pub unlogged: Tally,
}

/// Figures of the steps since the last line of `metrics.jsonl`, so that the next line does not depend on interruptions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// Number of steps.
    pub steps: u64,
    /// Total loss of the updates that were not skipped, in nats.
    pub nats: f64,
    /// Number of tokens of the updates that were not skipped.
    pub tokens: u64,
    /// Number of inputs drawn from the model by scheduled sampling.
    #[serde(default)]
    pub sampled: u64,
    /// Number of clipped updates.
    pub clipped: u64,
    /// Number of skipped updates.
    pub skipped: u64,
}

impl Progress {
    /// Number of epochs done, as a fraction, for epochs of the length `length`.
    pub fn epochs(&self, length: usize) -> f64 {
        self.epoch as f64 + self.position as f64 / length as f64
    }

    /// The place of the next step in the learning-rate schedule.
    pub fn place(&self) -> Place<'_> {
        Place {
            step: self.step,
            epoch: self.epoch,
            total_steps: self.total_steps,
            plateau: &self.plateau,
        }
    }

    /// The place of the next window in the text.
    pub(crate) fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            window: self.window,
            position: self.position,
        }
    }

    /// Goes back to the window at `at`.
    pub(crate) fn go_to(&mut self, at: Cursor) {
        (self.epoch, self.window, self.position) = (at.epoch, at.window, at.position);
    }

    /// Counts a window that advances an epoch of the length `length` by `by`; returns whether it was the last of its epoch.
    pub fn advance(&mut self, by: usize, length: usize) -> bool {
        self.window += 1;
        self.position += by;
        let ended = self.position == length;
        if ended {
            self.epoch += 1;
            (self.window, self.position) = (0, 0);
        }
        ended
    }
}

/// Hashes of the run's vocabulary and texts; a checkpoint is only continued on the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Identity {
    pub vocabulary: String,
    pub train: String,
    pub valid: Option<String>,
}

/// State of a training: everything but the weights, which the engine holds.
pub struct TrainState {
    /// Progress of the run.
    pub progress: Progress,
    /// Optimizer with its state.
    pub optimiser: OptimizerState,
    /// State carried to the next window: h and c of every row of the batch.
    pub carried: State,
    /// Seconds of training so far, over all resumes.
    pub seconds: f64,
}

impl TrainState {
    /// Everything but the arrays.
    pub(crate) fn header(&self, identity: &Identity) -> Value {
        let TrainState {
            progress,
            optimiser,
            carried: _, // in the arrays
            seconds,
        } = self;
        let OptimizerState {
            method: _,  // from the configuration
            moments: _, // in `arenas`
            updates,
            average,
        } = optimiser;
        let average = average.as_ref().map(|average| {
            let Average {
                start: _,   // from the configuration
                weights: _, // in `arenas`
                progress,
            } = average;
            progress.clone()
        });
        let header = Header {
            progress: progress.clone(),
            identity: identity.clone(),
            updates: *updates,
            average,
            seconds: *seconds,
        };
        serde_json::to_value(header).expect("a plain struct of numbers and strings")
    }

    /// Takes over everything but the arrays; `path` is the name of the run in errors.
    pub(crate) fn set_header(&mut self, header: Value, path: &Path) -> Result<()> {
        let header = Header::from_json(header, path)?;
        self.take(header);
        Ok(())
    }

    fn take(&mut self, header: Header) {
        self.progress = header.progress;
        self.optimiser.updates = header.updates;
        if let (Some(average), Some(progress)) = (&mut self.optimiser.average, header.average) {
            average.progress = progress;
        }
        self.seconds = header.seconds;
    }

    /// The whole state as named arrays; `params` are the weights.
    pub(crate) fn snapshot<'a>(&'a self, params: &'a Params, identity: &Identity) -> Snapshot<'a> {
        let TrainState {
            progress: _, // in the header
            optimiser,
            carried,
            seconds: _, // in the header
        } = self;
        let Value::Object(header) = self.header(identity) else {
            unreachable!("a plain struct of numbers and strings is a JSON object");
        };

        let mut arrays = Vec::new();
        let weights = std::iter::once((WEIGHTS.to_string(), params));
        for (prefix, params) in weights.chain(optimiser.arenas()) {
            for (id, tensor) in params.layout().tensors() {
                let name = format!("{prefix}{}", tensor.name);
                arrays.push(Array::f32(name, &tensor.shape, &params[id]));
            }
        }
        for (k, layer) in carried.layers.iter().enumerate() {
            let shape = [carried.batch_size, layer.h.len() / carried.batch_size];
            arrays.push(Array::f32(format!("carried.h{k}"), &shape, &layer.h[..]));
            if !layer.c.is_empty() {
                arrays.push(Array::f32(format!("carried.c{k}"), &shape, &layer.c[..]));
            }
        }
        Snapshot { header, arrays }
    }

    /// Restores this state and `params`, whose shapes are expected, from a snapshot; nothing is changed if anything does not fit.
    ///
    /// `path` is the name of the snapshot's file in errors.
    pub(crate) fn restore(
        &mut self,
        snapshot: &Snapshot,
        path: &Path,
        params: &mut Params,
        identity: &Identity,
    ) -> Result<()> {
        let header = Header::from_json(Value::Object(snapshot.header.clone()), path)?;
        if header.identity != *identity {
            return Err(RunError::OtherTexts {
                path: path.to_path_buf(),
                found: format!("{:?}", header.identity),
                expected: format!("{identity:?}"),
            }
            .into());
        }
        // Everything is checked before anything is copied.
        let slots = self.slots(params);
        for (name, shape, _) in &slots {
            snapshot
                .f32(name, shape)
                .map_err(|flaw| StoreError::in_file(path, flaw))?;
        }
        if slots.len() != snapshot.arrays.len() {
            return Err(RunError::Arrays {
                path: path.to_path_buf(),
                found: snapshot.arrays.len(),
                expected: slots.len(),
            }
            .into());
        }
        for (name, shape, to) in slots {
            if let Ok(from) = snapshot.f32(&name, &shape) {
                to.copy_from_slice(from);
            }
        }
        self.take(header);
        Ok(())
    }

    /// Every array of the state: name, shape, values.
    pub(crate) fn slots<'a>(
        &'a mut self,
        params: &'a mut Params,
    ) -> Vec<(String, Vec<usize>, &'a mut [f32])> {
        let mut slots = Vec::new();
        let weights = std::iter::once((WEIGHTS.to_string(), params));
        for (prefix, arena) in weights.chain(self.optimiser.arenas_mut()) {
            for (tensor, values) in arena.tensors_mut() {
                slots.push((
                    format!("{prefix}{}", tensor.name),
                    tensor.shape.clone(),
                    values,
                ));
            }
        }
        let batch_size = self.carried.batch_size;
        for (k, layer) in self.carried.layers.iter_mut().enumerate() {
            let shape = vec![batch_size, layer.h.len() / batch_size];
            slots.push((format!("carried.h{k}"), shape.clone(), &mut layer.h));
            if !layer.c.is_empty() {
                slots.push((format!("carried.c{k}"), shape, &mut layer.c));
            }
        }
        slots
    }
}

/// Content of a checkpoint's header.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    progress: Progress,
    identity: Identity,
    updates: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    average: Option<AverageProgress>,
    seconds: f64,
}

impl Header {
    /// Errors: what is no header; `path` is the name of the file in them.
    fn from_json(header: Value, path: &Path) -> Result<Header> {
        serde_json::from_value(header).map_err(|error| {
            let (path, flaw) = (path.to_path_buf(), error.to_string());
            RunError::Checkpoint { path, flaw }.into()
        })
    }
}

const WEIGHTS: &str = "weights.";
