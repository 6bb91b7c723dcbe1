//! What flows: logs of containers, and programs in them.

use super::{
    Answered, ConfiguredClusters, about,
    answers::{Asked, Words, chain, refusal, unanswered, unavailable},
    connect::Identity,
    exec::{self, not_taken},
    request,
};
use crate::ports::cluster::{ClusterError, Container, ExecEnd, ExecStreams, LogsOf, Sink};
use http_body_util::{BodyExt as _, Limited};
use kube::{Client, client::Body};
use tokio::{io::AsyncWriteExt as _, time::Instant};
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

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
        let request = request::exec(container, argv, streams.stdin.is_some())?;
        let starting = client.connect(request);
        let started = self
            .in_time(cluster, starting.with_subscriber(NoSubscriber::default()))
            .await?;
        let code = match &started {
            Ok(_) => 101,
            Err(kube::Error::Api(status)) => status.code,
            Err(_) => 0,
        };
        self.tell(cluster, "exec", answered(code), began);
        let connection =
            started.map_err(|error| not_started(self.asked(identity, container), &error))?;
        exec::flow(cluster, connection, streams).await
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
            is_impersonated: identity.is_impersonated(),
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

fn not_started(asked: Asked<'_>, error: &kube::Error) -> ClusterError {
    match error {
        kube::Error::Api(status) => {
            let body = serde_json::json!({ "message": status.message });
            refusal(asked, status.code, body.to_string().as_bytes())
        }
        other => unanswered(asked.cluster, chain(other)),
    }
}
