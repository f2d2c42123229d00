//! Any bytes as tokens and back, without losing one of them: for lossless compression.
//!
//! ```text
//! Cutter     bytes → [Piece::Token | Piece::Unknown | Piece::Raw]        Joiner     the same pieces → the same bytes
//! ```
//! The tokens are those of [`super::encode`], wherever decoding them gives back what they stand for. What a vocabulary does not say is
//! said by other pieces: [`Piece::Unknown`] has the letters of a token that the vocabulary lacks, beside `<unk>`, and [`Piece::Raw`] bytes that no token has:
//!
//! | kind | what is raw |
//! |---|---|
//! | `words`, `chars`, `bpe` | invalid UTF-8 |
//! | `whitespace`, `fields` | all white space but a single space between words and the newline at the end of a line; invalid UTF-8 |
//! | `foreign` | lines that the tokenizer does not restore; invalid UTF-8 |
//! | `bytes` | nothing |
//!
//! Nothing here knows what a tokenizer may change: every piece is joined again as soon as it is cut, and becomes raw if that does not give the same bytes. So it is exact for tokenizers of any origin.
//! Memory holds one line, and a longer one than [`LONGEST_PART`] in parts.

use super::located::{LineEncoder, LineEnd, Located};
use super::vocab::Decoder;
use super::{Kind, ReadOptions, TextError, TokenId, Vocab};

/// Longest part of a line in bytes that is cut into tokens at once.
pub const LONGEST_PART: usize = 64 << 10;
/// Shortest stretch of valid UTF-8 in bytes between invalid bytes that is worth tokens of its own.
const SHORTEST_STRETCH: usize = 16;

/// A part of a text that was cut by a [`Cutter`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A token of the vocabulary.
    Token(TokenId),
    /// A token that the vocabulary lacks: `<unk>`, and the bytes that it stands for.
    Unknown(&'a [u8]),
    /// Bytes that no token stands for.
    Raw(&'a [u8]),
}

/// Cuts bytes into pieces; see the head of this file.
pub struct Cutter<'v> {
    vocab: &'v Vocab,
    encoder: LineEncoder<'v>,
    /// Joins what was cut, to see that it is the same.
    joiner: Joiner<'v>,
    /// The line that is not complete yet.
    line: Vec<u8>,
    tokens: Vec<Located>,
    /// Pieces of the present line: tokens, and ranges of `line`.
    found: Vec<Found>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    Token(TokenId),
    Unknown(usize, usize),
    Raw(usize, usize),
}

impl<'v> Cutter<'v> {
    /// Makes a cutter at the beginning of a text.
    pub fn new(vocab: &'v Vocab) -> Cutter<'v> {
        Cutter {
            vocab,
            encoder: LineEncoder::new(vocab, &ReadOptions::default()),
            joiner: Joiner::new(vocab),
            line: Vec::new(),
            tokens: Vec::new(),
            found: Vec::new(),
        }
    }

    /// Takes the next bytes and hands every piece that they complete to `sink`.
    ///
    /// # Errors
    /// [`TextError::Tokenizer`] if a foreign tokenizer fails; and the errors of `sink`.
    pub fn push<E: From<TextError>>(
        &mut self,
        bytes: &[u8],
        sink: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.vocab.kind() == Kind::Bytes {
            let mut bytes = bytes.iter();
            return bytes.try_for_each(|&byte| sink(Piece::Token(u32::from(byte))));
        }
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            for part in part.chunks(LONGEST_PART) {
                self.line.extend_from_slice(part);
                if part.ends_with(b"\n") {
                    self.cut(self.line.len(), sink)?;
                }
                while self.line.len() >= LONGEST_PART {
                    self.cut(place_to_cut(&self.line), sink)?;
                }
            }
        }
        Ok(())
    }

    /// Hands on the pieces of a last line without a newline.
    ///
    /// # Errors
    /// As for [`Cutter::push`].
    pub fn finish<E: From<TextError>>(
        &mut self,
        sink: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self.line.len() {
            0 => Ok(()),
            length => self.cut(length, sink),
        }
    }

    /// Cuts the first `length` bytes of the line, at least one, into pieces and removes them.
    fn cut<E: From<TextError>>(
        &mut self,
        length: usize,
        sink: &mut dyn FnMut(Piece<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.found.clear();
        let line = std::mem::take(&mut self.line);
        let (part, rest) = line.split_at(length);
        let text = part.strip_suffix(b"\n").unwrap_or(part);
        let newline = text.len() < part.len();
        match std::str::from_utf8(text) {
            Ok(text) => self.stretch(part, 0..text.len(), newline)?,
            Err(_) => {
                for stretch in stretches(text) {
                    self.stretch(part, stretch, false)?;
                }
                if newline {
                    self.stretch(part, text.len()..text.len(), true)?;
                }
            }
        }
        for found in &self.found {
            sink(match *found {
                Found::Token(id) => Piece::Token(id),
                Found::Unknown(from, to) => Piece::Unknown(&part[from..to]),
                Found::Raw(from, to) => Piece::Raw(&part[from..to]),
            })?;
        }
        self.line = rest.to_vec();
        Ok(())
    }

    /// Cuts bytes `place` of `part`, and the newline behind them if there is one.
    fn stretch(
        &mut self,
        part: &[u8],
        place: std::ops::Range<usize>,
        newline: bool,
    ) -> Result<(), TextError> {
        let end = place.end + usize::from(newline);
        if std::str::from_utf8(&part[place.clone()]).is_err() {
            self.raw(place.start, end);
            return Ok(());
        }
        let mut tokens = std::mem::take(&mut self.tokens);
        tokens.clear();
        let how = match newline {
            true => LineEnd::Text {
                newline,
                ends_document: false,
            },
            false => LineEnd::None,
        };
        self.encoder
            .encode(&part[place.clone()], how, &mut tokens)?;
        match self.vocab.kind() {
            Kind::Foreign => self.all_or_nothing(part, place.start, end, &tokens),
            _ => self.one_by_one(part, place, end, &tokens),
        }
        self.tokens = tokens;
        Ok(())
    }

    /// Takes the tokens of bytes `start..end` if they are joined to the same bytes.
    fn all_or_nothing(&mut self, part: &[u8], start: usize, end: usize, tokens: &[Located]) {
        let (mut joiner, mut joined) = (self.joiner.clone(), Vec::new());
        for token in tokens {
            joined.extend_from_slice(joiner.token(token.symbol.id));
        }
        let unknown = |token: &Located| Some(token.symbol.id) == self.vocab.unk();
        let ends = |token: &Located| self.vocab.is_end(token.symbol.id);
        if joined != part[start..end] || tokens.iter().any(|token| unknown(token) || ends(token)) {
            self.raw(start, end);
            return;
        }
        self.joiner = joiner;
        let tokens = tokens.iter().map(|token| Found::Token(token.symbol.id));
        self.found.extend(tokens);
    }

    /// Takes each token that is joined to its bytes; what lies between them is raw unless joining gives it.
    fn one_by_one(
        &mut self,
        part: &[u8],
        place: std::ops::Range<usize>,
        end: usize,
        tokens: &[Located],
    ) {
        let mut at = place.start;
        for token in tokens {
            let (from, mut to) = (
                place.start + token.bytes.start,
                place.start + token.bytes.end,
            );
            if from == place.end {
                // A token of the line's end.
                to = end;
            }
            // Several tokens of one end would each claim all of it: the last one finds nothing left.
            if from < at || to <= from {
                continue;
            }
            self.token(part, at, from, to, token.symbol.id);
            at = to;
        }
        if at < end {
            self.raw(at, end);
        }
    }

    /// Adds the token `id`, which stands for bytes `from..to`, behind the bytes `at..from`.
    fn token(&mut self, part: &[u8], at: usize, from: usize, to: usize, id: TokenId) {
        if self.vocab.is_end(id) {
            return self.raw(at, to);
        }
        let unknown = Some(id) == self.vocab.unk();
        let was_in_line = self.joiner.in_line;
        let same = match unknown {
            true => self.joiner.unknown() == &part[at..from],
            false => self.joiner.token(id) == &part[at..to],
        };
        if same {
            return self.found.push(match unknown {
                true => Found::Unknown(from, to),
                false => Found::Token(id),
            });
        }
        self.joiner.in_line = was_in_line;
        // What is between tokens becomes raw, if only to have no separator there; if that does not help, the token as well.
        match at < from || was_in_line {
            true => {
                self.raw(at, from);
                self.token(part, from, from, to, id);
            }
            false => self.raw(at, to),
        }
    }

    /// Adds raw bytes, or makes those before them longer.
    fn raw(&mut self, from: usize, to: usize) {
        self.joiner.raw();
        match self.found.last_mut() {
            Some(Found::Raw(_, end)) if *end == from => *end = to,
            _ => self.found.push(Found::Raw(from, to)),
        }
    }
}

/// Joins pieces to bytes.
#[derive(Clone)]
pub struct Joiner<'v> {
    vocab: &'v Vocab,
    /// Whether a token precedes in the line, so that a separator is put before the next one.
    in_line: bool,
    /// Decoder of a foreign vocabulary.
    decoder: Decoder,
    out: Vec<u8>,
}

impl<'v> Joiner<'v> {
    /// Makes a joiner at the beginning of a text.
    pub fn new(vocab: &'v Vocab) -> Joiner<'v> {
        Joiner {
            vocab,
            in_line: false,
            decoder: Decoder::default(),
            out: Vec::new(),
        }
    }

    /// Adds a token and returns the bytes that are complete with it. Panics if `id ≥ V`.
    pub fn token(&mut self, id: TokenId) -> &[u8] {
        if self.vocab.kind() == Kind::Foreign {
            return self.decoder.push(self.vocab, id);
        }
        self.out.clear();
        let ends_line = id == self.vocab.eos();
        if !ends_line {
            let separator = self.vocab.separator(self.in_line);
            self.out.extend_from_slice(separator);
        }
        self.out.extend_from_slice(self.vocab.printed(id));
        self.in_line = !ends_line;
        &self.out
    }

    /// Adds a token that the vocabulary lacks, whose bytes follow, and returns the separator before them.
    pub fn unknown(&mut self) -> &'static [u8] {
        self.vocab
            .separator(std::mem::replace(&mut self.in_line, true))
    }

    /// Adds raw bytes, which need no joining: no separator follows them.
    pub fn raw(&mut self) {
        self.in_line = false;
        self.decoder = Decoder::default();
    }

    /// Whether a token precedes in the line.
    pub fn in_line(&self) -> bool {
        self.in_line
    }
}

impl Vocab {
    /// Whether the token `id` ends a text and nothing else.
    pub fn is_end(&self, id: TokenId) -> bool {
        id == self.eos() && !self.eos_ends_lines()
    }
}

/// Number of bytes of a long line that are cut first: up to its last space, or else the last boundary of characters.
fn place_to_cut(line: &[u8]) -> usize {
    let half = LONGEST_PART / 2;
    let end = line.len().min(LONGEST_PART);
    if let Some(space) = line[half..end].iter().rposition(|&byte| byte == b' ') {
        return half + space;
    }
    let inside = |&byte: &u8| byte & 0xC0 == 0x80;
    let back = line[..end]
        .iter()
        .rev()
        .take(4)
        .position(|byte| !inside(byte));
    // The character that begins last may be incomplete; invalid bytes are cut anywhere.
    match back {
        Some(back) => end - back - 1,
        None => end,
    }
}

/// Ranges of `bytes` in order, each of valid UTF-8 or raw; short stretches of valid UTF-8 belong to the raw ones around them.
fn stretches(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let mut ranges: Vec<std::ops::Range<usize>> = Vec::new();
    // Whether the last range is raw.
    let mut raw = false;
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        for (length, valid) in [(chunk.valid().len(), true), (chunk.invalid().len(), false)] {
            if length == 0 {
                continue;
            }
            let is_raw = !valid || length < SHORTEST_STRETCH;
            match ranges.last_mut() {
                Some(last) if raw && is_raw => last.end = at + length,
                _ => ranges.push(at..at + length),
            }
            raw = is_raw;
            at += length;
        }
    }
    ranges
}
