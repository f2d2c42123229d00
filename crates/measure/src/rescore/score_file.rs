//! Scores of hypotheses from a file of their own, for lists that bring none: acoustic scores or costs beside the lists of Kaldi and Mikolov's toolkit.
//!
//! ```text
//! number            a line for each hypothesis, in the order of the lists
//! key number        the key is the first field of the hypothesis: Kaldi's archives of costs, `utt-N cost`
//! ```

use super::format::first_field;
use super::{Hypothesis, RescoreError};
use crate::error::{Error, Result};
use elman_text::{self as text, Kind, ReadOptions, Source};

/// Scores of the hypotheses of n-best lists, in their order.
pub struct ScoreFile {
    name: String,
    /// (key if there is one, score), in the order of the lines.
    scores: Vec<(Option<String>, f64)>,
    /// Number of hypotheses that have asked for their score.
    asked: usize,
}

impl ScoreFile {
    /// Reads a file of scores, which is called `name` in messages.
    ///
    /// # Errors
    /// [`RescoreError::ScoreFile`] for a line that is no score; [`Error::Text`] if the file cannot be read.
    pub fn read(name: &str, source: Source, options: &ReadOptions) -> Result<ScoreFile> {
        let mut scores = Vec::new();
        text::read_lines([source], Kind::Words, options, &mut |line| {
            let found = parse(&String::from_utf8_lossy(line.bytes));
            scores.push(found.map_err(|flaw| RescoreError::ScoreFile {
                name: name.to_owned(),
                line: line.number,
                flaw,
            })?);
            Ok::<(), Error>(())
        })?;
        Ok(ScoreFile {
            name: name.to_owned(),
            scores,
            asked: 0,
        })
    }

    /// The score of the next hypothesis.
    ///
    /// # Errors
    /// [`RescoreError::ScoreFile`] if the line has another key; [`RescoreError::ScoreCount`] if there are too few scores.
    pub fn next(&mut self, hypothesis: &Hypothesis) -> Result<f64> {
        let found = self.scores.get(self.asked);
        self.asked += 1;
        let Some((key, score)) = found else {
            return Err(self.miscounted().into());
        };
        let expected = first_field(&hypothesis.line);
        match key {
            Some(key) if key != expected => Err(RescoreError::ScoreFile {
                name: self.name.clone(),
                line: self.asked as u64,
                flaw: format!("the score is that of '{key}', where '{expected}' is the next one"),
            }
            .into()),
            _ => Ok(*score),
        }
    }

    /// Checks after the last hypothesis that no score is left.
    ///
    /// # Errors
    /// [`RescoreError::ScoreCount`].
    pub fn finish(&self) -> Result<()> {
        match self.asked == self.scores.len() {
            true => Ok(()),
            false => Err(self.miscounted().into()),
        }
    }

    fn miscounted(&self) -> RescoreError {
        RescoreError::ScoreCount {
            name: self.name.clone(),
            scores: self.scores.len(),
            hypotheses: self.asked,
        }
    }
}

/// Key and score of a line.
fn parse(line: &str) -> std::result::Result<(Option<String>, f64), String> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (key, score) = match fields[..] {
        [score] => (None, score),
        [key, score] => (Some(key.to_owned()), score),
        _ => return Err("expected a score, or a key and a score".into()),
    };
    match score.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok((key, number)),
        _ => Err(format!("the score '{score}' is not a finite number")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::NbestFormat;
    use super::*;

    fn read(text: &str) -> Result<ScoreFile> {
        let source = Source::Reader {
            name: "scores".into(),
            reader: Box::new(std::io::Cursor::new(text.to_owned().into_bytes())),
        };
        ScoreFile::read("scores", source, &ReadOptions::default())
    }

    fn said<T>(result: Result<T>) -> String {
        match result {
            Err(Error::Rescore(flaw)) => flaw.to_string(),
            Err(other) => panic!("{other}"),
            Ok(_) => String::new(),
        }
    }

    fn hypothesis(line: &str) -> Hypothesis {
        NbestFormat::Kaldi.parse(line, 1).unwrap().1
    }

    #[test]
    fn scores_come_in_order_with_or_without_keys() {
        let (first, second) = (hypothesis("u-1 a king"), hypothesis("u-2 so"));
        for text in ["-1.5\r\n2e3\n", "u-1 -1.5\nu-2 2e3\n"] {
            let mut scores = read(text).unwrap();
            assert_eq!(scores.next(&first).unwrap(), -1.5);
            let left = said(scores.finish());
            assert!(left.contains("2 scores, for 1 hypotheses"), "{left}");
            assert_eq!(scores.next(&second).unwrap(), 2000.0);
            scores.finish().unwrap();
            let missing = said(scores.next(&second));
            assert!(missing.contains("2 scores, for 3"), "{missing}");
        }
        let mut scores = read("u-2 1\n").unwrap();
        let other = said(scores.next(&first));
        assert!(
            other.contains("line 1: the score is that of 'u-2', where 'u-1'"),
            "{other}"
        );
    }

    #[test]
    fn lines_without_a_score_are_refused() {
        for (text, part) in [
            ("1\n\n", "line 2: expected"),
            ("u-1 a king\n", "line 1: expected"),
            ("u-1 nan\n", "'nan'"),
            ("u-1\n", "'u-1'"),
        ] {
            let found = said(read(text));
            assert!(found.contains(part), "{found}");
        }
    }
}
