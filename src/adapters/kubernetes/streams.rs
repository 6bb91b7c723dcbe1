//! What flows: logs of containers, and programs in them.

use super::{
    Answered, ConfiguredClusters, about,
    answers::{Asked, Words, chain, refusal, unanswered, unavailable},
    connect::Identity,
    request,
};
use crate::ports::cluster::{ClusterError, Container, ExecEnd, ExecStreams, LogsOf, Sink};
use http_body_util::{BodyExt as _, Limited};
use k8s_openapi::{api::core::v1::Pod, apimachinery::pkg::apis::meta::v1::Status};
use kube::{
    Api, Client,
    api::{AttachParams, AttachedProcess},
    client::Body,
};
use tokio::{
    io::{AsyncWriteExt as _, BufReader, copy, copy_buf},
    time::Instant,
};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

/// Bytes that wait between the connection and the one who takes them.
const BUFFER: usize = 64 << 10;
/// The longest refusal that is read, in bytes.
const LONGEST_REFUSAL: usize = 64 << 10;

impl ConfiguredClusters {
    pub(super) async fn read_logs(
        &self,
        identity: &Identity,
        of: LogsOf<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<(), ClusterError> {
        let (began, cluster) = (Instant::now(), identity.cluster.as_str());
        let client = self.client_for(identity, "logs", began).await?;
        let request = request::logs(of)?;
        let sending = client.send(request.map(Body::from));
        let answer = self
            .in_time(cluster, sending.with_subscriber(NoSubscriber::default()))
            .await?
            .map_err(|error| unanswered(cluster, chain(&error)));
        let code = answer.as_ref().map_or(0, |answer| answer.status().as_u16());
        self.tell(cluster, "logs", answered(code), began);
        let mut body = answer?.into_body();
        if code != 200 {
            let told = Limited::new(body, LONGEST_REFUSAL).collect();
            let told = self.in_time(cluster, told).await?;
            let told = told
                .map(http_body_util::Collected::to_bytes)
                .unwrap_or_default();
            let asked = self.asked(identity, of.container);
            return Err(refusal(asked, code, &told));
        }
        loop {
            // Who follows a container that prints nothing waits as long as the step may.
            let frame = if of.follow {
                body.frame().await
            } else {
                self.in_time(cluster, body.frame()).await?
            };
            let Some(frame) = frame else { return Ok(()) };
            let frame = frame.map_err(|error| unavailable(cluster, chain(&error)))?;
            if let Ok(bytes) = frame.into_data() {
                let taken = sink.write_all(&bytes).await;
                taken.map_err(|error| not_taken(&error))?;
            }
        }
    }

    pub(super) async fn run_in_container(
        &self,
        identity: &Identity,
        container: Container<'_>,
        argv: &[String],
        streams: ExecStreams<'_>,
    ) -> Result<ExecEnd, ClusterError> {
        let (began, cluster) = (Instant::now(), identity.cluster.as_str());
        let client = self.client_for(identity, "exec", began).await?;
        let starting = start(client, container, argv, streams.stdin.is_some());
        let started = self
            .in_time(cluster, starting.with_subscriber(NoSubscriber::default()))
            .await?;
        let code = match &started {
            Ok(_) => 101,
            Err(kube::Error::Api(status)) => status.code,
            Err(_) => 0,
        };
        self.tell(cluster, "exec", answered(code), began);
        let process =
            started.map_err(|error| not_started(self.asked(identity, container), &error))?;
        flow(cluster, process, streams).await
    }

    async fn client_for(
        &self,
        identity: &Identity,
        verb: &'static str,
        began: Instant,
    ) -> Result<Client, ClusterError> {
        let client = self.client(identity).await;
        if let Err(error) = &client {
            let reason = error.to_string();
            self.tell(&identity.cluster, verb, Answered::Unusable(&reason), began);
        }
        client
    }

    fn asked<'i>(&self, identity: &'i Identity, container: Container<'_>) -> Asked<'i> {
        Asked {
            cluster: &identity.cluster,
            about: pod(container),
            account: self.account(identity),
            words: Words::Open,
        }
    }

    async fn in_time<T>(
        &self,
        cluster: &str,
        work: impl Future<Output = T>,
    ) -> Result<T, ClusterError> {
        let done = tokio::time::timeout(self.shared.deadline.duration(), work).await;
        done.map_err(|_elapsed| self.too_late(cluster))
    }
}

fn answered(code: u16) -> Answered<'static> {
    match code {
        0 => Answered::Not,
        code => Answered::With(code),
    }
}

fn pod(container: Container<'_>) -> String {
    let namespace = Some(container.namespace);
    about(&request::pods(), namespace, Some(container.pod))
}

async fn start(
    client: Client,
    container: Container<'_>,
    argv: &[String],
    stdin: bool,
) -> Result<AttachedProcess, kube::Error> {
    let pods: Api<Pod> = Api::namespaced(client, container.namespace);
    let parameters = AttachParams {
        container: container.container.map(str::to_owned),
        stdin,
        stdout: true,
        stderr: true,
        tty: false,
        max_stdin_buf_size: Some(BUFFER),
        max_stdout_buf_size: Some(BUFFER),
        max_stderr_buf_size: Some(BUFFER),
    };
    pods.exec(container.pod, argv, &parameters).await
}

/// Moves all bytes until the program has ended; the status comes last.
async fn flow(
    cluster: &str,
    mut process: AttachedProcess,
    streams: ExecStreams<'_>,
) -> Result<ExecEnd, ClusterError> {
    let status = process.take_status();
    let (stdin, stdout, stderr) = (process.stdin(), process.stdout(), process.stderr());
    let feed = async {
        if let (Some(mut from), Some(mut to)) = (streams.stdin, stdin) {
            // A program that ends early takes no more; its exit code says whether that is well.
            let _fed = copy(&mut from, &mut to).await;
            let _closed = to.shutdown().await;
        }
    };
    let fed = async {
        feed.await;
        std::future::pending().await
    };
    // Whoever cannot take what comes does not wait for the program's end.
    let moved = async {
        let out = drain(stdout, streams.stdout);
        let err = drain(stderr, streams.stderr);
        tokio::try_join!(out, err).map_err(|error| not_taken(&error))
    };
    let status = async {
        match status {
            Some(status) => status.await,
            None => None,
        }
    };
    let (mut moved, mut status) = (std::pin::pin!(moved), std::pin::pin!(status));
    let status = tokio::select! {
        moved = &mut moved => {
            moved?;
            status.await
        }
        status = &mut status => {
            // Behind a status comes the end of both streams; of a connection that was lost no end ever comes.
            if status.is_some() {
                moved.await?;
            }
            status
        }
        // Feeding alone ends nothing.
        never = fed => never,
    };
    match status {
        Some(status) => Ok(end(&status)),
        None => Err(unavailable(
            cluster,
            "the connection was lost before the program ended".to_owned(),
        )),
    }
}

async fn drain(
    from: Option<impl tokio::io::AsyncRead + Unpin>,
    to: &mut Sink<'_>,
) -> std::io::Result<()> {
    let Some(from) = from else { return Ok(()) };
    let mut from = BufReader::with_capacity(BUFFER, from);
    copy_buf(&mut from, to).await.map(drop)
}

/// As the API server reports a program's end (`metav1.Status` with the cause `ExitCode`).
fn end(status: &Status) -> ExecEnd {
    if status.status.as_deref() == Some("Success") {
        return ExecEnd::Exited(0);
    }
    let causes = status
        .details
        .as_ref()
        .and_then(|details| details.causes.as_ref());
    let code = causes
        .into_iter()
        .flatten()
        .find(|cause| cause.reason.as_deref() == Some("ExitCode"))
        .and_then(|cause| cause.message.as_deref()?.parse().ok());
    match code {
        Some(code) => ExecEnd::Exited(code),
        None => ExecEnd::Failed(
            status
                .message
                .clone()
                .unwrap_or_else(|| "it does not say why".to_owned()),
        ),
    }
}

fn not_started(asked: Asked<'_>, error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) => {
            let body = serde_json::json!({ "message": status.message });
            refusal(asked, status.code, body.to_string().as_bytes())
        }
        other => unanswered(asked.cluster, chain(other)),
    }
}

fn not_taken(error: &std::io::Error) -> ClusterError {
    ClusterError::Refused {
        code: 0,
        message: format!("what came could not be kept: {error}"),
    }
}
