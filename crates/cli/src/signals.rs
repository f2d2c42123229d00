//! Being asked to stop, by Ctrl-C or by `kill`.
//!
//! The first signal asks a run to save and end, a second one ends the process at once. Either way the exit code
//! is 128 plus the number of the signal, the same as when the signal itself ends a process: 130 after Ctrl-C, 143 after `kill`.
//! So a script does not take half a run for a whole one. Nothing is installed before there is something to save: until then the system's
//! own behaviour is the right one.

use anyhow::{Context, Result};
use signal_hook::consts::signal;
use signal_hook::flag;
use std::fmt::{self, Display};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The exit code after signal n is this and n, by convention.
const SIGNALLED: i32 = 128;

/// The end of a command that a signal has stopped, after it has saved what it had and said so.
#[derive(Debug)]
pub struct Interrupted {
    signal: i32,
}

impl Interrupted {
    /// The exit code of the process.
    pub fn exit_code(&self) -> u8 {
        u8::try_from(SIGNALLED + self.signal).unwrap_or(u8::MAX)
    }
}

impl Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stopped by signal {}", self.signal)
    }
}

impl std::error::Error for Interrupted {}

/// A wish to stop. Clones share it.
#[derive(Clone, Default)]
pub struct Stop {
    wished: Arc<AtomicBool>,
    /// The signal that wished it, or 0.
    signal: Arc<AtomicUsize>,
    listening: Arc<AtomicBool>,
}

impl Stop {
    /// Once: a second call does nothing, since two handlers would take one signal for two.
    ///
    /// From now on signals raise the flag instead of ending the process. A signal that the process
    /// was started to ignore, as under `nohup`, stays ignored.
    pub fn on_signals(&self) -> Result<()> {
        if self.listening.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let ignored = ignored_signals();
        for number in signals()
            .into_iter()
            .filter(|number| ignored >> (number - 1) & 1 == 0)
        {
            // The order matters: the first signal finds the flag down and only raises it.
            let signal = (self.signal.clone(), number as usize);
            flag::register_conditional_shutdown(number, SIGNALLED + number, self.wished.clone())
                .and_then(|_| flag::register_usize(number, signal.0, signal.1))
                .and_then(|_| flag::register(number, self.wished.clone()))
                .context("cannot listen for signals")?;
        }
        Ok(())
    }

    pub fn wish(&self) {
        self.wished.store(true, Ordering::Relaxed);
    }

    /// Error: [`Interrupted`] if a signal has wished it.
    pub fn check(&self) -> Result<(), Interrupted> {
        match self.signal.load(Ordering::Relaxed) {
            0 => Ok(()),
            signal => Err(Interrupted {
                signal: signal as i32,
            }),
        }
    }

    pub fn is_wished(&self) -> bool {
        self.wished.load(Ordering::Relaxed)
    }
}

#[cfg(unix)]
fn signals() -> Vec<i32> {
    vec![signal::SIGINT, signal::SIGTERM, signal::SIGHUP]
}

#[cfg(not(unix))]
fn signals() -> Vec<i32> {
    vec![signal::SIGINT, signal::SIGTERM]
}

/// The signals that this process ignores, bit n − 1 for signal n; none where the system does not say.
fn ignored_signals() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}
