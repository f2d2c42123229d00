//! Small networks with random weights, windows of random tokens, and how they are compared with other programs' numbers.

use elman::net::dims::{Capacity, Cell, Dims, TrainingBuffers};
use elman::text::Window;
use elman::train::bptt::{Engine, LossNorm};
use elman_kernels::rng::Stream;
use elman_kernels::{Cpu, Format, Isa};

pub const ALL_BUFFERS: TrainingBuffers = TrainingBuffers {
    dropped: true,
    recurrent: true,
    rows_read: false,
};

pub fn dims(
    cell: Cell,
    vocab: usize,
    embed: usize,
    hidden: usize,
    layers: usize,
    tied: bool,
) -> Dims {
    Dims {
        cell,
        vocab,
        embed,
        hidden: vec![hidden; layers],
        tied,
    }
}

pub fn random_engine(
    dims: &Dims,
    isa: Isa,
    threads: usize,
    steps: usize,
    batch_size: usize,
    draw: &mut Stream,
) -> Engine {
    let mut engine = Engine::new(
        Cpu::new(isa, threads),
        dims.clone(),
        Capacity::whole(steps, batch_size),
        ALL_BUFFERS,
        Format::F32,
    );
    for (_, values) in engine.params_mut().tensors_mut() {
        values.iter_mut().for_each(|x| *x = draw.uniform() - 0.5);
    }
    engine
}

pub fn random_window(vocab: usize, steps: usize, batch_size: usize, draw: &mut Stream) -> Window {
    let mut ids = || {
        let id = |_| (draw.uniform() * vocab as f32) as u32;
        (0..steps * batch_size).map(id).collect()
    };
    Window {
        steps,
        batch_size,
        inputs: ids(),
        targets: ids(),
        weight: vec![1.0; steps * batch_size],
        real: steps * batch_size,
        carry: steps,
        begins: Vec::new(),
        parts: (0..batch_size as u32).collect(),
    }
}

pub fn divisor(norm: LossNorm, window: &Window) -> f64 {
    match norm {
        LossNorm::Tokens => window.real as f64,
        LossNorm::Sequences => window.batch_size as f64,
    }
}

/// ‖a − b‖ ≤ tolerance · max(‖a‖, ‖b‖).
pub fn close(case: &str, what: &str, a: &[f64], b: &[f64], tolerance: f64) {
    assert_eq!(a.len(), b.len(), "{case}, {what}");
    let norm = |x: &mut dyn Iterator<Item = f64>| x.map(|v| v * v).sum::<f64>().sqrt();
    let difference = norm(&mut a.iter().zip(b).map(|(x, y)| x - y));
    let scale = norm(&mut a.iter().copied()).max(norm(&mut b.iter().copied()));
    assert!(
        difference <= tolerance * scale,
        "{case}, {what}: {difference:.3e} of {scale:.3e}"
    );
}
