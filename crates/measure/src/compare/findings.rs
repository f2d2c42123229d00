//! From scores to results: figures, intervals, differences, the mixture.

use super::bootstrap::{Interval, LEVEL, percentiles, randomisation, resampled};
use super::mixture::Fit;
use super::named::NamedModel;
use super::result::{
    Comparison, Difference, Entry, Measure, Mixture, MixtureFit, Pair, Unit, UnitOf,
};
use super::scores::{Group, Scored};
use super::units::Units;
use super::{Options, Progress, Stage, few_tokens};
use elman_infer::{Evaluation, lost_note};
use std::f64::consts::LN_2;

/// Smallest number of lines; with fewer, blocks of tokens are resampled instead.
const FEWEST_LINES: usize = 30;
/// Smallest number of units; with fewer there are no intervals.
const FEWEST_UNITS: usize = 10;

/// All scores of a comparison. Columns are the models in order, then the mixture if there is one.
pub(super) struct Findings<'a> {
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

/// Weights and the text that taught them.
pub(super) struct Fitted {
    pub fit: Fit,
    pub tokens: u64,
    pub text_hash: String,
}

impl Findings<'_> {
    pub fn conclude(self, progress: &mut dyn FnMut(Progress)) -> Comparison {
        let (measure, models) = (self.measure(), self.models.len());
        let mut rows = self.rows();
        let perplexity = |&m: &usize| rows[m].perplexity_per(measure);
        let best = (0..models).min_by(|a, b| perplexity(a).total_cmp(&perplexity(b)));
        let best = best.unwrap_or(0);
        let mut duels: Vec<(usize, usize)> = (0..models)
            .flat_map(|a| (a + 1..models).map(move |b| (a, b)))
            .collect();
        duels.extend((rows.len() > models).then_some((models, best)));
        let mut differences: Vec<Difference> = duels
            .iter()
            .map(|&(a, b)| self.difference(&rows[a], &rows[b]))
            .collect();

        let evidence = self.evidence();
        if let Some(evidence) = &evidence {
            evidence.add_intervals(&mut rows, &duels, &mut differences, self.options, progress);
            evidence.add_p_values(&duels, &mut differences, self.options, progress);
        }
        let units = evidence.map(|evidence| evidence.unit);
        let notes = self.notes(&rows, units.as_ref());
        let no_intervals_because = units.is_none().then(|| {
            let lines = counted(self.scored[0].lines.len(), "line");
            format!(
                "intervals and tests draw lines, and the text has only {lines}: take a longer one"
            )
        });

        let mixture = match (self.fitted, rows.split_off(models).pop()) {
            (Some(fitted), Some(entry)) => Some(Mixture {
                entry,
                fit: fitted.of_mixture(&self.scored[0].stats.hash),
                best,
                against_best: differences.remove(duels.len() - 1),
            }),
            _ => None,
        };
        let pairs = duels.into_iter().zip(differences);
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

    /// The units to draw; `None` if there are too few.
    fn evidence(&self) -> Option<Evidence<'_>> {
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
            return Evidence::new(UnitOf::Tokens, blocks, columns_of(|scored| &scored.blocks));
        }
        let counted = self.words.as_ref().unwrap_or(lines);
        let cut = |scored: &Scored| scored.lines.are_those_of(counted);
        assert!(self.scored.iter().all(cut), "two passes saw other lines");
        Evidence::new(UnitOf::Lines, counted, columns_of(|scored| &scored.lines))
    }

    fn notes(&self, rows: &[Entry], units: Option<&Unit>) -> Vec<String> {
        let mut notes: Vec<String> = Vec::new();
        for named in self.models {
            let name = &named.name;
            notes.extend(
                named
                    .model
                    .notes()
                    .iter()
                    .map(|note| format!("{name}: {note}")),
            );
        }
        notes.extend(self.twice());
        for note in rows.iter().flat_map(|row| &row.evaluation.notes) {
            if !notes.contains(note) {
                notes.push(note.clone());
            }
        }
        if self.words.is_some() {
            notes.push("the vocabularies differ: compare per word and per character; perplexities per token are of different things".into());
        }
        if let Some(together) = self.together {
            notes.push(format!(
                "the mixture is over the union of the vocabularies ({} entries): a model gives probability 0 to a token that it lacks",
                together.vocab().len()
            ));
        }
        let all_groups = self.groups.iter().chain(self.together);
        let other_spaces = all_groups.zip(&self.scored);
        notes.extend(other_spaces.filter_map(|(group, scored)| group.other_spaces(&scored.stats)));
        let stats = &self.scored[0].stats;
        if let Some(bits) = self.options.charge_oov_bits {
            notes.push(format!(
                "every character of an unknown token, and every one that decoding does not restore, is charged with {bits} bits ({:.3} nats), in the figures per word and per character",
                bits * LN_2
            ));
        } else if stats.oov > 0 {
            notes.push(format!(
                "{} of {} tokens are outside the vocabulary, which all models share: they are read and predicted as <unk>",
                stats.oov, stats.tokens
            ));
        }
        let lost = lost_note(
            self.scored[0].lost.chars,
            stats.chars,
            self.groups[0].vocab(),
        );
        if let (Some(lost), None) = (lost, self.options.charge_oov_bits) {
            notes.push(format!(
                "{lost}: no model predicts them, and all leave out the same ones"
            ));
        }
        if units.is_some_and(|units| units.of == UnitOf::Tokens) {
            notes.push(format!(
                "the text has only {}: intervals and tests draw blocks of tokens, which understates the uncertainty",
                counted(self.scored[0].lines.len(), "line")
            ));
        }
        if let Some(fitted) = &self.fitted {
            if fitted.text_hash == stats.hash {
                notes.push("the mixture's weights were fitted on the text that it is evaluated on: its figures are optimistic".into());
            }
            notes.extend(few_tokens(fitted.tokens));
            if !fitted.fit.converged {
                notes.push(format!(
                    "the mixture's weights were still improving after {} rounds",
                    fitted.fit.rounds
                ));
            }
        }
        notes
    }
}

impl Findings<'_> {
    /// Notes about models that were given twice.
    fn twice(&self) -> Vec<String> {
        let ids: Vec<&str> = self.models.iter().map(|named| named.model.id()).collect();
        let mut notes = Vec::new();
        for (b, id) in ids.iter().enumerate() {
            let Some(a) = ids[..b].iter().position(|other| other == id) else {
                continue;
            };
            let [a, b] = [a, b].map(|m| &self.models[m].name);
            let which = match a == b {
                true => format!("{a} is given twice"),
                false => format!("{a} and {b} are the same model"),
            };
            notes.push(match self.fitted.is_some() {
                true => format!("{which}: a mixture gains nothing from it, and any division of its weight is the same"),
                false => format!("{which}: the two cannot differ"),
            });
        }
        notes
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

/// Units with the losses of all columns in them.
struct Evidence<'a> {
    unit: Unit,
    counts: &'a [f64],
    columns: Vec<&'a [f64]>,
}

impl<'a> Evidence<'a> {
    fn new(of: UnitOf, units: &'a Units, columns: Vec<&'a [f64]>) -> Option<Evidence<'a>> {
        (units.len() >= FEWEST_UNITS).then(|| Evidence {
            unit: Unit {
                of,
                each: units.each(),
                count: units.len(),
            },
            counts: units.counts(),
            columns,
        })
    }

    /// An impossible token leaves nothing to be uncertain about.
    fn is_finite(&self, column: usize) -> bool {
        self.columns[column].iter().all(|nats| nats.is_finite())
    }

    fn add_intervals(
        &self,
        rows: &mut [Entry],
        duels: &[(usize, usize)],
        differences: &mut [Difference],
        options: &Options,
        progress: &mut dyn FnMut(Progress),
    ) {
        let mut told = |done| progress(drawn(Stage::Resampling, done, options));
        let losses = resampled(
            self.counts,
            &self.columns,
            options.resamples,
            options.seed,
            &mut told,
        );
        for (column, row) in rows.iter_mut().enumerate() {
            row.interval = self.is_finite(column).then(|| {
                let Interval { low, high } = percentiles(losses[column].clone());
                Interval {
                    low: low.exp(),
                    high: high.exp(),
                }
            });
        }
        for (&(a, b), difference) in duels.iter().zip(differences) {
            let both = self.is_finite(a) && self.is_finite(b);
            difference.difference_interval = both.then(|| {
                let pairs = losses[a].iter().zip(&losses[b]);
                percentiles(pairs.map(|(a, b)| a - b).collect())
            });
        }
    }

    fn add_p_values(
        &self,
        duels: &[(usize, usize)],
        differences: &mut [Difference],
        options: &Options,
        progress: &mut dyn FnMut(Progress),
    ) {
        let finite = |&i: &usize| self.is_finite(duels[i].0) && self.is_finite(duels[i].1);
        let judged: Vec<usize> = (0..duels.len()).filter(finite).collect();
        let by_unit = |&i: &usize| {
            let (a, b) = (self.columns[duels[i].0], self.columns[duels[i].1]);
            a.iter().zip(b).map(|(a, b)| a - b).collect()
        };
        let by_unit: Vec<Vec<f64>> = judged.iter().map(by_unit).collect();
        let mut told = |done| progress(drawn(Stage::Testing, done, options));
        let p_values = randomisation(&by_unit, options.resamples, options.seed, &mut told);
        for (i, p_value) in judged.into_iter().zip(p_values) {
            differences[i].p_value = Some(p_value);
        }
    }
}

fn drawn(stage: Stage, done: usize, options: &Options) -> Progress {
    Progress {
        stage,
        done: done as u64,
        total: Some(options.resamples as u64),
    }
}

fn ratio(bytes: u64, parameters: u64) -> Option<f64> {
    (parameters > 0).then(|| bytes as f64 / parameters as f64)
}

/// `1 line`, `2 lines`.
fn counted(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}
