//! Products against one scalar chain per element, bit for bit.

use crate::common::{assert_bits, chain, describe, machines, numbers};
use elman_kernels::{
    Cpu, Format, Init, Isa, Operand, Packed, add_column_sums, product, weight_gradient,
};

const SIZES: [usize; 8] = [1, 2, 7, 15, 16, 17, 33, 65];

/// One case in every orientation and from every start.
fn check(machines: &[Cpu], m: usize, k: usize, gates: usize, cols: usize) {
    let n = gates * cols;
    let a = numbers(1, m * k);
    let b = numbers(2, k * n);
    let bias = numbers(3, n);
    let before = numbers(4, m * n);
    // Row k − 1 − l holds the numbers of l.
    let at: Vec<f32> = (0..k * m).map(|i| a[i % m * k + (k - 1 - i / m)]).collect();
    let bt: Vec<f32> = (0..n * k).map(|i| b[i % k * n + i / k]).collect();
    let expected = |start: &dyn Fn(usize) -> f32| -> Vec<f32> {
        let element = |i: usize| chain(start(i), k, |l| a[i / n * k + l], |l| b[l * n + i % n]);
        (0..m * n).map(element).collect()
    };
    let inits = [
        (Init::Zero, expected(&|_| 0.0)),
        (Init::Bias(&bias), expected(&|i| bias[i % n])),
        (Init::Accumulate, expected(&|i| before[i])),
    ];
    for cpu in machines {
        let mut plain = Packed::new(Format::F32, k, gates, cols);
        plain.pack(cpu, &b);
        let mut turned = Packed::new(Format::F32, k, gates, cols);
        turned.pack_transposed(cpu, &bt);
        for name in ["A", "Aᵀ"] {
            for (packed, from) in [(&plain, "B"), (&turned, "Bᵀ")] {
                for (which, (init, expected)) in inits.iter().enumerate() {
                    let mut c = before.clone();
                    match name {
                        "A" => product(cpu, Operand::rows(&a, m, k), packed, *init, &mut c),
                        _ => weight_gradient(cpu, &at, packed, *init, &mut c, None),
                    }
                    let what = format!(
                        "{name}·{from} {m}×{k}×({gates}·{cols}), start {which}, {}",
                        describe(cpu)
                    );
                    assert_bits(&c, expected, &what);
                }
            }
        }
    }
}

#[test]
fn every_small_size_is_one_chain_per_element() {
    let machines = machines();
    for m in SIZES {
        for k in [1, 7, 16, 33] {
            for n in SIZES {
                check(&machines, m, k, 1, n);
            }
        }
    }
}

#[test]
fn gates_are_padded_one_by_one() {
    let machines = machines();
    for (m, k, gates, cols) in [
        (1, 20, 4, 20),
        (20, 40, 4, 40),
        (5, 17, 3, 16),
        (13, 33, 3, 1),
    ] {
        check(&machines, m, k, gates, cols);
    }
}

#[test]
fn blocks_of_k_rows_and_panels_change_nothing() {
    let machines = machines();
    // Longer than one block of k, of panels, of rows; more rows than columns and fewer.
    for (m, k, n) in [(3, 1000, 20), (30, 385, 300), (600, 20, 40), (40, 21, 600)] {
        check(&machines, m, k, 1, n);
    }
}

/// `x` with the precision of bf16, rounded to nearest even.
fn rounded(x: f32) -> f32 {
    let bits = x.to_bits();
    f32::from_bits(bits.wrapping_add(0x7FFF + (bits >> 16 & 1)) & 0xFFFF_0000)
}

#[test]
fn bf16_products_are_products_of_rounded_numbers() {
    for (m, k, n) in [
        (1, 1, 1),
        (3, 7, 17),
        (14, 31, 16),
        (13, 33, 65),
        (30, 1601, 300),
        (600, 21, 40),
    ] {
        let (a, b) = (numbers(21, m * k), numbers(22, k * n));
        let at: Vec<f32> = (0..k * m).map(|i| a[i % m * k + (k - 1 - i / m)]).collect();
        let back: Vec<f32> = (0..k * n).map(|i| b[(k - 1 - i / n) * n + i % n]).collect();
        let turned: Vec<f32> = (0..n * k).map(|i| b[i % k * n + i / k]).collect();
        let before = numbers(23, m * n);
        for isa in Isa::supported() {
            let mut first: Option<Vec<f32>> = None;
            for threads in [1, 2, 3] {
                let cpu = Cpu::new(isa, threads);
                for way in 0..4 {
                    let mut packed = Packed::new(Format::Bf16, k, 1, n);
                    match way / 2 {
                        0 => packed.pack(&cpu, &b),
                        _ if way == 2 => packed.pack_transposed(&cpu, &turned),
                        _ => packed.pack_last_first(&cpu, &back),
                    }
                    let (mut c, init) = (before.clone(), Init::Accumulate);
                    match way % 2 {
                        0 => product(&cpu, Operand::rows(&a, m, k), &packed, init, &mut c),
                        _ => weight_gradient(&cpu, &at, &packed, init, &mut c, None),
                    }
                    let what = format!("{m}×{k}×{n}, way {way}, {}", describe(&cpu));
                    // Whatever the operands' layout and the threads: one chain.
                    assert_bits(&c, first.get_or_insert(c.clone()), &what);
                }
            }
            for (i, got) in first.unwrap().into_iter().enumerate() {
                let term = |l: usize| {
                    f64::from(rounded(a[i / n * k + l])) * f64::from(rounded(b[l * n + i % n]))
                };
                let exact = f64::from(before[i]) + (0..k).map(term).sum::<f64>();
                let size = f64::from(before[i].abs()) + (0..k).map(|l| term(l).abs()).sum::<f64>();
                let bound = size * (k + 1) as f64 * f64::from(f32::EPSILON);
                assert!(
                    (f64::from(got) - exact).abs() <= bound,
                    "{m}×{k}×{n} on {}: {got}, not {exact}",
                    isa.name()
                );
            }
        }
    }
}

#[test]
fn bias_gradients_are_column_sums() {
    for (m, k, n) in [
        (1, 1, 1),
        (3, 7, 700),
        (3, 30, 700),
        (20, 40, 700),
        (40, 801, 17),
        (700, 21, 40),
        (213, 64, 33),
    ] {
        let (d, x) = (numbers(31, k * m), numbers(32, k * n));
        let before = numbers(33, m);
        for cpu in machines() {
            let mut expected = before.clone();
            add_column_sums(&cpu, &d, m, 0, &mut expected);
            for format in [Format::F32, Format::Bf16] {
                let mut packed = Packed::new(format, k, 1, n);
                packed.pack_last_first(&cpu, &x);
                let (mut dw, mut db) = (vec![0.0; m * n], before.clone());
                weight_gradient(&cpu, &d, &packed, Init::Zero, &mut dw, Some(&mut db));
                assert_bits(&db, &expected, &describe(&cpu));
            }
        }
    }
}

#[test]
fn a_row_does_not_depend_on_its_company() {
    let (k, n) = (130, 70);
    let a = numbers(5, 65 * k);
    let w = numbers(6, n * k);
    for cpu in machines() {
        let mut b = Packed::new(Format::F32, k, 1, n);
        b.pack_transposed(&cpu, &w);
        let mut together = vec![0.0; 65 * n];
        product(
            &cpu,
            Operand::rows(&a, 65, k),
            &b,
            Init::Zero,
            &mut together,
        );
        for first in 0..65 {
            for rows in [1, 5, 12].map(|rows| rows.min(65 - first)) {
                let part = &a[first * k..(first + rows) * k];
                let mut alone = vec![0.0; rows * n];
                product(
                    &cpu,
                    Operand::rows(part, rows, k),
                    &b,
                    Init::Zero,
                    &mut alone,
                );
                let expected = &together[first * n..(first + rows) * n];
                assert_bits(&alone, expected, &describe(&cpu));
            }
        }
    }
}

#[test]
fn a_packed_matrix_may_be_shorter_than_its_room() {
    let cpu = Cpu::new(Isa::detect(), 2);
    let (m, n) = (30, 50);
    let mut b = Packed::new(Format::F32, 700, 1, n);
    assert_eq!(Packed::bytes(Format::F32, 700, 1, n), 700 * 64 * 4);
    for k in [700, 3, 64, 700] {
        let x = numbers(7, k * n);
        let d = numbers(8, k * m);
        b.pack_last_first(&cpu, &x);
        assert_eq!(b.depth(), k);
        let mut c = vec![0.0; m * n];
        weight_gradient(&cpu, &d, &b, Init::Zero, &mut c, None);
        let expected: Vec<f32> = (0..m * n)
            .map(|i| {
                let back = |l| k - 1 - l;
                chain(
                    0.0,
                    k,
                    |l| d[back(l) * m + i / n],
                    |l| x[back(l) * n + i % n],
                )
            })
            .collect();
        assert_bits(&c, &expected, "a shorter window");
    }
}

#[test]
fn what_is_not_finite_stays_in_its_row_and_column() {
    let (m, k, n) = (14, 20, 37);
    let mut a = numbers(9, m * k);
    let mut w = numbers(10, n * k);
    a[3 * k + 4] = f32::NAN;
    w[36 * k + 7] = f32::INFINITY;
    for cpu in machines() {
        let mut b = Packed::new(Format::F32, k, 1, n);
        b.pack_transposed(&cpu, &w);
        let mut c = vec![0.0; m * n];
        product(&cpu, Operand::rows(&a, m, k), &b, Init::Zero, &mut c);
        for (i, x) in c.iter().enumerate() {
            let expected = i / n != 3 && i % n != 36;
            assert_eq!(x.is_finite(), expected, "row {}, column {}", i / n, i % n);
        }
    }
}

#[test]
#[should_panic(expected = "A has 3 columns, B 4 rows")]
fn sizes_must_agree() {
    let cpu = Cpu::new(Isa::detect(), 1);
    let b = Packed::new(Format::F32, 4, 1, 5);
    product(
        &cpu,
        Operand::rows(&[0.0; 6], 2, 3),
        &b,
        Init::Zero,
        &mut [0.0; 10],
    );
}
