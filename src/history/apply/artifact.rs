//! Artifacts and what trial restores say of them.

use super::{Applied, execute, known, new_or_duplicate};
use crate::{
    domain::{id::ArtifactId, span::Span},
    history::{
        columns::{Count, Json, Millis},
        write::ArtifactRecord,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::Value;

pub(super) fn made(to: &Connection, record: &ArtifactRecord) -> Applied {
    let inserted = execute(
        to,
        "INSERT INTO artifacts (id, run, runbook, step, kind, name, path, size, raw_size, sha256, entries, at, encrypted, revision, doubt)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)",
        params![
            record.id,
            record.run,
            record.runbook,
            record.step,
            record.kind,
            record.name,
            record.path,
            Count(record.size),
            Count(record.raw_size),
            record.sha256,
            Count(record.entries),
            Millis(record.at),
            record.encrypted,
            record.revision,
            record.doubt,
        ],
    );
    new_or_duplicate(inserted, "artifact", &record.id)
}

pub(super) fn verified(
    to: &Connection,
    id: ArtifactId,
    at: Timestamp,
    took: Span,
    detail: &Value,
) -> Applied {
    let touched = execute(
        to,
        "UPDATE artifacts SET verified_at = ?2, verified_took = ?3, verified_detail = ?4,
             unsound_at = NULL, unsound_reason = NULL
         WHERE id = ?1",
        params![id, Millis(at), Count(took.millis()), Json(detail)],
    )?;
    known(touched, "artifact", &id)
}

pub(super) fn unsound(to: &Connection, id: ArtifactId, at: Timestamp, reason: &str) -> Applied {
    let touched = execute(
        to,
        "UPDATE artifacts SET unsound_at = ?2, unsound_reason = ?3 WHERE id = ?1",
        params![id, Millis(at), reason],
    )?;
    known(touched, "artifact", &id)
}

pub(super) fn accepted(to: &Connection, id: ArtifactId) -> Applied {
    let touched = execute(
        to,
        "UPDATE artifacts SET doubt = NULL WHERE id = ?1",
        params![id],
    )?;
    known(touched, "artifact", &id)
}

pub(super) fn removed(to: &Connection, id: ArtifactId, at: Timestamp) -> Applied {
    let touched = execute(
        to,
        "UPDATE artifacts SET removed_at = coalesce(removed_at, ?2) WHERE id = ?1",
        params![id, Millis(at)],
    )?;
    known(touched, "artifact", &id)
}
