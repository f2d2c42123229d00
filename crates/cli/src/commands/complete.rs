//! `elman complete`: the most probable words after a text, or how many keys they save on a text.

use super::scorer::{ModelArgs, print_notes};
use super::{refuse_model, sources};
use crate::output::{count, grouped, usage};
use crate::progress::Ticker;
use anyhow::Result;
use clap::{Args, ValueHint};
use elman::infer::{Completer, CompletionOptions, Completions, Suggestions, evaluate_completions};
use elman::text::{Layout, ReadOptions};
use serde::Serialize;
use std::io::{self, BufRead, IsTerminal, Write};
use std::path::PathBuf;

/// Suggest the words that come next, or complete the one that is being typed
///
/// Words are what is between white space, whatever the tokens of the model are: under characters and subwords too a suggestion is a whole word, with the probability of the word and of its end. The
/// search is exact; where --steps stops it, the output says how probable a word can be that was not found.
///
/// Without a prefix, lines are read from standard input, and words are suggested for each of them. With --evaluate, prints how often the next word of a text is suggested, and the keystrokes that suggestions save.
#[derive(Args)]
#[command(after_help = "\
Examples:
  elman complete runs/kjv 'In the beg'           # completes the last word
  elman complete runs/kjv 'In the ' -k 5         # behind a space: the next word
  elman complete runs/kjv                        # a line in, suggestions out
  elman complete kjv5.bin 'And God ' --json | jq -r '.words[0].word'
  elman complete runs/kjv 'And ' --mix kjv5.bin:0.4
  elman complete runs/kjv --evaluate test.txt    # top-1 and top-3 accuracy, keystroke savings with 3 suggestions
  elman complete runs/kjv --evaluate test.txt -k 1 --words 500")]
pub struct CompleteArgs {
    #[command(flatten)]
    model: ModelArgs,
    /// The text so far; its last word is completed unless white space is behind it [default: each line of standard input]
    #[arg(value_name = "PREFIX", allow_hyphen_values = true)]
    prefix: Option<String>,
    /// Number of suggestions
    #[arg(long, short = 'k', value_name = "N", default_value = "3", value_parser = clap::value_parser!(u16).range(1..=1000))]
    suggestions: u16,
    /// Most steps of the model for the suggestions at one place
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    steps: u32,
    /// Print JSON: an object for each prefix, or one with the figures of --evaluate
    #[arg(long)]
    json: bool,
    /// Do not show progress and notes on standard error
    #[arg(long, short)]
    quiet: bool,

    /// Predict the words of this text; may be given several times, '-' is standard input
    #[arg(long, value_name = "TEXT", help_heading = "Evaluation", value_hint = ValueHint::FilePath, conflicts_with = "prefix")]
    evaluate: Vec<PathBuf>,
    /// Read the text as one: each line after all lines before it
    #[arg(long, help_heading = "Evaluation", requires = "evaluate")]
    continuous: bool,
    /// Stop after this number of words
    #[arg(long, value_name = "N", help_heading = "Evaluation", requires = "evaluate", value_parser = clap::value_parser!(u64).range(1..))]
    words: Option<u64>,
}

/// A suggestion as JSON.
#[derive(Serialize)]
struct WordRow<'a> {
    word: &'a str,
    p: f64,
    ln_p: f64,
    tokens: usize,
}

/// The suggestions for a prefix as JSON.
#[derive(Serialize)]
struct PrefixRow<'a> {
    prefix: &'a str,
    words: Vec<WordRow<'a>>,
    /// Whether no other word is more probable.
    exact: bool,
    /// Largest probability of a word that was not found, where the search was stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    missed_p_at_most: Option<f64>,
}

/// The figures of a text as JSON.
#[derive(Serialize)]
struct EvaluationRow {
    suggestions: usize,
    #[serde(flatten)]
    figures: Completions,
    top1_accuracy: Option<f64>,
    top3_accuracy: Option<f64>,
    keystroke_savings_percent: f64,
}

pub fn run(args: CompleteArgs) -> Result<()> {
    for text in &args.evaluate {
        refuse_model(text, "--evaluate takes texts; --mix takes more models")?;
    }
    let model = args.model.load()?;
    let completer = Completer::new(&model)?;
    print_notes(args.quiet, model.notes().iter());
    if !args.evaluate.is_empty() {
        return evaluate(&args, &completer);
    }
    if let Some(prefix) = &args.prefix {
        return suggest(&args, &completer, prefix);
    }
    let stdin = io::stdin();
    let prompt = stdin.is_terminal() && io::stderr().is_terminal() && !args.quiet;
    loop {
        if prompt {
            eprint!("> ");
        }
        let mut line = Vec::new();
        if stdin.lock().read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        while let Some(b'\n' | b'\r') = line.last() {
            line.pop();
        }
        let line = String::from_utf8(line)
            .map_err(|_| usage("standard input is not UTF-8: a prefix is text"))?;
        suggest(&args, &completer, &line)?;
    }
}

/// Prints the suggestions for a prefix.
fn suggest(args: &CompleteArgs, completer: &Completer, prefix: &str) -> Result<()> {
    let found = completer.suggest(prefix, args.suggestions.into(), args.steps as usize)?;
    let mut out = io::stdout().lock();
    match args.json {
        true => {
            serde_json::to_writer(&mut out, &row(prefix, &found))?;
            writeln!(out)?;
        }
        false => {
            for word in &found.words {
                writeln!(out, "{:.4}\t{}", word.log_prob.exp(), word.word)?;
            }
            if found.words.is_empty() && found.bound.is_none() {
                writeln!(out, "no word begins with that")?;
            }
            if let Some(bound) = found.bound {
                writeln!(
                    out,
                    "search stopped: any other word has at most {:.4}",
                    bound.exp()
                )?;
            }
        }
    }
    Ok(out.flush()?)
}

fn row<'a>(prefix: &'a str, found: &'a Suggestions) -> PrefixRow<'a> {
    let words = found.words.iter().map(|word| WordRow {
        word: &word.word,
        p: word.log_prob.exp(),
        ln_p: word.log_prob,
        tokens: word.tokens,
    });
    PrefixRow {
        prefix,
        words: words.collect(),
        exact: found.bound.is_none(),
        missed_p_at_most: found.bound.map(f64::exp),
    }
}

/// Prints how well the words of the texts are predicted.
fn evaluate(args: &CompleteArgs, completer: &Completer) -> Result<()> {
    let options = CompletionOptions {
        suggestions: args.suggestions.into(),
        steps: args.steps as usize,
        layout: match args.continuous {
            true => Layout::Stream,
            false => Layout::Sentences,
        },
        words: args.words,
    };
    let texts = sources(&args.evaluate)?;
    let mut ticker = Ticker::new(args.quiet, false);
    let read = ReadOptions::default();
    let found = evaluate_completions(completer, texts, &read, &options, &mut |figures| {
        ticker.tick(|| {
            format!(
                "{}, keystroke savings {:.1} %",
                count(figures.words as usize, "word"),
                figures.savings()
            )
        });
    });
    ticker.finish();
    let found = found?;
    let share = |of: u64| (found.words > 0).then(|| of as f64 / found.words as f64);
    let mut out = io::stdout().lock();
    if args.json {
        let row = EvaluationRow {
            suggestions: options.suggestions,
            figures: found,
            top1_accuracy: share(found.top1),
            top3_accuracy: share(found.top3),
            keystroke_savings_percent: found.savings(),
        };
        serde_json::to_writer(&mut out, &row)?;
        writeln!(out)?;
        return Ok(out.flush()?);
    }
    let percent =
        |of: u64| share(of).map_or("none".into(), |share| format!("{:.1} %", 100.0 * share));
    writeln!(out, "words              {}", grouped(found.words))?;
    writeln!(out, "top-1 accuracy     {}", percent(found.top1))?;
    writeln!(out, "top-3 accuracy     {}", percent(found.top3))?;
    writeln!(
        out,
        "keystroke savings  {:.1} % with {}: {} keys instead of {}",
        found.savings(),
        count(options.suggestions, "suggestion"),
        grouped(found.keys_with),
        grouped(found.keys_without)
    )?;
    if found.stopped > 0 {
        writeln!(
            out,
            "stopped searches   {} of {} (--steps)",
            grouped(found.stopped),
            grouped(found.searches)
        )?;
    }
    Ok(out.flush()?)
}
