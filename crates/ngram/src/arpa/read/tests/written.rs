//! What was written is read as the same.

use proptest::prelude::*;

use super::super::super::save;
use super::*;

#[test]
fn files_are_written_and_read_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let model = good(GOOD);
    for name in ["model.arpa", "model.arpa.gz"] {
        let path = folder.path().join(name);
        save(&path, |out| write(&model, out).map(drop)).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.starts_with(&[0x1f, 0x8b]), name.ends_with(".gz"));
        assert_eq!(Model::load(&path).unwrap().id(), model.id());
    }
    let missing = Model::load(&folder.path().join("none.arpa"));
    assert!(matches!(
        missing,
        Err(NgramError::Text(TextError::Missing(_)))
    ));
    let nowhere = save(&folder.path().join("none/model.arpa"), |_| Ok(()));
    assert!(matches!(nowhere, Err(NgramError::Store(_))));
}

proptest! {
    /// Any f32 that a model can hold is written so that it reads as the same.
    #[test]
    fn every_bit_comes_back(p in prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL | prop::num::f32::ZERO, b in any::<f32>()) {
        prop_assume!(p.abs() < 1e30 && b.abs() < 1e30);
        let p = -p.abs() + 0.0;
        let text = GOOD.replace("-1\ta\t-0.5", &format!("{p:e}\ta\t{b:e}"));
        let model = good(text);
        let again = good(write(&model, Vec::new()).unwrap());
        prop_assert_eq!(again.id(), model.id());
        let mut found = None;
        model.grams(1, &mut |gram, p, b| {
            if gram == [id(&model, "a")] { found = Some((p, b)) }
            Ok::<(), ()>(())
        }).unwrap();
        prop_assert_eq!(found, Some((p, b)));
    }

    #[test]
    fn no_change_of_a_byte_is_a_crash(at in 0..GOOD.len(), to in any::<u8>()) {
        let mut text = GOOD.as_bytes().to_vec();
        text[at] = to;
        if let Ok(model) = read(source(text), ArpaOptions::default()) {
            let again = good(write(&model, Vec::new()).unwrap());
            prop_assert_eq!(again.id(), model.id());
        }
    }

    /// Whatever stands in a text, its vocabulary comes back with the same ids.
    #[test]
    fn every_vocabulary_comes_back(text in "(?s)([ \\n\\t\\r\x0b\u{a0}\u{2003}]{0,3}(a|é|<s>|</s>|<unk>|<UNK>|<eos>|\\\\|▁|1|\\PC|.)){1,40}") {
        for kind in [Kind::Words, Kind::Fields, Kind::Chars] {
            let (counts, _) = elman_text::count([source(text.clone())], kind, &Default::default(), 1 << 20).unwrap();
            let words = Words::new(counts.into_vocab(1, None).unwrap());
            let mut builder = Builder::new(words.clone(), 2);
            for word in 0..words.len() as u32 {
                builder.push(&[word], -1.0, 0.0).unwrap();
            }
            for word in 0..words.len() as u32 {
                builder.push(&[words.begin(), word], -0.5, 0.0).unwrap();
            }
            let model = builder.finish().unwrap();
            match write(&model, Vec::new()) {
                Ok(written) => {
                    let again = good(written);
                    prop_assert_eq!(again.vocab().hash(), words.vocab().hash());
                    prop_assert_eq!(again.id(), model.id());
                }
                Err(NgramError::ReservedName { name, .. }) => {
                    prop_assert!(kind == Kind::Fields && ["<s>", "</s>"].contains(&&*name));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}
