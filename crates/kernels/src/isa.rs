//! Which instructions this CPU has, found once at start.
//!
//! Construction is the proof: an [`Isa`] that names AVX-512 exists only on a CPU that has it, so
//! running a kernel compiled for it is sound. The idea is memchr's.

use crate::simd::{Op, RawOp, Vector, scalar::Scalar};
#[cfg(target_arch = "x86_64")]
use crate::simd::{avx2::Avx2, avx512::Avx512};

/// Instruction set that this CPU has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512Bf16,
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2Vnni,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Scalar,
}

impl Isa {
    /// Names of all instruction sets, whether this CPU has them or not.
    pub const NAMES: [&str; 5] = ["avx512-bf16", "avx512", "avx2-vnni", "avx2", "scalar"];

    /// Best instruction set of this CPU.
    pub fn detect() -> Isa {
        Isa::supported()[0]
    }

    /// All instruction sets of this CPU, best first; `scalar` is always the last.
    pub fn supported() -> Vec<Isa> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
            let avx512 = avx2
                && is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx512dq")
                && is_x86_feature_detected!("avx512bw");
            let bf16 = is_x86_feature_detected!("avx512vl")
                && is_x86_feature_detected!("avx512vnni")
                && is_x86_feature_detected!("avx512bf16");
            if avx512 && bf16 {
                all.push(Isa(Kind::Avx512Bf16));
            }
            if avx512 {
                all.push(Isa(Kind::Avx512));
            }
            if avx2 && is_x86_feature_detected!("avxvnni") {
                all.push(Isa(Kind::Avx2Vnni));
            }
            if avx2 {
                all.push(Isa(Kind::Avx2));
            }
        }
        all.push(Isa(Kind::Scalar));
        all
    }

    /// Finds the instruction set called `name`, one of [`Isa::NAMES`]; `None` if this CPU does not have it.
    pub fn named(name: &str) -> Option<Isa> {
        Isa::supported().into_iter().find(|isa| isa.name() == name)
    }

    /// Name of the instruction set, which [`Isa::named`] takes.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => "avx512-bf16",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => "avx512",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2Vnni => "avx2-vnni",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2 => "avx2",
            Kind::Scalar => "scalar",
        }
    }

    /// Whether the instruction set multiplies bf16 (and, with it, int8) in one instruction.
    pub(crate) fn has_bf16(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.0 == Kind::Avx512Bf16;
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// Whether products of bf16 are faster than those of f32 on this CPU.
    ///
    /// AMD's processors multiply twice as many pairs of bf16 as f32 in a cycle. Intel's have half as many for the
    /// same instruction (`vdpbf16ps` takes both of its ports for one result), so f32 is faster there. The answer
    /// follows from the processor's maker and never from a timing, so that it is always the same on one machine.
    pub fn prefers_bf16(self) -> bool {
        self.has_bf16() && !made_by_intel()
    }

    /// Runs a kernel in its form for this instruction set.
    #[inline(always)]
    pub(crate) fn run<O: Op>(self, op: O) -> O::Output {
        // SAFETY: an `Op` asks for nothing but the instructions.
        unsafe { self.run_raw(op) }
    }

    /// Runs a kernel over raw pointers in its form for this instruction set.
    ///
    /// # Safety
    /// The section `# Safety` of the kernel's type holds.
    #[inline]
    pub(crate) unsafe fn run_raw<O: RawOp>(self, op: O) -> O::Output {
        match self.0 {
            // SAFETY: this value exists only where `supported` detected the instructions, and the caller vouches
            // for the pointers.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512Bf16 => unsafe { Avx512::<true>::call(op) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512 => unsafe { Avx512::<false>::call(op) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2Vnni | Kind::Avx2 => unsafe { Avx2::<false>::call(op) },
            // SAFETY: the scalar form needs no instructions of its own; the pointers are as above.
            Kind::Scalar => unsafe { Scalar::call(op) },
        }
    }

    /// Runs a kernel that multiplies bytes, for which some instruction sets have instructions of their own.
    ///
    /// # Safety
    /// As for [`Isa::run_raw`].
    #[inline]
    pub(crate) unsafe fn run_bytes<O: RawOp>(self, op: O) -> O::Output {
        match self.0 {
            // SAFETY: as for `run_raw`.
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2Vnni => unsafe { Avx2::<true>::call(op) },
            // SAFETY: passed on.
            _ => unsafe { self.run_raw(op) },
        }
    }
}

/// Whether the processor is Intel's, by the maker's name that CPUID gives.
#[cfg(target_arch = "x86_64")]
fn made_by_intel() -> bool {
    let maker = std::arch::x86_64::__cpuid(0);
    let name = [maker.ebx, maker.edx, maker.ecx].map(u32::to_le_bytes);
    name.as_flattened() == b"GenuineIntel"
}

#[cfg(not(target_arch = "x86_64"))]
fn made_by_intel() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_prefers_bf16_has_it() {
        for isa in Isa::supported() {
            assert!(isa.has_bf16() || !isa.prefers_bf16());
            assert!(!(made_by_intel() && isa.prefers_bf16()));
        }
    }

    #[test]
    fn what_is_supported_has_its_name_in_the_list() {
        for isa in Isa::supported() {
            assert!(Isa::NAMES.contains(&isa.name()));
            assert_eq!(Isa::named(isa.name()), Some(isa));
        }
    }
}
