//! `orderly reset`.

use crate::{
    cli::{
        client::Address,
        context::Context,
        exit::{Answer, CliError, Exit},
    },
    domain::name::RunbookName,
};
use serde_json::json;

/// Close a runbook's circuit, or trust the clock again
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// Which runbook
    #[arg(required_unless_present = "clock", conflicts_with = "clock")]
    runbook: Option<RunbookName>,
    /// Trust the clock again after it has jumped
    #[arg(long)]
    clock: bool,
    /// Why; kept in the audit log
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    reason: String,
}

const LONG: &str = "\
Close the circuit of a runbook that failed or was denied several times in a row (`policy.circuitFailures`). Since then its changes ask \
people, as at autonomy level 1; from now on it acts by itself again as policy lets it. Success alone does not close a circuit.

With --clock: trust the clock again after it has jumped, more than 2 seconds back or more than 5 minutes forward. Since then what \
destroys has asked people at every level, and nothing that was missed was made up for. See to the clock first (`timedatectl`, `chronyc \
tracking`).

Exits with 4 where the circuit is not open, or the clock has not jumped.

Example:
  orderly reset nightly-restart --reason 'the registry is back'
  orderly reset --clock --reason 'the host was restored from a snapshot'
  orderly status --output json | jq -r '.runbooks[] | select(.circuit) | .name'";

/// Resets.
pub(in crate::cli) async fn reset(arguments: Arguments, context: &Context) -> Answer {
    let body = json!({"reason": arguments.reason});
    let (address, said, done) = match &arguments.runbook {
        Some(name) => (
            Address::api(&["runbooks", name.as_str(), "reset"]),
            format!(
                "the circuit of {name} is closed; what it may do by itself is up to policy again"
            ),
            json!({"runbook": name}),
        ),
        None if arguments.clock => (
            Address::api(&["clock", "reset"]),
            "the clock is trusted again".to_owned(),
            json!({"clock": "trusted"}),
        ),
        None => return Err(CliError::Usage("name a runbook, or --clock".to_owned())),
    };
    context.client()?.post(&address, &body).await?;
    context.terminal.say(&said);
    if context.terminal.wants_json() {
        context.terminal.json(&done)?;
    }
    Ok(Exit::Done)
}
