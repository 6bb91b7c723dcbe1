//! What `kubernetes/run-job` is told.

use super::template::Template;
use crate::{
    actions::{
        framework::{rights::On, size::Size},
        kubernetes::{
            check_name, default_cluster,
            kinds::{CRON_JOBS, JOBS, PODS},
            own::Own,
            subject::Subject,
        },
    },
    commands::deeds::{Deed, Manifest, of_deeds},
    domain::{
        effect::{Confidence, Effect, Effects, Object, Place, Scope, Verb, Which},
        name::ArtifactName,
        right::Rights,
        secret,
        span::Span,
    },
    ports::executor::StepContext,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) const JOB: &str = "job.batch";

/// What `kubernetes/run-job` is told. Exactly one of `job`, `template` and `fromCronJob` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunJobInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The first part of the Job's name; the cron job's or the step's name where it is not said. What follows is made of the run, the step and
    /// the attempt.
    #[serde(default)]
    pub name: Option<String>,
    /// A Job as a manifest has it: its `spec`, or all of it.
    #[serde(default)]
    pub job: Option<Map<String, Value>>,
    /// A Job with one container.
    #[serde(default)]
    pub template: Option<Template>,
    /// The Job that this cron job would start.
    #[serde(default)]
    pub from_cron_job: Option<String>,
    /// How long it may take; as long as the step may where it is not said.
    #[serde(default)]
    pub wait: Option<Span>,
    /// Keeps what its containers have said as an artifact of this name, once it has ended, also where it has failed.
    #[serde(default)]
    #[schemars(
        with = "Option<String>",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub artifact: Option<ArtifactName>,
    /// How many bytes the artifact may hold before compression, as in `2GiB`; 100 GiB where it is not said.
    #[serde(default)]
    pub at_most: Option<Size>,
    /// When the Job is deleted, with its pods.
    #[serde(default)]
    pub cleanup: Cleanup,
    /// After how many seconds Kubernetes deletes the ended Job by itself.
    #[serde(default)]
    pub ttl_seconds_after_finished: Option<u32>,
    /// Whether running it twice is the same as running it once; only then is a Job that has failed followed by another one when the step is
    /// tried again.
    #[serde(default)]
    pub idempotent: bool,
}

/// When the Job is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cleanup {
    /// When it has succeeded. One that has failed stays for a look, and one whose step is stopped goes on.
    #[default]
    Success,
    /// When it has ended, or when the step is stopped or gives up waiting.
    Always,
    /// Not by this step.
    Never,
}

impl RunJobInputs {
    pub(super) fn validate(&self) -> Result<(), String> {
        check_name("cluster", &self.cluster)?;
        check_name("namespace", &self.namespace)?;
        if let Some(name) = &self.name {
            check_name("name", name)?;
        }
        match (&self.job, &self.template, &self.from_cron_job) {
            (Some(job), None, None) => check_job(job),
            (None, Some(template), None) => {
                template.validate()?;
                no_secrets("template", &template.spec())
            }
            (None, None, Some(cron_job)) => check_name("fromCronJob", cron_job),
            _ => Err("in `with`: give exactly one of `job`, `template`, `fromCronJob`".to_owned()),
        }
    }

    /// The cron job whose spec it takes.
    pub(super) fn cron_job(&self) -> Option<Subject> {
        Some(Subject {
            cluster: self.cluster.clone(),
            kind: CRON_JOBS.effect_kind(),
            namespace: Some(self.namespace.clone()),
            name: self.from_cron_job.clone()?,
        })
    }

    /// The Jobs of this step.
    pub(super) fn own<'a>(&'a self, context: &'a StepContext) -> Own<'a> {
        let named = self.name.as_deref().or(self.from_cron_job.as_deref());
        Own {
            cluster: &self.cluster,
            namespace: &self.namespace,
            kind: JOB,
            prefix: named.unwrap_or(context.step.as_str()),
            context,
        }
    }

    /// The Job of this attempt; where a cron job has its spec, without one.
    pub(super) fn manifest(&self, context: &StepContext) -> Value {
        let written = match (&self.job, &self.template) {
            (Some(job), _) if job.contains_key("spec") => json!({
                "metadata": { "labels": noted(job, "labels"), "annotations": noted(job, "annotations") },
                "spec": job.get("spec")
            }),
            (Some(job), _) => json!({ "spec": job }),
            (None, Some(template)) => json!({ "spec": template.spec() }),
            (None, None) => json!({}),
        };
        self.stamped(written, context)
    }

    /// The Job that a cron job would start now.
    pub(super) fn of_cron_job(&self, cron_job: &Value, context: &StepContext) -> Value {
        let template = cron_job.pointer("/spec/jobTemplate");
        let of = |pointer: &str| {
            let found = template.and_then(|template| template.pointer(pointer));
            found.cloned().unwrap_or(json!({}))
        };
        let mut annotations = of("/metadata/annotations");
        // As `kubectl create job --from` has it.
        annotations["cronjob.kubernetes.io/instantiate"] = json!("manual");
        let metadata = json!({ "labels": of("/metadata/labels"), "annotations": annotations });
        self.stamped(
            json!({ "metadata": metadata, "spec": of("/spec") }),
            context,
        )
    }

    fn stamped(&self, mut job: Value, context: &StepContext) -> Value {
        job["apiVersion"] = json!("batch/v1");
        job["kind"] = json!("Job");
        self.own(context).stamp(&mut job);
        if let Some(seconds) = self.ttl_seconds_after_finished {
            job["spec"]["ttlSecondsAfterFinished"] = json!(seconds);
        }
        job
    }

    /// The Job is made, what its containers run is done, and their logs are read.
    pub(super) fn effects(&self, context: &StepContext) -> Effects {
        let job = self.manifest(context);
        let manifest = Manifest {
            object: &job,
            namespace: Some(&self.namespace),
        };
        let mut effects = of_deeds(&self.cluster, &[Deed::Create(manifest)]);
        if let Some(name) = &self.from_cron_job {
            let which = Which::Named(name.clone());
            let read = Effect::read(Verb::Read, self.object("cronjob.batch", which));
            effects.items.push(read);
            let reason = format!("what it runs is what cron job {name} holds when it runs");
            effects.reasons.push(reason);
            effects.confidence = effects.confidence.max(Confidence::Bounded);
        }
        let logs = Which::Selector(format!(
            "job-name={}",
            self.own(context).name(context.attempt)
        ));
        let logs = self.object(crate::actions::kubernetes::logs::POD_LOG, logs);
        effects.items.push(Effect::read(Verb::List, logs));
        effects
    }

    /// A Job's name follows from the run, so no right can be held to it. A Job does not fail because nobody hears it, unless what it says
    /// is to be kept.
    pub(super) fn rights(&self) -> Rights {
        let (cluster, namespace) = (&*self.cluster, Some(self.namespace.as_str()));
        let all = |kind| On::all(cluster, namespace, kind);
        let pods = all(&PODS);
        let logs = On {
            resource: "pods/log",
            ..pods
        };
        let mut rights = Rights::default().and(all(&JOBS), &["create", "get"]);
        if self.cleanup != Cleanup::Never {
            rights = rights.and(all(&JOBS), &["delete"]);
        }
        if let Some(name) = &self.from_cron_job {
            let name = Some(name.as_str());
            let of = On {
                name,
                ..all(&CRON_JOBS)
            };
            rights = rights.and(of, &["get"]);
        }
        match self.artifact {
            Some(_) => rights.and(pods, &["list"]).and(logs, &["get"]),
            None => rights
                .and_told_by(pods, &["list"])
                .and_told_by(logs, &["get"]),
        }
    }

    fn object(&self, kind: &str, which: Which) -> Object {
        Object {
            place: Place::Cluster(self.cluster.clone()),
            kind: kind.to_owned(),
            scope: Scope::Namespace(self.namespace.clone()),
            which,
        }
    }
}

/// Labels or annotations of a manifest.
fn noted(job: &Map<String, Value>, field: &str) -> Value {
    let noted = job.get("metadata").and_then(|metadata| metadata.get(field));
    noted.cloned().unwrap_or(json!({}))
}

fn check_job(job: &Map<String, Value>) -> Result<(), String> {
    let spec = match job.get("spec") {
        Some(Value::Object(spec)) => spec,
        Some(_) => return Err("in `with`, at `job.spec`: want an object".to_owned()),
        None => job,
    };
    for field in ["labels", "annotations"] {
        if !noted(job, field).is_object() {
            return Err(format!(
                "in `with`, at `job.metadata.{field}`: want an object"
            ));
        }
    }
    let kind = job
        .get("kind")
        .map_or("Job", |kind| kind.as_str().unwrap_or(""));
    if kind != "Job" {
        return Err(format!(
            "in `with`, at `job`: it is a {kind}\nhint: only a Job can be waited for; make others by `kubernetes/apply`"
        ));
    }
    if !spec.contains_key("template") {
        return Err("in `with`, at `job`: it has no `template` for its pods".to_owned());
    }
    no_secrets("job", &Value::Object(job.clone()))
}

/// Whoever may read a Job reads its variables, too.
fn no_secrets(field: &str, value: &Value) -> Result<(), String> {
    let is_marked = match value {
        Value::String(text) => secret::is_marked(text),
        Value::Array(items) => return items.iter().try_for_each(|item| no_secrets(field, item)),
        Value::Object(fields) => {
            return fields.values().try_for_each(|item| no_secrets(field, item));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    };
    if is_marked {
        return Err(format!(
            "in `with`, at `{field}`: it holds a secret, which everybody who may see the Job would read\nhint: name a Secret of the namespace, as in `env: {{ PASSWORD: {{ secret: db, key: password }} }}`"
        ));
    }
    Ok(())
}
