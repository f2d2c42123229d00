//! Penalties on the top layer's activations (Merity, McCann and Socher 2017), as what they add to the gradient.
//!
//! ```text
//! AR   a/2 · Σ |m_t ⊙ h_t|²          of what dropout has left     d(m_t ⊙ h_t) += a · m_t ⊙ h_t
//! TAR  b/2 · Σ |h_t − h_{t−1}|²      of the outputs as they are   dh_t += b (h_t − h_{t−1}) − b (h_{t+1} − h_t)
//! ```
//! Over the positions that carry loss; TAR over the pairs in a window of which both do, but for the first
//! outputs of a text that begins there. The factors hold the coefficients
//! and the numbers that make means of the sums, see `train::objective` and docs/MATH.md.

/// Activation penalties (AR and TAR) of one segment of a window.
#[derive(Clone, Copy, Debug)]
pub struct Penalties<'a> {
    /// Coefficient a of the activation regulariser AR; 0 without it.
    pub ar: f32,
    /// Coefficient b of the temporal activation regulariser TAR; 0 without it.
    pub tar: f32,
    /// Loss weights of the whole window, (T, B); 0 where a position carries no loss.
    pub weight: &'a [f32],
    /// Beginnings of texts in the whole window, (T, B) or empty; no TAR term connects the outputs before and after
    /// one.
    pub begins: &'a [bool],
    /// First row of the segment in the window.
    pub start: usize,
}

impl Penalties<'_> {
    /// Adds the gradient of AR to `dh` (R, H), that at `h` (R, H), the outputs after dropout.
    pub(crate) fn add_ar(&self, hidden: usize, h: &[f32], dh: &mut [f32]) {
        if self.ar == 0.0 {
            return;
        }
        let rows = h.chunks_exact(hidden).zip(dh.chunks_exact_mut(hidden));
        for ((h, dh), weight) in rows.zip(&self.weight[self.start..]) {
            if *weight > 0.0 {
                dh.iter_mut().zip(h).for_each(|(d, h)| *d += self.ar * h);
            }
        }
    }

    /// Adds the gradient of TAR to `dh` (R, H), that at the outputs. `h` (R + B, H) are these with the state before them;
    /// `after` (B, H) is the output after them, where the window continues, and becomes the segment's first one.
    pub(crate) fn add_tar(
        &self,
        (batch_size, hidden): (usize, usize),
        h: &[f32],
        after: &mut [f32],
        dh: &mut [f32],
    ) {
        if self.tar == 0.0 {
            return;
        }
        let step = batch_size * hidden;
        let carries = |row: usize| self.weight.get(row).is_some_and(|weight| *weight > 0.0);
        let goes_on =
            |row: usize| carries(row) && !self.begins.get(row).is_some_and(|begins| *begins);
        for (r, dh) in dh.chunks_exact_mut(hidden).enumerate() {
            let (row, at) = (self.start + r, r * hidden);
            if !carries(row) {
                continue;
            }
            let before = &h[at..at + hidden];
            let here = &h[at + step..at + step + hidden];
            if row >= batch_size && goes_on(row) && carries(row - batch_size) {
                for ((d, before), here) in dh.iter_mut().zip(before).zip(here) {
                    *d += self.tar * (here - before);
                }
            }
            if goes_on(row + batch_size) {
                let next = match h.get(at + 2 * step..at + 2 * step + hidden) {
                    Some(next) => next,
                    None => &after[r % batch_size * hidden..][..hidden],
                };
                for ((d, here), next) in dh.iter_mut().zip(here).zip(next) {
                    *d -= self.tar * (next - here);
                }
            }
        }
        after[..step].copy_from_slice(&h[step..2 * step]);
    }
}
