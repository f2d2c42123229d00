//! One step of training: a window's gradient, judged, clipped and applied.
//!
//! Knows no text, no epochs and no files: a run brings the window and counts.

use super::bptt::{Engine, WindowStats};
use super::config::Config;
use super::guard::Verdict;
use super::state::TrainState;
use crate::net::layer::dropout::Dropout;
use crate::text::Window;

/// What a step did.
#[derive(Clone, Copy, Debug)]
pub struct Done {
    pub stats: WindowStats,
    /// Global norm of the gradient, before clipping.
    pub grad_norm: f64,
    /// Whether it was applied.
    pub verdict: Verdict,
}

/// Reads `window` from the carried state and updates the weights at rate `lr`. A window whose loss or gradient is not finite
/// leaves them untouched, and the carried state starts from zero.
pub fn step(
    engine: &mut Engine,
    state: &mut TrainState,
    config: &Config,
    window: &Window,
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
        grad_norm,
        verdict,
    }
}
