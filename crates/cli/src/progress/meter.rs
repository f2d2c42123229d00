//! Smoothed numbers of a run: loss, throughput, time left.
//!
//! The loss is a mean over steps, so that equal runs show equal numbers on every machine, and the last one shown is that of the last
//! steps. Averages of time decay with e^(−t/τ), so that they mean the same whether a step takes a millisecond or a minute; the first
//! steps count in full.

use elman::train::StepReport;
use elman::train::metrics::STEPS_PER_LINE;
use std::collections::VecDeque;
use std::time::Instant;

/// τ of the throughput, in seconds.
const RECENT_SECONDS: f64 = 5.0;
/// τ of the time left: long enough that validations and saving have their share.
const LASTING_SECONDS: f64 = 60.0;

#[derive(Default)]
pub struct Meter {
    /// (nats, tokens) of the last steps; of one that was skipped (0, 0).
    losses: VecDeque<(f64, usize)>,
    tokens: f64,
    seconds: f64,
    steps: f64,
    wall_seconds: f64,
    last: Option<Instant>,
}

/// The loss of the last steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recent {
    /// Mean over their tokens; not a number if all were skipped, and before the first.
    pub loss_nats: f64,
    /// As many as a line of the metrics sums up; fewer at the beginning.
    pub steps: usize,
}

impl Meter {
    /// Takes in a step that ended at `now`.
    pub fn add(&mut self, step: &StepReport, now: Instant) {
        let wall = self
            .last
            .map_or(step.seconds, |last| (now - last).as_secs_f64());
        self.last = Some(now);

        let keep = (-step.seconds / RECENT_SECONDS).exp();
        self.tokens = keep * self.tokens + step.read as f64;
        self.seconds = keep * self.seconds + step.seconds;
        self.losses.push_back(match step.skipped {
            true => (0.0, 0),
            false => (step.loss_nats * step.tokens as f64, step.tokens),
        });
        if self.losses.len() as u64 > STEPS_PER_LINE {
            self.losses.pop_front();
        }
        let keep = (-wall / LASTING_SECONDS).exp();
        self.steps = keep * self.steps + 1.0;
        self.wall_seconds = keep * self.wall_seconds + wall;
    }

    /// The loss of the last steps of this process.
    pub fn recent(&self) -> Recent {
        let (nats, tokens) = self
            .losses
            .iter()
            .fold((0.0, 0), |sum, step| (sum.0 + step.0, sum.1 + step.1));
        Recent {
            loss_nats: nats / tokens as f64,
            steps: self.losses.len(),
        }
    }

    pub fn tokens_per_second(&self) -> f64 {
        self.tokens / self.seconds.max(1e-9)
    }

    /// What the steps after `step` will take.
    pub fn seconds_left(&self, step: &StepReport) -> f64 {
        let left = step.total_steps.saturating_sub(step.step) as f64;
        left * self.wall_seconds / self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn step(number: u64, loss_nats: f64, seconds: f64) -> StepReport {
        StepReport {
            step: number,
            total_steps: 100,
            epoch: 0.0,
            loss_nats,
            grad_norm: 1.0,
            lr: 0.1,
            tokens: 50,
            read: 50,
            seconds,
            clipped: false,
            sampled: 0,
            skipped: false,
        }
    }

    #[test]
    fn even_steps_give_even_numbers() {
        let mut meter = Meter::default();
        let start = Instant::now();
        for i in 1..=20 {
            meter.add(
                &step(i, 3.0, 0.5),
                start + Duration::from_millis(500) * i as u32,
            );
        }
        assert!((meter.recent().loss_nats - 3.0).abs() < 1e-9);
        assert!((meter.tokens_per_second() - 100.0).abs() < 1e-9);
        assert!((meter.seconds_left(&step(20, 3.0, 0.5)) - 40.0).abs() < 1e-9);
    }

    /// Whatever a step takes, and however many came before.
    #[test]
    fn the_loss_is_that_of_the_last_ten_steps() {
        let start = Instant::now();
        let mut means = Vec::new();
        for seconds in [1e-3, 60.0] {
            let mut meter = Meter::default();
            assert!(meter.recent().loss_nats.is_nan());
            for i in 1..=4 {
                meter.add(&step(i, i as f64, seconds), start);
            }
            assert_eq!(
                meter.recent(),
                Recent {
                    loss_nats: 2.5,
                    steps: 4
                }
            );
            for i in 5..=100 {
                meter.add(&step(i, i as f64, seconds), start);
            }
            assert_eq!(
                meter.recent(),
                Recent {
                    loss_nats: 95.5,
                    steps: 10
                }
            );
            let longer = StepReport {
                tokens: 150,
                ..step(101, 195.5, seconds)
            };
            meter.add(&longer, start);
            means.push(meter.recent());
        }
        // Steps 92 to 100 of 50 tokens, and three times as many in the last.
        let expected = (9.0 * 96.0 + 3.0 * 195.5) / 12.0;
        assert!((means[0].loss_nats - expected).abs() < 1e-9, "{means:?}");
        assert_eq!(means[0], means[1]);
    }

    #[test]
    fn skipped_steps_have_no_loss() {
        let (mut meter, start) = (Meter::default(), Instant::now());
        meter.add(&step(1, 3.0, 1.0), start);
        let skipped = |number| StepReport {
            skipped: true,
            ..step(number, f64::NAN, 1.0)
        };
        for number in 2..=10 {
            meter.add(&skipped(number), start);
        }
        assert_eq!(
            meter.recent(),
            Recent {
                loss_nats: 3.0,
                steps: 10
            }
        );
        meter.add(&skipped(11), start);
        assert!(meter.recent().loss_nats.is_nan());
    }
}
