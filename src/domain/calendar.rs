//! Calendars: when runbooks may run.
//!
//! A calendar is a list of windows. Each opens by a schedule and stays open for a length of time, so its weekday is that of the
//! day it opens.

use crate::domain::{
    name::CalendarName,
    schedule::{Cron, Zone},
    span::Span,
};
use serde::{Deserialize, Serialize};

/// `kind: Calendar`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Its name.
    pub name: CalendarName,
    /// Whose clock on the wall its windows open by.
    pub zone: Zone,
    /// Its windows.
    pub windows: Vec<Window>,
}

/// A window of a calendar.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// What it means to be inside.
    pub kind: WindowKind,
    /// When it opens.
    pub opens: Cron,
    /// How long it stays open, by elapsed time.
    pub lasts: Span,
}

/// What a window is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum WindowKind {
    /// Runs happen inside it, and outside of it only within another such window.
    Allow,
    /// No run happens inside it.
    Deny,
}
