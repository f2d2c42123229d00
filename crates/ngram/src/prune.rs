//! Pruning by entropy: leaving out the n-grams that a model misses least (Stolcke 1998; `docs/MATH.md`, section 14).
//!
//! Leaving h w out changes p(w | h) to the backed-off one, and the back-off weight α(h) for all other words. With the sums over the
//! words listed after h, s = 1 − Σ p(v | h), s′ = 1 − Σ p(v | h′):
//!
//! ```text
//! α′ = (s + p(w | h)) / (s′ + p(w | h′))
//! Δ  = −P(h) { p(w | h) [ln α′ + ln p(w | h′) − ln p(w | h)] + s [ln α′ − ln α(h)] }        left out if e^Δ − 1 < threshold
//! ```
//! P(h) is how often h occurs in a text, best the training text ([`History::read`]). Without a text it is the model's own probability of
//! h ([`History::own`]), as Stolcke has it. That suits models whose lower orders are estimates of how often words occur; those of a
//! Kneser–Ney model say how often a word *begins* something, and asking them is what makes entropy pruning of such models lose more
//! than it should (Chelba et al. 2010).
//!
//! An n-gram that others continue stays, and so do all single words.

use super::automaton::Automaton;
use super::backoff::{self, Sums};
use super::{Builder, Model, NgramError};
use elman_text::{self as text, ReadOptions, Source};
use std::f64::consts::LN_10;

/// Probability P(h) of each context h of a model, for entropy pruning.
pub struct History {
    p: Vec<f64>,
}

impl History {
    /// Estimates P(h) from the frequency of each context in a text.
    ///
    /// Errors: those of reading a text; [`NgramError::NotListed`] if the n-grams of the model cannot be listed.
    pub fn read(model: &Model, sources: Vec<Source>, read: &ReadOptions) -> crate::Result<History> {
        let model = &*model.automaton()?;
        let mut counts = vec![0u64; model.nodes() as usize];
        let mut state = model.start();
        let stats = text::encode(
            sources,
            model.vocab(),
            read,
            &mut |symbol| -> crate::Result<()> {
                counts[state as usize] += 1;
                state = model.score(state, symbol.id).1;
                Ok(())
            },
        )?;
        // Wherever a context occurs, so do its endings. A link leads to a shorter n-gram, which has a smaller number.
        for node in (1..model.contexts()).rev() {
            counts[model.tables().link(node) as usize] += counts[node as usize];
        }
        let tokens = stats.tokens.max(1) as f64;
        Ok(History {
            p: counts.iter().map(|&count| count as f64 / tokens).collect(),
        })
    }

    /// Computes P(h) from the model itself, as the product of the probabilities of the words of h.
    ///
    /// A text begins as often as a line or document ends: P(`<s>`) is p(`</s>`), as in SRILM.
    ///
    /// Error: [`NgramError::NotListed`] if the n-grams of the model cannot be listed.
    pub fn own(model: &Model) -> crate::Result<History> {
        let model = &*model.automaton()?;
        let tables = model.tables();
        let p_of = |node: u32| (f64::from(tables.log10_p(node)) * LN_10).exp();
        let mut p = vec![0.0; model.nodes() as usize];
        p[0] = 1.0;
        // A context has a smaller number than the n-grams that continue it.
        for context in 0..model.contexts() {
            for arc in tables.arcs(context) {
                p[arc as usize] = p[context as usize] * p_of(arc);
            }
            if context == 0 {
                let [begin, end] = [model.words().begin(), model.vocab().eos()];
                p[1 + begin as usize] = p_of(1 + end);
            }
        }
        Ok(History { p })
    }
}

/// Removes the n-grams whose loss raises the perplexity by less than `threshold`, a relative change such as 1e-7.
///
/// Error: [`NgramError::NotListed`] if the n-grams of the model cannot be listed.
pub fn prune(model: &Model, history: &History, threshold: f64) -> Result<Model, NgramError> {
    let model = &*model.automaton()?;
    let kept = choose(model, history, threshold);
    let is_kept = |node: u32| kept[node as usize];
    // Where the listed words take everything, by rounding, the weight has nothing to give and keeps its value.
    let own = |context, _| f64::from(model.tables().log10_backoff(context));
    let weights = backoff::weights(model, is_kept, own);
    let mut builder = Builder::new(model.words().clone(), model.order());
    for order in 1..=model.order() {
        model.walk(order, &mut |node, gram| -> Result<(), NgramError> {
            if !kept[node as usize] {
                return Ok(());
            }
            let weight = weights.get(node as usize).copied().unwrap_or(0.0);
            Ok(builder.push(gram, model.tables().log10_p(node), weight)?)
        })?;
    }
    Ok(builder.finish()?)
}

/// Which nodes stay.
fn choose(model: &Automaton, history: &History, threshold: f64) -> Vec<bool> {
    let tables = model.tables();
    let mut kept = vec![true; model.nodes() as usize];
    // From the longest contexts down: whether an n-gram is continued is settled before it is its turn. Node 0 has the words.
    for context in (1..model.contexts()).rev() {
        let Sums {
            mut s,
            mut s_shorter,
        } = Sums::new(model, context, |_| true, |w| shorter(model, context, w));
        (s, s_shorter) = (s.max(0.0), s_shorter.max(0.0));
        let alpha = f64::from(tables.log10_backoff(context)) * LN_10;
        for arc in tables.arcs(context) {
            if is_continued(model, &kept, arc) {
                continue;
            }
            let ln_p = f64::from(tables.log10_p(arc)) * LN_10;
            let ln_shorter = shorter(model, context, tables.word(arc)) * LN_10;
            let p = ln_p.exp();
            let without = ((s + p) / (s_shorter + ln_shorter.exp())).ln();
            let loss = p * (without + ln_shorter - ln_p) + s * (without - alpha);
            kept[arc as usize] = (-history.p[context as usize] * loss).exp_m1() >= threshold;
        }
    }
    kept
}

fn is_continued(model: &Automaton, kept: &[bool], node: u32) -> bool {
    node < model.contexts() && model.tables().arcs(node).any(|arc| kept[arc as usize])
}

/// log10 p(word | context without its first word), by the whole model.
fn shorter(model: &Automaton, context: u32, word: u32) -> f64 {
    f64::from(model.score(model.tables().link(context), word).0)
}
