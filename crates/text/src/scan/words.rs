//! Kind `words`: the tokens are exactly the matches, one after the other, of
//!
//! ```text
//!  ?[\p{L}\p{M}]+      letters and marks
//! | ?\p{N}+            numbers
//! | ?[^\s\p{L}\p{M}\p{N}]+   everything else that is not white space
//! |\n                  a newline
//! |[^\S\n]+(?= \S)     other white space, without the space that belongs to the next token
//! |[^\S\n]+            other white space
//! ```
//!
//! Every character belongs to one token, so the tokens joined are the text. Of a run of spaces only the last can belong to
//! the token after it, and only if that token is no white space: `a␣␣b` is `a`, `␣`, `␣b`; `a␣⇥b` is `a`, `␣⇥`, `b`; `a␣↵` is `a`, `␣`, `↵`.
//! Classes are those of Unicode 16 (general categories L, M, N; the property White_Space).

use unicode_general_category::{GeneralCategory as Gc, get_general_category};

use super::{Carry, Token};

/// Regular expression of the tokens of kind `words`, for `tokenizer.json`.
pub const PATTERN: &str =
    r" ?[\p{L}\p{M}]+| ?\p{N}+| ?[^\s\p{L}\p{M}\p{N}]+|\n|[^\S\n]+(?= \S)|[^\S\n]+";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Number,
    Mark,
    Space,
    Newline,
}

/// The scanner: the class of the run that is being read, and its beginning if that lies in an earlier chunk.
#[derive(Default)]
pub struct Words {
    run: Option<Class>,
    /// Whether the run ends in U+0020 so far.
    ends_in_space: bool,
    carry: Carry,
}

impl Words {
    /// A scanner that gives a token beyond the limit in parts: for kind `bpe`, which knows every byte.
    pub fn in_parts() -> Words {
        Words {
            carry: Carry::in_parts(),
            ..Words::default()
        }
    }

    pub fn push<E>(
        &mut self,
        text: &str,
        emit: &mut impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let bytes = text.as_bytes();
        let mut start = 0; // where the part of the run in this chunk begins
        let mut i = 0;
        while i < bytes.len() {
            let (class, width) = match bytes[i] {
                ascii @ 0..0x80 => (ASCII[usize::from(ascii)], 1),
                _ => match text[i..].chars().next() {
                    Some(c) => (classify(c), c.len_utf8()),
                    None => break,
                },
            };
            if self.run != Some(class) || class == Class::Newline {
                start = self.turn(class, text, start, i, emit)?;
                self.run = Some(class);
            }
            self.ends_in_space = bytes[i] == b' ';
            i += width;
        }
        self.carry.push(&text[start..], emit)
    }

    /// Ends the run before byte `at`, where a character of another `class` stands; returns where the new run begins.
    fn turn<E>(
        &mut self,
        class: Class,
        text: &str,
        start: usize,
        at: usize,
        emit: &mut impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<usize, E> {
        let gives_space = self.ends_in_space && !matches!(class, Class::Space | Class::Newline);
        if !gives_space {
            self.carry.finish(&text[start..at], emit)?;
            return Ok(at);
        }
        if at > start {
            self.carry.finish(&text[start..at - 1], emit)?;
            return Ok(at - 1);
        }
        // The space is the last character of the chunk before.
        self.carry.pop_space();
        self.carry.finish("", emit)?;
        self.carry.push(" ", emit)?;
        Ok(at)
    }

    /// Emits the run that is being read.
    pub fn flush<E>(&mut self, emit: &mut impl FnMut(Token<'_>) -> Result<(), E>) -> Result<(), E> {
        self.run = None;
        self.ends_in_space = false;
        self.carry.finish("", emit)
    }
}

const ASCII: [Class; 128] = {
    let mut table = [Class::Mark; 128];
    let mut i = 0;
    while i < 128 {
        let byte = i as u8;
        if byte.is_ascii_alphabetic() {
            table[i] = Class::Letter;
        } else if byte.is_ascii_digit() {
            table[i] = Class::Number;
        } else if byte == b'\n' {
            table[i] = Class::Newline;
        } else if byte == b' ' || (byte >= b'\t' && byte <= b'\r') {
            table[i] = Class::Space;
        }
        i += 1;
    }
    table
};

fn classify(c: char) -> Class {
    if c.is_whitespace() {
        return Class::Space;
    }
    match get_general_category(c) {
        Gc::UppercaseLetter
        | Gc::LowercaseLetter
        | Gc::TitlecaseLetter
        | Gc::ModifierLetter
        | Gc::OtherLetter
        | Gc::NonspacingMark
        | Gc::SpacingMark
        | Gc::EnclosingMark => Class::Letter,
        Gc::DecimalNumber | Gc::LetterNumber | Gc::OtherNumber => Class::Number,
        _ => Class::Mark,
    }
}
