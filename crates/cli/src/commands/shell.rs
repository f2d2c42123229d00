//! Help outside the program: completions for shells, manual pages.

use super::Cli;
use crate::outputs::refuse_any;
use anyhow::Result;
use clap::{Args, CommandFactory};
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
    clap_complete::generate(args.shell, &mut Cli::command(), "elman", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}

/// Print the manual page, or write those of all commands
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman man | man -l -                          # read the page of elman itself
  elman man --out ~/.local/share/man/man1       # write elman.1, elman-train.1 and so on")]
pub struct ManArgs {
    /// Directory for the pages of all commands; made if it is missing
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Replace pages that are there, as those of an earlier version
    #[arg(long, requires = "out")]
    force: bool,
}

pub fn man(args: ManArgs) -> Result<()> {
    let mut command = Cli::command();
    command.build();
    let Some(directory) = args.out else {
        io::stdout().write_all(&page(command)?)?;
        return Ok(());
    };
    let all = || std::iter::once(&command).chain(command.get_subcommands());
    let path = |of: &clap::Command| {
        let name = of.get_display_name().unwrap_or("elman");
        directory.join(format!("{name}.1"))
    };
    let paths: Vec<PathBuf> = all().map(path).collect();
    refuse_any(&paths, args.force)?;
    disk::create_dir_all(&directory)?;
    for (of, path) in all().zip(&paths) {
        let page = page(of.clone())?;
        write_atomic(path, |file| file.write_all(&page))?;
    }
    Ok(())
}

fn page(command: clap::Command) -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    clap_mangen::Man::new(command).render(&mut page)?;
    Ok(page)
}
