//! Steps carried out as the agent does it: planned, permitted, performed; on real adapters where a test names them.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use orderly::{
    actions::framework::{Catalogue, Children, Performer, Rotations, World},
    adapters::{
        archive::{Artifacts, Keys, Stores},
        certificates::MadeHere,
        clock::SystemClock,
        host::LocalHost,
        kubernetes::ConfiguredClusters,
        ledger::HistoryLedger,
        postgres::HostPostgres,
        secrets::ConfiguredSecrets,
        vault::FileVault,
    },
    domain::{
        digest::Digest,
        effect::Effects,
        gate::{Decision, Settled, settle},
        id::RunId,
        name::{ActionName, RunbookName, SecretName, StepName},
        plan::PlannedStep,
        run::StepReport,
        runbook::Phase,
        secret::{self, SecretValue},
        span::Span,
    },
    history::History,
    ports::{
        BoxFuture,
        executor::{
            ActionCatalogue as _, Executor as _, Intent, LogStream, RunSoFar, Session, StepContext,
            StepLog,
        },
        ledger::Claims,
        network::{Certificate, HttpRequest, HttpResponse, Network, NetworkError},
        processes::{Ended, ProcessError, Processes, Program},
        secrets::{Issued, SecretError, Secrets},
    },
    telemetry::{Build, Events},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    net::IpAddr,
    path::Path,
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

/// A world of real adapters in this state folder, with no network and no programs.
pub(crate) fn world(state: &Path) -> World {
    world_with(
        state,
        ConfiguredSecrets::default(),
        &[],
        None,
        Stores::default(),
    )
}

/// The same, with keys and stores.
pub(crate) fn world_with(
    state: &Path,
    secrets: ConfiguredSecrets,
    recipients: &[String],
    identity: Option<SecretName>,
    stores: Stores,
) -> World {
    let clock = Arc::new(SystemClock::new());
    let secrets = Arc::new(secrets);
    let keys = Keys::new(recipients, identity, secrets.clone()).unwrap();
    let archive = Artifacts::open(state, clock.clone(), secrets.clone(), keys, stores);
    World {
        clock: clock.clone(),
        processes: Arc::new(Absent),
        network: Arc::new(Absent),
        clusters: Arc::new(ConfiguredClusters::new([].into())),
        host: Arc::new(LocalHost),
        materials: Arc::new(orderly::ports::materials::NoMaterials),
        archive: Arc::new(archive.unwrap()),
        shelf: Arc::new(orderly::ports::shelf::NoShelf),
        secrets,
        channels: Arc::default(),
        children: Arc::new(Children::default()),
        rotations: rotations(state, History::temporary().unwrap(), Arc::default()),
    }
}

/// What credentials are replaced with: kept in this state folder and this history, their values hidden in `issued`.
pub(crate) fn rotations(state: &Path, history: History, issued: Arc<Issued>) -> Rotations {
    let events = Events::new(Build {
        version: "0",
        revision: "",
    });
    Rotations {
        ledger: Arc::new(HistoryLedger::new(history, events)),
        vault: Arc::new(FileVault::open(state.join("rotations"), issued).unwrap()),
        keeping: Arc::new(LocalHost),
        postgres: Arc::new(HostPostgres),
        certificates: Arc::new(MadeHere),
        claims: Claims::default(),
    }
}

/// Secrets of the agent, and what a test wrote in the clear where nothing but a secret may stand.
#[derive(Debug)]
struct WithWritten {
    secrets: Arc<dyn Secrets>,
    written: Mutex<BTreeMap<SecretName, String>>,
}

impl WithWritten {
    /// The arguments as a runbook would have to write them.
    fn hidden(&self, uses: &ActionName, mut arguments: Value) -> Value {
        let catalogue = Catalogue::new();
        let spec = catalogue
            .specs()
            .iter()
            .find(|spec| spec.name == uses.as_str());
        for place in spec.map_or_else(Vec::new, |spec| secret::places(&spec.inputs, &arguments)) {
            let text = arguments.pointer_mut(&place).unwrap();
            let value = text.as_str().unwrap().to_owned();
            if !secret::is_marked(&value) {
                let mut written = self.written.lock().unwrap();
                let name = SecretName::new(&format!("written-{}", written.len())).unwrap();
                *text = secret::marker(&name).into();
                written.insert(name, value);
            }
        }
        arguments
    }
}

impl Secrets for WithWritten {
    fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        match self.written.lock().unwrap().get(name) {
            Some(value) => Ok(SecretValue::new(value.clone())),
            None => self.secrets.get(name),
        }
    }
    fn all_values(&self) -> Vec<SecretValue> {
        self.secrets.all_values()
    }
}

/// One run: its steps share an id.
pub(crate) struct Run {
    performer: Performer,
    secrets: Arc<WithWritten>,
    context: StepContext,
    pub(crate) stop: CancellationToken,
    heard: Arc<Heard>,
}

impl Run {
    pub(crate) fn new(world: World) -> Self {
        let (now, entropy) = (world.clock.now(), world.clock.entropy());
        let secrets = Arc::new(WithWritten {
            secrets: world.secrets.clone(),
            written: Mutex::default(),
        });
        let world = World {
            secrets: secrets.clone(),
            ..world
        };
        Self {
            performer: Performer::new(Arc::new(Catalogue::new()), Arc::new(world)),
            secrets,
            context: StepContext {
                runbook: RunbookName::new("nightly").unwrap(),
                run: RunId::new(now, entropy),
                revision: "0".repeat(40),
                step: StepName::new("act").unwrap(),
                phase: Phase::Main,
                attempt: 1,
                nominal: now,
                dry_run: false,
                so_far: RunSoFar {
                    failed: false,
                    worst_check: None,
                    reason: String::new(),
                },
            },
            stop: CancellationToken::new(),
            heard: Arc::default(),
        }
    }

    /// The same step, tried once more.
    pub(crate) fn again(&mut self) {
        self.context.attempt += 1;
    }

    /// What steps have said in their logs: the beginning of it.
    pub(crate) fn heard(&self) -> String {
        let heard = self.heard.0.lock().unwrap();
        String::from_utf8_lossy(&heard).into_owned()
    }

    pub(crate) fn dry(world: World) -> Self {
        let mut run = Self::new(world);
        run.context.dry_run = true;
        run
    }

    /// What a step would do.
    pub(crate) async fn effects(&self, uses: &str, arguments: &Value) -> Effects {
        let uses = ActionName::new(uses).unwrap();
        let arguments = self.secrets.hidden(&uses, arguments.clone());
        let intent = self.performer.intend(&uses, &arguments, &self.context);
        intent.await.unwrap().effects
    }

    /// What a step intends, or why it cannot be planned.
    pub(crate) async fn intent(
        &self,
        uses: &ActionName,
        arguments: &Value,
    ) -> Result<Intent, String> {
        self.performer.intend(uses, arguments, &self.context).await
    }

    /// Plans a step.
    pub(crate) async fn planned(&self, uses: &str, arguments: Value) -> PlannedStep {
        self.plan(uses, arguments).await.unwrap()
    }

    /// The same, or why it cannot be planned.
    pub(crate) async fn plan(&self, uses: &str, arguments: Value) -> Result<PlannedStep, String> {
        let uses = ActionName::new(uses).unwrap();
        let arguments = self.secrets.hidden(&uses, arguments);
        let intent = self
            .performer
            .intend(&uses, &arguments, &self.context)
            .await?;
        Ok(PlannedStep {
            runbook: self.context.runbook.clone(),
            revision: self.context.revision.clone(),
            definition: Digest::of_bytes(b"definition"),
            run: self.context.run,
            phase: self.context.phase,
            step: self.context.step.clone(),
            attempt: self.context.attempt,
            uses,
            arguments,
            timeout: Span::from_secs(60),
            effects: intent.effects,
            idempotent: intent.idempotent,
            policy: Digest::of_bytes(b"policy"),
            pinned: intent.pinned,
        })
    }

    /// Whether what was planned is still as it was.
    pub(crate) async fn still(&self, step: &PlannedStep) -> Result<(), String> {
        self.performer.still(step).await
    }

    /// Plans a step, lets the gate open for it, and carries it out.
    pub(crate) async fn step(&self, uses: &str, arguments: Value) -> StepReport {
        match self.plan(uses, arguments).await {
            Ok(planned) => self.carry_out(planned).await,
            Err(error) => StepReport::failed(error, false),
        }
    }

    /// The same, with what the run has put down in its log so far.
    pub(crate) async fn logged_step(&self, uses: &str, arguments: Value) -> (StepReport, String) {
        let report = self.step(uses, arguments).await;
        (report, self.heard())
    }

    /// Has what was planned checked by those who would carry it out; nothing where nobody does.
    pub(crate) async fn rehearse(&self, planned: &PlannedStep) -> Option<StepReport> {
        let session = Session {
            context: self.context.clone(),
            stop: self.stop.clone(),
            log: self.heard.clone(),
        };
        match self.performer.rehearse(planned, session) {
            Some(rehearsal) => Some(rehearsal.await),
            None => None,
        }
    }

    /// Lets the gate open for what was planned, and carries it out.
    pub(crate) async fn carry_out(&self, planned: PlannedStep) -> StepReport {
        let Settled::Open(permit) = settle(planned, Decision::Allow, None) else {
            unreachable!("an allowed step is open")
        };
        let session = Session {
            context: self.context.clone(),
            stop: self.stop.clone(),
            log: self.heard.clone(),
        };
        self.performer.execute(permit, session).await
    }
}

/// Keeps the beginning of what is said.
#[derive(Default)]
struct Heard(Mutex<Vec<u8>>);
impl StepLog for Heard {
    fn append(&self, _: LogStream, bytes: &[u8]) {
        let mut heard = self.0.lock().unwrap();
        let room = (1_usize << 20).saturating_sub(heard.len());
        heard.extend_from_slice(bytes.get(..room).unwrap_or(bytes));
    }
}

#[derive(Debug)]
struct Absent;

fn absent<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, NetworkError>> {
    Box::pin(std::future::ready(Err(NetworkError::Unreachable {
        target: "nobody".to_owned(),
        reason: "there is no network here".to_owned(),
        sent: false,
    })))
}

impl Network for Absent {
    fn http(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, NetworkError>> {
        absent()
    }
    fn tls<'a>(
        &'a self,
        _: &'a str,
        _: u16,
        _: &'a str,
        _: Option<&'a Path>,
        _: Span,
    ) -> BoxFuture<'a, Result<Certificate, NetworkError>> {
        absent()
    }
    fn connect<'a>(
        &'a self,
        _: &'a str,
        _: u16,
        _: Span,
    ) -> BoxFuture<'a, Result<Span, NetworkError>> {
        absent()
    }
    fn resolve<'a>(
        &'a self,
        _: &'a str,
        _: Span,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetworkError>> {
        absent()
    }
}

impl Processes for Absent {
    fn run(
        &self,
        _: Program,
        _: Arc<dyn StepLog>,
        _: CancellationToken,
    ) -> BoxFuture<'_, Result<Ended, ProcessError>> {
        let error = ProcessError::NotFound("any".to_owned());
        Box::pin(std::future::ready(Err(error)))
    }
    fn kill_all(&self) {}
}
