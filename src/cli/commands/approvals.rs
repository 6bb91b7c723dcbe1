//! `orderly approvals`.

use crate::{
    cli::{
        answers::ApprovalView,
        client::{Address, Client, Page, typed},
        context::Context,
        exit::{Answer, Exit},
        ids, rows,
        table::{Cell, Table},
        terminal::Style,
        values::how_many,
    },
    domain::{
        approval::{Standing, Verdict},
        effect::{Class, Confidence},
        id::ApprovalId,
        span::Span,
    },
    http::visible::shortened,
};
use serde_json::{Value, json};

/// So many characters are shown in a list of what is asked, what it does, and why people are asked.
const LONGEST_PART: usize = 70;

/// List what waits for people; show one question whole
#[derive(Debug, clap::Args)]
#[command(long_about = LONG, args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Arguments {
    /// Answered and expired ones too
    #[arg(long)]
    all: bool,
    /// At most so many, up to 1000
    #[arg(long, short = 'n', default_value_t = 50, value_name = "NUMBER", value_parser = how_many())]
    limit: u64,
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Show the whole step that people are asked about
    #[command(long_about = SHOW)]
    Show {
        /// The approval, by its id or a part of it
        approval: String,
    },
    /// Take a question back: the step does not run
    #[command(long_about = CANCEL)]
    Cancel {
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
        reason: String,
    },
}

const CANCEL: &str = "\
Take a question back, answered or not, as long as the consent is not used. The step does not run, and its run ends as denied; the history \
says that it was cancelled, and by whom, not that anybody said no. Asked ahead of a due time, that one does not run.

Says what came of it. Exits with 4 where the question is closed already. `orderly runs cancel RUN` stops a whole run instead.

Example:
  orderly approvals cancel 1a2b3c4d --reason 'the vendor does it today'";

const LONG: &str = "\
List what waits for people, newest first; show one question whole. Each line has the approval's id, the runbook and its step, how grave \
the step is, until when people may answer, and what is asked: the command, what it does, and why people are asked.

Example:
  orderly approvals
  orderly approvals show 1a2b3c4d
  orderly approve 1a2b3c4d
  orderly approvals --output json | jq -r '.items[] | [.id, .brief] | @tsv'";

const SHOW: &str = "\
Show one question whole: what the step would do and how surely that is known, why people are asked, who may not consent, who has answered, \
and the step itself as it will be carried out. What would hide on a screen is made visible.

Example:
  orderly approvals show 1a2b3c4d
  orderly approvals show 1a2b3c4d --output json | jq .planned.arguments";

/// Lists or shows.
pub(in crate::cli) async fn approvals(arguments: Arguments, context: &Context) -> Answer {
    let client = context.client()?;
    match arguments.what {
        Some(What::Show { approval }) => show(&approval, &client, context).await,
        Some(What::Cancel { approval, reason }) => {
            cancel(&approval, &reason, &client, context).await
        }
        None => list(&arguments, &client, context).await,
    }
}

async fn list(arguments: &Arguments, client: &Client, context: &Context) -> Answer {
    let state = if arguments.all { "all" } else { "open" };
    let address = Address::api(&["approvals"])
        .with("state", Some(state))
        .with("limit", Some(arguments.limit));
    let answer = client.get(&address).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let page: Page<ApprovalView> = typed(answer)?;
    context
        .terminal
        .table(&table(context, &page.items), "nothing waits for people")?;
    Ok(Exit::Done)
}

/// Questions, one a line.
pub(in crate::cli) fn table(context: &Context, views: &[ApprovalView]) -> Table {
    let mut table = Table::new(&[
        "APPROVAL",
        "RUNBOOK",
        "STEP",
        "CLASS",
        "STATE",
        "ANSWER BY",
        "ASKED",
    ]);
    for view in views {
        let by = match view.standing {
            Standing::Pending { .. } => context.told(view.approve_by),
            Standing::Approved { .. }
            | Standing::Denied { .. }
            | Standing::Expired
            | Standing::Withdrawn
            | Standing::Cancelled { .. }
            | Standing::Redeemed => String::new(),
        };
        table.row([
            ids::short(&view.id).into(),
            view.runbook.as_str().into(),
            rows::step(view.phase, &view.step).into(),
            Cell::styled(view.class.as_str(), style_of_class(view.class)),
            Cell::styled(view.standing.as_str(), style_of(&view.standing)),
            by.into(),
            asked(view).into(),
        ]);
    }
    table
}

/// What is asked, in one line: what would be carried out, what that does, and why people are asked.
fn asked(view: &ApprovalView) -> String {
    let cut = |text: &str| shortened(text, LONGEST_PART);
    format!(
        "{}: {}; {}",
        cut(&view.brief),
        cut(&view.effects.join(", ")),
        cut(&view.because.join("; "))
    )
}

fn style_of_class(class: Class) -> Style {
    match class {
        Class::Read => Style::Plain,
        Class::Change => Style::Warn,
        Class::Destructive => Style::Bad,
    }
}

fn style_of(standing: &Standing) -> Style {
    match standing {
        Standing::Pending { .. } => Style::Warn,
        Standing::Approved { .. } => Style::Good,
        Standing::Denied { .. } => Style::Bad,
        Standing::Expired
        | Standing::Withdrawn
        | Standing::Cancelled { .. }
        | Standing::Redeemed => Style::Faint,
    }
}

async fn cancel(text: &str, reason: &str, client: &Client, context: &Context) -> Answer {
    let id: ApprovalId = ids::approval(client, text).await?;
    let address = Address::api(&["approvals", &id.to_string(), "cancel"]);
    let answer = client.post(&address, &json!({"reason": reason})).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let view: ApprovalView = typed(answer)?;
    let told = format!(
        "{} of {}: cancelled; the step does not run",
        view.step, view.runbook
    );
    context.terminal.line(&told)?;
    Ok(Exit::Done)
}

async fn show(text: &str, client: &Client, context: &Context) -> Answer {
    let answer = fetch(text, client).await?;
    if context.terminal.wants_json() {
        context.terminal.json(&answer)?;
        return Ok(Exit::Done);
    }
    let view: ApprovalView = typed(answer)?;
    context.terminal.table(&whole(context, &view), "")?;
    Ok(Exit::Done)
}

/// One question, as the agent tells it.
pub(in crate::cli) async fn fetch(
    text: &str,
    client: &Client,
) -> Result<Value, crate::cli::exit::CliError> {
    let id: ApprovalId = ids::approval(client, text).await?;
    client
        .get(&Address::api(&["approvals", &id.to_string()]))
        .await
}

/// A question whole: what would be done comes first.
pub(in crate::cli) fn whole(context: &Context, view: &ApprovalView) -> Table {
    let mut table = Table::headless();
    table.pairs("would", view.effects.iter().map(String::as_str));
    table.pair(
        "class",
        Cell::styled(view.class.as_str(), style_of_class(view.class)),
    );
    table.pair("known", known(view.confidence));
    table.pairs("not surer because", view.reasons.iter().map(String::as_str));
    table.pairs("asked because", view.because.iter().map(String::as_str));
    table.pair("state", standing(context, view));
    table.pair("asked", rows::when(context, view.asked_at));
    if let Some(ahead) = &view.ahead {
        let occurrence = &ahead.occurrence;
        let nominal = rows::when(context, occurrence.nominal);
        table.pair(
            "asked ahead of",
            format!("{nominal} ({})", occurrence.trigger),
        );
    }
    if !view.again.is_empty() {
        table.pair("asked again because", view.again.as_str());
    }
    let (answer_by, use_by) = ends(context, view);
    table.pair("answer by", answer_by.unwrap_or_default());
    table.pair("to be used", use_by.unwrap_or_default());
    table.pair("wanted", wanted(view));
    table.pair(
        "may not answer",
        view.excluded.iter().cloned().collect::<Vec<_>>().join(", "),
    );
    table.pairs("answers", votes(context, view));
    table.pair("runbook", view.runbook.as_str());
    table.pair("revision", rows::revision(&view.revision));
    table.pair("run", view.run.to_string());
    table.pair("step", step(view));
    table.pair("uses", view.uses.as_str());
    table.pairs("with", view.with.iter().map(String::as_str));
    table.pairs("taken from", view.from.iter().map(String::as_str));
    table.pair("timeout", text_of(view, "timeout"));
    table.pair("digest", view.digest.to_string());
    table.pair("approval", view.id.to_string());
    table
}

fn known(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::Exact => "exactly: this and nothing else",
        Confidence::Bounded => "within bounds: this, on at most these things",
        Confidence::Opaque => "not fully: at least this, perhaps more",
    }
}

fn standing(context: &Context, view: &ApprovalView) -> Cell {
    let text = match &view.standing {
        Standing::Pending { missing } => format!("pending, {missing} more wanted"),
        Standing::Approved { until } => {
            format!("approved, must start until {}", rows::when(context, *until))
        }
        Standing::Denied { by } => format!("denied by {by}"),
        Standing::Cancelled { by } => format!("cancelled by {by}{}", because(view)),
        Standing::Withdrawn => format!("withdrawn{}", because(view)),
        other @ (Standing::Expired | Standing::Redeemed) => other.as_str().to_owned(),
    };
    Cell::styled(&text, style_of(&view.standing))
}

fn because(view: &ApprovalView) -> String {
    if view.reason.is_empty() {
        return String::new();
    }
    format!(": {}", view.reason)
}

/// Both ends of a consent: until when it can be given, and until when it can be used. Of a question that has ended, neither counts.
fn ends(context: &Context, view: &ApprovalView) -> (Option<String>, Option<String>) {
    let within = Span::from_secs(view.execute_within_secs);
    let use_by = match &view.ahead {
        Some(ahead) => format!(
            "within {within} of its time, {}",
            rows::when(context, ahead.due)
        ),
        None => format!("within {within} of the last consent"),
    };
    let answer_by = rows::when(context, view.approve_by);
    match view.standing {
        Standing::Pending { .. } => (Some(answer_by), Some(use_by)),
        Standing::Approved { .. } => (None, Some(use_by)),
        Standing::Denied { .. }
        | Standing::Expired
        | Standing::Withdrawn
        | Standing::Cancelled { .. }
        | Standing::Redeemed => (None, None),
    }
}

fn wanted(view: &ApprovalView) -> String {
    let people = match view.quorum.people {
        1 => "1 person".to_owned(),
        many => format!("{many} people"),
    };
    if view.quorum.groups.is_empty() {
        return people;
    }
    let groups: Vec<_> = view.quorum.groups.iter().cloned().collect();
    format!("{people}, among them one of each: {}", groups.join(", "))
}

fn votes(context: &Context, view: &ApprovalView) -> Vec<String> {
    let word = |verdict| match verdict {
        Verdict::Approve => "approve",
        Verdict::Deny => "deny",
    };
    view.votes
        .iter()
        .map(|vote| {
            let comment = if vote.comment.is_empty() {
                String::new()
            } else {
                format!(": {}", vote.comment)
            };
            let before = vote.consented_before.map(|at| {
                let at = context.told(at);
                format!("; had consented {at}")
            });
            format!(
                "{} {}{comment} ({}{})",
                vote.person.subject,
                word(vote.verdict),
                context.told(vote.at),
                before.unwrap_or_default()
            )
        })
        .collect()
}

fn step(view: &ApprovalView) -> String {
    let name = rows::step(view.phase, &view.step);
    if view.attempt > 1 {
        format!("{name}, attempt {}", view.attempt)
    } else {
        name
    }
}

fn text_of(view: &ApprovalView, field: &str) -> String {
    view.planned
        .get(field)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned()
}
