//! A claim of the chapter, and what a test of it finds.
//!
//! A claim has parts: statements that hold or do not, by a rule on measured numbers. Its verdict follows from them, and so does the sentence
//! that says which parts were not seen.

use crate::claims;
use crate::error::Result;
use crate::lab::Lab;
use elman_report::{Block, Section, Text, Verdict};

/// A claim of the chapter: what it says, and how it is tested.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// Identifier of the section in the page.
    pub id: &'static str,
    /// Title of the section.
    pub title: &'static str,
    /// What the chapter says, in a sentence or two, with markup.
    pub says: &'static str,
    /// Equations of the claim, in LaTeX.
    pub equations: &'static [&'static str],
    /// Measures what the claim is about, or loads the measurements, and judges them.
    pub test: fn(&mut Lab) -> Result<Finding>,
}

/// Result of testing a claim.
#[derive(Clone, Debug)]
pub struct Finding {
    /// What the page shows: text, plots and tables.
    pub exhibits: Vec<Block>,
    /// The parts of the claim.
    pub parts: Vec<Part>,
    /// The numbers that matter most, in a sentence or two.
    pub summary: String,
}

/// A part of a claim, and whether the measurements agree with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The part as a statement that begins in lower case, such as "GRU gradients vanish".
    pub statement: String,
    /// Whether it holds.
    pub holds: bool,
}

impl Claim {
    /// All claims, in the order of the chapter.
    pub const ALL: [Claim; 19] = [
        claims::history::CLAIM,
        claims::perplexity::CLAIM,
        claims::exponential::CLAIM,
        claims::vocabulary::CLAIM,
        claims::forcing::CLAIM,
        claims::exposure::CLAIM,
        claims::truncation::CLAIM,
        claims::cost::CLAIM,
        claims::vanishing::CLAIM,
        claims::bound::CLAIM,
        claims::clipping::CLAIM,
        claims::relu::CLAIM,
        claims::identity::CLAIM,
        claims::gates::CLAIM,
        claims::long::CLAIM,
        claims::parameters::CLAIM,
        claims::ngrams::CLAIM,
        claims::memory::CLAIM,
        claims::order::CLAIM,
    ];

    /// Makes the section of a page, with number `number`, from what the test of the claim found.
    pub fn section(&self, number: usize, finding: Finding) -> Section {
        let (verdict, because) = (finding.verdict(), finding.because());
        let mut said = vec![Block::paragraph(self.says)];
        said.extend(self.equations.iter().map(|latex| Block::equation(latex)));
        let mut blocks = vec![
            Block::Quote("What the chapter says".into(), said),
            Block::heading("What was measured here"),
        ];
        blocks.extend(finding.exhibits);
        blocks.push(Block::Verdict(verdict, because.into()));
        Section {
            number: Some(number),
            verdict: Some(verdict),
            ..Section::new(self.id, Text::marked(self.title), blocks)
        }
    }
}

impl Finding {
    /// Verdict on the claim: it holds if all its parts do, and in part if some do.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.parts)
    }

    /// Reasons of the verdict: the summary, and the parts that were not seen.
    pub fn because(&self) -> String {
        let unseen: Vec<&str> = self
            .parts
            .iter()
            .filter(|part| !part.holds)
            .map(|part| part.statement.as_str())
            .collect();
        match unseen.is_empty() {
            true => self.summary.clone(),
            false => format!("{} Not seen: {}.", self.summary, unseen.join("; ")),
        }
    }
}

impl Part {
    pub(crate) fn new(statement: impl Into<String>, holds: bool) -> Part {
        Part {
            statement: statement.into(),
            holds,
        }
    }
}

/// Verdict on a claim with these parts.
pub(crate) fn verdict(parts: &[Part]) -> Verdict {
    match parts.iter().filter(|part| part.holds).count() {
        0 => Verdict::Fails,
        n if n == parts.len() => Verdict::Holds,
        _ => Verdict::Partly,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(holds: &[bool]) -> Finding {
        let names = ["one is odd", "two is odd", "three is odd"];
        let parts = names.iter().zip(holds);
        Finding {
            exhibits: Vec::new(),
            parts: parts
                .map(|(name, holds)| Part::new(*name, *holds))
                .collect(),
            summary: "Numbers were looked at.".into(),
        }
    }

    #[test]
    fn a_verdict_follows_from_the_parts() {
        assert_eq!(finding(&[true, true]).verdict(), Verdict::Holds);
        assert_eq!(finding(&[true, false, true]).verdict(), Verdict::Partly);
        assert_eq!(finding(&[false, false]).verdict(), Verdict::Fails);
        assert_eq!(finding(&[]).verdict(), Verdict::Fails);
    }

    #[test]
    fn what_was_not_seen_is_named() {
        assert_eq!(finding(&[true, true]).because(), "Numbers were looked at.");
        assert_eq!(
            finding(&[false, true, false]).because(),
            "Numbers were looked at. Not seen: one is odd; three is odd."
        );
    }

    #[test]
    fn claims_have_names_of_their_own_and_sections_show_their_verdict() {
        for (i, claim) in Claim::ALL.iter().enumerate() {
            assert!(Claim::ALL[..i].iter().all(|other| other.id != claim.id));
        }
        let section = Claim::ALL[0].section(1, finding(&[true, false]));
        assert_eq!(section.verdict, Some(Verdict::Partly));
        let last = section.blocks.last();
        assert!(matches!(last, Some(Block::Verdict(Verdict::Partly, _))));
    }
}
