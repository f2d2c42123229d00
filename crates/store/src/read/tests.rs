use super::*;
use crate::write::write_to;
use crate::{write_atomic, write_snapshot};
use serde_json::json;
use std::io::{Cursor, Write};

fn snapshot() -> Snapshot<'static> {
    let header = json!({"step": 7, "best": 0.1 + 0.2, "nested": {"text": "\"é\n"}});
    Snapshot {
        header: serde_json::from_value(header).unwrap(),
        arrays: vec![
            Array::f32("w", &[3], vec![1.5, f32::NAN, -0.0]),
            Array::u32("ids", &[1, 2], vec![9, u32::MAX]),
            Array::f64("sum", &[], vec![0.1]),
            Array::u64("n", &[1], vec![u64::MAX]),
            Array::i64("i", &[1], vec![-1]),
            Array::f32("none", &[0, 4], vec![]),
        ],
    }
}

fn headless(arrays: Vec<Array>) -> Snapshot {
    let header = Map::new();
    Snapshot { header, arrays }
}

fn bytes(snapshot: &Snapshot) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    write_to(&mut out, &snapshot.header, &snapshot.arrays).unwrap();
    out.into_inner()
}

fn read(bytes: &[u8], integrity: Integrity) -> Result<Snapshot<'static>, Flaw> {
    let read = read_from(&mut &bytes[..], bytes.len() as u64, integrity);
    if integrity == Integrity::Required {
        let verified = verify_from(&mut &bytes[..], bytes.len() as u64);
        assert_eq!(read.is_ok(), verified.is_ok());
    }
    match (&read, borrow_snapshot(bytes, integrity)) {
        (Ok(read), Ok(borrowed)) => {
            assert_eq!(read.header, borrowed.header);
            assert_eq!(read.digest(&[]), borrowed.digest(&[]));
        }
        (Err(read), Err(borrowed)) => assert_eq!(read.to_string(), borrowed.to_string()),
        (read, borrowed) => panic!("read: {read:?}, borrowed: {borrowed:?}"),
    }
    read
}

#[test]
fn what_was_written_is_read() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("a.safetensors");
    write_snapshot(&path, &snapshot()).unwrap();
    verify_snapshot(&path).unwrap();
    for integrity in [Integrity::Required, Integrity::Foreign] {
        let back = read_snapshot(&path, integrity).unwrap();
        assert_eq!(back.header, snapshot().header);
        assert_eq!(back.digest(&[]), snapshot().digest(&[]));
        let names: Vec<&str> = back.arrays.iter().map(|a| a.name.as_str()).collect();
        assert_eq!(names, ["sum", "n", "i", "w", "ids", "none"]);
    }
    let mut empty = Cursor::new(Vec::new());
    write_to(&mut empty, &Map::new(), &[]).unwrap();
    let empty = read(&empty.into_inner(), Integrity::Required).unwrap();
    assert!(empty.header.is_empty() && empty.arrays.is_empty());
}

/// Arrays of more than one chunk, borrowed.
#[test]
fn large_arrays_pass_in_chunks() {
    let weights: Vec<f32> = (0..200_001).map(|i| i as f32).collect();
    let bytes = bytes(&headless(vec![Array::f32("w", &[200_001], &weights[..])]));
    let back = read(&bytes, Integrity::Required).unwrap();
    assert_eq!(back.f32("w", &[200_001]).unwrap(), weights);
}

/// Where bytes lie decides whether they are borrowed, and nothing else.
#[test]
fn arrays_are_borrowed_where_they_are_aligned() {
    let bytes = bytes(&snapshot());
    let mut room = vec![0_u64; bytes.len() / 8 + 2];
    let room: &mut [u8] = bytemuck::cast_slice_mut(&mut room);
    for start in 0..8 {
        let here = &mut room[start..][..bytes.len()];
        here.copy_from_slice(&bytes);
        let back = borrow_snapshot(here, Integrity::Required).unwrap();
        assert_eq!(back.digest(&[]), snapshot().digest(&[]));
        let Data::F32(w) = &back.array("w").unwrap().data else {
            panic!("w is not f32");
        };
        assert_eq!(matches!(w, Cow::Borrowed(_)), start % 4 == 0);
    }
}

/// serde_json reads most floats one unit off unless its feature `float_roundtrip` is on.
#[test]
fn floats_in_the_header_come_back_bit_by_bit() {
    let mut bits = 0x9e37_79b9_7f4a_7c15_u64;
    let mut header = Map::new();
    for index in 0..5000 {
        bits = bits.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        let value = f64::from_bits(bits);
        if value.is_finite() {
            header.insert(index.to_string(), json!(value));
        }
    }
    let wanted = Snapshot {
        header,
        arrays: vec![],
    };
    let back = read(&bytes(&wanted), Integrity::Required).unwrap();
    assert_eq!(back.header, wanted.header);
}

#[test]
fn every_cut_is_refused() {
    let bytes = bytes(&snapshot());
    for length in 0..bytes.len() {
        for integrity in [Integrity::Required, Integrity::Foreign] {
            assert!(read(&bytes[..length], integrity).is_err(), "{length} bytes");
        }
    }
    let longer = [&bytes[..], &[0]].concat();
    let flaw = read(&longer, Integrity::Foreign).unwrap_err();
    assert!(matches!(flaw, Flaw::TrailingBytes { extra: 1 }));
}

#[test]
fn every_flipped_bit_is_refused() {
    let mut bytes = bytes(&snapshot());
    for place in 0..bytes.len() {
        for bit in 0..8 {
            bytes[place] ^= 1 << bit;
            for integrity in [Integrity::Required, Integrity::Foreign] {
                assert!(read(&bytes, integrity).is_err(), "byte {place}, bit {bit}");
            }
            bytes[place] ^= 1 << bit;
        }
    }
    read(&bytes, Integrity::Required).unwrap();
}

#[test]
fn every_byte_replaced_by_any_other_is_refused() {
    let bytes = bytes(&headless(vec![Array::u32("w", &[1], vec![1])]));
    for place in 0..bytes.len() {
        for other in 0..=255 {
            let mut damaged = bytes.clone();
            damaged[place] = other;
            let refused = read(&damaged, Integrity::Foreign).is_err();
            assert_eq!(refused, other != bytes[place], "byte {place} as {other}");
        }
    }
}

/// The recipe of docs/FORMAT.md, with its literal places.
#[test]
fn the_checksum_is_the_one_in_the_specification() {
    let mut bytes = bytes(&snapshot());
    let digits = bytes[35..99].to_vec();
    bytes[35..99].fill(b'0');
    assert_eq!(blake3::hash(&bytes).to_hex().as_bytes(), digits);
}

/// What `safetensors.torch.save_file` of Python writes, with and without metadata.
#[test]
fn foreign_files_are_read_when_allowed() {
    let foreign = |metadata: &str| {
        let header = format!(
            r#"{{{metadata}"h":{{"dtype":"F16","shape":[2],"data_offsets":[4,8]}},"w":{{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}}}"#
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(&2.5_f32.to_le_bytes());
        bytes.extend_from_slice(&[0x00, 0x3c, 0x01, 0x80]);
        bytes
    };
    for metadata in ["", r#""__metadata__":{"format":"pt"},"#] {
        let bytes = foreign(metadata);
        let flaw = read(&bytes, Integrity::Required).unwrap_err();
        assert!(matches!(flaw, Flaw::NoChecksum), "{flaw}");
        let back = read(&bytes, Integrity::Foreign).unwrap();
        assert!(back.header.is_empty());
        assert_eq!(back.f32("w", &[1]).unwrap(), [2.5]);
        let tiny = -(0.5_f32.powi(24));
        assert_eq!(back.f32("h", &[2]).unwrap(), [1.0, tiny]);
    }
    // Ours, rewritten by another program: the checksum has moved or is gone.
    for metadata in [
        r#""__metadata__":{"format":"pt","elman":"{}"},"#,
        r#""__metadata__":{"elman":"{}","blake3":"00"},"#,
        r#""__metadata__":{"blake3":"00"},"#,
    ] {
        let flaw = read(&foreign(metadata), Integrity::Foreign).unwrap_err();
        assert!(matches!(flaw, Flaw::ChecksumMisplaced), "{flaw}");
    }
}

#[test]
fn the_checksum_and_the_header_have_their_own_messages() {
    let mut damaged = bytes(&snapshot());
    *damaged.last_mut().unwrap() ^= 1;
    let flaw = read(&damaged, Integrity::Required).unwrap_err();
    assert!(matches!(flaw, Flaw::ChecksumMismatch), "{flaw}");

    // A right checksum over a header that is no object.
    let mut odd = bytes(&headless(vec![]));
    let object = odd.windows(4).position(|four| four == br#""{}""#).unwrap();
    odd[object..object + 4].copy_from_slice(br#""[]""#);
    odd[CHECKSUM_AT..CHECKSUM_AT + CHECKSUM_DIGITS].fill(b'0');
    let digits = blake3::hash(&odd).to_hex();
    odd[CHECKSUM_AT..CHECKSUM_AT + CHECKSUM_DIGITS].copy_from_slice(digits.as_bytes());
    let flaw = read(&odd, Integrity::Required).unwrap_err();
    assert!(matches!(flaw, Flaw::ElmanHeaderInvalid { .. }), "{flaw}");
}

#[test]
fn a_file_that_shrinks_or_grows_under_the_reader_is_refused() {
    let bytes = bytes(&snapshot());
    let claimed = bytes.len() as u64;
    let flaw = read_from(&mut &bytes[..bytes.len() - 1], claimed, Integrity::Required);
    assert!(matches!(flaw, Err(Flaw::Unreadable(_))));
    let longer = [&bytes[..], b"more"].concat();
    let flaw = read_from(&mut &longer[..], claimed, Integrity::Required);
    assert!(matches!(flaw, Err(Flaw::TrailingBytes { .. })));
}

#[test]
fn a_sparse_giant_is_refused_without_memory_for_it() {
    let header = r#"{"w":{"dtype":"F32","shape":[1,4611686018427387],"data_offsets":[0,18446744073709548]}}"#;
    let head = [&(header.len() as u64).to_le_bytes()[..], header.as_bytes()].concat();
    let length = head.len() as u64 + 18_446_744_073_709_548;
    let flaw = read_from(&mut &head[..], length, Integrity::Foreign).unwrap_err();
    assert!(matches!(flaw, Flaw::OutOfMemory { .. }), "{flaw}");
}

#[test]
fn messages_name_the_file() {
    let room = tempfile::tempdir().unwrap();
    let path = room.path().join("weights");
    write_atomic(&path, |w| w.write_all(b"In the beginning God")).unwrap();
    let message = read_snapshot(&path, Integrity::Foreign)
        .unwrap_err()
        .to_string();
    assert!(message.contains("weights: its header claims"), "{message}");
    let message = verify_snapshot(room.path()).unwrap_err().to_string();
    assert!(message.contains("is a directory"), "{message}");
}

/// The library that Python's `safetensors` is made of opens the file and finds the same arrays.
#[test]
fn the_reference_implementation_agrees() {
    let (ours, bytes) = (snapshot(), bytes(&snapshot()));
    let theirs = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    assert_eq!(theirs.len(), ours.arrays.len());
    for array in &ours.arrays {
        let tensor = theirs.tensor(&array.name).unwrap();
        assert_eq!(tensor.shape(), array.shape);
        assert_eq!(tensor.data(), array.data.bytes());
        assert_eq!(tensor.dtype().to_string(), array.data.dtype());
        let wide = array.data.bytes().len() / array.data.len().max(1);
        let offset = tensor.data().as_ptr() as usize - bytes.as_ptr() as usize;
        assert!(
            wide == 0 || offset.is_multiple_of(wide),
            "{} is aligned",
            array.name
        );
    }
}

#[test]
fn sixteen_bit_floats_widen_exactly() {
    let pairs = [
        (0x0000, 0.0_f32),
        (0x3c00, 1.0),
        (0x3555, 0.333_251_95),
        (0x7bff, 65504.0),
        (0x0400, 0.5_f32.powi(14)),
        (0x03ff, 1023.0 * 0.5_f32.powi(24)),
        (0xfc00, f32::NEG_INFINITY),
        (0x8000, -0.0),
    ];
    for (bits, value) in pairs {
        assert_eq!(f16_to_f32(bits).to_bits(), value.to_bits(), "{bits:#06x}");
    }
    assert!(f16_to_f32(0x7e00).is_nan());
    assert_eq!(bf16_to_f32(0x3f80), 1.0);
    assert_eq!(bf16_to_f32(0xc000), -2.0);
    assert!(bf16_to_f32(0x7fc0).is_nan());
}
