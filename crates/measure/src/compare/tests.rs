mod figures;
mod mixtures;
mod vocabularies;

use super::*;
use elman_infer::Model;
use elman_infer::testing::{cpu, model_of, vocab};
use elman_infer::{self as infer, EvalOptions, evaluate};
use elman_net::dims::Cell;
use elman_text::Vocab;
use std::io::Write;
use tempfile::NamedTempFile;

const LETTERS: &str = "abcdefghij klmnopqr\n";

fn source(text: &str) -> Vec<Source> {
    vec![Source::Reader {
        name: "test".into(),
        reader: Box::new(std::io::Cursor::new(text.to_owned())),
    }]
}

/// A text that can be read again.
fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// `lines` lines of words over the letters, none like the other.
fn prose(lines: usize, seed: usize) -> String {
    let letter = |i: usize| char::from(b'a' + (i * i + seed * i + i / 7) as u8 % 18);
    let line = |i: usize| {
        let words = (0..2 + i % 4).map(|j| {
            (0..1 + (i + j) % 5)
                .map(|k| letter(i * 31 + j * 5 + k))
                .collect()
        });
        let words: Vec<String> = words.collect();
        format!("{}\n", words.join(" "))
    };
    (0..lines).map(line).collect()
}

fn network(name: &str, cell: Cell, vocab: Vocab) -> NamedModel {
    NamedModel {
        name: name.into(),
        model: Model::from(model_of(cell, false, vocab)).with_cpu(cpu()),
        disk_bytes: 1000,
        load_seconds: 0.5,
    }
}

fn letters() -> Vocab {
    vocab(Kind::Chars, LETTERS)
}

fn options() -> Options {
    Options {
        resamples: 199,
        ..Options::default()
    }
}

fn run(
    models: &[NamedModel],
    sources: Vec<Source>,
    mixing: Mixing,
    options: &Options,
) -> Result<Comparison> {
    compare(models, sources, mixing, options, &mut |_| {})
}

/// What `elman eval` says.
fn alone(named: &NamedModel, text: &str) -> infer::Evaluation {
    let (read, options) = (ReadOptions::default(), EvalOptions::default());
    evaluate(&named.model, source(text), &read, &options, &mut |_| {}).unwrap()
}

/// The same but for time.
fn timeless(mut evaluation: infer::Evaluation) -> infer::Evaluation {
    (evaluation.seconds, evaluation.tokens_per_second) = (0.0, 0.0);
    evaluation
}
