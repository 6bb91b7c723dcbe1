//! One request: sent, bounded, repeated where that is safe, and told.

use super::{
    Account, Answered, Called, ConfiguredClusters,
    answers::{Asked, Words, chain, may_be_the_connection, refusal, unanswered, unavailable},
    connect::Identity,
};
use crate::{domain::span::Span, ports::cluster::ClusterError};
use http::header::RETRY_AFTER;
use http_body_util::{BodyExt as _, Limited};
use kube::client::Body;
use serde_json::Value;
use std::time::Duration;
use tokio::time::Instant;
use tracing::{instrument::WithSubscriber as _, subscriber::NoSubscriber};

/// The longest answer in bytes; a page of 500 large pods has some 10 MiB.
const LONGEST: usize = 64 << 20;
/// How often one request is sent at the most.
const ATTEMPTS: u32 = 3;
/// The pause before the first repetition; it doubles.
const PAUSE: Duration = Duration::from_millis(250);

/// One request and what it is about.
pub(super) struct Call<'a> {
    pub(super) cluster: &'a str,
    pub(super) verb: &'static str,
    /// For errors: `deployment web in namespace shop`.
    pub(super) about: String,
    pub(super) request: http::Request<Vec<u8>>,
    pub(super) repeat: Repeat,
    /// What may be told of a refusal.
    pub(super) words: Words,
}

/// When a request may be sent once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeat {
    /// It only looks: whenever an answer may come the next time.
    Freely,
    /// It changes something: only where the server has put it off unread.
    IfBusy,
    /// Not at all.
    Never,
}

/// What became of one attempt.
struct Answer {
    /// 0: none came.
    code: u16,
    /// How long the server wants to be left alone.
    put_off: Option<Duration>,
    result: Result<Value, ClusterError>,
}

impl ConfiguredClusters {
    pub(super) async fn call(&self, call: Call<'_>) -> Result<Value, ClusterError> {
        let identity = self.identity(call.cluster)?;
        let until = Instant::now() + self.shared.deadline.duration();
        let mut pause = PAUSE;
        let mut attempt = 1;
        loop {
            let answer = self.attempt(&call, &identity, until).await;
            let wait = answer.put_off.unwrap_or(pause).max(pause);
            let in_time = wait < until.saturating_duration_since(Instant::now());
            if !call.repeat.applies(&answer) || attempt == ATTEMPTS || !in_time {
                return answer.result;
            }
            tokio::time::sleep(wait).await;
            (attempt, pause) = (attempt + 1, pause * 2);
        }
    }

    async fn attempt(&self, call: &Call<'_>, identity: &Identity, until: Instant) -> Answer {
        let began = Instant::now();
        // The library logs every failure; what is worth a line here is for the caller to say.
        let quiet = self
            .send(call, identity)
            .with_subscriber(NoSubscriber::default());
        let answer = tokio::time::timeout_at(until, quiet).await;
        let answer = answer.unwrap_or_else(|_elapsed| Answer::none(self.too_late(call.cluster)));
        self.renew(identity, &answer.result);
        self.tell(call.cluster, call.verb, answered(&answer), began);
        answer
    }

    pub(super) fn too_late(&self, cluster: &str) -> ClusterError {
        unavailable(
            cluster,
            format!("no answer within {}", self.shared.deadline),
        )
    }

    /// Where new credentials or a new connection may help, the next call reads the credentials anew.
    pub(super) fn renew<T>(&self, identity: &Identity, result: &Result<T, ClusterError>) {
        if result.as_ref().is_err_and(may_be_the_connection) {
            self.connected().remove(identity);
        }
    }

    pub(super) fn tell(
        &self,
        cluster: &str,
        verb: &'static str,
        answered: Answered<'_>,
        began: Instant,
    ) {
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let called = Called {
            cluster,
            verb,
            answered,
            took: Span::from_millis(took),
        };
        self.shared.watch.iter().for_each(|watch| watch(called));
    }

    async fn send(&self, call: &Call<'_>, identity: &Identity) -> Answer {
        let client = match self.client(identity).await {
            Ok(client) => client,
            Err(error) => return Answer::none(error),
        };
        let lost =
            |error: &dyn std::error::Error| Answer::none(unanswered(call.cluster, chain(error)));
        let answer = match client.send(call.request.clone().map(Body::from)).await {
            Ok(answer) => answer,
            Err(error) => return lost(&error),
        };
        let code = answer.status().as_u16();
        let put_off = answer.headers().get(RETRY_AFTER);
        let put_off = put_off.and_then(|seconds| seconds.to_str().ok()?.parse().ok());
        let result = match Limited::new(answer.into_body(), LONGEST).collect().await {
            Err(error) => Err(unavailable(call.cluster, chain(error.as_ref()))),
            Ok(body) => self.read(call, identity, code, &body.to_bytes()),
        };
        Answer {
            code,
            put_off: put_off.map(Duration::from_secs),
            result,
        }
    }

    fn read(
        &self,
        call: &Call<'_>,
        identity: &Identity,
        code: u16,
        body: &[u8],
    ) -> Result<Value, ClusterError> {
        if !(200..300).contains(&code) {
            let asked = Asked {
                cluster: call.cluster,
                about: call.about.clone(),
                account: self.account(identity),
                is_impersonated: identity.is_impersonated(),
                words: call.words,
            };
            return Err(refusal(asked, code, body));
        }
        serde_json::from_slice(body)
            .map_err(|error| unavailable(call.cluster, format!("its answer is not JSON: {error}")))
    }

    /// Who the cluster sees, and what names them, for people.
    pub(super) fn account(&self, identity: &Identity) -> String {
        let who = match &identity.account {
            None => "the agent's own account".to_owned(),
            Some(Account::ServiceAccount { namespace, name }) => {
                format!("the service account {namespace}/{name}")
            }
            Some(Account::Token(secret)) => format!("the account of the token `{secret}`"),
        };
        let cluster = &identity.cluster;
        let Some(runbook) = &self.runbook else {
            return who;
        };
        let configured = self.shared.clusters.get(cluster);
        let is_named = configured.is_some_and(|known| known.accounts.contains_key(runbook));
        match (&identity.account, is_named) {
            (Some(_), true) => {
                format!("{who} (by `clusters.{cluster}.accounts.{runbook}`)")
            }
            (Some(_), false) => format!("{who} (by `clusters.{cluster}.account`)"),
            (None, _) => {
                format!("{who}, or to one that `clusters.{cluster}.accounts.{runbook}` names")
            }
        }
    }
}

fn answered(answer: &Answer) -> Answered<'_> {
    match (&answer.result, answer.code) {
        (
            Err(
                ClusterError::Misconfigured { reason, .. } | ClusterError::NotConfigured(_, reason),
            ),
            _,
        ) => Answered::Unusable(reason),
        (_, 0) => Answered::Not,
        (_, code) => Answered::With(code),
    }
}

impl Answer {
    fn none(error: ClusterError) -> Self {
        Self {
            code: 0,
            put_off: None,
            result: Err(error),
        }
    }
}

impl Repeat {
    fn applies(self, answer: &Answer) -> bool {
        let away = matches!(answer.result, Err(ClusterError::Unavailable { .. }));
        match self {
            Self::Freely => answer.code == 429 || away,
            Self::IfBusy => answer.code == 429,
            Self::Never => false,
        }
    }
}
