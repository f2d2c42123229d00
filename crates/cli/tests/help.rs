//! What the command says about itself.

use crate::common::Room;

#[test]
fn every_help_has_examples_and_fits_a_page() {
    let room = Room::new();
    for command in room.commands() {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        args.push("--help");
        let page = room.stdout(&args);
        // `elman ngram` has only commands, and its help lists them.
        assert!(
            page.contains("Examples:\n") || command == ["ngram"],
            "{page}"
        );
        let widest = page.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= 100, "{page}");
    }
}

#[test]
fn every_command_is_in_the_list_of_commands() {
    let list = include_str!("../../../docs/COMMANDS.md");
    for command in Room::new().commands() {
        // The commands of `elman ngram` that are those of `elman`, and headings of nested commands.
        let twice = ["eval", "generate", "info"];
        let is_heading = command == ["ngram"] || command == ["inspect"] || command == ["synth"];
        if is_heading
            || command.first().is_some_and(|first| first == "ngram")
                && twice.contains(&command[1].as_str())
        {
            continue;
        }
        let called = format!("elman {}", command.join(" "));
        let called = called.trim_end();
        assert!(list.contains(called), "{called} is not in docs/COMMANDS.md");
    }
}

#[test]
fn train_shows_the_defaults_of_the_library() {
    let room = Room::new();
    let help = room.stdout(&["train", "--help"]);
    let config = elman::train::Config::default();
    for default in [
        format!("[default: {}]", config.hidden),
        format!("[default: {}]", config.lr),
        format!("[default: {}]", config.vocab),
        format!("[default: {}]", config.seed),
    ] {
        assert!(help.contains(&default), "{default}: {help}");
    }
    assert!(!help.contains("[default: ]"), "{help}");
}

#[test]
fn every_choice_of_training_is_an_option_and_documented() {
    let room = Room::new();
    let help = room.stdout(&["train", "--help"]);
    let docs = include_str!("../../../docs/TRAINING.md");
    for choice in elman::train::config::options() {
        // The weights stand behind the texts that they are of.
        let option = match choice.name.as_str() {
            "corpus-weights" => "--corpus".to_owned(),
            choice => format!("--{choice}"),
        };
        let is_followed = |text: &str| {
            text.match_indices(&option).any(|(at, _)| {
                !text[at + option.len()..].starts_with(|c: char| c == '-' || c.is_alphanumeric())
            })
        };
        assert!(is_followed(&help), "{option} is not in the help");
        assert!(is_followed(docs), "{option} is not in docs/TRAINING.md");
    }
}

#[test]
fn examples_of_train_are_command_lines_that_parse() {
    // With --memory 0 a command that gets past its arguments stops at the plan or at a missing file: code 1, never 2.
    let room = Room::new();
    let help = room.stdout(&["train", "--help"]);
    let examples = help
        .split_once("Examples:\n")
        .unwrap()
        .1
        .replace("\\\n", " ");
    let mut seen = 0;
    for line in examples.lines().filter(|line| line.contains("elman train")) {
        let command = line.split("elman train").nth(1).unwrap();
        let args: Vec<&str> = std::iter::once("train")
            .chain(command.split_whitespace())
            .collect();
        room.elman(&[&args[..], &["--memory", "0"]].concat())
            .write_stdin("a b c\n")
            .assert()
            .code(1);
        seen += 1;
    }
    assert!(seen >= 6, "{help}");
}

#[test]
fn wrong_usage_has_exit_code_2() {
    let room = Room::new();
    for args in [
        &[][..],
        &["trian"],
        &["train"],
        &["train", "text.txt", "--no-such-option"],
        &["train", "text.txt", "--epochs", "1", "--steps", "2"],
        &["train", "text.txt", "--lr", "nan"],
        &["train", "text.txt", "--hidden", "-5"],
        &["train", "text.txt", "--threads", "0"],
        &["train", "text.txt", "--memory", "much"],
        &["train", "text.txt", "--force"],
        &["train", "text.txt", "--resume", "runs/text"],
        &["train", "--resume", "runs/text", "--lr", "1"],
        &["train", "text.txt", "--dropout", "1"],
        &["train", "text.txt", "--lr-scale", "bais=2"],
        &["train", "text.txt", "--decay-scale", "bias=-1"],
        &["train", "text.txt", "--lr-scale", "output=2", "--tied"],
        &["train", "text.txt", "--nesterov"],
        &["train", "text.txt", "--clip-value", "0"],
        &["train", "text.txt", "--accumulate", "0"],
        &["train", "text.txt", "--noise", "-1"],
        &["train", "text.txt", "--average-from", "0"],
        &[
            "train",
            "text.txt",
            "--average-from",
            "1",
            "--average-trigger",
            "5",
        ],
        &["train", "text.txt", "--cycle-start", "1"],
        &["train", "text.txt", "--cycle-div", "0.5"],
        &["train", "text.txt", "--plateau-threshold", "1"],
        &["train", "text.txt", "--batch-size", "0"],
        &["train", "text.txt", "--hidden", "8,4", "--layers", "3"],
        &["train", "text.txt", "--hidden", "8,x"],
        &["train", "text.txt", "--dropout-between", "1"],
        &["train", "text.txt", "--weight-drop", "1"],
        &["train", "text.txt", "--label-smoothing", "1"],
        &["train", "text.txt", "--tied", "--no-tied"],
        &["train", "-", "-"],
        &["sweep", "text.txt"],
        &["sweep", "text.txt", "--lr", "0.1"],
        &["sweep", "text.txt", "--lr", "0.1,fast"],
        &["sweep", "-", "--lr", "0.1,0.2"],
        &["sweep", "text.txt", "--lr", "0.1,0.2", "--dropout", "0.1,1"],
        &["watch"],
        &["watch", "run", "--csv", "--json"],
        &["runs", "--sort", "colour"],
        &["eval", "model"],
        &["eval", "model", "-", "-"],
        &["generate", "model", "--top-p", "0"],
        &["generate", "model", "--stop", ""],
        &["generate", "model", "--greedy", "--temperature", "1"],
        &["tokenize", "--vocab", "words", "text.txt"],
        &[
            "tokenize",
            "--vocab",
            "syllables",
            "--save",
            "t.json",
            "text.txt",
        ],
    ] {
        let assert = room.elman(args).assert().code(2);
        let stderr = String::from_utf8_lossy(&assert.get_output().stderr);
        assert!(
            !stderr.is_empty() && !stderr.contains("panicked"),
            "{args:?}: {stderr}"
        );
    }
    assert!(
        !room.path("runs").exists(),
        "wrong usage leaves nothing behind"
    );
}

#[test]
fn completions_and_pages_are_made() {
    let room = Room::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = room.stdout(&["completions", shell]);
        assert!(
            script.contains("elman") && script.contains("max-vocab"),
            "{shell}"
        );
    }
    assert!(room.stdout(&["man"]).contains(".TH elman 1"));
    room.elman(&["man", "-o", "share/man1"]).assert().success();
    for command in room.commands() {
        let name = [&["elman".to_owned()], &command[..]].concat().join("-");
        let page = room.read(&format!("share/man1/{name}.1"));
        assert!(page.contains(&name.replace('-', "\\-")), "{page}");
    }
    assert!(room.read("share/man1/elman.1").contains("Examples:"));
    // Every page that another one names is there, those of commands of commands too.
    let pages = std::fs::read_dir(room.path("share/man1")).unwrap();
    let pages: Vec<String> = pages
        .map(|page| page.unwrap().file_name().into_string().unwrap())
        .collect();
    assert!(
        pages.contains(&"elman-ngram-train.1".to_owned()),
        "{pages:?}"
    );
    for page in &pages {
        let text = room.read(&format!("share/man1/{page}")).replace('\\', "");
        let named = text.split("(1)").map(|before| {
            let name = before.rsplit(|c: char| c.is_whitespace()).next().unwrap();
            format!("{name}.1")
        });
        let named = named.filter(|name| name.starts_with("elman-"));
        for name in named {
            assert!(pages.contains(&name), "{page} names {name}");
        }
    }
}

#[test]
fn the_short_help_of_training_has_the_options_of_every_day() {
    let room = Room::new();
    let [short, long] = ["-h", "--help"].map(|flag| room.stdout(&["train", flag]));
    assert!(short.lines().count() < 40, "{short}");
    for option in ["--vocab", "--hidden", "--epochs", "--output", "--resume"] {
        assert!(short.contains(option), "{short}");
    }
    assert!(!short.contains("--weight-drop"), "{short}");
    // They come first among all options, too.
    let first = |option: &str| long.find(option).unwrap();
    assert!(first("--resume <RUN>") < first("--weight-drop"), "{long}");
}
