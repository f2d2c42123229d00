//! Events as JSON, one object a line on standard output, each flushed: `{"event":"step",…}`.
//! Numbers that are not finite are null.

use elman::net::dims::TrainPlan;
use elman::train::Config;
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};

/// Writes one event.
pub fn write(event: &'static str, body: &impl Serialize) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a, T> {
        event: &'static str,
        #[serde(flatten)]
        body: &'a T,
    }
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, &Line { event, body })?;
    out.write_all(b"\n")?;
    out.flush()
}

#[derive(Serialize)]
pub struct Note<'a> {
    pub text: &'a str,
}

#[derive(Serialize)]
pub struct Saved {
    pub step: u64,
}

/// [`elman::train::RunPlan`] in plain numbers.
#[derive(Serialize)]
pub struct Ready<'a> {
    run: Cow<'a, str>,
    config: &'a Config,
    vocabulary: usize,
    parameters: usize,
    planned_bytes: u64,
    plan: TrainPlan,
    train_tokens: usize,
    valid_tokens: usize,
    windows_per_epoch: u64,
    steps_per_epoch: u64,
    step: u64,
    total_steps: Option<u64>,
    threads: usize,
    isa: &'static str,
}

impl<'a> Ready<'a> {
    pub fn new(ready: &elman::train::RunPlan<'a>) -> Ready<'a> {
        Ready {
            run: ready.run.to_string_lossy(),
            config: ready.config,
            vocabulary: ready.dims.vocab,
            parameters: ready.parameters,
            planned_bytes: ready.plan.total_bytes(),
            plan: ready.plan,
            train_tokens: ready.train_tokens,
            valid_tokens: ready.valid_tokens,
            windows_per_epoch: ready.windows_per_epoch,
            steps_per_epoch: ready.steps_per_epoch,
            step: ready.step,
            total_steps: ready.total_steps,
            threads: ready.threads,
            isa: ready.isa,
        }
    }
}
