//! `elman inspect` as its users run it.

mod common;
use common::Room;

#[test]
fn gradients_of_a_model_as_text_json_and_csv() {
    let room = Room::new();
    room.train("run", "20", &["--cell", "gru", "--layers", "2"]);
    let args = [
        "inspect",
        "gradients",
        "run",
        "text.txt",
        "--lags",
        "12",
        "--passages",
        "3",
    ];
    let with = |more: &[&str]| room.stdout(&[&args[..], more].concat());
    let text = with(&[]);
    for part in ["layer 1", "bound", "horizon", "verdict", "3 passages"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = room.json(&[&args[..], &["--json"]].concat());
    assert_eq!(json["layers"].as_array().unwrap().len(), 2);
    assert_eq!(json["layers"][0]["bound"]["of"], "gru");
    let norms = json["layers"][1]["norms"].as_array().unwrap();
    assert_eq!(norms.len(), 12);
    let log10 = |at: usize, name: &str| norms[at][name].as_f64().unwrap();
    assert!(log10(11, "most_log10") <= log10(11, "bound_log10") + 1e-6);
    let csv = with(&["--csv"]);
    assert_eq!(csv.lines().count(), 1 + 2 * 13);
    assert!(csv.starts_with("layer,lag,mean_log10"));

    // The same figures at any number of threads, others with another seed.
    assert_eq!(csv, with(&["--csv", "--threads", "1"]));
    assert_ne!(csv, with(&["--csv", "--seed", "2"]));
}

#[test]
fn an_untrained_network_takes_the_options_of_training() {
    let room = Room::new();
    let verdict = |scale: &str| {
        let args = [
            "inspect",
            "gradients",
            "--untrained",
            "text.txt",
            "--cell",
            "elman",
            "--hidden",
            "64",
            "--init-recurrent-scale",
            scale,
            "--json",
        ];
        room.json(&args)["verdict"].clone()
    };
    assert_eq!(verdict("1"), "vanishing");
    assert_eq!(verdict("4"), "exploding");
}

#[test]
fn truncation_as_text_json_and_csv() {
    let room = Room::new();
    room.train("run", "20", &[]);
    let args = [
        "inspect",
        "truncation",
        "run",
        "text.txt",
        "--full",
        "30",
        "--windows",
        "1,10",
        "--passages",
        "2",
    ];
    let text = room.stdout(&[&args[..], &["--tensors"]].concat());
    assert!(text.contains("cosine") && text.contains("rnn.weight_hh_l0"));
    let json = room.json(&[&args[..], &["--json"]].concat());
    let windows = json["windows"].as_array().unwrap();
    let error = |at: usize| windows[at]["relative_error"].as_f64().unwrap();
    assert!(error(0) > error(1) && error(1) > 0.0);
    let longer = [&args[..5], &["20", "--windows", "20,50"]].concat();
    let said = room.fails(2, &longer);
    assert!(said.contains("shorter than full, which is 20"), "{said}");
    let csv = room.stdout(&[&args[..], &["--csv"]].concat());
    let tensors = windows[0]["tensors"].as_array().unwrap().len();
    assert_eq!(csv.lines().count(), 1 + 2 * (1 + tensors));
}

#[test]
fn what_cannot_be_looked_at_is_explained() {
    let room = Room::new();
    room.train("run", "2", &[]);
    for (code, args, says) in [
        (2, &["run"][..], "name a model and a text"),
        (2, &["run", "text.txt", "--cell", "gru"], "--untrained"),
        (2, &["run", "text.txt", "--lags", "0"], "lags is 0"),
        (2, &["--untrained", "-"], "reads the text twice"),
        (
            1,
            &["run", "other.txt", "--lags", "5000"],
            "a passage needs 5000",
        ),
        (1, &["run", "absent.txt"], "no such file"),
    ] {
        let args = [&["inspect", "gradients"], args].concat();
        let error = room.fails(code, &args);
        assert!(error.contains(says), "{args:?}: {error}");
    }
}
