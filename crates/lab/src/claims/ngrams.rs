//! RNNs are smaller than n-gram models: bytes of both as the text grows.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::sizes::{Part as TextPart, Sizes, sizes};
use elman_report::numbers::{bytes, grouped, number};
use elman_report::{Axis, Block, Plot, Style, Table};

pub(crate) const CLAIM: Claim = Claim {
    id: "ngrams",
    title: "RNNs are smaller than n-gram models",
    says: "In terms of model size RNNs are more memory-efficient than traditional n-gram models, which list what they have seen.",
    equations: &[],
    test,
};

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = sizes(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "An n-gram model grows with every new n-gram of the text; a network does not. Whether it is smaller depends on the length of the text, on the order, and on how compactly the n-grams are stored: here in less than fourteen bytes each. Perplexities are those of the held-out text as one stream, which n-gram models need too; a network whose state grows as it reads, as the IRNN's can, is worse there than on the short slices on which it is validated while it trains.",
            ),
            Block::Plot(plot(&found)),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// For each order: the n-gram model grows with the text, and that of the whole text is larger than the largest network.
fn parts(found: &Sizes) -> Vec<Part> {
    let (Some(first), Some(last)) = (found.parts.first(), found.parts.last()) else {
        return Vec::new();
    };
    let network = found.networks.iter().map(|network| network.bytes).max();
    let mut parts = Vec::new();
    let pairs = first.ngrams.iter().zip(&last.ngrams);
    for (order, (first, last)) in found.orders.iter().zip(pairs) {
        parts.push(Part::new(
            format!("the {order}-gram model grows with the text"),
            last.bytes > first.bytes,
        ));
        parts.push(Part::new(
            format!("the {order}-gram model is larger than the networks"),
            last.bytes > network.unwrap_or(0),
        ));
    }
    parts
}

fn summary(found: &Sizes) -> String {
    let Some(last) = found.parts.last() else {
        return String::new();
    };
    let largest = |sizes: &mut dyn Iterator<Item = u64>| bytes(sizes.max().unwrap_or(0));
    let best = |perplexities: &mut dyn Iterator<Item = f64>| {
        number(perplexities.fold(f64::INFINITY, f64::min))
    };
    format!(
        "On {} tokens the largest n-gram model has {}, the largest network {}. Their best perplexities are {} and {}.",
        grouped(last.tokens),
        largest(&mut last.ngrams.iter().map(|model| model.bytes)),
        largest(&mut found.networks.iter().map(|network| network.bytes)),
        best(&mut last.ngrams.iter().map(|model| model.perplexity)),
        best(&mut found.networks.iter().map(|network| network.perplexity))
    )
}

fn plot(found: &Sizes) -> Plot {
    let by_tokens = |of: &dyn Fn(&TextPart) -> f64| {
        let parts = found.parts.iter();
        parts.map(|part| (part.tokens as f64, of(part))).collect()
    };
    let mut plot = Plot::new(
        "ngrams-plot",
        "Bytes of a model",
        Axis::log("tokens of the training text"),
        Axis::log("bytes"),
    );
    for (i, order) in found.orders.iter().enumerate() {
        let points = by_tokens(&|part| part.ngrams[i].bytes as f64);
        plot = plot.with(format!("{order}-gram"), Style::Marked, points);
    }
    let network = by_tokens(&|part| 4.0 * part.parameters as f64);
    plot.with("LSTM", Style::Dashed, network)
}

fn table(found: &Sizes) -> Table {
    let header = ["model", "numbers", "bytes", "perplexity on held-out text"];
    let mut table = Table::new("On the whole text, over the same vocabulary", 1, &header);
    let models = found.parts.last().map_or(&[][..], |part| &part.ngrams);
    for (order, model) in found.orders.iter().zip(models) {
        table.row([
            format!("{order}-gram, Kneser–Ney"),
            grouped(model.ngrams),
            bytes(model.bytes),
            number(model.perplexity),
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
    table
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::{Seen, verdict};
    use elman_report::Verdict;

    #[test]
    fn growing_and_larger_are_two_parts_of_each_order() {
        let of = |ngrams, network| Sizes::made_up([100, 100], ngrams, network);
        let holds = of([1000, 9000], 8000);
        assert_eq!(verdict(&parts(&holds)), Verdict::Holds);
        assert_eq!(
            summary(&holds),
            "On 1,000 tokens the largest n-gram model has 8.79 KiB, the largest network 7.81 KiB. Their best perplexities are 50 and 40."
        );
        let smaller = of([1000, 7000], 8000);
        assert_eq!(verdict(&parts(&smaller)), Verdict::Partly);
        assert_eq!(parts(&smaller)[1].seen, Seen::No);
        assert_eq!(verdict(&parts(&of([7000, 7000], 8000))), Verdict::Fails);
    }
}
