//! What a stored configuration means that is older than a choice whose value to do as before is no zero.

pub fn rms_alpha() -> f64 {
    0.99
}

pub fn noise_decay() -> f64 {
    0.55
}

pub fn accumulate() -> u64 {
    1
}

pub fn plateau_threshold() -> f64 {
    1e-4
}

pub fn cycle_start() -> f64 {
    0.3
}

pub fn cycle_div() -> f64 {
    25.0
}

pub fn cycle_final_div() -> f64 {
    1e4
}

pub fn sampling_limit() -> f64 {
    1.0
}
