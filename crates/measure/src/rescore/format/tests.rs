use super::*;

fn parsed(format: NbestFormat, line: &str) -> (Option<&str>, String, usize, f64, f64) {
    let (id, hypothesis) = format.parse(line, 3).unwrap();
    assert_eq!((&hypothesis.line[..], hypothesis.number), (line, 3));
    let Hypothesis {
        text,
        words,
        score,
        lm_score,
        ..
    } = hypothesis;
    (id, text, words, score, lm_score)
}

fn refused(format: NbestFormat, line: &str, part: &str) {
    let flaw = format.parse(line, 1).unwrap_err();
    assert!(flaw.contains(part), "{line}: {flaw}");
}

#[test]
fn words_come_without_white_space_and_carriage_returns() {
    let words = |format, line| parsed(format, line).1;
    assert_eq!(words(NbestFormat::Mikolov, "u7 the\t king \r"), "the king");
    assert_eq!(words(NbestFormat::Kaldi, "u-7-12 the king"), "the king");
    assert_eq!(
        words(NbestFormat::Moses, "7 |||  the king  ||| ||| -1\r"),
        "the king"
    );
    assert_eq!(words(NbestFormat::Srilm, "-1 -2 2 the king\r"), "the king");
    assert_eq!(
        words(NbestFormat::Nbestlist1, "(-1) the king\r"),
        "the king"
    );
}

#[test]
fn an_id_without_words_is_an_empty_hypothesis() {
    for (format, line, id) in [
        (NbestFormat::Mikolov, "u7", Some("u7")),
        (NbestFormat::Mikolov, "u7 \r", Some("u7")),
        (NbestFormat::Kaldi, "u7-1", Some("u7")),
        (NbestFormat::Moses, "u7 |||  ||| ||| -1", Some("u7")),
        (NbestFormat::Srilm, "-1 -2 0", None),
        (NbestFormat::Nbestlist1, "(-20)", None),
        (NbestFormat::Nbestlist2, "(-20)", None),
    ] {
        let (found, text, words, ..) = parsed(format, line);
        assert_eq!((found, &text[..], words), (id, "", 0), "{line}");
    }
}

#[test]
fn scores_are_those_of_srilm_in_log10() {
    let (.., score, lm) = parsed(NbestFormat::Srilm, "-1220.5 -9.25 2 the king");
    assert_eq!((score, lm), (-1220.5, -9.25));
    // SRILM: BytelogToLogP(b) = b · 1024 / 10000.5 / ln 10.
    let log10 = |bytelog: f64| bytelog * 1024.0 / 10000.5 / LN_10;
    let (.., score, lm) = parsed(NbestFormat::Nbestlist1, "(-27400) the king");
    assert!((score - log10(-27400.0)).abs() < 1e-9 && lm == 0.0);
    assert!((score + 1218.46516).abs() < 1e-4, "{score}");
    let moses = parsed(
        NbestFormat::Moses,
        "0 ||| the king ||| LM0= -9.1 d: 0 TM0= -1 -2.5 pp=3 ||| -12.5 ||| 0-0 1-1",
    );
    assert_eq!((moses.3, moses.4), (-12.5, 0.0));
    // Phones within a word, and states, are no words.
    let line = "(-900) the ( st: 0.00 et: 0.20 g: -80 a: -400 ) dh[ah] ( st: 0.00 et: 0.10 g: 0 a: -1 ) \
                ah-2 ( st: 0.30 et: 0.30 g: 0 a: -7 ) king ( st: 0.21 et: 0.50 g: -90 a: -330 )";
    let (_, text, words, score, lm) = parsed(NbestFormat::Nbestlist2, line);
    assert_eq!((&text[..], words), ("the king", 2));
    assert!((score - log10(-730.0)).abs() < 1e-9, "{score}");
    assert!((lm - log10(-170.0)).abs() < 1e-9, "{lm}");
}

#[test]
fn scores_that_are_no_numbers_are_refused() {
    refused(NbestFormat::Srilm, "-1e3x -2 2 a b", "'-1e3x'");
    refused(NbestFormat::Srilm, "-1 nan 2 a b", "'nan'");
    refused(NbestFormat::Srilm, "-1 -inf 2 a b", "'-inf'");
    refused(
        NbestFormat::Srilm,
        "-1 -2 two a b",
        "'two' is not a number of words",
    );
    refused(NbestFormat::Srilm, "-1 -2", "come before");
    refused(NbestFormat::Nbestlist1, "(x) a", "'x'");
    refused(NbestFormat::Nbestlist1, "-4 a", "in parentheses");
    refused(NbestFormat::Nbestlist2, "(-4) a", "not followed by");
    let torn = "(-4) a ( st: 0 et: 1 g: -1 a: -2";
    refused(NbestFormat::Nbestlist2, torn, "'a' is not followed by");
    let wrong = "(-4) a ( st: 0 et: 1 g: -1 a: x )";
    refused(NbestFormat::Nbestlist2, wrong, "'x'");
    refused(NbestFormat::Moses, "0 ||| a ||| LM0= -1", "3 fields");
    refused(
        NbestFormat::Moses,
        "0 ||| a ||| LM0= -1 ||| total",
        "'total'",
    );
    refused(NbestFormat::Moses, "0 ||| a ||| LM0= x ||| -1", "'x'");
    refused(
        NbestFormat::Moses,
        " ||| a ||| LM0= 1 ||| -1",
        "the id is missing",
    );
    refused(NbestFormat::Kaldi, "u7 a b", "'u7'");
    refused(NbestFormat::Kaldi, "-7 a b", "'-7'");
}

#[test]
fn formats_are_recognised_by_their_content() {
    let found = |text: &str| NbestFormat::recognise(text.lines());
    let srilm = "-12.5 -3.25 2 the king\n-13 -3.5 3 the king was\n";
    let second = "NBestList2.0\n(-4) a ( st: 0 et: 1 g: -1 a: -2 )\n";
    for (text, expected) in [
        ("", None),
        ("\n \n", None),
        (
            "u1 the king\nu1 a king\nu2 so\n",
            Some(NbestFormat::Mikolov),
        ),
        ("\n1 the king\r\n1 a king\r\n", Some(NbestFormat::Mikolov)),
        (
            "u1-1 the king\nu1-2 a king\nu2-1 so\n",
            Some(NbestFormat::Kaldi),
        ),
        // Ids that end with numbers, which do not count on.
        (
            "u-1 the king\nu-1 a king\nu-2 so\n",
            Some(NbestFormat::Mikolov),
        ),
        ("u-7 the king\nu-8 a king\n", Some(NbestFormat::Mikolov)),
        ("0 ||| the king ||| a= 1 ||| -1\n", Some(NbestFormat::Moses)),
        (srilm, Some(NbestFormat::Srilm)),
        ("0 0 1 so\n-1 0 1 a\n", Some(NbestFormat::Srilm)),
        ("-1.5 -2 1 so\nu1 a\n", Some(NbestFormat::Srilm)),
        ("-inf -2 1 so\n-1.5 -2 1 so\n", Some(NbestFormat::Srilm)),
        ("-1.5 nan 1 so\n", Some(NbestFormat::Srilm)),
        ("1 nan 1 so\n", Some(NbestFormat::Mikolov)),
        // Digits that are ids and words.
        ("1 5 7 3\n1 5 9 3\n2 4 4\n", Some(NbestFormat::Mikolov)),
        ("NBestList1.0\r\n(-4) a\r\n", Some(NbestFormat::Nbestlist1)),
        (second, Some(NbestFormat::Nbestlist2)),
    ] {
        assert_eq!(found(text), expected, "{text}");
    }
    for format in NbestFormat::ALL {
        assert_eq!(NbestFormat::named(format.name()), Some(format));
        let example = format.example().trim_matches('\'');
        assert!(format.parse(example, 1).is_ok(), "{example}");
        let header = format.header().map(|header| [header, example].join("\n"));
        let list = header.unwrap_or(example.to_owned());
        assert_eq!(found(&list), Some(format), "{list}");
    }
    assert_eq!(NbestFormat::named("nist"), None);
}

#[test]
fn new_scores_take_their_places() {
    let rewritten = |format: NbestFormat, line: &str| {
        let (_, hypothesis) = format.parse(line, 1).unwrap();
        let new = format.with_scores(&hypothesis, -7.5, -20.25)?;
        // What was written is read again, with the same words.
        let again = format.parse(&new, 1).unwrap().1;
        assert_eq!(again.text, hypothesis.text);
        Some(new)
    };
    assert_eq!(rewritten(NbestFormat::Mikolov, "u1 a"), None);
    assert_eq!(rewritten(NbestFormat::Kaldi, "u1-1 a"), None);
    for (format, line, expected) in [
        (
            NbestFormat::Srilm,
            "-12.5 -3 2 the king\r",
            "-12.5 -7.5 2 the king\r",
        ),
        (
            NbestFormat::Moses,
            "0 ||| the king ||| LM0= -3 ||| -12.5 ||| 0-0",
            "0 ||| the king ||| LM0= -3 elman= -7.5 ||| -20.25 ||| 0-0",
        ),
        (
            NbestFormat::Moses,
            "0 ||| ||| ||| -12.5",
            "0 |||  ||| elman= -7.5 ||| -20.25",
        ),
        (
            NbestFormat::Nbestlist1,
            "(-27400) the king",
            "(-455) the king",
        ),
        (
            NbestFormat::Nbestlist2,
            "(-9) a ( st: 0 et: 1 g: -1 a: -2 )",
            "(-455) a ( st: 0 et: 1 g: -1 a: -2 )",
        ),
    ] {
        assert_eq!(rewritten(format, line).as_deref(), Some(expected));
    }
}
