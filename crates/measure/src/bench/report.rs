//! What was measured beside what the machine can do.

use super::work::Measured;
use elman_infer::Weights;
use elman_kernels::{Caches, Cpu, Peaks};
use serde::{Serialize, Serializer};
use serde_json::json;

/// A machine, an instruction set and a number of threads, with what they can do at most.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// The processor's name, where the system tells it; its architecture otherwise.
    pub cpu: String,
    pub isa: &'static str,
    pub threads: usize,
    #[serde(serialize_with = "peaks_as_json")]
    pub peaks: Peaks,
    #[serde(skip)]
    caches: Caches,
}

/// All that was measured on a machine.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    pub machine: Machine,
    pub results: Vec<Row>,
}

/// A measurement and its shares of the limits.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    #[serde(flatten)]
    pub measured: Measured,
    /// GFLOP/s over the peak of the precision.
    pub share_of_peak: f64,
    /// Where every token reads the weights for itself: the rate of that over what the level of
    /// memory that holds them can give.
    pub share_of_bandwidth: Option<f64>,
}

impl Machine {
    /// Measures the peaks: about two seconds during which nothing else should run.
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

    /// `measured`, which was done on this machine with its threads and instruction set.
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

/// The processor's name, where the system tells it; its architecture otherwise.
pub fn processor() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.map(|rest| rest.trim_start_matches([' ', '\t', ':']).trim());
    name.unwrap_or(std::env::consts::ARCH).to_owned()
}
