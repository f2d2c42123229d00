//! Backpropagation through the whole sequence is expensive: memory and time of an update by length of the window.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::costs::{Costs, Window, costs};
use elman_report::numbers::{bytes, count, grouped, number};
use elman_report::{Axis, Block, Plot, Style, Table};

pub(crate) const CLAIM: Claim = Claim {
    id: "cost",
    title: "Backpropagation through the whole sequence is expensive",
    says: "Full BPTT over long sequences costs too much; truncation trades temporal context for efficiency.",
    equations: &[],
    test,
};

/// Windows of at least this many steps are long: their time is dominated by their steps.
const LONG: usize = 100;
/// A length of windows in common use, for comparison.
const USUAL: usize = 35;

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = costs(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(format!(
                "What grows with the window is the price of each *update*, in time and in memory. {} *Recomputed* keeps the activations of about √T steps only and computes the others again.",
                per_token(&found)
            )),
            Block::Plot(plot(&found)),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// From 100 steps on an update takes time in proportion to T, within a factor of two; the longest window takes more than ten times the
/// memory of the shortest.
fn parts(found: &Costs) -> Vec<Part> {
    let long = found.windows.iter().filter(|window| window.steps >= LONG);
    let per_step: Vec<f64> = long
        .filter_map(|window| Some(window.update_ms? / window.steps as f64))
        .collect();
    let most = per_step.iter().copied().fold(0.0, f64::max);
    let least = per_step.iter().copied().fold(f64::INFINITY, f64::min);
    let ends = found.windows.first().zip(found.windows.last());
    let grows = ends.is_some_and(|(first, last)| last.window_bytes > 10 * first.window_bytes);
    vec![
        Part::new(
            "the time of an update grows in proportion to its steps",
            !per_step.is_empty() && most <= 2.0 * least,
        ),
        Part::new("its activations grow more than tenfold", grows),
    ]
}

fn summary(found: &Costs) -> String {
    let activations = |window: &Window| format!("{} of activations", bytes(window.window_bytes));
    let mut sentences = Vec::new();
    if let Some(last) = found.windows.last() {
        let steps = count(last.steps, "step");
        sentences.push(format!(
            "A window over the whole text, {steps}, would keep {}.",
            activations(last)
        ));
    }
    if let Some(usual) = found.windows.iter().find(|window| window.steps == USUAL) {
        sentences.push(format!(
            "One of {USUAL} steps keeps {}.",
            activations(usual)
        ));
    }
    let mut timed = found.windows.iter().rev();
    if let Some((steps, ms)) = timed.find_map(|window| Some((window.steps, window.update_ms?))) {
        let steps = count(steps, "step");
        sentences.push(format!("An update over {steps} takes {} ms.", number(ms)));
    }
    sentences.join(" ")
}

/// Time per token in the shortest and the longest window that were timed, in a sentence.
fn per_token(found: &Costs) -> String {
    let timed = found.windows.iter();
    let timed: Vec<(usize, f64)> = timed
        .filter_map(|window| Some((window.steps, 1e6 / window.tokens_per_s?)))
        .collect();
    let [(short, from), .., (long, to)] = timed[..] else {
        return String::new();
    };
    format!(
        "A *token* takes {} µs in windows of {} and {} µs in windows of {long}.",
        number(from),
        count(short, "step"),
        number(to)
    )
}

fn plot(found: &Costs) -> Plot {
    let timed = found.windows.iter();
    let timed = timed.filter_map(|window| Some((window.steps as f64, window.update_ms?)));
    Plot::new(
        "cost-plot",
        "Time of an update",
        Axis::log("steps of a window"),
        Axis::log("milliseconds"),
    )
    .with(
        format!("LSTM, batch size {}", found.batch_size),
        Style::Marked,
        timed.collect(),
    )
}

fn table(found: &Costs) -> Table {
    let caption = format!(
        "An LSTM with batch size {}; the last row is a window as long as the text",
        found.batch_size
    );
    let header = [
        "steps",
        "activations",
        "recomputed",
        "ms per update",
        "tokens/s",
    ];
    let mut table = Table::new(caption, 0, &header);
    for window in &found.windows {
        table.row([
            grouped(window.steps as u64),
            bytes(window.window_bytes),
            bytes(window.recomputed_bytes),
            window.update_ms.map_or("–".into(), number),
            window.tokens_per_s.map_or("–".into(), number),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    #[test]
    fn time_and_memory_are_two_parts() {
        let memory = [100, 1000, 10_000, 100_000];
        let holds = Costs::made_up(memory, [1.0, 2.0, 10.0, 120.0]);
        assert_eq!(verdict(&parts(&holds)), Verdict::Holds);
        assert!(summary(&holds).ends_with("An update over 1,000 steps takes 120 ms."));
        // Ten times the steps in three times the time.
        let cheap = [1.0, 2.0, 10.0, 30.0];
        assert_eq!(
            verdict(&parts(&Costs::made_up(memory, cheap))),
            Verdict::Partly
        );
        assert_eq!(
            verdict(&parts(&Costs::made_up([100; 4], cheap))),
            Verdict::Fails
        );
    }

    #[test]
    fn nothing_timed_is_nothing_shown() {
        let mut found = Costs::made_up([100; 4], [1.0; 4]);
        for window in &mut found.windows {
            window.update_ms = None;
        }
        assert_eq!(verdict(&parts(&found)), Verdict::Fails);
        assert!(!summary(&found).contains("ms"));
    }
}
