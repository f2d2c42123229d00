//! The union of several vocabularies, in which models of different vocabularies can be mixed.
//!
//! Vocabularies of one kind cut a text at the same places, so each token of the union is one token in every vocabulary: a word of
//! it, or `<unk>`. Kinds with an engine cut a text as their merges say; their union exists only if they are the same.
//!
//! A vocabulary that has only hashes of its words takes part by them. The union has words if each of its tokens is a word in one of the
//! vocabularies, and only hashes otherwise.
//!
//! Kinds `whitespace` and `fields` differ in rare white space only. Their union is of kind `fields`: a model of kind `whitespace` lacks
//! every word with other white space in it, and such words are all that it would have cut differently.

use super::{Kind, Vocab};
use std::collections::{HashMap, HashSet};

/// Union of several vocabularies, with the id of each of its tokens in each of them.
#[derive(Clone, Debug)]
pub struct Union {
    /// All tokens: those of the first vocabulary in its order, then those that each other one adds.
    pub vocab: Vocab,
    /// For each vocabulary, its id of each id of `vocab`, or `None` where it lacks the token.
    pub ids: Vec<Vec<Option<u32>>>,
}

impl Vocab {
    /// Whether both vocabularies split text into the same tokens.
    ///
    /// Rare white space, in which kinds `whitespace` and `fields` differ, is ignored.
    pub fn cuts_like(&self, other: &Vocab) -> bool {
        let same_cuts = !self.kind().has_engine() || other.hash() == self.hash();
        other.kind().serves_as(self.kind()) && same_cuts
    }

    /// The id that each token has in `other`, or `None` where that lacks the token.
    ///
    /// The vocabularies split text alike ([`Vocab::cuts_like`]).
    pub fn ids_in(&self, other: &Vocab) -> Vec<Option<u32>> {
        let ids = 0..self.len() as u32;
        if self.has_words() {
            return ids.map(|id| other.id(self.token_bytes(id))).collect();
        }
        let hashes = other.hashes().map(|(id, hash)| (hash, id));
        let by_hash: HashMap<u64, u32> = hashes.collect();
        let specials = [Some(other.eos()), other.unk()];
        let words = self.hashes().map(|(_, hash)| by_hash.get(&hash).copied());
        specials.into_iter().chain(words).collect()
    }
}

impl Union {
    /// Makes the union of at least one vocabulary; `None` if they do not split text in the same way.
    pub fn new(vocabs: &[&Vocab]) -> Option<Union> {
        let (first, others) = vocabs.split_first()?;
        if !others.iter().all(|other| first.cuts_like(other)) {
            return None;
        }
        let kinds_differ = others.iter().any(|other| other.kind() != first.kind());
        let kind = match kinds_differ {
            true => Kind::Fields,
            false => first.kind(),
        };
        if !vocabs.iter().all(|vocab| vocab.has_words()) {
            return Some(Union::by_hashes(kind, vocabs));
        }
        let mut new: Vec<&[u8]> = Vec::new();
        let mut seen: HashSet<&[u8]> = HashSet::new();
        for other in others {
            let tokens = (0..other.len() as u32).map(|id| other.token_bytes(id));
            let unknown = tokens.filter(|token| first.id(token).is_none());
            new.extend(unknown.filter(|token| seen.insert(token)));
        }
        let vocab = match new.is_empty() {
            true if kinds_differ => first.as_fields(),
            true => (*first).clone(),
            false => {
                // The specials are made by themselves.
                let own = (2..first.len() as u32).map(|id| first.token_bytes(id));
                Vocab::of_words(kind, own.chain(new))
            }
        };
        Some(Union::of(vocab, vocabs))
    }

    /// The union of vocabularies of which some have no words.
    fn by_hashes(kind: Kind, vocabs: &[&Vocab]) -> Union {
        let mut words: HashMap<u64, &[u8]> = HashMap::new();
        for vocab in vocabs.iter().filter(|vocab| vocab.has_words()) {
            words.extend(
                vocab
                    .hashes()
                    .map(|(id, hash)| (hash, vocab.token_bytes(id))),
            );
        }
        let mut seen = HashSet::new();
        let all = vocabs.iter().flat_map(|vocab| vocab.hashes());
        let all: Vec<u64> = all
            .map(|(_, hash)| hash)
            .filter(|&hash| seen.insert(hash))
            .collect();
        let named: Option<Vec<&[u8]>> = all.iter().map(|hash| words.get(hash).copied()).collect();
        let vocab = match named {
            Some(named) => Vocab::of_words(kind, named),
            None => Vocab::of_hashes(kind, &all),
        };
        Union::of(vocab, vocabs)
    }

    fn of(vocab: Vocab, vocabs: &[&Vocab]) -> Union {
        let ids = vocabs.iter().map(|other| vocab.ids_in(other)).collect();
        Union { vocab, ids }
    }
}

#[cfg(test)]
mod tests {
    use super::super::murmur64a;
    use super::*;

    fn vocab(kind: Kind, tokens: &[&str]) -> Vocab {
        Vocab::of_text(kind, tokens.iter().map(|token| token.as_bytes().into()))
    }

    #[test]
    fn tokens_are_those_of_the_first_and_then_what_others_add() {
        let (a, b) = (["x", "y"], ["z", "y", "w"]);
        let (a, b) = (vocab(Kind::Whitespace, &a), vocab(Kind::Whitespace, &b));
        let union = Union::new(&[&a, &b]).unwrap();
        let names: Vec<_> = (0..6).map(|id| union.vocab.token(id)).collect();
        assert_eq!(names, ["<eos>", "<unk>", "x", "y", "z", "w"]);
        let ids = |ids: [u32; 6]| ids.map(|id| (id < 9).then_some(id)).to_vec();
        assert_eq!(
            union.ids,
            [ids([0, 1, 2, 3, 9, 9]), ids([0, 1, 9, 3, 2, 4])]
        );
    }

    #[test]
    fn vocabularies_with_the_same_tokens_are_the_first_one() {
        let a = vocab(Kind::Chars, &["x", "y"]);
        let b = vocab(Kind::Chars, &["y", "x"]);
        let union = Union::new(&[&a, &b, &a]).unwrap();
        assert_eq!(union.vocab.hash(), a.hash());
        assert_eq!(union.ids[0], union.ids[2]);
        let bytes = Union::new(&[&Vocab::bytes(), &Vocab::bytes()]).unwrap();
        assert_eq!(bytes.vocab.hash(), Vocab::bytes().hash());
        assert!(bytes.ids.iter().flatten().all(Option::is_some));
    }

    #[test]
    fn words_between_any_spaces_and_between_ascii_ones_are_fields() {
        let a = vocab(Kind::Whitespace, &["x", "y"]);
        let b = vocab(Kind::Fields, &["x", "y"]);
        let c = vocab(Kind::Fields, &["y", "x\u{a0}y"]);
        for (vocabs, wanted) in [
            ([&a, &b], &b),
            ([&b, &a], &b),
            ([&a, &c], &vocab(Kind::Fields, &["x", "y", "x\u{a0}y"])),
        ] {
            let union = Union::new(&vocabs).unwrap();
            assert_eq!(union.vocab.hash(), wanted.hash());
        }
        assert!(a.same_ids(&b) && !b.same_ids(&c) && a.hash() != b.hash());
    }

    #[test]
    fn words_that_are_known_by_hash_alone_are_the_same_words() {
        let hashes = ["y", "x"].map(|word| murmur64a(word.as_bytes()));
        let (named, hashed) = (
            vocab(Kind::Fields, &["x", "y", "z"]),
            Vocab::of_hashes(Kind::Fields, &hashes),
        );
        assert_eq!(hashed.ids_in(&named), [0, 1, 3, 2].map(Some));
        assert_eq!(
            named.ids_in(&hashed),
            [Some(0), Some(1), Some(3), Some(2), None]
        );
        for vocabs in [[&named, &hashed], [&hashed, &named]] {
            let union = Union::new(&vocabs).unwrap();
            assert!(union.vocab.has_words() && union.vocab.len() == 5);
            assert_eq!(union.ids[0], union.vocab.ids_in(vocabs[0]));
        }
        let other = vocab(Kind::Fields, &["x", "w"]);
        let union = Union::new(&[&other, &hashed]).unwrap();
        assert!(!union.vocab.has_words() && union.vocab.len() == 5);
        assert_eq!(
            union.ids,
            [[0, 1, 2, 3, 9], [0, 1, 3, 9, 2]]
                .map(|ids| ids.map(|id| (id < 9).then_some(id)).to_vec())
        );
        assert_eq!(union.vocab.id(b"w"), Some(3));
    }

    #[test]
    fn kinds_that_cut_a_text_differently_have_no_union() {
        let words = vocab(Kind::Words, &[" a"]);
        let whitespace = vocab(Kind::Whitespace, &["a"]);
        assert!(Union::new(&[&words, &whitespace]).is_none());
        assert!(Union::new(&[&Vocab::bytes(), &words]).is_none());
    }
}
