//! The conclusion of a comparison: from all scores to figures, differences and the mixture.

use super::bootstrap::LEVEL;
use super::mixture::Fit;
use super::named::NamedModel;
use super::pairwise::PairwiseTests;
use super::result::{Comparison, Difference, Entry, Measure, Mixture, MixtureFit, Pair, UnitOf};
use super::scores::{Group, Scored};
use super::units::Units;
use super::{Options, Progress};
use elman_infer::Evaluation;
use std::f64::consts::LN_2;

/// Smallest number of lines; with fewer, blocks of tokens are resampled instead.
const FEWEST_LINES: usize = 30;

/// All scores of a comparison. Columns are the models in order, then the mixture if there is one.
pub(super) struct AllScores<'a> {
    pub models: &'a [NamedModel],
    pub groups: &'a [Group<'a>],
    /// All models over the union of their vocabularies, if there are several groups and a mixture.
    pub together: Option<&'a Group<'a>>,
    /// Scores of each group, then of `together`.
    pub scored: Vec<Scored>,
    /// The words of each line, if the comparison is per word.
    pub words: Option<Units>,
    pub fitted: Option<Fitted>,
    pub options: &'a Options,
    pub threads: usize,
}

/// Weights of a mixture, and the text that they were fitted on.
pub(super) struct Fitted {
    pub fit: Fit,
    pub tokens: u64,
    pub text_hash: String,
}

impl AllScores<'_> {
    /// Computes the result.
    pub fn conclude(self, progress: &mut dyn FnMut(Progress)) -> Comparison {
        let (measure, models) = (self.measure(), self.models.len());
        let mut rows = self.rows();
        let perplexity = |&m: &usize| rows[m].perplexity_per(measure);
        let best = (0..models).min_by(|a, b| perplexity(a).total_cmp(&perplexity(b)));
        let best = best.unwrap_or(0);
        let mut compared: Vec<(usize, usize)> = (0..models)
            .flat_map(|a| (a + 1..models).map(move |b| (a, b)))
            .collect();
        compared.extend((rows.len() > models).then_some((models, best)));
        let mut differences: Vec<Difference> = compared
            .iter()
            .map(|&(a, b)| self.difference(&rows[a], &rows[b]))
            .collect();

        let tests = self.tests();
        if let Some(tests) = &tests {
            tests.add_intervals(
                &mut rows,
                &compared,
                &mut differences,
                self.options,
                progress,
            );
            tests.add_p_values(&compared, &mut differences, self.options, progress);
        }
        let units = tests.map(|tests| tests.unit);
        let notes = self.notes(&rows, units.as_ref());
        let no_intervals_because = units.is_none().then(|| {
            let lines = counted(self.scored[0].lines.len(), "line");
            format!(
                "intervals and tests resample lines, and the text has only {lines}: use a longer one"
            )
        });

        let mixture = match (self.fitted, rows.split_off(models).pop()) {
            (Some(fitted), Some(entry)) => Some(Mixture {
                entry,
                fit: fitted.of_mixture(&self.scored[0].stats.hash),
                best,
                against_best: differences.remove(compared.len() - 1),
            }),
            _ => None,
        };
        let pairs = compared.into_iter().zip(differences);
        Comparison {
            measure,
            models: rows,
            pairs: pairs
                .map(|((a, b), difference)| Pair { a, b, difference })
                .collect(),
            mixture,
            units,
            no_intervals_because,
            level: LEVEL,
            resamples: self.options.resamples,
            seed: self.options.seed,
            charge_oov_bits: self.options.charge_oov_bits,
            threads: self.threads,
            notes,
        }
    }

    fn measure(&self) -> Measure {
        match self.words {
            None => Measure::Token,
            Some(_) => Measure::Word,
        }
    }

    /// Position of a model: its group, and its index in it. The mixture comes after the members of the only group, or of all models
    /// together.
    fn place(&self, column: usize) -> (usize, usize) {
        let place = |(g, group): (usize, &Group)| {
            let member = group.members.iter().position(|&m| m == column)?;
            Some((g, member))
        };
        let mut places = self.groups.iter().enumerate().filter_map(place);
        places.next().unwrap_or((self.scored.len() - 1, column))
    }

    /// All figures without intervals.
    fn rows(&self) -> Vec<Entry> {
        let mut rows: Vec<Entry> = (0..self.models.len()).map(|m| self.row(m)).collect();
        if let Some(fitted) = &self.fitted {
            rows.push(self.mixture_row(fitted, &rows));
        }
        rows
    }

    fn row(&self, model: usize) -> Entry {
        let named = &self.models[model];
        let (group, member) = self.place(model);
        let scored = &self.scored[group];
        let evaluation = Evaluation::new(
            named.vocab(),
            named.model.id(),
            &scored.sums[member],
            scored.found(),
            scored.seconds[member],
        );
        let evaluation = Evaluation {
            layout: named.model.layout(),
            ..evaluation
        };
        let (evaluation, spelling_nats) = self.charged(evaluation, scored);
        let parameters = named.model.parameters();
        Entry {
            name: named.name.clone(),
            architecture: named.model.architecture(),
            evaluation,
            spelling_nats,
            interval: None,
            parameters,
            disk_bytes: named.disk_bytes,
            bytes_per_parameter: ratio(named.disk_bytes, parameters),
            load_ms: 1e3 * named.load_seconds,
        }
    }

    /// A mixture costs what its models cost together, and a weight for each.
    fn mixture_row(&self, fitted: &Fitted, models: &[Entry]) -> Entry {
        let mut id = blake3::Hasher::new();
        id.update(b"linear mixture");
        for (model, weight) in models.iter().zip(&fitted.fit.weights) {
            id.update(model.evaluation.model_id.as_bytes());
            id.update(&weight.to_le_bytes());
        }
        let (group, member) = self.place(models.len());
        let scored = &self.scored[group];
        let evaluation = Evaluation::new(
            self.together.unwrap_or(&self.groups[0]).vocab(),
            &id.finalize().to_hex(),
            &scored.sums[member],
            scored.found(),
            scored.seconds.iter().sum(),
        );
        let (evaluation, spelling_nats) = self.charged(evaluation, scored);
        let sum = |of: fn(&Entry) -> u64| models.iter().map(of).sum::<u64>();
        let parameters = sum(|model| model.parameters) + models.len() as u64;
        let disk_bytes = sum(|model| model.disk_bytes);
        Entry {
            name: "mixture".into(),
            architecture: "linear mixture".into(),
            evaluation,
            spelling_nats,
            interval: None,
            parameters,
            disk_bytes,
            bytes_per_parameter: ratio(disk_bytes, parameters),
            load_ms: models.iter().map(|model| model.load_ms).sum(),
        }
    }

    /// Adds the charge for unpredicted characters, if any, to the figures per word, character and byte.
    fn charged(&self, mut e: Evaluation, scored: &Scored) -> (Evaluation, Option<f64>) {
        if self.options.charge_oov_bits.is_none() {
            return (e, None);
        }
        let nats = e.total_nats + scored.spelling_nats;
        e.perplexity_per_word = (nats / (e.fields + e.line_ends) as f64).exp();
        e.bits_per_char = Some(nats / LN_2 / e.chars as f64);
        e.bits_per_byte = Some(nats / LN_2 / e.bytes as f64);
        e.no_bits_because = None;
        (e, Some(scored.spelling_nats))
    }

    fn difference(&self, a: &Entry, b: &Entry) -> Difference {
        let measure = self.measure();
        Difference {
            difference_nats: a.loss_per(measure) - b.loss_per(measure),
            difference_interval: None,
            p_value: None,
        }
    }

    /// The tests over lines, or over blocks of tokens; `None` if there are too few.
    fn tests(&self) -> Option<PairwiseTests<'_>> {
        let columns = self.models.len() + usize::from(self.fitted.is_some());
        let columns_of = |units: fn(&Scored) -> &Units| -> Vec<&[f64]> {
            let places = (0..columns).map(|column| self.place(column));
            places
                .map(|(group, member)| &units(&self.scored[group]).columns()[member][..])
                .collect()
        };
        let lines = &self.scored[0].lines;
        if self.words.is_none() && lines.len() < FEWEST_LINES {
            // Only models of one vocabulary have tokens in common.
            let blocks = &self.scored[0].blocks;
            return PairwiseTests::new(UnitOf::Tokens, blocks, columns_of(|scored| &scored.blocks));
        }
        let counted = self.words.as_ref().unwrap_or(lines);
        let cut = |scored: &Scored| scored.lines.are_those_of(counted);
        assert!(self.scored.iter().all(cut), "two passes saw other lines");
        PairwiseTests::new(UnitOf::Lines, counted, columns_of(|scored| &scored.lines))
    }
}

impl Fitted {
    fn of_mixture(self, text_hash: &str) -> MixtureFit {
        MixtureFit {
            optimistic: self.text_hash == text_hash,
            weights: self.fit.weights,
            fit_perplexity: self.fit.loss_nats.exp(),
            fit_tokens: self.tokens,
            fit_text_hash: self.text_hash,
            fit_rounds: self.fit.rounds,
            fit_converged: self.fit.converged,
        }
    }
}

fn ratio(bytes: u64, parameters: u64) -> Option<f64> {
    (parameters > 0).then(|| bytes as f64 / parameters as f64)
}

/// Formats a number of things: `1 line`, `2 lines`.
pub(super) fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
