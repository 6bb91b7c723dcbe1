//! What the pods of a Job say: while it runs into the step's log, as well as that goes; once it has ended, its last words and all of it.

use crate::{
    actions::{
        backup::{Artifact, ArtifactKind},
        framework::{World, said::Said},
        kubernetes::{
            kept::Kept,
            kinds::PODS,
            logs::{
                lines::{Lines, Target},
                patterns::Patterns,
                read::{Fault, Source, Wanted},
            },
            object::{items, pod_problem, text, time},
            pods,
            run_job::RunJobInputs,
        },
    },
    domain::run::StepReport,
    ports::{
        BoxFuture,
        cluster::{ClusterError, Container, LogsOf},
        executor::{LogStream, Session},
    },
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use serde_json::Value;
use std::{collections::BTreeSet, time::Duration};

/// How often new pods are looked for.
const PAUSE: Duration = Duration::from_secs(1);
/// How many containers are followed at once.
const MOST: usize = 50;
/// How many pods that have not ended a failure names.
const NAMED: usize = 5;
/// How many last lines a failure shows.
const LAST_LINES: u32 = 5;

/// The pods of one Job.
#[derive(Clone, Copy)]
pub(super) struct Pods<'a> {
    pub(super) inputs: &'a RunJobInputs,
    pub(super) job: &'a str,
    pub(super) session: &'a Session,
    pub(super) world: &'a World,
}

impl<'a> Pods<'a> {
    /// Says in the step's log what the containers say, until the Job has ended and all has been read that was there then.
    pub(super) async fn follow(self, ended: impl Future<Output = ()> + Send) {
        let mut seen = BTreeSet::new();
        let mut following = FuturesUnordered::new();
        let mut ended = std::pin::pin!(ended);
        let mut is_over = false;
        loop {
            for source in started(&self.list().await) {
                if seen.len() < MOST && seen.insert(source.clone()) {
                    following.push(self.one(source));
                }
            }
            if is_over {
                return while following.next().await.is_some() {};
            }
            tokio::select! {
                () = &mut ended => is_over = true,
                Some(()) = following.next() => {}
                () = self.world.clock.sleep(PAUSE) => {}
            }
        }
    }

    fn one(self, source: Source) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let note = format!("log of {}, container {}\n", source.pod, source.container);
            self.session.log.append(LogStream::Note, note.as_bytes());
            let target = Target::Log(self.session.log.clone());
            let mut lines = Lines::new(target, Patterns::default());
            let mut is_told = false;
            loop {
                let read = source
                    .read(self.wanted(true), "", &mut lines, self.world)
                    .await;
                match read {
                    Ok(()) if !self.runs(&source).await => return,
                    // The server has closed it too early.
                    Ok(()) => is_told = false,
                    Err(Fault::Cluster(error)) if error.retryable() => {
                        if !is_told {
                            let why = "breaks off, and is followed again";
                            self.note(&source, why, &error.to_string());
                        }
                        is_told = true;
                    }
                    Err(Fault::Cluster(error)) => {
                        return self.note(&source, "is not followed", &error.to_string());
                    }
                    Err(Fault::Nothing(why)) => return self.note(&source, "is not followed", &why),
                    Err(Fault::NotKept(error)) => {
                        return self.note(&source, "is not followed", &error.to_string());
                    }
                }
                self.world.clock.sleep(PAUSE).await;
                if self.session.stop.is_cancelled() {
                    return;
                }
                lines.again();
            }
        })
    }

    fn note(self, source: &Source, what: &str, why: &str) {
        let note = format!("the log of {} {what}: {why}\n", source.pod);
        self.session.log.append(LogStream::Note, note.as_bytes());
    }

    /// Whether a container goes on; where nobody can say, it does not.
    async fn runs(self, source: &Source) -> bool {
        let pods = self.list().await;
        let mut of_pod = pods.iter().filter(|pod| pods::name(pod) == source.pod);
        of_pod.any(|pod| {
            let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
            let mut statuses = lists.iter().flat_map(|list| items(pod, list));
            statuses.any(|status| {
                let is_it = text(status, "/name") == source.container;
                is_it && status.pointer("/state/running").is_some()
            })
        })
    }

    /// What keeps the pods of a Job that is not waited for any longer from ending well.
    pub(super) async fn reasons(self) -> String {
        let pods = self.list().await;
        let waiting = pods
            .iter()
            .filter(|pod| text(pod, "/status/phase") != "Failed")
            .filter_map(|pod| Some(format!("; pod {}: {}", pods::name(pod), pod_problem(pod)?)));
        let waiting: Vec<String> = waiting.take(NAMED).collect();
        format!("{}{}", waiting.concat(), self.last_words().await)
    }

    /// All that the containers have said, as an artifact.
    pub(super) async fn keep(self) -> Result<Option<Artifact>, StepReport> {
        let Some(name) = &self.inputs.artifact else {
            return Ok(None);
        };
        let listed = self.listed().await;
        let pods = listed.map_err(|error| not_kept(&error.to_string(), error.retryable()))?;
        let (kind, most) = (ArtifactKind::Logs, self.inputs.at_most);
        let kept = Kept::begin(kind, name, "log", most, self.session, self.world).await?;
        let mut lines = Lines::new(Target::Artifact(kept), Patterns::default());
        let mut broken = None;
        for source in started(&pods) {
            let prefix = source.prefix();
            let read = source.read(self.wanted(false), &prefix, &mut lines, self.world);
            broken = match read.await {
                Ok(()) | Err(Fault::Nothing(_)) => None,
                Err(Fault::Cluster(error)) => Some(error.to_string()),
                Err(Fault::NotKept(error)) => Some(error.to_string()),
            };
            if broken.is_some() {
                break;
            }
        }
        let Target::Artifact(kept) = lines.target else {
            return Ok(None);
        };
        match broken {
            None => kept.finish().await.map(Some),
            Some(why) => {
                kept.discard().await;
                Err(not_kept(&why, true))
            }
        }
    }

    /// How the last pod that failed ended, and its last words; nothing where that cannot be told.
    pub(super) async fn last_words(self) -> String {
        let pods = self.list().await;
        let failed = pods
            .iter()
            .filter(|pod| text(pod, "/status/phase") == "Failed")
            .max_by_key(|pod| time(pod, "/metadata/creationTimestamp"));
        let Some(pod) = failed else {
            return String::new();
        };
        let lists = ["/status/initContainerStatuses", "/status/containerStatuses"];
        let mut statuses = lists.iter().flat_map(|list| items(pod, list));
        let code = |status: &Value| {
            let code = status.pointer("/state/terminated/exitCode");
            code.and_then(Value::as_i64).filter(|code| *code != 0)
        };
        let Some((status, code)) = statuses.find_map(|status| Some((status, code(status)?))) else {
            return format!("; pod {} failed", pods::name(pod));
        };
        let container = text(status, "/name");
        let said = self.tail(pods::name(pod), container).await;
        format!(
            "; pod {}, container {container} exited with {code}{said}",
            pods::name(pod)
        )
    }

    async fn tail(self, pod: &str, container: &str) -> String {
        let of = LogsOf {
            container: Container {
                namespace: &self.inputs.namespace,
                pod,
                container: Some(container),
            },
            previous: false,
            since_seconds: None,
            tail_lines: Some(LAST_LINES),
            follow: false,
        };
        let mut said = Said::unheard();
        let clusters = &self.world.clusters;
        let read = clusters.logs(&self.inputs.cluster, of, &mut said).await;
        match read {
            Ok(()) => said.last_lines(LAST_LINES as usize),
            Err(_) => String::new(),
        }
    }

    fn wanted(self, follow: bool) -> Wanted<'a> {
        Wanted {
            cluster: &self.inputs.cluster,
            namespace: &self.inputs.namespace,
            previous: false,
            since_seconds: None,
            tail_lines: None,
            follow,
        }
    }

    /// None where they cannot be listed: a Job does not fail because nobody hears it.
    async fn list(self) -> Vec<Value> {
        self.listed().await.unwrap_or_default()
    }

    async fn listed(self) -> Result<Vec<Value>, ClusterError> {
        let labels = format!("job-name={}", self.job);
        let namespace = Some(self.inputs.namespace.as_str());
        let (clusters, cluster) = (&self.world.clusters, &self.inputs.cluster);
        clusters
            .list(cluster, &PODS.resource(), namespace, Some(&labels))
            .await
    }
}

fn not_kept(why: &str, retryable: bool) -> StepReport {
    let why = format!("what its containers have said could not be kept: {why}");
    StepReport::failed(why, retryable)
}

/// Containers that have begun, so that they have a log.
fn started(pods: &[Value]) -> Vec<Source> {
    let mut sources = Vec::new();
    for pod in pods {
        for list in ["/status/initContainerStatuses", "/status/containerStatuses"] {
            let begun = |status: &&Value| {
                let of = |state: &str| status.pointer(state).is_some();
                of("/state/running") || of("/state/terminated")
            };
            sources.extend(items(pod, list).iter().filter(begun).map(|status| Source {
                pod: pods::name(pod).to_owned(),
                container: text(status, "/name").to_owned(),
            }));
        }
    }
    sources
}
