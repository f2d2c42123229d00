//! The traps of files in the wild, one by one.

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;

use super::super::lines::LONGEST_LINE;
use super::super::{save, write};
use super::*;
use crate::text::TextError;

/// Order 3, in the layout of SRILM: sorted, no weights where there is nothing to weigh.
const GOOD: &str = "\\data\\\nngram 1=5\nngram 2=4\nngram 3=2\n\n\
    \\1-grams:\n-1.5\t</s>\n-99\t<s>\t-0.25\n-2\t<unk>\n-1\ta\t-0.5\n-1.25\tb\t-0.125\n\n\
    \\2-grams:\n-0.5\t<s> a\t-0.0625\n-0.75\ta b\n-0.625\tb </s>\n-0.25\tb a\t0.5\n\n\
    \\3-grams:\n-0.125\t<s> a b\n-0.375\tb a b\n\n\\end\\\n";

fn source(text: impl Into<Vec<u8>>) -> Source {
    Source::Reader {
        name: "test.arpa".to_owned(),
        reader: Box::new(Cursor::new(text.into())),
    }
}

fn good(text: impl Into<Vec<u8>>) -> Model {
    read(source(text)).unwrap()
}

/// The line and the message with which a text is refused.
fn refused(text: impl Into<Vec<u8>>) -> (u64, String) {
    match read(source(text)) {
        Err(NgramError::Arpa { line, flaw, .. }) => (line, flaw.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Refused with this line and these words, after one change to the good file.
fn spoilt(from: &str, to: &str, line: u64, words: &str) {
    assert_eq!(GOOD.matches(from).count(), 1, "{from:?}");
    let (found, message) = refused(GOOD.replace(from, to));
    assert_eq!(found, line, "{message}");
    assert!(message.contains(words), "{message}");
}

/// As good as the file before a change that means nothing.
fn same(text: impl Into<Vec<u8>>) {
    let model = good(text);
    assert_eq!(model.id(), good(GOOD).id());
    assert!(model.notes().is_empty(), "{:?}", model.notes());
}

fn id(model: &Model, word: &str) -> u32 {
    model.vocab().id(word.as_bytes()).unwrap()
}

/// log10 p of a word after others that follow `<s>`.
fn log10_p(model: &Model, before: &[&str], word: &str) -> f32 {
    let read = |state, word: &&str| model.score(state, id(model, word)).1;
    let state = before.iter().fold(model.start(), read);
    model.score(state, id(model, word)).0
}

#[test]
fn a_plain_file() {
    let model = good(GOOD);
    assert_eq!(model.counts(), [5, 4, 2]);
    assert_eq!(model.vocab().len(), 4);
    assert_eq!(log10_p(&model, &[], "a"), -0.5);
    assert_eq!(log10_p(&model, &["a"], "b"), -0.125);
    assert_eq!(log10_p(&model, &["a", "b"], "<eos>"), -0.625);
    assert_eq!(log10_p(&model, &["a", "b", "<eos>"], "a"), -0.5);
    // After b a: weights 0.5 and −0.5.
    assert_eq!(log10_p(&model, &["b", "a"], "<unk>"), 0.5 - 0.5 - 2.0);
}

#[test]
fn white_space_and_blank_lines_mean_nothing() {
    same(GOOD.replace('\n', "\r\n"));
    same(GOOD.replace('\t', " "));
    same(GOOD.replace('\t', " \t  "));
    same(GOOD.replace('\n', "\n\n"));
    same(GOOD.replace('\n', " \n\t\n"));
    same(GOOD.replace("ngram 1=5", "ngram  1 = 5"));
    same(GOOD.trim_end());
    same(format!("\u{feff}{GOOD}"));
}

#[test]
fn weights_may_be_absent_or_zero_in_any_writing() {
    same(GOOD.replace("</s>\n", "</s>\t0\n"));
    same(GOOD.replace("</s>\n", "</s>\t-0.0\n"));
    same(GOOD.replace("a b\n", "a b\t0e5\n"));
    same(GOOD.replace("-0.5\t", "-5e-1\t"));
}

#[test]
fn what_stands_around_the_data_means_nothing() {
    same(format!("{GOOD}anything\n\\data\\\nngram 1=7\n"));
    same(format!("# a comment\n\\1-grams:\n\\end\\\n{GOOD}"));
    same([&b"\xff\xfe binary \0\n"[..], GOOD.as_bytes()].concat());
    same(format!("{}\n{GOOD}", "x".repeat(3 << 20)));
}

#[test]
fn heads_in_comments_are_passed_over() {
    // The explanation that the CMU toolkit puts in front.
    same(format!(
        "Data formats:\n\nBeginning of data mark: \\data\\\nngram 1=nr            # number of 1-grams\n\n\
         \\1-grams:\np_1     wd_1 bo_wt_1\n\nend of data mark: \\end\\\n\n{GOOD}"
    ));
    for garbage in [
        "\\data\\\nngram 1=nr\n",
        "\\data\\\n\\1-grams:\n",
        "\\data\\\nngram 1=5\n\\2-grams:\n",
        "\\data\\\nngram 1=5\nngram 3=5\n\\1-grams:\n",
        "\\data\\\nngram 2=5\n\\1-grams:\n",
        "\\data\\\nngram 1=-5\n",
        "\\data\\\nngram 1=99999999999999999999999\n",
        "\\data\\\nngram1=5\n",
        "\\data\\\nngram 1=5 # words\n",
        "\\data\\\n",
        "\\data\\\n\\data\\\nngram 1=5\n",
        "ngram 1=5\n",
    ] {
        same(format!("{garbage}{GOOD}"));
    }
}

#[test]
fn a_head_that_is_none_is_refused_with_its_first_fault() {
    let head = |text: &str| refused(text.to_owned());
    let (line, message) = head("");
    assert!(
        line == 1 && message.contains("no line `\\data\\`"),
        "{message}"
    );
    assert_eq!(head("a\nb\n").0, 2);
    let (line, message) = head("made by a program\n\\data\\\n\n\\1-grams:\n");
    assert!(
        line == 4 && message.contains("`ngram 1=…` first"),
        "{message}"
    );
    let (line, message) = head("\\data\\\nngram 1=nr\n\n\\data\\\nngram 2=1\n");
    assert!(line == 2 && message.contains("`ngram 1=nr`"), "{message}");
    let (line, message) = head("\\data\\\nngram 1=5\n\n");
    assert!(
        line == 3 && message.contains("ends without `\\1-grams:`"),
        "{message}"
    );
    let many: String = (1..=33).map(|n| format!("ngram {n}=1\n")).collect();
    let (line, message) = head(&format!("\\data\\\n{many}\\1-grams:\n"));
    assert!(
        line == 34 && message.contains("more than 32 words"),
        "{message}"
    );
}

#[test]
fn other_formats_are_named() {
    let kenlm = refused("mmap lm http://kheafield.com/code format version 5\n\0\0\0");
    assert!(kenlm.1.contains("binary of KenLM"), "{kenlm:?}");
    let compressed = {
        let mut out = GzEncoder::new(Vec::new(), Compression::fast());
        out.write_all(good(GOOD).as_bytes()).unwrap();
        out.finish().unwrap()
    };
    let ours = refused(compressed);
    assert!(
        ours.1.contains("binary of elman in another wrapping"),
        "{ours:?}"
    );
}

#[test]
fn gzip_is_known_by_its_bytes() {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(GOOD.as_bytes()).unwrap();
    let compressed = out.finish().unwrap();
    same(compressed.clone());
    let cut = read(source(&compressed[..compressed.len() - 30]));
    assert!(
        matches!(cut, Err(NgramError::Text(TextError::Gzip { .. }))),
        "{cut:?}"
    );
}

#[test]
fn wrong_numbers_of_n_grams_are_refused_where_it_shows() {
    spoilt(
        "-1.25\tb\t-0.125\n",
        "",
        12,
        "only 4 1-grams, and 5 were announced",
    );
    spoilt("ngram 1=5", "ngram 1=4", 11, "more 1-grams than the 4");
    spoilt(
        "-0.75\ta b\n",
        "",
        18,
        "only 3 2-grams, and 4 were announced",
    );
    spoilt("ngram 2=4", "ngram 2=3", 17, "more 2-grams than the 3");
    spoilt(
        "-0.375\tb a b\n",
        "",
        22,
        "only 1 3-grams, and 2 were announced",
    );
    spoilt("ngram 3=2", "ngram 3=1", 21, "more 3-grams than the 1");
    // Nothing is set aside for what was only announced.
    spoilt(
        "ngram 3=2",
        "ngram 3=18446744073709551615",
        23,
        "only 2 3-grams",
    );
    spoilt("ngram 2=4", "ngram 2=0", 14, "more 2-grams than the 0");
}

#[test]
fn files_that_were_cut_are_refused() {
    let lines: Vec<&str> = GOOD.lines().collect();
    // The last line is 23, `\end\`.
    for kept in 0..23 {
        let (line, message) = refused(lines[..kept].join("\n"));
        assert!(line <= kept.max(1) as u64, "{kept}: {line} {message}");
        if kept > 8 {
            let words = if kept >= 21 {
                "ends without `\\end\\`"
            } else {
                "ends"
            };
            assert!(message.contains(words), "{kept}: {message}");
        }
    }
    // In the middle of a line.
    for kept in 0..GOOD.len() - 2 {
        refused(&GOOD[..kept]);
    }
}

#[test]
fn sections_come_in_turn() {
    spoilt(
        "\\2-grams:",
        "\\3-grams:",
        13,
        "`\\2-grams:` was expected, not `\\3-grams:`",
    );
    spoilt(
        "\\3-grams:",
        "\\end\\",
        19,
        "`\\3-grams:` was expected, not `\\end\\`",
    );
    spoilt(
        "\\end\\",
        "\\4-grams:",
        23,
        "`\\end\\` was expected, not `\\4-grams:`",
    );
    spoilt("\\2-grams:", "\\2-gram", 13, "expected, not `\\2-gram`");
}

#[test]
fn lines_that_hold_no_n_gram_are_refused() {
    spoilt(
        "-0.75\ta b",
        "-0.75\ta",
        15,
        "2-gram has a number, 2 words and at most one more number: 2 fields",
    );
    spoilt("-0.75\ta b", "-0.75\ta b -0.5 a", 15, "5 fields");
    spoilt("-1\ta\t-0.5", "-1", 10, "1 fields");
    spoilt("-1\ta\t-0.5", "-1 a b -0.5", 10, "4 fields");
    spoilt("-0.75\ta b", "a b", 15, "2 fields");
    spoilt("-1\ta\t-0.5", "-1\ta\tb", 10, "`b` is no number");
    spoilt("-1\ta\t-0.5", "-1,0\ta\t-0.5", 10, "`-1,0` is no number");
    spoilt("-1\ta\t-0.5", "0x1\ta\t-0.5", 10, "`0x1` is no number");
    let long = format!("-0.75\ta {}", "b".repeat(LONGEST_LINE));
    spoilt("-0.75\ta b", &long, 15, "holds no n-gram");
}

#[test]
fn numbers_that_are_no_probabilities_are_refused() {
    for p in ["0.5", "nan", "-inf", "inf", "-1e39", "1e-40"] {
        spoilt("-0.75\ta b", &format!("{p}\ta b"), 15, "log10 p is");
        spoilt("-1\ta\t-0.5", &format!("{p}\ta\t-0.5"), 10, "log10 p is");
    }
    for weight in ["nan", "-inf", "inf", "1e39"] {
        spoilt(
            "a\t-0.0625",
            &format!("a\t{weight}"),
            14,
            "back-off weight is",
        );
        spoilt(
            "-1\ta\t-0.5",
            &format!("-1\ta\t{weight}"),
            10,
            "back-off weight is",
        );
    }
    spoilt(
        "-0.125\t<s> a b",
        "-0.125\t<s> a b\t-1",
        20,
        "highest order are no contexts",
    );
    same(GOOD.replace("<s> a b", "<s> a b\t0"));
    same(GOOD.replace("<s> a b", "<s> a b "));
}

#[test]
fn words_that_no_1_gram_lists_are_refused() {
    spoilt(
        "-0.75\ta b",
        "-0.75\ta c",
        15,
        "the word `c` is not among the 1-grams",
    );
    spoilt(
        "-0.125\t<s> a b",
        "-0.125\tA a b",
        20,
        "the word `A` is not",
    );
    let esc = GOOD.replace("-0.75\ta b", "-0.75\ta \u{1b}[31m");
    assert!(refused(esc).1.contains("`\\u{1b}[31m`"));
}

#[test]
fn the_second_of_two_equal_n_grams_is_refused_with_its_line() {
    spoilt(
        "-1.25\tb\t-0.125",
        "-1.25\ta\t-0.125",
        11,
        "the 1-gram `a` stands twice",
    );
    spoilt("-0.75\ta b", "-0.75\t<s> a", 15, "this 2-gram stands twice");
    spoilt(
        "-0.375\tb a b",
        "-0.375\t<s> a b",
        21,
        "this 3-gram stands twice",
    );
    // Found only when the section is complete, yet with its own line, blank lines before it or not.
    let spread = GOOD.replace("-0.625\tb </s>", "\n\n-0.625\t<s> a\n");
    assert_eq!(refused(spread).0, 18);
}

#[test]
fn a_line_must_be_able_to_end() {
    let (line, message) = refused(GOOD.replace("</s>", "c"));
    assert!(
        line == 6 && message.contains("the word </s> has no 1-gram"),
        "{line} {message}"
    );
}

#[test]
fn orders_may_be_empty() {
    let model = good(
        GOOD.replace("ngram 3=2", "ngram 3=0\nngram 4=0")
            .replace("-0.125\t<s> a b\n-0.375\tb a b\n", "\n\\4-grams:\n"),
    );
    assert_eq!(model.counts(), [5, 4, 0, 0]);
    assert_eq!(log10_p(&model, &["a"], "b"), -0.0625 - 0.75);
    let only_words = "\\data\\\nngram 1=2\n\\1-grams:\n-1 </s> \n-2 a \n\n\\end\\\n";
    let model = good(only_words);
    assert_eq!(log10_p(&model, &["a"], "<eos>"), -1.0);
    assert_eq!(model.notes().len(), 2);
}

#[test]
fn a_middle_order_may_lack_what_longer_ones_begin_with() {
    let model = good(
        GOOD.replace("ngram 2=4", "ngram 2=2")
            .replace("-0.5\t<s> a\t-0.0625\n-0.75\ta b\n", ""),
    );
    assert_eq!(model.counts(), [5, 3, 2]);
    assert_eq!(log10_p(&model, &[], "a"), -0.25 - 1.0);
    assert_eq!(log10_p(&model, &["a"], "b"), -0.125);
    assert!(
        model.notes()[0].starts_with("1 n-grams were inserted"),
        "{:?}",
        model.notes()
    );
}

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
        .replace("ngram 1=5", "ngram 1=7")
        .replace("-1\ta", "-3\t<eos>\t-0.25\n-4\tno\u{a0}break\n-1\ta")
        .replace("-0.75\ta b", "-0.75\ta <eos>")
        .replace("-0.375\tb a b", "-0.375\tb a no\u{a0}break");
    let model = good(text);
    assert_eq!(model.vocab().len(), 4);
    assert_eq!(model.words().len(), 7);
    assert_eq!(model.vocab().id(b"<eos>"), Some(0), "that is </s>");
    let written = String::from_utf8(write(&model, Vec::new()).unwrap()).unwrap();
    for line in [
        "-3\t<eos>\t-0.25\n",
        "-0.75\ta <eos>\t0\n",
        "-0.375\tb a no\u{a0}break\n",
    ] {
        assert!(written.contains(line), "{written}");
    }
    assert_eq!(good(written).id(), model.id());
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
fn positive_weights_and_predicted_begins_occur() {
    let model = good(
        GOOD.replace("-0.625\tb </s>", "-0.625\t</s> <s>\t0.25")
            .replace("-0.375\tb a b", "-0.375\t</s> <s> a"),
    );
    assert_eq!(
        log10_p(&model, &[], "a"),
        -0.5,
        "what stands before <s> does not count"
    );
    let written = write(&model, Vec::new()).unwrap();
    assert_eq!(good(written).id(), model.id());
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
        line == 12 && message.contains("no name of a token of kind words"),
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
            .contains("no name of a token")
    );
    assert!(
        refused(written.replace("\ta\t", "\t<unk>\t"))
            .1
            .contains("no name of a token")
    );
}

#[test]
fn files_are_written_and_read_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let model = good(GOOD);
    for name in ["model.arpa", "model.arpa.gz"] {
        let path = folder.path().join(name);
        save(&path, |out| write(&model, out).map(drop)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), name.ends_with(".gz"));
        assert_eq!(Model::load(&path).unwrap().id(), model.id());
    }
    let missing = Model::load(&folder.path().join("none.arpa"));
    assert!(matches!(
        missing,
        Err(NgramError::Text(TextError::Missing(_)))
    ));
    let nowhere = save(&folder.path().join("none/model.arpa"), |_| Ok(()));
    assert!(matches!(nowhere, Err(NgramError::Store(_))));
}

proptest! {
    /// Any f32 that a model can hold is written so that it reads as the same.
    #[test]
    fn every_bit_comes_back(p in prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, b in any::<f32>()) {
        prop_assume!(p.abs() < 1e30 && b.abs() < 1e30);
        let p = -p.abs() + 0.0;
        let text = GOOD.replace("-1\ta\t-0.5", &format!("{p:e}\ta\t{b:e}"));
        let model = good(text);
        let again = good(write(&model, Vec::new()).unwrap());
        prop_assert_eq!(again.id(), model.id());
        let mut found = None;
        model.grams(1, &mut |gram, p, b| {
            if gram == [id(&model, "a")] { found = Some((p, b)) }
            Ok::<(), ()>(())
        }).unwrap();
        prop_assert_eq!(found, Some((p, b)));
    }

    #[test]
    fn no_change_of_a_byte_is_a_crash(at in 0..GOOD.len(), to in any::<u8>()) {
        let mut text = GOOD.as_bytes().to_vec();
        text[at] = to;
        if let Ok(model) = read(source(text)) {
            let again = good(write(&model, Vec::new()).unwrap());
            prop_assert_eq!(again.id(), model.id());
        }
    }

    /// Whatever stands in a text, its vocabulary comes back with the same ids.
    #[test]
    fn every_vocabulary_comes_back(text in "(?s)([ \\n\\t\\r\u{a0}\u{2003}]{0,3}(a|é|<s>|</s>|<unk>|<UNK>|<eos>|\\\\|▁|1|\\PC|.)){1,40}") {
        for kind in [Kind::Words, Kind::Whitespace, Kind::Chars] {
            let (counts, _) = crate::text::count([source(text.clone())], kind, &Default::default(), 1 << 20).unwrap();
            let words = Words::new(counts.into_vocab(1, None).unwrap());
            let mut builder = Builder::new(words.clone(), 2);
            for word in 0..words.len() as u32 {
                builder.push(&[word], -1.0, 0.0).unwrap();
            }
            for word in 0..words.len() as u32 {
                builder.push(&[words.begin(), word], -0.5, 0.0).unwrap();
            }
            let model = builder.finish().unwrap();
            match write(&model, Vec::new()) {
                Ok(written) => {
                    let again = good(written);
                    prop_assert_eq!(again.vocab().hash(), words.vocab().hash());
                    prop_assert_eq!(again.id(), model.id());
                }
                Err(NgramError::ReservedName { name, .. }) => {
                    prop_assert!(kind == Kind::Whitespace && ["<s>", "</s>"].contains(&&*name));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}
