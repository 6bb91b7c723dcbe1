//! `kubernetes/rbac-report`.

mod report;

pub use report::{Holder, Power};

use crate::{
    actions::{
        framework::{Action, World, outputs},
        kubernetes::{
            check_name, default_cluster,
            kinds::{CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, Kind, ROLE_BINDINGS, ROLES},
            report_error,
        },
    },
    domain::{
        effect::{Effect, Effects, Object, Place, Scope, Verb, Which},
        run::StepReport,
    },
    ports::{
        BoxFuture,
        cluster::ClusterError,
        executor::{Intent, LogStream, Session, StepContext},
    },
};
use report::{Found, Roles};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many holders outputs list; the step's log has all of them.
const LISTED: usize = 500;
/// Every kind that is read.
const READ: [Kind; 4] = [CLUSTER_ROLES, CLUSTER_ROLE_BINDINGS, ROLES, ROLE_BINDINGS];

/// Tells who holds which powers in a cluster.
#[derive(Debug, Clone, Copy)]
pub struct RbacReport;

/// What `kubernetes/rbac-report` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReportInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// Only roles and bindings of this namespace, beside those that count everywhere.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether what Kubernetes itself comes with is told, too: its own components, bound by its own bindings.
    #[serde(default)]
    pub system: bool,
}

/// What `kubernetes/rbac-report` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReportOutputs {
    /// How many users, groups and service accounts hold each power.
    pub counts: BTreeMap<String, u64>,
    /// Who holds which power where, and by what; the first 500.
    pub holders: Vec<Holder>,
    /// How many more there are.
    pub more_holders: u64,
    /// How many users, groups and service accounts are bound to anything.
    pub subjects: u64,
    /// How many bindings there are.
    pub bindings: u64,
    /// Bindings to roles that are not there.
    pub dangling: Vec<String>,
}

impl Action for RbacReport {
    type Inputs = ReportInputs;
    type Outputs = ReportOutputs;
    const NAME: &'static str = "kubernetes/rbac-report";
    const SUMMARY: &'static str =
        "Tells who may delete, read Secrets, change rights or act as others in a cluster.";

    fn validate(&self, inputs: &ReportInputs) -> Result<(), String> {
        check_name("cluster", &inputs.cluster)?;
        match &inputs.namespace {
            Some(namespace) => check_name("namespace", namespace),
            None => Ok(()),
        }
    }

    fn intend(&self, inputs: &ReportInputs, _: &StepContext) -> Result<Intent, String> {
        let read = |kind: &Kind| {
            let scope = match (&inputs.namespace, kind.namespaced) {
                (_, false) => Scope::ClusterScoped,
                (Some(namespace), true) => Scope::Namespace(namespace.clone()),
                (None, true) => Scope::AllNamespaces,
            };
            let object = Object {
                place: Place::Cluster(inputs.cluster.clone()),
                kind: kind.effect_kind(),
                scope,
                which: Which::All,
            };
            Effect::read(Verb::List, object)
        };
        Ok(Intent {
            effects: Effects::exact(READ.iter().map(read).collect()),
            idempotent: true,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn execute<'a>(
        &'a self,
        inputs: ReportInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let read = tokio::select! {
                biased;
                () = session.stop.cancelled() => return StepReport::canceled("stopped"),
                read = read(&inputs, world) => read,
            };
            match read {
                Ok(roles) => tell(&roles.report(inputs.system), session),
                Err(error) => report_error("reading roles and bindings", &error),
            }
        })
    }
}

async fn read(inputs: &ReportInputs, world: &World) -> Result<Roles, ClusterError> {
    let mut lists = Vec::new();
    for kind in READ {
        let namespace = inputs.namespace.as_deref();
        let (clusters, resource) = (&world.clusters, kind.resource());
        let listed = clusters.list(&inputs.cluster, &resource, namespace, None);
        lists.push(listed.await?);
    }
    let mut lists = lists.into_iter();
    let mut next = || -> Vec<Value> { lists.next().unwrap_or_default() };
    Ok(Roles {
        everywhere: next(),
        bound_everywhere: next(),
        in_namespaces: next(),
        bound_in_namespaces: next(),
    })
}

fn tell(found: &Found, session: &Session) -> StepReport {
    for holder in &found.holders {
        session
            .log
            .append(LogStream::Out, format!("{holder}\n").as_bytes());
    }
    for binding in &found.dangling {
        let line = format!("{binding} binds a role that is not there\n");
        session.log.append(LogStream::Out, line.as_bytes());
    }
    let left = ReportOutputs {
        counts: found.counts(),
        holders: found.holders.iter().take(LISTED).cloned().collect(),
        more_holders: found.holders.len().saturating_sub(LISTED) as u64,
        subjects: found.subjects,
        bindings: found.bindings,
        dangling: found.dangling.clone(),
    };
    StepReport::succeeded(summary(&left), outputs(&left))
}

fn summary(left: &ReportOutputs) -> String {
    let held = left.counts.iter().filter(|(_, count)| **count > 0);
    let powers: Vec<String> = held
        .map(|(power, count)| format!("{power} {count}"))
        .collect();
    let powers = if powers.is_empty() {
        "none holds a power that is watched".to_owned()
    } else {
        format!("holders: {}", powers.join(", "))
    };
    format!(
        "{} subjects in {} bindings; {powers}",
        left.subjects, left.bindings
    )
}
