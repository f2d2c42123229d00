//! Reads the golden files of this folder (see README.md) for the tests that compare with PyTorch.

use std::collections::BTreeMap;
use std::path::Path;

use elman::net::dims::Sizes;
use safetensors::{Dtype, SafeTensors};

/// One golden file.
pub struct Golden {
    pub name: String,
    pub settings: Settings,
    /// Everything that is f32: shape and row-major values.
    pub tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    /// Token ids, (updates, T, B).
    pub inputs: Vec<u32>,
    /// Token ids, (updates, T, B).
    pub targets: Vec<u32>,
}

/// The settings of a case as `make_goldens.py` wrote them.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `sigmoid`, `tanh`, `relu`, `lstm` or `gru`
    pub cell: String,
    pub embed: usize,
    /// Of all layers, or a list with one for each.
    pub hidden: Sizes,
    pub layers: usize,
    pub vocab: usize,
    pub tied: bool,
    pub steps: usize,
    #[serde(rename = "lanes")]
    pub batch_size: usize,
    pub updates: usize,
    pub dropout: f32,
    pub seed: u64,
    /// `tokens` or `lanes`
    pub norm: String,
    #[allow(dead_code, reason = "the arrays say which positions are masked")]
    pub masked: bool,
    /// `sgd`, `adam` or `adamw`
    pub optimizer: String,
    pub lr: f64,
    pub momentum: f64,
    pub weight_decay: f64,
    pub betas: [f64; 2],
    pub eps: f64,
    pub clip: f64,
    /// Of labels.
    #[serde(default)]
    pub smoothing: f32,
    /// Coefficients of the penalties.
    #[serde(default)]
    pub ar: f64,
    #[serde(default)]
    pub tar: f64,
    #[allow(dead_code, reason = "for readers of the file")]
    pub torch: String,
}

impl Settings {
    /// The size of each layer.
    pub fn hidden(&self) -> Vec<usize> {
        let sizes = self.hidden.of_layers(self.layers);
        sizes.expect("a size for each layer")
    }
}

impl Golden {
    /// All golden files, in the order of their names.
    pub fn all() -> Vec<Golden> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/goldens");
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .expect("the folder of goldens")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|e| e == "safetensors"))
            .collect();
        paths.sort();
        assert_eq!(paths.len(), 12, "goldens are missing");
        paths.iter().map(|path| Golden::read(path)).collect()
    }

    fn read(path: &Path) -> Golden {
        let bytes = std::fs::read(path).expect("a golden file");
        let (_, header) = SafeTensors::read_metadata(&bytes).expect("a safetensors header");
        let metadata = header.metadata().as_ref().expect("metadata");
        let settings = serde_json::from_str(&metadata["golden"]).expect("settings");
        let mut golden = Golden {
            name: path
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned(),
            settings,
            tensors: BTreeMap::new(),
            inputs: Vec::new(),
            targets: Vec::new(),
        };
        for (name, view) in SafeTensors::deserialize(&bytes)
            .expect("a safetensors file")
            .tensors()
        {
            let words = view
                .data()
                .chunks(4)
                .map(|word| word.try_into().expect("four bytes"));
            match view.dtype() {
                Dtype::I32 => {
                    let ids = words.map(u32::from_le_bytes).collect();
                    match name.as_str() {
                        "inputs" => golden.inputs = ids,
                        "targets" => golden.targets = ids,
                        _ => panic!("{name} is not expected to hold ids"),
                    }
                }
                Dtype::F32 => {
                    let values = words.map(f32::from_le_bytes).collect();
                    golden.tensors.insert(name, (view.shape().to_vec(), values));
                }
                other => panic!("{name} is {other:?}"),
            }
        }
        golden
    }

    /// The tensors under `kind/` (`initial`, `final`, `gradient`) by their names in a model file.
    pub fn named(&self, kind: &str) -> BTreeMap<&str, &(Vec<usize>, Vec<f32>)> {
        (self.tensors.iter())
            .filter_map(|(name, tensor)| {
                Some((name.strip_prefix(kind)?.strip_prefix('/')?, tensor))
            })
            .collect()
    }

    /// The values of one tensor.
    pub fn values(&self, name: &str) -> &[f32] {
        &self.tensors[name].1
    }
}
