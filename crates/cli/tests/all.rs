//! The command from outside: all tests in one program, since every program takes its time to link.

mod bad_input;
mod bench;
mod common;
mod compare;
mod config_file;
mod corpora;
mod docs;
mod exchange;
mod finetune;
mod generate;
mod going_on;
mod help;
mod idle;
mod inspect;
mod interruption;
mod mix;
mod ngram;
mod other_files;
mod other_texts;
mod pages;
mod round_trip;
mod watching;
mod weights;
mod windows;
