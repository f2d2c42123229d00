//! The options of training on a command line, made from the library's table of them: names, help, defaults and ranges are declared
//! there and nowhere else. How layers of choices become one configuration is the business of `resolve`.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser, ValueParser};
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, ValueHint};
use elman::train::config::declare::FromModel;
use elman::train::config::{BUDGET, BUDGETS, Choices, ConfigOption, Kind, Value, WATCHING, table};
use elman::train::{Changes, NewBudget};
use std::marker::PhantomData;

/// Some groups of the options.
pub trait Groups: Clone + Send + Sync + 'static {
    /// Whether a group is among them.
    fn has(group: &str) -> bool;
}

/// All groups.
#[derive(Clone, Debug, PartialEq)]
pub struct All;

/// Groups that define an untrained network: vocabulary, sizes and initial weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Untrained;

/// The cell and the sizes.
#[derive(Clone, Debug, PartialEq)]
pub struct Network;

impl Groups for All {
    fn has(_group: &str) -> bool {
        true
    }
}

impl Groups for Untrained {
    fn has(group: &str) -> bool {
        ["Text", "Network", "Initial weights"].contains(&group)
    }
}

impl Groups for Network {
    fn has(group: &str) -> bool {
        group == "Network"
    }
}

/// The options of some groups as arguments of a command.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainOptions<G = All> {
    /// The choices that were made.
    pub choices: Choices,
    groups: PhantomData<G>,
}

impl<G> From<Choices> for TrainOptions<G> {
    fn from(choices: Choices) -> TrainOptions<G> {
        TrainOptions {
            choices,
            groups: PhantomData,
        }
    }
}

/// Returns the choices that a resumed run cannot change.
pub fn fixed(choices: &Choices) -> Choices {
    choices.filtered(|option| ![BUDGET, WATCHING].contains(&option.group))
}

/// Returns the choices that a resumed run can change: its budget, and options that only watch.
pub fn changes(choices: &Choices) -> Changes {
    let real = |name| match choices.get(name) {
        Some(Value::Real(number)) => Some(*number),
        _ => None,
    };
    Changes {
        budget: NewBudget {
            epochs: real("epochs"),
            minutes: real("minutes"),
            steps: match choices.get("steps") {
                Some(Value::Count(number)) => Some(*number),
                _ => None,
            },
        },
        watching: choices.filtered(|option| {
            let is_budget = BUDGETS.contains(&option.name.as_str());
            [BUDGET, WATCHING].contains(&option.group) && !is_budget
        }),
    }
}

/// Whether a budget is among the choices.
pub fn has_budget(choices: &Choices) -> bool {
    BUDGETS.iter().any(|name| choices.has(name))
}

/// The ids of the options that a model decides for a run that starts from it.
pub fn decided_by_model() -> Vec<&'static str> {
    let options = table::options().iter();
    let decided = options.filter(|option| option.declaration.from_model != FromModel::Nothing);
    decided
        .flat_map(|option| [Some(option.id), option.off_name.as_deref()])
        .flatten()
        .collect()
}

/// A message of the library with the names of options as a command line has them.
pub fn as_flags(text: &str) -> String {
    let mut said = String::new();
    let mut rest = text;
    while let Some((before, quoted)) = rest.split_once('`') {
        said += before;
        let name = quoted.split_once('`');
        let is_name = |name: &str| table::options().iter().any(|option| option.name == name);
        match name.filter(|(name, _)| is_name(name)) {
            Some((name, after)) => {
                said += &format!("--{name}");
                rest = after;
            }
            None => {
                said.push('`');
                rest = quoted;
            }
        }
    }
    said + rest
}

/// The options of some groups.
fn options<G: Groups>() -> impl Iterator<Item = &'static ConfigOption> {
    let options = table::options().iter();
    options.filter(|option| G::has(option.group) && !option.declaration.given_with_texts)
}

fn arg(option: &'static ConfigOption) -> Arg {
    let default = default(option).map_or(String::new(), |text| format!(" [default: {text}]"));
    let help = as_flags(&format!("{}{default}", option.help));
    let declaration = &option.declaration;
    let mut arg = Arg::new(option.id)
        .long(option.name.as_str())
        .aliases(declaration.aliases)
        .value_name(declaration.placeholder)
        .help_heading(option.group)
        .value_parser(parser(option));
    if let Some(details) = &option.details {
        arg = arg.long_help(format!("{help}\n\n{}", as_flags(details)));
    }
    if let Some(letter) = declaration.letter {
        arg = arg.short(letter);
    }
    if let Some(off) = option.off_name.as_deref() {
        arg = arg.conflicts_with(off);
    }
    if BUDGETS.contains(&option.name.as_str()) {
        let others = BUDGETS.into_iter().filter(|other| *other != option.name);
        arg = arg.conflicts_with_all(others);
    }
    let arg = arg.help(help);
    match option.kind {
        Kind::Flag => alone(arg, "true"),
        Kind::Directory => alone(arg, "").value_hint(ValueHint::DirPath),
        Kind::Text => arg.allow_hyphen_values(true),
        _ => arg,
    }
}

/// An option that may be given without a value, which then is `value`.
fn alone(arg: Arg, value: &'static str) -> Arg {
    arg.num_args(0..=1)
        .require_equals(true)
        .default_missing_value(value)
}

fn parser(option: &'static ConfigOption) -> ValueParser {
    match option.kind {
        Kind::Name(names) => {
            let renamed = option.declaration.renamed.iter();
            let values = names().into_iter().map(|name| {
                let earlier = renamed.clone().filter(move |(_, today)| *today == name);
                PossibleValue::new(name).aliases(earlier.map(|(earlier, _)| *earlier))
            });
            PossibleValuesParser::new(values)
                .try_map(|name| option.parse(&name))
                .into()
        }
        _ => ValueParser::from(|text: &str| {
            let value = option.parse(text);
            value.map_err(|error| as_flags(&error.to_string()))
        }),
    }
}

/// The default as a help has it.
fn default(option: &ConfigOption) -> Option<String> {
    if let Some(text) = option.declaration.default_is {
        return (!text.is_empty()).then(|| text.to_owned());
    }
    let text = match &option.default {
        Value::Flag(true) => "yes".to_owned(),
        Value::None if !matches!(option.kind, Kind::Text) => "none".to_owned(),
        Value::Text(text) if !text.is_empty() => text.clone(),
        number @ (Value::Count(_) | Value::Real(_)) => {
            let text = number.to_string();
            text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
        }
        _ => return None,
    };
    Some(text)
}

impl<G: Groups> Args for TrainOptions<G> {
    fn augment_args(command: Command) -> Command {
        options::<G>().fold(command, |command, option| {
            let command = command.arg(arg(option));
            match option.off_name.as_deref() {
                None => command,
                Some(off) => command.arg(
                    Arg::new(off)
                        .long(off)
                        .action(ArgAction::SetTrue)
                        .help_heading(option.group)
                        .help(format!("Switch --{} off", option.name)),
                ),
            }
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        TrainOptions::<G>::augment_args(command)
    }
}

impl<G: Groups> FromArgMatches for TrainOptions<G> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<TrainOptions<G>, clap::Error> {
        let mut options = TrainOptions::from(Choices::default());
        options.update_from_arg_matches(matches)?;
        Ok(options)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for option in options::<G>() {
            if let Some(value) = matches.get_one::<Value>(option.id) {
                self.choices.insert(option, value.clone());
            }
            if option
                .off_name
                .as_deref()
                .is_some_and(|off| matches.get_flag(off))
            {
                self.choices.insert(option, Value::Flag(false));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_options_become_flags() {
        for (text, flags) in [
            (
                "`lr` is 0; it must be above 0",
                "--lr is 0; it must be above 0",
            ),
            (
                "use `optimizer` sgd `momentum` 0.9",
                "use --optimizer sgd --momentum 0.9",
            ),
            (
                "as `elman train` does, with `lr`",
                "as `elman train` does, with --lr",
            ),
            ("no option `hiden`", "no option `hiden`"),
            ("`lr`", "--lr"),
            ("a lone ` mark", "a lone ` mark"),
            ("", ""),
        ] {
            assert_eq!(as_flags(text), flags);
        }
    }

    #[test]
    fn every_option_of_a_run_is_an_argument() {
        let command = TrainOptions::<All>::augment_args(Command::new("train"));
        let ids: Vec<String> = command
            .get_arguments()
            .map(|arg| arg.get_id().to_string())
            .collect();
        for option in table::options() {
            let is_argument = ids.iter().any(|id| id == option.id);
            assert_eq!(
                is_argument, !option.declaration.given_with_texts,
                "{}",
                option.name
            );
        }
        command.debug_assert();
    }

    #[test]
    fn earlier_names_are_accepted() {
        for line in [["x", "--batch-size=7"], ["x", "--lanes=7"], ["x", "-B7"]] {
            let command = TrainOptions::<All>::augment_args(Command::new("x"));
            let matches = command.try_get_matches_from(line).unwrap();
            let options = TrainOptions::<All>::from_arg_matches(&matches).unwrap();
            assert_eq!(options.choices.get("batch-size"), Some(&Value::Count(7)));
        }
        for name in ["lanes", "sequences"] {
            let command = TrainOptions::<All>::augment_args(Command::new("x"));
            let matches = command.try_get_matches_from(["x", "--loss-norm", name]);
            let options = TrainOptions::<All>::from_arg_matches(&matches.unwrap()).unwrap();
            let norm = options.choices.get("loss-norm");
            assert_eq!(norm, Some(&Value::Text("sequences".into())));
        }
    }
}
