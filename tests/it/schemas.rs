//! The committed schemas are those that the types make.
//!
//! To write them anew: `ORDERLY_UPDATE_SCHEMAS=1 cargo test --test it schemas`.

use crate::few_actions::FewActions;
use orderly::{actions::framework::Catalogue, runbooks::schemas};
use serde_json::{Value, json};
use std::{fs, path::Path};

#[test]
fn committed_schemas_are_those_of_the_types() {
    #[expect(
        clippy::disallowed_methods,
        reason = "this test is a tool, too, when it is told so"
    )]
    let update = std::env::var("ORDERLY_UPDATE_SCHEMAS").is_ok();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas");
    let mut different = Vec::new();
    for (name, text) in schemas(&Catalogue::new()) {
        let path = folder.join(name);
        if update {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &text).unwrap();
        } else if fs::read_to_string(&path).ok().as_deref() != Some(text.as_str()) {
            different.push(name);
        }
    }
    assert!(
        different.is_empty(),
        "{different:?} differ; write them anew with ORDERLY_UPDATE_SCHEMAS=1 cargo test --test it schemas"
    );
}

fn combined() -> jsonschema::Validator {
    let all = schemas(&FewActions::new());
    let (_, text) = all
        .iter()
        .find(|(name, _)| *name == "orderly.schema.json")
        .unwrap();
    let schema: Value = serde_json::from_str(text).unwrap();
    jsonschema::draft202012::meta::validate(&schema).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

fn runbook(step: &Value) -> Value {
    json!({
        "apiVersion": "orderly.dev/v1",
        "kind": "Runbook",
        "metadata": {"name": "a"},
        "spec": {"steps": [step]},
    })
}

#[test]
fn every_schema_is_one_of_draft_2020_12() {
    for (name, text) in schemas(&FewActions::new()) {
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
            "{name}"
        );
        jsonschema::draft202012::meta::validate(&schema).unwrap();
    }
}

#[test]
fn the_schema_for_editors_knows_the_inputs_of_every_action() {
    let schema = combined();
    for good in [
        json!({"name": "a", "uses": "kubernetes/scale", "with": {"deployment": "x", "replicas": 2}}),
        json!({"name": "a", "uses": "kubernetes/scale", "with": {"deployment": "x", "replicas": "${{ inputs.count }}"}}),
        json!({"name": "a", "uses": "sleep", "with": {"for": "${{ inputs.wait }}"}}),
        json!({"name": "a", "uses": "http/check", "with": {"url": "x", "method": "${{ inputs.method }}", "expect": ["${{ inputs.code }}"]}}),
    ] {
        let found: Vec<_> = schema
            .iter_errors(&runbook(&good))
            .map(|error| error.to_string())
            .collect();
        assert_eq!(found, [""; 0], "{good}");
    }
    for bad in [
        json!({"name": "a", "uses": "kubernetes/scale"}),
        json!({"name": "a", "uses": "kubernetes/scale", "with": {"deployment": "x", "replicas": "two"}}),
        json!({"name": "a", "uses": "kubernetes/scale", "with": {"deployment": "x", "replicas": 2, "replica": 2}}),
        json!({"name": "a", "uses": "kubernetes/skale", "with": {}}),
        json!({"name": "a", "uses": "sleep", "with": {"for": "five"}}),
        json!({"name": "a", "uses": "sleep", "with": {"for": "5s"}, "wiht": {}}),
    ] {
        assert!(!schema.is_valid(&runbook(&bad)), "{bad}");
    }
}

#[test]
fn the_schema_for_editors_goes_by_the_kind() {
    let schema = combined();
    let calendar = |kind: &str| {
        json!({
            "apiVersion": "orderly.dev/v1",
            "kind": kind,
            "metadata": {"name": "a"},
            "spec": {"windows": [{"allow": "0 8 * * *", "for": "8h"}]},
        })
    };
    assert!(schema.is_valid(&calendar("Calendar")));
    assert!(!schema.is_valid(&calendar("Runbook")));
    assert!(!schema.is_valid(&calendar("Calender")));
}
