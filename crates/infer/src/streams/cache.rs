//! The streams of a cache: the last words of each.

use super::Scores;
use crate::cache::{Cache, CacheState};
use elman_text::Vocab;
use std::sync::Arc;

/// B streams of text under a cache.
#[derive(Clone)]
pub(super) struct CacheStreams {
    cache: Arc<Cache>,
    /// (B)
    states: Vec<CacheState>,
}

impl CacheStreams {
    pub fn new(cache: Arc<Cache>, streams: usize) -> CacheStreams {
        CacheStreams {
            states: vec![cache.start(); streams],
            cache,
        }
    }

    pub fn vocab(&self) -> &Vocab {
        self.cache.vocab()
    }

    pub fn len(&self) -> usize {
        self.states.len()
    }

    pub fn feed(&mut self, texts: &[&[u32]]) {
        for (state, text) in self.states.iter_mut().zip(texts) {
            text.iter()
                .for_each(|&token| self.cache.advance(state, token));
        }
    }

    pub fn logits(&self, logits: &mut [f32]) {
        let v = self.vocab().len();
        for (state, logits) in self.states.iter().zip(logits.chunks_exact_mut(v)) {
            for (token, logit) in (0..).zip(logits) {
                *logit = -self.cache.nats(state, token) as f32;
            }
        }
    }

    pub fn nats(&self, stream: usize, tokens: &[u32], nats: &mut [f64]) {
        for (nats, &token) in nats.iter_mut().zip(tokens) {
            *nats = self.cache.nats(&self.states[stream], token);
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
        let ids = 0..self.vocab().len() as u32;
        let nats = |state| {
            let nats = ids.clone().map(|id| self.cache.nats(state, id));
            Scores::Nats(nats.collect())
        };
        self.states.iter().map(nats).collect()
    }

    /// Reads `tokens` in the only stream and writes the loss of each into `nats`, see [`super::Streams::score`].
    pub fn score(&mut self, tokens: &[u32], nats: &mut [f64]) {
        for (token, nats) in tokens.iter().zip(nats) {
            *nats = self.cache.nats(&self.states[0], *token);
            self.cache.advance(&mut self.states[0], *token);
        }
    }

    pub fn reset(&mut self, stream: usize) {
        self.states[stream] = self.cache.start();
    }

    pub fn select(&mut self, from: &[usize]) {
        self.states = from.iter().map(|&i| self.states[i].clone()).collect();
    }

    pub fn save(&self, bytes: &mut Vec<u8>) {
        let tokens = self.states[0].tokens();
        bytes.extend(tokens.flat_map(u32::to_le_bytes));
    }

    pub fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        let (tokens, []) = bytes.as_chunks::<4>() else {
            return None;
        };
        let tokens = tokens.iter().map(|&bytes| u32::from_le_bytes(bytes));
        let v = self.vocab().len();
        if tokens.len() > self.cache.window() || tokens.clone().any(|id| id as usize >= v) {
            return None;
        }
        let mut state = self.cache.start();
        tokens.for_each(|token| self.cache.advance(&mut state, token));
        self.states[0] = state;
        Some(())
    }
}
