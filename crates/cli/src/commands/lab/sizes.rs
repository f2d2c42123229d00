//! Claims about size: parameters, n-gram models, memory over time, order in time.

use super::claim::{Claim, Found};
use crate::output::{bytes, count, grouped, number};
use anyhow::Result;
use elman::measure::lab::Lab;
use elman::measure::lab::costs::costs;
use elman::measure::lab::order::{Row, order};
use elman_report::{Axis, Block, Plot, Style, Table};

pub fn claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "parameters",
            title: "Parameters do not depend on the size of the corpus",
            says: "The matrices are decided by the hidden size, the embedding and the vocabulary; more sentences do not change them.",
            equations: &[
                r"W_{hx} \in \mathbb{R}^{D_h \times d}, \quad W_{hh} \in \mathbb{R}^{D_h \times D_h}, \quad W_S \in \mathbb{R}^{|V| \times D_h}",
            ],
            measure: parameters,
        },
        Claim {
            id: "ngrams",
            title: "RNNs are smaller than n-gram models",
            says: "In terms of model size RNNs are more memory-efficient than traditional n-gram models, which list what they have seen.",
            equations: &[],
            measure: ngrams,
        },
        Claim {
            id: "memory",
            title: "Training memory grows linearly with the sequence",
            says: "A sequence of T words needs storage for T hidden states and what belongs to them.",
            equations: &[],
            measure: memory,
        },
        Claim {
            id: "order",
            title: "Sequential computation limits parallelism",
            says: "Step t needs the state of step t − 1, so the steps of a sequence cannot be computed at the same time.",
            equations: &[r"h_t = f(h_{t-1}, x_t)"],
            measure: sequence,
        },
    ]
}

fn parameters(lab: &mut Lab) -> Result<Found> {
    let found = elman::measure::lab::sizes::sizes(lab)?;
    let mut table = Table::new(
        format!(
            "The LSTM on parts of the text, with {} entries and with every word of the part",
            grouped(found.entries as u64)
        ),
        0,
        &[
            "tokens",
            "parameters",
            "words in the part",
            "parameters with all of them",
        ],
    );
    for part in &found.parts {
        table.row([
            grouped(part.tokens),
            grouped(part.parameters as u64),
            grouped(part.every_word as u64),
            grouped(part.parameters_every_word as u64),
        ]);
    }
    let (first, last) = (&found.parts[0], &found.parts[found.parts.len() - 1]);
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "That holds for a given vocabulary. A longer text also has more different words, and if all of them are taken, $|V|$ and with it $W_S$ and the embedding grow after all, ever more slowly.",
            ),
            Block::Table(table),
        ],
        verdict: found.constant(),
        because: format!(
            "From {} to {} tokens the parameters stay {}; with every word they go from {} to {}.",
            grouped(first.tokens),
            grouped(last.tokens),
            match first.parameters == last.parameters {
                true => grouped(first.parameters as u64),
                false => format!(
                    "not the same ({} and {})",
                    grouped(first.parameters as u64),
                    grouped(last.parameters as u64)
                ),
            },
            grouped(first.parameters_every_word as u64),
            grouped(last.parameters_every_word as u64)
        ),
    })
}

fn ngrams(lab: &mut Lab) -> Result<Found> {
    let found = elman::measure::lab::sizes::sizes(lab)?;
    let tokens = |of: &dyn Fn(&elman::measure::lab::sizes::Part) -> f64| {
        found
            .parts
            .iter()
            .map(|part| (part.tokens as f64, of(part)))
            .collect::<Vec<_>>()
    };
    let mut plot = Plot::new(
        "ngrams-plot",
        "Bytes of a model",
        Axis::log("tokens of the training text"),
        Axis::log("bytes"),
    );
    for (i, order) in found.orders.iter().enumerate() {
        plot = plot.with(
            format!("{order}-gram"),
            Style::Marked,
            tokens(&|part| part.ngrams[i].bytes as f64),
        );
    }
    plot = plot.with(
        "LSTM",
        Style::Dashed,
        tokens(&|part| 4.0 * part.parameters as f64),
    );
    let last = &found.parts[found.parts.len() - 1];
    let mut table = Table::new(
        "On the whole text, over the same vocabulary",
        1,
        &["model", "numbers", "bytes", "perplexity on held-out text"],
    );
    for (order, counted) in found.orders.iter().zip(&last.ngrams) {
        table.row([
            format!("{order}-gram, Kneser–Ney"),
            grouped(counted.ngrams),
            bytes(counted.bytes),
            number(counted.perplexity),
        ]);
    }
    for network in &found.networks {
        table.row([
            network.net.name().into(),
            grouped(network.parameters as u64),
            bytes(network.bytes),
            number(network.perplexity),
        ]);
    }
    let largest = last.ngrams.iter().max_by_key(|counted| counted.bytes);
    let network = found.networks.iter().max_by_key(|network| network.bytes);
    let sizes = largest
        .zip(network)
        .map_or(String::new(), |(counted, network)| {
            format!(
                "the largest n-gram model has {}, the largest network {}",
                bytes(counted.bytes),
                bytes(network.bytes)
            )
        });
    let least =
        |values: &mut dyn Iterator<Item = f64>| number(values.fold(f64::INFINITY, f64::min));
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "An n-gram model grows with every new n-gram that the text has; a network does not. Whether it is smaller depends on how long the text is, on the order, and on how compactly the n-grams are kept: these take less than fourteen bytes each.",
            ),
            Block::Plot(plot),
            Block::Table(table),
        ],
        verdict: found.smaller(),
        because: format!(
            "On {} tokens {sizes}. The best perplexities are {} and {}.",
            grouped(last.tokens),
            least(&mut last.ngrams.iter().map(|counted| counted.perplexity)),
            least(&mut found.networks.iter().map(|network| network.perplexity))
        ),
    })
}

fn memory(lab: &mut Lab) -> Result<Found> {
    let found = costs(lab)?;
    let points = |of: fn(&elman::measure::lab::costs::Window) -> u64| {
        found
            .windows
            .iter()
            .map(|window| (window.steps as f64, of(window) as f64))
            .collect::<Vec<_>>()
    };
    let plot = Plot::new(
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
    );
    let slopes = found.slopes();
    let mut table = Table::new(
        "Bytes for each further step",
        0,
        &["from", "to", "bytes a step"],
    );
    for (pair, slope) in found.windows.windows(2).zip(&slopes) {
        table.row([
            grouped(pair[0].steps as u64),
            grouped(pair[1].steps as u64),
            grouped(slope.round() as u64),
        ]);
    }
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "The bytes follow from the sizes in closed form before anything is allocated, and the program's own tests hold that plan against a counting allocator. *Recomputed* keeps the states of about √T steps: linear growth is what is kept, not what is needed.",
            ),
            Block::Plot(plot),
            Block::Table(table),
        ],
        verdict: found.is_linear(),
        because: format!(
            "A further step takes between {} and {} bytes, however long the window is.",
            grouped(slopes.iter().copied().fold(f64::INFINITY, f64::min).round() as u64),
            grouped(slopes.iter().copied().fold(0.0, f64::max).round() as u64)
        ),
    })
}

fn sequence(lab: &mut Lab) -> Result<Found> {
    let found = order(lab)?;
    let speeds = |of: &dyn Fn(&Row) -> Option<f64>| {
        let points = found.rows.iter();
        let points = points.filter_map(|row| Some((row.batch_size as f64, of(row)?)));
        points.collect::<Vec<_>>()
    };
    let several = format!("{} threads", found.threads);
    let mut plot = Plot::new(
        "order-plot",
        format!(
            "Speed of training on {} positions",
            grouped(found.positions as u64)
        ),
        Axis::log("batch size"),
        Axis::log("tokens/s"),
    )
    .with(
        "one thread",
        Style::Marked,
        speeds(&|row| Some(row.one_tokens_per_s)),
    );
    if found.threads > 1 {
        plot = plot.with(
            &*several,
            Style::Marked,
            speeds(&|row| row.many_tokens_per_s),
        );
    }
    let mut table = Table::new(
        format!(
            "An {} with {} entries",
            found.network,
            grouped(found.entries as u64)
        ),
        0,
        &[
            "batch size",
            "steps",
            "tokens/s, one thread",
            &several,
            "times as fast",
            "serial share",
            "part of a step that has an order",
        ],
    );
    let shown = |value: Option<f64>| value.map_or("–".into(), number);
    for row in &found.rows {
        table.row([
            row.batch_size.to_string(),
            row.steps.to_string(),
            number(row.one_tokens_per_s.round()),
            shown(row.many_tokens_per_s.map(f64::round)),
            shown(row.speedup),
            row.serial_share
                .map_or("–".into(), |share| format!("{:.0} %", 100.0 * share)),
            format!("{:.0} %", 100.0 * row.ordered_share),
        ]);
    }
    let (few, many) = (&found.rows[0], &found.rows[found.rows.len() - 1]);
    let gains = few
        .speedup
        .zip(many.speedup)
        .map_or(String::new(), |(few_gain, many_gain)| {
            format!(
                " {several} make a batch of {} {} times as fast and one of {} {} times.",
                few.batch_size,
                number(few_gain),
                many.batch_size,
                number(many_gain)
            )
        });
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "Every row does the same arithmetic on as many tokens; only the order differs that it must have. In one long sequence nearly everything waits for the step before; many short ones are computed side by side. The *serial share* is what Amdahl's law makes of the two speeds.",
            ),
            Block::Plot(plot),
            Block::Table(table),
        ],
        verdict: found.verdict(),
        because: format!(
            "{} sequences of {} are {} times as fast as {} of {}, with one thread.{gains}",
            many.batch_size,
            count(many.steps, "step"),
            number(many.one_tokens_per_s / few.one_tokens_per_s),
            count(few.batch_size, "sequence"),
            count(few.steps, "step"),
        ),
    })
}
