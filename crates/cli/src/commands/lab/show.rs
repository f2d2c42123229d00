//! What is seen while a laboratory is at work: a line for each claim, and on a terminal what is being done. Runs keep pages of their own.

use crate::output::{grouped, number};
use crate::progress::spinner;
use crate::run_page::Keeper;
use crate::signals::Stop;
use elman::train::{Event, Watch};
use indicatif::ProgressBar;

/// Watches all runs of a laboratory.
pub struct Show {
    stop: Stop,
    spinner: ProgressBar,
    /// The run at work.
    run: String,
    page: Option<Keeper>,
}

impl Show {
    pub fn new(stop: Stop) -> Show {
        Show {
            stop,
            spinner: spinner(false),
            run: String::new(),
            page: None,
        }
    }

    /// Takes what is being done away, and writes the last run's page.
    pub fn finish(&mut self) {
        self.write_page();
        self.spinner.finish_and_clear();
    }

    /// That a page cannot be written is no reason to measure nothing.
    fn write_page(&mut self) {
        if let Some(mut page) = self.page.take()
            && let Err(error) = page.write()
        {
            let note = crate::output::in_one_line(&error);
            self.spinner
                .suspend(|| crate::output::say(format_args!("note: {note}")));
        }
    }
}

impl Watch for Show {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Note(what) => self.spinner.set_message(what.clone()),
            Event::Ready(ready) => {
                self.write_page();
                self.page = Some(Keeper::new(ready.run));
                let name = ready.run.file_name().unwrap_or_default();
                self.run = name.to_string_lossy().into_owned();
            }
            Event::Step(step) => self.spinner.set_message(format!(
                "training {}: step {} of {}, loss {}",
                self.run,
                grouped(step.step),
                grouped(step.total_steps),
                number(step.loss_nats)
            )),
            Event::Writing { .. } | Event::Recorded(_) | Event::Saved { .. } => {}
        }
    }

    fn stop_requested(&self) -> bool {
        self.stop.is_wished()
    }
}
