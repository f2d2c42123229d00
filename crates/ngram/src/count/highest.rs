//! The n-grams of the highest order of a text, sorted: one thread reads the text, the others make and sort the n-grams.

use super::super::key::Packing;
use super::super::sort::{Scratch, Sorted, Sorter};
use super::super::{NgramError, Result, Words};
use super::Memory;
use elman_store::StoreError;
use elman_text::{self as text, ReadOptions, Source, TextStats};
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

/// Tokens that are handed over together.
const BLOCK: usize = 1 << 16;

/// N-grams of the highest order with their counts, and how many of them end in each word.
pub struct Highest {
    pub n_grams: Sorted,
    pub of_words: Vec<u64>,
    pub stats: TextStats,
}

/// Tokens of a text, and the n-gram before the first of them.
struct Block {
    before: u128,
    ids: Vec<u32>,
}

/// Makes n-grams of tokens.
#[derive(Clone, Copy)]
struct Follow {
    packing: Packing,
    eos: u32,
    /// `<s>`, which comes before a text and after each `<eos>`.
    start: u128,
}

impl Follow {
    /// The n-gram that ends in a token, and what comes before the next one.
    #[inline]
    fn next(self, before: u128, id: u32) -> (u128, u128) {
        let gram = self.packing.follow(before, id);
        (gram, if id == self.eos { self.start } else { gram })
    }

    fn all(self, block: &Block, sorter: &mut Sorter) -> Result<(), StoreError> {
        let mut before = block.before;
        for &id in &block.ids {
            let gram;
            (gram, before) = self.next(before, id);
            sorter.push(gram, 1)?;
        }
        Ok(())
    }
}

/// Counts the n-grams of a text; `progress` gets the number of tokens read.
pub fn count(
    sources: Vec<Source>,
    read: &ReadOptions,
    words: &Words,
    packing: Packing,
    memory: &Memory,
    progress: &mut dyn FnMut(u64),
) -> Result<Highest> {
    let scratch = memory.scratch();
    let follow = Follow {
        packing,
        eos: words.vocab().eos(),
        start: packing.follow(0, words.begin()),
    };
    let mut of_words = vec![0; words.begin() as usize + 1];
    let mut tokens = 0u64;
    let sorters = memory.threads.saturating_sub(1);
    let encode = |hand_over: &mut dyn FnMut(Block) -> Result<()>| -> Result<TextStats> {
        let block = |before| Block {
            before,
            ids: Vec::with_capacity(BLOCK),
        };
        let mut open = block(follow.start);
        let mut before = follow.start;
        let stats = text::encode(sources, words.vocab(), read, &mut |symbol| -> Result<()> {
            open.ids.push(symbol.id);
            of_words[symbol.id as usize] += 1;
            (_, before) = follow.next(before, symbol.id);
            if open.ids.len() == BLOCK {
                tokens += BLOCK as u64;
                progress(tokens);
                hand_over(std::mem::replace(&mut open, block(before)))?;
            }
            Ok(())
        })?;
        hand_over(open)?;
        Ok(stats)
    };
    let (stats, sorters) = match sorters {
        0 => {
            let mut sorter = Sorter::summing(&scratch, memory.half());
            let stats = encode(&mut |block| Ok(follow.all(&block, &mut sorter)?))?;
            (stats, vec![sorter])
        }
        sorters => with_sorters(follow, sorters, memory, &scratch, encode)?,
    };
    Ok(Highest {
        n_grams: Sorted::new(sorters, memory.threads),
        of_words,
        stats,
    })
}

/// Runs `encode`, which hands blocks over to this number of threads that sort.
fn with_sorters(
    follow: Follow,
    sorters: usize,
    memory: &Memory,
    scratch: &Arc<Scratch>,
    encode: impl FnOnce(&mut dyn FnMut(Block) -> Result<()>) -> Result<TextStats>,
) -> Result<(TextStats, Vec<Sorter>)> {
    // What is read while all of the others sort waits here.
    let waiting =
        memory.ahead() * memory.threads * size_of::<[u64; 3]>() / (BLOCK * size_of::<u32>());
    let (sender, receiver) = sync_channel::<Block>(waiting.max(2));
    let receiver = Mutex::new(Some(receiver));
    let sort = || -> Result<Sorter, StoreError> {
        let mut sorter = Sorter::summing(scratch, memory.half() / sorters);
        while let Some(block) = next_block(&receiver) {
            if let Err(error) = follow.all(&block, &mut sorter) {
                // Nobody takes blocks any more, so the reader ends as well.
                receiver
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take();
                return Err(error);
            }
        }
        Ok(sorter)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..sorters).map(|_| scope.spawn(sort)).collect();
        let stats = encode(&mut |block| {
            // That the others ended is said by their error.
            let ended = |_| NgramError::Write(std::io::ErrorKind::BrokenPipe.into());
            sender.send(block).map_err(ended)
        });
        drop(sender);
        let mut done = Vec::new();
        for thread in threads {
            done.push(thread.join().unwrap_or_else(|panic| resume_unwind(panic))?);
        }
        Ok((stats?, done))
    })
}

fn next_block(receiver: &Mutex<Option<Receiver<Block>>>) -> Option<Block> {
    let receiver = receiver.lock().unwrap_or_else(PoisonError::into_inner);
    receiver.as_ref()?.recv().ok()
}
