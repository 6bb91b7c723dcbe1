//! What a check found.

use serde::{Deserialize, Serialize};

/// A check's answer, mildest first. `unknown` means that it could not look, which is never good news.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CheckStatus {
    /// As it should be.
    Ok,
    /// Worth a look; the run goes on.
    Warning,
    /// Could not be found out; the step fails.
    Unknown,
    /// Not as it should be; the step fails.
    Critical,
}

impl CheckStatus {
    /// All, mildest first.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Warning, Self::Unknown, Self::Critical];

    /// The word used in outputs, metrics and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Critical => "critical",
        }
    }
}
