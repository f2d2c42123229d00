//! Products of the sizes that training has; the throughput is in multiply-adds per second.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use elman_kernels::{Cpu, Format, Init, Isa, Operand, Packed, product, weight_gradient};
use std::time::Duration;

/// The recurrent step of an LSTM, the output layer, and batch 1: name, transposed A, M, K, N.
const CASES: [(&str, bool, usize, usize, usize); 5] = [
    ("A·Bᵀ", false, 20, 200, 800),
    ("A·Bᵀ", false, 20, 650, 2600),
    ("A·Bᵀ", false, 700, 650, 2600),
    ("Aᵀ·B", true, 2600, 700, 650),
    ("A·Bᵀ", false, 1, 650, 2600),
];

fn products(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("product");
    group.sample_size(10);
    group.measurement_time(Duration::from_millis(500));
    group.warm_up_time(Duration::from_millis(100));
    for threads in [1, 2] {
        let cpu = Cpu::new(Isa::detect(), threads);
        for (name, transposed, m, k, n) in CASES {
            let a = vec![0.5; m * k];
            let mut b = Packed::new(Format::F32, k, 1, n);
            b.pack(&cpu, &vec![0.25; k * n]);
            let mut c = vec![0.0; m * n];
            group.throughput(Throughput::Elements((m * k * n) as u64));
            let id = BenchmarkId::new(format!("{name} {m}×{k}×{n}"), threads);
            group.bench_function(id, |bencher| {
                bencher.iter(|| match transposed {
                    true => weight_gradient(&cpu, &a, &b, Init::Zero, &mut c, None),
                    false => product(&cpu, Operand::rows(&a, m, k), &b, Init::Zero, &mut c),
                })
            });
        }
    }
    group.finish();
}

criterion_group!(benches, products);
criterion_main!(benches);
