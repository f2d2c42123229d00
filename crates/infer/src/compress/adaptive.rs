//! Adaptive models of what the language model does not say: flags, and bytes of unknown tokens and raw pieces.
//!
//! ```text
//! flag    P(yes) = (c_yes + δ) / (c_yes + c_no + 1 + δ)      δ = 2⁻¹²: a flag that is never set costs next to nothing
//! byte    P(b) = c_b / Σ c       c starts at 1 for each of 256 bytes and the end, and grows by 24: order 0
//! ```
//! Counts are halved before their sum exceeds a limit, so newer ones weigh more. A model of bytes has 257 counts of 4 bytes, about 1 KiB.

use super::range_coder::Interval;

/// 1/δ of flags.
const UNIT: u64 = 1 << 12;
/// Largest number of flags that are counted.
const MOST_FLAGS: u64 = 1 << 24;
/// Growth of a count of a byte.
const GROWTH: u32 = 24;
/// Largest sum of counts of bytes.
const MOST_BYTES: u32 = 1 << 16;
/// The symbol behind the last byte.
pub(super) const END: usize = 256;

/// Adaptive model of a flag that is rarely set.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bit {
    yes: u64,
    no: u64,
}

impl Bit {
    pub fn new() -> Bit {
        Bit { yes: 0, no: 0 }
    }

    fn frequencies(&self) -> (u64, u64) {
        (self.yes * UNIT + 1, (self.no + 1) * UNIT)
    }

    /// Sum of the frequencies.
    pub fn total(&self) -> u64 {
        let (yes, no) = self.frequencies();
        yes + no
    }

    /// The flag whose interval has `target`.
    pub fn find(&self, target: u64) -> bool {
        target < self.frequencies().0
    }

    /// The interval of `flag`, which is counted.
    pub fn next(&mut self, flag: bool) -> Interval {
        let (yes, no) = self.frequencies();
        let total = yes + no;
        if self.yes + self.no >= MOST_FLAGS {
            (self.yes, self.no) = (self.yes / 2, self.no / 2);
        }
        match flag {
            true => {
                self.yes += 1;
                Interval {
                    cum: 0,
                    freq: yes,
                    total,
                }
            }
            false => {
                self.no += 1;
                Interval {
                    cum: yes,
                    freq: no,
                    total,
                }
            }
        }
    }
}

/// Adaptive model of bytes, and of the end behind them.
#[derive(Clone, Debug)]
pub(super) struct Bytes {
    counts: [u32; END + 1],
    total: u32,
}

impl Bytes {
    pub fn new() -> Bytes {
        Bytes {
            counts: [1; END + 1],
            total: END as u32 + 1,
        }
    }

    /// Sum of the frequencies.
    pub fn total(&self) -> u64 {
        self.total.into()
    }

    /// The symbol whose interval has `target`: a byte, or [`END`].
    pub fn find(&self, target: u64) -> usize {
        let mut cum = 0;
        let found = self.counts.iter().position(|&count| {
            cum += u64::from(count);
            target < cum
        });
        found.unwrap_or(END)
    }

    /// The interval of `symbol`, which is counted.
    pub fn next(&mut self, symbol: usize) -> Interval {
        let interval = Interval {
            cum: self.counts[..symbol]
                .iter()
                .map(|&count| u64::from(count))
                .sum(),
            freq: self.counts[symbol].into(),
            total: self.total.into(),
        };
        self.counts[symbol] += GROWTH;
        self.total += GROWTH;
        if self.total > MOST_BYTES {
            self.counts
                .iter_mut()
                .for_each(|count| *count -= *count / 2);
            self.total = self.counts.iter().sum();
        }
        interval
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(interval: Interval) -> f64 {
        (interval.total as f64 / interval.freq as f64).log2()
    }

    #[test]
    fn a_flag_that_is_never_set_costs_next_to_nothing() {
        let mut flag = Bit::new();
        let never: f64 = (0..1_000_000).map(|_| bits(flag.next(false))).sum();
        assert!(never < 0.01, "{never} bits");
        // The first time is dear, the next ones are not.
        assert!(bits(flag.next(true)) < 34.0);
        let again: f64 = (0..100).map(|_| bits(flag.next(true))).sum();
        assert!(again < 100.0 * 20.0);
        for target in [0, flag.total() - 1] {
            let found = flag.find(target);
            let interval = flag.clone().next(found);
            assert!((interval.cum..interval.cum + interval.freq).contains(&target));
        }
        // Counts are halved.
        let mut flag = Bit::new();
        for _ in 0..MOST_FLAGS + 10 {
            flag.next(true);
        }
        assert!(flag.yes <= MOST_FLAGS && flag.no == 0);
    }

    #[test]
    fn bytes_that_occur_become_cheap() {
        let mut bytes = Bytes::new();
        let text = b"abababab".repeat(2000);
        let all: f64 = text.iter().map(|&byte| bits(bytes.next(byte.into()))).sum();
        assert!(all < 1.05 * text.len() as f64, "{all} bits");
        assert!(bytes.total() <= u64::from(MOST_BYTES));
        for target in 0..bytes.total() {
            let found = bytes.find(target);
            let interval = bytes.clone().next(found);
            assert!((interval.cum..interval.cum + interval.freq).contains(&target));
        }
        // Random bytes cost little more than eight bits.
        let mut bytes = Bytes::new();
        let random = (0u32..50_000).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as usize);
        let all: f64 = random.map(|byte| bits(bytes.next(byte))).sum();
        assert!(all < 8.2 * 50_000.0, "{all} bits");
    }
}
