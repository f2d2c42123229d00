//! The tokens of a line, each with its bytes in the line.
//!
//! Kinds `words`, `chars`, `bytes` and `bpe` cut a line without a gap. In kinds `whitespace` and `fields` white space lies between tokens and belongs to
//! none. The places of a foreign vocabulary are those that its tokenizer reports. Tokens of the end of the line, such as
//! `<eos>` or a newline, lie behind its last byte; a foreign token may hold a newline together with letters before it.

use super::lines::Chunk;
use super::scan::Token;
use super::vocab::{Encoder, Piece};
use super::{Kind, ReadOptions, Symbol, TextError, Vocab};
use std::ops::Range;

/// Token of a line, with its place in the line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located {
    /// The token.
    pub symbol: Symbol,
    /// Bytes of the line that the token spells; empty, at the end of the line, for a token of the line's end.
    pub bytes: Range<usize>,
}

/// End of a line, which is encoded with its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineEnd {
    /// Nothing.
    None,
    /// The token that ends a line by itself: a newline, or `<eos>` where that ends lines or no token is a newline.
    Sentence,
    /// As in a whole text: a newline if there is one, and `<eos>` if it ends the document or every line.
    Text {
        /// Whether a newline ends the line.
        newline: bool,
        /// Whether the line is the last one of its document.
        ends_document: bool,
    },
}

/// Encoder of one line after the other, each by itself.
pub struct LineEncoder<'v> {
    vocab: &'v Vocab,
    encoder: Encoder<'v>,
    skip_markers: bool,
}

impl<'v> LineEncoder<'v> {
    /// Makes an encoder with the vocabulary `vocab`, which skips the words `<s>` and `</s>` if the options say so.
    pub fn new(vocab: &'v Vocab, options: &ReadOptions) -> LineEncoder<'v> {
        LineEncoder {
            vocab,
            encoder: Encoder::of_text(vocab, options),
            skip_markers: options.skip_markers,
        }
    }

    /// Number of words `<s>` and `</s>` so far.
    pub fn markers(&self) -> u64 {
        self.encoder.markers()
    }

    /// Encodes `line`, which has no newline, and appends its tokens and those of its end to `tokens`.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] if a foreign tokenizer fails; [`TextError::InvalidUtf8`] in kinds of text.
    pub fn encode(
        &mut self,
        line: &[u8],
        end: LineEnd,
        tokens: &mut Vec<Located>,
    ) -> Result<(), TextError> {
        let vocab = self.vocab;
        let mut places = Places::new(vocab.kind(), line, self.skip_markers);
        let mut emit = |found: Piece<'_>| {
            let mut symbol = found.symbol;
            let bytes = places.next(&found);
            // A vocabulary without newlines ends a sentence by itself with `<eos>`.
            if end == LineEnd::Sentence && symbol.oov && bytes.start == line.len() {
                symbol = Symbol {
                    id: vocab.eos(),
                    oov: false,
                };
            }
            tokens.push(Located { symbol, bytes });
            Ok::<(), TextError>(())
        };
        let (newline, closes) = match end {
            LineEnd::None => (false, false),
            LineEnd::Sentence => (true, false),
            LineEnd::Text {
                newline,
                ends_document,
            } => (
                newline || vocab.eos_ends_lines(),
                ends_document && !vocab.eos_ends_lines(),
            ),
        };
        if vocab.kind().is_text() {
            let text = std::str::from_utf8(line).map_err(|error| TextError::InvalidUtf8 {
                name: "a line".to_owned(),
                offset: error.valid_up_to() as u64,
            })?;
            self.encoder.push(Chunk::Text(text), &mut emit)?;
        } else {
            self.encoder.push(Chunk::Bytes(line), &mut emit)?;
        }
        if newline {
            self.encoder.push(Chunk::Text("\n"), &mut emit)?;
        }
        self.encoder.flush(&mut emit)?;
        if closes {
            let (at, symbol) = (
                line.len(),
                Symbol {
                    id: vocab.eos(),
                    oov: false,
                },
            );
            tokens.push(Located {
                symbol,
                bytes: at..at,
            });
        }
        Ok(())
    }
}

/// Finds the places of tokens, which come in the order of the line.
struct Places<'t> {
    kind: Kind,
    line: &'t [u8],
    skip_markers: bool,
    /// Where the last token, or the piece of text that is being cut into tokens, ended or begins.
    at: usize,
}

impl<'t> Places<'t> {
    fn new(kind: Kind, line: &'t [u8], skip_markers: bool) -> Places<'t> {
        Places {
            kind,
            line,
            skip_markers,
            at: 0,
        }
    }

    fn next(&mut self, found: &Piece<'_>) -> Range<usize> {
        if self.kind.between_spaces() {
            return self.field(found.piece);
        }
        let length = match found.piece {
            Token::Text(text) => text.len(),
            Token::Byte(_) => 1,
            Token::TooLong { chars } => self.bytes_of(chars),
            Token::Eos => 0,
        };
        let end = self.line.len();
        let place = match &found.place {
            Some(place) => self.at + place.start..self.at + place.end,
            None => self.at..self.at + length,
        };
        if found.last {
            self.at += length;
        }
        place.start.min(end)..place.end.min(end)
    }

    /// The next word between white space that is no skipped marker.
    fn field(&mut self, piece: Token<'_>) -> Range<usize> {
        if piece == Token::Eos {
            return self.line.len()..self.line.len();
        }
        loop {
            let rest = &self.line[self.at..];
            let start = self.at + self.leading(rest, true);
            let end = start + self.leading(&self.line[start..], false);
            self.at = end;
            let word = &self.line[start..end];
            let is_marker = word == b"<s>" || word == b"</s>";
            if !(self.skip_markers && is_marker) || start == end {
                return start..end;
            }
        }
    }

    /// Number of bytes at the beginning of `bytes` that are white space of the kind, or that are not.
    fn leading(&self, bytes: &[u8], white: bool) -> usize {
        if self.kind == Kind::Whitespace {
            let text = std::str::from_utf8(bytes).unwrap_or_default();
            return text
                .find(|c: char| c.is_whitespace() != white)
                .unwrap_or(bytes.len());
        }
        let separates = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let end = bytes.iter().position(|byte| separates(byte) != white);
        end.unwrap_or(bytes.len())
    }

    /// Number of bytes of the next `chars` characters.
    fn bytes_of(&self, chars: u64) -> usize {
        let rest = String::from_utf8_lossy(&self.line[self.at.min(self.line.len())..]);
        rest.chars().take(chars as usize).map(char::len_utf8).sum()
    }
}
