//! The prompts: one, several, or one for each line of a file.

use crate::args::{Quoted, shell_word};
use crate::commands::{STDIN, is_stdin};
use crate::output::{say, usage};
use anyhow::{Context, Result, bail};
use clap::{Args, ValueHint};
use elman::text::{Kind, Vocab};
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

#[derive(Args)]
#[command(next_help_heading = "Prompt")]
pub struct PromptArgs {
    /// '-' reads the prompt from standard input
    #[arg(value_name = "-", help_heading = None::<&str>, conflicts_with_all = ["prompt", "prompt_file", "prompts"])]
    words: Vec<String>,
    /// Text to continue; several prompts are continued side by side
    #[arg(long, short, value_name = "TEXT", allow_hyphen_values = true)]
    prompt: Vec<String>,
    /// Read the prompt from this file; a newline at its very end does not count
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "prompt")]
    prompt_file: Option<PathBuf>,
    /// Read prompts from this file, one a line ('-': standard input), and continue them side by side
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["prompt", "prompt_file"])]
    prompts: Option<PathBuf>,
    /// Number of prompts that are continued in parallel; changes speed and memory, and no text
    #[arg(long, short = 'B', value_name = "N", default_value = "16", alias = "lanes", value_parser = clap::value_parser!(u16).range(1..))]
    batch_size: u16,
    /// Print only what was written, not the prompt
    #[arg(long)]
    no_echo: bool,
}

/// The prompts' bytes.
pub struct Prompts {
    texts: Vec<Vec<u8>>,
    /// From files, where a byte order mark may stand in front.
    from_file: bool,
}

const BOM: &[u8] = b"\xEF\xBB\xBF";
/// Symbols outside the vocabulary that a note names.
const MOST_NAMED: usize = 10;
/// Prompts and lists are held in memory.
const LONGEST: u64 = 64 << 20;

impl PromptArgs {
    /// Refuses anything but '-' after the model, where the words of a prompt are often written.
    pub fn check(&self, model: &Path) -> Result<()> {
        match &self.words[..] {
            [] => Ok(()),
            [dash] if is_stdin(Path::new(dash)) => Ok(()),
            words => Err(usage(format!(
                "the prompt is an option: elman generate {} --prompt {}",
                Quoted(model),
                shell_word(&words.join(" "))
            ))),
        }
    }

    /// All prompts, in order; one at least.
    pub fn read(&self) -> Result<Prompts> {
        let given: Vec<Vec<u8>> = self.prompt.iter().map(|text| text.clone().into()).collect();
        let path = match (&self.prompts, &self.prompt_file, self.words.first()) {
            (Some(path), ..) => path.as_path(),
            (None, Some(path), _) => path.as_path(),
            (None, None, Some(_)) => Path::new(STDIN),
            (None, None, None) => {
                return Ok(Prompts {
                    texts: match given.is_empty() {
                        true => vec![Vec::new()],
                        false => given,
                    },
                    from_file: false,
                });
            }
        };
        let mut bytes = read(path, "the prompt")?;
        let texts: Vec<Vec<u8>> = if self.prompts.is_some() {
            lines(&bytes).map(<[u8]>::to_vec).collect()
        } else {
            // Editors and `echo` end a file with a newline that nobody means as part of the prompt.
            for end in [b'\n', b'\r'] {
                if bytes.last() == Some(&end) {
                    bytes.pop();
                }
            }
            vec![bytes]
        };
        if texts.is_empty() {
            bail!("there is no prompt in {}", path.display());
        }
        Ok(Prompts {
            texts,
            from_file: true,
        })
    }

    pub fn batch_size(&self) -> usize {
        usize::from(self.batch_size)
    }

    pub fn echo(&self) -> bool {
        !self.no_echo
    }
}

impl Prompts {
    /// Drops a byte order mark, as everywhere at the beginning of a file of text.
    pub fn drop_mark(&mut self, kind: Kind) {
        let first = &mut self.texts[0];
        if self.from_file && kind.is_text() && first.starts_with(BOM) {
            first.drain(..BOM.len());
            say("note: byte order mark dropped from the prompt");
        }
    }

    pub fn texts(&self) -> impl Iterator<Item = &[u8]> {
        self.texts.iter().map(Vec::as_slice)
    }

    /// The ids of each, with a note about what the vocabulary lacks.
    pub fn encode(&self, vocab: &Vocab) -> Result<Vec<Vec<u32>>> {
        let (mut all, mut unknown) = (Vec::new(), Vec::new());
        for (number, text) in (1..).zip(&self.texts) {
            let encoded = vocab.tokenize(text);
            let encoded = match self.texts.len() {
                1 => encoded?,
                _ => encoded.with_context(|| format!("prompt {number}"))?,
            };
            for symbol in encoded.unknown {
                if !unknown.contains(&symbol) {
                    unknown.push(symbol);
                }
            }
            all.push(encoded.ids);
        }
        if !unknown.is_empty() {
            let named = unknown.iter().take(MOST_NAMED);
            let named: Vec<String> = named.map(|symbol| format!("{symbol:?}")).collect();
            let more = match unknown.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            say(format_args!(
                "note: outside the vocabulary, read as <unk>: {}{more}",
                named.join(", ")
            ));
        }
        Ok(all)
    }
}

/// The bytes of a file, or of standard input.
pub fn read(path: &Path, what: &str) -> Result<Vec<u8>> {
    let source: Box<dyn Read> = if is_stdin(path) {
        Box::new(io::stdin())
    } else {
        let file = File::open(path);
        Box::new(file.with_context(|| format!("cannot open {what} {}", path.display()))?)
    };
    let mut bytes = Vec::new();
    let read = source.take(LONGEST + 1).read_to_end(&mut bytes);
    read.with_context(|| format!("cannot read {what} in {}", path.display()))?;
    if bytes.len() as u64 > LONGEST {
        bail!("{what} is longer than 64 MiB; `elman eval` reads texts of any length");
    }
    Ok(bytes)
}

/// The lines without their ends; a newline at the very end begins no further one.
pub fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let whole = bytes.strip_suffix(b"\n").unwrap_or(bytes);
    let count = if bytes.is_empty() { 0 } else { usize::MAX };
    let lines = whole.split(|&byte| byte == b'\n').take(count);
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}
