//! Gradient flow of a model on a text: norms by lag beside their bounds, where the gradient comes from, units, a verdict.
//!
//! Excerpts of the text are processed one after the other (`places`); t is the last step of each, k goes back from there. Norms are
//! those of the last `lags` steps. ∂E_t/∂W is the whole: its terms go back to the first step of the excerpt, whose state before is
//! zero. Only where an excerpt is longer than memory or time allow, its first steps only compute the state, and the result says so.

use super::contribution::{Contribution, Inner, inner_products, of_all};
use super::excerpts::{MOST_EXCERPTS, MOST_STEPS};
pub use super::norms::LagNorm;
use super::norms::{ExcerptNorms, factor, norms};
use super::places::{self, Place, TextOptions};
use super::remedies::remedies;
use crate::error::{InspectError, Result};
use elman_infer::{NetworkModel, Workspace};
use elman_kernels::Cpu;
use elman_net::dims::Dims;
use elman_net::flow::bound::Bound;
use elman_net::flow::jacobian::Jacobians;
use elman_net::flow::terms::{Injection, loss_gradients};
use elman_net::flow::trace::{LayerTrace, LayerWeights, Trace};
use elman_net::flow::units::Units;
use elman_net::flow::verdict::GradientVerdict;
use elman_text::{Layout, OutOfRange};
use elman_train::available_bytes;
use serde::Serialize;

/// Longer lags are not differentiated, since the time grows with their square.
const MOST_LAGS: usize = 10_000;
/// Memory for the activations and terms of one excerpt.
const MOST_BYTES: u64 = 1 << 30;

/// Options of an inspection of gradient flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Number of excerpts of the text.
    pub excerpts: usize,
    /// Longest lag t − k of the norms in steps, limited by the longest line.
    pub lags: usize,
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
            excerpts: 4,
            lags: 100,
            context: 100,
            seed: 1,
            text: TextOptions::default(),
        }
    }
}

impl Options {
    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) for a number out of range.
    pub fn check(&self) -> Result<()> {
        OutOfRange::check("excerpts", self.excerpts, 1..=MOST_EXCERPTS)?;
        OutOfRange::check("lags", self.lags, 1..=MOST_LAGS)?;
        Ok(OutOfRange::check("context", self.context, 0..=MOST_STEPS)?)
    }
}

/// Result of an inspection of gradient flow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gradients {
    /// Name of the cell: `elman (tanh)`, `lstm`, `gru`.
    pub cell: String,
    /// Number of parameters of the network.
    pub parameters: usize,
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
    /// The longest lag of the norms in steps.
    pub lags: usize,
    /// Number of warm-up tokens before each excerpt.
    pub context: usize,
    /// Seed with which excerpts were drawn.
    pub seed: u64,
    /// Number of steps of the longest excerpt through which ∂E_t/∂W goes back, t included.
    pub reach: usize,
    /// Number of steps before these that only compute the state, so that their terms of ∂E_t/∂W are missing.
    pub missing: usize,
    /// Gradient flow through each recurrent layer, from below.
    pub layers: Vec<LayerFlow>,
    /// Contributions to the gradient by lag, over the weights of all recurrent layers.
    pub contribution: Contribution,
    /// Whether gradients vanish, explode or neither, over all layers.
    pub verdict: GradientVerdict,
    /// Suggestions on what to try next, in sentences.
    pub remedies: Vec<String>,
}

/// Gradient flow through one recurrent layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerFlow {
    /// Index of the layer, from 0.
    pub layer: usize,
    /// H, the number of units.
    pub hidden: usize,
    /// Upper bound of the norm of a step's Jacobian, and what it is computed from.
    pub bound: Bound,
    /// Norms ‖∂s_t/∂s_k‖ at the lags 1, 2, ….
    pub norms: Vec<LagNorm>,
    /// Factor γ per step: the norm at the longest lag N to the power 1/N.
    pub factor: f64,
    /// Number of excerpts whose norm is 0 at their longest lag; γ is computed from the others.
    pub nothing_left: usize,
    /// Whether gradients vanish, explode or neither in this layer.
    pub verdict: GradientVerdict,
    /// Contributions to the gradient by lag, over the weights of this layer.
    pub contribution: Contribution,
    /// Saturated and dead units of this layer.
    pub units: Units,
}

/// Measures the gradient flow of `model` on the text `ids`.
///
/// # Errors
/// [`Error::Inspect`](crate::Error::Inspect) for a text of fewer tokens than lags or without the answers that were asked for, and
/// if memory is short; [`Error::Range`](crate::Error::Range) for an option out of range;
/// [`Error::Overflow`](crate::Error::Overflow) if hidden states overflow.
pub fn gradients(
    model: &NetworkModel,
    cpu: &Cpu,
    ids: &[u32],
    options: &Options,
) -> Result<Gradients> {
    options.check()?;
    let lines = options.text.lines(model, ids)?;
    let places = match &lines {
        None => {
            let sizes = [options.context, options.lags, options.excerpts];
            places::of_stream(ids.len(), sizes, options.seed)?
        }
        Some(lines) => places::of_losses(lines, ids, options.excerpts, options.seed),
    };
    let longest = places.iter().map(Place::steps).max().unwrap_or(0);
    let lags = options.lags.min(longest);
    let reach = reach(model.dims(), longest, lags);
    check_memory(model.dims(), places.len(), lags, reach)?;

    let weights = LayerWeights::of(model.network(), model.params());
    let mut tails = Vec::new();
    let mut terms: Vec<Vec<Vec<Inner>>> = vec![Vec::new(); weights.len()];
    let mut all = Vec::new();
    for place in &places {
        let trace = read(model, cpu, ids, place, reach, &weights)?;
        let each = differentiate(model, cpu, &weights, &trace, ids[place.last]);
        all.push(of_all(&each));
        terms
            .iter_mut()
            .zip(each)
            .for_each(|(terms, of)| terms.push(of));
        tails.push(trace.last(lags.min(trace.steps)));
    }
    let contribution = Contribution::of(&all);
    let layers: Vec<LayerFlow> = weights
        .iter()
        .enumerate()
        .map(|(k, weights)| layer_flow(cpu, weights, &tails, k, &terms[k], lags))
        .collect();
    let verdicts: Vec<GradientVerdict> = layers.iter().map(|layer| layer.verdict).collect();
    let verdict = GradientVerdict::together(&verdicts);
    let text = &options.text;
    let mut found = Gradients {
        cell: model.dims().cell.to_string(),
        parameters: model.network().layout().parameter_count(),
        text_tokens: ids.len(),
        layout: text.layout_of(model),
        loss_after: text.loss_after.clone(),
        excerpts: places.len(),
        lags,
        context: match lines {
            None => longest - lags,
            Some(_) => 0,
        },
        seed: options.seed,
        reach,
        missing: longest - reach,
        places,
        layers,
        contribution,
        verdict,
        remedies: Vec::new(),
    };
    found.remedies = remedies(&found, model.dims().cell, model.about().step > 0);
    Ok(found)
}

/// Steps of the longest excerpt that are differentiated: all of them, as far as [`MOST_LAGS`] and [`MOST_BYTES`] allow, and the lags of
/// norms in any case.
fn reach(dims: &Dims, longest: usize, lags: usize) -> usize {
    let fitting = MOST_BYTES / bytes_of_a_step(dims);
    longest.min(MOST_LAGS).min(fitting as usize).max(lags)
}

/// Bytes of a step of one excerpt while it is differentiated.
fn bytes_of_a_step(dims: &Dims) -> u64 {
    let layers = dims
        .hidden
        .iter()
        .zip(std::iter::once(&dims.embed).chain(&dims.hidden));
    // Gates, their gains, two gradients at them with their transposes; states and what was read likewise.
    let layer =
        |(hidden, input): (&usize, &usize)| 9 * dims.cell.gates() * hidden + 8 * hidden + 3 * input;
    8 * layers.map(layer).sum::<usize>() as u64
}

/// Refuses more than the machine has free.
fn check_memory(dims: &Dims, excerpts: usize, lags: usize, reach: usize) -> Result<()> {
    let units: usize = dims.hidden.iter().sum();
    // Of every excerpt the activations, with their derivatives, are kept for the norms of all.
    let kept = 8 * (2 * dims.cell.gates() + 6) as u64 * (units * excerpts) as u64 * lags as u64;
    let needed = kept + bytes_of_a_step(dims) * reach as u64;
    let free = available_bytes();
    match needed <= free {
        true => Ok(()),
        false => Err(InspectError::Memory {
            what: format!("{excerpts} excerpts with {lags} lags"),
            needed_mib: needed.div_ceil(1 << 20),
            free_mib: free >> 20,
            remedy: "ask for fewer of them",
        }
        .into()),
    }
}

/// The program's own forward pass over an excerpt: what is left of it are its last `reach` steps.
fn read(
    model: &NetworkModel,
    cpu: &Cpu,
    ids: &[u32],
    place: &Place,
    reach: usize,
    weights: &[LayerWeights],
) -> Result<Trace> {
    let inputs = place.inputs(ids, model.vocab().eos());
    let steps = reach.min(inputs.len());
    let mut workspace = Workspace::new(model.dims(), steps, 1);
    let mut state = model.zero_state(1);
    let (before, window) = inputs.split_at(inputs.len() - steps);
    model
        .view()
        .advance(cpu, before, &mut state, &mut workspace);
    model
        .view()
        .advance(cpu, window, &mut state, &mut workspace);
    Ok(Trace::record(weights, workspace.tape(), steps)?)
}

/// The inner products of the terms of ∂E_t/∂W for the loss of `target` at the last step of `trace`, layer by layer.
fn differentiate(
    model: &NetworkModel,
    cpu: &Cpu,
    weights: &[LayerWeights],
    trace: &Trace,
    target: u32,
) -> Vec<Vec<Inner>> {
    let layers = weights.iter().enumerate();
    let jacobians: Vec<Jacobians> = layers.map(|(k, w)| Jacobians::new(w, trace, k)).collect();
    let step = trace.steps - 1;
    let mut targets = vec![0; trace.steps];
    targets[step] = target;
    let (network, params) = (model.network(), model.params());
    let last = [Injection { sequence: 0, step }];
    let d_top = loss_gradients(cpu, network, params, trace, &last, &targets);
    inner_products(cpu, &jacobians, trace, &d_top)
}

/// Layer `k` over the last steps of all excerpts.
fn layer_flow(
    cpu: &Cpu,
    weights: &LayerWeights,
    tails: &[Trace],
    k: usize,
    terms: &[Vec<Inner>],
    lags: usize,
) -> LayerFlow {
    let jacobians: Vec<Jacobians> = tails
        .iter()
        .map(|trace| Jacobians::new(weights, trace, k))
        .collect();
    let bound = Bound::of(cpu, weights, &jacobians);
    let each: Vec<ExcerptNorms> = jacobians
        .iter()
        .map(|jacobians| ExcerptNorms::of(cpu, jacobians))
        .collect();
    let (factor, nothing_left) = factor(&each);
    let traces: Vec<&LayerTrace> = tails.iter().map(|trace| &trace.layers[k]).collect();
    LayerFlow {
        layer: k,
        hidden: weights.hidden,
        norms: norms(&each, &bound.curve_log10(lags)),
        bound,
        factor,
        nothing_left,
        // Where most excerpts have nothing left, that is the rule and the others the exception.
        verdict: match 2 * nothing_left > each.len() {
            true => GradientVerdict::Vanishing,
            false => GradientVerdict::of(factor),
        },
        contribution: Contribution::of(terms),
        units: Units::of(weights, &traces, 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_net::dims::Cell;

    #[test]
    fn the_whole_excerpt_is_differentiated_within_bounds_and_the_lags_in_any_case() {
        let dims = |hidden| Dims {
            cell: Cell::LSTM,
            vocab: 10,
            embed: hidden,
            hidden: vec![hidden; 2],
            tied: false,
        };
        assert_eq!(reach(&dims(256), 200, 100), 200);
        assert_eq!(reach(&dims(8), 1_000_000, 100), MOST_LAGS);
        let large = reach(&dims(1500), 1_000_000, 100);
        assert!((500..MOST_LAGS).contains(&large), "{large}");
        assert_eq!(reach(&dims(100_000), 1_000_000, 5_000), 5_000);
    }
}
