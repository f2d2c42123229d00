//! Whole runs: texts, steps, validation, samples and checkpoints.

use super::dice::{Dice, Rolled, roll};
use super::{heap_peak, live, peak, reset_peak};
use elman::text::Layout;
use elman::train::{self, Config, Event, Job, Machine, VocabularyFrom, Watch};
use elman_kernels::Isa;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

const RUNS: usize = 100;

/// Takes the plan when the run is ready, and the peak of the steps and the validation after that.
#[derive(Default)]
pub struct Scales {
    pub plan: u64,
    pub parts: Vec<(&'static str, u64)>,
    pub vocab: usize,
    /// The most before the run was ready.
    pub preparation: i64,
    parameters: usize,
    tokens: usize,
    pub peak: i64,
}

impl Watch for Scales {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Ready(ready) => {
                self.plan = ready.plan.total_bytes();
                self.parts = ready.plan.parts().into();
                self.vocab = ready.dims.vocab;
                self.preparation = heap_peak();
                self.parameters = ready.parameters;
                self.tokens = ready.train_tokens;
                reset_peak();
            }
            Event::Step(_) | Event::Recorded(_) | Event::Saved { .. } => {
                // Before the last line the run gives its memory back.
                self.peak = self.peak.max(peak());
            }
            Event::Note(_) | Event::Writing { .. } => {}
        }
    }
}

/// The plan and the peak of a run of `config` on `text`, of which the first lines validate.
pub fn start(config: &Config, text: &str, room: &Path) -> Scales {
    let valid: String = text.split_inclusive('\n').take(20).collect();
    run(config, text, &valid, room)
}

/// The plan and the peak of a run of `config` on `text`, which validates too.
fn weigh(config: &Config, text: &str, room: &Path) -> Scales {
    run(config, text, text, room)
}

fn run(config: &Config, text: &str, valid: &str, room: &Path) -> Scales {
    let (file, valid_file) = (room.join("text.txt"), room.join("valid.txt"));
    std::fs::write(&file, text).unwrap();
    std::fs::write(&valid_file, valid).unwrap();
    let job = Job {
        config: config.clone(),
        train: vec![file.clone()],
        valid: Some(vec![valid_file]),
        vocabulary: VocabularyFrom::Text,
        init_from: None,
        own_text: None,
        fit_to_text: false,
        run: room.join("run"),
        cache: None,
        machine: Machine {
            threads: 1,
            isa: Isa::detect(),
            save_every: Duration::ZERO,
            memory_bytes: None,
        },
    };
    let before = live();
    reset_peak();
    let mut scales = Scales::default();
    train::start(&job, &mut scales).unwrap();
    scales.peak -= before;
    scales.preparation -= before;
    std::fs::remove_dir_all(&job.run).unwrap();
    scales
}

/// `tokens` words, of `vocab` different ones if they are enough.
fn text(tokens: usize, vocab: usize, layout: Layout, dice: &mut Dice) -> String {
    let mut text = String::new();
    for token in 0..tokens {
        // In a stream one line, so that almost every token is a word.
        let ends = layout == Layout::Sentences && dice.unit() < 0.1;
        let space = if ends { '\n' } else { ' ' };
        write!(text, "{}{space}", (token * 7919) % vocab).unwrap();
    }
    text
}

pub fn a_run_takes_what_is_planned() {
    let room = tempfile::tempdir().unwrap();
    let mut dice = Dice(1);
    let (mut large, mut worst) = (0, (0.0, String::new()));
    for number in 0..RUNS {
        let Rolled {
            config,
            vocab,
            tokens,
            ..
        } = roll(&mut dice);
        let text = text(tokens.max(vocab), vocab, config.layout, &mut dice);
        let scales = weigh(&config, &text, room.path());
        let (plan, peak) = (scales.plan as i64, scales.peak);
        // The promise is 4 MiB or 5 %; a vocabulary of 8,000 and writing buffers are less than two.
        let allowed = (plan / 20).max(2 << 20);
        let off = (peak - plan) as f64 / allowed as f64;
        let dims = config.dims(vocab);
        let case = format!(
            "planned {plan}, taken {peak}, {:+.2} of what is allowed: {}, V {vocab}",
            off,
            dims.architecture()
        );
        println!("{number:3} {case}");
        assert!(off.abs() <= 1.0, "{case}: {config:?}");
        if off.abs() > f64::abs(worst.0) {
            worst = (off, case);
        }
        large += usize::from(plan > 16 << 20);
    }
    println!("worst of {RUNS}: {}", worst.1);
    assert!(
        large >= 10,
        "only {large} plans are so large that 5 % counts"
    );
}

/// The same vocabulary and configuration, sixteen times the text: the number of parameters is the same, and so is the memory of a
/// run but for what reading a file takes.
pub fn a_longer_text_changes_neither_parameters_nor_memory() {
    let room = tempfile::tempdir().unwrap();
    let mut dice = Dice(3);
    let mut config = roll(&mut dice).config;
    while config.layout != Layout::Stream || !matches!(config.bptt, train::config::Bptt::Steps(8..))
    {
        config = roll(&mut dice).config;
    }
    let vocab = 400;
    let mut of = |tokens| {
        weigh(
            &config,
            &text(tokens, vocab, Layout::Stream, &mut dice),
            room.path(),
        )
    };
    let tokens = 20_000;
    let (short, long) = (of(tokens), of(16 * tokens));
    println!(
        "{} tokens: {} parameters, planned {}, taken {}; {} tokens: {}, {}, {}",
        short.tokens,
        short.parameters,
        short.plan,
        short.peak,
        long.tokens,
        long.parameters,
        long.plan,
        long.peak
    );
    assert!(long.tokens > 15 * short.tokens);
    assert_eq!((short.parameters, short.plan), (long.parameters, long.plan));
    assert!((long.peak - short.peak).abs() < 1 << 16);
}
