//! Training memory grows linearly with the sequence: the planned bytes over T, whole and recomputed.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::costs::{Costs, Window, costs};
use elman_report::numbers::{grouped, number};
use elman_report::{Axis, Block, Plot, Style, Table};

pub(crate) const CLAIM: Claim = Claim {
    id: "memory",
    title: "Training memory grows linearly with the sequence",
    says: "A sequence of T words needs storage for T hidden states and what belongs to them.",
    equations: &[],
    test,
};

/// Bytes per step are the same if the largest is at most this many times the smallest.
const SAME: f64 = 1.1;

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = costs(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "The bytes follow from the sizes in closed form before anything is allocated, and the program's own tests hold that plan against a counting allocator. *Recomputed* keeps the states of about √T steps: linear growth is what is kept, not what is needed.",
            ),
            Block::Plot(plot(&found)),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// Memory grows, and by the same bytes per further step between all neighbouring window lengths, within a tenth.
fn parts(found: &Costs) -> Vec<Part> {
    let (least, most) = range(&slopes(found));
    vec![Part::new(
        "every further step takes the same memory",
        least > 0.0 && least.is_finite() && most <= SAME * least,
    )]
}

/// Bytes per further step, between neighbouring window lengths.
fn slopes(found: &Costs) -> Vec<f64> {
    let slope = |a: &Window, b: &Window| {
        (b.window_bytes as f64 - a.window_bytes as f64) / (b.steps - a.steps) as f64
    };
    let pairs = found.windows.windows(2);
    pairs.map(|pair| slope(&pair[0], &pair[1])).collect()
}

/// Smallest and largest of `slopes`.
fn range(slopes: &[f64]) -> (f64, f64) {
    (
        slopes.iter().copied().fold(f64::INFINITY, f64::min),
        slopes.iter().copied().fold(f64::NEG_INFINITY, f64::max),
    )
}

fn summary(found: &Costs) -> String {
    let (least, most) = range(&slopes(found));
    if !least.is_finite() {
        return "One window length alone does not show how memory grows.".into();
    }
    let [least, most] = [least, most].map(|bytes| number(bytes.round()));
    match (least == most, found.windows.last()) {
        (true, Some(last)) => format!(
            "A further step takes {most} bytes, in windows of up to {} steps.",
            grouped(last.steps as u64)
        ),
        _ => format!("A further step takes between {least} and {most} bytes."),
    }
}

fn plot(found: &Costs) -> Plot {
    let points = |of: fn(&Window) -> u64| {
        let windows = found.windows.iter();
        windows
            .map(|window| (window.steps as f64, of(window) as f64))
            .collect()
    };
    Plot::new(
        "memory-plot",
        "Bytes that are planned for training",
        Axis::log("steps of a window, T"),
        Axis::log("bytes"),
    )
    .with(
        "activations",
        Style::Marked,
        points(|window| window.window_bytes),
    )
    .with(
        "activations, recomputed",
        Style::Marked,
        points(|window| window.recomputed_bytes),
    )
    .with(
        "weights, gradients, moments",
        Style::Dashed,
        points(|window| window.static_bytes),
    )
}

fn table(found: &Costs) -> Table {
    let mut table = Table::new(
        "Bytes for each further step",
        0,
        &["from", "to", "bytes per step"],
    );
    for (pair, slope) in found.windows.windows(2).zip(slopes(found)) {
        table.row([
            grouped(pair[0].steps as u64),
            grouped(pair[1].steps as u64),
            number(slope.round()),
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
    fn slopes_must_be_equal_within_a_tenth() {
        let of = |bytes| Costs::made_up(bytes, [1.0; 4]);
        let holds = of([30, 300, 3000, 30_000]);
        assert_eq!(verdict(&parts(&holds)), Verdict::Holds);
        assert_eq!(
            summary(&holds),
            "A further step takes 30 bytes, in windows of up to 1,000 steps."
        );
        let fails = of([30, 300, 3000, 40_000]);
        assert_eq!(verdict(&parts(&fails)), Verdict::Fails);
        assert_eq!(
            summary(&fails),
            "A further step takes between 30 and 41 bytes."
        );
        // Memory that does not grow at all, or shrinks, does not grow linearly.
        assert_eq!(verdict(&parts(&of([30; 4]))), Verdict::Fails);
        let shrinks = of([30_000, 29_910, 29_010, 20_010]);
        assert_eq!(verdict(&parts(&shrinks)), Verdict::Fails);
        // One window length alone shows no growth.
        let mut single = of([30; 4]);
        single.windows.truncate(1);
        assert_eq!(verdict(&parts(&single)), Verdict::Fails);
        assert_eq!(
            summary(&single),
            "One window length alone does not show how memory grows."
        );
    }
}
