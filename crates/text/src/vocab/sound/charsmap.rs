//! The map of characters of SentencePiece's normaliser (`Precompiled`), in base64:
//!
//! ```text
//! u32 bytes of the trie, little-endian │ the trie, a double array of u32 │ replacements, each ended by a zero byte
//! ```
//!
//! A unit of the array (darts-clone): bits 0–7 and 31 its label, bit 8 whether a value hangs on it, bits 10–30 the offset to
//! its children, which bit 9 shifts by 8. The child of the node at `n` by the byte `c` stands at `n ^ c` and has the label
//! `c`; a value stands at the place without a byte, and is where in the replacements its text begins.
//!
//! The crate looks places up without asking whether they exist. Here all that can be reached are checked first.

const BROKEN: &str = "its `Precompiled` map of characters is broken";

/// The bytes of the longest replacement.
///
/// Errors: a map that leads outside of itself.
pub fn longest_replacement(encoded: &str) -> Result<usize, String> {
    let broken = |what: &str| format!("{BROKEN}: {what}");
    let bytes =
        base64::decode(encoded).map_err(|error| broken(&format!("it is not base64 ({error})")))?;
    let (size, rest) = bytes
        .split_first_chunk()
        .ok_or_else(|| broken("it has no trie"))?;
    // As the crate reads it: whole units only.
    let units = u32::from_le_bytes(*size) as usize / 4;
    if units == 0 {
        return Err(broken("its trie is empty"));
    }
    let (trie, texts) = rest
        .split_at_checked(4 * units)
        .ok_or_else(|| broken("it is cut short"))?;
    let texts = std::str::from_utf8(texts).map_err(|_| broken("its replacements are not UTF-8"))?;
    let trie: Vec<Unit> = trie
        .chunks_exact(4)
        .map(|unit| Unit(u32::from_le_bytes([unit[0], unit[1], unit[2], unit[3]])))
        .collect();
    longest(&trie, texts).ok_or_else(|| broken("a place it leads to is not in it"))
}

/// Goes through all nodes of the trie; `None`: one of them is outside of it, or a replacement is.
fn longest(trie: &[Unit], texts: &str) -> Option<usize> {
    let mut longest = 0;
    let mut seen = vec![false; trie.len()];
    let mut waiting = vec![trie.first()?.offset()];
    while let Some(node) = waiting.pop() {
        // A text never has the byte 0 looked up; a node is as many places as there are other bytes.
        match seen.get_mut(node) {
            Some(seen) if *seen => continue,
            Some(seen) => *seen = true,
            None => {}
        }
        for byte in 1..=255usize {
            let place = node ^ byte;
            let unit = trie.get(place)?;
            if unit.label() != byte {
                continue;
            }
            let child = place ^ unit.offset();
            if unit.has_leaf() {
                let text = texts.get(trie.get(child)?.value()..)?;
                let end = text.find('\0').unwrap_or(text.len());
                longest = longest.max(end);
            }
            waiting.push(child);
        }
    }
    Some(longest)
}

#[derive(Clone, Copy)]
struct Unit(u32);

impl Unit {
    fn has_leaf(self) -> bool {
        self.0 >> 8 & 1 == 1
    }

    fn value(self) -> usize {
        (self.0 & 0x7FFF_FFFF) as usize
    }

    fn label(self) -> usize {
        (self.0 & 0x8000_00FF) as usize
    }

    fn offset(self) -> usize {
        (self.0 as usize >> 10) << ((self.0 & 1 << 9) >> 6)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A map that reads `a` as "bc": the children of the root stand at 256 ^ byte, those of `a` at 512 ^ byte.
    fn map() -> Vec<u32> {
        let mut trie = vec![0u32; 768];
        trie[0] = 256 << 10;
        let a = 256 ^ 0x61;
        trie[a] = 0x61 | 1 << 8 | ((a ^ 512) as u32) << 10;
        trie[512] = 3;
        trie
    }

    fn encoded(trie: &[u32], texts: &[u8]) -> String {
        let mut bytes = (4 * trie.len() as u32).to_le_bytes().to_vec();
        bytes.extend(trie.iter().flat_map(|unit| unit.to_le_bytes()));
        bytes.extend(texts);
        base64::encode(bytes)
    }

    #[test]
    fn a_whole_map_has_a_longest_replacement() {
        assert_eq!(longest_replacement(&encoded(&map(), b"xy\0bc\0")), Ok(2));
    }

    #[test]
    fn maps_that_lead_outside_are_refused() {
        let changed = |at: usize, unit: u32| {
            let mut trie = map();
            trie[at] = unit;
            encoded(&trie, b"xy\0bc\0")
        };
        let a = 256 ^ 0x61;
        for (map, part) in [
            ("/////w==".to_owned(), "cut short"),
            ("not base64".to_owned(), "base64"),
            (String::new(), "no trie"),
            (encoded(&[], b"x"), "empty"),
            (encoded(&map(), b"\xFF"), "UTF-8"),
            (changed(0, 1000 << 10), "not in it"),
            (changed(a, 0x61 | 1 << 8 | 9999 << 10), "not in it"),
            // The replacement is behind the end, or begins inside a character.
            (changed(512, 7), "not in it"),
            (encoded(&map(), "xy\u{e9}c".as_bytes()), "not in it"),
        ] {
            let error = longest_replacement(&map).unwrap_err();
            assert!(error.contains(part), "{error}");
        }
    }
}
