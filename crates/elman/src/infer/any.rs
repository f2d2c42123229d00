//! A model of any family, by what its path holds: what the commands work with that do not care which it is.

use super::{Author, Composing, NetworkModel, PerLine, Reader, Reading, Weights, files};
use crate::error::{Error, Result};
use crate::ngram;
use crate::text::{Layout, Vocab};
use elman_kernels::Cpu;
use std::f64::consts::LN_10;
use std::path::Path;

/// Steps of a network's window: enough rows for the products to run at speed. Changes no bit.
const WINDOW: usize = 64;

/// A model.
#[derive(Debug)]
pub enum AnyModel {
    Network(Box<NetworkModel>),
    Ngram(Box<ngram::Model>),
}

impl AnyModel {
    /// [`AnyModel::load_as`] with weights as they were trained.
    pub fn load(path: &Path) -> Result<AnyModel> {
        AnyModel::load_as(path, Weights::F32)
    }

    /// Reads a network from its directory or that of its run, an n-gram model from its file.
    ///
    /// Errors: whatever is missing or wrong with the files; weights other than f32 for an n-gram model.
    pub fn load_as(path: &Path, weights: Weights) -> Result<AnyModel> {
        if !files::is_ngram(path) {
            return Ok(AnyModel::Network(Box::new(NetworkModel::load_as(
                path, weights,
            )?)));
        }
        if weights != Weights::F32 {
            return Err(Error::Config(format!(
                "{}: {} weights are for networks, and this is an n-gram model: leave the choice out",
                path.display(),
                weights.name()
            )));
        }
        Ok(AnyModel::Ngram(Box::new(ngram::Model::load(path)?)))
    }

    pub fn vocab(&self) -> &Vocab {
        match self {
            AnyModel::Network(model) => model.vocab(),
            AnyModel::Ngram(model) => model.vocab(),
        }
    }

    /// BLAKE3 (hex) of everything that decides its numbers.
    pub fn id(&self) -> &str {
        match self {
            AnyModel::Network(model) => model.id(),
            AnyModel::Ngram(model) => model.id(),
        }
    }

    /// What it is, in two words: `lstm 2×650`, `5-gram`.
    pub fn architecture(&self) -> String {
        match self {
            AnyModel::Network(model) => model.dims().architecture(),
            AnyModel::Ngram(model) => format!("{}-gram", model.order()),
        }
    }

    /// Numbers that training has found.
    pub fn parameters(&self) -> u64 {
        match self {
            AnyModel::Network(model) => model.network().layout().parameter_count() as u64,
            AnyModel::Ngram(model) => model.parameters(),
        }
    }

    /// What was remarkable about its files.
    pub fn notes(&self) -> &[String] {
        match self {
            AnyModel::Network(_) => &[],
            AnyModel::Ngram(model) => model.notes(),
        }
    }

    /// How its training text was laid out. An n-gram model's is a stream.
    pub fn layout(&self) -> Layout {
        match self {
            AnyModel::Network(model) => model.layout(),
            AnyModel::Ngram(_) => Layout::Stream,
        }
    }

    /// At the beginning of a text that is to be scored, laid out as the training text was.
    pub fn reader<'a>(&'a self, cpu: &'a Cpu) -> Box<dyn Reader + 'a> {
        self.reader_of(self.layout(), cpu)
    }

    /// At the beginning of a text that is to be scored.
    pub fn reader_of<'a>(&'a self, layout: Layout, cpu: &'a Cpu) -> Box<dyn Reader + 'a> {
        let reader: Box<dyn Reader + 'a> = match self {
            AnyModel::Network(model) => Box::new(Reading::new(model, cpu, WINDOW)),
            AnyModel::Ngram(model) => Box::new(Walk::new(model)),
        };
        match layout {
            Layout::Stream => reader,
            Layout::Sentences => Box::new(PerLine::new(reader)),
        }
    }

    /// At the beginning of `lanes` texts that are to be written, at least one.
    pub fn author<'a>(&'a self, cpu: &'a Cpu, lanes: usize) -> Box<dyn Author + 'a> {
        match self {
            AnyModel::Network(model) => Box::new(Composing::new(model, cpu, lanes)),
            AnyModel::Ngram(model) => Box::new(Walks {
                model,
                states: vec![model.start(); lanes],
                log10: Vec::new(),
            }),
        }
    }
}

/// An n-gram model in the middle of a text, which it reads.
pub struct Walk<'a> {
    model: &'a ngram::Model,
    state: ngram::State,
    /// Of the tokens that are read.
    log10: Vec<f32>,
}

impl<'a> Walk<'a> {
    /// At the beginning of a text.
    pub fn new(model: &'a ngram::Model) -> Walk<'a> {
        Walk {
            model,
            state: model.start(),
            log10: Vec::new(),
        }
    }
}

impl Reader for Walk<'_> {
    fn vocab(&self) -> &Vocab {
        self.model.vocab()
    }

    fn id(&self) -> String {
        self.model.id().to_owned()
    }

    fn read(&mut self, tokens: &[u32], nats: &mut [f64]) -> Result<()> {
        self.log10.resize(tokens.len(), 0.0);
        self.state = self.model.score_all(self.state, tokens, &mut self.log10);
        for (nats, &log10) in nats.iter_mut().zip(&self.log10) {
            *nats = nats_of(log10);
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.state = self.model.start();
    }
}

/// −ln p. Rounding may leave log10 p a little above 0.
fn nats_of(log10: f32) -> f64 {
    (-f64::from(log10) * LN_10).max(0.0)
}

/// An n-gram model in the middle of several texts, which it writes.
#[derive(Clone)]
struct Walks<'a> {
    model: &'a ngram::Model,
    /// (B)
    states: Vec<ngram::State>,
    /// (V): of all that may come next in one lane.
    log10: Vec<f32>,
}

impl Author for Walks<'_> {
    fn vocab(&self) -> &Vocab {
        self.model.vocab()
    }

    fn lanes(&self) -> usize {
        self.states.len()
    }

    fn read(&mut self, texts: &[&[u32]]) {
        assert_eq!(texts.len(), self.states.len(), "a text for each lane");
        for (state, text) in self.states.iter_mut().zip(texts) {
            for &token in *text {
                *state = self.model.score(*state, token).1;
            }
        }
    }

    fn next_logits(&mut self, logits: &mut [f32]) {
        let v = self.model.vocab().len();
        self.log10.resize(v, 0.0);
        for (&state, logits) in self.states.iter().zip(logits.chunks_exact_mut(v)) {
            self.model.distribution(state, &mut self.log10);
            for (logit, log10) in logits.iter_mut().zip(&self.log10) {
                *logit = (f64::from(*log10) * LN_10) as f32;
            }
        }
    }

    fn next_nats(&self, lane: usize, _logits: &[f32], tokens: &[u32], nats: &mut [f64]) {
        for (nats, &token) in nats.iter_mut().zip(tokens) {
            *nats = nats_of(self.model.score(self.states[lane], token).0);
        }
    }

    fn select(&mut self, from: &[usize]) {
        self.states = from.iter().map(|&lane| self.states[lane]).collect();
    }

    fn fork(&self) -> Box<dyn Author + '_> {
        Box::new(self.clone())
    }
}
