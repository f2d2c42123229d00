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
    nearest(mantissa, count - point.unwrap_or(count), negative)
}

/// Parses a number in the usual form of ARPA files (perhaps a sign, one digit, a point, 1 to 8 digits) from the first `length` bytes of a
/// little-endian integer; `None` for any other form.
#[inline]
pub fn decimal_at(bytes: u128, length: usize) -> Option<f32> {
    const EACH: u64 = u64::MAX / 0xFF;
    let negative = bytes as u8 == b'-';
    let (bytes, length) = match negative {
        true => (bytes >> 8, length.saturating_sub(1)),
        false => (bytes, length),
    };
    let [whole, point, ..] = bytes.to_le_bytes();
    if !(3..=10).contains(&length) || !whole.is_ascii_digit() || point != b'.' {
        return None;
    }
    // The digits behind the point, with zeros before them that make them eight.
    let places = length - 2;
    let zeros = 64 - 8 * places as u32;
    let digits = ((bytes >> 16) as u64 ^ (EACH * u64::from(b'0'))) << zeros;
    if (digits.wrapping_add(EACH * 0x76) | digits) & (EACH << 7) != 0 {
        return None;
    }
    // Neighbours become numbers of two, four and eight digits.
    let twos = digits.wrapping_mul(10).wrapping_add(digits >> 8) & 0x00FF_00FF_00FF_00FF;
    let fours = twos.wrapping_mul(100).wrapping_add(twos >> 16) & 0x0000_FFFF_0000_FFFF;
    let eight = fours.wrapping_mul(10_000).wrapping_add(fours >> 32) & 0xFFFF_FFFF;
    let mantissa = u64::from(whole - b'0') * POWERS[places] as u64 + eight;
    nearest(mantissa, places, negative)
}

/// The f32 nearest to ± `mantissa` / 10^`places`; `None` if this method cannot be sure.
#[inline]
fn nearest(mantissa: u64, places: usize, negative: bool) -> Option<f32> {
    let value = mantissa as f64 / POWERS[places];
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

    /// Parses a number with other bytes behind it.
    fn at(text: &str, after: u8) -> Option<f32> {
        let mut bytes = [after; 16];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        decimal_at(u128::from_le_bytes(bytes), text.len())
    }

    #[test]
    fn the_form_of_nearly_all_numbers() {
        for text in [
            "0.5",
            "-0.5",
            "-2.8765432",
            "-0.16861734",
            "9.99999999",
            "-0.0",
        ] {
            for after in [0, b'\t', b'7', b'.', 255] {
                let found = at(text, after).map(f32::to_bits);
                assert_eq!(
                    found,
                    Some(text.parse::<f32>().unwrap().to_bits()),
                    "{text}"
                );
            }
        }
        for text in [
            "",
            "-",
            "0",
            "-1",
            "0.",
            ".5",
            "10.5",
            "0.123456789",
            "-.5",
            "0.1e5",
            "0.5-",
            "1.2.3",
            "0x5",
            "0.5\u{fa}",
            "+0.5",
        ] {
            assert_eq!(at(text, b'1'), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn numbers_of_one_digit_and_eight_at_most(text in "-?[0-9]\\.[0-9]{1,8}", after in any::<u8>()) {
            if let Some(found) = at(&text, after) {
                prop_assert_eq!(found.to_bits(), text.parse::<f32>().unwrap().to_bits());
            } else {
                prop_assert_eq!(decimal(text.as_bytes()), None);
            }
        }

        #[test]
        fn any_bytes_are_a_number_to_both_or_to_neither(bytes in any::<[u8; 16]>(), digits in 0usize..=12) {
            let mut bytes = bytes.map(|byte| b"0123456789.-eE/:"[usize::from(byte % 16)]);
            bytes[1] = if digits % 2 == 0 { b'.' } else { bytes[1] };
            if let Some(found) = decimal_at(u128::from_le_bytes(bytes), digits) {
                prop_assert_eq!(decimal(&bytes[..digits]).map(f32::to_bits), Some(found.to_bits()));
            }
        }

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
