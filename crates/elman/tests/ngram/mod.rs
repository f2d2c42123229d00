//! N-gram models from text to file and back.
#![allow(clippy::unwrap_used, reason = "tests may stop")]

mod kneser_ney;
mod prune;
mod reference;
mod stretch;
mod texts;
