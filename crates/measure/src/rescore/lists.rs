//! N-best lists of any format, read line by line: the utterances one after the other.
//!
//! Files are plain or compressed, as all texts are. A list is recognised by the lines in its first 64 KiB, unless its format is given. Memory holds one utterance, and the ids of all.
//!
//! What is refused, with the line: a blank line; a line that does not have the form of its format; a score that is not a finite number; an id that returns after another
//! one; and in a recognised list of format mikolov a first field without a digit, since it is a word if the id is missing. NBestList headers may come
//! several times in a file, each before the list of an utterance.

use super::format::{first_field, is_blank};
use super::{Hypothesis, NbestFormat, RescoreError};
use crate::error::Error;
use elman_text::{self as text, Kind, ReadOptions, Source, TextError, TextStats};
use std::collections::HashSet;
use std::path::Path;

/// Bytes of a list by which its format is recognised.
const LOOKED_AT: usize = 64 * 1024;

/// Options for reading n-best lists.
#[derive(Clone, Debug, Default)]
pub struct ListOptions {
    /// Format of the lists; `None` recognises it.
    pub format: Option<NbestFormat>,
    /// How text is decoded.
    pub read: ReadOptions,
    /// Whether blank lines are ignored instead of being refused.
    pub skip_blank: bool,
    /// Words that are left out of the words of every hypothesis, such as marks of pauses.
    pub ignored: Vec<String>,
}

/// File of one or more n-best lists.
pub struct ListFile {
    /// Name of the file in messages.
    pub name: String,
    /// Id of the utterance in formats with one utterance a file.
    pub id: String,
    /// The text of the file.
    pub source: Source,
}

impl ListFile {
    /// Describes the file `path`. The id of its utterance is the file's name without directory, `.gz` or `.zst`, and `.score`, as in SRILM.
    pub fn new(path: &Path) -> ListFile {
        let name = ListFile::plain_name(path);
        ListFile {
            id: name.strip_suffix(".score").unwrap_or(&name).to_owned(),
            name: path.display().to_string(),
            source: Source::File(path.to_owned()),
        }
    }

    /// The name of the file `path` without directory, and without `.gz` or `.zst`: that of the list when it is not compressed.
    pub fn plain_name(path: &Path) -> String {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let mut endings = [".gz", ".zst"].iter();
        let plain = endings.find_map(|ending| name.strip_suffix(ending));
        plain.unwrap_or(&name).to_owned()
    }
}

/// Utterance: its id and its hypotheses, in the order of the list.
#[derive(Clone, Debug, PartialEq)]
pub struct Utterance {
    /// Id of the utterance.
    pub id: String,
    /// Format of the list.
    pub format: NbestFormat,
    /// Header line before the hypotheses, if there is one, without its newline.
    pub header: Option<String>,
    /// Hypotheses, at least one.
    pub hypotheses: Vec<Hypothesis>,
}

impl Utterance {
    /// Lines of the list with the hypotheses in this order, each with a newline: for `0..n` what was read.
    pub fn lines(&self, order: impl IntoIterator<Item = usize>) -> String {
        let header = self.header.iter().map(|header| &header[..]);
        let lines = order.into_iter().map(|i| &self.hypotheses[i].line[..]);
        let lines = header.chain(lines);
        lines.fold(String::new(), |all, line| all + line + "\n")
    }
}

/// Reader of n-best lists, which belong to one set of utterances.
pub struct NbestLists {
    options: ListOptions,
    /// Format of the lists that were read last.
    format: Option<NbestFormat>,
    /// Ids of all utterances.
    ids: HashSet<String>,
}

impl NbestLists {
    /// Makes a reader that has read nothing yet.
    pub fn new(options: ListOptions) -> NbestLists {
        NbestLists {
            format: None,
            ids: HashSet::new(),
            options,
        }
    }

    /// Format of the lists, once a file has been read.
    pub fn format(&self) -> Option<NbestFormat> {
        self.format
    }

    /// Reads a file and hands each utterance to `sink`, in order.
    ///
    /// # Errors
    /// [`RescoreError`] if the file is no n-best list; [`TextError`] if it cannot be read; and the errors of `sink`.
    pub fn read<E: From<Error> + From<TextError>>(
        &mut self,
        file: ListFile,
        sink: &mut dyn FnMut(Utterance) -> Result<(), E>,
    ) -> Result<TextStats, E> {
        let mut list = List {
            lists: self,
            name: file.name,
            id: file.id,
            format: None,
            waiting: Vec::new(),
            bytes: 0,
            open: None,
            headers: 0,
        };
        let read = list.lists.options.read.clone();
        let stats = text::read_lines([file.source], Kind::Words, &read, &mut |line| {
            // Text of kind words is UTF-8.
            let line_text = String::from_utf8_lossy(line.bytes);
            list.push(&line_text, line.number, sink)
        })?;
        list.end(sink)?;
        Ok(stats)
    }
}

/// A file that is being read.
struct List<'s> {
    lists: &'s mut NbestLists,
    name: String,
    id: String,
    /// Format, once it is known.
    format: Option<NbestFormat>,
    /// Lines that wait for the format to be recognised, with their numbers.
    waiting: Vec<(u64, String)>,
    /// Bytes of the waiting lines.
    bytes: usize,
    /// Utterance whose hypotheses are being read; it may have none yet.
    open: Option<Utterance>,
    /// Number of headers so far.
    headers: usize,
}

impl List<'_> {
    fn push<E: From<Error>>(
        &mut self,
        line: &str,
        number: u64,
        sink: &mut dyn FnMut(Utterance) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.format.is_some() {
            return self.line(line, number, sink);
        }
        self.bytes += line.len() + 1;
        self.waiting.push((number, line.to_owned()));
        match self.lists.options.format.is_some() || self.bytes >= LOOKED_AT {
            true => self.recognise(sink),
            false => Ok(()),
        }
    }

    /// Decides on the format, and parses the lines that waited for it.
    fn recognise<E: From<Error>>(
        &mut self,
        sink: &mut dyn FnMut(Utterance) -> Result<(), E>,
    ) -> Result<(), E> {
        let waiting = std::mem::take(&mut self.waiting);
        self.bytes = 0;
        let lines = waiting.iter().map(|(_, line)| &line[..]);
        let given = self.lists.options.format;
        let Some(found) = given.or_else(|| NbestFormat::recognise(lines)) else {
            // Blank lines only, so far.
            return match waiting.iter().find(|_| !self.lists.options.skip_blank) {
                Some(&(line, _)) => Err(self.blank(line)),
                None => Ok(()),
            };
        };
        if let Some(expected) = self.lists.format.filter(|&expected| expected != found) {
            return Err(flaw(RescoreError::OtherFormat {
                name: self.name.clone(),
                found,
                expected,
            }));
        }
        (self.format, self.lists.format) = (Some(found), Some(found));
        let mut lines = waiting.iter();
        lines.try_for_each(|(number, line)| self.line(line, *number, sink))
    }

    fn line<E: From<Error>>(
        &mut self,
        line: &str,
        number: u64,
        sink: &mut dyn FnMut(Utterance) -> Result<(), E>,
    ) -> Result<(), E> {
        let Some(format) = self.format else {
            return Ok(());
        };
        if is_blank(line) {
            return match self.lists.options.skip_blank {
                true => Ok(()),
                false => Err(self.blank(number)),
            };
        }
        if let Some(header) = format.header() {
            if line.trim_ascii() == header {
                self.headers += 1;
                let id = match self.headers {
                    1 => self.id.clone(),
                    n => format!("{}.{n}", self.id),
                };
                return self.begin(id, Some(line.to_owned()), number, sink);
            }
            if self.headers == 0 {
                return Err(self.flawed(number, format!("the header {header} is missing")));
            }
        }
        let (id, mut hypothesis) = match format.parse(line, number) {
            Ok(found) => found,
            Err(flaw) => return Err(self.flawed(number, flaw)),
        };
        hypothesis.leave_out(&self.lists.options.ignored);
        let guessed = self.lists.options.format.is_none();
        let no_digit = |id: &str| !id.bytes().any(|byte| byte.is_ascii_digit());
        if guessed && format == NbestFormat::Mikolov && id.is_some_and(no_digit) {
            return Err(flaw(RescoreError::NoId {
                name: self.name.clone(),
                line: number,
                field: first_field(line).to_owned(),
            }));
        }
        let same = match (&self.open, id) {
            (Some(open), Some(id)) => open.id == id,
            (open, None) => open.is_some(),
            (None, Some(_)) => false,
        };
        if !same {
            let id = id.map_or_else(|| self.id.clone(), str::to_owned);
            self.begin(id, None, number, sink)?;
        }
        if let Some(open) = &mut self.open {
            open.hypotheses.push(hypothesis);
        }
        Ok(())
    }

    /// Begins an utterance and hands on the one before.
    fn begin<E: From<Error>>(
        &mut self,
        id: String,
        header: Option<String>,
        line: u64,
        sink: &mut dyn FnMut(Utterance) -> Result<(), E>,
    ) -> Result<(), E> {
        self.close(sink)?;
        if !self.lists.ids.insert(id.clone()) {
            let name = self.name.clone();
            return Err(flaw(RescoreError::IdReturns { name, line, id }));
        }
        self.open = self.format.map(|format| Utterance {
            id,
            format,
            header,
            hypotheses: Vec::new(),
        });
        Ok(())
    }

    fn close<E: From<Error>>(
        &mut self,
        sink: &mut dyn FnMut(Utterance) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.open.take() {
            Some(done) if done.hypotheses.is_empty() => Err(flaw(RescoreError::NoHypothesis {
                name: format!("{}: the list of utterance '{}'", self.name, done.id),
            })),
            Some(done) => sink(done),
            None => Ok(()),
        }
    }

    /// Ends the file.
    fn end<E: From<Error>>(
        &mut self,
        sink: &mut dyn FnMut(Utterance) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.format.is_none() {
            self.recognise(sink)?;
        }
        if self.open.is_none() {
            let name = self.name.clone();
            return Err(flaw(RescoreError::NoHypothesis { name }));
        }
        self.close(sink)
    }

    fn blank<E: From<Error>>(&self, line: u64) -> E {
        let name = self.name.clone();
        flaw(RescoreError::Blank { name, line })
    }

    fn flawed<E: From<Error>>(&self, line: u64, what: String) -> E {
        flaw(RescoreError::Line {
            name: self.name.clone(),
            line,
            format: self.format.unwrap_or(NbestFormat::Mikolov),
            flaw: what,
        })
    }
}

fn flaw<E: From<Error>>(error: RescoreError) -> E {
    Error::from(error).into()
}

#[cfg(test)]
mod tests;
