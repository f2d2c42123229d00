//! The lines of texts, one at a time, as they are in the file.
//!
//! A line ends at `\n` or with its document, as in [`super::measure_lines`]. The text streams through: memory holds one line, and one of more than
//! [`LONGEST_LINE`] bytes is refused.

use super::lines::{self, Chunk};
use super::{Kind, ReadOptions, Source, TextError, TextStats};

/// Longest line in bytes that is held in memory.
pub const LONGEST_LINE: usize = 16 << 20;

/// Line of a text, without the newline at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawLine<'a> {
    /// Number of the line in the whole text, from 1.
    pub number: u64,
    /// Bytes of the line: UTF-8, except in kind `bytes`. A carriage return before the newline is one of them.
    pub bytes: &'a [u8],
    /// Whether a newline ends the line; without one, the document ends it.
    pub newline: bool,
    /// Whether the line is the last one of its document.
    pub ends_document: bool,
}

/// Reads `sources` in order and hands every line to `sink`; empty lines are lines.
///
/// Text that is not for `kind`, such as invalid UTF-8, is refused as in [`super::encode`]. `tokens` and `oov` of the result are 0.
///
/// # Errors
/// As for [`lines`]; [`TextError::LongLine`] for a line that does not fit into memory.
pub fn read_lines<E: From<TextError>>(
    sources: impl IntoIterator<Item = Source>,
    kind: Kind,
    options: &ReadOptions,
    sink: &mut dyn FnMut(RawLine<'_>) -> Result<(), E>,
) -> Result<TextStats, E> {
    let mut open = OpenLine {
        number: 1,
        bytes: Vec::new(),
        begun: false,
        newline: false,
    };
    lines::read(sources, kind, options, |chunk| match chunk {
        Chunk::Text(text) => open.push(text.as_bytes(), sink),
        Chunk::Bytes(bytes) => open.push(bytes, sink),
        Chunk::EndOfDocument => open.end(true, sink),
    })
}

/// The line that is being read. It is handed on when the next one begins, since only then it is known not to end the document.
struct OpenLine {
    number: u64,
    bytes: Vec<u8>,
    begun: bool,
    newline: bool,
}

impl OpenLine {
    fn push<E: From<TextError>>(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(RawLine<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            if self.newline {
                self.end(false, sink)?;
            }
            let (part, newline) = match part.strip_suffix(b"\n") {
                Some(part) => (part, true),
                None => (part, false),
            };
            if self.bytes.len() + part.len() > LONGEST_LINE {
                return Err(TextError::LongLine {
                    line: self.number,
                    most: LONGEST_LINE,
                }
                .into());
            }
            self.bytes.extend_from_slice(part);
            (self.begun, self.newline) = (true, newline);
        }
        Ok(())
    }

    fn end<E>(
        &mut self,
        ends_document: bool,
        sink: &mut dyn FnMut(RawLine<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if std::mem::take(&mut self.begun) {
            sink(RawLine {
                number: self.number,
                bytes: &self.bytes,
                newline: self.newline,
                ends_document,
            })?;
            self.number += 1;
        }
        self.bytes.clear();
        self.newline = false;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Read};

    /// Gives three bytes at a time.
    struct Slow(io::Cursor<Vec<u8>>);

    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let most = buffer.len().min(3);
            self.0.read(&mut buffer[..most])
        }
    }

    fn source(text: &[u8]) -> Source {
        Source::Reader {
            name: "text".into(),
            reader: Box::new(Slow(io::Cursor::new(text.to_vec()))),
        }
    }

    /// A line as `read_lines` hands it on.
    type Found = (u64, Vec<u8>, bool, bool);

    fn lines(texts: &[&[u8]], kind: Kind) -> Result<Vec<Found>, TextError> {
        let mut lines = Vec::new();
        let sources = texts.iter().map(|text| source(text));
        let stats = read_lines(sources, kind, &ReadOptions::default(), &mut |line| {
            lines.push((
                line.number,
                line.bytes.to_vec(),
                line.newline,
                line.ends_document,
            ));
            Ok::<(), TextError>(())
        })?;
        assert_eq!(stats.line_ends, lines.len() as u64);
        Ok(lines)
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let found = lines(&[b"a b\r\n\nlast", "\u{e9}n\n".as_bytes()], Kind::Words).unwrap();
        let expected = [
            (1, &b"a b\r"[..], true, false),
            (2, b"", true, false),
            (3, b"last", false, true),
            (4, "\u{e9}n".as_bytes(), true, true),
        ];
        assert_eq!(
            found,
            expected.map(|(number, bytes, newline, end)| (number, bytes.to_vec(), newline, end))
        );
        assert_eq!(lines(&[b"\xff\n"], Kind::Bytes).unwrap()[0].1, b"\xff");
        assert!(lines(&[b"\xff\n"], Kind::Words).is_err());
    }

    #[test]
    fn a_line_that_does_not_fit_is_refused_with_its_number() {
        let text = [b"short\n", &vec![b'a'; LONGEST_LINE + 1][..]].concat();
        match lines(&[&text], Kind::Words) {
            Err(TextError::LongLine { line: 2, most }) => assert_eq!(most, LONGEST_LINE),
            other => panic!("{:?}", other.map(|lines| lines.len())),
        }
        let fits = vec![b'a'; LONGEST_LINE];
        assert_eq!(lines(&[&fits], Kind::Words).unwrap().len(), 1);
    }
}
