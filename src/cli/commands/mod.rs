//! The commands, one a file: what each may be told, and what it does.

pub(super) mod answer;
pub(super) mod approvals;
pub(super) mod artifacts;
pub(super) mod audit;
pub(super) mod completions;
pub(super) mod config;
pub(super) mod db;
pub(super) mod doctor;
pub(super) mod gate;
pub(super) mod halt;
pub(super) mod logs;
pub(super) mod next;
pub(super) mod rbac;
pub(super) mod reset;
pub(super) mod run;
pub(super) mod runs;
pub(super) mod schema;
pub(super) mod serve;
pub(super) mod status;
pub(super) mod suspend;
pub(super) mod sync;
pub(super) mod validate;
