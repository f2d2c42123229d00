//! The active embedding rows: those that occurred in the inputs and have a gradient.

/// Distinct rows, and where inputs find theirs among them.
pub(super) struct ActiveRows {
    /// Ascending.
    rows: Vec<u32>,
    places: Vec<u32>,
}

impl ActiveRows {
    /// Makes an empty list with capacity for `rows`, which include those of a window before they are sorted, and for `inputs` of a
    /// segment.
    pub(super) fn with_capacity(rows: usize, inputs: usize) -> ActiveRows {
        ActiveRows {
            rows: Vec::with_capacity(rows),
            places: Vec::with_capacity(inputs),
        }
    }

    pub(super) fn rows(&self) -> &[u32] {
        &self.rows
    }

    /// Adds the rows of `inputs`. `gradients`, if there are any, are (rows, width) in the order of the list, zero behind its
    /// end, and stay with their rows.
    pub(super) fn add(&mut self, inputs: &[u32], width: usize, gradients: &mut [f32]) {
        let known = self.rows.len();
        self.rows.extend_from_slice(inputs);
        let (before, read) = self.rows.split_at_mut(known);
        read.sort_unstable();
        let mut new = 0;
        for i in 0..read.len() {
            let id = read[i];
            if (new == 0 || read[new - 1] != id) && before.binary_search(&id).is_err() {
                read[new] = id;
                new += 1;
            }
        }
        self.rows.truncate(known + new);
        if known > 0 && new > 0 {
            if !gradients.is_empty() {
                let (before, new) = self.rows.split_at(known);
                make_room(before, new, width, gradients);
            }
            self.rows.sort_unstable();
        }
    }

    /// Position of each input's row in the list.
    pub(super) fn places(&mut self, inputs: &[u32]) -> &[u32] {
        let place = |id: &u32| self.rows.partition_point(|row| row < id) as u32;
        self.places.clear();
        self.places.extend(inputs.iter().map(place));
        &self.places
    }

    pub(super) fn clear(&mut self) {
        self.rows.clear();
    }
}

/// Moves the gradients of the rows `before` apart, so that those of the rows `new`, which become zero, come between them in
/// ascending order; both lists are ascending.
fn make_room(before: &[u32], new: &[u32], width: usize, gradients: &mut [f32]) {
    let (mut old, mut new) = (before, new);
    // From the last: no row is overwritten before it has moved.
    while let Some((last, rest)) = new.split_last() {
        let place = (old.len() + rest.len()) * width;
        match old.split_last() {
            Some((moved, rest)) if moved > last => {
                gradients.copy_within(rest.len() * width..old.len() * width, place);
                old = rest;
            }
            _ => {
                gradients[place..place + width].fill(0.0);
                new = rest;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_keep_their_gradients_when_others_come_between_them() {
        let mut active = ActiveRows::with_capacity(5, 3);
        let mut gradients = [0.0; 10];
        active.add(&[4, 1, 4], 2, &mut gradients);
        assert_eq!(active.places(&[4, 1, 4]), [1, 0, 1]);
        gradients[..4].copy_from_slice(&[1.0, 1.5, 4.0, 4.5]);
        active.add(&[8, 0, 1, 3, 8], 2, &mut gradients);
        assert_eq!(active.rows(), [0, 1, 3, 4, 8]);
        assert_eq!(
            gradients,
            [0.0, 0.0, 1.0, 1.5, 0.0, 0.0, 4.0, 4.5, 0.0, 0.0]
        );
        active.add(&[3, 8], 2, &mut gradients);
        assert_eq!(active.places(&[8, 3]), [4, 2]);
        assert_eq!(gradients[6..8], [4.0, 4.5]);
        active.clear();
        active.add(&[7], 2, &mut []);
        assert_eq!(active.rows(), [7]);
    }
}
