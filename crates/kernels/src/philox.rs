//! Random numbers without state: Philox 4×32-10.
//!
//! Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A block
//! of four words is a function of a counter and a key, so any thread can draw any number, and a
//! run continues from its step alone. It is no cipher.

const MULTIPLIERS: [u64; 2] = [0xD251_1F53, 0xCD9E_8D57];
/// Added to the key after each round (the golden ratio and √3 − 1, as fractions of 2³²).
const WEYL: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
const ROUNDS: usize = 10;

/// Computes the four random words of `counter` under `key` (Philox 4×32-10).
///
/// Calls with consecutive counters in a loop become vectors (see the dropout kernel).
#[inline(always)]
pub fn philox(counter: [u32; 4], key: [u32; 2]) -> [u32; 4] {
    // Not `map`: its closure is inlined by chance, and otherwise not compiled for the instruction set.
    let [a, b, c, d] = counter;
    let mut x = [a as u64, b as u64, c as u64, d as u64];
    let mut k = key;
    for _ in 0..ROUNDS {
        x = round(x, k);
        k = next_key(k);
    }
    [x[0] as u32, x[1] as u32, x[2] as u32, x[3] as u32]
}

/// One round. Words are the low halves of the `u64`; the high halves hold rubbish, which saves
/// masking because a 32-bit multiplication never looks at them.
#[inline(always)]
fn round(x: [u64; 4], key: [u32; 2]) -> [u64; 4] {
    const LOW: u64 = 0xFFFF_FFFF;
    let a = (x[0] & LOW) * MULTIPLIERS[0];
    let b = (x[2] & LOW) * MULTIPLIERS[1];
    [
        (b >> 32) ^ x[1] ^ u64::from(key[0]),
        b,
        (a >> 32) ^ x[3] ^ u64::from(key[1]),
        a,
    ]
}

#[inline(always)]
fn next_key(key: [u32; 2]) -> [u32; 2] {
    [key[0].wrapping_add(WEYL[0]), key[1].wrapping_add(WEYL[1])]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The known answers that come with Random123 (`kat_vectors`, philox4x32, 10 rounds).
    #[test]
    fn the_known_answers_of_random123_come_out() {
        for (counter, key, words) in [
            (
                [0; 4],
                [0; 2],
                [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
            ),
            (
                [u32::MAX; 4],
                [u32::MAX; 2],
                [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
            ),
            (
                [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
                [0xa4093822, 0x299f31d0],
                [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
            ),
        ] {
            assert_eq!(philox(counter, key), words);
        }
    }
}
