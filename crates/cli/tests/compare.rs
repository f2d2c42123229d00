//! Comparing models on the command line.

use crate::common::{Room, story};
use serde_json::Value;

/// A room with two models of one vocabulary and one of another, and a text of 40 lines.
fn room() -> Room {
    let room = Room::new();
    room.write("test.txt", story(40));
    room.train("lstm", "12", &[]);
    room.train("gru", "12", &["--cell", "gru", "--vocab-from", "lstm"]);
    room.train("chars", "12", &["--vocab", "chars"]);
    let ngrams = [
        "ngram", "train", "text.txt", "-o", "kn3.bin", "--order", "3",
    ];
    room.stdout(&[&ngrams[..], &["--vocab-from", "lstm"]].concat());
    room
}

fn figures(model: &Value) -> Vec<Value> {
    let names = [
        "tokens",
        "oov",
        "total_nats",
        "loss_nats",
        "perplexity",
        "perplexity_per_word",
        "bits_per_char",
        "bits_per_byte",
        "vocab_hash",
        "text_hash",
        "model_id",
    ];
    names.iter().map(|name| model[name].clone()).collect()
}

#[test]
fn two_models_and_their_mixture() {
    let room = room();
    let args = [
        "compare",
        "lstm",
        "gru",
        "kn3.bin",
        "cache:20",
        "test.txt",
        "--dev",
        "other.txt",
    ];
    let json = room.json(&[&args[..], &["--json"]].concat());
    assert_eq!(json["measure"], "token");
    assert_eq!(json["text"], "test.txt");
    assert_eq!(json["dev"], "other.txt");
    let models = json["models"].as_array().unwrap();
    assert_eq!(models.len(), 4);
    for (model, name) in models.iter().zip(["lstm", "gru", "kn3.bin"]) {
        let alone = room.json(&["eval", name, "test.txt", "--json"]);
        assert_eq!(figures(model), figures(&alone), "{name}");
        let perplexity = model["perplexity"].as_f64().unwrap();
        assert!(model["interval"]["low"].as_f64().unwrap() < perplexity);
        assert!(model["interval"]["high"].as_f64().unwrap() > perplexity);
        let files = ["config.json", "tokenizer.json", "model.safetensors"];
        let files = files.map(|file| room.path(&format!("{name}/model/{file}")));
        let files = match room.path(name).is_file() {
            true => vec![room.path(name)],
            false => files.into(),
        };
        let lengths = files.iter().map(|file| file.metadata().unwrap().len());
        assert_eq!(model["disk_bytes"], lengths.sum::<u64>());
        assert!(model["load_ms"].as_f64().unwrap() > 0.0);
    }
    assert_eq!(models[0]["architecture"], "lstm 1×8");
    assert_eq!(models[2]["architecture"], "3-gram");
    assert_eq!(models[3]["parameters"], 0);
    assert_eq!(json["pairs"].as_array().unwrap().len(), 6);
    let weights: Vec<f64> = json["mixture"]["weights"]
        .as_array()
        .unwrap()
        .iter()
        .map(|weight| weight.as_f64().unwrap())
        .collect();
    assert!((weights.iter().sum::<f64>() - 1.0).abs() < 1e-9 && weights.len() == 4);
    assert_eq!(json["mixture"]["optimistic"], false);
    let again = room.json(&[&args[..], &["--json", "--threads", "1"]].concat());
    for part in ["pairs", "units"] {
        assert_eq!(again[part], json[part], "threads change no bit");
    }
    assert_eq!(again["mixture"]["weights"], json["mixture"]["weights"]);

    let text = room.stdout(&args);
    for part in [
        "test.txt (",
        "tokens",
        "0 OOVs (0.00 %)",
        "95 % interval",
        "bytes/parameter",
        "start-up",
        "tokens/s",
        "nats/token",
        "9,999 resamples of",
        " × lstm + ",
        "fitted on other.txt (",
        "the best single model",
        "p = ",
    ] {
        assert!(text.contains(part), "{part}\nis missing in:\n{text}");
    }
    let markdown = room.stdout(&[&args[..], &["--format", "markdown"]].concat());
    assert!(
        markdown.starts_with("| model | kind | perplexity |"),
        "{markdown}"
    );
    let ruled = markdown.lines().filter(|line| line.starts_with("|---"));
    assert_eq!(ruled.count(), 3, "{markdown}");

    let csv = room.stdout(&[&args[..], &["--format", "csv"]].concat());
    let rows: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows.len(), 1 + 4 + 1 + 6);
    let column = |name: &str| rows[0].iter().position(|cell| *cell == name).unwrap();
    for (row, model) in rows[1..5].iter().zip(models) {
        assert_eq!(row.len(), rows[0].len());
        assert_eq!(row[column("name")], model["name"]);
        let perplexity: f64 = row[column("perplexity")].parse().unwrap();
        assert_eq!(Some(perplexity), model["perplexity"].as_f64());
    }
    let weight: f64 = rows[2][column("weight")].parse().unwrap();
    assert_eq!(weight, weights[1]);
    assert_eq!(rows[5][0], "mixture");
    assert_eq!(
        rows[6][column("difference_nats")],
        json["pairs"][0]["difference_nats"].to_string()
    );
}

#[test]
fn a_single_model_and_a_text_from_a_pipe() {
    let room = room();
    let piped = room
        .elman(&["compare", "lstm", "-", "--json"])
        .write_stdin(story(40))
        .assert()
        .success();
    let piped: Value = serde_json::from_slice(&piped.get_output().stdout).unwrap();
    let named = room.json(&["compare", "lstm", "test.txt", "--json"]);
    assert_eq!(figures(&piped["models"][0]), figures(&named["models"][0]));
    assert_eq!(
        piped["models"][0]["interval"],
        named["models"][0]["interval"]
    );
    assert!(piped["mixture"].is_null() && piped["pairs"].as_array().unwrap().is_empty());
}

#[test]
fn optimism_is_marked() {
    let room = room();
    let args = ["compare", "lstm", "gru", "test.txt", "--fit-on-text"];
    let assert = room.elman(&args).assert().success();
    let output = assert.get_output();
    assert!(String::from_utf8_lossy(&output.stdout).contains("OPTIMISTIC"));
    assert!(String::from_utf8_lossy(&output.stderr).contains("are optimistic"));
    let renamed = [
        "compare", "lstm", "gru", "test.txt", "--dev", "test.txt", "--json",
    ];
    assert_eq!(room.json(&renamed)["mixture"]["optimistic"], true);
}

#[test]
fn vocabularies_that_differ_are_compared_by_word_or_refused() {
    let room = room();
    let both = ["compare", "lstm", "chars", "test.txt"];
    let json = room.json(&[&both[..], &["--json"]].concat());
    assert_eq!(json["measure"], "word");
    for (model, name) in json["models"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["lstm", "chars"])
    {
        let alone = room.json(&["eval", name, "test.txt", "--json"]);
        assert_eq!(figures(model), figures(&alone), "{name}");
    }
    assert!(json["pairs"][0]["p_value"].is_number());
    let text = room.stdout(&both);
    for part in [
        "because the vocabularies differ",
        "per word",
        "bits/char",
        "lstm 1×8, words",
        "lstm 1×8, chars",
    ] {
        assert!(text.contains(part), "{part}\nis missing in:\n{text}");
    }

    let error = room.fails(1, &[&both[..], &["--dev", "other.txt"]].concat());
    assert!(
        error.contains("cannot be mixed") && error.contains("--vocab-from"),
        "{error}"
    );
    room.write("odd.txt", story(40) + "The king spoke of kings.\n");
    let odd = ["compare", "lstm", "chars", "odd.txt"];
    let error = room.fails(1, &odd);
    assert!(
        error.contains("lstm lacks 1 of ") && error.contains("--charge-oov"),
        "{error}"
    );
    let charged = room.json(&[&odd[..], &["--charge-oov", "7", "--json"]].concat());
    let spelling = charged["models"][0]["spelling_nats"].as_f64().unwrap();
    assert!(
        (spelling - 7.0 * 6.0 * 2f64.ln()).abs() < 1e-9,
        "' kings' has six characters"
    );
    assert_eq!(charged["models"][1]["spelling_nats"], 0.0);
    let alone = ["compare", "lstm", "gru", "odd.txt"];
    assert!(room.json(&[&alone[..], &["--json"]].concat())["models"][0]["bits_per_char"].is_null());
    assert!(room.stdout(&alone).contains("without OOVs"));
    let error = room
        .elman(&["compare", "lstm", "chars", "-"])
        .write_stdin(story(40))
        .assert()
        .code(1);
    let error = String::from_utf8_lossy(&error.get_output().stderr).into_owned();
    assert!(error.contains("only once"), "{error}");
}

#[test]
fn indentation_that_a_model_does_not_predict_is_said() {
    let room = Room::new();
    let indented = |line: &str| format!("{}{line}  \n", " ".repeat(line.len() % 7));
    let code: String = story(120).lines().map(indented).collect();
    room.write("text.txt", code);
    room.train("fields", "4", &["--vocab", "whitespace"]);
    room.train("chars", "4", &["--vocab", "chars"]);
    let both = ["compare", "fields", "chars", "text.txt"];
    let error = room.fails(1, &both);
    assert!(
        error.contains("fields: decoding does not restore ") && error.contains("--charge-oov"),
        "{error}"
    );
    let table = room.stdout(&[&both[..], &["--charge-oov", "7"]].concat());
    for part in [
        "charged",
        "7 bits (4.852 nats) for each character",
        "OOVs  lost",
    ] {
        assert!(table.contains(part), "{part}\nis missing in:\n{table}");
    }
    let lost = room.json(&["eval", "fields", "text.txt", "--json"]);
    let chars: usize = story(120).lines().map(|line| line.len() % 7 + 2).sum();
    assert_eq!(lost["lost_chars"], chars);
    assert!(lost["bits_per_char"].is_null());
    let shown = room.stdout(&["eval", "fields", "text.txt"]);
    assert!(shown.contains("decoding does not restore them"), "{shown}");
    assert_eq!(
        room.json(&["eval", "chars", "text.txt", "--json"])["lost_chars"],
        0
    );
}

#[test]
fn a_foreign_arpa_file_lists_the_same_words_in_its_own_order() {
    let room = Room::new();
    room.write("test.txt", story(40));
    room.stdout(&[
        "ngram", "train", "text.txt", "-o", "own.arpa", "--order", "2",
    ]);
    let own = room.read("own.arpa");
    let (before, rest) = own.split_once("\\1-grams:\n").unwrap();
    let (words, after) = rest.split_once("\n\n").unwrap();
    let turned: Vec<&str> = words.lines().rev().collect();
    let before: String = before
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    let foreign = format!("{before}\\1-grams:\n{}\n\n{after}", turned.join("\n"));
    room.write("foreign.arpa", foreign);

    let json = room.json(&["compare", "own.arpa", "foreign.arpa", "test.txt", "--json"]);
    assert_eq!(json["measure"], "token");
    let models = &json["models"];
    assert_ne!(models[0]["vocab_hash"], models[1]["vocab_hash"]);
    assert_eq!(models[0]["total_nats"], models[1]["total_nats"]);
    assert_eq!(json["pairs"][0]["p_value"], 1.0);
}

#[test]
fn wrong_usage_says_what_would_be_right() {
    let room = Room::new();
    room.train("run", "1", &[]);
    for (args, part) in [
        (&["run"][..], "elman compare run TEXT"),
        (&["text.txt"], "elman compare MODEL text.txt"),
        (
            &["cache:5", "text.txt"],
            "takes its vocabulary from another model",
        ),
        (&["run", "cache:many", "text.txt"], "for example cache:500"),
        (&["run", "cache:0", "text.txt"], "between 1 and"),
        (
            &["run", "text.txt", "--dev", "other.txt"],
            "at least two models",
        ),
        (&["run", "cache:5", "-", "--dev", "-"], "may be given once"),
        (&["run", "text.txt", "--resamples", "3"], "between 99 and"),
        (&["run", "text.txt", "--charge-oov=-2"], "bits"),
        (
            &["run", "text.txt", "--json", "--format", "csv"],
            "cannot be used with",
        ),
        (
            &[
                "run",
                "cache:5",
                "text.txt",
                "--dev",
                "other.txt",
                "--fit-on-text",
            ],
            "cannot be used with",
        ),
    ] {
        let error = room.fails(2, &[&["compare"], args].concat());
        assert!(error.contains(part), "{args:?}: {error}");
    }
    for (args, part) in [
        (["run", "nothing.txt"], "no such file"),
        (["nothing", "text.txt"], "nothing"),
    ] {
        let error = room.fails(1, &[&["compare"], &args[..]].concat());
        assert!(error.contains(part), "{args:?}: {error}");
    }
}
