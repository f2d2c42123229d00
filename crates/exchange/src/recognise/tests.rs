use super::*;

const V: usize = 30;

fn described(name: &str, shape: &[usize]) -> Described {
    Described {
        name: name.into(),
        dtype: "F32",
        shape: shape.into(),
    }
}

/// Layers of `gates` gates behind `prefix`, of these sizes from below.
fn layers(prefix: &str, gates: usize, embed: usize, hidden: &[usize]) -> Vec<Described> {
    let mut input = embed;
    let mut arrays = Vec::new();
    for (k, &h) in hidden.iter().enumerate() {
        for (kind, shape) in [
            ("weight_ih", vec![gates * h, input]),
            ("weight_hh", vec![gates * h, h]),
            ("bias_ih", vec![gates * h]),
            ("bias_hh", vec![gates * h]),
        ] {
            arrays.push(described(&format!("{prefix}{kind}_l{k}"), &shape));
        }
        input = h;
    }
    arrays
}

/// The names of PyTorch's word language model, untied.
fn example(gates: usize) -> Vec<Described> {
    let mut arrays = layers("rnn.", gates, 7, &[5, 5]);
    arrays.extend([
        described("encoder.weight", &[V, 7]),
        described("decoder.weight", &[V, 5]),
        described("decoder.bias", &[V]),
    ]);
    arrays
}

fn find(arrays: &[Described]) -> Result<Recognised> {
    recognise(arrays, V, &Hints::default())
}

fn refused(arrays: &[Described]) -> String {
    find(arrays).unwrap_err().to_string()
}

/// What the file calls one of our tensors.
fn theirs<'a>(found: &'a Recognised, ours: &str) -> &'a str {
    let (_, name) = found.names.iter().find(|(name, _)| name == ours).unwrap();
    name
}

#[test]
fn the_names_of_the_word_language_model() {
    let found = find(&example(4)).unwrap();
    assert_eq!((found.cell, found.embed), (Cell::LSTM, 7));
    assert_eq!(
        (found.hidden.as_slice(), found.ends),
        (&[5, 5][..], Ends::Untied)
    );
    assert_eq!(found.names.len(), 11);
    assert!(found.names.iter().all(|(ours, theirs)| ours == theirs));
    assert!(found.no_biases.is_empty());
    assert_eq!(find(&example(3)).unwrap().cell, Cell::GRU);
}

#[test]
fn an_rnn_needs_its_activation_said_and_others_none() {
    let rnn = example(1);
    let said = refused(&rnn);
    assert!(
        said.contains("`rnn.weight_hh_l0`") && said.contains("with which activation"),
        "{said}"
    );
    let hints = Hints {
        activation: Some(Activation::Relu),
        ..Hints::default()
    };
    assert_eq!(
        recognise(&rnn, V, &hints).unwrap().cell,
        Cell::elman(Activation::Relu)
    );
    let said = recognise(&example(4), V, &hints).unwrap_err().to_string();
    assert!(said.contains("an LSTM"), "{said}");
}

#[test]
fn any_prefix_and_any_names_of_tables() {
    let mut arrays = layers("model.lstm.", 4, 6, &[5]);
    arrays.extend([
        described("model.fc.bias", &[V]),
        described("model.fc.weight", &[V, 5]),
        described("model.tokens.weight", &[V, 6]),
    ]);
    let found = find(&arrays).unwrap();
    assert_eq!(theirs(&found, "encoder.weight"), "model.tokens.weight");
    assert_eq!(theirs(&found, "decoder.bias"), "model.fc.bias");
    // The module itself, without a prefix; the width tells the tables apart.
    let mut arrays = layers("", 3, 6, &[5]);
    arrays.extend([described("a", &[V, 5]), described("b", &[V, 6])]);
    let found = find(&arrays).unwrap();
    assert_eq!(
        (
            theirs(&found, "encoder.weight"),
            theirs(&found, "decoder.weight")
        ),
        ("b", "a")
    );
    assert_eq!(found.no_biases, [("decoder.bias".to_owned(), V)]);
}

#[test]
fn two_tables_of_one_shape_are_told_apart_by_bias_then_name_then_by_the_user() {
    let of = |tables: [&str; 2], hints: &Hints| {
        let mut arrays = layers("rnn.", 4, 5, &[5]);
        arrays.extend(tables.map(|name| described(name, &[V, 5])));
        recognise(&arrays, V, hints).map(|found| theirs(&found, "encoder.weight").to_owned())
    };
    let own = Hints::default();
    assert_eq!(
        of(["out.weight", "embed.weight"], &own).unwrap(),
        "embed.weight"
    );
    assert_eq!(
        of(["x.weight", "lm_head.weight"], &own).unwrap(),
        "x.weight"
    );
    let said = of(["x.weight", "y.weight"], &own).unwrap_err().to_string();
    assert!(
        said.contains("`x.weight` [30, 5], `y.weight` [30, 5]: which is")
            && said.contains("name one of them"),
        "{said}"
    );
    for (embedding, output) in [(Some("y"), None), (None, Some("x.weight"))] {
        let hints = Hints {
            embedding: embedding.map(str::to_owned),
            output: output.map(str::to_owned),
            ..Hints::default()
        };
        assert_eq!(of(["x.weight", "y.weight"], &hints).unwrap(), "y.weight");
    }
    let hints = Hints {
        embedding: Some("z".into()),
        ..Hints::default()
    };
    let said = of(["x.weight", "y.weight"], &hints)
        .unwrap_err()
        .to_string();
    assert!(said.contains("`z` names no matrix"), "{said}");
}

#[test]
fn one_table_is_tied_and_may_need_a_projection() {
    let mut arrays = layers("rnn.", 4, 6, &[8, 6]);
    arrays.push(described("decoder.weight", &[V, 6]));
    arrays.push(described("decoder.bias", &[V]));
    let found = find(&arrays).unwrap();
    assert_eq!(
        (found.ends, found.hidden.as_slice()),
        (Ends::Tied, &[8, 6][..])
    );
    assert_eq!(theirs(&found, "encoder.weight"), "decoder.weight");

    let mut arrays = layers("rnn.", 4, 6, &[8]);
    arrays.push(described("encoder.weight", &[V, 6]));
    let said = refused(&arrays);
    assert!(
        said.contains("`encoder.weight` [30, 6] is the only matrix"),
        "{said}"
    );
    arrays.push(described("projection.weight", &[6, 8]));
    let found = find(&arrays).unwrap();
    assert_eq!(found.ends, Ends::Tied);
    assert_eq!(theirs(&found, "projection.weight"), "projection.weight");
}

#[test]
fn layers_of_several_modules_stand_in_the_order_of_their_numbers() {
    let mut arrays = Vec::new();
    let mut input = 4;
    // 10 comes after 9, whatever the alphabet says.
    for k in 0..11 {
        arrays.extend(layers(&format!("rnns.{k}.module."), 4, input, &[5 + k]));
        input = 5 + k;
    }
    arrays.extend([
        described("encoder.weight", &[V, 4]),
        described("decoder.weight", &[V, 15]),
    ]);
    let found = find(&arrays).unwrap();
    assert_eq!(found.hidden, (5..16).collect::<Vec<_>>());
    assert_eq!(
        theirs(&found, "rnn.weight_hh_l10"),
        "rnns.10.module.weight_hh_l0"
    );
    let mut arrays = layers("a.", 4, 4, &[4]);
    arrays.extend(layers("b.", 4, 4, &[4]));
    let said = refused(&arrays);
    assert!(said.contains("`a.*`, `b.*`"), "{said}");
}

#[test]
fn modules_without_biases() {
    let mut arrays = example(3);
    arrays.retain(|array| !array.name.contains("bias"));
    let found = find(&arrays).unwrap();
    assert_eq!(found.no_biases.len(), 5);
    assert!(found.no_biases.contains(&("rnn.bias_hh_l1".into(), 15)));
}

#[test]
fn what_is_no_language_model_is_refused_by_name() {
    let with = |name: &str, shape: &[usize]| {
        let mut arrays = example(4);
        arrays.push(described(name, shape));
        refused(&arrays)
    };
    let without = |name: &str| {
        let mut arrays = example(4);
        arrays.retain(|array| array.name != name);
        refused(&arrays)
    };
    let reshaped = |name: &str, shape: &[usize]| {
        let mut arrays = example(4);
        arrays
            .iter_mut()
            .find(|array| array.name == name)
            .unwrap()
            .shape = shape.into();
        refused(&arrays)
    };
    let mut integers = example(4);
    integers[0].dtype = "I64";
    for (said, expected) in [
        (
            with("rnn.weight_ih_l0_reverse", &[20, 7]),
            "`rnn.weight_ih_l0_reverse` belongs to a bidirectional",
        ),
        (
            with("rnn.weight_hr_l0", &[3, 5]),
            "`rnn.weight_hr_l0` is the projection",
        ),
        (with("norm.weight", &[5]), "`norm.weight` [5] has no place"),
        (with("extra.weight", &[V, 5]), "could all be"),
        (
            with("rnn.weight_ih_l3", &[20, 5]),
            "`rnn.weight_ih_l2` is missing",
        ),
        (without("rnn.weight_hh_l0"), "`rnn.weight_hh_l0` is missing"),
        (without("rnn.weight_ih_l1"), "`rnn.weight_ih_l1` is missing"),
        (
            without("rnn.bias_hh_l1"),
            "`rnn.bias_hh_l1` is missing, and other layers",
        ),
        (
            without("decoder.weight"),
            "the output layer's weight is missing",
        ),
        (
            reshaped("rnn.weight_hh_l0", &[20, 6]),
            "`rnn.weight_hh_l0` has the shape [20, 6]",
        ),
        (reshaped("rnn.weight_hh_l0", &[20]), "and a matrix"),
        (reshaped("rnn.weight_hh_l0", &[0, 0]), "and a matrix"),
        (
            reshaped("rnn.weight_hh_l1", &[15, 5]),
            "not of the kind of the first layer",
        ),
        (
            reshaped("rnn.weight_ih_l1", &[20, 7]),
            "`rnn.weight_ih_l1` has the shape [20, 7] where [20, 5]",
        ),
        (
            reshaped("rnn.bias_ih_l0", &[5]),
            "`rnn.bias_ih_l0` has the shape [5] where [20]",
        ),
        (
            reshaped("encoder.weight", &[V, 8]),
            "`encoder.weight` has the shape [30, 8] where [30, 7]",
        ),
        (
            refused(&[described("encoder.weight", &[V, 7])]),
            "no tensor is called",
        ),
        (refused(&[]), "no tensor is called"),
        (
            refused(&integers),
            "`rnn.weight_ih_l0` has the element type I64",
        ),
        (
            recognise(&example(4), V + 1, &Hints::default())
                .unwrap_err()
                .to_string(),
            "no matrix has 31 rows",
        ),
    ] {
        assert!(said.contains(expected), "{expected}: {said}");
    }
}

/// As in char-rnn: the first layer reads as many numbers as there are tokens.
#[test]
fn inputs_may_be_one_hot() {
    let mut arrays = layers("rnn.", 4, V, &[5, 6]);
    arrays.push(described("fc.weight", &[V, 6]));
    arrays.push(described("fc.bias", &[V]));
    let found = find(&arrays).unwrap();
    assert_eq!((found.ends, found.embed), (Ends::OneHot, V));
    assert_eq!(theirs(&found, "decoder.weight"), "fc.weight");
    assert!(found.names.iter().all(|(ours, _)| ours != "encoder.weight"));
    // As many units as tokens: a tied table, unless the user says what it is.
    let mut arrays = layers("rnn.", 4, V, &[V]);
    arrays.push(described("fc.weight", &[V, V]));
    assert_eq!(find(&arrays).unwrap().ends, Ends::Tied);
    let hints = Hints {
        output: Some("fc".into()),
        ..Hints::default()
    };
    assert_eq!(recognise(&arrays, V, &hints).unwrap().ends, Ends::OneHot);
    // An output layer of another width than the top layer.
    let mut arrays = layers("rnn.", 4, V, &[5]);
    arrays.push(described("fc.weight", &[V, 6]));
    assert!(refused(&arrays).contains("`fc.weight` has the shape [30, 6] where [30, 5]"));
}
