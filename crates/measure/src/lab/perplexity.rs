//! The meaning of perplexity, its identity with exp(loss), and its dependence on the vocabulary.

use super::nets::Net;
use super::text::Source as Law;
use super::text::write_text;
use super::{Lab, Trained, Verdict};
use crate::error::Result;
use crate::inspect::untrained;
use elman_infer::{About, EvalOptions, NetworkModel, Weights, evaluate};
use elman_net::Params;
use elman_ngram as ngram;
use elman_text::{Kind, ReadOptions, Source};
use elman_train::VocabularyFrom;
use serde::{Deserialize, Serialize};

/// Perplexities of networks for which the value is known beforehand.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Meaning {
    /// V of a network whose weights are all zero and which gives each token the same probability.
    pub entries: usize,
    /// Perplexity of that network.
    pub indifferent: f64,
    /// Number of symbols of the two sources.
    pub symbols: usize,
    /// A network trained on a source that draws all symbols uniformly.
    pub uniform: Trained,
    /// A network trained on a source that cycles through the symbols.
    pub cycle: Trained,
}

/// Symbols of the two sources.
const SYMBOLS: usize = 50;
/// A learnt perplexity may be off the known one by this part.
const NEAR: f64 = 0.05;

/// Trains the networks and measures the perplexities, or loads the measurement.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training.
pub fn meaning(lab: &mut Lab) -> Result<Meaning> {
    let uniform = learn_law(lab, "uniform", Law::Uniform { symbols: SYMBOLS })?;
    let cycle = learn_law(lab, "cycle", Law::Cycle { symbols: SYMBOLS })?;
    lab.measured("perplexity", |lab| {
        // With <eos> and <unk> as many entries as symbols above.
        let law = Law::Uniform {
            symbols: SYMBOLS - 2,
        };
        let path = lab.file("indifferent.txt");
        write_text(&path, &law.text(5000, lab.plan().seed, 2))?;
        let source = || vec![Source::File(path.clone())];
        let model = untrained(
            &lab.small(Net::Lstm, 8, 20),
            &VocabularyFrom::Text,
            source(),
        )?;
        let zero = Params::zeros(model.network().layout().clone());
        let model = NetworkModel::new(
            model.network().clone(),
            zero,
            model.vocab().clone(),
            About::default(),
            Weights::F32,
        );
        let (read, options) = (ReadOptions::default(), EvalOptions::default());
        let model = lab.computing(model);
        let found = evaluate(&model, source(), &read, &options, &mut |_| ())?;
        Ok(Meaning {
            entries: model.vocab().len(),
            indifferent: found.perplexity,
            symbols: SYMBOLS,
            uniform,
            cycle,
        })
    })
}

fn learn_law(lab: &mut Lab, name: &str, law: Law) -> Result<Trained> {
    let (train, valid) = (
        lab.file(&format!("{name}-train.txt")),
        lab.file(&format!("{name}-valid.txt")),
    );
    write_text(&train, &law.text(60_000, lab.plan().seed, 0))?;
    write_text(&valid, &law.text(10_000, lab.plan().seed, 1))?;
    let mut config = lab.small(Net::Gru, 32, 20);
    config.steps = config.steps.map(|steps| (steps / 4).max(20));
    config.valid_every = config.steps.map(|steps| (steps / 10).max(1));
    lab.train(name, config, VocabularyFrom::Text, &train, &valid)
}

impl Meaning {
    /// Verdict on the claim that perplexity is the number of equally likely tokens: all three are near the known values.
    pub fn verdict(&self) -> Verdict {
        let near = |found: f64, known: f64| (found / known - 1.0).abs() < NEAR;
        Verdict::of(&[
            near(self.indifferent, self.entries as f64),
            near(self.uniform.perplexity, self.symbols as f64),
            near(self.cycle.perplexity, 1.0),
        ])
    }
}

/// One perplexity computed in three ways.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Identity {
    /// Number of tokens.
    pub tokens: usize,
    /// Mean loss J in nats per token.
    pub loss_nats: f64,
    /// Perplexity as exp(J).
    pub exp_loss: f64,
    /// Perplexity as (∏ 1/p)^(1/T), multiplied out with exponents kept apart so that no product underflows.
    pub product: f64,
    /// Perplexity that evaluation reports.
    pub reported: f64,
    /// Largest difference between the three, relative to the perplexity.
    pub relative_error: f64,
}

/// Computes the perplexity of a trained network in three ways, or loads the measurement.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of training.
pub fn identity(lab: &mut Lab) -> Result<Identity> {
    let (model, ids) = lab.model(Net::Lstm)?;
    lab.measured("exp of the loss", |lab| {
        let model = lab.computing(model);
        let mut nats = vec![0.0; ids.len()];
        model.session().nats(&ids, &mut nats)?;
        let source = vec![Source::File(lab.texts().valid.clone())];
        let (read, options) = (ReadOptions::default(), EvalOptions::default());
        let reported = evaluate(&model, source, &read, &options, &mut |_| ())?.perplexity;
        let loss_nats = nats.iter().sum::<f64>() / nats.len() as f64;
        let (exp_loss, product) = (libm::exp(loss_nats), geometric_mean(&nats));
        let all = [exp_loss, product, reported];
        let most = all.iter().fold(0.0, |most: f64, x| most.max(*x));
        let least = all
            .iter()
            .fold(f64::INFINITY, |least: f64, x| least.min(*x));
        Ok(Identity {
            tokens: nats.len(),
            loss_nats,
            exp_loss,
            product,
            reported,
            relative_error: (most - least) / least,
        })
    })
}

/// (∏ 1/p_t)^(1/T) of p_t = exp(−nats_t), as a product.
fn geometric_mean(nats: &[f64]) -> f64 {
    let (mut mantissa, mut exponent) = (1.0, 0i64);
    for nats in nats {
        let (m, e) = libm::frexp(mantissa / libm::exp(-nats));
        (mantissa, exponent) = (m, exponent + i64::from(e));
    }
    let log2 = libm::log2(mantissa) + exponent as f64;
    libm::exp2(log2 / nats.len() as f64)
}

impl Identity {
    /// Verdict on the claim that perplexity is exp(loss): the three agree to 10⁻⁹.
    pub fn verdict(&self) -> Verdict {
        Verdict::of(&[self.relative_error < 1e-9])
    }
}

/// Perplexity of a trigram model with one vocabulary.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Cut {
    /// Kind of the vocabulary.
    pub kind: String,
    /// V, the size of the vocabulary.
    pub entries: usize,
    /// Number of tokens of the held-out text.
    pub tokens: u64,
    /// Number of tokens of it that the vocabulary lacks.
    pub oov: u64,
    /// Perplexity per token on the held-out text.
    pub perplexity: f64,
    /// Perplexity per word, line ends counted as words.
    pub per_word: f64,
    /// Bits per character; `None` if tokens are unknown.
    pub bits_per_char: Option<f64>,
}

/// Trains trigram models on the same text with different vocabularies, or loads the measurement.
///
/// # Errors
/// [`LabError::Stopped`](crate::LabError::Stopped), and the errors of counting.
pub fn vocabularies(lab: &mut Lab) -> Result<Vec<Cut>> {
    lab.measured("vocabularies", |lab| {
        let most = lab.scale().max_vocab;
        let cuts = [
            (Kind::Words, Some(most / 8)),
            (Kind::Words, Some(most / 2)),
            (Kind::Words, Some(most)),
            (Kind::Words, None),
            (Kind::Chars, None),
            (Kind::Bytes, None),
        ];
        cuts.into_iter()
            .map(|(kind, most)| {
                let train = || vec![Source::File(lab.texts().train.clone())];
                let read = ReadOptions::default();
                let vocab = VocabularyFrom::Text.vocab(train(), kind, &read, 1, most)?;
                let order = if kind == Kind::Words { 3 } else { 6 };
                let model = super::sizes::count(lab, ngram::Words::new(vocab), train(), order)?;
                let valid = vec![Source::File(lab.texts().valid.clone())];
                let (model, options) = (lab.computing(model), EvalOptions::default());
                let found = evaluate(&model, valid, &read, &options, &mut |_| ())?;
                Ok(Cut {
                    kind: kind.name().into(),
                    entries: found.vocab_size,
                    tokens: found.tokens,
                    oov: found.oov,
                    perplexity: found.perplexity,
                    per_word: found.perplexity_per_word,
                    bits_per_char: found.bits_per_char,
                })
            })
            .collect()
    })
}

/// Verdict on the claim that perplexity depends on the vocabulary: the largest is at least 1.5 times the smallest.
pub fn depends_on_vocabulary(cuts: &[Cut]) -> Verdict {
    let most = cuts
        .iter()
        .fold(0.0, |most: f64, cut| most.max(cut.perplexity));
    let least = cuts
        .iter()
        .fold(f64::INFINITY, |least: f64, cut| least.min(cut.perplexity));
    Verdict::of(&[most > 1.5 * least])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_geometric_mean_of_many_small_probabilities() {
        // 2000 probabilities of 1/8 and as many of 1/32: their product is far below the smallest f64.
        let nats: Vec<f64> = (0..4000)
            .map(|i| {
                if i % 2 == 0 {
                    8.0f64.ln()
                } else {
                    32.0f64.ln()
                }
            })
            .collect();
        assert!((geometric_mean(&nats) - 16.0).abs() < 1e-9);
    }
}
