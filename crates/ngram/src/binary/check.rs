//! Checks that every number in a model's tables is one that a query can go by, and counts the parameters.
//!
//! Nearly all files are in order, so a first pass only finds out whether they are: it reads each table from one end to the other, in
//! blocks that all CPUs share, without branches. What is wrong, and where, is found by a second pass, which is slow.
//!
//! In the first pass the arcs of a context are known to be sorted by counting. A *descent* is a node whose word is not greater than
//! that of the node before it. If there are as many descents as contexts whose first arc is one, no descent is inside a context.

use super::super::build::{is_log10_backoff, is_log10_p};
use super::super::tables::{SizedTables, Tables, for_widths};
use super::BinaryFlaw;
use rayon::prelude::*;
use std::ops::Range;

/// Nodes that are checked together.
const BLOCK: u32 = 1 << 16;

/// Checks all tables of a model with this number of words. Returns its parameters: probabilities, and back-off weights that are not 1.
///
/// `used` gets about the number of bytes that were read, time and again.
pub fn check(
    tables: Tables<'_>,
    words: usize,
    used: &(dyn Fn(u64) + Sync),
) -> Result<u64, BinaryFlaw> {
    match all_in_order(tables, words, used) {
        Some(parameters) => Ok(parameters),
        None => find_flaw(tables, words),
    }
}

/// The parameters; `None` if anything is wrong.
fn all_in_order(tables: Tables<'_>, words: usize, used: &(dyn Fn(u64) + Sync)) -> Option<u64> {
    let layout = tables.layout();
    let largest = u32::try_from(words.checked_sub(1)?).ok()?;
    let mut blocks: Vec<(usize, Range<u32>)> = Vec::new();
    for order in 0..=layout.order() {
        let nodes = layout.nodes(order);
        let cut = nodes.clone().step_by(BLOCK as usize);
        blocks.extend(cut.map(|first| (order, first..nodes.end.min(first.saturating_add(BLOCK)))));
    }
    let arcs_meet = (0..layout.order()).all(|order| {
        let above = layout.nodes(order + 1);
        let [first, end] = [layout.nodes(order).start, layout.nodes(order).end];
        tables.first_arc(first) == above.start && tables.first_arc(end) == above.end
    });
    let check = for_widths!(layout, Block::new);
    let found: Option<Vec<Block>> = blocks
        .into_par_iter()
        .map(|(order, nodes)| {
            let checked = check(tables, order, nodes, largest);
            // Its words and records, and the words of its arcs.
            used(u64::from(BLOCK) * 32);
            checked
        })
        .collect();
    let found = found.filter(|_| arcs_meet)?;
    let descents: u64 = found.iter().map(|block| block.descents).sum();
    let expected: u64 = found.iter().map(|block| block.first_descents).sum();
    let weights: u64 = found.iter().map(|block| block.weights).sum();
    let nodes = layout.nodes(layout.order()).end;
    (descents == expected).then_some(u64::from(nodes) - 1 + weights)
}

/// What a block of nodes of one order holds.
struct Block {
    /// Back-off weights that are not 1.
    weights: u64,
    /// Nodes of orders from 2 whose word is not greater than that of the node before.
    descents: u64,
    /// Nodes whose first arc is such a node.
    first_descents: u64,
}

impl Block {
    /// `None` if a number is wrong, or arcs end before they begin.
    fn new<const W: usize, const I: usize>(
        tables: Tables<'_>,
        order: usize,
        nodes: Range<u32>,
        largest: u32,
    ) -> Option<Block> {
        let layout = tables.layout();
        let tables = tables.sized::<W, I>();
        let all = layout.nodes(order);
        let inner = order < layout.order();
        // The link of the empty n-gram is never followed.
        let shorter = all.start.max(1);
        let (mut good, mut weights) = (true, 0u64);
        if inner {
            for (log10_p, log10_backoff, link) in tables.inner(nodes.clone()) {
                good &= is_log10_p(log10_p) & is_log10_backoff(log10_backoff) & (link < shorter);
                weights += u64::from(log10_backoff != 0.0);
            }
        } else {
            for (log10_p, link) in tables.top(nodes.clone()) {
                good &= is_log10_p(log10_p) & (link < shorter);
            }
        }
        // The first word of a block is compared with the last one of the block before.
        let before = nodes.start.saturating_sub(1).max(all.start);
        let words = tables.words(before..nodes.end);
        good &= words.clone().max().unwrap_or(0) <= largest;
        let pairs = words.clone().zip(words.skip(1));
        let descents = pairs.filter(|(a, b)| a >= b).count() as u64;
        let first_descents = match inner {
            true => first_descents(tables, nodes, layout.nodes(order + 1))?,
            false => 0,
        };
        good.then_some(Block {
            weights,
            descents,
            first_descents,
        })
    }
}

/// Counts the contexts in `nodes` whose first arc has a word that is not greater than the word of the node before it.
///
/// `above` are the nodes of the next order. `None` if arcs end before they begin, or are not in that order.
fn first_descents<const W: usize, const I: usize>(
    tables: SizedTables<'_, W, I>,
    nodes: Range<u32>,
    above: Range<u32>,
) -> Option<u64> {
    let mut arcs = tables.first_arcs(nodes);
    let first = arcs.next()?;
    if first < above.start || first > above.end {
        return None;
    }
    // The words of the arcs, read along with where they begin.
    let (mut start, mut descents) = (first, 0u64);
    let mut last_word = match first > above.start {
        true => tables.words(first - 1..first).next(),
        false => None,
    };
    let mut words = tables.words(first..above.end);
    for end in arcs {
        if start > end || end > above.end {
            return None;
        }
        if let Some(skipped) = (end - start).checked_sub(1) {
            let word = words.next();
            descents += u64::from(last_word.is_some() && last_word >= word);
            last_word = match skipped {
                0 => word,
                _ => words.nth(skipped as usize - 1),
            };
        }
        start = end;
    }
    Some(descents)
}

/// Looks at one number after the other, to say which is wrong.
fn find_flaw(tables: Tables<'_>, words: usize) -> Result<u64, BinaryFlaw> {
    let layout = tables.layout();
    let mut parameters = u64::from(layout.nodes(layout.order()).end) - 1;
    for order in 0..=layout.order() {
        let nodes = layout.nodes(order);
        let shorter = nodes.start;
        for node in nodes.clone() {
            let fail = |what| Err(BinaryFlaw::Tables { node, what });
            if !is_log10_p(tables.log10_p(node)) {
                return fail("no probability");
            }
            // The link of the empty n-gram is never followed.
            if tables.link(node) >= shorter.max(1) {
                return fail("a link to what is not shorter");
            }
            if tables.word(node) as usize >= words {
                return fail("no such word");
            }
            if order == layout.order() {
                continue;
            }
            let log10_backoff = tables.log10_backoff(node);
            if !is_log10_backoff(log10_backoff) {
                return fail("no weight");
            }
            parameters += u64::from(log10_backoff != 0.0);
        }
        if order < layout.order() {
            check_arcs(tables, order)?;
        }
    }
    Ok(parameters)
}

/// The arcs of an order's nodes are the nodes of the next one, each node's sorted by their words. As there is one 1-gram for each
/// word, they stand in the order of the ids.
fn check_arcs(tables: Tables<'_>, order: usize) -> Result<(), BinaryFlaw> {
    let [nodes, above] = [order, order + 1].map(|order| tables.layout().nodes(order));
    let mut place = above.start;
    for node in nodes {
        let fail = |what| Err(BinaryFlaw::Tables { node, what });
        let arcs = tables.arcs(node);
        if arcs.start != place || arcs.end < place || arcs.end > above.end {
            return fail("its arcs do not follow those before");
        }
        place = arcs.end;
        for arc in arcs.clone().skip(1) {
            if tables.word(arc - 1) >= tables.word(arc) {
                return fail("its arcs are not sorted");
            }
        }
    }
    if place != above.end {
        return Err(BinaryFlaw::Tables {
            node: place,
            what: "it belongs to no context",
        });
    }
    Ok(())
}
