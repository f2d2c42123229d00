//! One step of training: a window's gradient, judged, clipped and applied.
//!
//! Knows no text, no epochs and no files: a run brings the window and counts.

use super::bptt::{Engine, WindowStats};
use super::config::Config;
use super::guard::Verdict;
use super::scheduled::Coins;
use super::state::TrainState;
use crate::net::layer::dropout::Dropout;
use crate::text::Window;

/// What a step did.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub stats: WindowStats,
    /// Inputs that were drawn from the model.
    pub sampled: usize,
    /// Global norm of the gradient, before clipping.
    pub grad_norm: f64,
    /// Whether it was applied.
    pub verdict: Verdict,
}

/// Reads `window` from the carried state, some inputs of it replaced where sampling is scheduled, and updates the weights at rate `lr`. A window whose loss or gradient is not finite
/// leaves them untouched, and the carried state starts from zero.
pub fn step(
    engine: &mut Engine,
    state: &mut TrainState,
    config: &Config,
    window: &mut Window,
    lr: f64,
) -> Done {
    let TrainState {
        progress,
        optimiser,
        carried,
        ..
    } = state;
    let dropout = (config.dropout > 0.0).then_some(Dropout {
        p: config.dropout,
        seed: config.seed,
        step: progress.step,
        first: 0,
    });
    let sampled = config.scheduled_sampling.map_or(0, |decay| {
        let share = decay.probability(progress.step).min(config.sampling_limit);
        let coins = Coins::new(share, config.seed, progress.step);
        engine.draw_inputs(window, coins, dropout, carried)
    });
    let stats = engine.run_window(window, config.loss_norm, dropout, carried);
    let grad_norm = engine.gradient_norm();
    let verdict = progress.guard.judge(stats.nats, grad_norm, config.clip);
    match verdict {
        Verdict::Apply(scale) => engine.apply(optimiser, scale, lr),
        Verdict::Skip | Verdict::Stop => {
            engine.discard_gradient();
            carried.set_zero();
        }
    }
    progress.step += 1;
    Done {
        stats,
        sampled,
        grad_norm,
        verdict,
    }
}
