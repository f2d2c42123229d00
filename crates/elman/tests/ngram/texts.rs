//! Small texts, their words and their counts.

use elman::ngram::{Builder, CountOptions, Counts, Model, Words};
use elman::text::{Kind, ReadOptions, Source, count};

/// Sentences with a tail of rare words and much that repeats, so that all discounts are defined.
pub fn text(lines: usize) -> String {
    let mut state = 12345u64;
    let mut random = move |below: u64| {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (state >> 33) % below
    };
    let mut text = String::new();
    for _ in 0..lines {
        let mut word = random(7);
        for _ in 0..random(12) {
            // Small steps repeat; now and then a jump, seldom far.
            let far = random(8);
            word = match random(3) {
                0 => random(1 << far),
                _ => word + random(3),
            };
            text.push_str(&format!("w{word} "));
        }
        text.push('\n');
    }
    text
}

pub fn sources(text: &str) -> Vec<Source> {
    let reader = Box::new(std::io::Cursor::new(text.as_bytes().to_vec()));
    vec![Source::Reader {
        name: "text".into(),
        reader,
    }]
}

pub fn words(text: &str, kind: Kind) -> Words {
    let (counts, _) = count(sources(text), kind, &ReadOptions::default(), 1 << 20).unwrap();
    Words::new(counts.into_vocab(1, None).unwrap())
}

pub fn counts(
    text: &str,
    words: &Words,
    order: usize,
    prune: &[u64],
    memory_bytes: u64,
    threads: usize,
) -> Counts {
    let options = CountOptions {
        order,
        prune: prune.to_vec(),
        memory_bytes,
        threads,
        scratch: std::env::temp_dir(),
    };
    Counts::of(
        sources(text),
        &ReadOptions::default(),
        words,
        &options,
        &mut |_| (),
    )
    .unwrap()
}

pub fn model(text: &str, kind: Kind, order: usize) -> Model {
    let words = words(text, kind);
    let counts = counts(text, &words, order, &[], 1 << 24, 1);
    let mut builder = Builder::new(words, order);
    counts
        .estimate(&mut |gram, p, weight| -> elman::Result<()> {
            builder
                .push(gram, p, weight)
                .map_err(elman::ngram::NgramError::from)?;
            Ok(())
        })
        .unwrap();
    builder.finish().unwrap()
}

/// The text as ids.
pub fn sentences(text: &str, words: &Words) -> Vec<Vec<u32>> {
    let mut all = vec![vec![]];
    elman::text::encode(
        sources(text),
        words.vocab(),
        &ReadOptions::default(),
        &mut |symbol| {
            all.last_mut().unwrap().push(symbol.id);
            if symbol.id == words.vocab().eos() {
                all.push(vec![]);
            }
            Ok::<(), elman::Error>(())
        },
    )
    .unwrap();
    all.pop();
    all
}
