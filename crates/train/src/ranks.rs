//! Several processes that train one model together: what they need of each other, and what is done with it.
//!
//! Each process, a *rank*, computes some neighbouring groups of every batch ([`groups`](super::groups)) and has all weights. Rank r of R has
//! the groups r·G/R to (r+1)·G/R. An update needs two messages between any two ranks, whose sums follow the tree of the groups:
//!
//! ```text
//! rank q receives the q-th part of all sums of all ranks and adds them in the order of the tree, element by element
//! every rank receives the finished parts of all others
//! ```
//! So each rank sends and receives 2·(R−1)/R gradients, whatever R is, and the bits are those of one process. All ranks then make the same
//! update. They agree on stopping and saving with the losses of a step.

use super::bptt::{Engine, WindowStats};
use super::groups::{Adding, GroupStats, blocks_of, sequences_of, tree_sum};
use elman_net::{Params, State, params};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Communication between the processes that train one model; every call is made by all of them, in the same order.
///
/// A failure of a process or of the network ends all of them.
pub trait Ranks: Send + Sync {
    /// Number of this process, from 0.
    fn rank(&self) -> usize;

    /// Number of processes.
    fn count(&self) -> usize;

    /// Sends the r-th of the equal pieces `pieces` to rank r; `received` has the pieces for this process, in the order of ranks.
    fn exchange(&self, pieces: &[u8], received: &mut [u8]);

    /// Sends `piece` to all; `all` has the pieces of all processes, in the order of ranks.
    fn gather(&self, piece: &[u8], all: &mut [u8]);

    /// Sends the bytes of rank 0 to all.
    fn broadcast(&self, bytes: &mut [u8]);
}

/// Numbers of a gradient that are summed at once.
const CHUNK: usize = 1 << 18;

/// Requests of a rank that all ranks follow after a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wishes {
    pub stop: bool,
    pub save: bool,
}

/// The processes that train together; one without others by default.
#[derive(Clone, Default)]
pub struct Team {
    ranks: Option<Arc<dyn Ranks>>,
    /// Whether rank 0 has said which run it is, and whether the common work is done.
    announced: Arc<AtomicBool>,
    ended: Arc<AtomicBool>,
}

impl Team {
    /// The team of `ranks`.
    pub fn new(ranks: Arc<dyn Ranks>) -> Team {
        let alone = ranks.count() == 1;
        Team {
            ranks: (!alone).then_some(ranks),
            ..Team::default()
        }
    }

    /// Whether rank 0 has handed a run to the others, or dismissed them.
    pub fn has_announced(&self) -> bool {
        self.announced.load(Ordering::Relaxed)
    }

    /// Whether no other rank waits for this one any more.
    pub fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Nothing is exchanged from here on.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Relaxed);
    }

    /// Number of this process.
    pub fn rank(&self) -> usize {
        self.ranks.as_ref().map_or(0, |ranks| ranks.rank())
    }

    /// Number of processes.
    pub fn count(&self) -> usize {
        self.ranks.as_ref().map_or(1, |ranks| ranks.count())
    }

    /// Whether this process writes the run's files: rank 0 does.
    pub fn writes(&self) -> bool {
        self.rank() == 0
    }

    /// Whether there are other processes.
    pub fn is_several(&self) -> bool {
        self.ranks.is_some()
    }

    /// The groups of rank `rank`.
    fn groups_of(&self, rank: usize, groups: usize) -> Range<usize> {
        sequences_of(rank, self.count(), groups)
    }

    /// The groups of this process.
    pub(crate) fn own_groups(&self, groups: usize) -> Range<usize> {
        self.groups_of(self.rank(), groups)
    }

    /// Largest number of groups of a rank.
    fn most_groups(&self, groups: usize) -> usize {
        groups.div_ceil(self.count())
    }

    /// Bytes that a rank sends, and receives, for an update of `numbers` numbers.
    pub fn update_bytes(&self, numbers: usize) -> u64 {
        let others = self.count() as u64 - 1;
        8 * numbers as u64 * others / self.count() as u64
    }

    /// Bytes of the buffers for sums.
    pub(crate) fn buffer_bytes(&self, groups: usize, numbers: usize) -> u64 {
        match self.is_several() {
            true => {
                let chunk = numbers.min(CHUNK).next_multiple_of(self.count());
                4 * (chunk * (2 * self.most_blocks(groups) + 1)) as u64
            }
            false => 0,
        }
    }

    /// Largest number of blocks in which a rank's gradients wait for those of others.
    fn most_blocks(&self, groups: usize) -> usize {
        let blocks = |rank| blocks_of(self.groups_of(rank, groups)).len();
        (0..self.count()).map(blocks).max().unwrap_or(1)
    }

    /// Sends `bytes` of rank 0, of any length, to all.
    pub(crate) fn announce(&self, bytes: Vec<u8>) -> Vec<u8> {
        let Some(ranks) = &self.ranks else {
            return bytes;
        };
        self.announced.store(true, Ordering::Relaxed);
        let mut length = (bytes.len() as u64).to_le_bytes();
        ranks.broadcast(&mut length);
        let mut bytes = bytes;
        bytes.resize(u64::from_le_bytes(length) as usize, 0);
        for chunk in bytes.chunks_mut(4 * CHUNK) {
            ranks.broadcast(chunk);
        }
        bytes
    }

    /// Sends the numbers of rank 0 to all.
    pub(crate) fn announce_numbers(&self, numbers: &mut [f32]) {
        if let Some(ranks) = &self.ranks {
            for chunk in numbers.chunks_mut(CHUNK) {
                ranks.broadcast(bytemuck::cast_slice_mut(chunk));
            }
        }
    }

    /// What every rank says, in the order of ranks; what is longer than 1024 bytes is cut.
    pub fn tell(&self, said: &str) -> Vec<String> {
        const N: usize = 1024;
        let mut end = said.len().min(N);
        while !said.is_char_boundary(end) {
            end -= 1;
        }
        let Some(ranks) = &self.ranks else {
            return vec![said[..end].to_owned()];
        };
        let mut piece = [0; N];
        piece[..end].copy_from_slice(&said.as_bytes()[..end]);
        let mut all = vec![0; N * ranks.count()];
        ranks.gather(&piece, &mut all);
        let text = |piece: &[u8]| {
            String::from_utf8_lossy(piece)
                .trim_end_matches('\0')
                .to_owned()
        };
        all.chunks_exact(N).map(text).collect()
    }

    /// The figures of all groups, and what was wished anywhere.
    pub(crate) fn gather_stats(
        &self,
        own: &[GroupStats],
        groups: usize,
        wishes: Wishes,
    ) -> (GroupStats, Wishes) {
        let Some(ranks) = &self.ranks else {
            return (tree_sum(own, GroupStats::plus).unwrap_or_default(), wishes);
        };
        const WORDS: usize = 3;
        let most = self.most_groups(groups);
        let mut piece = vec![0_u64; 1 + WORDS * most];
        piece[0] = u64::from(wishes.stop) | u64::from(wishes.save) << 1;
        for (words, group) in piece[1..].chunks_exact_mut(WORDS).zip(own) {
            words[0] = group.stats.nats.to_bits();
            words[1] = group.stats.tokens as u64;
            words[2] = group.sampled as u64;
        }
        let mut all = vec![0_u64; piece.len() * ranks.count()];
        ranks.gather(
            bytemuck::cast_slice(&piece),
            bytemuck::cast_slice_mut(&mut all),
        );
        let (mut stats, mut wished) = (Vec::with_capacity(groups), 0);
        for (rank, piece) in all.chunks_exact(piece.len()).enumerate() {
            wished |= piece[0];
            let words = piece[1..].chunks_exact(WORDS);
            stats.extend(
                words
                    .take(self.groups_of(rank, groups).len())
                    .map(|words| GroupStats {
                        stats: WindowStats {
                            nats: f64::from_bits(words[0]),
                            tokens: words[1] as usize,
                        },
                        sampled: words[2] as usize,
                    }),
            );
        }
        let wishes = Wishes {
            stop: wished & 1 > 0,
            save: wished & 2 > 0,
        };
        (
            tree_sum(&stats, GroupStats::plus).unwrap_or_default(),
            wishes,
        )
    }

    /// Adds the gradients of all groups: `sums` and at last the one in `engine` are those of this rank's blocks; `engine` then has the sum.
    pub(crate) fn sum_gradients(&self, sums: &[Params], engine: &mut Engine, groups: usize) {
        let last = engine.settled_gradient();
        let sums: Vec<&[f32]> = sums.iter().map(Params::numbers).collect();
        self.sum(&sums, last.numbers_mut(), groups);
    }

    /// Replaces `numbers` by their mean over the ranks.
    pub(crate) fn mean(&self, numbers: &mut [f32]) {
        self.sum(&[], numbers, self.count());
        params::scale(numbers, 1.0 / self.count() as f32);
    }

    /// Adds the numbers of the blocks of all ranks into `last`; those of this rank are `before` and `last`.
    fn sum(&self, before: &[&[f32]], last: &mut [f32], groups: usize) {
        let Some(ranks) = &self.ranks else { return };
        let count = ranks.count();
        let most = self.most_blocks(groups);
        let blocks: Vec<Vec<Range<usize>>> = (0..count)
            .map(|rank| blocks_of(self.groups_of(rank, groups)))
            .collect();
        let length = last.len();
        let room = length.min(CHUNK).next_multiple_of(count);
        let mut send = vec![0.0_f32; room * most];
        let mut received = vec![0.0_f32; room * most];
        let mut whole = vec![0.0_f32; room];
        for start in (0..length).step_by(CHUNK) {
            let chunk = start..length.min(start + CHUNK);
            let piece = chunk.len().div_ceil(count);
            // For rank q the q-th piece of every block.
            let (send, received) = (
                &mut send[..piece * most * count],
                &mut received[..piece * most * count],
            );
            let own = before.iter().copied().chain([&last[..]]);
            for (block, numbers) in own.enumerate() {
                for (q, from) in numbers[chunk.clone()].chunks(piece).enumerate() {
                    send[(q * most + block) * piece..][..from.len()].copy_from_slice(from);
                }
            }
            ranks.exchange(
                bytemuck::cast_slice(send),
                bytemuck::cast_slice_mut(received),
            );
            let mut adding = Adding::default();
            let mut places: Vec<usize> = Vec::new();
            for (rank, blocks) in blocks.iter().enumerate() {
                for (block, groups) in blocks.iter().enumerate() {
                    let place = (rank * most + block) * piece;
                    adding.push(groups.clone(), &mut |left| {
                        add(received, places[left], place, piece);
                    });
                    places.truncate(adding.blocks() - 1);
                    places.push(place);
                }
            }
            while let [.., left, right] = places[..] {
                add(received, left, right, piece);
                places.pop();
                *places.last_mut().expect("two places") = right;
            }
            let sum = places.pop().expect("there are groups");
            let whole = &mut whole[..piece * count];
            ranks.gather(
                bytemuck::cast_slice(&received[sum..sum + piece]),
                bytemuck::cast_slice_mut(whole),
            );
            last[chunk.clone()].copy_from_slice(&whole[..chunk.len()]);
        }
    }

    /// Adds up the losses of the parts of a text, of which each rank has scored some, and counts beside them.
    pub(crate) fn gather_losses(&self, nats: &mut [f64], counts: &mut [u64]) {
        let Some(ranks) = &self.ranks else { return };
        let mut piece: Vec<u64> = nats.iter().map(|nats| nats.to_bits()).collect();
        piece.extend_from_slice(counts);
        let mut all = vec![0_u64; piece.len() * ranks.count()];
        ranks.gather(
            bytemuck::cast_slice(&piece),
            bytemuck::cast_slice_mut(&mut all),
        );
        nats.fill(0.0);
        counts.fill(0);
        for piece in all.chunks_exact(piece.len()) {
            let (of_parts, of_rank) = piece.split_at(nats.len());
            let parts = nats.iter_mut().zip(of_parts);
            parts.for_each(|(sum, bits)| *sum += f64::from_bits(*bits));
            counts
                .iter_mut()
                .zip(of_rank)
                .for_each(|(sum, n)| *sum += n);
        }
    }

    /// Gathers the carried state of all sequences, of which each rank has those of its groups.
    pub(crate) fn gather_state(&self, state: &mut State, groups: usize) {
        let Some(ranks) = &self.ranks else { return };
        let batch_size = state.batch_size;
        let of = |rank| {
            let own = self.groups_of(rank, groups);
            let first = sequences_of(own.start, groups, batch_size).start;
            first..sequences_of(own.end - 1, groups, batch_size).end
        };
        let most = (0..ranks.count())
            .map(|rank| of(rank).len())
            .max()
            .unwrap_or(0);
        for numbers in state
            .layers
            .iter_mut()
            .flat_map(|layer| [&mut layer.h, &mut layer.c])
        {
            let width = numbers.len() / batch_size;
            if width == 0 {
                continue;
            }
            let range = |rank: usize| of(rank).start * width..of(rank).end * width;
            let own = &numbers[range(ranks.rank())];
            let mut piece = vec![0.0_f32; most * width];
            piece[..own.len()].copy_from_slice(own);
            let mut all = vec![0.0_f32; piece.len() * ranks.count()];
            ranks.gather(
                bytemuck::cast_slice(&piece),
                bytemuck::cast_slice_mut(&mut all),
            );
            for (rank, piece) in all.chunks_exact(piece.len()).enumerate() {
                let to = range(rank);
                let length = to.len();
                numbers[to].copy_from_slice(&piece[..length]);
            }
        }
    }
}

/// Adds the `length` numbers at `left` to those at `right`, which come after them.
fn add(numbers: &mut [f32], left: usize, right: usize, length: usize) {
    let (before, after) = numbers.split_at_mut(right);
    params::add(&mut after[..length], &before[left..left + length]);
}
