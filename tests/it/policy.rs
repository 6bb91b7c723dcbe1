//! Policies as people write them: examples that they carry, and the documentation's own.

use orderly::{
    config,
    daemon::wiring,
    domain::policy::{Operation, Policy},
    gate::{examples, explain},
    runbooks::{ReportFormat, load_file, render},
};
use std::fs;

const DOCUMENTATION: &str = include_str!("../../docs/gate.md");

const BROKEN: &str = "\
apiVersion: orderly.dev/v1
kind: Policy
metadata:
  name: careful
spec:
  forbiddenOperations: [delete_secret]
  examples:
    match:
      - kubectl delete secret db -n shop
      - kubectl delete configmap app -n shop
    notMatch:
      - kubectl get secrets -n shop
";

#[test]
fn a_policy_of_the_repository_that_does_not_keep_an_example_is_refused_at_its_place() {
    let loaded = load_file("careful.yaml", BROKEN.as_bytes(), &wiring::catalogue());
    assert_eq!(loaded.documents.len(), 0);
    insta::assert_snapshot!(render(&loaded.problems, ReportFormat::Text), @r"
    careful.yaml:10:9: error: no rule of this policy stops `kubectl delete configmap app -n shop`
     10 |       - kubectl delete configmap app -n shop
        |         ^
    hint: add the rule that should, or move the line to `notMatch`; `orderly gate explain` says what the gate makes of it
    ");
    let mended = BROKEN.replace("configmap app", "secret app");
    let loaded = load_file("careful.yaml", mended.as_bytes(), &wiring::catalogue());
    assert_eq!((loaded.documents.len(), loaded.problems.len()), (1, 0));
}

fn configured(text: &str) -> Result<config::Loaded, config::ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orderly.yaml");
    fs::write(&path, text).unwrap();
    config::load(&config::Inputs {
        file: Some(path),
        examples: Some(examples::failed),
        ..Default::default()
    })
}

#[test]
fn a_configuration_that_does_not_keep_an_example_is_refused_at_its_place() {
    let text = "\
policy:
  forbiddenOperations: [delete_namespace]
  examples:
    match:
      - kubectl delete namespace shop
    notMatch:
      - kubectl get pods
      - kubectl delete ns shop
";
    let faults = configured(text).unwrap_err().faults();
    assert_eq!(faults.len(), 1);
    let told = faults[0].to_string();
    assert!(told.contains("orderly.yaml:8:9: `policy.examples.notMatch`: `kubectl delete ns shop` is stopped by forbidden"), "{told}");
    assert!(told.contains("\nhint: narrow that rule"), "{told}");
    configured(&text.replace("ns shop", "pod web --dry-run=client")).unwrap();
}

fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    let starts = DOCUMENTATION.split(fence.as_str()).skip(1);
    starts
        .map(|rest| rest.split("```").next().unwrap())
        .collect()
}

#[test]
fn the_documentations_policies_are_read_and_keep_their_examples() {
    let blocks = blocks("yaml");
    let own = blocks
        .iter()
        .find(|block| block.starts_with("# orderly.yaml"));
    let loaded = configured(own.unwrap()).unwrap();
    let policy: Policy = loaded.config.policy.policy();
    assert!(
        policy
            .forbidden_operations
            .contains(&Operation::DeleteSecret)
    );
    assert_eq!(policy.fresh_backup.len(), 1);
    assert_eq!(policy.limits.per_namespace.changes_per_minute, Some(20));
    let repository = blocks
        .iter()
        .find(|block| block.contains("kind: Policy"))
        .unwrap();
    let loaded = load_file("policy.yaml", repository.as_bytes(), &wiring::catalogue());
    assert!(loaded.problems.is_empty(), "{:#?}", loaded.problems);
}

#[test]
fn without_a_list_a_namespace_that_is_deleted_may_hold_anything() {
    let policy = Policy {
        forbidden_operations: [Operation::DeleteSecret].into(),
        ..Policy::default()
    };
    let asked = explain::Asked::Text("kubectl delete ns shop".to_owned());
    let now = "2026-11-21T08:00:00Z".parse().unwrap();
    let explained = explain::command(&asked, &policy, &orderly::commands::NoFiles, now);
    let said = explained.judgement.contributions;
    assert!(
        said.iter()
            .any(|said| said.reason.contains("policy forbids delete_secret"))
    );
}
