//! Artifacts as people read them.

use crate::{
    cli::{
        commands::doctor::inside::size,
        context::Context,
        ids, rows,
        table::{Cell, Table},
        terminal::Style,
        times,
    },
    domain::artifact::ArtifactState,
    history::ArtifactRow,
};
use jiff::Timestamp;
use serde_json::Value;

/// How many tables or counts of a trial restore are shown.
const COUNTS: usize = 30;

/// One a line.
pub(in crate::cli) fn list(context: &Context, items: &[ArtifactRow]) -> Table {
    let mut table = Table::new(&[
        "ARTIFACT", "RUNBOOK", "NAME", "KIND", "STATE", "MADE", "SIZE", "WHERE",
    ]);
    for row in items {
        let record = &row.record;
        table.row([
            ids::short(&record.id).into(),
            record.runbook.as_str().into(),
            record.name.as_str().into(),
            record.kind.as_str().into(),
            state(row),
            context.told(record.at).into(),
            size(record.size).into(),
            Cell::faint(&record.path),
        ]);
    }
    table
}

fn state(row: &ArtifactRow) -> Cell {
    let state = row.state();
    let style = match state {
        ArtifactState::Verified => Style::Good,
        ArtifactState::Sound => Style::Plain,
        ArtifactState::Doubted => Style::Warn,
        ArtifactState::Unsound => Style::Bad,
        ArtifactState::Removed => Style::Faint,
    };
    Cell::styled(state.as_str(), style)
}

/// Everything that is known of one.
pub(super) fn facts(context: &Context, row: &ArtifactRow) -> Table {
    let record = &row.record;
    let when = |at: Option<Timestamp>| at.map(|at| rows::when(context, at)).unwrap_or_default();
    let mut table = Table::headless();
    table.pair("artifact", record.id.to_string());
    table.pair("state", state(row));
    table.pair("doubted", record.doubt.clone().unwrap_or_default());
    table.pair(
        "unsound",
        row.unsound_reason
            .as_ref()
            .map(|why| format!("{}: {why}", when(row.unsound_at)))
            .unwrap_or_default(),
    );
    table.pair("removed", when(row.removed_at));
    table.pair("runbook", record.runbook.as_str());
    table.pair("name", record.name.as_str());
    table.pair("kind", record.kind.as_str());
    table.pair("where", record.path.as_str());
    table.pair("encrypted", if record.encrypted { "yes" } else { "no" });
    table.pair(
        "size",
        format!("{} ({} bytes)", size(record.size), record.size),
    );
    table.pair(
        "before compression",
        format!("{} ({} bytes)", size(record.raw_size), record.raw_size),
    );
    table.pair("entries", record.entries.to_string());
    table.pair("sha256", record.sha256.to_string());
    table.pair("made", when(Some(record.at)));
    table.pair("making took", took(row.made_took_ms));
    table.pair("by run", ids::short(&record.run));
    table.pair("step", record.step.as_str());
    table.pair("revision", rows::revision(&record.revision));
    table.pair("verified", when(row.verified_at));
    table.pair("restoring took", took(row.verified_took_ms));
    table.pairs("held then", counts(row).iter().map(String::as_str));
    table
}

/// What the last trial restore found.
fn counts(row: &ArtifactRow) -> Vec<String> {
    let content = row
        .verified_detail
        .as_ref()
        .and_then(|detail| detail.get("content"))
        .and_then(Value::as_object);
    let counts = content.into_iter().flatten();
    counts
        .take(COUNTS)
        .map(|(name, count)| format!("{name} = {count}"))
        .collect()
}

fn took(millis: Option<u64>) -> String {
    let span = millis.and_then(|millis| i64::try_from(millis).ok());
    let Some(span) = span.map(jiff::SignedDuration::from_millis) else {
        return String::new();
    };
    let from = Timestamp::UNIX_EPOCH;
    from.checked_add(span)
        .map(|to| times::took(from, to))
        .unwrap_or_default()
}
