//! Cost of truncated BPTT: the gradient of windows of T steps beside that of one long window.
//!
//! Excerpts of the text are processed once as a whole and once in windows of each length, with the same weights and the state
//! carried from window to window. Both gradients are the program's own (f32) and of the same losses,
//!
//! ```text
//! g = Σ_t Σ_{k≤t} g_{t,k}        g_T = the terms whose t and k lie in one window
//! cosine ⟨g_T, g⟩ / (‖g_T‖ ‖g‖)        relative error ‖g_T − g‖ / ‖g‖
//! ```
//! Forward nothing is truncated: the loss with carried state is the same for every window length, and how much larger it is when
//! each window starts from zero says what the state brings from beyond the window.
//!
//! In layout `sentences` an excerpt is a line from its beginning, without context; with an answer mask its answer alone carries loss.

use super::excerpts::{Excerpts, MOST_EXCERPTS, MOST_STEPS};
use super::places::{Place, TextOptions};
use crate::error::{InspectError, Result};
use elman_infer::NetworkModel;
use elman_kernels::{Cpu, Format};
use elman_net::Params;
use elman_net::dims::{Capacity, TrainingBuffers};
use elman_text::{Layout, OutOfRange};
use elman_train::bptt::{Engine, LossNorm};
use serde::Serialize;

/// Options of a comparison of window lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Number of excerpts of the text.
    pub excerpts: usize,
    /// Length of the long window in steps, whose gradient is the reference; longer lines are cut to it.
    pub full: usize,
    /// Window lengths in steps; `full` and longer ones are left out.
    pub windows: Vec<usize>,
    /// Number of warm-up tokens before each excerpt, from the zero state; a line begins at its own beginning instead.
    pub context: usize,
    /// Seed with which excerpts are drawn.
    pub seed: u64,
    /// How the text is laid out, and which tokens carry loss.
    pub text: TextOptions,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            excerpts: 8,
            full: 400,
            windows: vec![1, 2, 5, 10, 20, 35, 50, 100, 200],
            context: 100,
            seed: 1,
            text: TextOptions::default(),
        }
    }
}

/// Result of a comparison of window lengths.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Truncation {
    /// Name of the cell.
    pub cell: String,
    /// Number of tokens of the text.
    pub text_tokens: usize,
    /// Layout in which the text was used.
    pub layout: Layout,
    /// Answer mark, if only answers carry loss.
    pub loss_after: Option<String>,
    /// Number of excerpts.
    #[serde(rename = "passages")]
    pub excerpts: usize,
    /// Places of the excerpts in the text, in the order in which they were drawn.
    pub places: Vec<Place>,
    /// Length of the long window in steps.
    pub full: usize,
    /// Number of warm-up tokens before each excerpt.
    pub context: usize,
    /// Seed with which excerpts were drawn.
    pub seed: u64,
    /// Number of tokens that carry loss, over all excerpts.
    pub losses: usize,
    /// Mean loss per token in nats with the state carried between windows, which does not depend on the window length.
    pub carried_nats: f64,
    /// Norm ‖g‖ of the full gradient of the mean loss.
    pub gradient_norm: f64,
    /// Results for each window length.
    pub windows: Vec<WindowLength>,
}

/// Gradient and loss of one window length.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WindowLength {
    /// Window length T in steps.
    pub steps: usize,
    /// Cosine between the truncated and the full gradient, over all weights.
    pub cosine: f64,
    /// Relative error ‖g_T − g‖ / ‖g‖, over all weights.
    pub relative_error: f64,
    /// Mean loss per token in nats if every window starts from the zero state.
    pub zero_state_nats: f64,
    /// Reduction of the mean loss by the carried state, in nats per token.
    pub carried_saves_nats: f64,
    /// Cosine and error of each tensor.
    pub tensors: Vec<TensorError>,
}

/// Truncated gradient of one tensor. Cosine and error are `null` (NaN) if the full gradient is zero.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TensorError {
    /// Name of the tensor.
    pub name: String,
    /// Cosine between the truncated and the full gradient.
    pub cosine: f64,
    /// Relative error ‖g_T − g‖ / ‖g‖.
    pub relative_error: f64,
}

/// Compares window lengths for `model` on the text `ids`; `progress` is called with the length that is next.
///
/// # Errors
/// [`Error::Inspect`](crate::Error::Inspect) for a text of fewer tokens than `full` or without the answers that were asked for,
/// lines that are no longer than the shortest window, and a full gradient that is not finite; [`Error::Range`](crate::Error::Range)
/// for an option out of range.
pub fn truncation(
    model: &NetworkModel,
    cpu: Cpu,
    ids: &[u32],
    options: &Options,
    progress: &mut dyn FnMut(usize),
) -> Result<Truncation> {
    options.check()?;
    let excerpts = options.excerpts(model, ids)?;
    let longest = excerpts.steps;
    let mut lengths = options.windows.clone();
    lengths.retain(|steps| *steps < longest);
    if lengths.is_empty() {
        return Err(InspectError::LinesTooShort { longest }.into());
    }
    lengths.sort_unstable();
    lengths.dedup();
    let mut bench = Bench::new(model, cpu, &excerpts);
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
        layout: options.text.layout_of(model),
        loss_after: options.text.loss_after.clone(),
        excerpts: excerpts.batch_size,
        full: excerpts.steps,
        context: excerpts.context,
        seed: options.seed,
        losses: excerpts.losses(),
        carried_nats,
        // Differentiated is the sum over time, averaged over sequences.
        gradient_norm: whole.theirs.sqrt() * excerpts.batch_size as f64 / excerpts.losses() as f64,
        places: excerpts.places,
        windows,
    })
}

impl Options {
    /// The excerpts to read, as `model` reads the text `ids`.
    fn excerpts(&self, model: &NetworkModel, ids: &[u32]) -> Result<Excerpts> {
        let (eos, seed) = (model.vocab().eos(), self.seed);
        match self.text.lines(model, ids)? {
            None => Excerpts::draw(ids, eos, [self.context, self.full, self.excerpts], seed),
            Some(lines) => Excerpts::of_lines(&lines, ids, eos, [self.full, self.excerpts], seed),
        }
    }

    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) for a number out of range; [`InspectError::WindowsTooLong`] if no window is shorter
    /// than `full`.
    pub fn check(&self) -> Result<()> {
        OutOfRange::check("excerpts", self.excerpts, 1..=MOST_EXCERPTS)?;
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

/// The engine of training on the excerpts, without an optimiser.
struct Bench<'a> {
    engine: Engine,
    excerpts: &'a Excerpts,
}

impl Bench<'_> {
    fn new<'a>(model: &NetworkModel, cpu: Cpu, excerpts: &'a Excerpts) -> Bench<'a> {
        let capacity = Capacity::whole(excerpts.steps, excerpts.batch_size);
        let network = model.network().clone();
        let mut engine = Engine::new(
            cpu,
            network.dims().clone(),
            capacity,
            TrainingBuffers::default(),
            Format::F32,
        );
        engine.params_mut().copy_from(model.params());
        Bench { engine, excerpts }
    }

    /// Runs windows of `length` steps over the excerpts and leaves the gradient of the sum over time, averaged over sequences; returns the
    /// mean loss of a token.
    fn differentiate(&mut self, length: usize) -> f64 {
        self.engine.discard_gradient();
        self.over_windows(length, &mut |engine, window, state| {
            engine
                .run_window(window, LossNorm::Sequences, None, state)
                .nats
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
        let Excerpts { context, steps, .. } = *self.excerpts;
        let mut state = self.engine.zero_state();
        // In pieces for which the engine has capacity.
        for from in (0..context).step_by(steps) {
            let piece = self.excerpts.window(from, (from + steps).min(context));
            self.engine.score_window(&piece, &mut state);
        }
        let end = context + steps;
        let starts = (context..end).step_by(length);
        let nats: f64 = starts
            .map(|from| {
                let window = self.excerpts.window(from, (from + length).min(end));
                run(&mut self.engine, &window, &mut state)
            })
            .sum();
        nats / self.excerpts.losses() as f64
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
