//! The words of a line, the tokens that belong to each, and their surprisals.

use super::streams::TokenScore;
use super::{Spelling, WordSurprisal};
use elman_text::{Kind, Located};
use std::ops::Range;

/// Kind of words of a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Words {
    /// Fields between spaces and tabs; between any white space in kind `whitespace`.
    #[default]
    Fields,
    /// Regions between tabs, of one or more words; the model reads each tab as a space.
    Regions,
}

impl Words {
    /// The line as the model reads it.
    pub fn as_read(self, line: &[u8]) -> Vec<u8> {
        let space = |&byte: &u8| match (self, byte) {
            (Words::Regions, b'\t') => b' ',
            (_, byte) => byte,
        };
        line.iter().map(space).collect()
    }

    /// The bytes of each word of a line, without the words `<s>` and `</s>` if they are skipped.
    pub fn ranges(self, kind: Kind, line: &[u8], skip_markers: bool) -> Vec<Range<usize>> {
        let mut ranges = self.all_ranges(kind, line);
        // Only kinds whose tokens lie between spaces skip markers.
        if skip_markers && kind.between_spaces() {
            let mut words = |range: &Range<usize>| {
                let mut words = line[range.clone()].split(is_space);
                words.any(|word| !matches!(word, b"" | b"<s>" | b"</s>"))
            };
            ranges.retain(&mut words);
        }
        ranges
    }

    fn all_ranges(self, kind: Kind, line: &[u8]) -> Vec<Range<usize>> {
        if (self, kind) == (Words::Fields, Kind::Whitespace) {
            let text = std::str::from_utf8(line).unwrap_or_default();
            let start = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
            let words = text.split_whitespace();
            return words
                .map(|word| start(word)..start(word) + word.len())
                .collect();
        }
        let separates = |byte: &u8| match self {
            Words::Fields => is_space(byte),
            Words::Regions => matches!(byte, b'\t' | b'\r'),
        };
        let mut ranges = Vec::new();
        let mut at = 0;
        for word in line.split(separates) {
            if !word.is_empty() {
                ranges.push(at..at + word.len());
            }
            at += word.len() + 1;
        }
        ranges
    }
}

fn is_space(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The word of each token; the number of words for tokens of the line's end.
///
/// A token belongs to the word that has its last character. White space by itself belongs to the word after it.
pub fn owners(line: &[u8], words: &[Range<usize>], tokens: &[Located]) -> Vec<usize> {
    let mut owner = 0;
    let owned = tokens.iter().map(|token| {
        if token.bytes.start == line.len() {
            owner = words.len();
        }
        let bytes = &line[token.bytes.clone()];
        let last = bytes.iter().rposition(|byte| !is_space(byte)).unwrap_or(0);
        while words
            .get(owner)
            .is_some_and(|word| word.end <= token.bytes.start + last)
        {
            owner += 1;
        }
        owner
    });
    owned.collect()
}

/// The surprisals of the words of a line, and of its end.
pub fn surprisals(
    words: &[Range<usize>],
    owners: &[usize],
    tokens: &[Located],
    scores: &[TokenScore],
    spelling: Spelling,
    end: usize,
) -> Vec<WordSurprisal> {
    // −ln p(S) before token i: nothing else than a beginning is possible at the beginning of a line.
    let boundary = |i: usize| match (spelling, i) {
        (Spelling::Naive, _) | (_, 0) => 0.0,
        _ => scores.get(i).map_or(0.0, |score| score.boundary_nats),
    };
    let mut first = 0;
    let mut before = None;
    let places = words
        .iter()
        .cloned()
        .chain(std::iter::once(end..end))
        .enumerate();
    let words = places.map(|(word, bytes)| {
        let count = owners[first..]
            .iter()
            .take_while(|&&owner| owner == word)
            .count();
        let range = first..first + count;
        first = range.end;
        let nats: f64 = scores[range.clone()].iter().map(|score| score.nats).sum();
        let entropy_nats = match range.is_empty() {
            true => 0.0,
            false => scores[range.start].entropy_nats,
        };
        let reduction_nats = f64::max(before.unwrap_or(entropy_nats) - entropy_nats, 0.0);
        before = Some(entropy_nats);
        WordSurprisal {
            bytes,
            surprisal_nats: nats + boundary(range.end) - boundary(range.start),
            entropy_nats,
            reduction_nats,
            unknown: tokens[range.clone()].iter().any(|token| token.symbol.oov),
            tokens: range.len(),
        }
    });
    words.collect()
}
