//! Lengths and beginnings of the windows of a stream.
//!
//! | window length | windows of an epoch |
//! |---|---|
//! | T | one after the other, T steps each |
//! | T, stride s | T steps each, beginning every s steps; the first T − s of each but the first were predicted before |
//! | random | lengths about T, or T/2 in one of twenty cases |
//!
//! Overlap gives every prediction at least T − s steps of gradient behind it, where windows side by side give the first of them
//! none (Williams and Peng 1990, "BPTT(h; h′)", with h = T and h′ = s). Random lengths are those of Merity et al. (2017),
//! section 5: the mean is T with probability 0.95 and T/2 otherwise, the length normal about it with deviation 5, at least
//! 5 and here at most T + 20, which memory is planned for; the learning rate is multiplied by length / T. The length of
//! window i of an epoch follows from (seed, epoch, i).

use super::Cursor;
use crate::config::{Bptt, Config};
use elman_kernels::rng::{Site, Stream as Draws, key};

/// Standard deviation of the lengths about their mean.
const DEVIATION: f64 = 5.0;
/// Shorter windows are not drawn.
const SHORTEST: usize = 5;
/// Windows longer than T plus this many steps are not drawn: four deviations.
const SPREAD: usize = 20;
/// The probability of a mean of T, not T/2.
const WHOLE: f64 = 0.95;

/// Lengths of the windows of a stream, and how they follow each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum WindowLength {
    /// T steps every `stride` steps, 1 ≤ `stride` ≤ T.
    Fixed { steps: usize, stride: usize },
    /// Lengths drawn about `steps`.
    Random { steps: usize, seed: u64 },
}

/// Range of steps that a window covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepRange {
    pub first: usize,
    pub steps: usize,
    /// Number of steps at its beginning that the window before has predicted.
    pub seen: usize,
    /// Number of steps after which the next window begins.
    pub carry: usize,
}

impl WindowLength {
    /// Window length of a run whose sequences have `length` steps.
    pub fn new(config: &Config, length: usize) -> WindowLength {
        match config.bptt {
            Bptt::Steps(steps) if config.bptt_random => WindowLength::Random {
                steps,
                seed: config.seed,
            },
            Bptt::Steps(steps) => {
                let steps = steps.min(length);
                WindowLength::Fixed {
                    steps,
                    stride: config.bptt_stride.unwrap_or(steps).min(steps),
                }
            }
            Bptt::Full => WindowLength::fixed(length),
        }
    }

    /// Windows of `steps` steps one after the other.
    pub fn fixed(steps: usize) -> WindowLength {
        WindowLength::Fixed {
            steps,
            stride: steps,
        }
    }

    /// The most steps of a window in sequences of `length` steps.
    pub fn longest(self, length: usize) -> usize {
        match self {
            WindowLength::Fixed { steps, .. } => steps.min(length),
            WindowLength::Random { steps, .. } => steps.saturating_add(SPREAD).min(length),
        }
    }

    /// Windows of epoch `epoch`.
    pub fn windows(self, length: usize, epoch: u64) -> u64 {
        match self {
            WindowLength::Fixed { steps, stride } => {
                1 + length.saturating_sub(steps).div_ceil(stride) as u64
            }
            WindowLength::Random { .. } => {
                let mut at = Cursor {
                    epoch,
                    ..Cursor::default()
                };
                while at.position < length {
                    at.position += self.range(at, length).steps;
                    at.window += 1;
                }
                at.window
            }
        }
    }

    /// The window at the cursor `at`.
    pub fn range(self, at: Cursor, length: usize) -> StepRange {
        match self {
            WindowLength::Fixed { steps, stride } => {
                let first = at.position.saturating_sub(steps - stride);
                let steps = steps.min(length - first);
                StepRange {
                    first,
                    steps,
                    seen: at.position - first,
                    carry: stride.min(steps),
                }
            }
            WindowLength::Random { steps, seed } => {
                let steps = drawn(steps, seed, at).min(length - at.position);
                StepRange {
                    first: at.position,
                    steps,
                    seen: 0,
                    carry: steps,
                }
            }
        }
    }

    /// The factor of the learning rate for a window of `steps` steps.
    pub fn rate_factor(self, steps: usize) -> f64 {
        match self {
            WindowLength::Fixed { .. } => 1.0,
            WindowLength::Random { steps: mean, .. } => steps as f64 / mean as f64,
        }
    }
}

/// The length that is drawn for the window at `at`.
fn drawn(mean: usize, seed: u64, at: Cursor) -> usize {
    // A window's six words are in two blocks of four.
    let mut draws = Draws::at(key(seed, Site::WindowLength, at.epoch), 2 * at.window);
    let share = if draws.uniform_f64() < WHOLE {
        1.0
    } else {
        0.5
    };
    let length = share * mean as f64 + DEVIATION * draws.normal();
    // Below zero becomes zero.
    (length as usize).clamp(SHORTEST.min(mean), mean.saturating_add(SPREAD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// All windows of an epoch.
    fn epoch(windows: WindowLength, length: usize, epoch: u64) -> Vec<StepRange> {
        let mut at = Cursor {
            epoch,
            ..Cursor::default()
        };
        let mut ranges = Vec::new();
        while at.position < length {
            let range = windows.range(at, length);
            at.position += range.steps - range.seen;
            at.window += 1;
            ranges.push(range);
        }
        ranges
    }

    proptest! {
        #[test]
        fn windows_follow_each_other_and_predict_every_step_once(
            length in 1usize..500, steps in 1usize..60, stride in 1usize..60, random: bool, number in 0u64..3,
        ) {
            let windows = match random {
                true => WindowLength::Random { steps, seed: 7 },
                false => {
                    let steps = steps.min(length);
                    WindowLength::Fixed { steps, stride: stride.min(steps) }
                }
            };
            let ranges = epoch(windows, length, number);
            prop_assert_eq!(ranges.len() as u64, windows.windows(length, number));
            let mut predicted = 0;
            let mut begins = 0;
            for range in &ranges {
                prop_assert!(range.steps >= 1 && range.steps <= windows.longest(length));
                // It begins where the state was carried to, and goes on where the last one ended.
                prop_assert_eq!(range.first, begins);
                prop_assert_eq!(range.first + range.seen, predicted);
                prop_assert!(range.seen < range.steps && (1..=range.steps).contains(&range.carry));
                begins = range.first + range.carry;
                predicted = range.first + range.steps;
            }
            prop_assert_eq!(predicted, length);
        }
    }

    #[test]
    fn with_a_stride_the_first_window_carries_all_and_later_ones_their_end() {
        let windows = WindowLength::Fixed {
            steps: 35,
            stride: 10,
        };
        let ranges = epoch(windows, 63, 0);
        let of = |range: &StepRange| (range.first, range.steps, range.seen, range.carry);
        let ranges: Vec<_> = ranges.iter().map(of).collect();
        assert_eq!(
            ranges,
            [
                (0, 35, 0, 10),
                (10, 35, 25, 10),
                (20, 35, 25, 10),
                (30, 33, 25, 10)
            ]
        );
    }

    #[test]
    fn random_lengths_are_those_of_the_paper() {
        let windows = WindowLength::Random { steps: 70, seed: 1 };
        let ranges = epoch(windows, 7_000_000, 3);
        // The last one is cut.
        let lengths: Vec<f64> = ranges[..ranges.len() - 1]
            .iter()
            .map(|range| range.steps as f64)
            .collect();
        let n = lengths.len() as f64;
        let short: Vec<f64> = lengths
            .iter()
            .copied()
            .filter(|length| *length < 52.0)
            .collect();
        let share = short.len() as f64 / n;
        assert!((share - 0.05).abs() < 0.004, "{share}");
        // Lengths are rounded down.
        let mean = lengths.iter().sum::<f64>() / n;
        assert!(
            (mean - (0.95 * 70.0 + 0.05 * 35.0 - 0.5)).abs() < 0.3,
            "{mean}"
        );
        let long = lengths.iter().filter(|length| **length >= 52.0);
        let variance = long.clone().map(|x| (x - 69.5).powi(2)).sum::<f64>() / long.count() as f64;
        assert!((variance.sqrt() - 5.0).abs() < 0.1, "{variance}");
        assert!(lengths.iter().all(|length| (5.0..=90.0).contains(length)));
        assert_ne!(epoch(windows, 1000, 0), epoch(windows, 1000, 1));
        assert_eq!(windows.rate_factor(35), 0.5);
    }
}
