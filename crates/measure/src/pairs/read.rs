//! Files of minimal pairs: JSON lines as BLiMP has them, TSV and CSV, plain or compressed.
//!
//! Each line is a pair, and lines of nothing but white space are skipped. A name that ends in `.jsonl` or `.json`, `.tsv` or `.csv` (before `.gz` and `.zst`) says which format it
//! is; otherwise the first line does: `{` begins JSON, and a line with a tab is TSV. A table has a header if its first line has the names of both columns;
//! otherwise its columns are good, bad and paradigm. The paradigm of a pair without one is the name of its file.

use super::delimited::{self, Separator};
use elman_text::{Kind, ReadOptions, Source, TextError, read_lines};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};

/// Names of fields that are tried in this order if none is given.
const GOOD: &[&str] = &["sentence_good", "good", "good_sentence"];
const BAD: &[&str] = &["sentence_bad", "bad", "bad_sentence"];
const PARADIGM: &[&str] = &["UID", "uid", "paradigm"];
/// Largest size of all sentences together, which are held in memory.
const MOST_BYTES: usize = 4 << 30;
/// Endings of the names of files that a directory is searched for.
const ENDINGS: [&str; 4] = ["jsonl", "json", "tsv", "csv"];

/// Names of the fields of a pair: keys of JSON, columns of a table by name or by number (from 1); `None` for the usual ones.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    /// Field of the good sentence [`sentence_good`].
    pub good: Option<String>,
    /// Field of the bad sentence [`sentence_bad`].
    pub bad: Option<String>,
    /// Field of the paradigm [`UID`].
    pub paradigm: Option<String>,
    /// Whether the first line of a table is a header whatever it holds.
    pub header: bool,
}

/// A good and a bad sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The acceptable sentence.
    pub good: String,
    /// The unacceptable sentence.
    pub bad: String,
    /// Number of its paradigm, in the order of the files.
    pub paradigm: usize,
}

/// Why pairs could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PairsError {
    /// A line is not a pair.
    #[error("{file}, line {line}: {flaw}", file = file.display())]
    Line {
        /// Path of the file.
        file: PathBuf,
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong.
        flaw: PairsFlaw,
    },
    /// A directory has no files of pairs.
    #[error(
        "{} has no file of pairs: their names end in .jsonl, .json, .tsv or .csv, and in .gz or .zst if they are compressed", .0.display()
    )]
    NoFiles(PathBuf),
    /// A directory cannot be listed.
    #[error("{}: cannot be listed: {source}", path.display())]
    Directory {
        /// Path of the directory.
        path: PathBuf,
        /// Error of the operating system.
        source: io::Error,
    },
    /// The files have no pairs.
    #[error("there is no pair in {0}")]
    NoPairs(String),
    /// The sentences need more memory than is allowed.
    #[error("the sentences have more than {most} bytes: score the files one after the other")]
    TooLarge {
        /// The largest number of bytes.
        most: usize,
    },
}

/// What is wrong with a line of a file of pairs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairsFlaw {
    /// The line is not JSON.
    #[error("it is not a JSON object: {0}")]
    Json(String),
    /// A field is missing.
    #[error("there is no field '{name}'; the line has {}", has.join(", "))]
    NoField {
        /// Name of the field.
        name: String,
        /// Names of the fields of the line.
        has: Vec<String>,
    },
    /// A field is not a text.
    #[error("the field '{0}' is not a text")]
    NotText(String),
    /// A row has too few cells.
    #[error("it has {cells} cells, and column {column} is needed")]
    TooFewCells {
        /// Number of cells of the row.
        cells: usize,
        /// Number of the column, from 1.
        column: usize,
    },
    /// The table has no header with such a column.
    #[error("the table has no column '{name}'; its first line has {}", has.join(", "))]
    NoColumn {
        /// Name of the column.
        name: String,
        /// Cells of the first line.
        has: Vec<String>,
    },
    /// A sentence has nothing but white space.
    #[error("the {0} sentence is empty")]
    Empty(&'static str),
    /// A sentence has a newline.
    #[error("the {0} sentence has a newline: a sentence is one line")]
    Newline(&'static str),
    /// A quoted cell is not closed on its line.
    #[error("a cell begins with a quotation mark and has none at its end")]
    OpenQuote,
    /// A quoted cell is followed by something else than a comma.
    #[error("there is text between the end of a quoted cell and the next comma")]
    AfterQuote,
}

/// Reads the pairs of `paths`, files or directories of files, in this order (the files of a directory by name); returns them with the names of
/// their paradigms.
///
/// # Errors
/// [`PairsError`] if a line is not a pair or there is none; [`Error::Text`](crate::Error::Text) if a file cannot be read or is not UTF-8.
pub fn read_pairs(paths: &[PathBuf], fields: &Fields) -> crate::Result<(Vec<Pair>, Vec<String>)> {
    let mut reader = Reader {
        fields,
        pairs: Vec::new(),
        paradigms: Vec::new(),
        numbers: HashMap::new(),
        bytes: 0,
    };
    for path in paths {
        match path.is_dir() {
            true => {
                for file in pair_files(path)? {
                    reader.file(&file)?;
                }
            }
            false => reader.file(path)?,
        }
    }
    if reader.pairs.is_empty() {
        let names: Vec<String> = paths
            .iter()
            .map(|path| path.display().to_string())
            .collect();
        return Err(PairsError::NoPairs(names.join(", ")).into());
    }
    Ok((reader.pairs, reader.paradigms))
}

/// The files of pairs in a directory, in the order of their names.
///
/// # Errors
/// [`PairsError::Directory`] or [`PairsError::NoFiles`].
pub fn pair_files(directory: &Path) -> Result<Vec<PathBuf>, PairsError> {
    let failed = |source| PairsError::Directory {
        path: directory.to_owned(),
        source,
    };
    let mut files = Vec::new();
    for entry in directory.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_file() && ENDINGS.contains(&ending(&path).as_str()) {
            files.push(path);
        }
    }
    files.sort();
    match files.is_empty() {
        true => Err(PairsError::NoFiles(directory.to_owned())),
        false => Ok(files),
    }
}

/// Path without the endings of compression.
fn uncompressed(path: &Path) -> PathBuf {
    match path.extension().and_then(|ending| ending.to_str()) {
        Some("gz" | "zst") => path.with_extension(""),
        _ => path.to_owned(),
    }
}

/// Ending of a name, without that of compression, in small letters.
fn ending(path: &Path) -> String {
    let path = uncompressed(path);
    let ending = path.extension().unwrap_or_default();
    ending.to_string_lossy().to_ascii_lowercase()
}

/// Shape of a file.
enum Shape {
    Json,
    /// Columns of the good sentence, the bad one and the paradigm, from 0.
    Table(Separator, [usize; 2], Option<usize>),
}

struct Reader<'f> {
    fields: &'f Fields,
    pairs: Vec<Pair>,
    paradigms: Vec<String>,
    /// Number of each paradigm by its name.
    numbers: HashMap<String, usize>,
    /// Bytes of all sentences.
    bytes: usize,
}

impl Reader<'_> {
    fn file(&mut self, path: &Path) -> crate::Result<()> {
        let source = match path == Path::new("-") {
            true => Source::stdin()?,
            false => Source::File(path.to_owned()),
        };
        let stem = uncompressed(path);
        let stem = stem.file_stem().unwrap_or_default().to_string_lossy();
        let mut shape = None;
        let read = ReadOptions::default();
        read_lines(vec![source], Kind::Words, &read, &mut |line| {
            let failed = |flaw| PairsError::Line {
                file: path.to_owned(),
                line: line.number,
                flaw,
            };
            let text = std::str::from_utf8(line.bytes).map_err(|error| TextError::InvalidUtf8 {
                name: path.display().to_string(),
                offset: error.valid_up_to() as u64,
            })?;
            if text.trim().is_empty() {
                return Ok(());
            }
            let shape = match &shape {
                Some(shape) => shape,
                None => {
                    let (found, is_header) = self.recognise(path, text).map_err(failed)?;
                    let shape = &*shape.insert(found);
                    if is_header {
                        return Ok(());
                    }
                    shape
                }
            };
            let pair = match shape {
                Shape::Json => self.of_json(text),
                Shape::Table(separator, sentences, paradigm) => {
                    of_row(text, *separator, *sentences, *paradigm)
                }
            };
            let [good, bad, paradigm] = pair.map_err(failed)?;
            check(&good, "good").map_err(failed)?;
            check(&bad, "bad").map_err(failed)?;
            let paradigm = match paradigm.is_empty() {
                true => stem.clone().into_owned(),
                false => paradigm,
            };
            Ok::<(), crate::Error>(self.add(good, bad, paradigm)?)
        })?;
        Ok(())
    }

    fn add(&mut self, good: String, bad: String, paradigm: String) -> Result<(), PairsError> {
        self.bytes = self.bytes.saturating_add(good.len() + bad.len());
        if self.bytes > MOST_BYTES {
            return Err(PairsError::TooLarge { most: MOST_BYTES });
        }
        let next = self.paradigms.len();
        let paradigm = *self.numbers.entry(paradigm).or_insert_with_key(|name| {
            self.paradigms.push(name.clone());
            next
        });
        self.pairs.push(Pair {
            good,
            bad,
            paradigm,
        });
        Ok(())
    }

    /// The shape of a file whose first line is `line`, and whether that is a header.
    fn recognise(&self, path: &Path, line: &str) -> Result<(Shape, bool), PairsFlaw> {
        let separator = match ending(path).as_str() {
            "json" | "jsonl" => return Ok((Shape::Json, false)),
            "tsv" => Separator::Tab,
            "csv" => Separator::Comma,
            _ if line.trim_start().starts_with('{') => return Ok((Shape::Json, false)),
            _ if line.contains('\t') => Separator::Tab,
            _ => Separator::Comma,
        };
        let cells = delimited::cells(line, separator)?;
        let named = |name: &str| cells.iter().position(|cell| cell.trim() == name);
        let first_of = |names: &[&str]| names.iter().find_map(|name| named(name));
        let number = |given: &Option<String>| {
            let number = given.as_ref()?.parse::<usize>().ok()?;
            number.checked_sub(1)
        };
        let is_header = self.fields.header
            || [(&self.fields.good, GOOD), (&self.fields.bad, BAD)]
                .iter()
                .all(|(given, usual)| match given {
                    Some(name) if number(given).is_none() => named(name).is_some(),
                    _ => first_of(usual).is_some(),
                });
        let column = |given: &Option<String>, usual: &[&str], otherwise| match given {
            Some(_) if number(given).is_some() => Ok(number(given)),
            Some(name) => named(name).map(Some).ok_or_else(|| PairsFlaw::NoColumn {
                name: name.clone(),
                has: cells.clone(),
            }),
            None if is_header => Ok(first_of(usual)),
            None => Ok(Some(otherwise)),
        };
        let needed = |found: Option<usize>, usual: &[&str]| {
            found.ok_or_else(|| PairsFlaw::NoColumn {
                name: usual[0].to_owned(),
                has: cells.clone(),
            })
        };
        let good = needed(column(&self.fields.good, GOOD, 0)?, GOOD)?;
        let bad = needed(column(&self.fields.bad, BAD, 1)?, BAD)?;
        // A table without a header may have no third column.
        let paradigm = column(&self.fields.paradigm, PARADIGM, 2)?;
        let paradigm = paradigm
            .filter(|&column| self.fields.paradigm.is_some() || is_header || column < cells.len());
        Ok((Shape::Table(separator, [good, bad], paradigm), is_header))
    }

    /// The good sentence, the bad one and the paradigm, which may be empty, of a JSON object.
    fn of_json(&self, line: &str) -> Result<[String; 3], PairsFlaw> {
        let object: Map<String, Value> =
            serde_json::from_str(line).map_err(|error| PairsFlaw::Json(error.to_string()))?;
        let found = |given: &Option<String>, usual: &[&str]| {
            let key = match given {
                Some(name) => Some(name.as_str()),
                None => usual
                    .iter()
                    .copied()
                    .find(|name| object.contains_key(*name)),
            };
            let name = key.unwrap_or(usual[0]);
            match object.get(name) {
                Some(Value::String(text)) => Ok(text.clone()),
                Some(_) => Err(PairsFlaw::NotText(name.to_owned())),
                None => Err(PairsFlaw::NoField {
                    name: name.to_owned(),
                    has: object.keys().cloned().collect(),
                }),
            }
        };
        let paradigm = match found(&self.fields.paradigm, PARADIGM) {
            Err(PairsFlaw::NoField { .. }) if self.fields.paradigm.is_none() => String::new(),
            other => other?,
        };
        Ok([
            found(&self.fields.good, GOOD)?,
            found(&self.fields.bad, BAD)?,
            paradigm,
        ])
    }
}

/// The good sentence, the bad one and the paradigm, which may be empty, of a row.
fn of_row(
    line: &str,
    separator: Separator,
    [good, bad]: [usize; 2],
    paradigm: Option<usize>,
) -> Result<[String; 3], PairsFlaw> {
    let mut cells = delimited::cells(line, separator)?;
    let count = cells.len();
    let mut cell = |column: usize| match cells.get_mut(column) {
        Some(cell) => Ok(cell.clone()),
        None => Err(PairsFlaw::TooFewCells {
            cells: count,
            column: column + 1,
        }),
    };
    Ok([
        cell(good)?,
        cell(bad)?,
        paradigm.map_or(Ok(String::new()), cell)?,
    ])
}

fn check(sentence: &str, which: &'static str) -> Result<(), PairsFlaw> {
    match sentence {
        _ if sentence.trim().is_empty() => Err(PairsFlaw::Empty(which)),
        _ if sentence.contains('\n') => Err(PairsFlaw::Newline(which)),
        _ => Ok(()),
    }
}
