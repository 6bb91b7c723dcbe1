//! A catalogue of a few actions, so that samples do not change with the real one.

use orderly::{
    domain::name::ActionName,
    ports::executor::{ActionCatalogue, ActionSpec},
};
use serde_json::{Value, json};

/// A few actions that do nothing.
pub(crate) struct FewActions(Vec<ActionSpec>);

impl FewActions {
    pub(crate) fn new() -> Self {
        let span = json!({
            "type": "string",
            "pattern": "^([0-9]+(ms|s|m|h|d|w))+$",
            "patternErrorMessage": "not a length of time: write a number and a unit (ms, s, m, h, d, w), as in `90s` or `1h30m`",
        });
        let name = json!({"type": "string"});
        let mut specs = vec![
            spec("sleep", &["for"], json!({"for": span}), json!({})),
            spec(
                "command",
                &["argv"],
                json!({
                    "argv": {"type": "array", "items": {"type": "string"}},
                    "directory": {"type": ["string", "null"], "pattern": "^/"},
                    "environment": {"type": "object", "additionalProperties": {"type": "string"}},
                }),
                json!({"exit_code": {"type": "integer"}}),
            ),
            spec(
                "backup/kubernetes",
                &["resources"],
                json!({"resources": {"type": "array", "items": {"type": "string"}}, "namespace": name}),
                json!({"artifact": {"type": "string"}}),
            ),
            spec(
                "kubernetes/patch",
                &["object", "patch"],
                json!({"object": name, "namespace": name, "patch": {"type": "object"}}),
                json!({"changed": {"type": "boolean"}}),
            ),
            spec(
                "kubernetes/apply",
                &["artifact"],
                json!({"artifact": name}),
                json!({}),
            ),
            spec(
                "kubernetes/rollout-restart",
                &["deployment"],
                json!({"deployment": name, "namespace": name, "wait": span}),
                json!({}),
            ),
            spec(
                "kubernetes/scale",
                &["deployment", "replicas"],
                json!({"deployment": name, "namespace": name, "replicas": {"type": "integer", "minimum": 0}}),
                json!({"before": {"type": "integer"}}),
            ),
            spec(
                "http/check",
                &["url"],
                json!({"url": name, "method": {"enum": ["GET", "HEAD"]}, "expect": {"type": "array", "items": {"type": "integer"}}}),
                json!({"status": {"type": "integer"}, "latency": {"type": "number"}}),
            ),
            spec("notify", &["channel"], json!({"channel": name}), json!({})),
            spec(
                "runbook",
                &["runbook"],
                json!({"runbook": name, "inputs": {"type": "object"}}),
                json!({}),
            ),
        ];
        specs.sort_by_key(|spec| spec.name);
        Self(specs)
    }
}

fn spec(name: &'static str, required: &[&str], inputs: Value, outputs: Value) -> ActionSpec {
    let object = |properties: Value| json!({"type": "object", "properties": properties});
    let mut inputs = object(inputs);
    inputs["required"] = json!(required);
    inputs["additionalProperties"] = json!(false);
    ActionSpec {
        name,
        summary: "Does nothing.",
        inputs,
        outputs: object(outputs),
    }
}

impl ActionCatalogue for FewActions {
    fn specs(&self) -> &[ActionSpec] {
        &self.0
    }
    fn check(&self, action: &ActionName, arguments: &Value) -> Result<(), String> {
        let spec = self.0.iter().find(|spec| spec.name == action.as_str());
        let spec = spec.ok_or_else(|| format!("no {action}"))?;
        jsonschema::validate(&spec.inputs, arguments).map_err(|error| error.to_string())
    }
    fn check_template(&self, _: &ActionName, _: &Value) -> Result<(), String> {
        Ok(())
    }
}
