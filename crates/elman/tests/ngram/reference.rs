//! Modified Kneser–Ney as the paper has it (Chen and Goodman 1999, sections 2.7 and 3), with maps and recursion, for small texts.
//!
//! Nothing is shared with the program: counts are made per order by looking at every place of every sentence, probabilities by
//! applying the recursive definition to each question.

use std::collections::{BTreeMap, BTreeSet};

/// The word before a sentence.
pub const BEGIN: u32 = u32::MAX;

pub type Gram = Vec<u32>;

pub struct Reference {
    order: usize,
    /// Words that can be predicted: 0 … V − 1.
    words: u32,
    /// Index n − 1.
    adjusted: Vec<BTreeMap<Gram, u64>>,
    kept: Vec<BTreeSet<Gram>>,
    pub discounts: Vec<[f64; 3]>,
}

impl Reference {
    /// `sentences` end in their `<eos>`; `prune[n − 1]` is the largest count left out, the last one that of all higher orders.
    pub fn new(sentences: &[Vec<u32>], words: u32, order: usize, prune: &[u64]) -> Reference {
        let padded: Vec<Vec<u32>> = sentences
            .iter()
            .map(|s| std::iter::once(BEGIN).chain(s.iter().copied()).collect())
            .collect();
        let mut counts = vec![BTreeMap::<Gram, u64>::new(); order];
        for sentence in &padded {
            for n in 1..=order {
                for gram in sentence.windows(n).filter(|gram| gram != &[BEGIN]) {
                    *counts[n - 1].entry(gram.to_vec()).or_default() += 1;
                }
            }
        }
        let adjusted: Vec<BTreeMap<Gram, u64>> = (1..=order)
            .map(|n| {
                let own = |gram: &Gram| match n == order || gram[0] == BEGIN {
                    true => counts[n - 1][gram],
                    false => counts[n]
                        .keys()
                        .filter(|longer| longer[1..] == **gram)
                        .count() as u64,
                };
                counts[n - 1]
                    .keys()
                    .map(|gram| (gram.clone(), own(gram)))
                    .collect()
            })
            .collect();
        let kept = (1..=order)
            .map(|n| {
                let least = *prune.get(n - 1).or(prune.last()).unwrap_or(&0);
                let grams = counts[n - 1].iter();
                grams
                    .filter(|(_, c)| n == 1 || **c > least)
                    .map(|(gram, _)| gram.clone())
                    .collect()
            })
            .collect();
        let discounts = adjusted.iter().map(discounts).collect();
        Reference {
            order,
            words,
            adjusted,
            kept,
            discounts,
        }
    }

    /// All n-grams of n ≥ 2 words in the model.
    pub fn grams(&self) -> BTreeSet<Gram> {
        self.kept[1..].iter().flatten().cloned().collect()
    }

    /// Every context that a model of this order can be asked about.
    pub fn contexts(&self) -> BTreeSet<Gram> {
        let mut all: BTreeSet<Gram> = self.adjusted[..self.order - 1]
            .iter()
            .flat_map(|order| order.keys().cloned())
            .collect();
        all.extend([vec![], vec![BEGIN]]);
        all
    }

    /// p(word | context), by the definition; the context may be any.
    pub fn p(&self, context: &[u32], word: u32) -> f64 {
        let context = &context[context.len().saturating_sub(self.order - 1)..];
        let n = context.len() + 1;
        let mut total = 0.0;
        let mut left = 0.0;
        let mut own = 0.0;
        let following = self.adjusted[n - 1].range(context.to_vec()..);
        for (gram, &a) in following.take_while(|(gram, _)| gram.starts_with(context)) {
            total += a as f64;
            if !self.kept[n - 1].contains(gram) {
                left += a as f64;
                continue;
            }
            let d = self.discounts[n - 1][a.min(3) as usize - 1];
            left += d;
            if gram[n - 1] == word {
                own = a as f64 - d;
            }
        }
        let shorter = match context {
            [] => 1.0 / f64::from(self.words),
            [_, rest @ ..] => self.p(rest, word),
        };
        match total == 0.0 {
            true => shorter,
            false => own / total + left / total * shorter,
        }
    }
}

fn discounts(adjusted: &BTreeMap<Gram, u64>) -> [f64; 3] {
    let t = |k: u64| adjusted.values().filter(|a| **a == k).count() as f64;
    let y = t(1) / (t(1) + 2.0 * t(2));
    let d = [
        1.0 - 2.0 * y * t(2) / t(1),
        2.0 - 3.0 * y * t(3) / t(2),
        3.0 - 4.0 * y * t(4) / t(3),
    ];
    let defined =
        (1..=3).all(|k| t(k) > 0.0) && (0..3).all(|k| d[k] >= 0.0 && d[k] <= k as f64 + 1.0);
    if defined { d } else { [0.5, 1.0, 1.5] }
}
