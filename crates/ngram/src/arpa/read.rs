//! Reads ARPA text: streaming, strict, with line numbers.
//!
//! Strict means: as many n-grams of each order as the head says; a finite log10 p that is not above 0 (`log10.rs` has two exceptions);
//! words that are all among the 1-grams; nothing twice; `\end\`. Free are: blank lines anywhere, the order of n-grams within one length, spaces or
//! tabs between fields, carriage returns, absent back-off weights, any text before and after, and gzip. Numbers of n-grams are not
//! believed before the lines have come.
//!
//! Fields are what stands between spaces and tabs, so a word may hold any other white space: a no-break space, a form feed.
//!
//! Words become those of a vocabulary in the order of the 1-grams; `<UNK>` is `<unk>` where that is not listed itself.

use std::collections::HashSet;

use super::super::{BuildError, Builder, Model, NgramError, Words};
use super::head::{self, Head};
use super::lines::{Line, Lines, trim};
use super::log10::{Log10s, number};
use super::name::{BEGIN, END, unescape};
use super::{ArpaFlaw, Stop, quoted};
use elman_text::lines::Input;
use elman_text::vocab::{TokenTable, is_token};
use elman_text::{Kind, Source, UNK, Vocab};

/// How some toolkits write `<unk>`.
const CAPITAL_UNK: &str = "<UNK>";

/// Options for reading an ARPA file.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reading {
    /// Whether every log10 p above 0 is replaced by 0, and not only one that rounding explains.
    pub clip_positive: bool,
}

/// Reads a model from ARPA text, which may be compressed with gzip.
///
/// Errors: [`NgramError::Arpa`] with the line, and errors of reading the file ([`NgramError::Text`]).
pub fn read(source: Source, how: Reading) -> Result<Model, NgramError> {
    let mut lines = Lines::new(Input::open(source)?);
    let mut log10s = Log10s::new(how.clip_positive);
    read_lines(&mut lines, &mut log10s).map_err(|stop| match stop {
        Stop::Text(error) => error.into(),
        Stop::At(line, flaw) => NgramError::Arpa {
            name: lines.name().to_owned(),
            line,
            flaw,
        },
    })
}

fn read_lines(lines: &mut Lines, log10s: &mut Log10s) -> Result<Model, Stop> {
    let Head { kind, counts } = head::find(lines)?;
    let order = counts.len();
    let mut sections = vec![Section::new(lines.number())];
    let mut unigrams = Vec::new();
    section(lines, 1, counts[0], |line| {
        unigrams.push(Unigram::parse(line, log10s)?);
        Ok(())
    })?;
    let (words, mut index) = index(kind, &unigrams)?;
    let mut builder = Builder::new(words, order);
    if index.capital_unk {
        builder.note(format!("its {CAPITAL_UNK} is read as {UNK}"));
    }
    for (unigram, &id) in unigrams.iter().zip(&index.unigrams) {
        let pushed = builder.push(&[id], unigram.log10_p, unigram.log10_backoff);
        pushed.map_err(|error| Stop::At(unigram.line, error.into()))?;
    }
    drop(unigrams);
    let mut gram = Vec::with_capacity(order);
    for n in 2..=order {
        mark(lines, n - 1, counts[n - 2], &format!("\\{n}-grams:"))?;
        let mut here = Section::new(lines.number());
        let read = section(lines, n, counts[n - 1], |line| {
            let (log10_p, log10_backoff) = parse(line.bytes, n, &mut index, log10s, &mut gram)?;
            here.add(line.number);
            Ok(builder.push(&gram, log10_p, log10_backoff)?)
        });
        sections.push(here);
        read.map_err(|stop| stop.located(&sections))?;
    }
    mark(lines, order, counts[order - 1], "\\end\\")?;
    if let Some(note) = log10s.note() {
        builder.note(note);
    }
    let built = builder.finish();
    built.map_err(|error| Stop::At(lines.number(), error.into()).located(&sections))
}

/// Reads as many n-grams as were announced.
fn section(
    lines: &mut Lines,
    order: usize,
    announced: u64,
    mut visit: impl FnMut(Line<'_>) -> Result<(), ArpaFlaw>,
) -> Result<(), Stop> {
    let mut found = 0;
    while found < announced {
        let last = lines.number();
        let Some(mut line) = lines.next()? else {
            let ends = ArpaFlaw::Ends {
                order,
                found,
                announced,
            };
            return Err(Stop::At(last, ends));
        };
        line.bytes = trim(line.bytes);
        let flaw = match line.bytes {
            [] => continue,
            _ if line.cut => ArpaFlaw::LongLine,
            [b'\\', ..] => ArpaFlaw::TooFew {
                order,
                found,
                announced,
            },
            _ => match visit(line) {
                Ok(()) => {
                    found += 1;
                    continue;
                }
                Err(flaw) => flaw,
            },
        };
        return Err(Stop::At(line.number, flaw));
    }
    Ok(())
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

fn fields(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parts = line.split(|byte| matches!(byte, b' ' | b'\t'));
    parts.filter(|part| !part.is_empty())
}

/// The line of an n-gram: its ids into `gram`, log10 p and log10 of the weight.
fn parse(
    line: &[u8],
    order: usize,
    index: &mut Index,
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
    for place in 0..order {
        let word = fields.next().ok_or_else(wrong)?;
        gram.push(index.get(place, word)?);
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

/// From names to ids.
struct Index {
    by_name: TokenTable<u32>,
    /// The id of `<s>`.
    begin: u32,
    /// The ids of the 1-grams, as they came.
    unigrams: Vec<u32>,
    capital_unk: bool,
    /// The word at each place of the line before: files are sorted somehow.
    last: Vec<(Vec<u8>, u32)>,
}

impl Index {
    fn get(&mut self, place: usize, name: &[u8]) -> Result<u32, ArpaFlaw> {
        if self.last.len() <= place {
            self.last.resize(place + 1, (Vec::new(), 0));
        }
        let (last, id) = &mut self.last[place];
        if last != name {
            let known = self.by_name.get(name);
            *id = *known.ok_or_else(|| ArpaFlaw::UnknownWord(quoted(name)))?;
            last.clear();
            last.extend_from_slice(name);
        }
        Ok(*id)
    }
}

/// What the name of a 1-gram stands for, before it is known how many tokens there are.
enum Word {
    Token(u32),
    Begin,
    /// The how many-th hidden word.
    Hidden(u32),
}

/// Makes the words of a model from the 1-grams.
fn index(kind: Kind, unigrams: &[Unigram]) -> Result<(Words, Index), Stop> {
    let capital = kind == Kind::Fields && unigrams.iter().all(|unigram| *unigram.name != *UNK);
    let mut seen = HashSet::new();
    let mut tokens: Vec<Box<[u8]>> = Vec::new();
    let mut hidden: Vec<Box<str>> = Vec::new();
    let mut words = Vec::with_capacity(unigrams.len());
    for Unigram { name, line, .. } in unigrams {
        let fail = |flaw: fn(String) -> ArpaFlaw| Stop::At(*line, flaw(quoted(name.as_bytes())));
        if !seen.insert(name) {
            return Err(fail(ArpaFlaw::WordTwice));
        }
        words.push(match &**name {
            BEGIN => Word::Begin,
            END if kind == Kind::Bytes => Word::Token(256),
            END => Word::Token(0),
            UNK if kind != Kind::Bytes => Word::Token(1),
            CAPITAL_UNK if capital => Word::Token(1),
            escaped => match unescape(kind, escaped).as_deref() {
                Some(&[byte]) if kind == Kind::Bytes => Word::Token(byte.into()),
                Some(token) if kind != Kind::Bytes => {
                    if std::str::from_utf8(token).is_ok_and(|token| is_token(token, kind)) {
                        tokens.push(token.into());
                        Word::Token(1 + tokens.len() as u32)
                    } else {
                        hidden.push(escaped.into());
                        Word::Hidden(hidden.len() as u32)
                    }
                }
                _ => {
                    let name = quoted(escaped.as_bytes());
                    return Err(Stop::At(*line, ArpaFlaw::Name { name, kind }));
                }
            },
        });
    }
    let vocab = match kind {
        Kind::Bytes => Vocab::bytes(),
        _ => Vocab::of_text(kind, tokens),
    };
    let words_of_model = Words::with_hidden(vocab, hidden);
    let ids = words.iter().map(|word| match word {
        Word::Token(id) => *id,
        Word::Begin => words_of_model.begin(),
        Word::Hidden(n) => words_of_model.begin() + n,
    });
    let ids: Vec<u32> = ids.collect();
    let mut by_name = TokenTable::default();
    for (unigram, &id) in unigrams.iter().zip(&ids) {
        by_name.insert(unigram.name.as_bytes(), id);
    }
    let index = Index {
        by_name,
        begin: words_of_model.begin(),
        capital_unk: capital && seen.contains(&Box::from(CAPITAL_UNK)),
        unigrams: ids,
        last: Vec::new(),
    };
    Ok((words_of_model, index))
}

/// Where the n-grams of an order stand in the file.
struct Section {
    /// The line that begins it.
    mark: u64,
    /// The first n-gram of each run of lines without a gap, with its line.
    runs: Vec<(usize, u64)>,
    count: usize,
}

impl Section {
    fn new(mark: u64) -> Section {
        Section {
            mark,
            runs: Vec::new(),
            count: 0,
        }
    }

    fn add(&mut self, line: u64) {
        let expected = self
            .runs
            .last()
            .map(|(first, at)| at + (self.count - first) as u64);
        if expected != Some(line) {
            self.runs.push((self.count, line));
        }
        self.count += 1;
    }

    fn line_of(&self, index: usize) -> u64 {
        let run = self.runs.partition_point(|(first, _)| *first <= index);
        match self.runs[..run].last() {
            Some((first, at)) => at + (index - first) as u64,
            None => self.mark,
        }
    }
}

impl Stop {
    /// With the line that is at fault, where that was found later.
    fn located(self, sections: &[Section]) -> Stop {
        match self {
            Stop::At(_, ArpaFlaw::Build(error @ BuildError::Twice { order, index })) => {
                Stop::At(sections[order - 1].line_of(index), error.into())
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
