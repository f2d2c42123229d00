//! Memory of training: the bytes of a configuration in closed form, over T and B, and what fits a budget.
//!
//! ```text
//! bytes(T, B) = static + states · B + window(T, B) + other
//! ```
//! `static` are the parameters, as often as they are kept; `window` grows like T·B, or with recomputed activations like √T·B but for
//! a few numbers a position. `dims` has the formulas; this module fills the tables. Nothing is allocated and no text is read, so what
//! cannot be known without one is left out: the places of lines in layout `sentences`.

use crate::error::Result;
use elman_net::Network;
use elman_net::dims::{Dims, TrainPlan, largest};
use elman_text::{Layout, OutOfRange, Stream};
use elman_train::windows::longest_window;
use elman_train::{Config, available_bytes, plan_shapes};
use serde::Serialize;

/// Options of a memory table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Window lengths T, the rows of the table.
    pub steps: Vec<usize>,
    /// Batch sizes B, the columns of the table.
    pub batch_sizes: Vec<usize>,
    /// Numbers of tokens of texts; the first one decides the length of windows that must be as long as the text.
    pub tokens: Vec<usize>,
    /// Memory budget in bytes; `None`: the free memory of this machine.
    pub budget_bytes: Option<u64>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            steps: vec![1, 10, 35, 100, 350, 1_000, 10_000],
            batch_sizes: vec![1, 8, 32, 128],
            tokens: vec![100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000],
            budget_bytes: None,
        }
    }
}

/// Longer windows, and texts, are not planned.
const MOST_STEPS: usize = 1 << 40;
/// Largest batch size that a configuration may have.
const MAX_BATCH_SIZE: usize = 1 << 20;
/// A token file has ids of four bytes.
const MOST_VOCAB: usize = u32::MAX as usize;

impl Options {
    /// Checks the options.
    ///
    /// # Errors
    /// [`Error::Range`](crate::Error::Range) for a number out of range.
    pub fn check(&self) -> Result<()> {
        OutOfRange::check("texts", self.tokens.len(), 1..=100)?;
        let each = |name, values: &[usize], most| -> Result<()> {
            let mut values = values.iter();
            Ok(values.try_for_each(|value| OutOfRange::check(name, *value, 1..=most))?)
        };
        each("steps", &self.steps, MOST_STEPS)?;
        each("batch sizes", &self.batch_sizes, MAX_BATCH_SIZE)?;
        each("tokens", &self.tokens, MOST_STEPS)
    }
}

/// Memory of training by window length and batch size. Whole windows keep all their activations, recomputed ones those of about √T
/// steps.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Memory {
    /// Short name of the network: `lstm 2×650`.
    pub network: String,
    /// V, the size of the vocabulary.
    pub vocabulary: usize,
    /// Number of parameters.
    pub parameters: usize,
    /// T of the configuration's largest window.
    pub steps: usize,
    /// B of the configuration.
    pub batch_size: usize,
    /// Whether the configuration recomputes activations.
    pub recompute: bool,
    /// Memory plan of the configuration, by parts.
    pub plan: TrainPlan,
    /// Planned memory of the configuration in bytes.
    pub total_bytes: u64,
    /// Bytes that depend on the parameters alone: weights, gradients, optimiser state.
    pub static_bytes: u64,
    /// Bytes by part that a further time step of the whole batch takes in a window, on average from T to 2T.
    pub step: Vec<StepPart>,
    /// Bytes that a further time step of the whole batch takes.
    pub step_bytes: f64,
    /// Bytes of the state of one text in use, which do not depend on the text's length.
    pub stream_bytes: u64,
    /// Memory of windows of each length and batch size.
    pub table: Vec<Cell>,
    /// The budget in bytes.
    pub budget_bytes: u64,
    /// Largest windows and batches that fit the budget, whole and recomputed.
    pub fits: Vec<Fit>,
    /// Memory by length of the training text.
    pub texts: Vec<OfText>,
}

/// A part of the memory of a time step.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StepPart {
    /// Name of the part.
    pub part: &'static str,
    /// Bytes of the part.
    pub bytes: f64,
}

/// Memory of training with windows of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Window length T.
    pub steps: usize,
    /// Batch size B.
    pub batch_size: usize,
    /// Bytes of a whole window's activations.
    pub window_bytes: u64,
    /// Bytes of training with whole windows.
    pub total_bytes: u64,
    /// Bytes of a window with recomputed activations.
    pub recomputed_window_bytes: u64,
    /// Bytes of training with recomputed activations.
    pub recomputed_total_bytes: u64,
}

/// Largest window and batch that fit the budget; `None`: not even 1 fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fit {
    /// Whether activations are recomputed.
    pub recompute: bool,
    /// Largest batch size for the configuration's window length.
    pub batch_size: Option<usize>,
    /// Longest window for the configuration's batch size.
    pub steps: Option<usize>,
}

/// Memory of training the network on a text of some length, with an unchanged vocabulary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct OfText {
    /// Number of tokens of the text.
    pub tokens: usize,
    /// Number of parameters, which does not depend on the text.
    pub parameters: usize,
    /// Size in bytes of the token file, which is memory-mapped and not loaded.
    pub file_bytes: u64,
    /// Planned memory in bytes with the configuration's windows.
    pub total_bytes: u64,
    /// Planned memory in bytes with windows as long as the text, whole.
    pub full_bytes: u64,
    /// Planned memory in bytes with windows as long as the text, recomputed.
    pub full_recomputed_bytes: u64,
}

/// Plans the memory of training `config` with a vocabulary of `vocab` entries, for a table of window lengths and batch sizes.
///
/// # Errors
/// [`Error::Train`](crate::Error::Train) if the configuration cannot be trained; [`Error::Range`](crate::Error::Range) for an
/// option out of range.
pub fn memory(config: &Config, vocab: usize, options: &Options) -> Result<Memory> {
    config.check()?;
    options.check()?;
    OutOfRange::check("vocabulary", vocab, 1..=MOST_VOCAB)?;
    let planner = Planner::new(config, vocab);
    let (dims, batch_size) = (&planner.dims, config.batch_size);
    let steps = planner.steps(options.tokens[0]);
    let plan = planner.plan(steps, batch_size, config.recompute);
    let budget_bytes = options.budget_bytes.unwrap_or_else(available_bytes);
    let step = planner.step(steps, batch_size);
    let shapes = options.steps.iter();
    let shapes = shapes.flat_map(|steps| {
        options
            .batch_sizes
            .iter()
            .map(|batch_size| (*steps, *batch_size))
    });
    let parameters = planner.parameters;
    Ok(Memory {
        network: dims.architecture(),
        vocabulary: vocab,
        parameters,
        steps,
        batch_size,
        recompute: config.recompute,
        plan,
        total_bytes: plan.total_bytes(),
        static_bytes: plan.static_bytes(),
        step_bytes: step.iter().map(|part| part.bytes).sum(),
        step,
        stream_bytes: 4 * dims.state_len() as u64,
        table: shapes
            .map(|(steps, batch_size)| planner.cell(steps, batch_size))
            .collect(),
        budget_bytes,
        fits: [false, true]
            .map(|recompute| planner.fit(steps, batch_size, recompute, budget_bytes))
            .into(),
        texts: options
            .tokens
            .iter()
            .map(|tokens| planner.of_text(*tokens))
            .collect(),
    })
}

/// A configuration, planned for windows of any shape.
struct Planner<'a> {
    config: &'a Config,
    whole: Config,
    recomputed: Config,
    dims: Dims,
    parameters: usize,
}

impl<'a> Planner<'a> {
    fn new(config: &'a Config, vocab: usize) -> Planner<'a> {
        let with = |recompute| Config {
            recompute,
            ..config.clone()
        };
        let dims = config.dims(vocab);
        Planner {
            config,
            whole: with(false),
            recomputed: with(true),
            parameters: Network::new(dims.clone()).layout().parameter_count(),
            dims,
        }
    }

    fn plan(&self, steps: usize, batch_size: usize, recompute: bool) -> TrainPlan {
        let config = match recompute {
            true => &self.recomputed,
            false => &self.whole,
        };
        plan_shapes(config, &self.dims, &[(steps, batch_size)], &[]).1
    }

    /// T of the configuration's largest window: of sentences, of a batch with all its sequences.
    fn steps(&self, tokens: usize) -> usize {
        match self.config.layout {
            Layout::Stream => {
                longest_window(self.config, sequence_steps(tokens, self.config.batch_size))
            }
            Layout::Sentences => (self.config.batch_positions() / self.config.batch_size).max(1),
        }
    }

    fn step(&self, steps: usize, batch_size: usize) -> Vec<StepPart> {
        let [one, two] =
            [steps, 2 * steps].map(|steps| self.plan(steps, batch_size, false).window.parts());
        let parts = one
            .iter()
            .zip(&two)
            .map(|((part, one), (_, two))| StepPart {
                part,
                bytes: (two - one) as f64 / steps as f64,
            });
        parts.filter(|part| part.bytes > 0.0).collect()
    }

    fn cell(&self, steps: usize, batch_size: usize) -> Cell {
        let [whole, recomputed] =
            [false, true].map(|recompute| self.plan(steps, batch_size, recompute));
        Cell {
            steps,
            batch_size,
            window_bytes: whole.window.total_bytes(),
            total_bytes: whole.total_bytes(),
            recomputed_window_bytes: recomputed.window.total_bytes(),
            recomputed_total_bytes: recomputed.total_bytes(),
        }
    }

    fn fit(&self, steps: usize, batch_size: usize, recompute: bool, budget_bytes: u64) -> Fit {
        let fits = |steps, batch_size| {
            self.plan(steps, batch_size, recompute).total_bytes() <= budget_bytes
        };
        Fit {
            recompute,
            batch_size: largest(MAX_BATCH_SIZE, |batch_size| fits(steps, batch_size)),
            steps: largest(MOST_STEPS, |steps| fits(steps, batch_size)),
        }
    }

    fn of_text(&self, tokens: usize) -> OfText {
        let batch_size = self.config.batch_size;
        let full = sequence_steps(tokens, batch_size);
        let total = |steps, recompute| self.plan(steps, batch_size, recompute).total_bytes();
        OfText {
            tokens,
            parameters: self.parameters,
            file_bytes: 4 * tokens as u64,
            total_bytes: total(self.steps(tokens), self.config.recompute),
            full_bytes: total(full, false),
            full_recomputed_bytes: total(full, true),
        }
    }
}

/// Steps of a sequence where `tokens` tokens are cut into `batch_size` sequences.
fn sequence_steps(tokens: usize, batch_size: usize) -> usize {
    Stream::new(tokens, batch_size).steps()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_train::config::Bptt;

    const VOCAB: usize = 300;

    fn small() -> Config {
        Config {
            embed: 32,
            hidden: 32.into(),
            batch_size: 16,
            bptt: Bptt::Steps(32),
            ..Config::default()
        }
    }

    fn found(config: &Config, options: &Options) -> Memory {
        memory(config, VOCAB, options).expect("a small network can be planned")
    }

    #[test]
    fn parameters_do_not_change_when_the_text_grows_and_full_windows_do() {
        let found = found(&small(), &Options::default());
        let (first, last) = (found.texts[0], found.texts[4]);
        assert!(last.tokens == 10_000 * first.tokens);
        assert!(
            found
                .texts
                .iter()
                .all(|text| text.parameters == found.parameters)
        );
        assert!(
            found
                .texts
                .iter()
                .all(|text| text.total_bytes == found.total_bytes)
        );
        // Once the text is most of it, ten times the text is ten times the memory.
        let ratio = last.full_bytes as f64 / found.texts[3].full_bytes as f64;
        assert!((9.9..10.1).contains(&ratio), "{ratio}");
        assert!(last.full_recomputed_bytes < last.full_bytes / 10);
    }

    #[test]
    fn what_fits_is_the_largest_that_does() {
        let config = small();
        let planner = Planner::new(&config, VOCAB);
        for budget in [1 << 20, 3 << 20, 20 << 20] {
            let options = Options {
                budget_bytes: Some(budget),
                ..Options::default()
            };
            for fit in found(&config, &options).fits {
                let bytes = |steps, batch_size| {
                    planner.plan(steps, batch_size, fit.recompute).total_bytes()
                };
                let (batch_size, steps) = (fit.batch_size.unwrap_or(0), fit.steps.unwrap_or(0));
                assert_eq!(batch_size == 0, bytes(32, 1) > budget);
                assert!(batch_size == 0 || bytes(32, batch_size) <= budget);
                assert!(steps == 0 || bytes(steps, 16) <= budget);
                assert!(
                    bytes(32, batch_size + 1) > budget,
                    "batch size {batch_size} in {budget}"
                );
                assert!(bytes(steps + 1, 16) > budget, "{steps} steps in {budget}");
            }
        }
    }

    #[test]
    fn a_step_more_costs_what_the_table_says() {
        let options = Options {
            steps: vec![64, 128],
            batch_sizes: vec![16],
            ..Options::default()
        };
        // 32 steps of 16 sequences read every row of the table already.
        let found = found(&small(), &options);
        let [short, long] = found.table[..] else {
            panic!("two shapes");
        };
        let slope = (long.total_bytes - short.total_bytes) as f64 / 64.0;
        assert_eq!(slope, found.step_bytes);
        // An LSTM's x, gates, h, c; two gradients; two operands (E = H) would be one; per sequence and in f32, and 42 bytes of lists.
        let numbers = 32 * (1 + 4 + 2 + 1 + 2 + 1) + 1;
        assert_eq!(found.step_bytes, f64::from(16 * (4 * numbers + 42)));
    }

    #[test]
    fn windows_as_long_as_the_text_follow_the_first_text() {
        let config = Config {
            bptt: Bptt::Full,
            ..small()
        };
        let options = Options {
            tokens: vec![1_601],
            ..Options::default()
        };
        let found = found(&config, &options);
        assert_eq!((found.steps, found.batch_size), (101, 16));
        assert_eq!(found.total_bytes, found.texts[0].full_bytes);
        let none = Options {
            tokens: Vec::new(),
            ..Options::default()
        };
        assert!(memory(&config, VOCAB, &none).is_err());
        assert!(memory(&config, 0, &Options::default()).is_err());
    }
}
