//! Claims about the window that gradients go back through: what truncation cuts, and what long windows cost.

use super::claim::{Claim, Found};
use crate::output::{bytes, count, number};
use anyhow::Result;
use elman::measure::lab::Lab;
use elman::measure::lab::costs::costs;
use elman::measure::lab::reach::{self, Echo};
use elman_report::{Axis, Block, Plot, Style, Table};

pub fn claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "truncation",
            title: "Truncation limits the horizon of learning",
            says: "Truncated backpropagation stops after a fixed number of steps, such as 20 or 50, and so limits how far back dependencies can be learnt.",
            equations: &[],
            measure: truncation,
        },
        Claim {
            id: "cost",
            title: "Backpropagation through the whole sequence is expensive",
            says: "Full BPTT over long sequences costs too much; truncation trades temporal context for efficiency.",
            equations: &[],
            measure: cost,
        },
    ]
}

fn truncation(lab: &mut Lab) -> Result<Found> {
    let echoes = reach::windows(lab)?;
    let cuts = reach::cuts(lab)?;
    let lag = echoes[0].lag;
    let learnt = Plot::new(
        "truncation-echo",
        format!(
            "An echo from {} back, learnt in windows of several lengths",
            count(lag, "step")
        ),
        Axis::linear("steps of a window"),
        Axis::from_zero("percent learnt"),
    )
    .with(
        "LSTM",
        Style::Marked,
        echoes
            .iter()
            .map(|echo| (echo.window as f64, 100.0 * echo.learnt()))
            .collect(),
    );
    let mut table = Table::new(
        "The same number of updates for each",
        0,
        &["window", "perplexity", "best possible", "learnt"],
    );
    for echo in &echoes {
        table.row([
            echo.window.to_string(),
            format!("{:.3}", echo.trained.perplexity),
            format!("{:.3}", echo.least),
            format!("{:.0} %", 100.0 * echo.learnt()),
        ]);
    }
    let mut errors = Plot::new(
        "truncation-error",
        "How far the truncated gradient is from the full one, on held-out text",
        Axis::log("steps of a window"),
        Axis::log("relative error"),
    );
    for cut in &cuts {
        let points = cut.windows.iter().map(|window| (window.0 as f64, window.2));
        errors = errors.with(cut.net.name(), Style::Marked, points.collect());
    }
    let shown = |echoes: &mut dyn Iterator<Item = &Echo>| {
        let all: Vec<String> = echoes.map(|echo| echo.window.to_string()).collect();
        if all.is_empty() {
            "none".to_owned()
        } else {
            all.join(", ")
        }
    };
    Ok(Found {
        blocks: vec![
            Block::paragraph(format!(
                "A source repeats, nineteen times in twenty, the symbol of {lag} steps before. A loss is about the symbol that comes next, whose echo was read {} steps before: the gradient can reach it only in windows of at least {lag} steps. Nothing else differs between these runs; the state is carried from window to window in all of them.",
                lag - 1
            )),
            Block::Plot(learnt),
            Block::Table(table),
            Block::paragraph(
                "On natural text most of the gradient comes from near by, and the error of truncation falls gently:",
            ),
            Block::Plot(errors),
        ],
        verdict: reach::limits(&echoes),
        because: format!(
            "Windows that learnt the echo: {}; that did not: {}. The distance is {lag}.",
            shown(&mut echoes.iter().filter(|echo| echo.is_learnt())),
            shown(&mut echoes.iter().filter(|echo| !echo.is_learnt()))
        ),
    })
}

fn cost(lab: &mut Lab) -> Result<Found> {
    let found = costs(lab)?;
    let timed = |of: fn(&elman::measure::lab::costs::Window) -> Option<f64>| {
        let windows = found.windows.iter();
        windows
            .filter_map(|window| Some((window.steps as f64, of(window)?)))
            .collect::<Vec<_>>()
    };
    let plot = Plot::new(
        "cost-plot",
        "Time of an update",
        Axis::log("steps of a window"),
        Axis::log("milliseconds"),
    )
    .with(
        format!("LSTM, batch size {}", found.batch_size),
        Style::Marked,
        timed(|window| window.update_ms),
    );
    let mut table = Table::new(
        format!(
            "An LSTM, batch size {}; the last row is a window as long as the text",
            found.batch_size
        ),
        0,
        &[
            "steps",
            "activations",
            "recomputed",
            "ms an update",
            "tokens/s",
        ],
    );
    for window in &found.windows {
        table.row([
            crate::output::grouped(window.steps as u64),
            bytes(window.window_bytes),
            bytes(window.recomputed_bytes),
            window.update_ms.map_or("–".into(), number),
            window.tokens_per_s.map_or("–".into(), number),
        ]);
    }
    let last = &found.windows[found.windows.len() - 1];
    let longest = found
        .windows
        .iter()
        .rev()
        .find_map(|window| Some((window.steps, window.update_ms?)));
    let longest = longest.map_or(String::new(), |(steps, ms)| {
        format!(
            " One over {} takes {} ms.",
            count(steps, "step"),
            number(ms)
        )
    });
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "Time per *token* hardly depends on the window once it is long enough; what grows is the price of each *update*, in time and in memory. *Recomputed* keeps only about √T steps and computes the rest again.",
            ),
            Block::Plot(plot),
            Block::Table(table),
        ],
        verdict: found.is_expensive(),
        because: format!(
            "A window over the whole text, {}, would keep {} of activations, where one of 35 steps keeps {}.{longest}",
            count(last.steps, "step"),
            bytes(last.window_bytes),
            found
                .windows
                .iter()
                .find(|window| window.steps == 35)
                .map_or("–".into(), |window| bytes(window.window_bytes)),
        ),
    })
}
