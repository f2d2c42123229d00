//! Back-off weights with which the probabilities after every context sum to one.
//!
//! With the sums over the words v that are listed after h:
//!
//! ```text
//! α(h) = s / s′        s = 1 − Σ p(v | h)        s′ = 1 − Σ p(v | h′)
//! ```
//! (Katz 1987, equation 16.) Weights are computed from the shortest contexts up, because p(v | h′) has the weights of shorter ones
//! in it. Where the listed words have nearly all of p(· | h′), the difference 1 − Σ p(v | h′) is mostly rounding; then the words
//! that are not listed are summed instead.

use super::automaton::Automaton;
use std::f64::consts::{LN_10, LOG10_E};

/// A rest below this is summed over the words that are not listed: probabilities are f32, and 1 − Σ has their rounding in it.
const SMALL_REST: f64 = 0.01;

/// Probability that the words listed after a context h leave to all others, in p(· | h) and in p(· | h′).
#[derive(Clone, Copy, Debug)]
pub struct Sums {
    pub s: f64,
    pub s_shorter: f64,
}

impl Sums {
    /// `shorter_log10` is log10 p(word | h′). `<s>` is never predicted and has no part in a sum.
    pub fn new(
        model: &Automaton,
        context: u32,
        listed: impl Fn(u32) -> bool,
        shorter_log10: impl Fn(u32) -> f64,
    ) -> Sums {
        let tables = model.tables();
        let p = |log10: f64| (log10 * LN_10).exp();
        let mut sums = Sums {
            s: 1.0,
            s_shorter: 1.0,
        };
        let counts = |word: u32| word != model.words().begin();
        for arc in tables.arcs(context).filter(|&arc| listed(arc)) {
            let word = tables.word(arc);
            if counts(word) {
                sums.s -= p(f64::from(tables.log10_p(arc)));
                sums.s_shorter -= p(shorter_log10(word));
            }
        }
        if sums.s_shorter < SMALL_REST {
            let is_listed = |word: u32| {
                let arc = tables.find(tables.arcs(context), word);
                arc.is_some_and(&listed)
            };
            let others = (0..model.words().len() as u32).filter(|&word| counts(word));
            let others = others.filter(|&word| !is_listed(word));
            sums.s_shorter = others.map(|word| p(shorter_log10(word))).sum();
        }
        sums
    }
}

/// log10 of the back-off weights of all inner nodes, if only the n-grams that are `kept` are in the model. A context after which
/// nothing is listed has weight 1. Where the quotient is undefined, `otherwise` gives the weight.
pub fn weights(
    model: &Automaton,
    kept: impl Fn(u32) -> bool,
    mut otherwise: impl FnMut(u32, Sums) -> f64,
) -> Vec<f32> {
    let tables = model.tables();
    let mut weights = vec![0.0f32; model.contexts() as usize];
    for context in 1..model.contexts() {
        if !tables.arcs(context).any(&kept) {
            continue; // the shorter context says everything
        }
        let lower = |word| {
            let (mut state, mut sum) = (tables.link(context), 0.0);
            loop {
                match tables
                    .find(tables.arcs(state), word)
                    .filter(|&arc| kept(arc))
                {
                    Some(arc) => return sum + f64::from(tables.log10_p(arc)),
                    None => sum += f64::from(weights[state as usize]),
                }
                state = tables.link(state);
            }
        };
        let sums = Sums::new(model, context, &kept, lower);
        let weight = match sums.s > 0.0 && sums.s_shorter > 0.0 {
            true => (sums.s / sums.s_shorter).ln() * LOG10_E,
            false => otherwise(context, sums),
        };
        weights[context as usize] = weight as f32;
    }
    weights
}
