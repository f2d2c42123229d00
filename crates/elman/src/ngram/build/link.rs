//! Links: where a context goes on when a word does not continue it.
//!
//! The link of an n-gram is its longest proper suffix that is a state. For c·w it is found as in Aho and Corasick's
//! algorithm (1975, algorithm 3), order by order: among the suffix states of c, from the longest on, the first that w
//! continues gives the longest listed suffix of c·w; if that is no state itself, its own link is the answer. No longer suffix
//! can be missed: a suffix u·w that is listed makes u a context with an arc, so a state.

use super::super::tables::TablesMut;

/// Sets all links. Everything else must have been set.
pub fn set_links(tables: &mut TablesMut<'_>) {
    let layout = tables.layout();
    // Arcs of the suffix states of a context, from the longest on, without the empty one.
    let mut suffixes = Vec::new();
    for node in layout.nodes(1) {
        tables.set_link(node, 0);
    }
    for n in 1..layout.order() {
        for context in layout.nodes(n) {
            let read = tables.read();
            suffixes.clear();
            let mut suffix = read.link(context);
            while suffix != 0 {
                suffixes.push(read.arcs(suffix));
                suffix = read.link(suffix);
            }
            for arc in read.arcs(context) {
                let read = tables.read();
                let word = read.word(arc);
                let found = suffixes
                    .iter()
                    .find_map(|arcs| read.find(arcs.clone(), word));
                let link = read.next(found.unwrap_or(1 + word));
                tables.set_link(arc, link);
            }
        }
    }
}
