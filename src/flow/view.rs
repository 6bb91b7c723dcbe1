//! What is going on, as people see it.

use crate::{
    domain::{
        active::BrokenRunbook,
        id::ApprovalId,
        name::{RunbookName, StepName},
        occurrence::NotRun,
        span::Span,
    },
    flow::{
        FlowError,
        agent::TaskReport,
        approve::often,
        circuit, clock, needs, step,
        sync::Sync as SyncStory,
        trial,
        world::{Due, World, held, triggers_of},
    },
    history::{HistoryError, RunbookFacts},
    ports::agent::{
        AgentError, Asks, AsksAbout, Dependency, RunbookState, RunbookView, SyncView, Upcoming,
        Weight,
    },
    telemetry::{ClusterState, RunbookSeries},
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// The scheduler looks at the clock every second; this long without a look is stuck.
const STUCK: Duration = Duration::from_secs(15);

/// Runbooks whose facts are read one by one.
const FEW: usize = 50;

/// Every runbook in use, and every one that has no version which could be, by name.
///
/// # Errors
/// The history cannot be read.
pub async fn runbooks(world: &World) -> Result<Vec<RunbookView>, AgentError> {
    let facts = world
        .history
        .last_outcomes()
        .await
        .map_err(|error| AgentError::Unavailable(error.to_string()))?;
    let facts: BTreeMap<RunbookName, RunbookFacts> = facts
        .into_iter()
        .map(|facts| (facts.runbook.clone(), facts))
        .collect();
    let next = next_times(world);
    let now = world.now();
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let here = in_use
        .set
        .runbooks()
        .filter(|found| found.runbook.applies_in(&environment));
    let mut views: Vec<RunbookView> = here
        .map(|found| {
            let name = &found.runbook.name;
            // Two looks at the same lock: the first must have let go of it.
            let suspension = held(&world.suspensions).get(name).cloned();
            let suspension = suspension.filter(|_| world.suspended(name, now).is_some());
            let facts = facts.get(name);
            let upcoming = next.get(name);
            RunbookView {
                name: name.clone(),
                description: found.runbook.description.to_string(),
                owner: found.runbook.owner.to_string(),
                file: found.file.to_string(),
                revision: Some(found.revision.to_string()),
                state: state(found.problem.is_some(), suspension.is_some()),
                problem: found
                    .problem
                    .as_deref()
                    .map(str::to_owned)
                    .or_else(|| held(&world.lacks).get(name).cloned()),
                suspended_until: suspension.and_then(|suspension| suspension.until),
                circuit: circuit::open(world, name),
                triggers: found
                    .runbook
                    .triggers
                    .iter()
                    .map(crate::domain::runbook::Trigger::key)
                    .collect(),
                next: upcoming.map(|due| due.due),
                running: world.live_runs(name).first().copied(),
                last_outcome: facts.map(|facts| facts.last_outcome),
                last_ended: facts.map(|facts| facts.last_ended),
                last_success: facts.and_then(|facts| facts.last_success),
                expected_interval: upcoming
                    .and_then(|due| due.interval)
                    .map(|interval| interval.duration().as_secs()),
            }
        })
        .collect();
    let broken = in_use.set.broken().iter();
    views.extend(broken.map(|(name, broken)| never_good(world, name, broken, facts.get(name))));
    views.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(views)
}

/// A runbook of which nothing is known but that it is broken; which environments it is for is not known either.
fn never_good(
    world: &World,
    name: &RunbookName,
    broken: &BrokenRunbook,
    facts: Option<&RunbookFacts>,
) -> RunbookView {
    RunbookView {
        name: name.clone(),
        description: String::new(),
        owner: String::new(),
        file: broken.file.to_string(),
        revision: None,
        state: RunbookState::Invalid,
        problem: Some(broken.problem.to_string()),
        suspended_until: None,
        circuit: circuit::open(world, name),
        triggers: Vec::new(),
        next: None,
        running: None,
        last_outcome: facts.map(|facts| facts.last_outcome),
        last_ended: facts.map(|facts| facts.last_ended),
        last_success: facts.and_then(|facts| facts.last_success),
        expected_interval: None,
    }
}

fn state(invalid: bool, suspended: bool) -> RunbookState {
    match (invalid, suspended) {
        (true, _) => RunbookState::Invalid,
        (false, true) => RunbookState::Suspended,
        (false, false) => RunbookState::Active,
    }
}

/// The soonest due time of each runbook, and the shortest of its triggers' intervals.
fn next_times(world: &World) -> BTreeMap<RunbookName, Due> {
    let mut next: BTreeMap<RunbookName, Due> = BTreeMap::new();
    for ((runbook, _), due) in held(&world.upcoming).iter() {
        let soonest = next.entry(runbook.clone()).or_insert(*due);
        let interval = soonest.interval.into_iter().chain(due.interval).min();
        *soonest = Due {
            interval,
            ..(*soonest).min(*due)
        };
    }
    next
}

/// The soonest due time of a runbook, and the shortest of its triggers' intervals.
pub(super) fn next_time(world: &World, runbook: &RunbookName) -> Option<Due> {
    let upcoming = held(&world.upcoming);
    let all = || triggers_of(&upcoming, runbook).map(|(_, due)| *due);
    let interval = all().filter_map(|due| due.interval).min();
    all().min().map(|due| Due { interval, ..due })
}

/// Gives the metrics these runbooks, with what the history knows of each.
///
/// # Errors
/// The history cannot be read.
pub(super) async fn tell_runbooks(
    world: &World,
    changed: &BTreeSet<RunbookName>,
) -> Result<(), FlowError> {
    let facts = facts(world, changed).await;
    let facts =
        facts.map_err(|error| FlowError::unreadable("reading the outcomes of runs", &error))?;
    let now = world.now();
    let in_use = world.in_use();
    let environment = world.settings().environment.clone();
    let (mut here, mut gone) = (Vec::new(), Vec::new());
    for name in changed {
        let found = in_use.set.runbook(name);
        match found.filter(|found| found.runbook.applies_in(&environment)) {
            Some(found) => {
                let is_invalid = found.problem.is_some();
                here.push(series(world, name, facts.get(name), is_invalid, now));
            }
            None => gone.push(name.clone()),
        }
    }
    world.events.runbooks_changed(&here, &gone, now);
    Ok(())
}

fn series(
    world: &World,
    name: &RunbookName,
    facts: Option<&RunbookFacts>,
    invalid: bool,
    now: Timestamp,
) -> RunbookSeries {
    let due = next_time(world, name);
    RunbookSeries {
        name: name.clone(),
        last_run: facts.map(|facts| facts.last_ended),
        last_success: facts.and_then(|facts| facts.last_success),
        last_outcome: facts.map(|facts| facts.last_outcome),
        next_run: due.map(|due| due.due),
        expected_interval: due.and_then(|due| due.interval).map(Span::duration),
        suspended: world.suspended(name, now).is_some(),
        circuit_open: circuit::open(world, name).is_some(),
        invalid,
    }
}

/// Of a few, each is asked for; of many, all at once.
async fn facts(
    world: &World,
    wanted: &BTreeSet<RunbookName>,
) -> Result<BTreeMap<RunbookName, RunbookFacts>, HistoryError> {
    let all = if wanted.len() > FEW {
        world.history.last_outcomes().await?
    } else {
        let mut some = Vec::new();
        for name in wanted {
            some.extend(world.history.last_outcome(name.clone()).await?);
        }
        some
    };
    let by_name = all.into_iter().map(|facts| (facts.runbook.clone(), facts));
    Ok(by_name.collect())
}

/// What is due next, soonest first.
pub fn upcoming(world: &World, runbook: Option<&RunbookName>, limit: usize) -> Vec<Upcoming> {
    let now = world.now();
    let mut all: Vec<Upcoming> = held(&world.upcoming)
        .iter()
        .filter(|((name, _), _)| runbook.is_none_or(|wanted| wanted == name))
        .map(|((name, trigger), due)| Upcoming {
            runbook: name.clone(),
            trigger: trigger.to_string(),
            nominal: due.nominal,
            due: due.due,
            blocked: None,
            note: None,
            asks: None,
        })
        .collect();
    all.sort_by(|one, other| {
        (one.due, &one.runbook, &one.trigger).cmp(&(other.due, &other.runbook, &other.trigger))
    });
    all.truncate(limit);
    for item in &mut all {
        item.blocked = blocked(world, item, now);
        item.note = note(world, &item.runbook);
        item.asks = asks(world, item);
    }
    all
}

/// Tells where the next run will be among the first of its definition, unless something graver is told already.
///
/// # Errors
/// The history cannot be read.
pub(super) async fn note_trials(world: &World, due: &mut [Upcoming]) -> Result<(), AgentError> {
    let mut known: BTreeMap<RunbookName, Option<String>> = BTreeMap::new();
    for one in due.iter_mut().filter(|one| one.note.is_none()) {
        if !known.contains_key(&one.runbook) {
            let found = trial::ahead(world, &one.runbook).await;
            let found = found.map_err(|error| AgentError::Unavailable(error.to_string()))?;
            let note = found.map(|trial| format!("its changes ask people: {trial}"));
            known.insert(one.runbook.clone(), note);
        }
        one.note = known.get(&one.runbook).cloned().flatten();
    }
    Ok(())
}

fn note(world: &World, runbook: &RunbookName) -> Option<String> {
    if let Some(halt) = world.brake.halted() {
        return Some(format!("its changes are denied: {halt}"));
    }
    let tripped = circuit::open(world, runbook)?;
    Some(format!("its changes ask people: {tripped}"))
}

fn asks(world: &World, item: &Upcoming) -> Option<Asks> {
    let key = (item.runbook.clone(), item.trigger.as_str().into());
    let ahead = held(&world.ahead);
    let asked = ahead.get(&key).filter(|it| it.nominal == item.nominal)?;
    let about = |(step, approval): &(StepName, ApprovalId)| AsksAbout {
        step: step.clone(),
        approval: *approval,
        standing: None,
    };
    Some(Asks {
        from: asked.from,
        questions: asked.questions.iter().map(about).collect(),
    })
}

fn blocked(world: &World, item: &Upcoming, now: Timestamp) -> Option<NotRun> {
    use crate::domain::calendar::WindowState;
    let in_use = world.in_use();
    let found = in_use.set.runbook(&item.runbook)?;
    if world.suspended(&item.runbook, item.due.max(now)).is_some() {
        return Some(NotRun::Suspended);
    }
    match step::window(world, &found.runbook.windows, item.due) {
        WindowState::Closed { .. } => Some(NotRun::Window),
        WindowState::Open { .. } => None,
    }
}

/// Where following the source stands, with what the configuration lacks for it.
pub fn sync(world: &World, sync: &SyncStory) -> SyncView {
    let mut view = sync.view();
    view.problems.extend(needs::problems(world));
    view
}

/// Everything that the agent depends on.
pub fn dependencies(world: &World, sync: &SyncStory, tasks: &dyn TaskReport) -> Vec<Dependency> {
    let mut all = vec![
        history(world),
        output(world),
        scheduler(world),
        source(sync),
        reviewer(world),
    ];
    all.extend(halted(world));
    all.extend(clock_in_doubt(world));
    all.extend(asked_often(world));
    all.extend(clusters_away(world));
    all.extend(tasks.tasks());
    all
}

fn history(world: &World) -> Dependency {
    let health = world.history.health();
    let detail = health
        .failing
        .clone()
        .unwrap_or_else(|| format!("{} batches wait", health.waiting));
    Dependency {
        name: "history".to_owned(),
        ok: health.failing.is_none(),
        weight: Weight::Ready,
        detail,
    }
}

/// Only while it is so: an agent that is not halted need not say it.
fn halted(world: &World) -> Option<Dependency> {
    let halt = world.brake.halted()?;
    Some(Dependency {
        name: "effects".to_owned(),
        ok: false,
        weight: Weight::Degraded,
        detail: format!("{halt}; `orderly unhalt` lets them go"),
    })
}

/// Only while it is so.
pub(super) fn clock_in_doubt(world: &World) -> Option<Dependency> {
    let jump = clock::doubt(world)?;
    Some(Dependency {
        name: "clock".to_owned(),
        ok: false,
        weight: Weight::Degraded,
        detail: format!(
            "{jump}; what destroys asks people, and nothing missed is made up for, until `orderly reset --clock`"
        ),
    })
}

/// Only while it is so: who is asked all day consents without reading.
pub(super) fn asked_often(world: &World) -> Option<Dependency> {
    let asked = often::of_a_day(world);
    (asked > often::MANY).then(|| Dependency {
        name: "approvals".to_owned(),
        ok: false,
        weight: Weight::Degraded,
        detail: format!(
            "people were asked {asked} times in the last 24 hours; more than {} are hardly read: see which runbooks ask, and why",
            often::MANY
        ),
    })
}

/// Only while it is so: steps on it fail or wait, all else goes on.
pub(super) fn clusters_away(world: &World) -> Vec<Dependency> {
    let in_vain = world.events.clusters_in_vain().into_iter();
    in_vain
        .map(|(cluster, state)| Dependency {
            name: format!("cluster {cluster}"),
            ok: false,
            weight: Weight::Degraded,
            detail: match state {
                ClusterState::Unusable(_) => {
                    "it cannot be reached as it is configured; the agent's log says why"
                }
                ClusterState::Up | ClusterState::Away => {
                    "its API server did not answer the last request"
                }
            }
            .to_owned(),
        })
        .collect()
}

pub(super) fn output(world: &World) -> Dependency {
    let losses = world.logs.losses();
    let detail = match (&losses.reason, losses.bytes) {
        (None, 0) => "all output of steps is kept".to_owned(),
        (None, bytes) => format!("{bytes} bytes of output were lost since the start"),
        (Some(reason), bytes) => format!("{bytes} bytes of output are lost: {reason}"),
    };
    Dependency {
        name: "output".to_owned(),
        ok: losses.reason.is_none(),
        weight: Weight::Degraded,
        detail,
    }
}

fn scheduler(world: &World) -> Dependency {
    let silent = world
        .clock
        .elapsed()
        .saturating_sub(*held(&world.scheduler_alive));
    Dependency {
        name: "scheduler".to_owned(),
        ok: silent < STUCK,
        weight: Weight::Alive,
        detail: format!("looked at the clock {:.1} s ago", silent.as_secs_f64()),
    }
}

fn source(sync: &SyncStory) -> Dependency {
    let view = sync.view();
    let revision = view
        .applied
        .as_deref()
        .and_then(|revision| revision.get(..12))
        .unwrap_or("none")
        .to_owned();
    let detail = match (&view.error, &view.held) {
        (Some(error), _) => error.clone(),
        (None, Some(held)) => {
            format!(
                "revision {} would delete {} runbooks and waits for a person",
                held.revision,
                held.runbooks.len()
            )
        }
        (None, None) => format!("revision {revision}, {} runbooks", view.runbooks),
    };
    let ok = view.error.is_none() && view.held.is_none();
    // Without any revision there is nothing to do; with one, a source that is away is only a pity.
    let weight = if view.applied.is_none() {
        Weight::Ready
    } else {
        Weight::Degraded
    };
    Dependency {
        name: "source".to_owned(),
        ok,
        weight,
        detail,
    }
}

fn reviewer(world: &World) -> Dependency {
    Dependency {
        name: "reviewer".to_owned(),
        ok: world.reviewer.is_well(),
        weight: Weight::Degraded,
        detail: world.reviewer.describe(),
    }
}
