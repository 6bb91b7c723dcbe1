//! `orderly approve` and `orderly deny`.

use crate::{
    cli::{
        answers::{ApprovalView, You},
        client::{Address, typed},
        commands::approvals::{fetch, whole},
        context::Context,
        exit::{Answer, CliError, Exit},
        ids, rows,
    },
    domain::{
        approval::{Standing, Verdict},
        digest::Digest,
    },
};
use serde_json::json;

/// Consent to exactly one step, after looking at it
#[derive(Debug, clap::Args)]
#[command(long_about = APPROVE)]
pub(in crate::cli) struct Approve {
    /// The approval, by its id or a part of it
    approval: String,
    /// Why; kept in the audit log
    #[arg(
        long,
        short = 'm',
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    comment: String,
    /// Consent only if this is the digest of the step
    #[arg(long, value_name = "SHA256")]
    digest: Option<Digest>,
    /// Do not ask back
    #[arg(long, short)]
    yes: bool,
}

const APPROVE: &str = "\
Consent to exactly one step, after looking at it. The step is shown as it will be carried out, and consent is bound to its digest: should \
the step change meanwhile, nothing is approved. Nobody consents to a run that they started or a commit that they wrote, unless the \
configuration allows it.

Asks back on a terminal; without one, --yes is needed. Prints what came of the answer. Exits with 1 where it was not answered, with 2 \
where nobody can be asked back, and with 4 where the question is closed or another's to answer.

Example:
  orderly approve 1a2b3c4d
  orderly approve 1a2b3c4d --yes --comment 'as agreed in OPS-123'";

/// Say no to a step; one no is enough
#[derive(Debug, clap::Args)]
#[command(long_about = DENY)]
pub(in crate::cli) struct Deny {
    /// The approval, by its id or a part of it
    approval: String,
    /// Why; kept in the audit log
    #[arg(
        long,
        short = 'm',
        default_value = "",
        hide_default_value = true,
        value_name = "TEXT"
    )]
    comment: String,
    /// Say no only if this is the digest of the step
    #[arg(long, value_name = "SHA256")]
    digest: Option<Digest>,
    /// As for `orderly approve`; a no is never asked back
    #[arg(long, short)]
    yes: bool,
}

const DENY: &str = "\
Say no to a step. One no is enough: the step does not run, and its run ends as denied. Whoever started the run may do so, too. It is never \
asked back, because a no does no harm: --yes is taken so that both answers can be given with the same flags.

Prints what came of the answer. Exits with 4 where the question is closed already.

Example:
  orderly deny 1a2b3c4d --comment 'not on a Friday'
  orderly deny 1a2b3c4d --yes --comment 'no answer from the vendor'";

/// Shows the step, asks back, and consents.
pub(in crate::cli) async fn approve(arguments: Approve, context: &Context) -> Answer {
    let client = context.client()?;
    let view: ApprovalView = typed(fetch(&arguments.approval, &client).await?)?;
    if !matches!(view.standing, Standing::Pending { .. }) {
        return Err(CliError::Refused(format!(
            "approval {} is {} already",
            ids::short(&view.id),
            view.standing.as_str()
        )));
    }
    if view.you == You::MayRefuse {
        return Err(CliError::Refused(format!(
            "you may not consent to this step: you started its run or wrote its change\nhint: somebody else must answer; you may say no with `orderly deny {}`",
            ids::short(&view.id)
        )));
    }
    check_digest(arguments.digest, &view)?;
    context.terminal.say_table(&whole(context, &view));
    if !arguments.yes {
        if !context.terminal.can_ask() {
            return Err(CliError::Usage(
                "nobody is at a terminal to answer\nhint: --yes consents without asking back"
                    .to_owned(),
            ));
        }
        if !context.terminal.ask("Shall this be done?")? {
            context
                .terminal
                .say("nothing was answered; `orderly deny` says no");
            return Ok(Exit::Failed);
        }
    }
    vote(&view, Verdict::Approve, &arguments.comment, context).await
}

/// The step is the one that the person means.
fn check_digest(wanted: Option<Digest>, view: &ApprovalView) -> Result<(), CliError> {
    if wanted.is_none_or(|wanted| wanted == view.digest) {
        return Ok(());
    }
    Err(CliError::Refused(format!(
        "the step has another digest: {}\nhint: `orderly approvals show {}` shows it",
        view.digest,
        ids::short(&view.id)
    )))
}

/// Says no.
pub(in crate::cli) async fn deny(arguments: Deny, context: &Context) -> Answer {
    let Deny {
        approval,
        comment,
        digest,
        yes: _never_asked_back,
    } = arguments;
    let client = context.client()?;
    let view: ApprovalView = typed(fetch(&approval, &client).await?)?;
    check_digest(digest, &view)?;
    vote(&view, Verdict::Deny, &comment, context).await
}

/// Answers for exactly the step that was shown.
async fn vote(view: &ApprovalView, verdict: Verdict, comment: &str, context: &Context) -> Answer {
    let address = Address::api(&["approvals", &view.id.to_string(), "vote"]);
    let body = json!({"verdict": verdict, "digest": view.digest, "comment": comment});
    let answer = context.client()?.post(&address, &body).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let after: ApprovalView = typed(answer)?;
    let told = match after.standing {
        Standing::Pending { missing } => format!("answered; {missing} more must consent"),
        Standing::Approved { .. } => match &after.ahead {
            Some(ahead) if ahead.due > context.now() => {
                let due = rows::when(context, ahead.due);
                format!("approved; the step may start at its time, {due}")
            }
            Some(_) | None => {
                "approved; the step starts now, unless something has changed".to_owned()
            }
        },
        Standing::Redeemed => "approved; the step has started".to_owned(),
        Standing::Denied { .. } => "denied; the step does not run".to_owned(),
        other @ (Standing::Expired | Standing::Withdrawn | Standing::Cancelled { .. }) => {
            format!("answered, but the question is {}", other.as_str())
        }
    };
    context
        .terminal
        .line(&format!("{} of {}: {told}", view.step, view.runbook))?;
    Ok(Exit::Done)
}
