//! Words between ASCII white space, found without a branch for each byte.
//!
//! Whether a byte is white space is hard to foresee for a processor, since words have all lengths. So 64 bytes at a time become
//! a mask with a bit for each byte that may be white space, and the bits are gone through one after the other.

use std::ops::Range;

/// Bytes that become a mask together.
const BLOCK: usize = 64;

/// Words of a text between ASCII white space (space, `\t`, `\n`, `\v`, `\f`, `\r`), as their places in it.
///
/// ```
/// let text = b" in the\tbeginning\n";
/// let words: Vec<&[u8]> = elman_text::WordsBetweenSpaces::new(text).map(|place| &text[place]).collect();
/// assert_eq!(words, [&b"in"[..], b"the", b"beginning"]);
/// ```
#[derive(Clone, Debug)]
pub struct WordsBetweenSpaces<'t> {
    text: &'t [u8],
    /// Earliest place at which the next word may begin.
    start: usize,
    /// Start of the block that `mask` is of.
    block: usize,
    /// A bit for each place in the block, still to come, that may be white space.
    mask: u64,
}

impl<'t> WordsBetweenSpaces<'t> {
    /// Begins with the first word of `text`.
    #[inline]
    pub fn new(text: &'t [u8]) -> WordsBetweenSpaces<'t> {
        WordsBetweenSpaces {
            text,
            start: 0,
            block: 0,
            mask: mask_at(text, 0),
        }
    }
}

impl Iterator for WordsBetweenSpaces<'_> {
    type Item = Range<usize>;

    #[inline]
    fn next(&mut self) -> Option<Range<usize>> {
        loop {
            while self.mask == 0 {
                self.block += BLOCK;
                if self.block >= self.text.len() {
                    // The last word may have nothing behind it.
                    let last = self.start..self.text.len();
                    self.start = self.text.len();
                    return (!last.is_empty()).then_some(last);
                }
                self.mask = mask_at(self.text, self.block);
            }
            let end = self.block + self.mask.trailing_zeros() as usize;
            self.mask &= self.mask - 1;
            if !is_space(self.text[end]) {
                continue;
            }
            let word = self.start..end;
            self.start = end + 1;
            if !word.is_empty() {
                return Some(word);
            }
        }
    }
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || (0x09..=0x0d).contains(&byte)
}

/// The mask of the bytes from `start` on.
#[inline]
fn mask_at(text: &[u8], start: usize) -> u64 {
    match text[start..].first_chunk() {
        Some(block) => mask_of(block),
        None => {
            let mut block = [b'x'; BLOCK];
            block[..text.len() - start].copy_from_slice(&text[start..]);
            mask_of(&block)
        }
    }
}

/// A bit for each byte up to the space, eight bytes at a time.
#[inline]
fn mask_of(block: &[u8; BLOCK]) -> u64 {
    const TOPS: u64 = 0x8080_8080_8080_8080;
    /// Brings the lowest bit of byte k to bit 56 + k.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let (eights, _) = block.as_chunks();
    let masks = eights.iter().enumerate().map(|(at, eight)| {
        let bytes = u64::from_le_bytes(*eight);
        // The top bit of a byte is set if the byte is above the space; nothing is carried into the next byte.
        let above = ((bytes & !TOPS) + 0x5f5f_5f5f_5f5f_5f5f) | bytes;
        let controls = (!above & TOPS) >> 7;
        (controls.wrapping_mul(GATHER) >> 56) << (8 * at)
    });
    masks.fold(0, |mask, more| mask | more)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_byte_is_recognised_at_every_place() {
        for byte in 0..=255u8 {
            for place in 0..BLOCK {
                let mut block = [b'x'; BLOCK];
                block[place] = byte;
                let expected = if byte <= b' ' { 1 << place } else { 0 };
                assert_eq!(mask_of(&block), expected, "{byte} at {place}");
            }
        }
    }

    proptest! {
        #[test]
        fn words_are_those_of_a_plain_split(text in prop::collection::vec(
            prop_oneof![3 => Just(b' '), 1 => 0u8..0x21, 6 => any::<u8>()], 0..300
        )) {
            let plain = text.split(|&byte| is_space(byte)).filter(|word| !word.is_empty());
            let expected: Vec<&[u8]> = plain.collect();
            let found: Vec<&[u8]> = WordsBetweenSpaces::new(&text).map(|place| &text[place]).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
