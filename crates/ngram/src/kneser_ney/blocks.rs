//! Estimated n-grams in blocks, which several threads make and one takes in order.

use super::super::ordered::Ordered;
use super::{Emit, Sink, Stop};

/// Bytes of a block that is full.
const FULL: usize = 1 << 18;

/// Estimated n-grams of one order in some form.
pub trait Block: Send {
    fn push(&mut self, ids: &[u32], log10_p: f32, log10_backoff: f32);

    fn bytes(&self) -> usize;
}

/// Fills blocks for a task of an [`Ordered`].
pub struct InOrder<'a, B, New: Fn(usize) -> B> {
    ordered: &'a Ordered<B>,
    task: usize,
    n: usize,
    new: &'a New,
    open: B,
}

impl<'a, B: Block, New: Fn(usize) -> B> InOrder<'a, B, New> {
    /// `new` makes a block for n-grams of `n` words.
    pub fn new(
        ordered: &'a Ordered<B>,
        task: usize,
        n: usize,
        new: &'a New,
    ) -> InOrder<'a, B, New> {
        InOrder {
            ordered,
            task,
            n,
            new,
            open: new(n),
        }
    }
}

impl<B: Block, New: Fn(usize) -> B> Sink for InOrder<'_, B, New> {
    #[inline]
    fn push(&mut self, _: u128, ids: &[u32], log10_p: f32, log10_backoff: f32) -> Result<(), Stop> {
        self.open.push(ids, log10_p, log10_backoff);
        if self.open.bytes() >= FULL {
            let full = std::mem::replace(&mut self.open, (self.new)(self.n));
            let bytes = full.bytes();
            self.ordered.add(self.task, full, bytes)?;
        }
        Ok(())
    }

    fn finish(self) -> Result<(), Stop> {
        let bytes = self.open.bytes();
        self.ordered.add(self.task, self.open, bytes)?;
        self.ordered.finish(self.task);
        Ok(())
    }
}

/// N-grams as they are.
pub struct Grams {
    n: usize,
    ids: Vec<u32>,
    log10s: Vec<[f32; 2]>,
}

impl Grams {
    pub fn new(n: usize) -> Grams {
        Grams {
            n,
            ids: Vec::new(),
            log10s: Vec::new(),
        }
    }

    pub fn visit<E>(&self, emit: &mut Emit<'_, E>) -> Result<(), E> {
        let mut grams = self.ids.chunks_exact(self.n).zip(&self.log10s);
        grams.try_for_each(|(ids, &[log10_p, log10_backoff])| emit(ids, log10_p, log10_backoff))
    }
}

impl Block for Grams {
    #[inline]
    fn push(&mut self, ids: &[u32], log10_p: f32, log10_backoff: f32) {
        self.ids.extend_from_slice(ids);
        self.log10s.push([log10_p, log10_backoff]);
    }

    fn bytes(&self) -> usize {
        size_of_val(&*self.ids) + size_of_val(&*self.log10s)
    }
}
