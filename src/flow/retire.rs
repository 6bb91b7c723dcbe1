//! Audit records that are old enough: put into a file → read again → removed from the log, which says so.
//!
//! A crash between two of these leaves the records in the log; the next look finds the file that is there already.

use crate::{
    domain::{audit::Entry, span::Span},
    flow::world::World,
    history::Write,
};
use jiff::Timestamp;
use serde_json::json;
use std::path::PathBuf;

/// What is old, and where it goes.
#[derive(Debug, Clone)]
pub struct Retirement {
    /// How long records stay.
    pub keep: Span,
    /// The folder for the files.
    pub folder: PathBuf,
}

/// Records of one day and more are moved together, so that files do not get too small.
const BATCH_SECS: u64 = 86_400;

impl Retirement {
    /// How often to look.
    pub fn period(&self) -> Span {
        self.keep.min(Span::from_secs(3600))
    }

    /// Something is done once the oldest record is older than the first; then all that are older than the second go.
    fn limits(&self, now: Timestamp) -> (Timestamp, Timestamp) {
        let earlier =
            |at: Timestamp, span: Span| at.saturating_sub(span.signed()).unwrap_or(Timestamp::MIN);
        let before = earlier(now, self.keep);
        (
            earlier(before, self.keep.min(Span::from_secs(BATCH_SECS))),
            before,
        )
    }
}

/// Moves what is old. Gives how many records went.
///
/// # Errors
/// Why they could not be moved; those that were not stay in the log.
pub async fn retire(world: &World, retirement: &Retirement) -> Result<u64, String> {
    let mut moved = 0;
    loop {
        let now = world.now();
        let limits = retirement.limits(now);
        let folder = retirement.folder.clone();
        let found = world.history.retire_audit(limits, folder, now).await;
        let Some(retired) = found.map_err(|error| error.to_string())? else {
            return Ok(moved);
        };
        let span = retired.archive.span.clone();
        let resource = format!("audit/{}-{}", span.first, span.last);
        let entry = Entry::new(now, "system", "audit.archived", resource)
            .with(json!(retired.archive))
            .and("foundWritten", retired.found);
        let path = retired.archive.path.display().to_string();
        let writes = vec![Write::Archived(retired.archive), Write::Audit(entry)];
        world
            .write("records that were moved to a file", writes)
            .await
            .map_err(|error| error.to_string())?;
        let count = span.last + 1 - span.first;
        world.events.audit_archived(count, &path);
        moved += count;
    }
}
