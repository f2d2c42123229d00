//! `elman compress` and `elman decompress`: files, pipes, processors, and what is refused.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::{Room, stderr, story};
use serde_json::Value;

/// With a network of characters, one of words, and an n-gram model of the characters' vocabulary.
fn trained() -> Room {
    let room = Room::new();
    room.train("runs/chars", "30", &["--vocab", "chars"]);
    room.train("runs/words", "30", &[]);
    room.elman(&[
        "ngram",
        "train",
        "text.txt",
        "-o",
        "chars5.bin",
        "--vocab-from",
        "runs/chars",
    ])
    .assert()
    .success();
    room
}

fn bytes(room: &Room, name: &str) -> Vec<u8> {
    std::fs::read(room.path(name)).unwrap()
}

#[test]
fn files_come_back_byte_by_byte_under_every_model() {
    let room = trained();
    let any: Vec<u8> = (0..2000u32).map(|i| (i * i / 7) as u8).collect();
    room.write("binary", &any);
    room.write("empty", "");
    room.write(
        "new.txt",
        format!("{}  zebras, é\r\n\tand \u{1F468}", story(9)),
    );
    for model in [
        &["runs/chars"][..],
        &["runs/words"],
        &["chars5.bin"],
        &[
            "runs/chars",
            "--mix",
            "chars5.bin:0.5",
            "--mix",
            "cache:20:0.1",
        ],
    ] {
        for text in ["other.txt", "binary", "empty", "new.txt"] {
            let there = [
                &["compress"],
                model,
                &[text, "-o", "x.elmc", "--force", "-q"],
            ]
            .concat();
            room.elman(&there).assert().success().stdout("").stderr("");
            let back = [
                &["decompress"],
                model,
                &["x.elmc", "-o", "back", "--force", "-q"],
            ]
            .concat();
            room.elman(&back).assert().success().stdout("").stderr("");
            assert_eq!(bytes(&room, "back"), bytes(&room, text), "{model:?} {text}");
        }
    }
}

#[test]
fn the_file_has_the_bits_that_eval_reports() {
    let room = trained();
    for model in ["runs/chars", "runs/words", "chars5.bin"] {
        let found = room.json(&[
            "compress",
            model,
            "other.txt",
            "-o",
            "x",
            "--force",
            "--json",
            "-q",
        ]);
        let eval = room.json(&["eval", model, "other.txt", "--json"]);
        let bits = eval["total_nats"].as_f64().unwrap() / std::f64::consts::LN_2;
        let code = 8.0 * found["code_bytes"].as_f64().unwrap();
        assert!(
            code <= bits * 1.001 + 512.0 && code >= bits - 16.0,
            "{model}: {code} for {bits}"
        );
        let size = found["compressed_bytes"].as_u64().unwrap();
        assert_eq!(size, bytes(&room, "x").len() as u64);
        let per_char = found["bits_per_character"].as_f64().unwrap();
        let chars = found["characters"].as_f64().unwrap();
        assert!((per_char - 8.0 * size as f64 / chars).abs() < 1e-9);
    }
    let assert = room
        .elman(&["compress", "runs/chars", "other.txt", "-o", "y"])
        .assert()
        .success();
    let said = stderr(assert);
    assert!(said.contains("bits per character"), "{said}");
}

#[test]
fn pipes_and_instruction_sets_give_the_same_file() {
    let room = trained();
    let text = bytes(&room, "other.txt");
    let through = |args: &[&str], input: &[u8]| {
        let assert = room.elman(args).write_stdin(input).assert().success();
        assert.get_output().stdout.clone()
    };
    let data = through(&["compress", "runs/chars", "-q"], &text);
    // Those that this processor has; scalar is always there.
    let have = |isa: &str| {
        let assert = room.elman(&["compress", "runs/chars", "-q", "--isa", isa]);
        let output = { assert }.write_stdin(&text[..]).output().unwrap();
        output.status.success().then_some(output.stdout)
    };
    let mut tried = 0;
    for isa in ["avx512-bf16", "avx512", "avx2-vnni", "avx2", "scalar"] {
        let Some(found) = have(isa) else { continue };
        assert!(found == data, "{isa}");
        let args = ["decompress", "runs/chars", "-", "--isa", isa, "-t", "2"];
        assert!(through(&args, &data) == text, "{isa}");
        tried += 1;
    }
    assert!(tried > 0 && have("scalar").is_some());
}

#[test]
fn what_cannot_be_restored_is_refused_and_no_file_is_written() {
    let room = trained();
    room.elman(&["compress", "runs/chars", "other.txt", "-o", "x.elmc"])
        .assert()
        .success();
    let data = bytes(&room, "x.elmc");
    let said = room.fails(1, &["decompress", "chars5.bin", "x.elmc", "-o", "back"]);
    assert!(
        said.contains("x.elmc was compressed with") && said.contains("5-gram"),
        "{said}"
    );
    let said = room.fails(1, &["decompress", "runs/words", "x.elmc", "-o", "back"]);
    assert!(said.contains("name the model that compressed it"), "{said}");
    room.write("cut", &data[..data.len() - 5]);
    let said = room.fails(1, &["decompress", "runs/chars", "cut", "-o", "back"]);
    assert!(said.contains("cut is cut short"), "{said}");
    let mut damaged = data.clone();
    let middle = data.len() / 2;
    damaged[middle] ^= 4;
    room.write("damaged", &damaged);
    let said = room.fails(1, &["decompress", "runs/chars", "damaged", "-o", "back"]);
    assert!(said.contains("damaged is damaged"), "{said}");
    let said = room.fails(1, &["decompress", "runs/chars", "other.txt", "-o", "back"]);
    assert!(
        said.contains("other.txt is not a text that elman has compressed"),
        "{said}"
    );
    assert!(!room.path("back").exists());
    // Outputs are not written over what is there or what is read.
    room.fails(1, &["decompress", "runs/chars", "x.elmc", "-o", "text.txt"]);
    room.fails(
        1,
        &[
            "compress",
            "runs/chars",
            "other.txt",
            "-o",
            "other.txt",
            "--force",
        ],
    );
    let said = room.fails(2, &["compress", "runs/chars", "runs/words", "-o", "y"]);
    assert!(said.contains("not a text"), "{said}");
    let json: Value = room.json(&["compress", "runs/chars", "other.txt", "-o", "z", "--json"]);
    assert_eq!(json["bytes"], bytes(&room, "other.txt").len());
}

#[test]
#[cfg(unix)]
fn a_reader_of_the_figures_may_leave() {
    use std::process::{Command, Stdio};
    let room = Room::new();
    room.write("small.arpa", include_str!("score/small.arpa"));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let args = ["compress", "small.arpa", "text.txt", "-o", "x", "--json"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_elman"));
    command.current_dir(room.path("")).args(args);
    let command = command.stdout(Stdio::from(writer)).stderr(Stdio::null());
    assert!(command.status().unwrap().success());
    assert!(room.path("x").exists());
}

/// What format 1 made of a text with unknown words and raw bytes, under small.arpa mixed with `cache:20:0.2`.
const FORMAT_1: &str = "\
    89454c4d430d0a1a01007d54434bf81bb06ff7de088230240691be3b0c887790d2e16df93a440e60\
    9cd4c3bdfed22d8471c5422bf4242ee17124aaea5610359f6d5a437e6b6891eb39960e6c696e6561\
    72206d697874757265c4dea2a417000000059898b9387f22d5f76617248513f880b4bbfe7dd299e4\
    a70befb8000000004b000000000000001aaff5152489b2d3";

/// A change of a probability in its last bit may change the code: then the format needs another version, or files of users are lost.
#[test]
fn files_of_format_1_stay_readable() {
    let room = Room::new();
    room.write("small.arpa", include_str!("score/small.arpa"));
    let text = b"the king went up to the sea\nthe lamb was afraid of zebras \xFF\n<unk> was calm\n";
    room.write("text", text);
    let file: Vec<u8> = (0..FORMAT_1.len() / 2)
        .map(|at| u8::from_str_radix(&FORMAT_1[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    room.write("old.elmc", &file);
    let mix = ["small.arpa", "--mix", "cache:20:0.2", "-q", "-o"];
    let back = [&["decompress"], &mix[..], &["back", "old.elmc"]].concat();
    room.elman(&back).assert().success();
    assert_eq!(bytes(&room, "back"), text);
    let again = [&["compress"], &mix[..], &["new.elmc", "text"]].concat();
    room.elman(&again).assert().success();
    assert!(bytes(&room, "new.elmc") == file);
}
