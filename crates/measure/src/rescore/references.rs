//! Reference transcripts: the words that were really said, for each utterance of the lists.
//!
//! ```text
//! id w1 w2 …          Kaldi's text                 if the first utterance's id is the first field of a line
//! w1 w2 … (id)        trn, as NIST's sclite        if it is the last field of a line, in parentheses
//! w1 w2 …             a line for each utterance    otherwise, in the order of the lists
//! ```
//! Blank lines are references without words in the third form, and are ignored in the others.

use super::RescoreError;
use super::format::{first_field, is_blank, without};
use crate::error::{Error, Result};
use elman_text::{self as text, Kind, ReadOptions, Source};
use std::collections::{HashMap, HashSet};

/// References of the utterances of n-best lists.
pub struct References {
    /// (number of the line, line).
    lines: Vec<(u64, String)>,
    ignored: Vec<String>,
    form: Option<Form>,
    /// Number of utterances that have asked for their reference.
    asked: usize,
    /// Id of the first of them.
    first: String,
}

enum Form {
    /// Index of the line of each id, and whether the id comes last.
    ById(HashMap<String, usize>, bool),
    /// What would be ids if the lines had them.
    InOrder(HashSet<String>),
}

impl References {
    /// Reads references; the words of `ignored` are left out.
    ///
    /// # Errors
    /// [`Error::Text`] if the text cannot be read.
    pub fn read(source: Source, options: &ReadOptions, ignored: &[String]) -> Result<References> {
        let mut lines = Vec::new();
        text::read_lines([source], Kind::Words, options, &mut |line| {
            lines.push((
                line.number,
                String::from_utf8_lossy(line.bytes).into_owned(),
            ));
            Ok::<(), Error>(())
        })?;
        Ok(References {
            lines,
            ignored: ignored.to_vec(),
            form: None,
            asked: 0,
            first: String::new(),
        })
    }

    /// The words of the next utterance, whose id is `id`, with one space between two.
    ///
    /// # Errors
    /// [`RescoreError::NoReference`], [`RescoreError::ReferenceCount`] or [`RescoreError::ReferenceTwice`].
    pub fn next(&mut self, id: &str) -> Result<String> {
        if self.form.is_none() {
            self.form = Some(self.decide(id)?);
            self.first = id.to_owned();
        }
        // A number may be a word as well.
        let is_number = id.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(Form::InOrder(ids)) = &self.form
            && !is_number
            && ids.contains(id)
        {
            // The lines have ids, and only the first utterance has no line.
            let id = self.first.clone();
            return Err(RescoreError::NoReference { id }.into());
        }
        let index = match &self.form {
            Some(Form::ById(lines, _)) => lines.get(id).copied(),
            _ => Some(self.asked).filter(|&at| at < self.lines.len()),
        };
        self.asked += 1;
        let (Some(index), Some(form)) = (index, &self.form) else {
            return Err(match self.form {
                Some(Form::ById(..)) => RescoreError::NoReference { id: id.to_owned() },
                _ => self.miscounted(),
            }
            .into());
        };
        let line = &self.lines[index].1;
        let words = match form {
            Form::InOrder(_) => line,
            Form::ById(_, true) => line
                .trim_ascii_end()
                .rsplit_once('(')
                .map_or("", |(w, _)| w),
            Form::ById(_, false) => line.trim_ascii_start().split_at(first_field(line).len()).1,
        };
        Ok(without(words, &self.ignored).join(" "))
    }

    /// Checks after the last utterance that references in order were as many as utterances.
    ///
    /// # Errors
    /// [`RescoreError::ReferenceCount`].
    pub fn finish(&self) -> Result<()> {
        match self.form {
            Some(Form::InOrder(_)) if self.asked != self.lines.len() => {
                Err(self.miscounted().into())
            }
            _ => Ok(()),
        }
    }

    fn miscounted(&self) -> RescoreError {
        RescoreError::ReferenceCount {
            references: self.lines.len(),
            utterances: self.asked,
            id: self.first.clone(),
        }
    }

    /// Decides on the form of the references by the id of the first utterance.
    fn decide(&self, id: &str) -> Result<Form> {
        for (id_of, last) in [(first_field as fn(&str) -> &str, false), (trn_id, true)] {
            if !self.lines.iter().any(|(_, line)| id_of(line) == id) {
                continue;
            }
            let mut by_id = HashMap::new();
            for (index, (line, text)) in self.lines.iter().enumerate() {
                if is_blank(text) {
                    continue;
                }
                let id = id_of(text).to_owned();
                if let Some(first) = by_id.insert(id.clone(), index) {
                    let (first, line) = (self.lines[first].0, *line);
                    return Err(RescoreError::ReferenceTwice { id, first, line }.into());
                }
            }
            return Ok(Form::ById(by_id, last));
        }
        let of_line =
            |line: &(u64, String)| [first_field(&line.1), trn_id(&line.1)].map(str::to_owned);
        Ok(Form::InOrder(self.lines.iter().flat_map(of_line).collect()))
    }
}

/// Id of a line of a trn file; empty if there is none.
fn trn_id(line: &str) -> &str {
    let last = line.trim_ascii_end().strip_suffix(')');
    let id = last.and_then(|line| line.rsplit_once('('));
    id.map_or("", |(_, id)| id)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> References {
        let source = Source::Reader {
            name: "references".into(),
            reader: Box::new(std::io::Cursor::new(text.to_owned().into_bytes())),
        };
        References::read(source, &ReadOptions::default(), &["-pau-".into()]).unwrap()
    }

    fn flaw(result: Result<impl std::fmt::Debug>) -> RescoreError {
        match result {
            Err(Error::Rescore(flaw)) => flaw,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn references_come_by_id_first_or_last_or_in_order() {
        for text in [
            "u2 a -pau- king\r\n\nu1 the  sea\nu3\n",
            "a king -pau- (u2)\r\nthe sea (u1)\n(u3)\n",
        ] {
            let mut references = read(text);
            for (id, words) in [("u1", "the sea"), ("u2", "a king"), ("u3", "")] {
                assert_eq!(references.next(id).unwrap(), words, "{text}");
            }
            references.finish().unwrap();
            let missing = RescoreError::NoReference { id: "u4".into() };
            assert_eq!(flaw(references.next("u4")), missing);
        }
        let mut references = read("the sea\n\na king\n");
        for words in ["the sea", "", "a king"] {
            assert_eq!(references.next("u").unwrap(), words);
        }
        references.finish().unwrap();
    }

    #[test]
    fn miscounted_and_repeated_references_are_refused() {
        let mut references = read("the sea\na king\n");
        references.next("u1").unwrap();
        let count = |utterances| RescoreError::ReferenceCount {
            references: 2,
            utterances,
            id: "u1".into(),
        };
        assert_eq!(flaw(references.finish()), count(1));
        references.next("u2").unwrap();
        assert_eq!(flaw(references.next("u3")), count(3));
        let twice = RescoreError::ReferenceTwice {
            id: "u2".into(),
            first: 2,
            line: 3,
        };
        assert_eq!(flaw(read("u1 a\nu2 b\nu2 c\n").next("u1")), twice);
        // Lines with ids, of which the first utterance has none, are no references in order.
        for text in ["u2 a\nu3 b\n", "a (u2)\nb (u3)\n"] {
            let mut references = read(text);
            references.next("u1").unwrap();
            let missing = RescoreError::NoReference { id: "u1".into() };
            assert_eq!(flaw(references.next("u2")), missing);
        }
        let mut numbers = read("7 men\n1 man\n");
        numbers.next("0").unwrap();
        assert_eq!(numbers.next("1").unwrap(), "1 man");
    }
}
