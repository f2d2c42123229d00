//! N-grams as single numbers, so that sorting and comparing them is arithmetic.
//!
//! A word's digit is its id + 1, of `bits` bits; 0 stands where there is no word. The key of w_1 … w_n has the digit of the *last*
//! word in the highest place: ascending keys are *suffix order*, in which n-grams with the same ending stand together, and the
//! longest common ending of two n-grams is read off the highest bit in which their keys differ.
//!
//! ```text
//! key(w_1 … w_n) = [w_n][w_{n−1}] … [w_1]        suffix w_2 … w_n: shift out the lowest digit
//!                                                 context w_1 … w_{n−1}: mask out the highest digit
//! ```
//! *Context order* ([`Packing::by_context`]) turns the digits round so that n-grams with the same context stand together, contexts in
//! suffix order.

use super::sort::TopDigit;
use super::{MAX_ORDER, NgramError};

const KEY_BITS: u32 = 128;

/// Packing of n-grams of at most `order` words into keys of 128 bits.
#[derive(Clone, Copy, Debug)]
pub struct Packing {
    bits: u32,
    order: usize,
}

impl Packing {
    /// Makes the packing for ids below `words` and n-grams of at most `order` words.
    ///
    /// Errors: an order of 0 or above [`MAX_ORDER`], or keys that 128 bits cannot hold.
    pub fn new(words: usize, order: usize) -> Result<Packing, NgramError> {
        if !(1..=MAX_ORDER).contains(&order) {
            return Err(NgramError::Order { order });
        }
        let bits = usize::BITS - words.leading_zeros(); // digits are 0 … words
        let most = (KEY_BITS / bits) as usize;
        if order > most {
            return Err(NgramError::OrderForVocabulary { order, words, most });
        }
        Ok(Packing { bits, order })
    }

    pub fn order(self) -> usize {
        self.order
    }

    /// The key, of `order` digits, of the n-gram that ends in `id` after the n-gram `before`, which loses its first word if it
    /// is full. Shorter n-grams have zeros in their lowest places.
    pub fn follow(self, before: u128, id: u32) -> u128 {
        let digit = u128::from(id) + 1;
        digit << self.places(self.order - 1) | before >> self.bits
    }

    /// The key of w_1 … w_n, of n digits.
    pub fn pack(self, ids: &[u32]) -> u128 {
        (0..).zip(ids).fold(0, |key, (place, &id)| {
            key | (u128::from(id) + 1) << self.places(place)
        })
    }

    /// Words of a key that [`Packing::follow`] made.
    pub fn len(self, key: u128) -> usize {
        self.order - (key.trailing_zeros() / self.bits) as usize
    }

    /// Number of last words that two different keys made by [`Packing::follow`] have in common.
    pub fn common(self, a: u128, b: u128) -> usize {
        let unused = KEY_BITS - self.places(self.order);
        (((a ^ b).leading_zeros() - unused) / self.bits) as usize
    }

    /// The key, of `n` digits, of the last `n` words of a key that [`Packing::follow`] made.
    pub fn last(self, key: u128, n: usize) -> u128 {
        key >> self.places(self.order - n)
    }

    /// The key of an n-gram without its first word.
    pub fn suffix(self, key: u128) -> u128 {
        key >> self.bits
    }

    /// Turns a key of `n` digits so that numbers ascend in context order.
    pub fn by_context(self, key: u128, n: usize) -> u128 {
        let top = self.places(n - 1);
        (key & mask(top)) << self.bits | key >> top
    }

    /// The key of the context in a number that [`Packing::by_context`] made.
    pub fn context(self, turned: u128) -> u128 {
        turned >> self.bits
    }

    /// Undoes [`Packing::by_context`].
    pub fn by_suffix(self, turned: u128, n: usize) -> u128 {
        (turned & mask(self.bits)) << self.places(n - 1) | turned >> self.bits
    }

    /// The ids w_1 … w_n of a key of `n = ids.len()` digits.
    pub fn unpack(self, mut key: u128, ids: &mut [u32]) {
        for id in ids {
            *id = (key & mask(self.bits)) as u32 - 1;
            key >>= self.bits;
        }
    }

    /// The key of w_1 … w_n with w_1 in the highest place: ascending keys are *prefix order*.
    pub fn pack_prefix(self, ids: &[u32]) -> u128 {
        ids.iter().fold(0, |key, &id| self.append(key, id))
    }

    /// The key of a longer n-gram in prefix order.
    pub fn append(self, prefix: u128, id: u32) -> u128 {
        prefix << self.bits | (u128::from(id) + 1)
    }

    /// The key in prefix order without the last word, and that word.
    pub fn split_last(self, prefix: u128) -> (u128, u32) {
        (prefix >> self.bits, (prefix & mask(self.bits)) as u32 - 1)
    }

    /// The key of w_1 … w_n from that of w_1 … w_{n−1}.
    pub fn prepend(self, before: u128, id: u32, n: usize) -> u128 {
        before | self.first_key(id, n)
    }

    /// The key of `m` digits of the last `m` words of a key of `n` digits.
    pub fn shorten(self, key: u128, n: usize, m: usize) -> u128 {
        key >> self.places(n - m)
    }

    /// A key of `n` digits as one of `order` digits, with zeros in the lowest places: n-grams of all lengths compare as their endings do.
    pub fn padded(self, key: u128, n: usize) -> u128 {
        key << self.places(self.order - n)
    }

    /// The least key, of `n` digits, whose highest digit is that of `id`.
    pub fn first_key(self, id: u32, n: usize) -> u128 {
        (u128::from(id) + 1) << self.places(n - 1)
    }

    /// Where the highest digit of a key of `n` digits is.
    pub fn top_digit(self, n: usize) -> TopDigit {
        TopDigit {
            shift: self.places(n - 1),
            bits: self.bits,
        }
    }

    fn places(self, n: usize) -> u32 {
        self.bits * n as u32
    }
}

/// The lowest `bits` bits.
fn mask(bits: u32) -> u128 {
    (1 << bits) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The key of a whole n-gram, made in both ways.
    fn key(packing: Packing, ids: &[u32]) -> u128 {
        let followed = ids.iter().fold(0, |key, &id| packing.follow(key, id));
        assert_eq!(packing.len(followed), ids.len());
        assert_eq!(packing.last(followed, ids.len()), packing.pack(ids));
        packing.pack(ids)
    }

    proptest! {
        #[test]
        fn keys_behave_as_the_words_do(
            a in proptest::collection::vec(0u32..1000, 2..=12),
            b in proptest::collection::vec(0u32..3, 2..=12),
            c in proptest::collection::vec(0u32..3, 2..=12),
        ) {
            let packing = Packing::new(1000, 12).unwrap();
            let n = a.len();
            let mut ids = vec![0; n];
            packing.unpack(key(packing, &a), &mut ids);
            prop_assert_eq!(&ids, &a);
            prop_assert_eq!(packing.suffix(key(packing, &a)), key(packing, &a[1..]));
            let turned = packing.by_context(key(packing, &a), n);
            prop_assert_eq!(packing.context(turned), key(packing, &a[..n - 1]));
            prop_assert_eq!(packing.by_suffix(turned, n), key(packing, &a));
            let prefix = packing.pack_prefix(&a);
            prop_assert_eq!(packing.split_last(prefix), (packing.pack_prefix(&a[..n - 1]), a[n - 1]));
            prop_assert_eq!(packing.prepend(packing.pack(&a[..n - 1]), a[n - 1], n), packing.pack(&a));
            prop_assert_eq!(packing.shorten(packing.pack(&a), n, 1), packing.pack(&a[n - 1..]));
            prop_assert_eq!(packing.padded(packing.pack(&a), n), key(packing, &a) << (10 * (12 - n)));

            let whole = |ids: &[u32]| ids.iter().fold(0, |key, &id| packing.follow(key, id));
            let backwards = |ids: &[u32]| ids.iter().rev().copied().collect::<Vec<_>>();
            prop_assert_eq!(whole(&b).cmp(&whole(&c)), backwards(&b).cmp(&backwards(&c)));
            if b != c {
                let common = b.iter().rev().zip(c.iter().rev()).take_while(|(x, y)| x == y).count();
                prop_assert_eq!(packing.common(whole(&b), whole(&c)), common);
            }
        }
    }

    #[test]
    fn a_full_key_loses_its_first_word() {
        let packing = Packing::new(70_000, 3).unwrap();
        let key = [1, 2, 3, 4]
            .iter()
            .fold(0, |key, &id| packing.follow(key, id));
        let mut ids = [0; 3];
        packing.unpack(key, &mut ids);
        assert_eq!(ids, [2, 3, 4]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(Packing::new(33_279, 8).is_ok());
        assert!(Packing::new(33_279, 9).is_err());
        assert!(Packing::new(u32::MAX as usize, 4).is_ok());
        assert!(Packing::new(100, 0).is_err());
        assert!(Packing::new(2, 33).is_err());
    }
}
