//! Training: windows of text become updates of weights, and a run that survives anything.

pub mod bptt;
pub mod config;
pub mod guard;
pub mod job;
pub mod optim;
pub mod schedule;
pub mod watch;

pub use config::Config;
pub use job::{Job, Machine, NewBudget, VocabularyFrom};
pub use watch::{Best, Ending, Event, Outcome, Ready, Step, Validation, Watch};
