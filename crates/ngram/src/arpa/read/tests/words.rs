//! Unknown and hidden words, and the kinds of vocabulary.

use super::*;

#[test]
fn an_unknown_word_without_unk_is_next_to_impossible() {
    let model = good(
        GOOD.replace("ngram 1=5", "ngram 1=4")
            .replace("-2\t<unk>\n", ""),
    );
    assert_eq!(log10_p(&model, &["b"], "<unk>"), -100.0 - 0.125);
    assert!(model.notes()[0].contains("no <unk>"));
}

#[test]
fn a_capital_unk_is_the_unknown_word_where_there_is_no_other() {
    let model = good(GOOD.replace("<unk>", "<UNK>"));
    assert_eq!(log10_p(&model, &[], "<unk>"), -2.25);
    assert_eq!(model.vocab().id(b"<UNK>"), None);
    assert!(model.notes()[0].contains("<UNK> is read as <unk>"));

    let both = GOOD
        .replace("ngram 1=5", "ngram 1=6")
        .replace("-2\t<unk>", "-3\t<UNK>\n-2\t<unk>");
    let model = good(both);
    assert_eq!(log10_p(&model, &[], "<unk>"), -2.25);
    assert_eq!(log10_p(&model, &[], "<UNK>"), -3.25);
    assert!(model.notes().is_empty());
}

#[test]
fn words_that_no_text_holds_are_kept() {
    let text = GOOD
        .replace("ngram 1=5", "ngram 1=6")
        .replace("-1\ta", "-3\t<eos>\t-0.25\n-1\ta")
        .replace("-0.75\ta b", "-0.75\ta <eos>");
    let model = good(text);
    assert_eq!(model.vocab().len(), 4);
    assert_eq!(model.words().len(), 6);
    assert_eq!(model.vocab().id(b"<eos>"), Some(0), "that is </s>");
    let written = String::from_utf8(write(&model, Vec::new()).unwrap()).unwrap();
    for line in ["-3\t<eos>\t-0.25\n", "-0.75\ta <eos>\t0\n"] {
        assert!(written.contains(line), "{written}");
    }
    assert_eq!(good(written).id(), model.id());
}

/// White space that is no space, tab, carriage return or newline.
const OTHER_SPACES: [char; 8] = [
    '\u{a0}', '\u{3000}', '\u{2028}', '\u{2029}', '\u{85}', '\u{1680}', '\u{b}', '\u{c}',
];

#[test]
fn only_spaces_and_tabs_part_words() {
    for space in OTHER_SPACES {
        for name in [
            format!("x{space}y"),
            format!("{space}"),
            format!("x{space}"),
            format!("{space}x"),
        ] {
            let text = GOOD.replace('b', &name);
            for text in [text.clone(), text.replace('\n', "\r\n")] {
                let model = good(text);
                assert_eq!(model.words().hidden(), []);
                assert_eq!(model.counts(), [5, 4, 2]);
                assert_eq!(log10_p(&model, &["a"], &name), -0.125, "{name:?}");
                let written = write(&model, Vec::new()).unwrap();
                assert_eq!(good(written).id(), model.id());
                let line = format!("a {name}\t{name} \n");
                let encoded = model.vocab().tokenize(line.as_bytes()).unwrap();
                let [a, b, eos] = [id(&model, "a"), id(&model, &name), 0];
                assert_eq!(encoded.ids, [a, b, b, eos], "{name:?}");
            }
        }
    }
}

#[test]
fn an_infinite_log10_p_of_the_begin_is_that_it_is_never_predicted() {
    same(GOOD.replace("-99\t<s>", "-inf\t<s>"));
    same(GOOD.replace("-99\t<s>", "-Infinity\t<s>"));
    let at_the_end = |p: &str| good(GOOD.replace("-0.625\tb </s>", &format!("{p}\tb <s>")));
    assert_eq!(at_the_end("-inf").id(), at_the_end("-99").id());
}

#[test]
fn what_rounding_left_above_zero_is_zero_and_noted() {
    let clean = good(GOOD.replace("-0.75\ta b", "0\ta b"));
    for p in ["1e-7", "0.0000099", "1e-40"] {
        let model = good(GOOD.replace("-0.75\ta b", &format!("{p}\ta b")));
        assert_eq!(model.id(), clean.id());
        let note = &model.notes()[0];
        assert!(note.starts_with("1 n-gram has a log10 p above 0"), "{note}");
    }
    let clip = ArpaOptions {
        clip_positive: true,
    };
    let far = GOOD
        .replace("-0.75\ta b", "0.5\ta b")
        .replace("-1\ta", "3\ta");
    let model = read(source(far.clone()), clip).unwrap();
    let written = String::from_utf8(write(&model, Vec::new()).unwrap()).unwrap();
    assert!(
        written.contains("\n0\ta\t") && written.contains("\n0\ta b\t"),
        "{written}"
    );
    let note = &model.notes()[0];
    assert!(
        note.contains("2 n-grams") && note.contains("at most 3"),
        "{note}"
    );
    let (line, message) = refused(far.clone());
    assert!(
        line == 10 && message.contains("no probability is above 1"),
        "{message}"
    );
    for p in ["inf", "nan"] {
        let spoilt = far.replace("0.5\ta b", &format!("{p}\ta b"));
        assert!(read(source(spoilt), clip).is_err(), "{p}");
    }
}

#[test]
fn words_must_be_text() {
    let latin1: Vec<u8> = GOOD
        .replace("-1\ta", "-1\tX")
        .bytes()
        .map(|b| if b == b'X' { 0xE9 } else { b })
        .collect();
    let (line, message) = refused(latin1);
    assert!(line == 10 && message.contains("not UTF-8"), "{message}");
    spoilt("-1\ta\t", "-1\ta\rc\t", 10, "carriage return");
}

#[test]
fn the_first_line_names_the_kind() {
    let words = "# elman kind=words\n\n".to_owned()
        + &GOOD
            .replace("\ta", "\t▁a")
            .replace(" a", " ▁a")
            .replace('b', "\\n");
    let model = good(words.clone());
    assert_eq!(model.vocab().kind(), Kind::Words);
    assert_eq!(log10_p(&model, &[" a"], "\n"), -0.125);
    let (line, message) = refused(words.replace("kind=words", "kind=letters"));
    assert!(line == 1 && message.contains("`letters`"), "{message}");
    let (line, message) = refused(words.replacen("\t▁a", "\t\\u{61}", 1));
    assert!(
        line == 12 && message.contains("is not the name of a token of kind words"),
        "{message}"
    );
    // In the second line it is a comment like any other.
    same(format!("#\n# elman kind=words\n{GOOD}"));
}

#[test]
fn a_model_of_bytes_must_have_all_of_them() {
    let mut builder = Builder::new(Words::new(Vocab::bytes()), 2);
    for word in 0..258 {
        builder.push(&[word], -1.0 - word as f32, -0.5).unwrap();
    }
    builder.push(&[257, 32], -0.25, 0.0).unwrap();
    let model = builder.finish().unwrap();
    let written = String::from_utf8(write(&model, Vec::new()).unwrap()).unwrap();
    assert_eq!(good(written.clone()).id(), model.id());
    let (line, message) = refused(
        written
            .replace("1=258", "1=257")
            .replace("-98\ta\t-0.5\n", ""),
    );
    assert!(
        line == 7 && message.contains("the word a has no 1-gram"),
        "{line} {message}"
    );
    assert!(
        refused(written.replace("\ta\t", "\tab\t"))
            .1
            .contains("is not the name of a token")
    );
    assert!(
        refused(written.replace("\ta\t", "\t<unk>\t"))
            .1
            .contains("is not the name of a token")
    );
}
