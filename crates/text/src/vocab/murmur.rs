//! MurmurHash64A of Austin Appleby (public domain), with seed 0: how KenLM's binary files name words.

const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

/// MurmurHash64A of `bytes`, with seed 0.
pub fn murmur64a(bytes: &[u8]) -> u64 {
    let mut hash = (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let (blocks, rest) = bytes.as_chunks::<8>();
    for block in blocks {
        let mut mixed = u64::from_le_bytes(*block).wrapping_mul(MULTIPLIER);
        mixed = (mixed ^ (mixed >> SHIFT)).wrapping_mul(MULTIPLIER);
        hash = (hash ^ mixed).wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> SHIFT)).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> SHIFT)
}

#[cfg(test)]
mod tests {
    use super::murmur64a;

    #[test]
    fn hashes_are_those_that_kenlm_computes() {
        // From `MurmurHash64A(word, length, 0)` of KenLM's util/murmur_hash.cc.
        for (word, hash) in HASHES {
            assert_eq!(murmur64a(word.as_bytes()), hash, "{word:?}");
        }
    }

    const HASHES: [(&str, u64); 8] = [
        ("", 0),
        ("a", 0x0717_17d2_d36b_6b11),
        ("</s>", 0x6be0_737d_f1f7_6c0a),
        ("<unk>", 0xea91_e756_1f5b_392b),
        ("blessed", 0xc416_6d25_afeb_5e33),
        ("seventeen", 0x9191_db83_f075_1f3d),
        ("eight888", 0xa9ab_f9c8_fe54_2a0b),
        ("a word of some length", 0x593b_f566_29ec_31c1),
    ];
}
