//! Clipping tames exploding gradients: a network with too large recurrent weights and a too high learning rate, with and without.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use crate::trained::Trained;
use elman_report::numbers::{count, grouped, number};
use elman_report::{Axis, Block, Plot, Style, Table};
use elman_train::Config;
use elman_train::optim::{Optimizer, Sgd};
use elman_train::schedule::Schedule;

pub(crate) const CLAIM: Claim = Claim {
    id: "clipping",
    title: "Clipping tames exploding gradients",
    says: "Where the gradient is longer than a threshold it is scaled down to it; its direction stays.",
    equations: &[
        r"\text{if } \|g\| \ge \text{threshold}, \quad g \leftarrow \frac{\text{threshold}}{\|g\|} \cdot g",
    ],
    test,
};

/// Two runs of one configuration, one of which clips gradients.
struct Clipping {
    with: Trained,
    without: Trained,
}

/// Threshold of the gradient's norm.
const THRESHOLD: f64 = 0.5;
/// Learning rate of both runs.
const RATE: f64 = 2.0;

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = clipping(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(format!(
                "A tanh network whose recurrent weights start four times too large, plain SGD at rate {RATE}. {} One run clips at norm {THRESHOLD}.",
                lengths(&found.without)
            )),
            Block::Plot(norms(&found)),
            Block::Plot(losses(&found)),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// The least difference of two losses, in nats, that counts: 2 % of the perplexity.
const LEAST_NATS: f64 = 0.02;

/// Updates were clipped, and the run with clipping has a lower perplexity.
fn parts(found: &Clipping) -> Vec<Part> {
    let gain = match (found.with.diverged, found.without.diverged) {
        (true, _) => f64::NEG_INFINITY,
        (false, true) => f64::INFINITY,
        (false, false) => (found.without.perplexity / found.with.perplexity).ln(),
    };
    vec![
        Part::new(
            "gradients are longer than the threshold",
            found.with.clipped > 0,
        ),
        Part::by_effect("clipping leads to a lower perplexity", gain, LEAST_NATS),
    ]
}

fn summary(found: &Clipping) -> String {
    let clipped = match found.with.clipped {
        0 => format!("No update was clipped (threshold: norm {THRESHOLD})."),
        clipped => format!(
            "{} of {} were clipped at norm {THRESHOLD}.",
            grouped(clipped),
            count(found.with.steps as usize, "update")
        ),
    };
    format!(
        "{clipped} With clipping {}; without clipping {}.",
        outcome(&found.with),
        outcome(&found.without)
    )
}

/// Result of a run, as a clause.
fn outcome(run: &Trained) -> String {
    match (run.diverged, run.perplexity < f64::MAX) {
        (true, _) => format!(
            "the run diverged after {}",
            count(run.steps as usize, "update")
        ),
        (false, true) => format!("the perplexity is {}", number(run.perplexity)),
        (false, false) => "the loss overflows".into(),
    }
}

/// How long the gradients of the run without clipping are, in a sentence.
fn lengths(run: &Trained) -> String {
    let norms = run.norm.iter().map(|(_, norm)| *norm);
    let longest = norms.filter(|norm| norm.is_finite()).fold(0.0, f64::max);
    match run.norm.first() {
        Some((_, first)) if first.is_finite() => format!(
            "Without clipping the norm of the gradient begins at {} and reaches {}.",
            number(*first),
            number(longest)
        ),
        _ => "Without clipping the gradient overflows at once.".to_owned(),
    }
}

fn norms(found: &Clipping) -> Plot {
    let ends = found.with.norm.first().zip(found.with.norm.last());
    let threshold = ends.map(|(first, last)| vec![(first.0, THRESHOLD), (last.0, THRESHOLD)]);
    Plot::new(
        "clipping-norm",
        "Norm of the gradient, before clipping",
        Axis::linear("update"),
        Axis::log("‖g‖"),
    )
    .with("clipped", Style::Line, found.with.norm.clone())
    .with("not clipped", Style::Line, found.without.norm.clone())
    .with("threshold", Style::Dashed, threshold.unwrap_or_default())
}

fn losses(found: &Clipping) -> Plot {
    Plot::new(
        "clipping-loss",
        "Loss in training",
        Axis::linear("update"),
        Axis::log("nats per token"),
    )
    .with("clipped", Style::Line, found.with.loss.clone())
    .with("not clipped", Style::Line, found.without.loss.clone())
}

fn table(found: &Clipping) -> Table {
    let header = [
        "",
        "updates",
        "clipped",
        "skipped",
        "perplexity on held-out text",
    ];
    let mut table = Table::new("The same network, text, seed and rate", 1, &header);
    for (name, run) in [("clipped", &found.with), ("not clipped", &found.without)] {
        let diverged = if run.diverged {
            ", then it diverged"
        } else {
            ""
        };
        table.row([
            name.into(),
            format!("{}{diverged}", run.steps),
            run.clipped.to_string(),
            run.skipped.to_string(),
            run.shown_perplexity(),
        ]);
    }
    table
}

/// Trains the two runs, or loads them if they were trained before.
fn clipping(lab: &mut Lab) -> Result<Clipping> {
    let base = Config {
        optimizer: Optimizer::Sgd(Sgd::default()),
        lr: RATE,
        schedule: Schedule::CONSTANT,
        warmup: 0,
        epochs: lab.scale().epochs.min(1.0).into(),
        ..lab.config(Net::TanhLarge)
    };
    let of = |clip| Config {
        clip,
        ..base.clone()
    };
    Ok(Clipping {
        with: lab.learn("clipped", of(Some(THRESHOLD)))?,
        without: lab.learn("not-clipped", of(None))?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    fn of(clipped: u64, with: f64, without: f64) -> Clipping {
        Clipping {
            with: Trained {
                clipped,
                ..Trained::made_up(with)
            },
            without: Trained::made_up(without),
        }
    }

    #[test]
    fn clipping_must_happen_and_help() {
        let mut diverged = of(90, 300.0, f64::MAX);
        diverged.without.diverged = true;
        assert_eq!(verdict(&parts(&diverged)), Verdict::Holds);
        assert_eq!(
            summary(&diverged),
            "90 of 100 updates were clipped at norm 0.5. With clipping the perplexity is 300; without clipping the run diverged after 100 updates."
        );
        let unclipped = of(0, 300.0, 330.0);
        assert_eq!(verdict(&parts(&unclipped)), Verdict::Partly);
        assert!(summary(&unclipped).starts_with("No update was clipped (threshold: norm 0.5)."));
        let mut both_diverged = of(90, 300.0, f64::MAX);
        both_diverged.with.diverged = true;
        assert_eq!(verdict(&parts(&both_diverged)), Verdict::Partly);
        assert_eq!(verdict(&parts(&of(0, 300.0, 300.0))), Verdict::Fails);
        // Too small a difference is neither seen nor refuted.
        let close = Finding {
            exhibits: Vec::new(),
            parts: parts(&of(90, 205.1, 205.1)),
            summary: String::new(),
        };
        assert_eq!(close.verdict(), Verdict::Partly);
        assert!(
            close
                .because()
                .ends_with("Cannot be judged: clipping leads to a lower perplexity.")
        );
        assert!(summary(&of(1, 1.0, f64::MAX)).ends_with("without clipping the loss overflows."));
    }
}
