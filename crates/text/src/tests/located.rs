//! The tokens of lines and their places.

use super::engines::{byte_pairs, foreign, of_bert, of_gpt2};
use super::laws::tricky;
use super::*;

/// A line's tokens as they stand in it, each with whether it is unknown; tokens of the end are empty.
fn located(vocab: &Vocab, line: &str, end: LineEnd, read: &ReadOptions) -> Vec<(String, bool)> {
    let mut tokens = Vec::new();
    let mut encoder = LineEncoder::new(vocab, read);
    encoder.encode(line.as_bytes(), end, &mut tokens).unwrap();
    let bytes = |token: &Located| &line.as_bytes()[token.bytes.clone()];
    let text = |token: &Located| String::from_utf8_lossy(bytes(token)).into_owned();
    let tokens = tokens.iter().map(|token| (text(token), token.symbol.oov));
    tokens.collect()
}

fn texts(vocab: &Vocab, line: &str) -> Vec<String> {
    let tokens = located(vocab, line, LineEnd::Sentence, &plain());
    tokens.into_iter().map(|(text, _)| text).collect()
}

/// A vocabulary of every kind.
fn vocabularies(text: &str) -> Vec<Vocab> {
    let kinds = Kind::ALL.into_iter().filter(|&kind| kind != Kind::Bpe);
    let mut all: Vec<Vocab> = kinds.map(|kind| vocab_of(text.as_bytes(), kind)).collect();
    all.push(byte_pairs(text, 300));
    all.push(foreign(&of_gpt2(), None).unwrap());
    all
}

#[test]
fn every_kind_knows_where_its_tokens_are() {
    let text = "the cat  sat.\non the mat\n";
    let place = |kind: Kind| texts(&vocab_of(text.as_bytes(), kind), "the dog  sat. ");
    assert_eq!(
        place(Kind::Words),
        ["the", " dog", " ", " sat", ".", " ", ""]
    );
    assert_eq!(place(Kind::Fields), ["the", "dog", "sat.", ""]);
    assert_eq!(place(Kind::Whitespace), ["the", "dog", "sat.", ""]);
    assert_eq!(place(Kind::Chars).len(), "the dog  sat. ".len() + 1);
    let pairs = byte_pairs("low low low lower lower newest newest\n", 300);
    assert_eq!(
        texts(&pairs, "low lowé"),
        ["low", " low", "\u{fffd}", "\u{fffd}", ""]
    );
}

#[test]
fn a_foreign_tokenizer_says_where_its_tokens_are() {
    let bert = foreign(&of_bert(), None).unwrap();
    // `[SEP]` is written in the line, and read as letters; `dog` is unknown.
    let found = located(&bert, "The dog cats [SEP]", LineEnd::Sentence, &plain());
    let found: Vec<(&str, bool)> = found.iter().map(|(text, oov)| (&**text, *oov)).collect();
    assert_eq!(
        found,
        [
            ("The", false),
            ("dog", true),
            ("cat", false),
            ("s", false),
            ("[", false),
            ("SEP", false),
            ("]", false),
            ("", false)
        ]
    );
}

#[test]
fn a_sentence_ends_with_a_newline_or_with_eos() {
    let last = |vocab: &Vocab| {
        let mut tokens = Vec::new();
        let mut encoder = LineEncoder::new(vocab, &plain());
        encoder
            .encode(b"a", LineEnd::Sentence, &mut tokens)
            .unwrap();
        tokens.pop().unwrap().symbol
    };
    let with = vocab_of(b"a b\n", Kind::Chars);
    assert_eq!(last(&with).id, with.id(b"\n").unwrap());
    for vocab in [
        vocab_of(b"a b", Kind::Chars),
        vocab_of(b"a b", Kind::Words),
        vocab_of(b"a", Kind::Fields),
    ] {
        let end = Symbol {
            id: vocab.eos(),
            oov: false,
        };
        assert_eq!(last(&vocab), end, "{vocab:?}");
    }
}

#[test]
fn skipped_markers_have_no_place() {
    let vocab = vocab_of(b"a b", Kind::Fields);
    let read = ReadOptions {
        skip_markers: true,
        ..plain()
    };
    let found = located(&vocab, "<s> a  <s> b </s>", LineEnd::Sentence, &read);
    let found: Vec<&str> = found.iter().map(|(text, _)| &**text).collect();
    assert_eq!(found, ["a", "b", ""]);
}

#[test]
fn an_unknown_token_of_any_length_has_its_place() {
    let vocab = vocab_of(b"a b", Kind::Words);
    let long = "é".repeat(LONGEST_TOKEN);
    let line = format!("a {long} b");
    assert_eq!(texts(&vocab, &line), ["a", &format!(" {long}"), " b", ""]);
}

proptest! {
    #[test]
    fn lines_together_are_the_text(text in tricky()) {
        prop_assume!(!text.is_empty());
        for vocab in vocabularies("the cat sat on the mat.\nab1 ,'\n") {
            let (whole, _) = ids_of(vec![source(text.as_bytes())], &vocab, &plain()).unwrap();
            let (mut tokens, mut all) = (Vec::new(), Vec::new());
            let mut encoder = LineEncoder::new(&vocab, &plain());
            read_lines([source(text.as_bytes())], vocab.kind(), &plain(), &mut |line| {
                let end = LineEnd::Text { newline: line.newline, ends_document: line.ends_document };
                tokens.clear();
                encoder.encode(line.bytes, end, &mut tokens)?;
                all.extend(tokens.iter().map(|token| token.symbol.id));
                // In order, within the line, and of the kinds that lose nothing without a gap.
                let mut at = 0;
                for token in &tokens {
                    let start = token.bytes.start;
                    assert!(at <= start && token.bytes.end <= line.bytes.len(), "{vocab:?} {token:?}");
                    // Bytes of one character have one place in a foreign vocabulary.
                    let is_foreign = vocab.kind() == Kind::Foreign;
                    assert!(at == start || vocab.loses().is_some() || is_foreign, "{vocab:?} {token:?}");
                    at = if is_foreign { start } else { token.bytes.end };
                }
                Ok::<(), TextError>(())
            }).unwrap();
            prop_assert_eq!(all, whole, "{:?}", vocab);
        }
    }
}
