//! Files that are refused, with the line and the reason.

use super::super::super::lines::LONGEST_LINE;
use super::*;

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
    spoilt("-1\ta\t-0.5", "-1\ta\tb", 10, "`b` is not a number");
    spoilt("-1\ta\t-0.5", "-1,0\ta\t-0.5", 10, "`-1,0` is not a number");
    spoilt("-1\ta\t-0.5", "0x1\ta\t-0.5", 10, "`0x1` is not a number");
    let long = format!("-0.75\ta {}", "b".repeat(LONGEST_LINE));
    spoilt("-0.75\ta b", &long, 15, "holds no n-gram");
}

#[test]
fn numbers_that_are_no_probabilities_are_refused() {
    for p in ["0.5", "2e-5", "nan", "-inf", "inf", "-1e39"] {
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
        "the 1-gram `a` is listed twice",
    );
    spoilt(
        "-0.75\ta b",
        "-0.75\t<s> a",
        15,
        "this 2-gram is listed twice",
    );
    spoilt(
        "-0.375\tb a b",
        "-0.375\t<s> a b",
        21,
        "this 3-gram is listed twice",
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
