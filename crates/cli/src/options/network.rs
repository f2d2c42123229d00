//! The cell and the sizes.

use crate::args::{Activation, named};
use clap::Args;
use elman::net::dims::{Cell, Sizes};
use elman::train::config::CellName;
use serde::{Deserialize, Serialize};

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct NetworkOptions {
    /// The recurrent cell
    #[arg(long, value_name = "CELL", help_heading = "Network",
        value_parser = named::<CellName>(Cell::names()))]
    pub cell: Option<CellName>,
    /// Activation of the Elman cell
    #[arg(long, value_name = "NAME", help_heading = "Network",
        value_parser = named::<Activation>(&["sigmoid", "tanh", "relu"]))]
    pub activation: Option<Activation>,
    /// Units of every recurrent layer, or of each from below: 1150,1150,400 for three
    #[arg(long, short = 'H', value_name = "N|N,N,…", help_heading = "Network")]
    pub hidden: Option<Sizes>,
    /// Size of the embedding; follows the last of --hidden while weights are tied
    #[arg(long, short = 'E', value_name = "N", help_heading = "Network")]
    pub embed: Option<usize>,
    /// Recurrent layers; a list of --hidden says how many by itself
    #[arg(long, short = 'L', value_name = "N", help_heading = "Network")]
    pub layers: Option<usize>,
    /// Let the output layer share the embedding's weights, through a projection where sizes differ (undo with --no-tied)
    #[arg(
        long,
        help_heading = "Network",
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub tied: Option<bool>,
    /// Give the output layer weights of its own
    #[arg(long, help_heading = "Network", conflicts_with = "tied")]
    #[serde(skip)]
    pub no_tied: bool,
}

impl NetworkOptions {
    /// Whether to tie, if that was said in either way.
    pub fn tied(&self) -> Option<bool> {
        if self.no_tied { Some(false) } else { self.tied }
    }
}
