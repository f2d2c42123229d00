//! Counting tokens with several threads, in kinds whose lines can be counted apart: `whitespace` and `fields`.
//!
//! One thread reads and cuts the text after newlines, where a scanner is as at the beginning; the others scan and count pieces in any
//! order. A line that is longer than a piece is counted by the reader, so memory does not depend on it.

use super::Counts;
use crate::lines::{self, Chunk};
use crate::scan::{Scanner, Token};
use crate::{Kind, ReadOptions, Source, TextError, TextStats};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a piece, at least.
const PIECE: usize = 1 << 18;
/// A line of more bytes than this is counted by the reader.
const LONG: usize = 1 << 22;
/// More threads would wait for the one that reads.
const MOST_THREADS: usize = 8;

/// A scanner and what it has counted.
struct Counting {
    scanner: Scanner,
    counts: Counts,
}

impl Counting {
    fn new(kind: Kind, options: &ReadOptions, counts: Counts) -> Counting {
        let mut scanner = Scanner::new(kind);
        scanner.skip_markers(options.skip_markers);
        Counting { scanner, counts }
    }

    fn push(&mut self, chunk: Chunk<'_>) -> Result<(), TextError> {
        let counts = &mut self.counts;
        self.scanner
            .push(chunk, &mut |token: Token<'_>| counts.add(token))
    }
}

/// Lines, and whether a document ends behind them.
struct Piece {
    text: String,
    ends: bool,
}

/// Counts as [`crate::count`] does.
pub fn count(
    sources: impl IntoIterator<Item = Source>,
    kind: Kind,
    options: &ReadOptions,
    limit_bytes: u64,
    threads: usize,
) -> Result<(Counts, TextStats), TextError> {
    let threads = threads.min(MOST_THREADS);
    let together = Arc::new(super::Together::default());
    let new = || {
        let counts = Counts::new(kind, limit_bytes).together_with(&together);
        Counting::new(kind, options, counts)
    };
    let (sender, receiver) = sync_channel::<Piece>(2 * threads);
    let receiver = Mutex::new(Some(receiver));
    let work = || -> Result<Counting, TextError> {
        let mut counting = new();
        while let Some(piece) = next_piece(&receiver) {
            let mut pushed = counting.push(Chunk::Text(&piece.text));
            if piece.ends && pushed.is_ok() {
                pushed = counting.push(Chunk::EndOfDocument);
            }
            if let Err(error) = pushed {
                // Nobody takes pieces any more, so the reader ends as well.
                receiver
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                return Err(error);
            }
        }
        Ok(counting)
    };
    let (mut all, stats) = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut reader = Reader {
            sender: Some(sender),
            pending: String::new(),
            own: new(),
            in_long: false,
        };
        let stats = lines::read(sources, kind, options, |chunk| reader.push(chunk));
        reader.sender = None;
        let mut all = vec![reader.own];
        let mut failed = None;
        for worker in workers {
            match worker.join().unwrap_or_else(|panic| resume_unwind(panic)) {
                Ok(counting) => all.push(counting),
                Err(error) => failed = Some(error),
            }
        }
        match (failed, stats) {
            (Some(error), _) | (None, Err(error)) => Err(error),
            (None, Ok(stats)) => Ok((all, stats)),
        }
    })?;
    let markers = all.iter().map(|counting| counting.scanner.markers()).sum();
    // The largest takes in the others.
    all.sort_by_key(|counting| counting.counts.table.entries());
    let mut counts = match all.pop() {
        Some(largest) => largest.counts,
        None => unreachable!("the reader counts"),
    };
    for other in all {
        counts.merge(other.counts);
    }
    let mut stats = stats;
    stats.tokens = counts.total();
    stats.note_markers(markers, options);
    Ok((counts, stats))
}

fn next_piece(receiver: &Mutex<Option<Receiver<Piece>>>) -> Option<Piece> {
    let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
    receiver.as_ref()?.recv().ok()
}

/// Cuts the text.
struct Reader {
    sender: Option<SyncSender<Piece>>,
    /// Whole lines, and the beginning of one.
    pending: String,
    own: Counting,
    /// The beginning of a long line was counted here.
    in_long: bool,
}

impl Reader {
    fn push(&mut self, chunk: Chunk<'_>) -> Result<(), TextError> {
        let mut text = match chunk {
            Chunk::Text(text) => text,
            Chunk::Bytes(_) => unreachable!("these kinds are read as text"),
            Chunk::EndOfDocument if self.in_long => {
                self.in_long = false;
                return self.own.push(chunk);
            }
            Chunk::EndOfDocument => {
                let text = std::mem::take(&mut self.pending);
                return self.send(text, true);
            }
        };
        if self.in_long {
            let end = text.find('\n').map_or(text.len(), |at| at + 1);
            self.in_long = end == 0 || !text[..end].ends_with('\n');
            self.own.push(Chunk::Text(&text[..end]))?;
            text = &text[end..];
        }
        self.pending.push_str(text);
        if self.pending.len() < PIECE {
            return Ok(());
        }
        match self.pending.rfind('\n') {
            Some(at) => {
                let rest = self.pending.split_off(at + 1);
                let whole = std::mem::replace(&mut self.pending, rest);
                self.send(whole, false)
            }
            None if self.pending.len() >= LONG => {
                self.in_long = true;
                let text = std::mem::take(&mut self.pending);
                self.own.push(Chunk::Text(&text))
            }
            None => Ok(()),
        }
    }

    fn send(&mut self, text: String, ends: bool) -> Result<(), TextError> {
        if text.is_empty() {
            return Ok(()); // a document that ends with a line, or has none
        }
        match &self.sender {
            // That the others ended is said by their error.
            Some(sender) => sender
                .send(Piece { text, ends })
                .map_err(|_| TextError::NoSource),
            None => unreachable!("it reads until it is dropped"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Vec<Source> {
        let reader = Box::new(std::io::Cursor::new(text.to_owned().into_bytes()));
        let name = "text".to_owned();
        vec![Source::Reader { name, reader }]
    }

    #[test]
    fn threads_count_what_one_counts() {
        let mut texts = vec!["a".to_owned(), "\n\n".to_owned(), "a b\nc  a".to_owned()];
        let lines = (0..60_000u64).map(|i| {
            format!(
                "word{} <s> the wörd{}\u{a0}x{}",
                i % 977,
                i * i % 10_007,
                if i % 7 == 0 { "\n\n" } else { "\n" }
            )
        });
        texts.push(lines.collect());
        // Lines longer than a piece, and than what the reader keeps, with and without an end.
        texts.push(format!(
            "{}\nx y\n{}",
            "long line ".repeat(430_000),
            "no end ".repeat(610_000)
        ));
        texts.push("x".repeat(4_300_000) + " y\n");
        for text in &texts {
            for kind in [Kind::Fields, Kind::Whitespace] {
                for skip_markers in [false, true] {
                    let options = |threads| ReadOptions {
                        skip_markers,
                        threads,
                        ..ReadOptions::default()
                    };
                    let two = || source(text).into_iter().chain(source(text));
                    let (one, expected) = crate::count(two(), kind, &options(1), u64::MAX).unwrap();
                    let (distinct, total) = (one.distinct(), one.total());
                    let vocab = one.into_vocab(1, None).unwrap();
                    for threads in 2..4 {
                        let (counts, stats) =
                            crate::count(two(), kind, &options(threads), u64::MAX).unwrap();
                        assert_eq!(
                            (stats, counts.distinct(), counts.total()),
                            (expected.clone(), distinct, total)
                        );
                        assert_eq!(counts.into_vocab(1, None).unwrap().hash(), vocab.hash());
                    }
                }
            }
        }
    }

    #[test]
    fn the_limit_holds_for_all_threads_together() {
        let text: String = (0..200_000).map(|i| format!("word{i}\n")).collect();
        let options = ReadOptions {
            threads: 3,
            ..ReadOptions::default()
        };
        let count = |limit| {
            crate::count(source(&text), Kind::Fields, &options, limit)
                .map(|(counts, _)| counts.distinct())
        };
        assert_eq!(count(1 << 30).unwrap(), 200_000);
        assert!(matches!(
            count(4 << 20),
            Err(TextError::TooManyTokens { .. })
        ));
    }
}
