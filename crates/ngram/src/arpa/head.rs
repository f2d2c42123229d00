//! Finds the head of an ARPA file: the numbers of n-grams behind the line `\data\`.
//!
//! Anything may stand before it, and toolkits put an explanation of the format there, with lines such as `\data\` and
//! `ngram 1=nr`. So `\data\` is believed only if nothing but well-formed numbers, `ngram 1=…`, `ngram 2=…` and so on, and
//! blank lines are between it and `\1-grams:`; if not, the search continues. If nothing is found, what was wrong with the first
//! one is reported.

use super::super::MAX_ORDER;
use super::lines::{Lines, trim};
use super::{ArpaFlaw, HEADER, Stop};
use elman_text::Kind;

/// What a file is called that begins with these bytes, and what to do.
const KNOWN: [(&[u8], &str); 5] = [
    (
        b"mmap lm http://kheafield.com/code",
        "it is a binary of KenLM, which only KenLM reads; give the ARPA file it was made from",
    ),
    (
        b"SRILM_BINARY_NGRAM",
        "it is a binary of SRILM; turn it into ARPA text with `ngram -lm FILE -write-lm`",
    ),
    (
        b"blmt",
        "it is a binary of IRSTLM; turn it into ARPA text with `compile-lm --text=yes`",
    ),
    (
        b"ELMANGRM",
        "it is a binary of elman in another wrapping; give the bare file",
    ),
    (b"PK\x03\x04", "it is a zip archive; unpack it first"),
];

/// What the head says.
pub struct Head {
    pub kind: Kind,
    /// n-grams of order 1, 2 … .
    pub counts: Vec<u64>,
}

/// Reads up to and including the line `\1-grams:`.
pub fn find(lines: &mut Lines) -> Result<Head, Stop> {
    let mut kind = Kind::Fields;
    let mut seems = "is it an ARPA file?";
    let mut counts: Option<Vec<u64>> = None;
    let mut failure: Option<Stop> = None;
    while let Some(line) = lines.next()? {
        let number = line.number;
        let mut line = trim(line.bytes);
        if number == 1 {
            line = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
            kind = named_kind(line).map_err(|flaw| Stop::At(1, flaw))?;
            let known = KNOWN.iter().find(|(bytes, _)| line.starts_with(bytes));
            seems = known.map_or(seems, |(_, advice)| advice);
        }
        match counts.take().map(|counts| next_count(line, counts)) {
            None => {}
            Some(Ok((counts, true))) => return Ok(Head { kind, counts }),
            Some(Ok((so_far, false))) => {
                counts = Some(so_far);
                continue;
            }
            Some(Err(flaw)) => {
                failure.get_or_insert(Stop::At(number, flaw));
            }
        }
        if line == b"\\data\\" {
            counts = Some(Vec::new());
        }
    }
    let number = lines.number().max(1);
    if counts.is_some() {
        failure.get_or_insert(Stop::At(
            number,
            ArpaFlaw::NoSection("\\1-grams:".to_owned()),
        ));
    }
    Err(failure.unwrap_or(Stop::At(number, ArpaFlaw::NoData(seems))))
}

/// The kind of vocabulary that the first line names; whoever else wrote the file had words between spaces. So have all files whose
/// kind is `whitespace`: words that hold no white space at all hold no space either.
fn named_kind(line: &[u8]) -> Result<Kind, ArpaFlaw> {
    match line.strip_prefix(HEADER.as_bytes()) {
        None => Ok(Kind::Fields),
        Some(name) => {
            let name = String::from_utf8_lossy(name);
            let kind = name.parse().ok().filter(|kind: &Kind| !kind.has_engine());
            let kind = kind.map(|kind| match kind.between_spaces() {
                true => Kind::Fields,
                false => kind,
            });
            kind.ok_or_else(|| ArpaFlaw::Kind(super::quoted(name.as_bytes())))
        }
    }
}

/// Takes a line of the head; true if it was the last one.
fn next_count(line: &[u8], mut counts: Vec<u64>) -> Result<(Vec<u64>, bool), ArpaFlaw> {
    if line.is_empty() {
        return Ok((counts, false));
    }
    if line == b"\\1-grams:" {
        return if counts.is_empty() {
            Err(ArpaFlaw::NoCounts)
        } else {
            Ok((counts, true))
        };
    }
    let expected = counts.len() + 1;
    let count = count_of(line, expected).ok_or_else(|| ArpaFlaw::Counts {
        expected,
        found: super::quoted(line),
    })?;
    if expected > MAX_ORDER {
        return Err(ArpaFlaw::Order(MAX_ORDER));
    }
    counts.push(count);
    Ok((counts, false))
}

/// Whether a line is `ngram 1=number`.
pub fn is_count(line: &[u8]) -> bool {
    count_of(line, 1).is_some()
}

/// The number in `ngram n=number`.
fn count_of(line: &[u8], n: usize) -> Option<u64> {
    let rest = std::str::from_utf8(line).ok()?.strip_prefix("ngram")?;
    let (order, count) = rest.split_once('=')?;
    let digits = |text: &str| {
        let text = text.trim();
        let all = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        all.then(|| text.parse::<u64>().ok()).flatten()
    };
    if !order.starts_with([' ', '\t']) || digits(order)? != n as u64 {
        return None;
    }
    digits(count)
}
