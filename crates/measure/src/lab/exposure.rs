//! Exposure bias against a known source: a trigram model writes a text, networks learn it, and their distributions are compared
//! with the source's after true prefixes and after prefixes of their own (`inspect::exposure`).

use super::nets::Net;
use super::text::write_text;
use super::{Lab, Trained, Verdict};
use crate::error::Result;
use crate::inspect::exposure;
use crate::inspect::exposure::{Figure, Options};
use elman_infer::{Generator, Model, Sampling};
use elman_ngram::Words;
use elman_text::Source;
use elman_train::VocabularyFrom;
use elman_train::scheduled::Decay;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::Path;

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Estimate {
    /// The mean.
    pub value: f64,
    /// Lower bound of the interval.
    pub low: f64,
    /// Upper bound of the interval.
    pub high: f64,
}

/// KL(source ‖ model) in nats after prefixes of a range of lengths.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Band {
    /// The shortest prefix of the range, in tokens.
    pub from: usize,
    /// The longest prefix of the range, in tokens.
    pub to: usize,
    /// Divergence after true prefixes.
    pub on_true: Estimate,
    /// Divergence after prefixes that the network wrote.
    pub on_own: Estimate,
    /// Divergence after own prefixes minus divergence after true ones: the exposure bias.
    pub difference: Estimate,
}

/// Exposure bias of a network that was trained in one way.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bias {
    /// Probability of scheduled sampling at the end of the training; 0 is teacher forcing.
    pub sampled: f64,
    /// The training run.
    pub trained: Trained,
    /// Divergences by length of the prefix.
    pub bands: Vec<Band>,
    /// Divergences over all lengths from 1.
    pub overall: Band,
}

/// Exposure bias with teacher forcing, then with scheduled sampling.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exposed {
    /// Order of the n-gram model that is the source.
    pub order: usize,
    /// Number of sequences of each kind.
    pub sequences: usize,
    /// Length of the longest prefix in tokens.
    pub length: usize,
    /// The ways of training: teacher forcing first.
    pub ways: Vec<Bias>,
}

const ORDER: usize = 3;
/// Number of texts that the source writes in one batch.
const BATCH_SIZE: usize = 32;
/// The share of own inputs that scheduled sampling rises to.
const SHARE: f64 = 0.25;

/// Trains the networks on the source and measures their exposure bias, or loads the measurement.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training and of [`exposure`](crate::inspect::exposure()).
pub fn exposed(lab: &mut Lab) -> Result<Exposed> {
    let shared = lab.net(Net::Lstm)?.run;
    let (train, valid) = (lab.file("source-train.txt"), lab.file("source-valid.txt"));
    let source = source(lab, &shared)?;
    if !valid.exists() {
        let tokens = lab.scale().text_bytes / 5;
        write_text(&train, &write(lab, &source, tokens, 0)?)?;
        write_text(
            &valid,
            &write(lab, &source, tokens / 12, BATCH_SIZE as u64)?,
        )?;
    }
    let mut ways = Vec::new();
    for (name, share) in [("exposed", 0.0), ("exposed-sampled", SHARE)] {
        let mut config = lab.config(Net::Gru);
        config.scheduled_sampling = (share > 0.0).then_some(Decay::Constant(share));
        let from = VocabularyFrom::Model(shared.clone());
        let trained = lab.train(name, config, from, &train, &valid)?;
        ways.push(lab.measured(&format!("exposure of {name}"), |lab| {
            bias(lab, &source, trained, share)
        })?);
    }
    let options = options(lab);
    Ok(Exposed {
        order: ORDER,
        sequences: options.sequences,
        length: options.length,
        ways,
    })
}

/// The trigram model of the text, over the vocabulary of `run`.
fn source(lab: &Lab, run: &Path) -> Result<Model> {
    let vocab = Model::load(run)?.vocab().clone();
    let text = vec![Source::File(lab.texts().train.clone())];
    let model = super::sizes::count(lab, Words::new(vocab), text, ORDER)?;
    Ok(lab.computing(model))
}

/// About `tokens` tokens of the source; texts are numbered from `first` on.
fn write(lab: &Lab, source: &Model, tokens: usize, first: u64) -> Result<String> {
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

fn options(lab: &Lab) -> Options {
    Options {
        sequences: 64 * lab.scale().passages,
        length: 32,
        resamples: 1999,
        seed: lab.plan().seed,
        ..Options::default()
    }
}

fn bias(lab: &Lab, source: &Model, trained: Trained, sampled: f64) -> Result<Bias> {
    let model = lab.computing(Model::load(&trained.run)?);
    let found = exposure(&model, source, None, &options(lab), &mut |_| ())?;
    let estimate = |figure: Figure| Estimate {
        value: figure.value,
        low: figure.interval.low,
        high: figure.interval.high,
    };
    let band = |band: &exposure::Band| Band {
        from: band.from,
        to: band.to,
        on_true: estimate(band.kl.on_true),
        on_own: estimate(band.kl.on_own),
        difference: estimate(band.kl.difference),
    };
    Ok(Bias {
        sampled,
        trained,
        bands: found.bands.iter().map(band).collect(),
        overall: band(&found.overall),
    })
}

impl Exposed {
    /// Whether there is exposure bias: the interval of the difference lies above 0.
    pub fn is_there(&self) -> bool {
        self.ways[0].overall.difference.low > 0.0
    }

    /// Whether the bias is larger after the longest prefixes than after a single token.
    pub fn grows(&self) -> bool {
        let bands = &self.ways[0].bands;
        let of = |band: Option<&Band>| band.map_or(0.0, |band| band.difference.value);
        of(bands.last()) > of(bands.iter().find(|band| band.from == 1))
    }

    /// Whether the bias is smaller with scheduled sampling.
    pub(crate) fn is_mended(&self) -> bool {
        let of = |way: &Bias| way.overall.difference.value;
        of(&self.ways[1]) < of(&self.ways[0])
    }

    /// Verdict on the claim that exposure bias exists, grows, and shrinks with scheduled sampling.
    pub fn verdict(&self) -> Verdict {
        // What is not there neither grows nor is mended.
        let there = self.is_there();
        Verdict::of(&[there, there && self.grows(), there && self.is_mended()])
    }
}
