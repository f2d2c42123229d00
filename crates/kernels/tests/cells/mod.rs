//! The cells as their equations say, one number at a time, in f32 with the kernels' order of
//! operations; and a problem that both the kernels and the equations solve.

use crate::common::{assert_bits, chain, numbers};
use elman_kernels::vmath::{sigmoid_in_place, tanh_in_place};
use elman_kernels::{Activation, BackwardWindow, Cell, Cpu, Format, ForwardWindow, Isa, Packed};
use std::ops::Range;

/// A window's inputs, and the gradients that arrive from above and from after it.
#[derive(Clone)]
pub struct Problem {
    pub cell: Cell,
    /// Of the recurrent weights.
    pub format: Format,
    pub batch_size: usize,
    pub units: usize,
    pub w_h: Vec<f32>, // (G·H, H)
    pub b_q: Vec<f32>, // empty unless the cell is separate
    pub x: Vec<f32>,   // (T, B, G·H)
    pub h0: Vec<f32>,
    pub c0: Vec<f32>, // empty unless the cell has a c
    pub dh: Vec<f32>, // (T, B, H)
    pub dh_next: Vec<f32>,
    pub dc_next: Vec<f32>,
}

/// What a forward pass gives; what the cell does not have is empty.
#[derive(Clone)]
pub struct Outputs {
    pub gates: Vec<f32>, // (T, B, G·H)
    pub q: Vec<f32>,
    pub c: Vec<f32>,
    pub h: Vec<f32>,
}

/// What a backward pass gives; what the cell does not have is empty.
pub struct Grads {
    pub dz_x: Vec<f32>,
    pub dz_h: Vec<f32>,
    pub dh_0: Vec<f32>,
    pub dc_0: Vec<f32>,
}

impl Problem {
    pub fn new(cell: Cell, steps: usize, batch_size: usize, units: usize) -> Problem {
        let (gates, state) = (cell.gates(), batch_size * units);
        let memory_cell = if cell.has_memory_cell() { state } else { 0 };
        let scale = 1.5 / (units as f32).sqrt();
        Problem {
            cell,
            format: Format::F32,
            batch_size,
            units,
            w_h: numbers(11, gates * units * units)
                .iter()
                .map(|w| w * scale)
                .collect(),
            b_q: numbers(12, if cell.is_separate() { units } else { 0 }),
            x: numbers(13, steps * state * gates),
            h0: numbers(14, state),
            c0: numbers(15, memory_cell),
            dh: numbers(16, steps * state),
            dh_next: numbers(17, state),
            dc_next: numbers(18, memory_cell),
        }
    }

    pub fn steps(&self, steps: Range<usize>) -> Problem {
        let cut = |x: &[f32], width: usize| x[steps.start * width..steps.end * width].to_vec();
        let state = self.batch_size * self.units;
        Problem {
            x: cut(&self.x, state * self.cell.gates()),
            dh: cut(&self.dh, state),
            ..self.clone()
        }
    }

    /// The problem of one sequence alone.
    pub fn sequence(&self, sequence: usize) -> Problem {
        let take = |x: &[f32], width: usize| -> Vec<f32> {
            let rows = x.chunks(width).skip(sequence).step_by(self.batch_size);
            rows.flatten().copied().collect()
        };
        Problem {
            batch_size: 1,
            x: take(&self.x, self.units * self.cell.gates()),
            h0: take(&self.h0, self.units),
            c0: take(&self.c0, self.units),
            dh: take(&self.dh, self.units),
            dh_next: take(&self.dh_next, self.units),
            dc_next: take(&self.dc_next, self.units),
            ..self.clone()
        }
    }

    pub fn forward(&self, cpu: &Cpu) -> Outputs {
        let mut w_h = Packed::new(self.format, self.units, self.cell.gates(), self.units);
        w_h.pack_transposed(cpu, &self.w_h);
        let slot = |used: bool| vec![f32::NAN; if used { self.dh.len() } else { 0 }];
        let (mut gates, mut h) = match self.cell.gate_is_output() {
            true => (vec![], self.x.clone()),
            false => (self.x.clone(), slot(true)),
        };
        let mut q = slot(self.cell.is_separate());
        let mut c = slot(self.cell.has_memory_cell());
        let window = ForwardWindow {
            w_h: &w_h,
            b_q: &self.b_q,
            h0: &self.h0,
            c0: &self.c0,
            gates: &mut gates,
            q: &mut q,
            h: &mut h,
            c: &mut c,
        };
        self.cell.forward(cpu, window);
        Outputs { gates, q, c, h }
    }

    pub fn backward(&self, cpu: &Cpu, outputs: Outputs) -> Grads {
        let mut w_h = Packed::new(self.format, self.cell.gates() * self.units, 1, self.units);
        w_h.pack(cpu, &self.w_h);
        let Outputs { mut gates, q, c, h } = outputs;
        let (mut dh, mut dh_0, mut dc_0) =
            (self.dh.clone(), self.dh_next.clone(), self.dc_next.clone());
        let separate = if self.cell.is_separate() {
            gates.len()
        } else {
            0
        };
        let mut dz_h = vec![f32::NAN; separate];
        let window = BackwardWindow {
            w_h: &w_h,
            h0: &self.h0,
            c0: &self.c0,
            gates: &mut gates,
            q: &q,
            h: &h,
            c: &c,
            dh: &mut dh,
            dz_h: &mut dz_h,
            dh_next: &mut dh_0,
            dc_next: &mut dc_0,
        };
        self.cell.backward(cpu, window);
        Grads {
            dz_x: if self.cell.gate_is_output() {
                dh
            } else {
                gates
            },
            dz_h,
            dh_0,
            dc_0,
        }
    }

    /// Σ dh_t·h_t + dh_next·h_T + dc_next·c_T.
    pub fn loss(&self, outputs: &Outputs) -> f64 {
        let dot = |a: &[f32], b: &[f32]| -> f64 {
            assert_eq!(a.len(), b.len());
            a.iter()
                .zip(b)
                .map(|(a, b)| f64::from(*a) * f64::from(*b))
                .sum()
        };
        dot(&self.dh, &outputs.h)
            + dot(&self.dh_next, outputs.last_h(self))
            + dot(&self.dc_next, outputs.last_c(self))
    }
}

impl Outputs {
    pub fn last_h(&self, problem: &Problem) -> &[f32] {
        &self.h[self.h.len() - problem.h0.len()..]
    }

    /// Empty for cells without a c.
    pub fn last_c(&self, problem: &Problem) -> &[f32] {
        &self.c[self.c.len() - problem.c0.len()..]
    }

    pub fn join(a: &Outputs, b: &Outputs) -> Outputs {
        Outputs {
            gates: [&a.gates[..], &b.gates].concat(),
            q: [&a.q[..], &b.q].concat(),
            c: [&a.c[..], &b.c].concat(),
            h: [&a.h[..], &b.h].concat(),
        }
    }

    #[track_caller]
    pub fn assert_equal(&self, got: &Outputs, what: &str) {
        assert_bits(&got.h, &self.h, &format!("h of {what}"));
        assert_bits(&got.c, &self.c, &format!("c of {what}"));
        assert_bits(&got.q, &self.q, &format!("q of {what}"));
        assert_bits(&got.gates, &self.gates, &format!("gates of {what}"));
    }
}

impl Grads {
    /// Of a window cut in two.
    pub fn join(a: &Grads, b: &Grads) -> Grads {
        Grads {
            dz_x: [&a.dz_x[..], &b.dz_x].concat(),
            dz_h: [&a.dz_h[..], &b.dz_h].concat(),
            dh_0: a.dh_0.clone(),
            dc_0: a.dc_0.clone(),
        }
    }

    #[track_caller]
    pub fn assert_equal(&self, got: &Grads, what: &str) {
        assert_bits(&got.dz_x, &self.dz_x, &format!("dz of {what}"));
        assert_bits(&got.dz_h, &self.dz_h, &format!("dz_h of {what}"));
        assert_bits(&got.dh_0, &self.dh_0, &format!("dh_0 of {what}"));
        assert_bits(&got.dc_0, &self.dc_0, &format!("dc_0 of {what}"));
    }
}

/// Both passes by the equations.
pub fn reference(p: &Problem) -> (Outputs, Grads) {
    let (units, gates, state) = (p.units, p.cell.gates(), p.batch_size * p.units);
    let steps = p.dh.len() / state;
    let mut out = Outputs {
        gates: vec![],
        q: vec![],
        c: vec![],
        h: vec![],
    };
    for t in 0..steps {
        for sequence in 0..p.batch_size {
            for unit in 0..units {
                let x = &p.x[(t * p.batch_size + sequence) * gates * units..];
                let at = sequence * units + unit;
                let prev = if t == 0 {
                    &p.h0
                } else {
                    &out.h[(t - 1) * state..]
                };
                let h = &prev[sequence * units..];
                // The pre-activation of gate g, from a given start.
                let a = |g: usize, start: f32| {
                    let row = &p.w_h[(g * units + unit) * units..];
                    chain(start, units, |k| h[k], |k| row[k])
                };
                match (p.cell.name(), p.cell.activation()) {
                    ("elman", Some(act)) => out.h.push(phi(act, a(0, x[unit]))),
                    ("lstm", _) => {
                        let [i, f, g, o] = [0, 1, 2, 3].map(|g| a(g, x[g * units + unit]));
                        let (i, f, g, o) = (sigmoid(i), sigmoid(f), tanh(g), sigmoid(o));
                        let before = if t == 0 {
                            &p.c0
                        } else {
                            &out.c[(t - 1) * state..]
                        };
                        let c = f.mul_add(before[at], i * g);
                        out.h.push(o * tanh(c));
                        out.c.push(c);
                        out.gates.extend([i, f, g, o]);
                    }
                    ("gru", _) => {
                        let [r, z] = [0, 1].map(|g| sigmoid(a(g, x[g * units + unit])));
                        let q = a(2, p.b_q[unit]);
                        let n = tanh(r.mul_add(q, x[2 * units + unit]));
                        let h = z.mul_add(h[unit] - n, n);
                        out.h.push(h);
                        out.q.push(q);
                        out.gates.extend([r, z, n]);
                    }
                    (other, _) => panic!("no equations for {other} here"),
                }
            }
        }
    }
    let grads = reference_backward(p, &out);
    out.gates = gate_major(&out.gates, gates, units);
    (out, grads)
}

/// `out.gates` is (T, B, H, G) here.
fn reference_backward(p: &Problem, out: &Outputs) -> Grads {
    let (units, gates, state) = (p.units, p.cell.gates(), p.batch_size * p.units);
    let steps = p.dh.len() / state;
    let (mut dh_next, mut dc_next) = (p.dh_next.clone(), p.dc_next.clone());
    let (mut all_x, mut all_h) = (vec![vec![]; steps], vec![vec![]; steps]);
    for t in (0..steps).rev() {
        let (mut dz_x, mut dz_h) = (vec![], vec![]); // (B, H, G)
        let before = |first: &[f32], all: &[f32], at: usize| match t {
            0 => first[at],
            _ => all[(t - 1) * state + at],
        };
        for at in 0..state {
            let dh = p.dh[t * state + at] + dh_next[at];
            let h = out.h[t * state + at];
            let gate = |g: usize| out.gates[(t * state + at) * gates + g];
            match (p.cell.name(), p.cell.activation()) {
                (_, Some(Activation::Sigmoid)) => dz_x.push(dh * (h * (1.0 - h))),
                (_, Some(Activation::Tanh)) => dz_x.push(dh * (-h).mul_add(h, 1.0)),
                (_, Some(Activation::Relu)) => dz_x.push(if h > 0.0 { dh } else { 0.0 }),
                ("lstm", _) => {
                    let [i, f, g, o] = [0, 1, 2, 3].map(gate);
                    let c = tanh(out.c[t * state + at]);
                    let dc = (dh * o).mul_add((-c).mul_add(c, 1.0), dc_next[at]);
                    let c_prev = before(&p.c0, &out.c, at);
                    dz_x.push((dc * g) * (i * (1.0 - i)));
                    dz_x.push((dc * c_prev) * (f * (1.0 - f)));
                    dz_x.push((dc * i) * (-g).mul_add(g, 1.0));
                    dz_x.push((dh * c) * (o * (1.0 - o)));
                    dc_next[at] = dc * f;
                }
                _ => {
                    let [r, z, n] = [0, 1, 2].map(gate);
                    let dn = (dh * (1.0 - z)) * (-n).mul_add(n, 1.0);
                    let dz = (dh * (before(&p.h0, &out.h, at) - n)) * (z * (1.0 - z));
                    let dr = (dn * out.q[t * state + at]) * (r * (1.0 - r));
                    dz_x.extend([dr, dz, dn]);
                    dz_h.extend([dr, dz, dn * r]);
                    dh_next[at] = dh * z;
                }
            }
        }
        let through = if p.cell.is_separate() { &dz_h } else { &dz_x };
        let dz = gate_major(through, gates, units);
        for at in 0..state {
            let (row, unit) = (&dz[at / units * gates * units..], at % units);
            let start = if p.cell.is_separate() {
                dh_next[at]
            } else {
                0.0
            };
            dh_next[at] = chain(
                start,
                gates * units,
                |k| row[k],
                |k| p.w_h[k * units + unit],
            );
        }
        all_x[t] = gate_major(&dz_x, gates, units);
        all_h[t] = gate_major(&dz_h, gates, units);
    }
    Grads {
        dz_x: all_x.concat(),
        dz_h: all_h.concat(),
        dh_0: dh_next,
        dc_0: dc_next,
    }
}

/// (…, H, G) to (…, G, H).
fn gate_major(x: &[f32], gates: usize, units: usize) -> Vec<f32> {
    let place = |i: usize| {
        let (row, at) = (i / (gates * units), i % (gates * units));
        row * gates * units + at % units * gates + at / units
    };
    (0..x.len()).map(|i| x[place(i)]).collect()
}

fn phi(act: Activation, x: f32) -> f32 {
    match act {
        Activation::Sigmoid => sigmoid(x),
        Activation::Tanh => tanh(x),
        Activation::Relu => x.max(0.0),
    }
}

fn sigmoid(x: f32) -> f32 {
    one(sigmoid_in_place, x)
}

fn tanh(x: f32) -> f32 {
    one(tanh_in_place, x)
}

fn one(f: fn(Isa, &mut [f32]), x: f32) -> f32 {
    let scalar = Isa::named("scalar").expect("every machine has it");
    let mut x = [x];
    f(scalar, &mut x);
    x[0]
}
