//! Accuracy: how many predictions are right.
//!
//! A prediction is *right* if the target is the most likely token; among equally likely tokens the one with the lowest id counts as
//! the most likely. Counted are the positions of a window that carry loss, which are the answers of its lines where a `text::AnswerMask`
//! says where they begin. A line is right if all predictions counted in it are.
//!
//! What it does not do: it compares no logits, which `net::layer::output` does.

use elman_text::Window;
use serde::{Deserialize, Serialize};

/// Accuracy as counts: predictions, and those that were right.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accuracy {
    /// Number of predicted tokens.
    pub tokens: u64,
    /// Number of predicted tokens that were the most likely.
    pub right: u64,
    /// Number of lines in which a token was predicted.
    pub lines: u64,
    /// Number of these lines in which every prediction was right.
    pub lines_right: u64,
}

impl Accuracy {
    /// Counts a window whose sequences are whole lines; `right` (T, B) says where the target is the most likely token.
    pub(crate) fn add(&mut self, window: &Window, right: &[bool]) {
        assert_eq!(
            right.len(),
            window.weight.len(),
            "one flag for each position"
        );
        for sequence in 0..window.batch_size {
            let cells = (sequence..right.len()).step_by(window.batch_size);
            let counted = cells.filter(|cell| window.weight[*cell] > 0.0);
            let (mut tokens, mut correct) = (0, 0);
            for cell in counted {
                tokens += 1;
                correct += u64::from(right[cell]);
            }
            self.tokens += tokens;
            self.right += correct;
            self.lines += u64::from(tokens > 0);
            self.lines_right += u64::from(tokens > 0 && correct == tokens);
        }
    }

    /// Adds the counts of another part of a text.
    pub fn merge(&mut self, other: &Accuracy) {
        self.tokens += other.tokens;
        self.right += other.right;
        self.lines += other.lines;
        self.lines_right += other.lines_right;
    }

    /// Share of the tokens that are right, 0 to 1; `None` without tokens.
    pub fn of_tokens(&self) -> Option<f64> {
        share(self.right, self.tokens)
    }

    /// Share of the lines that are right, 0 to 1; `None` without lines.
    pub fn of_lines(&self) -> Option<f64> {
        share(self.lines_right, self.lines)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_right_if_all_that_is_counted_of_it_is() {
        // Sequences: two tokens counted, one of them right; one counted and right; nothing counted.
        let window = Window {
            steps: 2,
            batch_size: 3,
            weight: vec![1.0, 0.0, 0.0, 1.0, 1.0, 0.0],
            ..Window::default()
        };
        let mut counts = Accuracy::default();
        assert_eq!((counts.of_tokens(), counts.of_lines()), (None, None));
        counts.add(&window, &[true, true, true, false, true, true]);
        let expected = Accuracy {
            tokens: 3,
            right: 2,
            lines: 2,
            lines_right: 1,
        };
        assert_eq!(counts, expected);
        assert_eq!(counts.of_tokens(), Some(2.0 / 3.0));
        assert_eq!(counts.of_lines(), Some(0.5));
        counts.add(&window, &[true; 6]);
        assert_eq!((counts.tokens, counts.lines, counts.lines_right), (6, 4, 3));
    }
}
