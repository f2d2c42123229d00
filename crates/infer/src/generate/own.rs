//! A text that a model writes to be trained on: true beginnings, drawn from a text, each continued by the model itself.
//!
//! A model that generates is conditioned on its own words; trained on true words alone it has never seen them (exposure bias). A
//! text of its own sequences, mixed with true text, shows it some. Places and draws are keyed by the seed and the number of the
//! beginning, so the text is the same at any thread count.
//!
//! ```text
//! share = G / (N + B + G)      G tokens of the model's own after B of true beginnings, beside a true text of N
//! ```
//! - Of a stream a sequence is a beginning of a fixed length, from any place, and a continuation of a fixed length, in which `<eos>` ends
//!   nothing. So G and B follow from the share in closed form.
//! - Of sentences it is a line: at most half of a true one, a length drawn for each, and what the model writes up to the line end. One that is too
//!   long is cut, and gets the end of its true line, which counts as given. Lines are written until their share is reached.
//!
//! What is written are tokens, `<unk>` among them, and stays tokens: their text, tokenized again, might be others.

use super::{Eos, Finish, Generator, Sampling};
use crate::error::{OwnTextError, Result};
use crate::{NetworkModel, Streams, WINDOW};
use elman_kernels::Cpu;
use elman_kernels::rng::{Site, Stream, key};
use elman_text::{Layout, Sentences};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Sequences that are written in one batch.
const BATCH_SIZE: usize = 32;
/// The largest number of tokens of such a text: 4 GiB of them.
const MOST_TOKENS: usize = 1 << 30;
/// Number of lines after which it is checked that the share can be reached.
const TRIAL: u64 = 640;

/// How much text the model writes for its own training, and how.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OwnText {
    /// Share of the model's own tokens among all training tokens, between 0 and 1; true beginnings do not count as its own.
    pub share: f64,
    /// Number of tokens of a true beginning; for sentences the largest number.
    pub beginning: usize,
    /// Number of tokens that the model writes after a beginning; for sentences the largest number.
    pub continuation: usize,
    /// Temperature of the sampling.
    pub temperature: f32,
}

/// Text that a model has written for its own training.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OwnSequences {
    /// Token ids of the sequences, one after the other.
    pub ids: Vec<u32>,
    /// Number of tokens that the model has written; the others are true beginnings.
    pub own: usize,
    /// The sequences as text for people, each on a line of its own.
    pub text: Vec<u8>,
}

impl OwnText {
    /// Checks the options for training texts in the layout `layout`.
    ///
    /// # Errors
    /// [`OwnTextError`], for a stream also if beginnings of this length do not leave the share.
    pub fn check(&self, layout: Layout) -> Result<()> {
        if !(self.share > 0.0 && self.share < 1.0) {
            return Err(OwnTextError::Share.into());
        }
        if self.continuation == 0 {
            return Err(OwnTextError::NoContinuation.into());
        }
        if layout == Layout::Stream {
            self.own_in_each()?;
        }
        Ok(())
    }

    /// Number of sequences of a stream that give the share beside `n` true tokens.
    fn sequences(&self, n: usize) -> Result<usize> {
        let sequences = (self.share * n as f64 / self.own_in_each()?).ceil();
        self.bound(sequences * (self.beginning as f64 + self.continuation as f64))?;
        Ok(sequences as usize)
    }

    /// Tokens of its own that a sequence of a stream has beyond its share of the sequence: above 0, or the share is never reached.
    fn own_in_each(&self) -> Result<f64> {
        let (given, own) = (self.beginning as f64, self.continuation as f64);
        let each = own - self.share * (given + own);
        match each > 0.0 {
            true => Ok(each),
            false => Err(OwnTextError::Unreachable {
                share: self.share,
                percent: 100.0 * own / (given + own),
            }
            .into()),
        }
    }

    /// Refuses more tokens than there may be.
    fn bound(&self, tokens: f64) -> Result<()> {
        if tokens <= MOST_TOKENS as f64 {
            return Ok(());
        }
        let (share, most) = (self.share, MOST_TOKENS);
        Err(OwnTextError::TooLong {
            share,
            tokens,
            most,
        }
        .into())
    }
}

/// Writes a text of the model's own for training in the layout `layout`, beside the true text `ids`, from which the beginnings are
/// drawn.
///
/// `watch` is called with the number of its own tokens that the model has written, and the number that there will be.
///
/// # Errors
/// [`OwnTextError`] if an option is invalid, the share cannot be reached or the text is shorter than a beginning;
/// [`GenerateError::NotFinite`](crate::GenerateError::NotFinite) if hidden states overflow.
pub fn write_own(
    model: &NetworkModel,
    layout: Layout,
    cpu: &Cpu,
    ids: &[u32],
    own: &OwnText,
    seed: u64,
    watch: &mut dyn FnMut(usize, usize),
) -> Result<OwnSequences> {
    own.check(layout)?;
    let mut writer = Writer {
        model,
        layout,
        cpu,
        options: Sampling {
            temperature: own.temperature,
            seed,
            max_tokens: own.continuation,
            eos: match layout {
                Layout::Stream => Eos::GoOn,
                Layout::Sentences => Eos::ByKind,
            },
            allow_unk: true,
            ..Sampling::default()
        },
        begun: 0,
        written: OwnSequences::default(),
    };
    let mut draws = Stream::new(key(seed, Site::Beginnings, 0));
    match layout {
        Layout::Stream => writer.stream(ids, own, &mut draws, watch)?,
        Layout::Sentences => writer.sentences(ids, own, &mut draws, watch)?,
    }
    Ok(writer.written)
}

struct Writer<'a> {
    model: &'a NetworkModel,
    layout: Layout,
    cpu: &'a Cpu,
    options: Sampling,
    /// Sequences so far: their numbers.
    begun: u64,
    written: OwnSequences,
}

impl Writer<'_> {
    fn stream(
        &mut self,
        ids: &[u32],
        own: &OwnText,
        draws: &mut Stream,
        watch: &mut dyn FnMut(usize, usize),
    ) -> Result<()> {
        let Some(spare) = ids.len().checked_sub(own.beginning) else {
            let (tokens, beginning) = (ids.len(), own.beginning);
            return Err(OwnTextError::TextTooShort { tokens, beginning }.into());
        };
        let places = spare.saturating_add(1).min(u32::MAX as usize) as u32;
        let sequences = own.sequences(ids.len())?;
        let mut left = sequences;
        while left > 0 {
            let batch_size = BATCH_SIZE.min(left);
            let beginning = |_| {
                let start = draws.below(places) as usize;
                (ids[start..start + own.beginning].to_vec(), None)
            };
            let beginnings = (0..batch_size).map(beginning).collect();
            self.go_on(beginnings)?;
            left -= batch_size;
            watch(self.written.own, sequences * own.continuation);
        }
        Ok(())
    }

    fn sentences(
        &mut self,
        ids: &[u32],
        own: &OwnText,
        draws: &mut Stream,
        watch: &mut dyn FnMut(usize, usize),
    ) -> Result<()> {
        let vocab = self.model.vocab();
        let starts = Sentences::starts(ids, |id| vocab.ends_line(id));
        let lines = (starts.len() - 1).min(u32::MAX as usize) as u32;
        loop {
            let (n, all) = (ids.len() as f64, self.written.ids.len() as f64);
            let needed = own.share * (n + all);
            let have = self.written.own as f64;
            if have >= needed {
                break;
            }
            if self.begun >= TRIAL {
                // What a token that is written brings nearer to the share.
                let each = have / all - own.share;
                if each <= 0.0 {
                    return Err(OwnTextError::Unreachable {
                        share: own.share,
                        percent: 100.0 * have / all,
                    }
                    .into());
                }
                own.bound(own.share * n / each)?;
            }
            let beginning = |_| {
                let line = draws.below(lines) as usize;
                let line = &ids[starts[line]..starts[line + 1]];
                let most = own.beginning.min(line.len() / 2);
                let end = line.last().filter(|id| vocab.ends_line(**id));
                let length = draws.below(most as u32 + 1) as usize;
                (line[..length].to_vec(), Some(*end.unwrap_or(&vocab.eos())))
            };
            // No more than could be wanting, if all of them were long.
            let wanting = ((needed - have) / own.continuation as f64).ceil();
            let beginnings = (0..BATCH_SIZE.min(wanting as usize))
                .map(beginning)
                .collect();
            self.go_on(beginnings)?;
            watch(self.written.own, needed.ceil() as usize);
        }
        Ok(())
    }

    /// Continues beginnings in one batch; a text that is cut gets the token given with its beginning.
    fn go_on(&mut self, beginnings: Vec<(Vec<u32>, Option<u32>)>) -> Result<()> {
        let (model, cpu, vocab) = (self.model, self.cpu, self.model.vocab());
        let (prompts, ends): (Vec<_>, Vec<_>) = beginnings.into_iter().unzip();
        let batch_size = prompts.len();
        let (view, layout) = (model.view(), self.layout);
        let streams = Streams::of_network(view, vocab, layout, cpu, batch_size, WINDOW);
        let options = self.options.clone();
        let mut generator = Generator::new(streams, &prompts, options)?;
        let numbers: Vec<u64> = (self.begun..).take(batch_size).collect();
        let samples = generator.sample_each(&numbers, &mut |_, _| ControlFlow::Continue(()))?;
        for ((mut sequence, end), sample) in prompts.into_iter().zip(ends).zip(samples) {
            sequence.extend(&sample.tokens);
            if sample.finish == Finish::Length {
                sequence.extend(end);
            }
            self.written.own += sample.tokens.len();
            self.written.ids.extend(&sequence);
            let (text, decoded) = (&mut self.written.text, vocab.decode(&sequence));
            match vocab.kind().is_text() {
                // A sequence may begin or end within a character, where tokens are parts of one.
                true => decoded
                    .utf8_chunks()
                    .for_each(|chunk| text.extend(chunk.valid().as_bytes())),
                false => text.extend(decoded),
            }
            if text.last() != Some(&b'\n') {
                text.push(b'\n');
            }
        }
        self.begun += batch_size as u64;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
