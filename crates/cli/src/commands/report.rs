//! `elman report`: a run's page, made again from its files.

use crate::output::usage;
use crate::outputs::{Making, refuse_any, refuse_existing, refuse_inputs};
use crate::run_page;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::train::folder::contents::PAGE;
use elman::train::status::RunSnapshot;
use std::io::{self, Write};
use std::path::PathBuf;

/// Write a run's page: its curves, figures, samples and choices in one HTML file
///
/// Training keeps the page report.html in the run's directory. This makes it again, for a run of an earlier version or under another name, and
/// writes its plots as pictures.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman report runs/kjv                   # runs/kjv/report.html
  elman report runs/kjv -o kjv.html       # elsewhere
  elman report runs/kjv --svg figures     # the plots too: figures/loss.svg, …")]
pub struct ReportArgs {
    /// The directory of a run
    #[arg(value_hint = ValueHint::DirPath)]
    run: PathBuf,
    /// The page [default: report.html in the run's directory]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Write each plot as an SVG file into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    svg: Option<PathBuf>,
    /// Replace files that are there; the page in the run's directory is replaced in any case
    #[arg(long)]
    force: bool,
}

pub fn run(args: ReportArgs) -> Result<()> {
    let page = run_page::page(&RunSnapshot::at(&args.run)?);
    let kept = args.run.join(PAGE);
    let output = args.output.unwrap_or_else(|| kept.clone());
    if output.is_dir() {
        return Err(usage(format!(
            "{} is a directory: give the name of a file",
            output.display()
        )));
    }
    refuse_inputs(&output, [&args.run])?;
    if output != kept {
        refuse_existing(&output, Making::File, args.force)?;
    }
    if let Some(directory) = &args.svg {
        refuse_any(&run_page::pictures(&page, directory), args.force)?;
    }
    run_page::write(&page, &output)?;
    let mut out = io::stdout().lock();
    writeln!(out, "{}", output.display())?;
    if let Some(directory) = args.svg {
        run_page::write_pictures(&page, &directory, &mut out)?;
    }
    Ok(())
}
