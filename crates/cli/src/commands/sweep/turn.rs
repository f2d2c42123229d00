//! Taking turns: one sweep at a time for each user of a machine, so that none halves the speed of another.

use crate::output::say;
use anyhow::{Result, bail};
use elman::store::{Lock, StoreError, disk};
use std::ffi::OsString;
use std::path::PathBuf;
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
        let place = place(|name| std::env::var_os(name).filter(|path| !path.is_empty()));
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
                    "another sweep is at work on this machine ({holder}), and two at once would slow each other down: give --wait to begin when it has ended"
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

/// The user's directory for what belongs to a session, or the cache, or the temporary one.
fn place(variable: impl Fn(&str) -> Option<OsString>) -> PathBuf {
    let home = || variable("HOME").map(|home| PathBuf::from(home).join(".cache"));
    variable("XDG_RUNTIME_DIR")
        .or_else(|| variable("XDG_CACHE_HOME"))
        .map(PathBuf::from)
        .or_else(home)
        .unwrap_or_else(std::env::temp_dir)
        .join("elman")
        .join("sweep")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_lies_where_the_system_says() {
        let of = |set: &[(&str, &str)]| {
            place(|name| {
                let found = set.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| value.into())
            })
        };
        let all = [("XDG_RUNTIME_DIR", "/run/user/1"), ("HOME", "/home/a")];
        assert_eq!(of(&all), PathBuf::from("/run/user/1/elman/sweep"));
        assert_eq!(of(&all[1..]), PathBuf::from("/home/a/.cache/elman/sweep"));
        assert!(of(&[]).ends_with("elman/sweep"));
    }
}
