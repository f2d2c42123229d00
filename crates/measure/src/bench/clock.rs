//! A clock for steps: a few to warm up, then as many as were asked for.

use elman_kernels::Cpu;
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::time::Instant;

/// Number of untimed steps at the beginning, which touch the memory for the first time and wake the threads.
const WARM_UP: usize = 2;
/// The smallest number of timed steps, however long one takes.
const FEWEST: usize = 3;

/// How much is timed after warming up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    /// A fixed number of steps.
    Steps(usize),
    /// As many steps as fit in this number of seconds, at least three.
    Seconds(f64),
}

/// Time of a step that is spent in one kernel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelTime {
    /// Name of the kernel; `other` is the time outside of all kernels.
    pub kernel: String,
    /// Mean time of a step in this kernel, in milliseconds.
    pub ms: f64,
    /// Share of the whole step, 0 to 1.
    pub share: f64,
}

/// Measures steps, the next of which begins where the last one ends.
pub(super) struct Clock {
    amount: Amount,
    warming_up: usize,
    laps: Vec<f64>,
    seconds: f64,
    last: Instant,
}

/// Result of a clock: steps and times.
pub(super) struct Laps {
    pub(super) steps: usize,
    pub(super) median_ms: f64,
    pub(super) min_ms: f64,
    pub(super) kernels: Vec<KernelTime>,
}

impl Clock {
    /// The first step begins now.
    pub(super) fn start(amount: Amount) -> Clock {
        Clock {
            amount,
            warming_up: WARM_UP,
            laps: Vec::new(),
            seconds: 0.0,
            last: Instant::now(),
        }
    }

    /// A step is done on `cpu`, which times its kernels; `Break` when it was the last one.
    pub(super) fn lap(&mut self, cpu: &Cpu) -> ControlFlow<()> {
        let seconds = self.last.elapsed().as_secs_f64();
        if self.warming_up > 0 {
            self.warming_up -= 1;
            cpu.take_kernel_times();
        } else {
            self.laps.push(seconds);
            self.seconds += seconds;
        }
        self.last = Instant::now();
        let done = match self.amount {
            Amount::Steps(steps) => self.laps.len() >= steps,
            Amount::Seconds(seconds) => self.laps.len() >= FEWEST && self.seconds >= seconds,
        };
        match done {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    pub(super) fn finish(mut self, cpu: &Cpu) -> Laps {
        let steps = self.laps.len();
        assert!(steps > 0, "a clock that was stopped before its first lap");
        let ms = 1e3 / steps as f64;
        let mut kernels = Vec::new();
        let mut other = self.seconds;
        let mut add = |kernel: &str, seconds: f64| {
            kernels.push(KernelTime {
                kernel: kernel.into(),
                ms: seconds * ms,
                share: seconds / self.seconds,
            });
        };
        for (kernel, seconds) in cpu.take_kernel_times() {
            if seconds > 0.0 {
                add(kernel.name(), seconds);
                other -= seconds;
            }
        }
        add("other", other.max(0.0));
        self.laps.sort_unstable_by(f64::total_cmp);
        Laps {
            steps,
            median_ms: 1e3 * (self.laps[(steps - 1) / 2] + self.laps[steps / 2]) / 2.0,
            min_ms: 1e3 * self.laps[0],
            kernels,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_kernels::{Isa, sum_squares};

    #[test]
    fn laps_after_the_warm_up_are_counted_and_divided_among_kernels() {
        let mut cpu = Cpu::new(Isa::detect(), 1);
        cpu.time_kernels();
        let x = vec![1.0; 1 << 20];
        let mut clock = Clock::start(Amount::Steps(5));
        let mut steps = 0;
        loop {
            sum_squares(&cpu, &x);
            steps += 1;
            if clock.lap(&cpu).is_break() {
                break;
            }
        }
        let laps = clock.finish(&cpu);
        assert_eq!((steps, laps.steps), (WARM_UP + 5, 5));
        assert!(laps.min_ms > 0.0 && laps.min_ms <= laps.median_ms);
        let names: Vec<&str> = laps.kernels.iter().map(|k| k.kernel.as_str()).collect();
        assert_eq!(names, ["norm", "other"]);
        let shares: f64 = laps.kernels.iter().map(|k| k.share).sum();
        assert!((shares - 1.0).abs() < 1e-9 && laps.kernels[0].share > 0.5);
    }

    #[test]
    fn three_laps_are_the_fewest() {
        let cpu = Cpu::new(Isa::detect(), 1);
        let mut clock = Clock::start(Amount::Seconds(0.0));
        while clock.lap(&cpu).is_continue() {}
        assert_eq!(clock.finish(&cpu).steps, FEWEST);
    }
}
