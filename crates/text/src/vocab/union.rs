//! The union of several vocabularies, in which models of different vocabularies can be mixed.
//!
//! Vocabularies of one kind cut a text at the same places, so each token of the union is one token in every vocabulary: a word of
//! it, or `<unk>`. Kinds with an engine cut a text as their merges say; their union exists only if they are the same.
//!
//! Kinds `whitespace` and `fields` differ in rare white space only. Their union is of kind `fields`: a model of kind `whitespace` lacks
//! every word with other white space in it, and such words are all that it would have cut differently.

use super::{Kind, Vocab};
use std::collections::HashSet;

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
        let of = |other: &&Vocab| {
            let tokens = (0..vocab.len() as u32).map(|id| vocab.token_bytes(id));
            tokens.map(|token| other.id(token)).collect()
        };
        let ids = vocabs.iter().map(of).collect();
        Some(Union { vocab, ids })
    }
}

#[cfg(test)]
mod tests {
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
    fn kinds_that_cut_a_text_differently_have_no_union() {
        let words = vocab(Kind::Words, &[" a"]);
        let whitespace = vocab(Kind::Whitespace, &["a"]);
        assert!(Union::new(&[&words, &whitespace]).is_none());
        assert!(Union::new(&[&Vocab::bytes(), &words]).is_none());
    }
}
