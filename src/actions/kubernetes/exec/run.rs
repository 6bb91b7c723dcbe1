//! Carrying out `kubernetes/exec`.

use crate::{
    actions::{
        backup::{Artifact, ArtifactKind},
        framework::{World, outputs, said::Said},
        kubernetes::{
            exec::{ExecInputs, ExecOutputs},
            kept::{self, Kept},
            pods::{self, Miss, Pods},
        },
    },
    domain::run::StepReport,
    ports::{
        cluster::{ClusterError, Container, ExecEnd, ExecStreams, Sink},
        executor::{LogStream, Session},
    },
};

/// How much of the output later steps can use.
const CAPTURED: usize = 64 * 1024;
/// How many last lines of standard error a failure shows.
const LAST_LINES: usize = 5;

/// Where standard output goes.
enum Output {
    Log(Said),
    Artifact(Kept),
}

/// A program in its place.
struct Running<'a> {
    inputs: &'a ExecInputs,
    pods: Pods,
    pod: String,
    container: String,
    /// For people: `pg_dump in pod shop/db-0`.
    what: String,
}

pub(super) async fn run(
    inputs: &ExecInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let running = tokio::select! {
        biased;
        () = session.stop.cancelled() => return Err(StepReport::canceled("stopped before it began")),
        running = Running::find(inputs, world) => running?,
    };
    let place = format!("{}, container {}\n", running.what, running.container);
    session.log.append(LogStream::Note, place.as_bytes());
    let mut output = running.open(session, world).await?;
    let mut errors = Said::to(session.log.clone(), LogStream::Err, 0);
    let ended = tokio::select! {
        biased;
        () = session.stop.cancelled() => None,
        ended = running.exec(output.sink(), &mut errors, world) => Some(ended),
    };
    let (code, failed) = running.judge(ended, &output, &errors);
    let left = running.outputs(code, &output);
    match failed {
        None => running.keep(output, left).await,
        Some(report) => {
            output.discard().await;
            Err(StepReport {
                outputs: outputs(&left),
                ..report
            })
        }
    }
}

impl<'a> Running<'a> {
    async fn find(inputs: &'a ExecInputs, world: &World) -> Result<Self, StepReport> {
        let unfit = |error: String| StepReport::failed(error, false);
        let pods = inputs.pods().map_err(unfit)?;
        let program = inputs.argv().into_iter().next().unwrap_or_default();
        let found = pods
            .one(inputs.any, world)
            .await
            .map_err(|miss| match miss {
                Miss::Cluster(error) => StepReport::failed(
                    format!("running `{program}` in {pods}: {error}"),
                    error.retryable(),
                ),
                Miss::Unfit(why) => StepReport::failed(format!("running `{program}`: {why}"), true),
            })?;
        let pod = pods::name(&found).to_owned();
        let container = pods::container(&found, inputs.container.as_deref()).map_err(unfit)?;
        let what = format!("`{program}` in pod {}/{pod}", pods.namespace);
        Ok(Self {
            inputs,
            pods,
            pod,
            container,
            what,
        })
    }

    async fn open(&self, session: &Session, world: &World) -> Result<Output, StepReport> {
        let Some(name) = &self.inputs.artifact else {
            let captured = if self.inputs.capture { CAPTURED } else { 0 };
            let said = Said::to(session.log.clone(), LogStream::Out, captured);
            return Ok(Output::Log(said));
        };
        let (extension, most) = (&self.inputs.extension, self.inputs.at_most);
        let kept = Kept::begin(ArtifactKind::Stream, name, extension, most, session, world);
        kept.await.map(Output::Artifact)
    }

    async fn exec(
        &self,
        stdout: &mut Sink<'_>,
        stderr: &mut Said,
        world: &World,
    ) -> Result<ExecEnd, ClusterError> {
        let container = Container {
            namespace: &self.pods.namespace,
            pod: &self.pod,
            container: Some(&self.container),
        };
        let mut stdin = self.inputs.stdin.as_deref().map(str::as_bytes);
        let streams = ExecStreams {
            stdin: stdin.as_mut().map(|text| text as _),
            stdout,
            stderr,
        };
        let argv = self.inputs.argv();
        let clusters = &world.clusters;
        clusters
            .exec(&self.pods.cluster, container, &argv, streams)
            .await
    }

    /// Its exit code, as far as that is known, and the report unless it ended well.
    fn judge(
        &self,
        ended: Option<Result<ExecEnd, ClusterError>>,
        output: &Output,
        errors: &Said,
    ) -> (Option<i32>, Option<StepReport>) {
        let what = &self.what;
        let last = errors.last_lines(LAST_LINES);
        let report = match ended {
            Some(Ok(ExecEnd::Exited(0))) => return (Some(0), self.nothing_printed(output)),
            Some(Ok(ExecEnd::Exited(code))) => {
                let report = StepReport::failed(format!("{what} exited with {code}{last}"), true);
                return (Some(code), Some(report));
            }
            Some(Ok(ExecEnd::Failed(why))) => {
                StepReport::failed(format!("{what} did not run to its end: {why}{last}"), true)
            }
            Some(Err(error)) => output.fault().unwrap_or_else(|| {
                StepReport::failed(format!("{what}: {error}{last}"), error.retryable())
            }),
            None => StepReport::canceled(format!(
                "{what} was stopped: the connection is closed, which need not end the program; it may still run there"
            )),
        };
        (None, Some(report))
    }

    /// The report of an artifact that nothing came for.
    fn nothing_printed(&self, output: &Output) -> Option<StepReport> {
        let is_kept = matches!(output, Output::Artifact(_));
        if output.count() > 0 || !is_kept || self.inputs.allow_empty {
            return None;
        }
        let why = format!(
            "{} exited with 0, but printed nothing\nhint: set `allowEmpty: true` where that is well",
            self.what
        );
        Some(StepReport::failed(why, true))
    }

    fn outputs(&self, exit_code: Option<i32>, output: &Output) -> ExecOutputs {
        let (stdout, truncated) = match output {
            Output::Log(said) if self.inputs.capture => {
                let (text, truncated) = said.beginning();
                let text = text.trim_end_matches(['\n', '\r']).to_owned();
                (Some(text), truncated)
            }
            Output::Log(_) | Output::Artifact(_) => (None, false),
        };
        ExecOutputs {
            cluster: self.pods.cluster.clone(),
            namespace: self.pods.namespace.clone(),
            pod: self.pod.clone(),
            container: self.container.clone(),
            exit_code,
            bytes: output.count(),
            stdout,
            truncated,
            artifact: None,
        }
    }

    async fn keep(&self, output: Output, mut left: ExecOutputs) -> Result<StepReport, StepReport> {
        let mut summary = format!("{} exited with 0", self.what);
        if let Some(artifact) = output.finish().await? {
            summary = format!("{summary}: {}", kept::words(&artifact));
            left.artifact = Some(artifact);
        }
        Ok(StepReport::succeeded(summary, outputs(&left)))
    }
}

impl Output {
    fn sink(&mut self) -> &mut Sink<'_> {
        match self {
            Self::Log(said) => said,
            Self::Artifact(kept) => &mut *kept.writing,
        }
    }
    fn count(&self) -> u64 {
        match self {
            Self::Log(said) => said.count(),
            Self::Artifact(kept) => kept.writing.written(),
        }
    }
    fn fault(&self) -> Option<StepReport> {
        match self {
            Self::Log(_) => None,
            Self::Artifact(kept) => kept.fault(),
        }
    }
    async fn finish(self) -> Result<Option<Artifact>, StepReport> {
        match self {
            Self::Log(_) => Ok(None),
            Self::Artifact(kept) => kept.finish().await.map(Some),
        }
    }
    async fn discard(self) {
        if let Self::Artifact(kept) = self {
            kept.discard().await;
        }
    }
}
