//! What steps printed, as it was kept: masked and capped.

use crate::{
    domain::{id::RunId, run::StepKey},
    ports::{BoxFuture, executor::LogStream},
};
use jiff::Timestamp;

/// Whose output: one attempt of one step.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OutputOf {
    /// The run.
    pub run: RunId,
    /// The step.
    pub key: StepKey,
    /// Counts from 1.
    pub attempt: u32,
}

/// One line. A very long one may come in pieces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputLine {
    /// When it was kept.
    pub at: Timestamp,
    /// Where it was printed to.
    pub stream: LogStream,
    /// Without its end; what was not UTF-8 is replaced.
    pub text: String,
}

/// A stretch of lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputPage {
    /// In the order they were kept.
    pub lines: Vec<OutputLine>,
    /// Where the next stretch begins; only the one who gave it knows what it counts.
    pub next: u64,
    /// Whether this was all that is there now.
    pub end: bool,
}

/// Why kept output could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("reading the output of step {step} of run {run}: {reason}")]
pub struct OutputError {
    /// The run.
    pub run: RunId,
    /// The step.
    pub step: String,
    /// Why.
    pub reason: String,
}

/// Reads kept output.
pub trait StepOutput: Send + Sync + std::fmt::Debug {
    /// Whole lines from `from` on (0 is the beginning), at most about `most` bytes of them. Where nothing was kept, an empty page: an
    /// attempt that printed nothing is no error. A line that is still being written may be left for the next call.
    fn read<'a>(
        &'a self,
        of: &'a OutputOf,
        from: u64,
        most: usize,
    ) -> BoxFuture<'a, Result<OutputPage, OutputError>>;
}
