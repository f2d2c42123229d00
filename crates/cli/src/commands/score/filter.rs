//! `--filter`: the lines of a text whose perplexity lies between bounds, or has a rank.
//!
//! Ranks are those of all lines of the text, from the most likely one. Head, middle and tail are the lines below the 30th percentile of perplexity, up to the 60th, and above it, as
//! CCNet cuts them (Wenzek et al. 2020, "CCNet: extracting high quality monolingual datasets from web crawl data"). A text is then read twice: the perplexities go to a
//! scratch file, in which the two cuts are found digit by digit, and memory does not grow with the text.

use super::{Choices, Destination, Job, ScoreArgs, Writer, score};
use crate::commands::{is_stdin, sources};
use crate::output::usage;
use anyhow::{Error, Result};
use elman::Model;
use elman::infer::{LineSums, ScoredLine, Unknown};
use elman::store::disk;
use elman::text::read_lines;
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::str::FromStr;

/// Bits of a perplexity that one pass through the scratch file settles.
const DIGIT: u32 = 16;

/// Lines to keep: those whose perplexity, or its rank in percent, is at least `low` and below `high`; `None` is open.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Filter {
    low: f64,
    high: Option<f64>,
    by_rank: bool,
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Filter, String> {
        let expected = || {
            "expected head, middle, tail, perplexities such as ..500 or 50..500, or ranks such as 0%..10%".to_owned()
        };
        let text = match text {
            "head" => "0%..30%",
            "middle" => "30%..60%",
            "tail" => "60%..100%",
            other => other,
        };
        let (low, high) = text.split_once("..").ok_or_else(expected)?;
        let by_rank = text.contains('%');
        let number = |text: &str| match text {
            "" => Ok(None),
            text => {
                let digits = match by_rank {
                    true => text.strip_suffix('%').ok_or_else(expected)?,
                    false => text,
                };
                digits.parse::<f64>().map(Some).map_err(|_| expected())
            }
        };
        let most = by_rank.then_some(100.0);
        let low = number(low)?.unwrap_or(0.0);
        let high = number(high)?.or(most);
        let above = high.is_none_or(|high| low < high && high <= most.unwrap_or(f64::INFINITY));
        match low >= 0.0 && above {
            true => Ok(Filter { low, high, by_rank }),
            false => Err(expected()),
        }
    }
}

impl Filter {
    /// Whether a text has to be read twice.
    pub fn by_rank(self) -> bool {
        self.by_rank
    }

    fn keeps(self, perplexity: f64) -> bool {
        perplexity >= self.low && self.high.is_none_or(|high| perplexity < high)
    }
}

/// The perplexity of a line; a line without tokens has none and is infinitely unlikely.
fn perplexity(sums: &LineSums, unknown: Unknown) -> f64 {
    sums.perplexity(unknown).unwrap_or(f64::INFINITY)
}

/// Writes the lines that a filter by perplexity keeps.
pub struct Kept {
    pub filter: Filter,
    pub unknown: Unknown,
}

impl Writer for Kept {
    fn line(
        &mut self,
        line: &ScoredLine<'_>,
        sums: &LineSums,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self.filter.keeps(perplexity(sums, self.unknown)) {
            true => write_line(line.text, out),
            false => Ok(()),
        }
    }

    fn end(&mut self, _: &LineSums, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the perplexity of each line as eight bytes.
pub struct Perplexities(pub Unknown);

impl Writer for Perplexities {
    fn line(&mut self, _: &ScoredLine<'_>, sums: &LineSums, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(&perplexity(sums, self.0).to_le_bytes())
    }

    fn end(&mut self, _: &LineSums, _: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the lines that a filter by rank keeps.
pub fn by_rank(
    args: &ScoreArgs,
    filter: Filter,
    choices: Choices,
    model: &Model,
    job: Job,
    out: &mut dyn Destination,
) -> Result<()> {
    let texts = args.text.paths();
    if texts.iter().any(|text| is_stdin(text)) {
        return Err(usage(
            "a filter by rank reads the text twice: save standard input to a file, or filter by perplexity, such as --filter ..500",
        ));
    }
    let read = args.text.read_options();
    let mut scratch = BufWriter::new(disk::scratch(&std::env::temp_dir())?);
    let (sums, _) = score(args, choices, model, job, &mut scratch)?;
    let mut scratch = scratch.into_inner().map_err(|error| error.into_error())?;
    let cut = |percent: f64| (percent / 100.0 * sums.lines as f64) as u64;
    let Some(low) = nth(&mut scratch, cut(filter.low))? else {
        // No line has this rank.
        return Ok(());
    };
    let high = match filter.high {
        Some(percent) => nth(&mut scratch, cut(percent))?,
        None => None,
    };
    let filter = Filter {
        low,
        high,
        by_rank: false,
    };
    scratch.seek(SeekFrom::Start(0))?;
    let mut perplexities = BufReader::new(scratch);
    read_lines(sources(&texts)?, model.vocab().kind(), &read, &mut |line| {
        let mut bytes = [0; 8];
        perplexities.read_exact(&mut bytes)?;
        if filter.keeps(f64::from_le_bytes(bytes)) {
            write_line(line.bytes, out)?;
        }
        Ok::<(), Error>(())
    })?;
    Ok(())
}

fn write_line(line: &[u8], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(line)?;
    out.write_all(b"\n")
}

/// The number of rank `rank`, from 0 for the least, in a file of positive numbers; `None` if the file has fewer.
///
/// The bits of positive numbers are ordered as the numbers are, so each pass finds their next sixteen bits.
fn nth(file: &mut (impl Read + Seek), mut rank: u64) -> Result<Option<f64>> {
    let mut prefix = 0;
    for shift in (0..u64::BITS).step_by(DIGIT as usize).rev() {
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::with_capacity(1 << 16, &mut *file);
        let mut counts = vec![0u64; 1 << DIGIT];
        let mut bytes = [0; 8];
        loop {
            match reader.read_exact(&mut bytes) {
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => break,
                read => read?,
            }
            let bits = u64::from_le_bytes(bytes) >> shift;
            if bits >> DIGIT == prefix {
                counts[(bits & 0xFFFF) as usize] += 1;
            }
        }
        let Some(digit) = counts.iter().position(|&count| {
            let here = rank < count;
            rank -= if here { 0 } else { count };
            here
        }) else {
            return Ok(None);
        };
        prefix = prefix << DIGIT | digit as u64;
    }
    Ok(Some(f64::from_bits(prefix)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_of_perplexities_or_ranks() {
        let filter = |text: &str| text.parse::<Filter>();
        let of = |low, high, by_rank| {
            Ok(Filter {
                low,
                high: Some(high),
                by_rank,
            })
        };
        assert_eq!(filter("head"), of(0.0, 30.0, true));
        assert_eq!(filter("60%.."), of(60.0, 100.0, true));
        assert_eq!(filter("..500"), of(0.0, 500.0, false));
        assert_eq!(filter("50..1e3"), of(50.0, 1000.0, false));
        for text in [
            "", "500", "5..5", "9..5", "-1..5", "0%..101%", "5..9%", "a..b", "..nan",
        ] {
            assert!(filter(text).is_err(), "{text}");
        }
        assert!(filter("5..").unwrap().keeps(f64::INFINITY));
        assert!(!filter("5..inf").unwrap().keeps(f64::INFINITY));
        assert!(!filter("..5").unwrap().keeps(5.0));
    }

    #[test]
    fn numbers_of_a_rank_are_those_of_a_sorted_list() {
        let directory = tempfile::tempdir().unwrap();
        let mut numbers: Vec<f64> = (1..300).map(|i| f64::from(i * 7919 % 1000) / 3.0).collect();
        numbers.extend([f64::INFINITY, 1.0, 1.0 + f64::EPSILON, 1e-300]);
        let mut file = disk::scratch(directory.path()).unwrap();
        for number in &numbers {
            file.write_all(&number.to_le_bytes()).unwrap();
        }
        numbers.sort_by(f64::total_cmp);
        for (rank, number) in (0..).zip(&numbers) {
            assert_eq!(nth(&mut file, rank).unwrap(), Some(*number));
        }
        assert_eq!(nth(&mut file, numbers.len() as u64).unwrap(), None);
    }

    /// A file whose disk fails behind one number.
    struct Failing(usize);

    impl Read for Failing {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                1 => {
                    buffer[..8].copy_from_slice(&1f64.to_le_bytes());
                    Ok(8)
                }
                _ => Err(io::Error::other("the disk fails")),
            }
        }
    }

    impl Seek for Failing {
        fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
            self.0 = 0;
            Ok(0)
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_does_not_end_there() {
        let error = nth(&mut Failing(0), 0).unwrap_err();
        assert!(error.to_string().contains("the disk fails"), "{error}");
    }
}
