//! What keeps a network from learning its text by heart.

use super::set;
use crate::args::finite32;
use clap::Args;
use elman::train::Config;
use serde::Deserialize;

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct RegulariseOptions {
    /// Probability of dropping a unit between layers in training
    #[arg(long, value_name = "P", help_heading = "Regularisation", value_parser = finite32)]
    pub dropout: Option<f32>,
}

impl RegulariseOptions {
    /// Puts these choices over those of `config`. Taken apart without `..`, so that none is forgotten.
    pub(super) fn apply(self, config: &mut Config) {
        let RegulariseOptions { dropout } = self;
        set(&mut config.dropout, dropout);
    }
}
