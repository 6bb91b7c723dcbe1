//! Every action by name.

use crate::{
    actions::{
        self,
        framework::{AnyAction, Given, text},
    },
    domain::{
        effect::Effects,
        likeness::nearest,
        name::ActionName,
        policy::{FailedExample, JudgeExamples, Policy, Tightening},
        right::Rights,
    },
    ports::executor::{ActionCatalogue, ActionSpec, Intent, StepContext},
};
use serde_json::Value;
use std::{collections::BTreeMap, fmt};

/// Every action that a step may name. It holds shapes only: carrying one out takes a [`crate::actions::framework::Performer`].
pub struct Catalogue {
    actions: BTreeMap<&'static str, Box<dyn AnyAction>>,
    specs: Vec<ActionSpec>,
    examples: Option<JudgeExamples>,
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.actions.keys()).finish()
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

impl Catalogue {
    /// Every action there is.
    pub fn new() -> Self {
        Self::of(vec![
            actions::approval::actions(),
            actions::assert::actions(),
            actions::command::actions(),
            actions::dns::actions(),
            actions::http::actions(),
            actions::notify::actions(),
            actions::prometheus::actions(),
            actions::rotate::actions(),
            actions::runbook::actions(),
            actions::sleep::actions(),
            actions::tcp::actions(),
            actions::tls::actions(),
            actions::backup::actions(),
            actions::helm::actions(),
            actions::host::actions(),
            actions::kubernetes::actions(),
        ])
    }

    /// What an action would do with these arguments, as the gate is told it. No effect on the world.
    ///
    /// # Errors
    /// There is no such action, or the arguments do not fit.
    pub fn intend(
        &self,
        action: &ActionName,
        arguments: &Value,
        context: &StepContext,
        given: &Given<'_>,
    ) -> Result<Intent, String> {
        let known = self.find(action)?;
        let spec = self.specs.iter().find(|spec| spec.name == action.as_str());
        if let Some(spec) = spec {
            text::check_secrets(&spec.inputs, arguments)?;
        }
        known.plan(arguments, context, given)
    }

    /// What an action with these arguments must be allowed in clusters, where it would have these effects.
    ///
    /// # Errors
    /// There is no such action, or the arguments do not fit.
    pub fn rights(
        &self,
        action: &ActionName,
        arguments: &Value,
        effects: &Effects,
    ) -> Result<Rights, String> {
        self.find(action)?.rights(arguments, effects)
    }

    /// Files and folders of the repository that an action with these arguments is carried out with.
    ///
    /// # Errors
    /// There is no such action, or the arguments do not fit.
    pub fn wants(&self, action: &ActionName, arguments: &Value) -> Result<Vec<String>, String> {
        self.find(action)?.wants(arguments)
    }

    pub(super) fn of(groups: Vec<Vec<Box<dyn AnyAction>>>) -> Self {
        let actions: BTreeMap<_, _> = groups
            .into_iter()
            .flatten()
            .map(|action| (action.spec().name, action))
            .collect();
        let specs = actions.values().map(|action| action.spec()).collect();
        Self {
            actions,
            specs,
            examples: None,
        }
    }

    /// With somebody who judges the examples of policies.
    #[must_use]
    pub fn judging_examples(self, by: JudgeExamples) -> Self {
        Self {
            examples: Some(by),
            ..self
        }
    }

    /// The action of this name; the error names the nearest one.
    pub(super) fn find(&self, name: &ActionName) -> Result<&dyn AnyAction, String> {
        self.actions
            .get(name.as_str())
            .map(AsRef::as_ref)
            .ok_or_else(|| self.unknown(name))
    }

    fn unknown(&self, name: &ActionName) -> String {
        let known = self.actions.keys().copied();
        match nearest(name.as_str(), known) {
            Some(known) => {
                format!("there is no action `{name}`\nhint: did you mean `{known}`?")
            }
            None => format!("there is no action `{name}`"),
        }
    }
}

impl ActionCatalogue for Catalogue {
    fn specs(&self) -> &[ActionSpec] {
        &self.specs
    }
    fn check(&self, action: &ActionName, arguments: &Value) -> Result<(), String> {
        self.find(action)?.check(arguments)
    }
    fn check_template(&self, action: &ActionName, arguments: &Value) -> Result<(), String> {
        self.find(action)?.check_written(arguments)
    }
    fn seals(&self, action: &ActionName, arguments: &Value) -> bool {
        self.find(action)
            .is_ok_and(|action| action.seals(arguments))
    }
    fn failed_examples(&self, policy: &Tightening) -> Vec<FailedExample> {
        self.examples.map_or_else(Vec::new, |judge| {
            judge(&Policy::only(policy), &policy.examples)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Catalogue;
    use crate::{
        actions::framework::{scripted::intend, text::check_secrets},
        domain::{
            expression::unknown_mark,
            name::{ActionName, SecretName},
            secret::marker,
        },
        ports::executor::ActionCatalogue,
    };
    use serde_json::{Value, json};

    #[test]
    fn every_action_says_what_it_takes_and_refuses_what_it_does_not_know() {
        let catalogue = Catalogue::new();
        for spec in catalogue.specs() {
            assert!(ActionName::new(spec.name).is_ok(), "{}", spec.name);
            assert!(!spec.summary.is_empty(), "{}", spec.name);
            assert_eq!(spec.inputs["additionalProperties"], false, "{}", spec.name);
            assert_eq!(
                spec.inputs["$schema"],
                "https://json-schema.org/draft/2020-12/schema"
            );
            assert!(!spec.inputs.to_string().contains("$ref"), "{}", spec.name);
            for shape in [&spec.inputs, &spec.outputs] {
                let nothing = serde_json::Map::new();
                let properties = shape["properties"].as_object().unwrap_or(&nothing);
                for (key, property) in properties {
                    assert!(property["description"].is_string(), "{} {key}", spec.name);
                    assert!(!key.contains('_'), "{} {key}", spec.name);
                }
            }
        }
    }

    /// Every place of the schema where nothing but a secret may stand, as keys from the top on, and every description of one.
    fn secrets_of(schema: &Value, path: &[String], found: &mut Vec<Vec<String>>) {
        let described = schema["description"].as_str().unwrap_or_default();
        let is_secret = schema["writeOnly"] == true;
        let says_so = described.contains("as a secret of the agent")
            || described.contains("password: `${{ secret(");
        assert_eq!(is_secret, says_so, "{path:?}: {described}");
        if is_secret {
            found.push(path.to_vec());
        }
        for key in ["allOf", "anyOf", "oneOf"] {
            for one in schema[key].as_array().into_iter().flatten() {
                secrets_of(one, path, found);
            }
        }
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            secrets_of(property, &[path, std::slice::from_ref(key)].concat(), found);
        }
    }

    #[test]
    fn where_a_secret_must_stand_nothing_else_is_planned() {
        let catalogue = Catalogue::new();
        let db = marker(&SecretName::new("db").unwrap());
        let mut all = Vec::new();
        for spec in catalogue.specs() {
            let mut found = Vec::new();
            secrets_of(&spec.inputs, &[], &mut found);
            for path in found {
                let with = |text: &str| {
                    let inner = json!(text);
                    path.iter()
                        .rev()
                        .fold(inner, |inner, key| json!({ key: inner }))
                };
                let place = path.join(".");
                for clear in ["", "hunter2", &format!("x{db}")] {
                    let error = check_secrets(&spec.inputs, &with(clear)).unwrap_err();
                    assert!(
                        error.starts_with(&format!("in `with`, at `{place}`: ")),
                        "{error}"
                    );
                    assert!(
                        error.ends_with("hint: write it as `${{ secret(\"…\") }}`"),
                        "{error}"
                    );
                    assert!(!error.contains("hunter2"), "{error}");
                }
                for hidden in [&db, &unknown_mark("steps.a.outputs.b")] {
                    assert_eq!(check_secrets(&spec.inputs, &with(hidden)), Ok(()));
                }
                all.push(format!("{} {place}", spec.name));
            }
        }
        insta::assert_snapshot!(all.join("\n"), @r"
        backup/etcd etcdctl.password
        backup/postgres server.password
        backup/restore into.server.password
        backup/verify into.password
        rotate/api-key current
        rotate/certificate signer.key
        rotate/postgres-password admin.password
        rotate/postgres-password current
        rotate/secret current
        rotate/service-account-token current
        ");
    }

    #[tokio::test]
    async fn a_password_that_an_input_gave_in_the_clear_is_not_planned() {
        let arguments = json!({
            "name": "web", "every": "90d", "server": { "host": "db" }, "admin": { "role": "admin", "password": "hunter2" },
            "roles": ["web_a", "web_b"], "distribute": [
                { "file": { "path": "/run/username", "part": "username" } }, { "file": { "path": "/run/password", "part": "password" } },
            ],
        });
        let error = intend("rotate/postgres-password", arguments)
            .await
            .unwrap_err();
        assert!(error.contains("at `admin.password`"), "{error}");
    }

    #[test]
    fn specs_are_sorted_and_all_there() {
        let catalogue = Catalogue::new();
        let names: Vec<_> = catalogue.specs().iter().map(|spec| spec.name).collect();
        assert!(names.is_sorted());
        for name in [
            "approval",
            "assert",
            "dns/check",
            "http/check",
            "http/request",
            "notify",
            "prometheus/query",
            "runbook",
            "sleep",
            "tcp/check",
            "tls/check",
        ] {
            assert!(names.contains(&name), "{name}");
        }
    }
}
