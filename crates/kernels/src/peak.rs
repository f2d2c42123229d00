//! The peak rates of this machine: multiply-adds per second, and bytes read per second from every level of its
//! memory. They are measured, with the threads and the instruction set of a [`Cpu`], because neither clock rates nor
//! neighbours can be looked up.
//!
//! A multiply-add peak is the rate of independent chains `x ← x·a + b` in registers. How many
//! chains hide the latency and still fit the registers differs, so several numbers are tried. A
//! read rate is that of summing a buffer that fits the level and not the one before it. The best of
//! many short rounds counts: what else runs on the machine can only make a round slower.

use crate::buffer::Buffer;
use crate::cpu::Cpu;
use crate::simd::{Op, Vector, WIDTH};
use std::hint::black_box;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// Times that everything is measured: for one of them another program may be in the way, or two
/// threads on the same CPU until the system parts them.
const PASSES: usize = 4;
/// What a figure of one pass may take.
const MEASURE_FOR: Duration = Duration::from_millis(40);
/// Multiply-adds in a row in one chain of one round: half a millisecond or less in registers.
const TURNS: usize = 50_000;
/// Bytes that every thread reads in one round.
const ROUND_BYTES: usize = 32 << 20;

/// Peak rates of a machine, for all threads of a [`Cpu`] together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peaks {
    /// f32 arithmetic in 10⁹ operations per second; a fused multiply-add counts as two.
    pub f32_gflops: f64,
    /// bf16 arithmetic in 10⁹ operations per second; `None` if the CPU has no instruction for it.
    pub bf16_gflops: Option<f64>,
    /// int8 arithmetic in 10⁹ operations per second; `None` if the CPU has no instruction for it.
    pub int8_gops: Option<f64>,
    /// Bandwidth of reading from each level of the memory.
    pub read_gb_per_s: ReadSpeed,
}

/// Bandwidth of reading from each level of the memory, in 10⁹ bytes per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ReadSpeed {
    /// First-level data caches.
    pub l1: f64,
    /// Second-level caches.
    pub l2: f64,
    /// Third-level cache.
    pub l3: f64,
    /// Main memory.
    pub dram: f64,
}

/// Sizes of the caches in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caches {
    /// First-level data cache of one core.
    pub l1_bytes: usize,
    /// Second-level cache of one core.
    pub l2_bytes: usize,
    /// Third-level cache, shared by the cores.
    pub l3_bytes: usize,
}

impl Caches {
    /// Reads the sizes of the first CPU's caches from the system.
    ///
    /// A size that the system does not report is taken to be as in most servers; a machine without a third level gets
    /// twice its second.
    pub fn detect() -> Caches {
        let mut caches = Caches {
            l1_bytes: 32 << 10,
            l2_bytes: 1 << 20,
            l3_bytes: 0,
        };
        let cpu = Path::new("/sys/devices/system/cpu/cpu0/cache");
        for index in 0..8 {
            let read = |name: &str| {
                let text = std::fs::read_to_string(cpu.join(format!("index{index}/{name}")));
                text.map(|text| text.trim().to_owned()).unwrap_or_default()
            };
            let kib = read("size").strip_suffix('K').map(str::parse::<usize>);
            let Some(Ok(kib)) = kib else { continue };
            match (read("level").as_str(), read("type").as_str()) {
                ("1", "Data") => caches.l1_bytes = kib << 10,
                ("2", _) => caches.l2_bytes = kib << 10,
                ("3", _) => caches.l3_bytes = kib << 10,
                _ => {}
            }
        }
        caches.l3_bytes = caches.l3_bytes.max(2 * caches.l2_bytes);
        caches
    }
}

impl ReadSpeed {
    /// Bandwidth for `bytes` that `threads` threads read again and again, a share each.
    ///
    /// It is the bandwidth of the first level that holds them.
    pub fn of(&self, caches: &Caches, threads: usize, bytes: usize) -> f64 {
        let share = bytes.div_ceil(threads);
        match () {
            () if share <= caches.l1_bytes => self.l1,
            () if share <= caches.l2_bytes => self.l2,
            () if bytes <= caches.l3_bytes => self.l3,
            () => self.dram,
        }
    }
}

impl Peaks {
    /// Measures the peak rates for about two seconds; nothing else should run meanwhile.
    pub fn measure(cpu: &Cpu, caches: &Caches) -> Peaks {
        let first = Peaks::pass(cpu, caches);
        (1..PASSES).fold(first, |best, _| best.max(Peaks::pass(cpu, caches)))
    }

    /// The better of each figure.
    fn max(self, other: Peaks) -> Peaks {
        let (a, b) = (self.read_gb_per_s, other.read_gb_per_s);
        let either = |a: Option<f64>, b: Option<f64>| a.zip(b).map(|(a, b)| a.max(b));
        Peaks {
            f32_gflops: self.f32_gflops.max(other.f32_gflops),
            bf16_gflops: either(self.bf16_gflops, other.bf16_gflops),
            int8_gops: either(self.int8_gops, other.int8_gops),
            read_gb_per_s: ReadSpeed {
                l1: a.l1.max(b.l1),
                l2: a.l2.max(b.l2),
                l3: a.l3.max(b.l3),
                dram: a.dram.max(b.dram),
            },
        }
    }

    fn pass(cpu: &Cpu, caches: &Caches) -> Peaks {
        let f32_rates = [
            rate(cpu, &|| cpu.isa().run(MultiplyAdd::<6>)),
            rate(cpu, &|| cpu.isa().run(MultiplyAdd::<12>)),
            rate(cpu, &|| cpu.isa().run(MultiplyAdd::<24>)),
        ];
        let threads = cpu.threads();
        Peaks {
            f32_gflops: f32_rates.into_iter().fold(0.0, f64::max),
            bf16_gflops: dot::bf16(cpu),
            int8_gops: dot::int8(cpu),
            read_gb_per_s: ReadSpeed {
                l1: read_rate(cpu, caches.l1_bytes / 2),
                l2: read_rate(cpu, caches.l2_bytes / 2),
                // Half of it, but more than the second levels hold.
                l3: read_rate(
                    cpu,
                    (caches.l3_bytes / 2 / threads).max(3 * caches.l2_bytes / 2),
                ),
                dram: read_rate(cpu, 4 * caches.l3_bytes / threads),
            },
        }
    }
}

/// 10⁹ operations a second of all threads, each of which runs `round`, which returns how many it did.
fn rate(cpu: &Cpu, round: &(dyn Fn() -> usize + Sync)) -> f64 {
    let began = Instant::now();
    let mut best = 0.0;
    while began.elapsed() < MEASURE_FOR {
        let started = Instant::now();
        let operations = AtomicUsize::new(0);
        cpu.parallel(&|_| {
            operations.fetch_add(round(), Relaxed);
        });
        let seconds = started.elapsed().as_secs_f64();
        best = f64::max(best, operations.into_inner() as f64 / seconds * 1e-9);
    }
    best
}

/// 10⁹ bytes a second, every thread reading `bytes` of its own.
fn read_rate(cpu: &Cpu, bytes: usize) -> f64 {
    let numbers = bytes / size_of::<f32>();
    let mut buffer = Buffer::zeros(numbers * cpu.threads());
    buffer.fill(1.0);
    let passes = ROUND_BYTES.div_ceil(bytes);
    let began = Instant::now();
    let mut best = 0.0;
    while began.elapsed() < MEASURE_FOR {
        let started = Instant::now();
        cpu.parallel(&|worker| {
            let own = &buffer[worker.index * numbers..(worker.index + 1) * numbers];
            for _ in 0..passes {
                black_box(cpu.isa().run(Sum(black_box(own))));
            }
        });
        let read = (passes * numbers * size_of::<f32>() * cpu.threads()) as f64;
        best = f64::max(best, read / started.elapsed().as_secs_f64() * 1e-9);
    }
    best
}

/// `N` chains of multiply-adds; returns operations, two for each.
struct MultiplyAdd<const N: usize>;

impl<const N: usize> Op for MultiplyAdd<N> {
    type Output = usize;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> usize {
        // SAFETY: no pointers.
        unsafe {
            let (a, b) = (V::splat(black_box(0.5)), V::splat(black_box(1.0)));
            let mut x = [a; N];
            for (i, x) in x.iter_mut().enumerate() {
                // Chains that begin alike would be one chain to the compiler.
                *x = V::splat(black_box(i as f32));
            }
            for _ in 0..TURNS {
                for x in &mut x {
                    *x = x.mul_add(a, b);
                }
            }
            let mut sum = x[0];
            for x in &x[1..] {
                sum = sum.add(*x);
            }
            black_box(sum.sum());
        }
        2 * WIDTH * N * TURNS
    }
}

/// The sum of all numbers; a tail shorter than a stride is left out.
struct Sum<'a>(&'a [f32]);

impl Op for Sum<'_> {
    type Output = f32;

    #[inline(always)]
    unsafe fn run<V: Vector>(self) -> f32 {
        /// Vectors in flight.
        const WIDE: usize = 6;
        // SAFETY: every chunk has the numbers that are loaded from it.
        unsafe {
            let mut sums = [V::splat(0.0); WIDE];
            for chunk in self.0.chunks_exact(WIDE * WIDTH) {
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum = V::load(chunk.as_ptr().add(i * WIDTH)).add(*sum);
                }
            }
            let mut all = sums[0];
            for sum in &sums[1..] {
                all = all.add(*sum);
            }
            all.sum()
        }
    }
}

/// The dot products of narrow numbers, which AVX-512 has as extensions.
#[cfg(target_arch = "x86_64")]
mod dot {
    use super::{TURNS, rate};
    use crate::cpu::Cpu;
    use std::arch::x86_64::*;
    use std::hint::black_box;

    /// Chains: four cycles of latency or more, two instructions a cycle.
    const CHAINS: usize = 16;

    pub(super) fn bf16(cpu: &Cpu) -> Option<f64> {
        let has = cpu.isa().has_bf16();
        // SAFETY: the instruction set has the feature.
        has.then(|| rate(cpu, &|| unsafe { bf16_chains() }))
    }

    pub(super) fn int8(cpu: &Cpu) -> Option<f64> {
        let has = cpu.isa().has_bf16();
        // SAFETY: the instruction set has the feature.
        has.then(|| rate(cpu, &|| unsafe { int8_chains() }))
    }

    /// Sixteen sums of two products each.
    ///
    /// # Safety
    /// The CPU has the instructions.
    #[target_feature(enable = "avx512f,avx512bf16")]
    fn bf16_chains() -> usize {
        let ones = _mm512_cvtne2ps_pbh(_mm512_set1_ps(1.0), _mm512_set1_ps(1.0));
        let (a, b) = (black_box(ones), black_box(ones));
        let mut x: [__m512; CHAINS] = std::array::from_fn(|i| _mm512_set1_ps(black_box(i as f32)));
        for _ in 0..TURNS {
            for x in &mut x {
                *x = _mm512_dpbf16_ps(*x, a, b);
            }
        }
        black_box(x);
        2 * 32 * CHAINS * TURNS
    }

    /// Sixteen sums of four products each.
    ///
    /// # Safety
    /// The CPU has the instructions.
    #[target_feature(enable = "avx512f,avx512vnni")]
    fn int8_chains() -> usize {
        let (a, b) = (
            black_box(_mm512_set1_epi8(1)),
            black_box(_mm512_set1_epi8(1)),
        );
        let mut x: [__m512i; CHAINS] =
            std::array::from_fn(|i| _mm512_set1_epi32(black_box(i as i32)));
        for _ in 0..TURNS {
            for x in &mut x {
                *x = _mm512_dpbusd_epi32(*x, a, b);
            }
        }
        black_box(x);
        2 * 64 * CHAINS * TURNS
    }
}

/// Other processors: none that the kernels use.
#[cfg(not(target_arch = "x86_64"))]
mod dot {
    use crate::cpu::Cpu;

    pub(super) fn bf16(_: &Cpu) -> Option<f64> {
        None
    }

    pub(super) fn int8(_: &Cpu) -> Option<f64> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Isa;

    #[test]
    fn rates_are_those_of_a_machine() {
        let caches = Caches::detect();
        assert!(caches.l1_bytes < caches.l2_bytes && caches.l2_bytes < caches.l3_bytes);
        let peaks = Peaks::measure(&Cpu::new(Isa::detect(), 1), &caches);
        assert!(
            peaks.f32_gflops > 0.1 && peaks.f32_gflops < 1e4,
            "{peaks:?}"
        );
        // Where a CPU has matrix units beside them, its dot products of bf16 have half the rate of f32, which varies a little.
        for narrow in [peaks.bf16_gflops, peaks.int8_gops].into_iter().flatten() {
            assert!(narrow > peaks.f32_gflops / 4.0 && narrow < 1e5, "{peaks:?}");
        }
        let read = peaks.read_gb_per_s;
        for rate in [read.l1, read.l2, read.l3, read.dram] {
            assert!(rate > 0.1 && rate < 1e5, "{peaks:?}");
        }
    }

    #[test]
    fn sums_leave_nothing_out_but_a_tail() {
        for isa in Isa::supported() {
            assert_eq!(isa.run(Sum(&[1.0; 6 * WIDTH * 3 + 5])), 288.0);
        }
    }

    #[test]
    fn bytes_are_read_from_the_level_that_holds_them() {
        let caches = Caches {
            l1_bytes: 10,
            l2_bytes: 100,
            l3_bytes: 1000,
        };
        let speed = ReadSpeed {
            l1: 1.0,
            l2: 2.0,
            l3: 3.0,
            dram: 4.0,
        };
        let of = |threads, bytes| speed.of(&caches, threads, bytes);
        assert_eq!([of(1, 10), of(1, 11), of(2, 20)], [1.0, 2.0, 1.0]);
        assert_eq!([of(2, 200), of(2, 201)], [2.0, 3.0]);
        assert_eq!([of(2, 1000), of(2, 1001)], [3.0, 4.0]);
    }
}
