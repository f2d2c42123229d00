//! ARPA text of a model that is being estimated: nothing of it is kept, and all threads make lines.

use super::super::kneser_ney::blocks::Block;
use super::super::{Counts, NgramError};
use super::Writer;
use super::write::Format;
use std::io::Write;
use std::sync::Arc;

impl Counts {
    /// Estimates the model and writes it as ARPA text, as [`Writer`] does with what [`Counts::estimate`] gives; returns the flushed
    /// writer. `progress` gets the number of n-grams that are written.
    ///
    /// Errors: scratch files that cannot be written or read, those of [`Writer::new`], and the failures of `out`.
    pub fn write_arpa<W: Write>(
        self,
        out: W,
        progress: &mut dyn FnMut(u64),
    ) -> Result<W, NgramError> {
        let mut writer = Writer::new(out, &self.words, &self.kept())?;
        let format = writer.format();
        let new = |n| Lines {
            n,
            n_grams: 0,
            format: format.clone(),
            text: Vec::new(),
        };
        let mut done = 0;
        self.estimate_in_order(new, &mut |lines: Lines| -> Result<(), NgramError> {
            writer.append(lines.n, lines.n_grams, &lines.text)?;
            done += lines.n_grams;
            progress(done);
            Ok(())
        })?;
        Ok(writer.finish()?)
    }
}

/// Lines of n-grams of one order.
struct Lines {
    n: usize,
    n_grams: u64,
    format: Arc<Format>,
    text: Vec<u8>,
}

impl Block for Lines {
    #[inline]
    fn push(&mut self, ids: &[u32], log10_p: f32, log10_backoff: f32) {
        self.n_grams += 1;
        self.format
            .line(&mut self.text, ids, log10_p, log10_backoff);
    }

    fn bytes(&self) -> usize {
        self.text.len()
    }
}
