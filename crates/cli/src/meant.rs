//! The command that was probably meant: a model and a text in each other's place are recognised by what they are.

use crate::args::shell_word;
use crate::commands::model_kind;
use clap::ArgMatches;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Command line with the model first, if the first argument should be a model and is a text, and a later one is a model.
pub fn swapped(command: &clap::Command, matches: &ArgMatches) -> Option<String> {
    let (mut command, mut matches) = (command, matches);
    while let Some((name, inner)) = matches.subcommand() {
        command = command.find_subcommand(name)?;
        matches = inner;
    }
    let positionals: Vec<_> = command.get_positionals().collect();
    let names = positionals.first()?.get_value_names()?;
    if !names.first()?.contains("MODEL") {
        return None;
    }
    let values = positionals
        .iter()
        .filter_map(|argument| matches.get_raw(argument.get_id().as_str()))
        .flatten();
    let paths: Vec<PathBuf> = values.map(PathBuf::from).collect();
    let is_model = |path: &Path| model_kind(path).is_some();
    let (text, others) = paths.split_first()?;
    if !text.is_file() || is_model(text) {
        return None;
    }
    let model = others.iter().find(|path| is_model(path))?;
    Some(exchanged(std::env::args_os().skip(1), text, model))
}

/// Command line for a shell in which the first `a` and the first `b` are exchanged.
fn exchanged(words: impl Iterator<Item = OsString>, a: &Path, b: &Path) -> String {
    let mut words: Vec<OsString> = words.collect();
    let place = |path: &Path| words.iter().position(|word| word == path.as_os_str());
    if let (Some(a), Some(b)) = (place(a), place(b)) {
        words.swap(a, b);
    }
    let words = words.iter().map(|word| shell_word(&word.to_string_lossy()));
    format!("elman {}", words.collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_exchanged_and_quoted() {
        let words = ["eval", "--json", "a text.txt", "runs/kjv", "it's"];
        let words = words.into_iter().map(OsString::from);
        assert_eq!(
            exchanged(words, Path::new("a text.txt"), Path::new("runs/kjv")),
            r"elman eval --json runs/kjv 'a text.txt' 'it'\''s'"
        );
    }
}
