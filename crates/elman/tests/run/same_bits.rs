//! The same configuration and text give the same run, whatever happens to it.

use super::bench::{
    Bench, Impatient, Log, config, essence, gru_adamw, gru_rmsprop, lstm_everything, machine,
    random_lengths, relu_sgd, resume, saving_always, sentences, strides,
};
use elman::text::Layout;
use elman::train::config::{Bptt, Precision};
use elman::train::scheduled::Decay;
use elman::train::{self, Config, Ending, Machine, NewBudget};
use elman_kernels::Isa;
use std::collections::BTreeSet;

fn all() -> [(&'static str, Config); 12] {
    [
        ("lstm", config()),
        ("relu", relu_sgd()),
        ("gru", gru_adamw()),
        ("drawn inputs", drawing(Decay::InverseSigmoid(3.0))),
        ("strides", strides()),
        ("random lengths", random_lengths()),
        ("sentences", sentences()),
        ("everything", lstm_everything()),
        ("rmsprop", gru_rmsprop()),
        ("groups", grouped(3, drawing(Decay::Constant(0.2)))),
        ("groups of sentences", grouped(2, sentences())),
        ("groups of everything", grouped(5, lstm_everything())),
    ]
}

fn grouped(groups: usize, config: Config) -> Config {
    Config { groups, ..config }
}

fn drawing(decay: Decay) -> Config {
    Config {
        scheduled_sampling: Some(decay),
        ..config()
    }
}

/// With no input drawn, scheduled sampling is teacher forcing.
#[test]
fn drawing_no_input_is_teacher_forcing() {
    let bench = Bench::new();
    let forced = bench.whole("forced", &config());
    let none = bench.whole("none", &drawing(Decay::Constant(0.0)));
    let some = bench.whole("some", &drawing(Decay::Constant(0.1)));
    assert_eq!(none.checkpoint, forced.checkpoint);
    assert_ne!(some.checkpoint, forced.checkpoint);
}

#[test]
fn a_run_stopped_again_and_again_is_the_same_run() {
    for (name, config) in all() {
        let bench = Bench::new();
        let outcome = bench.whole("whole", &config);
        assert_eq!(outcome.ending, Ending::Finished);
        let whole = essence(&bench.path("whole"), &outcome);

        // After the first step, beside and at validations, at the seam of epochs, before the end.
        let total = outcome.total_steps;
        let stops = [1, 2, 7, 11, 12, total / 2, total / 2 + 1, total - 1];
        let mut log = Log::stopping_after(stops);
        let run = bench.path("parts");
        let mut outcome = train::start(&bench.job("parts", &config), &mut log).unwrap();
        let mut resumed = 0;
        while outcome.ending == Ending::Stopped {
            outcome = resume(&run, &mut log).unwrap();
            resumed += 1;
        }
        assert_eq!(resumed, BTreeSet::from(stops).len(), "{name}");
        assert_eq!(essence(&run, &outcome), whole, "{name}");
        let steps: Vec<u64> = log.steps.iter().map(|step| step.step).collect();
        assert_eq!(steps, (1..=total).collect::<Vec<u64>>());
    }
}

/// `stop_requested` may be true all the time: each resume does nothing, and nothing is lost.
#[test]
fn a_run_stopped_before_its_first_step_is_the_same_run() {
    let bench = Bench::new();
    let config = config();
    let whole = bench.whole("whole", &config);
    let run = bench.path("parts");
    let outcome = train::start(&bench.job("parts", &config), &mut Impatient).unwrap();
    assert_eq!((outcome.ending, outcome.step), (Ending::Stopped, 0));
    let outcome = resume(&run, &mut Impatient).unwrap();
    assert_eq!((outcome.ending, outcome.step), (Ending::Stopped, 0));
    let outcome = resume(&run, &mut Log::default()).unwrap();
    assert_eq!(
        essence(&run, &outcome),
        essence(&bench.path("whole"), &whole)
    );
}

#[test]
fn threads_and_instruction_sets_change_no_bit() {
    for (name, config) in all() {
        let bench = Bench::new();
        let whole = essence(&bench.path("whole"), &bench.whole("whole", &config));
        let threads = (2..=4).map(|threads| Machine {
            threads,
            ..machine()
        });
        let isas = Isa::supported().into_iter().map(|isa| Machine {
            isa,
            threads: 2,
            ..machine()
        });
        for (i, machine) in threads.chain(isas).enumerate() {
            let run = format!("run{i}");
            let mut job = bench.job(&run, &config);
            job.machine = machine;
            let outcome = train::start(&job, &mut Log::default()).unwrap();
            assert_eq!(
                essence(&job.run, &outcome),
                whole,
                "{name}: {} threads, {}",
                machine.threads,
                machine.isa.name()
            );
        }
    }
}

/// bf16 sums belong to the instruction set; everything else is as in f32.
#[test]
fn in_bf16_threads_and_interruptions_change_no_bit_and_other_instructions_are_refused() {
    for (name, config) in all() {
        let bench = Bench::new();
        let config = Config {
            precision: Precision::Bf16,
            ..config
        };
        let outcome = bench.whole("whole", &config);
        let whole = essence(&bench.path("whole"), &outcome);
        let run = bench.path("parts");
        let mut log = Log::stopping_after([3, 17]);
        train::start(&bench.job("parts", &config), &mut log).unwrap();
        for isa in Isa::supported().into_iter().skip(1) {
            let elsewhere = Machine { isa, ..machine() };
            let resumed = train::resume(&run, &NewBudget::default(), &elsewhere, &mut log);
            let refusal = resumed.unwrap_err().to_string();
            assert!(
                refusal.contains("bf16") && refusal.contains(isa.name()),
                "{refusal}"
            );
        }
        let threads = Machine {
            threads: 3,
            ..machine()
        };
        let stopped = train::resume(&run, &NewBudget::default(), &threads, &mut log).unwrap();
        assert_eq!(stopped.ending, Ending::Stopped, "{name}");
        let outcome = resume(&run, &mut log).unwrap();
        assert_eq!(outcome.ending, Ending::Finished);
        assert_eq!(essence(&run, &outcome), whole, "{name}");
    }
}

/// A run may move from machine to machine.
#[test]
fn every_part_of_a_run_may_have_another_machine() {
    let bench = Bench::new();
    let config = config();
    let whole = essence(&bench.path("whole"), &bench.whole("whole", &config));
    let isas = Isa::supported();
    let run = bench.path("parts");
    let mut log = Log::stopping_after([3, 9, 10, 17, 23]);
    let mut outcome = train::start(&bench.job("parts", &config), &mut log).unwrap();
    let mut part = 0;
    while outcome.ending == Ending::Stopped {
        part += 1;
        let machine = Machine {
            threads: 1 + part % 3,
            isa: isas[part % isas.len()],
            ..machine()
        };
        outcome = train::resume(&run, &NewBudget::default(), &machine, &mut log).unwrap();
    }
    assert_eq!(part, 5);
    assert_eq!(essence(&run, &outcome), whole);
}

#[test]
fn saving_after_every_step_changes_nothing() {
    for (name, config) in all() {
        let bench = Bench::new();
        let whole = essence(&bench.path("whole"), &bench.whole("whole", &config));
        let mut job = bench.job("often", &config);
        job.machine = saving_always();
        let mut log = Log::default();
        let outcome = train::start(&job, &mut log).unwrap();
        assert_eq!(essence(&job.run, &outcome), whole, "{name}");
        // And once more at the end.
        assert_eq!(log.saved.len() as u64, outcome.total_steps + 1);
    }
}

/// Every cell and precision, several layers, tied and untied, dropout, SGD and Adam, masked ends of sequences; windows
/// of many lengths, so that the segment in which they begin is whole, short and all there is; odd
/// and even numbers of sequences; more rows than a block of logits.
#[test]
fn recomputing_changes_no_bit() {
    let bptts = [Bptt::Steps(4), Bptt::Steps(7), Bptt::Steps(50), Bptt::Full];
    let (f32, bf16) = (Precision::F32, Precision::Bf16);
    let mut threads = (1..=3).cycle();
    for (name, config) in all() {
        let overlapping_or_drawn = config.bptt_stride.is_some() || config.bptt_random;
        let bptts = match config.layout {
            Layout::Stream if overlapping_or_drawn => &bptts[..3],
            Layout::Stream => &bptts[..],
            // Lines are their own windows.
            Layout::Sentences => &bptts[..1],
        };
        for &bptt in bptts {
            for (batch_size, tied, precision) in [
                (5, false, f32),
                (2, true, f32),
                (3, false, bf16),
                (2, true, bf16),
            ] {
                let bench = Bench::new();
                let (steps, epochs) = (Some(4), None);
                let kept = Config {
                    layers: 2,
                    dropout: 0.3,
                    valid_every: Some(3),
                    bptt,
                    batch_size,
                    groups: config.groups.min(batch_size),
                    tied,
                    steps,
                    epochs,
                    precision,
                    ..config.clone()
                };
                let whole = essence(&bench.path("whole"), &bench.whole("whole", &kept));
                let mut job = bench.job("run", &kept);
                job.config.recompute = true;
                job.machine.threads = threads.next().unwrap();
                let outcome = train::start(&job, &mut Log::default()).unwrap();
                assert_eq!(
                    essence(&job.run, &outcome),
                    whole,
                    "{name}, batch size {batch_size}, {bptt:?}, tied {tied}, {precision:?}, {} threads",
                    job.machine.threads
                );
            }
        }
    }
}

/// `--bptt-stride` as long as the window is what there was before it.
#[test]
fn a_stride_of_a_whole_window_is_none() {
    for (config, steps) in [(config(), 7), (relu_sgd(), 7)] {
        let bench = Bench::new();
        let with = Config {
            bptt_stride: Some(steps),
            ..config.clone()
        };
        let whole = essence(&bench.path("whole"), &bench.whole("whole", &config));
        let same = essence(&bench.path("same"), &bench.whole("same", &with));
        assert_eq!(same, whole);
    }
}

/// A hash that never differs would pass every other test here.
#[test]
fn another_seed_is_another_run() {
    let bench = Bench::new();
    let one = bench.whole("one", &config());
    let two = bench.whole(
        "two",
        &Config {
            seed: 2,
            ..config()
        },
    );
    assert_ne!(one.checkpoint, two.checkpoint);
}
