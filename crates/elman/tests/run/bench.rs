//! What all tests of runs need: a text, a small configuration, and a watcher with a memory.

use elman::net::dims::{Activation, Sizes};
use elman::text::{Kind, Layout};
use elman::train::bptt::LossNorm;
use elman::train::config::{Bptt, CellName};
use elman::train::metrics::Line;
use elman::train::optim::{Adam, Optimizer, RmsProp, Sgd};
use elman::train::schedule::{OnPlateau, OneCycle, Schedule, StepDecay};
use elman::train::{self, Result};
use elman::train::{
    Config, Event, GradientFlow, Job, Machine, NewBudget, Outcome, Sample, StepReport, Validation,
    VocabularyFrom, Watch,
};
use elman_kernels::Isa;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A directory with a text in it, removed at the end.
pub struct Bench {
    pub room: tempfile::TempDir,
}

impl Bench {
    /// With a `text.txt` of 600 words in lines of all lengths.
    pub fn new() -> Bench {
        let bench = Bench {
            room: tempfile::tempdir().unwrap(),
        };
        bench.write("text.txt", &text(600, 1));
        bench
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.room.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// A job in the directory `run` on `text.txt`.
    pub fn job(&self, run: &str, config: &Config) -> Job {
        Job {
            config: config.clone(),
            train: vec![self.path("text.txt")],
            valid: None,
            vocabulary: VocabularyFrom::Text,
            init_from: None,
            own_text: None,
            fit_to_text: false,
            run: self.path(run),
            cache: None,
            machine: machine(),
        }
    }

    /// A whole run without interruption.
    pub fn whole(&self, run: &str, config: &Config) -> Outcome {
        train::start(&self.job(run, config), &mut Log::default()).unwrap()
    }
}

/// `words` words of a language with some structure: the next one depends on the last two.
pub fn text(words: usize, seed: u64) -> String {
    const WORDS: [&str; 12] = [
        "and", "the", "of", "he", "said", "unto", "king", "land", "went", "was", "day", "it",
    ];
    let (mut out, mut a, mut b, mut x) = (String::new(), 1, 5, seed);
    for i in 1..=words {
        x = x
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        let next = (3 * a + 5 * b + (x >> 62) as usize) % WORDS.len();
        out.push_str(WORDS[next]);
        let ends = i == words || (x >> 33) % 12 == 0;
        out.push(if ends { '\n' } else { ' ' });
        (a, b) = (b, next);
    }
    out
}

/// Two layers of LSTM with dropout and Adam; two epochs of many windows, the last of each shorter.
pub fn config() -> Config {
    Config {
        vocab: Kind::Words,
        cell: CellName::LSTM,
        embed: 12,
        hidden: 12.into(),
        layers: 2,
        tied: true,
        dropout: 0.2,
        batch_size: 5,
        bptt: Bptt::Steps(7),
        warmup: 5,
        epochs: Some(2.0),
        valid_every: Some(11),
        ..Config::default()
    }
}

/// SGD with this momentum.
pub fn sgd(momentum: f32) -> Optimizer {
    Optimizer::Sgd(Sgd {
        momentum,
        nesterov: false,
    })
}

pub fn relu_sgd() -> Config {
    Config {
        cell: CellName::ELMAN,
        activation: Activation::Relu,
        embed: 9,
        hidden: 14.into(),
        layers: 1,
        tied: false,
        dropout: 0.0,
        optimizer: sgd(0.8),
        lr: 0.3,
        loss_norm: LossNorm::Sequences,
        schedule: Schedule::Step(StepDecay {
            decay_after: 1,
            ..StepDecay::default()
        }),
        valid_every: None,
        ..config()
    }
}

pub fn gru_adamw() -> Config {
    Config {
        cell: CellName::GRU,
        embed: 10,
        hidden: Sizes::Each(vec![13, 17]),
        layers: 2,
        tied: true,
        dropout: 0.0,
        dropout_input: Some(0.4),
        dropout_between: Some(0.2),
        dropout_embed: 0.1,
        variational: true,
        weight_drop: 0.5,
        ar: 2.0,
        tar: 1.0,
        label_smoothing: 0.1,
        optimizer: Optimizer::Adamw(Adam::default()),
        weight_decay: 0.01,
        clip: None,
        schedule: Schedule::CONSTANT,
        ..config()
    }
}

/// Windows that overlap.
pub fn strides() -> Config {
    Config {
        bptt: Bptt::Steps(9),
        bptt_stride: Some(4),
        dropout: 0.1,
        ..gru_adamw()
    }
}

/// Windows of random lengths.
pub fn random_lengths() -> Config {
    Config {
        bptt: Bptt::Steps(12),
        bptt_random: true,
        ..config()
    }
}

/// Lines in batches of at most five sequences and forty positions.
pub fn sentences() -> Config {
    Config {
        layout: Layout::Sentences,
        batch_tokens: Some(40),
        ..config()
    }
}

/// Nesterov's momentum, three windows an update, groups, noise, clipped values, reductions on plateaus at once, and an
/// average that the second validation may begin.
pub fn lstm_everything() -> Config {
    Config {
        layers: 1,
        tied: false,
        optimizer: Optimizer::Sgd(Sgd {
            momentum: 0.7,
            nesterov: true,
        }),
        lr: 1.0,
        weight_decay: 0.001,
        lr_scale: "embed=0.5,recurrent=2".parse().unwrap(),
        decay_scale: "bias=0".parse().unwrap(),
        clip_value: Some(0.05),
        noise: 1e-4,
        accumulate: 3,
        average_trigger: Some(0),
        schedule: Schedule::Plateau(OnPlateau {
            plateau_threshold: 0.02,
            ..OnPlateau::default()
        }),
        valid_every: Some(2),
        epochs: Some(4.0),
        ..config()
    }
}

/// Centred RMSprop with momentum on one cycle, averaged from the sixth update on.
pub fn gru_rmsprop() -> Config {
    Config {
        optimizer: Optimizer::RmsProp(RmsProp {
            momentum: 0.5,
            centered: true,
            ..RmsProp::default()
        }),
        lr: 0.02,
        weight_decay: 0.0,
        average_from: Some(6),
        schedule: Schedule::OneCycle(OneCycle::default()),
        ..gru_adamw()
    }
}

pub fn machine() -> Machine {
    Machine {
        threads: 1,
        isa: Isa::detect(),
        save_every: Duration::from_secs(3600),
        memory_bytes: None,
    }
}

pub fn saving_always() -> Machine {
    Machine {
        save_every: Duration::ZERO,
        ..machine()
    }
}

pub fn resume(run: &Path, watch: &mut dyn Watch) -> Result<Outcome> {
    train::resume(run, &NewBudget::default(), &machine(), watch)
}

/// Remembers what happened, and asks to stop after the steps in `stop_after`, once each.
#[derive(Default)]
pub struct Log {
    stop_after: BTreeSet<u64>,
    stopping: bool,
    pub steps: Vec<StepReport>,
    pub validations: Vec<Validation>,
    pub samples: Vec<Sample>,
    pub flows: Vec<GradientFlow>,
    pub saved: Vec<u64>,
    pub notes: Vec<String>,
    /// Of the last `Ready`: bytes of the plan, steps done, steps in all.
    pub ready: Option<(u64, u64, u64)>,
    pub windows_per_epoch: u64,
    pub steps_per_epoch: u64,
}

impl Log {
    pub fn stopping_after(steps: impl IntoIterator<Item = u64>) -> Log {
        Log {
            stop_after: steps.into_iter().collect(),
            ..Log::default()
        }
    }
}

impl Watch for Log {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Note(note) => self.notes.push(note.clone()),
            Event::Ready(ready) => {
                let total_steps = ready.total_steps.unwrap();
                self.ready = Some((ready.plan.total_bytes(), ready.step, total_steps));
                self.windows_per_epoch = ready.windows_per_epoch;
                self.steps_per_epoch = ready.steps_per_epoch;
                self.stopping = false;
            }
            Event::Step(step) => {
                self.steps.push(step.clone());
                self.stopping |= self.stop_after.remove(&step.step);
            }
            Event::Recorded(line) => match line {
                Line::Valid(validation) => self.validations.push(validation.clone()),
                Line::Sample(sample) => self.samples.push(sample.clone()),
                Line::Gradients(flow) => self.flows.push(flow.clone()),
                Line::Train(_) | Line::End(_) => {}
            },
            Event::Saved { step } => self.saved.push(*step),
            Event::Writing { .. } => {}
        }
    }

    fn stop_requested(&self) -> bool {
        self.stopping
    }
}

/// Asks to stop before the first step.
pub struct Impatient;

impl Watch for Impatient {
    fn event(&mut self, _: &Event) {}

    fn stop_requested(&self) -> bool {
        true
    }
}

/// Everything that must not depend on how the run went: the checkpoint, the best validation, and
/// the metrics without their speeds.
pub fn essence(run: &Path, outcome: &Outcome) -> String {
    let best = outcome.best.map(|b| (b.step, b.loss_nats.to_bits()));
    let metrics: Vec<String> = metrics(run).iter().map(ToString::to_string).collect();
    format!("{} {best:?}\n{}", outcome.checkpoint, metrics.join("\n"))
}

/// The lines of `metrics.jsonl` without what was measured with a clock, and without memory: recomputed or watched, the same run takes
/// another amount.
pub fn metrics(run: &Path) -> Vec<serde_json::Value> {
    let text = fs::read_to_string(run.join("metrics.jsonl")).unwrap();
    text.lines()
        .map(|line| {
            let mut line: serde_json::Value = serde_json::from_str(line).unwrap();
            let object = line.as_object_mut().unwrap();
            object.remove("tokens_per_s");
            object.remove("seconds");
            object.remove("peak_bytes");
            object.remove("plan");
            line
        })
        .collect()
}

/// The files of the checkpoints, oldest first.
pub fn generations(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("state")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A copy of a run as a crash at this moment would leave it.
pub fn copy_run(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_run(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
