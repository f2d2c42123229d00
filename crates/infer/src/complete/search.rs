//! The search for the most probable words at one place of a text.

use super::{Suggestion, Suggestions, Tokens};
use crate::Session;
use crate::error::Result;
use elman_text::TokenId;
use std::cmp::Ordering;
use std::collections::{BinaryHeap, HashMap, HashSet};
use std::sync::Arc;

/// A place in a text, with all steps of the model that were taken from there.
pub(super) struct Place {
    tokens: Arc<Tokens>,
    /// White space before the word that its first token carries.
    separator: Vec<u8>,
    /// The beginnings of words, the first one of no tokens.
    nodes: Vec<Node>,
}

/// The beginning of a word: some tokens.
struct Node {
    /// The stream after the tokens.
    session: Session,
    /// Text of the tokens.
    surface: Vec<u8>,
    /// ln p of the tokens.
    log_prob: f64,
    /// Number of tokens.
    length: usize,
    /// ln p of each token that may come next, once it is known.
    next: Option<Next>,
    /// Node after a further token.
    after: HashMap<TokenId, usize>,
}

struct Next {
    log_probs: Vec<f64>,
    /// ln p(S): the word ends here.
    ends: f64,
}

/// What the search takes next.
#[derive(Clone, Copy, PartialEq)]
enum Candidate {
    /// A word that ends at a node.
    Word(usize),
    /// A node and a token after it.
    Token(usize, TokenId),
}

/// A candidate with its log-probability; equal ones come in the order in which they were found.
struct Waiting {
    log_prob: f64,
    order: usize,
    candidate: Candidate,
}

impl Ord for Waiting {
    fn cmp(&self, other: &Waiting) -> Ordering {
        let by_probability = self.log_prob.total_cmp(&other.log_prob);
        by_probability.then(other.order.cmp(&self.order))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Waiting) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Waiting) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Waiting {}

impl Place {
    pub fn new(tokens: Arc<Tokens>, session: Session, separator: &[u8]) -> Place {
        Place {
            tokens,
            separator: separator.to_vec(),
            nodes: vec![Node {
                session,
                surface: Vec::new(),
                log_prob: 0.0,
                length: 0,
                next: None,
                after: HashMap::new(),
            }],
        }
    }

    /// The most probable words that begin with `typed`, found in at most `steps` steps of the model.
    pub fn suggest(&mut self, typed: &[u8], most: usize, steps: usize) -> Result<Suggestions> {
        let required = [&self.separator, typed].concat();
        let mut search = Search {
            required,
            most,
            heap: BinaryHeap::new(),
            best: Vec::new(),
            order: 0,
        };
        let mut left = steps;
        let mut found = Suggestions::default();
        let mut seen: HashSet<Vec<u8>> = HashSet::new();
        if !self.open(0, &mut search, &mut left)? {
            found.bound = Some(0.0);
            return Ok(found);
        }
        let known = self.known(0);
        while let Some(waiting) = search.heap.pop() {
            if found.words.len() >= most {
                break;
            }
            match waiting.candidate {
                Candidate::Word(node) => {
                    let node = &self.nodes[node];
                    let word = &node.surface[self.separator.len()..];
                    // Another spelling in tokens is less probable.
                    if !seen.insert(word.to_vec()) {
                        continue;
                    }
                    found.words.push(Suggestion {
                        word: String::from_utf8_lossy(word).into_owned(),
                        log_prob: (waiting.log_prob - known).min(0.0),
                        tokens: node.length,
                    });
                }
                Candidate::Token(node, token) => {
                    let node = self.after(node, token, waiting.log_prob)?;
                    if !self.open(node, &mut search, &mut left)? {
                        found.bound = Some((waiting.log_prob - known).min(0.0));
                        break;
                    }
                }
            }
        }
        Ok(found)
    }

    /// ln p(B) at a node: that the white space before the word comes.
    fn known(&self, node: usize) -> f64 {
        let (Some(next), false) = (&self.nodes[node].next, self.separator.is_empty()) else {
            return 0.0;
        };
        let tokens = self.tokens.surfaces.iter().zip(&next.log_probs);
        let begins = tokens.filter(|(surface, _)| surface.starts_with(&self.separator));
        let p: f64 = begins.map(|(_, log_prob)| libm::exp(*log_prob)).sum();
        libm::log(p.clamp(f64::MIN_POSITIVE, 1.0))
    }

    /// The node after `token` behind another one.
    fn after(&mut self, node: usize, token: TokenId, log_prob: f64) -> Result<usize> {
        if let Some(&after) = self.nodes[node].after.get(&token) {
            return Ok(after);
        }
        let parent = &self.nodes[node];
        let mut session = parent.session.fork();
        session.feed_tokens(&[token])?;
        let surface = &self.tokens.surfaces[token as usize];
        let new = Node {
            session,
            surface: [&parent.surface[..], surface].concat(),
            log_prob,
            length: parent.length + 1,
            next: None,
            after: HashMap::new(),
        };
        let number = self.nodes.len();
        self.nodes.push(new);
        self.nodes[node].after.insert(token, number);
        Ok(number)
    }

    /// Adds what may come at a node to the search; returns false if that needs a step and none is left.
    fn open(&mut self, node: usize, search: &mut Search, left: &mut usize) -> Result<bool> {
        let tokens = self.tokens.clone();
        let word = self.separator.len();
        if tokens.whole && node > 0 {
            let node_at = &self.nodes[node];
            search.word(node_at.log_prob, node, &node_at.surface);
            return Ok(true);
        }
        let at = &mut self.nodes[node];
        if at.next.is_none() {
            if *left == 0 {
                return Ok(false);
            }
            *left -= 1;
            let next = at.session.next()?;
            let log_probs = next.log_probs();
            let ends = tokens.ends(&log_probs);
            at.next = Some(Next { log_probs, ends });
        }
        let Some(next) = &at.next else {
            return Ok(false);
        };
        let free = at.surface.len() >= search.required.len();
        if free && at.surface.len() > word {
            search.word(at.log_prob + next.ends, node, &at.surface[word..]);
        }
        for (id, surface) in (0..).zip(&tokens.surfaces) {
            let log_prob = at.log_prob + next.log_probs[id as usize];
            if surface.is_empty() || log_prob < search.least() {
                continue;
            }
            let agrees = match free {
                true => !tokens.begins[id as usize],
                false => {
                    let rest = &search.required[at.surface.len()..];
                    rest.starts_with(surface) || surface.starts_with(rest)
                }
            };
            let own = &surface[word.saturating_sub(at.surface.len()).min(surface.len())..];
            if agrees && !own.iter().any(u8::is_ascii_whitespace) {
                search.add(log_prob, Candidate::Token(node, id));
            }
        }
        Ok(true)
    }
}

impl Tokens {
    /// ln p(S).
    fn ends(&self, log_probs: &[f64]) -> f64 {
        let of = self
            .begins
            .iter()
            .zip(log_probs)
            .filter(|(begins, _)| **begins);
        let p: f64 = of.map(|(_, log_prob)| libm::exp(*log_prob)).sum();
        libm::log(p.clamp(f64::MIN_POSITIVE, 1.0))
    }
}

/// What waits in a search.
struct Search {
    /// The white space before the word and the letters that were typed.
    required: Vec<u8>,
    most: usize,
    heap: BinaryHeap<Waiting>,
    /// The most probable different words so far with their log-probabilities, the least probable first; at most `most`.
    best: Vec<(f64, Vec<u8>)>,
    order: usize,
}

impl Search {
    fn add(&mut self, log_prob: f64, candidate: Candidate) {
        if log_prob == f64::NEG_INFINITY {
            return;
        }
        self.order += 1;
        self.heap.push(Waiting {
            log_prob,
            order: self.order,
            candidate,
        });
    }

    /// Adds a word that ends at `node` to the search.
    fn word(&mut self, log_prob: f64, node: usize, word: &[u8]) {
        if std::str::from_utf8(word).is_err() || log_prob < self.least() {
            return;
        }
        // Another spelling in tokens is the same word.
        match self.best.iter().position(|(_, other)| other == word) {
            Some(same) if self.best[same].0 >= log_prob => return,
            Some(same) => drop(self.best.remove(same)),
            None if self.best.len() == self.most => drop(self.best.remove(0)),
            None => {}
        }
        let place = self.best.partition_point(|(other, _)| *other < log_prob);
        self.best.insert(place, (log_prob, word.to_vec()));
        self.add(log_prob, Candidate::Word(node));
    }

    /// A candidate below this log-probability cannot be among the words that are asked for.
    fn least(&self) -> f64 {
        match self.best.first() {
            Some((least, _)) if self.best.len() == self.most => *least,
            _ => f64::NEG_INFINITY,
        }
    }
}
