//! Vocabularies: the two-way table between tokens and ids.
//!
//! Ids are dense. The specials come first (`<eos>` 0, `<unk>` 1), then the tokens of the training text, most frequent first, ties
//! in the order of their bytes, so that the same text gives the same ids. In kind `bytes` the id is the byte and `<eos>` is 256;
//! there is nothing unknown. There is no padding id: padding is a mask. Kinds `bpe` and `foreign` have an engine that cuts pieces
//! of text further; the ids of a foreign vocabulary are its own, and where they leave holes an entry stands for nothing.
//!
//! A vocabulary comes from counting ([`Counts`]), from a list ([`Vocab::from_file`]) or from a `tokenizer.json`
//! ([`Vocab::from_tokenizer`]), and is saved as `tokenizer.json`, which the Python package `tokenizers` loads and encodes with identically.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::lines::Chunk;
use super::scan::Token;
use super::{EOS, Kind, Symbol, TextError, UNK};

mod bpe;
mod count;
mod decode;
mod encoder;
#[cfg(feature = "tokenizers")]
mod engine;
#[cfg(not(feature = "tokenizers"))]
#[path = "vocab/engine_absent.rs"]
mod engine;
mod found;
mod json;
mod list;
#[cfg(feature = "tokenizers")]
mod sound;
mod table;
mod tokens;
mod union;

pub use count::Counts;
pub use decode::Decoder;
pub(super) use encoder::{Encoder, Piece};
use engine::Engine;
pub use list::is_token;
pub use list::{Listed, SpecialNames};
pub use table::TokenTable;
use tokens::{Index, Tokens};
pub use union::Union;

/// A table of tokens. Immutable; two vocabularies with the same [`Vocab::hash`] are the same.
#[derive(Clone)]
pub struct Vocab {
    kind: Kind,
    /// Token of each id.
    tokens: Tokens,
    /// Id of each token; empty in kind `bytes`.
    index: Index,
    /// Id of each one-byte ASCII token, or `NONE`: most of the look-ups of kind `chars`.
    ascii: [u32; 128],
    eos: u32,
    unk: Option<u32>,
    /// Of kinds `bpe` and `foreign`: what cuts pieces of text into tokens.
    engine: Option<Arc<Engine>>,
    /// Of kind `foreign`: the text of each token by itself.
    alone: Tokens,
    hash: String,
}

const NONE: u32 = u32::MAX;
/// What a word takes while a list of words is read: it, its end and its id, in lists that grow by doubling.
const GROWING_BYTES: u64 = 42;

/// What [`Vocab::tokenize`] makes of a prompt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    pub ids: Vec<u32>,
    /// The tokens that the vocabulary lacks, each once, in order of appearance (a very long one by its length).
    pub unknown: Vec<String>,
}

impl Vocab {
    /// The vocabulary of kind `bytes`, which is always the same.
    pub fn bytes() -> Vocab {
        let mut tokens: Tokens = (0..=255u8).map(|byte| [byte]).collect();
        tokens.push(EOS.as_bytes());
        Vocab::new(Kind::Bytes, tokens, 256, None).expect("nothing is looked up in a table")
    }

    /// The vocabulary of a kind with a table whose tokens, specials aside, are `tokens` in the order of their ids. They must differ.
    pub fn of_text(kind: Kind, tokens: impl IntoIterator<Item = Box<[u8]>>) -> Vocab {
        Vocab::of_words(kind, tokens)
    }

    /// [`Vocab::of_text`], of tokens that lie anywhere.
    fn of_words<T: AsRef<[u8]>>(kind: Kind, tokens: impl IntoIterator<Item = T>) -> Vocab {
        let mut all: Tokens = [EOS, UNK].iter().collect();
        let tokens = tokens.into_iter();
        tokens.for_each(|token| all.push(token.as_ref()));
        Vocab::of_table(kind, all).unwrap_or_else(|twice| panic!("token {twice:?} stands twice"))
    }

    /// The vocabulary of a kind with a table, of all its tokens in the order of their ids: `<eos>`, `<unk>`, and the others.
    ///
    /// Errors: a token that stands twice.
    fn of_table(kind: Kind, tokens: Tokens) -> Result<Vocab, String> {
        assert!(kind.is_text() && !kind.has_engine());
        Vocab::new(kind, tokens, 0, Some(1))
    }

    /// Errors: a token that stands twice.
    fn new(kind: Kind, mut tokens: Tokens, eos: u32, unk: Option<u32>) -> Result<Vocab, String> {
        tokens.shrink_to_fit();
        let none = Tokens::default();
        let looked_up = if kind.is_text() { &tokens } else { &none };
        let index = Index::new(looked_up)
            .map_err(|twice| String::from_utf8_lossy(tokens.get(twice)).into_owned())?;
        let mut ascii = [NONE; 128];
        let mut hash = blake3::Hasher::new();
        hash.update(kind.name().as_bytes());
        for (id, token) in (0u32..).zip(tokens.iter()) {
            hash.update(&(token.len() as u64).to_le_bytes());
            hash.update(token);
            if let &[byte @ 0..0x80] = token {
                ascii[usize::from(byte)] = id;
            }
        }
        Ok(Vocab {
            kind,
            tokens,
            index,
            ascii,
            eos,
            unk,
            engine: None,
            alone: Tokens::default(),
            hash: hash.finalize().to_hex().to_string(),
        })
    }

    /// A vocabulary with an engine, whose `tokens` differ. The hash is that of the whole file, for the tokens alone do not
    /// decide how a text is cut.
    ///
    /// Errors: tokens that cannot be decoded, or are the same.
    fn with_engine(kind: Kind, tokens: Tokens, engine: Engine) -> Result<Vocab, String> {
        let mut hash = blake3::Hasher::new();
        hash.update(kind.name().as_bytes());
        hash.update(engine.json.as_bytes());
        let (eos, unk) = (engine.eos, engine.unk);
        let alone = match kind {
            Kind::Foreign => engine.alone(tokens.len())?,
            _ => Tokens::default(),
        };
        let vocab = Vocab::new(kind, tokens, eos, unk)
            .map_err(|twice| format!("its token {twice:?} stands twice"))?;
        Ok(Vocab {
            alone,
            hash: hash.finalize().to_hex().to_string(),
            engine: Some(Arc::new(engine)),
            ..vocab
        })
    }

    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// V: all entries, specials included.
    #[expect(clippy::len_without_is_empty, reason = "a vocabulary is never empty")]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    pub fn eos(&self) -> u32 {
        self.eos
    }

    /// Whether `<eos>` ends every line, as in kinds `whitespace` and `fields`, or every document.
    pub fn eos_ends_lines(&self) -> bool {
        match &self.engine {
            Some(engine) => engine.eos_ends_lines,
            None => self.kind.between_spaces(),
        }
    }

    /// What decoding does not give back of a text, if anything.
    pub fn loses(&self) -> Option<&'static str> {
        match &self.engine {
            Some(engine) if !engine.exact => Some("the tokenizer changes the text that it reads"),
            None if self.kind == Kind::Whitespace => {
                Some("kind whitespace reads any run of white space as one")
            }
            None if self.kind == Kind::Fields => {
                Some("kind fields reads any run of spaces and tabs as one")
            }
            _ => None,
        }
    }

    /// Turns kind `whitespace` into kind `fields`, with the same tokens and ids; leaves other kinds as they are.
    pub fn as_fields(&self) -> Vocab {
        match self.kind {
            Kind::Whitespace => Vocab::of_words(Kind::Fields, self.tokens.iter().skip(2)),
            _ => self.clone(),
        }
    }

    /// Whether both have the same tokens with the same ids, so that distributions over them can be compared. They may differ in
    /// which white space parts words.
    pub fn same_ids(&self, other: &Vocab) -> bool {
        let same = self.kind.between_spaces() && other.kind.between_spaces();
        self.hash == other.hash || (same && self.tokens == other.tokens)
    }

    /// The id of whatever is unknown; `bytes` and `bpe` have none.
    pub fn unk(&self) -> Option<u32> {
        self.unk
    }

    /// Bytes that the vocabulary takes in a run: its tables, and for a moment the `tokenizer.json` of a model that is saved.
    pub fn memory_bytes(&self) -> u64 {
        let engine = self.engine.as_ref();
        let engine = engine.map_or(0, |engine| engine.memory_bytes());
        self.tables_bytes() + engine + self.json_bytes()
    }

    /// The bytes of the tokens and their index.
    fn tables_bytes(&self) -> u64 {
        let tokens = self.tokens.allocated_bytes() + self.alone.allocated_bytes();
        tokens + self.index.allocated_bytes()
    }

    /// Bytes that reading the vocabulary takes: its file, and its tables while they grow.
    pub fn reading_bytes(&self) -> u64 {
        let tables = match &self.engine {
            Some(engine) => self.tables_bytes() + engine.reading_bytes(),
            None => GROWING_BYTES * self.len() as u64,
        };
        self.json_bytes() + tables
    }

    /// [`Vocab::memory_bytes`] of `entries` words, of which nothing else is known: words of seven letters.
    pub fn usual_bytes(entries: usize) -> u64 {
        let digits = entries.max(1).ilog10() as usize + 1;
        // An end, the index, and a line of the file: six spaces, two quotation marks, a colon, a space, a comma and its end.
        (entries * (8 + 4 + 12 + 8 + digits + 12)) as u64
    }

    /// BLAKE3 (hex) over the kind and all tokens in order, or the whole file of a kind with an engine.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The id of a token as it stands in the table; the specials by their names.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        match (self.kind, token) {
            (_, &[byte @ 0..0x80]) => Some(self.ascii[usize::from(byte)]).filter(|&id| id != NONE),
            (Kind::Bytes, &[byte]) => Some(u32::from(byte)),
            (Kind::Bytes, name) => (name == EOS.as_bytes()).then_some(self.eos),
            (_, token) => self.index.get(&self.tokens, token),
        }
    }

    /// The bytes of a token; of a special, its name; in kind `foreign` as it stands in its file. Panics if `id ≥ V`.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.tokens.get(id)
    }

    /// A token for people to read: bytes that are no printable ASCII appear as `\x..` in kind `bytes`, and in kind `bpe` where a
    /// token is no text. Panics if `id ≥ V`.
    pub fn token(&self, id: u32) -> Cow<'_, str> {
        let bytes = self.token_bytes(id);
        match (self.kind, std::str::from_utf8(bytes)) {
            (Kind::Bytes, _) if bytes.len() == 1 => Cow::Owned(printable(bytes)),
            (Kind::Bpe, Err(_)) => Cow::Owned(printable(bytes)),
            _ => String::from_utf8_lossy(bytes),
        }
    }

    /// Whether a line ends after the token `id`: `<eos>`, and whatever ends with a newline. Panics if `id ≥ V`.
    pub fn ends_line(&self, id: u32) -> bool {
        id == self.eos
            || match self.kind {
                Kind::Foreign => self.alone.get(id).ends_with(b"\n"),
                _ => self.token_bytes(id).ends_with(b"\n"),
            }
    }

    /// The id of the token that ends documents and nothing else.
    ///
    /// Errors: a vocabulary in which `<eos>` ends every line.
    pub fn document_end(&self) -> Result<u32, TextError> {
        match self.eos_ends_lines() {
            true => Err(TextError::NoDocumentEnd(self.kind)),
            false => Ok(self.eos),
        }
    }

    /// The symbol of a scanned token.
    pub(super) fn symbol(&self, token: Token<'_>) -> Symbol {
        let id = match token {
            Token::Eos => Some(self.eos),
            Token::Byte(byte) => Some(u32::from(byte)),
            Token::Text(text) => self.id(text.as_bytes()),
            Token::TooLong { .. } => None,
        };
        // Only kinds that have `<unk>` scan tokens that can be unknown.
        Symbol {
            id: id.or(self.unk).unwrap_or(self.eos),
            oov: id.is_none(),
        }
    }

    /// Encodes a prompt: no `<eos>` is added at its end. Where `<eos>` ends lines, each newline is one.
    ///
    /// Errors: bytes that are not UTF-8, in kinds of text.
    pub fn tokenize(&self, prompt: &[u8]) -> Result<Encoded, TextError> {
        let chunk = if self.kind.is_text() {
            let text = std::str::from_utf8(prompt).map_err(|error| TextError::InvalidUtf8 {
                name: "the prompt".to_owned(),
                offset: error.valid_up_to() as u64,
            })?;
            Chunk::Text(text)
        } else {
            Chunk::Bytes(prompt)
        };
        let mut encoded = Encoded::default();
        let mut seen = HashSet::new();
        let mut encoder = Encoder::new(self);
        let mut emit = |found: Piece<'_>| {
            encoded.ids.push(found.symbol.id);
            if found.symbol.oov {
                let name = match found.piece {
                    _ if self.engine.is_some() => self.token(found.symbol.id).into_owned(),
                    Token::Text(text) => text.to_owned(),
                    _ => format!("(a token of more than {} bytes)", super::LONGEST_TOKEN),
                };
                if seen.insert(name.clone()) {
                    encoded.unknown.push(name);
                }
            }
            Ok::<(), TextError>(())
        };
        encoder.push(chunk, &mut emit)?;
        encoder.flush(&mut emit)?;
        Ok(encoded)
    }
}

impl std::fmt::Debug for Vocab {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Vocab({}, V = {}, {})",
            self.kind,
            self.len(),
            &self.hash[..16]
        )
    }
}

/// Bytes with those that are no printable ASCII as `\x..`.
fn printable(bytes: &[u8]) -> String {
    let mut text = String::new();
    for &byte in bytes {
        match byte {
            b' '..=b'~' => text.push(char::from(byte)),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

#[cfg(test)]
mod tests;
