//! Weighted texts: how often an epoch reads each of several.
//!
//! Weight 2 reads a text twice in every epoch; weight 0.5 reads half of it; weight 2.5 reads it twice, and half of it once more.
//! The fraction f of a text of n bytes is one stretch of f·n bytes of it, rounded up to line ends, that begins at a line chosen
//! by (seed, place of the text in the list) and continues at the text's beginning where its end is reached. It is the same
//! stretch in every epoch of a run.
//!
//! Texts are read in rounds: all those of weight 1 or more once, in order; then those of weight 2 or more; and so on; at last the
//! fractions. Every text in a round is a document, a fraction that continues at the beginning is two. The vocabulary is counted in
//! what is read, so a text of weight 2 counts twice.

use std::ops::Range;
use std::path::PathBuf;

use super::lines::Source;
use super::split::{cut, length};
use super::{Split, TextError};
use elman_kernels::rng::{Site, Stream, key};

/// Largest weight of a text: the most times that an epoch reads it.
pub const MOST_WEIGHT: f64 = 1000.0;

/// Sources that an epoch reads from weighted texts, one weight for each of `files`.
///
/// A `split` limits the files to their training parts. Errors: files that cannot be read twice,
/// [`TextError::Weight`], and nothing to read.
pub fn portions(
    files: &[PathBuf],
    weights: &[f64],
    split: Option<&Split>,
    seed: u64,
) -> Result<Vec<Source>, TextError> {
    assert_eq!(files.len(), weights.len(), "every text has a weight");
    let end = split.map_or(u64::MAX, |split| split.at);
    let mut base = 0;
    let mut parts = Vec::new();
    for ((place, path), &weight) in (0..).zip(files).zip(weights) {
        if !(weight > 0.0 && weight <= MOST_WEIGHT) {
            return Err(TextError::Weight {
                path: path.clone(),
                weight,
            });
        }
        let whole = length(path)?;
        let draws = Stream::new(key(seed, Site::Portion, place));
        parts.push(Part {
            path,
            length: whole,
            read: whole.min(end.saturating_sub(base)),
            weight,
            start: draws.clone().uniform_f64(),
        });
        base += whole;
    }
    parts.retain(|part| part.read > 0);
    let mut sources = Vec::new();
    let rounds = parts.iter().map(|part| part.weight as u64).max();
    for round in 1..=rounds.ok_or(TextError::NoSource)? {
        let in_it = parts.iter().filter(|part| part.weight >= round as f64);
        sources.extend(in_it.map(|part| part.source(0..part.read)));
    }
    for part in &parts {
        sources.extend(part.fraction()?);
    }
    Ok(sources)
}

/// The part of a text that is trained on.
struct Part<'a> {
    path: &'a PathBuf,
    /// Bytes of the whole file.
    length: u64,
    /// Bytes of its beginning that may be read.
    read: u64,
    weight: f64,
    /// Where the fraction begins, in [0, 1).
    start: f64,
}

impl Part<'_> {
    fn source(&self, range: Range<u64>) -> Source {
        Source::Stretch {
            path: self.path.clone(),
            range,
        }
    }

    fn fraction(&self) -> Result<Vec<Source>, TextError> {
        let bytes = (self.weight.fract() * self.read as f64).ceil() as u64;
        if bytes == 0 {
            return Ok(Vec::new());
        }
        let from = match self.line((self.start * self.read as f64) as u64)? {
            end if end == self.read => 0,
            from => from,
        };
        let first = from..self.line((from + bytes).min(self.read))?;
        let rest = bytes.saturating_sub(first.end - first.start);
        let second = 0..self.line(rest)?.min(from);
        let stretches = [first, second].into_iter().filter(|part| !part.is_empty());
        Ok(stretches.map(|part| self.source(part)).collect())
    }

    /// The first line that begins at byte `at` or later, or the end.
    fn line(&self, at: u64) -> Result<u64, TextError> {
        match at {
            0 => Ok(0),
            at if at >= self.read => Ok(self.read),
            at => Ok(cut(self.path, at, self.length, true)?.min(self.read)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ReadOptions, Vocab, encode};
    use std::io::Write;

    fn written(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn read(sources: Vec<Source>) -> String {
        let vocab = Vocab::bytes();
        let mut ids = Vec::new();
        encode(sources, &vocab, &ReadOptions::default(), &mut |symbol| {
            ids.push(symbol.id);
            Ok::<(), TextError>(())
        })
        .unwrap();
        let documents = ids.split(|&id| id == vocab.eos());
        let texts = documents.map(|ids| String::from_utf8(vocab.decode(ids)).unwrap());
        texts.collect::<Vec<_>>().join("|")
    }

    #[test]
    fn whole_weights_are_read_in_rounds() {
        let (a, b) = (written("a\n"), written("b"));
        let files = [a.path().to_owned(), b.path().to_owned()];
        let of = |weights: &[f64]| read(portions(&files, weights, None, 1).unwrap());
        assert_eq!(of(&[1.0, 1.0]), "a\n|b|");
        assert_eq!(of(&[3.0, 2.0]), "a\n|b|a\n|b|a\n|");
        let split = Split { at: 2, total: 3 };
        let train = portions(&files, &[2.0, 2.0], Some(&split), 1).unwrap();
        assert_eq!(read(train), "a\n|a\n|");
        for wrong in [0.0, -1.0, f64::NAN, f64::INFINITY, 1001.0] {
            let error = portions(&files, &[wrong, 1.0], None, 1).err().unwrap();
            assert!(matches!(error, TextError::Weight { .. }), "{error}");
        }
    }

    #[test]
    fn a_fraction_is_a_stretch_of_lines() {
        let text: String = (100..300).map(|i| format!("line {i}\n")).collect();
        let file = [written(&text).into_temp_path()];
        let path = [file[0].to_path_buf()];
        let of = |weight: f64, seed| read(portions(&path, &[weight], None, seed).unwrap());
        let mut starts = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let half = of(0.5, seed);
            assert_eq!(half, of(0.5, seed), "keyed by the seed");
            let mut lines: Vec<&str> = half.split(['|', '\n']).filter(|l| !l.is_empty()).collect();
            starts.insert(lines[0].to_owned());
            // Half of the bytes, of which a wrapped stretch rounds up twice.
            assert!((100..=101).contains(&lines.len()), "{}", lines.len());
            lines.sort_unstable();
            lines.dedup();
            assert!(lines.len() >= 100, "no line is read twice");
            assert!(lines.iter().all(|line| text.contains(&format!("{line}\n"))));
            // A whole and the same half.
            assert_eq!(of(1.5, seed), format!("{text}|{half}"));
        }
        assert!(starts.len() > 15);
        assert_eq!(of(0.0001, 1).matches("line").count(), 1);
    }
}
