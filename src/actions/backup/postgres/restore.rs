//! A dump put back into a database.

use super::{check_database, client::Client, server::Server};
use crate::{
    actions::framework::{
        World,
        program::{Fault, note},
        said::Said,
    },
    domain::{
        effect::{Effect, Reversible, Verb},
        right::Rights,
    },
    ports::{
        archive::Unpacked,
        executor::{LogStream, Session},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::fmt;

/// The database that a dump is restored into. What the dump holds replaces what is there under the same names, in one transaction.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PostgresTarget {
    /// The database; it must be there.
    #[schemars(length(min = 1, max = 63))]
    pub database: String,
    /// Where it is, and where `pg_restore` runs.
    #[serde(default)]
    pub server: Server,
    /// Whether what is restored belongs to the role that restores it, for a server that does not have the roles of the dump.
    #[serde(default)]
    pub no_owner: bool,
}

impl fmt::Display for PostgresTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.server.object(&self.database))
    }
}

impl PostgresTarget {
    /// What can be said before anything runs; `at` is where it stands in the inputs.
    pub(in crate::actions::backup) fn check(&self, at: &str) -> Result<(), String> {
        check_database(&format!("{at}.database"), &self.database)?;
        self.server.check(&format!("{at}.server"))
    }

    /// What a restore does.
    pub(in crate::actions::backup) fn effects(&self) -> Vec<Effect> {
        let object = self.server.object(&self.database);
        let replaced = Effect {
            reversible: Reversible::NeedsBackup,
            ..Effect::destructive(Verb::DatabaseWrite, object)
        };
        self.server.visits().into_iter().chain([replaced]).collect()
    }

    /// What it takes in clusters.
    pub(in crate::actions::backup) fn rights(&self) -> Rights {
        self.server.rights()
    }
}

/// Restores a dump; what it says is for people. It is one transaction: all of it is there, or nothing has changed.
pub(in crate::actions::backup) async fn restore(
    content: &dyn Unpacked,
    target: &PostgresTarget,
    session: &Session,
    world: &World,
) -> Result<String, Fault> {
    let client = Client::reach(&target.server, session, world).await?;
    let mut flags = vec!["--clean", "--if-exists", "--single-transaction"];
    if target.no_owner {
        flags.extend(["--no-owner", "--no-privileges"]);
    }
    let database = &target.database;
    note(
        session,
        &format!("pg_restore into the database {database}, in one transaction"),
    );
    let mut said = Said::to(session.log.clone(), LogStream::Out, 0);
    let restoring = client.run(
        ("pg_restore", &flags),
        database,
        Some(content),
        &mut said,
        &session.stop,
    );
    restoring.await.map_err(|fault| undone(fault, database))?;
    Ok(format!("restored into the database {database}"))
}

fn undone(fault: Fault, database: &str) -> Fault {
    match fault {
        Fault::Stopped(_) => fault.with(|why| {
            format!("{why}; it is one transaction, of which nothing stays unless it had just ended")
        }),
        Fault::Missing(_) => fault,
        Fault::Refused(_) | Fault::Failed(_) | Fault::Unfit(_) => {
            let missing = format!("database \"{database}\" does not exist");
            fault.with(|why| {
                let hint = if why.contains(&missing) {
                    format!("\nhint: make it first, as in `createdb {database}`")
                } else {
                    String::new()
                };
                format!("{why}; it is one transaction, so nothing of it stays{hint}")
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Fault, undone};

    #[test]
    fn a_database_that_is_not_there_is_to_be_made_first() {
        let said = |database: &str| {
            let why = "`pg_restore` exited with 1: FATAL:  database \"shop\" does not exist";
            undone(Fault::Refused(why.to_owned()), database).why()
        };
        assert!(said("shop").ends_with("stays\nhint: make it first, as in `createdb shop`"));
        assert!(said("other").ends_with("so nothing of it stays"));
    }
}
