//! Corrected probabilities of words sum to one, over all words that small vocabularies can spell.

use super::*;

/// Sums the probabilities of `words` after `before`, that of the end of the line among them, and that of longer words: of those of `longest`
/// that have not ended.
fn total(model: &Model, before: &str, words: &[String], longest: &[String]) -> (f64, f64) {
    let p = |word: &WordSurprisal| (-word.surprisal_nats).exp();
    let lines: String = words
        .iter()
        .map(|word| format!("{before} {word}\n"))
        .collect();
    let exact = read(model, &lines, &SurprisalOptions::default());
    let sum: f64 = exact.iter().map(|line| p(&line[line.len() - 2].1)).sum();
    let end = read(model, before, &SurprisalOptions::default());
    let end = p(&end[0].last().unwrap().1);
    // p(S | before) = p(naive) / p(exact) · p(S | before, word): the first quotient is that of the end.
    let naive = read(model, before, &options(Layout::Sentences, Spelling::Naive));
    let boundary = p(&naive[0].last().unwrap().1) / end;
    let lines: String = longest
        .iter()
        .map(|word| format!("{before} {word}\n"))
        .collect();
    let exact = read(model, &lines, &SurprisalOptions::default());
    let naive = read(model, &lines, &options(Layout::Sentences, Spelling::Naive));
    let longer = exact.iter().zip(&naive).map(|(exact, naive)| {
        let place = exact.len() - 2;
        p(&naive[place].1) / boundary - p(&exact[place].1)
    });
    (sum + end, longer.sum())
}

/// All words of at most `longest` of these parts, and the words of exactly `longest`.
fn all_words(parts: &[&str], longest: usize) -> (Vec<String>, Vec<String>) {
    let mut all = Vec::new();
    let mut last: Vec<String> = vec![String::new()];
    for _ in 0..longest {
        let longer = last
            .iter()
            .flat_map(|word| parts.iter().map(move |part| format!("{word}{part}")));
        last = longer.collect();
        all.extend(last.iter().cloned());
    }
    (all, last)
}

/// A trigram model over the tokens of `vocab` in which only `likely` tokens have a probability, equal ones after `start` and others elsewhere.
fn only(vocab: Vocab, after: &[(&str, &[(&str, f32)])]) -> Model {
    let id = |token: &str| match token {
        "</s>" => vocab.eos(),
        token => vocab.id(token.as_bytes()).unwrap(),
    };
    let words = vocab.len() as u32;
    let pairs = after.iter().flat_map(|(context, tokens)| {
        let context = if *context == "<s>" {
            words
        } else {
            id(context)
        };
        tokens
            .iter()
            .map(move |(token, p)| (context, *token, p.log10()))
    });
    let mut pairs: Vec<(u32, u32, f32)> = pairs
        .map(|(context, token, log10)| (context, id(token), log10))
        .collect();
    pairs.sort_by_key(|&(context, token, _)| (context, token));
    let mut builder = ngram::Builder::new(ngram::Words::new(vocab), 2);
    (0..=words).for_each(|word| builder.push(&[word], -99.0, 0.0).unwrap());
    for (context, token, log10) in pairs {
        builder.push(&[context, token], log10, 0.0).unwrap();
    }
    builder.finish().unwrap().into()
}

#[test]
fn probabilities_of_words_of_characters_sum_to_one() {
    let (words, longest) = all_words(&["a", "b"], 8);
    let vocab = vocab(Kind::Chars, "ab \n");
    let letters: &[(&str, f32)] = &[("a", 0.2), ("b", 0.1), (" ", 0.5), ("\n", 0.2)];
    let after: [(&str, &[(&str, f32)]); 4] = [
        ("<s>", &[("a", 0.6), ("b", 0.4)]),
        (" ", &[("a", 0.7), ("b", 0.3)]),
        ("a", letters),
        ("b", &[("b", 0.1), (" ", 0.3), ("\n", 0.6)]),
    ];
    let model = only(vocab, &after);
    let (sum, longer) = total(&model, "ab", &words, &longest);
    assert!((sum + longer - 1.0).abs() < 1e-6, "{sum} and {longer}");
    // Words of more than eight letters are rare: the sum is one almost by itself.
    assert!(longer > 0.0 && longer < 1e-3, "{longer}");
}

#[test]
fn probabilities_of_words_of_byte_pairs_sum_to_one() {
    // Merged are ` a`, `ab` and ` b`.
    let vocab = counted(&" ab ab a b ab\n".repeat(9), Kind::Bpe, Some(260));
    let known = |token: &str| vocab.id(token.as_bytes()).is_some();
    assert!(known(" a") && known(" ab"), "{vocab:?}");
    let (words, longest) = all_words(&["c"], 9);
    let more: &[(&str, f32)] = &[("c", 0.3), (" a", 0.2), (" ab", 0.3), ("\n", 0.2)];
    let after: [(&str, &[(&str, f32)]); 4] = [
        ("<s>", &[("c", 1.0)]),
        ("c", more),
        (" a", more),
        (" ab", &[("c", 0.1), (" a", 0.4), ("\n", 0.5)]),
    ];
    let model = only(vocab, &after);
    // Words are `a` or `ab`, and then c, each with one spelling in tokens.
    let with = |words: &[String]| -> Vec<String> {
        let all = words.iter().map(String::as_str);
        all.flat_map(|rest| [format!("a{rest}"), format!("ab{rest}")])
            .collect()
    };
    let words: Vec<String> = [String::new()].into_iter().chain(words).collect();
    let (sum, longer) = total(&model, "c", &with(&words), &with(&longest));
    assert!((sum + longer - 1.0).abs() < 1e-6, "{sum} and {longer}");
    assert!(longer < 1e-3, "{longer}");
    // Without the correction they do not.
    let naive = read(&model, "c ab", &options(Layout::Sentences, Spelling::Naive));
    let exact = read(&model, "c ab", &SurprisalOptions::default());
    assert!((naive[0][1].1.surprisal_nats - exact[0][1].1.surprisal_nats).abs() > 0.01);
}

#[test]
fn a_network_of_characters_sums_to_one_with_longer_words() {
    // After a space may come another one: words of no letters, as the space and what follows it.
    let vocab = vocab(Kind::Chars, "ab \n");
    let model = Model::from(model_of(CELLS[3], false, vocab));
    let (words, longest) = all_words(&["a", "b", "z"], 5);
    let (sum, longer) = total(&model, "ab", &words, &longest);
    let spaces = {
        // p(a space and S after it | S), and p(<eos> | S).
        let mut session = model.session();
        session.feed("ab").unwrap();
        let id = |token: &str| model.vocab().id(token.as_bytes()).unwrap();
        let starts = [id(" "), id("\n"), model.vocab().eos()];
        let p = |session: &mut crate::Session, ids: &[u32]| {
            let next = session.next().unwrap();
            ids.iter().map(|&id| next.prob(id)).sum::<f64>()
        };
        let boundary = p(&mut session, &starts);
        let space = p(&mut session, &starts[..1]);
        let eos = p(&mut session, &starts[2..]);
        session.feed(" ").unwrap();
        (space * p(&mut session, &starts) + eos) / boundary
    };
    assert!(
        (sum + longer + spaces - 1.0).abs() < 1e-6,
        "{sum}, {longer} and {spaces}"
    );
}
