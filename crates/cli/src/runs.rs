//! Runs beside each other: a row of figures for each, and the choices in which they differ.

mod table;

use crate::grid::Grid;
use elman::infer::OwnText;
use elman::train::config::table::find;
use elman::train::status::{RunSnapshot, RunStatus};
use elman::train::{Best, Inputs};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
pub use table::{table, text};

/// One run.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub run: PathBuf,
    pub state: RunStatus,
    /// Such as `lstm 1×256`; nothing where the vocabulary is unknown.
    pub architecture: Option<String>,
    pub parameters: Option<usize>,
    pub step: u64,
    pub total_steps: u64,
    /// Epochs done, as a fraction.
    pub epoch: f64,
    /// Perplexity of the best validation, estimated on parallel slices.
    pub valid_loss_nats: Option<f64>,
    pub valid_perplexity: Option<f64>,
    pub best_step: Option<u64>,
    /// Of training, over all resumes.
    pub seconds: f64,
    pub tokens_per_s: Option<f64>,
    #[serde(flatten)]
    pub predicted: Predicted,
    pub choices: BTreeMap<String, String>,
    pub elman: String,
}

/// What the perplexity of a run is about: runs can be compared by it where this is the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Predicted {
    pub vocabulary: Option<String>,
    pub valid_text: Option<String>,
    /// The token after which the predicted answer of a line begins; `None`: all tokens are predicted.
    pub loss_after: Option<String>,
}

impl Row {
    pub fn new(snapshot: &RunSnapshot) -> Row {
        let best: Option<Best> = snapshot.best();
        let loss_nats = best.map(|best| best.loss_nats);
        let record = snapshot.record();
        let mut choices: BTreeMap<_, _> = snapshot
            .config()
            .unwatched()
            .choices()
            .into_iter()
            .collect();
        let files = files(&record.inputs).into_iter();
        choices.extend(files.map(|(name, paths)| (name.to_owned(), paths)));
        Row {
            run: snapshot.path().to_path_buf(),
            state: snapshot.status(),
            architecture: snapshot.architecture(),
            parameters: snapshot.parameters(),
            step: snapshot.step(),
            total_steps: snapshot.total_steps(),
            epoch: snapshot.training().last().map_or(0.0, |line| line.epoch),
            valid_loss_nats: loss_nats,
            valid_perplexity: loss_nats.map(f64::exp),
            best_step: best.map(|best| best.step),
            seconds: snapshot.seconds(),
            tokens_per_s: snapshot.tokens_per_s(),
            predicted: Predicted {
                vocabulary: snapshot.train_file().map(|file| file.vocab_hash.clone()),
                valid_text: snapshot.valid_file().map(|file| file.hash.clone()),
                loss_after: snapshot.config().loss_after.clone(),
            },
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

/// The names of the choices in which the runs differ. A run without an option, such as the momentum of another optimizer, does not
/// differ in it from those that leave it at its default.
pub fn differing(rows: &[Row]) -> BTreeSet<&str> {
    let all = rows.iter().flat_map(|row| row.choices.keys());
    let differs = |name: &&str| {
        let default = find(name).ok().map(|option| option.default.to_string());
        let value = |row: &Row| row.choices.get(*name).cloned().or(default.clone());
        let mut values = rows.iter().map(value);
        let first = values.next();
        values.any(|value| Some(value) != first)
    };
    all.map(String::as_str).filter(differs).collect()
}

/// What to know before comparing the runs by their perplexities; `None`: all that have one predict the same tokens of the same text.
pub fn incomparable(rows: &[Row]) -> Option<String> {
    let validated = rows.iter().filter(|row| row.valid_loss_nats.is_some());
    let predicted: Vec<&Predicted> = validated.map(|row| &row.predicted).collect();
    let (first, others) = predicted.split_first()?;
    let differ = |part: fn(&Predicted) -> &Option<String>| {
        others.iter().any(|other| part(other) != part(first))
    };
    let mut names = Vec::new();
    names.extend(differ(|p| &p.vocabulary).then_some("vocabularies"));
    names.extend(differ(|p| &p.valid_text).then_some("validation texts"));
    names.extend(differ(|p| &p.loss_after).then_some("choices of --loss-after"));
    (!names.is_empty()).then(|| {
        format!(
            "these runs have different {}: a lower perplexity makes one of them better only among those that have the same (elman compare compares models of different vocabularies)",
            names.join(" and ")
        )
    })
}

/// Columns that depend on the machine and the moment.
const TIMES: [&str; 2] = ["seconds", "tokens_per_s"];

/// All figures with all digits, and a column for each choice in which the runs differ.
pub fn sheet(rows: &[Row]) -> Grid {
    sheet_with(rows, None)
}

/// Makes the sheet; with a `directory` it lacks the times, and runs have the names that they have there.
fn sheet_with(rows: &[Row], directory: Option<&Path>) -> Grid {
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
    if directory.is_some() {
        header.retain(|name| !TIMES.contains(name));
    }
    header.extend(&differing);
    let mut grid = Grid::new(3, &header);
    fn cell<T: ToString>(value: &Option<T>) -> String {
        value.as_ref().map_or(String::new(), ToString::to_string)
    }
    for row in rows {
        let within = directory.and_then(|directory| row.run.strip_prefix(directory).ok());
        let place = within.unwrap_or(&row.run);
        let mut cells = vec![
            place.display().to_string(),
            row.state.name().to_owned(),
            cell(&row.architecture),
            cell(&row.parameters),
            row.step.to_string(),
            row.total_steps.to_string(),
            row.epoch.to_string(),
            cell(&row.valid_loss_nats),
            cell(&row.valid_perplexity),
            cell(&row.best_step),
        ];
        if directory.is_none() {
            cells.extend([row.seconds.to_string(), cell(&row.tokens_per_s)]);
        }
        cells.extend([
            cell(&row.predicted.vocabulary),
            cell(&row.predicted.valid_text),
        ]);
        cells.extend(differing.iter().map(|name| cell(&row.choices.get(*name))));
        grid.row(cells);
    }
    grid
}

/// What the choices and texts of the runs in `directory` decide, with all digits: the same wherever and whenever they were trained.
pub fn results(rows: &[Row], directory: &Path) -> Grid {
    sheet_with(rows, Some(directory))
}

/// Sorts by the best validation, the best first and runs without one last. Runs that can be compared by it stay together, in the
/// order of the first run of each kind.
pub fn sort_by_perplexity(rows: &mut [Row]) {
    let mut kinds: Vec<Predicted> = Vec::new();
    for row in rows.iter().filter(|row| row.valid_loss_nats.is_some()) {
        if !kinds.contains(&row.predicted) {
            kinds.push(row.predicted.clone());
        }
    }
    let key = |row: &Row| {
        let kind = kinds.iter().position(|kind| *kind == row.predicted);
        let loss = row.valid_loss_nats.unwrap_or(f64::INFINITY);
        (row.valid_loss_nats.and(kind).unwrap_or(kinds.len()), loss)
    };
    rows.sort_by(|a, b| {
        let ((kind_a, loss_a), (kind_b, loss_b)) = (key(a), key(b));
        kind_a.cmp(&kind_b).then(loss_a.total_cmp(&loss_b))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn row(run: &str, vocabulary: &str, loss: Option<f64>) -> Row {
        Row {
            run: run.into(),
            state: RunStatus::Finished,
            architecture: None,
            parameters: None,
            step: 1,
            total_steps: 1,
            epoch: 1.0,
            valid_loss_nats: loss,
            valid_perplexity: loss.map(f64::exp),
            best_step: None,
            seconds: 1.0,
            tokens_per_s: None,
            predicted: Predicted {
                vocabulary: Some(vocabulary.into()),
                valid_text: Some("text".into()),
                loss_after: None,
            },
            choices: BTreeMap::new(),
            elman: "1".into(),
        }
    }

    fn order(rows: &mut [Row]) -> String {
        sort_by_perplexity(rows);
        let names = rows.iter().map(|row| row.run.display().to_string());
        names.collect()
    }

    #[test]
    fn runs_are_ranked_among_those_that_predict_the_same() {
        let words = |run, loss| row(run, "words", loss);
        let mut alike = [
            words("a", None),
            words("b", Some(5.0)),
            words("c", Some(4.0)),
        ];
        assert_eq!(incomparable(&alike), None);
        assert_eq!(order(&mut alike), "cba");

        let chars = |run, loss| row(run, "chars", loss);
        let mut mixed = [
            words("a", Some(5.0)),
            chars("b", Some(1.5)),
            words("c", Some(4.0)),
            chars("d", Some(1.0)),
            chars("e", None),
        ];
        let note = incomparable(&mixed).unwrap();
        assert!(note.contains("different vocabularies:"), "{note}");
        assert_eq!(order(&mut mixed), "cadbe");

        // A run without a validation is not ranked, so that it does not matter what it would predict.
        assert_eq!(
            incomparable(&[words("a", Some(1.0)), chars("b", None)]),
            None
        );
        let mut other = words("b", Some(1.0));
        other.predicted.valid_text = Some("another".into());
        other.predicted.loss_after = Some("=".into());
        let note = incomparable(&[words("a", Some(1.0)), other]).unwrap();
        assert!(
            note.contains("validation texts and choices of --loss-after"),
            "{note}"
        );
    }
}
