//! `elman rescore`: the formats of n-best lists, where they may be, and their traps.

use super::{LIST, rescore, with_list};
use crate::common::{Room, stderr};
use crate::score::room;
use std::io::Write;

/// The same hypotheses in the formats with scores.
fn scored_lists(room: &Room) {
    room.write(
        "moses",
        "0 ||| a king ||| LM0= -3 ||| -1\n0 ||| the king was calm ||| LM0= -4 ||| -1.5\n1 ||| so ||| LM0= 1 ||| -1\n",
    );
    room.write(
        "srilm/u1",
        "-20 -3 2 a king\n-20.5 -4 4 the king was calm\n",
    );
    room.write("srilm/u2", "-20 -3 1 calm\n");
    room.write(
        "nbest1",
        "NBestList1.0\n(-100) a king\n(-110) the king was calm\n",
    );
    room.write(
        "nbest2",
        "NBestList2.0\n(-3) a ( st: 0 et: 1 g: -1 a: -2 )\n(-5) the ( st: 0 et: 1 g: -2 a: -3 )\n",
    );
}

#[test]
fn scores_of_the_list_take_part_and_are_replaced_if_asked() {
    let room = room();
    scored_lists(&room);
    // Without the model the list's own scores decide.
    let own = ["--lm-weight", "0"];
    for list in ["moses", "nbest1", "nbest2"] {
        let same = rescore(&room, &[&[list][..], &own].concat());
        assert_eq!(same, room.read(list), "{list}");
    }
    let moses = rescore(&room, &["moses", "--word-penalty", "1"]);
    assert!(moses.starts_with("0 ||| the king was calm ||| LM0= -4 ||| -1.5\n0 ||| a king"));
    let moses = rescore(&room, &["moses", "--word-penalty", "1", "--write-scores"]);
    let first = moses.lines().next().unwrap();
    // −1.5 − 3.108678 + 4
    assert!(
        first.starts_with("0 ||| the king was calm ||| LM0= -4 elman= -3.1086"),
        "{first}"
    );
    assert!(first.contains(" ||| -0.6086"), "{first}");
    let srilm = [
        "srilm",
        "-o",
        "out",
        "--write-scores",
        "--list-lm-weight",
        "0.5",
        "--word-penalty",
        "2",
    ];
    assert_eq!(rescore(&room, &srilm), "");
    let first = room.read("out/u1");
    assert!(first.starts_with("-20.5 -3.1086"), "{first}");
    assert!(first.ends_with(" 2 a king\n") && room.read("out/u2").ends_with(" 1 calm\n"));
    let error = room.fails(1, &["rescore", "small.arpa", "srilm", "-o", "out"]);
    assert!(error.contains("--force"), "{error}");
    rescore(
        &room,
        &["srilm", "-o", "out", "--force", "--list-weight", "0.1"],
    );
    assert_eq!(room.read("out/u2"), room.read("srilm/u2"));
    let nbest1 = rescore(&room, &["nbest1", "--write-scores", "--word-penalty", "2"]);
    assert!(
        nbest1.starts_with("NBestList1.0\n(0) the king was calm\n"),
        "{nbest1}"
    );
    // Several lists without a directory, and lists without a place for scores.
    let error = room.fails(2, &["rescore", "small.arpa", "srilm"]);
    assert!(error.contains("name a directory with -o"), "{error}");
    assert_eq!(
        rescore(&room, &["srilm", "--format", "best", "--word-penalty", "1"])
            .lines()
            .count(),
        2
    );
    room.write("list", LIST);
    let error = room.fails(2, &["rescore", "small.arpa", "list", "--write-scores"]);
    assert!(error.contains("cannot hold scores"), "{error}");
}

#[test]
fn scores_may_come_in_files_beside_the_lists() {
    let room = room();
    room.write("kaldi", "u-1 a king\nu-2 the king was calm\nv-1 so\n");
    room.write("costs", "u-1 20\nu-2 12\nv-1 3\n");
    room.write("lm", "-1\n-2\n-3\n");
    let list = ["kaldi", "--list-scores", "costs", "--list-lm-scores", "lm"];
    let weights = ["--list-weight", "-0.5", "--list-lm-weight", "2"];
    let more = ["--lm-weight", "0", "--format", "tsv"];
    let table = rescore(&room, &[&list[..], &weights, &more].concat());
    let totals: Vec<&str> = table
        .lines()
        .skip(1)
        .map(|row| row.split('\t').nth(3).unwrap())
        .collect();
    assert_eq!(totals, ["-10.000000", "-12.000000", "-7.500000"]);
    assert!(
        table.contains("u\t1\t2\t-10.000000\t12.000000\t-2.000000\t"),
        "{table}"
    );
    room.write("costs", "u-1 20\nu-2 12\n");
    let error = room.fails(1, &[&["rescore", "small.arpa"], &list[..]].concat());
    assert!(
        error.contains("costs has 2 scores, for 3 hypotheses"),
        "{error}"
    );
    room.write("costs", "u-1 20\nv-1 3\nu-2 12\n");
    let error = room.fails(1, &[&["rescore", "small.arpa"], &list[..]].concat());
    assert!(
        error.contains("costs, line 2: the score is that of 'v-1'"),
        "{error}"
    );
}

#[test]
fn lists_are_read_from_compressed_files_and_directories() {
    let room = with_list();
    let plain = rescore(&room, &["list"]);
    let zipped = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(text.as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    room.write("list.gz", zipped(LIST));
    assert_eq!(rescore(&room, &["list.gz"]), plain);
    let frame = b"\x28\xb5\x2f\xfd\x04\x58\xa1\0\0a line\nanother line\n\x22\x8f\x1e\x01";
    room.write("list.zst", frame);
    let zst = rescore(&room, &["list.zst", "--input-format", "mikolov"]);
    assert_eq!(zst, "a line\nanother line\n");
    room.write("lists/b.gz", zipped("-2 -1 1 so\n"));
    room.write("lists/a.score.gz", zipped("-2 -1 1 a\n-2.5 -1 2 a king\n"));
    rescore(&room, &["lists", "-o", "out"]);
    assert_eq!(room.read("out/b"), "-2 -1 1 so\n");
    assert!(room.read("out/a.score").starts_with("-2"));
    let best = rescore(&room, &["lists", "--format", "best", "--word-penalty", "9"]);
    assert_eq!(best, "a a king\nb so\n");
    room.write("references", "b so\na a king\n");
    let wer = [
        "lists",
        "--references",
        "references",
        "--format",
        "wer",
        "--word-penalty",
        "9",
    ];
    assert!(rescore(&room, &wer).contains("after       WER 0.00 %"));
    // One list needs no directory.
    let one = rescore(&room, &["lists/b.gz"]);
    assert_eq!(one, "-2 -1 1 so\n");
    elman::store::disk::create_dir_all(&room.path("empty")).unwrap();
    let error = room.fails(2, &["rescore", "small.arpa", "empty"]);
    assert!(error.contains("without files"), "{error}");
}

#[test]
fn traps_are_refused_with_their_lines() {
    let room = room();
    let error = |list: &str, more: &[&str]| {
        room.write("list", list);
        room.fails(1, &[&["rescore", "small.arpa", "list"], more].concat())
    };
    for (list, more, part) in [
        (
            "the king was calm\na king\n",
            &[][..],
            "list, line 1 begins with 'the'",
        ),
        ("u1 a\nthe king\nu1 b\n", &[], "line 2 begins with 'the'"),
        ("u1 a\n\nu1 b\n", &[], "--skip-blank ignores"),
        ("u1 a\nu2 b\nu1 c\n", &[], "line 3: utterance 'u1' returns"),
        (
            "-1.5 -2 1 a\n-1.5 x 1 a\n",
            &["--input-format", "srilm"],
            "line 2: the score 'x'",
        ),
        (
            "-1.5 -2 1 a\nu1 1 b\n",
            &[],
            "line 2: the score 'u1' is not a finite number (srilm",
        ),
        (
            "-inf -2 1 a\n-1.5 -2 1 b\n",
            &[],
            "line 1: the score '-inf' is not a finite number (srilm",
        ),
        (
            "0 ||| a ||| f= 1 ||| -1\n0 ||| b ||| f= 1\n",
            &[],
            "line 2: 3 fields",
        ),
        ("", &[], "empty"),
        ("NBestList1.0\n", &[], "no hypothesis"),
    ] {
        let error = error(list, more);
        assert!(error.contains(part), "{error}");
    }
    room.write("list", b"u1 k\xffng\n");
    let said = room.fails(1, &["rescore", "small.arpa", "list"]);
    assert!(said.contains("UTF-8") && said.contains("--lossy"), "{said}");
    rescore(&room, &["list", "--lossy"]);
    // Keys of Kaldi whose numbers do not count on are taken for ids.
    room.write("list", "u-1 the king\nu-3 a king\n");
    let args = ["rescore", "small.arpa", "list"];
    let said = stderr(room.elman(&args).assert().success());
    assert!(
        said.contains("note: every utterance has one hypothesis"),
        "{said}"
    );
    let kaldi = [&args[..], &["--input-format", "kaldi"]].concat();
    let said = stderr(room.elman(&kaldi).assert().success());
    assert!(
        !said.contains("note:") && said.contains("1 utterance, 2 hypotheses"),
        "{said}"
    );
    // What may be asked for nevertheless.
    room.write("list", "the king\n\nthe sea\na king\n");
    let taken = [
        "list",
        "--skip-blank",
        "--input-format",
        "mikolov",
        "--format",
        "best",
    ];
    assert_eq!(rescore(&room, &taken).lines().count(), 2);
    let error = room.fails(2, &["rescore", "small.arpa", "list", "--format", "wer"]);
    assert!(error.contains("--references"), "{error}");
    room.write("list", LIST);
    let error = room.fails(
        1,
        &["rescore", "small.arpa", "list", "-o", "list", "--force"],
    );
    assert!(error.contains("is read here"), "{error}");
}

#[test]
fn a_list_that_fails_leaves_no_output() {
    let room = room();
    room.write("list", "u1 the king\nu2 so\nu1 a king\n");
    room.fails(1, &["rescore", "small.arpa", "list", "-o", "out"]);
    assert!(!room.path("out").exists());
    room.write("list", LIST);
    let same = [
        "rescore",
        "small.arpa",
        "list",
        "-o",
        "out",
        "--report",
        "out",
    ];
    let error = room.fails(2, &same);
    assert!(error.contains("give two names"), "{error}");
    let error = room.fails(2, &["rescore", "small.arpa", "list", "--resamples", "3"]);
    assert!(error.contains("resamples"), "{error}");
    let directory = [
        "rescore",
        "small.arpa",
        "list",
        "-o",
        ".",
        "--format",
        "best",
    ];
    let error = room.fails(1, &directory);
    assert!(error.contains("is a directory"), "{error}");
    // Tuning prints weights and no lists.
    room.write("refs", "u1 the king was calm\nu2 a king was calm\n");
    let tune = [
        "rescore",
        "small.arpa",
        "list",
        "--references",
        "refs",
        "--tune",
    ];
    let error = room
        .elman(&[&tune[..], &["--format", "best"]].concat())
        .assert()
        .code(2);
    assert!(stderr(error).contains("cannot be used with"), "no conflict");
    assert!(
        room.stdout(&tune)
            .starts_with("weights     --list-weight 1 ")
    );
}

#[test]
fn lists_in_a_directory_replace_no_other_file_of_the_command() {
    let room = room();
    scored_lists(&room);
    room.write("out/u2", "u1 a king\nu2 calm\n");
    let lists = ["rescore", "small.arpa", "srilm", "-o", "out", "--force"];
    let error = room.fails(1, &[&lists[..], &["--references", "out/u2"]].concat());
    assert!(error.contains("u2 is read here"), "{error}");
    let error = room.fails(2, &[&lists[..], &["--report", "out/u2"]].concat());
    assert!(error.contains("another name for the report"), "{error}");
    assert_eq!(room.read("out/u2"), "u1 a king\nu2 calm\n");
    assert!(!room.path("out/u1").exists());
}

#[test]
fn options_without_effect_are_refused() {
    let room = with_list();
    for (option, needed) in [
        (["--restarts", "3"], "--tune"),
        (["--resamples", "999"], "--references"),
        (["--seed", "2"], "--references"),
    ] {
        let error = room.fails(
            2,
            &[&["rescore", "small.arpa", "list"], &option[..]].concat(),
        );
        assert!(error.contains(needed), "{error}");
    }
}

#[test]
fn notes_name_the_list_once() {
    let room = room();
    room.write("list", "\u{feff}u1 the king\n");
    let said = stderr(
        room.elman(&["rescore", "small.arpa", "list"])
            .assert()
            .success(),
    );
    assert!(
        said.contains("note: byte order mark dropped: list\n"),
        "{said}"
    );
    assert!(
        said.contains("1 utterance, 1 hypothesis, 3 tokens"),
        "{said}"
    );
}
