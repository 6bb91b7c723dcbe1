//! YAML text to domain values.
mod compose;
mod problems;
mod raw;
mod read;
mod scalar;
mod tree;
pub use problems::{Located, MAX_PROBLEMS, Problem, Severity};
