//! The command line as people read it: which options `-h` shows, and examples that can be pasted.

use crate::commands::Cli;
use clap::{Command, CommandFactory};

/// A command that trains, which has many options.
struct Training {
    name: &'static str,
    /// The options of every day.
    everyday: &'static [&'static str],
    /// The heading of those that it alone has, which are shown too.
    own: Option<&'static str>,
}

const TRAINING: [Training; 3] = [
    Training {
        name: "train",
        everyday: &[
            "valid", "vocab", "cell", "hidden", "layers", "lr", "epochs", "minutes", "run",
            "resume",
        ],
        own: None,
    },
    Training {
        name: "finetune",
        everyday: &["valid", "lr", "epochs", "minutes", "run", "dropout"],
        own: Some("Own sequences"),
    },
    Training {
        name: "sweep",
        everyday: &[
            "valid", "vocab", "cell", "hidden", "layers", "lr", "epochs", "minutes",
        ],
        own: Some("Sweep"),
    },
];
/// Columns of a line of examples.
const WIDTH: usize = 80;

/// The whole command line.
///
/// `elman train -h` and its kin show the options of every day; `--help` shows these first, and then all others.
pub fn command() -> Command {
    let command = TRAINING.iter().fold(Cli::command(), |command, training| {
        command.mut_subcommand(training.name, |command| {
            with_everyday_first(command, training)
        })
    });
    with_examples_to_paste(command)
}

/// Takes the headings of the options of every day away, so that they come first, and hides the others in the short help.
fn with_everyday_first(command: Command, training: &Training) -> Command {
    let examples = command.get_after_help().cloned().unwrap_or_default();
    let more = format!(
        "These are the everyday options. All options, and examples: elman {} --help",
        training.name
    );
    let command = command.mut_args(|arg| {
        let heading = arg.get_help_heading();
        let is_own = heading.is_some() && heading == training.own;
        match training.everyday.contains(&arg.get_id().as_str()) {
            true => arg.help_heading(None::<&str>),
            false if is_own || arg.is_positional() => arg,
            false => arg.hide_short_help(true),
        }
    });
    command.after_help(more).after_long_help(examples)
}

fn with_examples_to_paste(mut command: Command) -> Command {
    if let Some(text) = command.get_after_help().map(to_paste) {
        command = command.after_help(text);
    }
    if let Some(text) = command.get_after_long_help().map(to_paste) {
        command = command.after_long_help(text);
    }
    command.mut_subcommands(with_examples_to_paste)
}

/// Moves comments above their commands where a line would not fit into [`WIDTH`], since a comment that a terminal breaks is a command.
fn to_paste(text: &clap::builder::StyledStr) -> String {
    let text = text.to_string();
    let commented = |line: &str| {
        let (command, comment) = line.strip_prefix("  ")?.split_once(" # ")?;
        let is_command = !command.trim().is_empty() && !command.starts_with('#');
        is_command.then(|| (command.trim_end().to_owned(), comment.trim().to_owned()))
    };
    let too_long = |line: &str| line.chars().count() > WIDTH;
    let move_all = text
        .lines()
        .any(|line| too_long(line) && commented(line).is_some());
    let mut lines = Vec::new();
    for line in text.lines() {
        let comment = line.strip_prefix("  # ").filter(|_| too_long(line));
        match (commented(line).filter(|_| move_all), comment) {
            (Some((command, comment)), _) => {
                lines.extend(wrapped(&comment));
                lines.push(format!("  {command}"));
            }
            (None, Some(comment)) => lines.extend(wrapped(comment)),
            (None, None) => lines.push(line.to_owned()),
        }
    }
    lines.join("\n")
}

/// A comment in lines that fit.
fn wrapped(comment: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in comment.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                *line += " ";
                *line += word;
            }
            _ => lines.push(format!("  # {word}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The command and all commands below it.
    fn all(command: &Command) -> Vec<&Command> {
        let below = command.get_subcommands().flat_map(all);
        std::iter::once(command).chain(below).collect()
    }

    #[test]
    fn no_comment_of_an_example_is_broken_at_80_columns() {
        let command = command();
        for command in all(&command) {
            let texts = [command.get_after_help(), command.get_after_long_help()];
            for line in texts.into_iter().flatten().flat_map(|text| {
                let text = text.to_string();
                text.lines().map(str::to_owned).collect::<Vec<String>>()
            }) {
                let is_comment = line.starts_with("  ") && line.contains("# ");
                assert!(!is_comment || line.chars().count() <= WIDTH, "{line}");
            }
        }
    }

    #[test]
    fn comments_that_fit_stay_beside_their_commands() {
        let short = "Examples:\n  elman a   # one\n  elman bc  # two";
        assert_eq!(to_paste(&short.into()), short);
        let long = format!(
            "Examples:\n  elman a '#1'  # one\n  # note\n  elman b  # {}",
            "word ".repeat(20)
        );
        let words = ["word"; 15].join(" ");
        let expected = format!(
            "Examples:\n  # one\n  elman a '#1'\n  # note\n  # {words}\n  # {}\n  elman b",
            ["word"; 5].join(" ")
        );
        assert_eq!(to_paste(&long.into()), expected);
    }

    #[test]
    fn every_option_of_every_day_is_shown() {
        let command = command();
        for training in &TRAINING {
            let command = command.find_subcommand(training.name).unwrap();
            for option in training.everyday {
                let arguments = command.get_arguments();
                let mut shown = arguments.filter(|arg| !arg.is_hide_short_help_set());
                let is_shown = shown.any(|arg| arg.get_id() == option);
                assert!(is_shown, "{} {option}", training.name);
            }
        }
    }
}
