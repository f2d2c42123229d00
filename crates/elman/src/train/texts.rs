//! From text files to what training reads: a vocabulary and memory-mapped token files.
//!
//! The vocabulary comes from the training text only. The encoded texts stay in the run's
//! directory, so a run goes on when the original files have changed or vanished.

use super::folder::Folder;
use super::job::Job;
use super::state::Identity;
use crate::error::{Error, Result};
use crate::infer::read_vocab;
use crate::store::{AtomicFile, write_atomic};
use crate::text::{
    self, Corpus, CorpusWriter, ReadOptions, Source, Split, TextError, TextStats, Vocab,
};
use std::io::{ErrorKind, Write};

/// The part of the training text that validates when no other text is given.
pub const VALIDATION_FRACTION: f64 = 0.05;

/// What training reads.
pub struct Texts {
    pub vocab: Vocab,
    pub train: Corpus,
    pub valid: Option<Corpus>,
}

impl Texts {
    /// Reads, counts and encodes the job's texts into the run's directory. `note` is told what a
    /// person should know about them.
    pub fn prepare(job: &Job, folder: &Folder, note: &mut dyn FnMut(String)) -> Result<Texts> {
        check_valid(job)?;
        let split = match &job.valid {
            Some(_) => None,
            None => Some(Split::plan(&job.train, VALIDATION_FRACTION)?),
        };
        let valid_options = ReadOptions {
            lossy: job.config.lossy,
            range: split.as_ref().map(Split::valid),
        };
        if job.learns_byte_pairs() {
            note("learning byte pairs in the training text".into());
        }
        let vocab = vocabulary(job, split.as_ref())?;
        let json = vocab.to_tokenizer_json();
        write_atomic(&folder.tokenizer(), |file| file.write_all(json.as_bytes()))?;

        let mut encode =
            |part: &str, sources: Vec<Source>, options: &ReadOptions| -> Result<TextStats> {
                let stats = encode(folder, part, sources, &vocab, options)?;
                stats.notes.iter().for_each(|n| note(n.clone()));
                Ok(stats)
            };
        let (sources, options) = training(job, split.as_ref())?;
        encode("train", sources, &options)?;
        let valid = job.valid.as_ref().unwrap_or(&job.train);
        let stats = encode("valid", Source::files(valid), &valid_options)?;
        if stats.oov > 0 {
            let share = 100.0 * stats.oov as f64 / stats.tokens as f64;
            note(format!(
                "{share:.1} % of the validation tokens are outside the vocabulary and read as <unk>"
            ));
        }
        Texts::open(folder)
    }

    /// Opens what `prepare` left in the run's directory.
    pub fn open(folder: &Folder) -> Result<Texts> {
        let vocab = Vocab::from_tokenizer(&folder.tokenizer(), None)?;
        let open = |part: &str| -> Result<Corpus> {
            let path = folder.tokens(part);
            let corpus = Corpus::open(&path)?;
            // A token file from another run would have ids beyond this vocabulary.
            corpus
                .check_vocab(&vocab)
                .map_err(|source| TextError::TokenFile { path, source })?;
            Ok(corpus)
        };
        let train = open("train")?;
        let has_valid = folder.tokens("valid").exists();
        let valid = has_valid.then(|| open("valid")).transpose()?;
        Ok(Texts {
            vocab,
            train,
            valid,
        })
    }

    pub fn identity(&self) -> Identity {
        Identity {
            vocabulary: self.vocab.hash().to_string(),
            train: self.train.hash().to_string(),
            valid: self.valid.as_ref().map(|c| c.hash().to_string()),
        }
    }
}

/// Finds a wrong path now rather than after the training text has been counted and encoded.
fn check_valid(job: &Job) -> Result<()> {
    for path in job.valid.iter().flatten() {
        match path.metadata() {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Err(TextError::Missing(path.clone()).into());
            }
            Ok(found) if found.is_dir() => return Err(TextError::Directory(path.clone()).into()),
            _ => {}
        }
    }
    Ok(())
}

/// What an epoch reads: the training files, as often as their weights say.
fn training(job: &Job, split: Option<&Split>) -> Result<(Vec<Source>, ReadOptions)> {
    let (weights, lossy) = (&job.config.corpus_weights, job.config.lossy);
    if weights.is_empty() {
        let range = split.map(Split::train);
        return Ok((Source::files(&job.train), ReadOptions { lossy, range }));
    }
    if weights.len() != job.train.len() {
        return Err(Error::Config(format!(
            "there are {} weights for {} training texts: give one for each, or none",
            weights.len(),
            job.train.len()
        )));
    }
    let sources = text::portions(&job.train, weights, split, job.config.seed)?;
    let range = None;
    Ok((sources, ReadOptions { lossy, range }))
}

fn vocabulary(job: &Job, split: Option<&Split>) -> Result<Vocab> {
    let config = &job.config;
    match (&job.init_from, job.vocabulary.path()) {
        (Some(model), None) => read_vocab(model),
        (Some(model), Some(path)) => Err(Error::Config(format!(
            "the weights of {} only fit its own vocabulary: leave {} out, or start from random weights",
            model.display(),
            path.display()
        ))),
        (None, _) => {
            let (sources, options) = training(job, split)?;
            job.vocabulary.vocab(
                sources,
                config.vocab,
                &options,
                config.min_count,
                config.max_vocab,
            )
        }
    }
}

fn encode(
    folder: &Folder,
    part: &str,
    sources: Vec<Source>,
    vocab: &Vocab,
    options: &ReadOptions,
) -> Result<TextStats> {
    let mut file = AtomicFile::create(&folder.tokens(part))?;
    let mut writer = CorpusWriter::new(&mut file, vocab).map_err(TextError::WriteTokens)?;
    let stats = text::encode(sources, vocab, options, &mut |symbol| {
        writer.push(symbol.id).map_err(TextError::WriteTokens)
    })?;
    writer.finish(&stats).map_err(TextError::WriteTokens)?;
    file.commit()?;
    Ok(stats)
}
