//! How gradients flow: norms against dense products and bounds, the terms of the double sum against the reference's gradients,
//! and the chapter's claims on networks that have not been trained.

#![allow(clippy::unwrap_used)] // as in tests/run

mod claims;
mod dense;
mod norms;
mod small;
mod terms;
