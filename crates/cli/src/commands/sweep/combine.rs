//! From the options of `elman train` with several values each to command lines with one.
//!
//! The options are those of `elman train` themselves, so that help, completion and names cannot differ. Their values stay text
//! until a combination is read by `elman train`'s own parser.

use crate::commands::train::TrainArgs;
use crate::options::{All, TrainOptions};
use crate::output::usage;
use anyhow::Result;
use clap::builder::ValueParser;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, Parser};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Options of `elman train` that a sweep decides itself, or has of its own.
const OWN: [&str; 7] = [
    "texts", "run", "force", "resume", "dry_run", "json", "quiet",
];
/// Of these every run takes the same.
const SHARED_HEADING: &str = "Watching";

/// The options as they were given.
#[derive(Clone, Debug, Default)]
pub struct Given {
    options: Vec<Choice>,
}

/// One option with its values.
#[derive(Clone, Debug)]
struct Choice {
    /// Its long name.
    name: String,
    /// As arguments, such as `--lr=0.1`, with what they say in a name; more than one is swept over.
    values: Vec<(OsString, String)>,
}

/// One value for each option.
#[derive(Clone, Debug, Default)]
pub struct Combination {
    parts: Vec<Part>,
}

/// An option with its value.
#[derive(Clone, Debug)]
struct Part {
    option: String,
    /// Such as `--lr=0.1`.
    argument: OsString,
    /// The value in the name of a combination.
    value: String,
    /// The option has other values in other combinations.
    swept: bool,
}

impl Given {
    /// Every combination, the last option changing fastest.
    pub fn combinations(&self) -> Vec<Combination> {
        let mut all = vec![Combination::default()];
        for option in &self.options {
            let longer = |combination: &Combination| {
                let with = |value: &(OsString, String)| combination.with(option, value);
                option.values.iter().map(with).collect::<Vec<_>>()
            };
            all = all.iter().flat_map(longer).collect();
        }
        all
    }
}

impl Combination {
    fn with(&self, option: &Choice, (argument, value): &(OsString, String)) -> Combination {
        let mut longer = self.clone();
        longer.parts.push(Part {
            option: option.name.clone(),
            argument: argument.clone(),
            value: value.clone(),
            swept: option.values.len() > 1,
        });
        longer
    }

    /// The options that are swept over.
    fn swept(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(|part| part.swept)
    }

    /// Such as `lr=0.001,hidden=128`: the options that are swept over. It becomes a directory's name.
    pub fn name(&self) -> String {
        let part = |part: &Part| {
            let value = part.value.replace(['/', '\\', ','], "-");
            format!("{}={value}", part.option)
        };
        self.swept().map(part).collect::<Vec<_>>().join(",")
    }

    /// The swept options as they would be given to `elman train`.
    pub fn options(&self) -> Vec<String> {
        let argument = |part: &Part| part.argument.to_string_lossy().into_owned();
        self.swept().map(argument).collect()
    }

    /// Whether `option` is swept over.
    pub fn sweeps(&self, option: &str) -> bool {
        self.swept().any(|part| part.option == option)
    }

    /// This combination without those of its swept options that are in `idle`.
    pub fn without(&self, idle: &[&str]) -> Combination {
        let mut parts = self.parts.clone();
        parts.retain(|part| !(part.swept && idle.contains(&part.option.as_str())));
        Combination { parts }
    }

    /// The command line of this run.
    pub fn train_args(&self, texts: &[PathBuf], run: &Path) -> Result<TrainArgs> {
        #[derive(Parser)]
        #[command(name = "elman train")]
        struct Line {
            #[command(flatten)]
            args: TrainArgs,
        }
        let mut line: Vec<OsString> = vec!["elman train".into(), "--run".into(), run.into()];
        line.extend(self.parts.iter().map(|part| part.argument.clone()));
        line.push("--".into());
        line.extend(texts.iter().map(Into::into));
        let parsed = Line::try_parse_from(line).map_err(|error| {
            let text = error.to_string();
            let text = text.strip_prefix("error: ").unwrap_or(&text);
            usage(text.split("\n\n").next().unwrap_or_default().trim_end())
        })?;
        Ok(parsed.args)
    }
}

impl Args for Given {
    fn augment_args(command: Command) -> Command {
        let sweepable = sweepable();
        let adapt = |arg: Arg| match sweepable.contains(arg.get_id().as_str()) {
            true => several(arg),
            false => arg,
        };
        options()
            .into_iter()
            .fold(command, |command, arg| command.arg(adapt(arg)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Given::augment_args(command)
    }
}

impl FromArgMatches for Given {
    fn from_arg_matches(matches: &ArgMatches) -> std::result::Result<Given, clap::Error> {
        let mut given = Given::default();
        given.update_from_arg_matches(matches)?;
        Ok(given)
    }

    fn update_from_arg_matches(
        &mut self,
        matches: &ArgMatches,
    ) -> std::result::Result<(), clap::Error> {
        let sweepable = sweepable();
        self.options.clear();
        for arg in options() {
            let id = arg.get_id().as_str();
            let given = matches.value_source(id) == Some(clap::parser::ValueSource::CommandLine);
            let (true, Some(name)) = (given, arg.get_long()) else {
                continue;
            };
            let raw: Vec<OsString> = match is_flag(&arg) {
                true => Vec::new(),
                false => matches
                    .get_raw(id)
                    .unwrap_or_default()
                    .map(Into::into)
                    .collect(),
            };
            let with = |value: OsString| {
                let mut argument = OsString::from(format!("--{name}="));
                argument.push(&value);
                (argument, value.to_string_lossy().into_owned())
            };
            let mut add = |values| {
                let name = name.to_owned();
                self.options.push(Choice { name, values });
            };
            if is_flag(&arg) {
                add(vec![(format!("--{name}").into(), String::new())]);
            } else if sweepable.contains(id) {
                let mut values: Vec<String> = Vec::new();
                for value in raw.iter().flat_map(|raw| split(&raw.to_string_lossy())) {
                    if !values.contains(&value) {
                        values.push(value);
                    }
                }
                add(values.into_iter().map(|value| with(value.into())).collect());
            } else {
                raw.into_iter().for_each(|value| add(vec![with(value)]));
            }
        }
        Ok(())
    }
}

/// The options of `elman train` that a sweep takes.
fn options() -> Vec<Arg> {
    let command = TrainArgs::augment_args(Command::new("train"));
    let options = command.get_arguments();
    let options = options.filter(|arg| !OWN.contains(&arg.get_id().as_str()));
    options.cloned().collect()
}

/// The ids of those that take several values: all that decide what is computed.
fn sweepable() -> BTreeSet<String> {
    let command = TrainOptions::<All>::augment_args(Command::new("train"));
    let options = command.get_arguments();
    let options =
        options.filter(|arg| !is_flag(arg) && arg.get_help_heading() != Some(SHARED_HEADING));
    options.map(|arg| arg.get_id().to_string()).collect()
}

fn is_flag(arg: &Arg) -> bool {
    let takes_none = arg
        .get_num_args()
        .is_some_and(|range| range.max_values() == 0);
    takes_none || matches!(arg.get_action(), ArgAction::SetTrue)
}

/// The option, for several values that are text; its help says which there are.
fn several(arg: Arg) -> Arg {
    let names = arg.get_possible_values();
    let names: Vec<&str> = names.iter().map(|value| value.get_name()).collect();
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    if !names.is_empty() {
        help.push_str(&format!(" [possible values: {}]", names.join(", ")));
    }
    arg.value_parser(ValueParser::string())
        .action(ArgAction::Append)
        .help(help)
}

/// Values between commas; between semicolons where there is one, since a value may have commas itself.
fn split(text: &str) -> Vec<String> {
    let separator = if text.contains(';') { ';' } else { ',' };
    let values = text.split(separator).map(str::trim);
    values
        .filter(|value| !value.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman::train::optim::{Optimizer, Sgd};

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        given: Given,
    }

    fn combinations(args: &[&str]) -> Vec<Combination> {
        let line = ["sweep"].iter().chain(args);
        Line::try_parse_from(line).unwrap().given.combinations()
    }

    fn names(args: &[&str]) -> Vec<String> {
        combinations(args)
            .into_iter()
            .map(|combination| combination.name())
            .collect()
    }

    #[test]
    fn every_value_meets_every_other() {
        let args = ["--lr", "0.1,0.2", "--hidden=8,16", "--dropout", "0"];
        let expected = [
            "hidden=8,lr=0.1",
            "hidden=8,lr=0.2",
            "hidden=16,lr=0.1",
            "hidden=16,lr=0.2",
        ];
        assert_eq!(names(&args), expected);
        let last = combinations(&args).pop().unwrap();
        assert_eq!(last.options(), ["--hidden=16", "--lr=0.2"]);
        let args = last
            .train_args(&["a.txt".into()], Path::new("runs/x"))
            .unwrap();
        let config = args.config().unwrap();
        assert_eq!((config.lr, config.dropout), (0.2, 0.0));
    }

    #[test]
    fn values_repeat_and_may_have_commas() {
        assert_eq!(
            names(&["--seed", "1,2", "--seed", "2,3"]),
            ["seed=1", "seed=2", "seed=3"]
        );
        assert_eq!(split("4;8,2,4"), ["4", "8,2,4"]);
        assert_eq!(split("8,2,4;"), ["8,2,4"]);
        assert_eq!(names(&["--lossy", "--seed", "1"]), [""]);
        assert_eq!(names(&["--no-tied", "--seed", "1"]), [""]);
    }

    #[test]
    fn flags_are_swept_with_their_values_after_a_sign() {
        let args = ["--nesterov=true,false", "--variational", "--tied=false"];
        assert_eq!(names(&args), ["nesterov=true", "nesterov=false"]);
        let all = combinations(&[&args[..], &["--optimizer=sgd", "--momentum=0.9"]].concat());
        let config = |combination: &Combination| {
            let args = combination.train_args(&["a.txt".into()], Path::new("runs/x"));
            args.unwrap().config().unwrap()
        };
        let [with, without] = [0, 1].map(|i| config(&all[i]));
        let sgd = |nesterov| {
            Optimizer::Sgd(Sgd {
                momentum: 0.9,
                nesterov,
            })
        };
        assert_eq!(with.optimizer, sgd(true));
        assert_eq!(without.optimizer, sgd(false));
        assert!(with.variational && !with.tied && without.variational && !without.tied);
    }

    #[test]
    fn options_without_effect_leave_a_combination() {
        let all = combinations(&["--schedule", "step,cosine", "--decay-after", "2,3"]);
        assert!(all[0].sweeps("decay-after") && !all[0].sweeps("lr"));
        let short = all[3].without(&["decay-after", "lr"]);
        assert_eq!(all[3].name(), "schedule=cosine,decay-after=3");
        assert_eq!(
            (short.name(), short.options()),
            ("schedule=cosine".into(), vec!["--schedule=cosine".into()])
        );
        let fixed = combinations(&["--decay-after", "2"]).pop().unwrap();
        assert_eq!(fixed.without(&["decay-after"]).parts.len(), 1);
    }

    #[test]
    fn a_wrong_value_is_named() {
        let wrong = combinations(&["--lr", "0.1,fast"]).pop().unwrap();
        let error = wrong
            .train_args(&["a".into()], Path::new("x"))
            .err()
            .unwrap();
        let message = error.to_string();
        assert!(
            message.contains("'fast'") && message.contains("--lr"),
            "{message}"
        );
        assert!(!message.contains("error:"), "{message}");
    }

    #[test]
    fn what_is_no_choice_of_a_run_is_given_to_all() {
        let all = combinations(&[
            "--sample-every",
            "5",
            "--sample-prompt",
            "a, b",
            "--threads",
            "1",
            "--valid",
            "a,b",
            "--seed",
            "1,2",
        ]);
        assert_eq!(all.len(), 2);
        let text = format!("{:?}", all[0].parts);
        assert!(
            text.contains("--sample-prompt=a, b") && text.contains("--valid=a,b"),
            "{text}"
        );
    }
}
