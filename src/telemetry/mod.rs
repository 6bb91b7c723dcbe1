//! The only log setup and the only metric registry.
//!
//! Invariants
//! - One event, one function in [`Events`], one log line, one metric. Whoever wants to say something new adds a function there.
//! - Labels are bounded: runbook, action, outcome, decision, stage, reason, trigger kind, route. Never an id, a path or command text.
//! - Metrics are in base units; what can be counted exists at 0 before it happens, so that `rate()` sees the first one.
//! - Nothing here fails: a metric that cannot be kept (too many label sets) is dropped and counted.
//!
//! Log levels: `error` means that the agent itself cannot do its work; `warn` that something it looks after went wrong or was refused;
//! `info` what an operator wants to read of a normal day (runs, syncs, approvals, start and stop); `debug` each step and request.
//!
//! A log line goes to standard error and carries `run.id`, `runbook`, `step`, `trace_id` where it is about a run, and `request_id` (as a
//! field of the span `request`) where a request caused it. The trace id of a run is its id in 32 hexadecimal digits.
//!
//! Deliberately lacking: push of metrics, exporters of traces, log files and their rotation (the journal or the container runtime does that).

mod artifacts;
mod events;
mod logs;
mod metrics;
mod process;
mod runbooks;
mod text;

pub use artifacts::ArtifactSeries;
pub use events::{BudgetUse, Build, CallOf, CallOutcome, Events, ReviewResult, StepOf, SyncResult};
pub use logs::{LogError, LogFormat, LogOptions, init};
pub use runbooks::{KEPT_AFTER_DELETION, RunbookSeries};
