//! `helm/list`: releases and their states, as a check.

use crate::{
    actions::{
        framework::{Action, Given, World, outputs},
        helm::{
            history::{STATES, Status},
            inputs, needed,
            program::{Call, Helm},
        },
        kubernetes::{beforehand::lacks_namespace, check_name},
    },
    domain::{
        check::CheckStatus,
        effect::{Effect, Effects, Object, Place, Scope, Verb, Which},
        pinned::Pinned,
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// RFC 3339, as Go's clock writes it.
const TIME_FORMAT: &str = "2006-01-02T15:04:05Z07:00";
/// How many problems the summary names.
const NAMED: usize = 5;

/// Looks at releases.
#[derive(Debug, Clone, Copy)]
pub struct HelmList;

/// What `helm/list` is told.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "inputs::cluster")]
    pub cluster: String,
    /// A namespace; all of them where none is named.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Only this release, which must be there. Needs `namespace`.
    #[serde(default)]
    pub release: Option<String>,
    /// The chart that this release must have, as `name-version`.
    #[serde(default)]
    pub chart: Option<String>,
    /// The version that this release's chart must say it brings.
    #[serde(default)]
    pub app_version: Option<String>,
    /// A release that is being changed for longer than this is critical: its helm was killed, most likely.
    #[serde(default = "ten_minutes")]
    pub pending_longer_than: Span,
}

fn ten_minutes() -> Span {
    Span::from_secs(600)
}

/// What `helm/list` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListOutputs {
    /// The cluster.
    pub cluster: String,
    /// How many releases there are.
    pub count: usize,
    /// Each.
    pub releases: Vec<ListedRelease>,
    /// What is not as it should be.
    pub problems: Vec<String>,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedRelease {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// Its latest revision.
    pub revision: u32,
    /// The state of that.
    pub status: Status,
    /// When that came about (RFC 3339).
    pub updated: String,
    /// Its chart, as `name-version`.
    pub chart: String,
    /// The version of what the chart brings, as the chart says it.
    pub app_version: String,
}

/// As helm prints it; the number is a text there.
#[derive(Deserialize)]
struct Printed {
    name: String,
    namespace: String,
    revision: String,
    updated: String,
    status: Status,
    chart: String,
    #[serde(default)]
    app_version: String,
}

impl From<Printed> for ListedRelease {
    fn from(printed: Printed) -> Self {
        Self {
            name: printed.name,
            namespace: printed.namespace,
            revision: printed.revision.parse().unwrap_or_default(),
            status: printed.status,
            updated: printed.updated,
            chart: printed.chart,
            app_version: printed.app_version,
        }
    }
}

impl ListInputs {
    fn object(&self) -> Object {
        Object {
            place: Place::Cluster(self.cluster.clone()),
            kind: "release.helm".to_owned(),
            scope: match &self.namespace {
                Some(namespace) => Scope::Namespace(namespace.clone()),
                None => Scope::AllNamespaces,
            },
            which: match &self.release {
                Some(name) => Which::Named(name.clone()),
                None => Which::All,
            },
        }
    }

    /// Whether its namespace is not there; who may not look at namespaces is told what there is in it.
    async fn lies_nowhere(&self, world: &World) -> bool {
        let Some(namespace) = &self.namespace else {
            return false;
        };
        let missing = lacks_namespace(&*world.clusters, &self.cluster, namespace);
        missing.await.is_some()
    }

    fn call(&self) -> Call {
        let call = Call::new(&["list", "--max", "0", "--time-format", TIME_FORMAT]).and(&STATES);
        let call = match &self.release {
            Some(name) => call.and(&["--filter", &format!("^{}$", name.replace('.', "\\."))]),
            None => call,
        };
        match &self.namespace {
            Some(_) => call,
            None => call.and(&["--all-namespaces"]),
        }
    }
}

impl Action for HelmList {
    type Inputs = ListInputs;
    type Outputs = ListOutputs;
    const NAME: &'static str = "helm/list";
    const SUMMARY: &'static str = "Checks that Helm releases are deployed, and lists them.";

    fn validate(&self, inputs: &ListInputs) -> Result<(), String> {
        check_name("cluster", &inputs.cluster)?;
        if let Some(namespace) = &inputs.namespace {
            check_name("namespace", namespace)?;
        }
        match &inputs.release {
            Some(_) if inputs.namespace.is_none() => {
                Err("in `with`, at `release`: it lies in a namespace\nhint: name it with `namespace`".to_owned())
            }
            Some(name) => check_name("release", name),
            None if inputs.chart.is_some() || inputs.app_version.is_some() => {
                Err("in `with`: `chart` and `appVersion` are of one release\nhint: name it with `release`".to_owned())
            }
            None => Ok(()),
        }
    }

    fn intend(&self, inputs: &ListInputs, context: &StepContext) -> Result<Intent, String> {
        self.intend_with(inputs, context, &Given::NOTHING)
    }

    fn intend_with(
        &self,
        inputs: &ListInputs,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        Ok(Intent {
            effects: Effects::exact(vec![Effect::read(Verb::List, inputs.object())]),
            idempotent: true,
            wants_approval: None,
            pinned: Pinned {
                programs: inputs::pinned(given, context.dry_run)?,
                ..Pinned::default()
            },
        })
    }

    fn rights(&self, inputs: &ListInputs, _: &Effects) -> Rights {
        needed::kept(&inputs.cluster, inputs.namespace.as_deref(), &["list"])
    }

    fn execute<'a>(
        &'a self,
        inputs: ListInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let release = inputs::Release {
                cluster: &inputs.cluster,
                namespace: inputs.namespace.as_deref().unwrap_or_default(),
                name: inputs.release.as_deref().unwrap_or_default(),
            };
            let (log, stop) = (session.log.clone(), session.stop.clone());
            let helm = Helm::new(release, &session.context, world, log, stop);
            match helm.json::<Vec<Printed>>(inputs.call()).await {
                Ok(found) if found.is_empty() && inputs.lies_nowhere(world).await => {
                    let place = inputs.namespace.as_deref().unwrap_or_default();
                    let text = format!("namespace {place} was not found");
                    StepReport::checked(CheckStatus::Critical, text, Value::Null)
                }
                Ok(found) => {
                    let found = found.into_iter().map(ListedRelease::from).collect();
                    judged(&inputs, found, world.clock.now())
                }
                Err(fault) => {
                    let text = format!("releases could not be listed: {fault}{}", fault.hint());
                    StepReport::checked(CheckStatus::Unknown, text, Value::Null)
                }
            }
        })
    }
}

fn judged(inputs: &ListInputs, releases: Vec<ListedRelease>, now: Timestamp) -> StepReport {
    let mut problems: Vec<String> = releases
        .iter()
        .flat_map(|release| problems(inputs, release, now))
        .collect();
    if let (Some(name), true) = (&inputs.release, releases.is_empty()) {
        problems.push(format!("release {name} is not there"));
    }
    let (status, summary) = match problems.as_slice() {
        [] => (
            CheckStatus::Ok,
            format!("{} releases are as they should be", releases.len()),
        ),
        some => {
            let named: Vec<&str> = some.iter().take(NAMED).map(String::as_str).collect();
            let more = match some.len().saturating_sub(NAMED) {
                0 => String::new(),
                more => format!("; and {more} more"),
            };
            (CheckStatus::Critical, format!("{}{more}", named.join("; ")))
        }
    };
    let left = ListOutputs {
        cluster: inputs.cluster.clone(),
        count: releases.len(),
        releases,
        problems,
    };
    StepReport::checked(status, summary, outputs(&left))
}

fn problems(inputs: &ListInputs, release: &ListedRelease, now: Timestamp) -> Vec<String> {
    let name = format!("release {}/{}", release.namespace, release.name);
    let mut all = Vec::new();
    let status = release.status.word();
    let since = &release.updated;
    let long = since.parse().is_ok_and(|since: Timestamp| {
        now.duration_since(since) <= inputs.pending_longer_than.signed()
    });
    match release.status {
        Status::Deployed => {}
        pending if pending.is_pending() && long => {}
        Status::Uninstalled if inputs.release.is_none() => {}
        _ => all.push(format!("{name} is {status} since {since}")),
    }
    for (what, wanted, found) in [
        ("chart", &inputs.chart, &release.chart),
        ("app version", &inputs.app_version, &release.app_version),
    ] {
        if wanted.as_ref().is_some_and(|wanted| wanted != found) {
            let wanted = wanted.as_deref().unwrap_or_default();
            all.push(format!("{name} has {what} {found}, not {wanted}"));
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::{ListInputs, ListedRelease, judged};
    use crate::{actions::helm::history::Status, domain::check::CheckStatus};
    use serde_json::json;

    fn release(status: Status, updated: &str) -> ListedRelease {
        ListedRelease {
            name: "web".to_owned(),
            namespace: "shop".to_owned(),
            revision: 3,
            status,
            updated: updated.to_owned(),
            chart: "web-1.2.3".to_owned(),
            app_version: "7".to_owned(),
        }
    }

    fn check(more: serde_json::Value, releases: Vec<ListedRelease>) -> (CheckStatus, String) {
        let mut inputs = json!({ "namespace": "shop" });
        inputs
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let inputs: ListInputs = serde_json::from_value(inputs).unwrap();
        let report = judged(&inputs, releases, "2026-03-14T10:00:00Z".parse().unwrap());
        (report.check.unwrap(), report.summary)
    }

    #[test]
    fn what_is_deployed_or_just_being_changed_is_well() {
        let releases = vec![
            release(Status::Deployed, "2026-01-01T00:00:00Z"),
            release(Status::PendingUpgrade, "2026-03-14T09:55:00Z"),
        ];
        let (status, summary) = check(json!({}), releases);
        assert_eq!(
            (status, summary.as_str()),
            (CheckStatus::Ok, "2 releases are as they should be")
        );
    }

    #[test]
    fn what_failed_or_is_stuck_or_is_another_is_critical() {
        for (more, status, updated, words) in [
            (
                json!({}),
                Status::Failed,
                "2026-03-14T09:59:00Z",
                "is failed since",
            ),
            (
                json!({}),
                Status::PendingInstall,
                "2026-03-14T09:00:00Z",
                "is pending-install since",
            ),
            (
                json!({}),
                Status::PendingUpgrade,
                "?",
                "is pending-upgrade since",
            ),
            (
                json!({ "release": "web", "chart": "web-1.2.4" }),
                Status::Deployed,
                "",
                "has chart web-1.2.3, not web-1.2.4",
            ),
            (
                json!({ "release": "web", "appVersion": "8" }),
                Status::Deployed,
                "",
                "has app version 7, not 8",
            ),
        ] {
            let (found, summary) = check(more, vec![release(status, updated)]);
            assert_eq!(found, CheckStatus::Critical);
            assert!(summary.contains(words), "{summary}");
        }
        let (status, summary) = check(json!({ "release": "web" }), Vec::new());
        assert_eq!(
            (status, summary.as_str()),
            (CheckStatus::Critical, "release web is not there")
        );
    }
}
