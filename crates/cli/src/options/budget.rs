//! How long a run trains, and when it looks at the validation text.

use crate::args::{Limit, finite};
use clap::Args;
use elman::train::NewBudget;
use serde::{Deserialize, Serialize};

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct BudgetOptions {
    /// Train for so many passes over the text
    #[arg(long, value_name = "X", help_heading = "Budget", value_parser = finite, conflicts_with_all = ["steps", "minutes"])]
    pub epochs: Option<f64>,
    /// Train for so many updates
    #[arg(
        long,
        value_name = "N",
        help_heading = "Budget",
        conflicts_with = "minutes"
    )]
    pub steps: Option<u64>,
    /// Train for about so many minutes: the speed is measured at the start and turned into steps
    #[arg(long, value_name = "X", help_heading = "Budget", value_parser = finite)]
    pub minutes: Option<f64>,
    /// Steps between validations; 'none': one at the end of every epoch [default: none]
    #[arg(long, value_name = "N|none", help_heading = "Budget")]
    pub valid_every: Option<Limit<u64>>,
    /// Stop after this many validations in a row without a better one [default: none]
    #[arg(long, value_name = "N|none", help_heading = "Budget")]
    pub patience: Option<Limit<u32>>,
}

impl BudgetOptions {
    /// The budget alone.
    pub fn new_budget(&self) -> NewBudget {
        NewBudget {
            epochs: self.epochs,
            steps: self.steps,
            minutes: self.minutes,
        }
    }
}
