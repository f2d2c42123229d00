//! The second operand of a product, laid out in the order in which the product reads it.
//!
//! B (K, N) is cut into panels of sixteen columns. Panel p holds its numbers contiguously, one cache
//! line per word of k, so that a tile of the product walks through memory in a straight line. A word
//! is one f32, or two bf16 or four int8 of neighbouring k ([`Format`]).
//! A weight matrix of a gated cell has `gates` blocks of `cols` columns; each block is padded with
//! zero columns to whole panels on its own, so panel p of every gate holds the same sixteen units.
//!
//! Weights are packed once per window, data operands (for weight gradients) once per product.

mod pair;

use crate::buffer::Buffer;
use crate::cpu::{Cpu, Parts, SHARED_FROM, Worker};
use crate::product::{Bf16, Element, F32, Int8, lines, scale};
use crate::simd::{Op, RawOp, Vector, WIDTH};
use crate::timer::Kernel;
pub use pair::PanelPair;

use std::ops::Range;

/// Panels that `pack` fills side by side: 512 contiguous bytes are read per row.
const SIDE_BY_SIDE: usize = 8;

/// Number format of a packed matrix, which also decides the arithmetic of its products.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// f32 with one fused multiply-add at a time: the same bits on every machine.
    F32,
    /// bf16: both operands rounded to bf16, sums in f32.
    ///
    /// It takes half the memory and has twice the speed where the CPU multiplies bf16. The bits are the same on one
    /// instruction set, not across them.
    Bf16,
    /// int8: both operands rounded to 8-bit integers, scaled by the largest of each row of A and column of B.
    ///
    /// It takes a quarter of the memory, and the bits are the same on every machine. Only for weights packed
    /// transposed, in forward passes.
    Int8,
}

impl Format {
    /// Number of consecutive k that share a word of four bytes.
    pub fn per_word(self) -> usize {
        match self {
            Format::F32 => F32::PER_WORD,
            Format::Bf16 => Bf16::PER_WORD,
            Format::Int8 => Int8::PER_WORD,
        }
    }

    /// Scales kept for `columns` columns.
    fn scales(self, columns: usize) -> usize {
        match self {
            Format::F32 | Format::Bf16 => 0,
            Format::Int8 => columns,
        }
    }

    /// Words of k that hold `depth` numbers.
    fn words(self, depth: usize) -> usize {
        depth.div_ceil(self.per_word())
    }
}

/// Matrix (K, gates·cols), packed into panels of sixteen columns for [`product`](crate::product).
#[derive(Clone)]
pub struct Packed {
    panels: Buffer, // (gates, blocks, words, 16)
    scales: Buffer, // (gates, blocks, 16) in int8
    format: Format,
    depth: usize,
    capacity: usize,
    gates: usize,
    cols: usize,
}

impl Packed {
    /// Allocates a matrix of up to `depth` rows and `gates · cols` columns, initially zero.
    pub fn new(format: Format, depth: usize, gates: usize, cols: usize) -> Packed {
        assert!(
            depth >= 1 && gates >= 1 && cols >= 1,
            "an empty packed matrix ({depth}, {gates}·{cols})"
        );
        // Products trust these sizes, so they must not wrap.
        let words = cols
            .div_ceil(WIDTH)
            .checked_mul(WIDTH)
            .and_then(|padded| padded.checked_mul(gates))
            .and_then(|padded| padded.checked_mul(format.words(depth)));
        let words = words.expect("a packed matrix larger than the address space");
        Packed {
            panels: Buffer::zeros(words),
            scales: Buffer::zeros(format.scales(gates * cols.next_multiple_of(WIDTH))),
            format,
            depth,
            capacity: depth,
            gates,
            cols,
        }
    }

    /// Memory in bytes of `Packed::new(format, depth, gates, cols)`.
    pub fn bytes(format: Format, depth: usize, gates: usize, cols: usize) -> usize {
        let columns = gates * cols.next_multiple_of(WIDTH);
        (columns * format.words(depth) + format.scales(columns)) * size_of::<f32>()
    }

    /// Number format of the matrix.
    pub fn format(&self) -> Format {
        self.format
    }

    /// K: number of rows of the matrix that was packed last.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// Number of blocks of columns; each is padded to whole panels.
    pub fn gates(&self) -> usize {
        self.gates
    }

    /// Number of columns of one gate.
    pub fn cols(&self) -> usize {
        self.cols
    }

    /// N: number of columns, gates · cols.
    pub fn width(&self) -> usize {
        self.gates * self.cols
    }

    /// Panels of one gate.
    pub(crate) fn blocks(&self) -> usize {
        self.cols.div_ceil(WIDTH)
    }

    /// Words of k in one panel.
    pub(crate) fn words(&self) -> usize {
        self.format.words(self.depth)
    }

    /// Where panel `block` of `gate` begins; the gate's next panel is [`Packed::panel_size`] on.
    pub(crate) fn panel(&self, gate: usize, block: usize) -> *const f32 {
        assert!(gate < self.gates && block < self.blocks());
        let panel = gate * self.blocks() + block;
        self.panels.as_ptr().wrapping_add(panel * self.panel_size())
    }

    /// The scales of the columns of a panel and of those after it, if there are any.
    pub(crate) fn scales(&self, gate: usize, block: usize) -> *const f32 {
        let panel = gate * self.blocks() + block;
        self.scales.as_ptr().wrapping_add(panel * WIDTH)
    }

    /// Words in one panel, sixteen for each of k.
    pub(crate) fn panel_size(&self) -> usize {
        self.words() * WIDTH
    }

    /// Packs `b` (K, N) for products dz·w. K is at most the depth of the allocation.
    pub fn pack(&mut self, cpu: &Cpu, b: &[f32]) {
        self.pack_rows(cpu, b, false);
    }

    /// Packs the rows of `b` (K, N) from the last to the first, as the data operand of
    /// [`weight_gradient`](crate::weight_gradient).
    ///
    /// Its k counts backwards like the steps of backpropagation through time.
    pub fn pack_last_first(&mut self, cpu: &Cpu, b: &[f32]) {
        self.pack_rows(cpu, b, true);
    }

    fn pack_rows(&mut self, cpu: &Cpu, b: &[f32], last_first: bool) {
        assert!(self.format != Format::Int8, "int8 is packed transposed");
        let _time = cpu.time(Kernel::Pack);
        self.set_depth(b.len());
        let (format, gates, cols) = (self.format, self.gates, self.cols);
        let words = self.words();
        let panels = Parts::new(&mut self.panels);
        cpu.parallel_from(SHARED_FROM, b.len(), &|worker: Worker| {
            let rows = Rows {
                b,
                gates,
                cols,
                last_first,
                format,
                words: worker.share(words),
                first: 0,
                panel_words: words,
                panels: &panels,
            };
            // SAFETY: shares of words are disjoint.
            unsafe { cpu.isa().run_raw(rows) };
        });
    }

    /// Packs the transpose of `w` (N, K) for products x·wᵀ. K is at most the depth of the allocation.
    ///
    /// Rows `g·cols .. (g+1)·cols` of `w` are gate g.
    pub fn pack_transposed(&mut self, cpu: &Cpu, w: &[f32]) {
        let _time = cpu.time(Kernel::Pack);
        self.set_depth(w.len());
        let (format, depth, gates, cols) = (self.format, self.depth, self.gates, self.cols);
        let (blocks, size) = (self.blocks(), self.panel_size());
        let panels = Parts::new(&mut self.panels);
        let scales = Parts::new(&mut self.scales);
        cpu.parallel_from(SHARED_FROM, w.len(), &|worker: Worker| {
            for panel in worker.share(gates * blocks) {
                let (gate, first) = (panel / blocks, panel % blocks * WIDTH);
                let rows = WIDTH.min(cols - first);
                let row = gate * cols + first;
                cpu.isa().run(Turned {
                    w: &w[row * depth..(row + rows) * depth],
                    depth,
                    format,
                    // SAFETY: every panel is one worker's.
                    panel: unsafe { panels.part(panel * size..(panel + 1) * size) },
                    scales: match format.scales(WIDTH) {
                        0 => &mut [],
                        // SAFETY: as above.
                        n => unsafe { scales.part(panel * n..(panel + 1) * n) },
                    },
                });
            }
        });
    }

    #[cfg(test)]
    pub(crate) fn holds_the_same_as(&self, other: &Packed) -> bool {
        let bits = |packed: &Packed| {
            packed
                .panels
                .iter()
                .map(|x| x.to_bits())
                .collect::<Vec<_>>()
        };
        bits(self) == bits(other)
    }

    fn set_depth(&mut self, len: usize) {
        let depth = len / self.width();
        assert!(
            depth * self.width() == len && (1..=self.capacity).contains(&depth),
            "{len} numbers do not fill rows of {} up to a depth of {}",
            self.width(),
            self.capacity
        );
        // Only now: a depth beyond the capacity must not outlive the panic.
        self.depth = depth;
    }
}

/// Copies those rows of `b` that become `words` of k into all panels.
///
/// # Safety
/// To run it the caller proves that meanwhile nobody else reads or writes these words of the panels. Sizes are
/// asserted.
struct Rows<'a> {
    b: &'a [f32], // (k, gates·cols)
    gates: usize,
    cols: usize,
    /// k counts from the last row.
    last_first: bool,
    format: Format,
    words: Range<usize>,
    /// The word of the panels that the first rows of `b` become.
    first: usize,
    /// Words of k in a panel.
    panel_words: usize,
    panels: &'a Parts<'a, f32>,
}

impl RawOp for Rows<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run_raw<V: Vector>(self) {
        // SAFETY: passed on.
        unsafe {
            match self.format {
                Format::F32 => self.copy::<V, F32>(),
                Format::Bf16 => self.copy::<V, Bf16>(),
                Format::Int8 => unreachable!("refused by `pack_rows`"),
            }
        }
    }
}

impl Rows<'_> {
    /// # Safety
    /// The instructions of `V` are there, and nobody else reads or writes the words.
    #[inline(always)]
    unsafe fn copy<V: Vector, E: Element>(self) {
        let (width, blocks) = (self.gates * self.cols, self.cols.div_ceil(WIDTH));
        let (depth, deep) = (self.b.len() / width, self.panel_words);
        let words = depth.div_ceil(E::PER_WORD);
        assert!(self.b.len() == depth * width && self.words.end <= words);
        assert!(self.first + words <= deep);
        assert!(self.panels.len() >= self.gates * blocks * deep * WIDTH);
        let (first, step) = match self.last_first {
            false => (0, width as isize),
            true => ((depth - 1) * width, -(width as isize)),
        };
        for gate in 0..self.gates {
            for group in (0..blocks).step_by(SIDE_BY_SIDE) {
                for word in self.words.clone() {
                    let k = word * E::PER_WORD;
                    let row = first.wrapping_add_signed(k as isize * step);
                    for block in group..blocks.min(group + SIDE_BY_SIDE) {
                        let cols = WIDTH.min(self.cols - block * WIDTH);
                        let from = row + gate * self.cols + block * WIDTH;
                        let panel = gate * blocks + block;
                        let to = (panel * deep + self.first + word) * WIDTH;
                        // SAFETY: `cols` numbers from `from` on are inside the row of k, and so
                        // one `step` on if k is not the last; `to + 16` is inside a panel, whose
                        // word is this worker's alone.
                        unsafe {
                            let from = self.b.as_ptr().add(from);
                            let numbers = E::PER_WORD.min(depth - k);
                            let x: V = E::word(lines(from, step, cols, numbers));
                            x.store(self.panels.as_ptr().add(to));
                        }
                    }
                }
            }
        }
    }
}

/// `w` (rows ≤ 16, depth) into one panel, the columns beyond the rows zero.
struct Turned<'a> {
    w: &'a [f32],
    depth: usize,
    format: Format,
    panel: &'a mut [f32],  // (words, 16)
    scales: &'a mut [f32], // (16) in int8
}

impl Op for Turned<'_> {
    type Output = ();

    #[inline(always)]
    unsafe fn run<V: Vector>(self) {
        // SAFETY: passed on.
        unsafe {
            match self.format {
                Format::F32 => self.turn::<V, F32>(),
                Format::Bf16 => self.turn::<V, Bf16>(),
                Format::Int8 => self.turn::<V, Int8>(),
            }
        }
    }
}

impl Turned<'_> {
    /// Sixteen words of sixteen rows at a time.
    ///
    /// # Safety
    /// The instructions of `V` are there.
    #[inline(always)]
    unsafe fn turn<V: Vector, E: Element>(self) {
        let rows = self.w.len() / self.depth;
        let words = self.depth.div_ceil(E::PER_WORD);
        assert!(rows <= WIDTH && self.w.len() == rows * self.depth);
        assert!(self.panel.len() == words * WIDTH);
        let mut scales = [1.0; WIDTH];
        if E::SCALED {
            for row in 0..rows {
                // SAFETY: each row has `depth` numbers.
                scales[row] =
                    unsafe { scale::<V>(self.w.as_ptr().add(row * self.depth), self.depth) };
            }
            self.scales.copy_from_slice(&scales);
        }
        for word in (0..words).step_by(WIDTH) {
            let k = word * E::PER_WORD;
            let numbers = (WIDTH * E::PER_WORD).min(self.depth - k);
            // SAFETY: each row has `numbers` numbers from k on, which are at most sixteen words;
            // the panel has `words` lines.
            unsafe {
                let mut square = [V::splat(0.0); WIDTH];
                for (row, line) in square.iter_mut().enumerate().take(rows) {
                    let from = self.w.as_ptr().add(row * self.depth + k);
                    *line = E::weights(from, numbers, scales[row]);
                }
                let square = V::transpose(square);
                for (i, line) in square.into_iter().enumerate().take(words - word) {
                    line.store(self.panel.as_mut_ptr().add((word + i) * WIDTH));
                }
            }
        }
    }
}
