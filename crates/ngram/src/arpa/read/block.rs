//! Many n-grams at once, one on each line, by all CPUs.
//!
//! A line in the usual form is a number, the words and perhaps another number, with one space or tab between any two. It is parsed in one
//! pass that takes sixteen bytes at a time: a field ends at the first byte that is not above a space, and a word of up to fifteen bytes
//! is looked up by those bytes as they are. Other lines are parsed as `read.rs` does. A block in which a line is not in order, or holds no
//! n-gram, is given up: its lines are to be read one by one.

use rayon::prelude::*;

use super::super::super::build::Grams;
use super::super::decimal::{decimal, decimal_at};
use super::super::lines::{LONGEST_LINE, trim};
use super::super::log10::Log10s;
use super::index::Index;
use super::parse;
use elman_text::vocab::{SHORT, short_key};

/// A thread is given no fewer bytes.
const LEAST_BYTES: usize = 1 << 15;

/// Parses many lines at once. Its memory is used again for the next lines.
pub struct Parser<'a> {
    order: usize,
    index: &'a Index,
    /// A block for each thread.
    blocks: Vec<Block>,
}

/// The n-grams of some lines, one on each.
pub struct Block {
    pub grams: Grams,
    pub log10s: Log10s,
    /// Length of the lines in the file in bytes; `None` if they must be read one by one.
    pub bytes: Option<usize>,
}

impl Parser<'_> {
    /// For n-grams of one order, whose log10 p are read as `log10s` reads them.
    pub fn new<'a>(order: usize, index: &'a Index, log10s: &Log10s) -> Parser<'a> {
        let block = |_| Block {
            grams: Grams::new(order),
            log10s: log10s.fresh(),
            bytes: None,
        };
        Parser {
            order,
            index,
            blocks: (0..rayon::current_num_threads()).map(block).collect(),
        }
    }

    /// Parses whole lines, in blocks that follow each other.
    pub fn parse(&mut self, lines: &[u8]) -> &[Block] {
        let parts = (lines.len() / LEAST_BYTES).clamp(1, self.blocks.len());
        let parse = |(block, lines): (&mut Block, &[u8])| {
            block.grams.clear();
            block.log10s = block.log10s.fresh();
            block.bytes = block
                .parse(lines, self.order, self.index)
                .map(|()| lines.len());
        };
        let blocks = &mut self.blocks[..parts];
        match blocks {
            [block] => parse((block, lines)),
            _ => {
                let cut = cut(lines, parts);
                blocks.par_iter_mut().zip(cut).for_each(parse);
            }
        }
        blocks
    }
}

/// Cuts whole lines into this number of parts of about the same length.
fn cut(mut lines: &[u8], parts: usize) -> Vec<&[u8]> {
    let mut cut = Vec::with_capacity(parts);
    for left in (1..=parts).rev() {
        let about = lines.len() / left;
        let end = memchr::memchr(b'\n', &lines[about..]).map_or(lines.len(), |at| about + at + 1);
        let (part, rest) = lines.split_at(end);
        cut.push(part);
        lines = rest;
    }
    cut
}

impl Block {
    /// `None` if anything is wrong, or a line holds no n-gram.
    fn parse(&mut self, mut lines: &[u8], n: usize, index: &Index) -> Option<()> {
        let mut last = vec![(0, 0); n];
        let mut gram = Vec::with_capacity(n);
        while !lines.is_empty() {
            gram.clear();
            let (log10_p, log10_backoff, end) = match usual(lines, index, &mut last, &mut gram) {
                Some(found) => found,
                None => {
                    let end = memchr::memchr(b'\n', lines)?;
                    let line = trim(&lines[..end]);
                    if line.is_empty() || line.starts_with(b"\\") {
                        return None;
                    }
                    let log10s = &mut self.log10s;
                    let (log10_p, log10_backoff) = parse(line, n, index, log10s, &mut gram).ok()?;
                    (log10_p, log10_backoff, end + 1)
                }
            };
            if end > LONGEST_LINE {
                return None;
            }
            self.grams.push(&gram, log10_p, log10_backoff);
            lines = &lines[end..];
        }
        Some(())
    }
}

/// log10 p and log10 of the weight of an n-gram in the usual form, and where the next line begins. Its words go into `gram`. `last` has
/// the key and the id of the word at each place of a line before: files are sorted somehow.
#[inline]
fn usual(
    line: &[u8],
    index: &Index,
    last: &mut [(u128, u32)],
    gram: &mut Vec<u32>,
) -> Option<(f32, f32, usize)> {
    let number = Field::at(line, 0)?;
    // Others are for `Log10s` to judge.
    let log10_p = number.decimal(line).filter(|log10_p| *log10_p <= 0.0)?;
    let mut end = number.end;
    for last in last {
        let word = Field::after(line, end)?;
        gram.push(word.id(line, index, last)?);
        end = word.end;
    }
    let mut log10_backoff = 0.0;
    if matches!(line[end], b' ' | b'\t') {
        let number = Field::after(line, end)?;
        log10_backoff = number.decimal(line)?;
        end = number.end;
    }
    match line[end..] {
        [b'\n', ..] => Some((log10_p, log10_backoff, end + 1)),
        [b'\r', b'\n', ..] => Some((log10_p, log10_backoff, end + 2)),
        _ => None,
    }
}

/// A field of a line: bytes above a space.
struct Field {
    start: usize,
    end: usize,
    /// The sixteen bytes from its start on, as a little-endian number.
    bytes: u128,
}

impl Field {
    /// The field after the one space or tab at `end`; `None` if that is another byte, or there is no field.
    #[inline]
    fn after(line: &[u8], end: usize) -> Option<Field> {
        let parted = matches!(line[end], b' ' | b'\t');
        Field::at(line, end + 1).filter(|_| parted)
    }

    /// The field at `start`; `None` if there is no byte that ends it, or it is empty.
    #[inline]
    fn at(line: &[u8], start: usize) -> Option<Field> {
        const EACH: u128 = u128::MAX / 0xFF;
        let rest = line.get(start..)?;
        let bytes = match rest.first_chunk() {
            Some(bytes) => *bytes,
            None => {
                let mut bytes = [0; 16];
                bytes[..rest.len()].copy_from_slice(rest);
                bytes
            }
        };
        let bytes = u128::from_le_bytes(bytes);
        // The lowest of these bits that is set belongs to the first byte that is not above a space.
        let low = bytes.wrapping_sub(EACH * u128::from(b' ' + 1)) & !bytes & (EACH << 7);
        let length = match low {
            0 => 16 + rest[16..].iter().position(|byte| *byte <= b' ')?,
            _ => low.trailing_zeros() as usize / 8,
        };
        let end = start + length;
        (length > 0 && end < line.len()).then_some(Field { start, end, bytes })
    }

    #[inline]
    fn decimal(&self, line: &[u8]) -> Option<f32> {
        decimal_at(self.bytes, self.end - self.start)
            .or_else(|| decimal(&line[self.start..self.end]))
    }

    #[inline]
    fn id(&self, line: &[u8], index: &Index, last: &mut (u128, u32)) -> Option<u32> {
        let length = self.end - self.start;
        if length > SHORT {
            return index.by_name.get(&line[self.start..self.end]).copied();
        }
        let key = short_key(self.bytes, length);
        if last.0 != key {
            *last = (key, *index.by_name.get_short(key)?);
        }
        Some(last.1)
    }
}
