//! Links: where a context goes on when a word does not continue it.
//!
//! The link of an n-gram is its longest proper suffix that is a state. For c·w it is found as in Aho and Corasick's
//! algorithm (1975, algorithm 3), order by order: among the suffix states of c, from the longest on, the first that w
//! continues gives the longest listed suffix of c·w; if that is no state itself, its own link is the answer. No longer suffix
//! can be missed: a suffix u·w that is listed makes u a context with an arc, so a state.
//!
//! Suffixes lie all over the tables, so contexts are taken a block at a time, each stage for all of them before the next: their
//! waits for memory overlap.

use super::super::tables::{Tables, TablesMut};
use std::ops::Range;

/// Contexts that are taken together.
const BLOCK: usize = 256;

/// Sets all links. Everything else must have been set.
pub fn set_links(tables: &mut TablesMut<'_>) {
    let layout = tables.layout();
    for node in layout.nodes(1) {
        tables.set_link(node, 0);
    }
    let mut suffixes: Vec<(u32, Range<u32>)> = Vec::with_capacity(BLOCK);
    let mut found = Vec::new();
    for order in 1..layout.order() {
        let contexts = layout.nodes(order);
        for first in contexts.clone().step_by(BLOCK) {
            let block = first..contexts.end.min(first.saturating_add(BLOCK as u32));
            let read = tables.read();
            suffixes.clear();
            suffixes.extend(block.clone().map(|context| {
                let suffix = read.link(context);
                (suffix, read.arcs(suffix))
            }));
            found.clear();
            for (context, (suffix, arcs)) in block.zip(&suffixes) {
                for arc in read.arcs(context) {
                    let word = read.word(arc);
                    found.push((arc, longest_suffix(read, *suffix, arcs, word)));
                }
            }
            for &(arc, node) in &found {
                let link = tables.read().next(node);
                tables.set_link(arc, link);
            }
        }
    }
}

/// The longest n-gram that ends in `word` and begins with a suffix state, given the longest of these and its arcs.
fn longest_suffix(tables: Tables<'_>, mut suffix: u32, arcs: &Range<u32>, word: u32) -> u32 {
    let mut arcs = arcs.clone();
    while suffix != 0 {
        if let Some(node) = tables.find(arcs, word) {
            return node;
        }
        suffix = tables.link(suffix);
        arcs = tables.arcs(suffix);
    }
    1 + word
}
