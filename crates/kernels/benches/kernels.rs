//! The kernels one by one, at the sizes that training and generation have. `cargo bench -p elman-kernels -- lstm` runs those
//! with `lstm` in their name; as tests, each runs once.
//!
//! Throughput: multiply-adds a second in products and cells, numbers a second elsewhere.

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use elman_kernels::{
    Activation, Adam, BackwardWindow, Buffer, Cell, Cpu, Format, ForwardWindow, Init, Isa, Operand,
    Operands, Packed, PanelPair, Prepare, adam, cross_entropy, dropout, gather, product,
    scatter_add, sgd, sum_squares, weight_gradient,
};
use std::time::Duration;

const THREADS: [usize; 2] = [1, 2];
/// M, K, N: the recurrent step of an LSTM, what leads to it, the output layer; batch 1.
const PRODUCTS: [(usize, usize, usize); 7] = [
    (20, 200, 800),
    (20, 650, 2600),
    (700, 650, 2600),
    (256, 650, 10_000),
    (1, 200, 800),
    (1, 650, 2600),
    (1, 650, 10_000),
];
/// Outputs, rows of data, inputs: the weights of an LSTM and of the output layer.
const GRADIENTS: [(usize, usize, usize); 3] =
    [(2600, 700, 650), (10_000, 256, 650), (10_000, 374, 256)];
const FORMATS: [(&str, Format); 3] = [
    ("f32", Format::F32),
    ("bf16", Format::Bf16),
    ("int8", Format::Int8),
];
/// T, B, H.
const WINDOW: (usize, usize, usize) = (5, 20, 650);
/// V, H of an output layer.
const TABLE: (usize, usize) = (10_000, 256);

/// `len` numbers between −1 and 1, always the same.
fn noise(len: usize) -> Buffer {
    let mut numbers = Buffer::zeros(len);
    let mut bits = 1_u32;
    for x in numbers.iter_mut() {
        bits = bits.wrapping_mul(0x0019_660d).wrapping_add(0x3c6e_f35f);
        *x = (bits >> 8) as f32 / (1 << 23) as f32 - 1.0;
    }
    numbers
}

/// Weights (gates·n, k) of noise in panels of `format`, as a product with their transpose reads them.
fn packed(cpu: &Cpu, format: Format, k: usize, gates: usize, n: usize) -> Packed {
    let mut panels = Packed::new(format, k, gates, n);
    panels.pack_transposed(cpu, &noise(k * gates * n));
    panels
}

/// A group, and each number of threads with its processors.
fn each(
    criterion: &mut Criterion,
    name: &str,
    run: impl Fn(&mut BenchmarkGroup<WallTime>, usize, &Cpu),
) {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10);
    group.measurement_time(Duration::from_millis(500));
    group.warm_up_time(Duration::from_millis(100));
    for threads in THREADS {
        run(&mut group, threads, &Cpu::new(Isa::detect(), threads));
    }
    group.finish();
}

fn products(criterion: &mut Criterion) {
    each(criterion, "product", |group, threads, cpu| {
        for ((m, k, n), (name, format)) in pairs(&PRODUCTS, &FORMATS) {
            let (a, b, mut c) = (noise(m * k), packed(cpu, format, k, 1, n), noise(m * n));
            group.throughput(Throughput::Elements((m * k * n) as u64));
            group.bench_function(
                BenchmarkId::new(format!("{name} {m}×{k}×{n}"), threads),
                |bencher| {
                    bencher.iter(|| product(cpu, Operand::rows(&a, m, k), &b, Init::Zero, &mut c))
                },
            );
        }
    });
}

fn weight_gradients(criterion: &mut Criterion) {
    each(criterion, "weight-gradient", |group, threads, cpu| {
        for ((m, k, n), (name, format)) in pairs(&GRADIENTS, &FORMATS[..2]) {
            let (d, mut dw, mut db) = (noise(k * m), noise(m * n), noise(m));
            let mut x = Packed::new(format, k, 1, n);
            x.pack_last_first(cpu, &noise(k * n));
            group.throughput(Throughput::Elements((m * k * n) as u64));
            group.bench_function(
                BenchmarkId::new(format!("{name} {m}×{k}×{n}"), threads),
                |bencher| {
                    bencher.iter(|| {
                        weight_gradient(cpu, &d, &x, Init::Accumulate, &mut dw, Some(&mut db))
                    })
                },
            );
        }
    });
}

fn pairs<'a, A: Copy, B: Copy>(
    a: &'a [A],
    b: &'a [B],
) -> impl Iterator<Item = (A, B)> + use<'a, A, B> {
    a.iter().flat_map(|&a| b.iter().map(move |&b| (a, b)))
}

/// The time loop of every cell. Each run starts from the same gates: what it does to them decides which numbers the next
/// one would meet.
fn cells(criterion: &mut Criterion) {
    let (steps, batch, units) = WINDOW;
    let (state, all) = (batch * units, steps * batch * units);
    let zero = Buffer::zeros(state);
    each(criterion, "cell", |group, threads, cpu| {
        for cell in [Cell::elman(Activation::Tanh), Cell::LSTM, Cell::GRU] {
            let gates = cell.gates();
            let mut bench = |direction: &str, run: &mut dyn FnMut()| {
                group.throughput(Throughput::Elements((all * gates * units) as u64));
                let name = format!("{} {direction}", cell.name());
                group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                    bencher.iter(&mut *run)
                });
            };
            let part = |used: bool, len: usize| noise(if used { len } else { 0 });
            let (own_gates, separate) = (!cell.gate_is_output(), cell.is_separate());
            let read = part(own_gates, gates * all);
            let (mut z, mut q) = (part(own_gates, gates * all), part(separate, all));
            let (mut h, mut c) = (noise(all), part(cell.has_memory_cell(), all));
            let c0 = &zero[..if cell.has_memory_cell() { state } else { 0 }];
            let w_h = packed(cpu, Format::F32, units, gates, units);
            bench("forward", &mut || {
                match own_gates {
                    true => z.copy_from_slice(&read),
                    false => h.fill(0.5),
                }
                let window = ForwardWindow {
                    w_h: &w_h,
                    b_q: &zero[..if separate { units } else { 0 }],
                    h0: &zero,
                    c0,
                    gates: &mut z,
                    q: &mut q,
                    h: &mut h,
                    c: &mut c,
                };
                cell.forward(cpu, window);
            });
            let activated = z.clone();
            let (mut dh, mut dz_h) = (noise(all), part(separate, gates * all));
            let (mut dh_next, mut dc_next) = (noise(state), part(cell.has_memory_cell(), state));
            let w_h = packed(cpu, Format::F32, gates * units, 1, units);
            bench("backward", &mut || {
                z.copy_from_slice(&activated);
                dh.fill(0.5);
                dh_next.fill(0.5);
                dc_next.fill(0.5);
                let window = BackwardWindow {
                    w_h: &w_h,
                    h0: &zero,
                    c0,
                    gates: &mut z,
                    q: &q,
                    h: &h,
                    c: &c,
                    dh: &mut dh,
                    dz_h: &mut dz_h,
                    dh_next: &mut dh_next,
                    dc_next: &mut dc_next,
                };
                cell.backward(cpu, window);
            });
        }
    });
}

/// One update of a matrix (V, H) that is packed both ways.
fn updates(criterion: &mut Criterion) {
    let (rows, cols) = TABLE;
    let len = rows * cols;
    each(criterion, "update", |group, threads, cpu| {
        let (mut w, g, mut m, mut v) = (
            noise(len),
            noise(len),
            Buffer::zeros(len),
            Buffer::zeros(len),
        );
        group.throughput(Throughput::Elements(len as u64));
        for (name, format) in &FORMATS[..2] {
            let mut forward = Packed::new(*format, cols, 1, rows);
            let mut backward = Packed::new(*format, rows, 1, cols);
            group.bench_function(
                BenchmarkId::new(format!("sgd {name}"), threads),
                |bencher| {
                    bencher.iter(|| {
                        sgd(
                            cpu,
                            operands(&mut w, &g, &mut forward, &mut backward),
                            Prepare::NOTHING,
                            0.1,
                        )
                    })
                },
            );
            let rule = Adam {
                lr: 0.001,
                beta1: 0.9,
                beta2: 0.999,
                eps: 1e-8,
                bias1: Adam::bias(0.9, 1),
                bias2: Adam::bias(0.999, 1),
            };
            group.bench_function(
                BenchmarkId::new(format!("adam {name}"), threads),
                |bencher| {
                    bencher.iter(|| {
                        let operands = operands(&mut w, &g, &mut forward, &mut backward);
                        adam(cpu, operands, Prepare::NOTHING, rule, &mut m, &mut v);
                    })
                },
            );
        }
        group.bench_function(BenchmarkId::new("norm", threads), |bencher| {
            bencher.iter(|| sum_squares(cpu, &w))
        });
    });
}

fn operands<'a>(
    w: &'a mut [f32],
    g: &'a [f32],
    forward: &'a mut Packed,
    backward: &'a mut Packed,
) -> Operands<'a> {
    Operands {
        w,
        g,
        average: None,
        panels: Some(PanelPair::new(forward, backward)),
    }
}

fn rows(criterion: &mut Criterion) {
    let (vocab, embed) = TABLE;
    let count = 256;
    each(criterion, "rows", |group, threads, cpu| {
        let ids: Vec<u32> = (0..count).map(|i| (i * 7919 % vocab) as u32).collect();
        let (logits, weight) = (noise(count * vocab), vec![1.0; count]);
        let (mut scores, mut nats) = (logits.clone(), vec![0.0; count]);
        group.throughput(Throughput::Elements((count * vocab) as u64));
        group.bench_function(BenchmarkId::new("softmax", threads), |bencher| {
            bencher.iter(|| {
                scores.copy_from_slice(&logits);
                cross_entropy(cpu, &mut scores, &ids, &weight, 0.0, &mut nats);
            })
        });
        let (mut table, mut x) = (noise(vocab * embed), noise(count * embed));
        group.throughput(Throughput::Elements((count * embed) as u64));
        group.bench_function(BenchmarkId::new("gather", threads), |bencher| {
            bencher.iter(|| gather(cpu, &table, &ids, &mut x))
        });
        group.bench_function(BenchmarkId::new("scatter", threads), |bencher| {
            bencher.iter(|| scatter_add(cpu, &ids, &x, &mut table))
        });
        group.bench_function(BenchmarkId::new("dropout", threads), |bencher| {
            bencher.iter(|| {
                x.fill(1.0);
                dropout(cpu, [1, 2], 0.5, 32, (0, 0), embed, &mut x);
            })
        });
    });
}

criterion_group!(benches, products, weight_gradients, cells, updates, rows);
criterion_main!(benches);
