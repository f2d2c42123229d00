//! The learning rate over a run.

use crate::args::{finite, named};
use clap::Args;
use elman::train::schedule::ScheduleKind;
use serde::{Deserialize, Serialize};

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct ScheduleOptions {
    /// How the learning rate changes over the run
    #[arg(long, value_name = "NAME", help_heading = "Schedule",
        value_parser = named::<ScheduleKind>(&["constant", "step", "cosine", "plateau", "one-cycle", "inverse-sqrt"]))]
    pub schedule: Option<ScheduleKind>,
    /// Steps in which the learning rate rises from 0; not in 'one-cycle'
    #[arg(long, value_name = "N", help_heading = "Schedule")]
    pub warmup: Option<u64>,
    /// 'step': epochs at the full rate
    #[arg(long, value_name = "N", help_heading = "Schedule")]
    pub decay_after: Option<u64>,
    /// 'step': factor of every epoch after those; 'plateau': of every reduction
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub decay_factor: Option<f64>,
    /// 'cosine': last rate as a fraction of --lr; 'plateau': lowest rate
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub final_lr: Option<f64>,
    /// 'plateau': validations without a better loss that are borne before a reduction
    #[arg(long, value_name = "N", help_heading = "Schedule")]
    pub plateau_patience: Option<u32>,
    /// 'plateau': by what part of it a loss must be below the best to be better
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub plateau_threshold: Option<f64>,
    /// 'one-cycle': part of the run in which the rate rises to --lr
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub cycle_start: Option<f64>,
    /// 'one-cycle': --lr divided by the first rate
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub cycle_div: Option<f64>,
    /// 'one-cycle': first rate divided by the last
    #[arg(long, value_name = "X", help_heading = "Schedule", value_parser = finite)]
    pub cycle_final_div: Option<f64>,
}
