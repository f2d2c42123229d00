//! The streams of an n-gram model: a context each.

use super::{Scores, nats_of_log10};
use elman_ngram::{Model, State};
use elman_text::Vocab;
use std::f64::consts::LN_10;
use std::sync::Arc;

/// B streams of text under an n-gram model.
#[derive(Clone)]
pub(super) struct NgramStreams {
    model: Arc<Model>,
    /// (B)
    states: Vec<State>,
    log10: Vec<f32>,
}

impl NgramStreams {
    pub fn new(model: Arc<Model>, streams: usize) -> NgramStreams {
        NgramStreams {
            states: vec![model.start(); streams],
            model,
            log10: Vec::new(),
        }
    }

    pub fn vocab(&self) -> &Vocab {
        self.model.vocab()
    }

    pub fn len(&self) -> usize {
        self.states.len()
    }

    pub fn feed(&mut self, texts: &[&[u32]]) {
        for (state, text) in self.states.iter_mut().zip(texts) {
            for &token in *text {
                self.model.advance(state, token);
            }
        }
    }

    pub fn logits(&mut self, logits: &mut [f32]) {
        let v = self.vocab().len();
        self.log10.resize(v, 0.0);
        for (&state, logits) in self.states.iter().zip(logits.chunks_exact_mut(v)) {
            self.model.distribution(state, &mut self.log10);
            for (logit, log10) in logits.iter_mut().zip(&self.log10) {
                *logit = (f64::from(*log10) * LN_10) as f32;
            }
        }
    }

    pub fn nats(&self, stream: usize, tokens: &[u32], nats: &mut [f64]) {
        let state = &self.states[stream];
        for (nats, &token) in nats.iter_mut().zip(tokens) {
            *nats = nats_of_log10(self.model.log10_p(state, token));
        }
    }

    /// The losses of `wanted` as next tokens, see [`super::Streams::next_nats`].
    pub fn next_nats(&self, wanted: &[Vec<u32>]) -> Vec<Vec<f64>> {
        let losses = |(stream, tokens): (usize, &Vec<u32>)| {
            let mut nats = vec![0.0; tokens.len()];
            self.nats(stream, tokens, &mut nats);
            nats
        };
        wanted.iter().enumerate().map(losses).collect()
    }

    pub fn scores(&self) -> Vec<Scores> {
        let scores = self.states.iter().map(|&state| {
            let mut log10 = vec![0.0; self.vocab().len()];
            self.model.distribution(state, &mut log10);
            Scores::Log10(log10)
        });
        scores.collect()
    }

    /// Reads `tokens` in the only stream and writes the loss of each into `nats`, see [`super::Streams::score`].
    pub fn score(&mut self, tokens: &[u32], nats: &mut [f64]) {
        self.log10.resize(tokens.len(), 0.0);
        self.states[0] = self
            .model
            .score_all(self.states[0], tokens, &mut self.log10);
        for (nats, &log10) in nats.iter_mut().zip(&self.log10) {
            *nats = nats_of_log10(log10);
        }
    }

    pub fn reset(&mut self, stream: usize) {
        self.states[stream] = self.model.start();
    }

    pub fn select(&mut self, from: &[usize]) {
        self.states = from.iter().map(|&stream| self.states[stream]).collect();
    }

    /// Bytes of a saved stream; `None` if it depends on the state.
    pub fn saved_bytes(&self) -> Option<usize> {
        self.model.state_bytes()
    }

    pub fn save(&self, bytes: &mut Vec<u8>) {
        self.states[0].write(bytes);
    }

    pub fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        self.states[0] = self.model.state(bytes)?;
        Some(())
    }
}
