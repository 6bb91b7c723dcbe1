//! The record of rotations, kept in the history: one transaction for each event, its credential and its line of the audit log.

use crate::{
    domain::{
        audit::Entry,
        id::RotationId,
        name::CredentialName,
        rotation::{Credential, Event},
    },
    history::{History, HistoryError, RotationRecord, Write, WriteError},
    ports::{
        BoxFuture,
        ledger::{Known, Ledger, LedgerError, Record},
    },
    telemetry::Events,
};
use serde_json::json;

/// The history as rotations see it.
#[derive(Debug, Clone)]
pub struct HistoryLedger {
    history: History,
    events: Events,
}

impl HistoryLedger {
    /// What is recorded is told to `events`, too.
    pub fn new(history: History, events: Events) -> Self {
        Self { history, events }
    }

    async fn known(&self, name: &CredentialName) -> Result<Known, HistoryError> {
        let credential = self.history.credential(name.clone()).await?;
        let rotation = credential.as_ref().and_then(|known| known.rotation);
        let events = match rotation {
            Some(rotation) => self.history.rotation(rotation).await?,
            None => Vec::new(),
        };
        Ok(Known { credential, events })
    }
}

impl Ledger for HistoryLedger {
    fn look<'a>(&'a self, name: &'a CredentialName) -> BoxFuture<'a, Result<Known, LedgerError>> {
        Box::pin(async move {
            let known = self.known(name).await;
            known.map_err(|error| LedgerError {
                doing: format!("reading what is known of the credential `{name}`"),
                reason: error.to_string(),
            })
        })
    }

    fn has_heard_of<'a>(
        &'a self,
        name: &'a CredentialName,
        rotation: RotationId,
    ) -> BoxFuture<'a, Result<bool, LedgerError>> {
        Box::pin(async move {
            let rows = self.history.rotations(name.clone(), usize::MAX).await;
            let rows = rows.map_err(|error| LedgerError {
                doing: format!("reading the rotations of the credential `{name}`"),
                reason: error.to_string(),
            })?;
            Ok(rows.iter().any(|row| row.id == rotation))
        })
    }

    fn record(&self, record: Record) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async move {
            let entry = Write::Audit(entry(&record));
            let written = Write::Rotation(Box::new(RotationRecord {
                rotation: record.rotation,
                credential: record.credential.clone(),
                event: record.event.clone(),
                at: record.at,
            }));
            let written = self.history.write(vec![written, entry]).await;
            written.map_err(|error| failed(&record.credential.name, &error))?;
            self.events.rotation(&record.credential, &record.event);
            Ok(())
        })
    }

    fn note(&self, credential: Credential) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async move {
            let written = Write::Credential(Box::new(credential.clone()));
            let written = self.history.write(vec![written]).await;
            written.map_err(|error| failed(&credential.name, &error))?;
            self.events.credential_known(&credential);
            Ok(())
        })
    }
}

fn failed(name: &CredentialName, error: &WriteError) -> LedgerError {
    LedgerError {
        doing: format!("recording the rotation of the credential `{name}`"),
        reason: error.to_string(),
    }
}

fn entry(record: &Record) -> Entry {
    let credential = &record.credential;
    let resource = format!("credential/{}", credential.name);
    let about = json!({ "rotation": record.rotation, "runbook": credential.runbook, "kind": credential.kind });
    let entry = |action: &str| Entry::new(record.at, "system", action, resource).with(about);
    let (entry, outcome) = match &record.event {
        Event::Began { run, .. } => return entry("rotation.began").and("run", run),
        Event::WentOn { run } => return entry("rotation.went_on").and("run", run),
        Event::Resumed { run } => return entry("rotation.resumed").and("run", run),
        Event::StageBegan { stage } => return entry("rotation.stage.began").and("stage", stage),
        Event::UndoBegan { stage } => return entry("rotation.undo.began").and("stage", stage),
        Event::Ended { end, reason } => {
            return entry("rotation.ended")
                .and("end", end)
                .and("reason", reason);
        }
        Event::StageEnded { stage, outcome } => {
            (entry("rotation.stage.ended").and("stage", stage), outcome)
        }
        Event::UndoEnded { stage, outcome } => {
            (entry("rotation.undo.ended").and("stage", stage), outcome)
        }
    };
    let entry = entry
        .and("outcome", outcome.as_str())
        .and("note", outcome.note());
    if outcome.is_over() {
        entry
    } else {
        entry.failed(outcome.note())
    }
}
