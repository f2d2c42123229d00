//! `elman score`: every shape, held against KenLM and the arithmetic of SRILM.
//!
//! `score/small.arpa` is a model of six sentences, made by KenLM's `lmplz -o 3 --discount_fallback`; what its `query` and its Python module
//! say of `score/small.txt` is written down here.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::{Room, stderr};
use predicates::str::contains;

const ARPA: &str = include_str!("score/small.arpa");
pub const TEXT: &str = include_str!("score/small.txt");

/// What `query small.arpa < text` prints, ids aside.
const QUERY: &str = "\
the 2 -0.20881896\tking 3 -0.5249932\twas 2 -1.141808\tcalm 2 -1.0857109\t</s> 3 -0.14734676\tTotal: -3.1086776 OOV: 0
a 2 -1.0598148\tsheep 1 -1.833529\twent 1 -1.1444238\tup 2 -0.7440728\tto 3 -0.44406208\tthe 3 -0.21023066\tsea 3 -0.31626502\t</s> 3 -0.33779904\tTotal: -6.090198 OOV: 1
</s> 1 -1.3948026\tTotal: -1.3948026 OOV: 0
king 1 -1.6245506\tking 1 -1.3280683\tking 1 -1.3280683\t</s> 2 -0.7106716\tTotal: -4.9913588 OOV: 0
";

/// What the Python `kenlm` says of each line: score, score with eos=False, perplexity.
const PYTHON: [[f64; 3]; 4] = [
    [-3.108677625656128, -2.9613308906555176, 4.185386075731221],
    [-6.090198040008545, -5.75239896774292, 5.7713146827958575],
    [-1.3948025703430176, 0.0, 24.820045330424417],
    [-4.991358757019043, -4.28068733215332, 17.694556801131025],
];

/// With `small.arpa` and `q.txt`.
pub fn room() -> Room {
    let room = Room::new();
    room.write("small.arpa", ARPA);
    room.write("q.txt", TEXT);
    room
}

fn score(room: &Room, more: &[&str]) -> String {
    room.stdout(&[&["score", "small.arpa", "q.txt"], more].concat())
}

fn numbers(text: &str) -> Vec<f64> {
    text.split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect()
}

fn assert_close(found: &[f64], expected: &[f64]) {
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-5, "{found} for {expected}");
    }
}

#[test]
fn kenlm_s_query_prints_the_same() {
    let room = room();
    let shown = score(&room, &["--format", "kenlm"]);
    let (lines, summary) = shown.split_once("Perplexity").unwrap();
    // Ids are the model's own.
    let without_ids: String = lines
        .split_inclusive(['\t', '\n'])
        .map(|part| match part.split_once('=') {
            Some((word, rest)) => format!("{word} {}", rest.split_once(' ').unwrap().1),
            None => part.to_owned(),
        })
        .collect();
    for (found, expected) in without_ids
        .split(['\t', '\n'])
        .zip(QUERY.split(['\t', '\n']))
    {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        for (found, expected) in words(found).into_iter().zip(words(expected)) {
            match (found.parse::<f64>(), expected.parse::<f64>()) {
                (Ok(found), Ok(expected)) => assert_close(&[found], &[expected]),
                _ => assert_eq!(found, expected),
            }
        }
    }
    assert_eq!(without_ids.lines().count(), QUERY.lines().count());
    let summary: Vec<f64> = summary
        .lines()
        .map(|line| line.split_once('\t').unwrap().1.parse().unwrap())
        .collect();
    assert_close(&summary, &[7.342355166648002, 6.440391010516572, 1.0, 18.0]);
    // -v sentence and -v summary.
    let sentences = score(&room, &["--format", "kenlm", "--per", "sentence"]);
    assert!(sentences.starts_with("Total: -3.1086"), "{sentences}");
    let summary = score(&room, &["--format", "kenlm", "--per", "text"]);
    assert_eq!(summary.lines().count(), 4, "{summary}");
}

#[test]
fn scores_are_those_of_the_python_module() {
    let room = room();
    let expected = |i: usize| PYTHON.map(|line| line[i]);
    let plain = |more: &[&str]| numbers(&score(&room, &[&["--format", "plain"], more].concat()));
    assert_close(&plain(&[]), &expected(0));
    assert_close(&plain(&["--no-end"]), &expected(1));
    let nats = plain(&["--unit", "nats"]);
    assert_close(
        &nats,
        &expected(0).map(|log10| log10 * std::f64::consts::LN_10),
    );
    assert_close(
        &plain(&["--unit", "bits"]),
        &expected(0).map(|log10| log10 * 10f64.log2()),
    );
    let table = score(&room, &[]);
    let (header, rows) = table.split_once('\n').unwrap();
    assert_eq!(header, "line\tlog10_p\ttokens\twords\toov\tzeros\tppl");
    for (row, expected) in rows.lines().zip(PYTHON) {
        let row = numbers(row);
        assert_close(&[row[1], row[6]], &[expected[0], expected[2]]);
    }
    assert!(
        rows.starts_with("1\t-3.108678\t5\t4\t0\t0\t4.185386\n"),
        "{rows}"
    );
    // The binary form is the same model.
    room.stdout(&["ngram", "convert", "small.arpa", "small.bin"]);
    assert_eq!(room.stdout(&["score", "small.bin", "q.txt"]), table);
}

#[test]
fn srilm_s_figures_leave_unknown_words_out() {
    let room = room();
    // W = 14, O = 1, S = 3: the blank line is no sentence.
    let log10 = PYTHON[0][0] + PYTHON[1][0] + PYTHON[3][0];
    let known = log10 + 1.833529;
    let shown = score(&room, &["--format", "srilm"]);
    let (counts, _) = shown.split_once('\n').unwrap();
    assert_eq!(counts, "file q.txt: 3 sentences, 14 words, 1 OOVs");
    let figures = |text: &str| -> Vec<f64> {
        let names = ["logprob=", "ppl=", "ppl1="];
        let after = |name: &str| text.split_once(name).unwrap().1.trim_start();
        names
            .iter()
            .map(|name| {
                after(name)
                    .split_whitespace()
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect()
    };
    let expected = |log10: f64, words: f64| {
        [
            log10,
            10f64.powf(-log10 / (words + 3.0)),
            10f64.powf(-log10 / words),
        ]
    };
    let found = figures(&shown);
    assert_close(&found, &expected(known, 13.0));
    // With -unk they are words.
    let open = score(&room, &["--format", "srilm", "--oov", "include"]);
    assert!(open.starts_with("file q.txt: 3 sentences, 14 words, 0 OOVs\n0 zeroprobs, logprob= "));
    assert_close(&figures(&open), &expected(log10, 14.0));
}

#[test]
fn srilm_s_levels_print_sentences_and_words() {
    let room = room();
    let shown = score(&room, &["--format", "srilm", "--per", "token"]);
    let first = "\
the king was calm
\tp( the | <s> ) \t= [2gram] 0.6182741 [ -0.208819 ]
\tp( king | the ...) \t= [3gram] 0.2985429 [ -0.5249932 ]
\tp( was | king ...) \t= [2gram] 0.07214263 [ -1.141808 ]
\tp( calm | was ...) \t= [2gram] 0.08208978 [ -1.085711 ]
\tp( </s> | calm ...) \t= [3gram] 0.7122841 [ -0.1473468 ]
1 sentences, 4 words, 0 OOVs
0 zeroprobs, logprob= -3.108678 ppl= 4.185386 ppl1= 5.986451

a sheep went up to the sea
";
    assert!(shown.starts_with(first), "{shown}");
    assert!(shown.contains("\tp( <unk> | a ...) \t= [OOV] 0 [ -inf ]\n\tp( went | <unk> ...)"));
    let sentences = score(&room, &["--format", "srilm", "--per", "sentence"]);
    assert!(sentences.starts_with("the king was calm\n1 sentences, 4 words, 0 OOVs\n"));
    assert!(sentences.ends_with(&score(&room, &["--format", "srilm"])));
}

#[test]
fn json_lines_hold_everything() {
    let room = room();
    let shown = score(&room, &["--json", "--per", "token", "--with-text"]);
    let lines: Vec<serde_json::Value> = shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    let second = &lines[1];
    assert_eq!((&second["line"], &second["oov"]), (&2.into(), &1.into()));
    assert_eq!(second["text"], "a sheep went up to the sea");
    let tokens = second["per_token"].as_array().unwrap();
    assert_eq!(
        (&tokens[1]["token"], &tokens[1]["oov"], &tokens[1]["ngram"]),
        (&"sheep".into(), &1.into(), &1.into())
    );
    let sum: f64 = tokens
        .iter()
        .map(|token| token["log10_p"].as_f64().unwrap())
        .sum();
    assert!((sum - second["log10_p"].as_f64().unwrap()).abs() < 1e-9);
    let csv = score(
        &room,
        &["--format", "csv", "--with-text", "--oov", "exclude"],
    );
    assert!(
        csv.starts_with("line,log10_p,tokens,words,oov,zeros,ppl,text\n"),
        "{csv}"
    );
    let whole = score(&room, &["--json", "--per", "text"]);
    let whole: serde_json::Value = serde_json::from_str(&whole).unwrap();
    assert_eq!((&whole["lines"], &whole["tokens"]), (&4.into(), &18.into()));
}

#[test]
fn every_model_scores_lines_from_files_and_pipes() {
    let room = Room::new();
    room.train("run", "5", &["--vocab", "fields"]);
    room.stdout(&[
        "ngram",
        "train",
        "text.txt",
        "-o",
        "lm.bin",
        "--vocab-from",
        "run",
    ]);
    let network = numbers(&room.stdout(&["score", "run", "other.txt", "-f", "plain"]));
    let ngram = numbers(&room.stdout(&["score", "lm.bin", "other.txt", "-f", "plain"]));
    let args = [
        "score",
        "run",
        "other.txt",
        "-f",
        "plain",
        "--mix",
        "lm.bin:0.4",
        "--mix",
        "cache:9:0.1",
    ];
    let mixed = numbers(&room.stdout(&args));
    assert_eq!((network.len(), mixed.len()), (7, 7));
    assert!(
        mixed
            .iter()
            .zip(&network)
            .any(|(mixed, alone)| mixed > alone)
    );
    assert!(ngram.iter().all(|log10| *log10 < 0.0));
    // Batches, pipes and compression change nothing.
    let frame = b"\x28\xb5\x2f\xfd\x04\x58\xa1\0\0a line\nanother line\n\x22\x8f\x1e\x01";
    room.write("two.txt.zst", frame);
    room.write("two.txt", "a line\nanother line\n");
    let two = |text: &str| room.stdout(&["score", "run", text, "-f", "plain"]);
    assert_eq!(two("two.txt.zst"), two("two.txt"));
    assert_eq!(two("two.txt").lines().count(), 2);
    let piped = room
        .elman(&["score", "run", "-f", "plain", "-B", "1"])
        .write_stdin(room.read("other.txt"))
        .assert()
        .success();
    let piped = String::from_utf8(piped.get_output().stdout.clone()).unwrap();
    assert_eq!(numbers(&piped), network);
    // In the context of all lines, the sum is that of an evaluation.
    let stream = room.json(&[
        "score",
        "run",
        "other.txt",
        "--continuous",
        "--json",
        "--per",
        "text",
        "--unit",
        "nats",
    ]);
    let eval = room.json(&["eval", "run", "other.txt", "--layout", "stream", "--json"]);
    let nats = |value: &serde_json::Value| value.as_f64().unwrap();
    assert!((nats(&stream["ln_p"]) + nats(&eval["total_nats"])).abs() < 1e-9);
    assert_eq!(stream["tokens"], eval["tokens"]);
    for (more, said) in [
        (
            &["--mix", "lm.bin:0.7", "--mix", "cache:5:0.3"][..],
            "nothing is left for run",
        ),
        (&["--format", "kenlm", "--unit", "bits"], "leave --unit out"),
        (
            &["--format", "plain", "--with-text"],
            "choose tsv, csv or jsonl",
        ),
        (&["--per", "token", "--with-text"], "--per sentence"),
        (
            &["--skip-symbols", "lm.bin"],
            "is an n-gram model, not a text",
        ),
        (&["--batch-size", "0"], "batch-size"),
    ] {
        let args = [&["score", "run", "other.txt"], more].concat();
        let error = room.fails(2, &args);
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn subwords_and_characters_end_their_lines() {
    let room = Room::new();
    for kind in ["chars", "words", "bpe:280", "bytes"] {
        room.train(kind, "2", &["--vocab", kind]);
        let text = room.stdout(&["score", kind, "other.txt", "--per", "token"]);
        let last = text.lines().last().unwrap();
        assert!(
            last.contains("\\n") || last.contains("\\x0a"),
            "{kind}: {last}"
        );
        let table = room.stdout(&["score", kind, "other.txt"]);
        let tokens: u64 = table
            .lines()
            .skip(1)
            .map(|row| row.split('\t').nth(2).unwrap().parse::<u64>().unwrap())
            .sum();
        assert_eq!(tokens as usize, text.lines().count() - 1, "{kind}");
    }
}

#[test]
fn a_file_is_written_as_a_whole_and_notes_are_no_output() {
    let room = room();
    let run = room
        .elman(&["score", "small.arpa", "q.txt", "-o", "scores.tsv"])
        .assert()
        .success();
    assert!(run.get_output().stdout.is_empty());
    assert_eq!(room.read("scores.tsv"), score(&room, &[]));
    let error = room.fails(1, &["score", "small.arpa", "q.txt", "-o", "scores.tsv"]);
    assert!(error.contains("--force"), "{error}");
    room.stdout(&[
        "score",
        "small.arpa",
        "q.txt",
        "-o",
        "scores.tsv",
        "--force",
    ]);
    let error = room.fails(
        1,
        &["score", "small.arpa", "q.txt", "-o", "q.txt", "--force"],
    );
    assert!(error.contains("would be overwritten"), "{error}");
    // A damaged text leaves no file.
    room.write("bad.txt", b"the king\n\xff\n");
    let error = room.fails(1, &["score", "small.arpa", "bad.txt", "-o", "new.tsv"]);
    assert!(
        error.contains("--lossy") && !room.path("new.tsv").exists(),
        "{error}"
    );
    room.write("crlf.txt", TEXT.replace('\n', "\r\n"));
    let run = room
        .elman(&["score", "small.arpa", "crlf.txt"])
        .assert()
        .success()
        .stdout(score(&room, &[]));
    assert!(stderr(run).contains("note: 4 CR LF line ends read as line ends"));
    room.elman(&["score", "--help"])
        .assert()
        .success()
        .stdout(contains("ngram -ppl"));
}

#[test]
fn a_model_that_is_mixed_in_is_not_overwritten() {
    let room = room();
    room.write("other.arpa", ARPA);
    for command in ["score", "surprisal"] {
        let args = [
            command,
            "small.arpa",
            "q.txt",
            "--mix",
            "other.arpa:0.3",
            "-o",
            "other.arpa",
            "--force",
        ];
        let error = room.fails(1, &args);
        assert!(error.contains("would be overwritten"), "{error}");
    }
    assert_eq!(room.read("other.arpa"), ARPA);
}

#[test]
fn zero_has_no_sign() {
    let room = room();
    room.write("empty.txt", "\n");
    for format in ["kenlm", "srilm"] {
        let args = [
            "score",
            "small.arpa",
            "empty.txt",
            "--no-end",
            "--format",
            format,
        ];
        let shown = room.stdout(&args);
        assert!(!shown.contains("-0"), "{shown}");
    }
}
