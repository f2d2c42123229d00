//! The byte-level alphabet: a printable character for every byte.

/// The printable characters that stand for the bytes in byte-level vocabularies (GPT-2's `bytes_to_unicode`): printable Latin-1
/// bytes stand for themselves, the others follow from U+0100 on.
const LETTERS: [char; 256] = {
    let mut letters = ['\0'; 256];
    let mut others = 0;
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        letters[i] = match byte {
            0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => byte as char,
            _ => {
                others += 1;
                match char::from_u32(0xFF + others) {
                    Some(letter) => letter,
                    None => char::REPLACEMENT_CHARACTER,
                }
            }
        };
        i += 1;
    }
    letters
};

pub fn byte_letter(byte: u8) -> char {
    LETTERS[usize::from(byte)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_byte_alphabet_has_256_letters() {
        let letters: std::collections::BTreeSet<char> = (0..=255).map(byte_letter).collect();
        assert_eq!(letters.len(), 256);
        assert_eq!(
            (
                byte_letter(0),
                byte_letter(b' '),
                byte_letter(b'\n'),
                byte_letter(0xAD)
            ),
            ('Ā', 'Ġ', 'Ċ', 'Ń')
        );
    }
}
