//! Policies as people write them: examples that they carry, and the documentation's own.

use orderly::{
    config,
    daemon::wiring,
    domain::audit::ACTIONS,
    domain::policy::{Operation, Policy, ProtectedMode},
    gate::{examples, explain},
    runbooks::{ReportFormat, load_file, render},
};
use std::{collections::BTreeSet, fs};

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
        judges: config::Judges {
            examples: Some(examples::failed),
            ..config::Judges::default()
        },
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
fn every_line_in_the_guides_words_is_honoured() {
    let block = blocks("yaml")
        .into_iter()
        .find(|block| block.starts_with("# in the guides' words"))
        .unwrap();
    let loaded = configured(block).unwrap();
    let policy = loaded.config.policy.policy();
    assert_eq!(policy.autonomy.level(), 2);
    assert!(policy.protected_namespaces.contains("payment-processing"));
    assert_eq!(policy.protected_namespaces.len(), 5);
    assert_eq!(policy.protected_mode, ProtectedMode::Deny);
    assert_eq!(policy.forbidden_operations.len(), 6);
    assert!(
        policy
            .forbidden_operations
            .contains(&Operation::DisableNetworkPolicy)
    );
    for operation in [
        Operation::DeletePod,
        Operation::ScaleToZero,
        Operation::Exec,
    ] {
        assert!(
            policy.require_approval.contains(&operation),
            "{operation:?}"
        );
    }
    let feared = policy.dangerous_commands.iter();
    let feared: Vec<&str> = feared
        .map(orderly::domain::policy::Feared::as_str)
        .collect();
    assert_eq!(feared, ["rm -rf /", "--force", "DROP TABLE"]);
    assert_eq!(policy.limits.agent.changes_per_minute, Some(10));
    assert_eq!(policy.limits.agent.destructive_per_hour, Some(3));
    let approvals = &policy.approvals;
    assert_eq!((approvals.quorum, approvals.protected_quorum), (1, 2));
    assert_eq!(approvals.approve_by.to_string(), "4h");
    assert_eq!(approvals.execute_within.to_string(), "15m");
    assert!(!approvals.author_may_approve && !approvals.trigger_may_approve);
    let budget = &loaded.config.ai.budget;
    assert_eq!(budget.monthly_tokens, 50_000_000);
    assert!((budget.monthly_cost - 5000.0).abs() < 0.01);
    assert_eq!(budget.warn_percent, 75);
    // Each line by itself changes what it is about, so none is passed over: what is so anyway is refused when it says otherwise.
    for (line, otherwise) in [
        ("autonomy_level: 2", "autonomy_level: 7"),
        ("protected_mode: deny", "protected_mode: ask"),
        ("delete_pod: true", "delete_pot: true"),
        ("quorum: 1", "quorum: 0"),
        ("change: approval", "change: allow"),
        ("destructive: approval+1", "destructive: approval"),
        ("hard_limit: true", "hard_limit: false"),
        ("exclude: [author, trigger]", "exclude: [nobody]"),
    ] {
        assert!(block.contains(line), "{line}");
        let told = configured(&block.replacen(line, otherwise, 1))
            .unwrap_err()
            .to_string();
        assert!(told.contains("orderly.yaml:"), "{otherwise}: {told}");
    }
    let nobody = block.replace("exclude: [author, trigger]", "exclude: []");
    let approvals = configured(&nobody)
        .unwrap()
        .config
        .policy
        .policy()
        .approvals;
    assert!(approvals.author_may_approve && approvals.trigger_may_approve);
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

#[test]
fn the_audit_logs_documentation_names_every_action_and_no_other() {
    let documentation = include_str!("../../docs/audit.md");
    let table = documentation.lines().filter(|line| line.starts_with("| `"));
    let cells = table.filter_map(|line| line.split('|').nth(1));
    let told: BTreeSet<&str> = cells
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .collect();
    assert_eq!(told, ACTIONS.into_iter().collect());
}
