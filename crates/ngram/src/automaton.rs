//! The automaton of a model: contexts and arcs, in tables that never change.
//!
//! A state is a context: the longest end of what was read that says anything about what follows. Reading a word w in state c
//! follows the arc of c with w if there is one; otherwise the weight of c is paid and its link tried, down to the empty
//! context, which has an arc for every word (the recursion at the head of `lib.rs`):
//!
//! ```text
//! score(c, w):  Σ = 0;  while c has no arc w:  Σ += log10 b(c);  c = link(c)
//!               (Σ + log10 p of the arc, where the arc leads)
//! ```
//! An arc leads to the longest suffix of c·w that is a state, found when the model was built. So two histories that the model
//! cannot tell apart are in the same state, and a step touches no context that is no listed one.
//!
//! After `<eos>` a model is where it was after `<s>`: at the beginning of a line or document.

use super::binary::Image;
use super::block::Block;
use super::model::Visit;
use super::tables::{Reached, TableLayout, Tables, for_widths};
use super::words::Words;
use elman_text::Vocab;

/// The context that has no words, from which every word has an arc.
pub const EMPTY: u32 = 0;

/// Back-off n-gram model as an automaton; a state is the node of a context.
pub struct Automaton {
    block: Block,
    layout: TableLayout,
    words: Words,
    start: u32,
    parameters: u64,
    id: String,
    notes: Vec<String>,
}

/// Callback for the nodes of a model, each with its words.
pub type VisitNode<'a, E> = dyn FnMut(u32, &[u32]) -> Result<(), E> + 'a;

impl Automaton {
    /// Makes a model of tables that have been checked; `parameters` is the number that the check has counted.
    pub fn new(
        block: Block,
        layout: TableLayout,
        words: Words,
        id: String,
        parameters: u64,
        notes: Vec<String>,
    ) -> Automaton {
        let mut automaton = Automaton {
            block,
            layout,
            words,
            start: EMPTY,
            parameters,
            id,
            notes,
        };
        automaton.start = automaton.tables().next(1 + automaton.words.begin());
        automaton
    }

    /// Words of the model: the vocabulary, `<s>` and hidden words.
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// Vocabulary of the model.
    pub fn vocab(&self) -> &Vocab {
        self.words.vocab()
    }

    /// N: length of the longest n-grams.
    pub fn order(&self) -> usize {
        self.layout.order()
    }

    /// Number of n-grams of order 1, 2, ….
    pub fn counts(&self) -> &[u64] {
        self.layout.counts()
    }

    /// Number of parameters: probabilities, and back-off weights that are not 1.
    pub fn parameters(&self) -> u64 {
        self.parameters
    }

    /// Size of the model in bytes, in memory and as a binary file, without the index of the vocabulary.
    pub fn bytes(&self) -> u64 {
        self.as_bytes().len() as u64
    }

    /// Hash of the vocabulary and all n-grams (BLAKE3, hexadecimal), which does not depend on the file format.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The model with other back-off weights, log10 by inner node. Contexts without arcs must have weight 1, so that the states
    /// stay the same.
    pub fn with_log10_backoffs(self, log10: &[f32]) -> Automaton {
        let mut image = Image::of(self.block.into_bytes(), self.layout);
        let mut tables = image.tables_mut();
        for (node, &log10) in (0..).zip(log10) {
            let same_states = log10 == 0.0 || !tables.read().arcs(node).is_empty();
            assert!(same_states, "a weight makes a state of node {node}");
            tables.set_log10_backoff(node, log10 + 0.0);
        }
        image.into_automaton(self.words, self.notes)
    }

    /// Adds a remark for the user.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Remarks for the user: n-grams that were added, and numbers that were changed while reading.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// State at the beginning of a text, after `<s>`.
    #[inline]
    pub fn start(&self) -> u32 {
        self.start
    }

    /// Computes log10 p of `token` in `state`, and the state after it. Panics if there is no such word.
    #[inline]
    pub fn score(&self, state: u32, token: u32) -> (f32, u32) {
        let (log10, _, next) = for_widths!(self.layout, Automaton::score_sized)(self, state, token);
        (log10, next)
    }

    /// log10 p of a token, the length of the n-gram that was found, and the state after it.
    #[inline]
    pub fn full_score(&self, state: u32, token: u32) -> (f32, usize, u32) {
        let (log10, arc, next) =
            for_widths!(self.layout, Automaton::score_sized)(self, state, token);
        (log10, self.layout.order_of(arc), next)
    }

    /// Computes log10 p of all V tokens in `state`, with the same bits as [`Automaton::score`].
    pub fn distribution(&self, state: u32, log10: &mut [f32] /* (V) */) {
        let v = self.vocab().len();
        assert_eq!(log10.len(), v, "one place for each token");
        let tables = self.tables();
        // The contexts from the state down to the empty one, each with the weights paid on the way to it.
        let mut contexts: Vec<(u32, f32)> = Vec::with_capacity(self.order());
        let (mut context, mut log10_backoffs) = (state, 0.0);
        while context != 0 {
            contexts.push((context, log10_backoffs));
            log10_backoffs += tables.log10_backoff(context);
            context = tables.link(context);
        }
        for (node, log10) in (1..).zip(&mut *log10) {
            *log10 = log10_backoffs + tables.log10_p(node);
        }
        for &(context, log10_backoffs) in contexts.iter().rev() {
            for arc in tables.arcs(context) {
                let word = tables.word(arc) as usize;
                if word >= v {
                    break; // `<s>` and hidden words come last
                }
                log10[word] = log10_backoffs + tables.log10_p(arc);
            }
        }
    }

    /// Visits all n-grams of an order from 1 to N, sorted by the ids of their words.
    ///
    /// It stops at the first error of `visit` and returns it.
    pub fn grams<E>(&self, order: usize, visit: &mut Visit<'_, E>) -> Result<(), E> {
        let tables = self.tables();
        self.walk(order, &mut |node, gram| {
            let log10_backoff = if node < self.layout.top() {
                tables.log10_backoff(node)
            } else {
                0.0
            };
            visit(gram, tables.log10_p(node), log10_backoff)
        })
    }

    /// Notes that this number of bytes of the file have been used, for one that passes through memory.
    pub fn used(&self, bytes: u64) {
        self.block.used(bytes);
    }

    /// Visits the nodes of an order in their order, each with its words, until `visit` fails.
    pub fn walk<E>(&self, order: usize, visit: &mut VisitNode<'_, E>) -> Result<(), E> {
        assert!(
            (1..=self.order()).contains(&order),
            "no n-grams of order {order}"
        );
        let tables = self.tables();
        // The n-gram's prefixes; both they and the n-grams only ever go forward.
        let mut prefixes: Vec<u32> = (1..order).map(|n| self.layout.nodes(n).start).collect();
        let mut gram = vec![0; order];
        for node in self.layout.nodes(order) {
            let mut after = node;
            for (prefix, word) in prefixes.iter_mut().zip(&mut gram).rev() {
                while tables.arcs(*prefix).end <= after {
                    *prefix += 1;
                }
                *word = tables.word(*prefix);
                after = *prefix;
            }
            gram[order - 1] = tables.word(node);
            visit(node, &gram)?;
            if node.is_multiple_of(1 << 16) {
                // A record of each order.
                self.block.used(order as u64 * (32 << 16));
            }
        }
        Ok(())
    }

    /// log10 p of a token, the arc that it takes, and the state after it.
    fn score_sized<const W: usize, const I: usize>(
        &self,
        state: u32,
        token: u32,
    ) -> (f32, u32, u32) {
        let (log10_backoffs, arc) = self.arc_sized::<W, I>(state, token);
        let reached = self.tables().sized::<W, I>().reach(arc);
        let log10 = log10_backoffs + reached.log10_p;
        (log10, arc, self.after(token, reached))
    }

    /// The arc that `token` takes, and the weights that are paid on the way to it.
    pub fn arc(&self, state: u32, token: u32) -> (f32, u32) {
        for_widths!(self.layout, Automaton::arc_sized)(self, state, token)
    }

    #[inline]
    fn arc_sized<const W: usize, const I: usize>(&self, state: u32, token: u32) -> (f32, u32) {
        let tables = self.tables().sized::<W, I>();
        let (mut node, mut log10_backoffs) = (state, 0.0);
        while node != EMPTY {
            let context = tables.context(node);
            if let Some(arc) = tables.find(context.arcs(), token) {
                return (log10_backoffs, arc);
            }
            log10_backoffs += context.log10_backoff;
            node = context.link;
        }
        (log10_backoffs, self.unigram(token))
    }

    /// The arc of the empty context with this word.
    #[inline]
    pub fn unigram(&self, token: u32) -> u32 {
        assert!((token as usize) < self.words.len(), "no such word: {token}");
        1 + token
    }

    /// The state after an arc.
    #[inline]
    pub fn after(&self, token: u32, reached: Reached) -> u32 {
        match token == self.words.vocab().eos() {
            true => self.start,
            false => reached.next,
        }
    }

    /// Number of all nodes, the empty n-gram included.
    pub fn nodes(&self) -> u32 {
        self.layout.nodes(self.order()).end
    }

    /// Number of contexts, which are the nodes below the highest order and come first.
    pub fn contexts(&self) -> u32 {
        self.layout.top()
    }

    #[inline]
    pub fn tables(&self) -> Tables<'_> {
        Tables::new(&self.layout, &self.as_bytes()[..self.layout.end()])
    }

    pub fn layout(&self) -> &TableLayout {
        &self.layout
    }

    /// Model as the bytes of a binary file, which [`Model::from_bytes`] opens.
    pub fn as_bytes(&self) -> &[u8] {
        self.block.bytes()
    }
}
