//! A place in which an agent rotates, is cut off, and comes back.

use crate::{
    daemon::harness::until,
    steps::{Run, rotations, world},
};
use orderly::{
    actions::framework::World,
    adapters::{network::HostNetwork, process::HostProcesses, secrets::ConfiguredSecrets},
    domain::{
        id::RotationId,
        name::CredentialName,
        rotation::{Credential, CredentialState, Event},
        run::{StepReport, StepResult},
    },
    history::{History, HistoryError, Options},
    ports::{
        BoxFuture,
        ledger::{Known, Ledger, LedgerError, Record},
        secrets::Issued,
    },
};
use serde_json::Value;
use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};
use tempfile::TempDir;
use tokio::sync::Notify;

/// Where the agent is killed: before or after it has written its record of this number. Whatever a stage does is done between the record
/// of its beginning and that of its end, so these are all boundaries there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Never,
    Before(usize),
    After(usize),
    /// It lives on, but this record cannot be written.
    Fails(usize),
}

/// The record, which stops the agent there for good.
#[derive(Debug)]
struct Cutting {
    ledger: Arc<dyn Ledger>,
    cut: Cut,
    count: AtomicUsize,
    reached: Arc<Notify>,
    events: Arc<Mutex<Vec<Event>>>,
}

impl Ledger for Cutting {
    fn look<'a>(&'a self, name: &'a CredentialName) -> BoxFuture<'a, Result<Known, LedgerError>> {
        self.ledger.look(name)
    }
    fn has_heard_of<'a>(
        &'a self,
        name: &'a CredentialName,
        rotation: RotationId,
    ) -> BoxFuture<'a, Result<bool, LedgerError>> {
        self.ledger.has_heard_of(name, rotation)
    }
    fn record(&self, record: Record) -> BoxFuture<'_, Result<(), LedgerError>> {
        Box::pin(async move {
            let number = self.count.fetch_add(1, Ordering::SeqCst);
            if self.cut == Cut::Before(number) {
                return self.die().await;
            }
            if self.cut == Cut::Fails(number) {
                return Err(LedgerError {
                    doing: "recording".to_owned(),
                    reason: "the disk is full".to_owned(),
                });
            }
            self.events.lock().unwrap().push(record.event.clone());
            self.ledger.record(record).await?;
            if self.cut == Cut::After(number) {
                return self.die().await;
            }
            Ok(())
        })
    }
    fn note(&self, credential: Credential) -> BoxFuture<'_, Result<(), LedgerError>> {
        self.ledger.note(credential)
    }
}

impl Cutting {
    async fn die<T>(&self) -> T {
        self.reached.notify_one();
        std::future::pending().await
    }
}

/// A folder with the agent's state and what it looks after.
pub(super) struct Place {
    folder: TempDir,
    /// Every record that agents here have made.
    pub(super) events: Arc<Mutex<Vec<Event>>>,
    /// Everything that was hidden.
    pub(super) issued: Mutex<Vec<String>>,
    change: Box<dyn Fn(World) -> World>,
}

impl Place {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("app")).unwrap();
        fs::create_dir(folder.path().join("state")).unwrap();
        Self {
            folder,
            events: Arc::default(),
            issued: Mutex::default(),
            change: Box::new(|world| world),
        }
    }

    /// With another world.
    pub(super) fn with(self, change: impl Fn(World) -> World + 'static) -> Self {
        Self {
            change: Box::new(change),
            ..self
        }
    }

    /// A file that the agent looks after.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("app").join(name)
    }
    pub(super) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }
    pub(super) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }
    pub(super) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A program that another test starts at this moment holds what this process has open until it runs: the lock of the one before, too.
    pub(super) fn history(&self) -> History {
        let open = || {
            History::open(Options {
                path: self.state().join("history.db"),
                key: b"key".to_vec(),
            })
        };
        until("the history is nobody's", || match open() {
            Err(HistoryError::InUse { .. }) => None,
            opened => Some(opened.unwrap()),
        })
    }

    /// An agent, from its start to its end, that carries out this step. Nothing where it was killed.
    pub(super) async fn agent(&self, uses: &str, arguments: Value, cut: Cut) -> Option<StepReport> {
        let issued: Arc<Issued> = Arc::default();
        let reached = Arc::new(Notify::new());
        let state = self.state();
        let mut rotations = rotations(&state, self.history(), issued.clone());
        rotations.ledger = Arc::new(Cutting {
            ledger: rotations.ledger,
            cut,
            count: AtomicUsize::new(0),
            reached: reached.clone(),
            events: self.events.clone(),
        });
        let world = (self.change)(World {
            processes: Arc::new(HostProcesses::open(state.join("work")).unwrap()),
            network: Arc::new(HostNetwork::new()),
            secrets: Arc::new(ConfiguredSecrets::default().hiding(issued.clone())),
            rotations,
            ..world(&state)
        });
        let run = Run::new(world);
        let report = tokio::select! {
            report = run.step(uses, arguments) => Some(report),
            () = reached.notified() => None,
        };
        let all = issued.all();
        let values = all.iter().map(|value| value.expose().to_owned());
        self.issued.lock().unwrap().extend(values);
        self.tells_no_value(&run.heard());
        if let Some(report) = &report {
            self.tells_no_value(&serde_json::to_string(report).unwrap());
        }
        report
    }

    fn tells_no_value(&self, text: &str) {
        for value in self.issued.lock().unwrap().iter() {
            assert!(!text.contains(value.as_str()), "`{value}` is told: {text}");
        }
    }

    pub(super) fn tells_nothing_of(&self, value: &str) {
        assert!(
            self.issued
                .lock()
                .unwrap()
                .iter()
                .any(|known| known == value)
        );
        self.holds_no_value_but_in("rotations");
    }

    /// What lies in the vault, and that nobody else can read it.
    pub(super) fn kept(&self) -> usize {
        let kept: Vec<PathBuf> = files(&self.state().join("rotations"));
        for path in &kept {
            let mode = fs::metadata(path).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        }
        kept.len()
    }

    /// No value is anywhere in the state folder.
    pub(super) fn holds_no_value(&self) {
        self.holds_no_value_but_in("none");
    }

    fn holds_no_value_but_in(&self, folder: &str) {
        let issued = self.issued.lock().unwrap();
        let besides = self.state().join(folder);
        let all = files(&self.state());
        for path in all.iter().filter(|path| !path.starts_with(&besides)) {
            let bytes = fs::read(path).unwrap();
            for value in issued.iter() {
                let holds = bytes
                    .windows(value.len())
                    .any(|window| window == value.as_bytes());
                assert!(!holds, "{} holds a value", path.display());
            }
        }
    }

    pub(super) async fn credential(&self, name: &str) -> Credential {
        let name = CredentialName::new(name).unwrap();
        self.history().credential(name).await.unwrap().unwrap()
    }

    /// No rotation goes on, and nothing is left of one.
    pub(super) async fn is_at_rest(&self, name: &str) {
        let credential = self.credential(name).await;
        assert_eq!(credential.state, CredentialState::Current, "{credential:?}");
        assert_eq!(credential.rotation, None);
        assert_eq!(self.kept(), 0);
        self.holds_no_value();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        } else {
            all.push(path);
        }
    }
    all
}

/// The error of a step that must have failed.
pub(super) fn error(report: &StepReport) -> &str {
    match &report.result {
        StepResult::Failed { error, .. } => error,
        other => panic!("{other:?}: {}", report.summary),
    }
}

/// A step that must have succeeded.
pub(super) fn succeeded(report: Option<StepReport>) -> StepReport {
    let report = report.expect("the agent was not killed");
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    report
}
