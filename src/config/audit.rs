//! What becomes of the audit log: where its end is told, and where old records go.

use crate::domain::span::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The audit log.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AuditConfig {
    /// How long records stay in the history; older ones move to `audit.export`. For good where nothing is named.
    pub keep: Option<Span>,
    /// The folder that old records move to, as files that `orderly audit verify` checks. It must be there.
    pub export: Option<PathBuf>,
    /// The file that the end of the log is added to every hour and on stop. Keep it where whoever can write the state folder cannot.
    pub head: Option<PathBuf>,
}

/// Everything that does not fit: the setting, and what is wrong with it.
pub(super) fn faults(audit: &AuditConfig, state: &Path) -> Vec<(&'static str, &'static str)> {
    let inside = |path: &Option<PathBuf>| path.as_ref().is_some_and(|path| path.starts_with(state));
    let rules = [
        (
            audit.keep.is_some_and(|keep| keep.is_zero()),
            "audit.keep",
            "must be longer than zero",
        ),
        (
            audit.keep.is_some() && audit.export.is_none(),
            "audit.keep",
            "old records need a place to move to\nhint: name a folder in `audit.export`",
        ),
        (
            inside(&audit.head),
            "audit.head",
            "must lie outside the state folder: whoever puts an older state folder back would put the older head back with it",
        ),
    ];
    let broken = rules.into_iter().filter(|(broken, ..)| *broken);
    broken
        .map(|(_, setting, problem)| (setting, problem))
        .collect()
}
