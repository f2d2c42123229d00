//! What must hold of optimiser and schedule.

use super::require;
use crate::config::{Config, OptimizerName};
use crate::error::Result;
use crate::optim::Group;

impl Config {
    pub(super) fn check_update(&self) -> Result<()> {
        require(self.lr > 0.0 && self.lr <= f64::from(f32::MAX), || {
            format!("lr is {}; it must be above 0 and a number in f32", self.lr)
        })?;
        require(self.clip.is_none_or(|c| c.is_finite() && c > 0.0), || {
            "clip must be above 0; leave clipping out with clip = none".into()
        })?;
        require((0.0..1.0).contains(&self.momentum), || {
            format!(
                "momentum is {}; it must be at least 0 and below 1",
                self.momentum
            )
        })?;
        for (name, beta) in [("beta1", self.beta1), ("beta2", self.beta2)] {
            require((0.0..1.0).contains(&beta), || {
                format!("{name} is {beta}; it must be at least 0 and below 1")
            })?;
        }
        require(self.eps > 0.0 && self.eps.is_finite(), || {
            format!("eps is {}; it must be above 0", self.eps)
        })?;
        require(
            (0.0..=f64::from(f32::MAX)).contains(&self.weight_decay),
            || {
                format!(
                    "weight-decay is {}; it must be at least 0",
                    self.weight_decay
                )
            },
        )?;
        let momentum = self.optimizer == OptimizerName::Sgd && self.momentum > 0.0;
        require(!self.nesterov || momentum, || {
            "Nesterov's momentum is a momentum of sgd; use --optimizer sgd --momentum 0.9".into()
        })?;
        let rmsprop = self.optimizer == OptimizerName::RmsProp;
        require(!self.centered || rmsprop, || {
            "centered is a form of rmsprop; use --optimizer rmsprop, or leave it out".into()
        })?;
        require((0.0..1.0).contains(&self.rms_alpha), || {
            let alpha = self.rms_alpha;
            format!("rms-alpha is {alpha}; it must be at least 0 and below 1")
        })?;
        let start = self.initial_accumulator;
        let numbers = [
            ("lr-decay", self.lr_decay),
            ("initial-accumulator", f64::from(start)),
            ("noise", self.noise),
            ("noise-decay", self.noise_decay),
        ];
        for (name, value) in numbers {
            require(value.is_finite() && value >= 0.0, || {
                format!("{name} is {value}; it must be a number of at least 0")
            })?;
        }
        require(
            self.clip_value.is_none_or(|c| c.is_finite() && c > 0.0),
            || "clip-value must be above 0; leave it out with clip-value = 'none'".into(),
        )?;
        require((1..=1 << 20).contains(&self.accumulate), || {
            let windows = self.accumulate;
            format!("accumulate is {windows}; it must be between 1 and 1,048,576 windows")
        })?;
        require(
            self.average_from.is_none() || self.average_trigger.is_none(),
            || "give one of average-from and average-trigger: an average begins once".into(),
        )?;
        require(self.average_from != Some(0), || {
            "average-from is 0, and updates are counted from 1".into()
        })?;
        let of_output =
            self.lr_scale.of(Group::Output) != 1.0 || self.decay_scale.of(Group::Output) != 1.0;
        let no_output = self.tied && !self.dims(1).projected();
        require(!(no_output && of_output), || {
            "tied weights are one table, in the group 'embed': there is no 'output' to scale".into()
        })
    }

    pub(super) fn check_schedule(&self) -> Result<()> {
        require(self.decay_factor > 0.0 && self.decay_factor <= 1.0, || {
            format!(
                "decay-factor is {}; it must be above 0 and at most 1",
                self.decay_factor
            )
        })?;
        require((0.0..=1.0).contains(&self.final_lr), || {
            format!(
                "final-lr is {}; it is a fraction of lr, from 0 to 1",
                self.final_lr
            )
        })?;
        require((0.0..1.0).contains(&self.plateau_threshold), || {
            let threshold = self.plateau_threshold;
            format!("plateau-threshold is {threshold}; it must be at least 0 and below 1")
        })?;
        require((0.0..1.0).contains(&self.cycle_start), || {
            let start = self.cycle_start;
            format!("cycle-start is {start}; it must be at least 0 and below 1")
        })?;
        let divisors = [
            ("cycle-div", self.cycle_div),
            ("cycle-final-div", self.cycle_final_div),
        ];
        for (name, value) in divisors {
            require(value.is_finite() && value >= 1.0, || {
                format!("{name} is {value}; it must be at least 1")
            })?;
        }
        Ok(())
    }
}
