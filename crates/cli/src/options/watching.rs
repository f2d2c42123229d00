//! What a run shows while it trains, and leaves for other programs. None of it changes what is computed.

use crate::args::Limit;
use crate::output::usage;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::train::folder::contents::EVENTS;
use serde::{Deserialize, Serialize};
use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Choices of the group; `None`: not chosen here.
#[derive(Args, Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct WatchingOptions {
    /// Let the present weights write a short text every so many steps [default: never]
    #[arg(long, value_name = "N|none", help_heading = "Watching")]
    pub sample_every: Option<Limit<u64>>,
    /// What these texts go on from [default: the beginning of a text]
    #[arg(
        long,
        value_name = "TEXT",
        help_heading = "Watching",
        allow_hyphen_values = true
    )]
    pub sample_prompt: Option<String>,
    /// Look at how gradients flow every so many steps: the norm of ∂h_t/∂h_k, a verdict [default: never]
    #[arg(long, value_name = "N|none", help_heading = "Watching")]
    pub watch_gradients: Option<Limit<u64>>,
    /// Write event files for TensorBoard, to DIR or to 'tensorboard' in the run's directory [default: none]
    #[arg(long, value_name = "DIR|none", help_heading = "Watching", num_args = 0..=1, require_equals = true,
        default_missing_value = "", value_hint = ValueHint::DirPath)]
    pub tensorboard: Option<EventFiles>,
}

/// Where event files go.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(
    untagged,
    expecting = "expected true, false or the path of a directory"
)]
pub enum EventFiles {
    /// In the run's directory, or nowhere.
    InRun(bool),
    Directory(PathBuf),
}

impl FromStr for EventFiles {
    type Err = Infallible;
    fn from_str(text: &str) -> Result<EventFiles, Infallible> {
        Ok(match text {
            "" => EventFiles::InRun(true),
            "none" => EventFiles::InRun(false),
            path => EventFiles::Directory(path.into()),
        })
    }
}

impl EventFiles {
    /// As in [`Config`]: seen from the run's directory, wherever the run is resumed.
    pub(super) fn path(self) -> Result<Option<PathBuf>> {
        match self {
            EventFiles::InRun(wanted) => Ok(wanted.then(|| Path::new(EVENTS).to_path_buf())),
            EventFiles::Directory(path) => match std::path::absolute(&path) {
                Ok(path) => Ok(Some(path)),
                Err(error) => Err(usage(format!("tensorboard: {}: {error}", path.display()))),
            },
        }
    }
}
