//! From text files to the input of training: a vocabulary and memory-mapped token files.
//!
//! The vocabulary comes from the training text only. The encoded texts are kept in the run's directory, so a run can be resumed
//! when the original files have changed or vanished.

use super::cache::{self, Description, EncodingTurn};
use super::folder::Folder;
use super::job::Job;
use super::run::available_bytes;
use super::state::Identity;
use super::windows::Extent;
use crate::error::{Result, RunError};
use elman_infer::read_vocab;
use elman_store::{AtomicFile, write_atomic};
use elman_text::{
    self as text, Corpus, CorpusWriter, Kind, Layout, ReadOptions, Source, Split, TextError,
    TextStats, TokenId, Vocab,
};
use std::io::{ErrorKind, Write};
use std::path::PathBuf;

/// Share of the training text that is held out for validation if no validation text is given.
pub const VALIDATION_FRACTION: f64 = 0.05;

/// Memory that counting a vocabulary may take in any case, however little a run may have.
const LEAST_COUNTING: u64 = 16 << 20;

/// The encoded texts of a run, and their vocabulary.
pub struct Texts {
    /// The most that counting and learning the vocabulary took; 0 where that was done before.
    pub preparation_bytes: u64,
    pub vocab: Vocab,
    pub train: Corpus,
    pub valid: Option<Corpus>,
}

/// Texts that are tokens already, as ids of the vocabulary of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenTexts {
    /// Tokens of the training text, line ends included.
    pub train: Vec<TokenId>,
    /// Tokens of the validation text; `None` holds out the last 5 % of the training text, from a line end on.
    pub valid: Option<Vec<TokenId>>,
}

impl TokenTexts {
    /// Splits the tokens into those of training and those of validation.
    ///
    /// Errors: an id that is not below V, or one of the two without tokens.
    fn split(&self, vocab: &Vocab) -> Result<(&[TokenId], &[TokenId])> {
        let mut ids = self.train.iter().chain(self.valid.iter().flatten());
        if let Some(&id) = ids.find(|id| **id as usize >= vocab.len()) {
            let vocab = vocab.len();
            return Err(RunError::UnknownToken { id, vocab }.into());
        }
        let (train, valid) = match &self.valid {
            Some(valid) => (&self.train[..], &valid[..]),
            None => {
                let count = self.train.len();
                let target = count - (count as f64 * VALIDATION_FRACTION).ceil() as usize;
                let before = self.train[..target].iter();
                let line_end = before.rev().position(|id| vocab.ends_line(*id));
                self.train.split_at(target - line_end.unwrap_or(0))
            }
        };
        match train.is_empty() || valid.is_empty() {
            true => Err(RunError::TooFewTokens(self.train.len()).into()),
            false => Ok((train, valid)),
        }
    }
}

impl Texts {
    /// Writes texts that are tokens already, and their vocabulary, into the run's directory.
    pub fn of_tokens(tokens: &TokenTexts, job: &Job, folder: &Folder) -> Result<Texts> {
        let vocab = given_vocabulary(job)?.ok_or(RunError::NoVocabulary)?;
        let (train, valid) = tokens.split(&vocab)?;
        for (part, ids) in [("train", train), ("valid", valid)] {
            let corpus = Corpus::of_ids(ids.to_vec(), &vocab);
            write_ids(folder, part, ids, &vocab, corpus.stats())?;
        }
        write_vocab(folder, &vocab)?;
        Texts::open(folder)
    }

    /// Brings the job's texts, encoded, into the run's directory: from the cache, or by reading, counting and encoding them.
    /// `note` receives what a person should know about them.
    pub fn prepare(job: &Job, folder: &Folder, note: &mut dyn FnMut(String)) -> Result<Texts> {
        check_valid(job)?;
        let given = given_vocabulary(job)?;
        let cache = job.cache.as_ref();
        let cache = cache.and_then(|cache| Some((cache, cache::key(job, given.as_ref())?)));
        let fetch = || {
            let (cache, key) = cache.as_ref()?;
            let remarks = cache.fetch(key, folder)?;
            // A damaged entry is made anew.
            Some((Texts::open(folder).ok()?, remarks))
        };
        let mut fetched = fetch();
        let mut _turn = None;
        if let (None, Some((cache, key))) = (&fetched, &cache) {
            _turn = Some(EncodingTurn::take(cache, key, note));
            // Another process may have encoded the text until now.
            fetched = fetch();
        }
        if let Some((texts, remarks)) = fetched {
            remarks.into_iter().for_each(note);
            return Ok(texts);
        }
        if given.is_none() && job.config.vocab == Kind::Bpe {
            note("learning byte pairs in the training text".into());
        }
        let (preparation_bytes, remarks) = encode_all(job, folder, given)?;
        remarks.iter().cloned().for_each(&mut *note);
        let texts = Texts {
            preparation_bytes,
            ..Texts::open(folder)?
        };
        if let Some((cache, key)) = cache
            && let Err(error) = cache.keep(&key, folder, &texts.description(job, remarks))
        {
            note(format!(
                "the encoded texts are not kept for other runs: {error}"
            ));
        }
        Ok(texts)
    }

    fn description(&self, job: &Job, remarks: Vec<String>) -> Description {
        let valid = self.valid.as_ref().map_or(0, |corpus| corpus.ids().len());
        Description {
            train: job.train.clone(),
            valid: job.valid.clone(),
            kind: self.vocab.kind().name().into(),
            vocab: self.vocab.len(),
            train_tokens: self.train.ids().len() as u64,
            valid_tokens: valid as u64,
            remarks,
        }
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
            preparation_bytes: 0,
            vocab,
            train,
            valid,
        })
    }

    /// Puts the tokens `first` before the training text, in the run's directory too.
    pub fn after(self, first: &[u32], folder: &Folder) -> Result<Texts> {
        let mut hash = blake3::Hasher::new();
        hash.update(self.train.hash().as_bytes());
        for id in first {
            hash.update(&id.to_le_bytes());
        }
        let stats = TextStats {
            tokens: (first.len() + self.train.ids().len()) as u64,
            hash: hash.finalize().to_hex().to_string(),
            ..self.train.stats().clone()
        };
        let ids = first.iter().chain(self.train.ids());
        write_ids(folder, "train", ids, &self.vocab, &stats)?;
        Ok(Texts {
            preparation_bytes: self.preparation_bytes,
            ..Texts::open(folder)?
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

/// The texts of an epoch: the training files, as often as their weights say.
fn training(job: &Job, split: Option<&Split>) -> Result<(Vec<Source>, ReadOptions)> {
    let weights = &job.config.corpus_weights;
    if weights.is_empty() {
        let range = split.map(Split::train);
        return Ok((Source::files(&job.train), job.config.reading(range)));
    }
    if weights.len() != job.train.len() {
        return Err(RunError::CorpusWeights {
            weights: weights.len(),
            texts: job.train.len(),
        }
        .into());
    }
    let sources = text::portions(&job.train, weights, split, job.config.seed)?;
    Ok((sources, job.config.reading(None)))
}

/// The vocabulary of a model or a file; `None`: it is to be counted in the training text.
fn given_vocabulary(job: &Job) -> Result<Option<Vocab>> {
    match (&job.init_from, job.vocabulary.path()) {
        (Some(model), None) => Ok(Some(read_vocab(model)?)),
        (Some(model), Some(path)) => Err(RunError::OtherVocabulary {
            model: model.clone(),
            vocabulary: path.to_path_buf(),
        }
        .into()),
        (None, _) => Ok(job.vocabulary.read(job.config.vocab)?),
    }
}

/// Vocabulary and sizes of the texts of a job that is not started.
pub struct Survey {
    pub preparation_bytes: u64,
    pub vocab: Vocab,
    pub train: Extent,
    pub valid: Extent,
    /// Notes for people about the texts.
    pub remarks: Vec<String>,
}

/// Surveys that were made, for further jobs on the same texts: in planning many runs a text is read and counted once.
#[derive(Default)]
pub struct Surveys {
    made: Vec<(String, Layout, Survey)>,
}

impl Surveys {
    /// The survey of the job's texts, made now unless a job before had the same texts, vocabulary and layout.
    pub(super) fn of(&mut self, job: &Job) -> Result<&Survey> {
        let key = cache::key(job, given_vocabulary(job)?.as_ref()).unwrap_or_default();
        let layout = job.config.layout;
        let same = |(made, other, _): &(String, Layout, Survey)| {
            !key.is_empty() && *made == key && *other == layout
        };
        let place = match self.made.iter().position(same) {
            Some(place) => place,
            None => {
                self.made.push((key, layout, survey(job)?));
                self.made.len() - 1
            }
        };
        Ok(&self.made[place].2)
    }
}

/// Reads the job's texts as a run would, and keeps what their layout depends on; nothing is written.
pub fn survey(job: &Job) -> Result<Survey> {
    check_valid(job)?;
    let given = given_vocabulary(job)?;
    let mut extents = Vec::new();
    let (vocab, preparation_bytes, remarks) =
        read_all(job, given, &mut |_, sources, vocab, options| {
            let (mut tokens, mut starts) = (0, vec![0]);
            let lines = job.config.layout == Layout::Sentences;
            let stats = text::encode(sources, vocab, options, &mut |symbol| -> Result<()> {
                tokens += 1;
                if lines && vocab.ends_line(symbol.id) {
                    starts.push(tokens);
                }
                Ok(())
            })?;
            // A line need not have an end.
            if starts.last() != Some(&tokens) {
                starts.push(tokens);
            }
            extents.push(match job.config.layout {
                Layout::Stream => Extent::Tokens(tokens),
                Layout::Sentences => Extent::Lines(starts),
            });
            Ok(stats)
        })?;
    let (Some(valid), Some(train)) = (extents.pop(), extents.pop()) else {
        unreachable!("two texts were read");
    };
    Ok(Survey {
        preparation_bytes,
        vocab,
        train,
        valid,
        remarks,
    })
}

/// Encodes the job's texts into the run's directory. Returns the bytes that making the vocabulary took, and what a person should know
/// about the texts.
fn encode_all(job: &Job, folder: &Folder, given: Option<Vocab>) -> Result<(u64, Vec<String>)> {
    let (vocab, preparation_bytes, remarks) =
        read_all(job, given, &mut |part, sources, vocab, options| {
            encode(folder, part, sources, vocab, options)
        })?;
    write_vocab(folder, &vocab)?;
    Ok((preparation_bytes, remarks))
}

/// Writes the vocabulary into the run's directory.
fn write_vocab(folder: &Folder, vocab: &Vocab) -> Result<()> {
    let json = vocab.to_tokenizer_json();
    Ok(write_atomic(&folder.tokenizer(), |file| {
        file.write_all(json.as_bytes())
    })?)
}

/// Writes the tokens `ids` as a token file into the run's directory.
fn write_ids<'i>(
    folder: &Folder,
    part: &str,
    ids: impl IntoIterator<Item = &'i TokenId>,
    vocab: &Vocab,
    stats: &TextStats,
) -> Result<()> {
    let mut file = AtomicFile::create(&folder.tokens(part))?;
    let mut writer = CorpusWriter::new(&mut file, vocab).map_err(TextError::WriteTokens)?;
    for &id in ids {
        writer.push(id).map_err(TextError::WriteTokens)?;
    }
    writer.finish(stats).map_err(TextError::WriteTokens)?;
    Ok(file.commit()?)
}

/// Reads a text, "train" or "valid", with a vocabulary.
type Reader<'a> = dyn FnMut(&str, Vec<Source>, &Vocab, &ReadOptions) -> Result<TextStats> + 'a;

/// Counts the vocabulary unless it is given, then reads the training text and that of validation. Returns the bytes that making the
/// vocabulary took, and what a person should know about the texts.
fn read_all(
    job: &Job,
    given: Option<Vocab>,
    read: &mut Reader,
) -> Result<(Vocab, u64, Vec<String>)> {
    let config = &job.config;
    let split = match &job.valid {
        Some(_) => None,
        None => Some(Split::plan(&job.train, VALIDATION_FRACTION)?),
    };
    let (sources, train_options) = training(job, split.as_ref())?;
    let (vocab, preparation_bytes) = match given {
        Some(vocab) => (vocab, 0),
        None => {
            let limit = job.machine.memory_bytes.unwrap_or_else(available_bytes);
            let counting = limit.max(LEAST_COUNTING);
            let (counts, _) = text::count(sources, config.vocab, &train_options, counting)?;
            let bytes = counts.memory_bytes();
            (
                counts.into_vocab(config.min_count, config.max_vocab)?,
                bytes,
            )
        }
    };
    let (sources, train_options) = training(job, split.as_ref())?;
    let stats = read("train", sources, &vocab, &train_options)?;
    let mut remarks = stats.notes.clone();
    remarks.extend(unknown("training", &stats));
    remarks.extend(monotonous(&vocab));
    let train = stats.hash;
    let valid = job.valid.as_ref().unwrap_or(&job.train);
    let valid_options = config.reading(split.as_ref().map(Split::valid));
    let stats = read("valid", Source::files(valid), &vocab, &valid_options)?;
    remarks.extend(unknown("validation", &stats));
    remarks.extend(
        job.valid
            .as_ref()
            .and_then(|valid| seen(&job.train, valid, train == stats.hash)),
    );
    remarks.extend(stats.notes);
    Ok((vocab, preparation_bytes, remarks))
}

/// How much of a text is outside the vocabulary, if anything is.
fn unknown(name: &str, stats: &TextStats) -> Option<String> {
    let share = 100.0 * stats.oov as f64 / stats.tokens as f64;
    (stats.oov > 0).then(|| {
        format!("{share:.1} % of the {name} tokens are outside the vocabulary and read as <unk>")
    })
}

/// Note on a training text with one kind of token, from which nothing can be learnt.
fn monotonous(vocab: &Vocab) -> Option<String> {
    let words = (0..vocab.len() as TokenId)
        .filter(|&id| Some(id) != vocab.unk() && !vocab.ends_line(id))
        .count();
    (words == 1).then(|| "the training text has only one kind of token beside line ends: there is nothing to learn from it".to_owned())
}

/// Note on a validation text that is trained on; `same` says that the two texts are equal.
fn seen(train: &[PathBuf], valid: &[PathBuf], same: bool) -> Option<String> {
    let file = |path: &PathBuf| path.canonicalize().ok();
    let trained: Vec<PathBuf> = train.iter().filter_map(file).collect();
    let again = valid
        .iter()
        .find(|path| file(path).is_some_and(|file| trained.contains(&file)));
    let what = match again {
        _ if same => "the validation text is the training text".to_owned(),
        Some(path) => format!(
            "{} is both a training text and a validation text",
            path.display()
        ),
        None => return None,
    };
    Some(format!(
        "{what}: its perplexity says how well it is remembered, and nothing about other texts"
    ))
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
