//! What the targets share.
//!
//! ```text
//! memory     the bound on what reading a file may allocate
//! checksums  checksums of our files, set right
//! ngrams     questions to an n-gram model
//! run        a tiny run that is resumed with one of its files replaced
//! ```
#![forbid(unsafe_code)]

pub mod checksums;
pub mod memory;
pub mod ngrams;
pub mod run;
