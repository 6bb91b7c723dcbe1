//! Calendars (placeholder, filled by the time work).
use crate::domain::name::CalendarName;
use serde::{Deserialize, Serialize};
/// A calendar.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// Its name.
    pub name: CalendarName,
}
