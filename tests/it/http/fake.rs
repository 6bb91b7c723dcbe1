//! An agent, a clock and kept output, all scripted.

use jiff::Timestamp;
use orderly::{
    domain::{
        approval::{Person, Verdict},
        digest::Digest,
        halt::Halt,
        id::{ApprovalId, ArtifactId, Entropy, RunId},
        name::{CredentialName, RunbookName},
        run::RunOutcome,
    },
    ports::{
        BoxFuture,
        agent::{
            Agent, AgentError, Dependency, HaltView, RestoreRequest, RunbookState, RunbookView,
            StartRequest, StartedRun, SyncView, Upcoming, Weight,
        },
        clock::Clock,
        executor::LogStream,
        output::{OutputError, OutputLine, OutputOf, OutputPage, StepOutput},
    },
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

/// The moment at which every test happens.
pub(super) fn now() -> Timestamp {
    "2026-03-02T12:00:00Z".parse().unwrap()
}

pub(super) fn run_id() -> RunId {
    RunId::new(now(), [3; 10])
}

pub(super) fn name(text: &str) -> RunbookName {
    RunbookName::new(text).unwrap()
}

/// Stands still on the wall; the other clock goes as it is told.
#[derive(Debug, Default)]
pub(super) struct StillClock {
    pub(super) seconds: AtomicU64,
    drawn: AtomicU64,
}

impl Clock for StillClock {
    fn now(&self) -> Timestamp {
        now()
    }
    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.seconds.load(Ordering::SeqCst))
    }
    fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(Duration::from_millis(5)))
    }
    fn entropy(&self) -> Entropy {
        let number = self.drawn.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        let mut entropy = [0; 10];
        entropy[..8].copy_from_slice(&number);
        entropy
    }
}

/// Lines by attempt; an offset is the number of a line.
#[derive(Debug, Default)]
pub(super) struct Printed(pub(super) Mutex<BTreeMap<OutputOf, Vec<OutputLine>>>);

impl Printed {
    pub(super) fn print(&self, of: &OutputOf, stream: LogStream, text: &str) {
        let line = OutputLine {
            at: now(),
            stream,
            text: text.to_owned(),
        };
        let mut kept = self.0.lock().unwrap();
        kept.entry(of.clone()).or_default().push(line);
    }
}

impl StepOutput for Printed {
    fn read<'a>(
        &'a self,
        of: &'a OutputOf,
        from: u64,
        _: usize,
    ) -> BoxFuture<'a, Result<OutputPage, OutputError>> {
        let kept = self.0.lock().unwrap();
        let all = kept.get(of).cloned().unwrap_or_default();
        // Two lines at a time, so that pages are turned.
        let from = usize::try_from(from).unwrap();
        let lines: Vec<OutputLine> = all.iter().skip(from).take(2).cloned().collect();
        let next = from + lines.len();
        let page = OutputPage {
            lines,
            next: next as u64,
            end: next == all.len(),
        };
        Box::pin(async move { Ok(page) })
    }
}

/// Does what it is told and remembers it.
#[derive(Debug)]
pub(super) struct FakeAgent {
    pub(super) calls: Mutex<Vec<String>>,
    pub(super) dependencies: Mutex<Vec<Dependency>>,
}

impl Default for FakeAgent {
    fn default() -> Self {
        let dependency = |name: &str, weight| Dependency {
            name: name.to_owned(),
            ok: true,
            weight,
            detail: "well".to_owned(),
        };
        let dependencies = vec![
            dependency("scheduler", Weight::Alive),
            dependency("task/sync", Weight::Alive),
            dependency("history", Weight::Ready),
            dependency("source", Weight::Degraded),
        ];
        Self {
            calls: Mutex::default(),
            dependencies: Mutex::new(dependencies),
        }
    }
}

impl FakeAgent {
    pub(super) fn break_dependency(&self, name: &str) {
        let mut dependencies = self.dependencies.lock().unwrap();
        let found = dependencies.iter_mut().find(|one| one.name == name);
        found.unwrap().ok = false;
    }

    pub(super) fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.calls.lock().unwrap())
    }

    fn note<T>(&self, call: String, answer: Result<T, AgentError>) -> Result<T, AgentError> {
        self.calls.lock().unwrap().push(call);
        answer
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(async move { value })
}

fn view(name_text: &str, state: RunbookState) -> RunbookView {
    RunbookView {
        name: name(name_text),
        description: "Looks at the disk <script>alert(1)</script>".to_owned(),
        owner: "ops@example.org".to_owned(),
        file: "disk.yaml".to_owned(),
        revision: Some("0123456789abcdef0123456789abcdef01234567".to_owned()),
        state,
        problem: (state == RunbookState::Invalid)
            .then(|| "disk.yaml:3:4: unknown field `x`\u{1b}[31m".to_owned()),
        suspended_until: None,
        circuit: None,
        triggers: vec!["every 5m".to_owned()],
        next: Some(now() + Duration::from_secs(65)),
        running: None,
        last_outcome: Some(RunOutcome::Succeeded),
        last_ended: Some(now() - Duration::from_secs(65)),
        last_success: Some(now() - Duration::from_secs(65)),
        expected_interval: Some(300),
    }
}

fn sync_view() -> SyncView {
    SyncView {
        source: "https://git.example.org/runbooks".to_owned(),
        attempted: Some("abcdef0123456789".to_owned()),
        applied: Some("0123456789abcdef".to_owned()),
        last_success: Some(now()),
        last_attempt: Some(now()),
        error: None,
        rewritten: None,
        runbooks: 2,
        problems: vec!["disk.yaml:3:4: unknown field `x`".to_owned()],
        held: None,
    }
}

impl Agent for FakeAgent {
    fn runbooks(&self) -> BoxFuture<'_, Result<Vec<RunbookView>, AgentError>> {
        ready(Ok(vec![
            view("broken", RunbookState::Invalid),
            view("disk", RunbookState::Active),
            view("mail", RunbookState::Active),
        ]))
    }
    fn definition(&self, name: &RunbookName) -> Option<Value> {
        (name.as_str() != "absent").then(|| json!({"name": name.as_str()}))
    }
    fn upcoming<'a>(
        &'a self,
        runbook: Option<&'a RunbookName>,
        limit: usize,
    ) -> BoxFuture<'a, Result<Vec<Upcoming>, AgentError>> {
        let one = |text: &str| Upcoming {
            runbook: name(text),
            trigger: "every 5m".to_owned(),
            nominal: now() + Duration::from_mins(1),
            due: now() + Duration::from_secs(65),
            blocked: None,
            note: None,
            asks: None,
        };
        ready(Ok(["disk", "mail"]
            .map(one)
            .into_iter()
            .filter(|upcoming| runbook.is_none_or(|wanted| upcoming.runbook == *wanted))
            .take(limit)
            .collect()))
    }
    fn sync_view(&self) -> SyncView {
        sync_view()
    }
    fn dependencies(&self) -> Vec<Dependency> {
        self.dependencies.lock().unwrap().clone()
    }
    fn start<'a>(
        &'a self,
        request: StartRequest,
        by: &'a Person,
    ) -> BoxFuture<'a, Result<StartedRun, AgentError>> {
        let call = format!(
            "start {} {:?} dry={} override={} key={:?} by {}",
            request.runbook,
            request.inputs,
            request.dry_run,
            request.override_window,
            request.idempotency_key,
            by.subject
        );
        ready(self.note(
            call,
            match request.runbook.as_str() {
                "absent" => Err(AgentError::NotFound("runbook `absent`".to_owned())),
                "locked" => Err(AgentError::Conflict("it runs already".to_owned())),
                "picky" => Err(AgentError::Invalid(
                    "`x` is no input\nhint: try `y`".to_owned(),
                )),
                "closing" => Err(AgentError::Unavailable("shutting down".to_owned())),
                _ => Ok(StartedRun {
                    run: run_id(),
                    existing: request.idempotency_key.as_deref() == Some("known"),
                }),
            },
        ))
    }
    fn cancel<'a>(
        &'a self,
        run: RunId,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        ready(self.note(format!("cancel {run} by {}: {reason}", by.subject), Ok(())))
    }
    fn accept_artifact<'a>(
        &'a self,
        artifact: ArtifactId,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        let call = format!("accept artifact {artifact} by {}: {reason}", by.subject);
        ready(self.note(call, Ok(())))
    }
    fn forget_credential<'a>(
        &'a self,
        name: &'a CredentialName,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        let call = format!("forget credential {name} by {}: {reason}", by.subject);
        ready(self.note(call, Ok(())))
    }
    fn verify_artifact<'a>(
        &'a self,
        artifact: ArtifactId,
        by: &'a Person,
    ) -> BoxFuture<'a, Result<StartedRun, AgentError>> {
        let started = StartedRun {
            run: run_id(),
            existing: false,
        };
        let call = format!("verify artifact {artifact} by {}", by.subject);
        ready(self.note(call, Ok(started)))
    }
    fn restore_artifact<'a>(
        &'a self,
        artifact: ArtifactId,
        request: RestoreRequest,
        by: &'a Person,
    ) -> BoxFuture<'a, Result<StartedRun, AgentError>> {
        let started = StartedRun {
            run: run_id(),
            existing: false,
        };
        let call = format!("restore artifact {artifact} {request:?} by {}", by.subject);
        ready(self.note(call, Ok(started)))
    }
    fn trust_clock<'a>(
        &'a self,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        ready(self.note(
            format!("trust the clock by {}: {reason}", by.subject),
            Ok(()),
        ))
    }
    fn cancel_approval<'a>(
        &'a self,
        approval: ApprovalId,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        let call = format!("cancel approval {approval} by {}: {reason}", by.subject);
        ready(self.note(call, Ok(())))
    }
    fn vote<'a>(
        &'a self,
        approval: ApprovalId,
        by: &'a Person,
        verdict: Verdict,
        digest: Option<Digest>,
        comment: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        let call = format!(
            "vote {approval} {verdict:?} {digest:?} by {} of {:?}: {comment}",
            by.subject, by.groups
        );
        ready(self.note(call, Ok(())))
    }
    fn suspend<'a>(
        &'a self,
        runbook: &'a RunbookName,
        until: Option<Timestamp>,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        let call = format!(
            "suspend {runbook} until {until:?} by {}: {reason}",
            by.subject
        );
        ready(self.note(call, Ok(())))
    }
    fn resume<'a>(
        &'a self,
        runbook: &'a RunbookName,
        by: &'a Person,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        ready(self.note(format!("resume {runbook} by {}", by.subject), Ok(())))
    }
    fn reset<'a>(
        &'a self,
        runbook: &'a RunbookName,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<(), AgentError>> {
        let call = format!("reset {runbook} by {}: {reason}", by.subject);
        ready(self.note(call, Ok(())))
    }
    fn halted(&self) -> HaltView {
        HaltView {
            halted: None,
            stopped: Vec::new(),
            still: Vec::new(),
        }
    }
    fn halt<'a>(
        &'a self,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<HaltView, AgentError>> {
        let halt = Halt {
            by: by.subject.clone(),
            since: now(),
            reason: reason.to_owned(),
        };
        let answer = HaltView {
            halted: Some(halt),
            stopped: vec!["step one".to_owned()],
            still: Vec::new(),
        };
        ready(self.note(format!("halt by {}: {reason}", by.subject), Ok(answer)))
    }
    fn unhalt<'a>(
        &'a self,
        by: &'a Person,
        reason: &'a str,
    ) -> BoxFuture<'a, Result<HaltView, AgentError>> {
        let call = format!("unhalt by {}: {reason}", by.subject);
        ready(self.note(call, Ok(self.halted())))
    }
    fn sync<'a>(
        &'a self,
        by: &'a Person,
        accept: Option<&'a str>,
    ) -> BoxFuture<'a, Result<SyncView, AgentError>> {
        ready(self.note(
            format!("sync {accept:?} by {}", by.subject),
            Ok(sync_view()),
        ))
    }
    fn webhook<'a>(
        &'a self,
        name: &'a str,
        signature: Option<&'a str>,
        body: &'a [u8],
    ) -> BoxFuture<'a, Result<Vec<RunId>, AgentError>> {
        let call = format!("webhook {name} {signature:?} {} bytes", body.len());
        let answer = match signature {
            Some("sha256=good") => Ok(vec![run_id()]),
            Some(_) | None => Err(AgentError::Forbidden("the signature is wrong".to_owned())),
        };
        Box::pin(async move {
            if name == "slow" {
                tokio::time::sleep(Duration::from_millis(300)).await;
            }
            self.note(call, answer)
        })
    }
    fn alerts<'a>(&'a self, payload: &'a Value) -> BoxFuture<'a, Result<Vec<RunId>, AgentError>> {
        let count = payload["alerts"].as_array().map_or(0, Vec::len);
        ready(self.note(format!("alerts {count}"), Ok(vec![run_id()])))
    }
}
