use super::super::write;
use super::*;
use crate::{Builder, Model, Words};
use elman_text::{Kind, Vocab};
use std::io::Write;

fn put(path: &Path, bytes: &[u8]) {
    elman_store::disk::write_atomic(path, |out| out.write_all(bytes)).unwrap();
}

fn options(memory_bytes: u64, threads: usize) -> CountOptions {
    CountOptions {
        order: 1,
        prune: Vec::new(),
        memory_bytes,
        threads,
        scratch: std::env::temp_dir(),
    }
}

/// A model of order 3 with n-grams of all kinds of words, as ARPA text.
fn arpa_text() -> String {
    let list: String = (0..200).map(|i| format!("w{i}\n")).collect();
    let vocab = Vocab::from_list("list", list.as_bytes(), Kind::Fields).unwrap();
    let mut builder = Builder::new(Words::new(vocab), 3);
    for id in 0..203 {
        builder.push(&[id], -1.0 - id as f32, -0.25).unwrap();
    }
    let pairs = (0..203u32).flat_map(|a| (0..30u32).map(move |b| [a, (a * b * b + b) % 202]));
    let mut pairs: Vec<[u32; 2]> = pairs.collect();
    pairs.sort_unstable();
    pairs.dedup();
    for (i, pair) in pairs.iter().enumerate() {
        builder
            .push(pair, -0.001 * i as f32, if i % 3 == 0 { -0.5 } else { 0.0 })
            .unwrap();
    }
    for [a, b] in pairs {
        builder.push(&[a, b, (a + b) % 202], -0.125, 0.0).unwrap();
    }
    let model = builder.finish().unwrap();
    String::from_utf8(write(&model, Vec::new()).unwrap()).unwrap()
}

#[test]
fn a_large_file_becomes_the_binary_that_a_small_one_becomes() {
    let directory = tempfile::tempdir().unwrap();
    let [arpa, binary, again] =
        ["x.arpa", "x.bin", "again.arpa"].map(|name| directory.path().join(name));
    // Without two of the words that a file may leave out, with blank lines and numbers that are read as others.
    let text = arpa_text();
    let without: Vec<&str> = text
        .lines()
        .filter(|line| !line.contains("<unk>"))
        .collect();
    let fewer = text.matches("<unk>").count();
    assert!(fewer > 0);
    for text in [text.clone(), without.join("\n\n")] {
        let mut text = text;
        if !text.contains("<unk>") {
            let head = |n: usize, count: usize| format!("ngram {n}={count}\n");
            let counts: Vec<usize> = (1..4)
                .map(|n| {
                    let section = text.split(&format!("\\{n}-grams:")).nth(1).unwrap();
                    let section = section.split('\\').next().unwrap();
                    section.lines().filter(|line| !line.is_empty()).count()
                })
                .collect();
            let body = text.split_once("\\1-grams:").unwrap().1;
            let heads: String = (1..4).map(|n| head(n, counts[n - 1])).collect();
            text = format!("\\data\\\n{heads}\n\\1-grams:{body}");
        }
        put(&arpa, text.as_bytes());
        let how = ArpaOptions::default();
        let model = Model::load(&arpa).unwrap();
        for threads in 1..3 {
            let converted = to_binary(&arpa, how, &binary, &options(1000, threads))
                .unwrap()
                .unwrap();
            assert_eq!(converted.counts, model.counts());
            assert_eq!(converted.notes, model.notes());
            assert_eq!(std::fs::read(&binary).unwrap(), model.as_bytes());
        }
        // And back, with most of it not in memory.
        let passing = Model::load_for_pass(&binary, how, 1).unwrap();
        put(&again, &write(&passing, Vec::new()).unwrap());
        assert_eq!(
            std::fs::read(&again).unwrap(),
            write(&model, Vec::new()).unwrap()
        );
        passing.save(&again).unwrap();
        assert_eq!(std::fs::read(&again).unwrap(), model.as_bytes());
    }
}

#[test]
fn what_the_other_reader_is_for_is_left_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let [arpa, binary] = ["x.arpa", "x.bin"].map(|name| directory.path().join(name));
    let convert = |text: &str, memory| {
        put(&arpa, text.as_bytes());
        let converted = to_binary(&arpa, ArpaOptions::default(), &binary, &options(memory, 2));
        assert!(binary.exists() == matches!(converted, Ok(Some(_))));
        converted.map(|converted| converted.is_some())
    };
    let small = "\\data\\\nngram 1=3\nngram 2=2\n\n\\1-grams:\n-1 </s>\n-1 a -0.5\n-2 b\n\n\\2-grams:\n-1 a b\n-1 b a\n\n\\end\\\n";
    assert!(!convert(small, 1 << 20).unwrap(), "it fits into memory");
    assert!(!convert("not ARPA", 0).unwrap());
    let twice = small.replace("-1 b a", "-1 a b");
    assert!(!convert(&twice, 0).unwrap());
    let gap = small
        .replace("ngram 2=2", "ngram 2=2\nngram 3=1")
        .replace("\\end\\", "\\3-grams:\n-1 b b a\n\n\\end\\");
    assert!(!convert(&gap, 0).unwrap());
    let unknown = small.replace("-1 b a", "-1 b c");
    assert!(
        convert(&unknown, 0)
            .unwrap_err()
            .to_string()
            .contains("line 12")
    );
    let above = small.replace("-1 b a", "1 b a");
    assert!(
        convert(&above, 0)
            .unwrap_err()
            .to_string()
            .contains("line 12")
    );
    assert!(convert(small, 0).unwrap());
}
