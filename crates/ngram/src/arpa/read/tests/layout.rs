//! What a good file may look like.

use super::*;

#[test]
fn a_plain_file() {
    let model = good(GOOD);
    assert_eq!(model.counts(), [5, 4, 2]);
    assert_eq!(model.vocab().len(), 4);
    assert_eq!(log10_p(&model, &[], "a"), -0.5);
    assert_eq!(log10_p(&model, &["a"], "b"), -0.125);
    assert_eq!(log10_p(&model, &["a", "b"], "<eos>"), -0.625);
    assert_eq!(log10_p(&model, &["a", "b", "<eos>"], "a"), -0.5);
    // After b a: weights 0.5 and −0.5.
    assert_eq!(log10_p(&model, &["b", "a"], "<unk>"), 0.5 - 0.5 - 2.0);
}

#[test]
fn white_space_and_blank_lines_mean_nothing() {
    same(GOOD.replace('\n', "\r\n"));
    same(GOOD.replace('\t', " "));
    same(GOOD.replace('\t', " \t  "));
    same(GOOD.replace('\n', "\n\n"));
    same(GOOD.replace('\n', " \n\t\n"));
    same(GOOD.replace("ngram 1=5", "ngram  1 = 5"));
    same(GOOD.trim_end());
    same(format!("\u{feff}{GOOD}"));
}

#[test]
fn weights_may_be_absent_or_zero_in_any_writing() {
    same(GOOD.replace("</s>\n", "</s>\t0\n"));
    same(GOOD.replace("</s>\n", "</s>\t-0.0\n"));
    same(GOOD.replace("a b\n", "a b\t0e5\n"));
    same(GOOD.replace("-0.5\t", "-5e-1\t"));
}

#[test]
fn what_stands_around_the_data_means_nothing() {
    same(format!("{GOOD}anything\n\\data\\\nngram 1=7\n"));
    same(format!("# a comment\n\\1-grams:\n\\end\\\n{GOOD}"));
    same([&b"\xff\xfe binary \0\n"[..], GOOD.as_bytes()].concat());
    same(format!("{}\n{GOOD}", "x".repeat(3 << 20)));
}

#[test]
fn heads_in_comments_are_passed_over() {
    // The explanation that the CMU toolkit puts in front.
    same(format!(
        "Data formats:\n\nBeginning of data mark: \\data\\\nngram 1=nr            # number of 1-grams\n\n\
         \\1-grams:\np_1     wd_1 bo_wt_1\n\nend of data mark: \\end\\\n\n{GOOD}"
    ));
    for garbage in [
        "\\data\\\nngram 1=nr\n",
        "\\data\\\n\\1-grams:\n",
        "\\data\\\nngram 1=5\n\\2-grams:\n",
        "\\data\\\nngram 1=5\nngram 3=5\n\\1-grams:\n",
        "\\data\\\nngram 2=5\n\\1-grams:\n",
        "\\data\\\nngram 1=-5\n",
        "\\data\\\nngram 1=99999999999999999999999\n",
        "\\data\\\nngram1=5\n",
        "\\data\\\nngram 1=5 # words\n",
        "\\data\\\n",
        "\\data\\\n\\data\\\nngram 1=5\n",
        "ngram 1=5\n",
    ] {
        same(format!("{garbage}{GOOD}"));
    }
}

#[test]
fn gzip_is_known_by_its_bytes() {
    let mut out = GzEncoder::new(Vec::new(), Compression::fast());
    out.write_all(GOOD.as_bytes()).unwrap();
    let compressed = out.finish().unwrap();
    same(compressed.clone());
    let cut = read(
        source(&compressed[..compressed.len() - 30]),
        ArpaOptions::default(),
    );
    assert!(
        matches!(cut, Err(NgramError::Text(TextError::Gzip { .. }))),
        "{cut:?}"
    );
}

#[test]
fn orders_may_be_empty() {
    let model = good(
        GOOD.replace("ngram 3=2", "ngram 3=0\nngram 4=0")
            .replace("-0.125\t<s> a b\n-0.375\tb a b\n", "\n\\4-grams:\n"),
    );
    assert_eq!(model.counts(), [5, 4, 0, 0]);
    assert_eq!(log10_p(&model, &["a"], "b"), -0.0625 - 0.75);
    let only_words = "\\data\\\nngram 1=2\n\\1-grams:\n-1 </s> \n-2 a \n\n\\end\\\n";
    let model = good(only_words);
    assert_eq!(log10_p(&model, &["a"], "<eos>"), -1.0);
    assert_eq!(model.notes().len(), 2);
}

#[test]
fn a_middle_order_may_lack_what_longer_ones_begin_with() {
    let model = good(
        GOOD.replace("ngram 2=4", "ngram 2=2")
            .replace("-0.5\t<s> a\t-0.0625\n-0.75\ta b\n", ""),
    );
    assert_eq!(model.counts(), [5, 3, 2]);
    assert_eq!(log10_p(&model, &[], "a"), -0.25 - 1.0);
    assert_eq!(log10_p(&model, &["a"], "b"), -0.125);
    assert!(
        model.notes()[0].starts_with("1 n-grams were inserted"),
        "{:?}",
        model.notes()
    );
}

#[test]
fn positive_weights_and_predicted_begins_occur() {
    let model = good(
        GOOD.replace("-0.625\tb </s>", "-0.625\t</s> <s>\t0.25")
            .replace("-0.375\tb a b", "-0.375\t</s> <s> a"),
    );
    assert_eq!(
        log10_p(&model, &[], "a"),
        -0.5,
        "what stands before <s> does not count"
    );
    let written = write(&model, Vec::new()).unwrap();
    assert_eq!(good(written).id(), model.id());
}
