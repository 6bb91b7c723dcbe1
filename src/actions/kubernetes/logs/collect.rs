//! Carrying out `kubernetes/logs`.

use super::{
    LogsInputs, LogsOutputs, Seen,
    lines::{Lines, Target},
    read::{Fault, Source, Wanted},
};
use crate::{
    actions::{
        backup::ArtifactKind,
        framework::{World, outputs},
        kubernetes::{
            kept::{self, Kept},
            pods::{self, Miss, Pods},
            report_error,
        },
    },
    domain::{check::CheckStatus, run::StepReport},
    ports::executor::Session,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// How many containers are read at most.
const MOST: usize = 500;
/// How many lines a summary shows.
const SHOWN: usize = 3;

/// What was read.
struct Read {
    sources: Vec<Source>,
    unread: Vec<String>,
    lines: Lines,
}

pub(super) async fn collect(
    inputs: &LogsInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let pods = inputs.pods().map_err(unfit)?;
    let stopped = || StepReport::canceled("stopped");
    let sources = tokio::select! {
        biased;
        () = session.stop.cancelled() => return Err(stopped()),
        sources = sources(inputs, &pods, world) => sources?,
    };
    let target = match &inputs.artifact {
        None => Target::Log(session.log.clone()),
        Some(name) => {
            let (kind, most) = (ArtifactKind::Logs, inputs.at_most);
            Target::Artifact(Kept::begin(kind, name, "log", most, session, world).await?)
        }
    };
    let mut read = Read {
        sources: Vec::new(),
        unread: Vec::new(),
        lines: Lines::new(target, inputs.patterns().map_err(unfit)?),
    };
    let all = tokio::select! {
        biased;
        () = session.stop.cancelled() => Err(stopped()),
        all = read.all(inputs, sources, world) => all,
    };
    match all {
        Ok(()) => read.finish(&pods).await,
        Err(report) => {
            if let Target::Artifact(kept) = read.lines.target {
                kept.discard().await;
            }
            Err(report)
        }
    }
}

fn unfit(error: String) -> StepReport {
    StepReport::failed(error, false)
}

async fn sources(
    inputs: &LogsInputs,
    pods: &Pods,
    world: &World,
) -> Result<Vec<Source>, StepReport> {
    let found = pods.all(world).await.map_err(|miss| match miss {
        Miss::Cluster(error) => report_error(&format!("reading the logs of {pods}"), &error),
        Miss::Unfit(why) => unfit(why),
    })?;
    let mut sources = Vec::new();
    for pod in &found {
        let of = |container: String| Source {
            pod: pods::name(pod).to_owned(),
            container,
        };
        let named = containers(inputs, pod).map_err(unfit)?;
        sources.extend(named.into_iter().map(of));
    }
    match sources.len() {
        0 => Err(StepReport::failed(
            format!("{pods}: there are none, so there are no logs"),
            true,
        )),
        many if many > MOST => Err(unfit(format!(
            "{pods} have {many} containers, and at most {MOST} are read\nhint: name fewer by `selector`"
        ))),
        _ => Ok(sources),
    }
}

fn containers(inputs: &LogsInputs, pod: &Value) -> Result<Vec<String>, String> {
    if inputs.all_containers {
        return Ok(pods::containers(pod));
    }
    let one = pods::container(pod, inputs.container.as_deref());
    one.map(|name| vec![name])
        .map_err(|error| format!("{error}; or set `allContainers: true`"))
}

impl Read {
    async fn all(
        &mut self,
        inputs: &LogsInputs,
        sources: Vec<Source>,
        world: &World,
    ) -> Result<(), StepReport> {
        let wanted = Wanted {
            cluster: &inputs.cluster,
            namespace: &inputs.namespace,
            previous: inputs.previous,
            since_seconds: inputs.since_seconds(),
            tail_lines: inputs.tail,
            follow: false,
        };
        let several = sources.len() > 1;
        for source in sources {
            let prefix = if several {
                source.prefix()
            } else {
                String::new()
            };
            match source.read(wanted, &prefix, &mut self.lines, world).await {
                Ok(()) => self.sources.push(source),
                Err(Fault::Nothing(why)) => self.unread.push(format!("{}{why}", source.prefix())),
                Err(Fault::Cluster(error)) => {
                    let doing = format!("reading the log of {}/{}", source.pod, source.container);
                    return Err(report_error(&doing, &error));
                }
                Err(Fault::NotKept(error)) => return Err(self.not_kept(&error)),
            }
        }
        match self.unread.first() {
            Some(why) if self.sources.is_empty() => Err(StepReport::failed(
                format!("there are no logs: {why}"),
                true,
            )),
            _ => Ok(()),
        }
    }

    fn not_kept(&self, error: &std::io::Error) -> StepReport {
        let fault = match &self.lines.target {
            Target::Artifact(kept) => kept.fault(),
            Target::Log(_) => None,
        };
        fault.unwrap_or_else(|| StepReport::failed(error.to_string(), true))
    }

    async fn finish(self, pods: &Pods) -> Result<StepReport, StepReport> {
        let Lines {
            target,
            patterns,
            count,
            bytes,
            ..
        } = self.lines;
        let artifact = match target {
            Target::Log(_) => None,
            Target::Artifact(kept) => Some(kept.finish().await?),
        };
        let is_check = !patterns.are_none();
        let (expected, forbidden) = patterns.found();
        let found = LogsOutputs {
            pods: names(&self.sources),
            containers: self.sources.len() as u64,
            lines: count,
            bytes,
            expected,
            forbidden,
            unread: self.unread,
            artifact,
        };
        Ok(report(pods, is_check, &found))
    }
}

fn names(sources: &[Source]) -> Vec<String> {
    let names: BTreeSet<&str> = sources.iter().map(|source| source.pod.as_str()).collect();
    names.into_iter().map(str::to_owned).collect()
}

fn report(pods: &Pods, is_check: bool, found: &LogsOutputs) -> StepReport {
    let mut summary = format!(
        "{} lines of {} containers: {pods}",
        found.lines, found.containers
    );
    if let Some(why) = found.unread.first() {
        summary = format!("{summary}; {} have no log: {why}", found.unread.len());
    }
    if let Some(words) = found.artifact.as_ref().map(kept::words) {
        summary = format!("{summary}; {words}");
    }
    if !is_check {
        return StepReport::succeeded(summary, outputs(found));
    }
    let forbidden = found.forbidden.iter().filter(|seen| seen.count > 0);
    let missing = found.expected.iter().filter(|seen| seen.count == 0);
    let wrong: Vec<String> = forbidden
        .map(forbidden_words)
        .chain(missing.map(|seen| format!("no line matches `{}`", seen.pattern)))
        .collect();
    if wrong.is_empty() {
        return StepReport::checked(CheckStatus::Ok, summary, outputs(found));
    }
    let summary = format!("{}; {summary}", wrong.join("; "));
    StepReport::checked(CheckStatus::Critical, summary, outputs(found))
}

fn forbidden_words(seen: &Seen) -> String {
    let first: Vec<&str> = seen.lines.iter().map(String::as_str).take(SHOWN).collect();
    format!(
        "{} lines match `{}`: {}",
        seen.count,
        seen.pattern,
        first.join(" | ")
    )
}
