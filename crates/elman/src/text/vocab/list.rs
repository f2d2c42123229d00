//! Vocabulary lists: one token a line, in the order of the ids, for `--vocab-file`.
//!
//! Escapes: `\n` newline, `\r` carriage return, `\t` tab, `\\` backslash; spaces stand for themselves. `<eos>` and `<unk>` may be
//! listed anywhere or not at all: they are always ids 0 and 1. A carriage return before the newline is dropped.
//! A token that the kind can never produce is an error, because it is a sign of a list of another kind.

use std::collections::HashSet;
use std::path::Path;

use super::super::lines::{Chunk, Input, Source};
use super::super::scan::{Scanner, Token};
use super::{EOS, Kind, TextError, UNK, Vocab};

/// A vocabulary file larger than this is none.
const LARGEST_FILE: u64 = 1 << 30;

impl Vocab {
    /// Reads a vocabulary of `kind` from a list or a `tokenizer.json` (either may be compressed with gzip).
    ///
    /// A file named `*.json`, or one that begins as ours do, is read as `tokenizer.json`.
    pub fn from_file(path: &Path, kind: Kind) -> Result<Vocab, TextError> {
        let (name, bytes) = read_whole(path)?;
        let json = path
            .extension()
            .is_some_and(|extension| extension == "json");
        if !json && !bytes.starts_with(b"{\n  \"version\"") {
            return Vocab::from_list(&name, &bytes, kind);
        }
        let vocab = Vocab::from_tokenizer_json(&name, &bytes)?;
        if vocab.kind() != kind {
            return Err(TextError::KindMismatch {
                name,
                found: vocab.kind(),
                wanted: kind,
            });
        }
        Ok(vocab)
    }

    /// Reads a `tokenizer.json` of any of our kinds, as it stands in a model's directory.
    pub fn from_file_any(path: &Path) -> Result<Vocab, TextError> {
        let (name, bytes) = read_whole(path)?;
        Vocab::from_tokenizer_json(&name, &bytes)
    }

    /// Reads a list; `name` stands in messages.
    pub fn from_list(name: &str, bytes: &[u8], kind: Kind) -> Result<Vocab, TextError> {
        let failed = |line: usize, what: String| TextError::VocabFile {
            name: name.to_owned(),
            line,
            what,
        };
        if kind == Kind::Bytes {
            return Err(failed(
                1,
                "kind bytes has a fixed vocabulary and takes no list".to_owned(),
            ));
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| TextError::InvalidUtf8 {
            name: name.to_owned(),
            offset: error.valid_up_to() as u64,
        })?;
        let mut seen = HashSet::new();
        let mut tokens: Vec<Box<[u8]>> = Vec::new();
        for (number, line) in (1..).zip(text.split_terminator('\n')) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let token = unescape(line).map_err(|what| failed(number, what))?;
            if !seen.insert(token.clone()) {
                return Err(failed(number, format!("the token {line:?} stands twice")));
            }
            if token == EOS || token == UNK {
                continue;
            }
            if !is_token(&token, kind) {
                return Err(failed(
                    number,
                    format!("{line:?} is not one token of kind {kind}"),
                ));
            }
            tokens.push(token.into_bytes().into());
        }
        if tokens.is_empty() {
            return Err(failed(1, "no token is listed: write one a line".to_owned()));
        }
        Ok(Vocab::of_text(kind, tokens))
    }
}

/// The name and the bytes of a file, decompressed.
fn read_whole(path: &Path) -> Result<(String, Vec<u8>), TextError> {
    let mut input = Input::open(Source::File(path.to_owned()))?;
    let mut bytes = Vec::new();
    let mut part = vec![0; 64 * 1024];
    loop {
        match input.read(&mut part)? {
            0 => return Ok((input.name, bytes)),
            got => bytes.extend_from_slice(&part[..got]),
        }
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(TextError::VocabTooLarge(input.name));
        }
    }
}

fn unescape(line: &str) -> Result<String, String> {
    let mut token = String::with_capacity(line.len());
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        token.push(match c {
            '\\' => match rest.next() {
                Some('n') => '\n',
                Some('r') => '\r',
                Some('t') => '\t',
                Some('\\') => '\\',
                _ => {
                    return Err(
                        "a backslash is written \\\\ (the escapes are \\n, \\r, \\t and \\\\)"
                            .to_owned(),
                    );
                }
            },
            c => c,
        });
    }
    if token.is_empty() {
        Err("the line is empty: remove it".to_owned())
    } else {
        Ok(token)
    }
}

/// Whether scanning `token` gives it back as a single token.
pub(crate) fn is_token(token: &str, kind: Kind) -> bool {
    let mut scanner = Scanner::new(kind);
    let mut found = 0;
    let mut same = true;
    let mut emit = |piece: Token<'_>| {
        found += 1;
        same &= piece == Token::Text(token);
        Ok::<(), TextError>(())
    };
    scanner
        .push(Chunk::Text(token), &mut emit)
        .and_then(|()| scanner.flush(&mut emit))
        .is_ok()
        && found == 1
        && same
}
