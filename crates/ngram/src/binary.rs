//! The binary file of a model: its tables in the form that they have in memory, after a header and the words.
//!
//! ```text
//!   0  magic "ELMANGRM"                56  tokens of the vocabulary, specials aside (kinds `bpe` and `foreign`: all)   (u32)
//!   8  version = 2          (u32)      60  hidden words               (u32)
//!  12  0                    (u32)      64  bytes of all words         (u64)
//!  16  the model's id                  72  n-grams of order 1 … N     (u64 each)
//!  48  kind of vocabulary   (u32)      ..  of each token, then of each hidden word, its length (u32) and its bytes; of
//!                                          kinds `bpe` and `foreign` the tokenizer.json in place of all tokens
//!  52  N                    (u32)      ..  the tables of `tables.rs`, then 4 zeros
//!                                      ..  CRC-32 of each MiB up to here (u32 each)
//! ```
//! The id is the BLAKE3 hash of the bytes from 48 to the end of the tables. Version 1 has no CRCs, and its id is its checksum.
//!
//! Opening maps the file and reads all of it once, with all CPUs: sizes against the file's length before anything else, the checksums, and
//! that every number in the tables is one that a query can go by. So no file can make a query fail, or never end.
//! What is not checked: the id, which takes longer than all the rest, and whether links are those that the n-grams call for;
//! who computes a checksum again can make a model say anything.

use std::collections::HashSet;
use std::io;

use foldhash::fast::RandomState;
use rayon::prelude::*;

use super::arpa;
use super::automaton::Automaton;
use super::block::Block;
use super::build::MAX_ORDER;
use super::tables::{TableLayout, Tables, TablesMut};
use super::words::Words;
use check::check;
use elman_text::{EOS, Kind, UNK, Vocab};

mod check;

const MAGIC: [u8; 8] = *b"ELMANGRM";
const VERSION: u32 = 2;
/// The version whose only checksum is the id.
const HASHED: u32 = 1;
/// Bytes that have a CRC of their own.
pub const SUMMED_BYTES: usize = 1 << 20;
const CHECKSUM_AT: usize = 16;
/// The id is the hash of the bytes from here on.
const SUMMED_AT: usize = 48;
const COUNTS_AT: usize = 72;
/// Kinds of vocabulary by their numbers.
const KINDS: [Kind; 7] = [
    Kind::Words,
    Kind::Whitespace,
    Kind::Chars,
    Kind::Bytes,
    Kind::Bpe,
    Kind::Foreign,
    Kind::Fields,
];

/// Flaw of the binary file of a model.
#[derive(Debug, thiserror::Error)]
pub enum BinaryFlaw {
    /// Reading the file failed.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// The file does not begin with the magic bytes of elman's binary n-gram models.
    #[error("it does not begin as a binary n-gram model of elman does")]
    Magic,
    /// The file has a version that this program does not support.
    #[error(
        "it is of version {0}, and this program reads versions up to {VERSION}: make it again from the ARPA file"
    )]
    Version(u32),
    /// The file does not have the size that its header implies.
    #[error(
        "it has {found} bytes where {expected} are needed: it was cut short or added to, make or copy it again"
    )]
    Size {
        /// Size by the header, in bytes.
        expected: u64,
        /// Size of the file, in bytes.
        found: u64,
    },
    /// A checksum does not match the contents.
    #[error("it is damaged (its checksum is wrong): make or copy it again")]
    Checksum,
    /// The header holds values that elman does not write. The text says which.
    #[error("its header is not one that elman writes: {0}")]
    Header(&'static str),
    /// A word of the word list is invalid.
    #[error("word {index} of its list {what}")]
    Word {
        /// Index of the word in the list, from 0.
        index: usize,
        /// Description of the flaw.
        what: &'static str,
    },
    /// The tables of n-grams are inconsistent.
    #[error("its tables are not in order at n-gram {node}: {what}")]
    Tables {
        /// Index of the n-gram in the tables.
        node: u32,
        /// Description of the flaw.
        what: &'static str,
    },
}

/// Whether a file that begins with `first` is one of ours.
pub fn is_binary(first: &[u8]) -> bool {
    first.starts_with(&MAGIC)
}

/// Header and names of a model, the id still zero, and the layout of the tables behind them; none if the model is too large.
pub fn header(words: &Words, counts: &[u64]) -> Option<(Vec<u8>, TableLayout)> {
    let vocab = words.vocab();
    let mut names = Vec::new();
    let mut tokens = 0u32;
    if vocab.kind().has_engine() {
        push_name(&mut names, vocab.to_tokenizer_json().as_bytes());
        tokens = vocab.len() as u32;
    }
    for id in listed(vocab) {
        push_name(&mut names, vocab.token_bytes(id));
        tokens += 1;
    }
    for name in words.hidden() {
        push_name(&mut names, name.as_bytes());
    }
    let kind = KINDS.iter().position(|kind| *kind == vocab.kind());
    let mut bytes = Vec::new();
    bytes.extend(MAGIC);
    bytes.extend(VERSION.to_le_bytes());
    bytes.resize(SUMMED_AT, 0);
    bytes.extend((kind? as u32).to_le_bytes());
    bytes.extend((counts.len() as u32).to_le_bytes());
    bytes.extend(tokens.to_le_bytes());
    bytes.extend((words.hidden().len() as u32).to_le_bytes());
    bytes.extend((names.len() as u64).to_le_bytes());
    for count in counts {
        bytes.extend(count.to_le_bytes());
    }
    let layout = TableLayout::new(words.len(), counts, bytes.len() + names.len())?;
    bytes.append(&mut names);
    Some((bytes, layout))
}

/// A model under construction: all of its bytes, the tables still zero.
pub struct Image {
    bytes: Vec<u8>,
    layout: TableLayout,
}

impl Image {
    /// Writes header and names; none if the model is too large.
    pub fn new(words: &Words, counts: &[u64]) -> Option<Image> {
        let (mut bytes, layout) = header(words, counts)?;
        bytes.reserve_exact(layout.end() - bytes.len());
        bytes.resize(layout.end(), 0);
        Some(Image { bytes, layout })
    }

    /// The image of a model, to be changed.
    pub fn of(mut bytes: Vec<u8>, layout: TableLayout) -> Image {
        bytes.truncate(layout.end());
        Image { bytes, layout }
    }

    pub fn tables_mut(&mut self) -> TablesMut<'_> {
        TablesMut::new(&self.layout, &mut self.bytes)
    }

    /// The automaton, once the tables are complete.
    pub fn into_automaton(mut self, words: Words, notes: Vec<String>) -> Automaton {
        let parameters = match check(Tables::new(&self.layout, &self.bytes), words.len(), &|_| {}) {
            Ok(parameters) => parameters,
            Err(flaw) => panic!("a model was built wrongly: {flaw}"),
        };
        let hash = hash(&self.bytes);
        self.bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        self.bytes[CHECKSUM_AT..SUMMED_AT].copy_from_slice(hash.as_bytes());
        let sums = checksums(&self.bytes, &|_| {});
        self.bytes
            .extend(sums.iter().flat_map(|sum| sum.to_le_bytes()));
        let block = Block::Owned(self.bytes);
        let id = hash.to_hex().to_string();
        Automaton::new(block, self.layout, words, id, parameters, notes)
    }
}

/// Tokens that must be listed: the specials need not, nor do kind `bytes` and those that bring their whole `tokenizer.json`.
fn listed(vocab: &Vocab) -> std::ops::Range<u32> {
    let v = vocab.len() as u32;
    match vocab.kind() {
        Kind::Bytes | Kind::Bpe | Kind::Foreign => v..v,
        _ => 2..v,
    }
}

fn push_name(names: &mut Vec<u8>, name: &[u8]) {
    names.extend((name.len() as u32).to_le_bytes());
    names.extend(name);
}

/// The CRC-32 of each MiB, by all CPUs. It runs at the speed of memory, and finds every damage of up to 32 bits in a row.
fn checksums(bytes: &[u8], used: &(dyn Fn(u64) + Sync)) -> Vec<u32> {
    let pieces = bytes.par_chunks(SUMMED_BYTES);
    let sums = pieces.map(|piece| {
        used(piece.len() as u64);
        crc32fast::hash(piece)
    });
    sums.collect()
}

/// Computes the id of a model from its bytes, which come in pieces.
pub struct IdHasher(blake3::Hasher);

impl IdHasher {
    pub fn new() -> IdHasher {
        IdHasher(blake3::Hasher::new())
    }

    /// Adds the bytes from `at` on. The first piece holds the whole header.
    pub fn update(&mut self, at: usize, bytes: &[u8]) {
        let left_out = if at == 0 {
            SUMMED_AT.min(bytes.len())
        } else {
            0
        };
        self.0.update(&bytes[left_out..]);
    }

    pub fn finish(&self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// Writes the id into the beginning of a file.
pub fn set_id(head: &mut [u8], id: [u8; 32]) {
    head[CHECKSUM_AT..SUMMED_AT].copy_from_slice(&id);
}

/// The id of a model, by all CPUs.
fn hash(bytes: &[u8]) -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update_rayon(&bytes[SUMMED_AT..]);
    hasher.finalize()
}

/// Opens the bytes of a binary file.
pub fn load(block: Block) -> Result<Automaton, BinaryFlaw> {
    let bytes = block.bytes();
    let header = Header::parse(bytes)?;
    let number_of_words = header.layout.counts()[0] as usize;
    let (body, sums) = bytes.split_at(header.layout.end());
    let id = blake3::Hash::from_slice(&bytes[CHECKSUM_AT..SUMMED_AT]);
    let id = id.expect("an id has as many bytes as a hash");
    let used: &(dyn Fn(u64) + Sync) = &|bytes| block.used(bytes);
    let undamaged = || match header.version {
        HASHED => hash(body) == id,
        _ => {
            checksums(body, used)
                == sums
                    .chunks_exact(4)
                    .map(|sum| u32_at(sum, 0))
                    .collect::<Vec<_>>()
        }
    };
    let (undamaged, (words, parameters)) = rayon::join(undamaged, || {
        rayon::join(
            || read_words(&header, &bytes[header.names.clone()]),
            || check(Tables::new(&header.layout, body), number_of_words, used),
        )
    });
    if !undamaged {
        return Err(BinaryFlaw::Checksum);
    }
    let (words, parameters) = (words?, parameters?);
    let id = id.to_hex().to_string();
    Ok(Automaton::new(
        block,
        header.layout,
        words,
        id,
        parameters,
        Vec::new(),
    ))
}

/// What the header says, as far as it fits the length of the file.
struct Header {
    version: u32,
    kind: Kind,
    tokens: u32,
    hidden: u32,
    names: std::ops::Range<usize>,
    layout: TableLayout,
}

impl Header {
    fn parse(bytes: &[u8]) -> Result<Header, BinaryFlaw> {
        if !bytes.starts_with(&MAGIC) {
            return Err(BinaryFlaw::Magic);
        }
        let size = |expected| BinaryFlaw::Size {
            expected,
            found: bytes.len() as u64,
        };
        if bytes.len() < COUNTS_AT {
            return Err(size(COUNTS_AT as u64));
        }
        let version = u32_at(bytes, 8);
        if ![HASHED, VERSION].contains(&version) {
            return Err(BinaryFlaw::Version(version));
        }
        if u32_at(bytes, 12) != 0 {
            return Err(BinaryFlaw::Header("a field that must be 0 is not"));
        }
        let kind = KINDS.get(u32_at(bytes, 48) as usize);
        let kind = *kind.ok_or(BinaryFlaw::Header("there is no such kind of vocabulary"))?;
        let order = u32_at(bytes, 52) as usize;
        if !(1..=MAX_ORDER).contains(&order) {
            return Err(BinaryFlaw::Header("there is no such order"));
        }
        let names_at = COUNTS_AT + 8 * order;
        if bytes.len() < names_at {
            return Err(size(names_at as u64));
        }
        let counts = bytes[COUNTS_AT..names_at].chunks_exact(8);
        let counts: Vec<u64> = counts.map(|count| u64_at(count, 0)).collect();
        let (tokens, hidden) = (u32_at(bytes, 56), u32_at(bytes, 60));
        let specials = match kind {
            Kind::Bytes => 257,
            Kind::Bpe | Kind::Foreign => 0,
            Kind::Words | Kind::Whitespace | Kind::Fields | Kind::Chars => 2,
        };
        if kind == Kind::Bytes && tokens > 0 {
            return Err(BinaryFlaw::Header("kind bytes lists no tokens"));
        }
        let words = specials + u64::from(tokens) + 1 + u64::from(hidden);
        if words != counts[0] {
            return Err(BinaryFlaw::Header("there is not one 1-gram for each word"));
        }
        let names_bytes = usize::try_from(u64_at(bytes, 64)).ok();
        let names = names_bytes.and_then(|length| Some(names_at..names_at.checked_add(length)?));
        let names = names.ok_or(size(u64::MAX))?;
        let layout =
            TableLayout::new(counts[0] as usize, &counts, names.end).ok_or(size(u64::MAX))?;
        let sums = match version {
            HASHED => 0,
            _ => 4 * layout.end().div_ceil(SUMMED_BYTES),
        };
        let end = layout.end().checked_add(sums).ok_or(size(u64::MAX))?;
        if end != bytes.len() {
            return Err(size(end as u64));
        }
        Ok(Header {
            version,
            kind,
            tokens,
            hidden,
            names,
            layout,
        })
    }
}

fn read_words(header: &Header, mut names: &[u8]) -> Result<Words, BinaryFlaw> {
    let flaw = |index: u32, what| BinaryFlaw::Word {
        index: index as usize,
        what,
    };
    let mut next = |index| {
        let length = names
            .split_off(..4)
            .map(|length| u32_at(length, 0) as usize);
        let name = length.and_then(|length| names.split_off(..length));
        let name = name.ok_or(flaw(index, "reaches beyond the end of the list"))?;
        let name = std::str::from_utf8(name).map_err(|_| flaw(index, "is not UTF-8"))?;
        if name.is_empty() {
            return Err(flaw(index, "is empty"));
        }
        Ok(name)
    };
    let mut tokens: HashSet<&str, RandomState> = HashSet::default();
    let mut in_order: Vec<Box<[u8]>> = Vec::new();
    let mut engine = None;
    if header.kind.has_engine() {
        let vocab = Vocab::from_tokenizer_json("its tokenizer", next(0)?.as_bytes());
        let vocab = vocab.map_err(|_| flaw(0, "is not a tokenizer.json"))?;
        if vocab.kind() != header.kind || vocab.len() as u64 != u64::from(header.tokens) {
            return Err(flaw(0, "is not the tokenizer.json of the header"));
        }
        engine = Some(vocab);
    }
    let listed = if engine.is_some() { 0 } else { header.tokens };
    for index in 0..listed {
        let token = next(index)?;
        if [EOS, UNK].contains(&token) || !tokens.insert(token) {
            return Err(flaw(index, "is listed there twice"));
        }
        in_order.push(token.as_bytes().into());
    }
    let vocab = match (engine, header.kind) {
        (Some(vocab), _) => vocab,
        (None, Kind::Bytes) => Vocab::bytes(),
        (None, kind) => Vocab::of_text(kind, in_order),
    };
    let mut hidden = Vec::new();
    for index in header.tokens..header.tokens + header.hidden {
        hidden.push(Box::from(next(index)?));
    }
    if !names.is_empty() {
        return Err(flaw(header.tokens + header.hidden, "does not end it"));
    }
    arpa::check_hidden(&vocab, &hidden)
        .map_err(|(i, what)| flaw(header.tokens + i as u32, what))?;
    Ok(Words::with_hidden(vocab, hidden))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le(bytemuck::pod_read_unaligned(&bytes[at..at + 4]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le(bytemuck::pod_read_unaligned(&bytes[at..at + 8]))
}

#[cfg(test)]
mod tests;
