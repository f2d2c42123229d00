//! Evaluation: how surprised a model is by a text, with everything that was counted.
//!
//! ```text
//! L = Σ −ln p(w_t | w_0 … w_{t−1})      loss = L / N      perplexity = exp(loss)
//! per word: exp(L / words)              bits per character: L / (ln 2 · characters)
//! ```
//! Exact (the default): zero state, first input `<eos>`, all N tokens predicted, `<eos>` included, one stream, the state
//! carried to the end. The text streams through, so it may be larger than memory. With lanes (layout `stream` of
//! `text::batch`) several places are read at once, each from the zero state: faster, and marked as approximate.
//!
//! Words are the white-space fields of the raw text plus its line ends, whatever the vocabulary, so figures per word can be
//! compared between vocabulary kinds. An unknown token is predicted as `<unk>`; the perplexity without OOVs leaves it out of sum
//! and count, while the state still reads `<unk>`. A text with OOVs has no bits per character: `<unk>` does not say which
//! character stood there, so it is no code length.
//!
//! Losses are summed in f64 in the order of the text: the bits do not depend on window, threads or instruction set.

use super::{Model, State, Workspace};
use crate::error::{Error, Result};
use crate::text::{self, Kind, ReadOptions, Source, Stream, Symbol, TextStats, Window};
use elman_kernels::Cpu;
use serde::Serialize;
use std::f64::consts::LN_2;
use std::time::Instant;

/// Steps of a window: enough rows for the products to run at speed.
const WINDOW: usize = 64;
/// Windows and lanes beyond this make nothing faster. With lanes, windows get shorter rather than hold many more rows.
const ROWS: usize = 4096;
/// Memory for the tokens of a text that is read in lanes.
const LANES_LIMIT_BYTES: usize = 2 << 30;
/// A token's id and whether it is unknown.
const TOKEN_BYTES: usize = 5;

/// How to evaluate.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct EvalOptions {
    /// Read the text in this many lanes: approximate, and 5 bytes of memory for each token, at most 2 GiB. `None`: exact.
    pub lanes: Option<usize>,
    /// Steps of a window; `None`: chosen here. Changes no bit.
    pub window: Option<usize>,
}

/// How far an evaluation is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    pub tokens: u64,
    /// Where it is known beforehand.
    pub total_tokens: Option<u64>,
    pub total_nats: f64,
}

/// The result of an evaluation. Figures that overflow f64 are infinite (`null` in JSON).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evaluation {
    /// The text was read in lanes.
    pub approximate: bool,
    pub lanes: usize,
    /// N: all tokens, `<eos>` included.
    pub tokens: u64,
    /// How many of them the vocabulary lacks.
    pub oov: u64,
    pub total_nats: f64,
    /// The mean over all tokens.
    pub loss_nats: f64,
    pub perplexity: f64,
    /// Over known tokens only; `None` if there is none.
    pub perplexity_without_oov: Option<f64>,
    /// White-space fields of the raw text.
    pub fields: u64,
    pub line_ends: u64,
    /// Per field or line end.
    pub perplexity_per_word: f64,
    pub chars: u64,
    pub bytes: u64,
    pub bits_per_char: Option<f64>,
    pub bits_per_byte: Option<f64>,
    /// Why there are no bits per character and byte.
    pub no_bits_because: Option<String>,
    pub vocab_kind: Kind,
    pub vocab_size: usize,
    pub vocab_hash: String,
    /// BLAKE3 of the decompressed text.
    pub text_hash: String,
    pub model_id: String,
    /// What was dropped or read in a special way.
    pub notes: Vec<String>,
    pub seconds: f64,
    pub tokens_per_second: f64,
}

/// Evaluates `model` on the text of `sources`. `progress` is called after every window.
///
/// Errors: what reading the text can find, and a model whose hidden states overflow.
pub fn evaluate(
    model: &Model,
    cpu: &Cpu,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<Evaluation> {
    options.check()?;
    let started = Instant::now();
    let (sums, stats, lanes) = match options.lanes {
        None => {
            let (sums, stats) = exactly(model, cpu, sources, read, options, progress)?;
            (sums, stats, 1)
        }
        Some(lanes) => in_lanes(model, cpu, sources, read, options, lanes, progress)?,
    };
    let seconds = started.elapsed().as_secs_f64();
    Ok(Evaluation::new(
        model,
        &sums,
        stats,
        options.lanes.is_some(),
        lanes,
        seconds,
    ))
}

impl EvalOptions {
    /// Refuses what cannot be done.
    pub fn check(&self) -> Result<()> {
        for (name, value) in [("lanes", self.lanes), ("window", self.window)] {
            if value.is_some_and(|n| !(1..=ROWS).contains(&n)) {
                return Err(Error::Config(format!(
                    "{name} must be between 1 and {ROWS}"
                )));
            }
        }
        Ok(())
    }
}

/// Losses so far, in the order of the text.
#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    nats: f64,
    tokens: u64,
    known_nats: f64,
    known_tokens: u64,
}

impl Sums {
    fn add(&mut self, nats: f64, oov: bool) {
        self.nats += nats;
        self.tokens += 1;
        if !oov {
            self.known_nats += nats;
            self.known_tokens += 1;
        }
    }

    fn progress(&self, total_tokens: Option<u64>) -> Progress {
        Progress {
            tokens: self.tokens,
            total_tokens,
            total_nats: self.nats,
        }
    }

    /// Without finite losses there is nothing to report.
    fn check(&self) -> Result<()> {
        if self.nats.is_finite() {
            return Ok(());
        }
        Err(Error::Diverged(format!(
            "the model gives no probabilities within the first {} tokens: its hidden states grow beyond every number; it was trained badly (a relu cell needs a lower learning rate or clipping)",
            self.tokens
        )))
    }
}

fn exactly(
    model: &Model,
    cpu: &Cpu,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &EvalOptions,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Sums, TextStats)> {
    let mut reader = Reader::new(model, cpu, options.window.unwrap_or(WINDOW));
    let stats = text::encode(sources, model.vocab(), read, &mut |symbol| -> Result<()> {
        if reader.push(symbol) {
            reader.score()?;
            progress(reader.sums.progress(None));
        }
        Ok(())
    })?;
    reader.score()?;
    progress(reader.sums.progress(Some(stats.tokens)));
    Ok((reader.sums, stats))
}

/// One stream, window by window.
struct Reader<'a> {
    model: &'a Model,
    cpu: &'a Cpu,
    state: State,
    workspace: Workspace,
    /// The token before the first target, then the targets of the window that is being filled.
    ids: Vec<u32>,
    oov: Vec<bool>,
    nats: Vec<f64>,
    sums: Sums,
}

impl<'a> Reader<'a> {
    fn new(model: &'a Model, cpu: &'a Cpu, steps: usize) -> Reader<'a> {
        Reader {
            model,
            cpu,
            state: model.zero_state(1),
            workspace: Workspace::new(model.dims(), steps, 1),
            ids: vec![model.vocab().eos()],
            oov: Vec::with_capacity(steps),
            nats: vec![0.0; steps],
            sums: Sums::default(),
        }
    }

    /// Takes the next token; true if the window is full.
    fn push(&mut self, symbol: Symbol) -> bool {
        self.ids.push(symbol.id);
        self.oov.push(symbol.oov);
        self.oov.len() == self.nats.len()
    }

    /// Scores the window and begins the next one.
    fn score(&mut self) -> Result<()> {
        let nats = &mut self.nats[..self.oov.len()];
        let (inputs, targets) = (&self.ids[..nats.len()], &self.ids[1..]);
        self.model.score(
            self.cpu,
            inputs,
            targets,
            &mut self.state,
            &mut self.workspace,
            nats,
        );
        for (nats, oov) in nats.iter().zip(&self.oov) {
            self.sums.add(*nats, *oov);
        }
        self.ids.drain(..nats.len());
        self.oov.clear();
        self.sums.check()
    }
}

fn in_lanes(
    model: &Model,
    cpu: &Cpu,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &EvalOptions,
    lanes: usize,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Sums, TextStats, usize)> {
    let (mut ids, mut oov) = (Vec::new(), Vec::new());
    let stats = text::encode(sources, model.vocab(), read, &mut |symbol| -> Result<()> {
        if ids.len() == LANES_LIMIT_BYTES / TOKEN_BYTES {
            return Err(Error::Config(format!(
                "the text has more than {} tokens, too many to read in lanes: evaluate it without lanes, which is exact and takes any length",
                ids.len()
            )));
        }
        ids.push(symbol.id);
        oov.push(symbol.oov);
        Ok(())
    })?;
    let lanes = lanes.min(ids.len());
    let steps = options.window.unwrap_or(WINDOW).min(ROWS.div_ceil(lanes));
    let stream = Stream::new(ids.len(), lanes);
    let mut state = model.zero_state(lanes);
    let mut workspace = Workspace::new(model.dims(), steps, lanes);
    let mut window = Window::default();
    let mut nats = vec![0.0; steps * lanes];
    let mut sums = vec![Sums::default(); lanes];
    for first in (0..stream.steps()).step_by(steps) {
        stream.window(&ids, model.vocab().eos(), first, steps, &mut window);
        let nats = &mut nats[..window.targets.len()];
        model.score(
            cpu,
            &window.inputs,
            &window.targets,
            &mut state,
            &mut workspace,
            nats,
        );
        for (cell, nats) in nats
            .iter()
            .enumerate()
            .filter(|(cell, _)| window.weight[*cell] > 0.0)
        {
            let lane = cell % lanes;
            sums[lane].add(*nats, oov[lane * stream.steps() + first + cell / lanes]);
        }
        let so_far = total(&sums);
        so_far.check()?;
        progress(so_far.progress(Some(stats.tokens)));
    }
    Ok((total(&sums), stats, lanes))
}

/// The lanes in their order, which is that of the text.
fn total(lanes: &[Sums]) -> Sums {
    lanes.iter().fold(Sums::default(), |all, lane| Sums {
        nats: all.nats + lane.nats,
        tokens: all.tokens + lane.tokens,
        known_nats: all.known_nats + lane.known_nats,
        known_tokens: all.known_tokens + lane.known_tokens,
    })
}

impl Evaluation {
    fn new(
        model: &Model,
        sums: &Sums,
        stats: TextStats,
        approximate: bool,
        lanes: usize,
        seconds: f64,
    ) -> Evaluation {
        let vocab = model.vocab();
        let loss_nats = sums.nats / sums.tokens as f64;
        let bits = sums.nats / LN_2;
        let no_bits_because = (stats.oov > 0).then(|| {
            format!(
                "{} of {} tokens are outside the vocabulary, and <unk> does not say what stood there: it is no code for the text",
                stats.oov, stats.tokens
            )
        });
        let bits_per = |n: u64| (stats.oov == 0).then_some(bits / n as f64);
        let mut notes = stats.notes;
        if vocab.kind() == Kind::Whitespace {
            notes.push("kind whitespace reads any run of white space as one: bits per character and byte leave its form out".into());
        }
        Evaluation {
            approximate,
            lanes,
            tokens: sums.tokens,
            oov: stats.oov,
            total_nats: sums.nats,
            loss_nats,
            perplexity: loss_nats.exp(),
            perplexity_without_oov: (sums.known_tokens > 0)
                .then(|| (sums.known_nats / sums.known_tokens as f64).exp()),
            perplexity_per_word: (sums.nats / (stats.fields + stats.line_ends) as f64).exp(),
            bits_per_char: bits_per(stats.chars),
            bits_per_byte: bits_per(stats.bytes),
            no_bits_because,
            fields: stats.fields,
            line_ends: stats.line_ends,
            chars: stats.chars,
            bytes: stats.bytes,
            vocab_kind: vocab.kind(),
            vocab_size: vocab.len(),
            vocab_hash: vocab.hash().to_owned(),
            text_hash: stats.hash,
            model_id: model.id().to_owned(),
            notes,
            seconds,
            tokens_per_second: sums.tokens as f64 / seconds.max(1e-9),
        }
    }
}

#[cfg(test)]
mod tests;
