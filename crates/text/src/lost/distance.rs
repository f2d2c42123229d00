//! The Levenshtein distance of two texts: the fewest characters to change, add or delete that make one of the other.
//!
//! Bit-parallel (Myers 1999, in the blocks of Hyyrö 2003): a column of the table of distances is kept as bits of its vertical
//! differences, 64 rows a word, so that two texts of n and m characters take n·m/64 steps and m/64 words for each different character.

use std::collections::HashMap;

/// The distance of `a` and `b`.
pub fn distance(a: &str, b: &str) -> u64 {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // What both begin and end with costs nothing.
    let front = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[front..], &b[front..]);
    let (from_a, from_b) = (a.iter().rev(), b.iter().rev());
    let back = from_a.zip(from_b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - back], &b[..b.len() - back]);
    match (a.len(), b.len()) {
        (n, 0) | (0, n) => n as u64,
        (n, m) if n < m => of_columns(a, b),
        _ => of_columns(b, a),
    }
}

/// 64 rows of a column: where it rises by one from a row to the next, and where it falls.
#[derive(Clone, Copy)]
struct Block {
    rises: u64,
    falls: u64,
}

/// How the distance in the row above a block, and in its last row, changes from a column to the next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Up,
    None,
    Down,
}

/// `rows` has at least one character.
fn of_columns(rows: &[char], columns: &[char]) -> u64 {
    let blocks = rows.len().div_ceil(64);
    let mut occurs: HashMap<char, Vec<u64>> = HashMap::new();
    for (i, &c) in rows.iter().enumerate() {
        occurs.entry(c).or_insert_with(|| vec![0; blocks])[i / 64] |= 1 << (i % 64);
    }
    let nowhere = vec![0; blocks];
    let mut column = vec![
        Block {
            rises: u64::MAX,
            falls: 0
        };
        blocks
    ];
    let last = 1 << ((rows.len() - 1) % 64);
    let mut distance = rows.len() as u64;
    for c in columns {
        let equal = occurs.get(c).unwrap_or(&nowhere);
        // The first row is the distance to nothing, which grows with every column.
        let mut change = Change::Up;
        for (i, (block, &equal)) in column.iter_mut().zip(equal).enumerate() {
            let row = if i + 1 == blocks { last } else { 1 << 63 };
            change = block.advance(equal, change, row);
        }
        match change {
            Change::Up => distance += 1,
            Change::None => {}
            Change::Down => distance -= 1,
        }
    }
    distance
}

impl Block {
    /// Advances by a column whose character is in the rows `equal`; `above` is the change above the first row. The change in `row`.
    fn advance(&mut self, equal: u64, above: Change, row: u64) -> Change {
        let Block { rises, falls } = *self;
        let vertical = equal | falls;
        let equal = equal | u64::from(above == Change::Down);
        let horizontal = ((equal & rises).wrapping_add(rises) ^ rises) | equal;
        let (up, down) = (falls | !(horizontal | rises), rises & horizontal);
        let change = match (up & row != 0, down & row != 0) {
            (true, _) => Change::Up,
            (_, true) => Change::Down,
            _ => Change::None,
        };
        let up = (up << 1) | u64::from(above == Change::Up);
        let down = (down << 1) | u64::from(above == Change::Down);
        self.rises = down | !(vertical | up);
        self.falls = up & vertical;
        change
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the table itself (Wagner and Fischer 1974).
    fn by_table(a: &str, b: &str) -> u64 {
        let b: Vec<char> = b.chars().collect();
        let mut row: Vec<u64> = (0..=b.len() as u64).collect();
        for (i, x) in (1..).zip(a.chars()) {
            let mut diagonal = std::mem::replace(&mut row[0], i);
            for (j, y) in b.iter().enumerate() {
                let changed = diagonal + u64::from(x != *y);
                diagonal = row[j + 1];
                row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
            }
        }
        row[b.len()]
    }

    #[test]
    fn distances_that_are_known() {
        for (a, b, expected) in [
            ("", "", 0),
            ("same", "same", 0),
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("The Cat", "the cat", 2),
            ("  a\tb  c ", "a b c", 5),
            ("na\u{ef}ve", "naive", 1),
        ] {
            assert_eq!(
                (distance(a, b), distance(b, a)),
                (expected, expected),
                "{a:?} {b:?}"
            );
        }
        let long = "ab".repeat(40_000);
        assert_eq!(distance(&long, &long.to_uppercase()), 80_000);
    }

    proptest! {
        #[test]
        fn it_is_that_of_the_table(a in "[ab \u{e9}]{0,200}", b in "[ab \u{e9}]{0,200}") {
            prop_assert_eq!(distance(&a, &b), by_table(&a, &b));
        }
    }
}
