//! `elman inspect` as its users run it.

use crate::common::Room;
use elman::store::{Integrity, read_snapshot};

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
        "--excerpts",
        "3",
    ];
    let with = |more: &[&str]| room.stdout(&[&args[..], more].concat());
    let text = with(&[]);
    for part in ["layer 1", "bound", "horizon", "verdict", "3 excerpts"] {
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
    // The norms of 12 lags, and shares of the whole past: 100 tokens of context and 12 steps.
    assert_eq!(csv.lines().count(), 1 + 2 * 112);
    assert!(csv.starts_with("layer,lag,mean_log10"));
    let places = json["places"].as_array().unwrap();
    assert_eq!(places.len(), 3);
    for place in places {
        let token = |name: &str| place[name].as_u64().unwrap();
        assert_eq!(token("last") - token("first"), 111);
    }

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
fn lines_and_answers_are_inspected_as_the_run_was_trained() {
    let room = Room::new();
    let lines: String = (0..60)
        .map(|i| format!("{} x y z = {}\n", i % 3, i % 3))
        .collect();
    room.write("recall.txt", &lines);
    let train = [
        "train",
        "recall.txt",
        "--run",
        "recall",
        "--vocab",
        "whitespace",
        "--layout",
        "sentences",
        "--loss-after",
        "=",
        "--hidden",
        "16",
        "--embed",
        "16",
        "--batch-size",
        "10",
        "--epochs",
        "60",
        "--lr",
        "0.02",
        "--dropout",
        "0",
        "--precision",
        "f32",
        "--threads",
        "1",
        "--save-every",
        "0",
    ];
    room.elman(&train).assert().success();
    let truncation = [
        "inspect",
        "truncation",
        "recall",
        "recall.txt",
        "--windows",
        "1,3",
    ];
    let with = |more: &[&'static str]| [&truncation[..], more].concat();
    let found = room.json(&with(&["--json"]));
    assert_eq!(
        (&found["layout"], &found["loss_after"]),
        (&"sentences".into(), &"=".into())
    );
    // Eight lines, an answer of one token in each, which the model has learnt.
    assert_eq!((&found["losses"], &found["full"]), (&8.into(), &7.into()));
    let nats = |found: &serde_json::Value, name: &str| found[name].as_f64().unwrap();
    assert!(nats(&found, "carried_nats") < 0.2, "{found}");
    // From a zero state before the answer nothing of the line is known.
    assert!(
        nats(&found["windows"][0], "zero_state_nats") > 0.8,
        "{found}"
    );
    for place in found["places"].as_array().unwrap() {
        let token = |name: &str| place[name].as_u64().unwrap();
        assert_eq!((token("first") % 7, token("last") % 7), (0, 6));
        assert_eq!(token("line"), token("first") / 7 + 1);
    }
    let gradients = ["inspect", "gradients", "recall", "recall.txt"];
    let text = room.stdout(&gradients);
    assert!(
        text.contains("a token of its answer after '=': 6 steps"),
        "{text}"
    );
    let json = room.json(&[&gradients[..], &["--json"]].concat());
    assert_eq!((&json["lags"], &json["reach"]), (&6.into(), &6.into()));

    // Other readings are asked for, and what does not go together is refused.
    let stream = room.json(&with(&["--json", "--layout", "stream", "--full", "20"]));
    assert_eq!(
        (&stream["layout"], &stream["loss_after"]),
        (&"stream".into(), &().into())
    );
    let said = room.fails(2, &with(&["--context", "5"]));
    assert!(
        said.contains("each line is read from its beginning"),
        "{said}"
    );
    let said = room.fails(2, &with(&["--layout", "stream", "--loss-after", "="]));
    assert!(said.contains("leave out --layout stream"), "{said}");
    let said = room.fails(1, &with(&["--loss-after", "?"]));
    assert!(said.contains("'?'"), "{said}");
    let said = room.fails(1, &with(&["--full", "4", "--windows", "1"]));
    assert!(
        said.contains("no answer begins within the first 4 tokens"),
        "{said}"
    );
}

#[test]
fn exposure_to_a_known_source_and_to_a_stand_in() {
    let room = Room::new();
    let ngram = [
        "ngram",
        "train",
        "text.txt",
        "-o",
        "source.bin",
        "--order",
        "2",
    ];
    room.elman(&ngram).assert().success();
    room.train("run", "20", &["--vocab-from", "source.bin"]);
    let small = ["--sequences", "40", "--length", "6", "--resamples", "99"];
    let args = [
        &["inspect", "exposure", "run", "--oracle", "source.bin"],
        &small[..],
    ]
    .concat();
    let with = |more: &[&str]| room.stdout(&[&args[..], more].concat());
    let text = with(&[]);
    for part in [
        "what the oracle writes",
        "own − true",
        "5–6",
        "1–6",
        "total variation",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let json = room.json(&[&args[..], &["--json"]].concat());
    assert_eq!(
        (&json["truth"], &json["oracle"]),
        (&"oracle".into(), &"2-gram".into())
    );
    let kl = &json["overall"]["kl"];
    let value = |name: &str| kl[name]["value"].as_f64().unwrap();
    let difference = value("on_own") - value("on_true");
    assert!(value("on_true") > 0.0 && (value("difference") - difference).abs() < 1e-9);
    let csv = with(&["--csv"]);
    assert_eq!(csv.lines().count(), 1 + 3 * 6);
    assert_eq!(csv, with(&["--csv", "--threads", "1"]));
    assert_ne!(csv, with(&["--csv", "--seed", "2"]));

    let args = [
        &[
            "inspect",
            "exposure",
            "run",
            "other.txt",
            "--oracle",
            "run",
            "--context",
            "3",
        ],
        &small[..],
    ]
    .concat();
    let text = room.stdout(&args);
    assert!(text.contains("replaces the source of the text"), "{text}");
    assert!(
        text.contains("excerpts of other.txt after 3 tokens"),
        "{text}"
    );
    assert!(
        text.contains("+0.0000"),
        "a model is its own oracle: {text}"
    );

    room.train("another", "2", &[]);
    let other = ["inspect", "exposure", "another", "--oracle", "source.bin"];
    assert!(room.fails(1, &other).contains("--vocab-from"));
    let context = [
        "inspect",
        "exposure",
        "run",
        "--oracle",
        "run",
        "--context",
        "3",
    ];
    assert!(room.fails(2, &context).contains("TEXT"));
}

#[test]
fn states_as_text_json_csv_and_files() {
    let room = Room::new();
    room.train("run", "20", &["--vocab", "chars"]);
    let args = [
        "inspect", "states", "run", "text.txt", "--tokens", "700", "--best", "2",
    ];
    let with = |more: &[&str]| room.stdout(&[&args[..], more].concat());
    let text = with(&["--npy", "states", "--safetensors", "states.safetensors"]);
    for part in [
        "position in the line",
        "too rare",
        "written",
        "the first 700 of",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let npy = std::fs::read(room.path("states/h_l0.npy")).unwrap();
    assert_eq!(npy.len(), 128 + 4 * 700 * 8);
    let file = read_snapshot(&room.path("states.safetensors"), Integrity::Required);
    let file = file.unwrap();
    let h = file.f32("h_l0", &[700, 8]).unwrap();
    let bytes: Vec<u8> = h.iter().flat_map(|x| x.to_le_bytes()).collect();
    assert_eq!(npy[128..], bytes);
    assert_eq!(file.array("tokens").unwrap().shape, [700]);

    let json = room.json(&[&args[..], &["--unit", "0:3", "--unit", "0:2:c", "--json"]].concat());
    let values = json["units"][0]["values"].as_array().unwrap();
    assert_eq!(
        (values.len(), values[5].as_f64().unwrap()),
        (700, f64::from(h[5 * 8 + 3]))
    );
    assert_eq!(json["units"][1]["part"], "c");
    let scored = json["selectivity"].as_array().unwrap();
    let line = scored
        .iter()
        .find(|one| one["annotation"] == "line-position")
        .unwrap();
    assert_eq!(line["units"].as_array().unwrap().len(), 2);

    // Where nothing is coloured, a table.
    let shown = with(&["--unit", "0:3", "--show", "4"]);
    assert!(
        shown.ends_with("\n") && shown.contains("\"T\"") && !shown.contains('\x1b'),
        "{shown}"
    );
    let csv = with(&["--csv"]);
    assert!(csv.starts_with("what,share,layer,unit,part,"), "{csv}");
    assert_eq!(with(&["--csv", "--unit", "0:3"]).lines().count(), 701);

    let said = room.fails(2, &[&args[..], &["--unit", "1:0"]].concat());
    assert!(
        said.contains("no unit 1:0") && said.contains("0 to 7 in layer 0"),
        "{said}"
    );
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
            "an excerpt needs 5000",
        ),
        (1, &["run", "absent.txt"], "no such file"),
    ] {
        let args = [&["inspect", "gradients"], args].concat();
        let error = room.fails(code, &args);
        assert!(error.contains(says), "{args:?}: {error}");
    }
}
