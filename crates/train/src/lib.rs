//! Training: a network learns from windows of text, in a [`Trainer`] or in a run that survives interruption.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod adapt;
pub mod bptt;
pub mod cache;
mod tensorboard;
// The documentation of an option is its help too, which prints `<unk>` and `<eos>` as they are.
#[allow(rustdoc::invalid_html_tags)]
pub mod config;
mod error;
pub mod folder;
mod groups;
pub mod guard;
pub mod job;
pub mod metrics;
pub mod objective;
pub mod optim;
mod ranks;
pub mod run;
pub mod schedule;
pub mod scheduled;
pub mod state;
pub mod status;
pub mod step;
mod texts;
mod trainer;
pub mod watch;
pub mod windows;

pub use adapt::{AdaptOptions, AdaptiveNetwork};
pub use cache::Cache;
pub use config::Config;
pub use elman_infer::VocabularyFrom;
pub use error::{BestModel, Error, MemoryRemedy, Result, RunError, TrainError};
pub use folder::{Folder, Inputs, Record, read_record};
pub use job::{Changes, Job, Machine, NewBudget};
pub use ranks::{Ranks, Team};
pub use run::{
    assist, available_bytes, compare, dismiss, dry_run, dry_run_among, peak_bytes, plan,
    plan_shapes, resume, resume_together, start, start_on, start_together, total_bytes,
    training_size,
};
pub use texts::{Surveys, TokenTexts, VALIDATION_FRACTION};
pub use trainer::{Batch, Trainer};
pub use watch::{
    Best, Ending, Event, GradientFlow, Outcome, RunPlan, Sample, StepReport, Validation, Watch,
};
