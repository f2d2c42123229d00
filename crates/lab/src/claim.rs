//! A claim of the chapter, and what a test of it finds.
//!
//! A claim has parts: statements that hold or do not, by a rule on measured numbers. A rule that compares two numbers needs a difference of
//! a stated size; a smaller one, or networks that learnt nothing, leave it open. The verdict follows from the parts, and so does the
//! sentence that says which parts were not seen.

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
    /// Whether the measurements agree with it.
    pub seen: Seen,
}

/// Whether measurements agree with a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// They agree.
    Yes,
    /// They disagree.
    No,
    /// They cannot decide it: the difference is too small, or nothing was learnt that could show it.
    Open,
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
    /// Verdict on the claim: it holds if all its parts were seen, and in part if some were.
    pub fn verdict(&self) -> Verdict {
        verdict(&self.parts)
    }

    /// Reasons of the verdict: the summary, the parts that were not seen, and those that are open.
    pub fn because(&self) -> String {
        let mut because = self.summary.clone();
        for (seen, named) in [(Seen::No, "Not seen"), (Seen::Open, "Cannot be judged")] {
            let parts = self.parts.iter().filter(|part| part.seen == seen);
            let statements: Vec<&str> = parts.map(|part| part.statement.as_str()).collect();
            if !statements.is_empty() {
                because += &format!(" {named}: {}.", statements.join("; "));
            }
        }
        because
    }
}

impl Part {
    pub(crate) fn new(statement: impl Into<String>, holds: bool) -> Part {
        Part {
            statement: statement.into(),
            seen: if holds { Seen::Yes } else { Seen::No },
        }
    }

    /// A part that is seen where `effect`, which is positive as the statement has it, is at least `least`, and refuted where it is as
    /// large in the other direction.
    pub(crate) fn by_effect(statement: impl Into<String>, effect: f64, least: f64) -> Part {
        Part {
            statement: statement.into(),
            seen: match effect {
                effect if effect >= least => Seen::Yes,
                effect if effect <= -least => Seen::No,
                _ => Seen::Open,
            },
        }
    }

    /// Leaves the statement open: nothing measured can decide it.
    pub(crate) fn open(self) -> Part {
        Part {
            seen: Seen::Open,
            ..self
        }
    }
}

/// Verdict on a claim with these parts.
pub(crate) fn verdict(parts: &[Part]) -> Verdict {
    let count = |seen: Seen| parts.iter().filter(|part| part.seen == seen).count();
    match (count(Seen::Yes), count(Seen::No)) {
        (0, 0) => Verdict::Open,
        (0, _) => Verdict::Fails,
        (n, _) if n == parts.len() => Verdict::Holds,
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
            summary: "Numbers were counted.".into(),
        }
    }

    #[test]
    fn a_verdict_follows_from_the_parts() {
        assert_eq!(finding(&[true, true]).verdict(), Verdict::Holds);
        assert_eq!(finding(&[true, false, true]).verdict(), Verdict::Partly);
        assert_eq!(finding(&[false, false]).verdict(), Verdict::Fails);
        assert_eq!(finding(&[]).verdict(), Verdict::Open);
        let with = |effect| {
            let mut finding = finding(&[false]);
            finding
                .parts
                .push(Part::by_effect("four is larger", effect, 0.1));
            finding
        };
        assert_eq!(with(0.1).verdict(), Verdict::Partly);
        assert_eq!(with(0.09).verdict(), Verdict::Fails);
        assert!(
            with(f64::NAN)
                .because()
                .ends_with("Not seen: one is odd. Cannot be judged: four is larger.")
        );
        assert!(
            with(-0.1)
                .because()
                .ends_with("Not seen: one is odd; four is larger.")
        );
        assert_eq!(verdict(&[Part::by_effect("", -0.05, 0.1)]), Verdict::Open);
    }

    #[test]
    fn what_was_not_seen_is_named() {
        assert_eq!(finding(&[true, true]).because(), "Numbers were counted.");
        assert_eq!(
            finding(&[false, true, false]).because(),
            "Numbers were counted. Not seen: one is odd; three is odd."
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
