//! How tokens are chosen: by draws or by search, and among which.

use super::prompts::{lines, read};
use crate::args::finite32;
use anyhow::{Context, Result};
use clap::{Args, ValueHint};
use elman::infer::{Allow, Beam, LengthPenalty, Sampling};
use std::path::PathBuf;

#[derive(Args)]
#[command(next_help_heading = "Choice of tokens")]
pub struct ChoiceArgs {
    /// Flatter (above 1) or sharper (below 1) choices; 0 is --greedy
    #[arg(long, value_name = "X", value_parser = finite32, default_value = "0.8")]
    temperature: f32,
    /// Choose among the N most probable tokens
    #[arg(long, value_name = "N")]
    top_k: Option<usize>,
    /// Choose among the fewest tokens that together have this probability
    #[arg(long, value_name = "P", value_parser = finite32, default_value = "1")]
    top_p: f32,
    /// Choose among tokens with at least this share of the largest probability
    #[arg(long, value_name = "P", value_parser = finite32, default_value = "0")]
    min_p: f32,
    /// Choose among the tokens of most typical information that together have this probability
    #[arg(long, value_name = "P", value_parser = finite32, default_value = "1")]
    typical: f32,
    /// Above 1: make tokens that already occur in the text less probable
    #[arg(long, value_name = "X", value_parser = finite32, default_value = "1")]
    repetition_penalty: f32,
    /// How many of the last tokens the penalty looks at [default: all]
    #[arg(long, value_name = "N")]
    repetition_window: Option<usize>,
    /// Always take the most probable token
    #[arg(long, conflicts_with_all = ["temperature", "top_k", "top_p", "min_p", "typical"])]
    greedy: bool,
    /// Write only what this regular expression matches as a whole; a space before the first word counts
    #[arg(long, value_name = "REGEX", conflicts_with_all = ["allow_words", "stop"])]
    allow: Option<String>,
    /// Write only words of this file, one a line, in any order
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "stop")]
    allow_words: Option<PathBuf>,
    /// Let <unk> be chosen
    #[arg(long)]
    allow_unk: bool,
    /// The same seed writes the same text on every machine
    #[arg(long, value_name = "N", default_value = "1")]
    seed: u64,
}

impl ChoiceArgs {
    pub fn sampling(&self) -> Sampling {
        Sampling {
            temperature: if self.greedy { 0.0 } else { self.temperature },
            top_k: self.top_k,
            top_p: self.top_p,
            min_p: self.min_p,
            typical: self.typical,
            repetition_penalty: self.repetition_penalty,
            repetition_window: self.repetition_window,
            seed: self.seed,
            allow_unk: self.allow_unk,
            ..Sampling::default()
        }
    }

    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What may be written at all. Errors: a file of words that cannot be read.
    pub fn allow(&self) -> Result<Option<Allow>> {
        if let Some(regex) = &self.allow {
            return Ok(Some(Allow::Regex(regex.clone())));
        }
        let Some(path) = &self.allow_words else {
            return Ok(None);
        };
        let bytes = read(path, "the list of allowed words")?;
        let text = String::from_utf8(bytes)
            .with_context(|| format!("{} is not UTF-8 text", path.display()))?;
        let text = text.strip_prefix('\u{FEFF}').unwrap_or(&text);
        let words = lines(text.as_bytes()).map(|line| String::from_utf8_lossy(line).into_owned());
        Ok(Some(Allow::Words(words.collect())))
    }
}

#[derive(Args)]
#[command(next_help_heading = "Search")]
pub struct SearchArgs {
    /// Search for the most probable text with N hypotheses at a time, instead of drawing one
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), conflicts_with_all = [
        "temperature", "top_k", "top_p", "min_p", "typical", "greedy", "repetition_penalty", "repetition_window", "seed", "samples",
    ])]
    beam: Option<u16>,
    /// Texts to print, the best first, each with its score
    #[arg(long, value_name = "N", requires = "beam", default_value = "1")]
    n_best: usize,
    /// Rank by ln p / ((5 + tokens) / 6)^A; 0: by ln p; or 'mean': by ln p / tokens
    #[arg(long, value_name = "A", requires = "beam", value_parser = length_penalty, default_value = "0.6")]
    length_penalty: LengthPenalty,
}

impl SearchArgs {
    pub fn beam(&self) -> Option<Beam> {
        Some(Beam {
            width: usize::from(self.beam?),
            n_best: self.n_best,
            length_penalty: self.length_penalty,
        })
    }

    pub fn n_best(&self) -> usize {
        self.n_best
    }
}

fn length_penalty(text: &str) -> Result<LengthPenalty, String> {
    if text == "mean" {
        return Ok(LengthPenalty::Mean);
    }
    match crate::args::finite(text) {
        Ok(alpha) if alpha >= 0.0 => Ok(LengthPenalty::Alpha(alpha)),
        _ => Err("expected a number of at least 0, such as 0.6, or mean".into()),
    }
}
