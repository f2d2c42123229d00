//! A batch of prompts that have been read, ready to be continued any number of times: by sampling here, by search in `beam.rs`.
//!
//! Each prompt is a stream. A stream whose text has ended leaves, so the others have its time. Sample n of a seed is the same
//! whatever is beside it: its numbers are keyed by (seed, n), and streams do not know each other.

use super::draft::{Draft, Rules};
use super::{Finish, Generation, Sampling};
use crate::Streams;
use crate::constraint::{Constraint, Place};
use crate::error::{GenerateError, Result};
use crate::model::check_words;
use crate::sample::Sampler;
use elman_kernels::rng::{Site, Stream, key};
use elman_text::Decoder;
use std::ops::ControlFlow;

/// A batch of B prompts that have been read, which can be continued by samples or by beam search.
pub struct Generator<'a> {
    pub(super) options: Sampling,
    /// Streams at the ends of the prompts.
    pub(super) streams: Streams<'a>,
    prompts: Vec<Prompt>,
    /// (B, V): what follows the prompts.
    pub(super) logits: Vec<f32>,
    pub(super) constraint: Option<Constraint>,
    /// Ids that are never written.
    pub(super) banned: Vec<u32>,
}

struct Prompt {
    ids: Vec<u32>,
    decoder: Decoder,
    /// Position in the constraint at the end of the prompt.
    place: Option<Place>,
}

impl<'a> Generator<'a> {
    /// Feeds the token ids of `prompts` to `streams`, which has a stream at the beginning of a text for each prompt.
    ///
    /// # Errors
    /// [`GenerateError::Prompt`] if an id is not below V; other [`GenerateError`]s if an option is invalid;
    /// [`Error::Constraint`](crate::Error::Constraint) if the constraint cannot be used;
    /// [`ModelError::OnlyHashes`](crate::ModelError::OnlyHashes) for a model without words.
    pub fn new(
        mut streams: Streams<'a>,
        prompts: &[Vec<u32>],
        options: Sampling,
    ) -> Result<Generator<'a>> {
        options.check()?;
        let vocab = streams.vocab();
        check_words(vocab, "generation")?;
        let v = vocab.len();
        if let Some(id) = prompts.iter().flatten().find(|id| **id as usize >= v) {
            let (id, last) = (*id, v - 1);
            return Err(GenerateError::Prompt { id, last }.into());
        }
        let mut banned = options.banned.clone();
        banned.retain(|&id| (id as usize) < v);
        if !options.allow_unk {
            banned.extend(vocab.unk());
        }
        let constraint = match &options.allow {
            Some(allow) => {
                let ends = |id| options.eos.finish(vocab, streams.layout(), id).is_some();
                Some(Constraint::new(allow, vocab, options.eos, &ends, &banned)?)
            }
            None => None,
        };
        let prompt = |ids: &Vec<u32>| -> Result<Prompt> {
            let (mut decoder, mut text) = (Decoder::default(), Vec::new());
            for &id in ids {
                text.extend_from_slice(decoder.push(vocab, id));
            }
            let start = constraint
                .as_ref()
                .map(|constraint| constraint.start(&text, decoder.in_line(), options.max_tokens));
            Ok(Prompt {
                ids: ids.clone(),
                place: start.transpose()?,
                decoder,
            })
        };
        let prompts: Vec<Prompt> = prompts.iter().map(prompt).collect::<Result<_>>()?;
        let texts: Vec<&[u32]> = prompts.iter().map(|prompt| &prompt.ids[..]).collect();
        streams.feed(&texts);
        let mut logits = vec![0.0; prompts.len() * v];
        streams.logits(&mut logits);
        Ok(Generator {
            options,
            streams,
            prompts,
            logits,
            constraint,
            banned,
        })
    }

    /// B, the number of prompts.
    pub fn prompts(&self) -> usize {
        self.prompts.len()
    }

    /// Number of tokens of prompt `index`.
    pub fn prompt_tokens(&self, index: usize) -> usize {
        self.prompts[index].ids.len()
    }

    /// Generates sample `number` of each prompt, all of them in one batch.
    ///
    /// `sink` is called with the index of the prompt and each new part of its text; if it returns `Break`, all of them end.
    ///
    /// # Errors
    /// [`GenerateError::NotFinite`] if hidden states overflow; [`GenerateError::Impossible`] if all that is allowed has probability
    /// 0.
    pub fn sample(
        &mut self,
        number: u64,
        sink: &mut dyn FnMut(usize, &[u8]) -> ControlFlow<()>,
    ) -> Result<Vec<Generation>> {
        self.sample_each(&vec![number; self.prompts.len()], sink)
    }

    /// Generates one sample of each prompt, with the sample numbers `numbers` (B); see [`Generator::sample`].
    pub fn sample_each(
        &mut self,
        numbers: &[u64],
        sink: &mut dyn FnMut(usize, &[u8]) -> ControlFlow<()>,
    ) -> Result<Vec<Generation>> {
        assert_eq!(
            numbers.len(),
            self.prompts.len(),
            "a number for each prompt"
        );
        let v = self.streams.vocab().len();
        let indices = 0..self.prompts.len();
        let samplers: Result<Vec<Sampler>> = indices
            .clone()
            .zip(numbers)
            .map(|(index, &number)| self.sampler(index, number))
            .collect();
        let mut samplers = samplers?;
        let mut drafts: Vec<Draft> = indices.map(|index| self.draft(index)).collect();
        let mut rules = Rules::new(&self.streams, &self.options, &mut self.constraint);
        let isa = self.streams.isa();
        let mut streams = self.streams.clone();
        // Row i of the logits is about draft `live[i]`, and so is stream i.
        let mut live: Vec<usize> = (0..drafts.len()).collect();
        leave(&mut live, &drafts, &mut streams);
        let row = |&index: &usize| &self.logits[index * v..(index + 1) * v];
        let mut logits: Vec<f32> = live.iter().flat_map(row).copied().collect();
        let mut ids = Vec::new();
        while !live.is_empty() {
            for (row, &index) in live.iter().enumerate() {
                let (draft, logits) = (&mut drafts[index], &logits[row * v..(row + 1) * v]);
                let allowed = draft.allowed(&mut rules, &mut ids);
                let id = samplers[index].choose(isa, logits, allowed)?;
                let logprob = rules.options.logprobs.then(|| {
                    let mut nats = [0.0];
                    streams.nats(row, logits, &[id], &mut nats);
                    -nats[0]
                });
                draft.push(&mut rules, id, logprob);
                let fresh = draft.fresh();
                if !fresh.is_empty() && sink(index, fresh).is_break() {
                    return Ok(drafts.into_iter().map(Generation::from).collect());
                }
            }
            leave(&mut live, &drafts, &mut streams);
            if !live.is_empty() {
                let last: Vec<&[u32]> = live.iter().map(|&index| drafts[index].last()).collect();
                streams.feed(&last);
                logits.truncate(live.len() * v);
                streams.logits(&mut logits);
            }
        }
        Ok(drafts.into_iter().map(Generation::from).collect())
    }

    /// The text after prompt `index`, before its first token.
    pub(super) fn draft(&mut self, index: usize) -> Draft {
        let prompt = &self.prompts[index];
        let mut rules = Rules::new(&self.streams, &self.options, &mut self.constraint);
        Draft::new(&mut rules, prompt.decoder.clone(), prompt.place)
    }

    fn sampler(&self, index: usize, number: u64) -> Result<Sampler> {
        let mut sampling = self.options.clone();
        sampling.banned.clone_from(&self.banned);
        let stream = Stream::new(key(self.options.seed, Site::Sample, number));
        let mut sampler = Sampler::new(&sampling, self.streams.vocab().len(), stream)?;
        let prompt = self.prompts[index].ids.iter();
        prompt.for_each(|&id| sampler.observe(id));
        Ok(sampler)
    }
}

/// Removes the streams whose texts have ended.
fn leave(live: &mut Vec<usize>, drafts: &[Draft], streams: &mut Streams) {
    let open = |&row: &usize| drafts[live[row]].finish.is_none();
    let rows: Vec<usize> = (0..live.len()).filter(open).collect();
    if rows.len() < live.len() {
        *live = rows.iter().map(|&row| live[row]).collect();
        if !live.is_empty() {
            streams.select(&rows);
        }
    }
}

impl From<Draft> for Generation {
    fn from(draft: Draft) -> Generation {
        Generation {
            text: draft.text().to_vec(),
            // What has no reason to have ended was broken off.
            finish: draft.finish.unwrap_or(Finish::Cancelled),
            tokens: draft.tokens,
            logprobs: draft.logprobs,
        }
    }
}
