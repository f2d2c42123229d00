//! `elman rescore`: word error rates of a noisy channel, which go down, and references.

use super::channel::Channel;
use super::{rescore, with_list};
use crate::common::Room;

/// Writes `lm.bin`, a 3-gram model of lines of the King James Bible, and for other lines the n-best lists `dev.nbest` and `test.nbest` with `dev.ref` and `test.ref`.
pub fn noisy_lists(room: &Room) {
    let kjv = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/kjv.txt");
    let kjv = std::fs::read_to_string(kjv).unwrap();
    let lines: Vec<&str> = kjv
        .lines()
        .filter(|line| line.split(' ').count() > 4)
        .collect();
    let (train, rest) = lines.split_at(20_000);
    room.write("train.txt", train.join("\n"));
    let channel = Channel::new(train);
    let (dev, test) = (&rest[1000..1100], &rest[3000..3120]);
    for (name, lines, seed) in [("dev", dev, 1), ("test", test, 2)] {
        let (list, references) = channel.lists(lines, 20, seed);
        room.write(&format!("{name}.nbest"), &list);
        room.write(&format!("{name}.ref"), &references);
    }
    let ngram = [
        "ngram",
        "train",
        "train.txt",
        "--order",
        "3",
        "-o",
        "lm.bin",
    ];
    room.stdout(&ngram);
}

#[test]
fn rescoring_lowers_the_word_error_rate_of_a_noisy_channel() {
    let room = Room::new();
    noisy_lists(&room);
    let tuned = room.stdout(&[
        "rescore",
        "lm.bin",
        "dev.nbest",
        "--references",
        "dev.ref",
        "--tune",
        "-o",
        "weights.json",
        "--resamples",
        "999",
    ]);
    assert!(
        tuned.starts_with("weights     --list-weight 1 --list-lm-weight 0 --lm-weight "),
        "{tuned}"
    );
    let report = |more: &[&str]| -> serde_json::Value {
        let args = [
            &[
                "rescore",
                "lm.bin",
                "test.nbest",
                "--references",
                "test.ref",
                "--format",
                "wer",
            ][..],
            &["--report", "report.json", "--force", "--resamples", "999"],
            more,
        ];
        let shown = room.stdout(&args.concat());
        assert!(shown.contains("\noracle      WER "), "{shown}");
        serde_json::from_str(&room.read("report.json")).unwrap()
    };
    let found = report(&["--weights-file", "weights.json"]);
    let rate = |name: &str| found["error_rates"][name]["rate"].as_f64().unwrap();
    let (before, after, oracle) = (rate("before"), rate("after"), rate("oracle"));
    assert!(after < 0.8 * before && oracle <= after, "{found}");
    let significance = &found["error_rates"]["significance"];
    assert!(significance["p_value"].as_f64().unwrap() < 0.01, "{found}");
    // The printed options are the saved weights.
    let options = tuned.lines().next().unwrap().split_whitespace().skip(1);
    let again = report(&options.collect::<Vec<_>>());
    assert_eq!(again["error_rates"]["after"], found["error_rates"]["after"]);
    // Tuned weights are no worse than the default ones where they were tuned.
    let (list, references) = (room.read("dev.nbest"), room.read("dev.ref"));
    room.write("test.nbest", list);
    room.write("test.ref", references);
    let default = report(&[]);
    let tuned = report(&["--weights-file", "weights.json"]);
    let errors = |report: &serde_json::Value| {
        let after = &report["error_rates"]["after"];
        let kinds = ["substitutions", "insertions", "deletions"];
        kinds
            .map(|kind| after[kind].as_u64().unwrap())
            .iter()
            .sum::<u64>()
    };
    assert!(errors(&tuned) < errors(&default), "{tuned} {default}");
}

#[test]
fn references_may_lack_nothing() {
    let room = with_list();
    room.write("refs", "u1 the king was calm\n");
    let args = ["rescore", "small.arpa", "list", "--references", "refs"];
    let error = room.fails(1, &args);
    assert!(error.contains("no line for utterance 'u2'"), "{error}");
    room.write("refs", "the king was calm\na king\nso\n");
    let error = room.fails(1, &args);
    assert!(
        error.contains("3 references were given in order, for 2 utterances"),
        "{error}"
    );
    room.write("refs", "the king was calm\na king\n");
    let shown = rescore(&room, &["list", "--references", "refs", "--format", "wer"]);
    assert!(shown.starts_with("utterances  2, 6 words\n"), "{shown}");
    assert!(
        shown.contains(
            "before      WER 33.33 %: 2 errors (0 substitutions, 2 insertions, 0 deletions)"
        ),
        "{shown}"
    );
    let ignored = rescore(
        &room,
        &[
            "list",
            "--references",
            "refs",
            "--format",
            "wer",
            "--ignore",
            "was,calm",
        ],
    );
    assert!(ignored.contains("before      WER 0.00 %"), "{ignored}");
    room.write("weights.json", "{\"lm_wait\": 1}");
    let error = room.fails(
        1,
        &[
            "rescore",
            "small.arpa",
            "list",
            "--weights-file",
            "weights.json",
        ],
    );
    assert!(error.contains("holds no weights"), "{error}");
}
