//! How texts are printed: as text, with log-probabilities below, or as one JSON object each.

use crate::output::{number, say};
use anyhow::Result;
use elman::infer::{Finish, Generation, Hypothesis};
use elman::text::Vocab;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::f64::consts::LOG10_E;
use std::io::{self, Write};

/// The base of printed logarithms.
#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    Ln,
    Log10,
}

/// What is the same for all texts.
pub struct Show<'a> {
    pub vocab: &'a Vocab,
    pub json: bool,
    /// Print log-probabilities.
    pub base: Option<Base>,
    /// Print prompts.
    pub echo: bool,
    /// Print a line with the score before each text of a search.
    pub headed: bool,
    pub seed: u64,
}

/// What a text continues.
pub struct Source<'a> {
    /// The prompt's number, from 0.
    pub index: usize,
    pub prompt: &'a [u8],
    pub prompt_tokens: usize,
}

/// A text that is being printed.
pub struct Text<'a> {
    show: &'a Show<'a>,
    last: Option<u8>,
}

/// A text in JSON.
#[derive(Serialize)]
struct Json<'a> {
    index: usize,
    #[serde(flatten)]
    way: Way,
    prompt: Cow<'a, str>,
    text: Cow<'a, str>,
    finish: Finish,
    prompt_tokens: usize,
    tokens: &'a [u32],
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<LogProbs<'a>>,
}

/// How a text was found.
#[derive(Serialize)]
#[serde(untagged)]
enum Way {
    Sample {
        sample: u64,
        seed: u64,
    },
    /// `logprob` is natural, whatever the base of the rest.
    Search {
        rank: usize,
        score: f64,
        logprob: f64,
    },
}

/// Under the model's own distribution.
#[derive(Serialize)]
struct LogProbs<'a> {
    base: &'static str,
    tokens: Vec<Cow<'a, str>>,
    token_logprobs: Vec<f64>,
    total: f64,
}

impl Base {
    /// A natural logarithm in this base, with the bits of `eval --per-token`.
    fn of(self, ln: f64) -> f64 {
        match self {
            Base::Ln => ln,
            Base::Log10 => ln * LOG10_E,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Base::Ln => "ln",
            Base::Log10 => "log10",
        }
    }
}

impl Show<'_> {
    /// Begins a text of which pieces follow. A line separates two texts.
    pub fn begin(&self, is_next: bool, prompt: &[u8]) -> io::Result<Text<'_>> {
        if is_next {
            print(b"---\n")?;
        }
        let echo = if self.echo { prompt } else { b"" };
        print(echo)?;
        Ok(Text {
            show: self,
            last: echo.last().copied(),
        })
    }

    /// Shows sample `number` of a prompt.
    pub fn sample(&self, source: &Source, number: u64, sample: &Generation) -> Result<()> {
        if self.json {
            let seed = self.seed;
            let way = Way::Sample {
                sample: number,
                seed,
            };
            return self.json(source, way, sample);
        }
        let mut text = self.begin(number > 0 || source.index > 0, source.prompt)?;
        text.piece(&sample.text)?;
        Ok(text.end(sample)?)
    }

    /// Shows text number `rank` of a search.
    pub fn hypothesis(&self, source: &Source, rank: usize, found: &Hypothesis) -> Result<()> {
        if self.json {
            let (score, logprob) = (found.score, found.logprob);
            let way = Way::Search {
                rank,
                score,
                logprob,
            };
            return self.json(source, way, &found.text);
        }
        let is_next = rank > 1 || source.index > 0;
        if self.headed {
            let line = format!(
                "--- {rank}: score {:.4}, ln p {:.4}, {} tokens\n",
                found.score,
                found.logprob,
                found.text.tokens.len()
            );
            print(line.as_bytes())?;
        }
        let mut text = self.begin(is_next && !self.headed, source.prompt)?;
        text.piece(&found.text.text)?;
        Ok(text.end(&found.text)?)
    }

    fn json(&self, source: &Source, way: Way, text: &Generation) -> Result<()> {
        let json = Json {
            index: source.index,
            way,
            prompt: String::from_utf8_lossy(source.prompt),
            text: String::from_utf8_lossy(&text.text),
            finish: text.finish,
            prompt_tokens: source.prompt_tokens,
            tokens: &text.tokens,
            logprobs: self.base.map(|base| LogProbs {
                base: base.name(),
                tokens: text.tokens.iter().map(|&id| self.vocab.token(id)).collect(),
                token_logprobs: text.logprobs.iter().map(|&ln| base.of(ln)).collect(),
                total: base.of(text.logprobs.iter().sum()),
            }),
        };
        let mut line = serde_json::to_vec(&json)?;
        line.push(b'\n');
        Ok(print(&line)?)
    }
}

impl Text<'_> {
    pub fn piece(&mut self, piece: &[u8]) -> io::Result<()> {
        self.last = piece.last().copied().or(self.last);
        print(piece)
    }

    /// Ends the last line, and prints what is known of the tokens.
    pub fn end(&self, text: &Generation) -> io::Result<()> {
        if self.last != Some(b'\n') {
            print(b"\n")?;
        }
        if text.text.is_empty() && matches!(text.finish, Finish::Eos | Finish::Line) {
            say("note: the model ended the text at once");
        }
        match self.show.base {
            Some(base) => self.log_probs(base, text),
            None => Ok(()),
        }
    }

    fn log_probs(&self, base: Base, text: &Generation) -> io::Result<()> {
        let mut lines = format!(
            "{:>9}  of the model itself, before any filter\n",
            base.name()
        );
        for (&id, &ln) in text.tokens.iter().zip(&text.logprobs) {
            let token = self.show.vocab.token(id);
            lines += &format!("{:9.4}  {token:?}\n", base.of(ln));
        }
        let total: f64 = text.logprobs.iter().sum();
        let (n, total_of_base) = (text.tokens.len(), base.of(total));
        lines += &format!("{total_of_base:9.4}  in all, of {n} tokens");
        if n > 0 {
            lines += &format!(", perplexity {}", number((-total / n as f64).exp()));
        }
        lines.push('\n');
        print(lines.as_bytes())
    }
}

fn print(bytes: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(bytes)?;
    out.flush()
}
