//! Search, constraints, log-probabilities and prompts in batches, as a person asks for them.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::Room;
use serde_json::Value;

/// A room with a network of words, one of white space, and an n-gram model.
fn room() -> Room {
    let room = Room::new();
    room.train("run", "30", &[]);
    room.train("ptb", "30", &["--vocab", "whitespace", "--cell", "gru"]);
    room.stdout(&["ngram", "train", "text.txt", "-o", "lm.bin", "--order", "3"]);
    room
}

const MODELS: [&str; 3] = ["run", "ptb", "lm.bin"];

fn json_lines(room: &Room, args: &[&str]) -> Vec<Value> {
    let out = room.stdout(&[&["generate"], args, &["--json"]].concat());
    out.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn near(a: &Value, b: f64) -> bool {
    (a.as_f64().unwrap() - b).abs() < 1e-9 * b.abs().max(1.0)
}

#[test]
fn the_best_texts_have_scores_and_a_beam_of_one_is_greedy() {
    let room = room();
    for model in MODELS {
        let args = [model, "--prompt", "The king", "-n", "6"];
        let with = |more: &[&str]| json_lines(&room, &[&args[..], more].concat());
        let found = with(&["--beam", "6", "--n-best", "4", "--logprobs"]);
        assert_eq!(found.len(), 4, "{model}");
        for (i, text) in found.iter().enumerate() {
            assert_eq!(text["rank"], 1 + i as u64);
            let (logprob, total) = (
                &text["logprob"],
                text["logprobs"]["total"].as_f64().unwrap(),
            );
            assert!(near(logprob, total));
            let n = text["tokens"].as_array().unwrap().len() as f64;
            assert!(near(&text["score"], total / ((5.0 + n) / 6.0).powf(0.6)));
            let above = &found[i.saturating_sub(1)]["score"];
            assert!(above.as_f64() >= text["score"].as_f64());
        }
        let texts: std::collections::HashSet<_> =
            found.iter().map(|text| text["text"].to_string()).collect();
        assert_eq!(texts.len(), 4, "no text is listed twice");
        let mean = with(&["--beam", "6", "--length-penalty", "mean"]);
        let n = mean[0]["tokens"].as_array().unwrap().len() as f64;
        assert!(near(
            &mean[0]["score"],
            mean[0]["logprob"].as_f64().unwrap() / n
        ));
        assert_eq!(
            with(&["--beam", "1"])[0]["tokens"],
            with(&["--greedy"])[0]["tokens"]
        );
    }
    let shown = room.stdout(&[
        "generate", "run", "-p", "The king", "-n", "4", "--beam", "3", "--n-best", "2",
    ]);
    assert!(
        shown.starts_with("--- 1: score -") && shown.contains("\n--- 2: score -"),
        "{shown}"
    );
    assert!(shown.matches("The king").count() >= 2, "{shown}");
}

#[test]
fn log_probabilities_are_those_of_eval() {
    let room = room();
    // Words that are one token each, so that `eval` reads the text as it was written.
    let words = "( [a-z]+){9}";
    for model in MODELS {
        let args = [model, "-p", "The king", "-n", "9", "--allow", words];
        let shown = [&["generate"], &args[..], &["--no-echo", "--logprobs"]].concat();
        let text = room.stdout(&shown);
        let rows: Vec<&str> = text
            .lines()
            .skip_while(|line| !line.contains("before any filter"))
            .collect();
        assert_eq!(rows.len(), 11, "{text}");
        assert!(
            rows[10].contains("in all, of 9 tokens, perplexity "),
            "{text}"
        );
        let ln = &json_lines(&room, &[&args[..], &["--logprobs"]].concat())[0];
        let log10 = &json_lines(&room, &[&args[..], &["--logprobs=log10"]].concat())[0];
        assert_eq!(ln["text"], log10["text"]);
        assert_eq!(ln["logprobs"]["base"], "ln");
        assert_eq!(log10["logprobs"]["base"], "log10");
        let total = ln["logprobs"]["total"].as_f64().unwrap();
        assert!(near(
            &log10["logprobs"]["total"],
            total / std::f64::consts::LN_10
        ));
        let whole = format!("The king{}\n", ln["text"].as_str().unwrap());
        room.write("part.txt", whole);
        let table = room.stdout(&["eval", model, "part.txt", "--per-token"]);
        let read = per_token(&table);
        let start = ln["prompt_tokens"].as_u64().unwrap() as usize;
        let found = log10["logprobs"]["token_logprobs"].as_array().unwrap();
        assert_eq!(found.len(), 9);
        for (found, read) in found.iter().zip(&read[start..]) {
            // An n-gram model's are printed with the digits of an f32.
            let difference = found.as_f64().unwrap() - read;
            assert!(difference.abs() < 1e-6, "{model}: {found} in\n{table}");
        }
    }
}

/// To the last digit, wherever a line begins: in a prompt, after one, in a search and beside other prompts.
#[test]
fn a_model_of_sentences_writes_with_the_log_probabilities_of_eval() {
    let room = Room::new();
    // Words whose line end is a token that is written, so that `eval` reads the text as it was.
    let layout = ["--layout", "sentences", "--vocab", "whitespace"];
    let sizes = [
        "--hidden",
        "8",
        "--batch-size",
        "4",
        "--steps",
        "30",
        "--run",
        "run",
    ];
    room.stdout(&[&["train", "text.txt"], &layout[..], &sizes].concat());
    room.write("prompts.txt", "The king\nwas\nThe\n");
    let prompt = ["-p", "The king\nThe"];
    for (args, texts) in [
        ([&prompt[..], &["--ignore-eos"]].concat(), 1),
        ([&prompt[..], &["--ignore-eos", "--beam", "3"]].concat(), 1),
        (prompt.to_vec(), 1),
        (vec!["--prompts", "prompts.txt", "--ignore-eos"], 3),
    ] {
        let length = ["-n", "40", "--logprobs=log10"];
        let written = json_lines(&room, &[&["run"], &args[..], &length].concat());
        assert_eq!(written.len(), texts);
        for text in written {
            let part = |name: &str| text[name].as_str().unwrap();
            let ended = if text["finish"] == "line" { "\n" } else { "" };
            room.write("part.txt", [part("prompt"), part("text"), ended].concat());
            for layout in [&[][..], &["--layout", "sentences"]] {
                let eval = [&["eval", "run", "part.txt", "--per-token"], layout].concat();
                let read = per_token(&room.stdout(&eval));
                let start = text["prompt_tokens"].as_u64().unwrap() as usize;
                let found = text["logprobs"]["token_logprobs"].as_array().unwrap();
                let found: Vec<f64> = found.iter().map(|found| found.as_f64().unwrap()).collect();
                assert_eq!(found, read[start..start + found.len()], "{args:?}");
            }
        }
    }
}

/// log10 p in the table of `eval --per-token`.
fn per_token(table: &str) -> Vec<f64> {
    let rows = table.lines().filter_map(|line| line.split('\t').nth(1));
    rows.filter_map(|number| number.parse().ok()).collect()
}

#[test]
fn only_what_is_allowed_is_written() {
    let room = room();
    room.write("words.txt", "king\nlamb\r\nthe sea\n\nnowhere");
    for model in MODELS {
        for seed in ["1", "2", "3"] {
            let one = json_lines(
                &room,
                &[
                    model,
                    "-p",
                    "The",
                    "--allow",
                    " (king|lamb|prophet)( [a-z]+){1,3}",
                    "--seed",
                    seed,
                ],
            );
            let text = one[0]["text"].as_str().unwrap();
            let words: Vec<&str> = text.split(' ').collect();
            assert!(
                ["king", "lamb", "prophet"].contains(&words[1]) && (3..=5).contains(&words.len()),
                "{text:?}"
            );
        }
        let list = json_lines(
            &room,
            &[model, "-p", "My", "--allow-words", "words.txt", "-n", "7"],
        );
        let text = list[0]["text"].as_str().unwrap().replace("the sea", "sea");
        assert!(text.starts_with([' ', '\n']), "{text:?}");
        assert!(
            text.split_whitespace()
                .all(|word| ["king", "lamb", "sea"].contains(&word)),
            "{text:?}"
        );
        let best = json_lines(
            &room,
            &[
                model,
                "-p",
                "The",
                "--allow",
                " (king|lamb)",
                "--beam",
                "9",
                "--n-best",
                "9",
            ],
        );
        assert_eq!(best.len(), 2, "{model}");
    }
}

#[test]
fn prompts_side_by_side_are_what_they_are_alone() {
    let room = room();
    let prompts = [
        "The king",
        "",
        "My brother looked upon the",
        "A lamb",
        "The people",
    ];
    room.write("prompts.txt", prompts.join("\r\n"));
    for model in MODELS {
        let how = [
            "-n",
            "12",
            "--samples",
            "2",
            "--typical",
            "0.9",
            "--logprobs",
        ];
        let args = [&[model, "--prompts", "prompts.txt"], &how[..]].concat();
        let together = json_lines(&room, &args);
        let shape = |text: &Value| {
            (
                text["index"].as_u64().unwrap(),
                text["sample"].as_u64().unwrap(),
            )
        };
        let order: Vec<_> = together.iter().map(shape).collect();
        assert_eq!(
            order,
            [
                (0, 0),
                (0, 1),
                (1, 0),
                (1, 1),
                (2, 0),
                (2, 1),
                (3, 0),
                (3, 1),
                (4, 0),
                (4, 1)
            ]
        );
        assert_eq!(
            together,
            json_lines(
                &room,
                &[&args[..], &["--batch-size", "2", "--threads", "2"]].concat()
            )
        );
        for (i, prompt) in prompts.iter().enumerate() {
            let alone = json_lines(&room, &[&[model, "--prompt", prompt], &how[..]].concat());
            for (mut alone, together) in alone.into_iter().zip(&together[2 * i..]) {
                alone["index"] = i.into();
                assert_eq!(&alone, together);
            }
        }
    }
    let two = room.stdout(&[
        "generate", "run", "-p", "The king", "-p", "A lamb", "-n", "5",
    ]);
    let one = |prompt| room.stdout(&["generate", "run", "-p", prompt, "-n", "5"]);
    assert_eq!(two, format!("{}---\n{}", one("The king"), one("A lamb")));
    let piped = room
        .elman(&["generate", "run", "--prompts", "-", "-n", "5"])
        .write_stdin("The king\nA lamb\n")
        .assert()
        .success();
    assert_eq!(String::from_utf8_lossy(&piped.get_output().stdout), two);
}

#[test]
fn choices_that_contradict_each_other_are_refused() {
    let room = room();
    room.write("empty.txt", "");
    for (args, said) in [
        (
            &["--beam", "3", "--temperature", "1"][..],
            "cannot be used with",
        ),
        (&["--beam", "3", "--samples", "2"], "cannot be used with"),
        (
            &["--beam", "3", "--repetition-penalty", "1.1"],
            "cannot be used with",
        ),
        (&["--beam", "0"], "invalid value"),
        (&["--n-best", "2"], "--beam"),
        (
            &["--beam", "2", "--n-best", "3"],
            "n-best is more than the beam",
        ),
        (&["--beam", "2", "--length-penalty=-1"], "at least 0"),
        (&["--length-penalty", "1"], "--beam"),
        (&["--greedy", "--typical", "0.5"], "cannot be used with"),
        (&["--typical", "0"], "typical must be above 0"),
        (&["--allow", "a", "--stop", "b"], "cannot be used with"),
        (
            &["--allow", "a", "--allow-words", "empty.txt"],
            "cannot be used with",
        ),
        (
            &["--allow-words", "empty.txt"],
            "list of allowed words is empty",
        ),
        (&["--allow", "(a"], "unclosed group"),
        (&["--allow", "§"], "begin with a space"),
        (&["--allow", "( king){9}", "-n", "3"], "at least 9 tokens"),
        (&["--logprobs=log2"], "possible values: ln, log10"),
        (
            &["--prompts", "empty.txt", "--prompt", "a"],
            "cannot be used with",
        ),
    ] {
        let error = room.fails(2, &[&["generate", "run"], args].concat());
        assert!(error.contains(said), "{args:?}: {error}");
    }
    let error = room.fails(1, &["generate", "run", "--prompts", "empty.txt"]);
    assert!(error.contains("there is no prompt in"), "{error}");
    let error = room.fails(1, &["generate", "run", "--allow-words", "absent.txt"]);
    assert!(error.contains("absent.txt"), "{error}");
}
