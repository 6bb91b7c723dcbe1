//! When an object of any kind is ready, read from what it says of itself: the one place that knows.
//!
//! A workload is ready when it is rolled out, a Job when it is complete, a claim when it is bound, a definition when it is established.
//! What has none of these senses says it by the conditions that most controllers keep; what says nothing is ready at once.

use crate::actions::kubernetes::{
    kinds::{DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS},
    object::{condition, count, count_or, cut, is, items, pod_problem, text},
    progress::{Progress, rollout},
};
use serde_json::Value;

/// How far an object of this kind, named as effects name it, is.
pub(super) fn readiness(kind: &str, object: &Value) -> Progress {
    if object.pointer("/metadata/deletionTimestamp").is_some() {
        return waiting("it is being deleted");
    }
    match kind {
        "deployment.apps" => deployment(object),
        "statefulset.apps" => rollout(&STATEFUL_SETS, object),
        "daemonset.apps" => rollout(&DAEMON_SETS, object),
        "replicaset.apps" | "replicationcontroller" => replicas(object),
        "job.batch" => job(object),
        "pod" => pod(object),
        "persistentvolumeclaim" => phase(object, &["Bound"], &["Lost"]),
        "persistentvolume" => phase(object, &["Available", "Bound", "Released"], &["Failed"]),
        "namespace" => phase(object, &["Active"], &[]),
        "service" => service(object),
        "customresourcedefinition.apiextensions.k8s.io" => definition(object),
        "volumesnapshot.snapshot.storage.k8s.io" => snapshot(object),
        _ => by_conditions(object),
    }
}

fn waiting(words: impl Into<String>) -> Progress {
    Progress::Waiting(words.into())
}

fn deployment(object: &Value) -> Progress {
    if object.pointer("/spec/paused") == Some(&Value::Bool(true)) {
        return Progress::Stuck("it is paused, so nothing is rolled out".to_owned());
    }
    rollout(&DEPLOYMENTS, object)
}

fn replicas(object: &Value) -> Progress {
    let wanted = count_or(object, "/spec/replicas", 1);
    let available = count(object, "/status/availableReplicas");
    match seen(object) {
        Some(not_yet) => not_yet,
        None if available >= wanted => Progress::Ready,
        None => waiting(format!("{available} of {wanted} replicas are available")),
    }
}

fn job(object: &Value) -> Progress {
    if is(object, "Complete") || is(object, "SuccessCriteriaMet") {
        return Progress::Ready;
    }
    if let Some(failed) = said(object, "Failed") {
        return Progress::Stuck(format!("it has failed: {failed}"));
    }
    if object.pointer("/spec/suspend") == Some(&Value::Bool(true)) {
        return Progress::Stuck("it is suspended".to_owned());
    }
    waiting(format!(
        "{} of {} completions, {} pods are active",
        count(object, "/status/succeeded"),
        count_or(object, "/spec/completions", 1),
        count(object, "/status/active")
    ))
}

fn pod(object: &Value) -> Progress {
    if text(object, "/status/phase") == "Failed" {
        let why = [
            text(object, "/status/reason"),
            text(object, "/status/message"),
        ];
        return Progress::Stuck(format!("it has failed: {}", cut(why.join(" ").trim())));
    }
    pod_problem(object).map_or(Progress::Ready, waiting)
}

fn phase(object: &Value, ready: &[&str], stuck: &[&str]) -> Progress {
    match text(object, "/status/phase") {
        "" => waiting("it has no phase yet"),
        phase if ready.contains(&phase) => Progress::Ready,
        phase if stuck.contains(&phase) => {
            let why = text(object, "/status/message");
            Progress::Stuck(format!("it is {phase} {}", cut(why)).trim().to_owned())
        }
        phase => waiting(format!("it is {phase}")),
    }
}

fn service(object: &Value) -> Progress {
    let balanced = text(object, "/spec/type") == "LoadBalancer";
    if balanced && items(object, "/status/loadBalancer/ingress").is_empty() {
        return waiting("its load balancer has no address yet");
    }
    Progress::Ready
}

fn definition(object: &Value) -> Progress {
    if is(object, "Established") {
        return Progress::Ready;
    }
    let names = condition(object, "NamesAccepted");
    match names.filter(|names| text(names, "/status") == "False") {
        Some(names) => Progress::Stuck(format!(
            "its names are not accepted: {}",
            cut(text(names, "/message"))
        )),
        None => waiting("it is not established yet"),
    }
}

fn snapshot(object: &Value) -> Progress {
    if object.pointer("/status/readyToUse") == Some(&Value::Bool(true)) {
        return Progress::Ready;
    }
    match text(object, "/status/error/message") {
        "" => waiting("it is not ready to use yet"),
        error => waiting(format!("it is not ready to use: {}", cut(error))),
    }
}

/// As most controllers say it: first what is wrong, then what is well.
fn by_conditions(object: &Value) -> Progress {
    if let Some(not_yet) = seen(object) {
        return not_yet;
    }
    for bad in ["Stalled", "Failed"] {
        if let Some(why) = said(object, bad) {
            return Progress::Stuck(format!("{bad}: {why}"));
        }
    }
    if let Some(why) = said(object, "Reconciling") {
        return waiting(format!("Reconciling: {why}"));
    }
    let good = ["Ready", "Available", "Succeeded"];
    let found = good.iter().find_map(|name| condition(object, name));
    let Some(found) = found else {
        return Progress::Ready;
    };
    let name = text(found, "/type");
    match text(found, "/status") {
        "True" => Progress::Ready,
        // What runs once does not get better; what is kept ready may.
        "False" if name == "Succeeded" => Progress::Stuck(format!("it has failed: {}", why(found))),
        status => waiting(format!("{name} is {status}: {}", why(found))),
    }
}

/// Whether its controller has yet to see what is wanted of it; one that does not say counts as having seen it.
fn seen(object: &Value) -> Option<Progress> {
    let observed = object.pointer("/status/observedGeneration")?.as_u64()?;
    (observed < count(object, "/metadata/generation"))
        .then(|| waiting("its controller has not seen the change yet"))
}

/// Why a condition holds, if it does.
fn said(object: &Value, name: &str) -> Option<String> {
    is(object, name)
        .then(|| condition(object, name))
        .flatten()
        .map(why)
}

fn why(condition: &Value) -> String {
    match (text(condition, "/reason"), text(condition, "/message")) {
        ("", "") => "no reason is given".to_owned(),
        (reason, "") => reason.to_owned(),
        ("", message) => cut(message),
        (reason, message) => format!("{reason}: {}", cut(message)),
    }
}

#[cfg(test)]
mod tests {
    use super::readiness;
    use crate::actions::kubernetes::progress::Progress;
    use serde_json::{Value, json};

    fn words(kind: &str, object: &Value) -> String {
        match readiness(kind, object) {
            Progress::Ready => "ready".to_owned(),
            Progress::Waiting(words) => format!("waiting: {words}"),
            Progress::Stuck(words) => format!("stuck: {words}"),
        }
    }
    fn conditions(of: &[(&str, &str)]) -> Value {
        let each: Vec<Value> = of
            .iter()
            .map(|(kind, status)| json!({ "type": kind, "status": status, "reason": "R", "message": "m" }))
            .collect();
        json!({ "status": { "conditions": each } })
    }

    #[test]
    fn each_kind_is_ready_in_its_own_sense() {
        for (kind, object, expected) in [
            ("job.batch", conditions(&[("Complete", "True")]), "ready"),
            (
                "job.batch",
                conditions(&[("Failed", "True")]),
                "stuck: it has failed: R: m",
            ),
            (
                "job.batch",
                json!({ "spec": { "suspend": true } }),
                "stuck: it is suspended",
            ),
            (
                "job.batch",
                json!({ "status": { "active": 1 } }),
                "waiting: 0 of 1 completions, 1 pods are active",
            ),
            ("pod", conditions(&[("Ready", "True")]), "ready"),
            (
                "pod",
                json!({ "status": { "phase": "Succeeded" } }),
                "ready",
            ),
            (
                "pod",
                json!({ "status": { "phase": "Failed", "reason": "Evicted" } }),
                "stuck: it has failed: Evicted",
            ),
            (
                "persistentvolumeclaim",
                json!({ "status": { "phase": "Bound" } }),
                "ready",
            ),
            (
                "persistentvolumeclaim",
                json!({ "status": { "phase": "Pending" } }),
                "waiting: it is Pending",
            ),
            (
                "persistentvolumeclaim",
                json!({ "status": { "phase": "Lost" } }),
                "stuck: it is Lost",
            ),
            (
                "namespace",
                json!({ "status": { "phase": "Active" } }),
                "ready",
            ),
            (
                "service",
                json!({ "spec": { "type": "ClusterIP" } }),
                "ready",
            ),
            (
                "service",
                json!({ "spec": { "type": "LoadBalancer" } }),
                "waiting: its load balancer has no address yet",
            ),
            (
                "customresourcedefinition.apiextensions.k8s.io",
                conditions(&[("Established", "True")]),
                "ready",
            ),
            (
                "customresourcedefinition.apiextensions.k8s.io",
                conditions(&[("NamesAccepted", "False")]),
                "stuck: its names are not accepted: m",
            ),
            (
                "deployment.apps",
                json!({ "spec": { "paused": true } }),
                "stuck: it is paused, so nothing is rolled out",
            ),
            ("configmap", json!({}), "ready"),
        ] {
            assert_eq!(words(kind, &object), expected, "{kind}");
        }
    }

    #[test]
    fn what_only_its_controller_knows_says_it_by_conditions() {
        for (object, expected) in [
            (conditions(&[("Ready", "True")]), "ready"),
            (
                conditions(&[("Ready", "False")]),
                "waiting: Ready is False: R: m",
            ),
            (
                conditions(&[("Available", "Unknown")]),
                "waiting: Available is Unknown: R: m",
            ),
            (
                conditions(&[("Succeeded", "Unknown")]),
                "waiting: Succeeded is Unknown: R: m",
            ),
            (
                conditions(&[("Succeeded", "False")]),
                "stuck: it has failed: R: m",
            ),
            (
                conditions(&[("Ready", "False"), ("Stalled", "True")]),
                "stuck: Stalled: R: m",
            ),
            (conditions(&[("Synced", "False")]), "ready"),
            (
                json!({ "metadata": { "generation": 2 }, "status": { "observedGeneration": 1 } }),
                "waiting: its controller has not seen the change yet",
            ),
        ] {
            assert_eq!(words("thing.example.org", &object), expected);
        }
        let leaving = json!({ "metadata": { "deletionTimestamp": "2026-01-01T00:00:00Z" } });
        assert_eq!(words("configmap", &leaving), "waiting: it is being deleted");
    }
}
