//! Sequential computation limits parallelism: the speed of training on the same number of positions, as few long sequences or many
//! short ones (`inspect::sequential`).

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use elman_infer::NetworkModel;
use elman_measure::inspect::sequential::{Options, sequential};
use elman_report::numbers::{count, grouped, number};
use elman_report::{Axis, Block, Plot, Style, Table};
use serde::{Deserialize, Serialize};

pub(crate) const CLAIM: Claim = Claim {
    id: "order",
    title: "Sequential computation limits parallelism",
    says: "Step t needs the state of step t − 1, so the steps of a sequence cannot be computed at the same time.",
    equations: &[r"h_t = f(h_{t-1}, x_t)"],
    test,
};

/// Speed of training with windows of one shape.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Row {
    /// Batch size B.
    batch_size: usize,
    /// Window length T in steps.
    steps: usize,
    /// Tokens per second with one thread.
    one_tokens_per_s: f64,
    /// Tokens per second with all threads, if there are several.
    many_tokens_per_s: Option<f64>,
    /// Speedup by all threads over one.
    speedup: Option<f64>,
    /// Serial share of Amdahl's law, from the speedup.
    serial_share: Option<f64>,
    /// Share of a step, with one thread, that has an order in time.
    ordered_share: f64,
}

/// Speed of training by the shape of the window.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Order {
    /// Short name of the network.
    network: String,
    /// V, the size of the vocabulary.
    entries: usize,
    /// Number of positions T·B of a window.
    positions: usize,
    /// Number of threads of the parallel measurements.
    threads: usize,
    /// Measurements from small to large batches.
    rows: Vec<Row>,
}

/// Many short sequences are faster if their speed is this many times that of few long ones.
const FASTER: f64 = 1.5;
/// The least difference of two speedups, relative to the smaller, that counts.
const LEAST_GAIN: f64 = 0.05;

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = order(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "Every row does the same arithmetic on as many tokens; only the order in time differs. In one long sequence nearly everything waits for the step before; many short ones are computed side by side. The *serial share* is what Amdahl's law makes of the two speeds.",
            ),
            Block::Plot(plot(&found)),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// Many short sequences are faster than few long ones, by half at least, and gain more from threads.
fn parts(found: &Order) -> Vec<Part> {
    let Some((few, many)) = ends(found) else {
        return Vec::new();
    };
    let ratio = many.one_tokens_per_s / few.one_tokens_per_s;
    let mut parts = vec![Part::new(
        format!("many short sequences are {FASTER} times as fast as few long ones"),
        ratio > FASTER,
    )];
    let gains = few.speedup.zip(many.speedup);
    parts.extend(gains.map(|(few, many)| {
        let statement = "threads speed up many short sequences more";
        Part::by_effect(statement, many / few - 1.0, LEAST_GAIN)
    }));
    parts
}

/// The fewest and the most sequences.
fn ends(found: &Order) -> Option<(&Row, &Row)> {
    found.rows.first().zip(found.rows.last())
}

fn summary(found: &Order) -> String {
    let Some((few, many)) = ends(found) else {
        return String::new();
    };
    let shape = |row: &Row| {
        let sequences = count(row.batch_size, "sequence");
        format!("{sequences} of {}", count(row.steps, "step"))
    };
    let speeds = format!(
        "With one thread {} are {} times as fast as {}.",
        shape(many),
        number(many.one_tokens_per_s / few.one_tokens_per_s),
        shape(few)
    );
    match few.speedup.zip(many.speedup) {
        None => speeds,
        Some((few_gain, many_gain)) => format!(
            "{speeds} {} speed up batch size {} by a factor of {} and batch size {} by {}.",
            count(found.threads, "thread"),
            few.batch_size,
            number(few_gain),
            many.batch_size,
            number(many_gain)
        ),
    }
}

fn plot(found: &Order) -> Plot {
    let speeds = |of: fn(&Row) -> Option<f64>| {
        let rows = found.rows.iter();
        rows.filter_map(|row| Some((row.batch_size as f64, of(row)?)))
            .collect()
    };
    let positions = grouped(found.positions as u64);
    let one = speeds(|row| Some(row.one_tokens_per_s));
    let plot = Plot::new(
        "order-plot",
        format!("Speed of training on {positions} positions"),
        Axis::log("batch size"),
        Axis::log("tokens/s"),
    )
    .with("one thread", Style::Marked, one);
    match found.threads {
        1 => plot,
        threads => {
            let many = speeds(|row| row.many_tokens_per_s);
            plot.with(count(threads, "thread"), Style::Marked, many)
        }
    }
}

fn table(found: &Order) -> Table {
    let caption = format!(
        "An {} with {} entries",
        found.network,
        grouped(found.entries as u64)
    );
    let threads = format!("tokens/s, {}", count(found.threads, "thread"));
    // On a machine with one processor there is nothing to compare.
    let several = found.threads > 1;
    let mut header = vec!["batch size", "steps", "tokens/s, one thread"];
    if several {
        header.extend([&*threads, "speedup", "serial share"]);
    }
    header.push("share of a step that has an order");
    let mut table = Table::new(caption, 0, &header);
    let shown = |value: Option<f64>| value.map_or("–".into(), number);
    let percent = |share: f64| format!("{:.0} %", 100.0 * share);
    for row in &found.rows {
        let mut cells = vec![
            row.batch_size.to_string(),
            row.steps.to_string(),
            number(row.one_tokens_per_s.round()),
        ];
        if several {
            cells.extend([
                shown(row.many_tokens_per_s.map(f64::round)),
                shown(row.speedup),
                row.serial_share.map_or("–".into(), percent),
            ]);
        }
        cells.push(percent(row.ordered_share));
        table.row(cells);
    }
    table
}

/// Measures training steps with windows of several shapes, or loads the measurement.
fn order(lab: &mut Lab) -> Result<Order> {
    let run = lab.net(Net::Lstm)?.run;
    let entries = NetworkModel::load(&run)?.dims().vocab;
    lab.measured("order in time", |lab| {
        let options = Options {
            positions: 2048,
            batch_sizes: vec![1, 4, 16, 64, 256],
            seconds: lab.scale().seconds,
            ..Options::new(lab.machine().isa, lab.machine().threads)
        };
        let found = sequential(&lab.config(Net::Lstm), entries, &options, &mut |_, _| ())?;
        let rows = found.rows.iter().map(|row| Row {
            batch_size: row.batch_size,
            steps: row.steps,
            one_tokens_per_s: row.one.tokens_per_s,
            many_tokens_per_s: row.many.as_ref().map(|many| many.tokens_per_s),
            speedup: row.speedup,
            serial_share: row.serial_share,
            ordered_share: row.one.ordered_share,
        });
        Ok(Order {
            network: found.network.clone(),
            entries: found.vocabulary,
            positions: found.positions,
            threads: found.threads,
            rows: rows.collect(),
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    /// 1 and 256 sequences with these speeds and gains of threads.
    fn of(speeds: [f64; 2], gains: Option<[f64; 2]>) -> Order {
        let row = |batch_size, i: usize| Row {
            batch_size,
            steps: 256 / batch_size,
            one_tokens_per_s: speeds[i],
            many_tokens_per_s: None,
            speedup: gains.map(|gains| gains[i]),
            serial_share: None,
            ordered_share: 0.5,
        };
        Order {
            network: "lstm 96".into(),
            entries: 100,
            positions: 256,
            threads: if gains.is_some() { 4 } else { 1 },
            rows: vec![row(1, 0), row(256, 1)],
        }
    }

    #[test]
    fn speed_and_threads_are_two_parts() {
        let holds = of([1000.0, 2000.0], Some([1.5, 3.0]));
        assert_eq!(verdict(&parts(&holds)), Verdict::Holds);
        assert_eq!(
            summary(&holds),
            "With one thread 256 sequences of 1 step are 2 times as fast as 1 sequence of 256 steps. 4 threads speed up batch size 1 by a factor of 1.5 and batch size 256 by 3."
        );
        assert_eq!(
            verdict(&parts(&of([1000.0, 1400.0], Some([1.5, 3.0])))),
            Verdict::Partly
        );
        assert_eq!(
            verdict(&parts(&of([1000.0, 1400.0], Some([3.0, 1.5])))),
            Verdict::Fails
        );
    }

    #[test]
    fn with_one_thread_there_is_one_part() {
        assert_eq!(parts(&of([1000.0, 2000.0], None)).len(), 1);
        assert_eq!(verdict(&parts(&of([1000.0, 900.0], None))), Verdict::Fails);
        let nothing = Order {
            rows: Vec::new(),
            ..of([1.0, 2.0], None)
        };
        assert_eq!(verdict(&parts(&nothing)), Verdict::Open);
    }
}
