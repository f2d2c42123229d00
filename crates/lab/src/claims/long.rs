//! Very long dependencies are hard to learn in practice: echoes from 2 to 20 steps back, in windows that hold all of them.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::echo::{Echo, echo};
use crate::nets::Net;
use elman_report::numbers::count;
use elman_report::{Axis, Block, Plot, Style, Table};

pub(crate) const CLAIM: Claim = Claim {
    id: "long",
    title: "Very long dependencies are hard to learn in practice",
    says: "RNNs can model long-range dependencies in principle, and in practice have difficulty in learning very long ones.",
    equations: &[],
    test,
};

/// Lags of the echoes in steps.
const LAGS: [usize; 5] = [2, 5, 10, 15, 20];
/// Window length in steps, longer than every lag.
const WINDOW: usize = 40;

fn test(lab: &mut Lab) -> Result<Finding> {
    let mut echoes = Vec::new();
    for lag in LAGS {
        for net in Net::TRAINED {
            echoes.push(echo(lab, net, lag, WINDOW, 0.005)?);
        }
    }
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(format!(
                "The echo again, from further and further back, in windows of {} that hold all of it, with the same number of updates for all: nothing is cut off, so only the difficulty of learning is left.",
                count(WINDOW, "step")
            )),
            Block::Plot(plot(&echoes)),
            Block::Table(table(&echoes)),
        ],
        parts: parts(&echoes),
        summary: summary(&echoes),
    })
}

/// Every network learns a near echo and fails at a farther one, with the same window and number of updates.
fn parts(echoes: &[Echo]) -> Vec<Part> {
    let part = |net: Net| {
        let lags = |learnt: bool| {
            let of = echoes.iter().filter(move |echo| echo.net == net);
            of.filter(move |echo| echo.is_learnt() == learnt)
                .map(|echo| echo.lag)
        };
        let nearest_learnt = lags(true).min();
        let furthest_missed = lags(false).max();
        let ends = nearest_learnt.zip(furthest_missed);
        let part = Part::new(
            format!(
                "{} learns a near echo and fails at a farther one",
                net.name()
            ),
            ends.is_some_and(|(learnt, missed)| learnt < missed),
        );
        // A network that learns none does not say what distance does to it.
        match nearest_learnt {
            Some(_) => part,
            None => part.open(),
        }
    };
    Net::TRAINED.into_iter().map(part).collect()
}

fn summary(echoes: &[Echo]) -> String {
    let furthest = Net::TRAINED.map(|net| {
        let learnt = echoes
            .iter()
            .filter(|echo| echo.net == net && echo.is_learnt());
        let lag = learnt.map(|echo| echo.lag).max();
        let lag = lag.map_or("none".to_owned(), |lag| lag.to_string());
        format!("{} {lag}", net.name())
    });
    format!(
        "Longest distance of an echo of which at least half was learnt, in steps: {}.",
        furthest.join(", ")
    )
}

fn plot(echoes: &[Echo]) -> Plot {
    let mut plot = Plot::new(
        "long-plot",
        "An echo, learnt from several distances",
        Axis::linear("distance of the echo, in steps"),
        Axis::from_zero("percent learnt"),
    );
    for net in Net::TRAINED {
        let of = echoes.iter().filter(|echo| echo.net == net);
        let points = of.map(|echo| (echo.lag as f64, 100.0 * echo.learnt()));
        plot = plot.with(net.name(), Style::Marked, points.collect());
    }
    plot
}

fn table(echoes: &[Echo]) -> Table {
    let lags = LAGS.map(|lag| format!("{lag} back"));
    let lags = lags.iter().map(String::as_str);
    let header: Vec<&str> = std::iter::once("network").chain(lags).collect();
    let mut table = Table::new("Percent learnt", 1, &header);
    for net in Net::TRAINED {
        let of = echoes.iter().filter(|echo| echo.net == net);
        let cells = of.map(|echo| format!("{:.0}", 100.0 * echo.learnt()));
        table.row(std::iter::once(net.name().to_owned()).chain(cells));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    /// Echoes of which each network learns those up to its lag of `furthest`.
    fn of(furthest: [usize; 4]) -> Vec<Echo> {
        let nets = Net::TRAINED.into_iter().zip(furthest);
        nets.flat_map(|(net, furthest)| {
            LAGS.map(|lag| Echo::made_up(net, lag, WINDOW, lag <= furthest))
        })
        .collect()
    }

    #[test]
    fn every_network_must_reach_a_limit() {
        let all = of([2, 5, 15, 10]);
        assert_eq!(verdict(&parts(&all)), Verdict::Holds);
        assert_eq!(
            summary(&all),
            "Longest distance of an echo of which at least half was learnt, in steps: tanh 2, IRNN 5, GRU 15, LSTM 10."
        );
        // The LSTM learns every echo, tanh none.
        let some = of([0, 5, 15, 20]);
        assert_eq!(verdict(&parts(&some)), Verdict::Partly);
        assert!(summary(&some).contains("tanh none"));
        assert_eq!(verdict(&parts(&of([0, 0, 20, 20]))), Verdict::Fails);
        // A far echo that is learnt while a near one is missed shows no limit.
        let odd: Vec<Echo> = Net::TRAINED
            .into_iter()
            .flat_map(|net| LAGS.map(|lag| Echo::made_up(net, lag, WINDOW, lag == 20)))
            .collect();
        assert_eq!(verdict(&parts(&odd)), Verdict::Fails);
    }
}
