//! Links: where a context continues when a word does not continue it.
//!
//! The link of an n-gram is its longest proper suffix that is a state. For c·w it is found as in Aho and Corasick's
//! algorithm (1975, algorithm 3), order by order: among the suffix states of c, from the longest on, the first that w
//! continues gives the longest listed suffix of c·w; if that is no state itself, its own link is the answer. No longer suffix
//! can be missed: a suffix u·w that is listed makes u a context with an arc, so a state.
//!
//! Suffixes lie all over the tables, so contexts are taken a block at a time, each stage for all of them before the next: their
//! waits for memory overlap. All CPUs share the blocks: the links of an order follow from those of the orders below.

use rayon::prelude::*;

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
    for order in 1..layout.order() {
        let contexts = layout.nodes(order);
        let read = tables.read();
        let blocks: Vec<u32> = contexts.clone().step_by(BLOCK).collect();
        let links = blocks.into_par_iter().map(|first| {
            links_of_arcs(
                read,
                first..contexts.end.min(first.saturating_add(BLOCK as u32)),
            )
        });
        let links: Vec<Vec<u32>> = links.collect();
        for (arc, link) in layout.nodes(order + 1).zip(links.into_iter().flatten()) {
            tables.set_link(arc, link);
        }
    }
}

/// The links of all arcs of a block of contexts, in their order.
fn links_of_arcs(tables: Tables<'_>, contexts: Range<u32>) -> Vec<u32> {
    let suffixes: Vec<(u32, Range<u32>)> = contexts
        .clone()
        .map(|context| {
            let suffix = tables.link(context);
            (suffix, tables.arcs(suffix))
        })
        .collect();
    let mut links = Vec::new();
    for (context, (suffix, arcs)) in contexts.zip(&suffixes) {
        for arc in tables.arcs(context) {
            links.push(longest_suffix(tables, *suffix, arcs, tables.word(arc)));
        }
    }
    for link in &mut links {
        *link = tables.next(*link);
    }
    links
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
