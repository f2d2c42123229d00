//! The work of `elman rescore`: one utterance after the other is read, scored, ordered and written.

use super::results::{Report, show_rates, show_tuned};
use super::rows::Rows;
use super::{Output, RescoreArgs, Shape, is_stdin, list_file, write_file};
use crate::output::{count, grouped, say, usage};
use crate::outputs::{Making, refuse_existing, refuse_inputs};
use crate::progress::{Ticker, spinner};
use anyhow::Result;
use elman::Model;
use elman::measure::rescore::{
    DevList, ErrorSums, Features, ListFile, ListOptions, NbestFormat, NbestLists, References,
    RescoreError, ScoreFile, Scorer, TuneOptions, Tuned, Utterance, Weights, WordErrors, tune,
};
use elman::store::disk;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Hypotheses that are collected before they are scored together: enough for large batches where lists are short.
const TOGETHER: usize = 512;

/// What is read beside the lists.
pub struct Beside {
    pub references: Option<References>,
    /// The list's scores, in place of those in the lists.
    pub scores: Option<ScoreFile>,
    /// The list's language-model scores, in place of those in the lists.
    pub lm_scores: Option<ScoreFile>,
}

/// Everything that the utterances of one command share.
pub struct Job<'a> {
    args: &'a RescoreArgs,
    shape: Shape,
    weights: Weights,
    scorer: Scorer<'a>,
    beside: Beside,
    /// Word errors of the utterances so far, if there are references.
    sums: ErrorSums,
    /// The development set, if weights are tuned.
    dev: Vec<DevList>,
    /// Number of files.
    files: usize,
    /// Utterances that are not scored yet, and the number of their hypotheses.
    waiting: (Vec<Utterance>, usize),
    /// Number of utterances that are scored.
    utterances: usize,
    /// Number of utterances with more than one hypothesis.
    several: usize,
    /// Number of unknown tokens.
    unknown: f64,
    format: Option<NbestFormat>,
    rows: Rows,
    /// Output, once the first utterance has been read.
    out: Option<Output>,
    ticker: Ticker,
}

impl<'a> Job<'a> {
    pub fn new(
        args: &'a RescoreArgs,
        model: &'a Model,
        weights: Weights,
        beside: Beside,
        files: usize,
    ) -> Job<'a> {
        let shape = args.shape();
        let prints = args.output.is_none() && shape != Shape::Wer && !args.tune;
        Job {
            shape,
            weights,
            scorer: Scorer::new(model, args.scoring()),
            rows: Rows::new(shape, beside.references.is_some()),
            beside,
            sums: ErrorSums::default(),
            dev: Vec::new(),
            files,
            waiting: (Vec::new(), 0),
            utterances: 0,
            several: 0,
            unknown: 0.0,
            format: None,
            out: None,
            ticker: Ticker::new(args.quiet, prints),
            args,
        }
    }

    /// Reads all lists and writes what is to be written for each utterance. Returns notes about the texts.
    pub fn read_all(&mut self, files: &[PathBuf], options: ListOptions) -> Result<Vec<String>> {
        let (mut lists, mut notes) = (NbestLists::new(options), Vec::new());
        for path in files {
            let mut begun = false;
            let stats = lists.read(list_file(path)?, &mut |utterance| {
                if !std::mem::replace(&mut begun, true) {
                    self.begin_file(path, files, utterance.format)?;
                }
                self.utterance(utterance)
            })?;
            notes.extend(stats.notes);
        }
        self.score()?;
        let format = self.format.map_or("", NbestFormat::name);
        if self.several == 0 {
            notes.push(format!(
                "every utterance has one hypothesis, so there is no order to choose: if that is wrong, name the format of the lists with --input-format (it is taken to be {format})"
            ));
        }
        Ok(notes)
    }

    /// Whether each list has an output file of its own, in the directory of -o.
    fn is_file_per_list(&self, format: NbestFormat) -> bool {
        let lists = self.shape == Shape::List && !self.args.tune;
        let into_directory = self.args.output.as_ref().is_some_and(|path| path.is_dir());
        lists && format.is_file_per_utterance() && (self.files > 1 || into_directory)
    }

    /// Opens the output that the utterances of the next file go to.
    fn begin_file(&mut self, path: &Path, files: &[PathBuf], format: NbestFormat) -> Result<()> {
        let first = self.format.is_none();
        self.format = Some(format);
        if self.args.tune {
            return Ok(());
        }
        if first && self.args.write_scores && !format.has_scores() {
            return Err(usage(RescoreError::NoPlaceForScores { format }.to_string()));
        }
        let output = self.args.output.as_deref();
        if !self.is_file_per_list(format) {
            if first {
                if let Some(output) = output {
                    refuse_existing(output, Making::File, self.args.force)?;
                }
                self.out = Some(Output::open(output)?);
            }
            return Ok(());
        }
        let Some(directory) = output else {
            return Err(usage(format!(
                "each list of format {format} is a file of its own: name a directory with -o, or print --format best"
            )));
        };
        // The list of standard input has an id and no file name.
        let target = |path: &Path| Ok::<_, anyhow::Error>(directory.join(list_name(path)?));
        if first {
            disk::create_dir_all(directory)?;
            for path in files {
                let target = target(path)?;
                refuse_inputs(&target, files.iter().chain(self.args.beside()))?;
                refuse_existing(&target, Making::File, self.args.force)?;
                if self.args.report.as_ref() == Some(&target) {
                    let shown = target.display();
                    return Err(usage(format!(
                        "a list and --report would be one file, {shown}: give another name for the report"
                    )));
                }
            }
        }
        // Those of the file before.
        self.score()?;
        if let Some(done) = self.out.take() {
            done.commit()?;
        }
        self.out = Some(Output::open(Some(&target(path)?))?);
        Ok(())
    }

    /// Takes an utterance, which is scored now or together with the next ones.
    fn utterance(&mut self, mut utterance: Utterance) -> Result<()> {
        for hypothesis in &mut utterance.hypotheses {
            if let Some(scores) = &mut self.beside.scores {
                hypothesis.score = scores.next(hypothesis)?;
            }
            if let Some(scores) = &mut self.beside.lm_scores {
                hypothesis.lm_score = scores.next(hypothesis)?;
            }
        }
        let (waiting, hypotheses) = &mut self.waiting;
        *hypotheses += utterance.hypotheses.len();
        waiting.push(utterance);
        match *hypotheses >= TOGETHER {
            true => self.score(),
            false => Ok(()),
        }
    }

    /// Scores the utterances that wait, and writes what is to be written for them.
    fn score(&mut self) -> Result<()> {
        let (waiting, _) = std::mem::take(&mut self.waiting);
        let features = self.scorer.features_of_all(&waiting)?;
        let mut scored = waiting.iter().zip(&features);
        scored.try_for_each(|(utterance, features)| self.scored(utterance, features))
    }

    fn scored(&mut self, utterance: &Utterance, features: &[Features]) -> Result<()> {
        self.unknown += features.iter().map(|features| features[4]).sum::<f64>();
        let order = self.weights.order(features);
        let errors = match &mut self.beside.references {
            None => None,
            Some(references) => {
                let reference = references.next(&utterance.id)?;
                let hypotheses = utterance.hypotheses.iter();
                let errors = hypotheses.map(|h| WordErrors::between(&reference, &h.text));
                Some(errors.collect::<Vec<_>>())
            }
        };
        if let Some(errors) = &errors {
            self.sums.add(errors, order[0]);
            if self.args.tune {
                self.dev.push(DevList::new(features, errors));
            }
        }
        if let Some(out) = &mut self.out {
            let weights = self.weights;
            match self.shape {
                Shape::List if self.args.write_scores => {
                    self.rows.rewritten(utterance, features, weights, out)?;
                }
                Shape::List => out.write_all(utterance.lines(order).as_bytes())?,
                _ => {
                    let errors = errors.as_deref();
                    self.rows.write(utterance, features, errors, weights, out)?;
                }
            }
        }
        self.utterances += 1;
        self.several += usize::from(features.len() > 1);
        let (utterances, counts) = (self.utterances, self.scorer.counts());
        self.ticker.show(|| {
            let utterances = count(utterances, "utterance");
            let hypotheses = count(counts.sequences as usize, "hypothesis");
            format!("{utterances}, {hypotheses}")
        });
        Ok(())
    }

    /// Writes what is known after the last utterance: weights, word error rates and counts.
    pub fn finish(mut self) -> Result<()> {
        self.ticker.finish();
        if let Some(references) = &self.beside.references {
            references.finish()?;
        }
        for scores in [&self.beside.scores, &self.beside.lm_scores] {
            scores.as_ref().map_or(Ok(()), ScoreFile::finish)?;
        }
        let tuned = match self.args.tune {
            true => Some(self.tune()?),
            false => None,
        };
        let rates = match &self.beside.references {
            Some(_) => Some(self.sums.rates(self.args.resamples, self.args.seed)?),
            None => None,
        };
        let mut shown = tuned.map_or(String::new(), |tuned| show_tuned(&tuned));
        if let Some(rates) = &rates {
            shown += &show_rates(rates);
        }
        let counts = self.scorer.counts();
        if !self.args.quiet {
            say(format_args!(
                "{}, {}, {}, {} of them unknown; {}, {}",
                count(self.utterances, "utterance"),
                count(counts.sequences as usize, "hypothesis"),
                count(counts.tokens as usize, "token"),
                grouped(self.unknown as u64),
                count(counts.prefixes as usize, "distinct prefix"),
                count(counts.network_steps as usize, "network step"),
            ));
        }
        if let Some(path) = &self.args.report {
            let report = Report {
                format: self.format.map(NbestFormat::name),
                utterances: self.utterances,
                counts,
                unknown: self.unknown as u64,
                weights: self.weights,
                tuned: tuned.map(|tuned| tuned.searches),
                error_rates: rates,
            };
            write_file(path, &report.to_json()?)?;
        }
        if self.args.tune {
            if let Some(path) = &self.args.output {
                write_file(path, &(serde_json::to_string_pretty(&self.weights)? + "\n"))?;
            }
            let mut out = Output::open(None)?;
            out.write_all(shown.as_bytes())?;
            out.commit()?;
        } else if let Some(mut out) = self.out.take() {
            if self.shape == Shape::Wer {
                out.write_all(shown.as_bytes())?;
            } else if !(shown.is_empty() || self.args.quiet) {
                say(shown.trim_end());
            }
            out.commit()?;
        }
        Ok(())
    }

    /// Finds the weights, and sums up the word errors that they make.
    fn tune(&mut self) -> Result<Tuned> {
        let options = TuneOptions {
            start: self.weights,
            restarts: self.args.restarts,
            seed: self.args.seed,
        };
        let bar = spinner(self.args.quiet);
        let tuned = tune(&self.dev, &options, &mut |done| {
            bar.set_message(format!("tuning: start {done} of {}", options.restarts + 1));
            bar.tick();
        });
        bar.finish_and_clear();
        let tuned = tuned?;
        self.weights = tuned.weights;
        for (utterance, list) in self.dev.iter().enumerate() {
            self.sums.choose(utterance, list.errors_at(tuned.weights));
        }
        Ok(tuned)
    }
}

/// Name of the output file of a list, which is not compressed.
fn list_name(path: &Path) -> Result<String> {
    Ok(match is_stdin(path) {
        true => list_file(path)?.id,
        false => ListFile::plain_name(path),
    })
}
