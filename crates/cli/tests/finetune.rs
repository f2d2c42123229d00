//! Going on from a model, on a text and on its own words.

use crate::common::Room;

#[test]
fn a_model_is_trained_on_a_text_and_on_its_own_words() {
    let room = Room::new();
    room.train("base", "3", &[]);
    let command = |run: &'static str| {
        [
            "finetune",
            "base",
            "text.txt",
            "--on-generated",
            "0.5",
            "--beginning",
            "4",
            "--continuation",
            "12",
            "--batch-size",
            "2",
            "--bptt",
            "5",
            "--steps",
            "2",
            "--run",
            run,
        ]
    };
    room.stdout(&command("mixed"));
    let own = std::fs::read(room.path("mixed/own.txt")).unwrap_or_default();
    let text = std::fs::read(room.path("text.txt")).unwrap_or_default();
    assert!(
        own.len() > text.len() / 4,
        "{} of {}",
        own.len(),
        text.len()
    );
    // The same choices write the same text and train the same model.
    room.stdout(&command("again"));
    let hash = |run: &str| room.json(&["info", run, "--json"])["checkpoint"]["hash"].clone();
    assert_eq!(hash("mixed"), hash("again"));
    assert_eq!(
        std::fs::read(room.path("again/own.txt")).unwrap_or_default(),
        own
    );
    // It is a run like any other.
    room.stdout(&["train", "--resume", "mixed", "--steps", "3"]);
    let said = room.fails(1, &command("mixed"));
    assert!(said.contains(" -o") && said.contains("--force"), "{said}");
    room.stdout(&[&command("mixed")[..], &["--force"]].concat());
    assert_eq!(hash("mixed"), hash("again"));
    // Standard input is read once and kept.
    let piped: Vec<&str> = command("piped")
        .map(|arg| if arg == "text.txt" { "-" } else { arg })
        .to_vec();
    let stdin = room.read("text.txt");
    room.elman(&piped).write_stdin(stdin).assert().success();
    assert_eq!(hash("piped"), hash("again"));
    room.train("again", "2", &["--force"]);
    assert!(!room.path("again/own.txt").exists());
    // Without own words: the text alone, at a low rate.
    room.stdout(&[
        "finetune",
        "base",
        "text.txt",
        "--batch-size",
        "2",
        "--bptt",
        "5",
        "--steps",
        "1",
        "--run",
        "plain",
    ]);
    assert!(!room.path("plain/own.txt").exists());
    let config = &room.json(&["info", "plain", "--json"])["record"]["config"];
    assert_eq!(config["lr"], 0.001);
}

#[test]
fn what_a_model_has_cannot_be_chosen_again() {
    let room = Room::new();
    room.train("base", "1", &[]);
    for args in [
        &["finetune", "base"][..],
        &["finetune", "base", "text.txt", "--hidden", "9"],
        &["finetune", "base", "text.txt", "--vocab", "chars"],
        &["finetune", "base", "text.txt", "--on-generated", "1"],
        &["finetune", "base", "text.txt", "--continuation", "5"],
        &[
            "finetune",
            "base",
            "text.txt",
            "--on-generated",
            "0.5",
            "--continuation",
            "0",
        ],
        &[
            "finetune",
            "base",
            "text.txt",
            "--on-generated",
            "--dry-run",
        ],
    ] {
        room.fails(2, args);
    }
    room.fails(
        1,
        &[
            "finetune",
            "nowhere",
            "text.txt",
            "--on-generated",
            "0.5",
            "--run",
            "x",
        ],
    );
    room.fails(
        1,
        &[
            "finetune",
            "base",
            "text.txt",
            "--on-generated",
            "0.5",
            "--run",
            "base",
        ],
    );
    // More than beginnings of this length leave.
    let mostly = [
        "finetune",
        "base",
        "text.txt",
        "--on-generated",
        "0.9",
        "--run",
        "x",
    ];
    let said = room.fails(1, &mostly);
    assert!(
        said.contains("83.3 %") && said.contains("--beginning"),
        "{said}"
    );
    assert!(!room.path("x").exists());
    room.stdout(&[&mostly[..], &["--beginning", "0", "--steps", "1"]].concat());
}

/// What standard error says of a command that succeeds.
fn said(room: &Room, args: &[&str]) -> String {
    let assert = room.elman(args).assert().success();
    String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
}

/// A name a line, and a model of them that reads line by line.
fn names() -> Room {
    let room = Room::new();
    let name = |i: usize| {
        let letter = |k: usize| char::from(b'a' + ((i * 7 + k * k * 3) % 5) as u8);
        (0..4 + i % 4).map(letter).collect::<String>() + "\n"
    };
    room.write("names.txt", (0..200).map(name).collect::<String>());
    let sizes = [
        "--vocab",
        "chars",
        "--hidden",
        "8",
        "--batch-size",
        "4",
        "--steps",
        "20",
        "--warmup",
        "20",
    ];
    let train = [
        "train",
        "names.txt",
        "--layout",
        "sentences",
        "--run",
        "base",
    ];
    room.stdout(&[&train[..], &sizes].concat());
    room
}

fn config(room: &Room, run: &str) -> serde_json::Value {
    room.json(&["info", run, "--json"])["record"]["config"].clone()
}

#[test]
fn a_model_of_sentences_goes_on_with_sentences() {
    let room = names();
    let tune = ["finetune", "base", "names.txt", "--steps", "2", "--run"];
    said(&room, &[&tune[..], &["tuned"]].concat());
    let start = [
        "train",
        "names.txt",
        "--init-from",
        "base",
        "--steps",
        "2",
        "--run",
    ];
    said(&room, &[&start[..], &["started"]].concat());
    for run in ["tuned", "started"] {
        assert_eq!(config(&room, run)["layout"], "sentences", "{run}");
        let model = room.json(&["info", &format!("{run}/model"), "--json"]);
        assert_eq!(model["model"]["layout"], "sentences", "{run}");
    }
    // Another layout is a choice, and is said.
    let told = said(
        &room,
        &[&tune[..], &["stream", "--layout", "stream"]].concat(),
    );
    assert!(
        told.contains(
            "base was trained with layout sentences, and this run reads its text with layout stream"
        ),
        "{told}"
    );
    let refused = room.fails(2, &[&tune[..], &["x", "--bptt", "5"]].concat());
    assert!(
        refused.contains("--bptt") && refused.contains("base was trained with layout sentences"),
        "{refused}"
    );
    // Lines of its own make the share that was asked for.
    let mixed = ["mixed", "--on-generated", "0.5", "--beginning", "3"];
    let told = said(&room, &[&tune[..], &mixed].concat());
    let own = room.read("mixed/own.txt");
    assert!(
        own.lines().count() > 150 && own.lines().all(|line| line.len() < 110),
        "{own}"
    );
    assert!(told.contains(", 50.0 %, are the model's own"), "{told}");
    assert_eq!(config(&room, "mixed")["layout"], "sentences");
}

#[test]
fn what_a_model_overrules_is_said() {
    let room = Room::new();
    room.train("base", "1", &[]);
    room.write("large.toml", "hidden = 64\ncell = 'gru'\nsteps = 1\n");
    let tune = [
        "finetune",
        "base",
        "text.txt",
        "--config",
        "large.toml",
        "--run",
        "x",
    ];
    let told = said(&room, &tune);
    assert!(
        told.contains(
            "those of base, whatever is chosen here: cell = gru, hidden = 64, embed = 64"
        ),
        "{told}"
    );
    let spaced = [
        "--vocab",
        "whitespace",
        "--layout",
        "sentences",
        "--loss-after",
        "the",
    ];
    room.write("answers.txt", "of the kings\n".repeat(50));
    let train = [
        "train",
        "answers.txt",
        "--hidden",
        "8",
        "--steps",
        "1",
        "--run",
        "asked",
    ];
    room.stdout(&[&train[..], &spaced].concat());
    let tune = [
        "finetune",
        "asked",
        "answers.txt",
        "--steps",
        "1",
        "--run",
        "y",
    ];
    let told = said(&room, &tune);
    assert!(told.contains("set --loss-after to"), "{told}");
    let both = [
        "finetune",
        "asked",
        "answers.txt",
        "--on-generated",
        "--loss-after",
        "the",
    ];
    assert!(
        room.fails(1, &both)
            .contains("loss-after learns answers alone")
    );
}
