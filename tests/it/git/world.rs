//! What the stories need around a sync: a real history, a real clock, and nobody who would act.

use orderly::{
    adapters::clock::SystemClock,
    domain::{
        gate::Permit,
        id::RunId,
        name::{ActionName, EnvironmentName, SecretName},
        policy::Policy,
        run::{StepKey, StepReport},
        secret::SecretValue,
    },
    flow::world::{Launcher, Parts, Settings, World},
    gate::review::NoReviewer,
    history::History,
    ports::{
        BoxFuture,
        executor::{Executor, Intent, LogStream, Session, StepContext, StepLog},
        logs::{LogStore, Losses},
        secrets::{SecretError, Secrets},
    },
    telemetry::{Build, Events},
};
use std::{collections::BTreeMap, sync::Arc};

#[derive(Debug)]
struct Nobody;
impl Executor for Nobody {
    fn intend<'a>(
        &'a self,
        _: &'a ActionName,
        _: &'a serde_json::Value,
        _: &'a StepContext,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async { Err("nothing runs here".to_owned()) })
    }
    fn execute(&self, _: Permit, _: Session) -> BoxFuture<'_, StepReport> {
        Box::pin(async { StepReport::failed("nothing runs here", false) })
    }
}
impl StepLog for Nobody {
    fn append(&self, _: LogStream, _: &[u8]) {}
}
impl LogStore for Nobody {
    fn open(&self, _: RunId, _: &StepKey, _: u32) -> Arc<dyn StepLog> {
        Arc::new(Self)
    }
    fn losses(&self) -> Losses {
        Losses::default()
    }
}
impl Secrets for Nobody {
    fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        Err(SecretError::Unknown(name.clone()))
    }
    fn all_values(&self) -> Vec<SecretValue> {
        Vec::new()
    }
}
impl Launcher for Nobody {
    fn launch(&self, _: String, _: BoxFuture<'static, ()>) {}
}

/// A world with this history and no runbooks.
pub(crate) fn world(history: History) -> World {
    let settings = Settings {
        environment: EnvironmentName::new("local").unwrap(),
        policy: Policy::default(),
        webhooks: BTreeMap::new(),
        accounts: Vec::new(),
        audit_head: None,
    };
    World::new(Parts {
        history,
        events: Events::new(Build {
            version: "0",
            revision: "",
        }),
        clock: Arc::new(SystemClock::default()),
        executor: Arc::new(Nobody),
        reviewer: Arc::new(NoReviewer),
        logs: Arc::new(Nobody),
        secrets: Arc::new(Nobody),
        launcher: Arc::new(Nobody),
        settings,
        concurrency: 1,
    })
}
