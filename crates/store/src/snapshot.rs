//! A snapshot: named arrays and a JSON header, the form in which models and training states travel
//! between memory and disk.
//!
//! Arrays may borrow ([`Cow`]), so that writing a model does not copy its weights.
//!
//! [`Snapshot::digest`] is the hash by which two checkpoints are compared: BLAKE3 over a canonical form
//! that knows neither the order of arrays nor the header keys that may differ between equal runs.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::Flaw;

/// Named arrays and a JSON header: the contents of a file of weights or of a training state.
#[derive(Clone, Debug)]
pub struct Snapshot<'a> {
    /// Everything that is not an array. Numbers are restored exactly; JSON cannot hold NaN and infinities.
    pub header: Map<String, Value>,
    /// Arrays with distinct names. After reading they are in the order of the file, which has the 8-byte types first.
    pub arrays: Vec<Array<'a>>,
}

/// Array with a name, row-major.
#[derive(Clone, Debug, PartialEq)]
pub struct Array<'a> {
    /// Name of the array, unique in its snapshot.
    pub name: String,
    /// Size of every dimension; empty for a scalar.
    pub shape: Vec<usize>,
    /// Elements, as many as the product of `shape`.
    pub data: Data<'a>,
}

/// Elements of an array, owned or borrowed.
#[derive(Clone, Debug, PartialEq)]
pub enum Data<'a> {
    /// 32-bit floats.
    F32(Cow<'a, [f32]>),
    /// 64-bit floats.
    F64(Cow<'a, [f64]>),
    /// 32-bit unsigned integers.
    U32(Cow<'a, [u32]>),
    /// 64-bit unsigned integers.
    U64(Cow<'a, [u64]>),
    /// 64-bit signed integers.
    I64(Cow<'a, [i64]>),
}

impl<'a> Snapshot<'a> {
    /// Finds the array called `name`.
    ///
    /// Error: [`Flaw::MissingArray`] if there is none.
    pub fn array(&self, name: &str) -> Result<&Array<'a>, Flaw> {
        self.arrays
            .iter()
            .find(|array| array.name == name)
            .ok_or_else(|| Flaw::MissingArray { name: name.into() })
    }

    /// Returns the values of the f32 array `name`, which must have the given shape.
    ///
    /// Errors: [`Flaw::MissingArray`], [`Flaw::WrongShape`] or [`Flaw::WrongDtype`];
    /// [`super::StoreError::in_file`] adds the path.
    pub fn f32(&self, name: &str, shape: &[usize]) -> Result<&[f32], Flaw> {
        let array = self.array(name)?;
        if array.shape != shape {
            return Err(Flaw::WrongShape {
                name: name.into(),
                wanted: shape.to_vec(),
                found: array.shape.clone(),
            });
        }
        match &array.data {
            Data::F32(values) => Ok(values),
            other => Err(Flaw::WrongDtype {
                name: name.into(),
                wanted: "F32",
                found: other.dtype(),
            }),
        }
    }

    /// Computes the hash by which two snapshots are compared: BLAKE3, as 64 hexadecimal digits.
    ///
    /// It covers the header without the top-level keys in `ignore`, and the arrays. It is equal for snapshots that
    /// are equal bit by bit, whatever the order of arrays and keys.
    pub fn digest(&self, ignore: &[&str]) -> String {
        let mut hash = blake3::Hasher::new();
        let mut kept = self.header.clone();
        kept.retain(|key, _| !ignore.contains(&key.as_str()));
        // Every part is preceded by its length, so that no two different snapshots give the same text.
        let mut field = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        field(b"elman snapshot digest 1");
        field(canonical(&Value::Object(kept)).as_bytes());
        let mut arrays: Vec<&Array> = self.arrays.iter().collect();
        arrays.sort_by(|a, b| a.name.cmp(&b.name));
        for array in arrays {
            field(array.name.as_bytes());
            field(array.data.dtype().as_bytes());
            let shape: Vec<u64> = array.shape.iter().map(|&size| size as u64).collect();
            field(bytemuck::cast_slice(&shape));
            field(array.data.bytes());
        }
        hash.finalize().to_hex().to_string()
    }
}

impl<'a> Array<'a> {
    /// Makes an array of any element type.
    ///
    /// Writing it panics unless `data` has as many elements as the product of `shape`.
    pub fn new(name: impl Into<String>, shape: &[usize], data: Data<'a>) -> Self {
        Self {
            name: name.into(),
            shape: shape.to_vec(),
            data,
        }
    }

    /// Makes an array of f32 from a slice or a `Vec`.
    pub fn f32(
        name: impl Into<String>,
        shape: &[usize],
        values: impl Into<Cow<'a, [f32]>>,
    ) -> Self {
        Self::new(name, shape, Data::F32(values.into()))
    }

    /// Makes an array of f64 from a slice or a `Vec`.
    pub fn f64(
        name: impl Into<String>,
        shape: &[usize],
        values: impl Into<Cow<'a, [f64]>>,
    ) -> Self {
        Self::new(name, shape, Data::F64(values.into()))
    }

    /// Makes an array of u32 from a slice or a `Vec`.
    pub fn u32(
        name: impl Into<String>,
        shape: &[usize],
        values: impl Into<Cow<'a, [u32]>>,
    ) -> Self {
        Self::new(name, shape, Data::U32(values.into()))
    }

    /// Makes an array of u64 from a slice or a `Vec`.
    pub fn u64(
        name: impl Into<String>,
        shape: &[usize],
        values: impl Into<Cow<'a, [u64]>>,
    ) -> Self {
        Self::new(name, shape, Data::U64(values.into()))
    }

    /// Makes an array of i64 from a slice or a `Vec`.
    pub fn i64(
        name: impl Into<String>,
        shape: &[usize],
        values: impl Into<Cow<'a, [i64]>>,
    ) -> Self {
        Self::new(name, shape, Data::I64(values.into()))
    }
}

impl Data<'_> {
    /// Number of elements.
    pub fn len(&self) -> usize {
        match self {
            Self::F32(values) => values.len(),
            Self::F64(values) => values.len(),
            Self::U32(values) => values.len(),
            Self::U64(values) => values.len(),
            Self::I64(values) => values.len(),
        }
    }

    /// Whether there are no elements.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Element type as safetensors spells it, such as `F32`.
    pub fn dtype(&self) -> &'static str {
        match self {
            Self::F32(_) => "F32",
            Self::F64(_) => "F64",
            Self::U32(_) => "U32",
            Self::U64(_) => "U64",
            Self::I64(_) => "I64",
        }
    }

    /// Elements as bytes in the order of the file, little-endian.
    pub fn bytes(&self) -> &[u8] {
        const {
            assert!(
                cfg!(target_endian = "little"),
                "snapshots are written as they stand in memory, on little-endian machines"
            );
        }
        match self {
            Self::F32(values) => bytemuck::cast_slice(values),
            Self::F64(values) => bytemuck::cast_slice(values),
            Self::U32(values) => bytemuck::cast_slice(values),
            Self::U64(values) => bytemuck::cast_slice(values),
            Self::I64(values) => bytemuck::cast_slice(values),
        }
    }
}

/// JSON without white space and with the keys of every object in ascending order, whichever map
/// serde_json was built with.
pub(super) fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries: Vec<String> = entries
                .into_iter()
                .map(|(key, value)| format!("{}:{}", Value::from(key.as_str()), canonical(value)))
                .collect();
            format!("{{{}}}", entries.join(","))
        }
        Value::Array(values) => {
            let values: Vec<String> = values.iter().map(canonical).collect();
            format!("[{}]", values.join(","))
        }
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn header(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn arrays_are_found_by_name_shape_and_type() {
        let weights = [1.0_f32, 2.0, 3.0, 4.0, 5.0, 6.0];
        let snapshot = Snapshot {
            header: Map::new(),
            arrays: vec![
                Array::f32("w", &[2, 3], &weights[..]),
                Array::u64("n", &[], vec![7]),
            ],
        };
        assert_eq!(snapshot.f32("w", &[2, 3]).unwrap(), weights);
        assert_eq!(snapshot.array("n").unwrap().data.len(), 1);
        let flaw = snapshot.f32("v", &[1]).unwrap_err();
        assert!(matches!(flaw, Flaw::MissingArray { .. }), "{flaw}");
        let flaw = snapshot.f32("w", &[3, 2]).unwrap_err();
        assert!(matches!(flaw, Flaw::WrongShape { .. }), "{flaw}");
        let flaw = snapshot.f32("n", &[]).unwrap_err();
        assert!(matches!(flaw, Flaw::WrongDtype { found: "U64", .. }));
    }

    #[test]
    fn the_digest_sees_every_bit_and_nothing_else() {
        let make = |head: Value, arrays: Vec<Array<'static>>| Snapshot {
            header: header(head),
            arrays,
        };
        let w = || Array::f32("w", &[2], vec![0.0, 1.0]);
        let v = || Array::f32("v", &[2], vec![0.0, 1.0]);
        let base = make(json!({"a": 1, "time": 5}), vec![w(), v()]).digest(&["time"]);
        let same = make(json!({"time": 6, "a": 1}), vec![v(), w()]).digest(&["time", "absent"]);
        assert_eq!(base, same);
        assert_eq!(base.len(), 64);

        let others = [
            make(json!({"a": 1, "time": 5}), vec![w(), v()]).digest(&[]),
            make(json!({"a": 2}), vec![w(), v()]).digest(&["time"]),
            make(json!({"a": 1, "b": null}), vec![w(), v()]).digest(&["time"]),
            make(json!({"a": 1}), vec![w()]).digest(&["time"]),
            make(
                json!({"a": 1}),
                vec![w(), Array::f32("v", &[2], vec![-0.0, 1.0])],
            )
            .digest(&["time"]),
            make(
                json!({"a": 1}),
                vec![w(), Array::f32("v", &[2, 1], vec![0.0, 1.0])],
            )
            .digest(&["time"]),
            make(
                json!({"a": 1}),
                vec![w(), Array::u32("v", &[2], vec![0, 1.0_f32.to_bits()])],
            )
            .digest(&["time"]),
        ];
        for (index, other) in others.iter().enumerate() {
            assert_ne!(&base, other, "case {index}");
        }
    }

    #[test]
    fn canonical_json_sorts_keys_at_every_depth() {
        let value = json!({"b": [{"z": 1, "y": "\"\n"}], "a": {}});
        assert_eq!(canonical(&value), r#"{"a":{},"b":[{"y":"\"\n","z":1}]}"#);
    }
}
