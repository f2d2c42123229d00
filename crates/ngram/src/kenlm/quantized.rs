//! Probabilities and weights in a trie: as they are, or as codes of a table for each order.
//!
//! ```text
//! plain        log10 p without its sign (31 bits), log10 of the weight (f32); the longest n-grams have no weight
//! quantized    code of the weight, code of log10 p; the longest have that of log10 p
//!
//! tables       version = 2, bits of codes of p, bits of codes of weights (u8 each), 0 up to 8 bytes; for each order from 2
//!              the values of the codes of p, then those of weights (f32 each; the highest order has none)
//! ```

use super::KenlmFlaw;
use super::bits::{self, f32_at};

const HEAD_BYTES: usize = 8;
const VERSION: u8 = 2;
/// KenLM's limit of the bits of a code.
const MOST_CODE_BITS: u8 = 25;
const SIGN: u32 = 1 << 31;
const P_BITS: u32 = 31;
const WEIGHT_BITS: u32 = 32;

/// How the values of the n-grams of one order are stored.
#[derive(Clone, Copy, Debug)]
pub enum Values {
    Plain,
    Quantized {
        p_bits: u32,
        weight_bits: u32,
        /// Position of the values of the codes of p; those of weights follow.
        table_at: usize,
    },
}

/// Values of all orders from 2.
#[derive(Debug)]
pub struct ValueTables {
    pub orders: Vec<Values>,
    /// The byte after the tables.
    pub end: usize,
}

impl ValueTables {
    /// The values of a trie without tables.
    pub fn plain(order: usize, at: usize) -> ValueTables {
        ValueTables {
            orders: vec![Values::Plain; order - 1],
            end: at,
        }
    }

    /// The tables that begin at byte `at`.
    pub fn quantized(order: usize, bytes: &[u8], at: usize) -> Result<ValueTables, KenlmFlaw> {
        let size = |expected: usize| KenlmFlaw::Size {
            expected: expected as u64,
            found: bytes.len() as u64,
        };
        let head = bytes
            .get(at..at + HEAD_BYTES)
            .ok_or(size(at + HEAD_BYTES))?;
        let [version, p_bits, weight_bits] = [head[0], head[1], head[2]];
        if version != VERSION {
            return Err(KenlmFlaw::Part {
                part: "quantization tables",
                found: version.into(),
                expected: VERSION.into(),
            });
        }
        let possible = 1..=MOST_CODE_BITS;
        if !possible.contains(&p_bits) || !possible.contains(&weight_bits) {
            return Err(KenlmFlaw::Header("codes have 1 to 25 bits"));
        }
        let mut end = at + HEAD_BYTES;
        let mut orders = Vec::new();
        for n in 2..=order {
            orders.push(Values::Quantized {
                p_bits: p_bits.into(),
                weight_bits: if n < order { weight_bits.into() } else { 0 },
                table_at: end,
            });
            end += 4 << p_bits;
            end += if n < order { 4 << weight_bits } else { 0 };
        }
        match end <= bytes.len() {
            true => Ok(ValueTables { orders, end }),
            false => Err(size(end)),
        }
    }
}

impl Values {
    /// Bits of the values of an n-gram, of the highest order or a lower one.
    pub fn width(self, is_longest: bool) -> u32 {
        match (self, is_longest) {
            (Values::Plain, false) => P_BITS + WEIGHT_BITS,
            (Values::Plain, true) => P_BITS,
            (
                Values::Quantized {
                    p_bits,
                    weight_bits,
                    ..
                },
                _,
            ) => p_bits + weight_bits,
        }
    }

    /// log10 p of the n-gram whose values begin at bit `at` of `array`.
    #[inline]
    pub fn log10_p(self, bytes: &[u8], array: &[u8], at: u64) -> f32 {
        match self {
            Values::Plain => f32::from_bits(bits::read(array, at, P_BITS) as u32 | SIGN),
            Values::Quantized {
                p_bits,
                weight_bits,
                table_at,
            } => {
                let code = bits::read(array, at + u64::from(weight_bits), p_bits);
                f32_at(bytes, table_at + 4 * code as usize)
            }
        }
    }

    /// log10 of the weight of the n-gram, of a lower order, whose values begin at bit `at` of `array`.
    #[inline]
    pub fn log10_backoff(self, bytes: &[u8], array: &[u8], at: u64) -> f32 {
        match self {
            Values::Plain => {
                let weight = bits::read(array, at + u64::from(P_BITS), WEIGHT_BITS);
                f32::from_bits(weight as u32)
            }
            Values::Quantized {
                p_bits,
                weight_bits,
                table_at,
            } => {
                let code = bits::read(array, at, weight_bits) as usize;
                f32_at(bytes, table_at + (4 << p_bits) + 4 * code)
            }
        }
    }
}
