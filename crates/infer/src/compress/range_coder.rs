//! A range coder: arithmetic coding of symbols with integer frequencies, a byte at a time.
//!
//! ```text
//! encode (cum, freq, total):   r = ⌊range / total⌋;   low += cum · r;   range = freq · r;   while range < 2⁵⁶: emit the top byte of low; range ·= 2⁸
//! decode:                      r = ⌊range / total⌋;   the symbol is the one with cum ≤ ⌊code / r⌋ < cum + freq;   code −= cum · r;   range and bytes as above
//! ```
//! This is the range coding of Martin (1979) as Schindler (1998) made it practical, with registers of 64 bits. A carry out of `low` goes into bytes that were held back for it: the last one that is not 255,
//! and the run of 255 after it, of which only the length is kept (Witten, Neal and Cleary 1987 call these bits to follow). Division by `total` loses less than total/2⁵⁶
//! of the interval for a symbol: 2⁻²⁴ for totals of 2³². Everything is integers, so it is the same on every machine.
//!
//! At its end the code is the shortest byte string in the final interval; missing bytes are zeros to the decoder.

/// The range is at least this large before a symbol is coded.
const BOTTOM: u64 = 1 << 56;
/// Largest total of frequencies: the interval of the rarest symbol does not vanish.
pub(super) const MOST_TOTAL: u64 = BOTTOM;
/// Number of zero bytes behind the end of a code that decoding may need.
const ZEROS: usize = 8;

/// Interval of a symbol among the frequencies of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    /// Sum of the frequencies of the symbols before it.
    pub cum: u64,
    /// Its frequency, at least 1.
    pub freq: u64,
    /// Sum of all frequencies, at most [`MOST_TOTAL`].
    pub total: u64,
}

/// Encoder that appends the bytes of a code to a buffer.
pub(super) struct Encoder {
    low: u64,
    range: u64,
    /// A byte that a carry may still raise; `None` before the first one.
    held: Option<u8>,
    /// Number of bytes of 255 after it.
    run: u64,
    /// Bytes that are final.
    pub out: Vec<u8>,
}

impl Encoder {
    pub fn new() -> Encoder {
        Encoder {
            low: 0,
            range: u64::MAX,
            held: None,
            run: 0,
            out: Vec::new(),
        }
    }

    /// Encodes a symbol.
    pub fn encode(&mut self, symbol: Interval) {
        debug_assert!(symbol.freq > 0 && symbol.cum + symbol.freq <= symbol.total);
        debug_assert!(symbol.total <= MOST_TOTAL);
        let r = self.range / symbol.total;
        self.add(symbol.cum * r);
        self.range = symbol.freq * r;
        while self.range < BOTTOM {
            self.shift();
            self.range <<= 8;
        }
    }

    fn add(&mut self, offset: u64) {
        let (low, carry) = self.low.overflowing_add(offset);
        self.low = low;
        if carry {
            if let Some(held) = &mut self.held {
                *held += 1;
            }
            // The run becomes zeros, of which the last is held.
            if self.run > 0 {
                self.out.extend(self.held.replace(0));
                let zeros = std::mem::take(&mut self.run) - 1;
                self.out.extend(std::iter::repeat_n(0, zeros as usize));
            }
        }
    }

    /// Moves the top byte of `low` out.
    fn shift(&mut self) {
        let byte = (self.low >> 56) as u8;
        self.low <<= 8;
        match (byte, self.held) {
            (0xFF, Some(_)) => self.run += 1,
            _ => self.release(Some(byte)),
        }
    }

    /// Makes the held bytes final and holds the next one.
    fn release(&mut self, next: Option<u8>) {
        self.out.extend(std::mem::replace(&mut self.held, next));
        let run = std::mem::take(&mut self.run);
        self.out.extend(std::iter::repeat_n(0xFF, run as usize));
    }

    /// Ends the code.
    pub fn finish(&mut self) {
        // The number with the most zero bits at its end in [low, low + range).
        let last = u128::from(self.low) + u128::from(self.range) - 1;
        let mut zeros = 64;
        while (last >> zeros) << zeros < u128::from(self.low) {
            zeros -= 1;
        }
        let number = (last >> zeros) << zeros;
        self.add((number - u128::from(self.low)) as u64);
        while self.low != 0 {
            self.shift();
        }
        self.release(None);
    }
}

/// Decoder that takes the bytes of a code one after the other.
pub(super) struct Decoder {
    code: u64,
    range: u64,
    /// Number of zero bytes that were read behind the end.
    zeros: usize,
}

/// The bytes of a code ended, and more of them are needed than a code can lack.
#[derive(Debug)]
pub(super) struct Ended;

impl Decoder {
    /// Begins with the first bytes of a code; `next` gives the next byte, and `None` behind the end.
    pub fn new<E: From<Ended>>(
        next: &mut dyn FnMut() -> Result<Option<u8>, E>,
    ) -> Result<Decoder, E> {
        let mut decoder = Decoder {
            code: 0,
            range: u64::MAX,
            zeros: 0,
        };
        for _ in 0..8 {
            decoder.pull(next)?;
        }
        Ok(decoder)
    }

    fn pull<E: From<Ended>>(
        &mut self,
        next: &mut dyn FnMut() -> Result<Option<u8>, E>,
    ) -> Result<(), E> {
        let byte = next()?.unwrap_or_else(|| {
            self.zeros += 1;
            0
        });
        if self.zeros > ZEROS {
            return Err(Ended.into());
        }
        self.code = self.code << 8 | u64::from(byte);
        Ok(())
    }

    /// A number below `total` that lies in the interval of the next symbol.
    pub fn target(&self, total: u64) -> u64 {
        let r = self.range / total;
        // The rest of the division belongs to no symbol; only damaged data lies there.
        (self.code / r).min(total - 1)
    }

    /// Removes the symbol in whose interval the target lies.
    pub fn take<E: From<Ended>>(
        &mut self,
        symbol: Interval,
        next: &mut dyn FnMut() -> Result<Option<u8>, E>,
    ) -> Result<(), E> {
        let r = self.range / symbol.total;
        self.code = self.code.wrapping_sub(symbol.cum * r);
        self.range = symbol.freq * r;
        while self.range < BOTTOM {
            self.pull(next)?;
            self.range <<= 8;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_kernels::rng::{Site, Stream, key};

    /// Codes symbols, each below the number of its frequencies.
    fn coded(symbols: &[(usize, Vec<u64>)]) -> Vec<u8> {
        let mut encoder = Encoder::new();
        for (symbol, frequencies) in symbols {
            encoder.encode(interval(*symbol, frequencies));
        }
        encoder.finish();
        encoder.out
    }

    fn interval(symbol: usize, frequencies: &[u64]) -> Interval {
        Interval {
            cum: frequencies[..symbol].iter().sum(),
            freq: frequencies[symbol],
            total: frequencies.iter().sum(),
        }
    }

    fn check(symbols: &[(usize, Vec<u64>)]) -> usize {
        let code = coded(symbols);
        let mut bytes = code.iter().copied();
        let mut next = || Ok::<_, Ended>(bytes.next());
        let mut decoder = Decoder::new(&mut next).unwrap();
        for (i, (symbol, frequencies)) in symbols.iter().enumerate() {
            let target = decoder.target(frequencies.iter().sum());
            let mut cum = 0;
            let found = frequencies.iter().position(|freq| {
                cum += freq;
                target < cum
            });
            assert_eq!(found, Some(*symbol), "symbol {i}");
            let taken = interval(*symbol, frequencies);
            decoder.take(taken, &mut next).unwrap();
        }
        code.len()
    }

    #[test]
    fn symbols_are_decoded_and_cost_their_bits() {
        let mut stream = Stream::new(key(7, Site::Bootstrap, 0));
        for (count, width) in [
            (0, 1u64),
            (1, 1),
            (2000, 7),
            (2000, 1 << 20),
            (2000, 1 << 34),
        ] {
            let mut bits = 0.0;
            let symbols: Vec<(usize, Vec<u64>)> = (0..count)
                .map(|_| {
                    let frequency = |word: u32| 1 + u64::from(word) % width;
                    let frequencies: Vec<u64> = (0..3).map(|_| frequency(stream.word())).collect();
                    let symbol = stream.below(3) as usize;
                    let total: u64 = frequencies.iter().sum();
                    bits += (total as f64 / frequencies[symbol] as f64).log2();
                    (symbol, frequencies)
                })
                .collect();
            let bytes = check(&symbols) as f64;
            assert!(
                bytes * 8.0 <= bits * 1.000_01 + 16.0,
                "{bytes} bytes for {bits} bits"
            );
        }
    }

    #[test]
    fn carries_go_through_long_runs() {
        // Symbols at the top of the interval, then one that is not: runs of 255 that a carry turns into zeros or not.
        for run in [1, 7, 8, 9, 300] {
            for last in [0, 1, 2] {
                let top = (1, vec![(1 << 40) - 1, 1, 0]);
                let mut symbols = vec![(0, vec![1, (1 << 40) - 1])];
                symbols.extend(std::iter::repeat_n((1, vec![1, (1 << 30) - 1]), run));
                symbols.push((last % 2, vec![1 << 20, 1 << 20]));
                symbols.push(top);
                check(&symbols);
            }
        }
    }

    #[test]
    fn a_certain_symbol_costs_nothing_and_a_code_ends_short() {
        assert_eq!(coded(&[]).len(), 0);
        assert_eq!(coded(&vec![(0, vec![5]); 10_000]).len(), 0);
        assert!(check(&[(1, vec![1, 1])]) <= 1);
    }

    #[test]
    fn a_code_that_ends_too_early_is_noticed() {
        let mut next = || Ok::<_, Ended>(None);
        let mut decoder = Decoder::new(&mut next).unwrap();
        let one = interval(0, &[1, 255]);
        let failed = (0..20).find(|_| decoder.take(one, &mut next).is_err());
        assert_eq!(failed, Some(0));
    }
}
