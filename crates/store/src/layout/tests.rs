use super::*;

/// A file: length field, header, `data` zeros.
fn read(header: &str, data: usize) -> Result<FileLayout, Flaw> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.resize(bytes.len() + data, 0);
    FileLayout::read(&mut &bytes[..], bytes.len() as u64)
}

fn flaw(header: &str, data: usize) -> Flaw {
    read(header, data).unwrap_err()
}

#[test]
fn a_sound_head() {
    let header = r#"{"b":{"dtype":"F64","shape":[],"data_offsets":[6,14]},"__metadata__":{"k":"v"},
        "a":{"dtype":"BF16","shape":[3,1],"data_offsets":[0,6]},
        "e":{"dtype":"U32","shape":[0,9],"data_offsets":[14,14]}}   "#;
    let layout = read(header, 14).unwrap();
    let names: Vec<&str> = layout.places.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "e"]);
    assert_eq!(layout.places[0].shape, [3, 1]);
    assert_eq!(layout.places[0].dtype, Dtype::BF16);
    assert_eq!(
        (layout.places[1].elements, layout.places[2].elements),
        (1, 0)
    );
    assert_eq!(layout.metadata("k"), Some("v"));
    assert_eq!(layout.metadata("l"), None);
    assert!(read("{}", 0).unwrap().places.is_empty());
    assert!(read(r#"{"__metadata__":null}"#, 0).is_ok());
}

#[test]
fn the_frame() {
    let raw = |bytes: &[u8], length| FileLayout::read(&mut &bytes[..], length).unwrap_err();
    assert!(matches!(raw(b"", 0), Flaw::TooShort { length: 0 }));
    assert!(matches!(raw(b"1234567", 7), Flaw::TooShort { length: 7 }));
    // A text file is recognised by an absurd header length.
    assert!(matches!(
        raw(b"In the beginning", 16),
        Flaw::HeaderTooLong { .. }
    ));
    assert!(matches!(raw(&[255; 16], 16), Flaw::HeaderTooLong { .. }));
    assert!(matches!(
        raw(b"\x03\0\0\0\0\0\0\0{}", 10),
        Flaw::HeaderPastEnd {
            header: 3,
            file: 10
        }
    ));
    assert!(matches!(
        raw(b"\x02\0\0\0\0\0\0\0{", 10),
        Flaw::Unreadable(_)
    ));
    assert!(matches!(flaw("", 0), Flaw::HeaderStart));
    assert!(matches!(flaw(" {}", 0), Flaw::HeaderStart));
    assert!(matches!(flaw("[]", 0), Flaw::HeaderStart));
    assert!(matches!(flaw("{}", 3), Flaw::TrailingBytes { extra: 3 }));
}

#[test]
fn the_header_is_strict_json() {
    for header in [
        "{",
        "{}{}",
        "{}\0",
        r#"{"a":1}"#,
        r#"{"a":{}}"#,
        r#"{"a":{"dtype":"F32","shape":[1]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}"#,
        r#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}"#,
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"more":0}}"#,
        r#"{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        r#"{"__metadata__":{"k":1}}"#,
        r#"{"__metadata__":[]}"#,
    ] {
        let flaw = flaw(header, 4);
        assert!(
            matches!(flaw, Flaw::HeaderInvalid { .. }),
            "{header}: {flaw}"
        );
    }
    let deep = format!(r#"{{"a":{}"#, "[".repeat(100_000));
    assert!(matches!(flaw(&deep, 0), Flaw::HeaderInvalid { .. }));
    let not_utf8 = [&b"\x04\0\0\0\0\0\0\0"[..], b"{\"\xff\""].concat();
    let flaw = FileLayout::read(&mut &not_utf8[..], 12).unwrap_err();
    assert!(matches!(flaw, Flaw::HeaderInvalid { .. }));
}

#[test]
fn no_name_stands_twice() {
    for header in [
        r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
        r#"{"__metadata__":{"k":"1","k":"2"}}"#,
        r#"{"__metadata__":{},"__metadata__":{}}"#,
    ] {
        assert!(
            matches!(flaw(header, 8), Flaw::DuplicateName { .. }),
            "{header}"
        );
    }
}

#[test]
fn each_array_agrees_with_itself() {
    let one = |dtype: &str, shape: &str, offsets: &str| {
        let header =
            format!(r#"{{"a":{{"dtype":"{dtype}","shape":{shape},"data_offsets":{offsets}}}}}"#);
        flaw(&header, 4)
    };
    assert!(matches!(
        one("I8", "[4]", "[0,4]"),
        Flaw::UnknownDtype { .. }
    ));
    assert!(matches!(
        one("f32", "[1]", "[0,4]"),
        Flaw::UnknownDtype { .. }
    ));
    assert!(matches!(
        one("F32", "[1]", "[4,0]"),
        Flaw::OffsetsReversed { .. }
    ));
    assert!(matches!(
        one("F32", "[1]", "[0,3]"),
        Flaw::SizeMismatch { .. }
    ));
    assert!(matches!(
        one("F64", "[1]", "[0,4]"),
        Flaw::SizeMismatch { .. }
    ));
    let wraps = [
        "[4611686018427387904]",
        "[4294967296,4294967296]",
        "[18446744073709551615,2]",
    ];
    for shape in wraps {
        assert!(matches!(
            one("F32", shape, "[0,0]"),
            Flaw::SizeOverflow { .. }
        ));
    }
    // Big, but consistent with itself: the file's length refuses it before any allocation.
    let big = one("F32", "[1099511627776]", "[0,4398046511104]");
    assert!(matches!(
        big,
        Flaw::CutShort {
            missing: 4_398_046_511_100
        }
    ));
}

#[test]
fn arrays_fill_the_file_without_gap_or_overlap() {
    let two = |first: &str, second: &str, data| {
        let header = format!(
            r#"{{"a":{{"dtype":"F32","shape":[1],"data_offsets":{first}}},
                "b":{{"dtype":"F32","shape":[1],"data_offsets":{second}}}}}"#
        );
        read(&header, data)
    };
    assert!(two("[0,4]", "[4,8]", 8).is_ok());
    assert!(two("[4,8]", "[0,4]", 8).is_ok());
    let is = |result: Result<FileLayout, Flaw>, test: fn(&Flaw) -> bool| {
        let flaw = result.unwrap_err();
        assert!(test(&flaw), "{flaw}");
    };
    is(two("[0,4]", "[0,4]", 4), |f| {
        matches!(f, Flaw::Overlap { .. })
    });
    is(two("[0,4]", "[3,7]", 7), |f| {
        matches!(f, Flaw::Overlap { .. })
    });
    is(two("[0,4]", "[5,9]", 9), |f| {
        matches!(f, Flaw::Hole { bytes: 1, .. })
    });
    is(two("[1,5]", "[5,9]", 9), |f| {
        matches!(f, Flaw::Hole { bytes: 1, .. })
    });
    is(two("[0,4]", "[4,8]", 7), |f| {
        matches!(f, Flaw::CutShort { missing: 1 })
    });
    is(two("[0,4]", "[4,8]", 9), |f| {
        matches!(f, Flaw::TrailingBytes { extra: 1 })
    });
}
