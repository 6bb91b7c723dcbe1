//! Backups by programs of their own kind, on real servers: dumps of PostgreSQL and snapshots of etcd.

mod etcd;
mod pods;
mod postgres;
mod trials;

use crate::steps::{Run, world_with};
use age::secrecy::ExposeSecret as _;
use orderly::{
    actions::framework::World,
    adapters::{
        archive::Stores,
        process::HostProcesses,
        secrets::{ConfiguredSecrets, Origin},
    },
    domain::{
        name::SecretName,
        run::{StepReport, StepResult},
        secret::{SecretValue, marker},
    },
    ports::{
        BoxFuture,
        executor::StepLog,
        processes::{Ended, ProcessError, Processes, Program, Streamed, Streams, Work},
        runs::Runs,
    },
};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

/// The only secret of these tests.
const PASSWORD: &str = "a 'quoted' pass\\word";

/// An agent's state, and the key that opens its artifacts.
struct Desk {
    folder: TempDir,
    key: age::x25519::Identity,
    /// Where some programs really are.
    programs: BTreeMap<String, PathBuf>,
}

impl Desk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        Self {
            folder,
            key: age::x25519::Identity::generate(),
            programs: BTreeMap::new(),
        }
    }

    /// The program of this name is this one.
    fn with_program(mut self, name: &str, path: &Path) -> Self {
        self.programs.insert(name.to_owned(), path.to_owned());
        self
    }

    /// The program of this name is this script of a shell.
    fn with_script(self, name: &str, text: &str) -> Self {
        let path = self.folder.path().join(format!("{name}.sh"));
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        self.with_program(name, &path)
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn world(&self, state: &Path, recipients: &[String]) -> World {
        let known = |text: &str| Origin::Variable {
            name: "X".into(),
            value: Some(SecretValue::new(text.to_owned())),
        };
        let name = |name: &str| SecretName::new(name).unwrap();
        let secrets = [
            (name("age"), known(self.key.to_string().expose_secret())),
            (name("db"), known(PASSWORD)),
        ];
        let scratch = self.folder.path().join("work");
        World {
            processes: Arc::new(Programs {
                host: HostProcesses::open(scratch).unwrap(),
                programs: self.programs.clone(),
            }),
            ..world_with(
                state,
                ConfiguredSecrets::new(secrets.into()),
                recipients,
                Some(name("age")),
                Stores::default(),
            )
        }
    }

    fn run(&self) -> Run {
        self.run_in(&self.state())
    }

    /// In an agent that knows these runs.
    fn run_among(&self, runs: &Arc<dyn Runs>) -> Run {
        let world = self.world(&self.state(), &[self.key.to_public().to_string()]);
        world.children.connect(Arc::downgrade(runs));
        Run::new(world)
    }

    fn run_in(&self, state: &Path) -> Run {
        Run::new(self.world(state, &[self.key.to_public().to_string()]))
    }

    /// Nobody is named to encrypt for.
    fn run_for_nobody(&self) -> Run {
        Run::new(self.world(&self.state(), &[]))
    }

    /// Everything in the state folder, relative to it, but the notes of names that were given.
    fn left(&self) -> Vec<String> {
        let state = self.state();
        let mut found = Vec::new();
        walk(&state, &state, &mut found);
        found.retain(|path| !path.starts_with("fresh/"));
        found
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).unwrap().display().to_string());
        }
    }
}

/// The secret, as a step's arguments hold it.
fn password() -> String {
    marker(&SecretName::new("db").unwrap())
}

fn succeeded(report: StepReport) -> StepReport {
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    report
}

/// Why a step failed, and whether it may be tried again.
fn failure(report: &StepReport) -> (&str, bool) {
    match &report.result {
        StepResult::Failed { error, retryable } => (error, *retryable),
        other @ (StepResult::Succeeded | StepResult::TimedOut | StepResult::Canceled) => {
            panic!("{other:?}: {}", report.summary)
        }
    }
}

/// The host's programs, some of them from elsewhere.
#[derive(Debug)]
struct Programs {
    host: HostProcesses,
    programs: BTreeMap<String, PathBuf>,
}

impl Programs {
    fn placed(&self, mut program: Program) -> Program {
        let Work::Words(words) = &mut program.work else {
            panic!("no backup is a pipeline")
        };
        assert!(
            words.iter().all(|word| !word.contains(PASSWORD)),
            "{words:?}"
        );
        if let Some(path) = self.programs.get(&words[0]) {
            words[0] = path.display().to_string();
        }
        program
    }
}

impl Processes for Programs {
    fn run(
        &self,
        program: Program,
        log: Arc<dyn StepLog>,
        stop: CancellationToken,
    ) -> BoxFuture<'_, Result<Ended, ProcessError>> {
        self.host.run(self.placed(program), log, stop)
    }
    fn stream<'a>(
        &'a self,
        program: Program,
        streams: Streams<'a>,
        log: Arc<dyn StepLog>,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Streamed, ProcessError>> {
        self.host.stream(self.placed(program), streams, log, stop)
    }
    fn kill_all(&self) {
        self.host.kill_all();
    }
}
