//! Steps 4 to 7 of the sampler: which tokens stay in play. The steps are listed, with their sources, at the head of `sample.rs`.

use super::Sampling;
use elman_kernels::ln;
use std::cmp::Ordering;

/// Memory of the filters, reused from token to token.
#[derive(Default)]
pub(super) struct Filters {
    /// The ids that are still in play.
    kept: Vec<u32>,
    /// (V): how far a token's information is from the entropy; of those in play.
    distance: Vec<f64>,
}

impl Filters {
    /// The ids that may be drawn, ascending. `scores` (V) and their largest; `weights` (V) = e^((score − largest) / τ).
    pub fn keep(
        &mut self,
        sampling: &Sampling,
        scores: &[f32],
        weights: &[f32],
        most: f32,
    ) -> &[u32] {
        let Filters { kept, distance } = self;
        let weight = |id: u32| weights[id as usize];
        // Best first; ids are distinct, so the order is total.
        let rank = |a: &u32, b: &u32| -> Ordering {
            let (x, y) = (scores[*a as usize], scores[*b as usize]);
            y.total_cmp(&x).then(a.cmp(b))
        };
        let total = |kept: &[u32]| -> f64 { kept.iter().map(|&id| f64::from(weight(id))).sum() };
        kept.clear();
        kept.extend((0..weights.len() as u32).filter(|&id| weight(id) > 0.0));
        if let Some(k) = sampling.top_k.filter(|&k| k < kept.len()) {
            kept.select_nth_unstable_by(k - 1, rank);
            kept.truncate(k);
            kept.sort_unstable();
        }
        if sampling.top_p < 1.0 {
            let wanted = f64::from(sampling.top_p) * total(kept);
            fewest(kept, wanted, |id| f64::from(weight(id)), rank);
        }
        if sampling.min_p > 0.0 {
            // The largest weight is 1.
            kept.retain(|&id| weight(id) >= sampling.min_p);
        }
        if sampling.typical < 1.0 {
            let total = total(kept);
            let ln_total = ln(total);
            let information =
                |id: u32| ln_total - f64::from((scores[id as usize] - most) / sampling.temperature);
            let share = |&id: &u32| f64::from(weight(id)) / total * information(id);
            let entropy: f64 = kept.iter().map(share).sum();
            distance.resize(weights.len(), 0.0);
            for &id in &*kept {
                distance[id as usize] = (information(id) - entropy).abs();
            }
            let far = |a: &u32, b: &u32| {
                let (x, y) = (distance[*a as usize], distance[*b as usize]);
                x.total_cmp(&y).then(rank(a, b))
            };
            let wanted = f64::from(sampling.typical) * total;
            fewest(kept, wanted, |id| f64::from(weight(id)), far);
        }
        kept
    }
}

/// Leaves of `ids` the fewest of the first by `rank` that weigh `wanted`, ascending.
fn fewest(
    ids: &mut Vec<u32>,
    wanted: f64,
    weight: impl Fn(u32) -> f64,
    rank: impl Fn(&u32, &u32) -> Ordering + Copy,
) {
    let enough = nucleus(ids, wanted, weight, rank);
    ids.truncate(enough);
    ids.sort_unstable();
}

/// Brings the best of `ids` to the front, best first, and returns how many of them it takes to weigh `wanted`. Looks at few
/// where few are enough.
pub(super) fn nucleus(
    ids: &mut [u32],
    wanted: f64,
    weight: impl Fn(u32) -> f64,
    rank: impl Fn(&u32, &u32) -> Ordering + Copy,
) -> usize {
    let (mut sorted, mut more, mut sum) = (0, 64, 0.0);
    while sorted < ids.len() {
        let end = ids.len().min(sorted + more);
        let rest = &mut ids[sorted..];
        if end - sorted < rest.len() {
            rest.select_nth_unstable_by(end - sorted - 1, rank);
        }
        ids[sorted..end].sort_unstable_by(rank);
        for i in sorted..end {
            sum += weight(ids[i]);
            if sum >= wanted {
                return i + 1;
            }
        }
        (sorted, more) = (end, 4 * more);
    }
    ids.len()
}
