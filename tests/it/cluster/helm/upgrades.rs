//! Upgrades that go well, and what is seen of them.

use super::{Desk, SECRET, processes};
use orderly::domain::{name::SecretName, run::StepResult, secret::marker};
use serde_json::json;
use std::fs;

#[tokio::test]
async fn a_release_is_installed_and_upgraded_and_is_ready_when_the_step_ends() {
    let Some(desk) = Desk::new() else { return };
    let report = desk.upgrade(json!({})).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert!(
        report
            .summary
            .contains("installed from web-1.0.0, and is ready"),
        "{}",
        report.summary
    );
    assert_eq!(report.outputs["revision"], 1);
    assert_eq!(report.outputs["formerRevision"], json!(null));
    assert_eq!(report.outputs["status"], "deployed");
    assert_eq!(report.outputs["chart"], "web-1.0.0");
    assert_eq!(report.outputs["appVersion"], "7");
    desk.write("values/prod.yaml", "replicas: 2\n");
    let files = json!({ "valuesFiles": ["values/prod.yaml"], "values": { "extra": false } });
    let outputs = desk.upgraded(files).await;
    assert_eq!(
        (&outputs["revision"], &outputs["formerRevision"]),
        (&json!(2), &json!(1))
    );
    let web = desk.space.get("deployment", "web");
    assert_eq!(web["status"]["readyReplicas"], 2);
    assert_eq!(desk.states(), ["superseded", "deployed"]);
    let found = desk
        .space
        .kubectl(&["get", "configmaps", "--output", "name"]);
    assert!(!found.contains("web-extra"), "{found}");
}

#[tokio::test]
async fn values_of_before_count_only_where_the_step_says_so() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({ "values": { "replicas": 2 } })).await;
    desk.upgraded(json!({ "values": { "extra": false }, "reuseValues": true }))
        .await;
    assert_eq!(desk.space.get("deployment", "web")["spec"]["replicas"], 2);
    desk.upgraded(json!({ "values": { "extra": false } })).await;
    assert_eq!(desk.space.get("deployment", "web")["spec"]["replicas"], 1);
}

#[tokio::test]
async fn the_same_step_does_it_once_and_another_one_does_it_again() {
    let Some(desk) = Desk::new() else { return };
    let run = desk.run();
    for words in ["installed", "which an earlier attempt of this step made"] {
        let report = run.step("helm/upgrade", desk.inputs(json!({}))).await;
        assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
        assert!(report.summary.contains(words), "{}", report.summary);
    }
    assert_eq!(desk.states(), ["deployed"]);
    desk.upgraded(json!({})).await;
    assert_eq!(desk.states(), ["superseded", "deployed"]);
}

#[tokio::test]
async fn a_namespace_is_made_where_the_step_says_so() {
    let Some(desk) = Desk::new() else { return };
    let other = format!("{}-more", desk.space.name);
    let inputs = json!({ "namespace": other, "createNamespace": true, "wait": "60s" });
    let effects = desk
        .run()
        .effects("helm/upgrade", &desk.inputs(inputs.clone()))
        .await;
    let made = format!("create namespace {other}");
    let lines = effects.lines();
    assert!(
        lines.iter().any(|line| line.starts_with(&made)),
        "{lines:?}"
    );
    desk.upgraded(inputs).await;
    desk.space
        .kubectl(&["delete", "namespace", &other, "--wait=false"]);
}

#[tokio::test]
async fn a_dry_run_asks_helm_and_changes_nothing() {
    let Some(desk) = Desk::new() else { return };
    let dry = crate::steps::Run::dry(desk.world());
    let report = dry.step("helm/upgrade", desk.inputs(json!({}))).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert!(
        report.summary.contains("would install release"),
        "{}",
        report.summary
    );
    assert!(
        report.summary.contains("with 3 objects; helm agrees"),
        "{}",
        report.summary
    );
    assert!(desk.states().is_empty());
}

#[tokio::test]
async fn what_is_not_there_is_installed_only_where_the_step_says_so() {
    let Some(desk) = Desk::new() else { return };
    let report = desk.upgrade(json!({ "install": false })).await;
    assert!(
        report
            .summary
            .contains("is not there; hint: set `install: true`"),
        "{}",
        report.summary
    );
    assert!(desk.states().is_empty());
}

#[tokio::test]
async fn a_secret_value_is_in_no_command_line_and_no_log_and_no_folder_afterwards() {
    let Some(desk) = Desk::new() else { return };
    let run = desk.run();
    let secret = marker(&SecretName::new("password").unwrap());
    let values = json!({ "values": { "password": secret, "pod": "never-ready" }, "wait": "4s", "rollbackOnFailure": false });
    let planned = run.planned("helm/upgrade", desk.inputs(values)).await;
    assert!(!format!("{planned:?}").contains(SECRET));
    let watching = async {
        let number = desk.helm_that_runs("--wait").await;
        let environment = fs::read(format!("/proc/{number}/environ")).unwrap();
        assert!(!String::from_utf8_lossy(&environment).contains(SECRET));
        assert!(processes().iter().all(|(_, line)| !line.contains(SECRET)));
    };
    let (report, ()) = tokio::join!(run.carry_out(planned), watching);
    assert!(report.summary.contains("not ready"), "{}", report.summary);
    let stored = desk.space.get("secret", "web")["data"]["password"].clone();
    // "hunter2-very-secret", which the cluster itself was to have.
    assert_eq!(stored, "aHVudGVyMi12ZXJ5LXNlY3JldA==");
    for text in [report.summary, report.outputs.to_string(), run.heard()] {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(
        run.heard().contains("UPGRADE FAILED") || run.heard().contains("Error"),
        "{}",
        run.heard()
    );
    for program in desk.ran.lock().unwrap().iter() {
        assert!(!format!("{:?}{:?}", program.work, program.environment).contains(SECRET));
    }
    let grep = |folder: &std::path::Path| {
        let found = fs::read_dir(folder).unwrap().flatten();
        found.map(|entry| entry.path()).collect::<Vec<_>>()
    };
    assert_eq!(
        grep(&desk.space.folder().join("work-0")),
        Vec::<std::path::PathBuf>::new()
    );
}
