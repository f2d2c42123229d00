//! Kinds `whitespace` and `fields`: white space separates, and every line, empty ones too, ends with `<eos>`.
//!
//! In `whitespace`, the Penn Treebank convention, any Unicode white space separates. In `fields` only space, tab, carriage return and
//! newline do, as in KenLM, SRILM and ARPA files: a no-break space or a vertical tab is a character of a word. A line ends at `\n` (a carriage return before it is white space like any other). A last line without a newline counts;
//! a newline at the very end begins no further line. The control token cannot be written in a text: in every token the
//! letters `<eos>` are read as `<\eos>`, and `tokenizer.json` says so with a normaliser. A literal `<unk>` is an ordinary word.

use super::{Carry, LONGEST_TOKEN, Token};

/// Name of the control token, which therefore cannot be a word.
pub const CONTROL_LITERAL: &str = "<eos>";
/// Replacement of [`CONTROL_LITERAL`] where it occurs in a text.
pub const ESCAPED_LITERAL: &str = "<\\eos>";
/// What other programs write around sentences.
const MARKERS: [&str; 2] = ["<s>", "</s>"];

#[derive(Default)]
pub struct Whitespace {
    carry: Carry,
    /// Whether the line has begun: something stands since the last newline.
    in_line: bool,
    /// Kind `fields`.
    of_fields: bool,
    pub skip_markers: bool,
    /// Words so far that are one of the [`MARKERS`], left out or not.
    pub markers: u64,
}

impl Whitespace {
    pub fn of_fields() -> Whitespace {
        Whitespace {
            of_fields: true,
            ..Whitespace::default()
        }
    }

    pub fn push<E>(
        &mut self,
        text: &str,
        emit: &mut impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let bytes = text.as_bytes();
        let mut start = 0;
        let mut i = 0;
        while i < bytes.len() {
            let (space, width) = match bytes[i] {
                b' ' | b'\t' | b'\n' | b'\r' => (true, 1),
                // Words are cut at ASCII characters only, so bytes may be counted one by one.
                _ if self.of_fields => (false, 1),
                ascii @ 0..0x80 => (matches!(ascii, b'\x0b' | b'\x0c'), 1),
                _ => match text[i..].chars().next() {
                    Some(c) => (c.is_whitespace(), c.len_utf8()),
                    None => break,
                },
            };
            self.in_line = true;
            if space {
                self.finish(&text[start..i], emit)?;
                start = i + width;
                if bytes[i] == b'\n' {
                    emit(Token::Eos)?;
                    self.in_line = false;
                }
            }
            i += width;
        }
        self.carry.push(&text[start..], emit)
    }

    /// Emits the word that is being read, leaving the line open.
    pub fn flush<E>(&mut self, emit: &mut impl FnMut(Token<'_>) -> Result<(), E>) -> Result<(), E> {
        self.finish("", emit)
    }

    /// Ends the document: a line that has begun ends too.
    pub fn end<E>(&mut self, emit: &mut impl FnMut(Token<'_>) -> Result<(), E>) -> Result<(), E> {
        self.flush(emit)?;
        if std::mem::take(&mut self.in_line) {
            emit(Token::Eos)
        } else {
            Ok(())
        }
    }

    fn finish<E>(
        &mut self,
        tail: &str,
        emit: &mut impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (skip_markers, markers) = (self.skip_markers, &mut self.markers);
        self.carry.finish(tail, &mut |token| match token {
            Token::Text(word) if word.contains('<') && MARKERS.contains(&word) => {
                *markers += 1;
                if skip_markers { Ok(()) } else { emit(token) }
            }
            Token::Text(word) if word.contains('<') && word.contains(CONTROL_LITERAL) => {
                let word = word.replace(CONTROL_LITERAL, ESCAPED_LITERAL);
                emit(if word.len() > LONGEST_TOKEN {
                    Token::TooLong {
                        chars: word.chars().count() as u64,
                    }
                } else {
                    Token::Text(&word)
                })
            }
            other => emit(other),
        })
    }
}
