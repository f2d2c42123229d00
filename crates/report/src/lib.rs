//! HTML pages and SVG plots from plain numbers.
//!
//! A [`Page`] becomes one HTML file that needs nothing else: no network, no fonts, no files beside it. Its plots can be hovered over
//! where scripts run (uPlot, which is embedded), and are SVG pictures where none do, on paper, and as files of their own.
//!
//! ```text
//! page → block → text (inline) → math (LaTeX to MathML)
//!              → plot → scale (ticks) → svg
//!              → coloured (a text by numbers)
//! numbers        as people read them
//! ```
//! All text is escaped by `maud`, which writes the tags. What it does not do: it knows no network, no run and no text, computes nothing
//! but places on an axis, and writes no file.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

mod block;
mod coloured;
mod math;
pub mod numbers;
mod page;
mod plot;
mod scale;
mod svg;
mod text;

pub use block::{Block, Table, Verdict};
pub use coloured::{Coloured, ColouredWord, LEVELS};
pub use page::{Page, Section};
pub use plot::{Axis, Plot, Scale, Series, Style};
pub use text::Text;
