//! The cells as their equations say, one number at a time, in f32 with the kernels' order of
//! operations; and a problem that both the kernels and the equations solve.

use crate::common::{assert_bits, chain, numbers};
use elman_kernels::vmath::{sigmoid_in_place, tanh_in_place};
use elman_kernels::{self as sweep, Activation, Cpu, Format, Isa, Packed};
use std::ops::Range;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell {
    Elman(Activation),
    Lstm,
    Gru,
}

impl Cell {
    pub fn gates(self) -> usize {
        match self {
            Cell::Elman(_) => 1,
            Cell::Lstm => 4,
            Cell::Gru => 3,
        }
    }
}

/// A window's inputs, and the gradients that arrive from above and from after it.
#[derive(Clone)]
pub struct Problem {
    pub cell: Cell,
    /// Of the recurrent weights.
    pub format: Format,
    pub lanes: usize,
    pub units: usize,
    pub w_h: Vec<f32>, // (G·H, H)
    pub b_hn: Vec<f32>,
    pub x: Vec<f32>, // (T, B, G·H)
    pub h0: Vec<f32>,
    pub c0: Vec<f32>, // empty unless LSTM
    pub dh: Vec<f32>, // (T, B, H)
    pub dh_next: Vec<f32>,
    pub dc_next: Vec<f32>,
}

/// What a forward sweep gives; `c` is hn for the GRU and empty for the Elman cell.
#[derive(Clone)]
pub struct Outputs {
    pub gates: Vec<f32>, // (T, B, G·H); empty for the Elman cell
    pub c: Vec<f32>,
    pub h: Vec<f32>,
}

/// What a backward sweep gives; `dz_h` is empty unless GRU, `dc_0` unless LSTM.
pub struct Grads {
    pub dz_x: Vec<f32>,
    pub dz_h: Vec<f32>,
    pub dh_0: Vec<f32>,
    pub dc_0: Vec<f32>,
}

impl Problem {
    pub fn new(cell: Cell, steps: usize, lanes: usize, units: usize) -> Problem {
        let (gates, state) = (cell.gates(), lanes * units);
        let of_lstm = if cell == Cell::Lstm { state } else { 0 };
        let scale = 1.5 / (units as f32).sqrt();
        Problem {
            cell,
            format: Format::F32,
            lanes,
            units,
            w_h: numbers(11, gates * units * units)
                .iter()
                .map(|w| w * scale)
                .collect(),
            b_hn: numbers(12, units),
            x: numbers(13, steps * state * gates),
            h0: numbers(14, state),
            c0: numbers(15, of_lstm),
            dh: numbers(16, steps * state),
            dh_next: numbers(17, state),
            dc_next: numbers(18, of_lstm),
        }
    }

    pub fn steps(&self, steps: Range<usize>) -> Problem {
        let cut = |x: &[f32], width: usize| x[steps.start * width..steps.end * width].to_vec();
        let state = self.lanes * self.units;
        Problem {
            x: cut(&self.x, state * self.cell.gates()),
            dh: cut(&self.dh, state),
            ..self.clone()
        }
    }

    /// The problem of one lane alone.
    pub fn lane(&self, lane: usize) -> Problem {
        let take = |x: &[f32], width: usize| -> Vec<f32> {
            let rows = x.chunks(width).skip(lane).step_by(self.lanes);
            rows.flatten().copied().collect()
        };
        Problem {
            lanes: 1,
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
        let mut w = Packed::new(self.format, self.units, self.cell.gates(), self.units);
        w.pack_transposed(cpu, &self.w_h);
        let (mut gates, mut h) = (self.x.clone(), vec![f32::NAN; self.dh.len()]);
        let mut c = vec![f32::NAN; self.dh.len()];
        match self.cell {
            Cell::Elman(act) => {
                sweep::elman_forward(cpu, act, &w, &self.h0, &mut gates);
                (h, gates, c) = (gates, vec![], vec![]);
            }
            Cell::Lstm => {
                sweep::lstm_forward(cpu, &w, &self.h0, &self.c0, &mut gates, &mut c, &mut h);
            }
            Cell::Gru => {
                sweep::gru_forward(cpu, &w, &self.b_hn, &self.h0, &mut gates, &mut c, &mut h);
            }
        }
        Outputs { gates, c, h }
    }

    pub fn backward(&self, cpu: &Cpu, outputs: Outputs) -> Grads {
        let mut w = Packed::new(self.format, self.cell.gates() * self.units, 1, self.units);
        w.pack(cpu, &self.w_h);
        let Outputs { mut gates, c, h } = outputs;
        let (mut dh_0, mut dc_0) = (self.dh_next.clone(), self.dc_next.clone());
        let mut dz_h = vec![];
        match self.cell {
            Cell::Elman(act) => {
                gates = self.dh.clone();
                sweep::elman_backward(cpu, act, &w, &h, &mut gates, &mut dh_0);
            }
            Cell::Lstm => {
                let (dh, dc_0) = (&self.dh, &mut dc_0);
                sweep::lstm_backward(cpu, &w, &self.c0, &mut gates, &c, dh, &mut dh_0, dc_0);
            }
            Cell::Gru => {
                dz_h = vec![f32::NAN; gates.len()];
                let (dz_h, dh_0) = (&mut dz_h, &mut dh_0);
                sweep::gru_backward(cpu, &w, &self.h0, &h, &c, &mut gates, dz_h, &self.dh, dh_0);
            }
        }
        Grads {
            dz_x: gates,
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

    /// Empty unless LSTM.
    pub fn last_c(&self, problem: &Problem) -> &[f32] {
        &self.c[self.c.len() - problem.c0.len()..]
    }

    pub fn join(a: &Outputs, b: &Outputs) -> Outputs {
        Outputs {
            gates: [&a.gates[..], &b.gates].concat(),
            c: [&a.c[..], &b.c].concat(),
            h: [&a.h[..], &b.h].concat(),
        }
    }

    #[track_caller]
    pub fn assert_equal(&self, got: &Outputs, what: &str) {
        assert_bits(&got.h, &self.h, &format!("h of {what}"));
        assert_bits(&got.c, &self.c, &format!("c or hn of {what}"));
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

/// Both sweeps by the equations.
pub fn reference(p: &Problem) -> (Outputs, Grads) {
    let (units, gates, state) = (p.units, p.cell.gates(), p.lanes * p.units);
    let steps = p.dh.len() / state;
    let mut out = Outputs {
        gates: vec![],
        c: vec![],
        h: vec![],
    };
    for t in 0..steps {
        for lane in 0..p.lanes {
            for unit in 0..units {
                let x = &p.x[(t * p.lanes + lane) * gates * units..];
                let at = lane * units + unit;
                let prev = if t == 0 {
                    &p.h0
                } else {
                    &out.h[(t - 1) * state..]
                };
                let h = &prev[lane * units..];
                // The pre-activation of gate g, from a given start.
                let a = |g: usize, start: f32| {
                    let row = &p.w_h[(g * units + unit) * units..];
                    chain(start, units, |k| h[k], |k| row[k])
                };
                match p.cell {
                    Cell::Elman(act) => out.h.push(phi(act, a(0, x[unit]))),
                    Cell::Lstm => {
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
                    Cell::Gru => {
                        let [r, z] = [0, 1].map(|g| sigmoid(a(g, x[g * units + unit])));
                        let hn = a(2, p.b_hn[unit]);
                        let n = tanh(r.mul_add(hn, x[2 * units + unit]));
                        let h = z.mul_add(h[unit] - n, n);
                        out.h.push(h);
                        out.c.push(hn);
                        out.gates.extend([r, z, n]);
                    }
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
    let (units, gates, state) = (p.units, p.cell.gates(), p.lanes * p.units);
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
            match p.cell {
                Cell::Elman(Activation::Sigmoid) => dz_x.push(dh * (h * (1.0 - h))),
                Cell::Elman(Activation::Tanh) => dz_x.push(dh * (-h).mul_add(h, 1.0)),
                Cell::Elman(Activation::Relu) => dz_x.push(if h > 0.0 { dh } else { 0.0 }),
                Cell::Lstm => {
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
                Cell::Gru => {
                    let [r, z, n] = [0, 1, 2].map(gate);
                    let dn = (dh * (1.0 - z)) * (-n).mul_add(n, 1.0);
                    let dz = (dh * (before(&p.h0, &out.h, at) - n)) * (z * (1.0 - z));
                    let dr = (dn * out.c[t * state + at]) * (r * (1.0 - r));
                    dz_x.extend([dr, dz, dn]);
                    dz_h.extend([dr, dz, dn * r]);
                    dh_next[at] = dh * z;
                }
            }
        }
        let through = if p.cell == Cell::Gru { &dz_h } else { &dz_x };
        let dz = gate_major(through, gates, units);
        for at in 0..state {
            let (row, unit) = (&dz[at / units * gates * units..], at % units);
            let start = if p.cell == Cell::Gru {
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
