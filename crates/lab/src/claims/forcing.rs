//! Teacher forcing accelerates and stabilises learning: against networks that are conditioned on their own words from the first step
//! (scheduled sampling with probability 1), with the same seeds.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use crate::trained::Trained;
use elman_report::numbers::{number, percent};
use elman_report::{Axis, Block, Plot, Style, Table};
use elman_train::scheduled::Decay;

pub(crate) const CLAIM: Claim = Claim {
    id: "forcing",
    title: "Teacher forcing accelerates and stabilises learning",
    says: "Given the true word as the next input, and not its own prediction, a network does not compound its mistakes while it still makes many: it learns faster and more steadily.",
    equations: &[],
    test,
};

/// Training runs with and without teacher forcing, a pair for each seed.
#[derive(Clone, Debug, Default)]
struct Forcing {
    /// Runs with teacher forcing, by seed.
    forced: Vec<Trained>,
    /// Runs whose inputs are the network's own words, by seed.
    own: Vec<Trained>,
}

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = forcing(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "Two trainings that differ in one thing: every input is the true word, or every input is drawn from what the network predicted. Both are tested on the same held-out text, with true inputs.",
            ),
            Block::Plot(plot(&found)),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// A lower perplexity with every seed, and less variation between seeds relative to the mean.
fn parts(found: &Forcing) -> Vec<Part> {
    let mut pairs = found.forced.iter().zip(&found.own);
    let faster = pairs.all(|(forced, own)| forced.perplexity < own.perplexity);
    let steadier = spread(&found.forced) < spread(&found.own);
    vec![
        Part::new("teacher forcing learns faster with every seed", faster),
        Part::new("its results vary less between seeds", steadier),
    ]
}

fn summary(found: &Forcing) -> String {
    let mean = |runs| number(mean_and_deviation(runs).0);
    format!(
        "After as many updates the perplexity is {} with teacher forcing and {} on own words; the standard deviation between seeds is {} and {} of the mean.",
        mean(&found.forced),
        mean(&found.own),
        percent(spread(&found.forced)),
        percent(spread(&found.own)),
    )
}

/// Mean and standard deviation of the perplexities of `runs`.
fn mean_and_deviation(runs: &[Trained]) -> (f64, f64) {
    let n = runs.len() as f64;
    let mean = runs.iter().map(|run| run.perplexity).sum::<f64>() / n;
    let square = |run: &Trained| (run.perplexity - mean) * (run.perplexity - mean);
    let variance = runs.iter().map(square).sum::<f64>() / (n - 1.0).max(1.0);
    (mean, variance.sqrt())
}

/// Standard deviation of the perplexities of `runs`, relative to their mean.
fn spread(runs: &[Trained]) -> f64 {
    let (mean, deviation) = mean_and_deviation(runs);
    deviation / mean
}

impl Forcing {
    /// Both ways of training with their names.
    fn ways(&self) -> [(&'static str, &[Trained]); 2] {
        [("teacher forcing", &self.forced), ("own words", &self.own)]
    }
}

fn plot(found: &Forcing) -> Plot {
    let mut plot = Plot::new(
        "forcing-plot",
        "GRUs of several seeds, on true inputs and on their own words",
        Axis::linear("update"),
        Axis::log("perplexity on held-out text"),
    );
    for (colour, (name, runs)) in found.ways().into_iter().enumerate() {
        for (seed, run) in runs.iter().enumerate() {
            let name = format!("{name}, seed {}", seed + 1);
            plot = plot.with_colour(name, Style::Line, colour, run.perplexities());
        }
    }
    plot
}

fn table(found: &Forcing) -> Table {
    let header = [
        "inputs",
        "perplexity, mean",
        "standard deviation",
        "by seed",
    ];
    let mut table = Table::new("After as many updates", 1, &header);
    for (name, runs) in found.ways() {
        let (mean, deviation) = mean_and_deviation(runs);
        let each: Vec<String> = runs.iter().map(|run| number(run.perplexity)).collect();
        table.row([
            name.into(),
            number(mean),
            number(deviation),
            each.join(", "),
        ]);
    }
    table
}

/// Trains the runs, or loads them if they were trained before.
fn forcing(lab: &mut Lab) -> Result<Forcing> {
    let mut runs = Forcing::default();
    for seed in 0..lab.scale().seeds {
        let mut config = lab.config(Net::Gru);
        config.seed += seed;
        config.epochs = config.epochs.map(|epochs| epochs / 4.0);
        config.valid_every = Some(20);
        let forced = lab.learn(&format!("forced-{seed}"), config.clone())?;
        runs.forced.push(forced);
        config.scheduled_sampling = Some(Decay::Constant(1.0));
        runs.own
            .push(lab.learn(&format!("own-words-{seed}"), config)?);
    }
    Ok(runs)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    fn of(forced: [f64; 2], own: [f64; 2]) -> Forcing {
        let runs = |perplexities: [f64; 2]| perplexities.map(Trained::made_up).to_vec();
        Forcing {
            forced: runs(forced),
            own: runs(own),
        }
    }

    #[test]
    fn faster_and_steadier_are_two_parts() {
        assert_eq!(
            verdict(&parts(&of([100.0, 101.0], [200.0, 240.0]))),
            Verdict::Holds
        );
        let unsteady = of([90.0, 110.0], [200.0, 202.0]);
        assert_eq!(verdict(&parts(&unsteady)), Verdict::Partly);
        assert!(!parts(&unsteady)[1].holds);
        // Faster with one seed only.
        assert_eq!(
            verdict(&parts(&of([90.0, 250.0], [200.0, 240.0]))),
            Verdict::Fails
        );
        assert_eq!(
            summary(&of([90.0, 110.0], [200.0, 200.0])),
            "After as many updates the perplexity is 100 with teacher forcing and 200 on own words; the standard deviation between seeds is 14.14 % and 0.00 % of the mean."
        );
    }
}
