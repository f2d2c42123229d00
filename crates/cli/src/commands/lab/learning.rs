//! Claims about learning and its measure: history, perplexity, teacher forcing, exposure bias.

use super::claim::{Claim, Found};
use crate::output::{grouped, number};
use anyhow::Result;
use elman::measure::lab::exposure::{Band, Estimate, exposed};
use elman::measure::lab::forcing::{forcing, mean_and_deviation};
use elman::measure::lab::perplexity::{depends_on_vocabulary, identity, meaning, vocabularies};
use elman::measure::lab::reach::{carries, cuts};
use elman::measure::lab::{Lab, Trained};
use elman_report::{Axis, Block, Plot, Style, Table};

pub fn claims() -> Vec<Claim> {
    vec![
        Claim {
            id: "history",
            title: "The state carries the whole history",
            says: "An RNN conditions on all tokens before, not on a window of fixed size: its hidden state is a summary of them that every step brings up to date.",
            equations: &[r"h_t = \sigma(W_{hh} h_{t-1} + W_{hx} x_t + b_1)"],
            measure: history,
        },
        Claim {
            id: "perplexity",
            title: "Perplexity 1 is certainty, 50 a choice among fifty",
            says: "Perplexity is the effective number of choices at each step. At 1 the model predicts every word perfectly, at 50 it is as uncertain as if it chose uniformly among fifty words.",
            equations: &[
                r"\text{perplexity} = \left(\prod_{t=1}^{T}\frac{1}{P_{\text{LM}}(x^{(t+1)} \mid x^{(1)}, \ldots, x^{(t)})}\right)^{1/T}",
            ],
            measure: perplexity,
        },
        Claim {
            id: "exponential",
            title: "Perplexity is the exponential of the loss",
            says: "The inverse probability of the text, normalised by its number of words, equals the exponential of the cross-entropy: the geometric mean of what each true word cost.",
            equations: &[
                r"\left(\prod_{t=1}^{T}\frac{1}{\hat{y}^{(t)}_{x_{t+1}}}\right)^{1/T} = \exp\left(\frac{1}{T}\sum_{t=1}^{T}-\log \hat{y}^{(t)}_{x_{t+1}}\right) = \exp(J(\theta))",
            ],
            measure: exponential,
        },
        Claim {
            id: "vocabulary",
            title: "Perplexities compare only under the same preprocessing",
            says: "Perplexity is sensitive to the size of the vocabulary and to how the text is cut into tokens, so models should be compared under identical preprocessing.",
            equations: &[],
            measure: vocabulary,
        },
        Claim {
            id: "forcing",
            title: "Teacher forcing accelerates and stabilises learning",
            says: "Given the true word as the next input, and not its own prediction, a network does not compound its mistakes while it still makes many: it learns faster and more steadily.",
            equations: &[],
            measure: teacher,
        },
        Claim {
            id: "exposure",
            title: "Exposure bias: a network fares worse on its own words",
            says: "In use a network reads its own predictions, which it never saw in training. Errors cascade, the more so in long sequences; scheduled sampling is one remedy.",
            equations: &[],
            measure: exposure,
        },
    ]
}

fn history(lab: &mut Lab) -> Result<Found> {
    let cuts = cuts(lab)?;
    let mut plot = Plot::new(
        "history-plot",
        "Loss on held-out text when the state is set to zero every so many tokens",
        Axis::log("tokens between zero states"),
        Axis::linear("nats a token"),
    );
    let mut table = Table::new(
        "What the state is worth, in nats a token",
        1,
        &[
            "network",
            "zero at every token",
            "every 5",
            "every 20",
            "never",
        ],
    );
    let mut gains = Vec::new();
    for (colour, cut) in cuts.iter().enumerate() {
        let at = |steps: usize| {
            cut.windows
                .iter()
                .find(|window| window.0 == steps)
                .map(|window| window.3)
        };
        let points: Vec<(f64, f64)> = cut
            .windows
            .iter()
            .map(|window| (window.0 as f64, window.3))
            .collect();
        let ends = points
            .first()
            .zip(points.last())
            .map(|(first, last)| vec![(first.0, cut.carried_nats), (last.0, cut.carried_nats)]);
        let name = cut.net.name();
        plot = plot
            .with_colour(name, Style::Marked, colour, points)
            .with_colour(
                format!("{name}, never set to zero"),
                Style::Dashed,
                colour,
                ends.unwrap_or_default(),
            );
        let shown = |nats: Option<f64>| nats.map_or("–".into(), |nats| format!("{nats:.3}"));
        table.row([
            name.into(),
            shown(at(1)),
            shown(at(5)),
            shown(at(20)),
            format!("{:.3}", cut.carried_nats),
        ]);
        let five = at(5).map_or(0.0, |nats| nats - cut.carried_nats);
        gains.push(format!(
            "{name}: {} nats a token beyond five tokens back",
            number(five)
        ));
    }
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "The same trained networks read the same held-out text; only how often the state is thrown away differs. A network that knew nothing beyond *n* tokens would lose nothing if it were thrown away every few times *n*.",
            ),
            Block::Plot(plot),
            Block::Table(table),
        ],
        verdict: carries(&cuts),
        because: format!(
            "What the state still brings of earlier text is worth: {}.",
            gains.join("; ")
        ),
    })
}

/// Perplexity of validation over steps.
fn perplexities(run: &Trained) -> Vec<(f64, f64)> {
    run.valid_loss
        .iter()
        .map(|(step, nats)| (*step, nats.exp()))
        .collect()
}

fn perplexity(lab: &mut Lab) -> Result<Found> {
    let found = meaning(lab)?;
    let plot = Plot::new(
        "perplexity-plot",
        "A network learns two sources of fifty symbols",
        Axis::linear("update"),
        Axis::log("perplexity on held-out text"),
    )
    .with(
        "drawn uniformly",
        Style::Marked,
        perplexities(&found.uniform),
    )
    .with(
        "in a fixed cycle",
        Style::Marked,
        perplexities(&found.cycle),
    );
    let mut table = Table::new(
        "Perplexities that are known beforehand",
        1,
        &["model and text", "should be", "is"],
    );
    let mut row =
        |what: String, should: f64, is: f64| table.row([what, number(should), format!("{is:.4}")]);
    let n = found.symbols;
    row(
        format!("all weights zero, {} tokens to choose from", found.entries),
        found.entries as f64,
        found.indifferent,
    );
    row(
        format!("trained on symbols drawn from {n}"),
        n as f64,
        found.uniform.perplexity,
    );
    row(
        format!("trained on {n} symbols in a cycle"),
        1.0,
        found.cycle.perplexity,
    );
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "Three cases whose answer is known. A network with all weights at zero says the same of every token. A source that draws from fifty symbols cannot be predicted better than by a choice among fifty. One that goes through them in turn can be predicted without fail.",
            ),
            Block::Table(table),
            Block::Plot(plot),
        ],
        verdict: found.verdict(),
        because: format!(
            "The indifferent network has {:.4} for {} tokens, what learnt the uniform source {} for {n} symbols, and what learnt the cycle {:.4}.",
            found.indifferent,
            found.entries,
            number(found.uniform.perplexity),
            found.cycle.perplexity
        ),
    })
}

fn exponential(lab: &mut Lab) -> Result<Found> {
    let found = identity(lab)?;
    let mut table = Table::new(
        format!(
            "The LSTM on {} held-out tokens",
            grouped(found.tokens as u64)
        ),
        1,
        &["way", "perplexity"],
    );
    table.row([
        "product of inverse probabilities, to the power 1/T".into(),
        format!("{:.12}", found.product),
    ]);
    table.row([
        format!("exponential of the loss, {:.9} nats", found.loss_nats),
        format!("{:.12}", found.exp_loss),
    ]);
    table.row([
        "what elman eval reports".into(),
        format!("{:.12}", found.reported),
    ]);
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "The product of so many probabilities is far too small for any floating-point number; it was multiplied out with its exponent kept apart.",
            ),
            Block::Table(table),
        ],
        verdict: found.verdict(),
        because: format!(
            "The three differ by {} of their value.",
            number(found.relative_error)
        ),
    })
}

fn vocabulary(lab: &mut Lab) -> Result<Found> {
    let cuts = vocabularies(lab)?;
    let mut table = Table::new(
        "Kneser–Ney models of the same text (trigrams of words, 6-grams of characters and bytes)",
        1,
        &[
            "vocabulary",
            "entries",
            "tokens",
            "unknown",
            "perplexity a token",
            "per word",
            "bits a character",
        ],
    );
    for cut in &cuts {
        table.row([
            cut.kind.clone(),
            grouped(cut.entries as u64),
            grouped(cut.tokens),
            format!("{:.1} %", 100.0 * cut.oov as f64 / cut.tokens as f64),
            number(cut.perplexity),
            number(cut.per_word),
            cut.bits_per_char
                .map_or("–".into(), |bits| format!("{bits:.3}")),
        ]);
    }
    let perplexities = || cuts.iter().map(|cut| cut.perplexity);
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "One family of models, one text, several vocabularies. The fewer words are known, the more tokens are `<unk>`, which is easy to predict and says nothing; and a character is easier than a word, of which it is a part. Only where nothing is unknown do the figures per word and per character mean the same for all.",
            ),
            Block::Table(table),
        ],
        verdict: depends_on_vocabulary(&cuts),
        because: format!(
            "On the same held-out text the perplexity of a token goes from {} to {}, by the vocabulary alone.",
            number(perplexities().fold(f64::INFINITY, f64::min)),
            number(perplexities().fold(0.0, f64::max))
        ),
    })
}

fn teacher(lab: &mut Lab) -> Result<Found> {
    let found = forcing(lab)?;
    let mut plot = Plot::new(
        "forcing-plot",
        "GRUs of several seeds, on true inputs and on their own words",
        Axis::linear("update"),
        Axis::log("perplexity on held-out text"),
    );
    let sides = [
        ("teacher forcing", &found.forced),
        ("own words", &found.own),
    ];
    let mut table = Table::new(
        "After as many updates",
        1,
        &[
            "inputs",
            "perplexity, mean",
            "standard deviation",
            "by seed",
        ],
    );
    for (colour, (name, runs)) in sides.iter().enumerate() {
        for (seed, run) in runs.iter().enumerate() {
            plot = plot.with_colour(
                format!("{name}, seed {}", seed + 1),
                Style::Line,
                colour,
                perplexities(run),
            );
        }
        let (mean, deviation) = mean_and_deviation(runs);
        let each: Vec<String> = runs.iter().map(|run| number(run.perplexity)).collect();
        table.row([
            (*name).into(),
            number(mean),
            number(deviation),
            each.join(", "),
        ]);
    }
    let ((forced, forced_spread), (own, own_spread)) = (
        mean_and_deviation(&found.forced),
        mean_and_deviation(&found.own),
    );
    Ok(Found {
        blocks: vec![
            Block::paragraph(
                "Two trainings that differ in one thing: every input is the true word, or every input is drawn from what the network predicted. Both are tested on the same held-out text, with true inputs.",
            ),
            Block::Plot(plot),
            Block::Table(table),
        ],
        verdict: found.verdict(),
        because: format!(
            "It {} with every seed: perplexity {} against {}. Its spread over seeds is {} of the mean against {}: it {} steadier.",
            if found.accelerates() {
                "learns faster"
            } else {
                "does not learn faster"
            },
            number(forced),
            number(own),
            number(forced_spread / forced),
            number(own_spread / own),
            if found.stabilises() { "is" } else { "is not" },
        ),
    })
}

fn exposure(lab: &mut Lab) -> Result<Found> {
    let found = exposed(lab)?;
    let mut plot = Plot::new(
        "exposure-plot",
        "Divergence from the source, by length of what was read",
        Axis::log("tokens read"),
        Axis::from_zero("KL(source ‖ network) in nats"),
    );
    let names = ["teacher forcing", "scheduled sampling"];
    let mut table = Table::new(
        format!(
            "Own minus true prefixes, in nats with 95 % intervals, over {} sequences of each kind",
            found.sequences
        ),
        1,
        &["training", "perplexity", "on true", "on own", "difference"],
    );
    let interval = |x: &Estimate| {
        format!(
            "{} ({} to {})",
            number(x.value),
            number(x.low),
            number(x.high)
        )
    };
    for (colour, (way, name)) in found.ways.iter().zip(names).enumerate() {
        let points = |of: fn(&Band) -> f64| {
            let bands = way.bands.iter().filter(|band| band.to > 0);
            bands
                .map(|band| (band.to as f64, of(band)))
                .collect::<Vec<_>>()
        };
        plot = plot
            .with_colour(
                format!("{name}: own words"),
                Style::Marked,
                colour,
                points(|band| band.on_own.value),
            )
            .with_colour(
                format!("{name}: true words"),
                Style::Dashed,
                colour,
                points(|band| band.on_true.value),
            );
        let all = &way.overall;
        table.row([
            name.into(),
            number(way.trained.perplexity),
            interval(&all.on_true),
            interval(&all.on_own),
            interval(&all.difference),
        ]);
    }
    let (plain, sampled) = (
        &found.ways[0].overall.difference,
        &found.ways[1].overall.difference,
    );
    Ok(Found {
        blocks: vec![
            Block::paragraph(format!(
                "On real text nobody knows the true distribution. So a {}-gram model of the text wrote another one, a GRU learnt that, and the two distributions were compared over the whole vocabulary: after prefixes that the source had written, and after prefixes that the network had written itself.",
                found.order
            )),
            Block::Plot(plot),
            Block::Table(table),
            Block::paragraph(
                "Scheduled sampling here drew a quarter of all inputs from the network, from the first update on.",
            ),
        ],
        verdict: found.verdict(),
        because: format!(
            "The divergence on own words minus that on true ones is {} nats ({} to {}), so exposure bias {}. It {} with length. With scheduled sampling the difference is {} nats.",
            number(plain.value),
            number(plain.low),
            number(plain.high),
            if found.is_there() {
                "is there for certain"
            } else {
                "is not seen: the interval does not lie above 0"
            },
            if found.grows() {
                "grows"
            } else {
                "does not grow"
            },
            number(sampled.value),
        ),
    })
}
