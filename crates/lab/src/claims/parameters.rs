//! Parameters do not depend on the size of the corpus: the LSTM on an eighth to all of the text.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::sizes::{Sizes, sizes};
use elman_report::numbers::grouped;
use elman_report::{Block, Table};

pub(crate) const CLAIM: Claim = Claim {
    id: "parameters",
    title: "Parameters do not depend on the size of the corpus",
    says: "The matrices are decided by the hidden size, the embedding and the vocabulary; more sentences do not change them.",
    equations: &[
        r"W_{hx} \in \mathbb{R}^{D_h \times d}, \quad W_{hh} \in \mathbb{R}^{D_h \times D_h}, \quad W_S \in \mathbb{R}^{|V| \times D_h}",
    ],
    test,
};

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = sizes(lab)?;
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "The claim is about a given vocabulary. A longer text also has more different words, and if all of them are kept, $|V|$ and with it $W_S$ and the embedding grow after all, ever more slowly.",
            ),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: summary(&found),
    })
}

/// With one vocabulary the number of parameters is the same for all parts of the text.
fn parts(found: &Sizes) -> Vec<Part> {
    let mut pairs = found.parts.windows(2);
    let constant = pairs.all(|pair| pair[0].parameters == pair[1].parameters);
    vec![Part::new(
        "the number of parameters is the same for all texts",
        constant,
    )]
}

fn summary(found: &Sizes) -> String {
    let (Some(first), Some(last)) = (found.parts.first(), found.parts.last()) else {
        return String::new();
    };
    let change = |from: usize, to: usize| match from == to {
        true => format!("stays at {}", grouped(from as u64)),
        false => format!(
            "changes from {} to {}",
            grouped(from as u64),
            grouped(to as u64)
        ),
    };
    format!(
        "From {} to {} tokens the number of parameters {} with one vocabulary; with every word of the text it {}.",
        grouped(first.tokens),
        grouped(last.tokens),
        change(first.parameters, last.parameters),
        change(first.parameters_every_word, last.parameters_every_word)
    )
}

fn table(found: &Sizes) -> Table {
    let caption = format!(
        "The LSTM on parts of the text, with {} entries and with every word of the part",
        grouped(found.entries as u64)
    );
    let header = [
        "tokens",
        "parameters",
        "words in the part",
        "parameters with all of them",
    ];
    let mut table = Table::new(caption, 0, &header);
    for part in &found.parts {
        table.row([
            grouped(part.tokens),
            grouped(part.parameters as u64),
            grouped(part.every_word as u64),
            grouped(part.parameters_every_word as u64),
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
    fn parameters_must_stay_the_same() {
        let holds = Sizes::made_up([5000, 5000], [10, 20], 20_000);
        assert_eq!(verdict(&parts(&holds)), Verdict::Holds);
        assert!(summary(&holds).contains("stays at 5,000 with one vocabulary"));
        let fails = Sizes::made_up([5000, 5001], [10, 20], 20_000);
        assert_eq!(verdict(&parts(&fails)), Verdict::Fails);
        assert!(summary(&fails).contains("changes from 5,000 to 5,001 with one vocabulary"));
    }
}
