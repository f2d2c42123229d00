//! The engine of KenLM's binary files, format version 5: the file is mapped, checked once, and queried as it is.
//!
//! ```text
//! header       version, structure, numbers of n-grams           bits         numbers of any width in an array
//! vocabulary   hashes and words, indices and ids                query        the algorithm of all structures; states
//! probing      hash tables of n-grams                           trie         n-grams by their last word, in arrays of bits
//! quantized    tables of probabilities and weights              pointers     upper bits of pointers in an array
//! list         the n-grams of a trie
//! ```
//! The format is the one of KenLM's source: lm/binary_format.cc, search_hashed.hh, trie.cc, quantize.cc, bhiksha.cc, vocab.cc
//! (Heafield 2011, "KenLM: Faster and Smaller Language Model Queries"; pointers: Raj and Whittaker 2003). Files of type "rest", of other
//! versions and of machines with other numbers are refused by name.
//!
//! Opening reads the file once, with all CPUs: sizes against the file's length before anything else, then every number that a query
//! uses: probabilities and weights, the order of words, pointers. So no file can make a query fail or never end, and nothing that
//! is allocated is larger than the file's vocabulary. There is no checksum; damage that leaves a possible number is not found.

mod bits;
mod flaw;
mod header;
mod list;
mod pointers;
mod probing;
mod quantized;
mod query;
mod trie;
mod vocabulary;

pub use flaw::KenlmFlaw;
pub use header::is_kenlm;
pub use query::Recent;

use super::block::Block;
use super::model::Visit;
use super::words::Words;
use super::{NgramError, Result};
use elman_text::Vocab;
use header::{Header, Structure};
use probing::Probing;
use query::Search;
use std::sync::{Arc, OnceLock};
use trie::Trie;
use vocabulary::{Hashes, Ids};

/// A model in a binary file of KenLM, with ids for its words.
pub struct Kenlm {
    file: Arc<File>,
    words: Words,
    ids: Ids,
    start: Recent,
}

/// A file and what was found in it.
struct File {
    /// Name for messages.
    name: String,
    block: Block,
    structure: Structure,
    tables: Tables,
    counts: Vec<u64>,
    parameters: u64,
    id: OnceLock<String>,
}

enum Tables {
    Probing(Probing),
    Trie(Trie),
}

/// Tables with their bytes, ready for queries.
enum View<'a> {
    Probing(probing::View<'a>),
    Trie(trie::View<'a>),
}

impl File {
    #[inline]
    fn view(&self) -> View<'_> {
        let bytes = self.block.bytes();
        match &self.tables {
            Tables::Probing(tables) => View::Probing(tables.view(bytes)),
            Tables::Trie(tables) => View::Trie(tables.view(bytes)),
        }
    }
}

impl Kenlm {
    /// Opens the bytes of a file with a name for messages, and checks all that queries use.
    pub fn open(name: String, block: Block) -> std::result::Result<Kenlm, KenlmFlaw> {
        let bytes = block.bytes();
        let header = Header::parse(bytes)?;
        let size = |expected: usize| KenlmFlaw::Size {
            expected: expected as u64,
            found: bytes.len() as u64,
        };
        let hashes = Hashes::new(&header).ok_or(size(usize::MAX))?;
        if hashes.end() > bytes.len() {
            return Err(size(hashes.end()));
        }
        let tables = Tables::new(&header, hashes.end(), bytes)?.ok_or(size(usize::MAX))?;
        let end = tables.end();
        if end > bytes.len() || !header.has_words && end != bytes.len() {
            return Err(size(end));
        }
        let list = header.has_words.then(|| &bytes[end..]);
        let (words, ids) = vocabulary::read(&hashes, bytes, list)?;
        if u64::from(ids.bound()) > tables.most_words(&header) {
            return Err(KenlmFlaw::Vocabulary("it has more words than 1-grams"));
        }
        let parameters = tables.check(bytes, header.counts[0], ids.bound())?;
        let mut counts = header.counts;
        counts[0] = words.len() as u64;
        let file = File {
            name,
            structure: header.structure,
            block,
            tables,
            counts,
            parameters,
            id: OnceLock::new(),
        };
        let start = match file.view() {
            View::Probing(search) => Recent::of_word(&search, ids.begin()),
            View::Trie(search) => Recent::of_word(&search, ids.begin()),
        };
        Ok(Kenlm {
            file: Arc::new(file),
            words,
            ids,
            start,
        })
    }

    /// Returns the model with the ids of `vocab`; `None` if `vocab` does not have the same words.
    pub fn with_vocab(&self, vocab: &Vocab) -> Option<Kenlm> {
        let own = self.words.vocab();
        if !own.cuts_like(vocab) || own.len() != vocab.len() {
            return None;
        }
        let before: Option<Vec<u32>> = vocab.ids_in(own).into_iter().collect();
        Some(Kenlm {
            file: self.file.clone(),
            words: Words::with_hidden(vocab.clone(), self.words.hidden().to_vec()),
            ids: self.ids.reordered(&before?),
            start: self.start,
        })
    }

    /// Words of the model.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// n-grams of each order.
    pub fn counts(&self) -> &[u64] {
        &self.file.counts
    }

    /// Number of parameters: probabilities, and back-off weights that are not 1.
    pub fn parameters(&self) -> u64 {
        self.file.parameters
    }

    /// BLAKE3 (hexadecimal) of the file.
    pub fn id(&self) -> &str {
        self.file.id.get_or_init(|| {
            let mut hasher = blake3::Hasher::new();
            hasher.update_rayon(self.as_bytes());
            hasher.finalize().to_hex().to_string()
        })
    }

    /// The data structure, in KenLM's words.
    pub fn structure(&self) -> String {
        self.file.structure.name().to_owned()
    }

    /// The bytes of the file.
    pub fn as_bytes(&self) -> &[u8] {
        self.file.block.bytes()
    }

    /// State after `<s>`.
    pub fn start(&self) -> Recent {
        self.start
    }

    /// The state whose words [`Recent::write`] has written.
    pub fn state(&self, bytes: &[u8]) -> Option<Recent> {
        let (order, bound) = (self.file.counts.len(), self.ids.bound());
        match self.file.view() {
            View::Probing(search) => Recent::restore(&search, order, bound, bytes),
            View::Trie(search) => Recent::restore(&search, order, bound, bytes),
        }
    }

    /// Whether `state` can be one of this model.
    pub fn has_state(&self, state: &Recent) -> bool {
        state.fits(self.file.counts.len(), self.ids.bound())
    }

    /// Computes log10 p of a token and the length of the n-gram that was found; `state` becomes the state after it.
    #[inline]
    pub fn advance(&self, state: &mut Recent, token: u32) -> (f32, usize) {
        match self.file.view() {
            View::Probing(search) => self.advance_in(&search, state, token),
            View::Trie(search) => self.advance_in(&search, state, token),
        }
    }

    /// Computes log10 p of a token.
    pub fn log10_p(&self, state: &Recent, token: u32) -> f32 {
        let (order, word) = (self.file.counts.len(), self.ids.index(token));
        match self.file.view() {
            View::Probing(search) => state.log10_p(&search, order, word),
            View::Trie(search) => state.log10_p(&search, order, word),
        }
    }

    /// Computes log10 p of each of `tokens`; `state` becomes the state after them.
    pub fn score_all(&self, state: &mut Recent, tokens: &[u32], log10: &mut [f32]) {
        match self.file.view() {
            View::Probing(search) => self.score_all_in(&search, state, tokens, log10),
            View::Trie(search) => self.score_all_in(&search, state, tokens, log10),
        }
    }

    /// Computes log10 p of all V tokens.
    pub fn distribution(&self, state: &Recent, log10: &mut [f32]) {
        match self.file.view() {
            View::Probing(search) => self.distribution_in(&search, state, log10),
            View::Trie(search) => self.distribution_in(&search, state, log10),
        }
    }

    #[inline]
    fn advance_in<S: Search>(&self, search: &S, state: &mut Recent, token: u32) -> (f32, usize) {
        let (order, word) = (self.file.counts.len(), self.ids.index(token));
        let scored = state.advance(search, order, word);
        if token == self.words.vocab().eos() {
            *state = self.start;
        }
        scored
    }

    fn score_all_in<S: Search>(
        &self,
        search: &S,
        state: &mut Recent,
        tokens: &[u32],
        log10: &mut [f32],
    ) {
        assert_eq!(tokens.len(), log10.len(), "one place for each token");
        for (log10, &token) in log10.iter_mut().zip(tokens) {
            *log10 = self.advance_in(search, state, token).0;
        }
    }

    fn distribution_in<S: Search>(&self, search: &S, state: &Recent, log10: &mut [f32]) {
        let v = self.words.vocab().len();
        assert_eq!(log10.len(), v, "one place for each token");
        for (token, log10) in (0..).zip(log10) {
            *log10 = state.log10_p(search, self.file.counts.len(), self.ids.index(token));
        }
    }

    /// Whether the n-grams can be listed.
    pub fn check_listed(&self) -> Result<()> {
        let what = match &self.file.tables {
            Tables::Probing(_) => {
                "a probing file of KenLM holds hashes of n-grams and not the n-grams"
            }
            Tables::Trie(_) if !self.words.vocab().has_words() => {
                "the file holds hashes of its words and not the words (build_binary -v)"
            }
            Tables::Trie(_) => return Ok(()),
        };
        let name = self.file.name.clone();
        Err(NgramError::NotListed { name, what })
    }

    /// Visits all n-grams of an order, which [`Kenlm::check_listed`] allows.
    pub fn grams<E>(&self, order: usize, visit: &mut Visit<'_, E>) -> std::result::Result<(), E> {
        assert!(
            (1..=self.file.counts.len()).contains(&order),
            "no n-grams of order {order}"
        );
        let Tables::Trie(trie) = &self.file.tables else {
            panic!("the n-grams cannot be listed");
        };
        let view = trie.view(self.as_bytes());
        match order {
            1 => list::visit_words(&view, &self.ids, self.words.len() as u32, visit),
            _ => list::visit(&view, &self.ids, order, visit),
        }
    }
}

impl Tables {
    /// The tables that begin at byte `at`; `None` if they are too large to address.
    fn new(
        header: &Header,
        at: usize,
        bytes: &[u8],
    ) -> std::result::Result<Option<Tables>, KenlmFlaw> {
        let Header {
            counts, multiplier, ..
        } = header;
        match header.structure {
            Structure::Probing => Ok(Probing::new(counts, *multiplier, at).map(Tables::Probing)),
            Structure::Trie { quantized, array } => {
                let trie = Trie::new(counts, quantized, array, bytes, at)?;
                Ok(trie.map(Tables::Trie))
            }
        }
    }

    /// The byte after the tables.
    fn end(&self) -> usize {
        match self {
            Tables::Probing(tables) => tables.end(),
            Tables::Trie(tables) => tables.end(),
        }
    }

    /// Number of words that the 1-grams have place for.
    fn most_words(&self, header: &Header) -> u64 {
        match self {
            Tables::Probing(_) => header.counts[0] + 1,
            Tables::Trie(_) => header.counts[0],
        }
    }

    /// Checks all numbers, and returns the parameters.
    fn check(
        &self,
        bytes: &[u8],
        unigrams: u64,
        bound: u32,
    ) -> std::result::Result<u64, KenlmFlaw> {
        match self {
            Tables::Probing(tables) => tables.check(bytes, bound),
            Tables::Trie(tables) => tables.check(bytes, unigrams, bound),
        }
    }
}

#[cfg(test)]
mod tests;
