//! A noisy channel: it writes n-best lists of lines of a text, as a recogniser would that confuses words.

use std::collections::HashMap;

/// Words and those that they are confused with.
pub struct Channel {
    /// Words by length and first letter, the frequent ones first.
    like: HashMap<(usize, char), Vec<String>>,
}

/// A linear congruential generator (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}

impl Channel {
    /// Makes a channel that confuses the words of these lines.
    pub fn new(lines: &[&str]) -> Channel {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for word in lines.iter().flat_map(|line| line.split_ascii_whitespace()) {
            *counts.entry(word).or_default() += 1;
        }
        let mut words: Vec<(&str, usize)> = counts.into_iter().filter(|word| word.1 > 5).collect();
        words.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        let mut like: HashMap<(usize, char), Vec<String>> = HashMap::new();
        for (word, _) in words {
            like.entry(Channel::key(word))
                .or_default()
                .push(word.to_owned());
        }
        Channel { like }
    }

    fn key(word: &str) -> (usize, char) {
        (
            word.chars().count().min(6),
            word.chars().next().unwrap_or(' '),
        )
    }

    /// A list in the format of Moses with `n` different hypotheses for each line, those with the highest scores first, and the references.
    ///
    /// The score of a hypothesis is lower by about 1 for each word that the channel has changed, with noise: it is often wrong about which one is right.
    pub fn lists(&self, lines: &[&str], n: usize, seed: u64) -> (String, String) {
        let mut random = Random(seed);
        let (mut list, mut references) = (String::new(), String::new());
        for (number, line) in lines.iter().enumerate() {
            let words: Vec<&str> = line.split_ascii_whitespace().collect();
            references += &format!("{number} {}\n", words.join(" "));
            let mut hypotheses: Vec<(f64, String)> = Vec::new();
            while hypotheses.len() < n {
                let mut changes = 0;
                let mut heard: Vec<&str> = Vec::new();
                // Some hypotheses are heard better than others.
                let changed_of_40 = [1, 2, 4, 6][random.below(4)];
                for word in &words {
                    if random.below(40) >= changed_of_40 {
                        heard.push(word);
                        continue;
                    }
                    changes += 1;
                    match random.below(6) {
                        0 => {}
                        1 => heard.extend([word, word]),
                        _ => {
                            let like = self.like.get(&Channel::key(word));
                            let other = like.map(|like| &like[random.below(like.len().min(30))]);
                            heard.push(other.map_or(word, |other| other));
                        }
                    }
                }
                let noise = (random.below(1000) + random.below(1000)) as f64 / 1000.0 - 1.0;
                let score = -(changes as f64) + 8.0 * noise;
                let heard = heard.join(" ");
                if hypotheses.iter().all(|(_, other)| *other != heard) {
                    hypotheses.push((score, heard));
                }
            }
            hypotheses.sort_by(|a, b| b.0.total_cmp(&a.0));
            for (score, heard) in hypotheses {
                list += &format!("{number} ||| {heard} ||| channel= {score:.3} ||| {score:.3}\n");
            }
        }
        (list, references)
    }
}
