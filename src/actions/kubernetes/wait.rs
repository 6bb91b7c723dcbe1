//! Waiting until a workload is where it should be.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            kinds::PODS,
            object::{full_name, pod_problem, selector},
            progress::Progress,
            workload::Workload,
        },
    },
    domain::{run::StepReport, span::Span},
    ports::{cluster::ClusterError, executor::Session},
};
use serde_json::Value;
use std::time::Duration;

const FIRST_PAUSE: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How many pods a failure names.
const NAMED_PODS: usize = 5;

/// How a wait ended, if not well.
enum Vain {
    /// It was told to stop.
    Stopped,
    /// Time is up, or it will not get better; what is missing, and whether more time may help.
    NotReady(String, bool),
    /// The server said no.
    Refused(ClusterError),
}

/// Waits for `progress` to be ready; gives how long it took, or the report of a wait in vain. `done` says what was done before.
pub(super) async fn until_ready(
    workload: &Workload,
    done: &str,
    limit: Span,
    session: &Session,
    world: &World,
    progress: impl Fn(&Value) -> Progress + Send,
) -> Result<Span, StepReport> {
    let began = world.clock.elapsed();
    match poll(workload, limit, session, world, &progress).await {
        Ok(()) => {
            let took = world.clock.elapsed().saturating_sub(began);
            Ok(Span::from_millis(
                u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            ))
        }
        Err(Vain::Stopped) => Err(StepReport::canceled(format!(
            "{workload} {done}; waiting for it was stopped"
        ))),
        Err(Vain::Refused(error)) => Err(StepReport::failed(
            format!("{workload} {done}, but waiting for it failed: {error}"),
            error.retryable(),
        )),
        Err(Vain::NotReady(missing, may_help)) => {
            let pods = pods_that_are_not_ready(workload, world).await;
            Err(StepReport::failed(
                format!("{workload} {done}, but is not ready: {missing}{pods}"),
                may_help,
            ))
        }
    }
}

async fn poll(
    workload: &Workload,
    limit: Span,
    session: &Session,
    world: &World,
    progress: &(impl Fn(&Value) -> Progress + Send),
) -> Result<(), Vain> {
    let until = world.clock.elapsed() + limit.duration();
    let mut pause = FIRST_PAUSE;
    loop {
        let missing = match stoppable(session, workload.get(world)).await? {
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

async fn stoppable<T>(session: &Session, work: impl Future<Output = T>) -> Result<T, Vain> {
    tokio::select! {
        biased;
        () = session.stop.cancelled() => Err(Vain::Stopped),
        done = work => Ok(done),
    }
}

/// Names the pods behind a workload that are not ready, each with its reason; nothing where they cannot be listed.
pub(super) async fn pods_that_are_not_ready(workload: &Workload, world: &World) -> String {
    let Ok(object) = workload.get(world).await else {
        return String::new();
    };
    let Some(labels) = object.pointer("/spec/selector").and_then(selector) else {
        return String::new();
    };
    let listed = world
        .clusters
        .list(
            &workload.cluster,
            &PODS.resource(),
            Some(&workload.namespace),
            Some(&labels),
        )
        .await;
    let problems: Vec<String> = listed
        .unwrap_or_default()
        .iter()
        .filter_map(|pod| Some(format!("; pod {}: {}", full_name(pod), pod_problem(pod)?)))
        .take(NAMED_PODS)
        .collect();
    problems.concat()
}
