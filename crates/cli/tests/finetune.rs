//! Going on from a model, on a text and on its own words.

mod common;
use common::Room;

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
            "--lanes",
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
    assert!(
        said.contains("--run") && !said.contains("--force"),
        "{said}"
    );
    room.fails(2, &[&command("mixed")[..], &["--force"]].concat());
    room.train("again", "2", &["--force"]);
    assert!(!room.path("again/own.txt").exists());
    // Without own words: the text alone, at a low rate.
    room.stdout(&[
        "finetune", "base", "text.txt", "--lanes", "2", "--bptt", "5", "--steps", "1", "--run",
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
            "-",
            "--on-generated",
            "0.5",
            "--run",
            "x",
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
    // So much of its own that the validation text would lend beginnings.
    let mostly = [
        "finetune",
        "base",
        "text.txt",
        "--on-generated",
        "0.9",
        "--run",
        "x",
    ];
    assert!(room.fails(2, &mostly).contains("--valid"));
    assert!(!room.path("x").exists());
}
