//! `--watch-gradients`: gradient flow in a window, every N steps.
//!
//! The cheap form of `inspect::gradients`: two sequences of the window that is about to be learnt, at most 64 steps of it, read with
//! the weights of that moment and without dropout; the norm of ∂s_t/∂s_k at the longest lag, layer by layer. It reads the
//! window before training does, as if no sequence restarted in it, and leaves nothing behind that training reads, so it changes no bit of the run.

use super::Run;
use crate::Trainer;
use crate::bptt::Engine;
use crate::groups::sequences_of;
use crate::watch::{GradientFlow, LayerFlow};
use elman_net::State;
use elman_net::dims::{PROBE_SEQUENCES, PROBE_STEPS};
use elman_net::flow::jacobian::Jacobians;
use elman_net::flow::norms::{Chain, chain_norms};
use elman_net::flow::trace::LayerWeights;
use elman_net::flow::units::Units;
use elman_net::flow::verdict::{GradientVerdict, factor};
use elman_text::Window;

impl Run {
    pub(super) fn probe_is_due(&self) -> bool {
        let next = self.trainer.state.progress.step + 1;
        let every = self.trainer.config.watch_gradients;
        every.is_some_and(|every| next.is_multiple_of(every))
    }

    /// Looks at the window that the next step will learn. `None` where its hidden states overflow, which the
    /// step itself will report.
    pub(super) fn probe(&mut self) -> Option<GradientFlow> {
        let Trainer {
            text,
            engine,
            state,
            window,
            config,
            ..
        } = &mut self.trainer;
        text.read_on(state.progress.cursor(), window);
        let groups = 0..config.groups;
        let sizes = groups.map(|group| sequences_of(group, config.groups, window.batch_size).len());
        let first = sizes.into_iter().find(|size| *size > 0).unwrap_or(0);
        let batch_size = PROBE_SEQUENCES.min(first);
        let step = state.progress.step + 1;
        match batch_size {
            0 => None,
            _ => probe(engine, window, batch_size, &state.carried, step),
        }
    }
}

fn probe(
    engine: &mut Engine,
    window: &Window,
    batch_size: usize,
    carried: &State,
    step: u64,
) -> Option<GradientFlow> {
    let weights = LayerWeights::of(engine.network(), engine.params());
    let trace = engine.trace(window, batch_size, PROBE_STEPS, carried, &weights);
    let trace = trace.ok()?;
    let lag = trace.steps;
    let layers: Vec<LayerFlow> = weights
        .iter()
        .enumerate()
        .map(|(layer, weights)| {
            let jacobians = Jacobians::new(weights, &trace, layer);
            let chains: Vec<Chain> = (0..batch_size)
                .map(|sequence| Chain {
                    sequence,
                    end: lag,
                    lag,
                })
                .collect();
            let norms = chain_norms(engine.cpu(), &jacobians, &chains);
            let norm_log10 = mean_log10(&norms);
            let factor = factor(norm_log10, lag);
            let units = Units::of(weights, &[&trace.layers[layer]], batch_size);
            let saturated = units.signals.iter().map(|signal| signal.low + signal.high);
            LayerFlow {
                layer,
                norm_log10,
                factor,
                verdict: GradientVerdict::of(factor),
                saturated: saturated.sum::<f64>() / units.signals.len() as f64,
                dead: units.dead,
            }
        })
        .collect();
    let verdicts: Vec<GradientVerdict> = layers.iter().map(|layer| layer.verdict).collect();
    Some(GradientFlow {
        step,
        lag,
        verdict: GradientVerdict::together(&verdicts),
        layers,
    })
}

/// The mean of the logarithms of norms; a norm of 0 has none, and counts only where there is no other.
fn mean_log10(norms_log10: &[f64]) -> f64 {
    let left = norms_log10.iter().filter(|norm| norm.is_finite());
    match left.clone().count() {
        0 => f64::NEG_INFINITY,
        some => left.sum::<f64>() / some as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sequence_in_which_nothing_is_left_does_not_hide_the_other() {
        assert_eq!(mean_log10(&[-1.0, -3.0]), -2.0);
        assert_eq!(mean_log10(&[f64::NEG_INFINITY, -3.0]), -3.0);
        assert_eq!(mean_log10(&[f64::NEG_INFINITY; 2]), f64::NEG_INFINITY);
    }
}
