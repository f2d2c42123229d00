//! Perplexity 1 is certainty, 50 a choice among fifty: networks for which the value is known beforehand.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use crate::text::{Source as Law, write_text};
use crate::trained::Trained;
use elman_infer::{About, EvalOptions, NetworkModel, Weights, evaluate};
use elman_measure::inspect::untrained;
use elman_net::Params;
use elman_report::numbers::number;
use elman_report::{Axis, Block, Plot, Style, Table};
use elman_text::{ReadOptions, Source};
use elman_train::VocabularyFrom;
use serde::{Deserialize, Serialize};

pub(crate) const CLAIM: Claim = Claim {
    id: "perplexity",
    title: "Perplexity 1 is certainty, 50 a choice among fifty",
    says: "Perplexity is the effective number of choices at each step. At 1 the model predicts every word perfectly, at 50 it is as uncertain as if it chose uniformly among fifty words.",
    equations: &[
        r"\text{perplexity} = \left(\prod_{t=1}^{T}\frac{1}{P_{\text{LM}}(x^{(t+1)} \mid x^{(1)}, \ldots, x^{(t)})}\right)^{1/T}",
    ],
    test,
};

/// Perplexities of networks for which the value is known beforehand.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Meaning {
    /// V of a network whose weights are all zero and which gives each token the same probability.
    entries: usize,
    /// Perplexity of that network.
    indifferent: f64,
    /// Number of symbols of the two sources.
    symbols: usize,
    /// A network trained on a source that draws all symbols uniformly.
    uniform: Trained,
    /// A network trained on a source that cycles through the symbols.
    cycle: Trained,
}

/// Symbols of the two sources.
const SYMBOLS: usize = 50;
/// Largest relative difference from the known perplexity.
const NEAR: f64 = 0.05;

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = meaning(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "Three cases whose answer is known. A network with all weights at zero gives every token the same probability. A source that draws from fifty symbols cannot be predicted better than by a choice among fifty. A source that cycles through them can be predicted without fail.",
            ),
            Block::Table(table(&found)),
            Block::Plot(plot(&found)),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// All three perplexities are near the known values.
fn parts(found: &Meaning) -> Vec<Part> {
    let near = |found: f64, known: f64| (found / known - 1.0).abs() < NEAR;
    let (entries, symbols) = (found.entries as f64, found.symbols as f64);
    vec![
        Part::new(
            "an all-zero network is as uncertain as its vocabulary is large",
            near(found.indifferent, entries),
        ),
        Part::new(
            "a uniform source has as many choices as symbols",
            near(found.uniform.perplexity, symbols),
        ),
        Part::new(
            "a cycle leaves one choice",
            near(found.cycle.perplexity, 1.0),
        ),
    ]
}

fn summary(found: &Meaning) -> String {
    format!(
        "All-zero network: {} (expected {}). Uniform source: {} ({}). Cycle: {} (1).",
        number(found.indifferent),
        found.entries,
        number(found.uniform.perplexity),
        found.symbols,
        number(found.cycle.perplexity)
    )
}

fn table(found: &Meaning) -> Table {
    let header = ["model and text", "expected", "perplexity"];
    let mut table = Table::new("Perplexities that are known beforehand", 1, &header);
    let n = found.symbols;
    let rows = [
        (
            format!("all weights zero, {} tokens to choose from", found.entries),
            found.entries as f64,
            found.indifferent,
        ),
        (
            format!("trained on symbols drawn from {n}"),
            n as f64,
            found.uniform.perplexity,
        ),
        (
            format!("trained on {n} symbols in a cycle"),
            1.0,
            found.cycle.perplexity,
        ),
    ];
    for (what, expected, perplexity) in rows {
        table.row([what, number(expected), format!("{perplexity:.4}")]);
    }
    table
}

fn plot(found: &Meaning) -> Plot {
    Plot::new(
        "perplexity-plot",
        "A network learns two sources of fifty symbols",
        Axis::linear("update"),
        Axis::log("perplexity on held-out text"),
    )
    .with(
        "drawn uniformly",
        Style::Marked,
        found.uniform.perplexities(),
    )
    .with(
        "in a fixed cycle",
        Style::Marked,
        found.cycle.perplexities(),
    )
}

/// Trains the networks and measures the perplexities, or loads the measurement.
fn meaning(lab: &mut Lab) -> Result<Meaning> {
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
        let config = lab.small(Net::Lstm, 8, 20);
        let model = untrained(&config, &VocabularyFrom::Text, source())?;
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    fn of(indifferent: f64, uniform: f64, cycle: f64) -> Meaning {
        Meaning {
            entries: 50,
            indifferent,
            symbols: 50,
            uniform: Trained::made_up(uniform),
            cycle: Trained::made_up(cycle),
        }
    }

    #[test]
    fn all_three_must_be_near_what_is_known() {
        assert_eq!(verdict(&parts(&of(50.0, 52.0, 1.01))), Verdict::Holds);
        let cycle_not_learnt = of(50.0, 52.0, 51.2);
        assert_eq!(verdict(&parts(&cycle_not_learnt)), Verdict::Partly);
        assert_eq!(verdict(&parts(&of(40.0, 60.0, 1.06))), Verdict::Fails);
        assert_eq!(
            verdict(&parts(&of(f64::NAN, f64::NAN, f64::NAN))),
            Verdict::Fails
        );
        assert_eq!(
            summary(&cycle_not_learnt),
            "All-zero network: 50 (expected 50). Uniform source: 52 (50). Cycle: 51.2 (1)."
        );
    }
}
