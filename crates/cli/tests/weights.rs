//! Matrices in fewer bits: `--weights`.
#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::Room;

#[test]
fn fewer_bits_change_the_perplexity_by_less_than_a_hundredth() {
    let room = Room::new();
    room.train("run", "60", &[]);
    let perplexity = |weights: &str| {
        let args = ["eval", "run", "other.txt", "--json", "--weights", weights];
        room.json(&args)["perplexity"].as_f64().unwrap()
    };
    let exact = perplexity("f32");
    let without = room.json(&["eval", "run", "other.txt", "--json"]);
    assert_eq!(without["perplexity"].as_f64().unwrap(), exact);
    for weights in ["bf16", "int8"] {
        let change = perplexity(weights) / exact - 1.0;
        assert!(change != 0.0 && change.abs() < 0.01, "{weights}: {change}");
    }
}

#[test]
fn a_model_of_fewer_bits_writes() {
    let room = Room::new();
    room.train("run", "20", &[]);
    for weights in ["f32", "bf16", "int8"] {
        let args = [
            "generate",
            "run",
            "--max-tokens",
            "9",
            "--seed",
            "3",
            "--weights",
            weights,
        ];
        let text = room.stdout(&args);
        assert!(!text.is_empty());
        assert_eq!(
            room.stdout(&args),
            text,
            "{weights}: the same seed, the same text"
        );
    }
}

#[test]
fn weights_that_are_not_known_and_models_without_matrices_are_refused() {
    let room = Room::new();
    room.stdout(&["ngram", "train", "text.txt", "-o", "lm.bin"]);
    let error = room.fails(1, &["eval", "lm.bin", "other.txt", "--weights", "int8"]);
    assert!(
        error.contains("int8") && error.contains("n-gram"),
        "{error}"
    );
    room.fails(2, &["eval", "lm.bin", "other.txt", "--weights", "int4"]);
}
