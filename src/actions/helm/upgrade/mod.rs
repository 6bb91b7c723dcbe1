//! `helm/upgrade`.

mod act;
mod plan;
mod values;

use crate::{
    actions::{
        framework::{Action, Given, NOTHING_JUDGED, World},
        helm::{
            chart::Chart,
            history::Status,
            inputs::{self, Release},
            needed,
        },
    },
    domain::{
        effect::{Class, Effects},
        expression,
        pinned::{FileOf, Pinned, PinnedFile},
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// Inputs that decide what is fetched from where before anybody was asked, and so must stand in the runbook as they are.
const LITERAL: [&str; 3] = ["chart", "version", "digest"];
/// As long as an action may take to stop: what was half done is undone in this time.
const GRACE_SECONDS: u64 = 30;

/// Upgrades a release, or installs it.
#[derive(Debug, Clone, Copy)]
pub struct HelmUpgrade;

/// What `helm/upgrade` is told.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a choice of its own in the runbook"
)]
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpgradeInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "inputs::cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The release's name.
    pub release: String,
    /// The chart: a folder or a packed chart of the repository, by its path from the top; or `oci://…` or `https://…`, with `version` and
    /// `digest`. Cannot hold an expression.
    pub chart: String,
    /// The exact version of a chart that does not lie in the repository.
    #[serde(default)]
    pub version: Option<String>,
    /// The digest of a chart that does not lie in the repository, as `sha256:…`: of its manifest in a registry, or of the packed chart on a
    /// server. Without it nobody can know before what the chart does.
    #[serde(default)]
    pub digest: Option<String>,
    /// Values, as they would stand in a file of values; they win over `valuesFiles`. May hold secrets: `secret("name")`.
    #[serde(default)]
    pub values: BTreeMap<String, Value>,
    /// Files of values in the repository, by their paths from its top; later ones win.
    #[serde(default)]
    pub values_files: Vec<String>,
    /// Whether the values that the release was given before still count where these do not name others. Otherwise only these count.
    #[serde(default)]
    pub reuse_values: bool,
    /// Whether it is installed where it is not there yet.
    #[serde(default)]
    pub install: bool,
    /// Whether its namespace is made where it is installed and the namespace is not there.
    #[serde(default)]
    pub create_namespace: bool,
    /// How long to wait until all that it brings is ready; without it, the step waits for hooks alone.
    #[serde(default)]
    pub wait: Option<Span>,
    /// Whether a failed upgrade is rolled back to the last revision that was good, and a failed first installation removed. The step
    /// fails all the same.
    #[serde(default = "yes")]
    pub rollback_on_failure: bool,
}

fn yes() -> bool {
    true
}

/// What `helm/upgrade` leaves for later steps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpgradeOutputs {
    /// The cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The release.
    pub release: String,
    /// Its latest revision now; nothing where it is not there.
    pub revision: Option<u32>,
    /// Its latest revision before; nothing where it was not there.
    pub former_revision: Option<u32>,
    /// The state of the latest revision.
    pub status: Option<Status>,
    /// Its chart, as `name-version`.
    pub chart: Option<String>,
    /// The version of what the chart brings, as the chart says it.
    pub app_version: Option<String>,
    /// To which revision it was brought back, after it had failed or been broken off.
    pub rolled_back_to: Option<u32>,
}

impl UpgradeInputs {
    fn release(&self) -> Result<Release<'_>, String> {
        Release::new(&self.cluster, &self.namespace, &self.release)
    }

    fn chart(&self) -> Result<Chart<'_>, String> {
        Chart::new(&self.chart, self.version.as_deref(), self.digest.as_deref())
    }

    /// The files of the repository that it needs.
    fn wanted(&self) -> Vec<String> {
        let chart = self.chart().ok().and_then(|chart| chart.wants());
        chart
            .into_iter()
            .chain(self.values_files.iter().cloned())
            .collect()
    }
}

impl Action for HelmUpgrade {
    type Inputs = UpgradeInputs;
    type Outputs = UpgradeOutputs;
    const NAME: &'static str = "helm/upgrade";
    const SUMMARY: &'static str =
        "Upgrades or installs a Helm release, waits for it, and rolls back what fails.";

    fn validate(&self, inputs: &UpgradeInputs) -> Result<(), String> {
        inputs.release()?;
        inputs.chart()?;
        if inputs.create_namespace && !inputs.install {
            return Err("in `with`, at `createNamespace`: only for what may be installed\nhint: set `install: true`, too".to_owned());
        }
        values::check(inputs)
    }

    fn check_template(&self, arguments: &Value) -> Result<(), String> {
        let holds = |key: &&&str| {
            let written = arguments.get(**key).and_then(Value::as_str);
            written.is_some_and(|text| text.contains("${{"))
        };
        match LITERAL.iter().find(holds) {
            Some(key) => Err(format!(
                "in `with`, at `{key}`: cannot hold an expression, because it says what is done or how dangerous it is"
            )),
            None => Ok(()),
        }
    }

    fn intend(&self, inputs: &UpgradeInputs, context: &StepContext) -> Result<Intent, String> {
        self.intend_with(inputs, context, &Given::NOTHING)
    }

    fn intend_with(
        &self,
        inputs: &UpgradeInputs,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        let files = given.repository.iter().map(|file| PinnedFile {
            of: FileOf::Repository,
            path: file.path.clone(),
            sha256: file.sha256(),
        });
        Ok(Intent {
            effects: Effects::opaque(
                inputs.release()?.object(),
                "what the chart brings is known once it is rendered by an agent",
            ),
            // The mark of this step says how far it came.
            idempotent: true,
            wants_approval: None,
            pinned: Pinned {
                files: files.collect(),
                programs: inputs::pinned(given, context.dry_run)?,
                objects: Vec::new(),
            },
        })
    }

    fn wants(&self, inputs: &UpgradeInputs) -> Vec<String> {
        inputs.wanted()
    }

    fn foresee<'a>(
        &'a self,
        inputs: UpgradeInputs,
        context: &'a StepContext,
        world: &'a World,
        intent: Intent,
    ) -> BoxFuture<'a, Result<Intent, String>> {
        Box::pin(async move {
            let release = inputs.release()?;
            let effects = match plan::effects(&inputs, release, context, world).await {
                Ok(effects) => effects,
                Err(untold) => untold.effects(&release)?,
            };
            Ok(Intent { effects, ..intent })
        })
    }

    fn rights(&self, inputs: &UpgradeInputs, effects: &Effects) -> Rights {
        let release = inputs.release();
        let waits = inputs.wait.map(|_| (&*inputs.cluster, &*inputs.namespace));
        release.map_or_else(
            |_| Rights::default(),
            |of| needed::changed(&of, effects).and_telling_of_pods(waits),
        )
    }

    fn execute<'a>(
        &'a self,
        inputs: UpgradeInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        self.execute_judged(inputs, &NOTHING_JUDGED, session, world)
    }

    fn execute_judged<'a>(
        &'a self,
        inputs: UpgradeInputs,
        judged: &'a Effects,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match act::upgrade(&inputs, judged, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }

    fn grace(&self, _: &UpgradeInputs) -> Span {
        Span::from_secs(GRACE_SECONDS)
    }

    fn runs_dry(&self, _: Class) -> bool {
        true
    }
}

/// Whether any text in it is not known before its step runs.
fn has_unknown(value: &Value) -> bool {
    match value {
        Value::String(text) => expression::has_unknown(text),
        Value::Array(items) => items.iter().any(has_unknown),
        Value::Object(map) => map.values().any(has_unknown),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
