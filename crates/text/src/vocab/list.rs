//! Vocabulary lists: one token a line, in the order of the ids, for `--vocab-file`.
//!
//! Escapes: `\n` newline, `\r` carriage return, `\t` tab, `\\` backslash; spaces stand for themselves. In kinds
//! `whitespace` and `fields`, whose tokens hold no white space, any other backslash stands for itself, as in the `1\/2` of the Penn
//! Treebank. `<eos>` and `<unk>` may be
//! listed anywhere or not at all: they are always ids 0 and 1. A carriage return before the newline is dropped.
//! A token that the kind can never produce is an error, because it is a sign of a list of another kind.

use std::collections::HashSet;
use std::path::Path;

use super::super::lines::{Chunk, Input, Source, recognise};
use super::super::scan::{Scanner, Token};
use super::tokens::Tokens;
use super::{EOS, Kind, TextError, UNK, Vocab};

/// A vocabulary file larger than this is none.
const LARGEST_FILE: u64 = 1 << 30;

impl Vocab {
    /// Reads a vocabulary of `kind` from a list or a `tokenizer.json`, either of which may be compressed with gzip or zstd.
    ///
    /// A file named `*.json`, or one that begins as elman's own do, is read as `tokenizer.json`.
    pub fn from_file(path: &Path, kind: Kind) -> Result<Vocab, TextError> {
        let (name, bytes) = read_whole(path)?;
        match is_json(path, &bytes) {
            true => json_of_kind(&name, &bytes, Some(kind)),
            false => Vocab::from_list(&name, &bytes, kind),
        }
    }

    /// Reads a `tokenizer.json` of elman or of another program, which may be compressed with gzip or zstd.
    ///
    /// `eos` names the token that ends a text in a foreign file; without it the file decides, or a usual name is
    /// tried.
    pub fn from_tokenizer(path: &Path, eos: Option<&str>) -> Result<Vocab, TextError> {
        let (name, bytes) = read_whole(path)?;
        Vocab::parse_tokenizer(&name, &bytes, eos)
    }

    /// Reads a vocabulary list from memory; `name` is its name in messages.
    pub fn from_list(name: &str, bytes: &[u8], kind: Kind) -> Result<Vocab, TextError> {
        Ok(Listed::from_list(name, bytes, kind, &SpecialNames::default())?.vocab)
    }
}

/// Names of the special tokens in another program's vocabulary list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialNames {
    /// Name of the token that ends a text.
    pub eos: String,
    /// Name of the unknown token.
    pub unk: String,
}

impl Default for SpecialNames {
    fn default() -> SpecialNames {
        SpecialNames {
            eos: EOS.to_owned(),
            unk: UNK.to_owned(),
        }
    }
}

/// Vocabulary with the ids that another program's file gives to its tokens.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The vocabulary.
    pub vocab: Vocab,
    /// Id in `vocab` of each entry of the file, in its order. `<eos>` and `<unk>` need not be among them.
    pub ids: Vec<u32>,
}

impl Listed {
    /// Reads a vocabulary as [`Vocab::from_file`] does, from a list in which every line counts as an entry.
    ///
    /// Without `kind` a `tokenizer.json` may be of any kind, and a list is of kind `whitespace`.
    pub fn from_file(
        path: &Path,
        kind: Option<Kind>,
        names: &SpecialNames,
    ) -> Result<Listed, TextError> {
        let (name, bytes) = read_whole(path)?;
        if !is_json(path, &bytes) {
            return Listed::from_list(&name, &bytes, kind.unwrap_or(Kind::Whitespace), names);
        }
        Ok(Listed::all(json_of_kind(&name, &bytes, kind)?))
    }

    /// Wraps a vocabulary that keeps its own ids.
    pub fn all(vocab: Vocab) -> Listed {
        let ids = (0..vocab.len() as u32).collect();
        Listed { vocab, ids }
    }

    fn from_list(
        name: &str,
        bytes: &[u8],
        kind: Kind,
        names: &SpecialNames,
    ) -> Result<Listed, TextError> {
        let failed = |line: usize, what: String| TextError::VocabFile {
            name: name.to_owned(),
            line,
            what,
        };
        if kind == Kind::Bytes || kind.has_engine() {
            return Err(failed(1, format!("kind {kind} takes no list of tokens")));
        }
        let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
        let text = std::str::from_utf8(bytes).map_err(|error| TextError::InvalidUtf8 {
            name: name.to_owned(),
            offset: error.valid_up_to() as u64,
        })?;
        let mut seen = HashSet::new();
        let mut tokens = Tokens::default();
        let mut ids = Vec::new();
        for (number, line) in (1..).zip(text.split_terminator('\n')) {
            let line = line.strip_suffix('\r').unwrap_or(line);
            let token = unescape(line, kind).map_err(|what| failed(number, what))?;
            if !seen.insert(token.clone()) {
                return Err(failed(
                    number,
                    format!("the token {line:?} is listed twice"),
                ));
            }
            if token == names.eos || token == names.unk {
                ids.push(u32::from(token == names.unk));
                continue;
            }
            if token == EOS || token == UNK || !is_token(&token, kind) {
                return Err(failed(
                    number,
                    format!("{line:?} is not one token of kind {kind}"),
                ));
            }
            ids.push(2 + tokens.len() as u32);
            tokens.push(token.as_bytes());
        }
        if tokens.len() == 0 {
            return Err(failed(1, "no token is listed: write one a line".to_owned()));
        }
        let vocab = Vocab::of_words(kind, tokens.iter());
        Ok(Listed { vocab, ids })
    }
}

/// Whether a vocabulary's file is a `tokenizer.json`: by its name, or because it begins as ours do.
fn is_json(path: &Path, bytes: &[u8]) -> bool {
    let named = path
        .extension()
        .is_some_and(|extension| extension == "json");
    named || bytes.starts_with(b"{\n  \"version\"")
}

/// A `tokenizer.json`, which must be of this kind, or of the other one whose words stand between spaces.
fn json_of_kind(name: &str, bytes: &[u8], kind: Option<Kind>) -> Result<Vocab, TextError> {
    let vocab = Vocab::from_tokenizer_json(name, bytes)?;
    match kind {
        Some(wanted) if !vocab.kind().serves_as(wanted) => Err(TextError::KindMismatch {
            name: name.to_owned(),
            found: vocab.kind(),
            wanted,
        }),
        _ => Ok(vocab),
    }
}

/// The name and the bytes of a file, decompressed.
fn read_whole(path: &Path) -> Result<(String, Vec<u8>), TextError> {
    let mut input = Input::open(Source::File(path.to_owned()))?;
    // A file that grows in memory is there twice.
    let length = path.metadata().map_or(0, |about| about.len());
    let mut bytes = Vec::with_capacity(length.min(LARGEST_FILE) as usize);
    let mut part = vec![0; 64 * 1024];
    loop {
        match input.read(&mut part)? {
            0 => return Ok((input.name, bytes)),
            got => {
                if bytes.is_empty()
                    && let Some(what) = recognise(&part[..got])
                {
                    return Err(TextError::recognised(&input.name, what));
                }
                bytes.extend_from_slice(&part[..got]);
            }
        }
        if bytes.len() as u64 > LARGEST_FILE {
            return Err(TextError::VocabTooLarge(input.name));
        }
    }
}

fn unescape(line: &str, kind: Kind) -> Result<String, String> {
    let mut token = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        if c != '\\' {
            token.push(c);
            continue;
        }
        let escaped = match rest.peek() {
            Some('\\') => '\\',
            _ if kind.between_spaces() => {
                token.push(c);
                continue;
            }
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            _ => {
                return Err(
                    "a backslash is written \\\\ (the escapes are \\n, \\r, \\t and \\\\)"
                        .to_owned(),
                );
            }
        };
        rest.next();
        token.push(escaped);
    }
    if token.is_empty() {
        Err("the line is empty: remove it".to_owned())
    } else {
        Ok(token)
    }
}

/// Whether `token` is a single token of `kind`.
pub fn is_token(token: &str, kind: Kind) -> bool {
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
