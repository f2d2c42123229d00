use super::*;

fn normals(n: usize, seed: u64) -> Vec<f64> {
    let mut stream = Stream::new(key(seed, Site::Init, 0));
    (0..n).map(|_| stream.normal()).collect()
}

fn quiet() -> impl FnMut(usize) {
    |_| {}
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    // Units of one to five tokens; a token loses 3 + noise, which its unit shares.
    let (cases, units) = (400, 120);
    let mut held = 0;
    let mut width = 0.0;
    for case in 0..cases {
        let noise = normals(units, case);
        let counts: Vec<f64> = (0..units).map(|u| (1 + u % 5) as f64).collect();
        let sums: Vec<f64> = counts
            .iter()
            .zip(&noise)
            .map(|(n, x)| n * (3.0 + x))
            .collect();
        let figures = resampled(&counts, &[&sums], 400, case, &mut quiet());
        let interval = percentiles(figures[0].clone());
        held += usize::from(interval.low <= 3.0 && 3.0 <= interval.high);
        width += interval.high - interval.low;
    }
    // The standard error of the ratio is √(Σ n²) / Σ n = 0.1009.
    let (coverage, width) = (held as f64 / cases as f64, width / cases as f64);
    assert!((0.915..0.975).contains(&coverage), "{coverage}");
    assert!(
        (width / (2.0 * 1.96 * 0.1009) - 1.0).abs() < 0.05,
        "{width}"
    );
}

#[test]
fn draws_are_paired_and_repeatable() {
    let (a, counts) = (normals(50, 1), vec![2.0; 50]);
    let b: Vec<f64> = a.iter().map(|x| x + 0.5).collect();
    let figures = resampled(&counts, &[&a, &b], 99, 5, &mut quiet());
    for (a, b) in figures[0].iter().zip(&figures[1]) {
        assert!(
            (b - a - 0.25).abs() < 1e-12,
            "a constant difference has no uncertainty"
        );
    }
    assert_eq!(resampled(&counts, &[&a, &b], 99, 5, &mut quiet()), figures);
    assert_ne!(
        resampled(&counts, &[&a], 99, 6, &mut quiet())[0],
        figures[0]
    );
    let fewer = resampled(&counts, &[&a], 40, 5, &mut quiet());
    assert_eq!(
        fewer[0],
        figures[0][..40],
        "a resample depends on its number alone"
    );
}

#[test]
fn quantiles_are_ranks() {
    let ordered: Vec<f64> = (1..=999).map(f64::from).collect();
    assert!((quantile(&ordered, 0.025) - 25.0).abs() < 1e-9);
    assert!((quantile(&ordered, 0.975) - 975.0).abs() < 1e-9);
    assert_eq!(quantile(&[4.0], 0.975), 4.0);
    assert_eq!(quantile(&[1.0, 2.0], 0.5), 1.5);
}

#[test]
fn p_values_are_uniform_where_there_is_no_difference() {
    let cases = 400;
    let mut p: Vec<f64> = (0..cases)
        .map(|case| randomisation(&[normals(60, case)], 199, case, &mut quiet())[0])
        .collect();
    p.sort_unstable_by(f64::total_cmp);
    // Kolmogorov–Smirnov at 1 %: 1.63 / √400.
    let gap = p
        .iter()
        .enumerate()
        .map(|(i, p)| (p - (i as f64 + 0.5) / cases as f64).abs());
    let gap = gap.fold(0.0, f64::max);
    assert!(gap < 1.63 / 20.0, "{gap}");
}

#[test]
fn a_real_difference_has_a_small_p_value() {
    let real: Vec<f64> = normals(200, 3).iter().map(|x| x + 0.5).collect();
    let none = vec![0.0; 200];
    let p = randomisation(
        &[real.clone(), none, real.iter().map(|d| -d).collect()],
        999,
        1,
        &mut quiet(),
    );
    assert_eq!(p, [0.001, 1.0, 0.001]);
    // Three units have eight patterns of signs, of which two are as extreme as the observed one.
    let p = randomisation(&[vec![1.0, 1.0, 1.0]], 9999, 2, &mut quiet())[0];
    assert!((p - 0.25).abs() < 0.02, "{p}");
}

#[test]
fn sums_do_not_lose_their_tails() {
    for n in 0..40 {
        let a: Vec<f64> = (0..n).map(f64::from).collect();
        let expected: f64 = a.iter().map(|x| x * x).sum();
        assert_eq!(dot(&a, &a), expected);
    }
}
