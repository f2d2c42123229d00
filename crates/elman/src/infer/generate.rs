//! Writing text: a prompt is read once, then tokens are drawn one after the other, and their text is handed out as soon as it
//! can be printed.
//!
//! - A text begins with `<eos>`, and so does a prompt, which may be empty.
//! - Several samples share the state after the prompt. Sample n of a seed is the same whichever others are drawn.
//! - `<eos>` ends the text, except in kind `whitespace`, where it ends a line and the text goes on. A model that was trained
//!   on sentences writes one line: whatever ends it ends the text, and is not handed out.
//! - `<unk>` is never drawn unless that is allowed: a reader has no use for it.
//! - Stop strings are found in the generated text, across tokens; neither they nor what follows is handed out.
//! - The repetition penalty looks at the prompt and at what was drawn, not at the `<eos>` in front.

use super::{Author, Composing, Model, Sampler, Sampling};
use crate::error::{Error, Result};
use crate::rng::{Site, Stream, key};
use crate::text::{Decoder, Kind, Layout};
use elman_kernels::{Cpu, Isa};
use serde::Serialize;
use std::ops::ControlFlow;

/// What and how much to write.
#[derive(Clone, Debug, PartialEq)]
pub struct GenerateOptions {
    pub sampling: Sampling,
    pub seed: u64,
    /// Tokens at most, the closing `<eos>` included.
    pub max_tokens: usize,
    /// Any of these ends the text.
    pub stop: Vec<String>,
    pub eos: Eos,
    /// Let `<unk>` be drawn.
    pub allow_unk: bool,
}

impl Default for GenerateOptions {
    fn default() -> GenerateOptions {
        GenerateOptions {
            sampling: Sampling::default(),
            seed: 1,
            max_tokens: 200,
            stop: Vec::new(),
            eos: Eos::ByKind,
            allow_unk: false,
        }
    }
}

/// What a drawn `<eos>` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eos {
    /// Goes on in kind `whitespace`, where it is a line end; stops in the others, where it ends the document. A model of
    /// sentences stops at any line end.
    ByKind,
    Stop,
    /// Goes on from the state after it.
    GoOn,
}

impl Eos {
    fn stops(self, kind: Kind) -> bool {
        match self {
            Eos::ByKind => kind != Kind::Whitespace,
            Eos::Stop => true,
            Eos::GoOn => false,
        }
    }
}

/// Why a text ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Finish {
    /// A stop string.
    Stop,
    /// `max_tokens`.
    Length,
    Eos,
    /// The end of the line, of a model of sentences.
    Line,
    /// Whoever took the text wanted no more.
    Cancelled,
}

/// One sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generation {
    /// All that was handed out, without the prompt. UTF-8 except perhaps in kind `bytes`.
    pub text: Vec<u8>,
    /// All that was drawn, a closing `<eos>` and the tokens of a stop string included.
    pub tokens: Vec<u32>,
    pub finish: Finish,
}

/// What [`generate`] returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    pub prompt_tokens: usize,
    /// Symbols of the prompt that the vocabulary lacks, each once; they were read as `<unk>`.
    pub unknown: Vec<String>,
    pub samples: Vec<Generation>,
}

/// Writes samples 0 to `samples` − 1 after `prompt`, one after the other. `sink` gets the number of a sample and a piece of its
/// text; a `Break` ends everything.
///
/// Errors: options that mean nothing, a prompt that is not UTF-8 (in kinds of text), hidden states that overflow.
pub fn generate(
    model: &Model,
    cpu: &Cpu,
    prompt: &[u8],
    samples: u64,
    options: &GenerateOptions,
    sink: &mut dyn FnMut(u64, &[u8]) -> ControlFlow<()>,
) -> Result<Generated> {
    options.check()?;
    let encoded = model.vocab().tokenize(prompt)?;
    let author = Box::new(Composing::new(model, cpu));
    let generator = Generator::new(author, cpu.isa(), &encoded.ids)?;
    let mut generated = Generated {
        prompt_tokens: encoded.ids.len(),
        unknown: encoded.unknown,
        samples: Vec::new(),
    };
    for number in 0..samples {
        let sample = generator.sample(number, options, &mut |piece| sink(number, piece))?;
        let cancelled = sample.finish == Finish::Cancelled;
        generated.samples.push(sample);
        if cancelled {
            break;
        }
    }
    Ok(generated)
}

impl GenerateOptions {
    /// About sixty words that show what a model has learnt.
    pub fn glimpse(kind: Kind) -> GenerateOptions {
        GenerateOptions {
            sampling: Sampling {
                temperature: 0.8,
                ..Sampling::default()
            },
            max_tokens: match kind {
                Kind::Words | Kind::Whitespace => 80,
                Kind::Chars | Kind::Bytes => 350,
            },
            ..GenerateOptions::default()
        }
    }

    /// Refuses what means nothing.
    pub fn check(&self) -> Result<()> {
        self.sampling.check()?;
        if self.stop.iter().any(String::is_empty) {
            return Err(Error::Config(
                "a stop string must not be empty: it would stop every text at once".into(),
            ));
        }
        Ok(())
    }
}

/// A prompt that has been read, ready to be continued any number of times.
pub struct Generator<'a> {
    /// After the prompt.
    author: Box<dyn Author + 'a>,
    isa: Isa,
    prompt: Vec<u32>,
    /// (V): what follows the prompt.
    logits: Vec<f32>,
    decoder: Decoder,
}

impl<'a> Generator<'a> {
    /// Lets `author`, who is at the beginning of a text, read the ids of `prompt`. Errors: an id that is not below V.
    pub fn new(
        mut author: Box<dyn Author + 'a>,
        isa: Isa,
        prompt: &[u32],
    ) -> Result<Generator<'a>> {
        let v = author.vocab().len();
        if let Some(id) = prompt.iter().find(|id| **id as usize >= v) {
            return Err(Error::Config(format!(
                "the prompt holds the id {id}, and the vocabulary ends at {}",
                v - 1
            )));
        }
        author.advance(prompt);
        let mut logits = vec![0.0; v];
        author.next_logits(&mut logits);
        let mut decoder = Decoder::default();
        for &id in prompt {
            decoder.push(author.vocab(), id);
        }
        Ok(Generator {
            author,
            isa,
            prompt: prompt.to_vec(),
            logits,
            decoder,
        })
    }

    /// Writes sample `number`; `sink` gets its text piece by piece and may `Break` it off.
    pub fn sample(
        &self,
        number: u64,
        options: &GenerateOptions,
        sink: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<Generation> {
        options.check()?;
        let vocab = self.author.vocab();
        let mut author = self.author.fork();
        let mut sampler = self.sampler(number, options)?;
        let stops_at_eos = options.eos.stops(vocab.kind());
        let one_line = options.eos == Eos::ByKind && author.layout() == Layout::Sentences;
        let (mut logits, mut decoder) = (self.logits.clone(), self.decoder.clone());
        let mut out = Out {
            stop: &options.stop,
            held: Vec::new(),
            text: Vec::new(),
            sink,
        };
        let mut tokens = Vec::new();
        let mut finish = Finish::Length;
        while tokens.len() < options.max_tokens {
            let id = sampler.choose(self.isa, &logits)?;
            tokens.push(id);
            if one_line && vocab.ends_line(id) {
                finish = Finish::Line;
                break;
            }
            if id == vocab.eos() && stops_at_eos {
                finish = Finish::Eos;
                break;
            }
            if let ControlFlow::Break(why) = out.push(decoder.push(vocab, id)) {
                finish = why;
                break;
            }
            if tokens.len() < options.max_tokens {
                author.advance(&[id]);
                author.next_logits(&mut logits);
            }
        }
        if matches!(finish, Finish::Eos | Finish::Line | Finish::Length)
            && let ControlFlow::Break(why) = out.end(decoder.finish())
        {
            finish = why;
        }
        Ok(Generation {
            text: out.text,
            tokens,
            finish,
        })
    }

    fn sampler(&self, number: u64, options: &GenerateOptions) -> Result<Sampler> {
        let vocab = self.author.vocab();
        let mut sampling = options.sampling.clone();
        if !options.allow_unk {
            sampling.banned.extend(vocab.unk());
        }
        let stream = Stream::new(key(options.seed, Site::Sample, number));
        let mut sampler = Sampler::new(&sampling, vocab.len(), stream)?;
        self.prompt.iter().for_each(|&id| sampler.observe(id));
        Ok(sampler)
    }
}

/// Hands out text, but holds back what may be the beginning of a stop string.
struct Out<'a> {
    stop: &'a [String],
    held: Vec<u8>,
    text: Vec<u8>,
    sink: &'a mut dyn FnMut(&[u8]) -> ControlFlow<()>,
}

impl Out<'_> {
    fn push(&mut self, piece: &[u8]) -> ControlFlow<Finish> {
        self.held.extend_from_slice(piece);
        let first = |holds: fn(&[u8], &[u8]) -> bool| {
            let tail = |i: usize| &self.held[i..];
            (0..self.held.len()).find(|&i| {
                let mut stops = self.stop.iter();
                stops.any(|stop| holds(tail(i), stop.as_bytes()))
            })
        };
        // A complete one ends the text, even where a longer one that began before it might follow.
        if let Some(at) = first(|tail, stop| tail.starts_with(stop)) {
            self.held.truncate(at);
            self.flush()?;
            return ControlFlow::Break(Finish::Stop);
        }
        match first(|tail, stop| stop.starts_with(tail)) {
            Some(at) => self.release(at),
            None => self.flush(),
        }
    }

    /// Takes the last piece: what is held back begins no stop string any more.
    fn end(&mut self, piece: &[u8]) -> ControlFlow<Finish> {
        self.push(piece)?;
        self.flush()
    }

    /// Hands out everything.
    fn flush(&mut self) -> ControlFlow<Finish> {
        self.release(self.held.len())
    }

    /// Hands out the first `n` bytes.
    fn release(&mut self, n: usize) -> ControlFlow<Finish> {
        if n == 0 {
            return ControlFlow::Continue(());
        }
        let start = self.text.len();
        self.text.extend(self.held.drain(..n));
        match (self.sink)(&self.text[start..]) {
            ControlFlow::Continue(()) => ControlFlow::Continue(()),
            ControlFlow::Break(()) => ControlFlow::Break(Finish::Cancelled),
        }
    }
}

#[cfg(test)]
mod tests;
