//! Texts and vocabularies as a user gives them: weights, byte pairs, tokenizers of other programs.

use crate::common::{Room, TINY, stderr, story};

#[test]
fn weights_say_how_often_a_text_is_read() {
    let room = Room::new();
    room.write("a.txt", story(40));
    room.write("b.txt", story(60).replace("the", "that"));
    let tokens = |run: &str, texts: &[&str]| -> u64 {
        let fixed = ["--valid", "a.txt", "--run", run, "--steps", "1"];
        let args = [&["train"], texts, &fixed, &TINY[..]].concat();
        room.elman(&args).assert().success();
        let train = format!("{run}/tokens/train.tok");
        room.json(&["info", &train, "--json"])["tokens"]
            .as_u64()
            .unwrap()
    };
    let (a, b) = (tokens("a", &["a.txt"]), tokens("b", &["b.txt"]));
    assert_eq!(tokens("ab", &["a.txt", "--corpus", "b.txt"]), a + b);
    let twice = tokens("twice", &["--corpus", "a.txt:2", "b.txt"]);
    assert_eq!(twice, 2 * a + b);
    let half = tokens("half", &["--corpus", "a.txt", "b.txt:1.5"]);
    assert!(half > a + b + b / 3 && half < a + b + 2 * b / 3, "{half}");
    // The same command reads the same half.
    assert_eq!(half, tokens("again", &["--corpus", "a.txt", "b.txt:1.5"]));
    let record = room.read("half/config.toml");
    assert!(record.contains("corpus-weights = [1.0, 1.5]"), "{record}");
    let args = ["train", "--corpus", "a.txt:0", "--steps", "1"];
    assert!(room.fails(2, &args).contains("above 0"));
}

#[test]
fn byte_pairs_go_through_every_command() {
    let room = Room::new();
    room.write("text.txt", story(80));
    let args = ["--vocab", "bpe:300", "--run", "run", "--steps", "3"];
    let args = [&["train", "text.txt"], &args[..], &TINY[..]].concat();
    room.elman(&args).assert().success();
    let info = room.json(&["info", "run/model/tokenizer.json", "--json"]);
    assert_eq!(info["vocabulary"]["kind"], "bpe");
    let size = info["vocabulary"]["entries"].as_u64().unwrap();
    assert!((258..=300).contains(&size), "{size}");
    // A text with what training has never seen.
    room.write("other.txt", "Zebras \u{1f993}: <eos> na\u{ef}ve\r\n");
    let eval = room.json(&["eval", "run", "other.txt", "--json"]);
    assert_eq!(eval["oov"], 0);
    assert!(eval["bits_per_byte"].as_f64().unwrap() > 0.0);
    room.write(
        "ids.txt",
        room.stdout(&["tokenize", "run", "other.txt", "--ids"]),
    );
    let text = room.stdout(&["tokenize", "run", "ids.txt", "--decode"]);
    assert_eq!(text, room.read("other.txt"));
    room.elman(&["generate", "run", "--prompt", "The", "--max-tokens", "9"])
        .assert()
        .success();
    let train = ["ngram", "train", "text.txt", "--vocab-from", "run"];
    room.elman(&[&train[..], &["-o", "k.bin"]].concat())
        .assert()
        .success();
    room.elman(&["compare", "run", "k.bin", "other.txt", "--dev", "text.txt"])
        .assert()
        .success();
    let arpa = room.fails(1, &[&train[..], &["-o", "k.arpa"]].concat());
    assert!(arpa.contains(".bin"), "{arpa}");
    room.elman(&["train", "--resume", "run", "--steps", "5"])
        .assert()
        .success();
}

#[test]
fn the_tokenizer_of_another_program_is_used_as_it_is() {
    let room = Room::new();
    room.write("text.txt", story(40));
    let words = ["the", "a", ".", "[UNK]", "[SEP]", "##s"];
    let vocab: Vec<String> = (0..)
        .zip(words)
        .map(|(i, word)| format!("{word:?}: {i}"))
        .collect();
    let file = format!(
        r#"{{"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": {{"type": "Lowercase"}},
        "pre_tokenizer": {{"type": "BertPreTokenizer"}}, "post_processor": null, "decoder": {{"type": "WordPiece", "prefix": "\#\#", "cleanup": false}},
        "model": {{"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "\#\#", "max_input_chars_per_word": 100, "vocab": {{{}}}}}}}"#,
        vocab.join(", ")
    )
    .replace("\\#", "#");
    room.write("bert.json", file.clone());
    let args = ["--tokenizer", "bert.json", "--run", "run", "--steps", "2"];
    let args = [&["train", "text.txt"], &args[..], &TINY[..]].concat();
    room.elman(&args).assert().success();
    let eval = room.json(&["eval", "run", "text.txt", "--json"]);
    assert_eq!(
        (&eval["vocab_kind"], &eval["vocab_size"]),
        (&"foreign".into(), &6.into())
    );
    let reason = eval["no_bits_because"].to_string();
    assert!(reason.contains("changes the text"), "{eval}");
    // The capital letters of the words that it knows, and the space before each full stop that decoding adds.
    let folded = |line: &&str| line.starts_with("The ") || line.starts_with("A ");
    let capitals = story(40).lines().filter(folded).count();
    assert_eq!(eval["lost_chars"], capitals + 40, "{eval}");
    room.write("none.json", file.replace("[SEP]", "[X]"));
    let args = [
        "train",
        "text.txt",
        "--tokenizer",
        "none.json",
        "--run",
        "x",
    ];
    assert!(room.fails(1, &args).contains("tokenizer-eos"));
    let args = ["tokenize", "none.json", "text.txt"];
    assert!(room.fails(1, &args).contains("tokenizer-eos"));
}

#[test]
fn encoded_texts_are_kept_listed_and_deleted() {
    let room = Room::new();
    let list = || room.json(&["cache", "--json"]).as_array().unwrap().clone();
    assert!(list().is_empty());
    room.train("first", "1", &[]);
    let entries = list();
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0]["train"][0], "text.txt");
    assert_eq!(entries[0]["kind"], "words");
    let path = entries[0]["path"].as_str().unwrap();
    assert!(path.starts_with(room.path("cache/elman/texts").to_str().unwrap()));
    room.train("same", "1", &["--layers", "2", "--force"]);
    assert_eq!(list().len(), 1);
    room.train("elsewhere", "1", &["--vocab", "chars", "--cache", "there"]);
    room.train("none", "1", &["--vocab", "bytes", "--no-cache"]);
    assert_eq!(list().len(), 1);
    let there = room.stdout(&["cache", "--cache", "there"]);
    assert!(
        there.contains("text.txt") && there.contains("chars"),
        "{there}"
    );
    let said = stderr(room.elman(&["cache", "clear"]).assert().success());
    assert!(said.contains("deleted 1 encoded text ("), "{said}");
    assert!(list().is_empty());
    // A run needs no cache to go on.
    room.stdout(&["train", "--resume", "first", "--steps", "2"]);
}
