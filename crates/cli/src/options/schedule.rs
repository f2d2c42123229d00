//! The learning rate over a run.

use super::set;
use crate::args::{finite, named};
use clap::Args;
use elman::train::Config;
use elman::train::schedule::ScheduleKind;
use serde::Deserialize;

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ScheduleOptions {
    /// How the learning rate changes over the run
    #[arg(long, value_name = "NAME", help_heading = "Schedule",
        value_parser = named::<ScheduleKind>(&["constant", "step", "cosine"]))]
    pub schedule: Option<ScheduleKind>,
    /// Steps in which the learning rate rises from 0
    #[arg(long, value_name = "N", help_heading = "Schedule")]
    pub warmup: Option<u64>,
    /// 'step': epochs at the full rate
    #[arg(long, value_name = "N", help_heading = "Schedule")]
    pub decay_after: Option<u64>,
    /// 'step': factor of every epoch after those
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub decay_factor: Option<f64>,
    /// 'cosine': last rate as a fraction of --lr
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub final_lr: Option<f64>,
}

impl ScheduleOptions {
    /// Puts these choices over those of `config`. Taken apart without `..`, so that none is forgotten.
    pub(super) fn apply(self, config: &mut Config) {
        let ScheduleOptions {
            schedule,
            warmup,
            decay_after,
            decay_factor,
            final_lr,
        } = self;
        set(&mut config.schedule, schedule);
        set(&mut config.warmup, warmup);
        set(&mut config.decay_after, decay_after);
        set(&mut config.decay_factor, decay_factor);
        set(&mut config.final_lr, final_lr);
    }
}
