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

/// The least difference of two losses, in nats, that counts: 2 % of the perplexity.
const LEAST_NATS: f64 = 0.02;
/// The least ratio of two variations between a few seeds that counts.
const LEAST_RATIO: f64 = 1.5;

/// A lower perplexity with every seed, and less variation between seeds relative to the mean. A run that diverged is not steady, and
/// with teacher forcing not fast either.
fn parts(found: &Forcing) -> Vec<Part> {
    let pairs = found.forced.iter().zip(&found.own);
    let gain = |(forced, own): (&Trained, &Trained)| match (failed(forced), failed(own)) {
        (true, _) => f64::NEG_INFINITY,
        (false, true) => f64::INFINITY,
        (false, false) => (own.perplexity / forced.perplexity).ln(),
    };
    let smallest_gain = pairs.map(gain).fold(f64::INFINITY, f64::min);
    let steadier = match (spread(&found.forced), spread(&found.own)) {
        (Some(forced), Some(own)) => (own / forced).ln(),
        (Some(_), None) => f64::INFINITY,
        (None, _) => f64::NEG_INFINITY,
    };
    vec![
        Part::by_effect(
            "teacher forcing learns faster with every seed",
            smallest_gain,
            LEAST_NATS,
        ),
        Part::by_effect(
            "its results vary less between seeds",
            steadier,
            LEAST_RATIO.ln(),
        ),
    ]
}

fn summary(found: &Forcing) -> String {
    let each = found.ways().map(|(_, runs)| mean_and_deviation(runs));
    if let [Some((forced, d_forced)), Some((own, d_own))] = each {
        return format!(
            "After as many updates the perplexity is {} with teacher forcing and {} on own words; the standard deviation between seeds is {} and {} of the mean.",
            number(forced),
            number(own),
            percent(d_forced / forced),
            percent(d_own / own),
        );
    }
    let [forced, own] = found.ways().map(|(_, runs)| outcome(runs));
    format!("With teacher forcing {forced}; on own words {own}.")
}

/// Results of `runs` in words, where the runs of one of the two ways diverged.
fn outcome(runs: &[Trained]) -> String {
    match mean_and_deviation(runs) {
        Some((mean, deviation)) => format!(
            "the perplexity after as many updates is {}, with a standard deviation between seeds of {} of the mean",
            number(mean),
            percent(deviation / mean)
        ),
        None => format!(
            "{} of {} runs diverged",
            runs.iter().filter(|run| failed(run)).count(),
            runs.len()
        ),
    }
}

/// Whether a run diverged, or has no finite perplexity.
fn failed(run: &Trained) -> bool {
    run.diverged || run.perplexity.is_nan() || run.perplexity >= LARGEST
}

/// Perplexities from here on are no result, and their squares overflow: a uniform distribution over any vocabulary has a lower one.
const LARGEST: f64 = 1e100;

/// Mean and standard deviation of the perplexities of `runs`; `None` if one of them diverged.
fn mean_and_deviation(runs: &[Trained]) -> Option<(f64, f64)> {
    if runs.iter().any(failed) {
        return None;
    }
    let n = runs.len() as f64;
    let mean = runs.iter().map(|run| run.perplexity).sum::<f64>() / n;
    let square = |run: &Trained| (run.perplexity - mean) * (run.perplexity - mean);
    let variance = runs.iter().map(square).sum::<f64>() / (n - 1.0).max(1.0);
    Some((mean, variance.sqrt()))
}

/// Standard deviation of the perplexities of `runs`, relative to their mean; `None` if one of them diverged.
fn spread(runs: &[Trained]) -> Option<f64> {
    mean_and_deviation(runs).map(|(mean, deviation)| deviation / mean)
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
        let each = runs.iter().map(|run| match failed(run) {
            true => "diverged".into(),
            false => number(run.perplexity),
        });
        let each: Vec<String> = each.collect();
        let [mean, deviation] = match mean_and_deviation(runs) {
            Some((mean, deviation)) => [mean, deviation].map(number),
            None => ["none", "none"].map(String::from),
        };
        table.row([name.into(), mean, deviation, each.join(", ")]);
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
    use crate::claim::{Seen, verdict};
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
        assert_eq!(parts(&unsteady)[1].seen, Seen::No);
        // 205.1 against 205.1 says nothing, and neither do deviations of 1.0 and 1.2 %.
        let same = of([204.0, 206.0], [204.2, 206.4]);
        assert_eq!(verdict(&parts(&same)), Verdict::Open);
        // Faster with one seed only.
        assert_eq!(
            verdict(&parts(&of([90.0, 250.0], [200.0, 240.0]))),
            Verdict::Fails
        );
        // A run that diverged is less steady than any that did not.
        let diverges = of([90.0, 110.0], [200.0, f64::MAX]);
        assert_eq!(verdict(&parts(&diverges)), Verdict::Holds);
        assert_eq!(
            summary(&diverges),
            "With teacher forcing the perplexity after as many updates is 100, with a standard deviation between seeds of 14.14 % of the mean; on own words 1 of 2 runs diverged."
        );
        let [forced, own] = diverges.ways().map(|(_, runs)| mean_and_deviation(runs));
        assert!(forced.is_some() && own.is_none());
        assert_eq!(
            verdict(&parts(&of([f64::MAX; 2], [f64::MAX; 2]))),
            Verdict::Fails
        );
        // Also if it diverged after a good validation.
        let mut later = of([90.0, 110.0], [200.0, 240.0]);
        later.forced[0].diverged = true;
        assert_eq!(verdict(&parts(&later)), Verdict::Fails);
        assert_eq!(
            summary(&of([90.0, 110.0], [200.0, 200.0])),
            "After as many updates the perplexity is 100 with teacher forcing and 200 on own words; the standard deviation between seeds is 14.14 % and 0.00 % of the mean."
        );
    }
}
