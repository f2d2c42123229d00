//! The library from outside: all tests in one program, since every program takes its time to link. Those that
//! count the bytes of their process are in `plan`.

mod examples;
mod exchange;
mod flow;
mod goldens;
mod network_gradients;
mod ngram;
mod reference;
mod reference_goldens;
mod reference_gradients;
mod run;
mod update_goldens;
