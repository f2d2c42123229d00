//! Writes ARPA text, n-gram by n-gram.
//!
//! Millions of lines a second: names are made once, numbers are the shortest that read back as the same f32, and a line is
//! put together in one buffer. The layout is that of KenLM's `lmplz`: below the highest order every line has its back-off
//! weight, `0` where the n-gram is no context.

use std::io::{self, Write};

use super::super::{NgramError, Words};
use super::{HEADER, header_name, name};

/// Bytes that are put together before they are written.
const BUFFER: usize = 1 << 16;

/// Writer of an ARPA file. If it is dropped before [`Writer::finish`], the file is incomplete, which readers notice.
pub struct Writer<W: Write> {
    out: W,
    buffer: Vec<u8>,
    names: Names,
    counts: Vec<u64>,
    /// Of the section that is being written; 0 before the first one.
    order: usize,
    /// n-grams still to come in it.
    missing: u64,
    digits: zmij::Buffer,
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
            names: Names::new(words)?,
            counts: counts.to_vec(),
            order: 0,
            missing: 0,
            digits: zmij::Buffer::new(),
        })
    }

    /// Appends an n-gram. Orders must come in ascending order, each with the announced number of n-grams.
    pub fn push(&mut self, gram: &[u32], log10_p: f32, log10_backoff: f32) -> io::Result<()> {
        assert!(gram.len() >= self.order, "orders come in turn");
        while self.order < gram.len() {
            self.next_section();
        }
        assert!(self.missing > 0, "more {}-grams than announced", self.order);
        self.missing -= 1;
        self.number(log10_p);
        let mut before = b'\t';
        for &word in gram {
            self.buffer.push(before);
            self.buffer.extend_from_slice(self.names.get(word));
            before = b' ';
        }
        if self.order < self.counts.len() {
            self.buffer.push(b'\t');
            self.number(log10_backoff);
        }
        self.buffer.push(b'\n');
        if self.buffer.len() >= BUFFER {
            self.out.write_all(&self.buffer)?;
            self.buffer.clear();
        }
        Ok(())
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

    fn number(&mut self, value: f32) {
        assert!(value.is_finite(), "{value} is no logarithm");
        // Adding zero turns −0 into 0.
        let digits = self.digits.format_finite(value + 0.0);
        let digits = digits.strip_suffix(".0").unwrap_or(digits);
        self.buffer.extend_from_slice(digits.as_bytes());
    }
}

/// The names of all words, end to end.
struct Names {
    bytes: Vec<u8>,
    /// Where the name of each word begins, and the end of the last one.
    starts: Vec<usize>,
}

impl Names {
    fn new(words: &Words) -> Result<Names, NgramError> {
        let mut names = Names {
            bytes: Vec::new(),
            starts: vec![0],
        };
        for id in 0..words.len() as u32 {
            names
                .bytes
                .extend_from_slice(name::name(words, id)?.as_bytes());
            names.starts.push(names.bytes.len());
        }
        Ok(names)
    }

    fn get(&self, word: u32) -> &[u8] {
        let word = word as usize;
        &self.bytes[self.starts[word]..self.starts[word + 1]]
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
