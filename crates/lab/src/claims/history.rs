//! The state carries the whole history: loss on held-out text when the state is set to zero every T tokens.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::truncated::{Truncated, truncated};
use elman_report::numbers::number;
use elman_report::{Axis, Block, Plot, Style, Table};

pub(crate) const CLAIM: Claim = Claim {
    id: "history",
    title: "The state carries the whole history",
    says: "An RNN conditions on all previous tokens, not on a window of fixed size: its hidden state is a summary of them that every step updates.",
    equations: &[r"h_t = \sigma(W_{hh} h_{t-1} + W_{hx} x_t + b_1)"],
    test,
};

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = truncated(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "The same trained networks are scored on the same held-out text; only how often the state is set to zero differs. A network that knew nothing beyond *n* tokens would lose nothing if its state were set to zero every few times *n*.",
            ),
            Block::Plot(plot(&found)),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// The least difference in nats per token that counts.
const LEAST_NATS: f64 = 0.01;

/// For each network: zero states cost loss, and the more the shorter the windows are.
fn parts(found: &[Truncated]) -> Vec<Part> {
    let effect = |found: &Truncated| {
        let costs = found
            .windows
            .iter()
            .map(|window| window.zero_state_nats - found.carried_nats);
        let costs: Vec<f64> = costs.collect();
        let ends = costs.first().zip(costs.last());
        ends.map_or(f64::NAN, |(short, long)| short.min(short - long))
    };
    let part = |found: &Truncated| {
        let statement = format!(
            "the {} network loses more the more often its state is set to zero",
            found.net.name()
        );
        Part::by_effect(statement, effect(found), LEAST_NATS)
    };
    found.iter().map(part).collect()
}

fn summary(found: &[Truncated]) -> String {
    let effects = found.iter().filter_map(|found| {
        let (cost, name) = (found.cost(5)?, found.net.name());
        let lowers = if cost >= 0.0 { "lowers" } else { "raises" };
        Some(format!(
            "{lowers} the loss by {} nats per token ({name})",
            number(cost.abs())
        ))
    });
    let effects: Vec<String> = effects.collect();
    format!(
        "Remembering more than five tokens {}.",
        effects.join(" and ")
    )
}

fn plot(found: &[Truncated]) -> Plot {
    let mut plot = Plot::new(
        "history-plot",
        "Loss on held-out text when the state is set to zero every n tokens",
        Axis::log("tokens between zero states"),
        Axis::linear("nats per token"),
    );
    for (colour, found) in found.iter().enumerate() {
        let windows = found.windows.iter();
        let points: Vec<(f64, f64)> = windows
            .map(|window| (window.steps as f64, window.zero_state_nats))
            .collect();
        let ends = points.first().zip(points.last());
        let carried = ends
            .map(|(first, last)| vec![(first.0, found.carried_nats), (last.0, found.carried_nats)]);
        let name = found.net.name();
        let never = format!("{name}, never set to zero");
        plot = plot
            .with_colour(name, Style::Marked, colour, points)
            .with_colour(never, Style::Dashed, colour, carried.unwrap_or_default());
    }
    plot
}

fn table(found: &[Truncated]) -> Table {
    let header = [
        "network",
        "zero at every token",
        "every 5",
        "every 20",
        "never",
    ];
    let mut table = Table::new("Loss by zero states, in nats per token", 1, &header);
    for found in found {
        let nats = |steps| {
            let nats = found.cost(steps).map(|cost| found.carried_nats + cost);
            nats.map_or("–".into(), |nats| format!("{nats:.3}"))
        };
        table.row([
            found.net.name().into(),
            nats(1),
            nats(5),
            nats(20),
            format!("{:.3}", found.carried_nats),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use crate::measurements::truncated::TruncatedWindow;
    use crate::nets::Net;
    use elman_report::Verdict;

    /// A network with loss 4 and zero states that cost `short` at every token and `long` every fifth.
    fn of(net: Net, short: f64, long: f64) -> Truncated {
        let window = |steps, cost| TruncatedWindow {
            steps,
            relative_error: 0.1,
            zero_state_nats: 4.0 + cost,
        };
        Truncated {
            net,
            carried_nats: 4.0,
            windows: vec![window(1, short), window(5, long)],
        }
    }

    #[test]
    fn short_memories_cost_more() {
        let (tanh, lstm) = (of(Net::Tanh, 0.5, 0.1), of(Net::Lstm, 0.75, 0.125));
        let both = [tanh.clone(), lstm];
        assert_eq!(verdict(&parts(&both)), Verdict::Holds);
        assert_eq!(
            summary(&both),
            "Remembering more than five tokens lowers the loss by 0.1 nats per token (tanh) and lowers the loss by 0.125 nats per token (LSTM)."
        );
        // A state that misleads.
        let misled = of(Net::Lstm, -0.1, -0.5);
        assert_eq!(verdict(&parts(&[tanh, misled.clone()])), Verdict::Partly);
        // The same cost everywhere: nothing beyond the window is remembered.
        assert_eq!(
            verdict(&parts(&[of(Net::Tanh, 0.5, 0.5), misled.clone()])),
            Verdict::Fails
        );
        assert!(summary(&[misled]).contains("raises the loss by 0.5 nats"));
    }
}
