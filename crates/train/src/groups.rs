//! A batch in groups of sequences, whose gradients are computed one after the other and added in one fixed order.
//!
//! The sequences of a batch are cut into G groups of neighbours, about equally many in each. What a group adds to the gradient is that of
//! the whole batch's objective, so the sum is the gradient of the batch, up to rounding. Sums follow a binary tree over the numbers of the
//! groups:
//!
//! ```text
//! ((g0 + g1) + (g2 + g3)) + (g4 + g5)          blocks of 2, 4, 8, … groups that begin at multiples of their size
//! ```
//! The tree depends on G alone. So whoever adds neighbouring groups, and on however many machines, the bits are the same.
//!
//! An update goes through all its windows for one group and then for the next: the gradient is exchanged once per update.

use super::bptt::{Engine, WindowStats};
use super::ranks::{Team, Wishes};
use elman_net::Params;
use std::ops::Range;

/// The sequences of group `group` of `groups`, in a batch of `batch_size` sequences. A small batch leaves groups empty.
pub fn sequences_of(group: usize, groups: usize, batch_size: usize) -> Range<usize> {
    let start = |group: usize| (group as u128 * batch_size as u128 / groups as u128) as usize;
    start(group)..start(group + 1)
}

/// Largest number of sequences in a group.
pub fn most_sequences(groups: usize, batch_size: usize) -> usize {
    batch_size.div_ceil(groups)
}

/// Gradients that wait for others while those of the groups `own` are added.
pub fn waiting(own: Range<usize>) -> usize {
    let mut adding = Adding::default();
    let mut most = 0;
    for group in own {
        most = most.max(adding.blocks());
        adding.push(group..group + 1, &mut |_| {});
    }
    most
}

/// The blocks that remain of the groups `own` when all sums within them are made.
pub fn blocks_of(own: Range<usize>) -> Vec<Range<usize>> {
    let mut adding = Adding::default();
    own.for_each(|group| adding.push(group..group + 1, &mut |_| {}));
    adding.blocks
}

/// The tree while its leaves come one after the other: the blocks that are not part of a larger one yet, in order.
#[derive(Default)]
pub struct Adding {
    blocks: Vec<Range<usize>>,
}

impl Adding {
    /// Number of blocks that wait for others.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Appends `block`; `join(i)` is called for every waiting block i that becomes the left half of a larger one with it.
    pub fn push(&mut self, block: Range<usize>, join: &mut dyn FnMut(usize)) {
        let mut block = block;
        while let Some(left) = self.blocks.last() {
            let size = block.len();
            let is_half = left.len() == size && size.is_power_of_two();
            if !is_half || left.end != block.start || !left.start.is_multiple_of(2 * size) {
                break;
            }
            block.start = left.start;
            self.blocks.pop();
            join(self.blocks.len());
        }
        self.blocks.push(block);
    }
}

/// Sum of a value of every group, in the order of the tree.
pub fn tree_sum<T: Copy>(values: &[T], add: impl Fn(T, T) -> T) -> Option<T> {
    let mut sums: Vec<T> = Vec::new();
    let mut adding = Adding::default();
    for (group, value) in values.iter().enumerate() {
        let mut sum = *value;
        adding.push(group..group + 1, &mut |left| sum = add(sums[left], sum));
        sums.truncate(adding.blocks() - 1);
        sums.push(sum);
    }
    sums.into_iter()
        .rev()
        .reduce(|right, left| add(left, right))
}

/// The figures of a group in an update.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct GroupStats {
    /// Loss and number of tokens.
    pub stats: WindowStats,
    /// Number of inputs that were drawn from the model.
    pub sampled: usize,
}

impl GroupStats {
    /// The figures of two blocks of groups together.
    pub fn plus(self, other: GroupStats) -> GroupStats {
        GroupStats {
            stats: WindowStats {
                nats: self.stats.nats + other.stats.nats,
                tokens: self.stats.tokens + other.stats.tokens,
            },
            sampled: self.sampled + other.sampled,
        }
    }
}

/// The sum of the gradients of an update's groups, over all ranks.
pub(crate) struct GradientTree {
    team: Team,
    groups: usize,
    /// Whether every rank makes its updates by its own gradient.
    pub local: bool,
    /// Blocks of groups whose gradients have been added, in order; the last one's is in the engine.
    adding: Adding,
    /// Gradients of all blocks but the last.
    sums: Vec<Params>,
    spare: Vec<Params>,
    /// Figures of the groups so far.
    stats: Vec<GroupStats>,
}

impl GradientTree {
    /// Allocates the sum of this process's groups; where a batch has several, the gradient of `engine` becomes one of parts.
    pub fn new(team: Team, groups: usize, engine: &mut Engine) -> GradientTree {
        if groups > 1 {
            engine.sum_parts();
        }
        let layout = engine.grads().layout().clone();
        let own = team.own_groups(groups);
        GradientTree {
            adding: Adding::default(),
            sums: Vec::new(),
            stats: Vec::with_capacity(own.len()),
            spare: (0..waiting(own))
                .map(|_| Params::zeros(layout.clone()))
                .collect(),
            team,
            groups,
            local: false,
        }
    }

    /// The processes that learn together.
    pub fn team(&self) -> &Team {
        &self.team
    }

    /// The groups of this process.
    pub fn own(&self) -> Range<usize> {
        self.team.own_groups(self.groups)
    }

    /// Makes room for the gradient of the next group in `engine`.
    pub fn begin(&mut self, engine: &mut Engine) {
        if self.adding.blocks() > self.sums.len() {
            let mut sum = self.spare.pop().expect("room for every waiting gradient");
            engine.swap_gradient(&mut sum);
            self.sums.push(sum);
        }
    }

    /// Adds the gradient of group `group`, which is in `engine`.
    pub fn add(&mut self, engine: &mut Engine, group: usize, stats: GroupStats) {
        self.stats.push(stats);
        let (sums, spare) = (&mut self.sums, &mut self.spare);
        self.adding.push(group..group + 1, &mut |_| {
            let left = sums.pop().expect("a gradient for every block");
            engine.add_gradient(&left);
            spare.push(left);
        });
    }

    /// Adds all blocks, so that `engine` has the gradient of the batch; returns the figures of all groups and what the ranks agree on.
    pub fn finish(&mut self, engine: &mut Engine, wishes: Wishes) -> (GroupStats, Wishes) {
        if self.local {
            // This rank's group may be empty.
            engine.settled_gradient();
            if !engine.gradient_norm(f32::INFINITY).is_finite() {
                // An update is skipped on all ranks or on none.
                let groups = self.stats.iter_mut();
                groups.for_each(|group| group.stats.nats = f64::NAN);
            }
        }
        let agreed = self.team.gather_stats(&self.stats, self.groups, wishes);
        self.stats.clear();
        match self.team.is_several() && !self.local {
            true => {
                self.team.sum_gradients(&self.sums, engine, self.groups);
                self.spare.append(&mut self.sums);
            }
            false => {
                while let Some(left) = self.sums.pop() {
                    engine.add_gradient(&left);
                    self.spare.push(left);
                }
            }
        }
        self.adding = Adding::default();
        agreed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_neighbours_and_about_equal() {
        for (groups, batch_size) in [(1, 7), (2, 8), (3, 8), (4, 4), (5, 3), (64, 1_000)] {
            let mut next = 0;
            for group in 0..groups {
                let sequences = sequences_of(group, groups, batch_size);
                assert_eq!(sequences.start, next);
                let most = most_sequences(groups, batch_size);
                assert!((batch_size / groups..=most).contains(&sequences.len()));
                next = sequences.end;
            }
            assert_eq!(next, batch_size);
        }
    }

    /// The tree in brackets, whoever adds neighbours first.
    #[test]
    fn the_order_of_a_sum_depends_on_the_number_of_groups_alone() {
        let names: Vec<String> = (0..7).map(|group| group.to_string()).collect();
        let leaked: Vec<&str> = names.iter().map(String::as_str).collect();
        let add = |a: &str, b: &str| -> &'static str { format!("({a}{b})").leak() };
        let of = |groups: usize| {
            let values: Vec<&'static str> = leaked[..groups]
                .iter()
                .map(|name| &*name.to_string().leak())
                .collect();
            tree_sum(&values, |a, b| add(a, b))
        };
        assert_eq!(of(0), None);
        assert_eq!(of(1), Some("0"));
        assert_eq!(of(4), Some("((01)(23))"));
        assert_eq!(of(6), Some("(((01)(23))(45))"));
        assert_eq!(of(7), Some("(((01)(23))((45)6))"));
    }

    #[test]
    fn few_gradients_wait() {
        for (groups, most) in [(1, 0), (2, 1), (3, 1), (4, 2), (7, 2), (8, 3), (64, 6)] {
            assert_eq!(waiting(0..groups), most, "{groups}");
        }
        assert_eq!(waiting(3..6), 2);
        assert_eq!(waiting(5..6), 0);
    }
}
