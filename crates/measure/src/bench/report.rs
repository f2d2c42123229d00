//! Measured speeds beside the machine's peaks.

use super::work::Measured;
use elman_infer::Weights;
use elman_kernels::{Caches, Cpu, Peaks};
use serde::{Serialize, Serializer};
use serde_json::json;

/// A machine with the instruction set and the threads that are used, and its measured peaks.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Name of the processor, or its architecture where the system does not give a name.
    pub cpu: String,
    /// Name of the instruction set that is used.
    pub isa: &'static str,
    /// Number of threads that are used.
    pub threads: usize,
    /// Measured peaks: arithmetic by format, and bandwidth by level of memory.
    #[serde(serialize_with = "peaks_as_json")]
    pub peaks: Peaks,
    #[serde(skip)]
    caches: Caches,
}

/// A benchmark report: the machine and all measurements on it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The machine on which the measurements were made.
    pub machine: Machine,
    /// Measurements in the order in which they were made.
    pub results: Vec<Row>,
}

/// A measurement with its shares of the machine's peaks.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The measurement.
    #[serde(flatten)]
    pub measured: Measured,
    /// Achieved GFLOP/s over the machine's peak for the format, 0 to 1.
    pub share_of_peak: f64,
    /// Achieved rate of loading weights over the bandwidth of the level of memory that holds them.
    ///
    /// It is `None` unless every token loads the weights for itself alone, as in generation.
    pub share_of_bandwidth: Option<f64>,
}

impl Machine {
    /// Measures the peaks, which takes about two seconds during which nothing else should run.
    pub fn measure(cpu: &Cpu) -> Machine {
        let caches = Caches::detect();
        Machine {
            cpu: processor(),
            isa: cpu.isa().name(),
            threads: cpu.threads(),
            peaks: Peaks::measure(cpu, &caches),
            caches,
        }
    }

    /// Relates `measured`, which was timed on this machine with its threads and instruction set, to the peaks.
    pub fn judge(&self, measured: Measured) -> Row {
        // Without instructions for a format, its products are made of those for another.
        let peak = match measured.precision {
            Weights::F32 => None,
            Weights::Bf16 => self.peaks.bf16_gflops,
            Weights::Int8 => self.peaks.int8_gops,
        };
        let peak = peak.unwrap_or(self.peaks.f32_gflops);
        let bandwidth_share = |bytes: u64| {
            let speed = &self.peaks.read_gb_per_s;
            let limit = speed.of(&self.caches, self.threads, bytes as usize);
            bytes as f64 * measured.tokens_per_s * 1e-9 / limit
        };
        Row {
            share_of_peak: measured.gflops / peak,
            share_of_bandwidth: measured.weights_bytes_per_token.map(bandwidth_share),
            measured,
        }
    }
}

fn peaks_as_json<S: Serializer>(peaks: &Peaks, serializer: S) -> Result<S::Ok, S::Error> {
    let read = peaks.read_gb_per_s;
    let json = json!({
        "f32_gflops": peaks.f32_gflops,
        "bf16_gflops": peaks.bf16_gflops,
        "int8_gops": peaks.int8_gops,
        "read_gb_per_s": { "l1": read.l1, "l2": read.l2, "l3": read.l3, "dram": read.dram },
    });
    json.serialize(serializer)
}

/// Name of the processor, or its architecture where the system does not give a name.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.map(|rest| rest.trim_start_matches([' ', '\t', ':']).trim());
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}
