//! `elman rescore`: every format, the traps of n-best lists, scores that are those of `elman score`, and word error rates that go down.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

mod channel;

use crate::common::{Room, stderr};
use crate::score::room;
use channel::Channel;
use std::io::Write;

/// The lines of the list with `count` hypotheses that share prefixes.
const LIST: &str = "\
u1 the king was calm
u1 the king went up
u1 the sheep was calm
u1
u2 a king was calm
u2 a king was
";

fn with_list() -> Room {
    let room = room();
    room.write("list", LIST);
    room
}

fn rescore(room: &Room, args: &[&str]) -> String {
    room.stdout(&[&["rescore", "small.arpa"], args].concat())
}

#[test]
fn scores_are_those_of_elman_score_under_every_model() {
    let room = with_list();
    room.train("words", "20", &[]);
    room.train("chars", "20", &["--vocab", "chars"]);
    let sentences = [
        "train",
        "text.txt",
        "--run",
        "sentences",
        "--steps",
        "20",
        "--hidden",
        "8",
        "--threads",
        "1",
        "--layout",
        "sentences",
    ];
    room.elman(&sentences).assert().success();
    room.train("bpe", "20", &["--vocab", "bpe:300"]);
    room.train("fields", "20", &["--vocab", "fields"]);
    let texts: String = LIST
        .lines()
        .map(|line| {
            line.split_once(' ')
                .map_or("", |(_, words)| words)
                .to_owned()
                + "\n"
        })
        .collect();
    room.write("texts", &texts);
    for model in [
        &["small.arpa"][..],
        &["words"],
        &["chars"],
        &["bpe"],
        &["fields"],
        &["sentences"],
        &["words", "--mix", "cache:50:0.3"],
    ] {
        for more in [&[][..], &["--no-end"]] {
            let scores = [&["rescore"], model, &["list", "--format", "scores"], more].concat();
            let plain = [&["score"], model, &["texts", "--format", "plain"], more].concat();
            let (scores, plain) = (room.stdout(&scores), room.stdout(&plain));
            let numbers = |text: &str| -> Vec<f64> {
                text.lines().map(|line| line.parse().unwrap()).collect()
            };
            let (scores, plain) = (numbers(&scores), numbers(&plain));
            assert_eq!(scores.len(), 6);
            for (found, expected) in scores.iter().zip(&plain) {
                assert!(
                    (found - expected).abs() <= 1e-6,
                    "{model:?} {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn the_best_hypothesis_comes_first_in_every_format() {
    let room = with_list();
    let columns = |line: &str, n: usize| -> Vec<String> {
        line.split('\t').take(n).map(str::to_owned).collect()
    };
    let table = rescore(&room, &["list", "--format", "tsv"]);
    let mut lines = table.lines();
    assert_eq!(
        lines.next().unwrap(),
        "id\trank\thypothesis\ttotal\tlist_score\tlist_lm\tlog10_p\twords\toov\ttext"
    );
    let rows: Vec<Vec<String>> = lines.map(|line| columns(line, 10)).collect();
    // The log10 p of the first line is KenLM's.
    let first = rows
        .iter()
        .find(|row| row[9] == "the king was calm")
        .unwrap();
    assert_eq!((&first[6][..], &first[7][..]), ("-3.108678", "4"));
    let json: Vec<serde_json::Value> = rescore(&room, &["list", "--json"])
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(json.len(), rows.len());
    for (row, json) in rows.iter().zip(&json) {
        assert_eq!(row[0], json["id"].as_str().unwrap());
        assert!((row[3].parse::<f64>().unwrap() - json["total"].as_f64().unwrap()).abs() < 1e-6);
    }
    // The order of the rows is that of the totals, of the list and of the best.
    let expected: String = rows
        .iter()
        .map(|row| format!("{} {}", row[0], row[9]).trim_end().to_owned() + "\n")
        .collect();
    assert_eq!(rescore(&room, &["list"]), expected);
    let best = rescore(&room, &["list", "--format", "best", "--word-penalty", "3"]);
    assert_eq!(best, "u1 the king went up\nu2 a king was calm\n");
    let best = rescore(&room, &["list", "--format", "best", "--word-penalty", "-9"]);
    assert_eq!(best, "u1\nu2 a king was\n");
    // Compressed, from standard input, and with carriage returns.
    let output = room
        .elman(&["rescore", "small.arpa", "-", "--quiet"])
        .write_stdin(LIST.replace('\n', "\r\n"))
        .assert()
        .success();
    let stdout = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert_eq!(stdout, expected.replace('\n', "\r\n"));
    assert_eq!(stderr(output), "");
}

/// The same hypotheses in the formats with scores.
fn scored_lists(room: &Room) {
    room.write(
        "moses",
        "0 ||| a king ||| LM0= -3 ||| -1\n0 ||| the king was calm ||| LM0= -4 ||| -1.5\n1 ||| so ||| LM0= 1 ||| -1\n",
    );
    room.write(
        "srilm/u1",
        "-20 -3 2 a king\n-20.5 -4 4 the king was calm\n",
    );
    room.write("srilm/u2", "-20 -3 1 calm\n");
    room.write(
        "nbest1",
        "NBestList1.0\n(-100) a king\n(-110) the king was calm\n",
    );
    room.write(
        "nbest2",
        "NBestList2.0\n(-3) a ( st: 0 et: 1 g: -1 a: -2 )\n(-5) the ( st: 0 et: 1 g: -2 a: -3 )\n",
    );
}

#[test]
fn scores_of_the_list_take_part_and_are_replaced_if_asked() {
    let room = room();
    scored_lists(&room);
    // Without the model the list's own scores decide.
    let own = ["--lm-weight", "0"];
    for list in ["moses", "nbest1", "nbest2"] {
        let same = rescore(&room, &[&[list][..], &own].concat());
        assert_eq!(same, room.read(list), "{list}");
    }
    let moses = rescore(&room, &["moses", "--word-penalty", "1"]);
    assert!(moses.starts_with("0 ||| the king was calm ||| LM0= -4 ||| -1.5\n0 ||| a king"));
    let moses = rescore(&room, &["moses", "--word-penalty", "1", "--write-scores"]);
    let first = moses.lines().next().unwrap();
    // −1.5 − 3.108678 + 4
    assert!(
        first.starts_with("0 ||| the king was calm ||| LM0= -4 elman= -3.1086"),
        "{first}"
    );
    assert!(first.contains(" ||| -0.6086"), "{first}");
    let srilm = [
        "srilm",
        "-o",
        "out",
        "--write-scores",
        "--list-lm-weight",
        "0.5",
        "--word-penalty",
        "2",
    ];
    assert_eq!(rescore(&room, &srilm), "");
    let first = room.read("out/u1");
    assert!(first.starts_with("-20.5 -3.1086"), "{first}");
    assert!(first.ends_with(" 2 a king\n") && room.read("out/u2").ends_with(" 1 calm\n"));
    let error = room.fails(1, &["rescore", "small.arpa", "srilm", "-o", "out"]);
    assert!(error.contains("--force"), "{error}");
    rescore(
        &room,
        &["srilm", "-o", "out", "--force", "--list-weight", "0.1"],
    );
    assert_eq!(room.read("out/u2"), room.read("srilm/u2"));
    let nbest1 = rescore(&room, &["nbest1", "--write-scores", "--word-penalty", "2"]);
    assert!(
        nbest1.starts_with("NBestList1.0\n(0) the king was calm\n"),
        "{nbest1}"
    );
    // Several lists without a directory, and lists without a place for scores.
    let error = room.fails(2, &["rescore", "small.arpa", "srilm"]);
    assert!(error.contains("name a directory with -o"), "{error}");
    assert_eq!(
        rescore(&room, &["srilm", "--format", "best", "--word-penalty", "1"])
            .lines()
            .count(),
        2
    );
    room.write("list", LIST);
    let error = room.fails(2, &["rescore", "small.arpa", "list", "--write-scores"]);
    assert!(error.contains("no place for scores"), "{error}");
}

#[test]
fn scores_may_come_in_files_beside_the_lists() {
    let room = room();
    room.write("kaldi", "u-1 a king\nu-2 the king was calm\nv-1 so\n");
    room.write("costs", "u-1 20\nu-2 12\nv-1 3\n");
    room.write("lm", "-1\n-2\n-3\n");
    let list = ["kaldi", "--list-scores", "costs", "--list-lm-scores", "lm"];
    let weights = ["--list-weight", "-0.5", "--list-lm-weight", "2"];
    let more = ["--lm-weight", "0", "--format", "tsv"];
    let table = rescore(&room, &[&list[..], &weights, &more].concat());
    let totals: Vec<&str> = table
        .lines()
        .skip(1)
        .map(|row| row.split('\t').nth(3).unwrap())
        .collect();
    assert_eq!(totals, ["-10.000000", "-12.000000", "-7.500000"]);
    assert!(
        table.contains("u\t1\t2\t-10.000000\t12.000000\t-2.000000\t"),
        "{table}"
    );
    room.write("costs", "u-1 20\nu-2 12\n");
    let error = room.fails(1, &[&["rescore", "small.arpa"], &list[..]].concat());
    assert!(
        error.contains("costs has 2 scores, for 3 hypotheses"),
        "{error}"
    );
    room.write("costs", "u-1 20\nv-1 3\nu-2 12\n");
    let error = room.fails(1, &[&["rescore", "small.arpa"], &list[..]].concat());
    assert!(
        error.contains("costs, line 2: the score is that of 'v-1'"),
        "{error}"
    );
}

#[test]
fn lists_are_read_from_compressed_files_and_directories() {
    let room = with_list();
    let plain = rescore(&room, &["list"]);
    let zipped = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    room.write("list.gz", zipped(LIST));
    assert_eq!(rescore(&room, &["list.gz"]), plain);
    let frame = b"\x28\xb5\x2f\xfd\x04\x58\xa1\0\0a line\nanother line\n\x22\x8f\x1e\x01";
    room.write("list.zst", frame);
    let zst = rescore(&room, &["list.zst", "--input-format", "mikolov"]);
    assert_eq!(zst, "a line\nanother line\n");
    room.write("lists/b.gz", zipped("-2 -1 1 so\n"));
    room.write("lists/a.score.gz", zipped("-2 -1 1 a\n-2.5 -1 2 a king\n"));
    rescore(&room, &["lists", "-o", "out"]);
    assert_eq!(room.read("out/b"), "-2 -1 1 so\n");
    assert!(room.read("out/a.score").starts_with("-2"));
    let best = rescore(&room, &["lists", "--format", "best", "--word-penalty", "9"]);
    assert_eq!(best, "a a king\nb so\n");
    room.write("references", "b so\na a king\n");
    let wer = [
        "lists",
        "--references",
        "references",
        "--format",
        "wer",
        "--word-penalty",
        "9",
    ];
    assert!(rescore(&room, &wer).contains("after       WER 0.00 %"));
    // One list needs no directory.
    let one = rescore(&room, &["lists/b.gz"]);
    assert_eq!(one, "-2 -1 1 so\n");
    elman::store::disk::create_dir_all(&room.path("empty")).unwrap();
    let error = room.fails(2, &["rescore", "small.arpa", "empty"]);
    assert!(error.contains("without files"), "{error}");
}

#[test]
fn traps_are_refused_with_their_lines() {
    let room = room();
    let error = |list: &str, more: &[&str]| {
        room.write("list", list);
        room.fails(1, &[&["rescore", "small.arpa", "list"], more].concat())
    };
    for (list, more, part) in [
        (
            "the king was calm\na king\n",
            &[][..],
            "list, line 1 begins with 'the'",
        ),
        ("u1 a\nthe king\nu1 b\n", &[], "line 2 begins with 'the'"),
        ("u1 a\n\nu1 b\n", &[], "--skip-blank ignores"),
        ("u1 a\nu2 b\nu1 c\n", &[], "line 3: utterance 'u1' returns"),
        (
            "-1.5 -2 1 a\n-1.5 x 1 a\n",
            &["--input-format", "srilm"],
            "line 2: the score 'x'",
        ),
        (
            "-1.5 -2 1 a\nu1 1 b\n",
            &[],
            "line 2: the score 'u1' is no finite number (srilm",
        ),
        (
            "0 ||| a ||| f= 1 ||| -1\n0 ||| b ||| f= 1\n",
            &[],
            "line 2: 3 fields",
        ),
        ("", &[], "empty"),
        ("NBestList1.0\n", &[], "no hypothesis"),
    ] {
        let error = error(list, more);
        assert!(error.contains(part), "{error}");
    }
    room.write("list", b"u1 k\xffng\n");
    let said = room.fails(1, &["rescore", "small.arpa", "list"]);
    assert!(said.contains("UTF-8") && said.contains("--lossy"), "{said}");
    rescore(&room, &["list", "--lossy"]);
    // Keys of Kaldi whose numbers do not count on are taken for ids.
    room.write("list", "u-1 the king\nu-3 a king\n");
    let args = ["rescore", "small.arpa", "list"];
    let said = stderr(room.elman(&args).assert().success());
    assert!(
        said.contains("note: every utterance has one hypothesis"),
        "{said}"
    );
    let kaldi = [&args[..], &["--input-format", "kaldi"]].concat();
    let said = stderr(room.elman(&kaldi).assert().success());
    assert!(
        !said.contains("note:") && said.contains("1 utterance, 2 hypotheses"),
        "{said}"
    );
    // What may be asked for nevertheless.
    room.write("list", "the king\n\nthe sea\na king\n");
    let taken = [
        "list",
        "--skip-blank",
        "--input-format",
        "mikolov",
        "--format",
        "best",
    ];
    assert_eq!(rescore(&room, &taken).lines().count(), 2);
    let error = room.fails(2, &["rescore", "small.arpa", "list", "--format", "wer"]);
    assert!(error.contains("--references"), "{error}");
    room.write("list", LIST);
    let error = room.fails(
        1,
        &["rescore", "small.arpa", "list", "-o", "list", "--force"],
    );
    assert!(error.contains("is read here"), "{error}");
}

#[test]
fn a_thousand_hypotheses_cost_at_most_a_network_step_for_each_distinct_prefix() {
    let room = room();
    room.train("run", "10", &["--vocab", "fields"]);
    let (mut list, mut prefixes) = (String::new(), std::collections::HashSet::new());
    for i in 0..1000 {
        let words = [
            "The",
            ["king", "lamb", "people"][i % 3],
            ["went", "spoke"][i / 3 % 2],
        ];
        let mut hypothesis: Vec<String> = words.map(str::to_owned).to_vec();
        hypothesis.extend((0..i % 17).map(|j| format!("word{}", (i * j) % 5)));
        list += &format!("u1 {}\n", hypothesis.join(" "));
        // Unknown words are one token.
        let tokens = hypothesis
            .iter()
            .map(|word| match word.starts_with("word") {
                true => "<unk>".to_owned(),
                false => word.clone(),
            });
        let tokens: Vec<String> = tokens.collect();
        prefixes.extend((0..=tokens.len()).map(|n| tokens[..n].to_vec()));
    }
    room.write("list", &list);
    let args = [
        "rescore",
        "run",
        "list",
        "--report",
        "report.json",
        "-o",
        "out",
    ];
    let said = stderr(room.elman(&args).assert().success());
    let report: serde_json::Value = serde_json::from_str(&room.read("report.json")).unwrap();
    let steps = report["network_steps"].as_u64().unwrap();
    assert!(steps <= prefixes.len() as u64, "{steps} {}", prefixes.len());
    assert_eq!(report["distinct_prefixes"].as_u64().unwrap(), steps);
    assert_eq!(report["hypotheses"].as_u64(), Some(1000));
    assert!(report["tokens"].as_u64().unwrap() > 20 * steps, "{report}");
    assert!(said.contains(&format!("{steps} network steps")), "{said}");
}

#[test]
fn short_lists_are_scored_together_and_written_apart() {
    let room = room();
    room.train("run", "10", &["--vocab", "fields"]);
    let words = ["The", "king", "spoke", "of", "people", "sea"];
    let (mut list, mut texts) = (String::new(), String::new());
    for i in 0..700 {
        let text: Vec<&str> = (0..i % 5).map(|j| words[(i * 7 + j * i / 3) % 6]).collect();
        let text = text.join(" ");
        room.write(
            &format!("lists/u{i:03}"),
            format!("-{i}.5 -1 {} {text}\n", i % 5),
        );
        list += &format!("u{i} {text}\n");
        texts += &format!("{text}\n");
    }
    room.write("list", &list);
    room.write("texts", &texts);
    let plain = room.stdout(&["score", "run", "texts", "--format", "plain"]);
    let scores = ["--format", "scores", "--report", "report.json"];
    assert_eq!(
        room.stdout(&[&["rescore", "run", "list"], &scores[..]].concat()),
        plain
    );
    let report: serde_json::Value = serde_json::from_str(&room.read("report.json")).unwrap();
    // Hypotheses of different utterances share prefixes as well: the empty one at least.
    assert!(
        report["network_steps"].as_u64() < report["tokens"].as_u64(),
        "{report}"
    );
    room.stdout(&["rescore", "run", "lists", "-o", "out", "--write-scores"]);
    for (i, score) in plain.lines().enumerate() {
        let line = room.read(&format!("out/u{i:03}"));
        let found: f64 = line.split(' ').nth(1).unwrap().parse().unwrap();
        assert!(
            (found - score.parse::<f64>().unwrap()).abs() < 1e-6,
            "{line}"
        );
    }
}

#[test]
fn history_is_carried_after_the_first_hypothesis() {
    let room = room();
    room.train("run", "20", &["--vocab", "fields"]);
    room.write("list", "u1 The king\nu1 A lamb\nu2 spoke of the sea\n");
    let scores = |more: &[&str]| -> Vec<f64> {
        let args = [&["rescore", "run", "list", "--format", "scores"], more].concat();
        let lines = room.stdout(&args);
        lines.lines().map(|line| line.parse().unwrap()).collect()
    };
    let (apart, carried) = (scores(&[]), scores(&["--carry-history"]));
    assert_eq!(apart[..2], carried[..2]);
    // As a text of the first hypotheses.
    room.write("text", "The king\nspoke of the sea\n");
    let text = room.stdout(&["score", "run", "text", "--continuous", "--format", "plain"]);
    let text: Vec<f64> = text.lines().map(|line| line.parse().unwrap()).collect();
    assert!((carried[2] - text[1]).abs() < 1e-6, "{carried:?} {text:?}");
    assert!(
        (carried[2] - apart[2]).abs() > 1e-4,
        "{carried:?} {apart:?}"
    );
}

/// Writes `lm.bin`, a 3-gram model of lines of the King James Bible, and for other lines the n-best lists `dev.nbest` and `test.nbest` with `dev.ref` and `test.ref`.
pub fn noisy_lists(room: &Room) {
    let kjv = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/kjv.txt");
    let kjv = std::fs::read_to_string(kjv).unwrap();
    let lines: Vec<&str> = kjv
        .lines()
        .filter(|line| line.split(' ').count() > 4)
        .collect();
    let (train, rest) = lines.split_at(20_000);
    room.write("train.txt", train.join("\n"));
    let channel = Channel::new(train);
    let (dev, test) = (&rest[1000..1100], &rest[3000..3120]);
    for (name, lines, seed) in [("dev", dev, 1), ("test", test, 2)] {
        let (list, references) = channel.lists(lines, 20, seed);
        room.write(&format!("{name}.nbest"), &list);
        room.write(&format!("{name}.ref"), &references);
    }
    let ngram = [
        "ngram",
        "train",
        "train.txt",
        "--order",
        "3",
        "-o",
        "lm.bin",
    ];
    room.stdout(&ngram);
}

#[test]
fn rescoring_lowers_the_word_error_rate_of_a_noisy_channel() {
    let room = Room::new();
    noisy_lists(&room);
    let tuned = room.stdout(&[
        "rescore",
        "lm.bin",
        "dev.nbest",
        "--references",
        "dev.ref",
        "--tune",
        "-o",
        "weights.json",
        "--resamples",
        "999",
    ]);
    assert!(
        tuned.starts_with("weights     --list-weight 1 --list-lm-weight 0 --lm-weight "),
        "{tuned}"
    );
    let report = |more: &[&str]| -> serde_json::Value {
        let args = [
            &[
                "rescore",
                "lm.bin",
                "test.nbest",
                "--references",
                "test.ref",
                "--format",
                "wer",
            ][..],
            &["--report", "report.json", "--force", "--resamples", "999"],
            more,
        ];
        let shown = room.stdout(&args.concat());
        assert!(shown.contains("\noracle      WER "), "{shown}");
        serde_json::from_str(&room.read("report.json")).unwrap()
    };
    let found = report(&["--weights-file", "weights.json"]);
    let rate = |name: &str| found["error_rates"][name]["rate"].as_f64().unwrap();
    let (before, after, oracle) = (rate("before"), rate("after"), rate("oracle"));
    assert!(after < 0.8 * before && oracle <= after, "{found}");
    let significance = &found["error_rates"]["significance"];
    assert!(significance["p_value"].as_f64().unwrap() < 0.01, "{found}");
    // The printed options are the saved weights.
    let options = tuned.lines().next().unwrap().split_whitespace().skip(1);
    let again = report(&options.collect::<Vec<_>>());
    assert_eq!(again["error_rates"]["after"], found["error_rates"]["after"]);
    // Tuned weights are no worse than the default ones where they were tuned.
    let (list, references) = (room.read("dev.nbest"), room.read("dev.ref"));
    room.write("test.nbest", list);
    room.write("test.ref", references);
    let default = report(&[]);
    let tuned = report(&["--weights-file", "weights.json"]);
    let errors = |report: &serde_json::Value| {
        let after = &report["error_rates"]["after"];
        let kinds = ["substitutions", "insertions", "deletions"];
        kinds
            .map(|kind| after[kind].as_u64().unwrap())
            .iter()
            .sum::<u64>()
    };
    assert!(errors(&tuned) < errors(&default), "{tuned} {default}");
}

#[test]
fn references_may_lack_nothing() {
    let room = with_list();
    room.write("refs", "u1 the king was calm\n");
    let args = ["rescore", "small.arpa", "list", "--references", "refs"];
    let error = room.fails(1, &args);
    assert!(error.contains("no line for utterance 'u2'"), "{error}");
    room.write("refs", "the king was calm\na king\nso\n");
    let error = room.fails(1, &args);
    assert!(
        error.contains("3 references were given in order, for 2 utterances"),
        "{error}"
    );
    room.write("refs", "the king was calm\na king\n");
    let shown = rescore(&room, &["list", "--references", "refs", "--format", "wer"]);
    assert!(shown.starts_with("utterances  2, 6 words\n"), "{shown}");
    assert!(
        shown.contains(
            "before      WER 33.33 %: 2 errors (0 substitutions, 2 insertions, 0 deletions)"
        ),
        "{shown}"
    );
    let ignored = rescore(
        &room,
        &[
            "list",
            "--references",
            "refs",
            "--format",
            "wer",
            "--ignore",
            "was,calm",
        ],
    );
    assert!(ignored.contains("before      WER 0.00 %"), "{ignored}");
    room.write("weights.json", "{\"lm_wait\": 1}");
    let error = room.fails(
        1,
        &[
            "rescore",
            "small.arpa",
            "list",
            "--weights-file",
            "weights.json",
        ],
    );
    assert!(error.contains("holds no weights"), "{error}");
}

#[test]
fn unknown_words_cost_what_the_options_say() {
    let room = room();
    room.write("list", "u1 the king was grim\nu1 the king was calm\n");
    let args = [
        "rescore",
        "small.arpa",
        "list",
        "--format",
        "jsonl",
        "--report",
        "report.json",
        "--force",
    ];
    let rows = |more: &[&str]| -> Vec<serde_json::Value> {
        let shown = room.stdout(&[&args[..], more].concat());
        let mut rows: Vec<serde_json::Value> = shown
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        rows.sort_by_key(|row| row["hypothesis"].as_u64());
        rows
    };
    let total = |row: &serde_json::Value| row["total"].as_f64().unwrap();
    let plain = rows(&[]);
    assert_eq!(
        (plain[0]["oov"].as_u64(), plain[1]["oov"].as_u64()),
        (Some(1), Some(0))
    );
    let report: serde_json::Value = serde_json::from_str(&room.read("report.json")).unwrap();
    assert_eq!(report["oov"].as_u64(), Some(1));
    let charged = rows(&["--unk-penalty", "-2.5"]);
    assert!((total(&charged[0]) - total(&plain[0]) + 2.5).abs() < 1e-12);
    assert_eq!(total(&charged[1]), total(&plain[1]));
    // Without <unk> in log10 p, as `elman score` has it.
    let excluded = rows(&["--oov", "exclude"]);
    room.write("text", "the king was grim\n");
    let score = [
        "score",
        "small.arpa",
        "text",
        "--format",
        "plain",
        "--oov",
        "exclude",
    ];
    let expected: f64 = room.stdout(&score).trim().parse().unwrap();
    assert!((excluded[0]["log10_p"].as_f64().unwrap() - expected).abs() < 1e-6);
    assert!(total(&excluded[0]) > total(&plain[0]));
}

#[test]
fn a_list_that_fails_leaves_no_output() {
    let room = room();
    room.write("list", "u1 the king\nu2 so\nu1 a king\n");
    room.fails(1, &["rescore", "small.arpa", "list", "-o", "out"]);
    assert!(!room.path("out").exists());
    room.write("list", LIST);
    let same = [
        "rescore",
        "small.arpa",
        "list",
        "-o",
        "out",
        "--report",
        "out",
    ];
    let error = room.fails(2, &same);
    assert!(error.contains("give two names"), "{error}");
    let error = room.fails(2, &["rescore", "small.arpa", "list", "--resamples", "3"]);
    assert!(error.contains("resamples"), "{error}");
    let directory = [
        "rescore",
        "small.arpa",
        "list",
        "-o",
        ".",
        "--format",
        "best",
    ];
    let error = room.fails(1, &directory);
    assert!(error.contains("is a directory"), "{error}");
    // Tuning prints weights and no lists.
    room.write("refs", "u1 the king was calm\nu2 a king was calm\n");
    let tune = [
        "rescore",
        "small.arpa",
        "list",
        "--references",
        "refs",
        "--tune",
    ];
    let error = room
        .elman(&[&tune[..], &["--format", "best"]].concat())
        .assert()
        .code(2);
    assert!(stderr(error).contains("cannot be used with"), "no conflict");
    assert!(
        room.stdout(&tune)
            .starts_with("weights     --list-weight 1 ")
    );
}
