use super::*;
use crate::testing::vocab;
use elman_text::{Decoder, Kind, Layout};
use proptest::prelude::*;
use std::collections::HashSet;

/// All texts of at most `left` tokens that a constraint lets be written after `place`.
fn texts(
    constraint: &mut Constraint,
    vocab: &Vocab,
    place: Place,
    left: usize,
) -> HashSet<Vec<u32>> {
    let mut all = HashSet::new();
    let mut open = vec![(Vec::new(), place)];
    let mut ids = Vec::new();
    while let Some((tokens, place)) = open.pop() {
        let left = left - tokens.len();
        constraint.allowed(place, left, &mut ids);
        assert_eq!(constraint.goes_on(place, left), !ids.is_empty());
        if constraint.accepts(place) {
            all.insert(tokens.clone());
        }
        assert!(
            constraint.accepts(place) || !ids.is_empty(),
            "a dead end at {:?}",
            vocab.decode(&tokens)
        );
        for &id in &ids {
            let next = [&tokens[..], &[id]].concat();
            match constraint.advance(place, id) {
                Some(place) => open.push((next, place)),
                None => assert!(constraint.accepts(place) && id == vocab.eos()),
            }
        }
    }
    all
}

/// The same by trying all sequences of tokens. `eos`: a line end that goes on.
fn tried(regex: &str, vocab: &Vocab, prompt: &[u32], left: usize, eos: bool) -> HashSet<Vec<u32>> {
    let automaton = Automaton::new(regex).unwrap();
    let usable = |id: &u32| Some(*id) != vocab.unk() && (eos || *id != vocab.eos());
    let ids: Vec<u32> = (0..vocab.len() as u32).filter(usable).collect();
    let mut all = HashSet::new();
    let mut level = vec![Vec::new()];
    for _ in 0..=left {
        for tokens in &level {
            let mut decoder = Decoder::default();
            for &id in prompt {
                decoder.push(vocab, id);
            }
            let mut text = Vec::new();
            for &id in tokens {
                text.extend_from_slice(decoder.push(vocab, id));
            }
            text.extend_from_slice(decoder.finish());
            let state = automaton.walk(0, &text);
            if state.is_some_and(|state| automaton.accepts(state)) {
                all.insert(tokens.clone());
            }
        }
        let longer = |tokens: &Vec<u32>| -> Vec<Vec<u32>> {
            let with = |&id: &u32| [&tokens[..], &[id]].concat();
            ids.iter().map(with).collect()
        };
        level = level.iter().flat_map(longer).collect();
    }
    all
}

fn constraint(regex: &str, vocab: &Vocab) -> Result<Constraint> {
    let allow = Allow::Regex(regex.into());
    of(&allow, vocab)
}

fn of(allow: &Allow, vocab: &Vocab) -> Result<Constraint> {
    let banned: Vec<u32> = vocab.unk().into_iter().collect();
    let eos = Eos::ByKind;
    let ends = |id| eos.finish(vocab, Layout::Stream, id).is_some();
    Constraint::new(allow, vocab, eos, &ends, &banned)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// What may be written is all that matches and nothing else, for expressions put together at random.
    #[test]
    fn exactly_the_matches_can_be_written(
        parts in prop::collection::vec(prop::sample::select(vec![
            "a", "b", "ab", "[ab]", "(a|bb)", "(ab)*", "a+", "b?", " ", "( a)*", "\n", "(a|ab)(b|$)", "[^a]", ".", "c",
        ]), 1..5),
        list in prop::sample::select(vec!["a b", "ab b", "a ab bb", "aa b ba", "b"]),
        kind in prop::sample::select(vec![Kind::Words, Kind::Chars, Kind::Whitespace]),
        left in 0usize..5,
        in_line in any::<bool>(),
    ) {
        let regex = parts.concat();
        let vocab = match kind {
            Kind::Chars => vocab(kind, "ab \n"),
            Kind::Words => Vocab::from_list("test", format!("{}\n b\n\\n", list.replace(' ', "\n")).as_bytes(), kind).unwrap(),
            _ => vocab(kind, list),
        };
        let prompt: Vec<u32> = if in_line { vec![2] } else { vec![] };
        let expected = tried(&regex, &vocab, &prompt, left, kind == Kind::Whitespace);
        let mut constraint = constraint(&regex, &vocab).unwrap();
        match constraint.start(b"", in_line, left) {
            Ok(place) => prop_assert_eq!(texts(&mut constraint, &vocab, place, left), expected),
            Err(_) => prop_assert!(expected.is_empty(), "{:?} in {}", expected, regex),
        }
    }
}

#[test]
fn bytes_are_held_to_characters() {
    let vocab = Vocab::bytes();
    let mut constraint = constraint("[é€]{2}", &vocab).unwrap();
    let place = constraint.start(b"", false, 6).unwrap();
    let found = texts(&mut constraint, &vocab, place, 5);
    let mut found: Vec<Vec<u8>> = found.iter().map(|ids| vocab.decode(ids)).collect();
    found.sort();
    let expected = ["éé", "é€", "€é"].map(|text| text.as_bytes().to_vec());
    assert_eq!(found, expected, "€€ takes six bytes");
}

#[test]
fn a_list_of_words_is_any_sequence_of_them() {
    let list = |words: &[&str]| Allow::Words(words.iter().map(|&word| word.to_owned()).collect());
    let vocab = vocab(Kind::Chars, "ab<^. \n");
    let write = |allow: &Allow, prompt: &[u8], left| {
        let mut constraint = of(allow, &vocab)?;
        let place = constraint.start(prompt, false, left)?;
        let found = texts(&mut constraint, &vocab, place, left);
        let text = |ids: &Vec<u32>| String::from_utf8(vocab.decode(ids)).unwrap();
        let mut found: Vec<String> = found.iter().map(text).collect();
        found.sort();
        Ok::<_, crate::Error>(found)
    };
    let two = list(&["a", "ab"]);
    // At the beginning, and after white space, no space is wanted.
    let fresh = ["a", "a\n", "a\na", "a a", "ab", "ab\n"];
    assert_eq!(write(&two, b"", 3).unwrap(), fresh);
    assert_eq!(write(&two, b"b ", 3).unwrap(), fresh);
    let later = ["\na", "\na\n", "\nab", " a", " a\n", " ab"];
    assert_eq!(write(&two, b"b", 3).unwrap(), later);
    // What means something in an expression does not in a word, and a word may hold spaces.
    let odd = list(&["^<", "a.", "b b"]);
    assert_eq!(
        write(&odd, b"", 3).unwrap(),
        ["^<", "^<\n", "a.", "a.\n", "b b"]
    );
    let none = write(&list(&["x", ""]), b"", 3).unwrap_err().to_string();
    assert!(none.contains("none of the allowed words"), "{none}");
    let empty = write(&list(&[""]), b"", 3).unwrap_err().to_string();
    assert!(empty.contains("is empty"), "{empty}");
}

#[test]
fn what_cannot_be_written_is_said_beforehand() {
    let vocab = vocab(Kind::Words, "a b");
    let error = |regex, left| {
        let constraint = constraint(regex, &vocab);
        let place = constraint.and_then(|constraint| constraint.start(b"a", true, left));
        place.unwrap_err().to_string()
    };
    assert!(error("[0-9]", 5).contains("begin with a space"));
    assert!(error("(ab){3}", 5).contains("at least 6 tokens, and the text may have 5"));
    assert!(error("(", 5).contains("cannot be used"));
}
