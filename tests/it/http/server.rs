//! The server under test, on a port of its own, with a history of its own.

use super::fake::{FakeAgent, Printed, StillClock, name, now, run_id};
use orderly::{
    domain::{
        access::{Role, TokenEntry},
        approval::Request,
        digest::Digest,
        effect::{Effect, Effects, Object, Verb},
        gate::{Contribution, Decision, Quorum, Stage},
        id::ApprovalId,
        name::{ActionName, SecretName, StepName},
        plan::PlannedStep,
        run::{Cause, RunEvent, RunHeader, RunOutcome, StepKey, StepReport},
        runbook::{Phase, Runbook},
        secret,
        span::Span,
    },
    history::{History, Write},
    http::{Access, AccessRules, Served, Services, serve},
    ports::output::OutputOf,
    telemetry::{Build, Events},
};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) agent: Arc<FakeAgent>,
    pub(super) access: Arc<Access>,
    pub(super) clock: Arc<StillClock>,
    pub(super) history: History,
    pub(super) output: Arc<Printed>,
    pub(super) stop: CancellationToken,
    pub(super) task: JoinHandle<Served>,
    client: Client,
}

fn token(role: Role) -> TokenEntry {
    TokenEntry {
        subject: format!("{}@example.org", role.as_str()),
        role,
        groups: BTreeSet::from(["ops".to_owned()]),
        sha256: Digest::of_bytes(format!("{}-token", role.as_str()).as_bytes()),
    }
}

pub(super) fn rules(open_reads: bool) -> AccessRules {
    AccessRules {
        tokens: Role::ALL.map(token).into(),
        open_reads,
        open_metrics: false,
        host_names: vec!["orderly.example.org".to_owned()],
    }
}

impl Server {
    pub(super) async fn start(open_reads: bool) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (agent, clock) = (
            Arc::new(FakeAgent::default()),
            Arc::new(StillClock::default()),
        );
        let (output, access) = (
            Arc::new(Printed::default()),
            Arc::new(Access::new(rules(open_reads))),
        );
        let history = History::temporary().unwrap();
        let build = Build {
            version: "1.2.3",
            revision: "",
        };
        let services = Services {
            agent: Arc::clone(&agent) as _,
            history: history.clone(),
            events: Events::new(build),
            clock: Arc::clone(&clock) as _,
            output: Arc::clone(&output) as _,
            access: Arc::clone(&access),
        };
        let stop = CancellationToken::new();
        let serving = serve(listener, services, stop.clone(), Duration::from_secs(2));
        #[expect(
            clippy::disallowed_methods,
            reason = "the server under test runs beside the test"
        )]
        let task = tokio::spawn(serving);
        let _installed_before = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder().no_proxy().build().unwrap();
        Self {
            address,
            agent,
            access,
            clock,
            history,
            output,
            stop,
            task,
            client,
        }
    }

    pub(super) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    pub(super) fn get(&self, path: &str) -> RequestBuilder {
        self.ask(Method::GET, path)
    }

    /// A change by an admin.
    pub(super) fn post(&self, path: &str) -> RequestBuilder {
        self.ask(Method::POST, path).bearer_auth("admin-token")
    }

    pub(super) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.json().await.unwrap()
    }

    pub(super) async fn text(&self, path: &str) -> String {
        let response = self.get(path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    /// A run with one step that has printed two lines, and one that waits for people.
    pub(super) async fn fill(&self) -> ApprovalId {
        let runbook = runbook();
        let definition = runbook.digest();
        let header = header(definition);
        let request = request(definition);
        let (approval, digest) = (request.id, request.digest);
        let event = |event| Write::Event {
            run: run_id(),
            event,
            at: now(),
        };
        let batch = vec![
            Write::Definition {
                digest: definition,
                runbook: Arc::new(runbook),
            },
            Write::Run(header),
            event(RunEvent::Started),
            event(started(digest)),
            event(RunEvent::StepEnded {
                key: key("look"),
                attempt: 1,
                report: StepReport::succeeded("20 % free", json!({"free": 20})),
            }),
            Write::Approval(request),
            event(RunEvent::ApprovalRequested {
                key: key("wipe"),
                attempt: 1,
                approval,
            }),
        ];
        self.history.write(batch).await.unwrap();
        approval
    }

    pub(super) async fn end_run(&self) {
        let ended = RunEvent::Ended {
            outcome: RunOutcome::Failed,
            reason: "nobody <b>answered</b>\u{202e}".to_owned(),
        };
        let event = Write::Event {
            run: run_id(),
            event: ended,
            at: now(),
        };
        self.history.write(vec![event]).await.unwrap();
    }
}

pub(super) fn key(step: &str) -> StepKey {
    StepKey {
        phase: Phase::Main,
        step: StepName::new(step).unwrap(),
    }
}

pub(super) fn output_of(step: &str) -> OutputOf {
    OutputOf {
        run: run_id(),
        key: key(step),
        attempt: 1,
    }
}

fn started(digest: Digest) -> RunEvent {
    RunEvent::StepStarted {
        key: key("look"),
        attempt: 1,
        digest,
        class: orderly::domain::effect::Class::Read,
        idempotent: true,
    }
}

fn runbook() -> Runbook {
    let step = |name: &str| {
        json!({"name": name, "uses": "host/disk", "with": {}, "timeout": "1m",
        "retry": {"attempts": 1, "initial": "2s", "factor": 2.0, "max": "1m"}})
    };
    serde_json::from_value(json!({
        "name": "disk", "description": "Looks.", "overlap": "forbid", "deadline": "10m", "steps": [step("look"), step("wipe")]
    }))
    .unwrap()
}

fn header(definition: Digest) -> RunHeader {
    RunHeader {
        id: run_id(),
        runbook: name("disk"),
        revision: "0123456789abcdef".to_owned(),
        author: "Eva <eva@example.org>".to_owned(),
        definition,
        cause: Cause::Person {
            subject: "eva".to_owned(),
        },
        inputs: BTreeMap::new(),
        created_at: now(),
        dry_run: false,
        window_override: None,
    }
}

fn request(definition: Digest) -> Request {
    let secret = secret::marker(&SecretName::new("db").unwrap());
    let object = Object::host("file", "/var/<b>data</b>");
    let step = PlannedStep {
        runbook: name("disk"),
        revision: "0123456789abcdef".to_owned(),
        definition,
        run: run_id(),
        phase: Phase::Main,
        step: StepName::new("wipe").unwrap(),
        attempt: 1,
        uses: ActionName::new("command").unwrap(),
        arguments: json!({"argv": ["rm", "-r", "/var/data", secret, "x\u{1b}[2K\u{202e}y"]}),
        timeout: Span::from_secs(60),
        effects: Effects::exact(vec![Effect::destructive(Verb::FileDelete, object)]),
        idempotent: false,
        policy: Digest::of_bytes(b"policy"),
        pinned: orderly::domain::pinned::Pinned::default(),
    };
    Request {
        id: ApprovalId::new(now(), [5; 10]),
        run: run_id(),
        digest: step.digest(),
        step,
        contributions: vec![Contribution::new(
            Stage::Autonomy,
            Decision::ask(),
            "it deletes",
        )],
        quorum: Quorum::of(1),
        starters: BTreeSet::from(["eva".to_owned(), "admin@example.org".to_owned()]),
        authors: BTreeSet::new(),
        asked_at: now(),
        approve_by: now() + Duration::from_hours(1),
        execute_within_secs: 900,
        ahead: None,
        again: String::new(),
    }
}

/// The problem document of a refusal.
pub(super) async fn problem(response: Response) -> Value {
    let kind = response.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    assert_eq!(kind, "application/problem+json");
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    assert_eq!(body["status"], status);
    assert!(
        body["type"]
            .as_str()
            .unwrap()
            .starts_with("urn:orderly:problem:")
    );
    assert!(!body["detail"].as_str().unwrap().is_empty());
    body
}
