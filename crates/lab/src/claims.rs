//! The claims of the chapter, one file for each: what is measured, the rule, and what the page shows.

pub(crate) mod bound;
pub(crate) mod clipping;
pub(crate) mod cost;
pub(crate) mod exponential;
pub(crate) mod exposure;
pub(crate) mod forcing;
pub(crate) mod gates;
pub(crate) mod history;
pub(crate) mod identity;
pub(crate) mod long;
pub(crate) mod memory;
pub(crate) mod ngrams;
pub(crate) mod order;
pub(crate) mod parameters;
pub(crate) mod perplexity;
pub(crate) mod relu;
pub(crate) mod truncation;
pub(crate) mod vanishing;
pub(crate) mod vocabulary;
