//! Sections that are parsed in several blocks and pieces.

use super::*;

const WORDS: usize = 300;
/// The first line of the 2-grams.
const FIRST: usize = WORDS + 9;

/// Names of 2 to 40 bytes, ASCII and not.
fn word(i: usize) -> String {
    let tail = ["", "ä", "0123456789ab", "0123456789abc", "日本語"][i % 5];
    format!(
        "w{i}{tail}{}",
        "x".repeat(if i.is_multiple_of(7) { 30 } else { 0 })
    )
}

/// The lines of a model with all 2-grams of the words.
fn lines() -> Vec<String> {
    let mut lines = vec![
        "\\data\\".to_owned(),
        format!("ngram 1={}", WORDS + 3),
        format!("ngram 2={}", WORDS * WORDS),
        "\\1-grams:".to_owned(),
    ];
    lines.extend(["</s>", "<s>", "<unk>"].map(|word| format!("-1.5\t{word}")));
    lines.extend((0..WORDS).map(|i| format!("-2.5\t{}\t-0.25", word(i))));
    lines.push("\\2-grams:".to_owned());
    for i in 0..WORDS * WORDS {
        let (a, b) = (i % WORDS, i / WORDS);
        let log10 = match i % 3 {
            0 => format!("-{}.{:07}", i % 10, i * 7919 % 10_000_000),
            1 => format!("-0.{:08}", i * 104_729 % 100_000_000),
            _ => format!("-{}", i % 12),
        };
        lines.push(format!("{log10}\t{} {}", word(a), word(b)));
    }
    lines.push("\\end\\".to_owned());
    lines
}

fn text(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

#[test]
fn lines_in_any_form_give_the_same_model() {
    let clean = lines();
    assert_eq!(clean[FIRST - 1], format!("-0.0000000\t{0} {0}", word(0)));
    assert!(text(&clean).len() > 2 << 20);
    let expected = good(text(&clean));
    assert_eq!(log10_p(&expected, &[&word(5)], &word(9)), -5.0);
    let same = |changed: &[String]| {
        let model = good(text(changed));
        assert_eq!(model.id(), expected.id());
        assert!(model.notes().is_empty(), "{:?}", model.notes());
    };
    for every in [1, 7, 20_000] {
        let spoil = |spoil: &dyn Fn(&str) -> String| {
            let changed = clean.iter().enumerate().map(|(i, line)| match i {
                i if i.is_multiple_of(every) && (FIRST..clean.len() - 1).contains(&i) => {
                    spoil(line)
                }
                _ => line.clone(),
            });
            same(&changed.collect::<Vec<_>>());
        };
        spoil(&|line| format!("{line}\r"));
        spoil(&|line| format!("{line} \t"));
        spoil(&|line| format!(" {line}"));
        spoil(&|line| line.replace('\t', "  "));
        spoil(&|line| format!("{line}\t0"));
        spoil(&|line| format!("{line}\n"));
        spoil(&|line| format!("\r\n{line}"));
    }
}

#[test]
fn a_fault_anywhere_is_found_on_its_line() {
    let clean = lines();
    let last = clean.len() - 2;
    // Pieces and blocks end somewhere between these.
    let places = (FIRST..last).step_by(9_001).chain([last]);
    for (i, at) in places.enumerate() {
        let mut lines = clean.clone();
        let gram = lines[at].split_once('\t').unwrap().1.to_owned();
        let (spoilt, words) = match i % 5 {
            0 => (format!("-1\t{gram}x"), "not among the 1-grams"),
            1 => (format!("0.5\t{gram}"), "no probability is above 1"),
            2 => (format!("-1\t{gram}\t-1"), "have no back-off weight"),
            3 => (format!("-1\t{gram}\t0\t0"), "fields are not that"),
            _ => (lines[FIRST - 1].clone(), "listed twice"),
        };
        lines[at] = spoilt;
        let (line, message) = refused(text(&lines));
        assert!(message.contains(words), "{message}");
        assert_eq!(line, at as u64 + 1, "{message}");
    }
}

#[test]
fn wrong_numbers_of_many_n_grams_are_refused_where_it_shows() {
    let clean = text(&lines());
    let announced = format!("ngram 2={}", WORDS * WORDS);
    let more = |n: usize| clean.replace(&announced, &format!("ngram 2={n}"));
    let lines = FIRST + WORDS * WORDS;
    let (line, message) = refused(more(WORDS * WORDS + 1));
    assert!(
        message.contains("there are only 90000 2-grams"),
        "{message}"
    );
    assert_eq!(line, lines as u64);
    for fewer in [1, 2, 40_000, WORDS * WORDS - 1] {
        let (line, message) = refused(more(WORDS * WORDS - fewer));
        assert!(message.contains("more 2-grams than"), "{message}");
        assert_eq!(line, (lines - fewer) as u64);
    }
    let cut = &clean[..clean.len() / 2];
    let (line, message) = refused(&cut[..=cut.rfind('\n').unwrap()]);
    assert!(message.contains("the file ends here"), "{message}");
    assert_eq!(line, cut.matches('\n').count() as u64);
}

#[test]
fn numbers_above_zero_are_counted_in_all_pieces() {
    let mut lines = lines();
    let number = lines.len();
    for line in &mut lines[FIRST..number - 1] {
        let gram = line.split_once('\t').unwrap().1;
        *line = format!("0.000001\t{gram}");
    }
    let notes = good(text(&lines)).notes().join("\n");
    let above = WORDS * WORDS - 1;
    assert!(
        notes.contains(&format!("{above} n-grams have a log10 p above 0")),
        "{notes}"
    );
}
