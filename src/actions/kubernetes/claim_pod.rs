//! Files of a volume, reached by a program in a container: of a pod that is there, or of one that a step makes to mount a claim and removes
//! again.
//!
//! A pod that a step has made bears its mark, and ends by itself after its `longest`. It is deleted when the step is done with it, whatever
//! became of the step; what a crash has left, the step's next attempt deletes, and any later run of the runbook once it has ended.

use crate::{
    actions::{
        framework::{World, rights},
        kubernetes::{
            beforehand::seen,
            check_name,
            kinds::PODS,
            object::{annotation, is, text},
            own::{MADE_BY, Own, RUNBOOK, uid},
            pods::{self, Miss, Pods},
            report_error,
            subject::Subject,
            until::{Ended, State, until_ended},
            workload::mark,
        },
    },
    commands::deeds::{Deed, Manifest, of_deeds},
    domain::{
        effect::{Effect, Effects, Object, Place, Scope, Verb, Which},
        right::Rights,
        run::{StepReport, StepResult},
        span::Span,
    },
    ports::{
        cluster::{Change, ClusterError, Container, Deletion, ExecEnd, ExecStreams},
        executor::{LogStream, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// By this label, pods that steps make for volumes are found.
const HELPER: &str = "orderly.dev/helper";
/// Its value.
const OF_VOLUMES: &str = "volume";
/// A claim, as effects name its kind.
const CLAIM: &str = "persistentvolumeclaim";
/// The container of such a pod, and its volume.
const FILES: &str = "files";

/// A claim, and the pod that is made to reach its files.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mounting {
    /// The claim.
    pub claim: String,
    /// The pod's image, with a tag that stays or a digest. It needs `sleep` and `tar`; for a restore, `sh` and `head` as well.
    pub image: String,
    /// Where the claim is mounted in the pod.
    #[serde(default = "volume")]
    pub path: String,
    /// The user that the pod runs as, where it must not be root; then only what this user can read is kept.
    #[serde(default)]
    #[schemars(range(min = 1))]
    pub user: Option<u32>,
    /// The node that it runs on: that of the pod that uses the claim, where the claim can be mounted on one node only.
    #[serde(default)]
    pub node: Option<String>,
    /// How long to wait until the pod is ready.
    #[serde(default = "five_minutes")]
    pub wait: Span,
    /// After this time the cluster ends the pod by itself, should the agent not come back for it.
    #[serde(default = "six_hours")]
    pub longest: Span,
}

fn volume() -> String {
    "/volume".to_owned()
}
fn five_minutes() -> Span {
    Span::from_secs(300)
}
fn six_hours() -> Span {
    Span::from_secs(6 * 3600)
}

/// A container that is there. Exactly one of `pod`, `object` and `selector` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct InPod {
    /// A pod's name.
    #[serde(default)]
    pub pod: Option<String>,
    /// A workload, as in `statefulset/db`: its first pod that is ready, by name.
    #[serde(default)]
    pub object: Option<String>,
    /// Labels that exactly one pod has.
    #[serde(default)]
    pub selector: Option<String>,
    /// The container; needed where the pod has several and does not name its default one.
    #[serde(default)]
    pub container: Option<String>,
    /// The folder in it.
    pub path: String,
}

/// What is done with the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::actions) enum Use {
    Read,
    Write,
}

/// Where files are, as a step names it. Exactly one of `mount` and `pod` is given.
#[derive(Debug, Clone, Copy)]
pub(in crate::actions) struct FilesOf<'a> {
    pub(in crate::actions) cluster: &'a str,
    pub(in crate::actions) namespace: &'a str,
    pub(in crate::actions) mount: Option<&'a Mounting>,
    pub(in crate::actions) pod: Option<&'a InPod>,
    pub(in crate::actions) used: Use,
}

/// A container in which the files are.
#[derive(Debug)]
pub(in crate::actions) struct Reached {
    cluster: String,
    namespace: String,
    pub(in crate::actions) pod: String,
    container: String,
    pub(in crate::actions) path: String,
    own: Option<(Subject, String)>,
}

impl FilesOf<'_> {
    pub(in crate::actions) fn validate(self) -> Result<(), String> {
        check_name("cluster", self.cluster)?;
        check_name("namespace", self.namespace)?;
        match (self.mount, self.pod) {
            (Some(mount), None) => mount.validate(),
            (None, Some(pod)) => {
                if let Some(container) = &pod.container {
                    check_name("container", container)?;
                }
                check_folder("pod.path", &pod.path)?;
                self.pods(pod).map(drop)
            }
            _ => Err("in `with`: give exactly one of `mount`, `pod`".to_owned()),
        }
    }

    fn pods(self, pod: &InPod) -> Result<Pods, String> {
        Pods::new(
            self.cluster,
            self.namespace,
            pod.pod.as_deref(),
            pod.object.as_deref(),
            pod.selector.as_deref(),
        )
    }

    fn own<'a>(&'a self, mount: &'a Mounting, context: &'a StepContext) -> Own<'a> {
        Own {
            cluster: self.cluster,
            namespace: self.namespace,
            kind: "pod",
            prefix: &mount.claim,
            context,
        }
    }

    /// A pod is made, where one is, and a program runs in it; what is written is written over.
    pub(in crate::actions) fn effects(self, context: &StepContext) -> Result<Effects, String> {
        let object = |kind: &str, which: Which| Object {
            place: Place::Cluster(self.cluster.to_owned()),
            kind: kind.to_owned(),
            scope: Scope::Namespace(self.namespace.to_owned()),
            which,
        };
        let runs = |kind: &str, which: Which| {
            let run = object(kind, which);
            match self.used {
                Use::Read => Effect::change(Verb::Exec, run, "it only reads"),
                Use::Write => Effect::destructive(Verb::Exec, run),
            }
        };
        if let Some(pod) = self.pod {
            let (kind, which) = self.pods(pod)?.named();
            return Ok(Effects::exact(vec![runs(&kind, which)]));
        }
        let Some(mount) = self.mount else {
            return Ok(Effects::exact(Vec::new()));
        };
        let own = self.own(mount, context);
        let manifest = mount.manifest(&own, self.used);
        let made = Deed::Create(Manifest {
            object: &manifest,
            namespace: Some(self.namespace),
        });
        let mut effects = of_deeds(self.cluster, &[made]);
        let claim = object(CLAIM, Which::Named(mount.claim.clone()));
        effects.items.push(match self.used {
            Use::Read => Effect::read(Verb::Read, claim),
            Use::Write => Effect::destructive(Verb::Update, claim),
        });
        let name = own.name(context.attempt);
        effects.items.push(runs("pod", Which::Named(name)));
        Ok(effects)
    }

    /// Whether planning shows that the files cannot be reached.
    pub(in crate::actions) async fn foresee(
        self,
        context: &StepContext,
        world: &World,
    ) -> Result<(), String> {
        if let Some(pod) = self.pod {
            return self.pods(pod)?.foresee(context, world).await;
        }
        match self.claim() {
            Some(claim) => seen(&claim, context, world).await.map(drop),
            None => Ok(()),
        }
    }

    fn claim(self) -> Option<Subject> {
        Some(Subject {
            cluster: self.cluster.to_owned(),
            kind: CLAIM.to_owned(),
            namespace: Some(self.namespace.to_owned()),
            name: self.mount?.claim.clone(),
        })
    }

    /// A pod's name follows from the run, so no right can be held to it.
    pub(in crate::actions) fn rights(self) -> Rights {
        let verbs = &["create", "get"];
        if let Some(pod) = self.pod {
            let pods = self.pods(pod);
            return pods.map_or_else(|_| Rights::default(), |pods| pods.rights("exec", verbs));
        }
        let pods = rights::On::all(self.cluster, Some(self.namespace), &PODS);
        let exec = rights::On {
            resource: "pods/exec",
            ..pods
        };
        let needed = Rights::default()
            .and(pods, &["create", "delete", "get", "list"])
            .and(exec, verbs);
        match self.claim() {
            Some(claim) => needed.and_also(rights::on_object(&claim.object(), None, &["get"])),
            None => needed,
        }
    }

    /// Finds the container, or makes a pod and waits until it is ready. Who opens it closes it.
    pub(in crate::actions) async fn open(
        self,
        session: &Session,
        world: &World,
    ) -> Result<Reached, StepReport> {
        match (self.mount, self.pod) {
            (Some(mount), _) => self.make(mount, session, world).await,
            (None, Some(pod)) => self.find(pod, world).await,
            (None, None) => Err(StepReport::failed("nothing is named", false)),
        }
    }

    async fn find(self, named: &InPod, world: &World) -> Result<Reached, StepReport> {
        let unfit = |why: String| StepReport::failed(why, false);
        let pods = self.pods(named).map_err(unfit)?;
        let found = pods.one(false, world).await.map_err(|miss| match miss {
            Miss::Cluster(error) => report_error(&format!("looking for {pods}"), &error),
            Miss::Unfit(why) => StepReport::failed(why, true),
        })?;
        Ok(Reached {
            cluster: self.cluster.to_owned(),
            namespace: self.namespace.to_owned(),
            pod: pods::name(&found).to_owned(),
            container: pods::container(&found, named.container.as_deref()).map_err(unfit)?,
            path: named.path.clone(),
            own: None,
        })
    }

    async fn make(
        self,
        mount: &Mounting,
        session: &Session,
        world: &World,
    ) -> Result<Reached, StepReport> {
        let own = self.own(mount, &session.context);
        self.sweep(&own, session, world).await?;
        // A pod would wait for it as long as it may.
        if let Some(claim) = self.claim() {
            let found = claim.get(world).await;
            found.map_err(|error| report_error(&format!("looking for {claim}"), &error))?;
        }
        let subject = own.subject(session.context.attempt);
        let made = own.make(&mount.manifest(&own, self.used), world).await;
        let made = made.map_err(|error| report_error(&format!("making {subject}"), &error))?;
        let note = format!("made {subject}\n");
        session.log.append(LogStream::Note, note.as_bytes());
        let reached = Reached {
            cluster: self.cluster.to_owned(),
            namespace: self.namespace.to_owned(),
            pod: subject.name.clone(),
            container: FILES.to_owned(),
            path: mount.path.clone(),
            own: Some((subject.clone(), uid(&made).to_owned())),
        };
        let wait = Some(mount.wait);
        let ended = until_ended(&subject, uid(&made), wait, session, world, ready).await;
        let report = match ended {
            Ended::Done(_) => return Ok(reached),
            Ended::Failed(_, why) => StepReport::failed(format!("{subject}: {why}"), true),
            Ended::Late(missing) => {
                StepReport::failed(format!("{subject} is not ready: {missing}"), true)
            }
            Ended::Gone => StepReport::failed(format!("{subject} was deleted by another"), true),
            Ended::Stopped => StepReport::canceled(format!("{subject} was not waited for")),
            Ended::Refused(error) => report_error(&format!("waiting for {subject}"), &error),
        };
        Err(reached.close(report, world).await)
    }

    /// Deletes what earlier attempts of this step, and runs that have ended, could not delete.
    async fn sweep(
        self,
        own: &Own<'_>,
        session: &Session,
        world: &World,
    ) -> Result<(), StepReport> {
        let failed =
            |error: ClusterError| report_error("looking for pods of earlier attempts", &error);
        let selector = format!(
            "{HELPER}={OF_VOLUMES},{RUNBOOK}={}",
            session.context.runbook
        );
        let (resource, namespace) = (PODS.resource(), Some(self.namespace));
        let listed = world
            .clusters
            .list(self.cluster, &resource, namespace, Some(&selector));
        for pod in listed.await.map_err(failed)? {
            let marked = annotation(&pod, "/metadata/annotations", MADE_BY);
            let ours = marked == mark(&session.context);
            let current = pods::name(&pod) == own.name(session.context.attempt);
            let leaving = pod.pointer("/metadata/deletionTimestamp").is_some();
            if leaving || current || !(ours || has_ended(&pod)) {
                continue;
            }
            let subject = Subject {
                name: pods::name(&pod).to_owned(),
                ..own.subject(1)
            };
            delete(&subject, uid(&pod), world).await.map_err(failed)?;
            let note = format!("deleted {subject}, which an earlier attempt had left\n");
            session.log.append(LogStream::Note, note.as_bytes());
        }
        Ok(())
    }
}

impl Mounting {
    fn validate(&self) -> Result<(), String> {
        check_name("mount.claim", &self.claim)?;
        if let Some(node) = &self.node {
            check_name("mount.node", node)?;
        }
        check_folder("mount.path", &self.path)?;
        if is_fixed(&self.image) {
            return Ok(());
        }
        Err(format!(
            "in `with`, at `mount.image`: `{}` may be another one tomorrow\nhint: name it with a tag that stays or by its digest, as in `registry.example.org/tools:1.4`",
            self.image
        ))
    }

    fn manifest(&self, own: &Own<'_>, used: Use) -> Value {
        // Root without these could not read what belongs to others, or give it back to them.
        let as_root: &[&str] = match used {
            Use::Read => &["DAC_OVERRIDE"],
            Use::Write => &["CHOWN", "DAC_OVERRIDE", "FOWNER"],
        };
        let added = if self.user.is_some() { &[] } else { as_root };
        let mut pod = json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": { "labels": { HELPER: OF_VOLUMES } },
            "spec": {
                "restartPolicy": "Never",
                "activeDeadlineSeconds": self.longest.duration().as_secs().max(1),
                "terminationGracePeriodSeconds": 0,
                "automountServiceAccountToken": false,
                "enableServiceLinks": false,
                "securityContext": { "seccompProfile": { "type": "RuntimeDefault" } },
                "containers": [{
                    "name": FILES, "image": self.image,
                    "command": ["sleep", self.longest.duration().as_secs().to_string()],
                    "securityContext": {
                        "allowPrivilegeEscalation": false,
                        "capabilities": { "drop": ["ALL"], "add": added },
                        "readOnlyRootFilesystem": true
                    },
                    "volumeMounts": [{ "name": FILES, "mountPath": self.path, "readOnly": used == Use::Read }]
                }],
                "volumes": [{ "name": FILES, "persistentVolumeClaim": { "claimName": self.claim } }]
            }
        });
        if let Some(user) = self.user {
            pod["spec"]["securityContext"]["runAsUser"] = json!(user);
            pod["spec"]["securityContext"]["runAsNonRoot"] = json!(true);
        }
        if let Some(node) = &self.node {
            pod["spec"]["nodeName"] = json!(node);
        }
        own.stamp(&mut pod);
        pod
    }
}

impl Reached {
    /// Runs a program there.
    pub(in crate::actions) async fn exec<'a>(
        &'a self,
        argv: &'a [String],
        streams: ExecStreams<'a>,
        world: &'a World,
    ) -> Result<ExecEnd, ClusterError> {
        let container = Container {
            namespace: &self.namespace,
            pod: &self.pod,
            container: Some(&self.container),
        };
        world
            .clusters
            .exec(&self.cluster, container, argv, streams)
            .await
    }

    /// Deletes the pod, if it was made for this; what of that did not work stands in the report.
    pub(in crate::actions) async fn close(self, report: StepReport, world: &World) -> StepReport {
        let Some((subject, uid)) = &self.own else {
            return report;
        };
        match delete(subject, uid, world).await {
            Ok(()) => report,
            Err(error) => {
                let more = format!("{subject} could not be deleted, and ends by itself: {error}");
                and_said(report, &more)
            }
        }
    }
}

/// The same report, that says more.
pub(in crate::actions) fn and_said(report: StepReport, more: &str) -> StepReport {
    let summary = format!("{}; {more}", report.summary);
    let said = match report.result {
        StepResult::Failed { retryable, .. } => StepReport::failed(summary, retryable),
        StepResult::Succeeded | StepResult::TimedOut | StepResult::Canceled => {
            return StepReport { summary, ..report };
        }
    };
    StepReport {
        check: report.check,
        outputs: report.outputs,
        ..said
    }
}

async fn delete(subject: &Subject, uid: &str, world: &World) -> Result<(), ClusterError> {
    let deletion = Deletion {
        uid: Some(uid),
        grace_seconds: Some(0),
        ..Deletion::default()
    };
    match subject.change(world, Change::Delete(deletion), false).await {
        // Another one of its name is not ours.
        Ok(_) | Err(ClusterError::NotFound(_) | ClusterError::Conflict { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn ready(pod: &Value) -> State {
    if is(pod, "Ready") {
        return State::Done;
    }
    if has_ended(pod) {
        let why = text(pod, "/status/message");
        return State::Failed(format!("it has ended: {why}"));
    }
    let problem = crate::actions::kubernetes::object::pod_problem(pod);
    State::Waiting(problem.unwrap_or_else(|| "it is on its way out".to_owned()))
}

fn has_ended(pod: &Value) -> bool {
    ["Succeeded", "Failed"].contains(&text(pod, "/status/phase"))
}

/// A folder as a program is told it.
pub(in crate::actions) fn check_folder(field: &str, path: &str) -> Result<(), String> {
    let plain = path.starts_with('/') && path.len() <= 4096 && !path.contains(char::is_control);
    if plain && !path.split('/').any(|part| part == "..") {
        return Ok(());
    }
    Err(format!(
        "in `with`, at `{field}`: want the absolute path of a folder, without `..`"
    ))
}

/// Whether an image is named by a digest, or by a tag other than `latest`.
fn is_fixed(image: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._/:@".contains(c);
    let last = image.rsplit('/').next().unwrap_or(image);
    let tag = last.split_once(':').map(|(_, tag)| tag);
    let tagged = tag.is_some_and(|tag| !tag.is_empty() && tag != "latest");
    image.chars().all(fits) && image.len() <= 1000 && (image.contains("@sha256:") || tagged)
}

#[cfg(test)]
mod tests {
    use super::{check_folder, is_fixed};

    #[test]
    fn an_image_names_what_it_is() {
        let by_digest = format!("registry.example.org/a@sha256:{}", "0".repeat(64));
        for good in ["busybox:1.36", "registry.example.org:5000/a:1", &by_digest] {
            assert!(is_fixed(good), "{good}");
        }
        for bad in [
            "busybox",
            "busybox:latest",
            "registry.example.org:5000/a",
            "a:",
            "a b:1",
        ] {
            assert!(!is_fixed(bad), "{bad}");
        }
    }

    #[test]
    fn a_folder_is_absolute_and_leads_nowhere_else() {
        assert_eq!(check_folder("path", "/var/lib/data"), Ok(()));
        for bad in ["data", "/a/../b", "", "/a\n"] {
            assert!(check_folder("path", bad).is_err(), "{bad}");
        }
    }
}
