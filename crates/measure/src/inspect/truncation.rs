//! What truncation costs: the gradient of windows of T steps beside that of one long window.
//!
//! Passages of the text are read once as a whole and once in windows of each length, with the same weights and the state carried from
//! window to window. Both gradients are the program's own (f32) and of the same losses,
//!
//! ```text
//! g = Σ_t Σ_{k≤t} g_{t,k}        g_T = the terms whose t and k lie in one window
//! cosine ⟨g_T, g⟩ / (‖g_T‖ ‖g‖)        relative error ‖g_T − g‖ / ‖g‖
//! ```
//! Forward nothing is truncated: the loss with carried state is the same for every window length, and how much larger it is when
//! each window starts from zero says what the state brings from beyond the window.
//!
//! In layout `sentences` a passage is a line from its beginning, without context; with an answer mask its answer alone carries loss.

use super::passages::{MOST_PASSAGES, MOST_STEPS, Passages};
use super::places::{Place, Reading};
use crate::error::{InspectError, Result};
use elman_infer::NetworkModel;
use elman_kernels::{Cpu, Format};
use elman_net::Params;
use elman_net::dims::{Room, Slots};
use elman_text::{Layout, OutOfRange};
use elman_train::bptt::{Engine, LossNorm};
use serde::Serialize;

/// What to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub passages: usize,
    /// Steps of the long window, which counts as the truth; longer lines are cut to it.
    pub full: usize,
    /// Window lengths; `full` and longer ones are left out.
    pub windows: Vec<usize>,
    /// Tokens that are read before, from the zero state. A line is read from its beginning instead.
    pub context: usize,
    pub seed: u64,
    pub reading: Reading,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            passages: 8,
            full: 400,
            windows: vec![1, 2, 5, 10, 20, 35, 50, 100, 200],
            context: 100,
            seed: 1,
            reading: Reading::default(),
        }
    }
}

/// The result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truncation {
    pub cell: String,
    pub text_tokens: usize,
    pub layout: Layout,
    pub loss_after: Option<String>,
    pub passages: usize,
    /// Where the passages lie, in the order in which they were drawn.
    pub places: Vec<Place>,
    pub full: usize,
    pub context: usize,
    pub seed: u64,
    /// Tokens that carry loss, in all passages.
    pub losses: usize,
    /// Mean loss of such a token with carried state, whatever the window.
    pub carried_nats: f64,
    /// ‖g‖ of the mean loss.
    pub gradient_norm: f64,
    pub windows: Vec<WindowLength>,
}

/// One window length.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WindowLength {
    pub steps: usize,
    /// Over all weights.
    pub cosine: f64,
    pub relative_error: f64,
    /// Mean loss of a token where every window starts from the zero state.
    pub zero_state_nats: f64,
    /// How much of that the carried state saves.
    pub carried_saves_nats: f64,
    pub tensors: Vec<TensorError>,
}

/// The gradient of one tensor. Cosine and error are `null` (NaN) where the full gradient is zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorError {
    pub name: String,
    pub cosine: f64,
    pub relative_error: f64,
}

/// Compares window lengths for `model` on the text `ids`. `progress` is told which length is next.
///
/// Errors: options that cannot be, a text of fewer tokens than `full` or without the answers that were asked for, lines that are no
/// longer than the shortest window, a gradient that is not finite.
pub fn truncation(
    model: &NetworkModel,
    cpu: Cpu,
    ids: &[u32],
    options: &Options,
    progress: &mut dyn FnMut(usize),
) -> Result<Truncation> {
    options.check()?;
    let passages = options.passages(model, ids)?;
    let longest = passages.steps;
    let mut lengths = options.windows.clone();
    lengths.retain(|steps| *steps < longest);
    if lengths.is_empty() {
        return Err(InspectError::LinesTooShort { longest }.into());
    }
    lengths.sort_unstable();
    lengths.dedup();
    let mut bench = Bench::new(model, cpu, &passages);
    progress(longest);
    let carried_nats = bench.differentiate(longest);
    let full = bench.engine.grads().clone();
    if !full.is_finite() || !carried_nats.is_finite() {
        return Err(InspectError::Exploded.into());
    }
    let windows = lengths.into_iter().map(|steps| {
        progress(steps);
        bench.differentiate(steps);
        let (tensors, whole) = compare(bench.engine.grads(), &full);
        let zero_state_nats = bench.zero_state_nats(steps);
        WindowLength {
            steps,
            cosine: whole.cosine(),
            relative_error: whole.relative_error(),
            zero_state_nats,
            carried_saves_nats: zero_state_nats - carried_nats,
            tensors,
        }
    });
    let windows = windows.collect();
    let (_, whole) = compare(&full, &full);
    Ok(Truncation {
        cell: model.dims().cell.to_string(),
        text_tokens: ids.len(),
        layout: options.reading.layout_of(model),
        loss_after: options.reading.loss_after.clone(),
        passages: passages.lanes,
        full: passages.steps,
        context: passages.context,
        seed: options.seed,
        losses: passages.losses(),
        carried_nats,
        // Differentiated is the sum over time, averaged over lanes.
        gradient_norm: whole.theirs.sqrt() * passages.lanes as f64 / passages.losses() as f64,
        places: passages.places,
        windows,
    })
}

impl Options {
    /// The passages to read, as `model` reads the text `ids`.
    fn passages(&self, model: &NetworkModel, ids: &[u32]) -> Result<Passages> {
        let (eos, seed) = (model.vocab().eos(), self.seed);
        match self.reading.lines(model, ids)? {
            None => Passages::draw(ids, eos, [self.context, self.full, self.passages], seed),
            Some(lines) => Passages::of_lines(&lines, ids, eos, [self.full, self.passages], seed),
        }
    }

    /// Refuses what cannot be done.
    pub fn check(&self) -> Result<()> {
        OutOfRange::check("passages", self.passages, 1..=MOST_PASSAGES)?;
        OutOfRange::check("full", self.full, 1..=MOST_STEPS)?;
        OutOfRange::check("context", self.context, 0..=MOST_STEPS)?;
        let mut windows = self.windows.iter();
        windows.try_for_each(|steps| OutOfRange::check("window", *steps, 1..=MOST_STEPS))?;
        match self.windows.iter().any(|steps| *steps < self.full) {
            true => Ok(()),
            false => Err(InspectError::WindowsTooLong { full: self.full }.into()),
        }
    }
}

/// The engine of training on the passages, without an optimiser.
struct Bench<'a> {
    engine: Engine,
    passages: &'a Passages,
}

impl Bench<'_> {
    fn new<'a>(model: &NetworkModel, cpu: Cpu, passages: &'a Passages) -> Bench<'a> {
        let room = Room::whole(passages.steps, passages.lanes);
        let network = model.network().clone();
        let mut engine = Engine::new(
            cpu,
            network.dims().clone(),
            room,
            Slots::default(),
            Format::F32,
        );
        engine.params_mut().copy_from(model.params());
        Bench { engine, passages }
    }

    /// Runs windows of `length` steps over the passages and leaves the gradient of the sum over time, averaged over lanes; returns the
    /// mean loss of a token.
    fn differentiate(&mut self, length: usize) -> f64 {
        self.engine.discard_gradient();
        self.over_windows(length, &mut |engine, window, state| {
            engine.run_window(window, LossNorm::Lanes, None, state).nats
        })
    }

    /// The mean loss of a token where every window starts from zero.
    fn zero_state_nats(&mut self, length: usize) -> f64 {
        self.over_windows(length, &mut |engine, window, state| {
            state.set_zero();
            engine.score_window(window, state).nats
        })
    }

    fn over_windows(
        &mut self,
        length: usize,
        run: &mut dyn FnMut(&mut Engine, &elman_text::Window, &mut elman_net::State) -> f64,
    ) -> f64 {
        let Passages { context, steps, .. } = *self.passages;
        let mut state = self.engine.zero_state();
        // In pieces for which the engine has room.
        for from in (0..context).step_by(steps) {
            let piece = self.passages.window(from, (from + steps).min(context));
            self.engine.score_window(&piece, &mut state);
        }
        let end = context + steps;
        let starts = (context..end).step_by(length);
        let nats: f64 = starts
            .map(|from| {
                let window = self.passages.window(from, (from + length).min(end));
                run(&mut self.engine, &window, &mut state)
            })
            .sum();
        nats / self.passages.losses() as f64
    }
}

/// Sums that cosine and error follow from.
#[derive(Clone, Copy, Default)]
struct Sums {
    ours: f64,
    theirs: f64,
    both: f64,
    difference: f64,
}

impl Sums {
    fn of(ours: &[f32], theirs: &[f32]) -> Sums {
        let pairs = ours.iter().zip(theirs);
        pairs.fold(Sums::default(), |sums, (a, b)| {
            let (a, b) = (f64::from(*a), f64::from(*b));
            Sums {
                ours: sums.ours + a * a,
                theirs: sums.theirs + b * b,
                both: sums.both + a * b,
                difference: sums.difference + (a - b) * (a - b),
            }
        })
    }

    fn add(&mut self, other: &Sums) {
        self.ours += other.ours;
        self.theirs += other.theirs;
        self.both += other.both;
        self.difference += other.difference;
    }

    fn cosine(&self) -> f64 {
        self.both / (self.ours.sqrt() * self.theirs.sqrt())
    }

    fn relative_error(&self) -> f64 {
        (self.difference / self.theirs).sqrt()
    }
}

/// Each tensor, and all together.
fn compare(ours: &Params, theirs: &Params) -> (Vec<TensorError>, Sums) {
    let layout = ours.layout().clone();
    let mut whole = Sums::default();
    let tensors = layout.tensors().map(|(id, tensor)| {
        let sums = Sums::of(&ours[id], &theirs[id]);
        whole.add(&sums);
        TensorError {
            name: tensor.name.clone(),
            cosine: sums.cosine(),
            relative_error: sums.relative_error(),
        }
    });
    (tensors.collect(), whole)
}
