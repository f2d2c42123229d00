use super::*;
use elman_kernels::rng::{Site, Stream, key};
use std::io::Cursor;

fn file(name: &str, text: &[u8]) -> ListFile {
    ListFile {
        source: Source::Reader {
            name: name.into(),
            reader: Box::new(Cursor::new(text.to_vec())),
        },
        ..ListFile::new(Path::new(name))
    }
}

fn read(options: &ListOptions, text: &str) -> Result<Vec<Utterance>, Error> {
    let mut all = Vec::new();
    let mut lists = NbestLists::new(options.clone());
    lists.read(file("dir/list", text.as_bytes()), &mut |utterance| {
        all.push(utterance);
        Ok::<(), Error>(())
    })?;
    Ok(all)
}

fn flaw(result: Result<Vec<Utterance>, Error>) -> RescoreError {
    match result {
        Err(Error::Rescore(flaw)) => flaw,
        other => panic!("{other:?}"),
    }
}

const LISTS: [(NbestFormat, &str); 6] = [
    (
        NbestFormat::Mikolov,
        "u1 the king was calm\nu1 the  thing was calm\nu1\nu2 so\n",
    ),
    (
        NbestFormat::Kaldi,
        "a-1-1 the king was calm\na-1-2 the thing\na-1-3\na-2-1 so\n",
    ),
    (
        NbestFormat::Moses,
        "0 ||| the king ||| LM0= -3 TM= 1 2 ||| -1.5 ||| 0-0\n0 ||| a king ||| LM0= -4 TM= 1 2 ||| -2\n0 |||  ||| ||| -3\n1 ||| so ||| ||| 0\n",
    ),
    (
        NbestFormat::Srilm,
        "-12.5 -3.25 2 the king\n-13 -3.5 3 the king was\n-20 -1 0\n",
    ),
    (
        NbestFormat::Nbestlist1,
        "NBestList1.0\n(-20) the king\n(-30) a king\nNBestList1.0\n(-2)\n",
    ),
    (
        NbestFormat::Nbestlist2,
        "NBestList2.0\n(-4) a ( st: 0 et: 1 g: -1 a: -2 )\n(-5)\n",
    ),
];

#[test]
fn every_format_round_trips() {
    for (format, text) in LISTS {
        let utterances = read(&ListOptions::default(), text).unwrap();
        let written = |utterances: &[Utterance]| -> String {
            let lines = utterances.iter().map(|u| u.lines(0..u.hypotheses.len()));
            lines.collect()
        };
        assert_eq!(written(&utterances), text);
        assert!(utterances.iter().all(|u| u.format == format));
        // With carriage returns, and said instead of recognised.
        let carriage = text.replace('\n', "\r\n");
        let given = ListOptions {
            format: Some(format),
            ..ListOptions::default()
        };
        for options in [ListOptions::default(), given] {
            let again = read(&options, &carriage).unwrap();
            assert_eq!(written(&again), carriage, "{format}");
            let words = |all: &[Utterance]| -> Vec<(String, String, f64)> {
                let each = |u: &Utterance| {
                    let id = u.id.clone();
                    let hypotheses = u.hypotheses.clone().into_iter();
                    hypotheses.map(move |h| (id.clone(), h.text, h.score))
                };
                all.iter().flat_map(each).collect()
            };
            assert_eq!(words(&again), words(&utterances), "{format}");
        }
        // Without the last newline.
        let again = read(&ListOptions::default(), text.trim_end()).unwrap();
        assert_eq!(written(&again), text, "{format}");
        // In another order.
        let mut lines: Vec<&str> = text.lines().collect();
        let first = usize::from(format.header().is_some());
        lines.swap(first, first + 1);
        let swapped =
            utterances[0].lines([1, 0].into_iter().chain(2..utterances[0].hypotheses.len()));
        let expected: Vec<&str> = swapped.lines().collect();
        assert_eq!(expected, lines[..expected.len()], "{format}");
    }
}

#[test]
fn utterances_are_runs_of_one_id_or_files() {
    let ids = |text: &str| -> Vec<(String, usize)> {
        let all = read(&ListOptions::default(), text).unwrap().into_iter();
        all.map(|u| (u.id, u.hypotheses.len())).collect()
    };
    assert_eq!(ids(LISTS[0].1), [("u1".into(), 3), ("u2".into(), 1)]);
    assert_eq!(ids(LISTS[1].1), [("a-1".into(), 3), ("a-2".into(), 1)]);
    assert_eq!(ids(LISTS[2].1), [("0".into(), 3), ("1".into(), 1)]);
    assert_eq!(ids(LISTS[3].1), [("list".into(), 3)]);
    assert_eq!(ids(LISTS[4].1), [("list".into(), 2), ("list.2".into(), 1)]);
    for (path, id) in [
        ("a/utt7.gz", "utt7"),
        ("utt7.score.gz", "utt7"),
        ("b/utt7.zst", "utt7"),
        ("utt.7", "utt.7"),
    ] {
        assert_eq!(ListFile::new(Path::new(path)).id, id);
    }
}

#[test]
fn a_missing_id_is_noticed() {
    let no_id = |line, field: &str| RescoreError::NoId {
        name: "dir/list".into(),
        line,
        field: field.into(),
    };
    let none = "the king was calm\nthe thing was calm\na king\n";
    assert_eq!(flaw(read(&ListOptions::default(), none)), no_id(1, "the"));
    // In one line only.
    let one = "u1 the king\nthe thing\nu2 so\n";
    assert_eq!(flaw(read(&ListOptions::default(), one)), no_id(2, "the"));
    // Where the format is said, an id may be anything, but not return.
    let given = ListOptions {
        format: Some(NbestFormat::Mikolov),
        ..ListOptions::default()
    };
    assert_eq!(read(&given, none).unwrap().len(), 2);
    let returns = RescoreError::IdReturns {
        name: "dir/list".into(),
        line: 3,
        id: "u1".into(),
    };
    let between = "u1 the king\nthe thing\nu1 so\n";
    assert_eq!(flaw(read(&given, between)), returns);
}

#[test]
fn ids_that_return_are_refused_also_in_another_file() {
    let returns = |name: &str, line, id: &str| RescoreError::IdReturns {
        name: name.into(),
        line,
        id: id.into(),
    };
    let text = "u1 a\nu2 b\nu1 c\n";
    let found = flaw(read(&ListOptions::default(), text));
    assert_eq!(found, returns("dir/list", 3, "u1"));
    let mut lists = NbestLists::new(ListOptions::default());
    let mut sink = |_| Ok::<(), Error>(());
    lists.read(file("a", b"u1 a\nu1 b\n"), &mut sink).unwrap();
    match lists.read(file("b", b"u1 a\nu1 b\n"), &mut sink) {
        Err(Error::Rescore(found)) => assert_eq!(found, returns("b", 1, "u1")),
        other => panic!("{other:?}"),
    }
    match lists.read(file("c", b"-1 -2 1 so\n"), &mut sink) {
        Err(Error::Rescore(RescoreError::OtherFormat {
            found, expected, ..
        })) => {
            assert_eq!(
                (found, expected),
                (NbestFormat::Srilm, NbestFormat::Mikolov)
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn blank_lines_are_refused_or_ignored() {
    for (format, text) in LISTS {
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        for blank in ["\n", " \t\r\n"] {
            for at in 0..=lines.len() {
                let mut broken = lines.clone();
                broken.insert(at, blank);
                let broken = broken.concat();
                let expected = RescoreError::Blank {
                    name: "dir/list".into(),
                    line: at as u64 + 1,
                };
                let found = flaw(read(&ListOptions::default(), &broken));
                assert_eq!(found, expected, "{format}");
                let options = ListOptions {
                    skip_blank: true,
                    ..ListOptions::default()
                };
                let skipped = read(&options, &broken).unwrap();
                let whole = read(&options, text).unwrap();
                let words = |all: &[Utterance]| -> Vec<String> {
                    let texts = |u: &Utterance| u.hypotheses.clone().into_iter().map(|h| h.text);
                    all.iter().flat_map(texts).collect()
                };
                assert_eq!(words(&skipped), words(&whole), "{format}");
            }
        }
    }
}

#[test]
fn lists_without_hypotheses_and_headers_are_refused() {
    let empty = |text: &str, skip_blank| {
        let options = ListOptions {
            skip_blank,
            ..ListOptions::default()
        };
        matches!(
            flaw(read(&options, text)),
            RescoreError::NoHypothesis { .. }
        )
    };
    let nothing = read(&ListOptions::default(), "");
    assert!(matches!(nothing, Err(Error::Text(TextError::Empty(_)))));
    assert!(empty("\n\n", true) && empty("NBestList1.0\n", false));
    assert!(empty("NBestList1.0\nNBestList1.0\n(-1) a\n", false));
    let given = ListOptions {
        format: Some(NbestFormat::Nbestlist1),
        ..ListOptions::default()
    };
    let found = flaw(read(&given, "(-1) a\n")).to_string();
    assert!(found.contains("header NBestList1.0 is missing"), "{found}");
}

#[test]
fn a_flaw_is_named_with_its_line() {
    let text = "-12.5 -3.25 2 the king\n-13 three 3 the king was\n";
    let given = ListOptions {
        format: Some(NbestFormat::Srilm),
        ..ListOptions::default()
    };
    let found = flaw(read(&given, text)).to_string();
    assert!(
        found.starts_with("dir/list, line 2: the score 'three'"),
        "{found}"
    );
    assert!(found.contains("srilm has lines such as"), "{found}");
    // Bytes that are no UTF-8 are refused by the reader of texts, or replaced.
    let mut lists = NbestLists::new(ListOptions::default());
    let bytes = b"u1 the k\xffng\n";
    let mut sink = |_| Ok::<(), Error>(());
    let found = lists.read(file("list", bytes), &mut sink).unwrap_err();
    assert!(matches!(found, Error::Text(TextError::InvalidUtf8 { .. })));
    let mut options = ListOptions::default();
    options.read.lossy = true;
    let mut lists = NbestLists::new(options);
    let mut text = String::new();
    let mut sink = |u: Utterance| {
        text = u.hypotheses[0].text.clone();
        Ok::<(), Error>(())
    };
    lists.read(file("list", bytes), &mut sink).unwrap();
    assert_eq!(text, "the k\u{fffd}ng");
}

#[test]
fn ignored_words_are_in_the_line_only() {
    let options = ListOptions {
        ignored: vec!["-pau-".into(), "</s>".into()],
        ..ListOptions::default()
    };
    let text = "u1 -pau- the king </s>\nu1 -pau-\n";
    let found = read(&options, text).unwrap();
    let hypotheses = &found[0].hypotheses;
    let words = |i: usize| (&hypotheses[i].text[..], hypotheses[i].words);
    assert_eq!((words(0), words(1)), (("the king", 2), ("", 0)));
    assert_eq!(found[0].lines(0..2), text);
}

#[test]
fn long_lists_are_recognised_by_their_beginning() {
    let line = |i: usize| format!("utt{} the king number {i} was calm\n", i / 100);
    let text: String = (0..5000).map(line).collect();
    assert!(text.len() > 2 * LOOKED_AT);
    let found = read(&ListOptions::default(), &text).unwrap();
    assert_eq!(found.len(), 50);
    assert!(found.iter().all(|u| u.hypotheses.len() == 100));
}

#[test]
fn any_bytes_are_refused_or_written_as_they_were() {
    let mut stream = Stream::new(key(9, Site::Laboratory, 0));
    let pieces = [
        "\n",
        "\r\n",
        " ",
        "(",
        ")",
        "|||",
        " ||| ",
        "=",
        "-",
        "-1",
        "1",
        "nan",
        "u1",
        "u2-7",
        "st:",
        "NBestList1.0\n",
    ];
    let (mut refused, mut read_again) = (0, 0);
    for round in 0..6000 {
        let mut text = LISTS[round % LISTS.len()].1.to_owned();
        for _ in 0..1 + stream.below(3) {
            let at = stream.below(text.len() as u32 + 1) as usize;
            let to = (at + stream.below(6) as usize).min(text.len());
            let with = pieces[stream.below(pieces.len() as u32) as usize];
            let with = if stream.below(3) == 0 { "" } else { with };
            text.replace_range(at..to, with);
        }
        let format = match stream.below(2) {
            0 => None,
            _ => Some(NbestFormat::ALL[stream.below(6) as usize]),
        };
        let options = ListOptions {
            format,
            ..ListOptions::default()
        };
        let Ok(utterances) = read(&options, &text) else {
            refused += 1;
            continue;
        };
        read_again += 1;
        let lines = utterances.iter().map(|u| u.lines(0..u.hypotheses.len()));
        let written: String = lines.collect();
        assert_eq!(written.trim_end_matches('\n'), text.trim_end_matches('\n'));
        for utterance in &utterances {
            for hypothesis in &utterance.hypotheses {
                let words = hypothesis.text.split(' ').filter(|word| !word.is_empty());
                assert_eq!(words.count(), hypothesis.words);
                assert!(hypothesis.score.is_finite() && hypothesis.lm_score.is_finite());
                let rewritten = utterance.format.with_scores(hypothesis, -1.0, -2.0);
                assert_eq!(rewritten.is_some(), utterance.format.has_scores());
            }
        }
    }
    assert!(
        refused > 1000 && read_again > 1000,
        "{refused} {read_again}"
    );
}
