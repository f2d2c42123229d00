//! Where an n-gram model is written, and in which of its two forms: the name says it.

use crate::output::{grouped, usage};
use crate::outputs::{Making, refuse_existing};
use anyhow::Result;
use elman::ngram::{Model, NgramError, arpa};
use elman::store::AtomicFile;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What `-o` names.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// ARPA text, perhaps compressed.
    Arpa(PathBuf),
    /// ARPA text on standard output.
    Stdout,
    Binary(PathBuf),
}

const ENDINGS: &str = "the extension of the file sets its format: .arpa or .lm for ARPA text (compressed if .gz follows), .bin for elman's compact format; '-' is ARPA text on standard output";

impl Output {
    pub fn parse(path: &Path) -> Result<Output> {
        let name = path.to_string_lossy();
        let plain = name.strip_suffix(".gz").unwrap_or(&name);
        match &*name {
            "-" => Ok(Output::Stdout),
            name if name.ends_with(".bin") => Ok(Output::Binary(path.into())),
            _ if plain.ends_with(".arpa") || plain.ends_with(".lm") => {
                Ok(Output::Arpa(path.into()))
            }
            name => Err(usage(format!("{name}: {ENDINGS}"))),
        }
    }

    pub fn path(&self) -> Option<&Path> {
        match self {
            Output::Arpa(path) | Output::Binary(path) => Some(path),
            Output::Stdout => None,
        }
    }

    /// Finds out now, not after the work, whether this can be written: it replaces nothing that is read, also through links, and
    /// what is there only with `force`.
    pub fn check<'p>(&self, inputs: impl IntoIterator<Item = &'p Path>, force: bool) -> Result<()> {
        let Some(path) = self.path() else {
            return Ok(());
        };
        if let Ok(target) = path.canonicalize() {
            let is_target = |input: &&Path| input.canonicalize().is_ok_and(|input| input == target);
            if let Some(input) = inputs.into_iter().find(is_target) {
                return Err(usage(format!(
                    "{} is read, and would be overwritten: give the output another name",
                    input.display()
                )));
            }
        }
        refuse_existing(path, Making::File, force)?;
        AtomicFile::create(path)?; // is there a directory to write to?
        Ok(())
    }
}

/// Writes ARPA text, which `fill` writes.
pub fn write_arpa(
    output: &Output,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), NgramError>,
) -> Result<()> {
    match output {
        Output::Stdout => Ok(fill(&mut io::stdout().lock())?),
        Output::Arpa(path) => Ok(arpa::save(path, fill)?),
        Output::Binary(_) => unreachable!("a compact model is not written as text"),
    }
}

/// Writes a model in the form that the name says.
pub fn write_model(output: &Output, model: &Model) -> Result<()> {
    match output {
        Output::Binary(path) => Ok(model.save(path)?),
        text => write_arpa(text, |out| arpa::write(model, out).map(drop)),
    }
}

/// How many of each order: `33,279 + 619,592 + …`.
pub fn orders(counts: &[u64]) -> String {
    counts
        .iter()
        .map(|&n| grouped(n))
        .collect::<Vec<_>>()
        .join(" + ")
}
