//! Being asked to stop, by Ctrl-C or by `kill`.
//!
//! The first signal asks a run to save and end, a second one ends the process at once with exit
//! code 130. Nothing is installed before there is something to save: until then the system's own
//! behaviour is the right one.

use anyhow::{Context, Result};
use signal_hook::consts::signal;
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// The exit code after an interruption, by convention 128 + SIGINT.
const INTERRUPTED: i32 = 130;

/// A wish to stop. Clones share it.
#[derive(Clone, Default)]
pub struct Stop {
    wished: Arc<AtomicBool>,
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
            flag::register_conditional_shutdown(number, INTERRUPTED, self.wished.clone())
                .and_then(|_| flag::register(number, self.wished.clone()))
                .context("cannot listen for signals")?;
        }
        Ok(())
    }

    pub fn wish(&self) {
        self.wished.store(true, Ordering::Relaxed);
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
