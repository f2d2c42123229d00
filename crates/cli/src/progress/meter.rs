//! Smoothed numbers of a run: loss, throughput, time left.
//!
//! Averages decay with e^(−t/τ), so that they mean the same whether a step takes a millisecond or
//! a minute; the first steps count in full.

use elman::train::Step;
use std::time::Instant;

/// τ of the loss and of the throughput, in seconds.
const RECENT_SECONDS: f64 = 5.0;
/// τ of the time left: long enough that validations and saving have their share.
const LASTING_SECONDS: f64 = 60.0;

#[derive(Default)]
pub struct Meter {
    nats: f64,
    tokens_with_loss: f64,
    tokens: f64,
    seconds: f64,
    steps: f64,
    wall_seconds: f64,
    last: Option<Instant>,
}

impl Meter {
    /// Takes in a step that ended at `now`.
    pub fn add(&mut self, step: &Step, now: Instant) {
        let wall = self
            .last
            .map_or(step.seconds, |last| (now - last).as_secs_f64());
        self.last = Some(now);

        let keep = (-step.seconds / RECENT_SECONDS).exp();
        self.tokens = keep * self.tokens + step.read as f64;
        self.seconds = keep * self.seconds + step.seconds;
        if !step.skipped {
            let tokens = step.tokens as f64;
            self.nats = keep * self.nats + tokens * step.loss_nats;
            self.tokens_with_loss = keep * self.tokens_with_loss + tokens;
        }
        let keep = (-wall / LASTING_SECONDS).exp();
        self.steps = keep * self.steps + 1.0;
        self.wall_seconds = keep * self.wall_seconds + wall;
    }

    /// Mean over the last seconds' tokens; NaN before the first.
    pub fn loss_nats(&self) -> f64 {
        self.nats / self.tokens_with_loss
    }

    pub fn tokens_per_second(&self) -> f64 {
        self.tokens / self.seconds.max(1e-9)
    }

    /// What the steps after `step` will take.
    pub fn seconds_left(&self, step: &Step) -> f64 {
        let left = step.total_steps.saturating_sub(step.step) as f64;
        left * self.wall_seconds / self.steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn step(number: u64, loss_nats: f64, seconds: f64) -> Step {
        Step {
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
        assert!((meter.loss_nats() - 3.0).abs() < 1e-9);
        assert!((meter.tokens_per_second() - 100.0).abs() < 1e-9);
        assert!((meter.seconds_left(&step(20, 3.0, 0.5)) - 40.0).abs() < 1e-9);
    }

    #[test]
    fn old_steps_fade_and_skipped_ones_have_no_loss() {
        let mut meter = Meter::default();
        let start = Instant::now();
        for i in 0..200 {
            let loss = if i < 100 { 9.0 } else { 1.0 };
            meter.add(&step(i, loss, 1.0), start + Duration::from_secs(i));
        }
        let mut bad = step(200, f64::NAN, 1.0);
        bad.skipped = true;
        meter.add(&bad, start + Duration::from_secs(200));
        assert!((meter.loss_nats() - 1.0).abs() < 1e-6);
    }
}
