use super::*;
use serde_json::Map;

fn described(name: &str, shape: &[usize]) -> Described {
    Described {
        name: name.into(),
        dtype: "F32",
        shape: shape.into(),
    }
}

fn names(plain: &Plain) -> Vec<&str> {
    plain
        .arrays
        .iter()
        .map(|array| array.name.as_str())
        .collect()
}

fn snapshot(arrays: Vec<Array<'static>>) -> Snapshot<'static> {
    Snapshot {
        header: Map::new(),
        arrays,
    }
}

fn formed(arrays: Vec<Array<'static>>) -> Result<Snapshot<'static>> {
    let head: Vec<Described> = arrays
        .iter()
        .map(|array| described(&array.name, &array.shape))
        .collect();
    let mut weights = snapshot(arrays);
    plain(&head)?.form(&mut weights)?;
    Ok(weights)
}

#[test]
fn raw_weights_take_the_place_of_what_dropout_left() {
    // The dropout around the module, its copy inside; in the module; a module that was saved by itself.
    for (raw, others, name, copy) in [
        (
            "0.rnns.0.weight_hh_l0_raw",
            "0.rnns.0.module.",
            "0.rnns.0.module.weight_hh_l0",
            true,
        ),
        (
            "rnns.0.weight_hh_l0_raw",
            "rnns.0.module.",
            "rnns.0.module.weight_hh_l0",
            false,
        ),
        (
            "rnns.0.module.weight_hh_l0_raw",
            "rnns.0.module.",
            "rnns.0.module.weight_hh_l0",
            true,
        ),
        ("rnn.weight_hh_l0_raw", "rnn.", "rnn.weight_hh_l0", false),
        ("weight_hh_l0_raw", "module.", "module.weight_hh_l0", true),
        ("weight_hh_l1_raw", "", "weight_hh_l1", true),
    ] {
        let mut arrays = vec![described(raw, &[8, 2])];
        let others =
            ["weight_ih_l0", "bias_ih_l0", "bias_hh_l0"].map(|kind| format!("{others}{kind}"));
        arrays.extend(others.iter().map(|name| described(name, &[8])));
        if copy {
            arrays.insert(0, described(name, &[8, 2]));
        }
        let found = plain(&arrays).unwrap();
        assert_eq!(names(&found), [&[name.to_owned()], &others[..]].concat());
        assert_eq!(found.sources[name], Source::Renamed(raw.into()));
        let left_out = format!("`{name}` is left out: it is what dropout left of `{raw}`");
        assert_eq!(
            found.notes.iter().any(|note| note.starts_with(&left_out)),
            copy
        );
    }
    let raw = Array::f32("rnn.weight_hh_l0_raw", &[2, 1], vec![1.0, 2.0]);
    let copy = Array::f32("rnn.weight_hh_l0", &[2, 1], vec![0.0, 4.0]);
    let weights = formed(vec![copy, raw]).unwrap();
    assert_eq!(weights.arrays.len(), 1);
    assert_eq!(
        weights.f32("rnn.weight_hh_l0", &[2, 1]).unwrap(),
        [1.0, 2.0]
    );
    let other = [
        described("rnn.weight_hh_l0_raw", &[2, 1]),
        described("rnn.weight_hh_l0", &[1, 2]),
    ];
    assert!(
        plain(&other)
            .unwrap_err()
            .contains("`rnn.weight_hh_l0` has the shape [1, 2]")
    );
}

#[test]
fn weight_norm_in_both_forms_and_over_any_dimension() {
    let v = vec![3.0, 4.0, 0.0, 0.0, 5.0, 12.0];
    for (g, v_name, name) in [
        ("fc.weight_g", "fc.weight_v", "fc.weight"),
        (
            "rnn.weight_hh_l0_g",
            "rnn.weight_hh_l0_v",
            "rnn.weight_hh_l0",
        ),
        ("weight_g", "weight_v", "weight"),
        (
            "fc.parametrizations.weight.original0",
            "fc.parametrizations.weight.original1",
            "fc.weight",
        ),
        (
            "parametrizations.weight_ih_l0.original0",
            "parametrizations.weight_ih_l0.original1",
            "weight_ih_l0",
        ),
    ] {
        for (shape, lengths, expected) in [
            (
                &[2, 1][..],
                vec![10.0, 26.0],
                [6.0, 8.0, 0.0, 0.0, 10.0, 24.0],
            ),
            (&[1, 3], vec![6.0, 0.0, 1.0], [6.0, 0.0, 0.0, 0.0, 0.0, 1.0]),
            (&[], vec![194f32.sqrt()], [3.0, 4.0, 0.0, 0.0, 5.0, 12.0]),
        ] {
            let weights = formed(vec![
                Array::f32(v_name, &[2, 3], v.clone()),
                Array::f32("bias_g", &[2], vec![0.5, 0.25]),
                Array::f32(g, shape, lengths),
            ])
            .unwrap();
            let found = weights.f32(name, &[2, 3]).unwrap();
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{name} {shape:?}: {found}");
            }
            // A name that only looks like a length.
            assert_eq!(weights.f32("bias_g", &[2]).unwrap(), [0.5, 0.25]);
            assert_eq!(weights.arrays.len(), 2);
        }
    }
    let zeros = formed(vec![
        Array::f32("w_g", &[1, 1], vec![2.0]),
        Array::f32("w_v", &[1, 2], vec![0.0, 0.0]),
    ]);
    assert!(zeros.unwrap().f32("w", &[1, 2]).unwrap()[0].is_nan());
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let of = |g: &[usize], v: &[usize]| {
        plain(&[described("fc.weight_g", g), described("fc.weight_v", v)]).unwrap_err()
    };
    let said = of(&[3], &[2, 3]);
    assert!(said.contains("`fc.weight_g` has the shape [3]"), "{said}");
    assert!(of(&[2, 1, 1], &[2, 3, 1]).contains("remove_weight_norm"));
    let mut integers = [described("w_g", &[2, 1]), described("w_v", &[2, 3])];
    integers[0].dtype = "I64";
    assert!(plain(&integers).unwrap_err().contains("I64"));
}

/// Dropped and normed at once: salesforce's code can do both.
#[test]
fn a_normed_weight_may_be_raw() {
    let weights = formed(vec![
        Array::f32("rnn.module.weight_ih_l0", &[2, 1], vec![0.0; 2]),
        Array::f32("rnn.weight_hh_l0_raw_g", &[2, 1], vec![2.0, 3.0]),
        Array::f32(
            "rnn.weight_hh_l0_raw_v",
            &[2, 2],
            vec![0.5, 0.0, 0.0, -0.25],
        ),
    ])
    .unwrap();
    let found = weights.f32("rnn.module.weight_hh_l0", &[2, 2]).unwrap();
    assert_eq!(found, [2.0, 0.0, 0.0, -3.0]);
}

#[test]
fn an_embedding_that_stands_twice_is_taken_once() {
    let of = |values: [f32; 2]| {
        formed(vec![
            Array::f32("0.encoder_dp.emb.weight", &[2, 1], values.to_vec()),
            Array::f32("0.encoder.weight", &[2, 1], vec![1.0, 2.0]),
        ])
    };
    assert_eq!(of([1.0, 2.0]).unwrap().arrays.len(), 1);
    assert!(
        of([1.0, 3.0])
            .unwrap_err()
            .contains("should be the same numbers")
    );
}
