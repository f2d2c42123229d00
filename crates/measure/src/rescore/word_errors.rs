//! Word errors of a hypothesis: the edits of a shortest path from the reference to it (Levenshtein 1966).

use serde::Serialize;
use std::ops::AddAssign;

/// Number of substituted, inserted and deleted words, and of the words of the reference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WordErrors {
    /// Words of the reference that are other words in the hypothesis.
    pub substitutions: u32,
    /// Words of the hypothesis that the reference lacks.
    pub insertions: u32,
    /// Words of the reference that the hypothesis lacks.
    pub deletions: u32,
    /// Words of the reference.
    pub words: u32,
}

impl WordErrors {
    /// Aligns the words of two texts, which lie between ASCII white space, with as few edits as possible; of equally few those with most substitutions.
    pub fn between(reference: &str, hypothesis: &str) -> WordErrors {
        let reference: Vec<&str> = reference.split_ascii_whitespace().collect();
        let hypothesis: Vec<&str> = hypothesis.split_ascii_whitespace().collect();
        let edit = |from: WordErrors, substitutions, insertions, deletions| WordErrors {
            substitutions: from.substitutions + substitutions,
            insertions: from.insertions + insertions,
            deletions: from.deletions + deletions,
            words: 0,
        };
        // row[j]: the edits from the words of the reference so far to the first j of the hypothesis.
        let start = WordErrors::default();
        let first = (0..=hypothesis.len()).map(|j| edit(start, 0, j as u32, 0));
        let mut row: Vec<WordErrors> = first.collect();
        for word in &reference {
            let mut diagonal = row[0];
            row[0] = edit(row[0], 0, 0, 1);
            for (j, other) in hypothesis.iter().enumerate() {
                let replaced = edit(diagonal, u32::from(word != other), 0, 0);
                let deleted = edit(row[j + 1], 0, 0, 1);
                let inserted = edit(row[j], 0, 1, 0);
                diagonal = row[j + 1];
                let cost = |errors: &WordErrors| (errors.total(), errors.insertions);
                // The first of equal ones.
                let mut best = replaced;
                for other in [deleted, inserted] {
                    if cost(&other) < cost(&best) {
                        best = other;
                    }
                }
                row[j + 1] = best;
            }
        }
        WordErrors {
            words: reference.len() as u32,
            ..row[hypothesis.len()]
        }
    }

    /// Number of all errors.
    pub fn total(&self) -> u32 {
        self.substitutions + self.insertions + self.deletions
    }

    /// Word error rate: errors per word of the reference; NaN without words.
    pub fn rate(&self) -> f64 {
        match self.words {
            0 => f64::NAN,
            words => f64::from(self.total()) / f64::from(words),
        }
    }
}

impl AddAssign for WordErrors {
    fn add_assign(&mut self, other: WordErrors) {
        self.substitutions += other.substitutions;
        self.insertions += other.insertions;
        self.deletions += other.deletions;
        self.words += other.words;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errors(reference: &str, hypothesis: &str) -> [u32; 4] {
        let found = WordErrors::between(reference, hypothesis);
        let WordErrors {
            substitutions,
            insertions,
            deletions,
            words,
        } = found;
        [substitutions, insertions, deletions, words]
    }

    #[test]
    fn edits_are_counted_by_kind() {
        for (reference, hypothesis, expected) in [
            ("the king was calm", "the king was calm", [0, 0, 0, 4]),
            ("the king was calm", "the thing was  calm\r", [1, 0, 0, 4]),
            ("the king was calm", "king was very calm", [0, 1, 1, 4]),
            ("the king was calm", "", [0, 0, 4, 4]),
            ("", "a b", [0, 2, 0, 0]),
            ("", "", [0, 0, 0, 0]),
            ("a b", "c", [1, 0, 1, 2]),
            ("a b c d", "b c d e", [0, 1, 1, 4]),
            ("a", "b a b", [0, 2, 0, 1]),
        ] {
            let found = errors(reference, hypothesis);
            assert_eq!(found, expected, "{reference} | {hypothesis}");
        }
    }

    #[test]
    fn the_number_of_errors_is_the_smallest() {
        /// By trying every edit.
        fn least(a: &[&str], b: &[&str]) -> u32 {
            match (a, b) {
                ([], rest) | (rest, []) => rest.len() as u32,
                ([x, a @ ..], [y, b @ ..]) => {
                    let all_a = [&[*x], a].concat();
                    let all_b = [&[*y], b].concat();
                    let replaced = least(a, b) + u32::from(x != y);
                    replaced.min(1 + least(a, &all_b)).min(1 + least(&all_a, b))
                }
            }
        }
        let letters = ["a", "b", "c"];
        let text = |mut code: usize, length: usize| {
            let mut words = Vec::new();
            for _ in 0..length {
                words.push(letters[code % 3]);
                code /= 3;
            }
            words
        };
        for code in (0..3usize.pow(9)).step_by(37) {
            let (a, b) = (text(code, 4), text(code / 81, code % 6));
            let found = WordErrors::between(&a.join(" "), &b.join(" "));
            assert_eq!(found.total(), least(&a, &b), "{a:?} {b:?}");
            let lengths = b.len() as i64 - a.len() as i64;
            let difference = i64::from(found.insertions) - i64::from(found.deletions);
            assert_eq!(difference, lengths);
        }
    }

    #[test]
    fn rates_are_per_word_of_the_reference() {
        let mut sum = WordErrors::between("a b c d", "a x c d");
        sum += WordErrors::between("a", "a b");
        assert_eq!((sum.total(), sum.words, sum.rate()), (2, 5, 0.4));
        assert!(WordErrors::default().rate().is_nan());
    }
}
