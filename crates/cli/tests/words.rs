//! The words that users read: strings of the sources, help of all commands, pages and docs.
//!
//! `tools/strings.sh` prints all of them, to be read from beginning to end after a change.

#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "the sources are this repository's own"
)]

use crate::common::Room;
use proc_macro2::{TokenStream, TokenTree};
use std::path::{Path, PathBuf};

/// Words and phrases that are replaced by the field's terms, in lower case. A space at an end is the border of a word.
const AVOIDED: [&str; 30] = [
    " lane ",
    " lanes ",
    " told ",
    " borne ",
    " healthy ",
    " honest ",
    " rooms ",
    " packed copies ",
    " looked at ",
    " goes on ",
    " go on ",
    " going on ",
    " so many ",
    " anew ",
    " stands twice ",
    " stands there ",
    " stands in ",
    " stands between ",
    " stands before ",
    " stands after ",
    " entrant ",
    " duels ",
    " is no model ",
    " is no number ",
    " nothing to mend ",
    " nats a token ",
    " bits a character ",
    " ms an update ",
    " an update ( ",
    " runsnapshot ",
];

/// A text that users read, and where it is.
struct Shown {
    place: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Files below a directory whose names end in one of `endings`, in the order of their names.
fn files(below: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![below.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if path.is_dir() {
                left.push(path);
            } else if ending.is_some_and(|ending| endings.contains(&ending)) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

/// Sentences among the string literals and doc comments of a program, without tests and messages about elman's own mistakes.
fn literals(tokens: TokenStream, place: &str, found: &mut Vec<Shown>) {
    let mut trees = tokens.into_iter().peekable();
    let mut skip_item = false;
    while let Some(tree) = trees.next() {
        match tree {
            TokenTree::Punct(mark) if mark.as_char() == '#' => {
                let attribute = trees.peek().map(ToString::to_string).unwrap_or_default();
                if attribute == "[cfg (test)]" || attribute == "[test]" {
                    skip_item = true;
                }
            }
            TokenTree::Punct(mark) if mark.as_char() == ';' => skip_item = false,
            TokenTree::Ident(name) => {
                let own_mistake = ["expect", "panic", "unreachable", "debug_assert"];
                let name = name.to_string();
                if own_mistake.contains(&name.as_str()) || name.starts_with("assert") {
                    while trees
                        .next_if(
                            |next| matches!(next, TokenTree::Punct(mark) if mark.as_char() == '!'),
                        )
                        .is_some()
                    {}
                    trees.next_if(|next| matches!(next, TokenTree::Group(_)));
                }
            }
            TokenTree::Group(group) => {
                if !skip_item {
                    literals(group.stream(), place, found);
                }
                if group.delimiter() == proc_macro2::Delimiter::Brace {
                    skip_item = false;
                }
            }
            TokenTree::Literal(literal) if !skip_item => {
                let written = literal.to_string();
                let Some(inside) = written
                    .strip_prefix("r#")
                    .or(written.strip_prefix('r'))
                    .or(Some(written.as_str()))
                    .and_then(|text| text.strip_prefix('"'))
                else {
                    continue;
                };
                let text = inside.trim_end_matches('#').trim_end_matches('"');
                if is_sentence(text) {
                    found.push(Shown {
                        place: format!("{place}:{}", literal.span().start().line),
                        text: text.to_owned(),
                    });
                }
            }
            TokenTree::Literal(_) | TokenTree::Punct(_) => {}
        }
    }
}

/// Whether a text has two words or more.
fn is_sentence(text: &str) -> bool {
    let is_word = |word: &&str| word.chars().filter(|c| c.is_lowercase()).count() > 1;
    text.split_whitespace().filter(is_word).count() > 1
}

fn of_sources(found: &mut Vec<Shown>) {
    for part in ["crates", "bindings/python/src"] {
        for path in files(&root().join(part), &["rs"]) {
            let place = relative(&path);
            let is_test = ["/tests", "/testing", "/examples/", "/benches/"];
            if is_test.iter().any(|part| place.contains(part)) {
                continue;
            }
            let source = std::fs::read_to_string(&path).unwrap();
            literals(source.parse().expect(&place), &place, found);
        }
    }
}

fn of_help(found: &mut Vec<Shown>) {
    let room = Room::new();
    for command in room.commands() {
        let mut args: Vec<&str> = command.iter().map(String::as_str).collect();
        args.push("--help");
        found.push(Shown {
            place: format!("elman {}", args.join(" ")),
            text: room.stdout(&args),
        });
    }
}

/// Pages and docs without blocks of code.
fn of_pages(found: &mut Vec<Shown>) {
    let mut pages = files(&root().join("docs"), &["md"]);
    pages.extend(
        [
            "README.md",
            "CONTRIBUTING.md",
            "bindings/python/README.md",
            "bench/README.md",
        ]
        .map(|name| root().join(name)),
    );
    for path in pages {
        let mut in_code = false;
        for (number, line) in (1..).zip(std::fs::read_to_string(&path).unwrap().lines()) {
            if line.trim_start().starts_with("```") {
                in_code = !in_code;
            } else if !in_code && is_sentence(line) {
                found.push(Shown {
                    place: format!("{}:{number}", relative(&path)),
                    text: line.to_owned(),
                });
            }
        }
    }
}

fn shown() -> Vec<Shown> {
    let mut found = Vec::new();
    of_help(&mut found);
    of_sources(&mut found);
    of_pages(&mut found);
    found
}

#[test]
fn words_are_those_of_the_field() {
    let shown = shown();
    if std::env::var_os("ELMAN_PRINT_STRINGS").is_some() {
        for Shown { place, text } in &shown {
            println!("{place}: {text}");
        }
    }
    assert!(shown.len() > 2000, "only {} texts were found", shown.len());
    let mut faults = Vec::new();
    for Shown { place, text } in &shown {
        let words: Vec<String> = text
            .to_lowercase()
            .split(|c: char| !c.is_alphanumeric() && c != '(' && c != '_')
            .filter(|word| !word.is_empty())
            .map(ToOwned::to_owned)
            .collect();
        let text = format!(" {} ", words.join(" "));
        for avoided in AVOIDED.iter().filter(|avoided| text.contains(*avoided)) {
            faults.push(format!("{place}:{avoided}in{text}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
