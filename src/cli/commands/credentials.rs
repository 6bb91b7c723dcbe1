//! `orderly credentials`.

use crate::{
    cli::{
        client::{Address, Client, Page, typed},
        context::Context,
        exit::{Answer, Exit},
        rows,
        table::{Cell, Table},
        terminal::Style,
        times,
        values::how_many,
    },
    domain::{
        name::{CredentialName, RunbookName},
        rotation::{Credential, CredentialState, Event},
    },
    history::RotationRow,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::json;

/// List credentials that runbooks keep fresh; show or forget one
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
    /// At most so many, up to 1000
    #[arg(long, short = 'n', default_value_t = 50, value_name = "NUMBER", value_parser = how_many())]
    limit: u64,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// List them, as without a word
    #[command(long_about = LONG)]
    List(List),
    /// Show one credential, and the stages of its last rotations
    #[command(long_about = SHOW)]
    Show {
        /// Its name
        credential: CredentialName,
    },
    /// Forget one that no runbook keeps any more
    #[command(long_about = FORGET)]
    Forget {
        /// Its name
        credential: CredentialName,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
}

const LONG: &str = "\
List credentials that `rotate/…` steps keep fresh, by name: where each stands, how old it is, when it is due, when it was last tried with \
success, and where it is kept. No value of any of them is known to these commands.

Example:
  orderly credentials
  orderly credentials list --runbook rotate-web-db
  orderly credentials show web-db
  orderly credentials forget web-db-old --reason 'renamed to web-db'
  orderly credentials --output json | jq -r '.items[] | [.name, .state, .next_at] | @tsv'";

const SHOW: &str = "\
Show one credential, and what happened in its last ten rotations: each stage, how it ended, and what was taken back.

Exits with 4 where there is no such credential.

Example:
  orderly credentials show web-db
  orderly credentials show web-db --output json | jq '.rotations[0].events'";

const FORGET: &str = "\
Forget a credential that no runbook keeps any more, because its step is gone or has another name for it: it goes from lists and metrics, with \
what is known of its rotations. The audit log keeps what was known of it, and why it went. Nothing is changed where the credential is used. \
A step that still keeps it rotates it at its next run, as one that it knows nothing of.

Exits with 4 where there is no such credential, or a rotation of it goes on: that one ends by the step's next run, or by `giveUp`.

Example:
  orderly credentials forget web-db-old --reason 'renamed to web-db'";

/// A credential and its rotations.
#[derive(Debug, Deserialize)]
struct Shown {
    #[serde(flatten)]
    credential: Credential,
    rotations: Vec<RotationRow>,
}

/// Lists or shows.
pub(in crate::cli) async fn credentials(arguments: Arguments, context: &Context) -> Answer {
    let client = context.client()?;
    match arguments.what {
        None => list(&arguments.list, &client, context).await,
        Some(What::List(which)) => list(&which, &client, context).await,
        Some(What::Show { credential }) => show(&credential, &client, context).await,
        Some(What::Forget { credential, reason }) => {
            forget(&credential, &reason, &client, context).await
        }
    }
}

async fn forget(name: &CredentialName, reason: &str, client: &Client, context: &Context) -> Answer {
    let address = Address::api(&["credentials", name.as_str(), "forget"]);
    client.post(&address, &json!({"reason": reason})).await?;
    context.terminal.say(&format!(
        "the credential `{name}` is forgotten; where it is used nothing was changed"
    ));
    if context.terminal.wants_json() {
        context.terminal.json(&json!({"credential": name}))?;
    }
    Ok(Exit::Done)
}

async fn list(which: &List, client: &Client, context: &Context) -> Answer {
    let address = Address::api(&["credentials"])
        .with("runbook", which.runbook.as_ref())
        .with("limit", Some(which.limit));
    let answer = client.get(&address).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let page: Page<Credential> = typed(answer)?;
    let mut table = Table::new(&[
        "CREDENTIAL",
        "STATE",
        "AGE",
        "NEXT",
        "LAST PROOF",
        "RUNBOOK",
        "WHERE",
    ]);
    let when = |at: Option<Timestamp>| {
        at.map(|at| times::relative(at, context.now()))
            .unwrap_or_default()
    };
    for credential in &page.items {
        let age = credential.issued_at;
        table.row([
            credential.name.as_str().into(),
            state(credential.state),
            age.map_or_else(
                || "not known".to_owned(),
                |at| times::took(at, context.now()),
            )
            .into(),
            when(credential.next_at).into(),
            when(credential.proven_at).into(),
            credential.runbook.as_str().into(),
            credential.place.as_str().into(),
        ]);
    }
    context
        .terminal
        .table(&table, "no credential is kept fresh")?;
    Ok(Exit::Done)
}

fn state(state: CredentialState) -> Cell {
    let style = match state {
        CredentialState::Current => Style::Good,
        CredentialState::Overlap | CredentialState::Rotating | CredentialState::Retiring => {
            Style::Warn
        }
        CredentialState::RollingBack | CredentialState::Stuck | CredentialState::Missing => {
            Style::Bad
        }
    };
    Cell::styled(&state.as_str().replace('_', " "), style)
}

async fn show(name: &CredentialName, client: &Client, context: &Context) -> Answer {
    let address = Address::api(&["credentials", name.as_str()]);
    let answer = client.get(&address).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let shown: Shown = typed(answer)?;
    let mut text = facts(context, &shown.credential).render(false);
    for rotation in &shown.rotations {
        text.push('\n');
        text.push_str(&story(context, rotation).render(context.terminal.colours_data()));
    }
    context.terminal.data(&text)?;
    Ok(Exit::Done)
}

fn facts(context: &Context, credential: &Credential) -> Table {
    let when = |at: Option<Timestamp>| at.map(|at| rows::when(context, at)).unwrap_or_default();
    let mut table = Table::headless();
    table.pair("credential", credential.name.as_str());
    table.pair("kind", credential.kind.as_str().replace('_', " "));
    table.pair("state", state(credential.state));
    table.pair("where", credential.place.as_str());
    table.pair("runbook", credential.runbook.as_str());
    table.pair("counts since", when(credential.issued_at));
    table.pair("last proof", when(credential.proven_at));
    table.pair("next", when(credential.next_at));
    table.pair("ends", when(credential.expires_at));
    let known = credential.facts.iter();
    table.pairs(
        "known",
        known.map(|(name, value)| format!("{name} {value}")),
    );
    table.pair("note", credential.note.as_str());
    table
}

fn story(context: &Context, rotation: &RotationRow) -> Table {
    let mut table = Table::new(&["ROTATION", "WHEN", "WHAT", "HOW"]);
    let mut id = rotation.id.to_string();
    for recorded in &rotation.events {
        let (what, how) = match &recorded.event {
            // Their ends say more.
            Event::StageBegan { .. } | Event::UndoBegan { .. } => continue,
            Event::Began { .. } => ("began".to_owned(), String::new()),
            Event::Resumed { .. } => ("found cut off".to_owned(), String::new()),
            Event::WentOn { .. } => ("went on".to_owned(), String::new()),
            Event::StageEnded { stage, outcome } => (
                format!("{stage}: {}", outcome.as_str().replace('_', " ")),
                outcome.note().to_owned(),
            ),
            Event::UndoEnded { stage, outcome } => (
                format!("{stage} taken back: {}", outcome.as_str().replace('_', " ")),
                outcome.note().to_owned(),
            ),
            Event::Ended { end, reason } => (end.as_str().replace('_', " "), reason.clone()),
        };
        table.row([
            std::mem::take(&mut id).into(),
            context.told(recorded.at).into(),
            what.into(),
            how.into(),
        ]);
    }
    table
}
