//! `orderly status`.

use crate::{
    cli::{
        answers::{ApprovalView, Health},
        client::{Address, Client, Page, typed},
        commands::{approvals, artifacts::shown, sync},
        context::Context,
        exit::{Answer, CliError, Exit},
        rows,
        table::{Cell, Table},
        terminal::Style,
    },
    domain::{artifact::ArtifactState, run::RunOutcome, span::Span},
    history::{ArtifactRow, RunRow},
    ports::agent::{HaltView, RunbookState, RunbookView, SyncView, Upcoming, Weight},
};
use serde_json::{Value, json};

/// How many of each are shown.
const SHOWN: usize = 5;
/// How many runbooks are counted at most.
const MOST_RUNBOOKS: usize = 10_000;

/// What the agent tells, each as it came.
struct Told {
    health: Value,
    halt: Value,
    sync: Value,
    runbooks: Value,
    running: Value,
    approvals: Value,
    next: Value,
    failures: Value,
    unsound: Value,
    doubted: Value,
}

/// Shows how the agent is.
pub(in crate::cli) async fn status(context: &Context) -> Answer {
    let client = context.client()?;
    let told = ask(&client).await?;
    let health: Health = typed(told.health.clone())?;
    if context.terminal.wants_json() {
        context.terminal.json(&document(told))?;
    } else {
        let screen = screen(&told, &health, &client, context)?;
        context.terminal.data(&screen)?;
    }
    Ok(if health.works() {
        Exit::Done
    } else {
        Exit::Failed
    })
}

async fn ask(client: &Client) -> Result<Told, CliError> {
    let api = |part: &str| Address::api(&[part]);
    let mut running = client
        .get(&api("runs").with("status", Some("running")))
        .await?;
    let queued = client
        .get(&api("runs").with("status", Some("queued")))
        .await?;
    let waiting = client
        .get(&api("runs").with("status", Some("waiting")))
        .await?;
    for more in [waiting, queued] {
        if let (Some(all), Some(more)) = (
            running.get_mut("items").and_then(Value::as_array_mut),
            more.get("items").and_then(Value::as_array),
        ) {
            all.extend(more.iter().cloned());
        }
    }
    Ok(Told {
        health: client.get_health().await?,
        halt: client.get(&api("halt")).await?,
        sync: client.get(&api("sync")).await?,
        runbooks: client
            .get(&api("runbooks").with("limit", Some(MOST_RUNBOOKS)))
            .await?,
        running,
        approvals: client.get(&api("approvals")).await?,
        next: client.get(&api("next").with("limit", Some(SHOWN))).await?,
        failures: client
            .get(
                &api("runs")
                    .with("outcome", Some("failures"))
                    .with("limit", Some(SHOWN)),
            )
            .await?,
        unsound: artifacts(client, ArtifactState::Unsound).await?,
        doubted: artifacts(client, ArtifactState::Doubted).await?,
    })
}

async fn artifacts(client: &Client, state: ArtifactState) -> Result<Value, CliError> {
    let address = Address::api(&["artifacts"])
        .with("state", Some(state.as_str()))
        .with("limit", Some(SHOWN));
    client.get(&address).await
}

fn document(told: Told) -> Value {
    let items = |mut page: Value| page.get_mut("items").map(Value::take).unwrap_or_default();
    json!({
        "health": told.health,
        "halt": told.halt,
        "sync": told.sync,
        "runbooks": items(told.runbooks),
        "running": items(told.running),
        "approvals": items(told.approvals),
        "next": items(told.next),
        "failures": items(told.failures),
        "unsound": items(told.unsound),
        "doubted": items(told.doubted),
    })
}

fn screen(
    told: &Told,
    health: &Health,
    client: &Client,
    context: &Context,
) -> Result<String, CliError> {
    let runbooks: Page<RunbookView> = typed(told.runbooks.clone())?;
    let running: Page<RunRow> = typed(told.running.clone())?;
    let waiting: Page<ApprovalView> = typed(told.approvals.clone())?;
    let next: Page<Upcoming> = typed(told.next.clone())?;
    let failures: Page<RunRow> = typed(told.failures.clone())?;
    let unsound: Page<ArtifactRow> = typed(told.unsound.clone())?;
    let doubted: Page<ArtifactRow> = typed(told.doubted.clone())?;
    let at_fault = [unsound.items, doubted.items].concat();
    let view: SyncView = typed(told.sync.clone())?;
    let due = rows::upcoming(context.now(), &context.zone, &next.items);
    let parts = [
        ("", head(health, client)),
        ("Halted", halted(told)?),
        ("Dependencies", dependencies(health)),
        ("Source", sync::table(context, &view)),
        ("Runbooks", counts(&runbooks.items)),
        ("Under way", rows::runs(context, &running.items)),
        (
            "Waiting for people",
            approvals::table(context, &waiting.items),
        ),
        ("Due next", due),
        ("Failed last", rows::runs(context, &failures.items)),
        (
            "Artifacts not to be relied on",
            shown::list(context, &at_fault),
        ),
    ];
    let colour = context.terminal.colours_data();
    let shown = parts.iter().filter(|(_, table)| !table.is_empty());
    let texts: Vec<String> = shown
        .map(|(title, table)| match *title {
            "" => table.render(colour),
            title => format!(
                "{}\n{}",
                context.terminal.paint(Style::Strong, title),
                indented(&table.render(colour))
            ),
        })
        .collect();
    Ok(texts.join("\n"))
}

fn indented(text: &str) -> String {
    text.split_inclusive('\n')
        .flat_map(|line| ["  ", line])
        .collect()
}

fn head(health: &Health, client: &Client) -> Table {
    let style = match health.status.as_str() {
        "ok" => Style::Good,
        "degraded" => Style::Warn,
        _ => Style::Bad,
    };
    let mut table = Table::headless();
    table.row([
        Cell::styled(&health.status, style),
        format!(
            "orderly {} at {}, up for {}",
            health.version,
            client.server(),
            Span::from_secs(health.uptime_seconds)
        )
        .into(),
    ]);
    table
}

/// Nothing while effects may be.
fn halted(told: &Told) -> Result<Table, CliError> {
    let view: HaltView = typed(told.halt.clone())?;
    let mut table = Table::headless();
    if let Some(halt) = view.halted {
        table.row([
            Cell::styled(&format!("all effects are {halt}"), Style::Bad),
            Cell::faint("`orderly unhalt` lets them go"),
        ]);
    }
    for step in view.still {
        table.row([Cell::styled(&step, Style::Warn), "has not ended yet".into()]);
    }
    Ok(table)
}

/// Those that the agent cannot do without, and all that are not well. Tasks that are well say nothing.
fn dependencies(health: &Health) -> Table {
    let mut table = Table::headless();
    for one in health
        .dependencies
        .iter()
        .filter(|one| !one.ok || !one.name.starts_with("task/"))
    {
        let state = match (one.ok, one.weight) {
            (true, _) => Cell::styled("ok", Style::Good),
            (false, Weight::Degraded) => Cell::styled("degraded", Style::Warn),
            (false, Weight::Ready | Weight::Alive) => Cell::styled("failing", Style::Bad),
        };
        table.row([
            state,
            one.name.as_str().into(),
            Cell::faint(rows::first_line(&one.detail)),
        ]);
    }
    table
}

fn counts(runbooks: &[RunbookView]) -> Table {
    let in_state = |state| runbooks.iter().filter(|view| view.state == state).count();
    let ended = |wanted: fn(RunOutcome) -> bool| {
        runbooks
            .iter()
            .filter(|view| view.last_outcome.is_some_and(wanted))
            .count()
    };
    let mut table = Table::headless();
    let states = format!(
        "{} in use, {} invalid, {} suspended",
        runbooks
            .iter()
            .filter(|view| view.revision.is_some())
            .count(),
        in_state(RunbookState::Invalid),
        in_state(RunbookState::Suspended)
    );
    table.pair("state", states);
    let last = format!(
        "{} succeeded, {} with a warning, {} failed, {} never ran",
        ended(|outcome| outcome == RunOutcome::Succeeded),
        ended(|outcome| outcome == RunOutcome::Warning),
        ended(|outcome| !outcome.is_success()),
        runbooks
            .iter()
            .filter(|view| view.last_outcome.is_none())
            .count()
    );
    table.pair("last run", last);
    let broken = runbooks
        .iter()
        .filter_map(|view| Some((view, view.problem.as_deref()?)));
    let tripped = runbooks
        .iter()
        .filter_map(|view| Some((view, view.circuit.as_ref()?)));
    for (view, tripped) in tripped.take(SHOWN) {
        table.row([
            Cell::styled(view.name.as_str(), Style::Bad),
            format!(
                "its changes ask people: {tripped}; `orderly reset {}`",
                view.name
            )
            .into(),
        ]);
    }
    for (view, problem) in broken.take(SHOWN) {
        table.row([
            Cell::styled(view.name.as_str(), Style::Bad),
            rows::first_line(problem).into(),
        ]);
    }
    table
}
