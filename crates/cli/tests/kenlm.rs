//! Binary files of KenLM through every command that takes an n-gram model.
#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::Room;
use flate2::read::GzDecoder;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

const TEXT: &str = "sentences.txt";

fn fixture(name: &str) -> PathBuf {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../ngram/fixtures/kenlm");
    PathBuf::from(folder).join(name)
}

/// A room with the sentences and some models.
fn room(models: &[&str]) -> Room {
    let room = Room::new();
    room.write(TEXT, std::fs::read(fixture(TEXT)).unwrap());
    for model in models {
        let mut bytes = Vec::new();
        let file = File::open(fixture(&format!("{model}.gz"))).unwrap();
        GzDecoder::new(file).read_to_end(&mut bytes).unwrap();
        room.write(model, bytes);
    }
    room
}

fn perplexity(room: &Room, model: &str) -> f64 {
    let figures = room.json(&["ngram", "eval", model, TEXT, "--json"]);
    figures["perplexity"].as_f64().unwrap()
}

#[test]
fn files_of_one_arpa_file_evaluate_alike() {
    let room = room(&[
        "3.arpa",
        "probing-3.bin",
        "probing-3-no-words.bin",
        "trie-3.bin",
        "trie-3-no-words.bin",
    ]);
    let expected = perplexity(&room, "3.arpa");
    for model in [
        "probing-3",
        "probing-3-no-words",
        "trie-3",
        "trie-3-no-words",
    ] {
        let found = perplexity(&room, &format!("{model}.bin"));
        assert!(
            (found / expected - 1.0).abs() < 1e-6,
            "{model}: {found} and {expected}"
        );
    }
    let info = room.json(&["ngram", "info", "trie-3.bin", "--json"]);
    let of_arpa = room.json(&["info", "3.arpa", "--json"]);
    assert_eq!(
        (&info["kind"], &info["kenlm"]),
        (&"ngram".into(), &"trie".into())
    );
    for key in ["order", "ngrams", "parameters"] {
        assert_eq!(info[key], of_arpa[key], "{key}");
    }
    let shown = room.stdout(&["ngram", "info", "probing-3-no-words.bin"]);
    for part in [
        "KenLM, probing hash tables",
        "the last words, up to 2",
        "only their hashes",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn scores_are_those_that_kenlm_prints() {
    let room = room(&["trie-4-quantized-array-no-words.bin", "probing-8.bin"]);
    for model in ["trie-4-quantized-array-no-words", "probing-8"] {
        let printed = std::fs::read_to_string(fixture(&format!("{model}.txt"))).unwrap();
        let file = format!("{model}.bin");
        let scored = room.stdout(&["score", &file, TEXT, "--format", "kenlm", "--per", "token"]);
        let log10 = |text: &str| -> Vec<(String, String)> {
            let words = text
                .split(['\t', '\n'])
                .filter(|word| word.contains('=') && !word.contains(':'));
            let words = words.map(|word| {
                let fields: Vec<&str> = word.split(' ').collect();
                let name = fields[0].rsplit_once('=').unwrap().0.to_owned();
                (
                    name,
                    format!("{} {:.4}", fields[1], fields[2].parse::<f64>().unwrap()),
                )
            });
            words.collect()
        };
        let (expected, found) = (log10(&printed), log10(&scored));
        assert!(expected.len() > 200);
        assert_eq!(found, expected, "{model}");
    }
}

#[test]
fn tries_become_models_of_elman_and_probing_files_do_not() {
    let room = room(&[
        "trie-4-quantized.bin",
        "probing-3.bin",
        "trie-3-no-words.bin",
    ]);
    let expected = perplexity(&room, "trie-4-quantized.bin");
    for out in ["lm.arpa", "lm.bin"] {
        room.stdout(&["ngram", "convert", "trie-4-quantized.bin", out]);
        assert!((perplexity(&room, out) / expected - 1.0).abs() < 1e-6);
    }
    let ids = ["lm.arpa", "lm.bin"].map(|file| room.json(&["info", file, "--json"])["id"].clone());
    assert_eq!(ids[0], ids[1]);
    room.stdout(&[
        "ngram",
        "convert",
        "trie-4-quantized.bin",
        "small.arpa",
        "--prune-entropy",
        "1e-3",
    ]);
    let counts = |file: &str| room.json(&["info", file, "--json"])["ngrams"].clone();
    assert_ne!(counts("small.arpa"), counts("lm.arpa"));
    room.stdout(&[
        "ngram",
        "mix",
        "trie-4-quantized.bin",
        "lm.bin",
        "--weights",
        "0.5,0.5",
        "-o",
        "mixed.bin",
    ]);
    for (model, why) in [
        (
            "probing-3.bin",
            "a probing file of KenLM holds hashes of n-grams",
        ),
        ("trie-3-no-words.bin", "the file holds hashes of its words"),
    ] {
        for args in [
            &["ngram", "convert", model, "out.arpa"][..],
            &["ngram", "convert", model, "out.bin"],
            &[
                "ngram",
                "mix",
                model,
                "lm.bin",
                "--weights",
                "0.5,0.5",
                "-o",
                "out.bin",
            ],
        ] {
            let message = room.fails(1, args);
            assert!(
                message.contains(why) && message.contains("use the ARPA file"),
                "{message}"
            );
            assert!(message.contains(model), "{message}");
        }
        assert!(!room.path("out.arpa").exists() && !room.path("out.bin").exists());
    }
}

#[test]
fn what_writes_words_needs_them() {
    let room = room(&["probing-3.bin", "probing-3-no-words.bin", "trie-3.bin"]);
    for model in ["probing-3.bin", "trie-3.bin"] {
        let written = room.stdout(&[
            "generate",
            model,
            "--prompt",
            "and god",
            "--max-tokens",
            "5",
        ]);
        assert!(written.contains("and god"), "{written}");
        let completed = room.stdout(&["complete", model, "and god sa"]);
        assert!(
            completed.contains("saw") && completed.contains("said"),
            "{completed}"
        );
        room.stdout(&["compress", model, TEXT, "-o", "packed", "--force"]);
        room.stdout(&["decompress", model, "packed", "-o", "unpacked", "--force"]);
        assert_eq!(room.read("unpacked"), room.read(TEXT));
    }
    for args in [
        &["generate", "probing-3-no-words.bin"][..],
        &["complete", "probing-3-no-words.bin", "and"],
        &["compress", "probing-3-no-words.bin", TEXT, "-o", "out"],
        &[
            "ngram",
            "eval",
            "probing-3-no-words.bin",
            TEXT,
            "--per-token",
        ],
    ] {
        let message = room.fails(1, args);
        assert!(message.contains("only their hashes"), "{args:?}: {message}");
        assert!(
            message.contains("build_binary without -v"),
            "{args:?}: {message}"
        );
    }
}

#[test]
fn files_take_part_in_comparisons_mixtures_and_rescoring() {
    let models = [
        "probing-3.bin",
        "trie-3.bin",
        "trie-3-no-words.bin",
        "3.arpa",
    ];
    let room = room(&models);
    let args = [&["compare"], &models[..], &[TEXT, "--json"]].concat();
    let compared = room.json(&args);
    let compared = compared.to_string();
    let found: Vec<&str> = compared.matches("\"perplexity\"").collect();
    assert!(found.len() >= models.len(), "{compared}");
    // A mixture of one model with itself, in whatever order its words are, is that model.
    let score = |args: &[&str]| {
        let args = [
            &["score"],
            args,
            &[TEXT, "--format", "kenlm", "--per", "sentence"],
        ]
        .concat();
        room.stdout(&args)
    };
    let expected = score(&["3.arpa"]);
    for (model, other) in [
        ("3.arpa", "trie-3.bin:0.5"),
        ("trie-3.bin", "3.arpa:0.5"),
        ("trie-3.bin", "probing-3.bin:0.25"),
        ("3.arpa", "trie-3-no-words.bin:0.5"),
    ] {
        let mixed = score(&[model, "--mix", other]);
        let totals = |text: &str| -> Vec<f64> {
            let lines = text.lines().filter_map(|line| line.strip_prefix("Total: "));
            let numbers = lines.map(|line| line.split(' ').next().unwrap().parse().unwrap());
            numbers.collect()
        };
        assert_eq!(totals(&mixed).len(), totals(&expected).len());
        for (a, b) in totals(&mixed).iter().zip(totals(&expected)) {
            assert!((a - b).abs() < 1e-3, "{model} {other}: {a} {b}");
        }
    }
    room.write(
        "list",
        "1 and god said let there be light\n1 god light there said and be\n",
    );
    for model in ["probing-3.bin", "trie-3-no-words.bin"] {
        let best = room.stdout(&["rescore", model, "list", "--format", "best"]);
        assert!(best.contains("and god said let there be light"), "{best}");
        let surprisals = room.stdout(&["surprisal", model, TEXT]);
        assert!(surprisals.contains("light"), "{surprisals}");
    }
}
