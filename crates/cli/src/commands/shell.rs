//! Help outside the program: completions for shells, manual pages.

use crate::help;
use crate::outputs::refuse_any;
use anyhow::Result;
use clap::Args;
use clap_complete::Shell;
use elman::store::{disk, write_atomic};
use std::io::{self, Write};
use std::path::PathBuf;

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman completions bash > ~/.local/share/bash-completion/completions/elman
  elman completions zsh > ~/.zfunc/_elman
  elman completions fish > ~/.config/fish/completions/elman.fish")]
pub struct CompletionsArgs {
    /// The shell that the script is for
    shell: Shell,
}

pub fn completions(args: CompletionsArgs) -> Result<()> {
    // Into memory first: the generator panics where a write fails.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut help::command(), "elman", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}

/// Print the manual page, or write those of all commands
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman man | man -l -                          # read the page of elman itself
  elman man -o ~/.local/share/man/man1          # write elman.1, elman-train.1, elman-ngram-train.1 and so on")]
pub struct ManArgs {
    /// Directory for the pages of all commands; made if it is missing
    #[arg(long, short, value_name = "DIR", alias = "out")]
    output: Option<PathBuf>,
    /// Replace pages that are there, as those of an earlier version
    #[arg(long, requires = "output")]
    force: bool,
}

pub fn man(args: ManArgs) -> Result<()> {
    let mut command = without_help(help::command());
    command.build();
    let Some(directory) = args.output else {
        io::stdout().write_all(&page(command)?)?;
        return Ok(());
    };
    let mut all = Vec::new();
    with_subcommands(&command, &mut all);
    let path = |of: &clap::Command| {
        let name = of.get_display_name().unwrap_or("elman");
        directory.join(format!("{name}.1"))
    };
    let paths: Vec<PathBuf> = all.iter().map(|of| path(of)).collect();
    refuse_any(&paths, args.force)?;
    disk::create_dir_all(&directory)?;
    for (of, path) in all.into_iter().zip(&paths) {
        let page = page(of.clone())?;
        write_atomic(path, |file| file.write_all(&page))?;
    }
    Ok(())
}

/// A command without `elman help` and its kin, which repeat the others.
fn without_help(command: clap::Command) -> clap::Command {
    let command = command.disable_help_subcommand(true);
    command.mut_subcommands(without_help)
}

/// Adds a command and all commands below it, such as `elman ngram train`.
fn with_subcommands<'c>(command: &'c clap::Command, all: &mut Vec<&'c clap::Command>) {
    all.push(command);
    for command in command.get_subcommands() {
        with_subcommands(command, all);
    }
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
