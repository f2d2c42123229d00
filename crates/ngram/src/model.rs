//! The model: one of two engines behind one interface, and states that are plain values.
//!
//! ```text
//! automaton    our own models, from texts, ARPA files and our binaries: a state is a node      (`automaton.rs`)
//! kenlm        KenLM's binary files, read in place: a state is the last words                  (`kenlm.rs`)
//! ```
//! KenLM's files are an engine of their own because most of them cannot become an automaton: a probing file holds hashes of n-grams
//! and no n-gram. What both can do is here; what needs the list of all n-grams works on an [`Automaton`], which a trie of KenLM
//! becomes first.

mod files;

use std::ops::Deref;

use super::automaton::{Automaton, EMPTY};
use super::kenlm::{Kenlm, Recent};
use super::words::Words;
use super::{Builder, NgramError};
use elman_text::Vocab;

/// Back-off n-gram model: it never changes, and gives the probability of each next token.
pub struct Model {
    engine: Engine,
    start: State,
    empty: State,
}

enum Engine {
    Own(Box<Automaton>),
    Kenlm(Box<Kenlm>),
}

/// Context of a [`Model`] in a text, as a plain value. It is valid only for the model that it came from.
///
/// Two states of a model are equal if the model cannot tell the texts before them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct State(Context);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::large_enum_variant,
    reason = "a state is Copy, and only that of KenLM's files is large"
)]
enum Context {
    Node(u32),
    Recent(Recent),
}

/// Score of a token: its log-probability, the length of the n-gram found, and the next state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scored {
    /// log10 p of the token.
    pub log10: f32,
    /// Length of the n-gram that was found, at least 1.
    pub order: usize,
    /// State after the token.
    pub next: State,
}

/// Callback for the n-grams of a model: words, log10 p, log10 of the back-off weight (0 if there is none).
pub type Visit<'a, E> = dyn FnMut(&[u32], f32, f32) -> Result<(), E> + 'a;

/// An automaton with the n-grams of a model: its own, or one that was built for the purpose.
pub(super) enum Listed<'m> {
    Own(&'m Automaton),
    Built(Box<Automaton>),
}

impl Deref for Listed<'_> {
    type Target = Automaton;
    fn deref(&self) -> &Automaton {
        match self {
            Listed::Own(automaton) => automaton,
            Listed::Built(automaton) => automaton,
        }
    }
}

impl State {
    /// Appends the bytes from which [`Model::state`] restores the state: equal states have equal bytes.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        match &self.0 {
            Context::Node(node) => bytes.extend(node.to_le_bytes()),
            Context::Recent(recent) => recent.write(bytes),
        }
    }
}

impl From<Automaton> for Model {
    fn from(automaton: Automaton) -> Model {
        Model {
            start: State(Context::Node(automaton.start())),
            empty: State(Context::Node(EMPTY)),
            engine: Engine::Own(Box::new(automaton)),
        }
    }
}

impl From<Kenlm> for Model {
    fn from(kenlm: Kenlm) -> Model {
        Model {
            start: State(Context::Recent(kenlm.start())),
            empty: State(Context::Recent(Recent::default())),
            engine: Engine::Kenlm(Box::new(kenlm)),
        }
    }
}

impl Model {
    /// Words of the model: the vocabulary, `<s>` and hidden words.
    pub fn words(&self) -> &Words {
        match &self.engine {
            Engine::Own(own) => own.words(),
            Engine::Kenlm(kenlm) => kenlm.words(),
        }
    }

    /// Vocabulary of the model.
    pub fn vocab(&self) -> &Vocab {
        self.words().vocab()
    }

    /// N: length of the longest n-grams.
    pub fn order(&self) -> usize {
        self.counts().len()
    }

    /// Number of n-grams of order 1, 2, ….
    pub fn counts(&self) -> &[u64] {
        match &self.engine {
            Engine::Own(own) => own.counts(),
            Engine::Kenlm(kenlm) => kenlm.counts(),
        }
    }

    /// Number of parameters: probabilities, and back-off weights that are not 1.
    pub fn parameters(&self) -> u64 {
        match &self.engine {
            Engine::Own(own) => own.parameters(),
            Engine::Kenlm(kenlm) => kenlm.parameters(),
        }
    }

    /// Size of the model in bytes, in memory and as a binary file, without the index of the vocabulary.
    pub fn bytes(&self) -> u64 {
        self.as_bytes().len() as u64
    }

    /// Hash of the model (BLAKE3, hexadecimal).
    ///
    /// For models of elman it is that of the vocabulary and all n-grams, and does not depend on the file format. For a file of KenLM
    /// it is that of the file, computed at the first call.
    pub fn id(&self) -> &str {
        match &self.engine {
            Engine::Own(own) => own.id(),
            Engine::Kenlm(kenlm) => kenlm.id(),
        }
    }

    /// Name of the data structure of KenLM that holds the n-grams, such as "probing hash tables"; `None` for a model of elman.
    pub fn kenlm_structure(&self) -> Option<String> {
        match &self.engine {
            Engine::Own(_) => None,
            Engine::Kenlm(kenlm) => Some(kenlm.structure()),
        }
    }

    /// Returns a model of KenLM with the ids of another vocabulary, so that it can be mixed with models that have it.
    ///
    /// `None` if the words are not the same, and for models of elman. KenLM numbers the words of a trie by their hashes.
    pub fn with_vocab(&self, vocab: &Vocab) -> Option<Model> {
        match &self.engine {
            Engine::Own(_) => None,
            Engine::Kenlm(kenlm) => Some(kenlm.with_vocab(vocab)?.into()),
        }
    }

    /// Remarks for the user: n-grams that were added, and numbers that were changed while reading.
    pub fn notes(&self) -> &[String] {
        match &self.engine {
            Engine::Own(own) => own.notes(),
            Engine::Kenlm(_) => &[],
        }
    }

    /// State at the beginning of a text, after `<s>`.
    pub fn start(&self) -> State {
        self.start
    }

    /// State without any context.
    pub fn empty(&self) -> State {
        self.empty
    }

    /// Restores the state whose bytes [`State::write`] has written; `None` if this model has no such state.
    pub fn state(&self, bytes: &[u8]) -> Option<State> {
        match &self.engine {
            Engine::Own(own) => {
                let node = u32::from_le_bytes(bytes.try_into().ok()?);
                (node < own.contexts()).then_some(State(Context::Node(node)))
            }
            Engine::Kenlm(kenlm) => Some(State(Context::Recent(kenlm.state(bytes)?))),
        }
    }

    /// Number of bytes that [`State::write`] appends; `None` if it depends on the state.
    pub fn state_bytes(&self) -> Option<usize> {
        match &self.engine {
            Engine::Own(_) => Some(4),
            Engine::Kenlm(_) => None,
        }
    }

    /// Whether `state` can be a state of this model. One that came from another model may be a state by chance.
    pub fn has_state(&self, state: &State) -> bool {
        match (&self.engine, &state.0) {
            (Engine::Own(own), Context::Node(node)) => *node < own.contexts(),
            (Engine::Kenlm(kenlm), Context::Recent(recent)) => kenlm.has_state(recent),
            _ => false,
        }
    }

    /// Computes log10 p of `token` in `state`, and the state after it. Panics if there is no such word.
    #[inline]
    pub fn score(&self, mut state: State, token: u32) -> (f32, State) {
        let log10 = self.advance(&mut state, token);
        (log10, state)
    }

    /// Computes log10 p of `token` in `state`, which becomes the state after it; faster than [`Model::score`].
    ///
    /// Panics if there is no such word.
    #[inline]
    pub fn advance(&self, state: &mut State, token: u32) -> f32 {
        match (&self.engine, &mut state.0) {
            (Engine::Own(own), Context::Node(node)) => {
                let (log10, next) = own.score(*node, token);
                *node = next;
                log10
            }
            (Engine::Kenlm(kenlm), Context::Recent(recent)) => kenlm.advance(recent, token).0,
            _ => of_another_model(),
        }
    }

    /// Scores a token as [`Model::score`] does, with the length of the n-gram that was found.
    pub fn full_score(&self, mut state: State, token: u32) -> Scored {
        let (log10, order) = self.full_advance(&mut state, token);
        Scored {
            log10,
            order,
            next: state,
        }
    }

    /// Computes log10 p of a token and the length of the n-gram that was found; `state` becomes the state after the token.
    #[inline]
    pub fn full_advance(&self, state: &mut State, token: u32) -> (f32, usize) {
        match (&self.engine, &mut state.0) {
            (Engine::Own(own), Context::Node(node)) => {
                let (log10, order, next) = own.full_score(*node, token);
                *node = next;
                (log10, order)
            }
            (Engine::Kenlm(kenlm), Context::Recent(recent)) => kenlm.advance(recent, token),
            _ => of_another_model(),
        }
    }

    /// Computes log10 p of `token` in `state`.
    #[inline]
    pub fn log10_p(&self, state: &State, token: u32) -> f32 {
        match (&self.engine, &state.0) {
            (Engine::Own(own), Context::Node(node)) => own.score(*node, token).0,
            (Engine::Kenlm(kenlm), Context::Recent(recent)) => kenlm.log10_p(recent, token),
            _ => of_another_model(),
        }
    }

    /// Scores all of `tokens` faster than one by one, with the same bits as [`Model::score`].
    ///
    /// `log10[i]` becomes log10 p(`tokens[i]` | all before); returns the state after the last token. Panics if there
    /// is no such word.
    pub fn score_all(&self, mut state: State, tokens: &[u32], log10: &mut [f32]) -> State {
        match (&self.engine, &mut state.0) {
            (Engine::Own(own), Context::Node(node)) => *node = own.score_all(*node, tokens, log10),
            (Engine::Kenlm(kenlm), Context::Recent(recent)) => {
                kenlm.score_all(recent, tokens, log10);
            }
            _ => of_another_model(),
        }
        state
    }

    /// Computes log10 p of all V tokens in `state`, with the same bits as [`Model::score`].
    pub fn distribution(&self, state: State, log10: &mut [f32] /* (V) */) {
        match (&self.engine, &state.0) {
            (Engine::Own(own), Context::Node(node)) => own.distribution(*node, log10),
            (Engine::Kenlm(kenlm), Context::Recent(recent)) => kenlm.distribution(recent, log10),
            _ => of_another_model(),
        }
    }

    /// Whether the n-grams can be listed, by [`Model::grams`] and by all that works on n-grams.
    ///
    /// Error: [`NgramError::NotListed`] for a probing file of KenLM, which holds hashes of n-grams, and for one without words.
    pub fn check_listed(&self) -> Result<(), NgramError> {
        match &self.engine {
            Engine::Own(_) => Ok(()),
            Engine::Kenlm(kenlm) => kenlm.check_listed(),
        }
    }

    /// Visits all n-grams of an order from 1 to N, sorted by the ids of their words; those of a file of KenLM in the order of the file.
    ///
    /// It stops at the first error of `visit` and returns it. Panics if [`Model::check_listed`] has an error.
    pub fn grams<E>(&self, order: usize, visit: &mut Visit<'_, E>) -> Result<(), E> {
        match &self.engine {
            Engine::Own(own) => own.grams(order, visit),
            Engine::Kenlm(kenlm) => kenlm.grams(order, visit),
        }
    }

    /// Turns a model that was loaded from a file of KenLM into one of elman with the same n-grams; returns others as they are.
    ///
    /// Error: that of [`Model::check_listed`]; [`NgramError::Build`] for more n-grams than a model of elman may have.
    pub fn into_own(self) -> Result<Model, NgramError> {
        if let Listed::Built(automaton) = self.automaton()? {
            return Ok((*automaton).into());
        }
        Ok(self)
    }

    /// The model as an automaton.
    pub(super) fn automaton(&self) -> Result<Listed<'_>, NgramError> {
        let kenlm = match &self.engine {
            Engine::Own(own) => return Ok(Listed::Own(own)),
            Engine::Kenlm(kenlm) => kenlm,
        };
        kenlm.check_listed()?;
        let mut builder = Builder::new(self.words().clone(), self.order());
        for order in 1..=self.order() {
            kenlm.grams(order, &mut |gram, log10_p, log10_backoff| {
                builder.push(gram, log10_p, log10_backoff)
            })?;
        }
        Ok(Listed::Built(Box::new(builder.finish_automaton()?)))
    }

    #[cfg(test)]
    pub(super) fn own(&self) -> &Automaton {
        match &self.engine {
            Engine::Own(own) => own,
            Engine::Kenlm(_) => panic!("a model of KenLM"),
        }
    }

    #[cfg(test)]
    pub(super) fn into_automaton(self) -> Automaton {
        match self.engine {
            Engine::Own(own) => *own,
            Engine::Kenlm(_) => panic!("a model of KenLM"),
        }
    }

    /// Model as the bytes of a binary file, which [`Model::from_bytes`] opens.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.engine {
            Engine::Own(own) => own.as_bytes(),
            Engine::Kenlm(kenlm) => kenlm.as_bytes(),
        }
    }
}

#[cold]
fn of_another_model() -> ! {
    panic!("the state is of another model")
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Model({:?}, {:?})", self.counts(), self.vocab())
    }
}

#[cfg(test)]
mod tests;
