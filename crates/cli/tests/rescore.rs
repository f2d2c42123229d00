//! `elman rescore`: scores that are those of `elman score`, the order that they give, and what they cost; `lists` and `word_errors` have more.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

mod channel;
mod lists;
mod word_errors;

use crate::common::{Room, stderr};
use crate::score::room;
pub use word_errors::noisy_lists;

/// Two utterances, whose hypotheses share prefixes.
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
