//! The texts of a laboratory: a text in two parts, and sources whose laws are known.
//!
//! ```text
//! uniform   every symbol is drawn from n, all alike: no model can have a perplexity below n
//! cycle     the n symbols in turn: a model that has learnt this has perplexity 1
//! echo      x_t = x_{t−d} with probability p, else one of n: its best perplexity is known, and a model that remembers less than d steps has n
//! ```

use crate::error::{LabError, Result};
use elman_kernels::rng::{Site, Stream, key};
use elman_store::write_atomic;
use elman_text as text;
use elman_text::lines::Input;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Share of the text that is held out: one part in this number.
const HELD_OUT: usize = 12;

/// The laboratory's text in two parts, each a file.
#[derive(Clone, Debug)]
pub struct Texts {
    /// File of the part that is trained on.
    pub train: PathBuf,
    /// File of the held-out part.
    pub valid: PathBuf,
    /// Size of the training part in bytes.
    pub train_bytes: usize,
    /// Size of the held-out part in bytes.
    pub valid_bytes: usize,
}

impl Texts {
    /// Cuts `text` at an end of a line, into a part to learn and a part to be tested on.
    ///
    /// Errors: fewer than twenty-four lines, bytes that are not UTF-8.
    pub(crate) fn cut(text: &[u8]) -> Result<[String; 2]> {
        let text = std::str::from_utf8(text).map_err(|error| LabError::NotUtf8 {
            at: error.valid_up_to(),
        })?;
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        if lines.len() < 2 * HELD_OUT {
            return Err(LabError::FewLines {
                lines: lines.len(),
                bytes: text.len(),
                least: 2 * HELD_OUT,
            }
            .into());
        }
        let (train, valid) = lines.split_at(lines.len() - lines.len() / HELD_OUT);
        Ok([train.concat(), valid.concat()])
    }

    /// Writes the two parts into `directory`.
    pub(crate) fn write(directory: &Path, [train, valid]: [String; 2]) -> Result<Texts> {
        let part = |name: &str, text: &str| -> Result<PathBuf> {
            let path = directory.join(name);
            write_text(&path, text)?;
            Ok(path)
        };
        Ok(Texts {
            train_bytes: train.len(),
            valid_bytes: valid.len(),
            train: part("train.txt", &train)?,
            valid: part("valid.txt", &valid)?,
        })
    }
}

/// The beginning of a text, plain, gzip or zstd: all of it, or at most `most` bytes up to the end of a line.
pub(crate) fn beginning(source: text::Source, most: usize) -> Result<Vec<u8>> {
    let mut input = Input::open(source)?;
    let mut buffer = vec![0; 1 << 16];
    let mut text = Vec::new();
    while text.len() <= most {
        match input.read(&mut buffer)? {
            0 => return Ok(text),
            n => text.extend_from_slice(&buffer[..n]),
        }
    }
    text.truncate(most);
    let end = text.iter().rposition(|byte| *byte == b'\n');
    text.truncate(end.map_or(0, |end| end + 1));
    Ok(text)
}

/// A source whose law is known, over n symbols of one character.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Source {
    Uniform { symbols: usize },
    Cycle { symbols: usize },
    Echo { symbols: usize, lag: usize, p: f64 },
}

impl Source {
    /// The perplexity that no model of the source can better.
    pub fn least_perplexity(self) -> f64 {
        match self {
            Source::Uniform { symbols } => symbols as f64,
            Source::Cycle { .. } => 1.0,
            Source::Echo { symbols, p, .. } => {
                let (n, other) = (symbols as f64, (1.0 - p) / symbols as f64);
                let kept = p + other;
                let nats = -kept * libm::log(kept) - (n - 1.0) * other * libm::log(other);
                libm::exp(nats)
            }
        }
    }

    /// Draws a text of `length` symbols; `number` distinguishes texts of one seed.
    pub fn text(self, length: usize, seed: u64, number: u64) -> String {
        const ALPHABET: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
        let mut draws = Stream::new(key(seed, Site::Laboratory, number));
        let mut ids: Vec<usize> = Vec::with_capacity(length);
        for t in 0..length {
            let mut any = |symbols: usize| draws.below(symbols as u32) as usize;
            let id = match self {
                Source::Uniform { symbols } => any(symbols),
                Source::Cycle { symbols } => t % symbols,
                Source::Echo { symbols, lag, p } => {
                    let fresh = any(symbols);
                    match t >= lag && draws.uniform_f64() < p {
                        true => ids[t - lag],
                        false => fresh,
                    }
                }
            };
            ids.push(id);
        }
        ids.into_iter().map(|id| char::from(ALPHABET[id])).collect()
    }
}

pub(crate) fn write_text(path: &Path, text: &str) -> Result<()> {
    Ok(write_atomic(path, |file| file.write_all(text.as_bytes()))?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_obey_their_laws() {
        let echo = Source::Echo {
            symbols: 4,
            lag: 5,
            p: 0.9,
        };
        let text = echo.text(20_000, 1, 0).into_bytes();
        let same = (5..text.len()).filter(|&t| text[t] == text[t - 5]).count();
        let share = same as f64 / (text.len() - 5) as f64;
        assert!((share - 0.925).abs() < 0.01, "{share}");
        // Entropy by counting, of what was predicted from five back.
        let nats = -(share * share.ln() + (1.0 - share) * ((1.0 - share) / 3.0).ln());
        assert!((nats.exp() / echo.least_perplexity() - 1.0).abs() < 0.03);

        assert_eq!(Source::Cycle { symbols: 3 }.text(7, 1, 0), "abcabca");
        let uniform = Source::Uniform { symbols: 50 };
        let text = uniform.text(50_000, 1, 0);
        let most = (b'a'..=b'z').map(|c| text.bytes().filter(|b| *b == c).count());
        assert!(most.max().is_some_and(|most| most < 1200));
        assert_ne!(text, uniform.text(50_000, 1, 1));
        assert_eq!(uniform.least_perplexity(), 50.0);
    }

    #[test]
    fn a_text_is_cut_at_lines_and_no_line_is_in_both_parts() {
        let room = tempfile::tempdir().unwrap();
        let text: String = (0..100).map(|i| format!("line {i}\n")).collect();
        let source = || text::Source::Reader {
            name: "lines".into(),
            reader: Box::new(std::io::Cursor::new(text.clone().into_bytes())),
        };
        assert_eq!(beginning(source(), 10_000).unwrap(), text.as_bytes());
        let cut = beginning(source(), 500).unwrap();
        assert!(text.as_bytes().starts_with(&cut) && cut.len() > 490 && cut.ends_with(b"\n"));
        let texts = Texts::write(room.path(), Texts::cut(&cut).unwrap()).unwrap();
        let read = |path| std::fs::read_to_string(path).unwrap();
        let (train, valid) = (read(&texts.train), read(&texts.valid));
        assert_eq!(format!("{train}{valid}").into_bytes(), cut);
        assert!(valid.lines().count() >= 4 && train.ends_with('\n'));
        assert!(Texts::cut(b"one line").is_err());
        assert!(Texts::cut(b"\xff").is_err());
    }
}
