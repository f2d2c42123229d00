//! Reads ARPA text: streaming, strict, with line numbers.
//!
//! Strict means: as many n-grams of each order as the head says; a finite log10 p that is not above 0 (`log10.rs` has two exceptions);
//! words that are all among the 1-grams; nothing twice; `\end\`. Free are: blank lines anywhere, the order of n-grams within one length, spaces or
//! tabs between fields, carriage returns, absent back-off weights, any text before and after, gzip and zstd. Numbers of n-grams are not
//! believed before the lines have come, or only as far as the length of the file allows for them.
//!
//! Fields are what is between spaces and tabs, so a word may hold any other white space: a no-break space, a form feed.
//!
//! Words become those of a vocabulary in the order of the 1-grams; `<UNK>` is `<unk>` where that is not listed itself.
//!
//! Nearly all lines of the sections from 2 on are in order, so they are parsed about a megabyte at a time, by all CPUs (`block.rs`).
//! Where anything is wrong in a megabyte, or only unusual, its lines are read one by one, which finds the line that is at fault.

use super::super::{BuildError, Builder, Model, NgramError, Words};
use super::head::{self, Head};
use super::lines::{Line, Lines, trim};
use super::log10::{Log10s, number};
use super::name::BEGIN;
use super::{ArpaFlaw, Stop, quoted};
use block::Parser;
use elman_text::lines::Input;
use elman_text::{Source, UNK};
use index::{Index, index};

mod block;
mod index;
mod target;

pub(super) use target::OnDisk;
use target::{Fault, Target};

/// How some toolkits write `<unk>`.
const CAPITAL_UNK: &str = "<UNK>";

/// Options for reading an ARPA file.
#[derive(Clone, Copy, Debug, Default)]
pub struct ArpaOptions {
    /// Whether every log10 p above 0 is replaced by 0, and not only one that rounding explains.
    pub clip_positive: bool,
}

/// Reads a model from ARPA text, which may be compressed with gzip or zstd.
///
/// Errors: [`NgramError::Arpa`] with the line, and errors of reading the file ([`NgramError::Text`]).
pub fn read(source: Source, how: ArpaOptions) -> Result<Model, NgramError> {
    let mut lines = Lines::new(Input::open(source)?);
    let mut log10s = Log10s::new(how.clip_positive);
    let begin = |words, order| Some(Builder::new(words, order));
    let read = read_into(&mut lines, &mut log10s, begin).and_then(|read| {
        let Some((builder, sections)) = read else {
            unreachable!("a builder takes any words")
        };
        let built = builder.finish();
        built.map_err(|error| Stop::At(lines.number(), error.into()).located(&sections))
    });
    read.map_err(|stop| of_stop(&lines, stop))
}

/// The error that a user sees.
pub(super) fn of_stop(lines: &Lines, stop: Stop) -> NgramError {
    match stop {
        Stop::Text(error) => error.into(),
        Stop::Store(error) => error.into(),
        Stop::At(line, flaw) => NgramError::Arpa {
            name: lines.name().to_owned(),
            line,
            flaw,
        },
    }
}

/// Reads a whole file into a target that `begin` makes for the words and the order. `None` if it makes none.
pub(super) fn read_into<T: Target>(
    lines: &mut Lines,
    log10s: &mut Log10s,
    begin: impl FnOnce(Words, usize) -> Option<T>,
) -> Result<Option<(T, Vec<Section>)>, Stop> {
    let Head { kind, counts } = head::find(lines)?;
    let order = counts.len();
    let mut first = Section::new(1, counts[0], lines.number());
    let mut unigrams = Vec::new();
    first.read_lines(lines, u64::MAX, &mut |line| {
        unigrams.push(Unigram::parse(line, log10s)?);
        Ok(())
    })?;
    let mut sections = vec![first];
    let (words, index) = index(kind, &unigrams)?;
    let Some(mut target) = begin(words, order) else {
        return Ok(None);
    };
    if index.capital_unk {
        target.note(format!("its {CAPITAL_UNK} is read as {UNK}"));
    }
    for (unigram, &id) in unigrams.iter().zip(&index.unigrams) {
        let pushed = target.push(&[id], unigram.log10_p, unigram.log10_backoff);
        pushed.map_err(|fault| fault.at(unigram.line))?;
    }
    drop(unigrams);
    for n in 2..=order {
        mark(lines, n - 1, counts[n - 2], &format!("\\{n}-grams:"))?;
        let mut section = Section::new(n, counts[n - 1], lines.number());
        let read = section.read(lines, &index, log10s, &mut target);
        sections.push(section);
        read.map_err(|stop| stop.located(&sections))?;
    }
    mark(lines, order, counts[order - 1], "\\end\\")?;
    if let Some(note) = log10s.note() {
        target.note(note);
    }
    Ok(Some((target, sections)))
}

/// Reads the line that ends the section of `order`.
fn mark(lines: &mut Lines, order: usize, announced: u64, expected: &str) -> Result<(), Stop> {
    loop {
        let last = lines.number();
        let Some(line) = lines.next()? else {
            return Err(Stop::At(last, ArpaFlaw::NoSection(expected.to_owned())));
        };
        let flaw = match trim(line.bytes) {
            [] => continue,
            found if found == expected.as_bytes() => return Ok(()),
            found @ [b'\\', ..] => ArpaFlaw::Section {
                expected: expected.to_owned(),
                found: quoted(found),
            },
            _ => ArpaFlaw::TooMany { order, announced },
        };
        return Err(Stop::At(line.number, flaw));
    }
}

/// The number of lines in whole lines.
fn lines_in(block: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', block).count() as u64
}

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = line.split(|byte| matches!(byte, b' ' | b'\t'));
    parts.filter(|part| !part.is_empty())
}

/// The line of an n-gram: its ids into `gram`, log10 p and log10 of the weight.
fn parse(
    line: &[u8],
    order: usize,
    index: &Index,
    log10s: &mut Log10s,
    gram: &mut Vec<u32>,
) -> Result<(f32, f32), ArpaFlaw> {
    let wrong = || ArpaFlaw::Fields {
        order,
        found: fields(line).count(),
    };
    let mut fields = fields(line);
    let log10_p = fields.next().ok_or_else(wrong)?;
    gram.clear();
    for _ in 0..order {
        let word = fields.next().ok_or_else(wrong)?;
        gram.push(index.get(word)?);
    }
    let log10_backoff = fields.next();
    if fields.next().is_some() {
        return Err(wrong());
    }
    let log10_backoff = log10_backoff.map_or(Ok(0.0), number);
    let ends_in_begin = gram.last() == Some(&index.begin);
    Ok((log10s.read(log10_p, ends_in_begin)?, log10_backoff?))
}

/// A line of the first section.
struct Unigram {
    line: u64,
    name: Box<str>,
    log10_p: f32,
    log10_backoff: f32,
}

impl Unigram {
    fn parse(line: Line<'_>, log10s: &mut Log10s) -> Result<Unigram, ArpaFlaw> {
        let found: Vec<&[u8]> = fields(line.bytes).take(4).collect();
        let (&log10_p, &name, log10_backoff) = match &found[..] {
            [log10_p, name] => (log10_p, name, Ok(0.0)),
            [log10_p, name, log10_backoff] => (log10_p, name, number(log10_backoff)),
            _ => {
                let found = fields(line.bytes).count();
                return Err(ArpaFlaw::Fields { order: 1, found });
            }
        };
        if name.contains(&b'\r') {
            return Err(ArpaFlaw::CarriageReturn(quoted(name)));
        }
        Ok(Unigram {
            line: line.number,
            name: std::str::from_utf8(name)
                .map_err(|_| ArpaFlaw::NotUtf8)?
                .into(),
            log10_p: log10s.read(log10_p, name == BEGIN.as_bytes())?,
            log10_backoff: log10_backoff?,
        })
    }
}

/// The n-grams of an order, and the lines that they are on.
pub(super) struct Section {
    order: usize,
    announced: u64,
    /// The line that begins it.
    mark: u64,
    /// The first n-gram of each run of lines without a gap, with its line.
    runs: Vec<(u64, u64)>,
    /// n-grams that were read.
    found: u64,
}

impl Section {
    fn new(order: usize, announced: u64, mark: u64) -> Section {
        Section {
            order,
            announced,
            mark,
            runs: Vec::new(),
            found: 0,
        }
    }

    /// Gives `builder` as many n-grams as were announced, 2 words or more each.
    fn read(
        &mut self,
        lines: &mut Lines,
        index: &Index,
        log10s: &mut Log10s,
        target: &mut impl Target,
    ) -> Result<(), Stop> {
        let n = self.order;
        let mut gram = Vec::with_capacity(n);
        let mut parser = Parser::new(n, index, log10s);
        target.expect(self.announced.min(lines.most(2 * n as u64 + 2)) as usize);
        while self.found < self.announced {
            let before = lines.number();
            let text = lines.block()?;
            let end = before + lines_in(text).max(1);
            for block in parser.parse(text) {
                let count = block.grams.count() as u64;
                let fits = count <= self.announced - self.found;
                let Some(bytes) = block.bytes.filter(|_| fits) else {
                    break;
                };
                let pushed = target.push_all(&block.grams);
                if !pushed.map_err(|fault| fault.at(lines.number() + 1))? {
                    break;
                }
                log10s.add(&block.log10s);
                self.add(lines.number() + 1, count);
                lines.take(bytes, count);
            }
            // The rest of the text, if anything.
            let mut failed = None;
            let read = self.read_lines(lines, end, &mut |line| {
                let (log10_p, log10_backoff) = parse(line.bytes, n, index, log10s, &mut gram)?;
                match target.push(&gram, log10_p, log10_backoff) {
                    Ok(()) => Ok(()),
                    Err(Fault::Build(error)) => Err(error.into()),
                    // A flaw ends the reading, and the failure takes its place.
                    Err(Fault::Store(error)) => {
                        failed = Some(error);
                        Err(BuildError::TooMany.into())
                    }
                }
            });
            match failed {
                Some(error) => return Err(Stop::Store(error)),
                None => read?,
            }
        }
        Ok(())
    }

    /// Reads n-grams one by one, as many as were announced, but none after the line `end`.
    fn read_lines(
        &mut self,
        lines: &mut Lines,
        end: u64,
        visit: &mut dyn FnMut(Line<'_>) -> Result<(), ArpaFlaw>,
    ) -> Result<(), Stop> {
        let (order, announced) = (self.order, self.announced);
        while self.found < announced && lines.number() < end {
            let (last, found) = (lines.number(), self.found);
            let Some(mut line) = lines.next()? else {
                let ends = ArpaFlaw::Ends {
                    order,
                    found,
                    announced,
                };
                return Err(Stop::At(last, ends));
            };
            line.bytes = trim(line.bytes);
            let number = line.number;
            let read = match line.bytes {
                [] => continue,
                _ if line.cut => Err(ArpaFlaw::LongLine),
                [b'\\', ..] => Err(ArpaFlaw::TooFew {
                    order,
                    found,
                    announced,
                }),
                _ => visit(line),
            };
            read.map_err(|flaw| Stop::At(number, flaw))?;
            self.add(number, 1);
        }
        Ok(())
    }

    /// Counts n-grams on lines without a gap.
    fn add(&mut self, first_line: u64, count: u64) {
        let expected = self
            .runs
            .last()
            .map(|(first, at)| at + (self.found - first));
        if expected != Some(first_line) {
            self.runs.push((self.found, first_line));
        }
        self.found += count;
    }

    fn line_of(&self, index: u64) -> u64 {
        let run = self.runs.partition_point(|(first, _)| *first <= index);
        match self.runs[..run].last() {
            Some((first, at)) => at + (index - first),
            None => self.mark,
        }
    }
}

impl Stop {
    /// With the line that is at fault, where that was found later.
    fn located(self, sections: &[Section]) -> Stop {
        match self {
            Stop::At(_, ArpaFlaw::Build(error @ BuildError::Twice { order, index })) => {
                Stop::At(sections[order - 1].line_of(index as u64), error.into())
            }
            Stop::At(_, ArpaFlaw::Build(error @ BuildError::NoUnigram { .. })) => {
                Stop::At(sections[0].mark, error.into())
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests;
