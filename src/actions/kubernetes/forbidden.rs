//! What a server forbids that has just started.
//!
//! An API server answers before it knows its own rules (RBAC), and forbids until then what it has allowed before and allows afterwards. So
//! a refusal is doubted, for a bounded time, where the step was let through with the same request before, where the server was away a
//! moment ago, and in a later attempt, which follows a failure. Without any of this it is believed at once.

use crate::ports::{
    clock::Clock,
    cluster::{Change, ClusterError, Resource},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// So long a refusal is doubted, from the first one on, and so long it matters that the server was away.
const DOUBTED: Duration = Duration::from_secs(30);
/// The pauses before a request is sent once more: most servers know their rules after some ten milliseconds.
const PAUSES: [u64; 4] = [100, 200, 400, 800];

/// What is asked for, as far as rights tell it apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) cluster: String,
    pub(super) verb: &'static str,
    /// As in `deployments.apps/scale`.
    pub(super) of: String,
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
}

impl Asked {
    pub(super) fn new(
        cluster: &str,
        verb: &'static str,
        resource: &Resource,
        namespace: Option<&str>,
        name: Option<&str>,
    ) -> Self {
        Self {
            cluster: cluster.to_owned(),
            verb,
            of: format!("{}.{}", resource.plural, resource.group),
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
        }
    }

    /// The same of a part of the object, such as `scale`.
    pub(super) fn part(self, part: Option<&str>) -> Self {
        match part {
            Some(part) => Self {
                of: format!("{}/{part}", self.of),
                ..self
            },
            None => self,
        }
    }
}

/// The verb of a change, as rights name it.
pub(super) fn verb(change: Change<'_>) -> &'static str {
    match change {
        Change::Create(_) => "create",
        Change::Apply { .. } | Change::Merge(_) | Change::Replace(_) | Change::Json(_) => "patch",
        Change::Delete(_) => "delete",
    }
}

/// What one attempt of a step knows of how it was answered.
#[derive(Debug, Clone)]
pub(in crate::actions) struct Doubt {
    clock: Arc<dyn Clock>,
    /// Whether it is not the first attempt.
    again: bool,
    known: Arc<Mutex<Known>>,
}

#[derive(Debug, Default)]
struct Known {
    requests: BTreeMap<Asked, Request>,
    /// When a server did not answer last, by cluster.
    away: BTreeMap<String, Duration>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Request {
    let_through: bool,
    /// Since when it is forbidden.
    forbidden: Option<Duration>,
}

impl Doubt {
    pub(in crate::actions) fn new(clock: Arc<dyn Clock>, attempt: u32) -> Self {
        Self {
            clock,
            again: attempt > 1,
            known: Arc::default(),
        }
    }

    /// Sends it, and where its refusal is doubted, a few times more.
    pub(super) async fn sent<T, F: Future<Output = Result<T, ClusterError>>>(
        &self,
        asked: Asked,
        send: impl Fn() -> F,
    ) -> Result<T, ClusterError> {
        for pause in PAUSES {
            let answer = self.judged(&asked, send().await);
            if !matches!(answer, Err(ClusterError::ForbiddenForNow { .. })) {
                return answer;
            }
            self.clock.sleep(Duration::from_millis(pause)).await;
        }
        self.judged(&asked, send().await)
    }

    /// The answer as it is to be taken.
    pub(super) fn judged<T>(
        &self,
        asked: &Asked,
        answer: Result<T, ClusterError>,
    ) -> Result<T, ClusterError> {
        let now = self.clock.elapsed();
        let mut known = self.known();
        let error = match answer {
            Ok(answer) => {
                known.requests.entry(asked.clone()).or_default().passed();
                return Ok(answer);
            }
            Err(error) => error,
        };
        match error {
            ClusterError::Forbidden { message, .. }
                if is_of_rights(&message) && known.doubts(asked, self.again, now) =>
            {
                Err(ClusterError::ForbiddenForNow { message })
            }
            ClusterError::Unavailable { .. } => {
                known.away.insert(asked.cluster.clone(), now);
                Err(error)
            }
            ClusterError::NotFound(_) | ClusterError::Conflict { .. } => {
                known.requests.entry(asked.clone()).or_default().passed();
                Err(error)
            }
            other => Err(other),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the words are those of the authorizer; quotas and admission forbid with the same code.
pub(super) fn is_of_rights(message: &str) -> bool {
    message.contains("forbidden: User \"") && message.contains(" cannot ")
}

impl Known {
    fn doubts(&mut self, asked: &Asked, again: bool, now: Duration) -> bool {
        let recent = |then: &Duration| now.saturating_sub(*then) < DOUBTED;
        let was_away = self.away.get(&asked.cluster).is_some_and(recent);
        let request = self.requests.entry(asked.clone()).or_default();
        let since = *request.forbidden.get_or_insert(now);
        (again || request.let_through || was_away) && recent(&since)
    }
}

impl Request {
    fn passed(&mut self) {
        *self = Self {
            let_through: true,
            forbidden: None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, Doubt};
    use crate::{
        actions::{framework::scripted::PausedClock, kubernetes::kinds::PODS},
        ports::cluster::ClusterError,
    };
    use std::{sync::Arc, time::Duration};

    fn doubt(attempt: u32) -> Doubt {
        Doubt::new(Arc::<PausedClock>::default(), attempt)
    }
    fn pods(verb: &'static str) -> Asked {
        Asked::new("default", verb, &PODS.resource(), Some("shop"), None)
    }
    fn no(words: &str) -> ClusterError {
        ClusterError::Forbidden {
            message: words.to_owned(),
            account: "the agent's own account".to_owned(),
        }
    }
    fn no_right() -> ClusterError {
        no(r#"pods is forbidden: User "a" cannot list resource "pods""#)
    }
    fn away() -> ClusterError {
        ClusterError::Unavailable {
            cluster: "default".to_owned(),
            reason: "gone".to_owned(),
        }
    }
    /// Whether this refusal is doubted now.
    fn doubted(doubt: &Doubt, verb: &'static str, error: ClusterError) -> bool {
        let judged = doubt.judged::<()>(&pods(verb), Err(error)).unwrap_err();
        matches!(judged, ClusterError::ForbiddenForNow { .. })
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_doubted_only_where_there_is_reason_to() {
        let first = doubt(1);
        assert!(!doubted(&first, "list", no_right()));
        assert!(!doubted(&first, "list", no_right()), "it stays believed");
        first.judged(&pods("get"), Ok(())).unwrap();
        assert!(doubted(&first, "get", no_right()), "it was let through");
        assert!(!doubted(&first, "delete", no_right()));
        assert!(!doubted(&first, "get", no("exceeded quota: two")));
        assert!(!doubted(&first, "patch", away()));
        assert!(doubted(&first, "patch", no_right()), "the server was away");
        assert!(doubted(&doubt(2), "list", no_right()), "it is tried again");
    }

    #[tokio::test(start_paused = true)]
    async fn no_refusal_is_doubted_for_ever() {
        let doubt = doubt(1);
        doubt.judged(&pods("list"), Ok(())).unwrap();
        assert!(doubted(&doubt, "list", no_right()));
        tokio::time::sleep(Duration::from_secs(29)).await;
        assert!(doubted(&doubt, "list", no_right()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert!(!doubted(&doubt, "list", no_right()));
        doubt.judged(&pods("list"), Ok(())).unwrap();
        assert!(doubted(&doubt, "list", no_right()), "a new one begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_doubted_is_asked_for_again_at_once() {
        let doubt = doubt(2);
        let answers = std::sync::Mutex::new(vec![Ok(()), Err(no_right()), Err(no_right())]);
        let next = || std::future::ready(answers.lock().unwrap().pop().unwrap());
        doubt.sent(pods("list"), next).await.unwrap();
    }
}
