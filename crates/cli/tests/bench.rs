//! `elman bench`, on the smallest of its configurations.

use crate::common::Room;
use serde_json::Value;

#[test]
fn json_holds_the_machine_and_every_measurement() {
    let room = Room::new();
    let json = room.json(&[
        "bench",
        "--steps",
        "2",
        "S",
        "--json",
        "--work",
        "train",
        "--work",
        "generate",
        "--work",
        "states",
        "--threads",
        "1",
        "--repeat",
        "2",
        "--precision",
        "f32",
    ]);
    let machine = &json["machine"];
    assert!(machine["cpu"].is_string() && machine["isa"].is_string());
    assert_eq!(machine["threads"], 1);
    let peaks = &machine["peaks"];
    assert!(positive(&peaks["f32_gflops"]));
    for narrow in ["bf16_gflops", "int8_gops"] {
        assert!(peaks[narrow].is_null() || positive(&peaks[narrow]));
    }
    for level in ["l1", "l2", "l3", "dram"] {
        assert!(positive(&peaks["read_gb_per_s"][level]), "{level}");
    }

    let results = json["results"].as_array().unwrap();
    let works = [("train", 400), ("generate", 1), ("states", 64)];
    assert_eq!(results.len(), works.len());
    for (result, (work, tokens)) in results.iter().zip(works) {
        assert_eq!(result["name"], "S");
        assert_eq!(result["work"], work);
        assert_eq!(result["precision"], "f32");
        assert_eq!(result["threads"], 1);
        assert_eq!(result["tokens_per_step"], tokens);
        assert_eq!(result["steps"], 2);
        let of = |field: &str| result[field].as_f64().unwrap();
        assert!(of("step_ms") >= of("step_ms_min") && of("step_ms_min") > 0.0);
        let per_s = f64::from(tokens) * 1e3 / of("step_ms");
        assert!((of("tokens_per_s") / per_s - 1.0).abs() < 1e-9);
        let share = of("gflops") / peaks["f32_gflops"].as_f64().unwrap();
        assert!((of("share_of_peak") / share - 1.0).abs() < 1e-9);
        let alone = work == "generate";
        assert_eq!(result["weights_bytes_per_token"].is_u64(), alone);
        assert_eq!(positive(&result["share_of_bandwidth"]), alone);
        assert!(positive(&result["plan_bytes"]));
        if cfg!(target_os = "linux") {
            // The plan, the program, and 7 MB for its vocabulary and for code that only the work needs. The program is measured, because its
            // size depends on how it was compiled.
            let program = of("start_bytes") + 7e6;
            let (peak, plan) = (of("peak_bytes"), of("plan_bytes"));
            assert!(
                peak > plan * 0.9 && peak < plan * 1.05 + program,
                "{work}: {peak} for {plan}"
            );
        }
        let kernels = result["kernels"].as_array().unwrap();
        let shares: f64 = kernels.iter().map(|k| k["share"].as_f64().unwrap()).sum();
        assert!((shares - 1.0).abs() < 1e-6);
        assert!(
            kernels
                .iter()
                .any(|k| k["kernel"] == "sweep-forward" && positive(&k["ms"]))
        );
        assert_eq!(kernels.last().unwrap()["kernel"], "other");
    }
    assert!(positive(&results[2]["times_one_stream"]));
}

#[test]
fn a_table_names_the_machine_first() {
    let room = Room::new();
    let text = room.stdout(&["bench", "s", "--steps", "1", "--work", "score"]);
    assert!(text.starts_with("machine "), "{text}");
    for word in [
        "peaks ", "GFLOP/s", "tokens/s", "S  score", "product", "softmax", "other",
    ] {
        assert!(text.contains(word), "{word}: {text}");
    }
}

#[test]
fn only_training_is_in_bf16() {
    let room = Room::new();
    let works = ["--work", "train", "--work", "score"];
    let args = [
        "bench",
        "S",
        "--steps",
        "1",
        "--precision",
        "bf16",
        "--json",
    ];
    let json = room.json(&[&args[..], &works].concat());
    let peaks = &json["machine"]["peaks"];
    let f32_peak = peaks["f32_gflops"].as_f64().unwrap();
    let bf16_peak = peaks["bf16_gflops"].as_f64().unwrap_or(f32_peak);
    for (number, precision, peak) in [(0, "bf16", bf16_peak), (1, "f32", f32_peak)] {
        let result = &json["results"][number];
        assert_eq!(result["precision"], precision);
        let of = |field: &str| result[field].as_f64().unwrap();
        assert!((of("share_of_peak") * peak / of("gflops") - 1.0).abs() < 1e-9);
    }
}

#[test]
fn the_limits_alone() {
    let room = Room::new();
    let json = room.json(&["bench", "--work", "peaks", "--isa", "scalar", "--json"]);
    assert_eq!(json["machine"]["isa"], "scalar");
    assert!(json["results"].as_array().unwrap().is_empty());
}

#[test]
fn what_is_not_known_is_refused() {
    let room = Room::new();
    for args in [
        &["bench", "X"][..],
        &["bench", "S", "--work", "nothing"],
        &["bench", "S", "--steps", "0"],
        &["bench", "S", "--steps", "1", "--seconds", "1"],
    ] {
        room.fails(2, args);
    }
}

fn positive(value: &Value) -> bool {
    value.as_f64().is_some_and(|number| number > 0.0)
}
