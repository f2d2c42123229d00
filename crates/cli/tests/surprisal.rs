//! `elman surprisal`: rows for the words of a text, whatever the tokens of the model are.

#![allow(clippy::unwrap_used, reason = "tests may stop")]

use crate::common::{Room, stderr};
use serde_json::Value;

/// The rows of a command's JSON lines.
fn rows(room: &Room, args: &[&str]) -> Vec<Value> {
    let shown = room.stdout(&[&["surprisal"], args, &["--json"]].concat());
    shown
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap()
}

/// With the small model of six sentences and a text.
fn small() -> Room {
    let room = Room::new();
    room.write("small.arpa", include_str!("score/small.arpa"));
    room.write("small.txt", include_str!("score/small.txt"));
    room
}

#[test]
fn a_table_has_the_columns_of_neural_complexity() {
    let room = small();
    let shown = room.stdout(&["surprisal", "small.arpa", "small.txt"]);
    let mut lines = shown.lines();
    assert_eq!(
        lines.next().unwrap(),
        "word\tsentid\tsentpos\twlen\tsurp\tentropy\tentred\tunk\ttokens\tcontext"
    );
    let rows: Vec<Vec<&str>> = lines.map(|line| line.split('\t').collect()).collect();
    assert_eq!(rows.len(), 14);
    // log2 10 times what KenLM says: 0.20881896, 0.5249932.
    assert_eq!((rows[0][0], rows[0][4]), ("the", "0.693682"));
    assert_eq!((rows[1][0], rows[1][4]), ("king", "1.743990"));
    // The word as it stands in the text, and that the model lacks it.
    assert_eq!(rows[5][..4], ["sheep", "1", "1", "5"]);
    assert_eq!(rows[5][7..], ["1", "1", "1"]);
    assert!(rows.iter().filter(|row| row[7] == "1").count() == 1);
    // After the blank line comes sentence 3.
    assert_eq!(rows[11][..3], ["king", "3", "0"]);
    let csv = room.stdout(&["surprisal", "small.arpa", "small.txt", "--format", "csv"]);
    assert_eq!(csv, shown.replace('\t', ","));
    let nats = rows_of_nats(&room);
    assert!((nats - 0.20881896 * std::f64::consts::LN_10).abs() < 1e-6);
}

fn rows_of_nats(room: &Room) -> f64 {
    number(
        &rows(room, &["small.arpa", "small.txt", "--unit", "nats"])[0],
        "surp",
    )
}

#[test]
fn rows_sum_to_the_score_of_each_sentence_for_every_kind() {
    let room = Room::new();
    room.write(
        "more.txt",
        format!(
            "{}A sheep  spoke (of) the sea!\n\n end \n",
            room.read("other.txt")
        ),
    );
    for kind in ["words", "whitespace", "fields", "chars", "bytes", "bpe:290"] {
        room.train(kind, "2", &["--vocab", kind]);
        let scores = room.stdout(&["score", kind, "more.txt", "-f", "jsonl", "--unit", "bits"]);
        let scores: Vec<f64> = scores
            .lines()
            .map(|line| number(&serde_json::from_str(line).unwrap(), "log2_p"))
            .collect();
        for more in [&[][..], &["--naive"], &["-B", "3"]] {
            let args = [&[kind, "more.txt", "--end"], more].concat();
            let mut sums = vec![0.0; scores.len()];
            for row in rows(&room, &args) {
                sums[number(&row, "sentid") as usize] += number(&row, "surp");
            }
            for (sum, score) in sums.iter().zip(&scores) {
                assert!(
                    (sum + score).abs() < 1e-6,
                    "{kind} {more:?}: {sum} for {score}"
                );
            }
        }
        let words: Vec<Value> = rows(&room, &[kind, "more.txt"])
            .iter()
            .map(|row| row["word"].clone())
            .collect();
        assert_eq!(
            words[words.len() - 7..],
            ["A", "sheep", "spoke", "(of)", "the", "sea!", "end"],
            "{kind}"
        );
    }
    // What is corrected is said, and what the first word is conditioned on.
    let exact = rows(&room, &["chars", "other.txt"]);
    let naive = rows(&room, &["chars", "other.txt", "--naive"]);
    assert!(
        exact
            .iter()
            .zip(&naive)
            .any(|(a, b)| (number(a, "surp") - number(b, "surp")).abs() > 1e-3)
    );
    let run = room
        .elman(&["surprisal", "chars", "other.txt"])
        .assert()
        .success();
    assert!(
        stderr(run)
            .contains("the first word of each sentence is conditioned on <eos> and the zero state")
    );
}

#[test]
fn context_is_carried_and_regions_are_given() {
    let room = Room::new();
    room.train("run", "5", &[]);
    let alone = rows(&room, &["run", "other.txt"]);
    let carried = rows(&room, &["run", "other.txt", "--continuous"]);
    assert_eq!(alone[0]["surp"], carried[0]["surp"]);
    let second = alone.iter().position(|row| row["sentid"] == 1).unwrap();
    assert_ne!(alone[second]["surp"], carried[second]["surp"]);
    assert_eq!(
        (&alone[second]["context"], &carried[second]["context"]),
        (&0.into(), &second.into())
    );
    // The whole is what an evaluation says.
    let eval = room.json(&["eval", "run", "other.txt", "--layout", "stream", "--json"]);
    let with_ends = rows(
        &room,
        &[
            "run",
            "other.txt",
            "--continuous",
            "--end",
            "--unit",
            "nats",
        ],
    );
    let sum: f64 = with_ends.iter().map(|row| number(row, "surp")).sum();
    assert!((sum - number(&eval, "total_nats")).abs() < 1e-6);

    room.write("words.txt", "The king went up to the sea.\n");
    room.write("regions.txt", "The king\twent up\tto the sea.\n");
    let words = rows(&room, &["run", "words.txt"]);
    let regions = rows(&room, &["run", "regions.txt", "--regions"]);
    let names: Vec<&str> = regions
        .iter()
        .map(|row| row["word"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["The king", "went up", "to the sea."]);
    let of = |range: std::ops::Range<usize>| {
        words[range]
            .iter()
            .map(|row| number(row, "surp"))
            .sum::<f64>()
    };
    for (region, expected) in regions.iter().zip([of(0..2), of(2..4), of(4..7)]) {
        assert!((number(region, "surp") - expected).abs() < 1e-6);
    }
}

#[test]
fn every_family_reads_words_from_files_and_pipes() {
    let room = small();
    let args = ["small.arpa", "small.txt", "--mix", "cache:5:0.2"];
    let mixed = rows(&room, &args);
    assert_eq!(mixed.len(), 14);
    let piped = room
        .elman(&["surprisal", "small.arpa"])
        .write_stdin(room.read("small.txt"))
        .assert()
        .success();
    let piped = String::from_utf8(piped.get_output().stdout.clone()).unwrap();
    assert_eq!(
        piped,
        room.stdout(&["surprisal", "small.arpa", "small.txt"])
    );
    room.stdout(&["surprisal", "small.arpa", "small.txt", "-o", "words.tsv"]);
    assert_eq!(room.read("words.tsv"), piped);
    assert!(
        room.fails(
            1,
            &["surprisal", "small.arpa", "small.txt", "-o", "words.tsv"]
        )
        .contains("--force")
    );
    assert!(
        room.fails(2, &["surprisal", "small.txt", "small.arpa"])
            .contains("is an n-gram model, not a text")
    );
}

#[test]
fn the_text_is_shown_in_colours_on_the_terminal_and_as_a_page() {
    let room = small();
    let shown = room.stdout(&["surprisal", "small.arpa", "small.txt", "-f", "terminal"]);
    let mut lines = shown.lines();
    assert!(
        lines
            .next()
            .unwrap()
            .starts_with("surprisal:  below 3 bits ")
    );
    let plain: Vec<String> = lines.skip(1).map(without_colours).collect();
    let text = include_str!("score/small.txt").lines();
    assert_eq!(plain, text.collect::<Vec<_>>());
    // The vocabulary lacks `sheep`.
    assert!(shown.contains("4msheep\x1b[0m"), "{shown:?}");

    let args = ["surprisal", "small.arpa", "small.txt", "-f", "html"];
    room.stdout(&[&args[..], &["-o", "small.html"]].concat());
    let page = room.read("small.html");
    assert!(page.contains("<title>Surprisal of small.txt</title>"));
    assert!(page.contains("small.arpa (3-gram)"));
    assert!(page.contains("14, of which the vocabulary lacks 1"));
    assert!(page.contains("first word of each sentence is conditioned on &lt;s&gt;"));
    assert!(page.contains("<span class=\"level0\" title=\"0.6937 bits\">the</span>"));
    assert!(page.contains(" marked\" title="));
    assert_eq!(page, room.stdout(&args));
}

/// A line without the commands to a terminal.
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\x1b');
    let first = parts.next().unwrap().to_owned();
    let rest = parts.map(|part| part.split_once('m').unwrap().1);
    first + &rest.collect::<String>()
}

#[test]
fn a_network_learns_while_it_reads_and_is_saved() {
    let room = Room::new();
    let text = "the cat sat on the mat\nthe dog sat on the log\n".repeat(20);
    room.write("text.txt", &text);
    room.write("new.txt", "a dog and a cat on a log\n".repeat(12));
    let train = [
        "train",
        "text.txt",
        "--vocab",
        "chars",
        "--hidden",
        "16",
        "--steps",
        "30",
        "--batch-size",
        "4",
        "--run",
        "run",
        "--layout",
        "sentences",
    ];
    room.stdout(&train);
    let total = |rows: Vec<Value>| -> f64 { rows.iter().map(|row| number(row, "surp")).sum() };
    let before = total(rows(&room, &["run", "new.txt"]));
    let adapt = ["run", "new.txt", "--adapt", "--adapt-rate", "0.5"];
    let adapted = rows(
        &room,
        &[&adapt[..], &["--save-adapted", "adapted"]].concat(),
    );
    // The first sentence was read before anything was learned.
    let first = rows(&room, &["run", "new.txt"]);
    assert_eq!(adapted[..8], first[..8]);
    assert!(total(adapted) < 0.95 * before);
    // The saved model has learned all of it.
    assert!(total(rows(&room, &["adapted", "new.txt"])) < 0.9 * before);
    let said = stderr(
        room.elman(&[&["surprisal"], &adapt[..]].concat())
            .assert()
            .success(),
    );
    assert!(said.contains("learned from each sentence after its surprisals were computed: gradient descent with rate 0.5, norm of the gradient at most 0.25"), "{said}");

    let again = [&["surprisal"], &adapt[..], &["--save-adapted", "adapted"]].concat();
    let there = room.fails(1, &again);
    assert!(there.contains("adapted exists"), "{there}");
    let same = "surprisal adapted new.txt --adapt --save-adapted adapted --force";
    let read = room.fails(1, &same.split(' ').collect::<Vec<_>>());
    assert!(read.contains("adapted is read here"), "{read}");
    room.write("small.arpa", include_str!("score/small.arpa"));
    let ngram = room.fails(2, &["surprisal", "small.arpa", "new.txt", "--adapt"]);
    assert!(ngram.contains("--adapt is for networks"), "{ngram}");
    let rounded = room.fails(
        2,
        &[
            "surprisal",
            "run",
            "new.txt",
            "--adapt",
            "--weights",
            "int8",
        ],
    );
    assert!(rounded.contains("--weights int8 has rounded"), "{rounded}");
    let mixed = room.fails(
        2,
        &[
            "surprisal",
            "run",
            "new.txt",
            "--adapt",
            "--mix",
            "cache:10:0.1",
        ],
    );
    assert!(mixed.contains("cannot be used with"), "{mixed}");
}
