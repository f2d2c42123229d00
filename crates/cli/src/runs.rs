//! Runs beside each other: a row of figures for each, and the choices in which they differ.

use crate::grid::Grid;
use crate::output::{duration, grouped, number};
use elman::infer::OwnText;
use elman::train::look::{Doing, Look};
use elman::train::{Best, Inputs};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub run: PathBuf,
    pub state: Doing,
    /// Such as `lstm 1×256`; nothing where the vocabulary is unknown.
    pub architecture: Option<String>,
    pub parameters: Option<usize>,
    pub step: u64,
    pub total_steps: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Of the best validation, read in lanes.
    pub valid_loss_nats: Option<f64>,
    pub valid_perplexity: Option<f64>,
    pub best_step: Option<u64>,
    /// Of training, over all resumes.
    pub seconds: f64,
    pub tokens_per_s: Option<f64>,
    /// Runs can be compared by perplexity where these two are the same.
    pub vocabulary: Option<String>,
    pub valid_text: Option<String>,
    pub choices: BTreeMap<String, String>,
    pub elman: String,
}

impl Row {
    pub fn new(look: &Look) -> Row {
        let best: Option<Best> = look.best();
        let loss_nats = best.map(|best| best.loss_nats);
        let record = look.record();
        let mut choices: BTreeMap<_, _> = look.config().unwatched().choices().into_iter().collect();
        let files = files(&record.inputs).into_iter();
        choices.extend(files.map(|(name, paths)| (name.to_owned(), paths)));
        Row {
            run: look.path().to_path_buf(),
            state: look.doing(),
            architecture: look.architecture(),
            parameters: look.parameters(),
            step: look.step(),
            total_steps: look.total_steps(),
            epoch: look.training().last().map_or(0.0, |line| line.epoch),
            valid_loss_nats: loss_nats,
            valid_perplexity: loss_nats.map(f64::exp),
            best_step: best.map(|best| best.step),
            seconds: look.seconds(),
            tokens_per_s: look.tokens_per_s(),
            vocabulary: look.train_file().map(|file| file.vocab_hash.clone()),
            valid_text: look.valid_file().map(|file| file.hash.clone()),
            choices,
            elman: record.elman.clone(),
        }
    }
}

/// The files that a run was made of, under the names of the options that give them.
pub fn files(inputs: &Inputs) -> BTreeMap<&'static str, String> {
    let Inputs {
        train,
        valid,
        vocab_file,
        tokenizer,
        vocab_from,
        init_from,
        own_text,
    } = inputs;
    let one = |path: &Option<PathBuf>| path.iter().cloned().collect::<Vec<_>>();
    let given = [
        ("text", train.clone()),
        ("valid", valid.clone().unwrap_or_default()),
        ("vocab-file", one(vocab_file)),
        ("tokenizer", one(tokenizer)),
        ("vocab-from", one(vocab_from)),
        ("init-from", one(init_from)),
    ];
    let some = given.into_iter().filter(|(_, paths)| !paths.is_empty());
    let shown = some.map(|(name, paths)| {
        let paths = paths.iter().map(|path| path.display().to_string());
        (name, paths.collect::<Vec<_>>().join(" "))
    });
    let own = own_text.map(|own| {
        let OwnText {
            share,
            beginning,
            continuation,
            temperature,
        } = own;
        let text =
            format!("{share}, {continuation} tokens after {beginning}, temperature {temperature}");
        ("on-generated", text)
    });
    shown.chain(own).collect()
}

/// The names of the choices in which the runs differ.
pub fn differing(rows: &[Row]) -> BTreeSet<&str> {
    let all = rows.iter().flat_map(|row| row.choices.keys());
    let differs = |name: &&str| {
        let mut values = rows.iter().map(|row| row.choices.get(*name));
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    all.map(String::as_str).filter(differs).collect()
}

/// Whether the perplexities that there are say which run is better: all of one vocabulary and one validation text.
pub fn comparable(rows: &[Row]) -> bool {
    let mut validated = rows.iter().filter(|row| row.valid_loss_nats.is_some());
    let what = |row: &Row| (row.vocabulary.clone(), row.valid_text.clone());
    let first = validated.next().map(what);
    validated.all(|row| Some(what(row)) == first)
}

/// A table for people, with the choices in which the runs differ.
pub fn table(rows: &[Row]) -> Grid {
    let mut grid = Grid::new(
        3,
        &[
            "run",
            "state",
            "network",
            "parameters",
            "steps",
            "perplexity",
            "time",
            "tokens/s",
            "differs in",
        ],
    );
    let differing = differing(rows);
    let missing = || "-".to_owned();
    for row in rows {
        let steps = match row.step == row.total_steps {
            true => grouped(row.step),
            false => format!("{} of {}", grouped(row.step), grouped(row.total_steps)),
        };
        let choices = row.choices.iter();
        let choices = choices.filter(|(name, _)| differing.contains(name.as_str()));
        let choices: Vec<String> = choices
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        grid.row(vec![
            row.run.display().to_string(),
            row.state.name().to_owned(),
            row.architecture.clone().unwrap_or_else(missing),
            row.parameters.map_or_else(missing, |n| grouped(n as u64)),
            steps,
            row.valid_perplexity.map_or_else(missing, number),
            duration(row.seconds),
            row.tokens_per_s
                .map_or_else(missing, |rate| grouped(rate.round() as u64)),
            choices.join(" "),
        ]);
    }
    grid
}

/// All figures with all digits, and a column for each choice in which the runs differ.
pub fn sheet(rows: &[Row]) -> Grid {
    let differing = differing(rows);
    let mut header = vec![
        "run",
        "state",
        "architecture",
        "parameters",
        "step",
        "total_steps",
        "epoch",
        "valid_loss_nats",
        "valid_perplexity",
        "best_step",
        "seconds",
        "tokens_per_s",
        "vocabulary",
        "valid_text",
    ];
    header.extend(&differing);
    let mut grid = Grid::new(3, &header);
    fn cell<T: ToString>(value: &Option<T>) -> String {
        value.as_ref().map_or(String::new(), ToString::to_string)
    }
    for row in rows {
        let mut cells = vec![
            row.run.display().to_string(),
            row.state.name().to_owned(),
            cell(&row.architecture),
            cell(&row.parameters),
            row.step.to_string(),
            row.total_steps.to_string(),
            row.epoch.to_string(),
            cell(&row.valid_loss_nats),
            cell(&row.valid_perplexity),
            cell(&row.best_step),
            row.seconds.to_string(),
            cell(&row.tokens_per_s),
            cell(&row.vocabulary),
            cell(&row.valid_text),
        ];
        cells.extend(differing.iter().map(|name| cell(&row.choices.get(*name))));
        grid.row(cells);
    }
    grid
}

/// Best validation first, runs without one last.
pub fn by_perplexity(a: &Row, b: &Row) -> std::cmp::Ordering {
    let loss = |row: &Row| row.valid_loss_nats.unwrap_or(f64::INFINITY);
    loss(a).total_cmp(&loss(b))
}
