//! Where tokens stand: the lines of a raw text, told in the same way by every vocabulary kind.
//!
//! A line ends at `\n` or with its document, whatever a token is, so that models of different kinds can be compared line by line.
//! The `<eos>` of a document belongs to the last line; in kind `whitespace` (and some `foreign` ones) every line has its own. How many lines a text has is
//! [`TextStats::line_ends`] in every kind.

use super::lines::{self, Chunk};
use super::scan::Token;
use super::stats::Tally;
use super::vocab::{Encoder, Piece};
use super::{Kind, ReadOptions, Source, Symbol, TextError, TextStats, Vocab};

/// A token and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    pub symbol: Symbol,
    /// Whether it is the first token of a line.
    pub begins_line: bool,
    /// Unicode scalar values of the token, if the vocabulary lacks it; else 0.
    pub unknown_chars: u64,
}

/// What a raw line holds, its newline included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// White-space fields.
    pub fields: u64,
    /// Unicode scalar values.
    pub chars: u64,
}

/// [`super::encode`], with the place of every token.
pub fn encode_placed<E: From<TextError>>(
    sources: impl IntoIterator<Item = Source>,
    vocab: &Vocab,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Placed) -> Result<(), E>,
) -> Result<TextStats, E> {
    let (mut tokens, mut oov) = (0, 0);
    let mut after_line = true;
    let mut encoder = Encoder::new(vocab);
    let mut stats = lines::read(sources, vocab.kind(), options, |chunk| {
        encoder.push(chunk, &mut |found: Piece<'_>| {
            let symbol = found.symbol;
            let closes_document = found.piece == Token::Eos && !vocab.eos_ends_lines();
            let begins_line = after_line && found.first && !closes_document;
            after_line = found.last && ends_line(found.piece);
            tokens += 1;
            oov += u64::from(symbol.oov);
            sink(Placed {
                symbol,
                begins_line,
                unknown_chars: found.unknown_chars,
            })
        })
    })?;
    (stats.tokens, stats.oov) = (tokens, oov);
    Ok(stats)
}

/// Reads `sources` as text of `kind` and hands every raw line to `sink`. Of the result, `tokens` and `oov` are 0.
///
/// Errors: everything that [`lines`] can find wrong with a file.
pub fn measure_lines<E: From<TextError>>(
    sources: impl IntoIterator<Item = Source>,
    kind: Kind,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Line) -> Result<(), E>,
) -> Result<TextStats, E> {
    let mut line = Tally::default();
    lines::read(sources, kind, options, |chunk| {
        let bytes = match chunk {
            Chunk::Text(text) => text.as_bytes(),
            Chunk::Bytes(bytes) => bytes,
            Chunk::EndOfDocument if line.is_empty() => return Ok(()),
            Chunk::EndOfDocument => return close(&mut line, sink),
        };
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            line.add(part);
            if part.ends_with(b"\n") {
                close(&mut line, sink)?;
            }
        }
        Ok(())
    })
}

fn close<E>(line: &mut Tally, sink: &mut dyn FnMut(Line) -> Result<(), E>) -> Result<(), E> {
    let mut done = std::mem::take(line);
    done.end_document();
    sink(Line {
        fields: done.fields,
        chars: done.chars,
    })
}

fn ends_line(token: Token<'_>) -> bool {
    match token {
        Token::Eos => true,
        Token::Text(text) => text.as_bytes().contains(&b'\n'),
        Token::Byte(byte) => byte == b'\n',
        Token::TooLong { .. } => false,
    }
}
