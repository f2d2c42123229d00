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
mod hashed;
mod json;
mod list;
mod murmur;
#[cfg(feature = "tokenizers")]
mod sound;
mod table;
mod tokens;
mod union;

pub use count::Counts;
pub(super) use count::many::count as count_many;
pub use decode::Decoder;
pub(super) use encoder::{Encoder, Piece};
use engine::Engine;
use hashed::HashedWords;
pub use list::is_token;
pub use list::{Listed, SpecialNames};
pub use murmur::murmur64a;
pub use table::{SHORT, TokenTable, short_key};
use tokens::{Index, Tokens};
pub use union::Union;

/// Vocabulary: an immutable table of tokens and their ids. Vocabularies with equal [`Vocab::hash`] are equal.
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
    /// Hashes of the words, if the words are known by them alone.
    hashed: Option<Arc<HashedWords>>,
    hash: String,
}

const NONE: u32 = u32::MAX;
/// What a word takes while a list of words is read: it, its end and its id, in lists that grow by doubling.
const GROWING_BYTES: u64 = 42;

/// Prompt encoded by [`Vocab::tokenize`]: ids, and the tokens that the vocabulary lacks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Ids of the tokens.
    pub ids: Vec<u32>,
    /// Tokens that the vocabulary lacks, each once, in order of appearance; a very long one is given by its length.
    pub unknown: Vec<String>,
}

impl Vocab {
    /// Makes the vocabulary of kind `bytes`, which is always the same.
    pub fn bytes() -> Vocab {
        let mut tokens: Tokens = (0..=255u8).map(|byte| [byte]).collect();
        tokens.push(EOS.as_bytes());
        Vocab::new(Kind::Bytes, tokens, 256, None).expect("nothing is looked up in a table")
    }

    /// Makes a vocabulary from `tokens` in the order of their ids, without the special tokens. They must be distinct.
    ///
    /// `kind` is one that looks tokens up in a table: not `bytes`, `bpe` or `foreign`.
    pub fn of_text(kind: Kind, tokens: impl IntoIterator<Item = Box<[u8]>>) -> Vocab {
        Vocab::of_words(kind, tokens)
    }

    /// Makes a vocabulary as [`Vocab::of_text`] does, from tokens that are borrowed.
    pub fn of_words<T: AsRef<[u8]>>(kind: Kind, tokens: impl IntoIterator<Item = T>) -> Vocab {
        let mut all: Tokens = [EOS, UNK].iter().collect();
        let tokens = tokens.into_iter();
        tokens.for_each(|token| all.push(token.as_ref()));
        Vocab::of_table(kind, all).unwrap_or_else(|twice| panic!("token {twice:?} is listed twice"))
    }

    /// The vocabulary of a kind with a table, of all its tokens in the order of their ids: `<eos>`, `<unk>`, and the others.
    ///
    /// Errors: a token that is listed twice.
    fn of_table(kind: Kind, tokens: Tokens) -> Result<Vocab, String> {
        assert!(kind.is_text() && !kind.has_engine());
        Vocab::new(kind, tokens, 0, Some(1))
    }

    /// Errors: a token that is listed twice.
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
            hashed: None,
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
            .map_err(|twice| format!("its token {twice:?} is listed twice"))?;
        Ok(Vocab {
            alone,
            hash: hash.finalize().to_hex().to_string(),
            engine: Some(Arc::new(engine)),
            ..vocab
        })
    }

    /// Kind of the vocabulary.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// V: number of entries, special tokens included.
    #[expect(clippy::len_without_is_empty, reason = "a vocabulary is never empty")]
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// Id of `<eos>`.
    pub fn eos(&self) -> u32 {
        self.eos
    }

    /// Whether `<eos>` ends every line, as in kinds `whitespace` and `fields`, instead of every document.
    pub fn eos_ends_lines(&self) -> bool {
        match &self.engine {
            Some(engine) => engine.eos_ends_lines,
            None => self.kind.between_spaces(),
        }
    }

    /// Description of what decoding does not restore of a text; `None` if it restores everything.
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

    /// Converts kind `whitespace` to kind `fields` with the same ids; returns other kinds unchanged.
    pub fn as_fields(&self) -> Vocab {
        match self.kind {
            Kind::Whitespace if self.has_words() => {
                Vocab::of_words(Kind::Fields, self.tokens.iter().skip(2))
            }
            _ => self.clone(),
        }
    }

    /// Whether both vocabularies have the same tokens with the same ids, so that distributions can be compared.
    ///
    /// The kinds `whitespace` and `fields` count as the same.
    pub fn same_ids(&self, other: &Vocab) -> bool {
        let same = self.kind.between_spaces() && other.kind.between_spaces();
        self.hash == other.hash || (same && self.tokens == other.tokens)
    }

    /// Id of the unknown token; `None` for `bytes` and `bpe`, which know every text.
    pub fn unk(&self) -> Option<u32> {
        self.unk
    }

    /// Memory of the vocabulary in a run in bytes: its tables, and the `tokenizer.json` while a model is saved.
    pub fn memory_bytes(&self) -> u64 {
        let engine = self.engine.as_ref();
        let engine = engine.map_or(0, |engine| engine.memory_bytes());
        self.tables_bytes() + engine + self.json_bytes()
    }

    /// The bytes of the tokens and their index.
    fn tables_bytes(&self) -> u64 {
        let tokens = self.tokens.allocated_bytes() + self.alone.allocated_bytes();
        let hashed = self.hashed.as_ref();
        let hashed = hashed.map_or(0, |words| words.allocated_bytes());
        tokens + self.index.allocated_bytes() + hashed
    }

    /// Memory for reading the vocabulary in bytes: its file, and its tables while they grow.
    pub fn reading_bytes(&self) -> u64 {
        let tables = match &self.engine {
            Some(engine) => self.tables_bytes() + engine.reading_bytes(),
            None => GROWING_BYTES * self.len() as u64,
        };
        self.json_bytes() + tables
    }

    /// Estimate of [`Vocab::memory_bytes`] for `entries` unknown words, assuming seven letters each.
    pub fn usual_bytes(entries: usize) -> u64 {
        let digits = entries.max(1).ilog10() as usize + 1;
        // An end, the index, and a line of the file: six spaces, two quotation marks, a colon, a space, a comma and its end.
        (entries * (8 + 4 + 12 + 8 + digits + 12)) as u64
    }

    /// Hash (BLAKE3, hexadecimal) of the kind and all tokens in order, or of the tokenizer's file (`bpe`, `foreign`).
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Id of a token as it is in the table; special tokens are found by their names.
    pub fn id(&self, token: &[u8]) -> Option<u32> {
        self.id_of_first(token, token.len())
    }

    /// Id of the token of `len` bytes that `text` begins with, as [`Vocab::id`] gives it, and faster. Panics if `text` is shorter.
    #[inline]
    pub fn id_of_first(&self, text: &[u8], len: usize) -> Option<u32> {
        match (self.kind, &text[..len]) {
            (_, &[byte @ 0..0x80]) => Some(self.ascii[usize::from(byte)]).filter(|&id| id != NONE),
            (Kind::Bytes, &[byte]) => Some(u32::from(byte)),
            (Kind::Bytes, name) => (name == EOS.as_bytes()).then_some(self.eos),
            (_, token) => match &self.hashed {
                None => self.index.get(&self.tokens, text, len),
                Some(words) => self.hashed_id(words, token),
            },
        }
    }

    /// Bytes of a token: of a special token its name, in kind `foreign` as in its file. Panics if `id ≥ V`.
    pub fn token_bytes(&self, id: u32) -> &[u8] {
        self.tokens.get(id)
    }

    /// Token as readable text, with `\x..` for bytes that are not printable ASCII (kinds `bytes` and `bpe`).
    ///
    /// In kind `bpe` this applies only to tokens that are not text. Panics if `id ≥ V`.
    pub fn token(&self, id: u32) -> Cow<'_, str> {
        let bytes = self.token_bytes(id);
        match (self.kind, std::str::from_utf8(bytes)) {
            (Kind::Bytes, _) if bytes.len() == 1 => Cow::Owned(printable(bytes)),
            (Kind::Bpe, Err(_)) => Cow::Owned(printable(bytes)),
            _ => String::from_utf8_lossy(bytes),
        }
    }

    /// Whether a line ends after the token `id`: `<eos>`, and tokens that end with a newline. Panics if `id ≥ V`.
    pub fn ends_line(&self, id: u32) -> bool {
        id == self.eos
            || match self.kind {
                Kind::Foreign => self.alone.get(id).ends_with(b"\n"),
                _ => self.token_bytes(id).ends_with(b"\n"),
            }
    }

    /// Id of the token that ends documents and nothing else.
    ///
    /// Error: [`TextError::NoDocumentEnd`] if `<eos>` ends every line.
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

    /// Encodes a prompt, without `<eos>` at its end. Where `<eos>` ends lines, each newline is one.
    ///
    /// Error: [`TextError::InvalidUtf8`] in kinds of text.
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
