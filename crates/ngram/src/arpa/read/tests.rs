//! The traps of files in the wild, one by one.

mod large;
mod layout;
mod refused;
mod words;
mod written;

use std::io::{Cursor, Write};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::super::write;
use super::*;
use crate::Words;
use elman_text::{Kind, TextError, Vocab};

/// Order 3, in the layout of SRILM: sorted, no weights where there is nothing to weigh.
const GOOD: &str = "\\data\\\nngram 1=5\nngram 2=4\nngram 3=2\n\n\
    \\1-grams:\n-1.5\t</s>\n-99\t<s>\t-0.25\n-2\t<unk>\n-1\ta\t-0.5\n-1.25\tb\t-0.125\n\n\
    \\2-grams:\n-0.5\t<s> a\t-0.0625\n-0.75\ta b\n-0.625\tb </s>\n-0.25\tb a\t0.5\n\n\
    \\3-grams:\n-0.125\t<s> a b\n-0.375\tb a b\n\n\\end\\\n";

fn source(text: impl Into<Vec<u8>>) -> Source {
    Source::Reader {
        name: "test.arpa".to_owned(),
        reader: Box::new(Cursor::new(text.into())),
    }
}

fn good(text: impl Into<Vec<u8>>) -> Model {
    read(source(text), ArpaOptions::default()).unwrap()
}

/// The line and the message with which a text is refused.
fn refused(text: impl Into<Vec<u8>>) -> (u64, String) {
    match read(source(text), ArpaOptions::default()) {
        Err(NgramError::Arpa { line, flaw, .. }) => (line, flaw.to_string()),
        other => panic!("{other:?}"),
    }
}

/// Refused with this line and these words, after one change to the good file.
fn spoilt(from: &str, to: &str, line: u64, words: &str) {
    assert_eq!(GOOD.matches(from).count(), 1, "{from:?}");
    let (found, message) = refused(GOOD.replace(from, to));
    assert_eq!(found, line, "{message}");
    assert!(message.contains(words), "{message}");
}

/// As good as the file before a change that means nothing.
fn same(text: impl Into<Vec<u8>>) {
    let model = good(text);
    assert_eq!(model.id(), good(GOOD).id());
    assert!(model.notes().is_empty(), "{:?}", model.notes());
}

fn id(model: &Model, word: &str) -> u32 {
    model.vocab().id(word.as_bytes()).unwrap()
}

/// log10 p of a word after others that follow `<s>`.
fn log10_p(model: &Model, before: &[&str], word: &str) -> f32 {
    let read = |state, word: &&str| model.score(state, id(model, word)).1;
    let state = before.iter().fold(model.start(), read);
    model.score(state, id(model, word)).0
}
