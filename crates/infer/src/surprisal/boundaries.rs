//! The tokens with which a word begins or a line ends: the events that say that the word before has ended.
//!
//! Tokens of kinds `words`, `chars`, `bytes` and `bpe` begin a word if their first character is white space; so do `<eos>` and, in kind `words`, whose tokens carry the space before them,
//! `<unk>`. Tokens of other programs are recognised by their names: `Ġ` (byte-level BPE) and `▁` (SentencePiece) stand for a space in front, and so do the bytes of white space that
//! SentencePiece calls `<0x0A>` and the like. The tokens that end a sentence, which the tokenizer is asked for, belong to them in any case. Where tokens say at their end that a word
//! ends (`</w>`), or where nothing in a token says it (WordPiece), there is no correction.

use crate::streams::Scores;
use elman_text::{Kind, LineEncoder, LineEnd, ReadOptions, TextError, TokenId, Vocab};

/// Names of white space at the beginning of a token in a byte-level alphabet: space, newline, tab, carriage return.
const BYTE_LEVEL: [char; 4] = ['Ġ', 'Ċ', 'ĉ', 'č'];
/// Name of a space at the beginning of a token of SentencePiece.
const SENTENCE_PIECE: char = '\u{2581}';
/// Names of bytes of white space in SentencePiece, for characters that it has no token for.
const BYTES: [&[u8]; 4] = [b"<0x0A>", b"<0x0D>", b"<0x09>", b"<0x20>"];

/// The tokens that begin a word.
pub enum Boundaries {
    /// Every token does, or the vocabulary does not say: p(S) is taken as 1.
    NoCorrection,
    /// The tokens with these ids.
    Tokens(Vec<TokenId>),
}

impl Boundaries {
    /// Finds the tokens of a vocabulary that begin a word or end a line.
    ///
    /// Errors: a foreign tokenizer that cannot encode the end of a line.
    pub fn of(vocab: &Vocab) -> Result<Boundaries, TextError> {
        let kind = vocab.kind();
        if kind.between_spaces() {
            return Ok(Boundaries::NoCorrection);
        }
        let mut ends = Vec::new();
        LineEncoder::new(vocab, &ReadOptions::default()).encode(
            b"",
            LineEnd::Sentence,
            &mut ends,
        )?;
        let ends_line =
            |id: TokenId| id == vocab.eos() || ends.iter().any(|end| end.symbol.id == id);
        let ids = || 0..vocab.len() as TokenId;
        let first = |id| {
            String::from_utf8_lossy(vocab.token_bytes(id))
                .chars()
                .next()
        };
        // The letters of one alphabet are ordinary letters of the other.
        let pieces = kind == Kind::Foreign && ids().any(|id| first(id) == Some(SENTENCE_PIECE));
        let begins = |id: TokenId| match (kind, first(id)) {
            (Kind::Words, _) if Some(id) == vocab.unk() => true,
            (_, Some(' ' | '\t' | '\r' | '\n')) => true,
            (Kind::Foreign, Some(c)) if pieces => {
                c == SENTENCE_PIECE || BYTES.contains(&vocab.token_bytes(id))
            }
            (Kind::Foreign, Some(c)) => BYTE_LEVEL.contains(&c),
            _ => false,
        };
        // Where only ends of lines are known, the tokens do not say where words begin.
        if kind == Kind::Foreign && !ids().any(|id| begins(id) && !ends_line(id)) {
            return Ok(Boundaries::NoCorrection);
        }
        let all = ids().filter(|&id| begins(id) || ends_line(id));
        Ok(Boundaries::Tokens(all.collect()))
    }

    /// −ln p(S): the probability that the next token begins a word or ends the line.
    pub fn nats(&self, scores: &Scores) -> f64 {
        let Boundaries::Tokens(ids) = self else {
            return 0.0;
        };
        let p: f64 = ids.iter().map(|&id| libm::exp(-scores.nats(id))).sum();
        -libm::log(p.clamp(f64::MIN_POSITIVE, 1.0))
    }
}
