use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::path::Path;

fn scratch_in(directory: &Path) -> Arc<Scratch> {
    Arc::new(Scratch::new(directory))
}

fn all(mut next: impl FnMut() -> Option<Record>) -> Vec<(u128, u64)> {
    std::iter::from_fn(|| next().map(|record| (key(&record), record[2]))).collect()
}

fn merged(sorted: &Sorted, from: u128, end: Option<u128>, block: usize) -> Vec<(u128, u64)> {
    let mut records = sorted.records(from, end, block).unwrap();
    all(|| records.next().unwrap())
}

proptest! {
    #[test]
    fn sums_are_those_of_a_map(
        keys in proptest::collection::vec((0u128..50, 0u32..100), 0..5000),
        most in 2usize..3000,
        sorters in 1usize..5,
        cuts in proptest::collection::btree_set(any::<u128>(), 0..4),
        high in 0u32..=122,
        budget in 0u64..400_000,
    ) {
        let mut expected = BTreeMap::new();
        let scratch = scratch_in(&std::env::temp_dir());
        let mut all_sorters: Vec<Sorter> = (0..sorters).map(|_| Sorter::summing(&scratch, most)).collect();
        for (i, (key, step)) in keys.into_iter().enumerate() {
            let key = key << high | u128::from(step);
            *expected.entry(key).or_insert(0) += 1;
            all_sorters[i % sorters].push(key, 1).unwrap();
        }
        let expected: Vec<_> = expected.into_iter().collect();
        let sorted = Sorted::new(all_sorters, 2);
        prop_assert_eq!(merged(&sorted, 0, None, most), expected.clone());

        // Ranges of keys make up the whole.
        let shift = (122 - high).min(127);
        let mut ends: Vec<Option<u128>> = cuts.iter().map(|cut| Some(cut >> shift)).collect();
        ends.push(None);
        let (mut parts, mut from) = (Vec::new(), 0);
        for end in ends {
            parts.extend(merged(&sorted, from, end, most));
            from = end.unwrap_or(0);
        }
        prop_assert_eq!(parts, expected.clone());

        let budget = Arc::new(Budget::new(budget));
        for _ in 0..2 {
            let mut spool = Spool::new(&scratch, &budget);
            for &(key, value) in expected.iter().cycle().take(expected.len() * 4) {
                spool.push(key, value).unwrap();
            }
            let mut spooled = spool.finish().unwrap();
            prop_assert_eq!(all(|| spooled.next().unwrap()), expected.repeat(4));
        }
    }
}

proptest! {
    #[test]
    fn sorting_by_a_digit_keeps_the_order_of_the_rest(
        keys in proptest::collection::btree_set((0u64..5000, 0u32..1 << 30), 0..3000),
        most in 2usize..3000,
        bits in 13u32..32,
    ) {
        let scratch = scratch_in(&std::env::temp_dir());
        let digit = TopDigit { shift: 64, bits };
        let mut sorter = Sorter::new(&scratch, most).by_digit(digit);
        // By the lower part.
        for &(low, high) in &keys {
            let high = u128::from(high) & ((1 << bits) - 1);
            sorter.push(high << 64 | u128::from(low), low).unwrap();
        }
        let mut expected: Vec<(u128, u64)> = keys.iter().map(|&(low, high)| {
            ((u128::from(high) & ((1 << bits) - 1)) << 64 | u128::from(low), low)
        }).collect();
        expected.sort_unstable();
        expected.dedup();
        let mut found = merged(&Sorted::new(vec![sorter], 1), 0, None, most);
        found.dedup();
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn the_largest_key_is_a_key() {
    let scratch = scratch_in(&std::env::temp_dir());
    for last in 0..3 {
        let mut sorters: Vec<Sorter> = (0..3).map(|_| Sorter::summing(&scratch, 1)).collect();
        sorters[last].push(u128::MAX, 5).unwrap();
        sorters[(last + 1) % 3].push(7, 1).unwrap();
        sorters[(last + 1) % 3].push(u128::MAX, 2).unwrap();
        let sorted = Sorted::new(sorters, 1);
        assert_eq!(merged(&sorted, 0, None, 300), [(7, 1), (u128::MAX, 7)]);
    }
}

#[test]
fn nothing_is_nothing() {
    let scratch = scratch_in(&std::env::temp_dir());
    let sorted = Sorted::new(vec![Sorter::new(&scratch, 10)], 1);
    assert!(merged(&sorted, 0, None, 10).is_empty());
    let budget = Arc::new(Budget::new(0));
    let mut spooled = Spool::new(&scratch, &budget).finish().unwrap();
    assert_eq!(spooled.next().unwrap(), None);
}

#[test]
fn a_scratch_file_leaves_no_name_behind() {
    let directory = tempfile::tempdir().unwrap();
    let scratch = scratch_in(directory.path());
    let mut sorter = Sorter::new(&scratch, 300);
    (0..1000).for_each(|n| sorter.push(1000 - n, 0).unwrap());
    assert_eq!(sorter.runs.len(), 3);
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    let sorted = Sorted::new(vec![sorter], 1);
    assert_eq!(merged(&sorted, 0, None, 100).len(), 1000);
}

#[test]
fn a_directory_that_is_not_there_is_named() {
    let scratch = scratch_in("/nowhere/at/all".as_ref());
    let mut sorter = Sorter::new(&scratch, 300);
    let failed = (0..1000).map(|n| sorter.push(n, 0)).find_map(Result::err);
    assert!(failed.unwrap().to_string().contains("/nowhere/at/all"));
}
