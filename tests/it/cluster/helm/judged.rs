//! What is known of an upgrade before it is carried out.

use super::{Desk, WEB};
use crate::cluster::plane::failure;
use orderly::domain::{
    effect::{Class, Confidence, Effects, Tri},
    run::StepResult,
};
use serde_json::json;

fn has(effects: &Effects, words: &str) -> bool {
    effects.lines().iter().any(|line| line.starts_with(words))
}

#[tokio::test]
async fn each_object_of_a_chart_is_an_effect_and_rights_are_weighed() {
    let Some(desk) = Desk::new() else { return };
    let plain = desk
        .run()
        .effects("helm/upgrade", &desk.inputs(json!({})))
        .await;
    for words in [
        "create release.helm web",
        "update deployment.apps web",
        "update configmap web-extra",
    ] {
        assert!(has(&plain, words), "{words}: {:?}", plain.lines());
    }
    assert_eq!(plain.confidence, Confidence::Exact, "{:?}", plain.reasons);
    let with_role = json!({ "values": { "role": true } });
    let grave = desk
        .run()
        .effects("helm/upgrade", &desk.inputs(with_role))
        .await;
    assert_eq!(grave.class(), Class::Destructive);
    let role = grave
        .items
        .iter()
        .find(|effect| effect.object.kind.starts_with("clusterrole"));
    assert_eq!(role.unwrap().access_change, Tri::Yes);
}

#[tokio::test]
async fn what_is_not_rendered_any_more_is_deleted() {
    let Some(desk) = Desk::new() else { return };
    desk.upgraded(json!({})).await;
    let less = json!({ "values": { "extra": false } });
    let effects = desk.run().effects("helm/upgrade", &desk.inputs(less)).await;
    assert!(
        has(&effects, "delete configmap web-extra"),
        "{:?}",
        effects.lines()
    );
    assert!(
        has(&effects, "update release.helm web"),
        "{:?}",
        effects.lines()
    );
    assert_eq!(effects.class(), Class::Destructive);
}

#[tokio::test]
async fn a_hook_that_stands_where_another_object_is_deletes_that() {
    let Some(desk) = Desk::new() else { return };
    let hook = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: mine, annotations: { helm.sh/hook: pre-install } }\n";
    desk.write("charts/web/templates/hook.yaml", hook);
    let effects = desk
        .run()
        .effects("helm/upgrade", &desk.inputs(json!({})))
        .await;
    assert!(
        has(&effects, "create configmap mine"),
        "{:?}",
        effects.lines()
    );
    assert!(
        !has(&effects, "delete configmap mine"),
        "{:?}",
        effects.lines()
    );
    desk.space.kubectl(&["create", "configmap", "mine"]);
    let effects = desk
        .run()
        .effects("helm/upgrade", &desk.inputs(json!({})))
        .await;
    assert!(
        has(&effects, "delete configmap mine"),
        "{:?}",
        effects.lines()
    );
}

#[tokio::test]
async fn what_cannot_be_rendered_or_asks_the_cluster_is_opaque() {
    let Some(desk) = Desk::new() else { return };
    desk.write("charts/web/templates/web.yaml", "{{ fail \"no\" }}");
    let effects = desk
        .run()
        .effects("helm/upgrade", &desk.inputs(json!({})))
        .await;
    assert_eq!(effects.confidence, Confidence::Opaque);
    assert!(
        effects.reasons[0].contains("the chart cannot be rendered: helm: "),
        "{:?}",
        effects.reasons
    );
    let asking = format!("{WEB}{{{{ $found := lookup \"v1\" \"Secret\" \"\" \"\" }}}}\n");
    desk.write("charts/web/templates/web.yaml", &asking);
    let effects = desk
        .run()
        .effects("helm/upgrade", &desk.inputs(json!({})))
        .await;
    assert_eq!(effects.confidence, Confidence::Opaque);
    assert!(has(&effects, "update deployment.apps web"));
    let unnamed = json!({ "chart": "oci://registry.example.org/web", "version": "1.0.0" });
    let effects = desk
        .run()
        .effects("helm/upgrade", &desk.inputs(unnamed))
        .await;
    assert!(
        effects.reasons[0].contains("names no digest"),
        "{:?}",
        effects.reasons
    );
}

/// The chart renders something else for the API server than for whoever judged it.
#[tokio::test]
async fn what_was_not_judged_is_not_done() {
    let Some(desk) = Desk::new() else { return };
    let run = desk.run();
    let planned = run.planned("helm/upgrade", desk.inputs(json!({}))).await;
    let mut judged = planned.clone();
    judged
        .effects
        .items
        .retain(|effect| effect.object.kind != "configmap");
    let report = run.carry_out(judged).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("what was not judged: update configmap web-extra"),
        "{error}"
    );
    assert!(desk.states().is_empty());

    // Somebody else upgrades it between the plan and the step.
    let install = planned;
    desk.upgraded(json!({})).await;
    let report = run.carry_out(install).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("what was not judged: update release.helm web"),
        "{error}"
    );
    assert_eq!(desk.states(), ["deployed"]);
}

/// A kind that only this cluster serves is known when the chart is rendered without it.
#[tokio::test]
async fn a_chart_that_asks_what_the_cluster_serves_gets_the_true_answer() {
    let Some(desk) = Desk::new() else { return };
    let asking = "{{ if .Capabilities.APIVersions.Has \"cert-manager.io/v1/Certificate\" }}\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: served }\n{{ end }}\n";
    desk.write("charts/web/templates/asks.yaml", asking);
    let effects = desk
        .run()
        .effects("helm/upgrade", &desk.inputs(json!({})))
        .await;
    let definitions = desk.space.kubectl(&["api-resources", "--output", "name"]);
    assert_eq!(
        has(&effects, "update configmap served"),
        definitions.contains("certificates.cert-manager.io"),
        "{:?}",
        effects.lines()
    );
    let report = desk.upgrade(json!({})).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}
