//! One cycle (Smith and Topin 2019, "super-convergence"), with cosines, as `torch.optim.lr_scheduler.OneCycleLR`
//! without its cycle of the momentum.
//!
//! Over N steps the rate rises from lr/div to lr until step `start`·N − 1, then falls to lr/(div·final_div) at step
//! N − 1, each along half a cosine.

use super::{Curve, Place};
use crate::config::declare::options;

options! {
    /// The shape of one cycle of the learning rate (Smith and Topin 2019).
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct OneCycle {
        in "Schedule";
            /// 'one-cycle': part of the run in which the rate rises to `lr`
            cycle_start: f64 = 0.3, share("X");

            /// 'one-cycle': `lr` divided by the first rate
            cycle_div: f64 = 25.0, option("X").at_least(1.0);

            /// 'one-cycle': first rate divided by the last
            cycle_final_div: f64 = 1e4, option("X").at_least(1.0);
    }
}

impl Curve for OneCycle {
    fn factor(&self, place: &Place, _warmup: u64) -> f64 {
        self.shape(place.step, place.total_steps)
    }

    fn warms_up(&self) -> bool {
        false
    }
}

impl OneCycle {
    /// Learning rate at step `step` (from 0) of `total_steps`, relative to the full rate.
    pub fn shape(&self, step: u64, total_steps: u64) -> f64 {
        let first = 1.0 / self.cycle_div;
        let last = first / self.cycle_final_div;
        let top = self.cycle_start * total_steps as f64 - 1.0;
        let end = total_steps as f64 - 1.0;
        let step = (step as f64).min(end);
        // Whatever the length, nothing is divided by zero: top < end.
        if step < top {
            between(first, 1.0, step / top)
        } else {
            between(1.0, last, (step - top) / (end - top))
        }
    }
}

/// Value between `a` and `b` along half a cosine, `done` from 0 to 1.
fn between(a: f64, b: f64, done: f64) -> f64 {
    let cosine = libm::cos(std::f64::consts::PI * done);
    b + (a - b) * 0.5 * (1.0 + cosine)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rises_and_falls_at_any_length() {
        let cycle = OneCycle::default();
        assert!((cycle.shape(0, 100) - 0.04).abs() < 1e-12);
        assert!((cycle.shape(29, 100) - 1.0).abs() < 1e-12);
        assert!((cycle.shape(99, 100) - 4e-6).abs() < 1e-12);
        assert!((cycle.shape(500, 100) - 4e-6).abs() < 1e-12);
        for start in [0.0, 1e-9, 0.1, 0.3, 0.999] {
            for total in 1..12 {
                let cycle = OneCycle {
                    cycle_start: start,
                    ..cycle
                };
                for step in 0..total {
                    let shape = cycle.shape(step, total);
                    assert!((0.0..=1.0 + 1e-12).contains(&shape), "{shape}");
                }
            }
        }
    }
}
