//! How memory grows with T: what is counted in a training step and a validation of windows of two lengths differs by exactly what
//! the plan says.

use super::dice::{Dice, roll};
use super::{live, peak, reset_peak};
use elman::text::{Layout, Stream};
use elman::train::bptt::Engine;
use elman::train::config::Bptt;
use elman::train::optim::OptimizerState;
use elman::train::state::{Progress, TrainState};
use elman::train::step::GradientAccumulator;
use elman::train::{Config, plan_shapes};
use elman_kernels::{Cpu, Isa};

const CONFIGURATIONS: usize = 100;
/// Every buffer is allocated in whole cache lines of 16 numbers. Lengths that are multiples of it leave nothing to round off where
/// windows differ.
const LINE: usize = 16;
const EOS: u32 = 0;

/// What is planned, and the most that is taken while a step is trained and a window scored.
fn weigh(config: &Config, vocab: usize, steps: usize, ids: &[u32]) -> (i64, i64) {
    let dims = config.dims(vocab);
    let shapes = [(steps, config.batch_size)];
    let (room, plan) = plan_shapes(config, &dims, &shapes, &shapes);
    let stream = Stream::new(ids.len(), config.batch_size);
    let before = live();
    reset_peak();
    let cpu = Cpu::new(Isa::detect(), 1);
    let (slots, format) = (config.buffers(), config.precision.format());
    let mut engine = Engine::new(cpu, dims.clone(), room, slots, format);
    config.init().fill(&dims, engine.params_mut());
    let mut state = TrainState {
        progress: Progress::default(),
        optimiser: OptimizerState::new(config.method(), engine.network().layout()),
        carried: engine.zero_state(),
        seconds: 0.0,
    };
    let (mut window, mut scored) = (engine.window(), engine.window());
    let mut score = engine.zero_state();
    let mut gradient = GradientAccumulator::default();
    for _ in 0..config.accumulate {
        stream.window(ids, EOS, 0, steps, &mut window);
        gradient.add(&mut engine, &mut state, config, &mut window);
    }
    gradient.apply(&mut engine, &mut state, config, config.lr);
    stream.window(ids, EOS, 0, steps, &mut scored);
    let stats = engine.score_window(&scored, &mut score);
    assert_eq!(stats.tokens, steps * config.batch_size);
    (plan.total_bytes() as i64, peak() - before)
}

pub fn every_step_takes_exactly_what_is_planned() {
    let mut dice = Dice(2);
    // Once for nothing: what is made at the first use, and by the harness while a test begins, is no window's.
    weigh(&Config::default(), LINE, LINE, &[0; 32 * LINE]);
    for number in 0..CONFIGURATIONS {
        let rolled = roll(&mut dice);
        let vocab = rolled.vocab.next_multiple_of(LINE);
        let (short, further) = (LINE * dice.size(1..9), LINE * dice.size(1..5));
        let most = rolled.most_rows / (short + further);
        let batch_size = rolled.config.batch_size.min(most).max(1);
        let config = Config {
            layout: Layout::Stream,
            batch_size,
            batch_tokens: None,
            bptt: Bptt::Steps(short),
            bptt_stride: None,
            bptt_random: false,
            groups: 1,
            // Its segments grow by a step from time to time.
            recompute: false,
            sample_every: None,
            watch_gradients: None,
            ..rolled.config
        };
        config.check().unwrap();
        let ids: Vec<u32> = (0..batch_size * (short + further))
            .map(|at| (at * 7919 % vocab) as u32)
            .collect();
        let (planned, taken) = weigh(&config, vocab, short, &ids);
        let (planned_more, taken_more) = weigh(&config, vocab, short + further, &ids);
        let (plan, truth) = (planned_more - planned, taken_more - taken);
        let case = format!(
            "{} × {short} + {further} steps, V {vocab}, {}: {plan} more are planned, {truth} are taken",
            batch_size,
            config.dims(vocab).architecture()
        );
        println!("{number:3} {case}");
        assert_eq!(plan, truth, "{case}: {config:?}");
    }
}
