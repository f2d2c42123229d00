//! Hidden states over a text: the value of every unit after every token, and the units that follow a property of the text.
//!
//! Karpathy, Johnson and Fei-Fei (2015, "Visualizing and understanding recurrent networks", section 4.2) inspected cells of
//! character models and found one that is on inside quotes, one that counts down a line. Here the search is by numbers:
//! `annotation` computes properties of each token, `selective` finds the units that follow them, chosen on one half of the text and
//! judged on the other.
//!
//! The text is read as in evaluation, as one stream from the zero state or line by line, by the program's own forward pass; values are those of its f32.
//!
//! ```text
//! h_t (and c_t of the LSTM) is the value after token t has been read, not the one that predicted it
//! ```
//! Memory is 4 bytes a value: N · Σ H, twice that for the LSTM. What it does not do: gates, which are functions of h and the next token.

mod annotation;
mod selective;
#[cfg(test)]
mod tests;

pub(crate) use annotation::annotate;
pub use annotation::{Annotation, printed};
pub use selective::{Selectivity, UnitScore};

use crate::error::{InspectError, Result};
use elman_infer::{NetworkModel, Workspace};
use elman_kernels::Cpu;
use elman_net::dims::Dims;
use elman_store::Array;
use elman_text::{Layout, OutOfRange};
use serde::Serialize;

/// Steps of a window. Changes no bit.
const WINDOW: usize = 64;
/// Largest memory for the values of hidden states, in bytes.
pub(crate) const MOST_BYTES: u64 = 2 << 30;

/// Options of an inspection of hidden states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Number of tokens to use, from the beginning of the text.
    pub tokens: usize,
    /// Number of units to report for each annotation.
    pub best: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            tokens: 20_000,
            best: 3,
        }
    }
}

/// A part of a layer's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    /// The hidden state h.
    H,
    /// The cell state c of an LSTM.
    C,
}

impl Part {
    /// Name of the part: `h` or `c`.
    pub fn name(self) -> &'static str {
        match self {
            Part::H => "h",
            Part::C => "c",
        }
    }
}

/// One component of the state of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    /// Index of the layer, from 0.
    pub layer: usize,
    /// Index of the unit in the layer, from 0.
    pub unit: usize,
    /// Hidden or cell state.
    pub part: Part,
}

/// States of all layers after each of the N tokens of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct States {
    /// N, the number of tokens.
    pub tokens: usize,
    /// States of the layers, from below.
    pub layers: Vec<LayerStates>,
}

/// States of one layer after each of N tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerStates {
    /// H, the number of units.
    pub hidden: usize,
    /// Hidden states (N, H).
    pub h: Vec<f32>,
    /// Cell states (N, H); empty for cells without a memory cell.
    pub c: Vec<f32>,
}

/// Memory in bytes of the states of `tokens` tokens.
pub fn plan_bytes(dims: &Dims, tokens: usize) -> u64 {
    (4 * dims.state_len() as u64).saturating_mul(tokens as u64)
}

/// Computes the states of `model` over the first tokens of the text `ids`.
///
/// # Errors
/// [`InspectError::NoTokens`], [`InspectError::TooManyStates`] or [`InspectError::NotFinite`];
/// [`Error::Range`](crate::Error::Range) for an option out of range.
pub fn states(model: &NetworkModel, cpu: &Cpu, ids: &[u32], options: &Options) -> Result<States> {
    options.check()?;
    let ids = &ids[..ids.len().min(options.tokens)];
    let bytes = plan_bytes(model.dims(), ids.len());
    if bytes > MOST_BYTES {
        let fitting = MOST_BYTES / plan_bytes(model.dims(), 1);
        return Err(InspectError::TooManyStates {
            tokens: ids.len(),
            bytes,
            most: MOST_BYTES,
            fitting,
        }
        .into());
    }
    if ids.is_empty() {
        return Err(InspectError::NoTokens.into());
    }
    let vocab = model.vocab();
    let mut reading = Recording::new(model, cpu, ids.len());
    match model.layout() {
        Layout::Stream => reading.read_text(ids),
        Layout::Sentences => {
            let lines = ids.split_inclusive(|id| vocab.ends_line(*id));
            lines.for_each(|line| reading.read_text(line));
        }
    }
    let finite = |layer: &LayerStates| layer.h.iter().chain(&layer.c).all(|x| x.is_finite());
    match reading.states.layers.iter().all(finite) {
        true => Ok(reading.states),
        false => Err(InspectError::NotFinite.into()),
    }
}

/// Finds the units of `states` that follow each annotation of the text best; `ids` is the text that the states belong to.
pub fn selectivity(
    model: &NetworkModel,
    ids: &[u32],
    states: &States,
    options: &Options,
) -> Vec<Selectivity> {
    let texts = printed(model.vocab(), &ids[..states.tokens]);
    selective::selectivity(states, &annotate(&texts), options.best)
}

impl Options {
    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) for a number out of range.
    pub fn check(&self) -> Result<()> {
        OutOfRange::check("tokens", self.tokens, 1..=1 << 30)?;
        Ok(OutOfRange::check("best", self.best, 1..=1000)?)
    }
}

/// A model that reads, and what is kept of it.
struct Recording<'a> {
    model: &'a NetworkModel,
    cpu: &'a Cpu,
    workspace: Workspace,
    states: States,
}

impl<'a> Recording<'a> {
    /// Makes a recorder with capacity for the states of `tokens` tokens.
    fn new(model: &'a NetworkModel, cpu: &'a Cpu, tokens: usize) -> Recording<'a> {
        let dims = model.dims();
        let memory_cell = dims.cell.has_memory_cell();
        let layer = |&hidden: &usize| LayerStates {
            hidden,
            h: Vec::with_capacity(tokens * hidden),
            c: Vec::with_capacity(if memory_cell { tokens * hidden } else { 0 }),
        };
        Recording {
            model,
            cpu,
            workspace: Workspace::new(dims, WINDOW, 1),
            states: States {
                tokens: 0,
                layers: dims.hidden.iter().map(layer).collect(),
            },
        }
    }

    /// Reads a whole text from the zero state.
    fn read_text(&mut self, ids: &[u32]) {
        let mut state = self.model.zero_state(1);
        let (cpu, workspace) = (self.cpu, &mut self.workspace);
        self.model
            .view()
            .advance(cpu, &[self.model.vocab().eos()], &mut state, workspace);
        for window in ids.chunks(WINDOW) {
            self.model
                .view()
                .advance(cpu, window, &mut state, workspace);
            for (kept, tape) in self.states.layers.iter_mut().zip(&workspace.tape().layers) {
                // The state before the window comes first.
                let rows = kept.hidden..(window.len() + 1) * kept.hidden;
                kept.h.extend_from_slice(&tape.h[rows.clone()]);
                if !tape.c.is_empty() {
                    kept.c.extend_from_slice(&tape.c[rows]);
                }
            }
            self.states.tokens += window.len();
        }
    }
}

impl States {
    /// Values of a unit, one for each token.
    ///
    /// # Panics
    /// If there is no such unit.
    pub fn values(&self, unit: Unit) -> impl Iterator<Item = f64> + '_ {
        let layer = &self.layers[unit.layer];
        let part = match unit.part {
            Part::H => &layer.h,
            Part::C => &layer.c,
        };
        assert!(unit.unit < layer.hidden && !part.is_empty(), "no such unit");
        let values = part.iter().skip(unit.unit).step_by(layer.hidden);
        values.map(|value| f64::from(*value))
    }

    /// Whether the states have the component `unit`.
    pub fn has(&self, unit: Unit) -> bool {
        self.layers.get(unit.layer).is_some_and(|layer| {
            unit.unit < layer.hidden && (unit.part == Part::H || !layer.c.is_empty())
        })
    }

    /// The states as named arrays: `h_l0` (N, H), `c_l0` …, and `tokens` (N), the token ids.
    pub fn arrays<'a>(&'a self, ids: &'a [u32]) -> Vec<Array<'a>> {
        let mut arrays = vec![Array::u32("tokens", &[self.tokens], &ids[..self.tokens])];
        for (k, layer) in self.layers.iter().enumerate() {
            let shape = [self.tokens, layer.hidden];
            arrays.push(Array::f32(format!("h_l{k}"), &shape, &layer.h[..]));
            if !layer.c.is_empty() {
                arrays.push(Array::f32(format!("c_l{k}"), &shape, &layer.c[..]));
            }
        }
        arrays
    }
}
