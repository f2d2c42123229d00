//! A claim of the chapter: its title, what is said, and how it is measured. [`all`] is the list, in the order of the chapter.

use super::{gradients, horizon, learning, remedies, sizes};
use anyhow::Result;
use elman::measure::lab::{Lab, Verdict};
use elman_report::{Block, Section, Text};

/// A claim before it is looked at.
pub struct Claim {
    /// Names the section in the page.
    pub id: &'static str,
    pub title: &'static str,
    /// What the chapter says, in a sentence or two, with markup.
    pub says: &'static str,
    /// Its equations, in LaTeX.
    pub equations: &'static [&'static str],
    pub measure: fn(&mut Lab) -> Result<Found>,
}

/// What was found.
pub struct Found {
    pub blocks: Vec<Block>,
    pub verdict: Verdict,
    /// The verdict's reasons, from the numbers.
    pub because: String,
}

impl Found {
    pub fn section(self, number: usize, claim: &Claim) -> Section {
        let mut said = vec![Block::paragraph(claim.says)];
        said.extend(claim.equations.iter().map(|latex| Block::equation(latex)));
        let verdict = shown(self.verdict);
        let mut blocks = vec![
            Block::Quote("What the chapter says".into(), said),
            Block::heading("What was measured here"),
        ];
        blocks.extend(self.blocks);
        blocks.push(Block::Verdict(verdict, self.because.into()));
        Section {
            number: Some(number),
            verdict: Some(verdict),
            ..Section::new(claim.id, Text::marked(claim.title), blocks)
        }
    }
}

fn shown(verdict: Verdict) -> elman_report::Verdict {
    match verdict {
        Verdict::Holds => elman_report::Verdict::Holds,
        Verdict::Partly => elman_report::Verdict::Partly,
        Verdict::Fails => elman_report::Verdict::Fails,
    }
}

/// Every claim, in the order of the chapter.
pub fn all() -> Vec<Claim> {
    let mut claims = learning::claims();
    claims.extend(horizon::claims());
    claims.extend(gradients::claims());
    claims.extend(remedies::claims());
    claims.extend(sizes::claims());
    claims
}
