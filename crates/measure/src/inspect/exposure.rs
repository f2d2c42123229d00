//! Exposure bias: what changes when a model is conditioned on its own words in place of true ones.
//!
//! A source p whose distribution is known (an n-gram model that a corpus was drawn from) says exactly what should come next after any
//! prefix; a model q says something else. At every prefix length t, with x the words before:
//!
//! ```text
//! true_t = E_{x ~ p} KL(p(· | x) ‖ q(· | x))        own_t = E_{x ~ q} KL(p(· | x) ‖ q(· | x))
//! exposure bias: own_t − true_t, own_t / true_t
//! ```
//! Ranzato et al. (2016) and Bengio et al. (2015) name what makes them differ: in training the model reads only x ~ p. The ratio is EB-C of
//! He et al. (2021, "Exposure bias versus self-recovery"), whose divergence may be any; beside KL(p ‖ q) there are KL(q ‖ p) and the
//! total variation. Divergences are summed over the whole vocabulary, so the only chance is in the prefixes, and its size is estimated by
//! drawing sequences again (`compare::bootstrap`). docs/MATH.md, section 16, says what these numbers do and do not mean.
//!
//! Sequences are rows of a batch. Sequence i of both kinds is drawn with the same random numbers, so that as little chance as
//! possible is in the difference; `<unk>` is never written, and both distributions are renormalised without it. With a text the
//! prefixes are its own and the oracle replaces the unknown source.
//!
//! What it does not do: models of sentences (a line has an end, and prefixes of different lengths would be those of different lines).

mod divergence;
#[cfg(test)]
mod tests;

use super::excerpts::{Excerpts, MOST_STEPS};
use super::places::Place;
use crate::compare::{Interval, percentiles, resampled};
use crate::error::{InspectError, Result};
use divergence::{Distributions, Divergence};
use elman_infer::{Model, Streams};
use elman_kernels::Cpu;
use elman_kernels::rng::{Site, Stream, key, pick};
use elman_text::{Layout, OutOfRange};
use serde::Serialize;
use std::ops::{Range, RangeInclusive};

/// Batch size of the sequences; it changes no bit.
const BATCH_SIZE: usize = 32;
const MOST_SEQUENCES: usize = 100_000;
const RESAMPLES: RangeInclusive<usize> = 99..=100_000;

/// Options of a measurement of exposure bias.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Number of sequences of each kind, true ones and the model's own.
    pub sequences: usize,
    /// T, the length of the longest prefix in tokens.
    pub length: usize,
    /// Number of tokens of a true text with which both kinds begin; unused without a text.
    pub context: usize,
    /// Number of resamples for the intervals.
    pub resamples: usize,
    /// Seed of the sequences and of the resampling.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            sequences: 512,
            length: 64,
            context: 20,
            resamples: 9999,
            seed: 1,
        }
    }
}

impl Options {
    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) for a number out of range.
    pub fn check(&self) -> Result<()> {
        OutOfRange::check("sequences", self.sequences, 2..=MOST_SEQUENCES)?;
        OutOfRange::check("length", self.length, 1..=MOST_STEPS)?;
        OutOfRange::check("context", self.context, 0..=MOST_STEPS)?;
        Ok(OutOfRange::check("resamples", self.resamples, RESAMPLES)?)
    }
}

/// Result of a measurement of exposure bias. Divergences are in nats, total variation is between 0 and 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Exposure {
    /// Architecture of the model, such as `lstm 1×160`.
    pub model: String,
    /// Architecture of the oracle, such as `3-gram`.
    pub oracle: String,
    /// V, the size of the vocabulary.
    pub vocab_size: usize,
    /// Origin of the true prefixes.
    pub truth: Truth,
    /// Places of the prefixes in the text, in the order in which they were drawn; empty without a text.
    pub places: Vec<Place>,
    /// Number of sequences of each kind; fewer than were asked for if the text has no more places.
    pub sequences: usize,
    /// T, the length of the longest prefix in tokens.
    pub length: usize,
    /// Number of tokens of the text before every prefix; 0 without a text.
    pub context: usize,
    /// Number of resamples for the intervals.
    pub resamples: usize,
    /// Seed of the sequences and of the resampling.
    pub seed: u64,
    /// Divergences by length of the prefix: 0, 1, 2, 3–4, 5–8, …, T.
    pub bands: Vec<Band>,
    /// Divergences over the lengths 1 to T.
    pub overall: Band,
}

/// Origin of the true prefixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Truth {
    /// The oracle wrote the prefixes: it is the source, and divergences from it are exact.
    Oracle,
    /// The prefixes are parts of a text, and the oracle replaces its unknown source.
    Text,
}

/// Divergences after prefixes of a range of lengths.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Band {
    /// The shortest prefix of the range, in tokens.
    pub from: usize,
    /// The longest prefix of the range, in tokens.
    pub to: usize,
    /// KL(source ‖ model) in nats.
    pub kl: Contrast,
    /// KL(model ‖ source) in nats.
    pub reverse_kl: Contrast,
    /// Total variation between source and model, 0 to 1.
    pub total_variation: Contrast,
}

/// A divergence after true prefixes and after the model's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Contrast {
    /// Mean divergence after true prefixes.
    pub on_true: Figure,
    /// Mean divergence after prefixes that the model wrote.
    pub on_own: Figure,
    /// Divergence after own prefixes minus divergence after true ones: the exposure bias.
    pub difference: Figure,
    /// Divergence after own prefixes over divergence after true ones; `None` if the latter is 0.
    pub ratio: Option<Figure>,
}

/// A mean over sequences, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// The mean.
    pub value: f64,
    /// The 95 % bootstrap interval of the mean.
    pub interval: Interval,
}

/// Measures the exposure bias of `model` against `oracle`, after prefixes from the text `ids`, or after prefixes that the oracle
/// writes.
///
/// `progress` is called with the number of sequences of each kind that are done.
///
/// # Errors
/// [`Error::Inspect`](crate::Error::Inspect) for different vocabularies, a model of sentences or a text shorter than a prefix;
/// [`Error::Range`](crate::Error::Range) for an option out of range; [`Error::Model`](crate::Error::Model) if hidden states
/// overflow.
pub fn exposure(
    model: &Model,
    oracle: &Model,
    ids: Option<&[u32]>,
    options: &Options,
    progress: &mut dyn FnMut(usize),
) -> Result<Exposure> {
    options.check()?;
    check_models(model, oracle)?;
    let text = match ids {
        Some(ids) => Some(Excerpts::draw(
            ids,
            model.vocab().eos(),
            [options.context, options.length, options.sequences],
            options.seed,
        )?),
        None => None,
    };
    let text = text.as_ref();
    let sequences = text.map_or(options.sequences, |text| text.batch_size);
    if sequences < 2 {
        return Err(InspectError::OnePrefix.into());
    }
    let pair = Pair {
        model,
        oracle,
        text,
        length: options.length,
        seed: options.seed,
    };
    let truth = text.map_or(Writer::Oracle, Writer::Text);
    let (mut on_true, mut on_own) = (Vec::new(), Vec::new());
    for first in (0..sequences).step_by(BATCH_SIZE) {
        let batch = first..(first + BATCH_SIZE).min(sequences);
        on_true.extend(pair.walk(truth, batch.clone())?);
        on_own.extend(pair.walk(Writer::Model, batch.clone())?);
        progress(batch.end);
    }
    let mut ranges = bands(options.length);
    ranges.push(1..=options.length);
    let mut bands = contrasts(&ranges, &on_true, &on_own, options);
    let overall = bands.pop().expect("a band of all lengths was pushed");
    Ok(Exposure {
        model: model.architecture(),
        oracle: oracle.architecture(),
        vocab_size: model.vocab().len(),
        truth: match text {
            Some(_) => Truth::Text,
            None => Truth::Oracle,
        },
        places: text.map_or(Vec::new(), |text| text.places.clone()),
        sequences,
        length: options.length,
        context: text.map_or(0, |text| text.context),
        resamples: options.resamples,
        seed: options.seed,
        bands,
        overall,
    })
}

fn check_models(model: &Model, oracle: &Model) -> Result<()> {
    let (ours, theirs) = (model.vocab(), oracle.vocab());
    if !ours.same_ids(theirs) {
        return Err(InspectError::OtherVocabulary {
            entries: ours.len(),
            kind: ours.kind(),
            other_entries: theirs.len(),
            other_kind: theirs.kind(),
        }
        .into());
    }
    if [model, oracle]
        .iter()
        .any(|model| model.layout() == Layout::Sentences)
    {
        return Err(InspectError::Sentences.into());
    }
    Ok(())
}

/// Who writes the prefixes.
#[derive(Clone, Copy)]
enum Writer<'a> {
    Oracle,
    Model,
    Text(&'a Excerpts),
}

/// The two that read every prefix.
struct Pair<'a> {
    model: &'a Model,
    oracle: &'a Model,
    /// The text before every prefix, if anything does.
    text: Option<&'a Excerpts>,
    length: usize,
    seed: u64,
}

impl Pair<'_> {
    /// Lets both read the sequences number `batch` as `writer` writes them: for each the divergences after prefixes of 0 to T tokens.
    fn walk(&self, writer: Writer, batch: Range<usize>) -> Result<Vec<Vec<Divergence>>> {
        let vocab = self.model.vocab();
        let (v, b) = (vocab.len(), batch.len());
        let cpu = self.model.cpu();
        let mut source = Voice::new(self.oracle.streams(b), v, b);
        let mut model = Voice::new(self.model.streams(b), v, b);
        if let Some(text) = self.text {
            let context: Vec<Vec<u32>> = batch.clone().map(|i| text.context_of(i)).collect();
            let context: Vec<&[u32]> = context.iter().map(Vec::as_slice).collect();
            source.streams.feed(&context);
            model.streams.feed(&context);
        }
        let stream = |i| Stream::new(key(self.seed, Site::Exposure, i as u64));
        let mut draws: Vec<Stream> = batch.clone().map(stream).collect();
        let mut divergences = vec![Vec::with_capacity(self.length + 1); b];
        let mut written = vec![0; b];
        for t in 0..=self.length {
            source.speak(cpu, vocab.unk())?;
            model.speak(cpu, vocab.unk())?;
            for (sequence, divergences) in divergences.iter_mut().enumerate() {
                divergences.push(source.says.divergence(&model.says, sequence));
            }
            if t == self.length {
                break;
            }
            for (sequence, written) in written.iter_mut().enumerate() {
                let weights = match writer {
                    Writer::Oracle => source.says.weights(sequence),
                    Writer::Model => model.says.weights(sequence),
                    Writer::Text(text) => {
                        *written = text.token(batch.start + sequence, t);
                        continue;
                    }
                };
                *written = pick(draws[sequence].uniform_f64(), weights) as u32;
            }
            let words: Vec<&[u32]> = written.chunks(1).collect();
            source.streams.feed(&words);
            model.streams.feed(&words);
        }
        Ok(divergences)
    }
}

/// One of the two in the middle of B prefixes, with what it says comes next.
struct Voice {
    streams: Streams<'static>,
    says: Distributions,
}

impl Voice {
    fn new(streams: Streams<'static>, vocab: usize, batch_size: usize) -> Voice {
        Voice {
            streams,
            says: Distributions::new(vocab, batch_size),
        }
    }

    /// `never` is not written.
    fn speak(&mut self, cpu: &Cpu, never: Option<u32>) -> Result<()> {
        self.streams.logits(&mut self.says.logits);
        self.says.normalise(cpu, never)
    }
}

/// The bands of prefixes of up to `length` tokens: 0, 1, 2, 3–4, 5–8, ….
fn bands(length: usize) -> Vec<RangeInclusive<usize>> {
    let mut bands = vec![0..=0];
    let (mut from, mut to) = (1, 1);
    while from <= length {
        bands.push(from..=to.min(length));
        (from, to) = (to + 1, 2 * to);
    }
    bands
}

/// The contrasts of each of `bands`, from the divergences of all sequences after all prefixes.
fn contrasts(
    bands: &[RangeInclusive<usize>],
    on_true: &[Vec<Divergence>],
    on_own: &[Vec<Divergence>],
    options: &Options,
) -> Vec<Band> {
    let measures: [fn(&Divergence) -> f64; 3] = [|d| d.kl, |d| d.reverse_kl, |d| d.tv];
    let mut columns = Vec::new();
    for band in bands {
        for measure in measures {
            for sequences in [on_true, on_own] {
                let mean = |steps: &Vec<Divergence>| {
                    let steps = &steps[band.clone()];
                    steps.iter().map(measure).sum::<f64>() / steps.len() as f64
                };
                columns.push(sequences.iter().map(mean).collect::<Vec<f64>>());
            }
        }
    }
    let counts = vec![1.0; on_true.len()];
    let views: Vec<&[f64]> = columns.iter().map(Vec::as_slice).collect();
    let drawn = resampled(
        &counts,
        &views,
        options.resamples,
        options.seed,
        &mut |_| (),
    );
    let pairs = columns.chunks_exact(2).zip(drawn.chunks_exact(2));
    let mut contrasts = pairs.map(|(columns, drawn)| Contrast::of(columns, drawn));
    let mut next = || contrasts.next().expect("three for each band");
    let band = |band: &RangeInclusive<usize>| Band {
        from: *band.start(),
        to: *band.end(),
        kl: next(),
        reverse_kl: next(),
        total_variation: next(),
    };
    bands.iter().map(band).collect()
}

impl Contrast {
    /// From the values of all sequences, and from the means of each resample, on true prefixes and on the model's own.
    fn of(values: &[Vec<f64>], drawn: &[Vec<f64>]) -> Contrast {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let (on_true, on_own) = (mean(&values[0]), mean(&values[1]));
        let figure = |value, drawn| Figure {
            value,
            interval: percentiles(drawn),
        };
        let both = |of: fn(f64, f64) -> f64| {
            let resamples = drawn[0].iter().zip(&drawn[1]);
            figure(
                of(on_true, on_own),
                resamples
                    .map(|(on_true, on_own)| of(*on_true, *on_own))
                    .collect(),
            )
        };
        Contrast {
            on_true: figure(on_true, drawn[0].clone()),
            on_own: figure(on_own, drawn[1].clone()),
            difference: both(|on_true, on_own| on_own - on_true),
            ratio: (on_true > 0.0).then(|| both(|on_true, on_own| on_own / on_true)),
        }
    }
}
