//! The state of a run between two steps, and its form on disk.
//!
//! Everything that decides the next step is here; the counter-based generator needs only the step.
//! Where the state becomes a snapshot its structs are taken apart without `..`, so a field that is
//! added and not saved does not compile.

use super::guard::Guard;
use super::optim::{Average, AverageProgress, Optimiser};
use super::schedule::{Place, Plateau};
use super::watch::Best;
use super::windows::Cursor;
#[cfg(doc)]
use super::windows::Windows;
use crate::error::{Result, RunError};
use elman_net::{Params, State};
use elman_store::{Array, Snapshot, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;

/// Header entries that differ between runs that computed the same.
pub const VOLATILE: [&str; 1] = ["seconds"];

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Updates done, skipped ones included.
    pub step: u64,
    /// Epochs done.
    pub epoch: u64,
    /// How much of the present epoch is done, of [`Windows::length`].
    pub position: usize,
    /// Windows of the present epoch done; checkpoints of version 0.1 do not have it.
    #[serde(default)]
    pub window: u64,
    pub total_steps: u64,
    pub guard: Guard,
    pub best: Option<Best>,
    /// Validations since the best one.
    pub stale: u32,
    /// What validations have come to under that schedule; not written while it is not in use.
    #[serde(default, skip_serializing_if = "Plateau::is_untouched")]
    pub plateau: Plateau,
    pub unlogged: Tally,
}

/// Sums over the steps since the last line of `metrics.jsonl`: the next line is the same whether
/// the run was interrupted or not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    pub steps: u64,
    /// Over the windows that were not skipped.
    pub nats: f64,
    pub tokens: u64,
    #[serde(default)]
    pub sampled: u64,
    pub clipped: u64,
    pub skipped: u64,
}

impl Progress {
    /// Epochs done, as a fraction, where one has the length `length`.
    pub fn epochs(&self, length: usize) -> f64 {
        self.epoch as f64 + self.position as f64 / length as f64
    }

    /// Where the schedule is.
    pub fn place(&self) -> Place<'_> {
        Place {
            step: self.step,
            epoch: self.epoch,
            total_steps: self.total_steps,
            plateau: &self.plateau,
        }
    }

    /// Where the next window is.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            epoch: self.epoch,
            window: self.window,
            position: self.position,
        }
    }

    /// Counts a window that takes an epoch of the length `length` on by `by`. Whether it was the last of its epoch.
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

/// What the run is about; a checkpoint is only continued on the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub vocabulary: String,
    pub train: String,
    pub valid: Option<String>,
}

/// Everything but the weights, which the engine holds.
pub struct TrainState {
    pub progress: Progress,
    pub optimiser: Optimiser,
    /// h and c of every lane.
    pub carried: State,
    /// Seconds of training so far, over all resumes.
    pub seconds: f64,
}

impl TrainState {
    /// The whole run as named arrays; `params` are the weights.
    pub fn snapshot<'a>(&'a self, params: &'a Params, identity: &Identity) -> Snapshot<'a> {
        let TrainState {
            progress,
            optimiser,
            carried,
            seconds,
        } = self;
        let Optimiser {
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
        let Ok(Value::Object(header)) = serde_json::to_value(header) else {
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
            let shape = [carried.lanes, layer.h.len() / carried.lanes];
            arrays.push(Array::f32(format!("carried.h{k}"), &shape, &layer.h[..]));
            if !layer.c.is_empty() {
                arrays.push(Array::f32(format!("carried.c{k}"), &shape, &layer.c[..]));
            }
        }
        Snapshot { header, arrays }
    }

    /// Reads a snapshot back into this state and `params`, which say what is expected; `path` names
    /// its file in errors. Nothing is changed if anything does not fit.
    pub fn restore(
        &mut self,
        snapshot: &Snapshot,
        path: &Path,
        params: &mut Params,
        identity: &Identity,
    ) -> Result<()> {
        let header = Value::Object(snapshot.header.clone());
        let header: Header =
            serde_json::from_value(header).map_err(|error| RunError::Checkpoint {
                path: path.to_path_buf(),
                flaw: error.to_string(),
            })?;
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
        self.progress = header.progress;
        self.optimiser.updates = header.updates;
        if let (Some(average), Some(progress)) = (&mut self.optimiser.average, header.average) {
            average.progress = progress;
        }
        self.seconds = header.seconds;
        Ok(())
    }

    /// Every array of the state: name, shape, values.
    fn slots<'a>(&'a mut self, params: &'a mut Params) -> Vec<(String, Vec<usize>, &'a mut [f32])> {
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
        let lanes = self.carried.lanes;
        for (k, layer) in self.carried.layers.iter_mut().enumerate() {
            let shape = vec![lanes, layer.h.len() / lanes];
            slots.push((format!("carried.h{k}"), shape.clone(), &mut layer.h));
            if !layer.c.is_empty() {
                slots.push((format!("carried.c{k}"), shape, &mut layer.c));
            }
        }
        slots
    }
}

/// What a checkpoint's header holds.
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

const WEIGHTS: &str = "weights.";
