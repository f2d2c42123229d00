//! Sizes as the text grows: networks, whose weights follow from H, d and |V| alone, beside n-gram models, which list what they have seen.

use super::nets::Net;
use super::{Lab, Verdict};
use crate::error::Result;
use elman_infer::{EvalOptions, evaluate};
use elman_net::Network;
use elman_ngram as ngram;
use elman_ngram::{Builder, CountOptions, Counts, Words};
use elman_text::{Kind, ReadOptions, Source, Vocab};
use elman_train::VocabularyFrom;
use serde::{Deserialize, Serialize};

/// Models of a part of the text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Part {
    pub tokens: u64,
    /// Of the LSTM with the vocabulary of the whole text, and with one of every word of the part.
    pub parameters: usize,
    pub every_word: usize,
    pub parameters_every_word: usize,
    /// For each of the orders of [`Sizes`].
    pub ngrams: Vec<Counted>,
}

/// An n-gram model.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Counted {
    pub ngrams: u64,
    pub bytes: u64,
    /// On the held-out text.
    pub perplexity: f64,
}

/// A network after training on the whole text.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scored {
    pub net: Net,
    pub parameters: usize,
    /// Of its weights, in single precision.
    pub bytes: u64,
    pub perplexity: f64,
}

/// All of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sizes {
    pub orders: Vec<usize>,
    pub entries: usize,
    /// By size of the part; the last is the whole.
    pub parts: Vec<Part>,
    pub networks: Vec<Scored>,
}

const ORDERS: [usize; 3] = [2, 3, 5];
const PARTS: [usize; 4] = [8, 4, 2, 1];

pub fn sizes(lab: &mut Lab) -> Result<Sizes> {
    let mut models = Vec::new();
    for net in Net::TRAINED {
        let network = lab.model(net)?.0;
        models.push((net, lab.computing(network)));
    }
    lab.measured("sizes", |lab| {
        let vocab = models[0].1.vocab().clone();
        let read = ReadOptions::default();
        let valid = || vec![Source::File(lab.texts().valid.clone())];
        let text = std::fs::read_to_string(&lab.texts().train).unwrap_or_default();
        let lines: Vec<&str> = text.split_inclusive('\n').collect();
        let mut parts = Vec::new();
        for part in PARTS {
            let part = lines[..(lines.len() / part).max(1)].concat();
            let source = || {
                vec![Source::Reader {
                    name: "a part of the text".into(),
                    reader: Box::new(std::io::Cursor::new(part.clone().into_bytes())),
                }]
            };
            let mut ngrams = Vec::new();
            let mut tokens = 0;
            for order in ORDERS {
                let model = count(lab, Words::new(vocab.clone()), source(), order)?;
                let (ngrams_in_all, bytes) = (model.counts().iter().sum(), model.bytes());
                let (model, options) = (lab.computing(model), EvalOptions::default());
                let found = evaluate(&model, valid(), &read, &options, &mut |_| ())?;
                ngrams.push(Counted {
                    ngrams: ngrams_in_all,
                    bytes,
                    perplexity: found.perplexity,
                });
            }
            elman_text::encode(source(), &vocab, &read, &mut |_| -> Result<()> {
                tokens += 1;
                Ok(())
            })?;
            let every: Vocab = VocabularyFrom::Text.vocab(source(), Kind::Words, &read, 1, None)?;
            let parameters = |entries: usize| {
                let dims = lab.config(Net::Lstm).dims(entries);
                Network::new(dims).layout().parameter_count()
            };
            parts.push(Part {
                tokens,
                parameters: parameters(vocab.len()),
                every_word: every.len(),
                parameters_every_word: parameters(every.len()),
                ngrams,
            });
        }
        let mut networks = Vec::new();
        for (net, model) in &models {
            let (read, options) = (ReadOptions::default(), EvalOptions::default());
            let found = evaluate(model, valid(), &read, &options, &mut |_| ())?;
            let parameters = model.parameters() as usize;
            networks.push(Scored {
                net: *net,
                parameters,
                bytes: 4 * parameters as u64,
                perplexity: found.perplexity,
            });
        }
        Ok(Sizes {
            orders: ORDERS.to_vec(),
            entries: vocab.len(),
            parts,
            networks,
        })
    })
}

/// The Kneser–Ney model of `order` of a text.
pub(super) fn count(
    lab: &Lab,
    words: Words,
    text: Vec<Source>,
    order: usize,
) -> Result<ngram::Model> {
    let options = CountOptions {
        order,
        prune: Vec::new(),
        memory_bytes: 256 << 20,
        threads: lab.machine.threads,
        scratch: lab.directory.clone(),
    };
    let counts = Counts::of(text, &ReadOptions::default(), &words, &options, &mut |_| ())?;
    let mut builder = Builder::new(words, order);
    counts.estimate(&mut |gram, p, weight| -> Result<()> {
        Ok(builder
            .push(gram, p, weight)
            .map_err(ngram::NgramError::from)?)
    })?;
    Ok(builder.finish().map_err(ngram::NgramError::from)?)
}

impl Sizes {
    /// The weights of a network do not change as the text grows, as long as its vocabulary does not.
    pub fn constant(&self) -> Verdict {
        let mut parts = self.parts.windows(2);
        Verdict::of(&[parts.all(|pair| pair[0].parameters == pair[1].parameters)])
    }

    /// n-gram models grow with the text, and the largest of them are larger than the networks.
    pub fn smaller(&self) -> Verdict {
        let (first, last) = (&self.parts[0], &self.parts[self.parts.len() - 1]);
        let network = self
            .networks
            .iter()
            .map(|network| network.bytes)
            .max()
            .unwrap_or(0);
        let mut parts: Vec<bool> = Vec::new();
        for (first, last) in first.ngrams.iter().zip(&last.ngrams) {
            parts.push(last.bytes > first.bytes);
            parts.push(last.bytes > network);
        }
        Verdict::of(&parts)
    }
}
