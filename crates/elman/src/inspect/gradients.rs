//! Gradient flow of a model on a text: norms by lag beside their bounds, where the gradient comes from, units, a verdict.
//!
//! Passages of the text are read side by side (`passages`); t is the last step of each, k goes back from there.

use super::contribution::{Contribution, contributions};
use super::passages::{MOST_PASSAGES, MOST_STEPS, Passages, check};
use super::remedies::remedies;
use crate::error::Result;
use crate::flow::bound::Bound;
use crate::flow::jacobian::Jacobians;
use crate::flow::norms::{Chain, chain_norms};
use crate::flow::terms::{Injection, loss_gradients};
use crate::flow::trace::{LayerWeights, Trace};
use crate::flow::units::Units;
use crate::flow::verdict::{Verdict, factor};
use crate::infer::{Model, Workspace};
use elman_kernels::Cpu;
use serde::Serialize;

/// What to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Passages of the text.
    pub passages: usize,
    /// The longest lag t − k.
    pub lags: usize,
    /// Tokens that are read before, from the zero state.
    pub context: usize,
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            passages: 4,
            lags: 100,
            context: 100,
            seed: 1,
        }
    }
}

impl Options {
    /// Refuses what cannot be done.
    pub fn check(&self) -> Result<()> {
        check("passages", self.passages, 1..=MOST_PASSAGES)?;
        check("lags", self.lags, 1..=10_000)?;
        check("context", self.context, 0..=MOST_STEPS)
    }
}

/// The result.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Gradients {
    /// `elman (tanh)`, `lstm`, `gru`.
    pub cell: String,
    pub parameters: usize,
    pub text_tokens: usize,
    pub passages: usize,
    pub lags: usize,
    pub context: usize,
    pub seed: u64,
    pub layers: Vec<LayerFlow>,
    /// Over the weights of all recurrent layers.
    pub contribution: Contribution,
    pub verdict: Verdict,
    pub remedies: Vec<String>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerFlow {
    pub layer: usize,
    pub hidden: usize,
    pub bound: Bound,
    /// Of the lags 1, 2, ….
    pub norms: Vec<LagNorm>,
    /// γ: the norm at the longest lag N to the power 1/N.
    pub factor: f64,
    pub verdict: Verdict,
    pub contribution: Contribution,
    pub units: Units,
}

/// log10 of ‖∂s_t/∂s_k‖₂ at one lag; JSON's null is −∞, a norm of 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct LagNorm {
    pub lag: usize,
    /// The mean over passages, the logarithm of the geometric mean.
    pub mean_log10: f64,
    pub least_log10: f64,
    pub most_log10: f64,
    /// Mean of log10 Π ‖J_j‖₂: the norms of the single steps, multiplied.
    pub steps_log10: f64,
    pub bound_log10: f64,
}

/// Looks at `model` on the text `ids`.
///
/// Errors: options that cannot be, a text of fewer tokens than lags, hidden states that overflow.
pub fn gradients(model: &Model, cpu: &Cpu, ids: &[u32], options: &Options) -> Result<Gradients> {
    options.check()?;
    let eos = model.vocab().eos();
    let sizes = [options.context, options.lags, options.passages];
    let passages = Passages::draw(ids, eos, sizes, options.seed)?;
    let weights = LayerWeights::of(model.network(), model.params());
    let trace = read(model, cpu, &passages, &weights)?;
    let jacobians: Vec<Jacobians> = weights
        .iter()
        .enumerate()
        .map(|(k, weights)| Jacobians::new(weights, &trace, k))
        .collect();

    let (lanes, steps) = (passages.lanes, passages.steps);
    let step = steps - 1;
    let last: Vec<Injection> = (0..lanes).map(|lane| Injection { lane, step }).collect();
    let targets = &passages.targets[passages.context * lanes..];
    let (network, params) = (model.network(), model.params());
    let d_top = loss_gradients(cpu, network, params, &trace, &last, targets);
    let (each, contribution) = contributions(cpu, &jacobians, &trace, &last, &d_top);

    let flows = jacobians.iter().zip(each).enumerate();
    let layers: Vec<LayerFlow> = flows
        .map(|(k, (jacobians, contribution))| {
            let bound = Bound::of(cpu, jacobians);
            let norms = lag_norms(cpu, jacobians, &bound);
            let factor = factor(norms[steps - 1].mean_log10, steps);
            LayerFlow {
                layer: k,
                hidden: jacobians.weights.hidden,
                bound,
                norms,
                factor,
                verdict: Verdict::of(factor),
                contribution,
                units: Units::of(jacobians.weights, &trace.layers[k], lanes),
            }
        })
        .collect();
    let verdicts: Vec<Verdict> = layers.iter().map(|layer| layer.verdict).collect();
    let verdict = Verdict::together(&verdicts);
    let units: Vec<Units> = layers.iter().map(|layer| layer.units.clone()).collect();
    let cell = model.dims().cell;
    Ok(Gradients {
        cell: cell.to_string(),
        parameters: network.layout().parameter_count(),
        text_tokens: ids.len(),
        passages: lanes,
        lags: steps,
        context: passages.context,
        seed: options.seed,
        remedies: remedies(verdict, cell, &units, contribution.horizon_99, steps),
        layers,
        contribution,
        verdict,
    })
}

/// The program's own forward pass over the passages: the context, then what is looked at.
fn read(model: &Model, cpu: &Cpu, passages: &Passages, weights: &[LayerWeights]) -> Result<Trace> {
    let (lanes, steps) = (passages.lanes, passages.steps);
    let mut workspace = Workspace::new(model.dims(), steps, lanes);
    let mut state = model.zero_state(lanes);
    let (context, window) = passages.inputs.split_at(passages.context * lanes);
    model.advance(cpu, context, &mut state, &mut workspace);
    model.advance(cpu, window, &mut state, &mut workspace);
    Trace::record(weights, workspace.tape(), steps)
}

/// Norms and bounds of all lags that end at the last step.
fn lag_norms(cpu: &Cpu, jacobians: &Jacobians, bound: &Bound) -> Vec<LagNorm> {
    let (lanes, steps) = (jacobians.lanes, jacobians.steps);
    let chains: Vec<Chain> = (0..lanes)
        .flat_map(|lane| {
            (1..=steps).map(move |lag| Chain {
                lane,
                end: steps,
                lag,
            })
        })
        .collect();
    let norms = chain_norms(cpu, jacobians, &chains);
    let single: Vec<Chain> = (0..lanes)
        .flat_map(|lane| (1..=steps).map(move |end| Chain { lane, end, lag: 1 }))
        .collect();
    let single = chain_norms(cpu, jacobians, &single);
    let bounds = bound.curve_log10(steps);
    let mut product = 0.0;
    let mean = |values: &mut dyn Iterator<Item = f64>| values.sum::<f64>() / lanes as f64;
    (0..steps)
        .map(|i| {
            let of_lag = || norms[i..].iter().step_by(steps).copied();
            let steps_back = single[steps - 1 - i..].iter().step_by(steps).copied();
            product += mean(&mut steps_back.clone());
            LagNorm {
                lag: i + 1,
                mean_log10: mean(&mut of_lag()),
                least_log10: of_lag().fold(f64::INFINITY, f64::min),
                most_log10: of_lag().fold(f64::NEG_INFINITY, f64::max),
                steps_log10: product,
                bound_log10: bounds[i],
            }
        })
        .collect()
}
