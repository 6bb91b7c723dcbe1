//! What the history knows of artifacts.

use crate::{
    domain::{
        artifact::Location,
        id::ArtifactId,
        name::{ArtifactName, RunbookName},
        span::Span,
    },
    history::{ArtifactFilter, ArtifactRow, History, MAX_LIMIT},
    ports::{
        BoxFuture,
        shelf::{Known, Shelf},
    },
};

/// The most of a series that are looked at.
const MOST: usize = 10_000;

/// The history's artifacts.
#[derive(Debug, Clone)]
pub struct HistoryShelf(History);

impl HistoryShelf {
    /// Of this history.
    pub fn new(history: History) -> Self {
        Self(history)
    }

    async fn page(&self, filter: ArtifactFilter) -> Result<Vec<ArtifactRow>, String> {
        let rows = self.0.artifacts(filter).await;
        rows.map_err(|error| format!("the history cannot be read: {error}"))
    }
}

impl Shelf for HistoryShelf {
    fn series<'a>(
        &'a self,
        runbook: &'a RunbookName,
        name: &'a ArtifactName,
    ) -> BoxFuture<'a, Result<Vec<Known>, String>> {
        Box::pin(async move {
            let mut all: Vec<Known> = Vec::new();
            while all.len() < MOST {
                let page = self.page(ArtifactFilter {
                    runbook: Some(runbook.clone()),
                    name: Some(name.to_string()),
                    before: all.last().map(|last| last.id),
                    limit: MAX_LIMIT,
                    ..ArtifactFilter::default()
                });
                let page = page.await?;
                let is_last = page.len() < MAX_LIMIT;
                all.extend(page.into_iter().map(known));
                if is_last {
                    break;
                }
            }
            Ok(all)
        })
    }

    fn one(&self, id: ArtifactId) -> BoxFuture<'_, Result<Option<Known>, String>> {
        Box::pin(async move {
            let row = self.0.artifact(id).await;
            let row = row.map_err(|error| format!("the history cannot be read: {error}"))?;
            Ok(row.filter(|row| row.removed_at.is_none()).map(known))
        })
    }

    fn at<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<Option<Known>, String>> {
        Box::pin(async move {
            let filter = ArtifactFilter {
                path: Some(location.to_string()),
                limit: 1,
                ..ArtifactFilter::default()
            };
            let rows = self.page(filter).await?;
            Ok(rows.into_iter().next().map(known))
        })
    }
}

fn known(row: ArtifactRow) -> Known {
    let record = row.record;
    let is_unsound = row.unsound_at.is_some();
    Known {
        id: record.id,
        runbook: record.runbook,
        name: record.name,
        kind: record.kind,
        location: Location::parse(&record.path),
        encrypted: record.encrypted,
        size: record.size,
        raw_size: record.raw_size,
        sha256: record.sha256,
        entries: record.entries,
        at: record.at,
        verified: row.verified_at.filter(|_| !is_unsound),
        restored_in: row.verified_took_ms.map(Span::from_millis),
        unsound: row.unsound_reason,
        doubt: record.doubt,
    }
}
