//! A laboratory: the claims of a textbook chapter on recurrent networks, each tested with small networks.
//!
//! ```text
//! claim          a claim: its words, and a test that yields exhibits, the parts that hold or do not, and a summary
//! claims/*       one file for each claim, in the chapter's order: what is measured, its rule, and what the page says
//! measurements/* what several claims share: truncated gradients, echoes, gradient flow, costs of windows, sizes
//! lab            an open laboratory: its directory, its training runs, and its measurements, which are kept
//! nets           the networks that several claims share, trained once
//! text           a text in two parts, and sources whose laws are known
//! ```
//! Every measurement is a plain value that is kept in the laboratory's directory (`measured/NAME.json`) as soon as it is made, and
//! training runs are ordinary runs (`runs/NAME`), so opening the laboratory again continues where it ended. A verdict is never written
//! down: it follows from the parts of a claim, and these follow from the numbers by the rule in the claim's file.
//!
//! What it does not do: it writes no page and prints nothing; a finding is a section of a page for whoever does.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod claim;
mod claims;
mod error;
mod lab;
mod measurements;
mod nets;
mod scale;
mod text;
mod trained;

pub use claim::{Claim, Finding, Part};
pub use error::{Error, LabError, Result};
pub use lab::{Lab, Plan};
pub use nets::Net;
pub use scale::Scale;
pub use text::Texts;
pub use trained::Trained;
