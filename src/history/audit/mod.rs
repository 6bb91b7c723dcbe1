//! The audit log in the database and beside it: looking through it, checking it, its end kept elsewhere, and what is old moved to
//! files.

pub(in crate::history) mod archive;
pub(in crate::history) mod file;
mod files;
pub(in crate::history) mod head;
pub(in crate::history) mod list;
pub(in crate::history) mod retire;
mod rows;
mod shape;
pub(in crate::history) mod verify;

pub use file::{FileError, Form, verify_file};
pub use retire::Retired;
pub use rows::{AuditFilter, AuditHead, AuditVerdict, InvalidHead};
