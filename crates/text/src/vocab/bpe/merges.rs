//! Learning merges: the pair of neighbours that is most frequent becomes a symbol, again and again.
//!
//! All pieces lie in one list of symbols, four bytes each, and shrink where they are. A queue holds every pair with its count and the
//! pieces in which it stands; a count that has fallen since is corrected when the pair comes first. Pairs of equal counts go in the
//! order of their symbols, and every result is that of the trainer of the crate `tokenizers`, which a test compares.

use foldhash::fast::RandomState;
use std::cmp::{Ordering, Reverse};
use std::collections::{BinaryHeap, HashMap};
use std::fmt::Write as _;

use serde_json::Value;

use super::super::table::TokenTable;
use super::super::tokens::Tokens;

/// Two neighbours: the first symbol in the upper half.
type Pair = u64;

fn pair(first: u32, second: u32) -> Pair {
    u64::from(first) << 32 | u64::from(second)
}

fn symbols(pair: Pair) -> (u32, u32) {
    ((pair >> 32) as u32, pair as u32)
}

/// Pieces of text as symbols, with their counts.
#[derive(Default)]
pub struct Pieces {
    symbols: Vec<u32>,
    pieces: Vec<Piece>,
}

/// A piece: where its symbols begin, how many there are, and how often it occurs.
struct Piece {
    start: u32,
    len: u32,
    count: i32,
}

impl Pieces {
    /// Memory for a number of pieces and of their symbols together.
    pub fn with_capacity(pieces: usize, symbols: usize) -> Pieces {
        Pieces {
            symbols: Vec::with_capacity(symbols),
            pieces: Vec::with_capacity(pieces),
        }
    }

    /// Panics where all have 2³² symbols together: counting allows no such number.
    pub fn push(&mut self, symbols: impl Iterator<Item = u32>, count: i32) {
        let start = self.symbols.len();
        self.symbols.extend(symbols);
        let position = |at: usize| u32::try_from(at).expect("pieces have less than 2³² symbols");
        self.pieces.push(Piece {
            start: position(start),
            len: position(self.symbols.len() - start),
            count,
        });
    }

    fn of(&self, piece: u32) -> (&[u32], i32) {
        let Piece { start, len, count } = self.pieces[piece as usize];
        (&self.symbols[start as usize..][..len as usize], count)
    }

    /// Puts `new` in place of `first` and `second` in a piece, and calls `change` for each pair that occurs there more or less often
    /// than before.
    fn merge(
        &mut self,
        piece: u32,
        first: u32,
        second: u32,
        new: u32,
        change: &mut impl FnMut(Pair, i32),
    ) {
        let Piece { start, len, count } = &mut self.pieces[piece as usize];
        let symbols = &mut self.symbols[*start as usize..][..*len as usize];
        let (mut read, mut written) = (0, 0);
        while read < symbols.len() {
            if symbols[read] != first || symbols.get(read + 1) != Some(&second) {
                symbols[written] = symbols[read];
                (read, written) = (read + 1, written + 1);
                continue;
            }
            if let Some(before) = written.checked_sub(1).map(|at| symbols[at]) {
                change(pair(before, first), -*count);
                change(pair(before, new), *count);
            }
            symbols[written] = new;
            (read, written) = (read + 2, written + 1);
            if let Some(&after) = symbols.get(read) {
                change(pair(second, after), -*count);
                change(pair(new, after), *count);
            }
        }
        *len = written as u32;
    }
}

/// A pair in the queue, with the pieces where it came to stand at one time.
#[derive(PartialEq, Eq)]
struct Candidate {
    count: i32,
    pair: Pair,
    pieces: Box<[u32]>,
}

impl Ord for Candidate {
    /// The most frequent one is the greatest, of equally frequent ones that of the lower symbols.
    fn cmp(&self, other: &Candidate) -> Ordering {
        (self.count, Reverse(self.pair)).cmp(&(other.count, Reverse(other.pair)))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Candidate) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

type ByPair<T> = HashMap<Pair, T, RandomState>;

/// Result of learning merges.
pub struct Merges {
    /// The symbols that there were, and those that merges made.
    pub tokens: Tokens,
    /// The pairs that are merged, the first one first.
    pub pairs: Vec<(u32, u32)>,
}

impl Merges {
    /// The model of a `tokenizer.json`, with tokens by the names that `name` gives them.
    pub fn to_json(&self, name: impl Fn(&[u8]) -> String) -> String {
        let quoted = |id: u32| Value::from(name(self.tokens.get(id)));
        let mut json = String::from(HEAD);
        for id in 0..self.tokens.len() as u32 {
            let comma = if id > 0 { "," } else { "" };
            let _ = write!(json, "{comma}{}:{id}", quoted(id));
        }
        json.push_str("},\"merges\":[");
        // A pair that was merged twice has the rank of the second time.
        let ranks: HashMap<_, _, RandomState> = self.pairs.iter().zip(0..).collect();
        let mut comma = "";
        for (rank, pair) in self.pairs.iter().enumerate() {
            if ranks[pair] == rank {
                let _ = write!(json, "{comma}[{},{}]", quoted(pair.0), quoted(pair.1));
                comma = ",";
            }
        }
        json + "]}"
    }
}

/// What comes before the vocabulary in the model of a `tokenizer.json`.
const HEAD: &str = r#"{"type":"BPE","dropout":null,"unk_token":null,"continuing_subword_prefix":null,"end_of_word_suffix":null,"fuse_unk":false,"byte_fallback":false,"ignore_merges":false,"vocab":{"#;

/// Merges pairs that occur at least `min_count` times until there are `most` symbols. `tokens` are the symbols that there are.
pub fn learn(mut pieces: Pieces, mut tokens: Tokens, min_count: u64, most: usize) -> Merges {
    let mut known = TokenTable::default();
    for (id, token) in (0u32..).zip(tokens.iter()) {
        known.insert(token, id);
    }
    let (mut counts, mut queue) = first_candidates(&pieces);
    let mut pairs = Vec::new();
    let mut found: ByPair<Vec<u32>> = HashMap::default();
    while tokens.len() < most {
        let Some(mut top) = queue.pop() else { break };
        let count = counts.get(&top.pair).copied().unwrap_or(0);
        if top.count != count {
            // It became less frequent since it was put there.
            if count > 0 {
                top.count = count;
                queue.push(top);
            }
            continue;
        }
        if (count as u64) < min_count {
            break;
        }
        let (first, second) = symbols(top.pair);
        let token = [tokens.get(first), tokens.get(second)].concat();
        // Two merges may make the same token.
        let new = known.get(&token).copied().unwrap_or(tokens.len() as u32);
        if new as usize == tokens.len() {
            known.insert(&token, new);
            tokens.push(&token);
        }
        pairs.push((first, second));
        for &piece in &top.pieces {
            pieces.merge(piece, first, second, new, &mut |pair, change| {
                let count = counts.entry(pair).or_default();
                *count += change;
                if *count == 0 {
                    counts.remove(&pair);
                }
                if change > 0 {
                    let places = found.entry(pair).or_default();
                    if places.last() != Some(&piece) {
                        places.push(piece);
                    }
                }
            });
        }
        for (pair, places) in found.drain() {
            let count = counts.get(&pair).copied().unwrap_or(0);
            if count > 0 {
                queue.push(Candidate {
                    count,
                    pair,
                    pieces: places.into(),
                });
            }
        }
    }
    Merges { tokens, pairs }
}

/// How often each pair occurs in the pieces, and all pairs with their places.
fn first_candidates(pieces: &Pieces) -> (ByPair<i32>, BinaryHeap<Candidate>) {
    let all = || 0..pieces.pieces.len() as u32;
    let pairs_of = |piece: u32| {
        let (symbols, count) = pieces.of(piece);
        let pairs = symbols.windows(2).map(|two| pair(two[0], two[1]));
        pairs.map(move |pair| (pair, count))
    };
    let mut counts: ByPair<i32> = HashMap::default();
    // How many pieces a pair stands in, and the last of them.
    let mut places: ByPair<(u32, u32)> = HashMap::default();
    for piece in all() {
        for (pair, count) in pairs_of(piece) {
            *counts.entry(pair).or_default() += count;
            let (number, last) = places.entry(pair).or_insert((0, u32::MAX));
            *number += u32::from(*last != piece);
            *last = piece;
        }
    }
    let lists = places.into_iter();
    let mut lists: ByPair<Vec<u32>> = lists
        .map(|(pair, (number, _))| (pair, Vec::with_capacity(number as usize)))
        .collect();
    for piece in all() {
        for (pair, _) in pairs_of(piece) {
            if let Some(list) = lists.get_mut(&pair)
                && list.last() != Some(&piece)
            {
                list.push(piece);
            }
        }
    }
    let candidates = lists.into_iter().map(|(pair, list)| Candidate {
        count: counts[&pair],
        pair,
        pieces: list.into(),
    });
    let candidates = candidates.filter(|candidate| candidate.count > 0);
    let queue = candidates.collect();
    (counts, queue)
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_kernels::rng::{Site, Stream, key};
    use std::collections::BTreeMap;
    use tokenizers::models::bpe::{BPE, BpeTrainer};

    /// Random words of a small alphabet, so that many merges make tokens that are there, and many pairs are equally frequent.
    #[test]
    fn merges_are_those_of_the_crate() {
        for number in 0..200 {
            let mut draws = Stream::new(key(7, Site::Laboratory, number));
            let letters = 2 + draws.below(4);
            let mut words = BTreeMap::new();
            for _ in 0..2 + draws.below(60) {
                let length = 2 + draws.below(if number % 2 == 0 { 5 } else { 14 });
                let word = (0..length).map(|_| char::from(b'a' + draws.below(letters) as u8));
                words.insert(
                    word.collect::<String>(),
                    1 + i32::from(draws.below(9) as u8),
                );
            }
            let most = letters as usize + draws.below(40) as usize;
            let min_count = 1 + u64::from(draws.below(4));
            let counts = words
                .iter()
                .map(|(word, count)| (word.as_str().into(), *count as u64));
            let trainer = BpeTrainer::builder()
                .vocab_size(most)
                .min_frequency(min_count)
                .show_progress(false)
                .initial_alphabet((0..letters).map(|n| char::from(b'a' + n as u8)).collect())
                .build();
            let mut model = BPE::default();
            trainer.do_train(&counts.collect(), &mut model).unwrap();
            let expected = serde_json::to_value(&model).unwrap();

            let mut pieces = Pieces::default();
            for (word, count) in &words {
                pieces.push(word.bytes().map(|byte| u32::from(byte - b'a')), *count);
            }
            let tokens = (0..letters).map(|n| [b'a' + n as u8]).collect();
            let merges = learn(pieces, tokens, min_count, most);
            let json = merges.to_json(|bytes| String::from_utf8(bytes.to_vec()).unwrap());
            let found: Value = serde_json::from_str(&json).unwrap();
            assert_eq!(found, expected, "{number}: {words:?}");
        }
    }
}
