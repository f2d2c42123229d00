//! `elman tokenize`: what a vocabulary makes of a text, and back; making a vocabulary without a model.

use super::{name_of, sources};
use crate::args::Vocabulary;
use crate::output::{Table, grouped, say, usage};
use crate::outputs::{Making, refuse_existing, refuse_inputs};
use crate::progress::spinner;
use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};
use elman::infer::read_vocab;
use elman::store::write_atomic;
use elman::text::{self, Decoder, Kind, ReadOptions, Symbol, Vocab};
use serde::Serialize;
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Show how a vocabulary cuts a text into tokens
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman tokenize runs/kjv verse.txt                     # the tokens, a line for each line of text
  echo 'In the beginning' | elman tokenize runs/kjv     # from a pipe
  elman tokenize runs/kjv verse.txt --ids               # their ids
  elman tokenize runs/kjv verse.txt --count             # how many, and how many the vocabulary lacks
  elman tokenize runs/kjv verse.txt --ids | elman tokenize runs/kjv --decode
  elman tokenize gpt2/tokenizer.json verse.txt          # the tokenizer of another program
  elman tokenize --vocab bpe:8000 -o tokenizer.json corpus.txt   # make a vocabulary")]
pub struct TokenizeArgs {
    /// A model, a run or a tokenizer.json (left out with --vocab), then texts; without a text or
    /// for '-', standard input
    #[arg(value_name = "MODEL|TEXT", required = true, value_hint = ValueHint::AnyPath)]
    inputs: Vec<PathBuf>,
    /// Print ids
    #[arg(long, conflicts_with_all = ["json", "count", "decode"])]
    ids: bool,
    /// Print {"ids":[…],"tokens":[…]} for each line of text
    #[arg(long, conflicts_with = "decode")]
    json: bool,
    /// Print what was counted
    #[arg(long, conflicts_with = "decode")]
    count: bool,
    /// Read ids, print text
    #[arg(long)]
    decode: bool,
    /// Read invalid UTF-8 as U+FFFD instead of refusing it
    #[arg(long, conflicts_with = "decode")]
    lossy: bool,
    /// Take lines that are LINE as ends of documents
    #[arg(
        long,
        value_name = "LINE",
        allow_hyphen_values = true,
        conflicts_with = "decode"
    )]
    document_separator: Option<String>,
    /// Make a vocabulary from the texts: words, whitespace, fields, chars, bytes, or bpe:N with N entries
    #[arg(long, value_name = "KIND", help_heading = "Making a vocabulary", requires = "output",
        conflicts_with_all = ["ids", "json", "count", "decode"])]
    vocab: Option<Vocabulary>,
    /// Treat words seen fewer than N times as <unk>
    #[arg(
        long,
        value_name = "N",
        help_heading = "Making a vocabulary",
        requires = "vocab",
        default_value = "1"
    )]
    min_count: u64,
    /// Most entries, the special tokens included [default: all]
    #[arg(
        long,
        value_name = "N",
        help_heading = "Making a vocabulary",
        requires = "vocab"
    )]
    max_vocab: Option<usize>,
    /// Where to write it
    #[arg(long, short, alias = "save", value_name = "FILE", help_heading = "Making a vocabulary", requires = "vocab", value_hint = ValueHint::FilePath)]
    output: Option<PathBuf>,
    /// Replace what is there
    #[arg(long, help_heading = "Making a vocabulary", requires = "output")]
    force: bool,
}

pub fn run(args: TokenizeArgs) -> Result<()> {
    if let (Some(vocab), Some(file)) = (args.vocab, &args.output) {
        return make(&args, vocab, file);
    }
    let stdin = [PathBuf::from(super::STDIN)];
    let (vocab, texts) = match args.inputs.split_first() {
        None => return Err(usage("name a model or a tokenizer.json")),
        Some((vocab, [])) => (vocab, &stdin[..]),
        Some((vocab, texts)) => (vocab, texts),
    };
    let vocab = open_vocab(vocab)?;
    let mut out = BufWriter::new(io::stdout().lock());
    if args.decode {
        decode(&vocab, texts, &mut out)?;
    } else if args.count {
        tally(&args, &vocab, texts, &mut out)?;
    } else {
        print(&args, &vocab, texts, &mut out)?;
    }
    Ok(out.flush()?)
}

/// Memory that counting a vocabulary may take.
const COUNT_LIMIT_BYTES: u64 = 2 << 30;

fn make(args: &TokenizeArgs, vocab: Vocabulary, file: &Path) -> Result<()> {
    refuse_inputs(file, &args.inputs)?;
    refuse_existing(file, Making::File, args.force)?;
    let kind = vocab.kind;
    let most = args.max_vocab.or(vocab.entries);
    let shown = spinner(false);
    shown.set_message("counting");
    let read = reading(args);
    let (counts, stats) = text::count(sources(&args.inputs)?, kind, &read, COUNT_LIMIT_BYTES)?;
    let distinct = counts.distinct();
    if kind == Kind::Bpe {
        shown.set_message(format!(
            "learning merges in {} different pieces",
            grouped(distinct as u64)
        ));
    }
    let vocab = counts.into_vocab(args.min_count, most)?;
    shown.finish_and_clear();
    stats
        .notes
        .iter()
        .for_each(|note| say(format_args!("note: {note}")));
    write_atomic(file, |out| {
        out.write_all(vocab.to_tokenizer_json().as_bytes())
    })?;
    say(format_args!(
        "{}: kind {kind}, {} entries, from {} tokens, {} of them different, in {}",
        file.display(),
        grouped(vocab.len() as u64),
        grouped(stats.tokens),
        grouped(distinct as u64),
        name_of(&args.inputs),
    ));
    Ok(())
}

/// How the texts are read.
fn reading(args: &TokenizeArgs) -> ReadOptions {
    ReadOptions {
        lossy: args.lossy,
        separator: args.document_separator.clone(),
        ..ReadOptions::default()
    }
}

/// The vocabulary of a model, of a run, or in a tokenizer.json.
fn open_vocab(path: &Path) -> Result<Vocab> {
    Ok(if path.is_file() {
        Vocab::from_tokenizer(path, None)?
    } else {
        read_vocab(path)?
    })
}

fn tally(
    args: &TokenizeArgs,
    vocab: &Vocab,
    texts: &[PathBuf],
    out: &mut impl Write,
) -> Result<()> {
    let read = reading(args);
    let stats = text::encode::<anyhow::Error>(sources(texts)?, vocab, &read, &mut |_| Ok(()))?;
    if args.json {
        serde_json::to_writer(&mut *out, &stats)?;
        writeln!(out)?;
        return Ok(());
    }
    stats
        .notes
        .iter()
        .for_each(|note| say(format_args!("note: {note}")));
    let mut table = Table::default();
    table.row("tokens", grouped(stats.tokens));
    table.row("OOVs", grouped(stats.oov));
    table.row("words", grouped(stats.fields));
    table.row("line ends", grouped(stats.line_ends));
    table.row("characters", grouped(stats.chars));
    table.row("bytes", grouped(stats.bytes));
    table.row("text hash", &stats.hash);
    writeln!(out, "{table}")?;
    Ok(())
}

/// Tokens that stand on one line of output at most, so that a text without line ends needs no more memory.
const LONGEST_LINE: usize = 1 << 16;

fn print(
    args: &TokenizeArgs,
    vocab: &Vocab,
    texts: &[PathBuf],
    out: &mut impl Write,
) -> Result<()> {
    let read = reading(args);
    let mut line = Vec::new();
    let stats = text::encode::<anyhow::Error>(
        sources(texts)?,
        vocab,
        &read,
        &mut |Symbol { id, .. }| {
            line.push(id);
            let ends = vocab.ends_line(id);
            if ends || line.len() == LONGEST_LINE {
                print_line(args, vocab, &line, out)?;
                line.clear();
            }
            Ok(())
        },
    )?;
    if !line.is_empty() {
        print_line(args, vocab, &line, out)?;
    }
    stats
        .notes
        .iter()
        .for_each(|note| say(format_args!("note: {note}")));
    if stats.oov > 0 {
        let (oov, tokens) = (grouped(stats.oov), grouped(stats.tokens));
        say(format_args!(
            "note: {oov} of {tokens} tokens are outside the vocabulary and read as <unk>"
        ));
    }
    Ok(())
}

fn print_line(
    args: &TokenizeArgs,
    vocab: &Vocab,
    ids: &[u32],
    out: &mut impl Write,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        ids: &'a [u32],
        tokens: Vec<Cow<'a, str>>,
    }
    if args.json {
        let tokens = ids.iter().map(|id| vocab.token(*id)).collect();
        serde_json::to_writer(&mut *out, &Line { ids, tokens })?;
    } else {
        for (i, id) in ids.iter().enumerate() {
            let space = if i > 0 { " " } else { "" };
            match args.ids {
                true => write!(out, "{space}{id}")?,
                false => write!(out, "{space}{}", quoted(vocab, *id))?,
            }
        }
    }
    writeln!(out)
}

/// A token between quotation marks, on one line whatever it holds; a special by its name.
pub(super) fn quoted(vocab: &Vocab, id: u32) -> String {
    if id == vocab.eos() || Some(id) == vocab.unk() {
        return vocab.token(id).into_owned();
    }
    let token = vocab.token(id);
    let shown = match vocab.kind() {
        // Names of bytes are escaped already.
        Kind::Bytes if token.len() > 1 => token.into_owned(),
        Kind::Bpe if token.as_bytes() != vocab.token_bytes(id) => token.into_owned(),
        _ => escape(&token),
    };
    format!("\"{shown}\"")
}

fn escape(token: &str) -> String {
    let mut out = String::with_capacity(token.len());
    for c in token.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' | '\t' | '\r' => out.extend(c.escape_default()),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

fn decode(vocab: &Vocab, inputs: &[PathBuf], out: &mut impl Write) -> Result<()> {
    let mut decoder = Decoder::default();
    for path in inputs {
        let name = name_of(std::slice::from_ref(path));
        let reader: Box<dyn BufRead> = match super::is_stdin(path) {
            true => Box::new(io::stdin().lock()),
            false => Box::new(BufReader::new(
                File::open(path).with_context(|| format!("cannot open {name}"))?,
            )),
        };
        for (number, line) in (1..).zip(reader.lines()) {
            let line = line.with_context(|| format!("cannot read {name}, line {number}"))?;
            for word in line.split_whitespace() {
                match word.parse::<u32>() {
                    Ok(id) if (id as usize) < vocab.len() => {
                        out.write_all(decoder.push(vocab, id))?
                    }
                    _ => bail!(
                        "{name}, line {number}: '{word}' is not an id below {}",
                        vocab.len()
                    ),
                }
            }
        }
    }
    out.write_all(decoder.finish())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_quoted_on_one_line() {
        let bytes = Vocab::bytes();
        assert_eq!(quoted(&bytes, 10), r#""\x0a""#);
        assert_eq!(quoted(&bytes, 92), r#""\\""#);
        assert_eq!(quoted(&bytes, 256), "<eos>");
        let list = b"a\nb\n";
        let words = Vocab::from_list("list", list, Kind::Words).unwrap();
        assert_eq!(quoted(&words, words.id(b"a").unwrap()), "\"a\"");
        assert_eq!(escape("\n\u{1}\t\"é"), "\\n\\u{1}\\t\\\"é");
    }
}
