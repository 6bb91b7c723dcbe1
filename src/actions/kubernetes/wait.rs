//! Waiting until an object is where it should be.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            kinds::{EVENTS, PODS},
            object::{cut, event_time, full_name, pod_problem, selector, text},
            progress::Progress,
            subject::Subject,
            workload::Workload,
        },
    },
    domain::{run::StepReport, span::Span},
    ports::{
        cluster::ClusterError,
        executor::{LogStream, Session},
    },
};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How many pods a failure names.
const NAMED_PODS: usize = 5;
/// How many events a failure names.
const NAMED_EVENTS: usize = 3;

/// How a wait ended, if not well.
#[derive(Debug)]
pub(super) enum Vain {
    /// It was told to stop.
    Stopped,
    /// Time is up, or it will not get better; what is missing, and whether more time may help.
    NotReady(String, bool),
    /// The server said no.
    Refused(ClusterError),
}

impl Vain {
    /// In words, after what was done before: `deployment shop/web was restarted`.
    pub(super) fn words(&self, done: &str) -> String {
        match self {
            Self::Stopped => format!("{done}; waiting for it was stopped"),
            Self::NotReady(missing, _) => format!("{done}, but is not ready: {missing}"),
            Self::Refused(error) => format!("{done}, but waiting for it failed: {error}"),
        }
    }

    /// A step that ends so.
    pub(super) fn report(&self, words: String) -> StepReport {
        match self {
            Self::Stopped => StepReport::canceled(words),
            Self::NotReady(_, may_help) => StepReport::failed(words, *may_help),
            Self::Refused(error) => StepReport::failed(words, error.retryable()),
        }
    }
}

/// Waits until `progress` says ready; gives how long it took.
pub(super) async fn until(
    subject: &Subject,
    limit: Span,
    session: &Session,
    world: &World,
    progress: impl Fn(&Value) -> Progress + Send,
) -> Result<Span, Vain> {
    let began = world.clock.elapsed();
    poll(subject, limit, session, world, &progress).await?;
    let took = world.clock.elapsed().saturating_sub(began);
    Ok(Span::from_millis(
        u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
    ))
}

/// The same for a workload: what is missing names its pods and the last warnings about them.
pub(super) async fn until_ready(
    workload: &Workload,
    limit: Span,
    session: &Session,
    world: &World,
    progress: impl Fn(&Value) -> Progress + Send,
) -> Result<Span, Vain> {
    match until(&workload.subject, limit, session, world, progress).await {
        Err(Vain::NotReady(missing, may_help)) => {
            let pods = pods(workload, world).await;
            let problems = problems(&pods);
            let warnings = warnings(workload, &pods, world).await;
            let missing = format!("{missing}{problems}{warnings}");
            Err(Vain::NotReady(missing, may_help))
        }
        other => other,
    }
}

async fn poll(
    subject: &Subject,
    limit: Span,
    session: &Session,
    world: &World,
    progress: &(impl Fn(&Value) -> Progress + Send),
) -> Result<(), Vain> {
    let until = world.clock.elapsed() + limit.duration();
    let mut pause = FIRST_PAUSE;
    let mut away = Away(false);
    loop {
        let looked = stoppable(session, subject.get(world)).await?;
        away.note(&looked, session);
        let missing = match looked {
            Ok(object) => match progress(&object) {
                Progress::Ready => return Ok(()),
                Progress::Stuck(why) => return Err(Vain::NotReady(why, false)),
                Progress::Waiting(missing) => missing,
            },
            // A server that is away for a moment does not end a wait.
            Err(error) if error.retryable() => error.to_string(),
            Err(error) => return Err(Vain::Refused(error)),
        };
        let left = until.saturating_sub(world.clock.elapsed());
        if left.is_zero() {
            return Err(Vain::NotReady(format!("{missing}, after {limit}"), true));
        }
        stoppable(session, world.clock.sleep(pause.min(left))).await?;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Whether the server was away when it was asked last; the log of the step says when that changes.
struct Away(bool);

impl Away {
    fn note(&mut self, looked: &Result<Value, ClusterError>, session: &Session) {
        let words = match (self.0, looked) {
            (false, Err(error)) if error.retryable() => {
                let error = error.to_string();
                format!(
                    "waiting on, although {}\n",
                    error.lines().next().unwrap_or_default()
                )
            }
            (true, Ok(_)) => "the API server answers again\n".to_owned(),
            (_, Ok(_) | Err(_)) => return,
        };
        self.0 = looked.is_err();
        session.log.append(LogStream::Note, words.as_bytes());
    }
}

pub(super) async fn stoppable<T>(
    session: &Session,
    work: impl Future<Output = T>,
) -> Result<T, Vain> {
    tokio::select! {
        biased;
        () = session.stop.cancelled() => Err(Vain::Stopped),
        done = work => Ok(done),
    }
}

/// The pods behind a workload; none where they cannot be listed.
async fn pods(workload: &Workload, world: &World) -> Vec<Value> {
    let Ok(object) = workload.subject.get(world).await else {
        return Vec::new();
    };
    let Some(labels) = object.pointer("/spec/selector").and_then(selector) else {
        return Vec::new();
    };
    let (cluster, namespace) = (&workload.subject.cluster, workload.namespace());
    let resource = PODS.resource();
    let listed = world
        .clusters
        .list(cluster, &resource, Some(namespace), Some(&labels));
    listed.await.unwrap_or_default()
}

/// Names those that are not ready, each with its reason.
fn problems(pods: &[Value]) -> String {
    let problems: Vec<String> = pods
        .iter()
        .filter_map(|pod| Some(format!("; pod {}: {}", full_name(pod), pod_problem(pod)?)))
        .take(NAMED_PODS)
        .collect();
    problems.concat()
}

/// The last warnings about a workload, its replica sets and its pods; nothing where events cannot be listed.
async fn warnings(workload: &Workload, pods: &[Value], world: &World) -> String {
    let (cluster, namespace) = (&workload.subject.cluster, workload.namespace());
    let resource = EVENTS.resource();
    let listed = world
        .clusters
        .list(cluster, &resource, Some(namespace), None);
    let events = listed.await.unwrap_or_default();
    let names: BTreeSet<&str> = pods.iter().map(|pod| text(pod, "/metadata/name")).collect();
    let is_about = |event: &&Value| {
        let name = text(event, "/involvedObject/name");
        match text(event, "/involvedObject/kind") {
            "Pod" => names.contains(name),
            "ReplicaSet" => name
                .rsplit_once('-')
                .is_some_and(|(of, _)| of == workload.subject.name),
            kind => kind == workload.kind.kind && name == workload.subject.name,
        }
    };
    let mut found: Vec<&Value> = events
        .iter()
        .filter(|event| text(event, "/type") == "Warning")
        .filter(is_about)
        .collect();
    found.sort_by_key(|event| std::cmp::Reverse(event_time(event)));
    let named = found.iter().take(NAMED_EVENTS).map(|event| {
        let (reason, message) = (text(event, "/reason"), cut(text(event, "/message")));
        let name = text(event, "/involvedObject/name");
        format!("; warning of {name}: {reason}: {message}")
    });
    named.collect()
}
