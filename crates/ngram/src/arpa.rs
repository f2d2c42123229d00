//! ARPA files: the text format in which toolkits exchange n-gram models.
//!
//! ```text
//! \data\
//! ngram 1=5
//! ngram 2=7
//!
//! \1-grams:
//! -0.5720968    </s>    0
//! …
//! \end\
//! ```
//! Each line holds log10 p, a tab, the words, and, but for the highest order, a tab and the log10 of the back-off weight.
//! `docs/FORMAT.md`, section "ARPA files", says what elman adds: a first line that names the kind of vocabulary, and escapes.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{Model, NgramError};
use elman_store::{AtomicFile, StoreError};
use elman_text::lines::Input;
use elman_text::{Kind, Source, TextError};

use lines::Lines;

mod decimal;
mod estimated;
mod flaw;
mod head;
mod lines;
mod log10;
mod name;
mod read;
mod to_binary;
mod write;

pub use flaw::ArpaFlaw;
pub(super) use name::check_hidden;
pub use name::{escape, unescape};
pub use read::{ArpaOptions, read};
pub use to_binary::{Converted, to_binary};
pub use write::Writer;

/// What a file of ours begins with; the name of the kind follows.
const HEADER: &str = "# elman kind=";

/// The name of a kind in a file. Every file whose words stand between spaces calls its kind `whitespace`.
fn header_name(kind: Kind) -> &'static str {
    match kind {
        Kind::Fields => Kind::Whitespace.name(),
        kind => kind.name(),
    }
}

/// Writes a file atomically with the content that `fill` writes; compressed with gzip if its name ends with `.gz`.
pub fn save(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), NgramError>,
) -> Result<(), NgramError> {
    let mut file = AtomicFile::create(path)?;
    let gzip = path.extension().is_some_and(|extension| extension == "gz");
    let written = if gzip {
        let mut out = GzEncoder::new(&mut file, Compression::default());
        fill(&mut out).and_then(|()| Ok(out.finish().map(drop)?))
    } else {
        fill(&mut file)
    };
    written.map_err(|error| match error {
        NgramError::Write(error) => file.error(error).into(),
        other => other,
    })?;
    Ok(file.commit()?)
}

/// Whether a file seems to be an ARPA file, plain or compressed: near its beginning a line `\data\` is followed by `ngram 1=…`. Only
/// regular files are examined.
pub(super) fn is_arpa(path: &Path) -> bool {
    const LINES: usize = 200;
    if !path.metadata().is_ok_and(|meta| meta.is_file()) {
        return false;
    }
    let Ok(input) = Input::open(Source::File(path.to_owned())) else {
        return false;
    };
    let mut lines = Lines::new(input);
    let mut after_data = false;
    for _ in 0..LINES {
        let Ok(Some(line)) = lines.next() else {
            return false;
        };
        match lines::trim(line.bytes) {
            b"\\data\\" => after_data = true,
            b"" => {}
            line if after_data && head::is_count(line) => return true,
            _ => after_data = false,
        }
    }
    false
}

/// Writes a model as ARPA text and returns the flushed writer.
///
/// Errors: those of writing; [`NgramError::NotListed`] if the n-grams of the model cannot be listed.
pub fn write<W: Write>(model: &Model, out: W) -> Result<W, NgramError> {
    model.check_listed()?;
    let mut writer = Writer::new(out, model.words(), model.counts())?;
    for order in 1..=model.order() {
        model.grams(order, &mut |gram, log10_p, log10_backoff| {
            writer.push(gram, log10_p, log10_backoff)
        })?;
    }
    Ok(writer.finish()?)
}

/// Why reading ends early.
#[derive(Debug)]
enum Stop {
    Text(TextError),
    Store(StoreError),
    At(u64, ArpaFlaw),
}

impl From<TextError> for Stop {
    fn from(error: TextError) -> Stop {
        Stop::Text(error)
    }
}

/// A part of a file for a message: short, and without what would disturb a terminal.
fn quoted(bytes: &[u8]) -> String {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(bytes);
    let mut quoted = String::from("`");
    for (i, c) in text.chars().enumerate() {
        match c {
            _ if i == LONGEST => {
                quoted.push('…');
                break;
            }
            c if c.is_control() => quoted.extend(c.escape_default()),
            c => quoted.push(c),
        }
    }
    quoted + "`"
}
