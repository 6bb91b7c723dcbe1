//! `backup/postgres`, and what `backup/verify` and `backup/restore` do with what it makes.
//!
//! Dumps are in pg_dump's custom format, not compressed by pg_dump itself: zstd does that better, and their size tells how much is in
//! them. The programs are PostgreSQL's own; they run on the agent's host or in a container, as the [`Server`] says.

mod client;
mod head;
mod left;
mod restore;
mod server;
mod trial;
mod verdict;

pub use restore::PostgresTarget;
pub(super) use restore::restore;
pub use server::{Inside, Protection, Server};
pub(super) use trial::{Trial, trial};

use crate::{
    actions::{
        backup::{ArtifactKind, BackupOutputs, Keep, intent, report_backup, report_error},
        framework::{
            Action, World,
            program::{Fault, note},
        },
    },
    domain::{
        effect::{Effect, Effects, Verb},
        name::ArtifactName,
        right::Rights,
        run::StepReport,
    },
    ports::{
        BoxFuture,
        archive::{StreamOf, Writing},
        executor::{Intent, Session, StepContext},
    },
};
use client::Client;
use head::Head;
use schemars::JsonSchema;
use serde::Deserialize;
use server::plain;

/// What stands in the file name before `.zst`.
const EXTENSION: &str = "pgdump";
/// Why it is always encrypted.
const HOLDS: &str = "a database may hold secrets";

/// Keeps a PostgreSQL database.
#[derive(Debug, Clone, Copy)]
pub struct BackupPostgres;

/// What `backup/postgres` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresInputs {
    /// The name of the backup: the first part of the artifact's file name.
    #[schemars(
        with = "String",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub name: ArtifactName,
    /// The database.
    #[schemars(length(min = 1, max = 63))]
    pub database: String,
    /// Where it is, and where `pg_dump` runs. It must be at least as new as the server.
    #[serde(default)]
    pub server: Server,
    /// What is left out.
    #[serde(default)]
    pub exclude: Exclude,
    /// How it is kept. It is always encrypted.
    #[serde(default)]
    pub keep: Keep,
}

/// What a dump leaves out. Patterns are those of psql: `*` and `?` stand for characters, `schema.table` names both.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Exclude {
    /// Schemas with all that is in them.
    #[schemars(length(max = 1000))]
    pub schemas: Vec<String>,
    /// Tables.
    #[schemars(length(max = 1000))]
    pub tables: Vec<String>,
    /// Tables whose rows are left out, but not their definition.
    #[schemars(length(max = 1000))]
    pub rows: Vec<String>,
}

impl Exclude {
    fn flags(&self) -> Vec<String> {
        let all = [
            ("--exclude-schema", &self.schemas),
            ("--exclude-table", &self.tables),
            ("--exclude-table-data", &self.rows),
        ];
        let flag = |(name, patterns): (&str, &Vec<String>)| -> Vec<String> {
            let flags = patterns.iter().map(|pattern| format!("{name}={pattern}"));
            flags.collect()
        };
        all.into_iter().flat_map(flag).collect()
    }
}

impl Action for BackupPostgres {
    type Inputs = PostgresInputs;
    type Outputs = BackupOutputs;
    const NAME: &'static str = "backup/postgres";
    const SUMMARY: &'static str =
        "Keeps a PostgreSQL database by `pg_dump`, run on the agent's host or in a container.";

    fn validate(&self, inputs: &PostgresInputs) -> Result<(), String> {
        inputs.keep.check(Some(HOLDS))?;
        inputs.server.check("server")?;
        check_database("database", &inputs.database)?;
        for flag in inputs.exclude.flags() {
            plain(&flag).map_err(|why| format!("in `with`, at `exclude`: {why}"))?;
        }
        Ok(())
    }

    fn intend(&self, inputs: &PostgresInputs, _: &StepContext) -> Result<Intent, String> {
        let database = inputs.server.object(&inputs.database);
        let read = Effect::read(Verb::DatabaseRead, database);
        let sources = inputs.server.visits().into_iter().chain([read]);
        Ok(intent(&inputs.name, sources))
    }

    fn foresee<'a>(
        &'a self,
        inputs: PostgresInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            inputs.server.foresee(context, world).await?;
            Ok(intent)
        })
    }

    fn rights(&self, inputs: &PostgresInputs, _: &Effects) -> Rights {
        inputs.server.rights()
    }

    fn seals(&self, inputs: &PostgresInputs) -> bool {
        inputs.keep.seals(true)
    }

    fn execute<'a>(
        &'a self,
        inputs: PostgresInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match keep(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }

    fn grace(&self, _: &PostgresInputs) -> crate::domain::span::Span {
        crate::domain::span::Span::from_secs(15)
    }
}

/// A database's name stands in a connection string, which is quoted, and on a command line.
pub(super) fn check_database(at: &str, database: &str) -> Result<(), String> {
    let fault = |why: &str| Err(format!("in `with`, at `{at}`: {why}"));
    if !(1..=63).contains(&database.len()) {
        return fault("want a name of 1 to 63 bytes");
    }
    plain(database).or_else(fault)
}

async fn keep(
    inputs: &PostgresInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let client = Client::reach(&inputs.server, session, world).await;
    let client = client.map_err(Fault::report)?;
    let label = inputs
        .keep
        .label(&inputs.name, true, &session.context, world)
        .await;
    let what = format!("a dump of the database `{}`", inputs.database);
    let of = StreamOf {
        label: &label,
        what: &what,
        extension: EXTENSION,
        // It ends with the database; `keep.maxBytes` judges what came.
        most: u64::MAX,
    };
    let writing = world.archive.stream(of, session.stop.clone()).await;
    let mut writing = writing.map_err(|error| report_error(&error))?;
    note(
        session,
        &format!("pg_dump of the database {}", inputs.database),
    );
    if let Err(report) = dump(inputs, &client, &mut *writing).await {
        let fault = writing.fault();
        writing.discard().await;
        // What the archive says of a full disk is nearer to the cause than what the program says.
        return Err(fault.map_or(report, |fault| report_error(&fault)));
    }
    let stored = writing.finish().await;
    let kept = (&inputs.keep, &label);
    Ok(report_backup(ArtifactKind::Postgres, kept, stored, world).await)
}

async fn dump(
    inputs: &PostgresInputs,
    client: &Client<'_>,
    writing: &mut dyn Writing,
) -> Result<(), StepReport> {
    let exclude = inputs.exclude.flags();
    let own = ["--format=custom", "--compress=0"];
    let flags: Vec<&str> = own
        .into_iter()
        .chain(exclude.iter().map(String::as_str))
        .collect();
    let mut head = Head::of(writing);
    let dumped = client.run(
        ("pg_dump", &flags),
        &inputs.database,
        None,
        &mut head,
        &client.session.stop,
    );
    dumped.await.map_err(Fault::report)?;
    head.check().map_err(|why| {
        let why = format!("`pg_dump` exited with 0, but {why}");
        StepReport::failed(why, true)
    })
}

#[cfg(test)]
mod tests;
