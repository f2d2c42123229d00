//! The command `elman`: arguments, progress, printing. The mathematics is in the library.
//!
//! Exit codes: 0 success, 1 the world (files, disks, memory) is in the way, 2 the command line is
//! wrong, 128 + n what signal n has stopped. That nobody reads the output any more is success.
#![forbid(unsafe_code)]

mod advice;
mod args;
mod chart;
mod commands;
mod csv;
mod faults;
mod grid;
mod help;
mod meant;
mod options;
mod output;
mod outputs;
mod paint;
mod places;
mod presets;
mod progress;
mod ranks;
mod resolve;
mod run_page;
mod rundir;
mod runs;
mod signals;
mod summary;
mod vocabulary;

use clap::FromArgMatches;
use commands::Cli;
use signals::Interrupted;
use std::process::ExitCode;

const WORLD: u8 = 1;
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let Some(code) = faults::reported(run) else {
        return ExitCode::from(WORLD);
    };
    ranks::leave(code)
}

fn run() -> ExitCode {
    let mut command = taking_negative_numbers(help::command());
    let parsed = command
        .try_get_matches_from_mut(std::env::args_os())
        .and_then(|matches| Ok((Cli::from_arg_matches(&matches)?, matches)));
    let (cli, matches) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => {
            // Help and version are errors to the parser, printed to standard output.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    match commands::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) if error.is::<Interrupted>() => {
            let interrupted = error.downcast_ref::<Interrupted>();
            ExitCode::from(interrupted.map_or(WORLD, Interrupted::exit_code))
        }
        Err(error) => {
            let said = advice::said(&error);
            match advice::advice(&error) {
                Some(advice) => output::say(format_args!("error: {said}: {advice}")),
                None => output::say(format_args!("error: {said}")),
            }
            if let Some(meant) = meant::swapped(&command, &matches) {
                output::say(format_args!("the model comes first: {meant}"));
            }
            ExitCode::from(if output::is_usage(&error) || advice::is_choice(&error) {
                USAGE
            } else {
                WORLD
            })
        }
    }
}

/// An option's value may be a negative number, which its own check may then refuse by name.
fn taking_negative_numbers(command: clap::Command) -> clap::Command {
    command
        .mut_args(|arg| {
            let values = arg.get_num_args().is_none_or(|count| count.takes_values());
            match values && arg.get_action().takes_values() && !arg.is_positional() {
                true => arg.allow_negative_numbers(true),
                false => arg,
            }
        })
        .mut_subcommands(taking_negative_numbers)
}
