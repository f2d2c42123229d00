//! Files that are something else than they are taken for, that were changed, or that never end.

use crate::common::{Room, TINY, stderr, story};

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

/// Documents in one file cost what they cost in files of their own, each from its beginning.
#[test]
fn a_separator_tells_documents_apart() {
    let room = Room::new();
    let documents = [story(9), story(2), story(5)];
    let one = documents.join("-----\n");
    room.write("one.txt", format!("-----\n{one}-----\r\n-----"));
    let separated = ["--document-separator", "-----"];
    room.train("run", "20", &[]);
    let eval = |args: &[&str]| -> (u64, f64, u64) {
        let json = room.json(&[&["eval", "run", "--json"], args].concat());
        let tokens = json["tokens"].as_u64().unwrap();
        (
            tokens,
            json["total_nats"].as_f64().unwrap(),
            json["bytes"].as_u64().unwrap(),
        )
    };
    let mut sum = (0, 0.0, 0);
    for (i, document) in documents.iter().enumerate() {
        let name = format!("{i}.txt");
        room.write(&name, document);
        let (tokens, nats, bytes) = eval(&[&name]);
        sum = (sum.0 + tokens, sum.1 + nats, sum.2 + bytes);
    }
    let (tokens, nats, bytes) = eval(&[&["one.txt"], &separated[..]].concat());
    assert_eq!((tokens, bytes), (sum.0, sum.2));
    assert!((nats - sum.1).abs() < 1e-9 * sum.1, "{nats} {}", sum.1);
    // Files are documents too.
    let files = eval(&[&["0.txt", "1.txt", "2.txt"], &separated[..]].concat());
    assert_eq!(files, (tokens, nats, bytes));

    // The same figures token by token, and the same tokens for training.
    let per_token = [&["eval", "run", "one.txt", "--per-token"], &separated[..]].concat();
    let lines = room.elman(&per_token).assert().success();
    let lines = String::from_utf8_lossy(&lines.get_output().stdout).into_owned();
    let log10 = |line: &str| line.split('\t').nth(1).unwrap().parse::<f64>().unwrap();
    let sum: f64 = lines.lines().map(log10).sum();
    assert!((sum * -std::f64::consts::LN_10 - nats).abs() < 1e-3 * nats);
    room.train(
        "apart",
        "20",
        &[&["--valid", "one.txt"], &separated[..]].concat(),
    );
    room.train("whole", "20", &["--valid", "one.txt"]);
    let losses = |run: &str| room.read(&format!("{run}/metrics.jsonl"));
    assert_ne!(losses("apart"), losses("whole"));
}

#[test]
fn documents_need_ends_of_their_own() {
    let room = Room::new();
    let separated = ["--document-separator", "--", "--vocab", "whitespace"];
    let run = ["train", "text.txt", "--run", "run", "--steps", "1"];
    let said = room.fails(1, &[&run, &TINY[..], &separated[..]].concat());
    assert!(
        said.contains("does not say where a document ends"),
        "{said}"
    );
    // Lines are texts of their own anyway.
    let lines = [
        "--layout",
        "sentences",
        "--hidden",
        "8",
        "--run",
        "lines",
        "--steps",
        "1",
    ];
    let lines = [&["train", "text.txt"], &lines[..], &separated].concat();
    room.elman(&lines).assert().success();
    room.write("none.txt", "--\n--\n");
    let said = room.fails(
        1,
        &["eval", "lines", "none.txt", "--document-separator", "--"],
    );
    assert!(said.contains("nothing in the text but"), "{said}");
    let said = room.fails(
        1,
        &[
            "eval",
            "lines",
            "text.txt",
            "--layout",
            "stream",
            "--batch-size",
            "2",
            "--document-separator",
            "--",
        ],
    );
    assert!(said.contains("one after the other"), "{said}");
}
