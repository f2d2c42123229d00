//! The streams of a mixture: those of each of its models.

use super::{Scores, Streams};
use crate::mixture::{Mixture, mix};
use elman_text::{Layout, Vocab};
use std::sync::Arc;

/// B streams of text under a mixture.
#[derive(Clone)]
pub(super) struct MixtureStreams {
    mixture: Arc<Mixture>,
    /// The streams of each model.
    members: Vec<Streams<'static>>,
    /// (models, B): what was computed last, at the present places.
    scores: Vec<Vec<Scores>>,
}

impl MixtureStreams {
    pub fn new(mixture: Arc<Mixture>, streams: usize, window: usize) -> MixtureStreams {
        // Where lines begin anew is the mixture's own matter.
        let member = |model: &crate::Model| {
            let model = model.clone().with_layout(Layout::Stream);
            model.streams_in_windows(streams, window)
        };
        MixtureStreams {
            members: mixture.members().iter().map(member).collect(),
            mixture,
            scores: Vec::new(),
        }
    }

    pub fn vocab(&self) -> &Vocab {
        self.members[0].vocab()
    }

    pub fn len(&self) -> usize {
        self.members[0].len()
    }

    pub fn feed(&mut self, texts: &[&[u32]]) {
        self.members
            .iter_mut()
            .for_each(|member| member.feed(texts));
    }

    pub fn logits(&mut self, logits: &mut [f32]) {
        let v = self.vocab().len();
        for (scores, logits) in self.scores().iter().zip(logits.chunks_exact_mut(v)) {
            for (id, logit) in (0..).zip(logits) {
                *logit = -scores.nats(id) as f32;
            }
        }
    }

    /// Computes losses from the scores of [`MixtureStreams::logits`] at the same place.
    pub fn nats(&self, stream: usize, tokens: &[u32], nats: &mut [f64]) {
        for (nats, &token) in nats.iter_mut().zip(tokens) {
            *nats = self.mixed(stream, token);
        }
    }

    fn mixed(&self, stream: usize, token: u32) -> f64 {
        let members = self.scores.iter();
        mix(
            members.map(|scores| scores[stream].nats(token)),
            self.mixture.weights(),
        )
    }

    /// The losses of `wanted` as next tokens, see [`super::Streams::next_nats`].
    pub fn next_nats(&mut self, wanted: &[Vec<u32>]) -> Option<Vec<Vec<f64>>> {
        let members = self.members.iter_mut();
        let all: Vec<_> = members
            .map(|member| member.next_nats(wanted))
            .collect::<Option<_>>()?;
        let mixed = |stream: usize, i: usize| {
            let nats = all.iter().map(|member| member[stream][i]);
            mix(nats, self.mixture.weights())
        };
        let losses = |(stream, tokens): (usize, &Vec<u32>)| {
            (0..tokens.len()).map(|i| mixed(stream, i)).collect()
        };
        Some(wanted.iter().enumerate().map(losses).collect())
    }

    /// Number of steps that the networks among the models have taken.
    pub fn network_steps(&self) -> u64 {
        self.members.iter().map(Streams::network_steps).sum()
    }

    pub fn scores(&mut self) -> Vec<Scores> {
        self.scores = self.members.iter_mut().map(Streams::scores).collect();
        self.all_mixed()
    }

    fn all_mixed(&self) -> Vec<Scores> {
        let v = self.vocab().len() as u32;
        let stream = |stream: usize| {
            let mut all = self.scores.iter().map(|scores| &scores[stream]);
            match all.find(|scores| scores.overflow()) {
                Some(overflow) => overflow.clone(),
                None => Scores::Nats((0..v).map(|id| self.mixed(stream, id)).collect()),
            }
        };
        (0..self.len()).map(stream).collect()
    }

    /// Reads `tokens` in the only stream and writes the loss of each into `nats`, see [`super::Streams::score`].
    pub fn score(&mut self, tokens: &[u32], nats: &mut [f64]) {
        let score = |member: &mut Streams| {
            let mut nats = vec![0.0; tokens.len()];
            member.score(tokens, &mut nats);
            nats
        };
        let all: Vec<Vec<f64>> = self.members.iter_mut().map(score).collect();
        for (i, nats) in nats.iter_mut().enumerate() {
            *nats = mix(all.iter().map(|member| member[i]), self.mixture.weights());
        }
    }

    pub fn reset(&mut self, stream: usize) {
        self.members
            .iter_mut()
            .for_each(|member| member.reset(stream));
    }

    pub fn select(&mut self, from: &[usize]) {
        self.members
            .iter_mut()
            .for_each(|member| member.select(from));
        for scores in &mut self.scores {
            *scores = from.iter().map(|&stream| scores[stream].clone()).collect();
        }
    }

    pub fn saved_bytes(&self) -> Option<usize> {
        let members = self.members.iter();
        members.map(|member| Some(4 + member.saved_bytes()?)).sum()
    }

    /// Each model's stream behind its length.
    pub fn save(&mut self, bytes: &mut Vec<u8>) {
        for member in &mut self.members {
            let mut saved = Vec::new();
            member.save(&mut saved);
            bytes.extend((saved.len() as u32).to_le_bytes());
            bytes.extend(saved);
        }
    }

    pub fn restore(&mut self, mut bytes: &[u8]) -> Option<()> {
        for member in &mut self.members {
            let (length, rest) = bytes.split_first_chunk()?;
            let length = u32::from_le_bytes(*length) as usize;
            let (saved, rest) = rest.split_at_checked(length)?;
            member.restore(saved)?;
            bytes = rest;
        }
        bytes.is_empty().then_some(())
    }

    /// Advances streams as [`Streams::advance`] does, with one product for each network.
    pub fn advance(mut parts: Vec<(&mut Self, &[u32])>) -> Vec<Scores> {
        let texts: Vec<&[u32]> = parts.iter().map(|(_, text)| *text).collect();
        for j in 0..parts[0].0.members.len() {
            let member = parts.iter_mut().map(|(part, _)| &mut part.members[j]);
            let mut member: Vec<&mut Streams> = member.collect();
            let scores = Streams::advance(&mut member, &texts);
            for ((part, _), scores) in parts.iter_mut().zip(scores) {
                part.scores.resize(j + 1, Vec::new());
                part.scores[j] = vec![scores];
            }
        }
        let mixed = |(part, _): &mut (&mut Self, &[u32])| part.all_mixed().swap_remove(0);
        parts.iter_mut().map(mixed).collect()
    }
}
