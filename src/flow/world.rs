//! What the stories need: the outside world behind ports, the history, and what is going on right now.

use crate::{
    domain::{
        active::ActiveSet,
        circuit::Circuit,
        gate::Quorum,
        id::{ApprovalId, RunId},
        jump::Jump,
        lock::LockWait,
        name::{EnvironmentName, RunbookName, StepName},
        pace::Lately,
        policy::Policy,
        span::Span,
    },
    flow::{FlowError, clock::ClockWatch, halt::Brake, needs},
    gate::review::Reviewer,
    history::{History, Write, WriteError},
    ports::{BoxFuture, clock::Clock, executor::Executor, logs::LogStore, secrets::Secrets},
    telemetry::Events,
};
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, atomic::AtomicUsize},
};
use tokio::sync::{Notify, OnceCell, Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// Starts what goes on by itself. The daemon's task list stands behind it, so that shutdown waits for everything.
pub trait Launcher: Send + Sync {
    /// Starts it under this name.
    fn launch(&self, name: String, work: BoxFuture<'static, ()>);
}

/// What the configuration says to the stories. A reload replaces it whole.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where this agent runs.
    pub environment: EnvironmentName,
    /// The agent's own policy, before the repository tightens it.
    pub policy: Policy,
    /// For webhooks: which secret signs which.
    pub webhooks: BTreeMap<String, crate::domain::name::SecretName>,
    /// For accounts of single runbooks in clusters: which cluster, which runbook.
    pub accounts: Vec<(String, RunbookName)>,
    /// The file that the end of the audit log is told to.
    pub audit_head: Option<std::path::PathBuf>,
}

/// The set of runbooks in use, with what is derived from it once.
#[derive(Debug)]
pub struct InUse {
    /// The set.
    pub set: Arc<ActiveSet>,
    /// The policy in force: the agent's own, tightened by the repository.
    pub policy: Arc<Policy>,
}

/// Why a runbook's triggers are stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspension {
    /// Until then; for good where none is named.
    pub until: Option<Timestamp>,
    /// Who did it.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// One trigger's next due time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Due {
    /// With spread.
    pub due: Timestamp,
    /// By the calendar.
    pub nominal: Timestamp,
    /// How far apart the times are around it.
    pub interval: Option<Span>,
}

/// What people are asked ahead of a trigger's next due time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedAhead {
    /// Which.
    pub nominal: Timestamp,
    /// When they are asked.
    pub from: Timestamp,
    /// What they were asked.
    pub questions: Vec<(StepName, ApprovalId)>,
}

/// What a live run can be told.
#[derive(Debug, Clone)]
pub struct Control {
    /// Who wants it stopped, and why; set once.
    pub cancel: watch::Sender<Option<(String, String)>>,
    /// Its place in the order of runs of its runbook.
    pub ticket: u64,
}

/// What a world is made of.
pub struct Parts {
    /// The record of everything.
    pub history: History,
    /// Logs and metrics.
    pub events: Events,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// Hands.
    pub executor: Arc<dyn Executor>,
    /// The AI reviewer's place.
    pub reviewer: Arc<dyn Reviewer>,
    /// Where output of steps goes.
    pub logs: Arc<dyn LogStore>,
    /// Secret values by name.
    pub secrets: Arc<dyn Secrets>,
    /// Starts what goes on by itself.
    pub launcher: Arc<dyn Launcher>,
    /// What the configuration says.
    pub settings: Settings,
    /// How many runs may work at a time.
    pub concurrency: usize,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").finish_non_exhaustive()
    }
}

/// What the stories need.
pub struct World {
    /// The record of everything.
    pub history: History,
    /// Logs and metrics.
    pub events: Events,
    /// Time and randomness.
    pub clock: Arc<dyn Clock>,
    /// Hands.
    pub executor: Arc<dyn Executor>,
    /// The AI reviewer's place.
    pub reviewer: Arc<dyn Reviewer>,
    /// Where output of steps goes.
    pub logs: Arc<dyn LogStore>,
    /// Secret values by name.
    pub secrets: Arc<dyn Secrets>,
    /// Starts what goes on by itself.
    pub launcher: Arc<dyn Launcher>,
    /// What the configuration says.
    pub settings: RwLock<Arc<Settings>>,
    /// The runbooks in use.
    pub in_use: RwLock<Arc<InUse>>,
    /// Turns to work; a run that waits for people, a lock or a retry holds none.
    pub slots: Semaphore,
    /// Runs that are going on, by runbook.
    pub live: Mutex<BTreeMap<RunbookName, BTreeMap<RunId, Control>>>,
    /// Where the agent's own HTTP is reached from this host, once it listens.
    pub address: OnceLock<String>,
    /// When people were asked, of late; oldest first.
    pub asked: Mutex<VecDeque<Timestamp>>,
    /// How many live runs wait for people.
    pub waiting: AtomicUsize,
    /// Whether a person has stopped all effects, and what would have to stop.
    pub brake: Brake,
    /// Runbooks that failed lately, or whose circuit is open.
    pub circuits: Mutex<BTreeMap<RunbookName, Circuit>>,
    /// Held by whoever changes a circuit, here and in the history.
    pub tripping: tokio::sync::Mutex<()>,
    /// Runbooks whose triggers are stopped.
    pub suspensions: Mutex<BTreeMap<RunbookName, Suspension>>,
    /// What was done lately; read from the history at first use.
    pub(crate) lately: OnceCell<Mutex<Lately>>,
    /// Held by whoever changes a suspension, here and in the history.
    pub suspending: tokio::sync::Mutex<()>,
    /// Runbooks in use that need what the configuration does not have, each with its problem.
    pub lacks: Mutex<BTreeMap<RunbookName, String>>,
    /// What is due next, as the scheduler last left it.
    pub upcoming: Mutex<BTreeMap<(RunbookName, Arc<str>), Due>>,
    /// What people are asked ahead of it, as the scheduler last left it.
    pub ahead: Mutex<BTreeMap<(RunbookName, Arc<str>), AskedAhead>>,
    /// Runbooks that other sets have changed since the scheduler last took one over.
    pub changed: Mutex<BTreeSet<RunbookName>>,
    /// Runs that wait for a lock, each with the run that holds it.
    pub lock_queues: Mutex<BTreeMap<RunId, RunId>>,
    /// What such runs wait for, as people are told.
    pub lock_waits: Mutex<BTreeMap<RunId, LockWait>>,
    /// Whether the clock on the wall goes as it should.
    pub clock_watch: Mutex<ClockWatch>,
    /// Its last jump, where nobody has looked into it yet.
    pub jumped: Mutex<Option<Jump>>,
    /// Whose turn it is to look at it.
    pub clock_turn: tokio::sync::Mutex<()>,
    /// When the scheduler last looked at the clock that never jumps.
    pub scheduler_alive: Mutex<std::time::Duration>,
    /// Fires when a live run ended.
    pub run_ended: Notify,
    /// Told when the history has come to know an artifact.
    pub known_artifact: Notify,
    /// Fires when a lock was given back.
    pub unlocked: Notify,
    /// Fires when an approval was answered, or what it stands on has changed.
    pub answered: Notify,
    /// Fires when the scheduler should look again: another set, a suspension, a resume.
    pub reschedule: Notify,
    /// No new run starts after this.
    pub draining: CancellationToken,
    /// Running steps must stop now.
    pub stopping: CancellationToken,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").finish_non_exhaustive()
    }
}

/// A mutex whose content stays valid even if a holder panicked: every change here is one assignment.
pub(crate) fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a map by trigger holds of one runbook.
pub(crate) fn triggers_of<'a, T>(
    map: &'a BTreeMap<(RunbookName, Arc<str>), T>,
    runbook: &'a RunbookName,
) -> impl Iterator<Item = (&'a (RunbookName, Arc<str>), &'a T)> {
    map.range((runbook.clone(), Arc::from(""))..)
        .take_while(move |(key, _)| key.0 == *runbook)
}

impl World {
    /// With no runbooks in use, and nothing going on.
    pub fn new(parts: Parts) -> Self {
        let set = Arc::default();
        let policy = Arc::new(effective_policy(&parts.settings, &set));
        Self {
            history: parts.history,
            events: parts.events,
            executor: parts.executor,
            reviewer: parts.reviewer,
            logs: parts.logs,
            secrets: parts.secrets,
            launcher: parts.launcher,
            settings: RwLock::new(Arc::new(parts.settings)),
            in_use: RwLock::new(Arc::new(InUse { set, policy })),
            slots: Semaphore::new(parts.concurrency),
            live: Mutex::default(),
            address: OnceLock::new(),
            asked: Mutex::default(),
            waiting: AtomicUsize::default(),
            brake: Brake::default(),
            circuits: Mutex::default(),
            tripping: tokio::sync::Mutex::default(),
            suspensions: Mutex::default(),
            lately: OnceCell::new(),
            suspending: tokio::sync::Mutex::default(),
            lacks: Mutex::default(),
            upcoming: Mutex::default(),
            ahead: Mutex::default(),
            changed: Mutex::default(),
            lock_queues: Mutex::default(),
            lock_waits: Mutex::default(),
            clock_watch: Mutex::default(),
            jumped: Mutex::default(),
            clock_turn: tokio::sync::Mutex::default(),
            scheduler_alive: Mutex::new(parts.clock.elapsed()),
            run_ended: Notify::new(),
            known_artifact: Notify::new(),
            unlocked: Notify::new(),
            answered: Notify::new(),
            reschedule: Notify::new(),
            draining: CancellationToken::new(),
            stopping: CancellationToken::new(),
            clock: parts.clock,
        }
    }

    /// The clock on the wall, to the millisecond, as the history keeps it.
    pub fn now(&self) -> Timestamp {
        crate::history::stored(self.clock.now())
    }

    /// What the configuration says now.
    pub fn settings(&self) -> Arc<Settings> {
        self.settings
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The runbooks in use now.
    pub fn in_use(&self) -> Arc<InUse> {
        self.in_use
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Puts another set in use, and derives the policy anew.
    pub fn put_in_use(&self, set: Arc<ActiveSet>) {
        let before = self.in_use();
        let changed = before.set.differing_runbooks(&set).into_iter();
        let changed = changed.filter_map(|(before, now)| now.or(before));
        let changed = changed.map(|found| found.runbook.name.clone()).collect();
        self.put(set);
        needs::look(self, &changed);
        held(&self.changed).extend(changed);
        self.reschedule.notify_one();
    }

    /// Puts other settings in use, and derives the policy anew.
    pub fn reconfigure(&self, settings: Settings) {
        *self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(settings);
        let set = self.in_use().set.clone();
        let all = set.runbooks().map(|found| found.runbook.name.clone());
        let all = all.collect();
        self.put(set);
        needs::look(self, &all);
    }

    fn put(&self, set: Arc<ActiveSet>) {
        let policy = Arc::new(effective_policy(&self.settings(), &set));
        let next = Arc::new(InUse { set, policy });
        *self.in_use.write().unwrap_or_else(PoisonError::into_inner) = next;
        self.answered.notify_waiters();
    }

    /// Records, or says that it could not: then nothing more is touched.
    pub async fn write(&self, doing: &str, writes: Vec<Write>) -> Result<(), FlowError> {
        self.history
            .write(writes)
            .await
            .map_err(|error| self.write_failed(doing, &error))
    }

    /// Tells and wraps a failed write.
    pub fn write_failed(&self, doing: &str, error: &WriteError) -> FlowError {
        self.events.history_commit_failed(doing, &error.to_string());
        FlowError::not_recorded(doing, error)
    }

    /// A new id for a run.
    pub fn run_id(&self) -> RunId {
        RunId::new(self.now(), self.clock.entropy())
    }

    /// A new id for an approval.
    pub fn approval_id(&self) -> ApprovalId {
        ApprovalId::new(self.now(), self.clock.entropy())
    }

    /// Ids of the runs of this runbook that are going on, oldest first.
    pub fn live_runs(&self, runbook: &RunbookName) -> Vec<RunId> {
        held(&self.live)
            .get(runbook)
            .map(|runs| runs.keys().copied().collect())
            .unwrap_or_default()
    }

    /// Why this runbook's triggers are stopped now, in words for people.
    pub fn suspended(&self, runbook: &RunbookName, now: Timestamp) -> Option<String> {
        let suspensions = held(&self.suspensions);
        let found = suspensions
            .get(runbook)
            .filter(|found| found.until.is_none_or(|until| now < until))?;
        let until = found
            .until
            .map(|until| format!(" until {until}"))
            .unwrap_or_default();
        let reason = if found.reason.is_empty() {
            String::new()
        } else {
            format!(": {}", found.reason)
        };
        Some(format!("suspended by {}{until}{reason}", found.by))
    }

    /// How many runs are going on.
    pub fn live_count(&self) -> usize {
        held(&self.live).values().map(BTreeMap::len).sum()
    }

    /// Tells a live run to stop. False where it is not live.
    pub fn cancel(&self, run: RunId, by: &str, reason: &str) -> bool {
        let live = held(&self.live);
        let control = live.values().find_map(|runs| runs.get(&run));
        let wish = Some((by.to_owned(), reason.to_owned()));
        control.is_some_and(|control| control.cancel.send(wish).is_ok())
    }
}

/// The agent's own policy, tightened by the repository's policies and by its environment.
pub fn effective_policy(settings: &Settings, set: &ActiveSet) -> Policy {
    let mut policy = settings.policy.clone();
    for tightening in set.policies() {
        policy = policy.tightened(tightening);
    }
    if let Some(environment) = set.environment(&settings.environment) {
        policy = policy.lowered(environment.autonomy);
        policy
            .protected_namespaces
            .extend(environment.protected_namespaces.iter().cloned());
    }
    policy
}

/// A quorum as an action wishes it.
pub(crate) fn quorum(people: u32, groups: &[String]) -> Quorum {
    Quorum {
        people: people.max(1),
        groups: groups.iter().cloned().collect::<BTreeSet<_>>(),
    }
}
