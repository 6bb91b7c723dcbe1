//! `helm/rollback`, `helm/values` and `helm/list`.

use super::Desk;
use crate::cluster::plane::failure;
use orderly::domain::{check::CheckStatus, run::StepResult};
use serde_json::json;

#[tokio::test]
async fn a_release_is_rolled_back_to_the_last_good_revision_or_to_a_named_one() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    desk.upgraded(json!({ "values": { "extra": false } })).await;
    desk.upgraded(json!({ "values": { "replicas": 2 } })).await;
    let back = json!({ "namespace": desk.space.name, "release": "web", "wait": "60s" });
    let run = desk.run();
    let effects = run.effects("helm/rollback", &back).await;
    let lines = effects.lines();
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("delete configmap web-extra")),
        "{lines:?}"
    );
    for words in [
        "from revision 3 to revision 2, as revision 4",
        "by an earlier attempt of this step",
    ] {
        let report = run.step("helm/rollback", back.clone()).await;
        assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
        assert!(report.summary.contains(words), "{}", report.summary);
        assert_eq!(
            (&report.outputs["from"], &report.outputs["to"]),
            (&json!(3), &json!(2))
        );
    }
    let named = json!({ "namespace": desk.space.name, "release": "web", "toRevision": 1 });
    let report = desk.run().step("helm/rollback", named).await;
    assert_eq!(report.outputs["revision"], 5, "{}", report.summary);
    desk.space.get("configmap", "web-extra");
    let gone = json!({ "namespace": desk.space.name, "release": "web", "toRevision": 77 });
    let report = desk.run().step("helm/rollback", gone).await;
    assert!(
        failure(&report).0.contains("has no revision 77"),
        "{}",
        report.summary
    );
}

/// After an automatic rollback, the last good revision is the one that is there already.
#[tokio::test]
async fn a_way_back_passes_over_what_failed_and_what_is_the_same_as_now() {
    let Some(desk) = Desk::new() else { return };
    let back = json!({ "namespace": desk.space.name, "release": "web", "wait": "60s" });
    desk.upgraded(json!({})).await;
    let why = desk.run().plan("helm/rollback", back.clone()).await;
    assert!(
        why.unwrap_err()
            .contains("has no revision before 1 that was good and holds something else")
    );
    desk.upgraded(json!({ "values": { "extra": false } })).await;
    let vain = json!({ "values": { "pod": "never-ready" }, "wait": "3s" });
    let report = desk.upgrade(vain).await;
    assert_eq!(report.outputs["rolledBackTo"], 2, "{}", report.summary);
    let report = desk.run().step("helm/rollback", back).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert!(
        report.summary.contains(
            "from revision 4 to revision 1, as revision 5; passed over: revision 3 (failed), revision 2 (the same as now)"
        ),
        "{}",
        report.summary
    );
    desk.space.get("configmap", "web-extra");
}

#[tokio::test]
async fn what_is_not_there_is_told_before_anybody_is_asked() {
    let Some(desk) = Desk::new() else { return };
    let named = json!({ "namespace": desk.space.name, "release": "gone", "toRevision": 99 });
    let why = desk.run().plan("helm/rollback", named).await.unwrap_err();
    assert!(why.contains("gone is not there"), "{why}");
    let upgrade = desk.inputs(json!({ "install": false }));
    let why = desk.run().plan("helm/upgrade", upgrade).await.unwrap_err();
    assert!(why.contains("hint: set `install: true`"), "{why}");
    desk.upgraded(json!({})).await;
    let named = json!({ "namespace": desk.space.name, "release": "web", "toRevision": 99 });
    let why = desk.run().plan("helm/rollback", named).await.unwrap_err();
    assert!(why.contains("has no revision 99"), "{why}");
    let nowhere = format!("{}-nowhere", desk.space.name);
    let list = json!({ "namespace": nowhere });
    let report = desk.run().step("helm/list", list).await;
    assert_eq!(report.check, Some(CheckStatus::Critical));
    assert!(
        report
            .summary
            .contains(&format!("namespace {nowhere} was not found")),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_rollback_that_is_only_tried_changes_nothing() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    desk.upgraded(json!({ "values": { "replicas": 2 } })).await;
    let back = json!({ "namespace": desk.space.name, "release": "web" });
    let dry = crate::steps::Run::dry(desk.world());
    let report = dry.step("helm/rollback", back).await;
    assert!(
        report.summary.contains("would update release.helm web"),
        "{}",
        report.summary
    );
    assert_eq!(desk.states(), ["superseded", "deployed"]);
}

#[tokio::test]
async fn values_are_told_by_their_paths_and_shown_only_where_they_are_named() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({ "values": { "password": "plain-but-mine", "replicas": 2 } }))
        .await;
    let of = |more: serde_json::Value| {
        let mut inputs = json!({ "namespace": desk.space.name, "release": "web" });
        inputs
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        inputs
    };
    let report = desk.run().step("helm/values", of(json!({}))).await;
    assert_eq!(
        report.outputs["paths"],
        json!(["password", "replicas"]),
        "{}",
        report.summary
    );
    assert!(!report.outputs.to_string().contains("plain-but-mine"));
    let digest = report.outputs["digest"].clone();
    let report = desk
        .run()
        .step("helm/values", of(json!({ "keys": ["replicas"] })))
        .await;
    assert_eq!(report.outputs["values"], json!({ "replicas": 2 }));
    assert_eq!(report.outputs["digest"], digest);
    let report = desk
        .run()
        .step("helm/values", of(json!({ "all": true })))
        .await;
    assert_eq!(report.outputs["paths"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn a_list_is_a_check_of_states_and_versions() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    let check = |more: serde_json::Value| {
        let mut inputs = json!({ "namespace": desk.space.name });
        inputs
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        inputs
    };
    let run = desk.run();
    let report = run.step("helm/list", check(json!({}))).await;
    assert_eq!(report.check, Some(CheckStatus::Ok), "{}", report.summary);
    assert_eq!(report.outputs["releases"][0]["name"], "web");
    assert_eq!(report.outputs["releases"][0]["revision"], 1);
    for (more, words) in [
        (
            json!({ "release": "web", "chart": "web-2.0.0" }),
            "has chart web-1.0.0, not web-2.0.0",
        ),
        (json!({ "release": "gone" }), "release gone is not there"),
    ] {
        let report = run.step("helm/list", check(more)).await;
        assert_eq!(report.check, Some(CheckStatus::Critical));
        assert!(report.summary.contains(words), "{}", report.summary);
    }
    desk.upgrade(
        json!({ "values": { "pod": "never-ready" }, "wait": "2s", "rollbackOnFailure": false }),
    )
    .await;
    let report = run.step("helm/list", check(json!({}))).await;
    assert_eq!(report.check, Some(CheckStatus::Critical));
    assert!(
        report.summary.contains("is failed since"),
        "{}",
        report.summary
    );
    let everywhere = run
        .step("helm/list", json!({ "pendingLongerThan": "1d" }))
        .await;
    assert!(
        everywhere.outputs["count"].as_u64().unwrap() >= 1,
        "{}",
        everywhere.summary
    );
}
