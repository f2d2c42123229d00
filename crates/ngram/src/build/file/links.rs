//! The second pass: the link of each node, its longest proper suffix that is a state.
//!
//! All orders are read together, each in suffix order: by their last words, and a suffix before those that end in it. So the suffixes
//! of an n-gram are among those that came last, one of each order. Links come in suffix order and are wanted in the order of nodes:
//! they are put into stretches of nodes that fit into memory, each a list on disk.

use super::super::super::count::Memory;
use super::super::super::key::Packing;
use super::super::super::parallel::{self, Parts};
use super::super::super::sort::{Record, Records, Scratch, key};
use super::nodes::{Nodes, STATE};
use super::{Image, Unbuilt};
use elman_store::StoreError;
use std::ops::Range;
use std::sync::Arc;

/// Nodes of a stretch, at least: 4 MiB of links.
const LEAST_STRETCH_BITS: u32 = 20;
/// There are no more stretches than this.
const MOST_STRETCHES_BITS: u32 = 9;
/// Links of a stretch that one thread writes at once.
const BLOCK: usize = 1 << 11;

/// Links by stretch of nodes.
pub struct Links {
    pub scratch: Arc<Scratch>,
    /// log2 of the nodes of a stretch.
    pub bits: u32,
    /// Where on disk are pairs of a node and its link.
    pub stretches: Vec<Vec<Range<u64>>>,
}

/// Finds the links of all nodes of order 2 and above. Those of order 1 are 0.
pub fn find(
    image: &Image<'_>,
    packing: Packing,
    parts: &Parts,
    nodes: Nodes,
    memory: &Memory,
) -> Result<Links, Unbuilt> {
    let order = packing.order();
    let end = image.layout.nodes(order).end;
    let bits = (u32::BITS - end.leading_zeros()).saturating_sub(MOST_STRETCHES_BITS);
    let bits = bits.max(LEAST_STRETCH_BITS);
    let scratch = memory.scratch();
    let begin = || Scatter {
        scratch: scratch.clone(),
        bits,
        open: vec![Vec::new(); (end >> bits) as usize + 1],
        written: vec![Vec::new(); (end >> bits) as usize + 1],
    };
    let find_part = |links: &mut Scatter, part| -> Result<(), StoreError> {
        let mut orders = Vec::with_capacity(order - 1);
        for (n, records) in (2..).zip(&nodes.orders) {
            let (from, end) = parts.keys(part, n);
            let mut records = records.records(from, end, memory.ahead() / order)?;
            let next = records.next()?;
            orders.push(Order { records, next });
        }
        find_in_part(packing, orders, parts.words(part), &nodes.states, links)
    };
    let (states, _) = parallel::tasks(memory.threads, parts.count(), begin, find_part)?;
    let mut stretches = vec![Vec::new(); (end >> bits) as usize + 1];
    for scatter in states {
        let written = scatter.finish()?;
        stretches
            .iter_mut()
            .zip(written)
            .for_each(|(all, ranges)| all.extend(ranges));
    }
    Ok(Links {
        scratch,
        bits,
        stretches,
    })
}

struct Order<'r> {
    records: Records<'r>,
    next: Option<Record>,
}

fn find_in_part(
    packing: Packing,
    mut orders: Vec<Order<'_>>,
    words: Range<u32>,
    unigram_states: &[bool],
    links: &mut Scatter,
) -> Result<(), StoreError> {
    let order = packing.order();
    // Of each length the state that came last: its key and its node. No key is 0.
    let mut last: Vec<(u128, u32)> = vec![(0, 0); order];
    // The next n-gram of each order from 2, as keys that compare as endings do; none at the end.
    let padded =
        |n: usize, next: &Option<Record>| next.map(|record| packing.padded(key(&record), n));
    let mut ahead: Vec<Option<u128>> = (2..)
        .zip(&orders)
        .map(|(n, order)| padded(n, &order.next))
        .collect();
    for id in words {
        if unigram_states[id as usize] {
            last[0] = (packing.pack(&[id]), 1 + id);
        }
        let after = packing.first_key(id + 1, order);
        loop {
            // The least one; shorter ones are less than what ends in them.
            let least = ahead
                .iter()
                .enumerate()
                .filter_map(|(at, key)| Some(((*key)?, at)))
                .min();
            let Some((padded_key, at)) = least else { break };
            if padded_key >= after && after != 0 {
                break;
            }
            let n = at + 2;
            let Some(record) = orders[at].next else { break };
            let whole = key(&record);
            let shorter = (1..n).rev();
            let mut suffixes = shorter.map(|m| (packing.shorten(whole, n, m), last[m - 1]));
            let found = suffixes.find(|(suffix, (state, _))| suffix == state);
            let node = record[2] as u32;
            links.push(node, found.map_or(0, |(_, (_, state))| state))?;
            if record[2] & STATE != 0 {
                last[n - 1] = (whole, node);
            }
            orders[at].next = orders[at].records.next()?;
            ahead[at] = padded(n, &orders[at].next);
        }
    }
    Ok(())
}

/// Links of one thread on their way into stretches.
struct Scatter {
    scratch: Arc<Scratch>,
    bits: u32,
    open: Vec<Vec<[u32; 2]>>,
    written: Vec<Vec<Range<u64>>>,
}

impl Scatter {
    #[inline]
    fn push(&mut self, node: u32, link: u32) -> Result<(), StoreError> {
        let stretch = (node >> self.bits) as usize;
        self.open[stretch].push([node, link]);
        match self.open[stretch].len() {
            BLOCK => self.flush(stretch),
            _ => Ok(()),
        }
    }

    fn flush(&mut self, stretch: usize) -> Result<(), StoreError> {
        let open = &mut self.open[stretch];
        if !open.is_empty() {
            let range = self.scratch.append(bytemuck::cast_slice(open))?;
            self.written[stretch].push(range);
            open.clear();
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Vec<Vec<Range<u64>>>, StoreError> {
        for stretch in 0..self.open.len() {
            self.flush(stretch)?;
        }
        Ok(self.written)
    }
}
