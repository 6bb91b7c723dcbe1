//! The committed schemas are those that the types make.
//!
//! To write them anew: `ORDERLY_UPDATE_SCHEMAS=1 cargo test --test it schemas`.

use crate::few_actions::FewActions;
use orderly::{actions::framework::Catalogue, runbooks::schemas};
use serde::Deserialize as _;
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
};

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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A committed schema, as an editor takes it.
fn committed(path: &Path) -> jsonschema::Validator {
    let text =
        fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let schema: Value = serde_json::from_str(&text).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// Every document of a file, as an editor reads it: by another parser than the agent's. Nothing where it is no YAML.
fn documents(bytes: &[u8]) -> Option<Vec<Value>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let documents = serde_yaml::Deserializer::from_str(text.trim_start_matches('\u{feff}'));
    let documents = documents.map(|one| Value::deserialize(one).ok());
    let documents: Option<Vec<Value>> = documents.collect();
    let is_empty = |document: &Value| document.is_null();
    documents.map(|all| all.into_iter().filter(|one| !is_empty(one)).collect())
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Whether the committed schema of a document's kind accepts it.
fn fits_its_kind(document: &Value) -> bool {
    let kind = document["kind"].as_str().unwrap_or_default().to_lowercase();
    let path = root().join(format!("schemas/{kind}.schema.json"));
    path.is_file() && committed(&path).is_valid(document)
}

#[test]
fn every_shipped_runbook_names_a_schema_that_is_there_and_that_it_fits() {
    let shipped = files(&root().join("runbooks"));
    assert!(shipped.len() >= 4);
    for path in shipped {
        let text = fs::read_to_string(&path).unwrap();
        let line = text.lines().next().unwrap();
        let schema = line
            .strip_prefix("# yaml-language-server: $schema=")
            .unwrap();
        let schema = committed(&path.parent().unwrap().join(schema));
        for document in documents(text.as_bytes()).unwrap() {
            let found: Vec<_> = schema
                .iter_errors(&document)
                .map(|error| error.to_string())
                .collect();
            assert_eq!(found, [""; 0], "{path:?}");
            assert!(fits_its_kind(&document), "{path:?}");
        }
    }
}

#[test]
fn every_valid_sample_fits_the_committed_schema_of_its_kind() {
    for path in files(&root().join("tests/samples/valid")) {
        for document in documents(&fs::read(&path).unwrap()).unwrap() {
            assert!(fits_its_kind(&document), "{path:?}");
        }
    }
}

/// What a schema cannot see, or another parser does not mind: all else must be refused by it.
#[test]
fn the_committed_schemas_refuse_every_invalid_sample_of_another_shape() {
    let accepted = files(&root().join("tests/samples/invalid")).into_iter();
    let accepted = accepted.filter(|path| {
        let documents = documents(&fs::read(path).unwrap());
        documents.is_some_and(|documents| documents.iter().all(fits_its_kind))
    });
    let names: Vec<_> = accepted
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    insta::assert_snapshot!(names.join("\n"), @"
    action_unknown
    ahead_of_no_due_time
    ahead_of_what_a_step_leaves
    alert_that_matches_all
    anchor_and_alias
    argument_missing
    argument_of_other_type
    argument_unknown
    base_60
    calendar_without_windows
    carriage_returns_alone
    condition_that_is_no_truth
    condition_with_text
    expression_does_not_parse
    expression_in_a_block
    expression_in_a_key
    expression_names_a_later_step
    expression_names_no_input
    expression_names_no_output
    expression_names_no_step
    expression_names_nothing_known
    expression_not_closed
    input_default_of_other_type
    input_pattern_broken
    input_required_with_default
    interval_too_short
    key_repeated
    leading_zero
    no_time_at_all
    right_to_left_override
    schedule_never_fires
    schedule_out_of_range
    schedule_with_six_fields
    secret_in_a_condition
    secret_without_a_literal_name
    spread_too_wide
    step_name_twice
    steps_empty
    tag
    trigger_twice
    zone_unknown
    ");
}
