//! Files that are something else than they are taken for, that were changed, or that never end.

mod common;
use common::{Room, TINY, stderr, story};

/// Training on `text` must fail with all of `parts` in one line.
#[track_caller]
fn refused(room: &Room, text: &str, parts: &[&str]) {
    let said = room.fails(
        1,
        &[&["train", text, "--run", "run", "--steps", "1"], &TINY[..]].concat(),
    );
    for part in parts {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn encodings_and_compressions_are_named() {
    let room = Room::new();
    let text = story(20);
    let units = || text.encode_utf16();
    let marked: Vec<u8> = [0xFEFF]
        .into_iter()
        .chain(units())
        .flat_map(u16::to_be_bytes)
        .collect();
    let bare: Vec<u8> = units().flat_map(u16::to_le_bytes).collect();
    let wide: Vec<u8> = text
        .chars()
        .flat_map(|c| u32::from(c).to_le_bytes())
        .collect();
    room.write("marked.txt", marked);
    room.write("bare.txt", bare);
    room.write("wide.txt", wide);
    room.write("text.bz2", b"BZh91AY&SY\x01\x02\x03");
    room.write("text.xz", b"\xFD7zXZ\0\0\x04");
    room.write("text.zst", b"\x28\xB5\x2F\xFD\x24\0");
    refused(
        &room,
        "marked.txt",
        &["UTF-16", "iconv -f UTF-16 -t UTF-8 marked.txt"],
    );
    refused(&room, "bare.txt", &["UTF-16", "iconv -f UTF-16LE"]);
    refused(&room, "wide.txt", &["UTF-32", "iconv -f UTF-32LE"]);
    refused(&room, "text.bz2", &["bzip2", "`bzip2 -dc text.bz2"]);
    refused(&room, "text.xz", &["`xz -dc text.xz"]);
    refused(&room, "text.zst", &["`zstd -dc text.zst"]);
    // Bytes are bytes.
    room.train("run", "1", &["--vocab", "bytes", "--valid", "bare.txt"]);
}

#[test]
fn lines_that_end_in_carriage_returns_are_lines() {
    let room = Room::new();
    room.write("cr.txt", story(40).replace('\n', "\r"));
    let tokens = |text: &str| {
        let saved = format!("{text}.json");
        let args = ["tokenize", "--vocab", "whitespace", "--save", &saved, text];
        let run = room.elman(&args).assert().success();
        (room.read(&saved), stderr(run))
    };
    room.write("lf.txt", story(40));
    let (plain, _) = tokens("lf.txt");
    let (converted, said) = tokens("cr.txt");
    assert_eq!(converted, plain);
    assert!(
        said.contains("40 CR line ends read as line ends: cr.txt"),
        "{said}"
    );
}

#[cfg(unix)]
#[test]
fn a_device_is_no_text() {
    let room = Room::new();
    room.train("run", "1", &[]);
    for args in [
        &["eval", "run", "/dev/zero"][..],
        &["train", "text.txt", "--config", "/dev/zero", "--run", "b"],
        &[
            "train",
            "text.txt",
            "--vocab-file",
            "/dev/zero",
            "--run",
            "c",
        ],
        &["eval", "/dev/zero", "text.txt"],
    ] {
        let said = room.fails(1, args);
        assert!(said.contains("device"), "{said}");
    }
}

#[test]
fn what_is_no_model_is_called_what_it_is() {
    let room = Room::new();
    room.train("run", "1", &[]);
    room.write("pickle.pt", b"PK\x03\x04\x14\0\0\0");
    for (model, part) in [
        ("run/model/model.safetensors", "safetensors"),
        ("pickle.pt", "pickle"),
        ("run/tokens/train.tok", "token file"),
        ("text.txt", "MODEL and TEXT swapped"),
    ] {
        let said = room.fails(1, &["eval", model, "other.txt"]);
        assert!(said.contains(part) && said.contains(model), "{said}");
    }
}

#[test]
fn a_value_may_begin_with_a_hyphen() {
    let room = Room::new();
    room.train("run", "1", &["--vocab", "chars"]);
    for prompt in ["- hello", "-1", "--", "-p"] {
        let args = [
            "generate",
            "run",
            "--prompt",
            prompt,
            "--max-tokens",
            "1",
            "--seed",
            "1",
        ];
        let text = room.stdout(&args);
        assert!(text.starts_with(prompt), "{text}");
    }
    let said = room.fails(2, &["train", "text.txt", "--lr", "-1", "--run", "b"]);
    assert!(said.contains("lr is -1"), "{said}");
}

/// A tokenizer that the library does not survive is refused in one line.
#[test]
fn hostile_tokenizers_are_refused_with_the_reason() {
    let room = Room::new();
    let file = |normalizer: &str, pre_tokenizer: &str, id: u32| {
        format!(
            r#"{{"version":"1.0","truncation":null,"padding":null,"added_tokens":[],"normalizer":{normalizer},"pre_tokenizer":{pre_tokenizer},"post_processor":null,"decoder":null,"model":{{"type":"WordLevel","vocab":{{"</s>":0,"[UNK]":1,"a":{id}}},"unk_token":"[UNK]"}}}}"#
        )
    };
    let words = r#"{"type":"Whitespace"}"#;
    let map = r#"{"type":"Precompiled","precompiled_charsmap":"/////w=="}"#;
    for (json, part) in [
        (
            file("null", r#"{"type":"FixedLength","length":0}"#, 2),
            "length 0",
        ),
        (file("null", words, 4_000_000_000), "4000000000"),
        (file(map, words, 2), "Precompiled"),
    ] {
        room.write("t.json", json);
        let said = room.fails(
            1,
            &["train", "text.txt", "--tokenizer", "t.json", "--run", "run"],
        );
        assert!(said.contains("t.json") && said.contains(part), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

/// One flipped byte in `metrics.jsonl` costs its line, and a run says so when it goes on.
#[test]
fn a_damaged_line_of_metrics_costs_no_other() {
    let room = Room::new();
    room.train("run", "60", &[]);
    let lines = |text: &str| {
        text.lines()
            .filter(|line| line.contains("\"train\""))
            .count()
    };
    let whole = room.read("run/metrics.jsonl");
    let count = lines(&whole);
    assert!(count >= 6);
    let mut bytes = whole.into_bytes();
    bytes[3] ^= 0x80;
    room.write("run/metrics.jsonl", bytes);
    let run = room
        .elman(&["train", "--resume", "run", "--steps", "70"])
        .assert()
        .success();
    let said = stderr(run);
    assert!(said.contains("line 1 cannot be read"), "{said}");
    let now = std::fs::read(room.path("run/metrics.jsonl")).unwrap();
    assert_eq!(lines(&String::from_utf8_lossy(&now)), count + 1);
}
