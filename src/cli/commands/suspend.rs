//! `orderly suspend` and `orderly resume`.

use crate::{
    cli::{
        client::Address,
        context::Context,
        exit::{Answer, CliError, Exit},
        rows, times,
    },
    domain::{name::RunbookName, span::Span},
};
use serde_json::json;

/// Stop a runbook's triggers for a while
#[derive(Debug, clap::Args)]
#[command(long_about = SUSPEND)]
pub(in crate::cli) struct Suspend {
    /// Which runbook
    runbook: RunbookName,
    /// Until then: `2026-05-01T08:00:00Z`, or `2026-05-01 08:00` on the clock of this place
    #[arg(long, value_name = "TIME", conflicts_with = "lasting")]
    until: Option<String>,
    /// For so long: `2h`, `1d12h`
    #[arg(long = "for", id = "lasting", value_name = "LENGTH")]
    lasting: Option<Span>,
    /// Why; kept in the audit log
    #[arg(
        long,
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    reason: String,
}

const SUSPEND: &str = "\
Stop a runbook's triggers: until a time, for a length of time, or until `orderly resume`. What is due meanwhile is recorded as not run, \
and nothing of it is made up for afterwards. People can still start it.

Says until when. Exits with 4 where there is no such runbook, or the time is past.

Example:
  orderly suspend nightly-backup --for 2h --reason 'storage is being moved'
  orderly suspend nightly-backup --until '2026-05-01 08:00'";

/// Let a suspended runbook's triggers count again
#[derive(Debug, clap::Args)]
#[command(long_about = RESUME)]
pub(in crate::cli) struct Resume {
    /// Which runbook
    runbook: RunbookName,
}

const RESUME: &str = "\
Let a suspended runbook's triggers count again, from now on; what was due meanwhile does not run.

Exits with 4 where it is not suspended.

Example:
  orderly resume nightly-backup";

/// Suspends.
pub(in crate::cli) async fn suspend(arguments: Suspend, context: &Context) -> Answer {
    let now = context.now();
    let until = match (&arguments.until, arguments.lasting) {
        (Some(text), _) => Some(times::parse_time(text, &context.zone).map_err(CliError::Usage)?),
        (None, Some(span)) => now.checked_add(span.signed()).ok(),
        (None, None) => None,
    };
    let name = arguments.runbook.as_str();
    let mut body = json!({"reason": arguments.reason});
    // A length of time counts from the agent's own clock.
    if let Some(span) = arguments.lasting {
        body["for"] = json!(span);
    } else if let Some(until) = until {
        body["until"] = json!(until);
    }
    context
        .client()?
        .post(&Address::api(&["runbooks", name, "suspend"]), &body)
        .await?;
    let end = match until {
        Some(until) => format!("until {}", rows::when_from(until, now, context)),
        None => format!("until `orderly resume {name}`"),
    };
    context.terminal.say(&format!("{name} is suspended {end}"));
    if context.terminal.wants_json() {
        context
            .terminal
            .json(&json!({"runbook": name, "until": until}))?;
    }
    Ok(Exit::Done)
}

/// Ends a suspension.
pub(in crate::cli) async fn resume(arguments: Resume, context: &Context) -> Answer {
    let name = arguments.runbook.as_str();
    context
        .client()?
        .post(&Address::api(&["runbooks", name, "resume"]), &json!({}))
        .await?;
    context.terminal.say(&format!("{name} is resumed"));
    if context.terminal.wants_json() {
        context.terminal.json(&json!({"runbook": name}))?;
    }
    Ok(Exit::Done)
}
