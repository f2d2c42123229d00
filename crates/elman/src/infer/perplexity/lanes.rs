//! Evaluation in lanes: several places of a text at once, or several lines.
//!
//! The text is in memory. Every part, a lane of a stream or a line, is summed on its own, and the sums are added in the order of the
//! text, so the bits do not depend on what is read beside what.

use super::{EvalOptions, Found, Progress, ROWS, Sums, WINDOW};
use crate::error::{Error, Result};
use crate::infer::{ModelError, NetworkModel, State, Workspace};
use crate::text::{self, Layout, ReadOptions, Sentences, Source, Stream, Vocab, Window};
use elman_kernels::Cpu;

/// Memory for the tokens of a text that is read in lanes.
const LANES_LIMIT_BYTES: usize = 2 << 30;
/// A token's id and whether it is unknown.
const TOKEN_BYTES: usize = 5;

/// Reads a text in `lanes` lanes; returns its sums, what was counted, and the lanes that there were.
///
/// Errors: those of [`in_memory`], and a model whose hidden states overflow.
pub(super) fn in_lanes(
    model: &NetworkModel,
    cpu: &Cpu,
    sources: Vec<Source>,
    read: &ReadOptions,
    options: &EvalOptions,
    (layout, lanes): (Layout, usize),
    progress: &mut dyn FnMut(Progress),
) -> Result<(Sums, Found, usize)> {
    let (ids, oov, found) = in_memory(model.vocab(), sources, read)?;
    let eos = model.vocab().eos();
    let mut progress = |tokens: u64, nats: f64| {
        progress(Progress {
            tokens,
            total_tokens: Some(found.0.tokens),
            total_nats: nats,
        });
    };
    let mut window = Window::default();
    let (sums, lanes) = match layout {
        Layout::Stream => {
            let lanes = lanes.min(ids.len());
            let steps = options.window.unwrap_or(WINDOW).min(ROWS.div_ceil(lanes));
            let stream = match model.about().restarts {
                true => Stream::at_lines(&ids, lanes, |id| model.vocab().ends_line(id)),
                false => Stream::new(ids.len(), lanes),
            };
            let mut parts = Parts::new(model, cpu, steps, lanes, lanes);
            for first in (0..stream.steps()).step_by(steps) {
                stream.window(&ids, eos, first, steps, &mut window);
                let place = |lane| stream.lane(lane).start + first;
                parts.read(&window, &|lane, t| oov[place(lane) + t], &mut progress)?;
            }
            (parts.sums, lanes)
        }
        Layout::Sentences => {
            let ends_line = |id| model.vocab().ends_line(id);
            let sentences = Sentences::new(&ids, ends_line, lanes, ROWS)?;
            let steps = options.window.unwrap_or(WINDOW);
            let mut parts = Parts::new(model, cpu, steps, lanes, sentences.lines());
            for at in 0..sentences.batches() {
                sentences.window(&ids, eos, at, &mut window);
                parts.state.reset(window.lanes);
                let place = |line| sentences.line(line as u32).start;
                parts.read(&window, &|line, t| oov[place(line) + t], &mut progress)?;
            }
            (parts.sums, lanes.min(sentences.lines()))
        }
    };
    Ok((total(&sums), found, lanes))
}

/// A whole text: its ids, whether each is unknown, and what was counted.
///
/// Errors: what reading the text can find, and more tokens than [`LANES_LIMIT_BYTES`] hold.
pub(in crate::infer) fn in_memory(
    vocab: &Vocab,
    sources: Vec<Source>,
    read: &ReadOptions,
) -> Result<(Vec<u32>, Vec<bool>, Found)> {
    let (mut ids, mut oov) = (Vec::new(), Vec::new());
    let found = text::encode_placed(sources, vocab, read, &mut |token| -> Result<()> {
        if ids.len() == LANES_LIMIT_BYTES / TOKEN_BYTES {
            return Err(Error::Config(format!(
                "the text has more than {} tokens, too many to read in lanes: cut it up, or evaluate its perplexity without lanes, which is exact and takes any length",
                ids.len()
            )));
        }
        ids.push(token.symbol.id);
        oov.push(token.symbol.oov);
        Ok(())
    })?;
    Ok((ids, oov, found))
}

/// Parts of a text that are read side by side, each summed on its own.
struct Parts<'a> {
    model: &'a NetworkModel,
    cpu: &'a Cpu,
    state: State,
    workspace: Workspace,
    /// The losses of the window that is being read.
    nats: Vec<f64>,
    sums: Vec<Sums>,
    /// Tokens of all parts together, in the order in which they are read.
    tokens: u64,
    total_nats: f64,
}

impl<'a> Parts<'a> {
    fn new(
        model: &'a NetworkModel,
        cpu: &'a Cpu,
        steps: usize,
        lanes: usize,
        parts: usize,
    ) -> Parts<'a> {
        Parts {
            model,
            cpu,
            state: model.zero_state(lanes),
            workspace: Workspace::new(model.dims(), steps, lanes),
            nats: Vec::new(),
            sums: vec![Sums::default(); parts],
            tokens: 0,
            total_nats: 0.0,
        }
    }

    /// Reads on by a window; `oov` says of a part and a time step of the window whether its token is unknown.
    fn read(
        &mut self,
        window: &Window,
        oov: &dyn Fn(usize, usize) -> bool,
        progress: &mut dyn FnMut(u64, f64),
    ) -> Result<()> {
        self.nats.resize(window.targets.len(), 0.0);
        self.model.view().score(
            self.cpu,
            &window.inputs,
            &window.targets,
            &mut self.state,
            &mut self.workspace,
            &mut self.nats,
            None,
        );
        let cells = self.nats.iter().zip(&window.weight).enumerate();
        for (cell, (nats, _)) in cells.filter(|(_, (_, weight))| **weight > 0.0) {
            let part = window.parts[cell % window.lanes] as usize;
            let ends_line = self.model.vocab().ends_line(window.targets[cell]);
            self.sums[part].add(*nats, oov(part, cell / window.lanes), ends_line);
            self.total_nats += nats;
        }
        self.tokens += window.real as u64;
        if !self.total_nats.is_finite() {
            let tokens = self.tokens;
            return Err(ModelError::Overflow { tokens }.into());
        }
        progress(self.tokens, self.total_nats);
        Ok(())
    }
}

/// The parts in their order, which is that of the text.
fn total(parts: &[Sums]) -> Sums {
    parts.iter().fold(Sums::default(), |all, part| Sums {
        nats: all.nats + part.nats,
        tokens: all.tokens + part.tokens,
        known_nats: all.known_nats + part.known_nats,
        known_tokens: all.known_tokens + part.known_tokens,
        line_ends: all.line_ends + part.line_ends,
    })
}
