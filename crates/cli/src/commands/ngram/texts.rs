//! The training text of `elman ngram train`, which is read more than once: what can be read only once is kept in a scratch file.

use crate::commands::is_stdin;
use crate::output::usage;
use anyhow::{Context, Result};
use elman::store::{StoreError, disk};
use elman::text::Source;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Bytes that are copied at once.
const CHUNK: usize = 1 << 16;

/// Texts that can be read again and again.
pub struct Texts(Vec<Text>);

enum Text {
    File(PathBuf),
    /// A copy of a pipe or of standard input, as it came.
    Copy {
        name: String,
        file: File,
    },
}

impl Texts {
    /// Copies standard input (`-`) and pipes into the directory of scratch files.
    ///
    /// Errors: `-` given twice, devices that may never end, and what copying finds.
    pub fn new(paths: &[PathBuf], scratch: &Path) -> Result<Texts> {
        if paths.iter().filter(|path| is_stdin(path)).count() > 1 {
            return Err(usage("'-' stands for standard input and may be given once"));
        }
        let text = |path: &PathBuf| {
            let once = match is_stdin(path) {
                true => Some(Source::stdin()?),
                false => Source::once(path)?,
            };
            match once {
                Some(Source::Reader { name, reader }) => copy(name, reader, scratch),
                _ => Ok(Text::File(path.clone())),
            }
        };
        Ok(Texts(paths.iter().map(text).collect::<Result<_>>()?))
    }

    /// The texts from their beginnings.
    pub fn open(&self) -> Result<Vec<Source>> {
        self.0.iter().map(Text::open).collect()
    }
}

impl Text {
    fn open(&self) -> Result<Source> {
        match self {
            Text::File(path) => Ok(Source::File(path.clone())),
            Text::Copy { name, file } => {
                let mut file = file.try_clone()?;
                file.rewind()
                    .with_context(|| format!("cannot read the copy of {name} again"))?;
                Ok(Source::Reader {
                    name: name.clone(),
                    reader: Box::new(file),
                })
            }
        }
    }
}

fn copy(name: String, mut reader: Box<dyn Read + Send>, scratch: &Path) -> Result<Text> {
    let mut file = disk::scratch(scratch)?;
    let mut chunk = vec![0; CHUNK];
    loop {
        match reader.read(&mut chunk) {
            Ok(0) => return Ok(Text::Copy { name, file }),
            Ok(got) => {
                let written = file.write_all(&chunk[..got]);
                written.map_err(|error| StoreError::scratch(scratch, error))?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error).with_context(|| format!("{name} cannot be read")),
        }
    }
}
