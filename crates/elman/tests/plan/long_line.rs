//! A line of a gigabyte, as one token and as many, in bounded memory.

use super::{alone, live, peak, reset_peak};
use std::io::{self, Read};

use elman::text::{self, Kind, ReadOptions, Source, TextError, TextStats};

/// Gives `block` again and again until `left` bytes are read.
struct Repeat {
    block: Vec<u8>,
    left: usize,
}

impl Repeat {
    fn new(pattern: &[u8], left: usize) -> Repeat {
        let block = pattern.repeat((32 << 10) / pattern.len());
        Repeat { block, left }
    }
}

impl Read for Repeat {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.block.len().min(self.left).min(buffer.len());
        let part = &self.block[..count];
        buffer[..part.len()].copy_from_slice(part);
        self.block.rotate_left(count);
        self.left -= count;
        Ok(count)
    }
}

fn line(pattern: &[u8], bytes: usize) -> [Source; 1] {
    let reader = Box::new(Repeat::new(pattern, bytes));
    [Source::Reader {
        name: "a long line".to_owned(),
        reader,
    }]
}

/// Checks that `work` allocates no more than a few buffers at a time.
fn bounded<T>(work: impl FnOnce() -> T) -> T {
    let before = live();
    reset_peak();
    let result = work();
    let more = peak() - before;
    assert!(more < 8 << 20, "{more} bytes more");
    result
}

/// Counts and encodes `bytes` bytes of `pattern`.
fn passes(kind: Kind, pattern: &[u8], bytes: usize) -> TextStats {
    let options = ReadOptions::default();
    bounded(|| {
        let (counts, _) = text::count(line(pattern, bytes), kind, &options, 1 << 20).unwrap();
        let vocab = counts.into_vocab(1, None).unwrap();
        let sink = &mut |_| Ok::<(), TextError>(());
        text::encode(line(pattern, bytes), &vocab, &options, sink).unwrap()
    })
}

#[test]
fn long_lines_take_bounded_memory() {
    let _alone = alone();
    const SIZE: usize = 32 << 20;
    // One token that never ends.
    for (kind, pattern) in [
        (Kind::Words, &b"a"[..]),
        (Kind::Words, b" "),
        (Kind::Whitespace, "é".as_bytes()),
    ] {
        let stats = passes(kind, pattern, SIZE);
        assert_eq!((stats.tokens, stats.oov), (2, 1));
    }
    // Many tokens in one line.
    assert_eq!(
        passes(Kind::Whitespace, b"ab ", SIZE).tokens as usize,
        SIZE.div_ceil(3) + 1
    );
    assert_eq!(passes(Kind::Chars, b"ab", SIZE).tokens as usize, SIZE + 1);
    assert_eq!(
        passes(Kind::Bytes, b"\xFF\0", SIZE).tokens as usize,
        SIZE + 1
    );
}

#[test]
fn long_lines_are_cut_into_byte_pairs_in_bounded_memory() {
    let _alone = alone();
    const SIZE: usize = 4 << 20;
    let options = ReadOptions::default();
    let text = line(b"ab ", 3000);
    let counts = text::count(text, Kind::Bpe, &options, 1 << 20).unwrap().0;
    let vocab = counts.into_vocab(2, Some(260)).unwrap();
    for (pattern, tokens) in [(&b"ab "[..], SIZE.div_ceil(3) + 1), (b"xa", SIZE)] {
        let sink = &mut |_| Ok::<(), TextError>(());
        let stats = bounded(|| text::encode(line(pattern, SIZE), &vocab, &options, sink)).unwrap();
        assert_eq!((stats.tokens as usize, stats.oov), (tokens + 1, 0));
    }
}

#[test]
fn a_line_of_a_gigabyte_takes_bounded_memory() {
    let _alone = alone();
    let options = ReadOptions::default();
    let (counts, stats) =
        bounded(|| text::count(line(b"a", 1 << 30), Kind::Words, &options, 1 << 20)).unwrap();
    assert_eq!((stats.tokens, stats.fields, stats.line_ends), (2, 1, 1));
    assert_eq!(
        counts.distinct(),
        0,
        "no vocabulary keeps a token of a gigabyte"
    );
}
