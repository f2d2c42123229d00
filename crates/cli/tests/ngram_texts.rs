//! `elman ngram train` and its texts: pipes, scratch files, markers of sentences, options of lmplz, and what is refused.
#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::{Room, story};
use crate::ngram::train;

#[test]
fn a_text_may_come_from_a_pipe_and_be_sorted_on_disk() {
    let room = Room::new();
    train(&room, "lm.arpa", &[]);
    let args = [
        "ngram",
        "train",
        "-",
        "-o",
        "piped.arpa",
        "--memory",
        "1kB",
        "--threads",
        "3",
        "--scratch",
        ".",
    ];
    room.elman(&args)
        .write_stdin(room.read("text.txt"))
        .assert()
        .success();
    assert_eq!(room.read("piped.arpa"), room.read("lm.arpa"));
}

#[cfg(unix)]
#[test]
fn pipes_are_copied_and_endless_files_refused() {
    let room = Room::new();
    train(&room, "lm.arpa", &["--order", "2"]);
    let mut writer = std::process::Command::new("sh")
        .args(["-c", "mkfifo pipe && touch made && cat text.txt > pipe"])
        .current_dir(room.path("."))
        .spawn()
        .unwrap();
    while !room.path("made").exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let args = ["ngram", "train", "pipe", "-o", "piped.arpa", "--order", "2"];
    room.stdout(&args);
    assert!(writer.wait().unwrap().success());
    assert_eq!(room.read("piped.arpa"), room.read("lm.arpa"));
    let args = [
        "ngram",
        "train",
        "/dev/stdin",
        "-o",
        "stdin.arpa",
        "--order",
        "2",
    ];
    room.elman(&args)
        .write_stdin(room.read("text.txt"))
        .assert()
        .success();
    assert_eq!(room.read("stdin.arpa"), room.read("lm.arpa"));
    let refused = room.fails(1, &["ngram", "train", "/dev/zero", "-o", "zero.arpa"]);
    assert!(refused.contains("may never end"), "{refused}");
}

#[test]
fn nothing_that_is_read_is_overwritten() {
    let room = Room::new();
    train(&room, "lm.arpa", &["--order", "2"]);
    train(&room, "other.arpa", &["--order", "2"]);
    // A text that is called as a model is.
    room.write("text.arpa", story(20));
    let before = ["lm.arpa", "other.arpa", "text.arpa"].map(|name| room.read(name));
    let mut cases = vec![
        vec!["train", "text.arpa", "-o", "text.arpa"],
        vec![
            "train",
            "text.txt",
            "-o",
            "lm.arpa",
            "--vocab-from",
            "lm.arpa",
        ],
        vec!["convert", "lm.arpa", "./lm.arpa"],
        vec![
            "convert",
            "lm.arpa",
            "text.arpa",
            "--prune-entropy",
            "1e-5",
            "--history",
            "text.arpa",
        ],
        vec![
            "mix",
            "lm.arpa",
            "other.arpa",
            "--weights",
            "0.5,0.5",
            "--force",
            "-o",
            "other.arpa",
        ],
    ];
    if cfg!(unix) {
        #[cfg(unix)]
        std::os::unix::fs::symlink(room.path("lm.arpa"), room.path("link.arpa")).unwrap();
        cases.push(vec!["convert", "lm.arpa", "link.arpa"]);
        cases.push(vec!["convert", "link.arpa", "lm.arpa"]);
    }
    for case in cases {
        let refused = room.fails(2, &[&["ngram"], &case[..]].concat());
        assert!(
            refused.contains("would be overwritten"),
            "{case:?} {refused}"
        );
        let after = ["lm.arpa", "other.arpa", "text.arpa"].map(|name| room.read(name));
        assert!(after == before, "{case:?}");
    }
}

#[test]
fn a_model_that_is_there_is_replaced_only_with_force() {
    let room = Room::new();
    train(&room, "lm.arpa", &["--order", "2"]);
    train(&room, "lm.bin", &["--order", "2"]);
    for case in [
        &["train", "text.txt", "--order", "2", "-o"][..],
        &["convert", "lm.bin"],
        &["convert", "lm.bin", "-o"],
        &["mix", "lm.arpa", "lm.bin", "--weights", "1,0", "-o"],
    ] {
        for there in ["there.arpa", "there.bin"] {
            room.write(there, "a file of somebody");
            let command = [&["ngram"], case, &[there]].concat();
            let refused = room.fails(1, &command);
            assert!(refused.contains("replace it with --force"), "{refused}");
            assert_eq!(room.read(there), "a file of somebody", "{case:?}");
            room.stdout(&[&command[..], &["--force"]].concat());
            assert!(
                room.stdout(&["info", there]).contains("n-grams"),
                "{case:?}"
            );
        }
    }
}

#[test]
fn scratch_directories_are_checked_before_the_work() {
    let room = Room::new();
    for scratch in ["nowhere", "text.txt"] {
        // The text is not there: it has not been looked at yet.
        let args = [
            "ngram",
            "train",
            "missing.txt",
            "-o",
            "lm.arpa",
            "--scratch",
            scratch,
        ];
        let refused = room.fails(1, &args);
        assert!(
            refused.contains(scratch) && refused.contains("another directory with --scratch"),
            "{refused}"
        );
    }
}

#[test]
fn markers_of_sentences_are_noted_and_left_out_on_demand() {
    let room = Room::new();
    train(&room, "lm.arpa", &["--order", "3"]);
    let marked = |text: String| -> String {
        let lines = text.lines().map(|line| format!("<s> {line} </s>\n"));
        lines.collect()
    };
    room.write("marked.txt", marked(room.read("text.txt")));
    let said = |args: &[&str]| {
        let assert = room.elman(args).assert().success();
        String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
    };
    let eval = ["eval", "lm.arpa", "marked.txt"];
    let note = "note: 240 markers (<s> and </s>)";
    assert!(said(&eval).contains(&format!("{note} read as words")));
    let skipping = [&eval[..], &["--skip_symbols"]].concat();
    assert!(said(&skipping).contains(&format!("{note} left out")));
    let plain = room.json(&["eval", "lm.arpa", "text.txt", "--json"]);
    let found = room.json(&[&skipping[..], &["--json"]].concat());
    for figure in [
        "tokens",
        "oov",
        "total_nats",
        "fields",
        "perplexity_per_word",
    ] {
        assert_eq!(found[figure], plain[figure], "{figure}");
    }
    let found = room.json(&[&eval[..], &["--json"]].concat());
    assert_eq!(found["oov"], 240);
    // Training.
    let train = ["ngram", "train", "marked.txt", "--order", "3", "-o"];
    let refused = room.fails(1, &[&train[..], &["marked.arpa"]].concat());
    assert!(refused.contains("--skip-symbols"), "{refused}");
    let binary = [&train[..], &["marked.bin"]].concat();
    assert!(said(&binary).contains(&format!("{note} read as words")));
    let skipping = [&train[..], &["skipped.arpa", "--skip-symbols"]].concat();
    assert!(said(&skipping).contains(&format!("{note} left out")));
    assert_eq!(room.read("skipped.arpa"), room.read("lm.arpa"));
    // Fitting weights.
    let mix = |dev: &str, more: &[&str]| {
        let args = [
            "ngram",
            "mix",
            "lm.arpa",
            "skipped.arpa",
            "--dev",
            dev,
            "-o",
        ];
        room.json(&[&args[..], &["mixed.bin", "--json", "--force"], more].concat())
    };
    let (plain, found) = (mix("text.txt", &[]), mix("marked.txt", &["--skip-symbols"]));
    assert_eq!(plain["dev_perplexity"], found["dev_perplexity"]);
    // Where they are no words, the option means nothing.
    let args = [
        &train[..],
        &["x.arpa", "--vocab", "chars", "--skip-symbols"],
    ]
    .concat();
    assert!(room.fails(2, &args).contains("of kind chars"));
}

#[test]
fn options_may_be_spelled_as_those_of_lmplz() {
    let room = Room::new();
    train(
        &room,
        "commas.arpa",
        &["--prune", "0,0,1", "--memory", "64MB"],
    );
    train(
        &room,
        "spaces.arpa",
        &["--prune", "0 0 1", "-S", "10%", "-T", "."],
    );
    assert_eq!(room.read("commas.arpa"), room.read("spaces.arpa"));
    let args = [
        "ngram", "train", "text.txt", "-o", "x.arpa", "--prune", "0 x",
    ];
    assert!(room.fails(2, &args).contains("such as 0,0,1"));
}

#[test]
fn undefined_discounts_are_one_note() {
    let room = Room::new();
    room.write("text.txt", "a b\na b\n");
    let args = ["ngram", "train", "text.txt", "-o", "lm.arpa", "-n", "3"];
    let assert = room.elman(&args).assert().success();
    let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    let notes = said.lines().filter(|line| line.contains("discounts"));
    assert_eq!(notes.count(), 1, "{said}");
    assert!(
        said.contains("the discounts of orders 1, 2, 3: using 0.5, 1 and 1.5"),
        "{said}"
    );
}

#[test]
fn what_cannot_be_done_is_refused_before_the_work() {
    let room = Room::new();
    for (args, part) in [
        (
            &["-o", "lm.txt"][..],
            "the extension of the file sets its format",
        ),
        (&["-o", "lm.arpa", "--order", "0"], "between 1 and 32"),
        (&["-o", "lm.arpa", "--prune", "0,2,1"], "never fall"),
        (&["-o", "lm.arpa", "--prune", "1"], "begin with 0"),
        (&["-o", "nowhere/lm.arpa"], "nowhere"),
        (&["-o", "-", "--json"], "standard output"),
    ] {
        let args = [&["ngram", "train", "text.txt"], args].concat();
        let assert = room.elman(&args).assert().failure();
        let said = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
        assert!(
            said.contains(part) && !said.contains("panicked"),
            "{part}: {said}"
        );
    }
    room.write(
        "broken.arpa",
        "\\data\\\nngram 1=2\n\n\\1-grams:\n-1\ta\n\n\\end\\\n",
    );
    let said = room.fails(1, &["ngram", "eval", "broken.arpa", "text.txt"]);
    assert!(
        said.contains("broken.arpa") && said.contains("line"),
        "{said}"
    );
}
