//! YAML text to domain values, with every problem at its place.
//!
//! A file goes this way: bytes → strict tree with places (`compose`) → the types of the format (`raw`, by `read`) → checks and
//! domain values (`convert`). When the types refuse it, the JSON Schema made from the same types says why (`explain`).
//! [`check_set`] then looks across files.
//!
//! Invariants
//! - Text is hostile: bytes, nodes, depth and problems are bounded, nothing recurses deeper than 64, nothing panics.
//! - All problems of a file are told at once, each with line and column.
//! - A document with an error is not used; one with warnings is.
//! - What the types accept, the schema accepts, and the other way round (a test holds it).
//!
//! serde_yaml, which the project's user named, is not used here: it and its forks hang, exhaust the memory or lose keys on texts
//! that anybody could commit. jsonschema explains, and checks arguments that hold expressions.

#[cfg(test)]
mod agreement;
mod alternatives;
mod arguments;
mod compose;
mod convert;
mod document;
mod explain;
mod gaps;
mod inputs;
mod load;
mod places;
mod plain;
mod problems;
mod raw;
mod read;
mod report;
mod scalar;
mod schema;
mod set;
mod source;
mod stand_ins;
mod tree;
mod validation;

pub use compose::MAX_FILE_BYTES;
pub use inputs::{input_from_text, inputs_from_file};
pub use load::{Loaded, Loader, load_file};
pub use places::{InStep, problem_in_step};
pub use plain::plain_documents;
pub use problems::{Located, MAX_PROBLEMS, Problem, Severity};
pub use report::{ReportFormat, render};
pub use schema::schemas;
pub use set::{
    AtName, Beside, Declared, Lacks, Member, Seals, SetProblem, Texts, check_set,
    problems_at_names, wanted_files,
};
pub use validation::{Counts, FileContent, ValidationReport, validate_tree};
