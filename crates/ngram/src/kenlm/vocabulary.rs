//! The vocabulary of a file: hashes of words, and the words themselves if the file has them at its end.
//!
//! ```text
//! of hash tables   0 (u32), number of words (u32), a table of hashes (u64) with indices (u32), as the tables of n-grams
//! of tries         number of hashes (u64), then the hashes in ascending order; the first has index 1
//! words            "<unk>\0", then each word in the order of the indices, with a zero after it
//! ```
//! A hash is MurmurHash64A of the word. Index 0 is `<unk>`, which is in neither table; `<UNK>` is the same to KenLM.
//!
//! The ids of a vocabulary of elman are those indices without the special words, which have ids of their own ([`Ids`]).

use super::KenlmFlaw;
use super::bits::{u32_at, u64_at};
use super::header::{Header, Structure};
use super::probing::Table;
use crate::{Words, arpa};
use elman_text::vocab::{is_token, murmur64a};
use elman_text::{EOS, Kind, UNK, Vocab};
use std::sync::Arc;

const BEGIN: &str = "<s>";
const END: &str = "</s>";
/// Texts are cut as for ARPA files: at spaces, tabs and line ends.
const KIND: Kind = Kind::Fields;
/// Bytes of a place in the hash table.
const PLACE_BYTES: usize = 12;

/// Position of the hashes.
pub enum Hashes {
    Table { at: usize, table: Table },
    Sorted { at: usize, most: u64 },
}

/// Map from ids of words to indices of a file. Special words are not tokens, and may have any index.
#[derive(Clone)]
pub struct Ids {
    /// V of the vocabulary.
    tokens: u32,
    /// Index of each token's id, where ids do not ascend with the indices.
    order: Option<Arc<[u32]>>,
    /// Index of `</s>`; 0 where the file lacks it, as in KenLM.
    end: u32,
    /// Indices of the words from id V on: `<s>`, then hidden words.
    apart: Vec<u32>,
    /// Indices that are not a token's, in ascending order, each less the number of those before it.
    shifts: Vec<u32>,
    /// Number of indices.
    bound: u32,
}

impl Hashes {
    /// The hashes of a file with this header; `None` if they are too large to address.
    pub fn new(header: &Header) -> Option<Hashes> {
        let (at, words) = (header.end, header.counts[0]);
        match header.structure {
            Structure::Probing => {
                let table = Table::new(at.checked_add(8)?, words, header.multiplier, PLACE_BYTES)?;
                Some(Hashes::Table { at, table })
            }
            Structure::Trie { .. } => {
                let size = usize::try_from(words)
                    .ok()?
                    .checked_add(1)?
                    .checked_mul(8)?;
                at.checked_add(size)?;
                Some(Hashes::Sorted { at, most: words })
            }
        }
    }

    /// The byte after the hashes.
    pub fn end(&self) -> usize {
        match self {
            Hashes::Table { table, .. } => table.end(),
            Hashes::Sorted { at, most } => at + 8 + 8 * *most as usize,
        }
    }

    /// The hash of each index from 1 on, all of them different, so that they are found where they are.
    fn read(&self, bytes: &[u8]) -> Result<Vec<u64>, KenlmFlaw> {
        let flaw = |what| Err(KenlmFlaw::Vocabulary(what));
        match self {
            Hashes::Sorted { at, most } => {
                let count = u64_at(bytes, *at);
                if count >= *most {
                    return flaw("it has more hashes than there are words");
                }
                let all = (1..=count as usize).map(|i| u64_at(bytes, at + 8 * i));
                let hashes: Vec<u64> = all.collect();
                match hashes.is_sorted_by(|a, b| a < b) {
                    true => Ok(hashes),
                    false => flaw("its hashes are not in ascending order"),
                }
            }
            Hashes::Table { at, table } => {
                let version = u32_at(bytes, *at);
                if version != 0 {
                    return Err(KenlmFlaw::Part {
                        part: "word hashes",
                        found: version,
                        expected: 0,
                    });
                }
                let count = u32_at(bytes, at + 4);
                // A file whose ARPA file had no `<unk>` has one word more than it says.
                if count == 0 || table.entries(bytes).count() as u64 != u64::from(count) - 1 {
                    return flaw("it does not have as many hashes as words");
                }
                let mut hashes = vec![0; count as usize - 1];
                for (hash, at) in table.entries(bytes) {
                    let index = u32_at(bytes, at);
                    if !(1..count).contains(&index) || table.find(bytes, hash) != Some(at) {
                        return flaw("a hash has the wrong place");
                    }
                    hashes[index as usize - 1] = hash;
                }
                match hashes.contains(&0) {
                    true => flaw("two words have one index"),
                    false => Ok(hashes),
                }
            }
        }
    }
}

/// Reads the words of a file, whose list of words is `list` if it has one.
pub fn read(hashes: &Hashes, bytes: &[u8], list: Option<&[u8]>) -> Result<(Words, Ids), KenlmFlaw> {
    let hashes = hashes.read(bytes)?;
    match list {
        Some(list) => named(&hashes, list),
        None => hashed(&hashes),
    }
}

fn named(hashes: &[u64], list: &[u8]) -> Result<(Words, Ids), KenlmFlaw> {
    let flaw = |index, what| KenlmFlaw::Word { index, what };
    let Some(list) = list.strip_suffix(b"\0") else {
        return Err(flaw(0, "is cut short"));
    };
    let mut words = list.split(|&byte| byte == 0);
    if words.next() != Some(UNK.as_bytes()) {
        return Err(flaw(0, "is not <unk>"));
    }
    let mut all: Vec<&[u8]> = Vec::new();
    let (mut begin, mut end) = (0, 0);
    let (mut hidden, mut apart) = (Vec::new(), Vec::new());
    for (index, &hash) in (1..).zip(hashes) {
        let fail = |what| flaw(index as usize, what);
        let word = words.next().ok_or(fail("is missing"))?;
        if murmur64a(word) != hash {
            return Err(fail("is not the one of its hash"));
        }
        let text = std::str::from_utf8(word).map_err(|_| fail("is not UTF-8"))?;
        match text {
            BEGIN => begin = index,
            END => end = index,
            // The texts that are read here never have such words, but the file may be written again.
            EOS => hide(&mut hidden, &mut apart, text, index),
            text if !is_token(text, KIND) => hide(&mut hidden, &mut apart, text, index),
            _ => all.push(word),
        }
    }
    if words.next().is_some() {
        return Err(flaw(hashes.len() + 1, "has no hash"));
    }
    let vocab = Vocab::of_words(KIND, all);
    arpa::check_hidden(&vocab, &hidden)
        .map_err(|(place, what)| flaw(apart[place] as usize, what))?;
    apart.insert(0, begin);
    let ids = Ids::new(&vocab, end, apart, hashes.len());
    Ok((Words::with_hidden(vocab, hidden), ids))
}

fn hide(hidden: &mut Vec<Box<str>>, apart: &mut Vec<u32>, text: &str, index: u32) {
    hidden.push(text.into());
    apart.push(index);
}

/// The words of a file that has only their hashes.
fn hashed(hashes: &[u64]) -> Result<(Words, Ids), KenlmFlaw> {
    let index_of = |word: &str| {
        let hash = murmur64a(word.as_bytes());
        let place = hashes.iter().position(|&other| other == hash);
        place.map_or(0, |place| place as u32 + 1)
    };
    let (begin, end, eos) = (index_of(BEGIN), index_of(END), index_of(EOS));
    let mut apart = vec![begin];
    let mut hidden: Vec<Box<str>> = Vec::new();
    if eos != 0 {
        hide(&mut hidden, &mut apart, EOS, eos);
    }
    let tokens = (1..).zip(hashes);
    let tokens = tokens.filter(|(index, _)| *index != end && !apart.contains(index));
    let tokens: Vec<u64> = tokens.map(|(_, &hash)| hash).collect();
    let vocab = Vocab::of_hashes(KIND, &tokens);
    let ids = Ids::new(&vocab, end, apart, hashes.len());
    Ok((Words::with_hidden(vocab, hidden), ids))
}

impl Ids {
    fn new(vocab: &Vocab, end: u32, apart: Vec<u32>, hashes: usize) -> Ids {
        let mut special: Vec<u32> = apart.iter().copied().chain([end]).collect();
        special.retain(|&index| index != 0);
        special.sort_unstable();
        let shifts = (0..).zip(&special).map(|(before, index)| index - before);
        Ids {
            tokens: vocab.len() as u32,
            order: None,
            end,
            shifts: shifts.collect(),
            apart,
            bound: hashes as u32 + 1,
        }
    }

    /// Ids of the same words in another order: `before[id]` is what the id of a token was.
    pub fn reordered(&self, before: &[u32]) -> Ids {
        let order = before.iter().map(|&id| self.index(id)).collect();
        Ids {
            order: Some(order),
            ..self.clone()
        }
    }

    /// Number of indices: all are smaller.
    pub fn bound(&self) -> u32 {
        self.bound
    }

    /// Index of `<s>`; 0 where the file lacks it, as in KenLM.
    pub fn begin(&self) -> u32 {
        self.apart[0]
    }

    /// Id of `<s>`.
    pub fn begin_id(&self) -> u32 {
        self.tokens
    }

    /// Id of each index.
    pub fn of_indices(&self) -> Vec<u32> {
        let mut ids = vec![1; self.bound as usize];
        for id in 0..self.tokens + self.apart.len() as u32 {
            match self.index(id) {
                0 => {}
                index => ids[index as usize] = id,
            }
        }
        ids
    }

    /// Index of a word. Panics if there is no such word.
    #[inline]
    pub fn index(&self, id: u32) -> u32 {
        match id {
            0 => self.end,
            1 => 0,
            id if id < self.tokens => match &self.order {
                None => {
                    let place = id - 1;
                    place + self.shifts.partition_point(|&shift| shift <= place) as u32
                }
                Some(order) => order[id as usize],
            },
            id => *self
                .apart
                .get((id - self.tokens) as usize)
                .unwrap_or_else(|| panic!("no such word: {id}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_and_indices_are_the_words_of_both() {
        let words = ["a", "</s>", "b", "<eos>", "c", "<s>", "d", "e"];
        let hashes = words.map(|word| murmur64a(word.as_bytes()));
        let list = format!("<unk>\0{}\0", words.join("\0"));
        let (named, ids) = named(&hashes, list.as_bytes()).unwrap();
        let names: Vec<_> = (0..named.len() as u32).map(|id| named.name(id)).collect();
        assert_eq!(
            names,
            ["</s>", "<unk>", "a", "b", "c", "d", "e", "<s>", "<eos>"]
        );
        let indices: Vec<u32> = (0..9).map(|id| ids.index(id)).collect();
        assert_eq!(indices, [2, 0, 1, 3, 5, 7, 8, 6, 4]);
        assert_eq!(ids.of_indices(), [1, 2, 0, 3, 8, 4, 7, 5, 6]);
        let (unnamed, ids) = hashed(&hashes).unwrap();
        let again: Vec<u32> = (0..9).map(|id| ids.index(id)).collect();
        assert_eq!((again, ids.bound()), (indices, 9));
        assert_eq!(unnamed.vocab().id(b"d"), Some(5));
        assert_eq!(unnamed.vocab().id(b"<s>"), None);
        assert!(!unnamed.vocab().has_words());
    }

    #[test]
    fn lists_that_do_not_fit_their_hashes_are_refused() {
        let hashes = ["a", "b"].map(|word| murmur64a(word.as_bytes()));
        for (list, part) in [
            (&b"<unk>\0a\0b\0"[..], ""),
            (b"<unk>\0a\0b", "word 0"),
            (b"a\0b\0", "word 0 of its list is not <unk>"),
            (b"<unk>\0b\0a\0", "word 1 of its list is not the one"),
            (b"<unk>\0a\0", "word 2 of its list is missing"),
            (b"<unk>\0a\0b\0c\0", "word 3 of its list has no hash"),
            (b"", "word 0"),
        ] {
            let found = named(&hashes, list).err().map(|flaw| flaw.to_string());
            assert!(found.unwrap_or_default().contains(part), "{part}");
        }
    }
}
