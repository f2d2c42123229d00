//! The documents of a text: its files, or what is between separators in them.
//!
//! A line that equals the separator, whatever ends it, ends the document before it and belongs to none; it is neither visited nor
//! counted. Nothing between two separators is no document. What could still become a separator is held back until more of the
//! line has been read, which takes no more memory than the separator.

use super::{Chunk, Tally};

/// Measures and visits what belongs to documents.
pub(super) struct Documents {
    pub tally: Tally,
    separator: Option<Separator>,
    /// The document has text that is being read.
    open: bool,
    /// Documents that have ended.
    pub ended: u64,
    /// Bytes of separators.
    pub removed: u64,
}

impl Documents {
    pub fn new(separator: Option<&str>) -> Documents {
        Documents {
            tally: Tally::default(),
            separator: separator.map(Separator::new),
            open: false,
            ended: 0,
            removed: 0,
        }
    }

    /// Separators so far; `None`: files are documents.
    pub fn separators(&self) -> Option<u64> {
        self.separator.as_ref().map(|separator| separator.found)
    }

    /// Reads on in a file.
    pub fn push<E>(
        &mut self,
        chunk: Chunk<'_>,
        visit: &mut impl FnMut(Chunk<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (bytes, is_text) = match chunk {
            Chunk::Text(text) => (text.as_bytes(), true),
            Chunk::Bytes(bytes) => (bytes, false),
            Chunk::EndOfDocument => return self.end_file(visit),
        };
        let Some(mut separator) = self.separator.take() else {
            if bytes.is_empty() {
                return Ok(());
            }
            self.open = true;
            self.tally.add(bytes);
            return visit(chunk);
        };
        self.removed += bytes.len() as u64;
        let pushed = separator.push(bytes, &mut |part| self.part(part, is_text, visit));
        self.separator = Some(separator);
        pushed
    }

    fn end_file<E>(&mut self, visit: &mut impl FnMut(Chunk<'_>) -> Result<(), E>) -> Result<(), E> {
        let Some(mut separator) = self.separator.take() else {
            return self.end(visit);
        };
        // Whatever is held is a whole line, so it is text if the file is.
        let finished = separator.finish(&mut |part| self.part(part, true, visit));
        self.separator = Some(separator);
        finished?;
        if self.open { self.end(visit) } else { Ok(()) }
    }

    fn part<E>(
        &mut self,
        part: Part<'_>,
        is_text: bool,
        visit: &mut impl FnMut(Chunk<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match part {
            Part::Text(bytes) => {
                self.open = true;
                self.removed -= bytes.len() as u64;
                self.tally.add(bytes);
                // Lines of text are text.
                match std::str::from_utf8(bytes) {
                    Ok(text) if is_text => visit(Chunk::Text(text)),
                    _ => visit(Chunk::Bytes(bytes)),
                }
            }
            Part::EndOfDocument if self.open => self.end(visit),
            Part::EndOfDocument => Ok(()),
        }
    }

    fn end<E>(&mut self, visit: &mut impl FnMut(Chunk<'_>) -> Result<(), E>) -> Result<(), E> {
        self.open = false;
        self.ended += 1;
        self.tally.end_document();
        visit(Chunk::EndOfDocument)
    }
}

/// What is left of a text when its separators are taken out.
enum Part<'a> {
    /// A piece of a document; it ends at the end of a line or of what was pushed.
    Text(&'a [u8]),
    /// A separator stood here.
    EndOfDocument,
}

/// Takes the separators out of one text after the other.
struct Separator {
    line: Vec<u8>,
    /// The beginning of a line that may be a separator.
    held: Vec<u8>,
    /// The line that is being read is none.
    in_line: bool,
    /// Separators so far.
    found: u64,
}

impl Separator {
    /// For lines that hold `line` and nothing else.
    fn new(line: &str) -> Separator {
        Separator {
            line: line.as_bytes().to_vec(),
            held: Vec::new(),
            in_line: false,
            found: 0,
        }
    }

    /// Reads on, handing what is left to `emit`.
    fn push<E>(
        &mut self,
        bytes: &[u8],
        emit: &mut impl FnMut(Part<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            let ends = part.ends_with(b"\n");
            if self.in_line {
                self.in_line = !ends;
                emit(Part::Text(part))?;
                continue;
            }
            // A carriage return and a newline may follow.
            if self.held.len() + part.len() > self.line.len() + 2 {
                self.give_up(emit)?;
                self.in_line = !ends;
                emit(Part::Text(part))?;
                continue;
            }
            self.held.extend_from_slice(part);
            if ends {
                self.end_line(emit)?;
            }
        }
        Ok(())
    }

    /// Ends the text: its last line needs no newline.
    fn finish<E>(&mut self, emit: &mut impl FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        self.in_line = false;
        match self.held.is_empty() {
            true => Ok(()),
            false => self.end_line(emit),
        }
    }

    fn end_line<E>(&mut self, emit: &mut impl FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        let line = self.held.strip_suffix(b"\n").unwrap_or(&self.held);
        if line.strip_suffix(b"\r").unwrap_or(line) != self.line {
            return self.give_up(emit);
        }
        self.held.clear();
        self.found += 1;
        emit(Part::EndOfDocument)
    }

    fn give_up<E>(&mut self, emit: &mut impl FnMut(Part<'_>) -> Result<(), E>) -> Result<(), E> {
        let held = std::mem::take(&mut self.held);
        match held.is_empty() {
            true => Ok(()),
            false => emit(Part::Text(&held)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    /// The documents of a text that is pushed in pieces of `size` bytes, and the separators in it.
    fn documents(text: &str, line: &str, size: usize) -> (Vec<String>, u64) {
        let mut separator = Separator::new(line);
        let mut found = vec![Vec::new()];
        let mut emit = |part: Part| -> Result<(), Infallible> {
            match (part, found.last_mut()) {
                (Part::Text(bytes), Some(last)) => last.extend_from_slice(bytes),
                _ => found.push(Vec::new()),
            }
            Ok(())
        };
        for piece in text.as_bytes().chunks(size) {
            separator.push(piece, &mut emit).unwrap();
        }
        separator.finish(&mut emit).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (found.into_iter().map(text).collect(), separator.found)
    }

    #[test]
    fn a_line_that_is_the_separator_ends_a_document() {
        let text = "a\n---\n ---\nb---\n----\n--\n---\r\n\nc\n---";
        for size in 1..text.len() + 1 {
            let (found, separators) = documents(text, "---", size);
            assert_eq!(found, ["a\n", " ---\nb---\n----\n--\n", "\nc\n", ""]);
            assert_eq!(separators, 3);
        }
        assert_eq!(documents("a\n\nb", "", 3).0, ["a\n", "b"]);
        assert_eq!(documents("a\r\n\r\nb", "", 3).0, ["a\r\n", "b"]);
    }

    proptest! {
        #[test]
        fn pieces_do_not_show(text in "[a\n\r-]{0,60}", line in "[a-]{0,3}", size in 1usize..9) {
            let whole = documents(&text, &line, 1_000);
            prop_assert_eq!(documents(&text, &line, size), whole.clone());
            let lines = text.split_inclusive('\n').filter(|whole| {
                let ended = whole.strip_suffix('\n').unwrap_or(whole);
                ended.strip_suffix('\r').unwrap_or(ended) == line
            });
            prop_assert_eq!(whole.1, lines.count() as u64);
        }
    }
}
