//! The source of the exposure claim: a trigram model of the laboratory's text, and the texts that it writes.

use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::sizes::count;
use crate::text::write_text;
use elman_infer::{Generator, Model, Sampling};
use elman_ngram::Words;
use elman_text::Source;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Order of the n-gram model.
pub(super) const ORDER: usize = 3;
/// Number of texts that the source writes in one batch.
const BATCH_SIZE: usize = 32;

/// The trigram model of the text, over the vocabulary of `run`.
pub(super) fn model(lab: &Lab, run: &Path) -> Result<Model> {
    let vocab = Model::load(run)?.vocab().clone();
    let text = vec![Source::File(lab.texts().train.clone())];
    let model = count(lab, Words::new(vocab), text, ORDER)?;
    Ok(lab.computing(model))
}

/// Files of a training and of a validation text of the source, which are written unless they exist.
pub(super) fn texts(lab: &Lab, source: &Model) -> Result<(PathBuf, PathBuf)> {
    let (train, valid) = (lab.file("source-train.txt"), lab.file("source-valid.txt"));
    if !valid.exists() {
        let tokens = lab.scale().text_bytes / 5;
        write_text(&train, &written(lab, source, tokens, 0)?)?;
        let valid_text = written(lab, source, tokens / 12, BATCH_SIZE as u64)?;
        write_text(&valid, &valid_text)?;
    }
    Ok((train, valid))
}

/// About `tokens` tokens of the source; texts are numbered from `first` on.
fn written(lab: &Lab, source: &Model, tokens: usize, first: u64) -> Result<String> {
    let options = Sampling {
        temperature: 1.0,
        seed: lab.plan().seed,
        max_tokens: tokens.div_ceil(BATCH_SIZE),
        ..Sampling::default()
    };
    let prompts = vec![Vec::new(); BATCH_SIZE];
    let mut generator = Generator::new(source.streams(BATCH_SIZE), &prompts, options)?;
    let numbers: Vec<u64> = (first..).take(BATCH_SIZE).collect();
    let samples = generator.sample_each(&numbers, &mut |_, _| ControlFlow::Continue(()))?;
    let mut text = String::new();
    for sample in samples {
        let bytes = source.vocab().decode(&sample.tokens);
        text.push_str(&String::from_utf8_lossy(&bytes));
        text.push('\n');
    }
    Ok(text)
}
