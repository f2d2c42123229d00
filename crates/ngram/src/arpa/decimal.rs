//! Decimal numbers as ARPA files have them, read faster than by the standard library and to the same bits.
//!
//! A number of at most 15 digits without an exponent is m / 10^k with both exact in f64, so the quotient is rounded once. Rounding it
//! again to f32 gives the f32 nearest to the number, unless the quotient lies half-way between two f32: then the number itself may
//! lie on either side of it.

const MOST_DIGITS: usize = 15;
const POWERS: [f64; MOST_DIGITS + 1] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
];
/// Bits of an f64 that an f32 lacks.
const LOST_BITS: u32 = 29;

/// The f32 nearest to a number such as `-2.8765432`; `None` if it has another form, or this method cannot be sure.
#[inline]
pub fn decimal(field: &[u8]) -> Option<f32> {
    let (negative, digits) = match field {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let (mut mantissa, mut count, mut point) = (0u64, 0, None);
    if digits.len() > MOST_DIGITS + 1 {
        return None;
    }
    for &byte in digits {
        match byte {
            b'0'..=b'9' => {
                mantissa = 10 * mantissa + u64::from(byte - b'0');
                count += 1;
            }
            b'.' if point.is_none() => point = Some(count),
            _ => return None,
        }
    }
    if !(1..=MOST_DIGITS).contains(&count) {
        return None;
    }
    let value = mantissa as f64 / POWERS[count - point.unwrap_or(count)];
    let lost = value.to_bits() & ((1 << LOST_BITS) - 1);
    if lost == 1 << (LOST_BITS - 1) {
        return None;
    }
    let value = value as f32;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn other_forms_are_left_to_the_standard_library() {
        for field in [
            "",
            "-",
            ".",
            "-.",
            "1e5",
            "inf",
            "nan",
            "+1",
            "1.2.3",
            "--1",
            "1_0",
            "0.1234567890123456",
        ] {
            assert_eq!(decimal(field.as_bytes()), None, "{field}");
        }
        // 2^24 + 1 lies half-way between two f32.
        assert_eq!(decimal(b"16777217"), None);
        assert_eq!(decimal(b"-0").map(f32::to_bits), Some((-0.0f32).to_bits()));
        assert_eq!(decimal(b"-99"), Some(-99.0));
        assert_eq!(decimal(b".5"), Some(0.5));
        assert_eq!(decimal(b"5."), Some(5.0));
    }

    proptest! {
        #[test]
        fn every_number_has_the_bits_of_the_standard_library(
            text in "-?[0-9]{0,7}\\.?[0-9]{0,9}|-[0-9]\\.[0-9]{5,8}",
        ) {
            if let Some(found) = decimal(text.as_bytes()) {
                prop_assert_eq!(found.to_bits(), text.parse::<f32>().unwrap().to_bits());
            }
        }

        #[test]
        fn neighbours_of_a_half_way_point_go_to_the_right_side(bits in 0x3000_0000u32..0x4700_0000, up in 0u64..3) {
            let midpoint = f64::from(f32::from_bits(bits)) + f64::from(f32::from_bits(bits + 1));
            let near = f64::from_bits((midpoint / 2.0).to_bits() + up - 1);
            let text = format!("{near:.13}");
            if let Some(found) = decimal(text.as_bytes()) {
                prop_assert_eq!(found.to_bits(), text.parse::<f32>().unwrap().to_bits(), "{}", text);
            }
        }
    }
}
