//! The stage: everything that the stories need, under the test's control.

use super::runs::bob;
use crate::{
    domain::{
        active::{Active, ActiveSet, Origin},
        approval::{Person, Verdict},
        check::CheckStatus,
        effect::{Effect, Effects, Object, Reach, Verb},
        gate::Permit,
        id::{ApprovalId, Entropy, RunId},
        name::{ActionName, EnvironmentName, RunbookName, SecretName},
        plan::PlannedStep,
        policy::Policy,
        run::{RunOutcome, StepKey, StepReport},
        secret::SecretValue,
    },
    flow::{
        self,
        start::{self, NotStarted, Wish},
        world::{Launcher, Parts, Settings, World},
    },
    gate::review::NoReviewer,
    history::History,
    ports::{
        BoxFuture,
        agent::AgentError,
        clock::Clock,
        executor::{ApprovalWish, Executor, Intent, LogStream, Session, StepContext, StepLog},
        logs::{LogStore, Losses},
        secrets::{SecretError, Secrets},
    },
    telemetry::{Build, Events},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::watch;

/// A clock that tests turn.
#[derive(Debug)]
pub(super) struct ManualClock {
    wall: Mutex<Timestamp>,
    elapsed: watch::Sender<Duration>,
    ids: AtomicU64,
}

impl ManualClock {
    fn new(at: &str) -> Self {
        let (elapsed, _) = watch::channel(Duration::ZERO);
        Self {
            wall: Mutex::new(at.parse().unwrap()),
            elapsed,
            ids: AtomicU64::new(0),
        }
    }
    /// Both clocks go on.
    pub(super) fn advance(&self, by: Duration) {
        let mut wall = self.wall.lock().unwrap();
        *wall += SignedDuration::try_from(by).unwrap();
        drop(wall);
        self.elapsed.send_modify(|elapsed| *elapsed += by);
    }
    /// Only the clock on the wall is set.
    pub(super) fn jump(&self, by: SignedDuration) {
        *self.wall.lock().unwrap() += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.wall.lock().unwrap()
    }
    fn elapsed(&self) -> Duration {
        *self.elapsed.borrow()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        let mut elapsed = self.elapsed.subscribe();
        let until = (*elapsed.borrow()).saturating_add(duration);
        Box::pin(async move {
            let _ended = elapsed.wait_for(|elapsed| *elapsed >= until).await;
        })
    }
    fn entropy(&self) -> Entropy {
        let mut bytes = [0; 10];
        bytes[2..].copy_from_slice(&self.ids.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        bytes
    }
}

/// What a scripted step does. The action's name chooses it: `play/read`, `play/change`, `play/once`, `play/destroy`, `play/ask`.
/// Its arguments say the rest: `fail: n` fails the first n times, `refused: true` touches nothing as it fails, `impossible: why` cannot be planned, `rehearse: well` (or why not) can be tried in a dry run, `hang: true` waits to be stopped, `deaf: true` does not even stop, `check: warning`.
#[derive(Debug, Default)]
pub(super) struct Script {
    /// Steps that touched the world, in order.
    pub(super) touched: Mutex<Vec<String>>,
    /// How many things `play/destroy` would destroy now, beyond one.
    pub(super) more: AtomicU64,
    fails: Mutex<BTreeMap<String, u64>>,
    /// Why the next consented step is not what it was, once a test has said so.
    pub(super) changed: Mutex<Option<String>>,
}

impl Script {
    fn more(&self) -> u32 {
        u32::try_from(self.more.load(Ordering::SeqCst)).unwrap()
    }
    pub(super) fn touched(&self) -> Vec<String> {
        self.touched.lock().unwrap().clone()
    }
}

impl Executor for Script {
    fn intend<'a>(
        &'a self,
        action: &'a ActionName,
        arguments: &'a Value,
        _: &'a StepContext,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        if let Some(why) = arguments["impossible"].as_str() {
            return Box::pin(std::future::ready(Err(why.to_owned())));
        }
        let object = Object::agent("thing", "x");
        let effect = match action.as_str() {
            "play/change" | "play/once" => Effect::change(Verb::Patch, object, "put it back"),
            "play/destroy" => Effect {
                reach: Reach::Exactly(1 + self.more()),
                ..Effect::destructive(Verb::Delete, object)
            },
            _ => Effect::read(Verb::Read, object),
        };
        let wants_approval = (action.as_str() == "play/ask").then(|| ApprovalWish {
            people: u32::try_from(arguments["people"].as_u64().unwrap_or(1)).unwrap(),
            groups: Vec::new(),
            message: "may it go on?".to_owned(),
        });
        let idempotent = action.as_str() != "play/once";
        Box::pin(async move {
            Ok(Intent {
                effects: Effects::exact(vec![effect]),
                idempotent,
                wants_approval,
                pinned: crate::domain::pinned::Pinned::default(),
            })
        })
    }

    fn still<'a>(&'a self, _: &'a PlannedStep) -> BoxFuture<'a, Result<(), String>> {
        let changed = self.changed.lock().unwrap().take();
        Box::pin(async { changed.map_or(Ok(()), Err) })
    }

    fn rehearse<'a>(
        &'a self,
        step: &'a PlannedStep,
        session: Session,
    ) -> Option<BoxFuture<'a, StepReport>> {
        let how = step.arguments["rehearse"].as_str()?;
        assert!(session.context.dry_run, "only a dry run is rehearsed");
        let report = match how {
            "well" => StepReport::succeeded("would do it", json!({"n": 1})),
            why => StepReport::failed(why, false),
        };
        Some(Box::pin(std::future::ready(report)))
    }

    fn execute(&self, permit: Permit, session: Session) -> BoxFuture<'_, StepReport> {
        Box::pin(async move {
            let step = permit.step();
            let name = step.step.to_string();
            self.touched.lock().unwrap().push(name.clone());
            if step.arguments["hang"] == json!(true) {
                session.stop.cancelled().await;
                return StepReport::canceled("stopped");
            }
            if step.arguments["deaf"] == json!(true) {
                std::future::pending::<()>().await;
            }
            if let Some(status) = step.arguments["check"].as_str() {
                let status = CheckStatus::ALL
                    .into_iter()
                    .find(|known| known.as_str() == status)
                    .unwrap();
                return StepReport::checked(status, "looked", json!({}));
            }
            let mut fails = self.fails.lock().unwrap();
            let failed = fails.entry(name).or_default();
            if *failed < step.arguments["fail"].as_u64().unwrap_or(0) {
                *failed += 1;
                let failed = StepReport::failed("no luck", true);
                return if step.arguments["refused"] == true {
                    failed.untouched()
                } else {
                    failed
                };
            }
            StepReport::succeeded("done", json!({"n": 1}))
        })
    }
}

/// A disk that takes nothing, once a test has said so.
#[derive(Debug, Default, Clone)]
pub(super) struct Disk(Arc<Mutex<Losses>>);
impl Disk {
    pub(super) fn lose(&self, bytes: u64) {
        *self.0.lock().unwrap() = Losses {
            bytes,
            reason: Some("no space left".to_owned()),
        };
    }
}
impl StepLog for Disk {
    fn append(&self, _: LogStream, _: &[u8]) {}
    fn end(&self) -> Losses {
        self.0.lock().unwrap().clone()
    }
}
impl LogStore for Disk {
    fn open(&self, _: RunId, _: &StepKey, _: u32) -> Arc<dyn StepLog> {
        Arc::new(self.clone())
    }
    fn losses(&self) -> Losses {
        self.end()
    }
}

/// The secrets that a test configures; none at first.
#[derive(Debug, Default)]
pub(super) struct StageSecrets(Mutex<BTreeMap<SecretName, SecretValue>>);
impl StageSecrets {
    pub(super) fn configure(&self, name: &str, value: &str) {
        let name = SecretName::new(name).unwrap();
        let value = SecretValue::new(value.to_owned());
        self.0.lock().unwrap().insert(name, value);
    }
}
impl Secrets for StageSecrets {
    fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        let found = self.0.lock().unwrap().get(name).cloned();
        found.ok_or_else(|| SecretError::Unknown(name.clone()))
    }
    fn all_values(&self) -> Vec<SecretValue> {
        Vec::new()
    }
}

#[derive(Debug)]
struct Spawner;
impl Launcher for Spawner {
    #[expect(
        clippy::disallowed_methods,
        reason = "the stage's stand-in for the daemon's tasks"
    )]
    fn launch(&self, _: String, work: BoxFuture<'static, ()>) {
        tokio::spawn(work);
    }
}

/// The stage.
pub(super) struct Stage {
    pub(super) world: Arc<World>,
    pub(super) clock: Arc<ManualClock>,
    pub(super) script: Arc<Script>,
    pub(super) secrets: Arc<StageSecrets>,
    pub(super) disk: Disk,
}

impl Stage {
    /// A stage with these runbooks (YAML) in use, on a Saturday morning.
    pub(super) fn new(runbooks: &str) -> Self {
        Self::with_history(runbooks, History::temporary().unwrap())
    }

    pub(super) fn with_history(runbooks: &str, history: History) -> Self {
        let clock = Arc::new(ManualClock::new("2026-11-21T08:00:00Z"));
        let script = Arc::new(Script::default());
        let secrets = Arc::new(StageSecrets::default());
        let disk = Disk::default();
        let settings = Settings {
            environment: EnvironmentName::new("local").unwrap(),
            // Nothing here was brought by a commit; tests of first runs say so.
            policy: Policy {
                first_runs: 0,
                ..Policy::default()
            },
            webhooks: BTreeMap::new(),
            accounts: Vec::new(),
            audit_head: None,
        };
        let world = World::new(Parts {
            history,
            events: Events::new(Build {
                version: "0",
                revision: "",
            }),
            clock: clock.clone(),
            executor: script.clone(),
            reviewer: Arc::new(NoReviewer),
            logs: Arc::new(disk.clone()),
            secrets: secrets.clone(),
            launcher: Arc::new(Spawner),
            settings,
            concurrency: 8,
        });
        world.put_in_use(Arc::new(active(runbooks)));
        Self {
            world: Arc::new(world),
            clock,
            script,
            secrets,
            disk,
        }
    }

    /// The same stage under another policy.
    pub(super) fn under(self, change: impl FnOnce(&mut Policy)) -> Self {
        let mut settings = self.world.settings().as_ref().clone();
        change(&mut settings.policy);
        self.world.reconfigure(settings);
        self
    }

    /// Waits for a question, and somebody consents.
    pub(super) async fn consent(&self) {
        let id = self.question().await.request.id;
        let world = &self.world;
        flow::approve::vote(world, id, &bob(), Verdict::Approve, None, "")
            .await
            .unwrap();
    }

    /// Another set in use.
    pub(super) fn put(&self, runbooks: &str) {
        self.world.put_in_use(Arc::new(active(runbooks)));
    }

    /// The same runbooks, as somebody's.
    pub(super) fn put_by(&self, runbooks: &str, authors: &str) {
        let set = active(runbooks);
        let documents = set.documents().map(|document| {
            let origin = Origin {
                author: authors.into(),
                ..document.origin()
            };
            Active::new(document.document(), origin)
        });
        let set = ActiveSet::new(documents.collect::<Vec<_>>(), BTreeMap::new());
        self.world.put_in_use(Arc::new(set));
    }

    /// One series of the metrics; 0 where there is none.
    pub(super) fn metric(&self, series: &str) -> f64 {
        let text = self.world.events.render(self.world.now());
        let found = text.lines().find_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            (name == series).then(|| value.parse().unwrap())
        });
        found.unwrap_or_default()
    }

    /// A person starts it.
    pub(super) async fn start(&self, runbook: &str) -> Result<RunId, NotStarted> {
        let cause = crate::domain::run::Cause::Person {
            subject: "ann".to_owned(),
        };
        let wish = Wish::of(RunbookName::new(runbook).unwrap(), cause);
        start::start(&self.world, wish)
            .await
            .map(|header| header.id)
    }

    /// Waits until the run has ended and left, and says how.
    pub(super) async fn outcome(&self, run: RunId) -> RunOutcome {
        loop {
            let row = self.world.history.run(run).await.unwrap().unwrap();
            let is_live = self.world.live_runs(&row.header.runbook).contains(&run);
            if let (Some(outcome), false) = (row.outcome, is_live) {
                return outcome;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until a question is open, and gives it.
    pub(super) async fn question(&self) -> crate::history::ApprovalCase {
        loop {
            let filter = crate::history::ApprovalFilter {
                open_at: Some(self.world.now()),
                ..Default::default()
            };
            if let Some(case) = self
                .world
                .history
                .approvals(filter)
                .await
                .unwrap()
                .into_iter()
                .next()
            {
                return case;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// A person answers a question.
    pub(super) async fn vote(
        &self,
        id: ApprovalId,
        person: &Person,
        verdict: Verdict,
    ) -> Result<(), AgentError> {
        flow::approve::vote(&self.world, id, person, verdict, None, "").await
    }

    /// Waits until another question than this one is open, and gives it.
    pub(super) async fn question_after(&self, other: ApprovalId) -> crate::history::ApprovalCase {
        loop {
            let case = self.question().await;
            if case.request.id != other {
                return case;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Starts it and waits for its end.
    pub(super) async fn run(&self, runbook: &str) -> RunOutcome {
        let run = self.start(runbook).await.unwrap();
        self.outcome(run).await
    }
}

/// Waits until the condition holds.
pub(super) async fn until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// A set in use, from YAML.
pub(super) fn active(text: &str) -> ActiveSet {
    let loaded = crate::runbooks::load_file("test.yaml", text.as_bytes(), &AnyAction);
    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
    ActiveSet::of_documents(loaded.documents.into_iter().map(|located| located.value))
}

/// Every action with any arguments.
pub(super) struct AnyAction;
impl crate::ports::executor::ActionCatalogue for AnyAction {
    fn specs(&self) -> &[crate::ports::executor::ActionSpec] {
        static SPECS: std::sync::LazyLock<Vec<crate::ports::executor::ActionSpec>> =
            std::sync::LazyLock::new(|| {
                [
                    "play/ask",
                    "play/change",
                    "play/destroy",
                    "play/once",
                    "play/read",
                ]
                .map(|name| crate::ports::executor::ActionSpec {
                    name,
                    summary: "",
                    inputs: json!({"type": "object"}),
                    outputs: json!({"type": "object"}),
                })
                .into()
            });
        &SPECS
    }
    fn check_template(&self, _: &ActionName, _: &Value) -> Result<(), String> {
        Ok(())
    }
    fn check(&self, _: &ActionName, _: &Value) -> Result<(), String> {
        Ok(())
    }
}
