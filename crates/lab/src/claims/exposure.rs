//! Exposure bias: a network fares worse on its own words.
//!
//! A trigram model of the text writes another text, a GRU learns that, and their distributions are compared after true prefixes and
//! after prefixes of the network's own (`inspect::exposure`), with teacher forcing and with scheduled sampling.

mod source;

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::nets::Net;
use crate::trained::Trained;
use elman_infer::Model;
use elman_measure::inspect::exposure::{self, Figure, Options, exposure};
use elman_report::numbers::number;
use elman_report::{Axis, Block, Plot, Style, Table};
use elman_train::VocabularyFrom;
use elman_train::scheduled::Decay;
use serde::{Deserialize, Serialize};

pub(crate) const CLAIM: Claim = Claim {
    id: "exposure",
    title: "Exposure bias: a network fares worse on its own words",
    says: "In use a network reads its own predictions, which it never saw in training. Errors cascade, the more so in long sequences; scheduled sampling is one remedy.",
    equations: &[],
    test,
};

/// A mean with its 95 % interval.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Estimate {
    value: f64,
    /// Lower bound of the interval.
    low: f64,
    /// Upper bound of the interval.
    high: f64,
}

/// KL(source ‖ model) in nats after prefixes of a range of lengths.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Band {
    /// The shortest prefix of the range, in tokens.
    from: usize,
    /// The longest prefix of the range, in tokens.
    to: usize,
    /// Divergence after true prefixes.
    on_true: Estimate,
    /// Divergence after prefixes that the network wrote.
    on_own: Estimate,
    /// Divergence after own prefixes minus divergence after true ones: the exposure bias.
    difference: Estimate,
}

/// Exposure bias of a network that was trained in one way.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Bias {
    /// The training run.
    trained: Trained,
    /// Divergences by length of the prefix.
    bands: Vec<Band>,
    /// Divergences over all lengths from 1.
    overall: Band,
}

/// Exposure bias with teacher forcing and with scheduled sampling.
struct Exposure {
    forced: Bias,
    sampled: Bias,
}

/// Share of own inputs with scheduled sampling.
const SHARE: f64 = 0.25;

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = measured(lab)?;
    let sequences = options(lab).sequences;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(format!(
                "Nobody knows the true distribution of real text. So a {}-gram model of the text wrote another one, a GRU learnt that, and the two distributions were compared over the whole vocabulary: after prefixes that the source had written, and after prefixes that the network had written itself.",
                source::ORDER
            )),
            Block::Plot(plot(&found)),
            Block::Table(table(&found, sequences)),
            Block::paragraph(
                "Scheduled sampling here drew a quarter of all inputs from the network, from the first update on.",
            ),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// The bias exists, grows with length, and shrinks with scheduled sampling; a bias that is not seen does neither.
fn parts(found: &Exposure) -> Vec<Part> {
    let bias = found.forced.overall.difference;
    let exists = bias.low > 0.0;
    let of = |band: Option<&Band>| band.map_or(0.0, |band| band.difference.value);
    let bands = &found.forced.bands;
    let grows = of(bands.last()) > of(bands.iter().find(|band| band.from == 1));
    let shrinks = found.sampled.overall.difference.value < bias.value;
    vec![
        Part::new(
            "the divergence is larger on own words, with 95 % confidence",
            exists,
        ),
        Part::new(
            "the bias grows with the length of the prefix",
            exists && grows,
        ),
        Part::new("scheduled sampling lowers the bias", exists && shrinks),
    ]
}

fn summary(found: &Exposure) -> String {
    let (bias, sampled) = (
        found.forced.overall.difference,
        found.sampled.overall.difference,
    );
    format!(
        "The divergence on own words minus the divergence on true words is {} nats (95 % interval: {} to {}). With scheduled sampling the difference is {} nats.",
        number(bias.value),
        number(bias.low),
        number(bias.high),
        number(sampled.value),
    )
}

impl Exposure {
    /// Both ways of training with their names.
    fn ways(&self) -> [(&'static str, &Bias); 2] {
        [
            ("teacher forcing", &self.forced),
            ("scheduled sampling", &self.sampled),
        ]
    }
}

fn plot(found: &Exposure) -> Plot {
    let mut plot = Plot::new(
        "exposure-plot",
        "Divergence from the source, by length of the prefix",
        Axis::log("tokens of the prefix"),
        Axis::from_zero("KL(source ‖ network) in nats"),
    );
    for (colour, (name, bias)) in found.ways().into_iter().enumerate() {
        let points = |of: fn(&Band) -> f64| {
            let bands = bias.bands.iter().filter(|band| band.to > 0);
            bands.map(|band| (band.to as f64, of(band))).collect()
        };
        let own = points(|band| band.on_own.value);
        let truth = points(|band| band.on_true.value);
        plot = plot
            .with_colour(format!("{name}: own words"), Style::Marked, colour, own)
            .with_colour(format!("{name}: true words"), Style::Dashed, colour, truth);
    }
    plot
}

fn table(found: &Exposure, sequences: usize) -> Table {
    let caption =
        format!("Divergence in nats with 95 % intervals, over {sequences} sequences of each kind");
    let header = ["training", "perplexity", "on true", "on own", "difference"];
    let mut table = Table::new(caption, 1, &header);
    let interval = |x: Estimate| {
        format!(
            "{} ({} to {})",
            number(x.value),
            number(x.low),
            number(x.high)
        )
    };
    for (name, bias) in found.ways() {
        table.row([
            name.into(),
            bias.trained.shown_perplexity(),
            interval(bias.overall.on_true),
            interval(bias.overall.on_own),
            interval(bias.overall.difference),
        ]);
    }
    table
}

/// Trains the networks on the source and measures their exposure bias, or loads the measurement.
fn measured(lab: &mut Lab) -> Result<Exposure> {
    let shared = lab.net(Net::Lstm)?.run;
    let source = source::model(lab, &shared)?;
    let (train, valid) = source::texts(lab, &source)?;
    let mut of = |name: &str, share: f64| {
        let mut config = lab.config(Net::Gru);
        config.scheduled_sampling = (share > 0.0).then_some(Decay::Constant(share));
        let from = VocabularyFrom::Model(shared.clone());
        let trained = lab.train(name, config, from, &train, &valid)?;
        let key = format!("exposure of {name}");
        lab.measured(&key, |lab| bias(lab, &source, trained))
    };
    Ok(Exposure {
        forced: of("exposed", 0.0)?,
        sampled: of("exposed-sampled", SHARE)?,
    })
}

fn options(lab: &Lab) -> Options {
    Options {
        sequences: 64 * lab.scale().excerpts,
        length: 32,
        resamples: 1999,
        seed: lab.plan().seed,
        ..Options::default()
    }
}

fn bias(lab: &Lab, source: &Model, trained: Trained) -> Result<Bias> {
    let model = lab.computing(Model::load(&trained.run)?);
    let found = exposure(&model, source, None, &options(lab), &mut |_| ())?;
    let estimate = |figure: Figure| Estimate {
        value: figure.value,
        low: figure.interval.low,
        high: figure.interval.high,
    };
    let band = |band: &exposure::Band| Band {
        from: band.from,
        to: band.to,
        on_true: estimate(band.kl.on_true),
        on_own: estimate(band.kl.on_own),
        difference: estimate(band.kl.difference),
    };
    Ok(Bias {
        trained,
        bands: found.bands.iter().map(band).collect(),
        overall: band(&found.overall),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Seen, verdict};
    use elman_report::Verdict;

    /// A bias of `short` after one token and of `long` after many, known to ±0.1.
    fn of(short: f64, long: f64) -> Bias {
        let estimate = |value| Estimate {
            value,
            low: value - 0.1,
            high: value + 0.1,
        };
        let band = |from, to, difference| Band {
            from,
            to,
            on_true: estimate(1.0),
            on_own: estimate(1.0 + difference),
            difference: estimate(difference),
        };
        Bias {
            trained: Trained::made_up(40.0),
            bands: vec![band(0, 0, 0.0), band(1, 1, short), band(17, 32, long)],
            overall: band(1, 32, (short + long) / 2.0),
        }
    }

    #[test]
    fn a_bias_that_is_not_seen_neither_grows_nor_shrinks() {
        let judged = |forced, sampled| {
            let parts = parts(&Exposure { forced, sampled });
            let holds: Vec<bool> = parts.iter().map(|part| part.seen == Seen::Yes).collect();
            (verdict(&parts), holds)
        };
        assert_eq!(judged(of(0.2, 0.4), of(0.1, 0.2)).0, Verdict::Holds);
        let shrinking = judged(of(0.4, 0.2), of(0.1, 0.2));
        assert_eq!(shrinking, (Verdict::Partly, vec![true, false, true]));
        let worse = judged(of(0.2, 0.4), of(0.4, 0.5));
        assert_eq!(worse, (Verdict::Partly, vec![true, true, false]));
        // The interval holds 0.
        assert_eq!(judged(of(0.02, 0.1), of(0.0, 0.0)).0, Verdict::Fails);
    }

    #[test]
    fn the_summary_has_both_biases() {
        let (forced, sampled) = (of(0.5, 0.5), of(0.25, 0.25));
        assert_eq!(
            summary(&Exposure { forced, sampled }),
            "The divergence on own words minus the divergence on true words is 0.5 nats (95 % interval: 0.4 to 0.6). With scheduled sampling the difference is 0.25 nats."
        );
    }
}
