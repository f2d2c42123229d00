//! One step of training: the gradient of one window or the mean of several, checked, clipped and applied.
//!
//! It knows no text, no epochs and no files: a run fetches the windows and counts.

use super::bptt::{Engine, WindowStats};
use super::config::Config;
use super::groups::GroupStats;
use super::guard::UpdateDecision;
use super::objective::BatchPart;
use super::optim;
use super::scheduled::Coins;
use super::state::TrainState;
use elman_kernels::rng::{Site, key};
use elman_net::layer::dropout::Dropout;
use elman_text::Window;

/// Accumulator of the gradients of the windows of one update; the numbers are in the engine.
#[derive(Clone, Copy, Debug, Default)]
pub struct GradientAccumulator {
    stats: WindowStats,
    sampled: usize,
    windows: u64,
}

/// Result of an update.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    /// Loss and number of tokens of all windows of the update.
    pub stats: WindowStats,
    /// Number of inputs that were drawn from the model.
    pub sampled: usize,
    /// Global norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Whether the gradient was clipped, by its norm or by its elements.
    pub clipped: bool,
    /// Decision on the update: applied, skipped, or skipped as the last one before training stops.
    pub verdict: UpdateDecision,
}

impl GradientAccumulator {
    /// Number of windows that have been added.
    pub fn windows(&self) -> u64 {
        self.windows
    }

    /// Loss, tokens and drawn inputs of the windows that have been added.
    pub fn stats(&self) -> GroupStats {
        GroupStats {
            stats: self.stats,
            sampled: self.sampled,
        }
    }

    /// Replaces the figures by those of all parts of the batches.
    pub(crate) fn with(self, all: GroupStats) -> GradientAccumulator {
        GradientAccumulator {
            stats: all.stats,
            sampled: all.sampled,
            ..self
        }
    }

    /// Adds the gradient of `window`, from the carried state, with scheduled sampling if it is on.
    pub fn add(
        &mut self,
        engine: &mut Engine,
        state: &mut TrainState,
        config: &Config,
        window: &mut Window,
    ) {
        let whole = config.objective().whole(window);
        self.add_part(engine, state, config, window, whole);
    }

    /// Adds the gradient of a part of a batch, which may be empty.
    pub fn add_part(
        &mut self,
        engine: &mut Engine,
        state: &mut TrainState,
        config: &Config,
        window: &mut Window,
        part: BatchPart,
    ) {
        // Every window has a number of its own, which is the step's where one window makes an update.
        let number = state.progress.step.wrapping_mul(config.accumulate) + self.windows;
        self.windows += 1;
        if window.batch_size == 0 {
            return;
        }
        let rates = config.rates();
        let dropout = rates.any().then_some(Dropout {
            rates,
            seed: config.seed,
            step: number,
            first: 0,
            first_sequence: part.first,
        });
        let TrainState {
            progress, carried, ..
        } = state;
        self.sampled += config.scheduled_sampling.map_or(0, |decay| {
            let share = decay.probability(progress.step).min(config.sampling_limit);
            let coins = Coins::new(share, config.seed, number).from_sequence(part.first);
            engine.draw_inputs(window, coins, dropout, carried)
        });
        let stats = engine.run_part(window, config.objective(), part, dropout, carried);
        self.stats.nats += stats.nats;
        self.stats.tokens += stats.tokens;
    }

    /// Updates the weights by the mean gradient of the windows at the learning rate `lr`.
    ///
    /// If a loss or the gradient is not finite, the weights do not change, and the carried state is reset to zero.
    pub fn apply(
        self,
        engine: &mut Engine,
        state: &mut TrainState,
        config: &Config,
        lr: f64,
    ) -> Update {
        let GradientAccumulator {
            stats,
            sampled,
            windows,
        } = self;
        let TrainState {
            progress,
            optimiser,
            carried,
            ..
        } = state;
        // The engine has the sum of the gradients: what is said of their mean holds for it times `windows`.
        let norm = |limit| engine.gradient_norm(limit) / windows as f64;
        let grad_norm = norm(f32::INFINITY);
        let limit = config.clip_value.map(|most| (most * windows as f64) as f32);
        let limited = limit.map_or(grad_norm, norm);
        let verdict = progress
            .guard
            .judge(stats.nats, grad_norm, limited, config.clip);
        match verdict {
            UpdateDecision::Apply(scale) => {
                let key = key(config.seed, Site::GradientNoise, progress.step);
                let update = optim::Update {
                    limit: limit.unwrap_or(f32::INFINITY),
                    scale: scale / windows as f32,
                    noise: config
                        .noise_sigma(optimiser.updates)
                        .map(|sigma| (key, sigma)),
                    lr,
                };
                engine.apply(optimiser, &update);
            }
            UpdateDecision::Skip | UpdateDecision::Stop => {
                engine.discard_gradient();
                carried.set_zero();
            }
        }
        progress.step += 1;
        let longer = config.clip.is_some_and(|threshold| limited >= threshold);
        Update {
            stats,
            sampled,
            grad_norm,
            clipped: matches!(verdict, UpdateDecision::Apply(_)) && (longer || limited < grad_norm),
            verdict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::optim::{Optimizer, OptimizerState, Sgd};
    use crate::state::Progress;
    use elman_kernels::{Cpu, Format, Isa};
    use elman_net::Params;
    use elman_net::dims::{Capacity, Sizes, TrainingBuffers};
    use elman_text::Stream;

    const WINDOWS: usize = 3;
    const STEPS: usize = 5;
    const EOS: u32 = 0;

    fn engine(config: &Config, buffers: TrainingBuffers) -> Engine {
        let dims = config.dims(7);
        let capacity =
            Capacity::whole(STEPS, config.batch_size).accumulating(config.accumulate, &dims);
        let cpu = Cpu::new(Isa::detect(), 2);
        let mut engine = Engine::new(cpu, dims.clone(), capacity, buffers, Format::F32);
        config.init().fill(&dims, engine.params_mut());
        engine
    }

    /// Each window with masks of dropout and weight drop and, untied, embedding rows of its own.
    #[test]
    fn an_update_takes_the_mean_gradient_of_its_windows() {
        for tied in [false, true] {
            let config = Config {
                embed: 6,
                hidden: Sizes::Same(6),
                tied,
                dropout: 0.3,
                weight_drop: 0.5,
                batch_size: 2,
                optimizer: Optimizer::Sgd(Sgd::default()),
                accumulate: WINDOWS as u64,
                clip: None,
                clip_value: Some(0.02),
                ..Config::default()
            };
            let stream = Stream::new(config.batch_size * WINDOWS * STEPS, config.batch_size);
            let ids: Vec<u32> = (0..stream.tokens() as u32)
                .map(|i| (i * i + i / 3) % 7)
                .collect();
            let lr = 0.5;

            let whole = config.rates().buffers();
            let mut by_hand = engine(&config, whole);
            let mut window = by_hand.window();
            let mut carried = by_hand.zero_state();
            let layout = by_hand.network().layout().clone();
            let mut sum = Params::zeros(layout.clone());
            for number in 0..WINDOWS {
                stream.window(&ids, EOS, number * STEPS, STEPS, &mut window);
                let dropout = Some(Dropout {
                    rates: config.rates(),
                    seed: config.seed,
                    step: number as u64,
                    first: 0,
                    first_sequence: 0,
                });
                by_hand.run_window(&window, config.loss_norm, dropout, &mut carried);
                for (id, _) in layout.tensors() {
                    let gradient = by_hand.grads()[id].iter();
                    sum[id]
                        .iter_mut()
                        .zip(gradient)
                        .for_each(|(sum, g)| *sum += g);
                }
                by_hand.discard_gradient();
            }

            let mut updated = |buffers| {
                let mut engine = engine(&config, buffers);
                let mut state = TrainState {
                    progress: Progress::default(),
                    optimiser: OptimizerState::new(config.method(), &layout),
                    carried: engine.zero_state(),
                    seconds: 0.0,
                };
                let mut gathered = GradientAccumulator::default();
                for number in 0..WINDOWS {
                    stream.window(&ids, EOS, number * STEPS, STEPS, &mut window);
                    gathered.add(&mut engine, &mut state, &config, &mut window);
                }
                let done = gathered.apply(&mut engine, &mut state, &config, lr);
                assert!(done.clipped && done.verdict == UpdateDecision::Apply(1.0));
                assert_eq!(done.stats.tokens, stream.tokens());
                assert_eq!(state.progress.step, 1);
                (engine.params().clone(), done.grad_norm)
            };
            let (params, norm) = updated(whole);
            // Gradients of the rows that are read, and no others.
            assert!(config.buffers().rows_read);
            let (same, same_norm) = updated(config.buffers());
            assert_eq!(norm, same_norm);

            let mut cut = 0;
            for (id, tensor) in layout.tensors() {
                let before = &by_hand.params()[id];
                assert_eq!(params[id], same[id]);
                for ((before, sum), after) in before.iter().zip(&sum[id]).zip(&params[id]) {
                    let mean = sum / WINDOWS as f32;
                    cut += usize::from(mean.abs() > 0.02);
                    let expected = before - lr as f32 * mean.clamp(-0.02, 0.02);
                    assert!((after - expected).abs() < 1e-6, "{}", tensor.name);
                }
            }
            assert!(cut > 0);
        }
    }
}
