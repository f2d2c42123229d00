//! The kernels one by one, at the sizes that training and generation have. `cargo bench -p elman-kernels -- lstm` runs those
//! with `lstm` in their name; as tests, each runs once.
//!
//! Throughput: multiply-adds a second in products and sweeps, numbers a second elsewhere.

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main,
};
use elman_kernels::{
    Activation, Adam, Buffer, Cpu, Format, Init, Isa, Operand, Operands, Packed, PanelPair,
    Prepare, adam, cross_entropy, dropout, elman_backward, elman_forward, gather, gru_backward,
    gru_forward, lstm_backward, lstm_forward, product, scatter_add, sgd, sum_squares,
    weight_gradient,
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
const SWEEP: (usize, usize, usize) = (5, 20, 650);
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

/// Every sweep starts from the same gates: what it does to them decides which numbers the next one would meet.
fn sweeps(criterion: &mut Criterion) {
    let (steps, lanes, units) = SWEEP;
    let (state, all) = (lanes * units, steps * lanes * units);
    let zero = Buffer::zeros(state);
    each(criterion, "sweep", |group, threads, cpu| {
        let mut bench = |name: &str, gates: usize, run: &mut dyn FnMut()| {
            group.throughput(Throughput::Elements((all * gates * units) as u64));
            group.bench_function(BenchmarkId::new(name, threads), |bencher| {
                bencher.iter(&mut *run)
            });
        };
        let forward = |gates| packed(cpu, Format::F32, units, gates, units);
        let backward = |gates| packed(cpu, Format::F32, gates * units, 1, units);
        let (mut h, mut dh, mut next) = (noise(all), noise(all), noise(state));

        let (w, w_back, act) = (forward(1), backward(1), Activation::Tanh);
        bench("elman forward", 1, &mut || {
            h.fill(0.5);
            elman_forward(cpu, act, &w, &zero, &mut h);
        });
        bench("elman backward", 1, &mut || {
            dh.fill(0.5);
            next.fill(0.5);
            elman_backward(cpu, act, &w_back, &h, &mut dh, &mut next);
        });

        let (w, w_back, read) = (forward(4), backward(4), noise(4 * all));
        let (mut gates, mut c, mut dc_next) = (noise(4 * all), noise(all), noise(state));
        bench("lstm forward", 4, &mut || {
            gates.copy_from_slice(&read);
            lstm_forward(cpu, &w, &zero, &zero, &mut gates, &mut c, &mut h);
        });
        let activated = gates.clone();
        bench("lstm backward", 4, &mut || {
            gates.copy_from_slice(&activated);
            next.fill(0.5);
            dc_next.fill(0.5);
            lstm_backward(
                cpu,
                &w_back,
                &zero,
                &mut gates,
                &c,
                &dh,
                &mut next,
                &mut dc_next,
            );
        });

        let (w, w_back, read) = (forward(3), backward(3), noise(3 * all));
        let (mut gates, mut q, mut dz_h) = (noise(3 * all), noise(all), noise(3 * all));
        bench("gru forward", 3, &mut || {
            gates.copy_from_slice(&read);
            gru_forward(cpu, &w, &zero[..units], &zero, &mut gates, &mut q, &mut h);
        });
        let activated = gates.clone();
        bench("gru backward", 3, &mut || {
            gates.copy_from_slice(&activated);
            next.fill(0.5);
            gru_backward(
                cpu, &w_back, &zero, &h, &q, &mut gates, &mut dz_h, &dh, &mut next,
            );
        });
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

criterion_group!(benches, products, weight_gradients, sweeps, updates, rows);
criterion_main!(benches);
