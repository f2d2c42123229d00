//! Every line is read back, and its answer found again by the definition of its task.

use super::*;
use std::collections::{HashMap, HashSet};

const LINES: u64 = 300;

fn lines(task: Task, lag: usize) -> Vec<Vec<String>> {
    let synth = Synth::new(task, lag, 5).unwrap();
    let lines: Vec<Vec<String>> = (0..LINES)
        .map(|number| {
            let line = synth.line(number);
            line.split(' ').map(str::to_owned).collect()
        })
        .collect();
    assert!(
        lines
            .iter()
            .all(|line| line.len() == synth.tokens_per_line())
    );
    assert!(lines.iter().any(|line| *line != lines[0]));
    lines
}

/// What stands before and after the mark.
fn halves(line: &[String]) -> (&[String], &[String]) {
    let at = line.iter().position(|token| token == MARK).unwrap();
    (&line[..at], &line[at + 1..])
}

#[test]
fn the_sum_of_the_marked_digits_follows() {
    for (lag, digits) in [(2, 10), (3, 2), (20, 10), (151, 4)] {
        let (mut places, mut sums) = (HashSet::new(), HashSet::new());
        for line in lines(Task::Adding { digits }, lag) {
            let (read, answer) = halves(&line);
            assert_eq!(read.len(), lag);
            let marked: Vec<(usize, usize)> = read
                .iter()
                .enumerate()
                .filter_map(|(place, token)| {
                    Some((place, token.strip_suffix('*')?.parse().unwrap()))
                })
                .collect();
            let [(first, a), (second, b)] = marked[..] else {
                panic!("two digits are marked: {line:?}");
            };
            assert!(first < lag / 2 && second >= lag / 2, "one in each half");
            let plain = read.iter().map(|token| token.trim_end_matches('*'));
            assert!(
                plain
                    .into_iter()
                    .all(|digit| digit.parse::<usize>().unwrap() < digits)
            );
            assert_eq!(answer, [(a + b).to_string()]);
            places.extend([first, second]);
            sums.insert(a + b);
        }
        // Everything that can be marked is, and every sum of small digits occurs.
        assert!(places.len() > lag.min(100) * 9 / 10);
        assert!(digits > 4 || sums.len() == 2 * digits - 1);
    }
}

#[test]
fn the_value_of_the_key_that_is_asked_for_follows() {
    for (pairs, symbols, lag) in [(1, 2, 0), (3, 10, 7), (30, 30, 50)] {
        let mut asked_for = HashSet::new();
        for line in lines(Task::Recall { pairs, symbols }, lag) {
            let (read, answer) = halves(&line);
            let (shown, rest) = read.split_at(2 * pairs);
            let known: HashMap<&String, &String> =
                shown.chunks(2).map(|pair| (&pair[0], &pair[1])).collect();
            assert_eq!(known.len(), pairs, "keys differ");
            let (noise, question) = rest.split_at(lag);
            // Noise is neither key nor value.
            assert!(
                noise
                    .iter()
                    .all(|token| token.starts_with(|c: char| c.is_ascii_uppercase()))
            );
            assert_eq!(question[0], "?");
            assert_eq!(answer, [known[&question[1]].clone()]);
            asked_for.insert(
                shown
                    .iter()
                    .position(|token| *token == question[1])
                    .unwrap(),
            );
        }
        assert_eq!(asked_for.len(), pairs);
    }
}

#[test]
fn the_symbols_follow_again() {
    for (length, symbols, lag) in [(1, 30, 0), (10, 8, 25)] {
        for line in lines(Task::Copy { length, symbols }, lag) {
            let (read, answer) = halves(&line);
            let (shown, blanks) = read.split_at(length);
            assert!(blanks.len() == lag && blanks.iter().all(|token| token == "_"));
            assert_eq!(answer, shown);
        }
    }
}

#[test]
fn a_longer_corpus_begins_with_a_shorter_one() {
    let task = Task::Adding { digits: 10 };
    let text = |lines: u64, seed: u64| {
        let mut out = Vec::new();
        let synth = Synth::new(task, 12, seed).unwrap();
        synth.write(lines, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let (short, long) = (text(10, 1), text(40, 1));
    assert_eq!((short.lines().count(), long.lines().count()), (10, 40));
    assert!(long.starts_with(&short));
    let other = text(40, 2);
    let both = long.lines().filter(|line| other.contains(line));
    assert_eq!(both.count(), 0);
}

#[test]
fn sizes_of_which_no_line_can_be_made_are_refused() {
    for (task, lag, word) in [
        (Task::Adding { digits: 10 }, 1, "lag is 1"),
        (Task::Adding { digits: 1 }, 10, "digits is 1"),
        (Task::Adding { digits: 10 }, MOST + 1, "lag"),
        (
            Task::Recall {
                pairs: 11,
                symbols: 10,
            },
            5,
            "pairs is 11",
        ),
        (
            Task::Recall {
                pairs: 1,
                symbols: 1,
            },
            5,
            "symbols",
        ),
        (
            Task::Copy {
                length: 0,
                symbols: 8,
            },
            5,
            "length",
        ),
        (
            Task::Copy {
                length: 3,
                symbols: MOST + 1,
            },
            5,
            "symbols",
        ),
    ] {
        let error = Synth::new(task, lag, 1).unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
