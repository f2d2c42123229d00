//! Perplexities compare only under the same preprocessing: n-gram models of one text over several vocabularies.

use crate::claim::{Claim, Finding, Part};
use crate::error::Result;
use crate::lab::Lab;
use crate::measurements::sizes::count;
use elman_infer::{EvalOptions, evaluate};
use elman_ngram::Words;
use elman_report::numbers::{grouped, number};
use elman_report::{Block, Table};
use elman_text::{Kind, ReadOptions, Source};
use elman_train::VocabularyFrom;
use serde::{Deserialize, Serialize};

pub(crate) const CLAIM: Claim = Claim {
    id: "vocabulary",
    title: "Perplexities compare only under the same preprocessing",
    says: "Perplexity is sensitive to the size of the vocabulary and to how the text is cut into tokens, so models should be compared under identical preprocessing.",
    equations: &[],
    test,
};

/// Perplexity of an n-gram model with one vocabulary.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Scored {
    /// Kind of the vocabulary.
    kind: String,
    /// V, the size of the vocabulary.
    entries: usize,
    /// Number of tokens of the held-out text.
    tokens: u64,
    /// Number of tokens of it that the vocabulary lacks.
    oov: u64,
    /// Perplexity per token on the held-out text.
    perplexity: f64,
    /// Perplexity per word, line ends counted as words.
    per_word: f64,
    /// Bits per character; `None` if tokens are unknown.
    bits_per_char: Option<f64>,
}

/// A perplexity that is this many times another differs from it.
const DIFFERENT: f64 = 1.5;

fn test(lab: &mut Lab) -> Result<Finding> {
    let found = vocabularies(lab)?;
    let (least, most) = range(&found);
    Ok(Finding {
        exhibits: vec![
            Block::paragraph(
                "One family of models, one text, several vocabularies. The fewer words are known, the more tokens are `<unk>`, which is easy to predict and carries no information; and a character is easier to predict than a word, of which it is a part. Only where nothing is unknown do the figures per word and per character mean the same for all.",
            ),
            Block::Table(table(&found)),
        ],
        parts: parts(&found),
        summary: format!(
            "On the same held-out text the perplexity per token is between {} and {}; only the vocabularies differ.",
            number(least),
            number(most)
        ),
    })
}

/// The largest perplexity is at least 1.5 times the smallest.
fn parts(found: &[Scored]) -> Vec<Part> {
    let (least, most) = range(found);
    let statement = format!("some perplexity is {DIFFERENT} times another");
    vec![Part::new(statement, most > DIFFERENT * least)]
}

/// Smallest and largest perplexity per token.
fn range(found: &[Scored]) -> (f64, f64) {
    let perplexities = || found.iter().map(|scored| scored.perplexity);
    (
        perplexities().fold(f64::INFINITY, f64::min),
        perplexities().fold(0.0, f64::max),
    )
}

fn table(found: &[Scored]) -> Table {
    let mut table = Table::new(
        "Kneser–Ney models of the same text (trigrams of words, 6-grams of characters and bytes)",
        1,
        &[
            "vocabulary",
            "entries",
            "tokens",
            "unknown",
            "perplexity per token",
            "per word",
            "bits per character",
        ],
    );
    for scored in found {
        let bits = scored.bits_per_char.map(|bits| format!("{bits:.3}"));
        table.row([
            scored.kind.clone(),
            grouped(scored.entries as u64),
            grouped(scored.tokens),
            format!("{:.1} %", 100.0 * scored.oov as f64 / scored.tokens as f64),
            number(scored.perplexity),
            number(scored.per_word),
            bits.unwrap_or("–".into()),
        ]);
    }
    table
}

/// Trains n-gram models on the same text with different vocabularies, or loads the measurement.
fn vocabularies(lab: &mut Lab) -> Result<Vec<Scored>> {
    lab.measured("vocabularies", |lab| {
        let most = lab.scale().max_vocab;
        let vocabularies = [
            (Kind::Words, Some(most / 8)),
            (Kind::Words, Some(most / 2)),
            (Kind::Words, Some(most)),
            (Kind::Words, None),
            (Kind::Chars, None),
            (Kind::Bytes, None),
        ];
        let scored = |(kind, most)| scored(lab, kind, most);
        vocabularies.into_iter().map(scored).collect()
    })
}

/// Trains an n-gram model over a vocabulary of `kind` with at most `most` entries, and scores the held-out text.
fn scored(lab: &Lab, kind: Kind, most: Option<usize>) -> Result<Scored> {
    let train = || vec![Source::File(lab.texts().train.clone())];
    let read = ReadOptions::default();
    let vocab = VocabularyFrom::Text.vocab(train(), kind, &read, 1, most)?;
    let order = if kind == Kind::Words { 3 } else { 6 };
    let model = count(lab, Words::new(vocab), train(), order)?;
    let valid = vec![Source::File(lab.texts().valid.clone())];
    let (model, options) = (lab.computing(model), EvalOptions::default());
    let found = evaluate(&model, valid, &read, &options, &mut |_| ())?;
    Ok(Scored {
        kind: kind.name().into(),
        entries: found.vocab_size,
        tokens: found.tokens,
        oov: found.oov,
        perplexity: found.perplexity,
        per_word: found.perplexity_per_word,
        bits_per_char: found.bits_per_char,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::claim::verdict;
    use elman_report::Verdict;

    #[test]
    fn perplexities_must_differ_by_half() {
        let of = |perplexities: &[f64]| {
            let scored = |perplexity: &f64| Scored {
                kind: "words".into(),
                entries: 10,
                tokens: 100,
                oov: 0,
                perplexity: *perplexity,
                per_word: *perplexity,
                bits_per_char: None,
            };
            let all: Vec<Scored> = perplexities.iter().map(scored).collect();
            verdict(&parts(&all))
        };
        assert_eq!(of(&[100.0, 40.0, 120.0]), Verdict::Holds);
        assert_eq!(of(&[100.0, 110.0, 149.0]), Verdict::Fails);
    }
}
