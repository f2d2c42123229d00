//! Several streams of text under one model, which advance together: the basis of generation, search and sessions.
//!
//! ```text
//! feed: x_1 … x_n of each stream      logits: what may come next in each, one product for all      nats: −ln p of chosen tokens
//! ```
//! What happens in one stream changes no bit of another: a text gives the same numbers alone and in a batch, token by token and in
//! windows. A stream begins at the beginning of a text. In a model of sentences it is at the beginning again after every line end
//! that it is fed.
//!
//! The families differ in what a stream remembers: a network its states, an n-gram model a context, a cache the last words, a mixture what its
//! models do. Each has a file here with the same few methods.

mod cache;
mod mixture;
mod network;
mod ngram;

use super::NetworkView;
use super::model::{Family, Model};
use cache::CacheStreams;
use elman_kernels::{Cpu, Isa};
use elman_net::State;
use elman_text::{Layout, Vocab};
use mixture::MixtureStreams;
use network::NetworkStreams;
use ngram::NgramStreams;
use std::f64::consts::LN_10;
use std::ops::Deref;
use std::sync::Arc;

/// Largest number of steps that a network takes at once; it changes no bit, only speed.
pub const WINDOW: usize = 64;

/// A batch of B streams of text under one model, which advance together.
#[derive(Clone)]
pub struct Streams<'a> {
    memory: Memory<'a>,
    layout: Layout,
    isa: Isa,
}

/// Memory of the streams, by family of model.
#[derive(Clone)]
enum Memory<'a> {
    Network(Box<NetworkStreams<'a>>),
    Ngram(NgramStreams),
    Cache(CacheStreams),
    Mixture(MixtureStreams),
}

/// Something that is shared with other owners, or borrowed from one.
enum Handle<'a, T> {
    Shared(Arc<T>),
    Borrowed(&'a T),
}

/// The scores of all tokens after one stream, as its family computes them.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scores {
    /// Logits of a network, the largest of them, and −ln p of its token.
    Logits {
        logits: Vec<f32>,
        most: f64,
        least_nats: f64,
    },
    /// log10 p of an n-gram model.
    Log10(Vec<f32>),
    /// −ln p.
    Nats(Vec<f64>),
}

impl Model {
    /// Starts `streams` streams (at least one) at the beginnings of their texts.
    pub fn streams(&self, streams: usize) -> Streams<'static> {
        self.streams_in_windows(streams, WINDOW)
    }

    /// Starts streams whose network takes at most `window` steps at once.
    pub(crate) fn streams_in_windows(&self, streams: usize, window: usize) -> Streams<'static> {
        assert!(streams > 0, "there is at least one stream");
        Streams {
            layout: self.layout(),
            isa: self.cpu().isa(),
            memory: match self.family() {
                Family::Network(model) => {
                    let cpu = Handle::Shared(self.shared_cpu().clone());
                    let streams = NetworkStreams::of_model(model.clone(), cpu, streams, window);
                    Memory::Network(Box::new(streams))
                }
                Family::Ngram(model) => Memory::Ngram(NgramStreams::new(model.clone(), streams)),
                Family::Cache(cache) => Memory::Cache(CacheStreams::new(cache.clone(), streams)),
                Family::Mixture(mixture) => {
                    Memory::Mixture(MixtureStreams::new(mixture.clone(), streams, window))
                }
            },
        }
    }
}

impl<'a> Streams<'a> {
    /// Starts streams of a network of any origin, such as one in training, whose V is the size of `vocab`.
    ///
    /// The network takes at most `window` steps at once.
    pub fn of_network(
        network: NetworkView<'a>,
        vocab: &'a Vocab,
        layout: Layout,
        cpu: &'a Cpu,
        streams: usize,
        window: usize,
    ) -> Streams<'a> {
        let cpu = Handle::Borrowed(cpu);
        Streams {
            layout,
            isa: cpu.isa(),
            memory: Memory::Network(Box::new(NetworkStreams::of_view(
                network, vocab, cpu, streams, window,
            ))),
        }
    }

    /// Vocabulary of the streams' tokens.
    pub fn vocab(&self) -> &Vocab {
        match &self.memory {
            Memory::Network(streams) => streams.vocab(),
            Memory::Ngram(streams) => streams.vocab(),
            Memory::Cache(streams) => streams.vocab(),
            Memory::Mixture(streams) => streams.vocab(),
        }
    }

    /// B, the number of streams.
    #[expect(clippy::len_without_is_empty, reason = "there is at least one stream")]
    pub fn len(&self) -> usize {
        match &self.memory {
            Memory::Network(streams) => streams.len(),
            Memory::Ngram(streams) => streams.len(),
            Memory::Cache(streams) => streams.len(),
            Memory::Mixture(streams) => streams.len(),
        }
    }

    /// How the texts are laid out: as one stream, or as lines that begin again.
    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// The instruction set of the model's computations.
    pub(crate) fn isa(&self) -> Isa {
        self.isa
    }

    /// Appends the tokens `texts[i]`, of any number, to stream i. Ids are below V.
    pub fn feed(&mut self, texts: &[&[u32]]) {
        assert_eq!(texts.len(), self.len(), "a text for each stream");
        let texts = match self.layout {
            Layout::Stream => texts.to_vec(),
            Layout::Sentences => self.begin_lines(texts),
        };
        match &mut self.memory {
            Memory::Network(streams) => streams.feed(&texts),
            Memory::Ngram(streams) => streams.feed(&texts),
            Memory::Cache(streams) => streams.feed(&texts),
            Memory::Mixture(streams) => streams.feed(&texts),
        }
    }

    /// Computes the logits of the next token of every stream into `logits` (B, V): ln p up to a constant for each stream.
    pub fn logits(&mut self, logits: &mut [f32]) {
        assert_eq!(logits.len(), self.len() * self.vocab().len());
        match &mut self.memory {
            Memory::Network(streams) => streams.logits(logits),
            Memory::Ngram(streams) => streams.logits(logits),
            Memory::Cache(streams) => streams.logits(logits),
            Memory::Mixture(streams) => streams.logits(logits),
        }
    }

    /// Computes −ln p of each of `tokens` as the next token of a stream whose logits are `logits` (V).
    ///
    /// The bits are those of [`super::Session::score_tokens`].
    pub fn nats(&self, stream: usize, logits: &[f32], tokens: &[u32], nats: &mut [f64]) {
        match &self.memory {
            Memory::Network(streams) => streams.nats(logits, tokens, nats),
            Memory::Ngram(streams) => streams.nats(stream, tokens, nats),
            Memory::Cache(streams) => streams.nats(stream, tokens, nats),
            Memory::Mixture(streams) => streams.nats(stream, tokens, nats),
        }
    }

    /// Computes −ln p of each of `wanted[i]` as the next token of stream i, in memory that does not grow with the number of streams.
    ///
    /// The bits are those of [`super::Session::score_tokens`]. `None` if hidden states overflow.
    pub(super) fn next_nats(&mut self, wanted: &[Vec<u32>]) -> Option<Vec<Vec<f64>>> {
        assert_eq!(wanted.len(), self.len(), "tokens for each stream");
        match &mut self.memory {
            Memory::Network(streams) => streams.next_nats(wanted),
            Memory::Ngram(streams) => Some(streams.next_nats(wanted)),
            Memory::Cache(streams) => Some(streams.next_nats(wanted)),
            Memory::Mixture(streams) => streams.next_nats(wanted),
        }
    }

    /// Number of steps that networks have taken since these streams, or those that they were copied from, began: a step is a token in one
    /// stream of one network.
    pub fn network_steps(&self) -> u64 {
        match &self.memory {
            Memory::Network(streams) => streams.steps(),
            Memory::Ngram(_) | Memory::Cache(_) => 0,
            Memory::Mixture(streams) => streams.network_steps(),
        }
    }

    /// Continues the only stream by `tokens`; `nats[i]` becomes −ln p(`tokens[i]` | all before it).
    ///
    /// That is at least 0, infinite where the model excludes the token, and not finite elsewhere only where hidden states overflow.
    pub(super) fn score(&mut self, tokens: &[u32], nats: &mut [f64]) {
        assert_eq!((self.len(), tokens.len()), (1, nats.len()));
        match self.layout {
            Layout::Stream => self.score_on(tokens, nats),
            Layout::Sentences => self.score_apart(tokens, nats, Vocab::ends_line),
        }
    }

    /// Scores tokens as [`Streams::score`] does, in layout `stream`; a new text begins after every token for which `ends` holds.
    pub(super) fn score_apart(
        &mut self,
        tokens: &[u32],
        mut nats: &mut [f64],
        ends: impl Fn(&Vocab, u32) -> bool,
    ) {
        let mut rest = tokens;
        while !rest.is_empty() {
            let end = rest.iter().position(|&id| ends(self.vocab(), id));
            let (text, after) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            let (here, later) = nats.split_at_mut(text.len());
            self.score_on(text, here);
            if end.is_some() {
                self.reset(0);
            }
            (rest, nats) = (after, later);
        }
    }

    fn score_on(&mut self, tokens: &[u32], nats: &mut [f64]) {
        match &mut self.memory {
            Memory::Network(streams) => streams.score(tokens, nats),
            Memory::Ngram(streams) => streams.score(tokens, nats),
            Memory::Cache(streams) => streams.score(tokens, nats),
            Memory::Mixture(streams) => streams.score(tokens, nats),
        }
    }

    /// The scores of all tokens as the next ones of each stream.
    pub(super) fn scores(&mut self) -> Vec<Scores> {
        match &mut self.memory {
            Memory::Network(streams) => streams.scores(),
            Memory::Ngram(streams) => streams.scores(),
            Memory::Cache(streams) => streams.scores(),
            Memory::Mixture(streams) => streams.scores(),
        }
    }

    /// The hidden states of a stream of a network after all that it was fed; `None` for other families.
    pub fn hidden_state(&mut self, stream: usize) -> Option<State> {
        match &mut self.memory {
            Memory::Network(streams) => Some(streams.state(stream)),
            Memory::Ngram(_) | Memory::Cache(_) | Memory::Mixture(_) => None,
        }
    }

    /// Moves a stream to the beginning of a text.
    pub fn reset(&mut self, stream: usize) {
        match &mut self.memory {
            Memory::Network(streams) => streams.reset(stream),
            Memory::Ngram(streams) => streams.reset(stream),
            Memory::Cache(streams) => streams.reset(stream),
            Memory::Mixture(streams) => streams.reset(stream),
        }
    }

    /// Replaces the streams: stream i becomes a copy of the former stream `from[i]`. There may be more or fewer, at least one.
    pub fn select(&mut self, from: &[usize]) {
        assert!(!from.is_empty(), "there is at least one stream");
        match &mut self.memory {
            Memory::Network(streams) => streams.select(from),
            Memory::Ngram(streams) => streams.select(from),
            Memory::Cache(streams) => streams.select(from),
            Memory::Mixture(streams) => streams.select(from),
        }
    }

    /// The number of bytes that [`Streams::save`] appends for one stream; `None` if it depends on what the stream has read.
    pub(super) fn saved_bytes(&self) -> Option<usize> {
        match &self.memory {
            Memory::Network(streams) => Some(streams.saved_bytes()),
            Memory::Ngram(streams) => streams.saved_bytes(),
            Memory::Cache(_) => None,
            Memory::Mixture(streams) => streams.saved_bytes(),
        }
    }

    /// Appends what the only stream remembers to `bytes`: equal states give equal bytes.
    pub(super) fn save(&mut self, bytes: &mut Vec<u8>) {
        match &mut self.memory {
            Memory::Network(streams) => streams.save(bytes),
            Memory::Ngram(streams) => streams.save(bytes),
            Memory::Cache(streams) => streams.save(bytes),
            Memory::Mixture(streams) => streams.save(bytes),
        }
    }

    /// Takes up what [`Streams::save`] has written; `None` if it is no state of this model. The length has been checked where
    /// it is known.
    pub(super) fn restore(&mut self, bytes: &[u8]) -> Option<()> {
        match &mut self.memory {
            Memory::Network(streams) => streams.restore(bytes),
            Memory::Ngram(streams) => streams.restore(bytes),
            Memory::Cache(streams) => streams.restore(bytes),
            Memory::Mixture(streams) => streams.restore(bytes),
        }
    }

    /// Continues each of `parts`, which have one stream each and belong to one model, by a text, and returns the scores of what may come
    /// next in each: of a network one product for all.
    pub(super) fn advance(parts: &mut [&mut Streams<'a>], texts: &[&[u32]]) -> Vec<Scores> {
        let (mut networks, mut mixtures) = (Vec::new(), Vec::new());
        let mut scores = Vec::with_capacity(parts.len());
        for (part, text) in parts.iter_mut().zip(texts) {
            let text = match part.layout {
                Layout::Stream => text,
                Layout::Sentences => part.begin_lines(&[text])[0],
            };
            match &mut part.memory {
                Memory::Network(streams) => networks.push((&mut **streams, text)),
                Memory::Mixture(streams) => mixtures.push((streams, text)),
                Memory::Ngram(streams) => {
                    streams.feed(&[text]);
                    scores.extend(streams.scores());
                }
                Memory::Cache(streams) => {
                    streams.feed(&[text]);
                    scores.extend(streams.scores());
                }
            }
        }
        match (networks.is_empty(), mixtures.is_empty()) {
            (false, _) => NetworkStreams::advance(networks),
            (_, false) => MixtureStreams::advance(mixtures),
            _ => scores,
        }
    }

    /// Puts the streams whose texts end a line at the beginning of the next one. Returns what the texts hold after their last line
    /// ends: what is before them does not matter any more.
    fn begin_lines<'t>(&mut self, texts: &[&'t [u32]]) -> Vec<&'t [u32]> {
        let mut rests = texts.to_vec();
        for (stream, rest) in rests.iter_mut().enumerate() {
            if let Some(end) = rest.iter().rposition(|&id| self.vocab().ends_line(id)) {
                self.reset(stream);
                *rest = &rest[end + 1..];
            }
        }
        rests
    }
}

impl Scores {
    /// Whether they are no probabilities, because hidden states have overflowed.
    pub fn overflow(&self) -> bool {
        matches!(self, Scores::Logits { least_nats, .. } if !least_nats.is_finite())
    }

    /// −ln p of a token, with the bits of [`Streams::score`].
    pub fn nats(&self, id: u32) -> f64 {
        let id = id as usize;
        match self {
            Scores::Logits {
                logits,
                most,
                least_nats,
            } => least_nats + (most - f64::from(logits[id])),
            Scores::Log10(log10) => nats_of_log10(log10[id]),
            Scores::Nats(nats) => nats[id],
        }
    }

    /// Writes the logits (V), with the bits of [`Streams::logits`].
    pub fn logits(&self, to: &mut [f32]) {
        match self {
            Scores::Logits { logits, .. } => to.copy_from_slice(logits),
            Scores::Log10(log10) => {
                assert_eq!(log10.len(), to.len());
                let ln = log10.iter().map(|log10| (f64::from(*log10) * LN_10) as f32);
                to.iter_mut().zip(ln).for_each(|(to, ln)| *to = ln);
            }
            Scores::Nats(nats) => {
                assert_eq!(nats.len(), to.len());
                to.iter_mut()
                    .zip(nats)
                    .for_each(|(to, nats)| *to = -nats as f32);
            }
        }
    }
}

/// −ln p. Rounding may leave log10 p a little above 0.
fn nats_of_log10(log10: f32) -> f64 {
    (-f64::from(log10) * LN_10).max(0.0)
}

impl<T> Deref for Handle<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Handle::Shared(shared) => shared,
            Handle::Borrowed(borrowed) => borrowed,
        }
    }
}

impl<T> Clone for Handle<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Handle::Shared(shared) => Handle::Shared(shared.clone()),
            Handle::Borrowed(borrowed) => Handle::Borrowed(borrowed),
        }
    }
}
