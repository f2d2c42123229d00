//! Choices in a file: under the flags, over the defaults, and never guessed at.

use crate::common::Room;
use serde_json::Value;

const TINY_FILE: &str = "hidden = 8\nlanes = 2\nbptt = 5\nsteps = 2\n";

fn config(room: &Room, run: &str) -> Value {
    room.json(&["info", run, "--json"])["record"]["config"].clone()
}

#[test]
fn flags_come_before_the_file_and_the_file_before_defaults() {
    let room = Room::new();
    room.write(
        "tiny.toml",
        format!("{TINY_FILE}lr = 0.5\nclip = \"none\"\nmax-vocab = \"all\"\ntied = false\n"),
    );
    let args = [
        "train",
        "text.txt",
        "--config",
        "tiny.toml",
        "--lr",
        "0.25",
        "--run",
        "run",
    ];
    room.elman(&args).assert().success();
    let config = config(&room, "run");
    assert_eq!(config["lr"], 0.25);
    assert_eq!(config["hidden"], 8);
    assert_eq!(config["clip"], Value::Null);
    assert_eq!(config["max-vocab"], Value::Null);
    assert_eq!(config["tied"], false);
    assert_eq!(config["steps"], 2);
    assert_eq!(config["epochs"], Value::Null);
    assert_eq!(config["beta1"], 0.9);
}

#[test]
fn choices_of_gradient_optimiser_and_schedule_reach_the_run_by_file_and_by_flag() {
    let choices = [
        ("accumulate", "2", "2"),
        ("groups", "2", "2"),
        ("average-every", "1", "1"),
        ("clip-value", "0.5", "0.5"),
        ("noise", "0.01", "0.01"),
        ("noise-decay", "0.6", "0.6"),
        ("optimizer", "rmsprop", "\"rmsprop\""),
        ("momentum", "0.5", "0.5"),
        ("rms-alpha", "0.9", "0.9"),
        ("lr-scale", "embed=0.5,bias=2", "\"embed=0.5,bias=2\""),
        ("decay-scale", "bias=0", "\"bias=0\""),
        ("average-trigger", "3", "3"),
        ("schedule", "one-cycle", "\"one-cycle\""),
        ("cycle-start", "0.25", "0.25"),
        ("cycle-div", "10.0", "10.0"),
        ("cycle-final-div", "100.0", "100.0"),
    ];
    reach_the_run(&choices, "centered");
    // What belongs to another optimizer and another schedule.
    let others = [
        ("optimizer", "adagrad", "\"adagrad\""),
        ("eps", "0.001", "0.001"),
        ("lr-decay", "0.1", "0.1"),
        ("initial-accumulator", "0.25", "0.25"),
        ("schedule", "plateau", "\"plateau\""),
        ("plateau-patience", "2", "2"),
        ("plateau-threshold", "0.01", "0.01"),
        ("final-lr", "0.25", "0.25"),
        ("decay-factor", "0.75", "0.75"),
    ];
    reach_the_run(&others, "variational");
    let more = [
        ("optimizer", "adamw", "\"adamw\""),
        ("beta1", "0.8", "0.8"),
        ("beta2", "0.99", "0.99"),
        ("schedule", "step", "\"step\""),
        ("decay-after", "3", "3"),
    ];
    reach_the_run(&more, "variational");
}

#[test]
fn a_form_of_one_optimiser_is_refused_beside_another() {
    let room = Room::new();
    for (form, says) in [("--nesterov", "sgd"), ("--centered", "rmsprop")] {
        let said = room.fails(2, &["train", "text.txt", form, "--run", "run"]);
        assert!(said.contains(&format!("--optimizer {says}")), "{said}");
    }
}

#[test]
fn choices_of_regularisation_reach_the_run_by_file_and_by_flag() {
    let choices = [
        ("dropout", "0.5", "0.5"),
        ("dropout-input", "0.25", "0.25"),
        ("dropout-between", "0.125", "0.125"),
        ("dropout-output", "0.75", "0.75"),
        ("dropout-embed", "0.125", "0.125"),
        ("weight-drop", "0.5", "0.5"),
        ("ar", "2.0", "2.0"),
        ("tar", "1.0", "1.0"),
        ("label-smoothing", "0.125", "0.125"),
    ];
    reach_the_run(&choices, "variational");
}

/// Trains with `choices` (name, as a flag, in a file) and the switch `on`, once by file and once by flags.
fn reach_the_run(choices: &[(&str, &str, &str)], on: &str) {
    let room = Room::new();
    let (mut file, mut flags) = (format!("{TINY_FILE}{on} = true\n"), vec![format!("--{on}")]);
    for (name, flag, toml) in choices {
        file += &format!("{name} = {toml}\n");
        flags.extend([format!("--{name}"), (*flag).to_owned()]);
    }
    room.write("all.toml", file);
    room.write("tiny.toml", TINY_FILE);
    let train = ["train", "text.txt", "--config"];
    let all = [&train[..], &["all.toml", "--run", "file"]].concat();
    room.elman(&all).assert().success();
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let tiny = [&train[..], &["tiny.toml", "--run", "flags"], &flags].concat();
    room.elman(&tiny).assert().success();

    let (of_file, of_flags) = (config(&room, "file"), config(&room, "flags"));
    assert_eq!(of_file, of_flags);
    for (name, _, toml) in choices {
        let expected: Value = serde_json::from_str(toml).expect("a value");
        assert_eq!(of_file[*name], expected, "{name}");
    }
    assert_eq!(of_file[on], true);
}

#[test]
fn layers_may_differ_and_be_tied_to_a_smaller_table() {
    let room = Room::new();
    room.write(
        "tiny.toml",
        "hidden = [12, 8]\nlanes = 2\nbptt = 5\nsteps = 2\n",
    );
    let train = ["train", "text.txt", "--config", "tiny.toml", "--run", "run"];
    let sizes = ["--embed", "6", "--tied"];
    let assert = room
        .elman(&[&train[..], &sizes].concat())
        .assert()
        .success();
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    let shape = "2 layers of 12 and 8 units, embedding 6, weights tied through a projection";
    assert!(told.contains(shape), "{told}");
    assert!(room.stdout(&["info", "run"]).contains(shape));
    assert_eq!(config(&room, "run")["hidden"], serde_json::json!([12, 8]));
    room.stdout(&["generate", "run", "-n", "3"]);
}

#[test]
fn averages_are_told_where_a_model_is_described() {
    let room = Room::new();
    room.write(
        "tiny.toml",
        format!("{TINY_FILE}average-from = 1\nvalid-every = 1\n"),
    );
    let train = ["train", "text.txt", "--config", "tiny.toml", "--run", "run"];
    let assert = room.elman(&train).assert().success();
    let told = String::from_utf8_lossy(&assert.get_output().stderr).into_owned();
    for part in [
        "averaged from update 1 on",
        "of the average of 2 updates",
        "step 1: the weights are averaged",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let info = room.stdout(&["info", "run/model"]);
    assert!(info.contains("the average over"), "{info}");
    let model = room.json(&["info", "run/model", "--json"]);
    let averaged = &model["model"]["averaged"];
    assert!(averaged.as_u64().unwrap() >= 1, "{averaged}");
}

#[test]
fn the_config_of_a_run_makes_the_same_run() {
    let room = Room::new();
    room.write("tiny.toml", format!("{TINY_FILE}clip = \"none\"\n"));
    room.elman(&["train", "text.txt", "--config", "tiny.toml", "--run", "one"])
        .assert()
        .success();
    room.elman(&[
        "train",
        "text.txt",
        "--config",
        "one/config.toml",
        "--run",
        "two",
    ])
    .assert()
    .success();
    assert_eq!(config(&room, "one"), config(&room, "two"));
    let hash = |run: &str| room.json(&["info", run, "--json"])["checkpoint"]["hash"].clone();
    assert_eq!(hash("one"), hash("two"));
}

#[test]
fn mistakes_in_a_file_are_named_with_their_line() {
    let room = Room::new();
    for (text, parts) in [
        ("lr = 0.1\nhiden = 8\n", ["line 2", "hiden"]),
        ("hidden = 'many'\n", ["line 1", "hidden"]),
        ("cell = 'rnn'\n", ["line 1", "rnn"]),
        (
            "lr = 1\nbeta1 = 1.5\n",
            ["line 2", "at least 0 and below 1"],
        ),
        ("hidden = \n", ["line 1", "not a configuration"]),
    ] {
        room.write("bad.toml", text);
        let said = room.fails(1, &["train", "text.txt", "--config", "bad.toml"]);
        for part in parts {
            assert!(said.contains(part), "{part}: {said}");
        }
    }
    assert!(
        room.fails(1, &["train", "text.txt", "--config", "absent.toml"])
            .contains("absent.toml")
    );
    room.write("two.toml", "steps = 1\nminutes = 1\n");
    room.fails(2, &["train", "text.txt", "--config", "two.toml"]);
    assert!(!room.path("runs").exists());
}

#[test]
fn what_the_config_of_a_run_leaves_out_is_named() {
    let room = Room::new();
    room.train("base", "1", &[]);
    room.write("more.txt", room.read("text.txt"));
    let steps = ["--batch-size", "2", "--bptt", "5", "--steps", "2", "--run"];
    let files = [
        "--corpus",
        "text.txt:2",
        "more.txt:0.5",
        "--valid",
        "other.txt",
        "--init-from",
        "base",
    ];
    room.stdout(&[&["train"], &files[..], &steps, &["one"]].concat());
    let said = |args: &[&str]| {
        let assert = room.elman(args).assert().success();
        String::from_utf8_lossy(&assert.get_output().stderr).into_owned()
    };
    let config = ["--config", "one/config.toml", "--run"];
    let told = said(&[&["train", "text.txt"], &config[..], &["two"]].concat());
    let options = "--corpus text.txt:2 more.txt:0.5 --valid other.txt --init-from base:";
    assert!(told.contains(options), "{told}");
    assert!(
        said(&[&["train", "text.txt", "--dry-run"], &config[..], &["x"]].concat())
            .contains(options)
    );
    // With all of them it is the same run.
    let told = said(&[&["train"], &files[..], &config, &["same"]].concat());
    assert!(!told.contains("not taken over"), "{told}");
    let hash = |run: &str| room.json(&["info", run, "--json"])["checkpoint"]["hash"].clone();
    assert_eq!(hash("same"), hash("one"));

    let steps = [
        "--hidden",
        "8",
        "--batch-size",
        "2",
        "--bptt",
        "5",
        "--steps",
        "2",
        "--run",
    ];
    let vocabulary = ["--vocab-from", "base"];
    room.stdout(&[&["train", "text.txt"], &vocabulary[..], &steps, &["three"]].concat());
    let config = ["--config", "three/config.toml", "--run"];
    let told = said(&[&["train", "text.txt"], &config[..], &["four"]].concat());
    assert!(told.contains("also had --vocab-from base:"), "{told}");

    let own = ["--on-generated", "0.4", "--steps", "1", "--run", "five"];
    room.stdout(&[&["finetune", "base", "text.txt"], &own[..]].concat());
    let config = ["--config", "five/config.toml", "--run", "six"];
    let told = said(&[&["train", "text.txt", "--init-from", "base"], &config[..]].concat());
    assert!(
        told.contains("--on-generated 0.4 --beginning 20 --continuation 100 --temperature 1 (of elman finetune)"),
        "{told}"
    );
}

#[test]
fn a_run_of_another_version_loads_or_says_which_version_made_it() {
    let room = Room::new();
    room.write("tiny.toml", TINY_FILE);
    let train = ["train", "text.txt", "--config", "tiny.toml", "--run", "run"];
    room.elman(&train).assert().success();
    let now = room.read("run/config.toml");
    assert!(now.contains("\nbatch-size = 2\n"), "{now}");
    assert!(!now.contains("momentum"), "{now}");
    // The names of the first version, and what it wrote for every optimizer.
    let first = now.replace("batch-size = ", "momentum = 0.0\nlanes = ");
    room.write("run/config.toml", &first);
    room.stdout(&["train", "--resume", "run", "--steps", "4"]);
    assert_eq!(config(&room, "run")["batch-size"], 2);

    let later = now.replace("[config]\n", "[config]\nforesight = 1\n");
    room.write("run/config.toml", &later);
    let said = room.fails(1, &["train", "--resume", "run"]);
    assert!(
        said.contains("`foresight`") && !said.contains("wrote it"),
        "{said}"
    );
    let version = format!("elman = \"{}\"", env!("CARGO_PKG_VERSION"));
    room.write(
        "run/config.toml",
        later.replace(&version, "elman = \"99.1.0\""),
    );
    for args in [
        &["train", "--resume", "run"][..],
        &["train", "text.txt", "--config", "run/config.toml"],
    ] {
        let said = room.fails(1, args);
        assert!(
            said.contains("elman 99.1.0 wrote it") && said.contains("`foresight`"),
            "{said}"
        );
    }
}
