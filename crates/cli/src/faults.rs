//! What ends the program without being an error of the user's: a limit of the system that its libraries do not report as an
//! error, or a fault of elman's own. Either is one line.

use crate::output::say;
use std::any::Any;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

/// Messages of panics that the system is to blame for, and what to do.
const SYSTEM: [(&str, &str); 5] = [
    ("the system refuses another thread", THREADS),
    ("global thread pool has not been initialized", THREADS),
    ("failed to spawn thread", THREADS),
    (
        "unexpected error during closedir",
        "the system reports an error on closing a directory: check the disk, then run again",
    ),
    (
        "failed printing to std",
        "the output cannot be written: check the disk or the program that reads it",
    ),
];
const THREADS: &str = "the system refuses to start another thread: allow more processes (ulimit -u), or ask for fewer threads with --threads 1";

/// Runs `work`; `None` if it panicked, which has then been reported.
pub fn reported<T>(work: impl FnOnce() -> T) -> Option<T> {
    std::panic::set_hook(Box::new(report));
    listen_for_limits();
    catch_unwind(AssertUnwindSafe(work)).ok()
}

/// Prints the first panic that nobody expects.
fn report(panic: &PanicHookInfo) {
    // One in another thread is followed by one in the thread that waits for it.
    static REPORTED: AtomicBool = AtomicBool::new(false);
    if elman::text::contain::is_contained() || REPORTED.swap(true, Ordering::Relaxed) {
        return;
    }
    let message = message(panic.payload());
    let known = SYSTEM.iter().find(|(part, _)| message.contains(part));
    if let Some((_, what)) = known {
        return say(format_args!(
            "error: {what} ({})",
            one_line(cause(&message))
        ));
    }
    let place = panic.location().map(ToString::to_string);
    let command: Vec<String> = std::env::args().skip(1).collect();
    say(format_args!(
        "error: this is a fault in elman: please report it with this line and, if you can, the files that the command read: elman {}, {} at {}, command: elman {}",
        env!("CARGO_PKG_VERSION"),
        one_line(&message),
        place.as_deref().unwrap_or("an unknown place"),
        one_line(&command.join(" ")),
    ));
}

/// What the system says, where a message quotes its error as Rust prints it for programmers.
fn cause(message: &str) -> &str {
    let quoted = message.split_once("message: \"").map(|(_, rest)| rest);
    let cause = quoted.and_then(|rest| rest.split_once('"'));
    cause.map_or(message, |(cause, _)| cause)
}

fn message(payload: &dyn Any) -> String {
    let text = payload.downcast_ref::<&str>().map(ToString::to_string);
    text.or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".into())
}

/// Without line ends and other control characters.
fn one_line(text: &str) -> String {
    let parts: Vec<&str> = text
        .split(char::is_control)
        .filter(|part| !part.is_empty())
        .collect();
    parts.join(" ")
}

/// A file beyond the limit on file sizes is an error of the write, and not the end of the process.
fn listen_for_limits() {
    #[cfg(unix)]
    {
        // Only so that the signal is handled; the error that the write returns says the rest.
        let seen = std::sync::Arc::new(AtomicBool::new(false));
        let _ = signal_hook::flag::register(signal_hook::consts::signal::SIGXFSZ, seen);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_is_quoted_in_plain_words() {
        let error = std::io::Error::from_raw_os_error(11);
        let message = format!("the system refuses another thread: {error:?}");
        assert_eq!(cause(&message), "Resource temporarily unavailable");
        assert_eq!(cause("no quotes"), "no quotes");
    }
}
