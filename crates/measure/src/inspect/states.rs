//! The hidden state over a text: every unit's value after every token, and the units that follow something that a person can name.
//!
//! Karpathy, Johnson and Fei-Fei (2015, "Visualizing and understanding recurrent networks", section 4.2) looked at cells of character models and found
//! one that is on inside quotes, one that counts down a line. Here the search is by numbers: `annotation` says what holds at each token,
//! `selective` which units follow it, chosen on one half of the text and judged on the other.
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

pub use annotation::{Annotation, annotate, printed};
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
/// Memory for values.
pub const MOST_BYTES: u64 = 2 << 30;

/// What to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Tokens of the text, from its beginning.
    pub tokens: usize,
    /// Units to name for each annotation.
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

/// A hidden state, or the cell state beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    H,
    C,
}

impl Part {
    pub fn name(self) -> &'static str {
        match self {
            Part::H => "h",
            Part::C => "c",
        }
    }
}

/// One number of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Unit {
    pub layer: usize,
    pub unit: usize,
    pub part: Part,
}

/// The states after each of N tokens.
#[derive(Clone, Debug, PartialEq)]
pub struct States {
    /// N
    pub tokens: usize,
    pub layers: Vec<LayerStates>,
}

/// One layer's.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerStates {
    /// H
    pub hidden: usize,
    /// (N, H)
    pub h: Vec<f32>,
    /// (N, H); empty for cells without a memory cell.
    pub c: Vec<f32>,
}

/// Bytes that the states of `tokens` tokens take.
pub fn plan_bytes(dims: &Dims, tokens: usize) -> u64 {
    (4 * dims.state_len() as u64).saturating_mul(tokens as u64)
}

/// The states of `model` over the first tokens of the text `ids`.
///
/// Errors: options that cannot be, a text without tokens, more values than [`MOST_BYTES`] hold, hidden states that overflow.
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

/// The units that follow each annotation best, of `states` over the text `ids` that they belong to.
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
    /// Refuses what cannot be done.
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
    /// With room for the states of `tokens` tokens.
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
    /// The values of a unit, one for each token. Panics if there is no such unit.
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

    /// Whether there is such a unit.
    pub fn has(&self, unit: Unit) -> bool {
        self.layers.get(unit.layer).is_some_and(|layer| {
            unit.unit < layer.hidden && (unit.part == Part::H || !layer.c.is_empty())
        })
    }

    /// `h_l0` (N, H), `c_l0` …, and `tokens` (N), the ids that were read.
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
