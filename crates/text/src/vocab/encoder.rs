//! From scanned pieces to symbols: one look-up where a piece is a token, the engine where it is cut further.

use foldhash::fast::RandomState;
use std::collections::HashMap;
use std::ops::Range;

use super::super::lines::Chunk;
use super::super::scan::{Scanner, Token};
use super::super::{Kind, ReadOptions, Symbol, TextError};
use super::Vocab;
use super::bpe::letters;
use super::engine::Engine;

/// Pieces of kind `bpe` that are remembered with their ids, and how long they may be.
const REMEMBERED: usize = 1 << 15;
const LONGEST_REMEMBERED: usize = 64;

/// One pass of a vocabulary over a text.
pub(crate) struct Encoder<'v> {
    vocab: &'v Vocab,
    scanner: Scanner,
    known: HashMap<Box<[u8]>, Box<[u32]>, RandomState>,
}

/// A symbol, and the piece of text from which it came.
pub(crate) struct Piece<'t> {
    pub symbol: Symbol,
    pub piece: Token<'t>,
    /// The first and the last symbol of the piece.
    pub first: bool,
    pub last: bool,
    /// Unicode scalar values that the symbol stands for, if the vocabulary lacks them; else 0.
    pub unknown_chars: u64,
    /// Bytes of the piece that the symbol stands for; `None`: all of it.
    pub place: Option<Range<usize>>,
}

impl<'v> Encoder<'v> {
    pub fn new(vocab: &'v Vocab) -> Encoder<'v> {
        Encoder {
            vocab,
            scanner: Scanner::of(vocab),
            known: HashMap::default(),
        }
    }

    /// Makes an encoder that skips the words `<s>` and `</s>` if the options say so.
    pub fn of_text(vocab: &'v Vocab, options: &ReadOptions) -> Encoder<'v> {
        let mut encoder = Encoder::new(vocab);
        encoder.scanner.skip_markers(options.skip_markers);
        encoder
    }

    /// Number of words `<s>` and `</s>` so far.
    pub fn markers(&self) -> u64 {
        self.scanner.markers()
    }

    /// Takes the next chunk and emits every symbol that it completes.
    pub fn push<E: From<TextError>>(
        &mut self,
        chunk: Chunk<'_>,
        emit: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (vocab, known) = (self.vocab, &mut self.known);
        self.scanner
            .push(chunk, &mut |piece| symbols(vocab, known, piece, emit))
    }

    /// Emits what waits for more text, without ending the document: the end of a prompt.
    pub fn flush<E: From<TextError>>(
        &mut self,
        emit: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let (vocab, known) = (self.vocab, &mut self.known);
        self.scanner
            .flush(&mut |piece| symbols(vocab, known, piece, emit))
    }
}

/// Emits the symbols of a piece.
#[inline]
fn symbols<E: From<TextError>>(
    vocab: &Vocab,
    known: &mut HashMap<Box<[u8]>, Box<[u32]>, RandomState>,
    piece: Token<'_>,
    emit: &mut impl FnMut(Piece<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let whole = |symbol, unknown_chars| Piece {
        symbol,
        piece,
        first: true,
        last: true,
        unknown_chars,
        place: None,
    };
    let (Some(engine), Token::Text(text)) = (&vocab.engine, piece) else {
        let symbol = vocab.symbol(piece);
        let unknown_chars = match piece {
            _ if !symbol.oov => 0,
            Token::Text(text) => text.chars().count() as u64,
            Token::TooLong { chars } => chars,
            Token::Byte(_) | Token::Eos => 0,
        };
        return emit(whole(symbol, unknown_chars));
    };
    if vocab.kind == Kind::Foreign {
        let found = engine.line(text)?;
        let last = found.len().saturating_sub(1);
        return found.iter().enumerate().try_for_each(|(i, found)| {
            let oov = found.unknown.is_some();
            emit(Piece {
                symbol: Symbol { id: found.id, oov },
                piece,
                first: i == 0,
                last: i == last,
                unknown_chars: found.unknown_chars(),
                place: Some(found.bytes.clone()),
            })
        });
    }
    let ids = match known.get(text.as_bytes()) {
        Some(ids) => &**ids,
        None => {
            if known.len() >= REMEMBERED || text.len() > LONGEST_REMEMBERED {
                known.clear();
            }
            let ids = merged(engine, text)?.into();
            known.entry(text.as_bytes().into()).or_insert(ids)
        }
    };
    let last = ids.len().saturating_sub(1);
    let mut at = 0;
    ids.iter().enumerate().try_for_each(|(i, &id)| {
        let start = at;
        at += vocab.token_bytes(id).len();
        emit(Piece {
            symbol: Symbol { id, oov: false },
            piece,
            first: i == 0,
            last: i == last,
            unknown_chars: 0,
            place: Some(start..at),
        })
    })
}

fn merged(engine: &Engine, text: &str) -> Result<Vec<u32>, TextError> {
    engine.piece(&letters(text.as_bytes()))
}
