//! `elman lab`: chooses a text and a size, tests every claim of the laboratory, and writes the page.

mod about;
mod show;

use super::threads;
use crate::advice::said;
use crate::args::thread_count;
use crate::output::say;
use crate::outputs::refuse_any;
use crate::run_page;
use crate::signals::Stop;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::store::{Lock, disk};
use elman::text::Source;
use elman::train::Machine;
use elman_kernels::Isa;
use elman_lab::{Claim, Lab, Scale};
use elman_report::{Page, Section, Text};
use show::Show;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// Test a textbook chapter's claims with small networks; writes an HTML page
///
/// Trains some small networks, measures, and writes a page: what the chapter says, what was measured here, and whether that agrees. It takes some
/// minutes on two cores and needs nothing: its text is in the program. What was measured is kept, so that the same command continues after an interruption.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman lab                          # the page lab/lab.html, and everything that it was made of beside it
  elman lab psalms.txt -o psalms     # on a text of your own
  elman lab --quick -o try           # in seconds, too small to mean anything
  elman lab --svg figures            # the plots as pictures, too")]
pub struct LabArgs {
    /// A text, plain, gzip or zstd, of which the first 440,000 bytes are read [default: the four gospels of the King James Bible]
    #[arg(value_hint = ValueHint::FilePath)]
    text: Option<PathBuf>,
    /// Directory of the laboratory
    #[arg(long, short, value_name = "DIR", default_value = "lab", value_hint = ValueHint::DirPath)]
    output: PathBuf,
    /// Use tiny networks, so that it takes seconds: to see that it works
    #[arg(long)]
    quick: bool,
    /// Seed of initial weights, excerpts and sources
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
    /// Threads; only timings depend on their number [default: one for each CPU]
    #[arg(long, short = 't', value_name = "N", value_parser = thread_count())]
    threads: Option<u16>,
    /// Write each plot as an SVG file into this directory
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    svg: Option<PathBuf>,
    /// Replace pictures that are there
    #[arg(long, requires = "svg")]
    force: bool,
}

/// The gospels of the King James Bible, in the public domain.
const TEXT: &[u8] = include_bytes!("../../assets/gospels.txt.gz");
const TEXT_NAME: &str = "the four gospels of the King James Bible";
/// The page in the laboratory's directory.
const PAGE: &str = "lab.html";

pub fn run(args: LabArgs) -> Result<()> {
    let stop = Stop::default();
    let done = measure(args, &stop);
    match (done, stop.check()) {
        (Err(error), Err(interrupted)) => {
            say(said(&error));
            Err(interrupted.into())
        }
        (done, _) => done,
    }
}

fn measure(args: LabArgs, stop: &Stop) -> Result<()> {
    let started = Instant::now();
    Lab::refuse_foreign(&args.output)?;
    disk::create_dir_all(&args.output)?;
    let _lock = Lock::acquire(&args.output)?;
    let machine = Machine {
        threads: threads(args.threads),
        isa: Isa::detect(),
        save_every: Duration::from_secs(60),
        memory_bytes: None,
    };
    let (source, name) = match &args.text {
        Some(path) => (Source::File(path.clone()), path.display().to_string()),
        None => {
            let source = Source::Reader {
                name: TEXT_NAME.into(),
                reader: Box::new(TEXT),
            };
            (source, TEXT_NAME.to_owned())
        }
    };
    let scale = if args.quick {
        Scale::QUICK
    } else {
        Scale::FULL
    };
    stop.on_signals()?;
    let claims = Claim::ALL;
    let mut show = Show::new(stop.clone());
    let page = {
        let mut lab = Lab::open(&args.output, source, scale, args.seed, machine, &mut show)?;
        let about = about::About::new(&lab, &name, &machine, args.quick);
        let mut sections = Vec::new();
        for (at, claim) in claims.iter().enumerate() {
            say(format_args!(
                "{:>2} of {}  {}",
                at + 1,
                claims.len(),
                claim.title
            ));
            let finding = (claim.test)(&mut lab)?;
            sections.push(claim.section(at + 1, finding));
            // What is known so far can be read already.
            run_page::write(
                &page(&about, sections.clone(), claims.len()),
                &args.output.join(PAGE),
            )?;
        }
        page(&about, sections, claims.len())
    };
    show.finish();
    let path = args.output.join(PAGE);
    say(format_args!(
        "{} claims in {}",
        page.sections.len(),
        crate::output::duration(started.elapsed().as_secs_f64())
    ));
    let mut out = io::stdout().lock();
    writeln!(out, "{}", path.display())?;
    if let Some(directory) = &args.svg {
        refuse_any(&run_page::pictures(&page, directory), args.force)?;
        run_page::write_pictures(&page, directory, &mut out)?;
    }
    Ok(())
}

fn page(about: &about::About, sections: Vec<Section>, claims: usize) -> Page {
    Page {
        title: "The chapter on recurrent networks, measured".into(),
        kind: "Laboratory".into(),
        lead: about.lead(&sections, claims),
        sections,
        foot: Text::plain(about.foot()),
        tentative: about.quick(),
    }
}
