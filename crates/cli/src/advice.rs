//! The one mapping from errors of the library to what to do about them on the command line, and to exit codes.
//!
//! The library says what is wrong, in terms of its own. Which option helps is known here only.

use crate::options::as_flags;
use crate::output::in_one_line;
use elman::exchange::Unclear;
use elman::infer::{self, FileError, GenerateError, ModelError, NotAModel, OwnTextError};
use elman::measure::rescore::RescoreError;
use elman::measure::{self, CompareError, InspectError};
use elman::ngram::NgramError;
use elman::ngram::arpa::ArpaFlaw;
use elman::store::StoreError;
use elman::text::{OutOfRange, TextError};
use elman::train::{self, MemoryRemedy, RunError, TrainError};
use elman::{Error, exchange};
use elman_lab::LabError;
use std::path::Path;

/// An error of the library, one of its parts.
enum Part<'a> {
    Text(&'a TextError),
    Store(&'a StoreError),
    Ngram(&'a NgramError),
    Model(&'a infer::Error),
    Train(&'a train::Error),
    Exchange(&'a exchange::Error),
    Measure(&'a measure::Error),
    Lab(&'a LabError),
    Range,
}

impl<'a> Part<'a> {
    /// The part that an error or its causes belong to, if the library made it.
    fn of(error: &'a anyhow::Error) -> Option<Part<'a>> {
        error.chain().find_map(|cause| {
            let gathered = cause.downcast_ref().map(|error: &Error| match error {
                Error::Text(error) => Part::Text(error),
                Error::Store(error) => Part::Store(error),
                Error::Ngram(error) => Part::Ngram(error),
                Error::Model(error) => Part::model(error),
                Error::Train(error) => Part::train(error),
                Error::Exchange(error) => Part::exchange(error),
                Error::Measure(error) => Part::measure(error),
            });
            gathered
                .or_else(|| cause.downcast_ref().map(Part::Text))
                .or_else(|| cause.downcast_ref().map(Part::Store))
                .or_else(|| cause.downcast_ref().map(Part::ngram))
                .or_else(|| cause.downcast_ref().map(Part::model))
                .or_else(|| cause.downcast_ref().map(Part::train))
                .or_else(|| cause.downcast_ref().map(Part::exchange))
                .or_else(|| cause.downcast_ref().map(Part::measure))
                .or_else(|| cause.downcast_ref().map(Part::lab))
                .or_else(|| cause.is::<OutOfRange>().then_some(Part::Range))
        })
    }

    fn ngram(error: &'a NgramError) -> Part<'a> {
        match error {
            NgramError::Text(error) => Part::Text(error),
            NgramError::Store(error) => Part::Store(error),
            other => Part::Ngram(other),
        }
    }

    fn model(error: &'a infer::Error) -> Part<'a> {
        match error {
            infer::Error::Text(error) => Part::Text(error),
            infer::Error::Store(error) => Part::Store(error),
            infer::Error::Ngram(error) => Part::ngram(error),
            infer::Error::Range(_) => Part::Range,
            other => Part::Model(other),
        }
    }

    fn train(error: &'a train::Error) -> Part<'a> {
        match error {
            train::Error::Text(error) => Part::Text(error),
            train::Error::Store(error) => Part::Store(error),
            train::Error::Model(error) => Part::model(error),
            other => Part::Train(other),
        }
    }

    fn exchange(error: &'a exchange::Error) -> Part<'a> {
        match error {
            exchange::Error::Text(error) => Part::Text(error),
            exchange::Error::Store(error) => Part::Store(error),
            exchange::Error::Model(error) => Part::model(error),
            other => Part::Exchange(other),
        }
    }

    fn measure(error: &'a measure::Error) -> Part<'a> {
        match error {
            measure::Error::Text(error) => Part::Text(error),
            measure::Error::Store(error) => Part::Store(error),
            measure::Error::Ngram(error) => Part::ngram(error),
            measure::Error::Model(error) => Part::model(error),
            measure::Error::Train(error) => Part::train(error),
            measure::Error::Range(_) => Part::Range,
            other => Part::Measure(other),
        }
    }

    fn lab(error: &'a elman_lab::Error) -> Part<'a> {
        match error {
            elman_lab::Error::Lab(error) => Part::Lab(error),
            elman_lab::Error::Measure(error) => Part::measure(error),
        }
    }
}

/// Whether the choices on the command line are at fault, and neither files nor the machine: exit code 2.
pub fn is_choice(error: &anyhow::Error) -> bool {
    match Part::of(error) {
        Some(Part::Range | Part::Train(train::Error::Config(_))) => true,
        Some(Part::Model(error)) => match error {
            infer::Error::Constraint(_) => true,
            infer::Error::OwnText(error) => {
                matches!(error, OwnTextError::Share | OwnTextError::NoContinuation)
            }
            infer::Error::Generation(error) => !matches!(
                error,
                GenerateError::NotFinite | GenerateError::Impossible { .. }
            ),
            infer::Error::Model(error) => matches!(error, ModelError::CacheWindow { .. }),
            _ => false,
        },
        Some(Part::Ngram(error)) => {
            matches!(error, NgramError::Order { .. } | NgramError::Prune)
        }
        Some(Part::Measure(error)) => matches!(
            error,
            measure::Error::Compare(CompareError::Charge)
                | measure::Error::Inspect(
                    InspectError::NotDivisible { .. }
                        | InspectError::Seconds
                        | InspectError::WindowsTooLong { .. }
                )
        ),
        _ => false,
    }
}

/// Returns an error in one line, with options as the command line names them.
pub fn said(error: &anyhow::Error) -> String {
    let line = in_one_line(error);
    match Part::of(error) {
        Some(Part::Train(train::Error::Config(_))) => as_flags(&line),
        _ => line,
    }
}

/// Returns what to do about an error, where an option or another command helps.
pub fn advice(error: &anyhow::Error) -> Option<String> {
    match Part::of(error)? {
        Part::Text(error) => of_text(error).map(str::to_owned),
        Part::Store(error) => of_store(error).map(str::to_owned),
        Part::Ngram(error) => of_ngram(error).map(str::to_owned),
        Part::Model(error) => of_model(error),
        Part::Train(error) => of_train(error),
        Part::Exchange(error) => of_exchange(error),
        Part::Measure(error) => of_measure(error).map(str::to_owned),
        Part::Lab(LabError::Foreign(_)) => Some("choose another directory with -o".to_owned()),
        Part::Lab(_) => None,
        Part::Range => None,
    }
}

fn of_text(error: &TextError) -> Option<&'static str> {
    Some(match error {
        TextError::InvalidUtf8 { .. } => {
            "convert the file, or read it with --lossy (bad bytes become U+FFFD) or as --vocab bytes"
        }
        TextError::TooShort { .. } => "name a validation text with --valid",
        TextError::TooManyTokens { .. } => {
            "if these are not words, use --vocab chars or bytes, and otherwise give --vocab-file or more memory"
        }
        TextError::NothingLeft { .. } => "lower --min-count",
        TextError::KindMismatch { .. } => "name it with --tokenizer to use it as it is",
        TextError::TooManyLines { .. } => "train on fewer, or with --layout stream",
        TextError::NoTokenizer => "name the file with --tokenizer",
        TextError::BpeTooSmall { .. } => "ask for more, such as --vocab bpe:8000",
        _ => return None,
    })
}

fn of_store(error: &StoreError) -> Option<&'static str> {
    match error {
        StoreError::Scratch { .. } => Some("choose another directory with --scratch"),
        _ => None,
    }
}

fn of_ngram(error: &NgramError) -> Option<&'static str> {
    match error {
        NgramError::OrderForVocabulary { .. } => {
            Some("lower --order, or cut the vocabulary with --min-count or --max-vocab")
        }
        NgramError::ReservedName { .. } => Some("--skip-symbols leaves out <s> and </s>"),
        NgramError::Arpa {
            flaw: ArpaFlaw::AboveZero(_),
            ..
        } => Some("`elman ngram convert --clip-positive` reads such numbers as 0"),
        _ => None,
    }
}

fn of_model(error: &infer::Error) -> Option<String> {
    Some(match error {
        infer::Error::File(FileError::NotAModel { path, kind }) => match kind {
            NotAModel::Nothing => {
                "a model is made by `elman train` or `elman ngram train`".to_owned()
            }
            NotAModel::Unsaved => {
                format!("continue it with `elman train --resume {}`", path.display())
            }
            _ => return None,
        },
        infer::Error::OwnText(_) => {
            "--on-generated, --beginning and --continuation set these".to_owned()
        }
        _ => return None,
    })
}

fn of_train(error: &train::Error) -> Option<String> {
    const SLOWER: &str = "start again with a lower --lr or a lower --clip";
    let error = match error {
        train::Error::Run(error) => error,
        train::Error::Train(TrainError::Diverged { .. }) => return Some(SLOWER.to_owned()),
        _ => return None,
    };
    let shown = |path: &Path| path.display().to_string();
    Some(match error {
        RunError::Exists(path) => format!(
            "continue it with --resume {0}, replace it with --force, or choose another directory with -o",
            shown(path)
        ),
        RunError::Foreign { .. } => {
            "choose another directory with -o (--force replaces runs and nothing else)".to_owned()
        }
        RunError::Missing(path) if path.is_file() => {
            "it is a file, and a run is the directory that `elman train` makes".to_owned()
        }
        RunError::Missing(path) => {
            format!("start one with `elman train TEXT -o {}`", shown(path))
        }
        RunError::OtherInstructions { trained, .. } => format!(
            "resume it with --isa {trained} where the CPU has them, or start a new run from its model with --init-from"
        ),
        RunError::NoCheckpoint(path) => format!(
            "start the run again with `elman train TEXT --force -o {}`",
            shown(path)
        ),
        RunError::Changed { .. } => "`elman train --init-from` starts from a model".to_owned(),
        RunError::NothingMeasured => "give --epochs or --steps".to_owned(),
        RunError::OwnTextWithoutModel => "name one with --init-from".to_owned(),
        RunError::Memory { remedy, .. } => remedied(remedy),
        RunError::Diverged { .. } | RunError::Overflow { .. } => SLOWER.to_owned(),
        _ => return None,
    })
}

/// Writes as options what makes a run fit into memory.
fn remedied(remedy: &MemoryRemedy) -> String {
    let sets = match remedy {
        MemoryRemedy::SmallerVocabulary => {
            return "making or reading the vocabulary takes that much: give one with --vocab-file or --vocab-from, or a smaller one".to_owned();
        }
        MemoryRemedy::None => {
            return "the run keeps its choices, so continue it on a machine with more memory, or start another with smaller ones".to_owned();
        }
        MemoryRemedy::SmallerNetwork => {
            return "even the smallest windows of this network do not fit: choose a smaller --hidden, --embed or --max-vocab".to_owned();
        }
        MemoryRemedy::Options(sets) => sets,
    };
    let option = |(name, value): &(&str, usize)| match *name {
        // A switch, which takes no value.
        "recompute" => "--recompute".to_owned(),
        name => format!("--{name} {value}"),
    };
    let set = |set: &Vec<(&str, usize)>| set.iter().map(option).collect::<Vec<_>>().join(" ");
    let sets: Vec<String> = sets.iter().map(set).collect();
    match &sets[..] {
        [one] => format!("{one} would fit"),
        [others @ .., last] => format!("{} or {last} would fit", others.join(", ")),
        [] => String::new(),
    }
}

fn of_exchange(error: &exchange::Error) -> Option<String> {
    Some(match error {
        exchange::Error::Unclear { question, .. } => match question {
            Unclear::Activation(_) => "add --activation tanh (PyTorch's default), relu or sigmoid",
            Unclear::NotPlain(_) => "leave --activation out",
            Unclear::Tables(_) => "--embedding NAME or --output-layer NAME does",
        }
        .to_owned(),
        exchange::Error::NoEos { end } => format!("if that is the end, say --eos '{end}'"),
        _ => return None,
    })
}

fn of_measure(error: &measure::Error) -> Option<&'static str> {
    Some(match error {
        measure::Error::Compare(error) => match error {
            CompareError::CannotMix { .. } => "--vocab-from takes the vocabulary of a model",
            CompareError::NothingToFit | CompareError::TooMuchToFit { .. } => {
                "give another one with --dev"
            }
            CompareError::UnknownWords { .. } | CompareError::LostCharacters { .. } => {
                "--vocab-from takes the vocabulary of a model, and --charge-oov BITS charges each character"
            }
            _ => return None,
        },
        measure::Error::Inspect(error) => match error {
            InspectError::OtherVocabulary { .. } => "--vocab-from takes the vocabulary of a model",
            InspectError::Exploded => "compare over fewer with --full",
            _ => return None,
        },
        measure::Error::Rescore(error) => match error {
            RescoreError::Blank { .. } => "--skip-blank ignores blank lines",
            RescoreError::NoId { .. } => "--input-format mikolov takes any first field as an id",
            _ => return None,
        },
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    fn memory(remedy: MemoryRemedy) -> anyhow::Error {
        train::Error::from(RunError::Memory {
            needed_mib: 20,
            limit_mib: 10,
            is_budget: true,
            parts: vec!["weights 20".to_owned()],
            remedy,
        })
        .into()
    }

    #[test]
    fn an_error_is_found_however_it_is_wrapped() {
        let short = || TextError::TooShort { bytes: 3 };
        let bare = anyhow::Error::from(short());
        let model = anyhow::Error::from(infer::Error::from(short()));
        let run = anyhow::Error::from(train::Error::from(infer::Error::from(short())));
        let gathered = anyhow::Error::from(Error::from(measure::Error::from(short())));
        let context = Err::<(), _>(short()).context("a text").unwrap_err();
        for error in [bare, model, run, gathered, context] {
            let advice = advice(&error);
            assert_eq!(
                advice.as_deref(),
                Some("name a validation text with --valid")
            );
            assert!(!is_choice(&error));
        }
        assert_eq!(advice(&anyhow::anyhow!("of the command itself")), None);
    }

    #[test]
    fn what_fits_into_memory_is_said_as_options() {
        let both = vec![("recompute", 1), ("bptt", 20)];
        let remedy = MemoryRemedy::Options(vec![vec![("batch-size", 8)], both]);
        let said = advice(&memory(remedy));
        assert_eq!(
            said.as_deref(),
            Some("--batch-size 8 or --recompute --bptt 20 would fit")
        );
        let one = MemoryRemedy::Options(vec![vec![("hidden", 64), ("embed", 64)]]);
        let said = advice(&memory(one));
        assert_eq!(said.as_deref(), Some("--hidden 64 --embed 64 would fit"));
    }

    #[test]
    fn every_option_in_advice_is_one_of_a_command() {
        fn names(command: &clap::Command, all: &mut Vec<String>) {
            for arg in command.get_arguments() {
                let aliases = arg.get_all_aliases().unwrap_or_default();
                let names = arg.get_long().into_iter().chain(aliases);
                all.extend(names.map(str::to_owned));
            }
            command.get_subcommands().for_each(|sub| names(sub, all));
        }
        let mut all = Vec::new();
        let command = <crate::commands::Cli as clap::CommandFactory>::command();
        names(&command, &mut all);
        let code = include_str!("advice.rs");
        let (code, _) = code.split_once("#[cfg(test)]").unwrap();
        let mut seen = 0;
        for part in code.split("--").skip(1) {
            let end = part.find(|c: char| !(c.is_ascii_lowercase() || c == '-'));
            let name = &part[..end.unwrap_or(part.len())];
            // `--{name}` is made from an option's own name.
            if !name.is_empty() {
                assert!(all.iter().any(|known| known == name), "--{name}");
                seen += 1;
            }
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn choices_and_the_world_are_told_apart() {
        let range = OutOfRange::check("excerpts", 0, 1..=9).unwrap_err();
        assert!(is_choice(&range.into()));
        assert!(is_choice(
            &infer::Error::from(GenerateError::EmptyStop).into()
        ));
        assert!(!is_choice(
            &infer::Error::from(GenerateError::NotFinite).into()
        ));
        assert!(!is_choice(&memory(MemoryRemedy::None)));
    }
}
