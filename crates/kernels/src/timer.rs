//! Where the time goes: seconds by kernel, measured by a [`Cpu`](crate::Cpu) that was asked
//! to.
//!
//! Every public kernel begins with one line, `let _time = cpu.time(Kernel::…);`. Without a timer
//! that is the test of a pointer; with one it reads the clock twice, some fifty nanoseconds. A
//! kernel's time is that of its caller, from the call to the return, waiting for the other threads
//! included. Kernels do not call each other, so nothing is counted twice.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Instant;

/// Kind of kernel, by which time is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Products of activations or their gradients with weights, all steps at once.
    Product,
    /// Gradients of weights: products of transposed gradients with activations.
    WeightGradient,
    /// Recurrent steps of a window, forward.
    SweepForward,
    /// Recurrent steps of a window, backward.
    SweepBackward,
    /// Softmax, with or without the loss and its gradient.
    Softmax,
    /// Packing of operands into the order of the products.
    Pack,
    /// Update of weights by the optimiser.
    Update,
    /// Sums of squares, for the norm of the gradient.
    Norm,
    /// Dropout of activations and of words.
    Dropout,
    /// Gathering rows of the embedding table, and adding their gradients.
    Embedding,
    /// Gradients of biases.
    ColumnSums,
}

impl Kernel {
    /// All kinds of kernels, in the order of reports.
    pub const ALL: [Kernel; 11] = [
        Kernel::Product,
        Kernel::WeightGradient,
        Kernel::SweepForward,
        Kernel::SweepBackward,
        Kernel::Softmax,
        Kernel::Pack,
        Kernel::Update,
        Kernel::Norm,
        Kernel::Dropout,
        Kernel::Embedding,
        Kernel::ColumnSums,
    ];

    /// Name in reports, such as `weight-gradient`.
    pub fn name(self) -> &'static str {
        match self {
            Kernel::Product => "product",
            Kernel::WeightGradient => "weight-gradient",
            Kernel::SweepForward => "sweep-forward",
            Kernel::SweepBackward => "sweep-backward",
            Kernel::Softmax => "softmax",
            Kernel::Pack => "pack",
            Kernel::Update => "update",
            Kernel::Norm => "norm",
            Kernel::Dropout => "dropout",
            Kernel::Embedding => "embedding",
            Kernel::ColumnSums => "column-sums",
        }
    }
}

/// Nanoseconds by kernel.
#[derive(Default)]
pub(crate) struct KernelTimer {
    nanos: [AtomicU64; Kernel::ALL.len()],
}

impl KernelTimer {
    /// Counts the time until the result is dropped as `kernel`'s.
    pub(crate) fn time(&self, kernel: Kernel) -> Timed<'_> {
        Timed {
            nanos: &self.nanos[kernel as usize],
            started: Instant::now(),
        }
    }

    /// Seconds of each kernel since the last call.
    pub(crate) fn take(&self) -> Vec<(Kernel, f64)> {
        let nanos = self.nanos.iter().map(|nanos| nanos.swap(0, Relaxed));
        let seconds = nanos.map(|nanos| nanos as f64 * 1e-9);
        Kernel::ALL.into_iter().zip(seconds).collect()
    }
}

/// A kernel at work.
pub(crate) struct Timed<'a> {
    nanos: &'a AtomicU64,
    started: Instant,
}

impl Drop for Timed<'_> {
    fn drop(&mut self) {
        let nanos = self.started.elapsed().as_nanos() as u64;
        self.nanos.fetch_add(nanos, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cpu, Isa, sum_squares};
    use std::time::Duration;

    #[test]
    fn times_are_added_up_and_taken_once() {
        let timer = KernelTimer::default();
        for _ in 0..2 {
            let _time = timer.time(Kernel::Norm);
            std::thread::sleep(Duration::from_millis(2));
        }
        for (kernel, seconds) in timer.take() {
            match kernel {
                Kernel::Norm => assert!(seconds >= 0.004, "{seconds}"),
                _ => assert_eq!(seconds, 0.0, "{}", kernel.name()),
            }
        }
        assert!(timer.take().iter().all(|(_, seconds)| *seconds == 0.0));
    }

    #[test]
    fn kernels_stand_in_the_order_of_their_numbers() {
        for (place, kernel) in Kernel::ALL.into_iter().enumerate() {
            assert_eq!(kernel as usize, place);
        }
    }

    #[test]
    fn only_a_cpu_that_was_asked_times_kernels() {
        let mut cpu = Cpu::new(Isa::detect(), 1);
        let x = vec![1.0; 100_000];
        sum_squares(&cpu, &x);
        assert!(cpu.take_kernel_times().is_empty());
        cpu.time_kernels();
        sum_squares(&cpu, &x);
        let norm = cpu.take_kernel_times()[Kernel::Norm as usize];
        assert!(norm.0 == Kernel::Norm && norm.1 > 0.0);
    }
}
