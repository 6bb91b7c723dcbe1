//! Command lines that need no shell: pipelines of programs with their words, so that what was judged is what runs.

use serde::{Deserialize, Serialize};

/// Pipelines one after the other, exactly as a POSIX shell would run them.
///
/// The status is 0 at first. Each pipeline looks at it ([`When`]) and, if it runs, leaves its own: that of its last command, whatever
/// the others left (no `pipefail`). A pipeline that does not run leaves the status as it is. The status at the end is the plan's, so
/// `a && b || c` and `a; b` mean what they always mean; a failing pipeline does not end the plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// The pipelines, in order.
    pub pipelines: Vec<PlannedPipeline>,
}

/// Programs that run at the same time, each one's output flowing into the next.
///
/// The first reads nothing (`/dev/null`); the last prints what the plan prints. It is over when all of them are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedPipeline {
    /// Whether it runs at all.
    pub when: When,
    /// The programs; there is at least one.
    pub commands: Vec<PlannedCommand>,
}

/// On what the run of a pipeline depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// It runs.
    Always,
    /// It runs if the status is 0: `&&`.
    AfterSuccess,
    /// It runs if the status is not 0: `||`.
    AfterFailure,
}

/// One program, run without a shell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedCommand {
    /// The program's name or path, and its arguments. Never empty, and the name is none of a shell's own (`cd`, `export`).
    pub argv: Vec<String>,
    /// Where its output goes.
    pub stdout: Goes,
    /// Where its errors go.
    pub stderr: Goes,
}

/// Where what a program prints goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goes {
    /// Into the next program, or to the plan's output.
    On,
    /// To the plan's errors.
    Errors,
    /// Nowhere: `/dev/null`.
    Nowhere,
}
