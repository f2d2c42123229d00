//! A model of any family, by what its path holds: what the commands work with that do not care which it is.

use super::{Author, Composing, Model, PerLine, Reader, Reading, Weights, files};
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
    Network(Box<Model>),
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
            return Ok(AnyModel::Network(Box::new(Model::load_as(path, weights)?)));
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

    /// At the beginning of a text that is to be written.
    pub fn author<'a>(&'a self, cpu: &'a Cpu) -> Box<dyn Author + 'a> {
        match self {
            AnyModel::Network(model) => Box::new(Composing::new(model, cpu)),
            AnyModel::Ngram(model) => Box::new(Walk::new(model)),
        }
    }
}

/// An n-gram model in the middle of a text, which it reads or writes.
#[derive(Clone)]
pub struct Walk<'a> {
    model: &'a ngram::Model,
    state: ngram::State,
    /// Of the tokens that are read, or of all that may come next.
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
            // Rounding may leave log10 p a little above 0.
            *nats = (-f64::from(log10) * LN_10).max(0.0);
        }
        Ok(())
    }

    fn restart(&mut self) {
        self.state = self.model.start();
    }
}

impl Author for Walk<'_> {
    fn vocab(&self) -> &Vocab {
        self.model.vocab()
    }

    fn advance(&mut self, tokens: &[u32]) {
        for &token in tokens {
            self.state = self.model.score(self.state, token).1;
        }
    }

    fn next_logits(&mut self, logits: &mut [f32]) {
        self.log10.resize(logits.len(), 0.0);
        self.model.distribution(self.state, &mut self.log10);
        for (logit, log10) in logits.iter_mut().zip(&self.log10) {
            *logit = (f64::from(*log10) * LN_10) as f32;
        }
    }

    fn fork(&self) -> Box<dyn Author + '_> {
        Box::new(self.clone())
    }
}
