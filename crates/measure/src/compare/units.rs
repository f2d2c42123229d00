//! Units of resampling: what is drawn as a whole when the uncertainty of a figure is estimated.
//!
//! A unit is a piece of consecutive text with a count (its tokens, or its words) and a sum of losses for each model. A text of
//! any length has at most [`Units::most`] of them: whenever there are more, neighbours are joined two by two, so a unit is then
//! 2, 4, 8 … lines. How units are cut depends on the number of pieces alone, not on the model.
//!
//! Consecutive losses depend on each other (a hard topic stays hard), which single tokens as units would ignore and
//! understate the uncertainty; larger units do less so (Künsch 1989, blocks of a time series).

/// Units under construction and finished.
#[derive(Clone, Debug)]
pub(super) struct Units {
    most: usize,
    /// Pieces in a unit.
    each: u64,
    /// Pieces in the last unit; 0: it has not begun.
    filled: u64,
    counts: Vec<f64>,
    /// (columns, units).
    sums: Vec<Vec<f64>>,
}

impl Units {
    /// Makes an empty list of at most `most` units, an even number, for `columns` models.
    pub fn new(columns: usize, most: usize) -> Units {
        assert!(most >= 2 && most.is_multiple_of(2));
        Units {
            most,
            each: 1,
            filled: 0,
            counts: Vec::new(),
            sums: vec![Vec::new(); columns],
        }
    }

    /// Begins a piece. Must come before the first [`Units::add`].
    pub fn begin(&mut self) {
        if self.filled > 0 && self.filled < self.each {
            self.filled += 1;
            return;
        }
        if self.counts.len() == self.most {
            self.join();
        }
        self.filled = 1;
        self.counts.push(0.0);
        self.sums.iter_mut().for_each(|column| column.push(0.0));
    }

    /// Adds to the piece: `nats[m]` to model m.
    pub fn add(&mut self, count: f64, nats: impl IntoIterator<Item = f64>) {
        let last = self.counts.len() - 1;
        self.counts[last] += count;
        for (column, nats) in self.sums.iter_mut().zip(nats) {
            column[last] += nats;
        }
    }

    /// Adds `nats` for each of the things that are counted by unit in `counts` to all columns.
    pub fn charge(&mut self, counts: &[f64], nats: f64) {
        for column in &mut self.sums {
            assert_eq!(column.len(), counts.len(), "two passes saw other lines");
            for (sum, count) in column.iter_mut().zip(counts) {
                *sum += nats * count;
            }
        }
    }

    pub fn len(&self) -> usize {
        self.counts.len()
    }

    /// Pieces in a unit.
    pub fn each(&self) -> u64 {
        self.each
    }

    pub fn counts(&self) -> &[f64] {
        &self.counts
    }

    /// The losses of each model, by unit.
    pub fn columns(&self) -> &[Vec<f64>] {
        &self.sums
    }

    /// Whether two passes have cut the same pieces.
    pub fn are_those_of(&self, other: &Units) -> bool {
        (self.each, self.filled, self.len()) == (other.each, other.filled, other.len())
    }

    /// Joins neighbours.
    fn join(&mut self) {
        self.each *= 2;
        for column in self.sums.iter_mut().chain([&mut self.counts]) {
            let joined = column.chunks(2).map(|pair| pair.iter().sum()).collect();
            *column = joined;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_pieces_makes_a_bounded_number_of_units() {
        for pieces in [1, 2, 7, 8, 9, 16, 17, 1000, 1025] {
            let mut units = Units::new(2, 8);
            for i in 0..pieces {
                units.begin();
                units.add(1.0, [f64::from(i), 1.0]);
                units.add(2.0, [0.5, 0.0]);
            }
            let each = units.each() as usize;
            assert_eq!(units.len(), (pieces as usize).div_ceil(each));
            assert!(
                units.len() <= 8 && (each == 1 || units.len() > 4),
                "{pieces}"
            );
            assert_eq!(units.counts().iter().sum::<f64>(), 3.0 * f64::from(pieces));
            assert!(
                units.counts()[..units.len() - 1]
                    .iter()
                    .all(|&n| n == 3.0 * each as f64)
            );
            let first: f64 = (0..each.min(pieces as usize)).map(|i| i as f64 + 0.5).sum();
            assert_eq!(units.columns()[0][0], first);
            assert_eq!(units.columns()[1].iter().sum::<f64>(), f64::from(pieces));

            let mut others = Units::new(0, 8);
            assert!(!units.are_those_of(&others));
            (0..pieces).for_each(|_| others.begin());
            assert!(units.are_those_of(&others));
        }
    }
}
