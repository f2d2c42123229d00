//! Features of the hypotheses of an utterance: the scores of the list, log10 p of the model, and counts.
//!
//! The words of a hypothesis, with one space between two, are a sentence: log10 p is the one that [`elman_infer::score_lines`] gives to that line. The model reads each
//! prefix of tokens that hypotheses share once.

use super::{Features, Utterance};
use crate::error::Result;
use elman_infer::{LineSums, Model, PrefixCounts, PrefixScorer, ScoredLine, Unknown};
use elman_text::{LineEncoder, LineEnd, Located, ReadOptions, TokenId};
use std::f64::consts::LN_10;

/// Options of scoring hypotheses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScoringOptions {
    /// Whether the end of the sentence is scored too.
    pub ends: bool,
    /// Whether an utterance is scored after the first hypotheses of all utterances before it (Mikolov's convention), instead of from the beginning of a text.
    pub carry_history: bool,
    /// Treatment of unknown tokens in log10 p.
    pub unknown: Unknown,
}

impl Default for ScoringOptions {
    fn default() -> ScoringOptions {
        ScoringOptions {
            ends: true,
            carry_history: false,
            unknown: Unknown::Include,
        }
    }
}

/// Scorer of the utterances of n-best lists, one after the other.
pub struct Scorer<'m> {
    model: &'m Model,
    options: ScoringOptions,
    encoder: LineEncoder<'m>,
    prefixes: PrefixScorer,
}

impl<'m> Scorer<'m> {
    /// Makes a scorer with a model of any family.
    pub fn new(model: &'m Model, options: ScoringOptions) -> Scorer<'m> {
        Scorer {
            encoder: LineEncoder::new(model.vocab(), &ReadOptions::default()),
            prefixes: PrefixScorer::new(model),
            model,
            options,
        }
    }

    /// Counts of everything that was scored so far: hypotheses, tokens, distinct prefixes, steps of networks.
    pub fn counts(&self) -> PrefixCounts {
        self.prefixes.counts()
    }

    /// Computes the features of each hypothesis of an utterance.
    ///
    /// # Errors
    /// [`Error::Text`](crate::Error::Text) if a foreign tokenizer fails; [`Error::Model`](crate::Error::Model) if hidden states overflow.
    pub fn features(&mut self, utterance: &Utterance) -> Result<Vec<Features>> {
        let tokens = self.tokens(utterance)?;
        let ids = ids(&tokens);
        let nats = match self.options.carry_history {
            true => self.prefixes.score_after(&ids, 0)?,
            false => self.prefixes.score(&ids)?,
        };
        Ok(self.sums(utterance, &tokens, &nats))
    }

    /// Computes the features of the hypotheses of several utterances: those of [`Scorer::features`], one utterance after the other.
    ///
    /// Unless history is carried, their prefixes advance together, so that lists of few hypotheses make large batches too.
    ///
    /// # Errors
    /// As for [`Scorer::features`].
    pub fn features_of_all(&mut self, utterances: &[Utterance]) -> Result<Vec<Vec<Features>>> {
        if self.options.carry_history {
            return utterances.iter().map(|u| self.features(u)).collect();
        }
        let mut tokens = Vec::with_capacity(utterances.len());
        for utterance in utterances {
            tokens.push(self.tokens(utterance)?);
        }
        let all: Vec<Vec<TokenId>> = tokens.iter().flat_map(|tokens| ids(tokens)).collect();
        let nats = self.prefixes.score(&all)?;
        let mut rest = &nats[..];
        let features = utterances.iter().zip(&tokens).map(|(utterance, tokens)| {
            let (nats, after) = rest.split_at(tokens.len());
            rest = after;
            self.sums(utterance, tokens, nats)
        });
        Ok(features.collect())
    }

    /// The tokens of each hypothesis.
    fn tokens(&mut self, utterance: &Utterance) -> Result<Vec<Vec<Located>>> {
        let end = match self.options.ends {
            true => LineEnd::Sentence,
            false => LineEnd::None,
        };
        let mut all = Vec::with_capacity(utterance.hypotheses.len());
        for hypothesis in &utterance.hypotheses {
            let mut tokens = Vec::new();
            let text = hypothesis.text.as_bytes();
            self.encoder.encode(text, end, &mut tokens)?;
            all.push(tokens);
        }
        Ok(all)
    }

    /// Features of hypotheses from the losses of their tokens.
    fn sums(
        &self,
        utterance: &Utterance,
        tokens: &[Vec<Located>],
        nats: &[Vec<f64>],
    ) -> Vec<Features> {
        let all = utterance.hypotheses.iter().zip(tokens).zip(nats);
        let features = all.map(|((hypothesis, tokens), nats)| {
            let line = ScoredLine {
                number: hypothesis.number,
                text: hypothesis.text.as_bytes(),
                fields: hypothesis.words as u64,
                tokens,
                nats,
            };
            let sums = LineSums::of(&line, self.model);
            [
                hypothesis.score,
                hypothesis.lm_score,
                // Without a sign where it is zero.
                sums.log_prob(self.options.unknown) / LN_10 + 0.0,
                hypothesis.words as f64,
                sums.unknown as f64,
            ]
        });
        features.collect()
    }
}

fn ids(tokens: &[Vec<Located>]) -> Vec<Vec<TokenId>> {
    let line = |line: &Vec<Located>| line.iter().map(|token| token.symbol.id).collect();
    tokens.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;
    use crate::rescore::{Hypothesis, NbestFormat};
    use elman_infer::testing::{bigrams, cpu, model, vocab};
    use elman_infer::{LineOptions, score_lines};
    use elman_net::dims::Cell;
    use elman_text::{Kind, Layout, Source};

    /// `z` is no token, and so unknown.
    const LINES: [&str; 6] = ["a bad cafe", "a bad face", "", "a bad z", "a", "a bad cafe"];

    fn utterance(id: &str, lines: &[&str]) -> Utterance {
        let hypothesis = |line: &&str| Hypothesis {
            line: format!("{id} {line}"),
            number: 1,
            text: (*line).to_owned(),
            words: line.split_whitespace().count(),
            score: -1.5,
            lm_score: -0.5,
        };
        Utterance {
            id: id.to_owned(),
            format: NbestFormat::Mikolov,
            header: None,
            hypotheses: lines.iter().map(hypothesis).collect(),
        }
    }

    fn models() -> [Model; 2] {
        let letters = vocab(Kind::Chars, "abcdefghij klmnopqr\n");
        [
            Model::from(model(Cell::LSTM, false)).with_cpu(cpu()),
            bigrams(letters).into(),
        ]
    }

    /// log10 p and unknown tokens of lines, as `elman score` has them.
    fn scored(model: &Model, lines: &[&str], options: ScoringOptions) -> Vec<(f64, u64)> {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let source = Source::Reader {
            name: "lines".into(),
            reader: Box::new(std::io::Cursor::new(text.into_bytes())),
        };
        let line_options = LineOptions {
            layout: match options.carry_history {
                true => Layout::Stream,
                false => Layout::Sentences,
            },
            ends: options.ends,
            ..LineOptions::default()
        };
        let mut all = Vec::new();
        let read = ReadOptions::default();
        score_lines(model, vec![source], &read, &line_options, &mut |line| {
            let sums = LineSums::of(&line, model);
            all.push((sums.log_prob(options.unknown) / LN_10, sums.unknown));
            Ok::<(), Error>(())
        })
        .unwrap();
        all
    }

    #[test]
    fn features_are_the_scores_of_lines() {
        for model in models() {
            for (ends, unknown) in [(true, Unknown::Include), (false, Unknown::Exclude)] {
                let options = ScoringOptions {
                    ends,
                    unknown,
                    ..ScoringOptions::default()
                };
                let mut scorer = Scorer::new(&model, options);
                let found = scorer.features(&utterance("u", &LINES)).unwrap();
                let expected = scored(&model, &LINES, options);
                assert!(expected.iter().any(|(_, unknown)| *unknown > 0));
                for ((features, (log10, unknown)), line) in found.iter().zip(expected).zip(LINES) {
                    let words = line.split_whitespace().count() as f64;
                    let expected = [-1.5, -0.5, log10 + 0.0, words, unknown as f64];
                    assert_eq!(*features, expected, "{model:?} {line}");
                }
            }
        }
    }

    #[test]
    fn carried_history_is_the_text_of_the_first_hypotheses() {
        let options = ScoringOptions {
            carry_history: true,
            ..ScoringOptions::default()
        };
        for model in models() {
            let mut scorer = Scorer::new(&model, options);
            let first = scorer
                .features(&utterance("u", &["a bad cafe", "abc"]))
                .unwrap();
            let second = scorer.features(&utterance("v", &["face", "bad"])).unwrap();
            for (i, line) in ["face", "bad"].into_iter().enumerate() {
                let expected = scored(&model, &["a bad cafe", line, "a"], options);
                assert_eq!(first[0][2], expected[0].0, "{model:?}");
                assert_eq!(second[i][2], expected[1].0, "{model:?}");
            }
            assert_eq!(scorer.counts().sequences, 4);
        }
    }

    #[test]
    fn utterances_together_have_the_features_that_they_have_alone() {
        let all = [
            utterance("u", &LINES),
            utterance("v", &["face"]),
            utterance("w", &["a bad", "", "bad"]),
        ];
        for model in models() {
            for carry_history in [false, true] {
                let options = ScoringOptions {
                    carry_history,
                    ..ScoringOptions::default()
                };
                let mut alone = Scorer::new(&model, options);
                let expected = all.each_ref().map(|u| alone.features(u).unwrap());
                let mut together = Scorer::new(&model, options);
                let found = together.features_of_all(&all).unwrap();
                assert_eq!(found, expected, "{model:?}");
                let (found, expected) = (together.counts(), alone.counts());
                assert_eq!(found.tokens, expected.tokens);
                match carry_history {
                    true => assert_eq!(found, expected),
                    // The beginning is read once.
                    false => assert!(found.prefixes < expected.prefixes),
                }
            }
        }
    }
}
