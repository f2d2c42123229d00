//! Measurements that several claims share.
//!
//! ```text
//! truncated   truncated gradients and the worth of a carried state     → history, truncation
//! echo        networks that learnt to repeat what was d steps back     → truncation, long
//! flow        ‖∂h_t/∂h_k‖ of eleven networks beside their bounds       → vanishing, bound, relu, identity, gates
//! costs       memory and time of windows over T                        → cost, memory
//! sizes       networks and n-gram models as the text grows             → parameters, ngrams; vocabulary
//! ```

pub(crate) mod costs;
pub(crate) mod echo;
pub(crate) mod flow;
pub(crate) mod sizes;
pub(crate) mod truncated;
