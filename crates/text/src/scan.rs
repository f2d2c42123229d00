//! Scanners: chunks of characters in, tokens out, with no allocation per token.
//!
//! A token that lies within a chunk is passed on as a slice of it; one that is cut by the end of a chunk is completed in
//! [`Carry`], which keeps at most [`LONGEST_TOKEN`] bytes of it. Where chunks end makes no difference to the tokens.

use super::lines::Chunk;
use super::{Kind, LONGEST_TOKEN, Vocab};

mod lines;
mod whitespace;
mod words;

pub(super) use whitespace::{CONTROL_LITERAL, ESCAPED_LITERAL};
pub(super) use words::PATTERN as WORDS_PATTERN;

/// Token that a scanner finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    Text(&'a str),
    Byte(u8),
    /// A token of more than [`LONGEST_TOKEN`] bytes, of which only the length is known.
    TooLong {
        chars: u64,
    },
    Eos,
}

/// The scanner of a kind, with the token that is not finished yet.
pub(super) enum Scanner {
    Words(words::Words),
    Whitespace(whitespace::Whitespace),
    Lines(lines::Lines),
    Chars,
    Bytes,
}

impl Scanner {
    /// The scanner of a vocabulary's kind; of a foreign one as its control token demands.
    pub fn of(vocab: &Vocab) -> Scanner {
        match vocab.kind() {
            Kind::Foreign => Scanner::lines(vocab.eos_ends_lines()),
            kind => Scanner::new(kind),
        }
    }

    /// The scanner of one of our own kinds.
    pub fn new(kind: Kind) -> Scanner {
        match kind {
            Kind::Foreign => unreachable!("a foreign vocabulary comes with its scanner"),
            Kind::Bpe => Scanner::Words(words::Words::in_parts()),
            Kind::Words => Scanner::Words(words::Words::default()),
            Kind::Whitespace => Scanner::Whitespace(whitespace::Whitespace::default()),
            Kind::Fields => Scanner::Whitespace(whitespace::Whitespace::of_fields()),
            Kind::Chars => Scanner::Chars,
            Kind::Bytes => Scanner::Bytes,
        }
    }

    /// One that emits whole lines, without their newlines and with [`Token::Eos`] behind them if `eos_ends_lines`.
    pub fn lines(eos_ends_lines: bool) -> Scanner {
        Scanner::Lines(lines::Lines::new(eos_ends_lines))
    }

    /// Leaves the words `<s>` and `</s>` out from now on, in kinds where they are words.
    pub fn skip_markers(&mut self, skip: bool) {
        if let Scanner::Whitespace(words) = self {
            words.skip_markers = skip;
        }
    }

    /// Number of words `<s>` and `</s>` so far.
    pub fn markers(&self) -> u64 {
        match self {
            Scanner::Whitespace(words) => words.markers,
            _ => 0,
        }
    }

    /// Takes the next chunk and emits every token that it completes.
    pub fn push<E>(
        &mut self,
        chunk: Chunk<'_>,
        emit: &mut impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match (self, chunk) {
            (Scanner::Words(words), Chunk::Text(text)) => words.push(text, emit),
            (Scanner::Words(words), Chunk::EndOfDocument) => {
                words.flush(emit)?;
                emit(Token::Eos)
            }
            (Scanner::Whitespace(fields), Chunk::Text(text)) => fields.push(text, emit),
            (Scanner::Whitespace(fields), Chunk::EndOfDocument) => fields.end(emit),
            (Scanner::Lines(lines), Chunk::Text(text)) => lines.push(text, emit),
            (Scanner::Lines(lines), Chunk::EndOfDocument) => lines.end(emit),
            (Scanner::Chars, Chunk::Text(text)) => {
                let mut start = 0;
                for (end, _) in text.char_indices().skip(1) {
                    emit(Token::Text(&text[start..end]))?;
                    start = end;
                }
                if start < text.len() {
                    emit(Token::Text(&text[start..]))
                } else {
                    Ok(())
                }
            }
            (Scanner::Bytes, Chunk::Text(text)) => {
                text.bytes().try_for_each(|byte| emit(Token::Byte(byte)))
            }
            (Scanner::Bytes, Chunk::Bytes(bytes)) => {
                bytes.iter().try_for_each(|&byte| emit(Token::Byte(byte)))
            }
            (Scanner::Chars | Scanner::Bytes, Chunk::EndOfDocument) => emit(Token::Eos),
            (_, Chunk::Bytes(_)) => unreachable!("kinds of text are read as text"),
        }
    }

    /// Emits the token that waits for more text, without ending the document: the end of a prompt.
    pub fn flush<E>(&mut self, emit: &mut impl FnMut(Token<'_>) -> Result<(), E>) -> Result<(), E> {
        match self {
            Scanner::Words(words) => words.flush(emit),
            Scanner::Whitespace(fields) => fields.flush(emit),
            Scanner::Lines(lines) => lines.flush(emit),
            Scanner::Chars | Scanner::Bytes => Ok(()),
        }
    }
}

/// The beginning of a token whose end has not been read yet.
#[derive(Default)]
struct Carry {
    /// The whole beginning, unless it has grown past one byte more than a vocabulary can hold.
    text: String,
    /// Its true length in bytes.
    len: usize,
    /// The same in characters.
    chars: u64,
    /// A long token is emitted in parts, of which no byte is lost, instead of as one that is too long.
    in_parts: bool,
}

impl Carry {
    fn in_parts() -> Carry {
        Carry {
            in_parts: true,
            ..Carry::default()
        }
    }

    /// Takes more of the token. The last character stays here in any case: `words` may give it to the next token.
    fn push<E>(
        &mut self,
        text: &str,
        emit: &mut impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.in_parts {
            return self.push_parts(text, emit);
        }
        // One byte of slack, because `words` may give the last space of a run to the token after it.
        if self.len + text.len() <= LONGEST_TOKEN + 1 {
            self.text.push_str(text);
        }
        self.len += text.len();
        self.chars += text.chars().count() as u64;
        Ok(())
    }

    fn push_parts<E>(
        &mut self,
        mut text: &str,
        emit: &mut impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        while self.text.len() + text.len() > LONGEST_TOKEN {
            let room = LONGEST_TOKEN - self.text.len();
            let fits = (0..=room.min(text.len()))
                .rev()
                .find(|&i| text.is_char_boundary(i));
            let (front, rest) = text.split_at(fits.unwrap_or(0));
            self.text.push_str(front);
            text = rest;
            // Between words, if one ends in the second half.
            let space = self.text[..].rfind(' ').filter(|&i| i > LONGEST_TOKEN / 2);
            let end = space.unwrap_or(self.text.len());
            emit(Token::Text(&self.text[..end]))?;
            self.text.drain(..end);
        }
        self.text.push_str(text);
        self.len = self.text.len();
        Ok(())
    }

    /// Emits the token that ends with `tail`, if it is not empty, and starts again.
    fn finish<E>(
        &mut self,
        tail: &str,
        emit: &mut impl FnMut(Token<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.len == 0 && (tail.len() <= LONGEST_TOKEN || !self.in_parts) {
            return emit_text(tail, emit);
        }
        self.push(tail, emit)?;
        let done = if self.len > LONGEST_TOKEN {
            emit(Token::TooLong { chars: self.chars })
        } else {
            emit_text(&self.text, emit)
        };
        self.clear();
        done
    }

    /// Gives up the last byte, which is a space.
    fn pop_space(&mut self) {
        if self.text.len() == self.len {
            self.text.pop();
        }
        self.len -= 1;
        self.chars = self.chars.saturating_sub(1);
    }

    fn clear(&mut self) {
        self.text.clear();
        self.len = 0;
        self.chars = 0;
    }
}

fn emit_text<E>(text: &str, emit: &mut impl FnMut(Token<'_>) -> Result<(), E>) -> Result<(), E> {
    match text.len() {
        0 => Ok(()),
        1..=LONGEST_TOKEN => emit(Token::Text(text)),
        _ => emit(Token::TooLong {
            chars: text.chars().count() as u64,
        }),
    }
}
