//! `/api/v1`: JSON with fields in `snake_case`, times in RFC 3339 and UTC, lists as `{"items": […], "next": address or null}`.

pub(super) mod approvals;
pub(super) mod artifacts;
pub(super) mod audit;
pub(super) mod credentials;
pub(super) mod export;
pub(super) mod halt;
pub(super) mod logs;
pub(super) mod next;
pub(super) mod runbooks;
pub(super) mod runs;
pub(super) mod sync;

use crate::history::{DEFAULT_LIMIT, MAX_LIMIT};

/// How long a list may be, from what was asked for.
fn limit(wanted: Option<usize>) -> usize {
    wanted.unwrap_or(DEFAULT_LIMIT).clamp(1, MAX_LIMIT)
}
