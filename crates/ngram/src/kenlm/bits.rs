//! Numbers of any width in an array of bits, least significant bit first.

/// The widest number that can be read: with the seven bits that may stand before it, it is in eight bytes.
pub const WIDEST: u32 = 57;

/// Bits that hold every number up to `largest`.
pub fn width(largest: u64) -> u32 {
    u64::BITS - largest.leading_zeros()
}

/// The `width` bits from bit `at` on, as a number. Eight bytes from the first one on must be there.
#[inline]
pub fn read(bytes: &[u8], at: u64, width: u32) -> u64 {
    let first = (at / 8) as usize;
    (u64_at(bytes, first) >> (at % 8)) & mask(width)
}

/// A number with `width` bits, all of them set.
#[inline]
pub fn mask(width: u32) -> u64 {
    (1 << width) - 1
}

#[inline]
pub fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le(bytemuck::pod_read_unaligned(&bytes[at..at + 8]))
}

#[inline]
pub fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le(bytemuck::pod_read_unaligned(&bytes[at..at + 4]))
}

#[inline]
pub fn f32_at(bytes: &[u8], at: usize) -> f32 {
    f32::from_bits(u32_at(bytes, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_at_every_bit() {
        let bytes: Vec<u8> = (0..40u32).map(|i| (i * 151 % 251) as u8).collect();
        let bit = |at: u64| u64::from(bytes[(at / 8) as usize] >> (at % 8) & 1);
        for at in 0..150 {
            for width in 0..=WIDEST {
                let expected = (0..u64::from(width)).map(|i| bit(at + i) << i).sum::<u64>();
                assert_eq!(read(&bytes, at, width), expected, "{width} bits from {at}");
            }
        }
    }

    #[test]
    fn widths_are_the_least() {
        let widths = [0, 1, 2, 3, 4, 255, 256, u64::MAX].map(width);
        assert_eq!(widths, [0, 1, 2, 2, 3, 8, 9, 64]);
    }
}
