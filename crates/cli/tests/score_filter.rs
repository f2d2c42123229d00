//! `elman score --filter`: the lines of a text whose perplexity is in a range.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::score::{TEXT, room};

#[test]
fn a_cut_at_an_infinite_perplexity_is_no_open_end() {
    let room = room();
    // Without their ends empty lines have no token, and are the least likely ones.
    room.write(
        "empty.txt",
        format!("{}the king\nthe sea\n", "\n".repeat(8)),
    );
    let filter = |range: &str| {
        room.stdout(&[
            "score",
            "small.arpa",
            "empty.txt",
            "--no-end",
            "--filter",
            range,
        ])
    };
    assert_eq!(filter("head"), "the king\nthe sea\n");
    // Lines of equal perplexity stay together.
    assert_eq!(filter("middle"), "");
    assert_eq!(filter("tail"), "\n".repeat(8));
    assert_eq!(filter("0%..100%").lines().count(), 10);
    assert_eq!(filter("0..").lines().count(), 10);
}

#[test]
fn lines_are_filtered_by_perplexity_or_rank() {
    let room = room();
    room.write(
        "more.txt",
        format!("{TEXT}{}last without an end", room.read("other.txt")),
    );
    let text = room.read("more.txt");
    let lines: Vec<&str> = text.lines().collect();
    let scores = room.stdout(&["score", "small.arpa", "more.txt", "-f", "jsonl"]);
    let ppl = |line: &str| {
        serde_json::from_str::<serde_json::Value>(line).unwrap()["ppl"]
            .as_f64()
            .unwrap()
    };
    let scores: Vec<f64> = scores.lines().map(ppl).collect();
    let filter = |range: &str| room.stdout(&["score", "small.arpa", "more.txt", "--filter", range]);
    let kept = |keep: &dyn Fn(f64) -> bool| -> String {
        let lines = lines.iter().zip(&scores).filter(|(_, ppl)| keep(**ppl));
        lines.map(|(line, _)| format!("{line}\n")).collect()
    };
    assert_eq!(filter("..10"), kept(&|ppl| ppl < 10.0));
    assert_eq!(filter("5..20"), kept(&|ppl| (5.0..20.0).contains(&ppl)));
    // The least perplexities of twelve lines: three, three and six.
    let mut sorted = scores.clone();
    sorted.sort_by(f64::total_cmp);
    assert_eq!(sorted.len(), 12);
    assert_eq!(filter("head"), kept(&|ppl| ppl < sorted[3]));
    assert_eq!(
        filter("middle"),
        kept(&|ppl| (sorted[3]..sorted[7]).contains(&ppl))
    );
    assert_eq!(filter("tail"), kept(&|ppl| ppl >= sorted[7]));
    assert_eq!(filter("0%..100%").lines().count(), 12);
    // By perplexity also from a pipe and in shards, by rank in neither.
    let run = room
        .elman(&["score", "small.arpa", "--filter", "..10"])
        .write_stdin(text.clone())
        .assert()
        .success();
    run.stdout(filter("..10"));
    for which in ["1/2", "2/2"] {
        room.stdout(&[
            "score",
            "small.arpa",
            "more.txt",
            "--filter",
            "..10",
            "-o",
            "kept",
            "--shard",
            which,
        ]);
    }
    let shards = room.read("kept/00001-of-00002.txt") + &room.read("kept/00002-of-00002.txt");
    assert_eq!(shards, filter("..10"));
    for (more, said) in [
        (&["-", "--filter", "head"][..], "reads the text twice"),
        (
            &["more.txt", "--filter", "head", "--shard", "1/2", "-o", "x"],
            "filter shards by perplexity",
        ),
        (&["more.txt", "--filter", "500"], "such as ..500"),
        (
            &["more.txt", "--filter", "..9", "--json"],
            "cannot be used with",
        ),
    ] {
        let error = room.fails(2, &[&["score", "small.arpa"], more].concat());
        assert!(error.contains(said), "{error}");
    }
}
