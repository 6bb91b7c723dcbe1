//! `orderly artifacts`.

mod fetch;
pub(super) mod shown;

use crate::{
    cli::{
        client::{Address, Client, Page, typed},
        commands::run,
        context::Context,
        exit::{Answer, Exit},
        ids,
        values::how_many,
    },
    domain::{artifact::ArtifactState, id::ArtifactId, name::RunbookName},
    history::ArtifactRow,
};
use serde_json::json;
use std::path::PathBuf;

/// List backups and other artifacts; show, fetch, verify or restore one
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    list: List,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Of this runbook
    #[arg(long, value_name = "NAME")]
    runbook: Option<RunbookName>,
    /// Of this series
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Of this kind, such as `files`, `sqlite` or `postgres`
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only those of this state
    #[arg(long, value_name = "STATE", value_parser = ArtifactState::ALL.map(ArtifactState::as_str))]
    state: Option<String>,
    /// Also those that were removed
    #[arg(long)]
    removed: bool,
    /// At most so many, up to 1000
    #[arg(long, short = 'n', default_value_t = 20, value_name = "NUMBER", value_parser = how_many())]
    limit: u64,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// The same as without a word: list them, newest first
    #[command(long_about = LIST)]
    List(List),
    /// Show one: what is in it, where it is, and how far it can be relied on
    #[command(long_about = SHOW)]
    Show {
        /// The artifact, by its id or a part of it
        artifact: String,
    },
    /// Copy one out, as it is stored or as its content
    #[command(long_about = FETCH)]
    Fetch(fetch::Arguments),
    /// Restore one on trial, on the agent's host
    #[command(long_about = VERIFY)]
    Verify {
        /// The artifact, by its id or a part of it
        artifact: String,
        /// Print the run's id and do not wait
        #[arg(long)]
        no_wait: bool,
    },
    /// Restore one for good, on the agent's host; people are asked first
    #[command(long_about = RESTORE)]
    Restore(Restore),
    /// Say that a doubted one is right
    #[command(long_about = ACCEPT)]
    Accept {
        /// The artifact, by its id or a part of it
        artifact: String,
        /// Why; kept in the audit log
        #[arg(
            long,
            default_value = "",
            hide_default_value = true,
            value_name = "TEXT"
        )]
        reason: String,
    },
}

#[derive(Debug, clap::Args)]
struct Restore {
    /// The artifact, by its id or a part of it
    artifact: String,
    /// Where it goes, an absolute path of the agent's host: a folder for files, the SQLite file, the file for a stream
    #[arg(long, value_name = "PATH")]
    to: PathBuf,
    /// Of an archive of files, only what was at this path; it becomes `--to` itself
    #[arg(long, value_name = "PATH")]
    only: Option<PathBuf>,
    /// Replace what is there; it is kept beside, as `NAME.before-TIME`
    #[arg(long)]
    overwrite: bool,
    /// Print the run's id and do not wait
    #[arg(long)]
    no_wait: bool,
}

const LONG: &str = "\
List backups and other artifacts, newest first; show, fetch, verify, restore or accept one. Each line has the artifact's id, its runbook and \
name, its kind, how far it can be relied on, its age and size, and where it is.

`sound` was made and nothing speaks against it; `verified` was restored on trial and found good; `doubted` is not plausible, as one that is \
much smaller than the one before, until a person accepts it; `unsound` failed a trial restore; `removed` was removed on purpose.

Example:
  orderly artifacts
  orderly artifacts --runbook nightly-backup --state verified -n 1
  orderly artifacts --output json | jq -r '.items[] | select(.state == \"doubted\") | .id'
  orderly artifacts show 3f9a1c2d
  orderly artifacts fetch 3f9a1c2d --decode --out dump.sql
  orderly artifacts accept 3f9a1c2d --reason 'the old orders were archived'";

const LIST: &str = "\
List backups and other artifacts, newest first, as `orderly artifacts` does.

Example:
  orderly artifacts list --name shop --state verified";

const SHOW: &str = "\
Show one artifact: what made it, what is in it, where it is, its digest, when it was last restored on trial and how long that took, and why \
it is doubted or unsound, where it is.

Example:
  orderly artifacts show 3f9a1c2d
  orderly artifacts show 3f9a1c2d --output json | jq .verified_detail";

const FETCH: &str = "\
Copy an artifact out: as it is stored, or with --decode as its content, decrypted and decompressed. What the agent knows of it is asked of \
the agent; the bytes come from the state folder or the store that the configuration names, so run this on the agent's host or with its \
configuration. An encrypted one is decrypted with the key in --identity, or with the configured one (`artifacts.identity`).

The SHA-256 of what is stored is compared with the recorded one. A file appears under its name only if they agree; with --out -, the exit \
code tells.

Exits with 1 where it is damaged or cannot be read.

Example:
  orderly artifacts fetch 3f9a1c2d --out db.sqlite.zst.age
  orderly artifacts fetch 3f9a1c2d --decode --identity key.txt --out db.sqlite
  orderly artifacts fetch 3f9a1c2d --decode --out - | tar -tv";

const VERIFY: &str = "\
Restore an artifact on trial, in the scratch space of the agent's host, and read all of it. This is a run of one step (`backup/verify`): it \
passes the gate, and stands in the history and the audit log. From then on the artifact counts as verified, or as unsound.

A dump of PostgreSQL and objects of a cluster are only read to their end, since a server to try them on is named in runbooks alone: that finds \
what is unsound, and makes nothing verified. A `backup/verify` step with `into` or `cluster` restores them on trial.

Exits as `orderly run` does.

Example:
  orderly artifacts verify 3f9a1c2d";

const RESTORE: &str = "\
Restore an artifact for good, on the agent's host. This is a run of one step (`backup/restore`): it always asks people, whatever policy says, \
and stands in the history and the audit log. All of it is written beside its destination and takes its place at once; what was there is \
kept beside. A database that a service holds is refused: stop the service first.

What goes into a PostgreSQL server, a cluster or a volume needs more than a path: the refusal shows the step that restores it, for a runbook.

Exits as `orderly run` does.

Example:
  orderly artifacts restore 3f9a1c2d --to /srv/shop.restored
  orderly artifacts restore 3f9a1c2d --to /var/lib/shop/shop.db --overwrite
  orderly artifacts restore 3f9a1c2d --only /etc/nginx --to /etc/nginx --overwrite";

const ACCEPT: &str = "\
Say that a doubted artifact is right: that it shrank for a good reason, for example. From then on its series is pruned again, \
so the next prune may remove larger ones that were made before it; later ones are compared with it.

Exits with 4 where nobody doubts it.

Example:
  orderly artifacts accept 3f9a1c2d --reason 'the old orders were archived'";

/// Lists, or does what is wanted with one.
pub(in crate::cli) async fn artifacts(arguments: Arguments, context: &Context) -> Answer {
    let client = context.client()?;
    match arguments.what {
        None => list(&arguments.list, &client, context).await,
        Some(What::List(wanted)) => list(&wanted, &client, context).await,
        Some(What::Show { artifact }) => show(&artifact, &client, context).await,
        Some(What::Fetch(arguments)) => fetch::fetch(arguments, &client, context).await,
        Some(What::Verify { artifact, no_wait }) => {
            let id = ids::artifact::<ArtifactId>(&client, &artifact).await?;
            let address = Address::api(&["artifacts", &id.to_string(), "verify"]);
            let answer = client.post(&address, &json!({})).await?;
            run::follow(&answer, (no_wait, false), client, context).await
        }
        Some(What::Restore(restore)) => {
            let id = ids::artifact::<ArtifactId>(&client, &restore.artifact).await?;
            let address = Address::api(&["artifacts", &id.to_string(), "restore"]);
            let body =
                json!({"to": restore.to, "only": restore.only, "overwrite": restore.overwrite});
            let answer = client.post(&address, &body).await?;
            run::follow(&answer, (restore.no_wait, false), client, context).await
        }
        Some(What::Accept { artifact, reason }) => {
            accept(&artifact, &reason, &client, context).await
        }
    }
}

async fn list(list: &List, client: &Client, context: &Context) -> Answer {
    let flag = |set: bool| set.then_some(true);
    let address = Address::api(&["artifacts"])
        .with("runbook", list.runbook.as_ref())
        .with("name", list.name.as_ref())
        .with("kind", list.kind.as_ref())
        .with("state", list.state.as_ref())
        .with("removed", flag(list.removed))
        .with("limit", Some(list.limit));
    let answer = client.get(&address).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let page: Page<ArtifactRow> = typed(answer)?;
    context
        .terminal
        .table(&shown::list(context, &page.items), "no such artifacts")?;
    if page.next.is_some() && context.terminal.is_watched() {
        context
            .terminal
            .say("there may be older ones; --limit shows more");
    }
    Ok(Exit::Done)
}

async fn show(text: &str, client: &Client, context: &Context) -> Answer {
    let id = ids::artifact::<ArtifactId>(client, text).await?;
    let answer = client
        .get(&Address::api(&["artifacts", &id.to_string()]))
        .await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let row: ArtifactRow = typed(answer)?;
    let facts = shown::facts(context, &row).render(false);
    context.terminal.data(&facts)?;
    Ok(Exit::Done)
}

async fn accept(text: &str, reason: &str, client: &Client, context: &Context) -> Answer {
    let id = ids::artifact::<ArtifactId>(client, text).await?;
    let address = Address::api(&["artifacts", &id.to_string(), "accept"]);
    client.post(&address, &json!({"reason": reason})).await?;
    context
        .terminal
        .say(&format!(
            "artifact {} is accepted: its series is pruned again, so the next prune may remove larger ones made before it",
            ids::short(&id)
        ));
    if context.terminal.wants_json() {
        context.terminal.json(&json!({"artifact": id}))?;
    }
    Ok(Exit::Done)
}
