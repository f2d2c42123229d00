use super::super::Builder;
use super::*;
use crate::count::CountOptions;
use crate::{Counts, NgramError, Words};
use elman_text::{Kind, ReadOptions, Source, Vocab};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn memory(bytes: u64, threads: usize) -> Memory {
    Memory::new(
        &CountOptions {
            order: 3,
            prune: Vec::new(),
            memory_bytes: bytes,
            threads,
            scratch: std::env::temp_dir(),
        },
        0,
    )
}

fn words(count: usize) -> Words {
    let list: String = (0..count).map(|i| format!("w{i}\n")).collect();
    Words::new(Vocab::from_list("list", list.as_bytes(), Kind::Fields).unwrap())
}

/// An n-gram, log10 p and log10 of the weight.
type Gram = (Vec<u32>, f32, f32);

fn collected(
    words: &Words,
    order: usize,
    memory: &Memory,
    grams: &[Gram],
) -> Result<Vec<u8>, Unbuilt> {
    let packing = Packing::new(words.len(), order).unwrap();
    let collector = Collector::new(packing, words.len(), memory);
    let mut threads: Vec<_> = (0..memory.threads).map(|_| collector.take()).collect();
    for (i, (ids, log10_p, log10_backoff)) in grams.iter().enumerate() {
        match &ids[..] {
            &[id] => collector.set_unigrams(&[(id, *log10_p, *log10_backoff)]),
            ids => threads[i % memory.threads].push(ids, *log10_p, *log10_backoff)?,
        }
    }
    threads.into_iter().for_each(|one| collector.give_back(one));
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x.bin");
    let written = collector.write(&path, words);
    assert_eq!(
        std::fs::read_dir(&directory).unwrap().count(),
        usize::from(written.is_ok())
    );
    written.map(|_| std::fs::read(path).unwrap())
}

fn built(words: &Words, order: usize, grams: &[Gram]) -> Vec<u8> {
    let mut builder = Builder::new(words.clone(), order);
    for n in 1..=order {
        for (ids, log10_p, log10_backoff) in grams.iter().filter(|gram| gram.0.len() == n) {
            builder.push(ids, *log10_p, *log10_backoff).unwrap();
        }
    }
    builder.finish().unwrap().as_bytes().to_vec()
}

proptest! {
    #[test]
    fn the_bytes_are_those_of_the_builder(
        size in prop_oneof![Just(1usize), Just(3), Just(40), Just(300)],
        order in 1usize..=5,
        listed in proptest::collection::vec((proptest::collection::vec(any::<u32>(), 2..=5), 0u32..3), 0..1500),
        bytes in 0u64..400_000,
        threads in 1usize..4,
        seed in any::<u64>(),
    ) {
        let words = words(size);
        // Some n-grams, and all that they begin with; suffixes may be missing.
        let mut grams: BTreeMap<Vec<u32>, u32> = BTreeMap::new();
        for (ids, weight) in listed {
            let ids: Vec<u32> = ids.iter().map(|id| id % words.len() as u32).take(order).collect();
            for n in 1..=ids.len() {
                grams.entry(ids[..n].to_vec()).or_insert(weight);
            }
        }
        for id in 0..words.len() as u32 {
            grams.entry(vec![id]).or_insert(0);
        }
        let mut grams: Vec<Gram> = grams.into_iter().zip(0..).map(|((ids, weight), i)| {
            let weight = if ids.len() == order { 0.0 } else { -0.25 * weight as f32 };
            (ids, -0.001 * i as f32, weight)
        }).collect();
        let expected = built(&words, order, &grams);
        // In any order.
        grams.sort_by_key(|(ids, ..)| foldhash::quality::FixedState::with_seed(seed).hash_one(ids));
        let found = collected(&words, order, &memory(bytes, threads), &grams).unwrap();
        prop_assert_eq!(found, expected);
    }
}

use std::hash::BuildHasher;

#[test]
fn what_the_builder_in_memory_is_for_is_refused() {
    let words = words(4);
    let unigrams = (0..words.len() as u32).map(|id| (vec![id], -1.0, 0.0));
    let with = |more: &[&[u32]]| {
        let more = more.iter().map(|ids| (ids.to_vec(), -0.5, 0.0));
        let grams: Vec<Gram> = unigrams.clone().chain(more).collect();
        collected(&words, 3, &memory(1 << 20, 2), &grams)
    };
    assert!(with(&[&[1, 2], &[1, 2, 3]]).is_ok());
    for irregular in [
        &[&[1, 2][..], &[2, 2], &[1, 2]][..],
        &[&[1, 2], &[1, 2, 3], &[1, 2, 3]],
        &[&[1, 2, 3]],
        &[&[1, 2], &[0, 2, 3]],
        &[&[1, 2], &[1, 3, 3], &[1, 4]],
        &[&[1, 2], &[2, 3, 3]],
    ] {
        assert!(
            matches!(with(irregular), Err(Unbuilt::Irregular)),
            "{irregular:?}"
        );
    }
}

#[test]
fn estimated_models_have_the_bytes_of_the_builder() {
    // A walk over 500 words, some of them much more frequent.
    let mut state = 1u64;
    let mut text = String::new();
    for i in 0..60_000 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let word = (state >> 33) % 500 % ((state >> 50) % 499 + 1);
        text.push_str(&format!("w{word}{}", if i % 9 == 8 { '\n' } else { ' ' }));
    }
    let source = || {
        let reader = Box::new(std::io::Cursor::new(text.clone().into_bytes()));
        vec![Source::Reader {
            name: "text".to_owned(),
            reader,
        }]
    };
    let read = ReadOptions::default();
    let (counts, _) = elman_text::count(source(), Kind::Fields, &read, u64::MAX).unwrap();
    let words = Words::new(counts.into_vocab(1, None).unwrap());
    let directory = tempfile::tempdir().unwrap();
    for (order, prune) in [(1, vec![]), (2, vec![]), (4, vec![]), (5, vec![0, 0, 1, 2])] {
        let count = |memory_bytes, threads| {
            let options = CountOptions {
                order,
                prune: prune.clone(),
                memory_bytes,
                threads,
                scratch: directory.path().to_owned(),
            };
            Counts::of(source(), &read, &words, &options, &mut |_| {}).unwrap()
        };
        let mut builder = Builder::new(words.clone(), order);
        let emit = &mut |ids: &[u32], p, weight| -> Result<(), NgramError> {
            Ok(builder.push(ids, p, weight)?)
        };
        count(1 << 30, 1).estimate(emit).unwrap();
        let expected = builder.finish().unwrap();
        let mut arpa = None;
        for (memory_bytes, threads) in [(1 << 30, 2), (100_000, 1), (1 << 20, 3)] {
            let path = directory.path().join("x.bin");
            let mut last = 0;
            count(memory_bytes, threads)
                .write_binary(&path, &mut |done| last = done)
                .unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), expected.as_bytes());
            let model = crate::Model::load(&path).unwrap();
            assert_eq!(
                (model.id(), model.parameters()),
                (expected.id(), expected.parameters())
            );

            let text = count(memory_bytes, threads)
                .write_arpa(Vec::new(), &mut |_| {})
                .unwrap();
            assert_eq!(&text, arpa.get_or_insert_with(|| text.clone()));
        }
    }
}
