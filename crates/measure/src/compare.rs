//! Comparison of models on a text: which is better, by how much, with which confidence, at what cost, and what their mixture gives.
//!
//! ```text
//! named      a model of any family, with a name and its costs
//! scores     models and a text                     → losses, by model and line
//! mixture    losses on a development text          → weights
//! pairwise   losses by line (units, bootstrap)     → intervals and p-values
//! conclusion all scores, with notes                → result, as plain numbers
//! ```
//! **What may be compared.** Models of one vocabulary: everything, per token. Models of different vocabularies: per word (white-space fields
//! and line ends of the raw text) and per character, if each model's tokens say all of this text. `<unk>` does not say what stood
//! there, so a model that knows fewer words has an easier task; a tokenizer that drops or folds text leaves out what others have to
//! predict. Such comparisons are refused, unless every character of unknown tokens, and every one that decoding does not restore
//! (`text::Lost`), is charged with a stated number of bits. Vocabularies that lose the same need no charge.
//!
//! **What may be mixed.** Models whose vocabularies cut a text into the same tokens: those of one vocabulary, and those of one kind, over
//! the union of their vocabularies. There a model gives probability 0 to a token that it lacks, so that the mixture sums to one.
//! Others divide the text into different events.
//!
//! Figures of a single model are those of `infer::evaluate`, to the bit. What it does not do: statistics over several seeds of
//! training, and corrections for the number of pairs.

mod bootstrap;
mod conclusion;
mod mixture;
mod named;
mod notes;
mod pairwise;
mod result;
mod scores;
mod units;

pub use bootstrap::Interval;
pub(crate) use bootstrap::{percentiles, randomisation, resampled};
pub use mixture::Fit;
pub use named::NamedModel;
pub use result::{Comparison, Difference, Entry, Measure, Mixture, MixtureFit, Pair, Unit, UnitOf};

use crate::error::{CompareError, Result};
use conclusion::{AllScores, Fitted};
use elman_infer::lost_note;
use elman_text::{
    self as text, Kind, Lost, OutOfRange, ReadOptions, Source, TextError, TextStats, Vocab,
};
use scores::{Extras, Group, groups};
use std::collections::VecDeque;
use std::f64::consts::LN_2;
use std::path::Path;
use units::Units;

/// Most lines that are units of their own; more are joined.
const MOST_LINES: usize = 10_000;
/// Fewer resamples have no 2.5 % at either end; more take long and change little.
pub(crate) const RESAMPLES: std::ops::RangeInclusive<usize> = 99..=1_000_000;

/// Options of a comparison.
#[derive(Clone, Debug)]
pub struct Options {
    /// How the text is decoded and split into documents.
    pub read: ReadOptions,
    /// Bits that each unpredicted character is charged: characters of unknown tokens, beside p(`<unk>`), and characters that
    /// decoding does not restore.
    ///
    /// `None` charges nothing and refuses comparisons that would need it.
    pub charge_oov_bits: Option<f64>,
    /// R, the number of resamples for intervals and tests.
    pub resamples: usize,
    /// Seed of the resampling.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            read: ReadOptions::default(),
            charge_oov_bits: None,
            resamples: 9999,
            seed: 1,
        }
    }
}

/// Whether the models are mixed, and which text the weights are fitted on.
pub enum Mixing {
    /// The models are not mixed.
    No,
    /// The weights are fitted on this development text.
    On(Vec<Source>),
    /// The weights are fitted on the compared text itself; the result is optimistic and marked so.
    OnText,
}

/// Progress of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The stage that is running.
    pub stage: Stage,
    /// Number of tokens or resamples that are done in this stage.
    pub done: u64,
    /// Number of tokens or resamples of this stage, if it is known.
    pub total: Option<u64>,
}

/// A stage of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// The development text is scored to fit the weights of the mixture.
    Fitting,
    /// The compared text is scored.
    Reading,
    /// Intervals are computed by resampling (bootstrap).
    Resampling,
    /// p-values are computed by approximate randomisation.
    Testing,
}

/// Compares `models`, at least one, on the text of `sources`.
///
/// # Errors
/// [`Error::Compare`](crate::Error::Compare) if the comparison or the mixture would be false; [`Error::Model`](crate::Error::Model)
/// if a model overflows on the text; [`Error::Text`](crate::Error::Text) if a text cannot be read, or cannot be read again where
/// that is needed.
pub fn compare(
    models: &[NamedModel],
    sources: Vec<Source>,
    mixing: Mixing,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<Comparison> {
    assert!(!models.is_empty(), "nothing to compare");
    options.check()?;
    let groups = groups(models);
    let several = groups.len() > 1;
    let together = match mixing {
        Mixing::No => None,
        _ => Some(mixed(models, &groups)?).filter(|_| several),
    };
    let own_fit = matches!(mixing, Mixing::OnText);
    // To fit, to look for unknown tokens, to score, to count words and what is lost.
    let passes = usize::from(own_fit) + if several { 2 * groups.len() + 1 } else { 1 };
    let passes = passes + usize::from(together.is_some());
    let mut texts = repeated(sources, passes)?;
    let mut next_text = || texts.pop_front().expect("a pass was forgotten");

    let fitted_on = match mixing {
        Mixing::No => None,
        Mixing::On(sources) => Some(sources),
        Mixing::OnText => Some(next_text()),
    };
    let read = &options.read;
    // What each pass over the compared text has found.
    let mut seen: Vec<TextStats> = Vec::new();
    let mut fitted = None;
    if let Some(sources) = fitted_on {
        let mut told = |done| progress(tokens_read(Stage::Fitting, done));
        let group = together.as_ref().unwrap_or(&groups[0]);
        let (likelihoods, stats) = group.likelihoods(sources, read, &mut told)?;
        fitted = Some(Fitted {
            fit: likelihoods.fit(),
            tokens: stats.tokens,
            text_hash: stats.hash.clone(),
        });
        seen.extend(own_fit.then_some(stats));
    }
    if several && options.charge_oov_bits.is_none() {
        let count = |group: &Group| group.count(next_text(), read);
        let unknown: Vec<TextStats> = groups.iter().map(count).collect::<Result<_>>()?;
        refuse_unknown(models, &groups, &unknown)?;
        seen.extend(unknown);
    }
    let mut words = None;
    if several {
        let all = groups.iter().chain(&together);
        let vocabs: Vec<&Vocab> = all.map(Group::vocab).collect();
        let (units, stats, losses) = words_by_line(&vocabs, next_text(), read)?;
        if options.charge_oov_bits.is_none() {
            refuse_lost(models, &groups, &losses, stats.chars)?;
        }
        words = Some(units);
        seen.push(stats);
    }

    let weights = fitted.as_ref().map(|fitted| &fitted.fit.weights[..]);
    let extras = Extras {
        weights: None,
        char_nats: options.charge_oov_bits.unwrap_or(0.0) * LN_2,
        spelling_in_lines: several,
    };
    let mixes = |weights| Extras { weights, ..extras };
    let mut passes: Vec<(&Group, Extras)> = groups.iter().map(|group| (group, extras)).collect();
    match &together {
        Some(together) => passes.push((together, mixes(weights))),
        None => passes[0].1 = mixes(weights),
    }
    let mut scored = Vec::new();
    for (pass, (group, extras)) in passes.into_iter().enumerate() {
        let mut told = |done| progress(tokens_read(Stage::Reading, done));
        let mut found = group.score(next_text(), read, extras, &mut told)?;
        if let Some(words) = &words {
            found.lines.charge(&words.columns()[pass], extras.char_nats);
        }
        scored.push(found);
    }
    seen.extend(scored.iter().map(|scored| scored.stats.clone()));
    if let Some(pair) = seen.windows(2).find(|pair| pair[0].hash != pair[1].hash) {
        let (expected, found) = (pair[0].bytes, pair[1].bytes);
        return Err(TextError::Changed { expected, found }.into());
    }
    let scores = AllScores {
        models,
        groups: &groups,
        together: together.as_ref(),
        scored,
        words,
        fitted,
        options,
        threads: models[0].model.cpu().threads(),
    };
    Ok(scores.conclude(progress))
}

impl Options {
    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) for the number of resamples; [`CompareError::Charge`] for the charge.
    pub fn check(&self) -> Result<()> {
        OutOfRange::check("the number of resamples", self.resamples, RESAMPLES)?;
        match self.charge_oov_bits {
            Some(bits) if !(bits.is_finite() && bits >= 0.0) => Err(CompareError::Charge.into()),
            _ => Ok(()),
        }
    }
}

fn tokens_read(stage: Stage, done: u64) -> Progress {
    Progress {
        stage,
        done,
        total: None,
    }
}

/// Repeats a text's sources `passes` times.
fn repeated(sources: Vec<Source>, passes: usize) -> Result<VecDeque<Vec<Source>>> {
    if passes == 1 {
        return Ok(VecDeque::from([sources]));
    }
    // What is missing or a directory is better said when it is opened.
    let once = |path: &Path| path.exists() && !path.is_file() && !path.is_dir();
    let again = |source: &Source| match source {
        Source::File(path) if once(path) => Err(TextError::NotRereadable(path.clone())),
        Source::File(path) => Ok(Source::File(path.clone())),
        Source::Stretch { path, range } => Ok(Source::Stretch {
            path: path.clone(),
            range: range.clone(),
        }),
        Source::Reader { name, .. } => Err(TextError::NotRereadable(name.into())),
    };
    let pass = |_| -> Result<Vec<Source>> {
        let sources: std::result::Result<_, TextError> = sources.iter().map(again).collect();
        Ok(sources?)
    };
    (0..passes).map(pass).collect()
}

/// The models that are to be mixed, over the union of their vocabularies.
///
/// Errors: a single model; vocabularies that cut a text differently.
fn mixed<'a>(models: &'a [NamedModel], groups: &[Group]) -> Result<Group<'a>> {
    if models.len() < 2 {
        return Err(CompareError::OneModel.into());
    }
    let describe = |group: &Group| {
        let vocab = group.vocab();
        let name = &models[group.members[0]].name;
        format!("{name} (kind {}, {} entries)", vocab.kind(), vocab.len())
    };
    Group::together(models).ok_or_else(|| {
        let vocabularies = groups.iter().map(describe).collect();
        CompareError::CannotMix { vocabularies }.into()
    })
}

/// Fits the weights of the best linear mixture of `models` on a development text, over the union of their vocabularies.
///
/// `progress` is called with the number of tokens scored so far.
///
/// # Errors
/// [`Error::Compare`](crate::Error::Compare) for fewer than two models, vocabularies that cut a text differently, a text without
/// tokens or one with a token that no model can produce; [`Error::Text`](crate::Error::Text) if the text cannot be read.
pub fn fit(
    models: &[NamedModel],
    sources: Vec<Source>,
    read: &ReadOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<(Fit, TextStats)> {
    let group = mixed(models, &groups(models))?;
    let (likelihoods, stats) = group.likelihoods(sources, read, progress)?;
    if likelihoods.len() == 0 {
        return Err(CompareError::NothingToFit.into());
    }
    Ok((likelihoods.fit(), stats))
}

/// A warning if weights were fitted on so few tokens that they mean little.
pub fn few_tokens(tokens: u64) -> Option<String> {
    const FEW: u64 = 1_000;
    let s = if tokens == 1 { "" } else { "s" };
    (tokens < FEW).then(|| {
        format!(
            "the mixture's weights were fitted on {tokens} token{s} only: use a text of some thousands"
        )
    })
}

/// Refuses to compare groups that lack different words; `counted` are counts of the text in each group's vocabulary.
fn refuse_unknown(models: &[NamedModel], groups: &[Group], counted: &[TextStats]) -> Result<()> {
    let lacking = groups.iter().zip(counted).filter(|(_, text)| text.oov > 0);
    let lacking: Vec<String> = lacking
        .map(|(group, text)| {
            let name = &models[group.members[0]].name;
            format!("{name} lacks {} of {} tokens", text.oov, text.tokens)
        })
        .collect();
    if lacking.is_empty() {
        return Ok(());
    }
    Err(CompareError::UnknownWords { lacking }.into())
}

/// Refuses to compare groups that lose different characters; `losses` are those of each group of the `chars` characters.
fn refuse_lost(models: &[NamedModel], groups: &[Group], losses: &[Lost], chars: u64) -> Result<()> {
    let of_groups = || groups.iter().zip(losses);
    let alike = |lost: &Lost| lost.restored.is_some() && lost.restored == losses[0].restored;
    if of_groups().all(|(_, lost)| lost.chars == 0) || of_groups().all(|(_, lost)| alike(lost)) {
        return Ok(());
    }
    let note = |(group, lost): (&Group, &Lost)| {
        let name = &models[group.members[0]].name;
        lost_note(lost.chars, chars, group.vocab()).map(|note| format!("{name}: {note}"))
    };
    let lost = of_groups().filter_map(note).collect();
    Err(CompareError::LostCharacters { lost }.into())
}

/// Units whose counts are the words of each line, and whose columns are the characters of it that each of `vocabs` loses.
fn words_by_line(
    vocabs: &[&Vocab],
    sources: Vec<Source>,
    read: &ReadOptions,
) -> Result<(Units, TextStats, Vec<Lost>)> {
    let mut kinds = vocabs.iter().map(|vocab| vocab.kind());
    // A byte order mark is no character of a text.
    let kind = kinds.find(|kind| kind.is_text()).unwrap_or(Kind::Bytes);
    let mut words = Units::new(vocabs.len(), MOST_LINES);
    let mut add = |line: text::Line| -> Result<()> {
        words.begin();
        let lost = line.lost.iter().map(|&lost| lost as f64);
        words.add((line.fields + 1) as f64, lost);
        Ok(())
    };
    let (stats, losses) = text::measure_lines(sources, kind, read, vocabs, &mut add)?;
    Ok((words, stats, losses))
}

#[cfg(test)]
mod tests;
