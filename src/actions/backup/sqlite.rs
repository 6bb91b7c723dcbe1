//! `backup/sqlite`.

use crate::{
    actions::{
        backup::{ArtifactKind, BackupOutputs, Keep, check_path, intent, reads, report_backup},
        framework::{Action, World},
    },
    domain::{name::ArtifactName, run::StepReport},
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// Keeps a live SQLite database.
#[derive(Debug, Clone, Copy)]
pub struct BackupSqlite;

/// What `backup/sqlite` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SqliteInputs {
    /// The name of the backup: the first part of the artifact's file name.
    #[schemars(
        with = "String",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub name: ArtifactName,
    /// The database file; it may be in use. A relative path is taken from the agent's state folder.
    pub database: String,
    /// How it is kept.
    #[serde(default)]
    pub keep: Keep,
}

impl Action for BackupSqlite {
    type Inputs = SqliteInputs;
    type Outputs = BackupOutputs;
    const NAME: &'static str = "backup/sqlite";
    const SUMMARY: &'static str =
        "Keeps a live SQLite database by its online backup, compressed and checksummed.";

    fn validate(&self, inputs: &SqliteInputs) -> Result<(), String> {
        inputs.keep.check(None)?;
        check_path(&inputs.database).map_err(|error| format!("in `with`, at `database`: {error}"))
    }

    fn intend(&self, inputs: &SqliteInputs, _: &StepContext) -> Result<Intent, String> {
        Ok(intent(
            &inputs.name,
            std::iter::once(reads(&inputs.database)),
        ))
    }

    fn seals(&self, inputs: &SqliteInputs) -> bool {
        inputs.keep.seals(false)
    }

    fn execute<'a>(
        &'a self,
        inputs: SqliteInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let label = inputs
                .keep
                .label(&inputs.name, false, &session.context, world)
                .await;
            let stop = session.stop.clone();
            let database = Path::new(&inputs.database);
            let stored = world.archive.sqlite(&label, database, stop).await;
            report_backup(ArtifactKind::Sqlite, (&inputs.keep, &label), stored, world).await
        })
    }
}
