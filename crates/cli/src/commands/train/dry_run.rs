//! `elman train --dry-run`: what a run would do.

use super::TrainArgs;
use crate::commands::name_of;
use crate::output::usage;
use crate::progress::{Form, Progress};
use crate::rundir;
use crate::signals::Stop;
use crate::summary;
use anyhow::Result;
use elman::train::{Event, Folder, Machine, Watch};
use std::io::{self, Write};

/// Tells what a run would do. With --force a run may be there, and stays.
pub fn run(args: TrainArgs, machine: Machine, form: Form) -> Result<()> {
    let mut resolved = args.resolved()?;
    if args.dashes() > 0 {
        return Err(usage(
            "--dry-run writes nothing, and standard input would have to be kept to be read twice: give a file, not '-'",
        ));
    }
    let run = args.directory();
    match args.force {
        true => {
            args.check_inputs(&run)?;
            rundir::refuse_foreign(&run)?;
        }
        false => Folder::refuse_existing(&run)?,
    }
    let text = name_of(&args.texts);
    let mut telling = Telling {
        progress: Progress::new(form, text.clone(), Stop::default()),
        form,
        text,
    };
    for note in std::mem::take(&mut resolved.notes) {
        telling.event(&Event::Note(note));
    }
    Ok(elman::train::dry_run(
        &args.job(resolved, run, machine),
        &mut telling,
    )?)
}

/// Watches a run that does not begin: its summary is the result.
struct Telling {
    progress: Progress,
    form: Form,
    text: String,
}

impl Watch for Telling {
    fn event(&mut self, event: &Event) {
        match (event, self.form) {
            (Event::Ready(ready), Form::People) => {
                self.progress.finish();
                // That nobody reads it is no error.
                let _ = writeln!(io::stdout(), "{}", summary::told(ready, &self.text));
            }
            (Event::Ready(ready), _) => self.progress.announce(ready),
            _ => self.progress.event(event),
        }
    }
}
