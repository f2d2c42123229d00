//! Perplexity is the exponential of the loss: one perplexity, computed in three ways.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use elman_infer::{EvalOptions, evaluate};
use elman_report::numbers::{grouped, number};
use elman_report::{Block, Table};
use elman_text::{ReadOptions, Source};
use serde::{Deserialize, Serialize};

pub(crate) const CLAIM: Claim = Claim {
    id: "exponential",
    title: "Perplexity is the exponential of the loss",
    says: "The inverse probability of the text, normalised by its number of words, equals the exponential of the cross-entropy: the geometric mean of what each true word cost.",
    equations: &[
        r"\left(\prod_{t=1}^{T}\frac{1}{\hat{y}^{(t)}_{x_{t+1}}}\right)^{1/T} = \exp\left(\frac{1}{T}\sum_{t=1}^{T}-\log \hat{y}^{(t)}_{x_{t+1}}\right) = \exp(J(\theta))",
    ],
    test,
};

/// One perplexity computed in three ways.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Identity {
    /// Number of tokens.
    tokens: usize,
    /// Mean loss J in nats per token.
    loss_nats: f64,
    /// Perplexity as exp(J).
    exp_loss: f64,
    /// Perplexity as (∏ 1/p)^(1/T), multiplied out with exponents kept apart so that no product underflows.
    product: f64,
    /// Perplexity that evaluation reports.
    reported: f64,
}

/// Largest relative difference between the three.
const SAME: f64 = 1e-9;

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = identity(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "The product of thousands of probabilities is far too small for any floating-point number; it was multiplied out with its exponent kept apart.",
            ),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: format!(
            "The three differ by {} of their value.",
            number(found.relative_error())
        ),
    })
}

impl Identity {
    /// Largest difference between the three perplexities, relative to them.
    fn relative_error(&self) -> f64 {
        let all = [self.exp_loss, self.product, self.reported];
        let most = all.into_iter().fold(f64::NEG_INFINITY, f64::max);
        let least = all.into_iter().fold(f64::INFINITY, f64::min);
        (most - least) / least
    }
}

/// The three agree to nine digits.
fn parts(found: &Identity) -> Vec<Part> {
    let agree = found.relative_error() < SAME;
    vec![Part::new("the three agree to nine digits", agree)]
}

fn table(found: &Identity) -> Table {
    let caption = format!(
        "The LSTM on {} held-out tokens",
        grouped(found.tokens as u64)
    );
    let mut table = Table::new(caption, 1, &["computed as", "perplexity"]);
    let rows = [
        (
            "product of inverse probabilities, to the power 1/T".to_owned(),
            found.product,
        ),
        (
            format!("exponential of the loss, {:.9} nats", found.loss_nats),
            found.exp_loss,
        ),
        ("what elman eval reports".to_owned(), found.reported),
    ];
    for (way, perplexity) in rows {
        table.row([way, format!("{perplexity:.12}")]);
    }
    table
}

/// Computes the perplexity of a trained network in three ways, or loads the measurement.
fn identity(lab: &mut Lab) -> Result<Identity> {
    let (model, ids) = lab.model(Net::Lstm)?;
    lab.measured("exp of the loss", |lab| {
        let model = lab.computing(model);
        let mut nats = vec![0.0; ids.len()];
        model.session().nats(&ids, &mut nats)?;
        let source = vec![Source::File(lab.texts().valid.clone())];
        let (read, options) = (ReadOptions::default(), EvalOptions::default());
        let reported = evaluate(&model, source, &read, &options, &mut |_| ())?.perplexity;
        let loss_nats = nats.iter().sum::<f64>() / nats.len() as f64;
        Ok(Identity {
            tokens: nats.len(),
            loss_nats,
            exp_loss: libm::exp(loss_nats),
            product: geometric_mean(&nats),
            reported,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    #[test]
    fn the_geometric_mean_of_many_small_probabilities() {
        // 2000 probabilities of 1/8 and as many of 1/32: their product is far below the smallest f64.
        let nats = |i: usize| {
            if i.is_multiple_of(2) {
                8.0f64.ln()
            } else {
                32.0f64.ln()
            }
        };
        let nats: Vec<f64> = (0..4000).map(nats).collect();
        assert!((geometric_mean(&nats) - 16.0).abs() < 1e-9);
    }

    #[test]
    fn the_claim_has_one_part() {
        let of = |product, reported| Identity {
            tokens: 100,
            loss_nats: 4.0,
            exp_loss: 54.0,
            product,
            reported,
        };
        assert_eq!(
            verdict(&parts(&of(54.0 * (1.0 + 1e-12), 54.0))),
            Verdict::Holds
        );
        assert_eq!(verdict(&parts(&of(54.0, 54.000001))), Verdict::Fails);
        assert_eq!(verdict(&parts(&of(f64::INFINITY, 54.0))), Verdict::Fails);
    }
}
