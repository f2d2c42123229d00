//! Where an n-gram model is written, and in which of its two forms: the name says it.

use crate::output::usage;
use anyhow::{Context, Result};
use elman::ngram::{Model, NgramError, Words, arpa};
use elman::store::AtomicFile;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What `-o` names.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// ARPA text, perhaps compressed.
    Arpa {
        path: PathBuf,
        gzip: bool,
    },
    /// ARPA text on standard output.
    Stdout,
    Binary(PathBuf),
}

pub const ENDINGS: &str = "the name of the file says its form: .arpa or .lm is ARPA text, with .gz after it compressed, .bin is the compact form of elman, and '-' is ARPA text on standard output";

impl Output {
    pub fn parse(path: &Path) -> Result<Output> {
        let name = path.to_string_lossy();
        let plain = name.strip_suffix(".gz");
        let arpa = |name: &str| name.ends_with(".arpa") || name.ends_with(".lm");
        match &*name {
            "-" => Ok(Output::Stdout),
            name if name.ends_with(".bin") => Ok(Output::Binary(path.into())),
            name if arpa(plain.unwrap_or(name)) => Ok(Output::Arpa {
                path: path.into(),
                gzip: plain.is_some(),
            }),
            name => Err(usage(format!("{name}: {ENDINGS}"))),
        }
    }

    pub fn path(&self) -> Option<&Path> {
        match self {
            Output::Arpa { path, .. } | Output::Binary(path) => Some(path),
            Output::Stdout => None,
        }
    }

    /// Finds out now whether there is a directory to write to, not after the work.
    pub fn check(&self) -> Result<()> {
        if let Some(path) = self.path() {
            AtomicFile::create(path)?;
        }
        Ok(())
    }
}

/// Gets n-grams one by one, as an ARPA file has them.
pub type Push<'a> = dyn FnMut(&[u32], f32, f32) -> Result<()> + 'a;

/// Writes ARPA text of n-grams that `fill` hands over, orders ascending, as many as `counts` says.
pub fn write_arpa(
    output: &Output,
    words: &Words,
    counts: &[u64],
    fill: impl FnOnce(&mut Push<'_>) -> Result<()>,
) -> Result<()> {
    match output {
        Output::Stdout => fill_writer(io::stdout().lock(), words, counts, fill).map(drop),
        Output::Arpa { path, gzip } => {
            let file = AtomicFile::create(path)?;
            let file = if *gzip {
                let out = GzEncoder::new(file, Compression::default());
                let out = fill_writer(out, words, counts, fill)?;
                out.finish()
                    .with_context(|| format!("cannot write {}", path.display()))?
            } else {
                fill_writer(file, words, counts, fill)?
            };
            Ok(file.commit()?)
        }
        Output::Binary(_) => unreachable!("a compact model is not written as text"),
    }
}

fn fill_writer<W: Write>(
    out: W,
    words: &Words,
    counts: &[u64],
    fill: impl FnOnce(&mut Push<'_>) -> Result<()>,
) -> Result<W> {
    let mut writer = arpa::Writer::new(out, words, counts)?;
    fill(&mut |gram, p, weight| Ok(writer.push(gram, p, weight)?))?;
    Ok(writer.finish()?)
}

/// Writes a model in the form that the name says.
pub fn write_model(output: &Output, model: &Model) -> Result<()> {
    if let Output::Binary(path) = output {
        return Ok(model.save(path)?);
    }
    write_arpa(output, model.words(), model.counts(), |push| {
        for order in 1..=model.order() {
            let mut failed = None;
            model.grams(order, &mut |gram, p, weight| match push(gram, p, weight) {
                Ok(()) => Ok::<(), NgramError>(()),
                Err(error) => {
                    failed = Some(error);
                    Ok(())
                }
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Ok(())
    })
}
