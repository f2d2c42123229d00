//! The kinds of work that are timed.
//!
//! | work | a step |
//! |---|---|
//! | `train` | a window of a run: forward, backward, norm, guard, update |
//! | `score` | the losses of all tokens of a window, forward only |
//! | `eval` | the losses of all tokens of a window of one stream, as `elman eval` reads a text |
//! | `generate` | one token, drawn from all of the vocabulary as `elman generate` does |
//! | `states` | 64 streams read one token each, and say what may come next |

use super::case::Case;
use super::clock::{Amount, Clock, KernelTime, Laps};
use crate::error::{Error, Result};
use elman_infer::{
    About, Eos, Generator, NetworkModel, Sampling, Streams, WINDOW, Weights, Workspace,
};
use elman_kernels::rng::{Site, Stream as Draws, key};
use elman_kernels::{Cpu, Isa};
use elman_net::dims::{Capacity, inference_bytes, matrix_parameters};
use elman_net::{Network, Params};
use elman_text::{Corpus, Stream, Window};
use elman_train::config::{Config, Precision};
use elman_train::schedule::Schedule;
use elman_train::{Trainer, plan};
use serde::{Deserialize, Serialize};

/// Streams of the work `states`.
const STATES: usize = 64;
/// More steps than any measurement takes.
const MOST_STEPS: u64 = 1 << 40;
/// Windows of random tokens before they begin again.
const WINDOWS: usize = 16;
/// `<eos>`, which begins a text.
const FIRST_INPUT: u32 = 0;
/// Temperature of the sampling, the one of `elman generate`.
const TEMPERATURE: f32 = 0.8;

/// The kind of work that is timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Training steps: forward, backward, norm, guard and update of a window.
    Train,
    /// Scoring: the losses of all tokens of a window, forward only.
    Score,
    /// Evaluation: the losses of all tokens of a window of one stream.
    Eval,
    /// Generation: one token at a time, sampled from the whole vocabulary.
    Generate,
    /// Many streams: 64 streams get one token each, and their next-token distributions are computed.
    States,
}

/// Settings of a measurement.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Instruction set to use.
    pub isa: Isa,
    /// Number of threads.
    pub threads: usize,
    /// Number of steps or seconds to time.
    pub amount: Amount,
    /// Number format of the weights in scoring, generation and many streams.
    pub weights: Weights,
}

/// Result of a measurement; times are wall-clock times.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// Name of the case.
    pub name: String,
    /// The kind of work that was timed.
    pub work: Work,
    /// Number format of the matrix products: the precision of training, or the format of the model's weights.
    pub precision: Weights,
    /// Number of threads.
    pub threads: usize,
    /// Number of tokens that a step processes.
    pub tokens_per_step: usize,
    /// Number of timed steps.
    pub steps: usize,
    /// Median time of a step in milliseconds.
    pub step_ms: f64,
    /// Shortest time of a step in milliseconds.
    pub step_ms_min: f64,
    /// Tokens per second at the median time.
    pub tokens_per_s: f64,
    /// Model operations per second at the median time, in 10⁹: multiplications and additions of the matrix products.
    pub gflops: f64,
    /// Bytes of weights that every token loads for itself alone; only for generation.
    pub weights_bytes_per_token: Option<u64>,
    /// Speed in tokens per second relative to one stream alone; only for many streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times_one_stream: Option<f64>,
    /// Planned memory of the work in bytes, without the program itself.
    pub plan_bytes: u64,
    /// Peak memory of the process in bytes, set by a caller that measured in a process of its own.
    pub peak_bytes: Option<u64>,
    /// Memory of the process in bytes before the work, which is the program's own; set by the same caller.
    pub start_bytes: Option<u64>,
    /// Time by kernel, the `other` time included.
    pub kernels: Vec<KernelTime>,
}

/// The format in which a training step of `precision` multiplies.
fn of_training(precision: Precision) -> Weights {
    match precision {
        Precision::F32 => Weights::F32,
        Precision::Bf16 => Weights::Bf16,
    }
}

/// Result of one kind of work.
struct Outcome {
    laps: Laps,
    tokens_per_step: usize,
    plan_bytes: u64,
    weights_bytes_per_token: Option<u64>,
    times_one_stream: Option<f64>,
}

/// Times `work` on `case` with random weights and tokens, which are the same in every call.
///
/// # Errors
/// [`Error::Train`](crate::Error::Train) if the configuration cannot be trained; [`Error::BenchDiverged`] if the training diverges.
pub fn measure(case: &Case, work: Work, settings: &Settings) -> Result<Measured> {
    case.config.check()?;
    let mut cpu = Cpu::new(settings.isa, settings.threads);
    cpu.time_kernels();
    let (amount, weights) = (settings.amount, settings.weights);
    let outcome = match work {
        Work::Train => train(case, cpu, amount)?,
        Work::Score => score(case, weights, &cpu, amount, case.window()),
        Work::Eval => score(case, weights, &cpu, amount, (1, WINDOW)),
        Work::Generate => generate(case, weights, &cpu, amount)?,
        Work::States => states(case, weights, &cpu, amount),
    };
    let Laps {
        steps,
        median_ms,
        min_ms,
        kernels,
    } = outcome.laps;
    let tokens_per_s = outcome.tokens_per_step as f64 / median_ms * 1e3;
    let (operations, precision) = match work {
        Work::Train => (6, of_training(case.config.precision)),
        Work::Score | Work::Eval | Work::Generate | Work::States => (2, weights),
    };
    let per_token = (operations * matrix_parameters(&case.dims())) as f64;
    Ok(Measured {
        name: case.name.clone(),
        work,
        precision,
        threads: settings.threads,
        tokens_per_step: outcome.tokens_per_step,
        steps,
        step_ms: median_ms,
        step_ms_min: min_ms,
        tokens_per_s,
        gflops: per_token * tokens_per_s * 1e-9,
        weights_bytes_per_token: outcome.weights_bytes_per_token,
        times_one_stream: outcome.times_one_stream,
        plan_bytes: outcome.plan_bytes,
        peak_bytes: None,
        start_bytes: None,
        kernels,
    })
}

fn train(case: &Case, cpu: Cpu, amount: Amount) -> Result<Outcome> {
    let (batch_size, steps) = case.window();
    let vocab = case.vocabulary();
    let corpus = Corpus::of_ids(tokens(case, batch_size * steps * WINDOWS), &vocab);
    // A step is a whole window, at a rate that stays.
    let config = Config {
        schedule: Schedule::CONSTANT,
        warmup: 0,
        restart: 0.0,
        accumulate: 1,
        epochs: None,
        minutes: None,
        steps: Some(MOST_STEPS),
        ..case.config.clone()
    };
    let mut trainer = Trainer::on_cpu(&config, vocab, corpus, cpu)?;
    let mut clock = Clock::start(amount);
    while let Some(report) = trainer.step()? {
        if report.skipped {
            return Err(Error::BenchDiverged {
                name: case.name.to_string(),
                step: report.step,
            });
        }
        if clock.lap(trainer.cpu()).is_break() {
            break;
        }
    }
    let capacity = Capacity::whole(steps, batch_size);
    Ok(Outcome {
        laps: clock.finish(trainer.cpu()),
        tokens_per_step: batch_size * steps,
        plan_bytes: plan(&config, &case.dims(), capacity).total_bytes(),
        weights_bytes_per_token: None,
        times_one_stream: None,
    })
}

fn score(
    case: &Case,
    weights: Weights,
    cpu: &Cpu,
    amount: Amount,
    (batch_size, steps): (usize, usize),
) -> Outcome {
    let model = model(case, weights);
    let text = tokens(case, batch_size * steps * WINDOWS);
    let stream = Stream::new(text.len(), batch_size);
    let mut window = Window::default();
    let mut state = model.zero_state(batch_size);
    let mut workspace = Workspace::new(model.dims(), steps, batch_size);
    let mut nats = vec![0.0; batch_size * steps];
    let mut clock = Clock::start(amount);
    for at in (0..WINDOWS).cycle() {
        stream.window(&text, FIRST_INPUT, at * steps, steps, &mut window);
        model.view().score(
            cpu,
            &window.inputs,
            &window.targets,
            &mut state,
            &mut workspace,
            &mut nats,
            None,
        );
        if clock.lap(cpu).is_break() {
            break;
        }
    }
    Outcome {
        laps: clock.finish(cpu),
        tokens_per_step: batch_size * steps,
        plan_bytes: inference_plan(&model, steps, batch_size),
        weights_bytes_per_token: None,
        times_one_stream: None,
    }
}

fn generate(case: &Case, weights: Weights, cpu: &Cpu, amount: Amount) -> Result<Outcome> {
    let model = model(case, weights);
    let options = Sampling {
        temperature: TEMPERATURE,
        max_tokens: usize::MAX,
        eos: Eos::GoOn,
        ..Sampling::default()
    };
    let (layout, view) = (model.layout(), model.view());
    let streams = Streams::of_network(view, model.vocab(), layout, cpu, 1, WINDOW);
    let mut generator = Generator::new(streams, &[Vec::new()], options)?;
    let mut clock = Clock::start(amount);
    // Every token is a word, and handed out as soon as it is drawn.
    generator.sample(0, &mut |_, _| clock.lap(cpu))?;
    Ok(Outcome {
        laps: clock.finish(cpu),
        tokens_per_step: 1,
        plan_bytes: inference_plan(&model, 1, 1),
        weights_bytes_per_token: Some(
            4 * matrix_parameters(model.dims()) / weights.format().per_word() as u64,
        ),
        times_one_stream: None,
    })
}

fn states(case: &Case, weights: Weights, cpu: &Cpu, amount: Amount) -> Outcome {
    let model = model(case, weights);
    let many = streams(case, &model, cpu, STATES, amount);
    let one = streams(case, &model, cpu, 1, amount);
    Outcome {
        times_one_stream: Some(STATES as f64 * one.median_ms / many.median_ms),
        laps: many,
        tokens_per_step: STATES,
        // The log-probabilities too.
        plan_bytes: inference_plan(&model, 1, STATES) + (4 * STATES * case.vocab) as u64,
        weights_bytes_per_token: None,
    }
}

/// `batch_size` streams read a token each and compute the log-probabilities of the next one.
fn streams(
    case: &Case,
    model: &NetworkModel,
    cpu: &Cpu,
    batch_size: usize,
    amount: Amount,
) -> Laps {
    let text = tokens(case, batch_size * WINDOWS);
    let mut state = model.zero_state(batch_size);
    let mut workspace = Workspace::new(model.dims(), 1, batch_size);
    let mut log_probs = vec![0.0; batch_size * case.vocab];
    let mut clock = Clock::start(amount);
    for inputs in text.chunks_exact(batch_size).cycle() {
        model
            .view()
            .advance(cpu, inputs, &mut state, &mut workspace);
        model.view().next_log_probs(cpu, &workspace, &mut log_probs);
        if clock.lap(cpu).is_break() {
            break;
        }
    }
    clock.finish(cpu)
}

/// A model of the case's sizes with its initial weights.
fn model(case: &Case, weights: Weights) -> NetworkModel {
    let network = Network::new(case.dims());
    let mut params = Params::zeros(network.layout().clone());
    case.config.init().fill(&case.dims(), &mut params);
    NetworkModel::new(
        network,
        params,
        case.vocabulary(),
        About::default(),
        weights,
    )
}

/// The bytes of inference with windows of these sizes.
fn inference_plan(model: &NetworkModel, steps: usize, batch_size: usize) -> u64 {
    let arena_len = model.network().layout().arena_len();
    inference_bytes(
        model.dims(),
        model.weights().format(),
        arena_len,
        steps,
        batch_size,
    )
}

/// `count` ids, uniform below V.
fn tokens(case: &Case, count: usize) -> Vec<u32> {
    let mut draws = Draws::new(key(case.config.seed, Site::Bench, 0));
    (0..count).map(|_| draws.below(case.vocab as u32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_train::config::Bptt;

    fn tiny() -> Case {
        Case {
            name: "tiny".into(),
            vocab: 19,
            config: Config {
                embed: 8,
                hidden: 8.into(),
                batch_size: 3,
                bptt: Bptt::Steps(5),
                ..Config::default()
            },
        }
    }

    #[test]
    fn every_work_is_measured() {
        let settings = Settings {
            isa: Isa::detect(),
            threads: 2,
            amount: Amount::Steps(4),
            weights: Weights::F32,
        };
        let works = [
            (Work::Train, 15, 6),
            (Work::Score, 15, 2),
            (Work::Eval, WINDOW, 2),
            (Work::Generate, 1, 2),
            (Work::States, STATES, 2),
        ];
        for (work, tokens, operations) in works {
            let m = measure(&tiny(), work, &settings).expect("a tiny model works");
            assert_eq!((m.steps, m.tokens_per_step, m.threads), (4, tokens, 2));
            assert!(m.step_ms >= m.step_ms_min && m.step_ms_min > 0.0);
            let matrices = 4 * 8 * 16 + 19 * 8;
            let gflops = f64::from(operations * matrices) * m.tokens_per_s * 1e-9;
            assert!((m.gflops / gflops - 1.0).abs() < 1e-12);
            let bytes = (work == Work::Generate).then_some(4 * matrices as u64);
            assert_eq!(m.weights_bytes_per_token, bytes);
            assert_eq!(m.times_one_stream.is_some(), work == Work::States);
            let shares: f64 = m.kernels.iter().map(|kernel| kernel.share).sum();
            assert!((shares - 1.0).abs() < 1e-9, "{:?}", m.kernels);
        }
    }

    #[test]
    fn what_cannot_be_trained_is_refused() {
        let mut case = tiny();
        case.config.lr = 0.0;
        let settings = Settings {
            isa: Isa::detect(),
            threads: 1,
            amount: Amount::Steps(1),
            weights: Weights::F32,
        };
        assert!(measure(&case, Work::Train, &settings).is_err());
    }
}
