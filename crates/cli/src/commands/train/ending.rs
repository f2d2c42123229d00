//! What is said when a run has ended.

use crate::output::say;
use crate::progress::{Form, Progress};
use crate::signals::Stop;
use crate::summary::{self, Memory};
use anyhow::Result;
use elman::Model;
use elman::infer::{Sampling, generate};
use elman::text::Layout;
use elman::train::{Ending, Machine, Outcome};
use elman_kernels::Cpu;
use serde::Serialize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Reports the outcome, lets the model write a few lines where it has learnt to, and says what can be done next.
pub fn report(
    ended: &Ended,
    progress: &Progress,
    form: Form,
    stop: &Stop,
    machine: &Machine,
) -> Result<()> {
    let Ended {
        directory,
        outcome,
        memory,
    } = ended;
    if form == Form::Quiet {
        return Ok(());
    }
    let planned = progress.planned();
    // A network that has learnt answers alone has no idea of the rest.
    let only_answers = planned.is_some_and(|planned| planned.loss_after.is_some());
    let failed = outcome.ending == Ending::Diverged;
    let sample = if stop.is_wished() || only_answers || failed {
        None
    } else {
        Some(sample(directory, machine)?)
    };
    progress.emit(
        "end",
        &End {
            outcome,
            sample: sample.as_deref(),
            memory: *memory,
        },
    );
    if form == Form::People {
        say(format_args!(
            "\n{}",
            summary::ended(outcome, planned, *memory)
        ));
        if let Some(sample) = sample {
            say(format_args!("\nsample:\n{}", summary::indented(&sample)));
        }
        say(format_args!(
            "\n{}",
            summary::next(directory, outcome, planned)
        ));
    }
    Ok(())
}

/// A run that has ended.
pub struct Ended {
    pub directory: PathBuf,
    pub outcome: Outcome,
    pub memory: Option<Memory>,
}

#[derive(Serialize)]
struct End<'a> {
    #[serde(flatten)]
    outcome: &'a Outcome,
    sample: Option<&'a str>,
    memory: Option<Memory>,
}

/// About sixty words that show what was learnt.
fn sample(directory: &Path, machine: &Machine) -> Result<String> {
    let cpu = Cpu::new(machine.isa, machine.threads);
    let model = Model::load(directory)?.with_cpu(cpu);
    let options = Sampling::glimpse(model.vocab().kind());
    let texts = match model.layout() {
        Layout::Stream => 1,
        Layout::Sentences => 5,
    };
    let generated = generate(&model, b"", texts, &options, &mut |_, _| {
        ControlFlow::Continue(())
    })?;
    let texts = generated.samples.iter().map(|sample| &*sample.text);
    let text = texts.collect::<Vec<&[u8]>>().join(&b'\n');
    Ok(String::from_utf8_lossy(&text).into_owned())
}
