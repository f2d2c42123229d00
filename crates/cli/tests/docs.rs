//! The outputs that docs/ shows are those of the program.
//!
//! Every `console` block follows a remark: `<!-- checked -->`, and its commands are run here, or `<!-- not checked: REASON -->`, for
//! outputs that take long to make or are timings. `tools/write_docs.sh` writes the outputs of checked blocks anew.

#![allow(
    clippy::disallowed_methods,
    reason = "the pages are this repository's own"
)]

use crate::common::Room;
use std::path::{Path, PathBuf};

const CHECKED: &str = "<!-- checked -->";
const NOT_CHECKED: &str = "<!-- not checked: ";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn outputs_in_docs_are_what_the_program_prints() {
    let write = std::env::var_os("ELMAN_WRITE_DOCS").is_some();
    let mut checked = 0;
    let mut pages: Vec<PathBuf> = std::fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "md"))
        .collect();
    pages.sort();
    for page in pages {
        let text = std::fs::read_to_string(&page).unwrap();
        let room = Room::new();
        room.write(
            "data/kjv.txt",
            std::fs::read(root().join("data/kjv.txt")).unwrap(),
        );
        room.write("small.arpa", include_str!("score/small.arpa"));
        room.write("small.txt", include_str!("score/small.txt"));
        room.write("pairs.tsv", crate::minimal_pairs::PAIRS);
        if text.contains("test.nbest") {
            crate::rescore::noisy_lists(&room);
        }
        let (made, blocks) = with_outputs(&text, &page, &room);
        checked += blocks;
        if write {
            std::fs::write(&page, made).unwrap();
            continue;
        }
        for (number, (shown, made)) in (1..).zip(text.lines().zip(made.lines())) {
            assert_eq!(
                shown,
                made,
                "{}:{number} is not what the program prints; tools/write_docs.sh writes it anew",
                page.display()
            );
        }
        assert_eq!(
            text.lines().count(),
            made.lines().count(),
            "{}",
            page.display()
        );
    }
    assert!(checked > 0, "no block of docs/ is checked");
}

/// The page `text` with the outputs of checked blocks as the program prints them in `room`, and how many blocks these are.
fn with_outputs(text: &str, page: &Path, room: &Room) -> (String, usize) {
    let (mut made, mut blocks) = (String::new(), 0);
    let mut remark = "";
    let mut lines = text.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        made += line;
        made += "\n";
        if line != "```console" {
            remark = line;
            continue;
        }
        let checked = remark == CHECKED;
        assert!(
            checked || remark.starts_with(NOT_CHECKED),
            "{}:{}: a console block needs the remark {CHECKED} or {NOT_CHECKED}REASON --> above it",
            page.display(),
            number + 1
        );
        blocks += usize::from(checked);
        let mut command = String::new();
        for (_, line) in lines.by_ref() {
            let ends = line == "```";
            // Outputs are left out: they are made anew.
            let of_command = line.starts_with("$ ") || command.ends_with('\\');
            if !checked || ends || of_command {
                made += line;
                made += "\n";
            }
            if ends {
                break;
            }
            if !checked || !of_command {
                continue;
            }
            command = match command.strip_suffix('\\') {
                Some(begun) => format!("{begun} {line}"),
                None => line.to_owned(),
            };
            if !command.ends_with('\\') {
                made += &output(&command, room);
                command.clear();
            }
        }
    }
    (made, blocks)
}

/// What `$ elman ARGUMENTS` prints.
fn output(command: &str, room: &Room) -> String {
    let mut words = command.split_whitespace();
    assert_eq!(
        (words.next(), words.next()),
        (Some("$"), Some("elman")),
        "{command}"
    );
    let args: Vec<&str> = words.collect();
    room.stdout(&args)
}
