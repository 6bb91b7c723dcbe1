//! A wish for a run → claimed, recorded, launched.

use crate::{
    domain::{
        active::ActiveRunbook,
        approval::Person,
        audit::Entry,
        calendar::WindowState,
        id::RunId,
        inputs,
        name::RunbookName,
        occurrence::{NotRun, Occurrence, Skipped},
        run::{Cause, RunHeader, RunOutcome, RunState},
        runbook::{AfterOutcome, Overlap, Runbook, Trigger},
    },
    flow::{
        FlowError,
        run::{self, enter, leave},
        step,
        world::World,
    },
    history::{Refused, Write, WriteError},
    ports::agent::AgentError,
};
use jiff::Timestamp;
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc};

/// A wish for a run.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Which runbook.
    pub runbook: RunbookName,
    /// What starts it.
    pub cause: Cause,
    /// Its inputs, as given.
    pub inputs: BTreeMap<String, Value>,
    /// Only show what would be done.
    pub dry_run: bool,
    /// Who wants it although a window is closed.
    pub window_override: Option<String>,
    /// Given twice, the same key starts one run.
    pub idempotency_key: Option<String>,
    /// The id that people were asked about ahead, if they were.
    pub run: Option<RunId>,
}

impl Wish {
    /// A wish with nothing but its cause.
    pub fn of(runbook: RunbookName, cause: Cause) -> Self {
        Self {
            runbook,
            cause,
            inputs: BTreeMap::new(),
            dry_run: false,
            window_override: None,
            idempotency_key: None,
            run: None,
        }
    }
}

/// Why nothing started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotStarted {
    /// For one of the reasons that an occurrence may have.
    Because(NotRun, String),
    /// There is no such runbook here.
    Unknown(String),
    /// The inputs do not fit.
    Inputs(String),
    /// It was started before: the same occurrence or the same key.
    Before,
    /// The history cannot be written, or the agent is being stopped.
    Unavailable(FlowError),
}

impl From<NotStarted> for AgentError {
    fn from(why: NotStarted) -> Self {
        match why {
            NotStarted::Because(NotRun::Window, detail) => Self::Conflict(format!(
                "the window is closed: {detail}\nhint: `orderly run --override-window`, or `override_window` over HTTP, starts it all the same, and the audit log says who did"
            )),
            NotStarted::Because(reason, detail) => {
                Self::Conflict(format!("{}: {detail}", reason.as_str()))
            }
            NotStarted::Unknown(what) => Self::NotFound(what),
            NotStarted::Inputs(what) => Self::Invalid(what),
            NotStarted::Before => Self::Conflict("it was started before".to_owned()),
            NotStarted::Unavailable(error) => error.into(),
        }
    }
}

/// What a person is told whose run did not start, once it is recorded that they wanted it.
pub async fn told(
    world: &World,
    runbook: &RunbookName,
    by: &Person,
    why: NotStarted,
) -> AgentError {
    let error = AgentError::from(why);
    let resource = format!("runbook/{runbook}");
    let entry =
        Entry::new(world.now(), &by.subject, "run.refused", resource).failed(error.to_string());
    let wished = vec![Write::Audit(entry)];
    match world.write("a wish that was refused", wished).await {
        // Where the history was the reason, why it does not take this either is no news.
        Err(unrecorded) if !matches!(error, AgentError::Unavailable(_)) => unrecorded.into(),
        Ok(()) | Err(_) => error,
    }
}

/// A line of the audit log about a run.
pub fn audit(at: Timestamp, header: &RunHeader, action: &str, detail: &str) -> Entry {
    Entry::of_run(at, header, action, detail)
}

/// Claims and records the run, then launches it. When this returns `Ok`, the run is on disk.
///
/// # Errors
/// Why nothing started; the caller records that where it must be recorded.
pub async fn start(world: &Arc<World>, wish: Wish) -> Result<RunHeader, NotStarted> {
    let admitted = admit(world, &wish)?;
    begin(world, wish, admitted).await
}

/// The same for a runbook that stands in no repository.
///
/// # Errors
/// Why nothing started.
pub(super) async fn start_given(
    world: &Arc<World>,
    wish: Wish,
    found: ActiveRunbook,
) -> Result<RunHeader, NotStarted> {
    let admitted = admit_found(world, &wish, found)?;
    begin(world, wish, admitted).await
}

async fn begin(
    world: &Arc<World>,
    wish: Wish,
    (header, found): (RunHeader, ActiveRunbook),
) -> Result<RunHeader, NotStarted> {
    let runbook = found.runbook.clone();
    overlap(world, &header, &runbook)?;
    let mut journey = enter(world, header.clone(), runbook.clone(), RunState::default());
    let writes = writes(&header, &runbook, wish.idempotency_key);
    if let Err(error) = run::make(&mut journey, writes).await {
        leave(&journey);
        return Err(refused(world, &error));
    }
    launch(world, journey);
    Ok(header)
}

fn refused(world: &World, error: &WriteError) -> NotStarted {
    match error {
        WriteError::Refused(Refused::OccurrenceTaken { .. } | Refused::KeyTaken { .. }) => {
            NotStarted::Before
        }
        WriteError::Refused(_) | WriteError::Failed(_) => {
            NotStarted::Unavailable(world.write_failed("a new run", error))
        }
    }
}

fn admit(world: &World, wish: &Wish) -> Result<(RunHeader, ActiveRunbook), NotStarted> {
    let in_use = world.in_use();
    let found = in_use.set.runbook(&wish.runbook);
    let unknown = || {
        NotStarted::Unknown(format!(
            "runbook {}{}",
            wish.runbook,
            in_use.set.hint(&wish.runbook)
        ))
    };
    admit_found(world, wish, found.ok_or_else(unknown)?.clone())
}

fn admit_found(
    world: &World,
    wish: &Wish,
    found: ActiveRunbook,
) -> Result<(RunHeader, ActiveRunbook), NotStarted> {
    if world.draining.is_cancelled() {
        return Err(NotStarted::Unavailable(FlowError::Stopping));
    }
    let settings = world.settings();
    if !found.runbook.applies_in(&settings.environment) {
        let why = format!(
            "runbook {} in environment {}",
            wish.runbook, settings.environment
        );
        return Err(NotStarted::Unknown(why));
    }
    let header = header(world, &found, wish)?;
    let now = world.now();
    if let (WindowState::Closed { reason, .. }, None) = (
        step::window(world, &found.runbook.windows, now),
        &wish.window_override,
    ) {
        return Err(NotStarted::Because(NotRun::Window, reason));
    }
    Ok((header, found))
}

/// What is fixed about the run that such a wish starts, or why its inputs do not fit.
pub(super) fn header(
    world: &World,
    found: &ActiveRunbook,
    wish: &Wish,
) -> Result<RunHeader, NotStarted> {
    let inputs =
        inputs::complete(&found.runbook.inputs, &wish.inputs).map_err(NotStarted::Inputs)?;
    Ok(RunHeader {
        id: wish.run.unwrap_or_else(|| world.run_id()),
        runbook: wish.runbook.clone(),
        revision: found.revision.to_string(),
        author: found.author.to_string(),
        definition: found.definition(),
        cause: wish.cause.clone(),
        inputs,
        created_at: world.now(),
        dry_run: wish.dry_run,
        window_override: wish.window_override.clone(),
    })
}

fn overlap(world: &World, header: &RunHeader, runbook: &Runbook) -> Result<(), NotStarted> {
    let live = world.live_runs(&header.runbook);
    if let Some(why) = in_the_way(&live, runbook) {
        return Err(NotStarted::Because(NotRun::Overlap, why));
    }
    if runbook.overlap == Overlap::Replace {
        for run in live {
            world.cancel(run, "schedule", &format!("replaced by run {}", header.id));
        }
    }
    Ok(())
}

/// Whether runs that are going on now would keep another one of this runbook from starting.
pub(super) fn is_in_the_way(world: &World, runbook: &Runbook) -> bool {
    in_the_way(&world.live_runs(&runbook.name), runbook).is_some()
}

/// Why these runs, which are going on, keep another one from starting.
fn in_the_way(live: &[RunId], runbook: &Runbook) -> Option<String> {
    let first = live.first()?;
    match runbook.overlap {
        Overlap::Allow | Overlap::Replace => None,
        Overlap::Queue => (live.len() >= 2).then(|| "one run is going on and one waits".to_owned()),
        Overlap::Forbid => Some(format!("run {first} is still going on")),
    }
}

/// Everything that makes the run exist.
fn writes(header: &RunHeader, runbook: &Arc<Runbook>, key: Option<String>) -> Vec<Write> {
    let mut writes = Vec::new();
    if let Some(occurrence) = header.cause.occurrence() {
        writes.push(Write::Occurrence(occurrence.clone(), header.id));
    }
    writes.push(Write::Definition {
        digest: header.definition,
        runbook: runbook.clone(),
    });
    writes.push(Write::Run(header.clone()));
    if let Some(key) = key {
        writes.push(Write::Idempotency {
            key,
            run: header.id,
            at: header.created_at,
        });
    }
    let created = audit(header.created_at, header, "run.created", "")
        .and("revision", &header.revision)
        .and("author", &header.author)
        .and("definition", header.definition)
        .and("inputs", &header.inputs)
        .and("dryRun", header.dry_run)
        .and("windowOverride", &header.window_override);
    writes.push(Write::Audit(created));
    writes
}

/// Lets it go.
pub fn launch(world: &Arc<World>, journey: run::Journey) {
    let name = format!("run {} of {}", journey.header.id, journey.header.runbook);
    world.launcher.launch(
        name,
        Box::pin(async move {
            // What went wrong is told where it happened; the recorded state says how to go on.
            let _ended = run::perform(journey).await;
        }),
    );
}

/// A run that another run's end starts, or the reason why not.
#[derive(Debug)]
pub enum Follower {
    /// It starts.
    Starts(Box<RunHeader>, Arc<Runbook>),
    /// It does not.
    Skipped(Skipped),
}

impl Follower {
    /// What is recorded of it, in the transaction that records the end it follows.
    pub fn writes(&self) -> Vec<Write> {
        match self {
            Self::Starts(header, runbook) => writes(header, runbook, None),
            Self::Skipped(skipped) => vec![Write::Skipped(skipped.clone())],
        }
    }
}

/// The runs that this end starts.
pub fn followers(
    world: &World,
    ended: &RunHeader,
    outcome: RunOutcome,
    now: Timestamp,
) -> Vec<Follower> {
    if ended.dry_run {
        return Vec::new();
    }
    let in_use = world.in_use();
    let mut followers = Vec::new();
    for (runbook, trigger) in in_use.set.after(&ended.runbook) {
        let Trigger::After { on, .. } = &trigger else {
            continue;
        };
        if fits(*on, outcome) {
            let occurrence = Occurrence {
                runbook,
                trigger: trigger.key(),
                nominal: now,
            };
            followers.push(follower(world, ended, occurrence, now));
        }
    }
    followers
}

fn fits(on: AfterOutcome, outcome: RunOutcome) -> bool {
    match on {
        AfterOutcome::Success => outcome.is_success(),
        AfterOutcome::Failure => !outcome.is_success(),
        AfterOutcome::Any => true,
    }
}

fn follower(world: &World, ended: &RunHeader, occurrence: Occurrence, now: Timestamp) -> Follower {
    let cause = Cause::After {
        run: ended.id,
        occurrence: occurrence.clone(),
    };
    let wish = Wish::of(occurrence.runbook.clone(), cause);
    let admitted = match world.suspended(&occurrence.runbook, now) {
        Some(detail) => Err(NotStarted::Because(NotRun::Suspended, detail)),
        None => admit(world, &wish),
    };
    let started = admitted.and_then(|(header, found)| {
        overlap(world, &header, &found.runbook)?;
        Ok((header, found.runbook))
    });
    match started {
        Ok((header, runbook)) => Follower::Starts(Box::new(header), runbook),
        Err(why) => Follower::Skipped(skipped(occurrence, &why, now)),
    }
}

/// The record of an occurrence that did not run.
pub fn skipped(occurrence: Occurrence, why: &NotStarted, at: Timestamp) -> Skipped {
    let (reason, detail) = match why {
        NotStarted::Because(reason, detail) => (*reason, detail.clone()),
        NotStarted::Unknown(what) => (NotRun::Invalid, format!("there is no {what}")),
        NotStarted::Inputs(what) => (NotRun::Invalid, what.clone()),
        NotStarted::Before => (NotRun::Invalid, "it was started before".to_owned()),
        NotStarted::Unavailable(error) => (NotRun::MissedDown, error.to_string()),
    };
    Skipped {
        last_nominal: occurrence.nominal,
        occurrence,
        reason,
        detail,
        at,
    }
}

/// Lets a recorded follower go.
pub fn launch_follower(world: &Arc<World>, follower: Follower) {
    match follower {
        Follower::Starts(header, runbook) => {
            let journey = enter(world, *header, runbook, RunState::default());
            launch(world, journey);
        }
        Follower::Skipped(skipped) => world.events.occurrence_skipped(&skipped),
    }
}
