//! Artifacts.

use super::{Conditions, limit};
use crate::{
    domain::{artifact::ArtifactState, id::ArtifactId},
    history::{
        columns::{Count, Json, Millis},
        rows::{ArtifactFilter, ArtifactRow},
        write::ArtifactRecord,
    },
};
use rusqlite::{Connection, OptionalExtension as _, Row};

const SELECT: &str = "SELECT id, run, runbook, step, kind, name, path, size, raw_size, sha256, entries, at,
     verified_at, verified_took, verified_detail, unsound_at, unsound_reason, removed_at, encrypted, revision, doubt,
     (SELECT max(steps.ended_at - steps.started_at) FROM steps WHERE steps.run = artifacts.run AND steps.step = artifacts.step)
     FROM artifacts";

fn artifact_row(row: &Row<'_>) -> rusqlite::Result<ArtifactRow> {
    let time = |index: usize| row.get::<_, Option<Millis>>(index);
    let (Count(size), Count(raw_size), Count(entries), Millis(at)) =
        (row.get(7)?, row.get(8)?, row.get(10)?, row.get(11)?);
    let took: Option<Count> = row.get(13)?;
    let detail: Option<Json<_>> = row.get(14)?;
    // A clock that was set back meanwhile says nothing about how long it took.
    let making = row.get::<_, Option<i64>>(21)?;
    Ok(ArtifactRow {
        record: ArtifactRecord {
            id: row.get(0)?,
            run: row.get(1)?,
            runbook: row.get(2)?,
            step: row.get(3)?,
            kind: row.get(4)?,
            name: row.get(5)?,
            path: row.get(6)?,
            encrypted: row.get(18)?,
            revision: row.get(19)?,
            size,
            raw_size,
            sha256: row.get(9)?,
            entries,
            doubt: row.get(20)?,
            at,
        },
        verified_at: time(12)?.map(|Millis(at)| at),
        verified_took_ms: took.map(|Count(took)| took),
        verified_detail: detail.map(|Json(detail)| detail),
        unsound_at: time(15)?.map(|Millis(at)| at),
        unsound_reason: row.get(16)?,
        removed_at: time(17)?.map(|Millis(at)| at),
        made_took_ms: making.and_then(|took| u64::try_from(took).ok()),
    })
}

pub(in crate::history) fn one(
    connection: &Connection,
    id: ArtifactId,
) -> rusqlite::Result<Option<ArtifactRow>> {
    connection
        .prepare_cached(&format!("{SELECT} WHERE id = ?1"))?
        .query_row([id], artifact_row)
        .optional()
}

/// As [`ArtifactRow::state`] says; what is at fault has indexes of these words.
fn in_state(state: ArtifactState) -> &'static str {
    match state {
        ArtifactState::Removed => "removed_at IS NOT NULL",
        ArtifactState::Unsound => "removed_at IS NULL AND unsound_at IS NOT NULL",
        ArtifactState::Doubted => "removed_at IS NULL AND unsound_at IS NULL AND doubt IS NOT NULL",
        ArtifactState::Verified => {
            "removed_at IS NULL AND unsound_at IS NULL AND doubt IS NULL AND verified_at IS NOT NULL"
        }
        ArtifactState::Sound => {
            "removed_at IS NULL AND unsound_at IS NULL AND doubt IS NULL AND verified_at IS NULL"
        }
    }
}

pub(in crate::history) fn list(
    connection: &Connection,
    filter: &ArtifactFilter,
) -> rusqlite::Result<Vec<ArtifactRow>> {
    let limit = limit(filter.limit);
    let mut conditions = Conditions::default();
    conditions.on_some("runbook = :runbook", ":runbook", filter.runbook.as_ref());
    conditions.on_some("run = :run", ":run", filter.run.as_ref());
    conditions.on_some("kind = :kind", ":kind", filter.kind.as_ref());
    conditions.on_some("name = :name", ":name", filter.name.as_ref());
    conditions.on_some("path = :path", ":path", filter.path.as_ref());
    match filter.state {
        Some(state) => conditions.plain(in_state(state)),
        None if filter.removed => {}
        None => conditions.plain("removed_at IS NULL"),
    }
    if filter.verified {
        conditions.plain("verified_at IS NOT NULL AND unsound_at IS NULL");
    }
    conditions.on_some(
        "(at, id) < (SELECT at, id FROM artifacts WHERE id = :before)",
        ":before",
        filter.before.as_ref(),
    );
    conditions.values.push((":limit", &limit));
    conditions.rows(
        connection,
        SELECT,
        "ORDER BY at DESC, id DESC LIMIT :limit",
        artifact_row,
    )
}
