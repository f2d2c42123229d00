//! Positions of tokens in the lines of a raw text, which are the same for every kind of vocabulary.
//!
//! A line ends at `\n` or with its document, whatever a token is, so that models of different kinds can be compared line by line.
//! The `<eos>` of a document belongs to the last line; in kind `whitespace` (and some `foreign` ones) every line has its own. How many lines a text has is
//! [`TextStats::line_ends`] in every kind.

use super::lines::{self, Chunk};
use super::lost::{Lost, LostCounter};
use super::scan::Token;
use super::stats::Tally;
use super::vocab::{Encoder, Piece};
use super::{Kind, ReadOptions, Source, Symbol, TextError, TextStats, Vocab};

/// Token with its position and, if it is unknown, its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The token.
    pub symbol: Symbol,
    /// Whether the token is the first one of a line.
    pub begins_line: bool,
    /// Number of characters (Unicode scalar values) of the token if the vocabulary lacks it, otherwise 0.
    pub unknown_chars: u64,
}

/// Counts of a raw line, its newline included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line<'a> {
    /// Number of fields separated by white space.
    pub fields: u64,
    /// Number of characters (Unicode scalar values).
    pub chars: u64,
    /// Number of characters that decoding does not restore, for each vocabulary.
    pub lost: &'a [u64],
}

/// Encodes texts as [`super::encode`] does, with the position of every token and the characters lost by decoding.
pub fn encode_placed<E: From<TextError>>(
    sources: impl IntoIterator<Item = Source>,
    vocab: &Vocab,
    options: &ReadOptions,
    sink: &mut dyn FnMut(Placed) -> Result<(), E>,
) -> Result<(TextStats, Lost), E> {
    let (mut tokens, mut oov) = (0, 0);
    let mut after_line = true;
    let mut encoder = Encoder::of_text(vocab, options);
    let mut lost = LostCounter::new(vocab, options);
    let mut stats = lines::read(sources, vocab.kind(), options, |chunk| {
        lost.push(chunk)?;
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
    stats.note_markers(encoder.markers(), options);
    Ok((stats, lost.finish()))
}

/// Measures every raw line of `sources` as text of `kind`, and what each of `vocabs` loses of it.
///
/// Each line goes to `sink`. Returns the statistics of the text, whose `tokens` and `oov` are 0, and the lost
/// characters of each vocabulary. Errors: those of [`lines`].
pub fn measure_lines<E: From<TextError>>(
    sources: impl IntoIterator<Item = Source>,
    kind: Kind,
    options: &ReadOptions,
    vocabs: &[&Vocab],
    sink: &mut dyn FnMut(Line) -> Result<(), E>,
) -> Result<(TextStats, Vec<Lost>), E> {
    let mut open = Open {
        line: Tally::default(),
        losses: vocabs
            .iter()
            .map(|vocab| LostCounter::new(vocab, options))
            .collect(),
        before: vec![0; vocabs.len()],
        lost: vec![0; vocabs.len()],
    };
    let stats = lines::read(sources, kind, options, |chunk| match chunk {
        Chunk::Text(text) => {
            let mut parts = text.split_inclusive('\n');
            parts.try_for_each(|part| open.push(Chunk::Text(part), part.as_bytes(), sink))
        }
        Chunk::Bytes(bytes) => {
            let mut parts = bytes.split_inclusive(|&byte| byte == b'\n');
            parts.try_for_each(|part| open.push(Chunk::Bytes(part), part, sink))
        }
        Chunk::EndOfDocument => open.push(chunk, b"", sink),
    })?;
    let losses = open.losses.into_iter().map(LostCounter::finish);
    Ok((stats, losses.collect()))
}

/// The line that is being measured.
struct Open<'v> {
    line: Tally,
    losses: Vec<LostCounter<'v>>,
    /// What they had counted when the line began, and have counted since.
    before: Vec<u64>,
    lost: Vec<u64>,
}

impl Open<'_> {
    /// Takes more of the line, or the end of the document.
    fn push<E: From<TextError>>(
        &mut self,
        chunk: Chunk<'_>,
        bytes: &[u8],
        sink: &mut dyn FnMut(Line) -> Result<(), E>,
    ) -> Result<(), E> {
        for lost in &mut self.losses {
            lost.push(chunk)?;
        }
        self.line.add(bytes);
        match chunk {
            Chunk::EndOfDocument if self.line.is_empty() => return Ok(()),
            Chunk::EndOfDocument => {}
            _ if bytes.ends_with(b"\n") => {}
            _ => return Ok(()),
        }
        let mut done = std::mem::take(&mut self.line);
        done.end_document();
        for ((lost, before), counter) in
            self.lost.iter_mut().zip(&mut self.before).zip(&self.losses)
        {
            *lost = counter.chars() - std::mem::replace(before, counter.chars());
        }
        sink(Line {
            fields: done.fields,
            chars: done.chars,
            lost: &self.lost,
        })
    }
}

fn ends_line(token: Token<'_>) -> bool {
    match token {
        Token::Eos => true,
        Token::Text(text) => text.as_bytes().contains(&b'\n'),
        Token::Byte(byte) => byte == b'\n',
        Token::TooLong { .. } => false,
    }
}
