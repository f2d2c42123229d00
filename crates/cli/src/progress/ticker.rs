//! Progress of long work through a text: a spinner on a terminal, a line now and then in a log.

use super::spinner;
use crate::output::{is_dumb, say};
use indicatif::ProgressBar;
use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

/// Between two redraws of the spinner.
const REDRAW: Duration = Duration::from_millis(100);
/// Between two lines in a log. Work that takes less time is not mentioned.
const LINE_EVERY: Duration = Duration::from_secs(30);
/// Calls between two looks at the clock.
const CALLS: u32 = 64;

/// Shows how far a command is on standard error.
pub struct Ticker {
    spinner: Option<ProgressBar>,
    quiet: bool,
    calls: u32,
    shown: Instant,
}

impl Ticker {
    /// Shows nothing if `quiet`. Where results are printed to the same terminal, as `prints` says, they are progress enough.
    pub fn new(quiet: bool, prints: bool) -> Ticker {
        let terminal = io::stderr().is_terminal() && !is_dumb();
        Ticker {
            spinner: (terminal && !quiet).then(|| spinner(false)),
            quiet: quiet || prints && io::stdout().is_terminal(),
            calls: 0,
            shown: Instant::now(),
        }
    }

    /// Shows `message` if it is time.
    pub fn tick(&mut self, message: impl FnOnce() -> String) {
        self.calls += 1;
        if self.calls.is_multiple_of(CALLS) {
            self.show(message);
        }
    }

    /// Shows `message` if it is time, for work of which each part may take long.
    pub fn show(&mut self, message: impl FnOnce() -> String) {
        if self.quiet {
            return;
        }
        let every = if self.spinner.is_some() {
            REDRAW
        } else {
            LINE_EVERY
        };
        if self.shown.elapsed() < every {
            return;
        }
        self.shown = Instant::now();
        match &self.spinner {
            Some(spinner) => spinner.set_message(message()),
            None => say(message()),
        }
    }

    /// Takes the spinner off the terminal.
    pub fn finish(&self) {
        if let Some(spinner) = &self.spinner {
            spinner.finish_and_clear();
        }
    }
}
