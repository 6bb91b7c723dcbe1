//! `orderly reset`.

use crate::{
    cli::{
        client::Address,
        context::Context,
        exit::{Answer, Exit},
    },
    domain::name::RunbookName,
};
use serde_json::json;

/// Close a runbook's circuit: it acts by itself again
#[derive(Debug, clap::Args)]
#[command(long_about = LONG)]
pub(in crate::cli) struct Arguments {
    /// Which runbook
    runbook: RunbookName,
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

Exits with 4 where it is not open.

Example:
  orderly reset nightly-restart --reason 'the registry is back'
  orderly status --output json | jq -r '.runbooks[] | select(.circuit) | .name'";

/// Resets.
pub(in crate::cli) async fn reset(arguments: Arguments, context: &Context) -> Answer {
    let name = arguments.runbook.as_str();
    let body = json!({"reason": arguments.reason});
    context
        .client()?
        .post(&Address::api(&["runbooks", name, "reset"]), &body)
        .await?;
    context.terminal.say(&format!(
        "the circuit of {name} is closed; what it may do by itself is up to policy again"
    ));
    if context.terminal.wants_json() {
        context.terminal.json(&json!({"runbook": name}))?;
    }
    Ok(Exit::Done)
}
