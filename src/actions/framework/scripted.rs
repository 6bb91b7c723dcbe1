//! A world for tests: nothing in it answers until a test puts something in its place.

use crate::{
    actions::framework::{Catalogue, Children, Performer, Rotations, World},
    domain::{
        artifact::Location,
        digest::Digest,
        gate::{Decision, Permit, Settled, settle},
        id::{Entropy, RotationId, RunId},
        name::{ActionName, CredentialName, RunbookName, SecretName, StepName, StoreName},
        plan::PlannedStep,
        rotation::Credential,
        run::StepReport,
        runbook::Phase,
        secret::SecretValue,
        span::Span,
    },
    ports::{
        BoxFuture,
        archive::{
            Archive, ArchiveError, Destination, Encrypt, Expected, Form, Fresh, Inspection, Label,
            Placed, Scratch, Standing, Stored, StreamOf, Unpacked, Writing,
        },
        certificates::{Certificates, Facts, Made, Order},
        clock::Clock,
        cluster::{
            Change, ClusterError, Clusters, Container, ExecEnd, ExecStreams, LogsOf, Matching,
            Names, ObjectPath, Resource, Sink, Sort,
        },
        executor::{Executor, Intent, LogStream, RunSoFar, Session, StepContext, StepLog},
        host::{DiskUsage, Host},
        keeping::{Access, Keeping},
        ledger::{Claims, Known, Ledger, LedgerError, Record},
        materials::NoMaterials,
        network::{Certificate, HttpRequest, HttpResponse, Network, NetworkError},
        postgres::{Login, Postgres, PostgresError, RoleChange, Server},
        processes::{Ended, ProcessError, Processes, Program},
        secrets::{SecretError, Secrets},
        shelf::NoShelf,
        vault::{Kept, Vault, VaultError},
    },
};
use jiff::Timestamp;
use serde_json::Value;
use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The time at which every test begins.
pub(crate) const NOW: &str = "2026-03-14T09:26:53Z";

/// A world in which nothing is there. Put what a test needs into its place: `World { network, ..world() }`.
pub(crate) fn world() -> World {
    World {
        clock: Arc::new(PausedClock::default()),
        processes: Arc::new(Absent),
        network: Arc::new(Absent),
        clusters: Arc::new(Absent),
        host: Arc::new(Absent),
        materials: Arc::new(NoMaterials),
        archive: Arc::new(Absent),
        shelf: Arc::new(NoShelf),
        secrets: Arc::new(KnownSecrets::default()),
        channels: Arc::default(),
        children: Arc::new(Children::default()),
        rotations: Rotations {
            ledger: Arc::new(Absent),
            vault: Arc::new(Absent),
            keeping: Arc::new(Absent),
            postgres: Arc::new(Absent),
            certificates: Arc::new(Absent),
            claims: Claims::default(),
        },
    }
}

/// Facts about a run, the same for every test.
pub(crate) fn context() -> StepContext {
    StepContext {
        runbook: RunbookName::new("demo").unwrap(),
        run: RunId::new(NOW.parse().unwrap(), [7; 10]),
        revision: "0123456789abcdef0123456789abcdef01234567".to_owned(),
        step: StepName::new("act").unwrap(),
        phase: Phase::Main,
        attempt: 1,
        nominal: NOW.parse().unwrap(),
        dry_run: false,
        so_far: RunSoFar {
            failed: false,
            worst_check: None,
            reason: String::new(),
        },
    }
}

/// A session that nobody stops and whose output is kept.
pub(crate) fn session(context: StepContext) -> (Session, Arc<KeptLog>) {
    let log = Arc::new(KeptLog::default());
    let session = Session {
        context,
        stop: CancellationToken::new(),
        log: log.clone(),
    };
    (session, log)
}

/// What an action of the whole catalogue intends.
pub(crate) async fn intend(uses: &str, arguments: Value) -> Result<Intent, String> {
    let performer = Performer::new(Arc::new(Catalogue::new()), Arc::new(world()));
    performer
        .intend(&ActionName::new(uses).unwrap(), &arguments, &context())
        .await
}

/// Plans a step with the whole catalogue, lets the gate open for it, and carries it out in this world.
pub(crate) async fn act(world: World, uses: &str, arguments: Value) -> StepReport {
    let performer = Performer::new(Arc::new(Catalogue::new()), Arc::new(world));
    perform(
        &performer,
        uses,
        arguments,
        session(context()).0,
        Span::from_secs(60),
    )
    .await
}

/// The same with everything given.
pub(crate) async fn perform(
    performer: &Performer,
    uses: &str,
    arguments: Value,
    session: Session,
    timeout: Span,
) -> StepReport {
    let uses = ActionName::new(uses).unwrap();
    let intent = match performer.intend(&uses, &arguments, &session.context).await {
        Ok(intent) => intent,
        Err(error) => return StepReport::failed(error, false),
    };
    performer
        .execute(permit(uses, arguments, intent, timeout), session)
        .await
}

/// What the gate gives for a step that it allows.
pub(crate) fn permit(uses: ActionName, arguments: Value, intent: Intent, timeout: Span) -> Permit {
    let context = context();
    let step = PlannedStep {
        runbook: context.runbook,
        revision: context.revision,
        definition: Digest::of_bytes(b"definition"),
        run: context.run,
        phase: context.phase,
        step: context.step,
        attempt: context.attempt,
        uses,
        arguments,
        timeout,
        effects: intent.effects,
        idempotent: intent.idempotent,
        policy: Digest::of_bytes(b"policy"),
        pinned: intent.pinned,
    };
    match settle(step, Decision::Allow, None) {
        Settled::Open(permit) => permit,
        Settled::Ask(_) | Settled::Closed => unreachable!("an allowed step is open"),
    }
}

/// A clock that goes with tokio's, which tests pause.
#[derive(Debug)]
pub(crate) struct PausedClock(Mutex<Option<tokio::time::Instant>>);

impl Default for PausedClock {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let begin: Timestamp = NOW.parse().unwrap();
        begin + self.elapsed()
    }
    fn elapsed(&self) -> Duration {
        let now = tokio::time::Instant::now();
        now - *self.0.lock().unwrap().get_or_insert(now)
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(duration))
    }
    fn entropy(&self) -> Entropy {
        [1; 10]
    }
}

/// A log that a test can read.
#[derive(Debug, Default)]
pub(crate) struct KeptLog(Mutex<Vec<u8>>);

impl KeptLog {
    /// All that was written, streams mixed.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}
impl StepLog for KeptLog {
    fn append(&self, _stream: LogStream, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }
}

/// Secrets by name.
#[derive(Debug, Default)]
pub(crate) struct KnownSecrets(BTreeMap<SecretName, SecretValue>);

impl KnownSecrets {
    /// These.
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Arc<Self> {
        let pair = |(name, value): &(&str, &str)| {
            (
                SecretName::new(name).unwrap(),
                SecretValue::new((*value).to_owned()),
            )
        };
        Arc::new(Self(pairs.iter().map(pair).collect()))
    }
}
impl Secrets for KnownSecrets {
    fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        self.0
            .get(name)
            .cloned()
            .ok_or_else(|| SecretError::Unknown(name.clone()))
    }
    fn all_values(&self) -> Vec<SecretValue> {
        self.0.values().cloned().collect()
    }
}

/// A network whose answers are laid out in order, and that remembers what it was asked.
#[derive(Debug, Default)]
pub(crate) struct ScriptedNetwork {
    pub(crate) http: Mutex<VecDeque<Result<HttpResponse, NetworkError>>>,
    pub(crate) tls: Mutex<VecDeque<Result<Certificate, NetworkError>>>,
    pub(crate) connect: Mutex<VecDeque<Result<Span, NetworkError>>>,
    pub(crate) resolve: Mutex<VecDeque<Result<Vec<IpAddr>, NetworkError>>>,
    pub(crate) requests: Mutex<Vec<HttpRequest>>,
}

impl ScriptedNetwork {
    /// Answers one HTTP request, then no more.
    pub(crate) fn answering(status: u16, body: &str) -> Arc<Self> {
        let network = Self::default();
        network.http.lock().unwrap().push_back(Ok(HttpResponse {
            status,
            headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
            body: body.as_bytes().to_vec(),
            cut: false,
            took: Span::from_millis(12),
        }));
        Arc::new(network)
    }
}

fn next<T>(answers: &Mutex<VecDeque<Result<T, NetworkError>>>) -> Result<T, NetworkError> {
    let answer = answers.lock().unwrap().pop_front();
    answer.unwrap_or_else(|| Err(nobody()))
}

fn nobody() -> NetworkError {
    NetworkError::Unreachable {
        target: "nobody".to_owned(),
        reason: "there is no network here".to_owned(),
        sent: false,
    }
}

impl Network for ScriptedNetwork {
    fn http(&self, request: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, NetworkError>> {
        self.requests.lock().unwrap().push(request);
        Box::pin(std::future::ready(next(&self.http)))
    }
    fn tls<'a>(
        &'a self,
        _host: &'a str,
        _port: u16,
        _server_name: &'a str,
        _authority_file: Option<&'a Path>,
        _timeout: Span,
    ) -> BoxFuture<'a, Result<Certificate, NetworkError>> {
        Box::pin(std::future::ready(next(&self.tls)))
    }
    fn connect<'a>(
        &'a self,
        _host: &'a str,
        _port: u16,
        _timeout: Span,
    ) -> BoxFuture<'a, Result<Span, NetworkError>> {
        Box::pin(std::future::ready(next(&self.connect)))
    }
    fn resolve<'a>(
        &'a self,
        _name: &'a str,
        _timeout: Span,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetworkError>> {
        Box::pin(std::future::ready(next(&self.resolve)))
    }
}

/// What is not there: every question is answered with an error.
#[derive(Debug)]
pub(crate) struct Absent;

fn absent<'a, T: Send + 'a, E: Send + 'a>(error: E) -> BoxFuture<'a, Result<T, E>> {
    Box::pin(std::future::ready(Err(error)))
}

impl Network for Absent {
    fn http(&self, _: HttpRequest) -> BoxFuture<'_, Result<HttpResponse, NetworkError>> {
        absent(nobody())
    }
    fn tls<'a>(
        &'a self,
        _: &'a str,
        _: u16,
        _: &'a str,
        _: Option<&'a Path>,
        _: Span,
    ) -> BoxFuture<'a, Result<Certificate, NetworkError>> {
        absent(nobody())
    }
    fn connect<'a>(
        &'a self,
        _: &'a str,
        _: u16,
        _: Span,
    ) -> BoxFuture<'a, Result<Span, NetworkError>> {
        absent(nobody())
    }
    fn resolve<'a>(
        &'a self,
        _: &'a str,
        _: Span,
    ) -> BoxFuture<'a, Result<Vec<IpAddr>, NetworkError>> {
        absent(nobody())
    }
}

impl Processes for Absent {
    fn run(
        &self,
        program: Program,
        _: Arc<dyn StepLog>,
        _: CancellationToken,
    ) -> BoxFuture<'_, Result<Ended, ProcessError>> {
        absent(ProcessError::NotFound(program.name().to_owned()))
    }
    fn kill_all(&self) {}
}

fn no_cluster<'a, T: Send + 'a>(cluster: &str) -> BoxFuture<'a, Result<T, ClusterError>> {
    absent(ClusterError::NotConfigured(
        cluster.to_owned(),
        "none is here".to_owned(),
    ))
}

impl Clusters for Absent {
    fn version<'a>(&'a self, cluster: &'a str) -> BoxFuture<'a, Result<String, ClusterError>> {
        no_cluster(cluster)
    }
    fn get<'a>(
        &'a self,
        cluster: &'a str,
        _: &'a Resource,
        _: Option<&'a str>,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Value, ClusterError>> {
        no_cluster(cluster)
    }
    fn list<'a>(
        &'a self,
        cluster: &'a str,
        _: &'a Resource,
        _: Option<&'a str>,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>, ClusterError>> {
        no_cluster(cluster)
    }
    fn find<'a>(
        &'a self,
        cluster: &'a str,
        _: Sort<'a>,
    ) -> BoxFuture<'a, Result<Resource, ClusterError>> {
        no_cluster(cluster)
    }
    fn change<'a>(
        &'a self,
        cluster: &'a str,
        _: &'a Resource,
        _: ObjectPath<'a>,
        _: Change<'a>,
        _: bool,
    ) -> BoxFuture<'a, Result<Value, ClusterError>> {
        no_cluster(cluster)
    }
    fn logs<'a>(
        &'a self,
        cluster: &'a str,
        _: LogsOf<'a>,
        _: &'a mut Sink<'_>,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        no_cluster(cluster)
    }
    fn exec<'a>(
        &'a self,
        cluster: &'a str,
        _: Container<'a>,
        _: &'a [String],
        _: ExecStreams<'a>,
    ) -> BoxFuture<'a, Result<ExecEnd, ClusterError>> {
        no_cluster(cluster)
    }
    fn acting_for(&self, _: &RunbookName) -> Arc<dyn Clusters> {
        Arc::new(Self)
    }
    fn names<'a>(
        &'a self,
        cluster: &'a str,
        _: &'a Resource,
        _: Option<&'a str>,
        _: Matching<'a>,
        _: usize,
    ) -> BoxFuture<'a, Result<Names, ClusterError>> {
        no_cluster(cluster)
    }
    fn is_reached_by_programs(&self, _: &str, _: Option<&str>) -> bool {
        false
    }
    fn assumed_namespace<'a>(
        &'a self,
        cluster: &'a str,
    ) -> BoxFuture<'a, Result<String, ClusterError>> {
        no_cluster(cluster)
    }
}

impl Host for Absent {
    fn disk(&self, path: &Path) -> Result<DiskUsage, String> {
        Err(format!("there is no {}", path.display()))
    }
}

fn no_archive<'a, T: Send + 'a>(doing: String) -> BoxFuture<'a, Result<T, ArchiveError>> {
    absent(ArchiveError::Failed {
        doing,
        reason: "there is no archive here".to_owned(),
    })
}

impl Archive for Absent {
    fn absolute(&self, path: &Path) -> PathBuf {
        Path::new("/state").join(path)
    }
    fn unfit(&self, _: Option<&StoreName>, _: Encrypt) -> Option<String> {
        None
    }
    fn files<'a>(
        &'a self,
        label: &'a Label,
        _: &'a [PathBuf],
        _: &'a [String],
        _: CancellationToken,
    ) -> BoxFuture<'a, Result<Stored, ArchiveError>> {
        no_archive(label.name.to_string())
    }
    fn sqlite<'a>(
        &'a self,
        label: &'a Label,
        _: &'a Path,
        _: CancellationToken,
    ) -> BoxFuture<'a, Result<Stored, ArchiveError>> {
        no_archive(label.name.to_string())
    }
    fn stream<'a>(
        &'a self,
        of: StreamOf<'a>,
        _: CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Writing>, ArchiveError>> {
        no_archive(of.label.name.to_string())
    }
    fn inspect<'a>(
        &'a self,
        _: Form,
        location: &'a Location,
        _: Expected,
        _: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>> {
        no_archive(location.to_string())
    }
    fn unpack<'a>(
        &'a self,
        _: Form,
        location: &'a Location,
        _: Expected,
        _: CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Unpacked>, ArchiveError>> {
        no_archive(location.to_string())
    }
    fn look<'a>(
        &'a self,
        _: Form,
        _: &'a Destination,
    ) -> BoxFuture<'a, Result<Standing, ArchiveError>> {
        Box::pin(std::future::ready(Ok(Standing::Nothing)))
    }
    fn restore<'a>(
        &'a self,
        _: Form,
        location: &'a Location,
        _: Expected,
        _: &'a Destination,
        _: CancellationToken,
    ) -> BoxFuture<'a, Result<Placed, ArchiveError>> {
        no_archive(location.to_string())
    }
    fn size<'a>(
        &'a self,
        location: &'a Location,
    ) -> BoxFuture<'a, Result<Option<u64>, ArchiveError>> {
        no_archive(location.to_string())
    }
    fn remove<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<bool, ArchiveError>> {
        no_archive(location.to_string())
    }
    fn tidy(&self) -> BoxFuture<'_, Vec<String>> {
        Box::pin(async { Vec::new() })
    }
    fn fresh(&self) -> BoxFuture<'_, Result<Vec<Fresh>, String>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn settle<'a>(&'a self, _: &'a Fresh) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }
    fn scratch(&self) -> BoxFuture<'_, Result<Box<dyn Scratch>, ArchiveError>> {
        no_archive("scratch".to_owned())
    }
}

fn no_ledger<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, LedgerError>> {
    absent(LedgerError {
        doing: "recording".to_owned(),
        reason: "there is no ledger here".to_owned(),
    })
}

impl Ledger for Absent {
    fn look<'a>(&'a self, _: &'a CredentialName) -> BoxFuture<'a, Result<Known, LedgerError>> {
        Box::pin(std::future::ready(Ok(Known::default())))
    }
    fn has_heard_of<'a>(
        &'a self,
        _: &'a CredentialName,
        _: RotationId,
    ) -> BoxFuture<'a, Result<bool, LedgerError>> {
        no_ledger()
    }
    fn record(&self, _: Record) -> BoxFuture<'_, Result<(), LedgerError>> {
        no_ledger()
    }
    fn note(&self, _: Credential) -> BoxFuture<'_, Result<(), LedgerError>> {
        no_ledger()
    }
}

fn no_vault<'a, T: Send + 'a>(name: &CredentialName) -> BoxFuture<'a, Result<T, VaultError>> {
    absent(VaultError {
        doing: "keeping",
        place: name.to_string(),
        reason: "there is no vault here".to_owned(),
    })
}

impl Vault for Absent {
    fn keep<'a>(
        &'a self,
        name: &'a CredentialName,
        _: Kept,
    ) -> BoxFuture<'a, Result<(), VaultError>> {
        no_vault(name)
    }
    fn look<'a>(
        &'a self,
        name: &'a CredentialName,
    ) -> BoxFuture<'a, Result<Option<Kept>, VaultError>> {
        no_vault(name)
    }
    fn forget<'a>(&'a self, name: &'a CredentialName) -> BoxFuture<'a, Result<(), VaultError>> {
        no_vault(name)
    }
    fn hide(&self, _: &SecretValue) {}
}

impl Keeping for Absent {
    fn read<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Option<SecretValue>, String>> {
        absent(format!("there is no {}", path.display()))
    }
    fn access<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<Option<Access>, String>> {
        absent(format!("there is no {}", path.display()))
    }
    fn write<'a>(
        &'a self,
        path: &'a Path,
        _: SecretValue,
        _: &'a Access,
    ) -> BoxFuture<'a, Result<(), String>> {
        absent(format!("there is no {}", path.display()))
    }
    fn remove<'a>(&'a self, path: &'a Path) -> BoxFuture<'a, Result<(), String>> {
        absent(format!("there is no {}", path.display()))
    }
}

fn no_postgres<'a>(server: &Server) -> BoxFuture<'a, Result<(), PostgresError>> {
    absent(PostgresError::Unavailable {
        server: server.host.clone(),
        reason: "there is none here".to_owned(),
    })
}

impl Postgres for Absent {
    fn log_in<'a>(
        &'a self,
        server: &'a Server,
        _: &'a Login,
    ) -> BoxFuture<'a, Result<(), PostgresError>> {
        no_postgres(server)
    }
    fn change_role<'a>(
        &'a self,
        server: &'a Server,
        _: &'a Login,
        _: &'a str,
        _: RoleChange,
    ) -> BoxFuture<'a, Result<(), PostgresError>> {
        no_postgres(server)
    }
}

impl Certificates for Absent {
    fn make(&self, _: &Order) -> Result<Made, String> {
        Err("nobody makes certificates here".to_owned())
    }
    fn read(&self, _: &str) -> Result<Facts, String> {
        Err("nobody reads certificates here".to_owned())
    }
}
