//! Taking turns: one sweep at a time for each user of a machine, so that none halves the speed of another.

use crate::output::say;
use crate::places;
use anyhow::{Result, bail};
use elman::store::{Lock, StoreError, disk};
use std::time::Duration;

/// Held while a sweep is at work. The system takes it back however the process ends.
pub struct Turn {
    _lock: Lock,
}

/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

impl Turn {
    /// Takes the turn; while another sweep has it, waits for its end or ends with an error.
    pub fn take(wait: bool) -> Result<Turn> {
        let place = places::session().join("sweep");
        disk::create_dir_all(&place)?;
        let mut told = false;
        loop {
            let holder = match Lock::acquire(&place) {
                Ok(lock) => return Ok(Turn { _lock: lock }),
                Err(StoreError::Locked { holder, .. }) => holder,
                Err(error) => return Err(error.into()),
            };
            if !wait {
                bail!(
                    "another sweep is running on this machine ({holder}), and two at once would slow each other down: add --wait to start when it has ended"
                );
            }
            if !told {
                say(format_args!(
                    "waiting for another sweep on this machine ({holder})"
                ));
                told = true;
            }
            std::thread::sleep(PAUSE);
        }
    }
}
