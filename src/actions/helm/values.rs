//! `helm/values`: which values a release has, without showing more of them than the step names.

use crate::{
    actions::{
        framework::{Action, Given, World, outputs},
        helm::{
            inputs::{self, Release},
            needed,
            program::{Call, Fault, Helm},
        },
    },
    domain::{
        digest::Digest,
        effect::{Confidence, Effect, Effects, Secrets, Verb},
        pinned::Pinned,
        right::Rights,
        run::StepReport,
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

/// Reads the values of a release.
#[derive(Debug, Clone, Copy)]
pub struct HelmValues;

/// What `helm/values` is told. Values may hold passwords, so only those that `keys` names are shown, and none is written to an artifact.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ValuesInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "inputs::cluster")]
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The release's name.
    pub release: String,
    /// Whether the chart's own values count, too, and not only those that the release was given.
    #[serde(default)]
    pub all: bool,
    /// Values that are shown, each by its path: `image.tag`. Each must be there, and be a single value.
    #[serde(default)]
    pub keys: Vec<String>,
}

/// What `helm/values` leaves for later steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ValuesOutputs {
    /// The cluster.
    pub cluster: String,
    /// The namespace.
    pub namespace: String,
    /// The release.
    pub release: String,
    /// Its latest revision.
    pub revision: u32,
    /// Its chart, as `name-version`.
    pub chart: String,
    /// The version of what the chart brings, as the chart says it.
    pub app_version: String,
    /// The SHA-256 of all values as canonical JSON: the same as long as no value changes.
    pub digest: String,
    /// The paths of all values, sorted.
    pub paths: Vec<String>,
    /// Those that `keys` names.
    pub values: BTreeMap<String, Value>,
}

impl ValuesInputs {
    fn release(&self) -> Result<Release<'_>, String> {
        Release::new(&self.cluster, &self.namespace, &self.release)
    }
}

impl Action for HelmValues {
    type Inputs = ValuesInputs;
    type Outputs = ValuesOutputs;
    const NAME: &'static str = "helm/values";
    const SUMMARY: &'static str =
        "Tells which values a Helm release has, and shows those that it is asked for.";

    fn validate(&self, inputs: &ValuesInputs) -> Result<(), String> {
        inputs.release().map(drop)
    }

    fn intend(&self, inputs: &ValuesInputs, context: &StepContext) -> Result<Intent, String> {
        self.intend_with(inputs, context, &Given::NOTHING)
    }

    fn intend_with(
        &self,
        inputs: &ValuesInputs,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        let read = Effect::read(Verb::Read, inputs.release()?.object());
        let effects = match (inputs.keys.is_empty(), inputs.all) {
            (true, _) => Effects::exact(vec![read]),
            // As the gate judges `helm get values`.
            (false, false) => Effects {
                confidence: Confidence::Bounded,
                reasons: vec!["what a release holds may show secrets".to_owned()],
                ..Effects::exact(vec![read])
            },
            (false, true) => Effects::exact(vec![Effect {
                secrets: Secrets::Values,
                ..read
            }]),
        };
        Ok(Intent {
            effects,
            idempotent: true,
            wants_approval: None,
            pinned: Pinned {
                programs: inputs::pinned(given, context.dry_run)?,
                ..Pinned::default()
            },
        })
    }

    fn rights(&self, inputs: &ValuesInputs, _: &Effects) -> Rights {
        needed::kept(&inputs.cluster, Some(&inputs.namespace), needed::LOOKS)
    }

    fn execute<'a>(
        &'a self,
        inputs: ValuesInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match read(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }
}

async fn read(
    inputs: &ValuesInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let failed = |why: String| StepReport::failed(why, false);
    let release = inputs.release().map_err(failed)?;
    let told = |fault: Fault| {
        let words = format!("values of {release}: {fault}{}", fault.hint());
        StepReport::failed(words, fault.retryable())
    };
    let (log, stop) = (session.log.clone(), session.stop.clone());
    let helm = Helm::new(release, &session.context, world, log, stop);
    let history = helm.history().await.map_err(told)?;
    let last = history.last();
    let last = last.ok_or_else(|| failed(format!("{release} is not there")))?;
    let number = last.revision.to_string();
    let call = Call::new(&["get", "values", release.name, "--revision", &number]);
    let call = if inputs.all {
        call.and(&["--all"])
    } else {
        call
    };
    let values: Value = helm.json(call).await.map_err(told)?;
    let mut paths = Vec::new();
    collect(&values, String::new(), &mut paths);
    let shown = shown(&values, &inputs.keys);
    let shown = shown.map_err(|why| failed(format!("values of {release}: {why}")))?;
    let summary = format!("{release} has {} values at revision {number}", paths.len());
    let left = ValuesOutputs {
        cluster: release.cluster.to_owned(),
        namespace: release.namespace.to_owned(),
        release: release.name.to_owned(),
        revision: last.revision,
        chart: last.chart.clone(),
        app_version: last.app_version.clone(),
        digest: Digest::of(&values).to_string(),
        paths,
        values: shown,
    };
    Ok(StepReport::succeeded(summary, outputs(&left)))
}

/// The paths of all single values and lists.
fn collect(value: &Value, path: String, paths: &mut Vec<String>) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort();
            for key in keys {
                let inner = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                collect(map.get(key).unwrap_or(&Value::Null), inner, paths);
            }
        }
        _ if path.is_empty() => {}
        _ => paths.push(path),
    }
}

fn shown(values: &Value, keys: &[String]) -> Result<BTreeMap<String, Value>, String> {
    keys.iter()
        .map(|key| {
            let found = key
                .split('.')
                .try_fold(values, |value, part| value.get(part));
            match found {
                None => Err(format!("there is no `{key}`")),
                Some(Value::Object(_) | Value::Array(_)) => Err(format!(
                    "`{key}` is more than one value\nhint: name each by its path"
                )),
                Some(value) => Ok((key.clone(), value.clone())),
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{collect, shown};
    use serde_json::json;

    #[test]
    fn paths_are_told_and_only_named_values_are_shown() {
        let values =
            json!({ "image": { "tag": "7", "pull": {} }, "db": { "password": "x" }, "list": [1] });
        let mut paths = Vec::new();
        collect(&values, String::new(), &mut paths);
        assert_eq!(paths, ["db.password", "image.pull", "image.tag", "list"]);
        let named = shown(&values, &["image.tag".to_owned()]).unwrap();
        assert_eq!(named["image.tag"], "7");
        for (key, words) in [
            ("image", "more than one"),
            ("list", "more than one"),
            ("a.b", "there is no"),
        ] {
            let error = shown(&values, &[key.to_owned()]).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let mut none = Vec::new();
        collect(&json!(null), String::new(), &mut none);
        assert!(none.is_empty());
    }
}
