//! What stands above and below the claims: the text, the networks, the machine, and how it all came out.

use crate::output::{count, grouped};
use elman::measure::bench::processor;
use elman::train::Machine;
use elman_lab::{Lab, Plan};
use elman_report::{Block, Section, Text, Verdict};
use std::time::{SystemTime, UNIX_EPOCH};

/// What a laboratory was made of.
pub struct About {
    plan: Plan,
    text: String,
    bytes: [usize; 2],
    threads: usize,
    isa: &'static str,
    quick: bool,
}

impl About {
    pub fn new(lab: &Lab, text: &str, machine: &Machine, quick: bool) -> About {
        About {
            plan: lab.plan().clone(),
            text: text.to_owned(),
            bytes: [lab.texts().train_bytes, lab.texts().valid_bytes],
            threads: machine.threads,
            isa: machine.isa.name(),
            quick,
        }
    }

    /// Whether the networks were too small for verdicts to mean anything.
    pub fn quick(&self) -> bool {
        self.quick
    }

    pub fn lead(&self, sections: &[Section], claims: usize) -> Vec<Block> {
        let of = |verdict| {
            let all = sections
                .iter()
                .filter(|section| section.verdict == Some(verdict));
            all.count()
        };
        let scale = &self.plan.scale;
        let mut blocks = vec![Block::paragraph(
            "The textbook chapter on recurrent neural networks makes claims. Here is each of them, in the chapter's order, beside what small networks did when it was put to them: nothing below was written down beforehand but the questions. Every verdict follows from the numbers above it by a rule in the program.",
        )];
        if self.quick {
            blocks.push(Block::paragraph(
                "*This is a quick page:* its networks are too small and were trained for too short a time for its verdicts to mean anything. Leave out `--quick` for one that does.",
            ));
        }
        if sections.len() < claims {
            blocks.push(Block::Paragraph(Text::plain(format!(
                "Still being measured: {} of {claims} claims are here.",
                sections.len()
            ))));
        }
        let fact = |name: &str, value: String| (Text::plain(name), Text::plain(value));
        blocks.push(Block::Facts(vec![
            fact(
                "claims",
                format!(
                    "{} hold, {} hold in part, {} do not hold here, {} cannot be judged here",
                    of(Verdict::Holds),
                    of(Verdict::Partly),
                    of(Verdict::Fails),
                    of(Verdict::Open)
                ),
            ),
            fact(
                "text",
                format!(
                    "{}: {} bytes to learn, {} held out at the end",
                    self.text,
                    grouped(self.bytes[0] as u64),
                    grouped(self.bytes[1] as u64)
                ),
            ),
            fact(
                "networks",
                format!(
                    "one layer of {}, at most {} words, {} epochs, Adam, windows of 35 steps, unless said otherwise",
                    count(scale.hidden, "unit"),
                    grouped(scale.max_vocab as u64),
                    scale.epochs
                ),
            ),
            fact("machine", format!("{}, {}, {}", processor(), count(self.threads, "thread"), self.isa)),
            fact("seed", self.plan.seed.to_string()),
            fact("made", format!("{} with elman {}", today(), self.plan.elman)),
        ]));
        blocks
    }

    pub fn foot(&self) -> String {
        "All figures but times are the same on every machine with this text, seed and version. Drag over a plot to enlarge a part of it, double-click to see all of it again. The runs behind the figures, each with a page of its own, are beside this page in runs; the numbers are in measured.".into()
    }
}

/// The date, as 2026-03-14, in UTC.
fn today() -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    date(now.map_or(0, |time| time.as_secs() / 86_400))
}

/// The date that is a number of days after 1970-01-01 (Hinnant's `civil_from_days`).
fn date(days: u64) -> String {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Years that begin in March end with February.
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + 400 * era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates() {
        for (days, expected) in [
            (0, "1970-01-01"),
            (59, "1970-03-01"),
            (11_016, "2000-02-29"),
            (20_454, "2026-01-01"),
        ] {
            assert_eq!(date(days), expected);
        }
    }
}
