//! Writes ARPA text, n-gram by n-gram.
//!
//! Millions of lines a second: names are made once, numbers are the shortest that read back as the same f32, and a line is
//! put together in one buffer. The layout is that of KenLM's `lmplz`: below the highest order every line has its back-off
//! weight, `0` where the n-gram is no context.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::Range;
use std::sync::Arc;

use super::super::{NgramError, Words};
use super::{HEADER, header_name, name};

/// Bytes that are put together before they are written.
const BUFFER: usize = 1 << 16;

/// Writer of an ARPA file. If it is dropped before [`Writer::finish`], the file is incomplete, which readers notice.
pub struct Writer<W: Write> {
    out: W,
    buffer: Vec<u8>,
    format: Arc<Format>,
    counts: Vec<u64>,
    /// Of the section that is being written; 0 before the first one.
    order: usize,
    /// n-grams still to come in it.
    missing: u64,
}

impl<W: Write> Writer<W> {
    /// Begins a file with `counts[n − 1]` n-grams of order n, whose ids are those of `words`.
    ///
    /// Errors: names that cannot be written ([`NgramError::ReservedName`]), a vocabulary that is more than its names
    /// ([`NgramError::NoArpa`]), and the failures of `out`.
    pub fn new(out: W, words: &Words, counts: &[u64]) -> Result<Writer<W>, NgramError> {
        assert!(!counts.is_empty(), "a model has at least order 1");
        let kind = words.vocab().kind();
        if kind.has_engine() {
            return Err(NgramError::NoArpa { kind });
        }
        let mut buffer = Vec::with_capacity(BUFFER + (BUFFER >> 2));
        writeln!(buffer, "{HEADER}{}\n\n\\data\\", header_name(kind))?;
        for (n, count) in (1..).zip(counts) {
            writeln!(buffer, "ngram {n}={count}")?;
        }
        Ok(Writer {
            out,
            buffer,
            format: Arc::new(Format {
                names: Names::new(words)?,
                order: counts.len(),
            }),
            counts: counts.to_vec(),
            order: 0,
            missing: 0,
        })
    }

    /// How lines are written, for [`Writer::append`].
    pub(super) fn format(&self) -> Arc<Format> {
        self.format.clone()
    }

    /// Appends an n-gram. Orders must come in ascending order, each with the announced number of n-grams.
    pub fn push(&mut self, gram: &[u32], log10_p: f32, log10_backoff: f32) -> io::Result<()> {
        self.begin(gram.len(), 1);
        self.format
            .line(&mut self.buffer, gram, log10_p, log10_backoff);
        if self.buffer.len() >= BUFFER {
            self.flush()?;
        }
        Ok(())
    }

    /// Appends this number of n-grams of an order, lines that [`Format::line`] has made.
    pub(super) fn append(&mut self, order: usize, n_grams: u64, lines: &[u8]) -> io::Result<()> {
        if n_grams > 0 {
            self.begin(order, n_grams);
            self.flush()?;
            self.out.write_all(lines)?;
        }
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Begins the section of an order if it has not begun, and counts n-grams.
    fn begin(&mut self, order: usize, n_grams: u64) {
        assert!(order >= self.order, "orders come in turn");
        while self.order < order {
            self.next_section();
        }
        assert!(self.missing >= n_grams, "more {order}-grams than announced");
        self.missing -= n_grams;
    }

    /// Completes the file and returns the flushed writer. Panics if n-grams are missing.
    pub fn finish(mut self) -> io::Result<W> {
        while self.order < self.counts.len() {
            self.next_section();
        }
        assert_eq!(self.missing, 0, "fewer {}-grams than announced", self.order);
        self.buffer.extend_from_slice(b"\n\\end\\\n");
        self.out.write_all(&self.buffer)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn next_section(&mut self) {
        assert_eq!(self.missing, 0, "fewer {}-grams than announced", self.order);
        self.missing = self.counts[self.order];
        self.order += 1;
        let head = format!("\n\\{}-grams:\n", self.order);
        self.buffer.extend_from_slice(head.as_bytes());
    }
}

/// How the lines of a file are written.
pub struct Format {
    names: Names,
    /// The highest order, which has no back-off weights.
    order: usize,
}

impl Format {
    /// Appends the line of an n-gram.
    #[inline]
    pub fn line(&self, out: &mut Vec<u8>, gram: &[u32], log10_p: f32, log10_backoff: f32) {
        number(out, log10_p);
        let mut before = b'\t';
        for &word in gram {
            out.push(before);
            self.names.append(out, word);
            before = b' ';
        }
        if gram.len() < self.order {
            out.push(b'\t');
            number(out, log10_backoff);
        }
        out.push(b'\n');
    }
}

#[inline]
fn number(out: &mut Vec<u8>, value: f32) {
    // Adding zero turns −0 into 0.
    let value = value + 0.0;
    if value == 0.0 {
        return out.push(b'0');
    }
    assert!(value.is_finite(), "{value} is no logarithm");
    let mut digits = zmij::Buffer::new();
    let digits = digits.format_finite(value);
    out.extend_from_slice(digits.strip_suffix(".0").unwrap_or(digits).as_bytes());
}

/// The names of all words.
struct Names {
    /// Names of up to 15 bytes, and their lengths in the last one: nearly all, and copied without a loop. A length of 16 is that of a
    /// longer name.
    short: Vec<[u8; SLOT]>,
    /// The longer ones, end to end.
    bytes: Vec<u8>,
    /// In place of a longer name: where in `bytes` it begins and ends.
    long: HashMap<u32, Range<usize>>,
}

const SLOT: usize = 16;

impl Names {
    fn new(words: &Words) -> Result<Names, NgramError> {
        let mut names = Names {
            short: Vec::with_capacity(words.len()),
            bytes: Vec::new(),
            long: HashMap::new(),
        };
        for id in 0..words.len() as u32 {
            let name = name::name(words, id)?;
            let mut slot = [0; SLOT];
            if name.len() < SLOT {
                slot[..name.len()].copy_from_slice(name.as_bytes());
                slot[SLOT - 1] = name.len() as u8;
            } else {
                slot[SLOT - 1] = SLOT as u8;
                let start = names.bytes.len();
                names.bytes.extend_from_slice(name.as_bytes());
                names.long.insert(id, start..names.bytes.len());
            }
            names.short.push(slot);
        }
        Ok(names)
    }

    #[inline]
    fn append(&self, out: &mut Vec<u8>, word: u32) {
        let slot = &self.short[word as usize];
        let length = usize::from(slot[SLOT - 1]);
        if length < SLOT {
            let end = out.len() + length;
            out.extend_from_slice(slot);
            out.truncate(end);
        } else {
            out.extend_from_slice(&self.bytes[self.long[&word].clone()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use elman_text::{Kind, Vocab};

    fn words() -> Words {
        Words::new(Vocab::from_list("list", b" a\n\\n\n", Kind::Words).unwrap())
    }

    #[test]
    fn a_small_file() {
        let mut writer = Writer::new(Vec::new(), &words(), &[5, 2, 0]).unwrap();
        for (id, p) in [(0, -1.5), (1, -20.0), (2, -0.25), (3, -1e-7), (4, 0.0)] {
            writer
                .push(&[id], p, if id == 2 { -0.3125 } else { -0.0 })
                .unwrap();
        }
        writer.push(&[2, 3], -1.0e10, 0.5).unwrap();
        writer.push(&[4, 2], -0.1, 0.0).unwrap();
        let file = String::from_utf8(writer.finish().unwrap()).unwrap();
        assert_eq!(
            file,
            "# elman kind=words\n\n\\data\\\nngram 1=5\nngram 2=2\nngram 3=0\n\n\
             \\1-grams:\n-1.5\t</s>\t0\n-20\t<unk>\t0\n-0.25\t▁a\t-0.3125\n-1e-7\t\\n\t0\n0\t<s>\t0\n\n\
             \\2-grams:\n-10000000000\t▁a \\n\t0.5\n-0.1\t<s> ▁a\t0\n\n\
             \\3-grams:\n\n\\end\\\n"
        );
    }

    #[test]
    fn names_of_any_length_are_written() {
        let names: Vec<String> = (1..40).map(|length| "x".repeat(length)).collect();
        let list = names.join("\n") + "\n";
        let vocab = Vocab::from_list("list", list.as_bytes(), Kind::Fields).unwrap();
        let mut writer = Writer::new(Vec::new(), &Words::new(vocab), &[42]).unwrap();
        for id in 0..42 {
            writer.push(&[id], -1.0, 0.0).unwrap();
        }
        let file = String::from_utf8(writer.finish().unwrap()).unwrap();
        for name in names {
            assert!(file.contains(&format!("\n-1\t{name}\n")), "{name}");
        }
    }

    #[test]
    #[should_panic(expected = "fewer 1-grams than announced")]
    fn too_few_are_a_mistake_of_ours() {
        let mut writer = Writer::new(Vec::new(), &words(), &[5, 1]).unwrap();
        writer.push(&[0], -1.0, 0.0).unwrap();
        let _ = writer.push(&[0, 1], -1.0, 0.0);
    }

    #[test]
    fn a_full_disk_is_reported() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::StorageFull.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut writer = Writer::new(Full, &words(), &[BUFFER as u64]).unwrap();
        let failed = (0..BUFFER).find_map(|_| writer.push(&[2], -1.0, 0.0).err());
        assert_eq!(failed.unwrap().kind(), io::ErrorKind::StorageFull);
    }
}
