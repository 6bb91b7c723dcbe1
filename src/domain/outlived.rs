//! Programs of steps, and those of them that outlive the agent that started them.

use crate::domain::{
    id::RunId,
    name::{RunbookName, StepName},
    runbook::Phase,
};
use serde::{Deserialize, Serialize};

/// For which attempt of a step a program runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Behalf {
    /// The runbook.
    pub runbook: RunbookName,
    /// The run.
    pub run: RunId,
    /// In which list the step is.
    pub phase: Phase,
    /// The step.
    pub step: StepName,
    /// Counts from 1.
    pub attempt: u32,
}

/// A program that an earlier agent started, and that has outlived it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlived {
    /// For which step.
    pub behalf: Behalf,
    /// Its process group.
    pub group: i32,
    /// Its name.
    pub program: String,
}

/// How a program ended that had outlived its agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedLate {
    /// When it was asked to, or by itself.
    Terminated,
    /// By KILL.
    Killed,
}
