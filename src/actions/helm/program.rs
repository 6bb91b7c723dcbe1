//! Running helm.

use crate::{
    actions::{
        framework::World,
        helm::inputs::{PROGRAM, Release},
    },
    domain::{outlived::Behalf, secret::SecretValue, span::Span},
    ports::{
        cluster::ClusterError,
        executor::{LogStream, StepContext, StepLog},
        materials::RevisionFile,
        processes::{Ended, How, Limits, PATH, ProcessError, Program, SecretFile, Work},
    },
};
use serde::de::DeserializeOwned;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
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
            Self::NotStarted(ProcessError::NotFound(_)) | Self::Unreadable(_) => false,
            Self::NotStarted(ProcessError::NotStarted { .. })
            | Self::Refused(_)
            | Self::Stopped => true,
            Self::Cluster(error) => error.retryable(),
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
        let log = Arc::new(ErrorsOnly(self.log.clone()));
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
            behalf: Some(self.behalf()),
        })
    }

    fn behalf(&self) -> Behalf {
        let context = self.context;
        Behalf {
            runbook: context.runbook.clone(),
            run: context.run,
            phase: context.phase,
            step: context.step.clone(),
            attempt: context.attempt,
        }
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
        How::Exited(code) => Err(Fault::Refused(said(&ended.error_tail, code))),
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
    match words.char_indices().nth(TOLD) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words.to_owned(),
    }
}

/// What is printed on standard output holds releases; it is read, and goes nowhere else.
struct ErrorsOnly(Arc<dyn StepLog>);

impl StepLog for ErrorsOnly {
    fn append(&self, stream: LogStream, bytes: &[u8]) {
        match stream {
            LogStream::Out => {}
            LogStream::Err | LogStream::Note => self.0.append(stream, bytes),
        }
    }
}

struct NoLog;

impl StepLog for NoLog {
    fn append(&self, _: LogStream, _: &[u8]) {}
}

#[cfg(test)]
mod tests {
    use super::said;

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
    }
}
