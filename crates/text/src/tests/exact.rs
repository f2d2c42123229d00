//! Pieces of any bytes, and the bytes again.

use super::engines::{byte_pairs, foreign, of_bert, of_gpt2};
use super::laws::tricky;
use super::*;

/// A piece with bytes of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Own {
    Token(u32),
    Unknown(Vec<u8>),
    Raw(Vec<u8>),
}

/// The pieces of `bytes`, pushed in chunks of a size.
fn cut(vocab: &Vocab, bytes: &[u8], chunk: usize) -> Vec<Own> {
    let mut pieces = Vec::new();
    let mut cutter = Cutter::new(vocab);
    let mut sink = |piece: Piece<'_>| {
        pieces.push(match piece {
            Piece::Token(id) => Own::Token(id),
            Piece::Unknown(bytes) => Own::Unknown(bytes.to_vec()),
            Piece::Raw(bytes) => Own::Raw(bytes.to_vec()),
        });
        Ok::<(), TextError>(())
    };
    for chunk in bytes.chunks(chunk) {
        cutter.push(chunk, &mut sink).unwrap();
    }
    cutter.finish(&mut sink).unwrap();
    pieces
}

fn joined(vocab: &Vocab, pieces: &[Own]) -> Vec<u8> {
    let mut joiner = Joiner::new(vocab);
    let mut bytes = Vec::new();
    for piece in pieces {
        match piece {
            Own::Token(id) => bytes.extend_from_slice(joiner.token(*id)),
            Own::Unknown(own) => {
                bytes.extend_from_slice(joiner.unknown());
                bytes.extend_from_slice(own);
            }
            Own::Raw(raw) => {
                joiner.raw();
                bytes.extend_from_slice(raw);
            }
        }
    }
    bytes
}

/// A vocabulary of every kind, and of tokenizers that restore a text and that do not.
fn vocabularies() -> Vec<Vocab> {
    let text = "the cat sat.\non the <unk> mat é\n";
    let kinds = Kind::ALL.into_iter().filter(|&kind| kind != Kind::Bpe);
    let mut all: Vec<Vocab> = kinds.map(|kind| vocab_of(text.as_bytes(), kind)).collect();
    all.push(byte_pairs(text, 300));
    all.push(foreign(&of_gpt2(), None).unwrap());
    all.push(foreign(&of_bert(), None).unwrap());
    all
}

/// Checks that pieces give the bytes again, however the text is pushed.
fn check(vocab: &Vocab, bytes: &[u8]) {
    let pieces = cut(vocab, bytes, bytes.len().max(1));
    assert_eq!(joined(vocab, &pieces), bytes, "{vocab:?}");
    for chunk in [1, 3, 1000] {
        assert_eq!(cut(vocab, bytes, chunk), pieces, "{vocab:?}");
    }
}

#[test]
fn every_kind_gives_the_bytes_again() {
    let texts: [&[u8]; 16] = [
        b"",
        b"\n",
        b"the cat sat.\non the mat \xC3\xA9\n",
        b"the cat sat.\non the mat",
        b"  the  cat\tsat. \r\n\r\n\n dog \x0b dogs",
        b"the <eos> cat <unk> <s> </s> <\\eos>\n<eos>\n<unk><unk>\n",
        b"\xEF\xBB\xBFthe cat\n",
        b"\xff\xfe\x00t\x00h\x00e\x00",
        b"the cat \xff sat on the mat and the cat sat \xE2\x82 on\n\xff\n",
        b"\xE2\x80\xA8the\xC2\xA0cat\xE3\x80\x80sat\n",
        b"\0\0\0\n\0",
        b"\r\r\r",
        b" ",
        b"\n ",
        b"The CAT, [SEP] sat!\n",
        "\u{65}\u{301}\u{FFFD}\u{1F468}\u{200D}\u{1F469} the \u{212B}\n".as_bytes(),
    ];
    for vocab in vocabularies() {
        for text in texts {
            check(&vocab, text);
        }
        check(&vocab, &(0..=255).collect::<Vec<u8>>());
    }
}

#[test]
fn pieces_of_a_usual_text_are_its_tokens() {
    let text = b"the cat sat.\n\non the mat\n";
    for vocab in vocabularies() {
        if vocab.loses().is_some() && vocab.kind() == Kind::Foreign {
            continue;
        }
        let (ids, _) = ids_of(vec![source(text)], &vocab, &plain()).unwrap();
        let pieces = cut(&vocab, text, 100);
        let ends = usize::from(!vocab.eos_ends_lines());
        assert_eq!(pieces.len() + ends, ids.len(), "{vocab:?}");
        for (piece, id) in pieces.iter().zip(&ids) {
            assert_eq!(piece, &Own::Token(*id), "{vocab:?}");
        }
    }
}

#[test]
fn what_a_vocabulary_lacks_is_spelt() {
    let fields = vocab_of(b"a b\n", Kind::Fields);
    let id = |word: &str| Own::Token(fields.id(word.as_bytes()).unwrap());
    let raw = |bytes: &[u8]| Own::Raw(bytes.to_vec());
    let unknown = |bytes: &[u8]| Own::Unknown(bytes.to_vec());
    let end = Own::Token(fields.eos());
    assert_eq!(
        cut(&fields, b" a  b zz\t<unk> \n", 100),
        [
            raw(b" "),
            id("a"),
            raw(b"  "),
            id("b"),
            unknown(b"zz"),
            raw(b"\t"),
            unknown(b"<unk>"),
            raw(b" "),
            end
        ]
    );
    let chars = vocab_of(b"ab", Kind::Chars);
    let id = |word: &str| Own::Token(chars.id(word.as_bytes()).unwrap());
    assert_eq!(
        cut(&chars, b"a\xC3\xA9\n\xffb", 100),
        [
            id("a"),
            unknown("é".as_bytes()),
            unknown(b"\n"),
            raw(b"\xffb")
        ]
    );
}

#[test]
fn long_lines_are_cut_in_parts() {
    let words = "the cat sat on ".repeat(3 * LONGEST_PART / 15);
    let letters = "\u{1F468}".repeat(LONGEST_PART / 2 + 1);
    let bytes = vec![0x80; 3 * LONGEST_PART];
    for vocab in vocabularies() {
        // The tokenizers of other programs take their time for long words.
        let texts: &[&[u8]] = match vocab.kind() {
            Kind::Foreign => &[words.as_bytes()],
            _ => &[words.as_bytes(), letters.as_bytes(), &bytes],
        };
        for text in texts {
            let pieces = cut(&vocab, text, 1 << 20);
            assert_eq!(&joined(&vocab, &pieces), text, "{vocab:?}");
        }
    }
    let fields = vocab_of(b"the cat sat on\n", Kind::Fields);
    let raw = cut(&fields, words.as_bytes(), 1 << 20);
    let raw = raw.iter().filter(|piece| matches!(piece, Own::Raw(_)));
    assert_eq!(raw.count(), 1, "only the space at the end of the text");
}

proptest! {
    #[test]
    fn any_bytes_are_given_again(bytes in proptest::collection::vec(prop_oneof![
        Just(b' '), Just(b'\n'), Just(b'\t'), Just(b'<'), b'a'..=b'e', any::<u8>(),
    ], 0..200)) {
        for vocab in vocabularies_of_our_own() {
            check(vocab, &bytes);
        }
    }

    #[test]
    fn any_text_is_given_again(text in tricky()) {
        for vocab in vocabularies_of_our_own() {
            check(vocab, text.as_bytes());
        }
    }
}

/// The vocabularies of our own kinds, made once.
fn vocabularies_of_our_own() -> &'static [Vocab] {
    static ALL: std::sync::OnceLock<Vec<Vocab>> = std::sync::OnceLock::new();
    ALL.get_or_init(|| {
        let own = |vocab: &Vocab| vocab.kind() != Kind::Foreign;
        vocabularies().into_iter().filter(own).collect()
    })
}
