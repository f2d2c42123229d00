//! Truncation limits the horizon of learning: an echo from five steps back, learnt in windows of several lengths.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::echo::{Echo, echo};
use crate::measurements::truncated::{Truncated, truncated};
use crate::nets::Net;
use elman_report::numbers::{count, number};
use elman_report::{Axis, Block, Plot, Style, Table};

pub(crate) const CLAIM: Claim = Claim {
    id: "truncation",
    title: "Truncation limits the horizon of learning",
    says: "Truncated backpropagation stops after a fixed number of steps, such as 20 or 50, and so limits how far back dependencies can be learnt.",
    equations: &[],
    test,
};

/// Lag of the echo in steps.
const LAG: usize = 5;
/// Window lengths.
const WINDOWS: [usize; 9] = [2, 3, 4, 5, 6, 7, 8, 12, 24];

fn test(lab: &mut Lab) -> Result<Finding> {
    let echoes: Vec<Echo> = WINDOWS
        .into_iter()
        .map(|window| echo(lab, Net::Lstm, LAG, window, 0.01))
        .collect::<Result<_>>()?;
    let truncated = truncated(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(format!(
                "A source repeats, nineteen times in twenty, the symbol of {LAG} steps before. A loss is about the symbol that comes next, whose echo was input {} steps before: the gradient can reach it only in windows of at least {LAG} steps. Nothing else differs between these runs; the state is carried from window to window in all of them.",
                LAG - 1
            )),
            Block::Plot(plot(&echoes)),
            Block::Table(table(&echoes)),
            Block::paragraph(fall(&truncated)),
            Block::Plot(errors(&truncated)),
        ],
        parts: parts(&echoes),
        summary: summary(&echoes),
    })
}

/// No window shorter than the lag learns the echo, and some longer window does.
fn parts(echoes: &[Echo]) -> Vec<Part> {
    let (long, short): (Vec<&Echo>, Vec<&Echo>) =
        echoes.iter().partition(|echo| echo.window >= echo.lag);
    let short_learns = short.iter().any(|echo| echo.is_learnt());
    let long_learns = long.iter().any(|echo| echo.is_learnt());
    let parts = [
        Part::new(
            "no window shorter than the distance learns the echo",
            !short_learns,
        ),
        Part::new("some window as long as the distance learns it", long_learns),
    ];
    // Networks that learn nothing at all say nothing about windows.
    match short_learns || long_learns {
        true => parts.into(),
        false => parts.map(Part::open).into(),
    }
}

fn summary(echoes: &[Echo]) -> String {
    let lengths = |learnt: bool| {
        let of = echoes.iter().filter(|echo| echo.is_learnt() == learnt);
        let lengths: Vec<String> = of.map(|echo| echo.window.to_string()).collect();
        match lengths.is_empty() {
            true => "none".to_owned(),
            false => lengths.join(", "),
        }
    };
    format!(
        "Windows that learnt the echo from {LAG} steps back: {}. Windows that did not: {}.",
        lengths(true),
        lengths(false)
    )
}

/// How the error of truncation changes from the shortest to the longest window, in a sentence.
fn fall(truncated: &[Truncated]) -> String {
    let errors = truncated.iter().filter_map(|found| {
        let (first, last) = found.windows.first().zip(found.windows.last())?;
        let [from, to] = [first, last].map(|window| number(window.relative_error));
        Some(format!(
            "from {from} in windows of {} to {to} in windows of {} ({})",
            count(first.steps, "step"),
            last.steps,
            found.net.name()
        ))
    });
    let errors: Vec<String> = errors.collect();
    format!(
        "On natural text the error of truncation, relative to the norm of the full gradient, changes {}:",
        errors.join(" and ")
    )
}

fn plot(echoes: &[Echo]) -> Plot {
    let points = echoes
        .iter()
        .map(|echo| (echo.window as f64, 100.0 * echo.learnt()));
    Plot::new(
        "truncation-echo",
        format!(
            "An echo from {} back, learnt in windows of several lengths",
            count(LAG, "step")
        ),
        Axis::linear("steps of a window"),
        Axis::from_zero("percent learnt"),
    )
    .with("LSTM", Style::Marked, points.collect())
}

fn table(echoes: &[Echo]) -> Table {
    let header = ["window", "perplexity", "best possible", "learnt"];
    let mut table = Table::new("The same number of updates for each", 0, &header);
    for echo in echoes {
        table.row([
            echo.window.to_string(),
            echo.trained.shown_perplexity(),
            format!("{:.3}", echo.least),
            format!("{:.0} %", 100.0 * echo.learnt()),
        ]);
    }
    table
}

fn errors(truncated: &[Truncated]) -> Plot {
    let mut plot = Plot::new(
        "truncation-error",
        "Distance of the truncated gradient from the full one, on held-out text",
        Axis::log("steps of a window"),
        Axis::log("relative error"),
    );
    for found in truncated {
        let windows = found.windows.iter();
        let points = windows.map(|window| (window.steps as f64, window.relative_error));
        plot = plot.with(found.net.name(), Style::Marked, points.collect());
    }
    plot
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    #[test]
    fn windows_must_span_the_lag() {
        let of = |learnt: [bool; 4]| -> Vec<Echo> {
            let windows = [2, 4, 5, 8].into_iter().zip(learnt);
            windows
                .map(|(window, learnt)| Echo::made_up(Net::Lstm, LAG, window, learnt))
                .collect()
        };
        let holds = of([false, false, false, true]);
        assert_eq!(verdict(&parts(&holds)), Verdict::Holds);
        assert_eq!(
            summary(&holds),
            "Windows that learnt the echo from 5 steps back: 8. Windows that did not: 2, 4, 5."
        );
        let none = of([false; 4]);
        assert_eq!(verdict(&parts(&none)), Verdict::Open);
        assert!(summary(&none).contains("back: none."));
        // A short window learns it, as if the gradient reached further than its window.
        assert_eq!(
            verdict(&parts(&of([false, true, true, true]))),
            Verdict::Partly
        );
        assert_eq!(
            verdict(&parts(&of([true, true, false, false]))),
            Verdict::Fails
        );
    }
}
