//! The bytes that are planned are the bytes that are taken. Alone in its process, because it counts
//! every allocation in it.

#![allow(clippy::unwrap_used, clippy::disallowed_methods)] // as in tests/run

use elman::dims::{Activation, Sizes};
use elman::text::{Kind, Layout};
use elman::train::config::{Bptt, CellName, OptimizerName};
use elman::train::{self, Config, Event, Job, Machine, VocabularyFrom, Watch};
use elman_kernels::Isa;
use peak_alloc::PeakAlloc;
use std::fmt::Write;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes that are allocated now.
fn live() -> i64 {
    ALLOCATOR.current_usage() as i64
}

/// The most there have been since [`PeakAlloc::reset_peak_usage`].
fn peak() -> i64 {
    ALLOCATOR.peak_usage() as i64
}

/// Takes the plan when the run is ready, and the peak of the steps and the validation after that.
#[derive(Default)]
struct Scales {
    plan: u64,
    ready: i64,
    peak: i64,
}

impl Watch for Scales {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Ready(ready) => {
                self.plan = ready.plan.total_bytes();
                self.ready = live();
                ALLOCATOR.reset_peak_usage();
            }
            Event::Step(_)
            | Event::Validation(_)
            | Event::Sample(_)
            | Event::Gradients(_)
            | Event::Saved { .. } => {
                self.peak = peak();
            }
            Event::Note(_) => {}
        }
    }
}

/// Numbers that look random, the same every time.
struct Dice(u64);

impl Dice {
    /// From `range`, small ones as likely as large ones.
    fn size(&mut self, range: std::ops::Range<usize>) -> usize {
        let span = (range.end as f64 / range.start as f64).ln();
        (range.start as f64 * (self.unit() * span).exp()) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[(self.unit() * choices.len() as f64) as usize]
    }

    fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A configuration, and the vocabulary and length of its text.
fn roll(dice: &mut Dice) -> (Config, usize, usize) {
    let layout = dice.of(&[Layout::Stream, Layout::Stream, Layout::Sentences]);
    let cell = dice.of(&[CellName::Elman, CellName::Lstm, CellName::Gru]);
    let hidden = dice.size(4..300);
    let tied = dice.of(&[true, false]);
    let other = dice.size(4..300);
    let embed = dice.of(&[hidden, other]);
    let bptt = dice.of(&[false, false, true]);
    let vocab = dice.size(10..6000);
    // A window of at most so much arithmetic, so that the test takes seconds.
    let layers = dice.of(&[1, 1, 2, 3]);
    let sizes = match dice.of(&[true, false]) {
        true => Sizes::Same(hidden),
        false => Sizes::Each((0..layers).map(|_| dice.size(4..hidden + 2)).collect()),
    };
    let matrices = layers * 8 * hidden * hidden + vocab * hidden;
    let most_rows = (120_000_000 / matrices).clamp(1, 200_000);
    let lanes = dice.size(1..65).min(most_rows);
    let steps = dice.size(1..2000).min(most_rows / lanes).max(1);
    let optimizer = dice.of(&[
        OptimizerName::Sgd,
        OptimizerName::Adam,
        OptimizerName::RmsProp,
    ]);
    let config = Config {
        vocab: Kind::Whitespace,
        max_vocab: None,
        cell,
        activation: Activation::Tanh,
        embed,
        hidden: sizes,
        layers,
        tied,
        dropout: dice.of(&[0.0, 0.5]),
        weight_drop: dice.of(&[0.0, 0.5]),
        tar: 1.0,
        recompute: dice.of(&[true, false]),
        layout,
        batch_tokens: (layout == Layout::Sentences).then_some(lanes * steps),
        lanes,
        bptt: if bptt { Bptt::Full } else { Bptt::Steps(steps) },
        optimizer,
        momentum: dice.of(&[0.0, 0.9]),
        centered: dice.of(&[true, false]) && optimizer == OptimizerName::RmsProp,
        accumulate: dice.of(&[1, 2]),
        average_trigger: dice.of(&[None, Some(0)]),
        epochs: None,
        steps: Some(3),
        valid_every: Some(2),
        sample_every: dice.of(&[None, Some(2)]),
        watch_gradients: dice.of(&[None, Some(1)]),
        ..Config::default()
    };
    let tokens = if bptt {
        lanes * steps
    } else {
        3 * lanes * steps
    };
    (config, vocab, tokens)
}

#[test]
fn the_plan_is_what_a_run_takes() {
    let room = tempfile::tempdir().unwrap();
    let mut dice = Dice(1);
    let mut large = 0;
    for i in 0..40 {
        let (config, vocab, tokens) = roll(&mut dice);
        let mut text = String::new();
        for token in 0..tokens.max(vocab) {
            // In a stream one line, so that almost every token is a word.
            let ends = config.layout == Layout::Sentences && dice.unit() < 0.1;
            let space = if ends { '\n' } else { ' ' };
            write!(text, "{}{space}", (token * 7919) % vocab).unwrap();
        }
        let (train, valid) = (room.path().join("train.txt"), room.path().join("valid.txt"));
        std::fs::write(&train, &text).unwrap();
        std::fs::write(&valid, &text).unwrap();
        drop(text);
        let job = Job {
            config,
            train: vec![train],
            valid: Some(vec![valid]),
            vocabulary: VocabularyFrom::Text,
            init_from: None,
            run: room.path().join(format!("run{i}")),
            cache: None,
            machine: Machine {
                threads: 1,
                isa: Isa::detect(),
                save_every: Duration::ZERO,
                memory_bytes: None,
            },
        };
        let before = live();
        let mut scales = Scales::default();
        train::start(&job, &mut scales).unwrap();
        let (ready, peak) = (scales.ready - before, scales.peak - before);
        let plan = scales.plan as i64;
        // The promise is 4 MiB or 5 %; vocabulary and writing buffers are less than one.
        let allowed = (plan / 20).max(1 << 20);
        println!("planned {plan}, ready {ready}, peak {peak}, V {vocab}");
        assert!(
            (peak - plan).abs() <= allowed,
            "planned {plan}, taken {peak}: {:?} with a vocabulary of {vocab}",
            job.config
        );
        large += usize::from(plan > 8 << 20);
    }
    assert!(large >= 5, "only {large} plans are more than rounding");
}
