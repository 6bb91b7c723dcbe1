//! What can be asked of the history.

use crate::{
    domain::{
        audit::{Record, Stamp},
        circuit::Circuit,
        digest::Digest,
        halt::Halt,
        id::{ApprovalId, ArtifactId, RotationId, RunId},
        jump::Jump,
        name::{CredentialName, RunbookName},
        occurrence::{Occurrence, Skipped},
        rotation::{self, Credential},
        run::Recorded,
        runbook::Runbook,
    },
    history::{
        audit::{self, AuditFilter, AuditHead, AuditVerdict, head},
        error::HistoryError,
        handle::History,
        read::{agent, approvals, artifacts, circuit, rotations, runs, schedule, spending},
        rows::{
            ApprovalCase, ApprovalFilter, ArtifactFilter, ArtifactRow, CredentialFilter, EffectRow,
            LockRow, MonthRow, RecordOf, RotationRow, RunFilter, RunRow, SkippedFilter, StepRow,
            SuspensionRow, TriggerRow,
        },
        write::{ActiveFile, RunbookFacts, SyncRecord},
    },
};
use jiff::Timestamp;
use std::path::{Path, PathBuf};

type Found<T> = Result<T, HistoryError>;

impl History {
    /// A run.
    pub async fn run(&self, id: RunId) -> Found<Option<RunRow>> {
        self.read("a run", move |connection| runs::one(connection, id))
            .await
    }
    /// Runs, newest first.
    pub async fn runs(&self, filter: RunFilter) -> Found<Vec<RunRow>> {
        self.read("runs", move |connection| runs::list(connection, &filter))
            .await
    }
    /// Every run that has not ended, oldest first.
    pub async fn unfinished_runs(&self) -> Found<Vec<RunRow>> {
        self.read("unfinished runs", runs::unfinished).await
    }
    /// All events of a run, in order.
    pub async fn events(&self, run: RunId) -> Found<Vec<Recorded>> {
        self.read("a run's events", move |connection| {
            runs::events(connection, run)
        })
        .await
    }
    /// The steps of a run, in the order they were first spoken of.
    pub async fn steps(&self, run: RunId) -> Found<Vec<StepRow>> {
        self.read("a run's steps", move |connection| {
            runs::steps(connection, run)
        })
        .await
    }
    /// A runbook's definition.
    pub async fn definition(&self, digest: Digest) -> Found<Option<Runbook>> {
        self.read("a definition", move |connection| {
            runs::definition(connection, digest)
        })
        .await
    }
    /// Facts about every runbook that ever ended a run, by name.
    pub async fn last_outcomes(&self) -> Found<Vec<RunbookFacts>> {
        self.read("facts about runbooks", runs::facts).await
    }
    /// Facts about one runbook, if it ever ended a run.
    pub async fn last_outcome(&self, runbook: RunbookName) -> Found<Option<RunbookFacts>> {
        self.read("facts about a runbook", move |connection| {
            runs::facts_of(connection, &runbook)
        })
        .await
    }
    /// Questions to people, newest first.
    pub async fn approvals(&self, filter: ApprovalFilter) -> Found<Vec<ApprovalCase>> {
        self.read("approvals", move |connection| {
            approvals::list(connection, &filter)
        })
        .await
    }
    /// What was asked ahead of one due time, newest first.
    pub async fn approvals_ahead(&self, due: Occurrence) -> Found<Vec<ApprovalCase>> {
        self.read("approvals asked ahead", move |connection| {
            approvals::ahead(connection, &due)
        })
        .await
    }
    /// What was asked ahead of a trigger's due times until then, is open, and has no run.
    pub async fn approvals_orphaned(
        &self,
        runbook: RunbookName,
        trigger: String,
        until: Timestamp,
    ) -> Found<Vec<ApprovalCase>> {
        self.read("approvals asked ahead", move |connection| {
            approvals::orphaned(connection, (&runbook, &trigger), until)
        })
        .await
    }
    /// One question.
    pub async fn approval(&self, id: ApprovalId) -> Found<Option<ApprovalCase>> {
        self.read("an approval", move |connection| {
            approvals::one(connection, id)
        })
        .await
    }
    /// Lines of the audit log, newest first.
    pub async fn audit(&self, filter: AuditFilter) -> Found<Vec<Record>> {
        self.read("audit records", move |connection| {
            audit::list::list(connection, &filter)
        })
        .await
    }
    /// Checks the whole audit log against its key and exported ends. Takes seconds for a million records.
    pub async fn verify_audit(
        &self,
        exported: impl IntoIterator<Item = AuditHead>,
    ) -> Found<AuditVerdict> {
        let key = self.inner.key.clone();
        let exported: Vec<AuditHead> = exported.into_iter().collect();
        self.read("the audit log", move |connection| {
            audit::verify::verify(connection, &key, &exported)
        })
        .await
    }
    /// The end of the audit log.
    pub async fn audit_head(&self) -> Found<AuditHead> {
        self.read("the end of the audit log", head::of).await
    }
    /// Writes the end of the audit log to `audit.head` beside the database, unless the log does not follow from the one there.
    pub async fn export_audit_head(&self) -> Found<AuditHead> {
        let (path, key) = (self.inner.path.clone(), self.inner.key.clone());
        self.task(move |connection| head::export(connection, &path, &key))
            .await?
    }
    /// The same, and adds it to a file of heads somewhere else, if the log follows from every one there.
    pub async fn export_audit_head_to(&self, file: PathBuf, at: Timestamp) -> Found<AuditHead> {
        let (path, key) = (self.inner.path.clone(), self.inner.key.clone());
        self.task(move |connection| {
            head::held(connection, &file, &key)?;
            let head = head::export(connection, &path, &key)?;
            head::append(&file, &head, at)?;
            Ok(head)
        })
        .await?
    }
    /// Every end in a file of heads, oldest first.
    pub fn read_audit_heads(file: &Path) -> Found<Vec<AuditHead>> {
        head::read_all(file)
    }
    /// The exported end of the audit log, if there is one.
    pub fn exported_audit_head(&self) -> Found<Option<AuditHead>> {
        head::read(&self.inner.path)
    }
    /// Artifacts, newest first.
    pub async fn artifacts(&self, filter: ArtifactFilter) -> Found<Vec<ArtifactRow>> {
        self.read("artifacts", move |connection| {
            artifacts::list(connection, &filter)
        })
        .await
    }
    /// One artifact.
    pub async fn artifact(&self, id: ArtifactId) -> Found<Option<ArtifactRow>> {
        self.read("an artifact", move |connection| {
            artifacts::one(connection, id)
        })
        .await
    }
    /// A credential.
    pub async fn credential(&self, name: CredentialName) -> Found<Option<Credential>> {
        self.read("a credential", move |connection| {
            rotations::one(connection, &name)
        })
        .await
    }
    /// Credentials, by name.
    pub async fn credentials(&self, filter: CredentialFilter) -> Found<Vec<Credential>> {
        self.read("credentials", move |connection| {
            rotations::list(connection, &filter)
        })
        .await
    }
    /// The rotations of a credential, newest first.
    pub async fn rotations(&self, name: CredentialName, limit: usize) -> Found<Vec<RotationRow>> {
        self.read("rotations", move |connection| {
            rotations::rotations(connection, &name, limit)
        })
        .await
    }
    /// All events of a rotation, in order.
    pub async fn rotation(&self, id: RotationId) -> Found<Vec<rotation::Recorded>> {
        self.read("a rotation", move |connection| {
            rotations::events(connection, id)
        })
        .await
    }
    /// Occurrences that did not run, newest first.
    pub async fn skipped(&self, filter: SkippedFilter) -> Found<Vec<Skipped>> {
        self.read("skipped occurrences", move |connection| {
            schedule::skipped(connection, &filter)
        })
        .await
    }
    /// The run that an occurrence has, if any.
    pub async fn occurrence_of(&self, occurrence: Occurrence) -> Found<Option<RunId>> {
        self.read("an occurrence", move |connection| {
            schedule::occurrence(connection, &occurrence)
        })
        .await
    }
    /// The run that a key has started, if any.
    pub async fn idempotency(&self, key: String) -> Found<Option<RunId>> {
        self.read("an idempotency key", move |connection| {
            agent::idempotency(connection, &key)
        })
        .await
    }
    /// Suspensions, by name; those whose end has come too, until resumed.
    pub async fn suspensions(&self) -> Found<Vec<SuspensionRow>> {
        self.read("suspensions", schedule::suspensions).await
    }
    /// Triggers that count, by runbook and key.
    pub async fn triggers(&self) -> Found<Vec<TriggerRow>> {
        self.read("triggers", schedule::triggers).await
    }
    /// Locks that are recorded, by name; expired ones too.
    pub async fn locks(&self) -> Found<Vec<LockRow>> {
        self.read("locks", agent::locks).await
    }
    /// Every circuit that is open or counts failures, by name.
    pub async fn circuits(&self) -> Found<Vec<(RunbookName, Circuit)>> {
        self.read("circuits", circuit::circuits).await
    }
    /// What is known of a definition of a runbook.
    pub async fn record_of(&self, definition: Digest, runbook: RunbookName) -> Found<RecordOf> {
        self.read("a definition's record", move |connection| {
            circuit::record_of(connection, definition, &runbook)
        })
        .await
    }
    /// Whether it was ever said which definitions are trusted.
    pub async fn knows_whom_to_trust(&self) -> Found<bool> {
        self.read("whom to trust", circuit::trusts).await
    }
    /// Who has stopped all effects, if anybody has.
    pub async fn halt(&self) -> Found<Option<Halt>> {
        self.read("whether all is halted", agent::halt).await
    }
    /// The last jump of the clock, where nobody has looked into it yet.
    pub async fn jump(&self) -> Found<Option<Jump>> {
        self.read("whether the clock jumped", agent::jump).await
    }
    /// When the agent was last known to be alive.
    pub async fn last_heartbeat(&self) -> Found<Option<Timestamp>> {
        self.read("the heartbeat", agent::heartbeat).await
    }
    /// When that was by the clock that never jumps, where that was known.
    pub async fn last_stamp(&self) -> Found<Option<Stamp>> {
        self.read("the heartbeat", agent::heartbeat_stamp).await
    }
    /// Where following the source stood.
    pub async fn last_sync(&self) -> Found<Option<SyncRecord>> {
        self.read("the source's state", agent::sync).await
    }
    /// Files of the set in use after this path, by path. Read page by page: the whole set may be large.
    pub async fn active_files(
        &self,
        after: Option<String>,
        limit: usize,
    ) -> Found<Vec<ActiveFile>> {
        self.read("the set in use", move |connection| {
            agent::active_files(connection, after.as_deref(), limit)
        })
        .await
    }
    /// What was spent on AI in the month that counts at a time.
    pub async fn ai_spending(&self, at: Timestamp) -> Found<MonthRow> {
        self.read("what was spent on AI", move |connection| {
            spending::current(connection, at)
        })
        .await
    }
    /// What steps have touched at or after a time, oldest first.
    pub async fn effects_since(&self, at: Timestamp) -> Found<Vec<EffectRow>> {
        self.read("effects", move |connection| agent::effects(connection, at))
            .await
    }
}
