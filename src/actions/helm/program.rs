//! Running helm.

use crate::{
    actions::{
        framework::World,
        helm::{
            Untold,
            inputs::{PROGRAM, Release},
        },
    },
    domain::{quoted, secret::SecretValue, span::Span},
    ports::{
        cluster::ClusterError,
        executor::{LogStream, StepContext, StepLog},
        materials::RevisionFile,
        processes::{Ended, How, Limits, PATH, ProcessError, Program, SecretFile, Work},
    },
};
use serde::de::DeserializeOwned;
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// The most that is read of what helm prints: a release is at most 1 MiB compressed.
const MOST: usize = 32 << 20;
/// What is given back of the error output at most ([`Ended::error_tail`]).
const ERROR_TAIL: usize = 4096;
/// So much of it is told, in characters.
const TOLD: usize = 700;
/// How long helm gets to note down that it was stopped.
const GRACE_SECONDS: u64 = 8;
/// The credentials' file in helm's folder.
const KUBECONFIG: &str = "kubeconfig";
/// What helm says where nobody answers.
const AWAY: &str = "cluster unreachable";
/// What the API server says where a right is missing; others forbid in other words.
const FORBIDDEN: &str = " is forbidden: User \"";
const HINT: &str = "\nhint: grant this right to that account, or name another one at `accounts` or `account` of the cluster in the configuration; `orderly rbac --runbooks` prints the rights that runbooks need";

/// Why helm gave nothing.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// It never ran.
    #[error("{0}")]
    NotStarted(#[from] ProcessError),
    /// The cluster's credentials cannot be had.
    #[error("{0}")]
    Cluster(#[from] ClusterError),
    /// It said no.
    #[error("helm: {0}")]
    Refused(String),
    /// It never reached the cluster.
    #[error("helm: {0}")]
    Away(String),
    /// The cluster forbids it.
    #[error("helm: {0}")]
    Forbidden(String),
    /// It was stopped by request.
    #[error("helm was stopped")]
    Stopped,
    /// What it printed is not what was expected.
    #[error("what helm printed cannot be read: {0}")]
    Unreadable(String),
}

impl Fault {
    /// Whether trying again may help.
    pub(super) fn retryable(&self) -> bool {
        match self {
            Self::NotStarted(ProcessError::NotFound(_))
            | Self::Unreadable(_)
            | Self::Forbidden(_) => false,
            Self::NotStarted(ProcessError::NotStarted { .. })
            | Self::Refused(_)
            | Self::Away(_)
            | Self::Stopped => true,
            Self::Cluster(error) => error.retryable(),
        }
    }

    /// The way out, to be said last; empty where there is none.
    pub(super) fn hint(&self) -> &'static str {
        match self {
            Self::Forbidden(_) => HINT,
            Self::NotStarted(_)
            | Self::Cluster(_)
            | Self::Refused(_)
            | Self::Away(_)
            | Self::Stopped
            | Self::Unreadable(_) => "",
        }
    }

    /// By helm's words.
    fn of(words: String) -> Self {
        if words.contains(AWAY) {
            Self::Away(words)
        } else if words.contains(FORBIDDEN) {
            Self::Forbidden(words)
        } else {
            Self::Refused(words)
        }
    }
}

/// What is not told when a step is planned because the cluster is away or forbids it, the step itself could not do either.
impl From<Fault> for Untold {
    fn from(fault: Fault) -> Self {
        let words = format!("{fault}{}", fault.hint());
        match fault {
            Fault::Away(_)
            | Fault::Cluster(
                ClusterError::Unavailable { .. } | ClusterError::ForbiddenForNow { .. },
            ) => Self::Away(words),
            Fault::Forbidden(_)
            | Fault::Cluster(ClusterError::Misconfigured { .. } | ClusterError::Forbidden { .. }) => {
                Self::Doomed(words)
            }
            Fault::Cluster(_)
            | Fault::NotStarted(_)
            | Fault::Refused(_)
            | Fault::Stopped
            | Fault::Unreadable(_) => Self::Unseen(words),
        }
    }
}

/// One call of helm.
#[derive(Debug, Clone, Default)]
pub(super) struct Call {
    words: Vec<String>,
    files: Vec<RevisionFile>,
    secret_files: Vec<SecretFile>,
    is_offline: bool,
}

impl Call {
    pub(super) fn new(words: &[&str]) -> Self {
        Self {
            words: words.iter().map(|word| (*word).to_owned()).collect(),
            ..Self::default()
        }
    }
    pub(super) fn and(mut self, words: &[&str]) -> Self {
        self.words
            .extend(words.iter().map(|word| (*word).to_owned()));
        self
    }
    /// With files in the folder that it runs in.
    pub(super) fn with(mut self, files: &[RevisionFile]) -> Self {
        self.files.extend_from_slice(files);
        self
    }
    /// With a file that nobody else may read.
    pub(super) fn with_secret(mut self, path: &str, text: SecretValue) -> Self {
        let path = path.to_owned();
        self.secret_files.push(SecretFile { path, text });
        self
    }
    /// Without credentials for any cluster.
    pub(super) fn offline(mut self) -> Self {
        self.is_offline = true;
        self
    }
}

/// helm, for one step and one release.
#[derive(Clone)]
pub(super) struct Helm<'a> {
    pub(super) release: Release<'a>,
    pub(super) context: &'a StepContext,
    pub(super) world: &'a World,
    log: Arc<dyn StepLog>,
    stop: CancellationToken,
    /// How long it goes on after a stop.
    patience: Duration,
}

impl<'a> Helm<'a> {
    /// For what is found out when a step is planned: nothing is logged, and nobody stops it but who drops it.
    pub(super) fn planning(
        release: Release<'a>,
        context: &'a StepContext,
        world: &'a World,
    ) -> Self {
        Self::new(
            release,
            context,
            world,
            Arc::new(NoLog),
            CancellationToken::new(),
        )
    }

    pub(super) fn new(
        release: Release<'a>,
        context: &'a StepContext,
        world: &'a World,
        log: Arc<dyn StepLog>,
        stop: CancellationToken,
    ) -> Self {
        Self {
            release,
            context,
            world,
            log,
            stop,
            patience: Duration::ZERO,
        }
    }

    /// The same, that goes on for so long after a stop.
    pub(super) fn patient(&self, patience: Span) -> Self {
        Self {
            patience: patience.duration(),
            ..self.clone()
        }
    }

    /// Whether the step was told to stop.
    pub(super) fn is_stopped(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// A line of the agent's own in the step's log.
    pub(super) fn note(&self, text: &str) {
        self.log
            .append(LogStream::Note, format!("{text}\n").as_bytes());
    }

    /// What it prints as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Fault> {
        let printed = self.run(call.and(&["--output", "json"])).await?;
        serde_json::from_slice(&printed).map_err(|error| Fault::Unreadable(error.to_string()))
    }

    /// What it prints as text.
    pub(super) async fn text(&self, call: Call) -> Result<String, Fault> {
        let printed = self.run(call).await?;
        String::from_utf8(printed).map_err(|error| Fault::Unreadable(error.to_string()))
    }

    /// Runs it to its end.
    pub(super) async fn run(&self, call: Call) -> Result<Vec<u8>, Fault> {
        let program = self.program(call).await?;
        let asked = CancellationToken::new();
        let log = Arc::new(ErrorsOnly::new(self.log.clone()));
        let running = self.world.processes.run(program, log, asked.clone());
        tokio::pin!(running);
        let stopped = async {
            self.stop.cancelled().await;
            self.world.clock.sleep(self.patience).await;
        };
        let ended = tokio::select! {
            biased;
            ended = &mut running => ended,
            () = stopped => {
                asked.cancel();
                running.await
            }
        };
        printed(ended?)
    }

    async fn program(&self, call: Call) -> Result<Program, Fault> {
        let mut secret_files = call.secret_files;
        if !call.is_offline {
            let text = self.world.clusters.kubeconfig(self.release.cluster).await?;
            let path = KUBECONFIG.to_owned();
            secret_files.push(SecretFile { path, text });
        }
        let own = [PROGRAM.to_owned()].into_iter();
        let place = ["--namespace".to_owned(), self.release.namespace.to_owned()];
        let place = if call.words.contains(&"--all-namespaces".to_owned()) {
            Vec::new()
        } else {
            place.to_vec()
        };
        Ok(Program {
            work: Work::Words(own.chain(call.words).chain(place).collect()),
            environment: environment(),
            directory: None,
            files: call.files,
            secret_files,
            input: None,
            user: None,
            grace: Span::from_secs(GRACE_SECONDS),
            capture: MOST + 1,
            limits: Limits::default(),
            behalf: Some(self.context.behalf()),
        })
    }
}

/// All of its folders lie in the one that it runs in, which is empty and goes when it ends.
fn environment() -> BTreeMap<String, SecretValue> {
    let all = [
        ("PATH", PATH),
        ("LANG", "C.UTF-8"),
        ("NO_COLOR", "1"),
        ("HOME", "."),
        ("KUBECONFIG", KUBECONFIG),
        ("HELM_DRIVER", "secrets"),
        ("HELM_CACHE_HOME", ".helm/cache"),
        ("HELM_CONFIG_HOME", ".helm/config"),
        ("HELM_DATA_HOME", ".helm/data"),
        ("HELM_PLUGINS", ".helm/plugins"),
    ];
    all.into_iter()
        .map(|(name, value)| (name.to_owned(), SecretValue::new(value.to_owned())))
        .collect()
}

fn printed(ended: Ended) -> Result<Vec<u8>, Fault> {
    match ended.how {
        How::Exited(0) if ended.output.len() > MOST => {
            let most = MOST >> 20;
            Err(Fault::Unreadable(format!("it is longer than {most} MiB")))
        }
        How::Exited(0) => Ok(ended.output),
        How::Exited(code) => Err(Fault::of(said(&ended.error_tail, code))),
        How::Signaled(signal) => Err(Fault::Refused(format!("it was ended by signal {signal}"))),
        How::Terminated | How::Killed => Err(Fault::Stopped),
    }
}

/// Its last words, from `Error:` on; of a line that is not there whole, nothing.
fn said(error_tail: &[u8], code: i32) -> String {
    let tail = String::from_utf8_lossy(error_tail);
    let is_cut = error_tail.len() >= ERROR_TAIL;
    let lines: Vec<&str> = tail.lines().skip(usize::from(is_cut)).collect();
    let begin = lines.iter().rposition(|line| line.starts_with("Error: "));
    if is_cut && begin.is_none() {
        // Nobody knows what these lines go on with.
        return format!("it exited with {code}, and said more than can be told");
    }
    let words: Vec<&str> = lines
        .get(begin.unwrap_or(lines.len().saturating_sub(1))..)
        .unwrap_or_default()
        .iter()
        .map(|line| line.trim())
        .filter(|line| !line.is_empty())
        .collect();
    let words = words.join("; ");
    let words = words.strip_prefix("Error: ").unwrap_or(&words);
    if words.is_empty() {
        return format!("it exited with {code}");
    }
    let words = quoted::told(words);
    match words.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words,
    }
}

/// What is printed on standard output holds releases; it is read, and goes nowhere else. Errors may quote objects, Secrets as well.
struct ErrorsOnly {
    log: Arc<dyn StepLog>,
    held: Mutex<Held>,
}

/// The line that is not there whole yet, and whether the words before it were about a Secret.
#[derive(Default)]
struct Held {
    line: Vec<u8>,
    is_of_secret: bool,
}

/// What a line of helm begins with that does not go on with the one before.
const BEGINS: [&str; 3] = ["Error: ", "level=", "time="];
/// The longest line, in bytes; what is longer is told in parts.
const LONGEST: usize = 64 << 10;

impl ErrorsOnly {
    fn new(log: Arc<dyn StepLog>) -> Self {
        let held = Mutex::default();
        Self { log, held }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    /// What may be told of a line; of what goes on after words about a Secret, nothing.
    fn told(&mut self, line: &[u8]) -> Option<String> {
        let line = String::from_utf8_lossy(line);
        let line = line.trim_end();
        if BEGINS.iter().any(|begin| line.starts_with(begin)) {
            self.is_of_secret = false;
        }
        let is_continued = self.is_of_secret;
        self.is_of_secret |= quoted::mentions_secret(line);
        (!is_continued).then(|| format!("{}\n", quoted::told(line)))
    }

    fn take(&mut self, bytes: &[u8]) -> String {
        let mut told = String::new();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if self.line.ends_with(b"\n") || self.line.len() >= LONGEST {
                let line = std::mem::take(&mut self.line);
                told.extend(self.told(&line));
            }
        }
        told
    }
}

impl StepLog for ErrorsOnly {
    fn append(&self, stream: LogStream, bytes: &[u8]) {
        match stream {
            LogStream::Out => {}
            LogStream::Err => {
                let told = self.held().take(bytes);
                if !told.is_empty() {
                    self.log.append(stream, told.as_bytes());
                }
            }
            LogStream::Note => self.log.append(stream, bytes),
        }
    }
}

impl Drop for ErrorsOnly {
    fn drop(&mut self) {
        let mut held = self.held();
        let line = std::mem::take(&mut held.line);
        if let Some(told) = held.told(&line).filter(|_| !line.is_empty()) {
            self.log.append(LogStream::Err, told.as_bytes());
        }
    }
}

struct NoLog;

impl StepLog for NoLog {
    fn append(&self, _: LogStream, _: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use super::{Fault, Held, said};
    use crate::actions::helm::Untold;

    #[test]
    fn the_last_error_is_told_with_all_of_its_lines() {
        let tail =
            b"level=WARN msg=x\nError: UPGRADE FAILED: not ready\ncontext deadline exceeded\n";
        assert_eq!(
            said(tail, 1),
            "UPGRADE FAILED: not ready; context deadline exceeded"
        );
        assert_eq!(said(b"", 2), "it exited with 2");
        assert_eq!(said(b"what\nelse\n", 2), "else");
        let cut = "x".repeat(super::ERROR_TAIL) + "\n  hunter2\n";
        assert!(!said(cut.as_bytes(), 1).contains("hunter2"));
    }

    #[test]
    fn a_cluster_that_is_away_may_come_back_and_one_that_forbids_it_dooms_the_step() {
        let away = "kubernetes cluster unreachable: Get \"http://127.0.0.1:1/version\": dial tcp: connection refused";
        let Untold::Away(why) = Fault::of(away.to_owned()).into() else {
            unreachable!("nothing can be done there")
        };
        assert_eq!(why, format!("helm: {away}"));
        let forbidden = "Error: query: failed to query with labels: secrets is forbidden: User \"eve\" cannot list resource \"secrets\" in API group \"\" in the namespace \"shop\"\n";
        let fault = Fault::of(said(forbidden.as_bytes(), 1));
        assert!(!fault.retryable());
        let Untold::Doomed(why) = fault.into() else {
            unreachable!("nothing can be done there")
        };
        for words in [
            "User \"eve\" cannot list",
            "\nhint: grant this right",
            "`orderly rbac",
        ] {
            assert!(why.contains(words), "{why}");
        }
        let other = Fault::of("the chart is broken".to_owned());
        assert!(matches!(other.into(), Untold::Unseen(_)));
    }

    #[test]
    fn what_helm_says_of_a_secret_is_not_told_with_its_values() {
        let said_of = "Error: cannot patch \"db\" with kind Secret: Secret \"db\" is invalid: patch: Invalid value: \"{\\\"a\\\":\\\"hunter2\\\"}\": field is immutable\n  .data.a: hunter2\n";
        let told = said(said_of.as_bytes(), 1);
        assert!(
            told.starts_with("secret db; Invalid value; field is immutable"),
            "{told}"
        );
        let mut held = Held::default();
        let mut told = String::new();
        for bytes in said_of.as_bytes().chunks(7) {
            told += &held.take(bytes);
        }
        told += &held.take(b"level=WARN msg=x\n");
        assert!(!told.contains("hunter2"), "{told}");
        assert!(told.ends_with("the Secret\nlevel=WARN msg=x\n"), "{told}");
    }
}
