//! Random configurations of all that memory depends on, the same every time.

use elman::net::dims::{Activation, Sizes};
use elman::text::{Kind, Layout};
use elman::train::Config;
use elman::train::config::{Bptt, CellName, Precision};
use elman::train::optim::{Adagrad, Adam, Optimizer, RmsProp, Sgd};
use elman::train::scheduled::Decay;

/// Numbers that look random.
pub struct Dice(pub u64);

impl Dice {
    /// From `range`, small ones as likely as large ones.
    pub fn size(&mut self, range: std::ops::Range<usize>) -> usize {
        let span = (range.end as f64 / range.start as f64).ln();
        (range.start as f64 * (self.unit() * span).exp()) as usize
    }

    /// Every other time from `range`, otherwise from `least` on.
    fn large(&mut self, least: usize, range: std::ops::Range<usize>) -> usize {
        let start = self.of(&[least, range.start]);
        self.size(start..range.end)
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[(self.unit() * choices.len() as f64) as usize]
    }

    pub fn unit(&mut self) -> f64 {
        self.0 = self
            .0
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// A configuration, and the vocabulary and length of its text.
pub struct Rolled {
    pub config: Config,
    pub vocab: usize,
    pub tokens: usize,
    /// T·B of windows that are read in a moment.
    pub most_rows: usize,
}

/// At most about this much arithmetic for a window, so that the test takes seconds.
const WORK: usize = 5_000_000;

pub fn roll(dice: &mut Dice) -> Rolled {
    let layout = dice.of(&[Layout::Stream, Layout::Stream, Layout::Sentences]);
    let stream = layout == Layout::Stream;
    let hidden = dice.large(8, 100..400);
    let embed = dice.large(8, 100..400);
    let embed = dice.of(&[hidden, embed]);
    let vocab = dice.large(10, 1000..8000);
    let layers = dice.of(&[1, 1, 2, 3]);
    let sizes = match dice.of(&[true, false]) {
        true => Sizes::Same(hidden),
        false => Sizes::Each((0..layers).map(|_| dice.size(4..hidden + 2)).collect()),
    };
    let matrices = layers * 8 * hidden * hidden + vocab * hidden;
    let most_rows = (WORK / matrices).clamp(1, 100_000);
    let batch_size = dice.size(1..65).min(most_rows);
    let steps = dice.size(1..2000).min(most_rows / batch_size).max(1);
    let full = dice.of(&[false, false, true]);
    let bptt = if full { Bptt::Full } else { Bptt::Steps(steps) };
    let even = stream && !full;
    let (random, stride) = dice.of(&[(false, false), (false, false), (true, false), (false, true)]);
    let (momentum, centered) = (dice.of(&[0.0, 0.9]), dice.of(&[true, false]));
    let optimizer = dice.of(&[
        Optimizer::Sgd(Sgd {
            momentum,
            nesterov: false,
        }),
        Optimizer::Adam(Adam::default()),
        Optimizer::Adamw(Adam::default()),
        Optimizer::RmsProp(RmsProp {
            momentum,
            centered,
            ..RmsProp::default()
        }),
        Optimizer::Adagrad(Adagrad::default()),
    ]);
    let config = Config {
        vocab: Kind::Whitespace,
        max_vocab: None,
        cell: dice.of(&[CellName::ELMAN, CellName::LSTM, CellName::GRU]),
        activation: dice.of(&[Activation::Tanh, Activation::Sigmoid, Activation::Relu]),
        embed,
        hidden: sizes,
        layers,
        tied: dice.of(&[true, false]),
        dropout: dice.of(&[0.0, 0.5]),
        dropout_embed: dice.of(&[0.0, 0.0, 0.1]),
        variational: dice.of(&[false, false, true]),
        weight_drop: dice.of(&[0.0, 0.5]),
        ar: dice.of(&[0.0, 2.0]),
        tar: dice.of(&[0.0, 1.0]),
        label_smoothing: dice.of(&[0.0, 0.1]),
        recompute: dice.of(&[true, false]),
        layout,
        batch_tokens: (!stream).then_some(batch_size * steps),
        batch_size,
        bptt,
        bptt_random: even && random,
        bptt_stride: (even && stride).then_some(steps.div_ceil(2)),
        scheduled_sampling: dice.of(&[None, None, Some(Decay::Constant(0.25))]),
        optimizer,
        accumulate: dice.of(&[1, 1, 2, 3]),
        groups: dice.of(&[1, 1, 2, 3]).min(batch_size),
        clip_value: dice.of(&[None, Some(0.1)]),
        average_from: dice.of(&[None, None, Some(2)]),
        epochs: None,
        steps: Some(3),
        valid_every: Some(2),
        sample_every: dice.of(&[None, None, Some(2)]),
        watch_gradients: dice.of(&[None, None, Some(1)]),
        precision: dice.of(&[Precision::F32, Precision::Bf16]),
        ..Config::default()
    };
    let windows = if full { 1 } else { 3 };
    Rolled {
        config,
        vocab,
        tokens: windows * batch_size * steps,
        most_rows,
    }
}
