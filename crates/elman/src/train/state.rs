//! The state of a run between two steps, and its form on disk.
//!
//! Everything that decides the next step is here; the counter-based generator needs only the step.
//! Where the state becomes a snapshot its structs are taken apart without `..`, so a field that is
//! added and not saved does not compile.

use super::guard::Guard;
use super::optim::Optimiser;
use super::watch::Best;
use crate::error::{Error, Result};
use crate::net::{Params, State};
use crate::store::{Array, Data, Snapshot};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::borrow::Cow;

/// Header entries that differ between runs that computed the same.
pub const VOLATILE: [&str; 1] = ["seconds"];

/// Where a run is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Windows done, skipped ones included.
    pub step: u64,
    /// Epochs done.
    pub epoch: u64,
    /// Time steps of the present epoch done: every lane's position.
    pub position: usize,
    pub total_steps: u64,
    pub guard: Guard,
    pub best: Option<Best>,
    /// Validations since the best one.
    pub stale: u32,
    /// The step of the last validation.
    pub validated: Option<u64>,
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
            rule: _, // from the configuration
            moments,
            updates,
        } = optimiser;
        let mut header = Map::new();
        header.insert("kind".into(), KIND.into());
        header.insert("progress".into(), json(progress));
        header.insert("identity".into(), json(identity));
        header.insert("updates".into(), json(updates));
        header.insert("seconds".into(), json(seconds));

        let mut arrays = Vec::new();
        for (prefix, params) in std::iter::once((WEIGHTS.into(), params)).chain(
            moments
                .iter()
                .enumerate()
                .map(|(i, moment)| (moment_prefix(i), moment)),
        ) {
            for (id, tensor) in params.layout().tensors() {
                let name = format!("{prefix}{}", tensor.name);
                arrays.push(array(name, &tensor.shape, &params[id]));
            }
        }
        for (k, layer) in carried.layers.iter().enumerate() {
            let shape = [carried.lanes, layer.h.len() / carried.lanes];
            arrays.push(array(format!("carried.h{k}"), &shape, &layer.h));
            if !layer.c.is_empty() {
                arrays.push(array(format!("carried.c{k}"), &shape, &layer.c));
            }
        }
        Snapshot { header, arrays }
    }

    /// Reads a snapshot back into this state and `params`, which say what is expected. Nothing is
    /// changed if anything does not fit.
    pub fn restore(&mut self, snapshot: &Snapshot, params: &mut Params, identity: &Identity) -> Result<()> {
        let header = |key: &str| {
            let value = snapshot.header.get(key).cloned();
            value.ok_or_else(|| Error::Mismatch(format!("the checkpoint has no '{key}' in its header")))
        };
        if header("kind")? != KIND {
            return Err(Error::Mismatch("this file is not a training checkpoint".into()));
        }
        let saved: Identity = parse(header("identity")?)?;
        if saved != *identity {
            return Err(Error::Mismatch(format!(
                "the checkpoint belongs to another text or vocabulary (it has {saved:?}, the run's files have {identity:?})"
            )));
        }
        let progress: Progress = parse(header("progress")?)?;
        let updates: u64 = parse(header("updates")?)?;
        let seconds: f64 = parse(header("seconds")?)?;

        // Everything is checked before anything is copied.
        let mut copies: Vec<(&mut [f32], &[f32])> = Vec::new();
        let layout = params.layout().clone();
        let arenas = std::iter::once((WEIGHTS.to_string(), &mut *params)).chain(
            self.optimiser
                .moments
                .iter_mut()
                .enumerate()
                .map(|(i, moment)| (moment_prefix(i), moment)),
        );
        for (prefix, arena) in arenas {
            let mut rest = arena.arena_mut();
            let mut start = 0;
            for (_, tensor) in layout.tensors() {
                let name = format!("{prefix}{}", tensor.name);
                let (_, from) = rest.split_at_mut(tensor.range.start - start);
                let (to, after) = from.split_at_mut(tensor.range.len());
                copies.push((to, expect(snapshot, &name, &tensor.shape)?));
                rest = after;
                start = tensor.range.end;
            }
        }
        let lanes = self.carried.lanes;
        for (k, layer) in self.carried.layers.iter_mut().enumerate() {
            let shape = [lanes, layer.h.len() / lanes];
            copies.push((&mut layer.h, expect(snapshot, &format!("carried.h{k}"), &shape)?));
            if !layer.c.is_empty() {
                copies.push((&mut layer.c, expect(snapshot, &format!("carried.c{k}"), &shape)?));
            }
        }
        if copies.len() != snapshot.arrays.len() {
            return Err(Error::Mismatch("the checkpoint has arrays that this run does not know".into()));
        }
        for (to, from) in copies {
            to.copy_from_slice(from);
        }
        self.progress = progress;
        self.optimiser.updates = updates;
        self.seconds = seconds;
        Ok(())
    }
}

const KIND: &str = "elman training state";
const WEIGHTS: &str = "weights.";

fn moment_prefix(i: usize) -> String {
    format!("moment{i}.")
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("plain structs of numbers and strings are JSON")
}

fn parse<T: for<'de> Deserialize<'de>>(value: Value) -> Result<T> {
    serde_json::from_value(value)
        .map_err(|e| Error::Mismatch(format!("the checkpoint's header cannot be read: {e}")))
}

fn array<'a>(name: String, shape: &[usize], values: &'a [f32]) -> Array<'a> {
    Array {
        name,
        shape: shape.to_vec(),
        data: Data::F32(Cow::Borrowed(values)),
    }
}

/// The values of the array `name`, which must have `shape`.
fn expect<'a>(snapshot: &'a Snapshot, name: &str, shape: &[usize]) -> Result<&'a [f32]> {
    let array = snapshot
        .arrays
        .iter()
        .find(|array| array.name == name)
        .ok_or_else(|| Error::Mismatch(format!("the checkpoint has no array '{name}'")))?;
    if array.shape != shape {
        return Err(Error::Mismatch(format!(
            "the checkpoint's '{name}' has shape {:?}, this run's configuration needs {shape:?}",
            array.shape
        )));
    }
    match &array.data {
        Data::F32(values) => Ok(values),
        _ => Err(Error::Mismatch(format!("the checkpoint's '{name}' is not f32"))),
    }
}
