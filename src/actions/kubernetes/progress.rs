//! How far a workload is, read from its status. The rules are those of `kubectl rollout status`.

use crate::actions::kubernetes::{
    kinds::{DAEMON_SETS, Kind, STATEFUL_SETS},
    object::{condition, count, count_or, cut, text},
};
use serde_json::Value;

/// How far a workload is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Progress {
    /// Where it should be.
    Ready,
    /// On its way; what is missing.
    Waiting(String),
    /// It will not get there by itself; why.
    Stuck(String),
}

/// Whether all replicas are of the newest template, and available.
pub(super) fn rollout(kind: &Kind, object: &Value) -> Progress {
    if !is_seen(object) {
        return not_seen();
    }
    match *kind {
        STATEFUL_SETS => stateful_set(object),
        DAEMON_SETS => daemon_set(object),
        _ => deployment(object),
    }
}

/// Whether there are exactly this many replicas, all of them available.
pub(super) fn scaled(kind: &Kind, object: &Value, wanted: u64) -> Progress {
    if !is_seen(object) {
        return not_seen();
    }
    let ready = match *kind {
        STATEFUL_SETS => count(object, "/status/readyReplicas"),
        _ => count(object, "/status/availableReplicas"),
    };
    let now = count(object, "/status/replicas");
    if count_or(object, "/spec/replicas", 1) != wanted {
        return Progress::Stuck(format!(
            "something else has set it to {} replicas meanwhile\nhint: look for an autoscaler",
            count_or(object, "/spec/replicas", 1)
        ));
    }
    if now == wanted && ready >= wanted {
        return Progress::Ready;
    }
    // A deployment's verdict on its last rollout says nothing of its size.
    Progress::Waiting(format!(
        "{ready} of {wanted} replicas are available, {now} are there"
    ))
}

/// The same, where the controller's verdict may be that on an earlier rollout: it stands until the new one has made a step. `before` is
/// the object right after it was changed.
pub(super) fn since(before: &Value, object: &Value, progress: Progress) -> Progress {
    let old = stuck(before).is_some()
        && condition(before, "Progressing") == condition(object, "Progressing");
    match progress {
        Progress::Stuck(why) if old => Progress::Waiting(why),
        other => other,
    }
}

fn is_seen(object: &Value) -> bool {
    count(object, "/status/observedGeneration") >= count(object, "/metadata/generation")
}

fn not_seen() -> Progress {
    Progress::Waiting("its controller has not seen the change yet".to_owned())
}

fn deployment(object: &Value) -> Progress {
    if let Some(stuck) = stuck(object) {
        return stuck;
    }
    let wanted = count_or(object, "/spec/replicas", 1);
    let now = count(object, "/status/replicas");
    let updated = count(object, "/status/updatedReplicas");
    let available = count(object, "/status/availableReplicas");
    if updated >= wanted && now <= updated && available >= updated {
        return Progress::Ready;
    }
    Progress::Waiting(format!(
        "{updated} of {wanted} replicas are updated, {available} are available, {} old ones are still there",
        now.saturating_sub(updated)
    ))
}

fn stuck(object: &Value) -> Option<Progress> {
    let progressing = condition(object, "Progressing")?;
    (text(progressing, "/reason") == "ProgressDeadlineExceeded")
        .then(|| Progress::Stuck(cut(text(progressing, "/message"))))
}

fn stateful_set(object: &Value) -> Progress {
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return on_delete();
    }
    let wanted = count_or(object, "/spec/replicas", 1);
    let partition = count(object, "/spec/updateStrategy/rollingUpdate/partition");
    let ready = count(object, "/status/readyReplicas");
    let updated = count(object, "/status/updatedReplicas");
    let to_update = wanted.saturating_sub(partition);
    // With a partition, both revisions stay on purpose.
    let settled = partition > 0
        || text(object, "/status/updateRevision") == text(object, "/status/currentRevision");
    if ready >= wanted && updated >= to_update && settled {
        return Progress::Ready;
    }
    Progress::Waiting(format!(
        "{updated} of {to_update} replicas are updated, {ready} of {wanted} are ready"
    ))
}

fn daemon_set(object: &Value) -> Progress {
    if text(object, "/spec/updateStrategy/type") == "OnDelete" {
        return on_delete();
    }
    let wanted = count(object, "/status/desiredNumberScheduled");
    let updated = count(object, "/status/updatedNumberScheduled");
    let available = count(object, "/status/numberAvailable");
    if updated >= wanted && available >= wanted {
        return Progress::Ready;
    }
    Progress::Waiting(format!(
        "{updated} of {wanted} pods are updated, {available} are available"
    ))
}

fn on_delete() -> Progress {
    Progress::Stuck(
        "its update strategy is OnDelete: pods are only replaced when somebody deletes them"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::{Progress, rollout, scaled, since};
    use crate::actions::kubernetes::kinds::{DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS};
    use serde_json::{Value, json};

    fn deployment(now: u64, updated: u64, available: u64) -> Value {
        json!({
            "metadata": { "generation": 4 }, "spec": { "replicas": 3 },
            "status": { "observedGeneration": 4, "replicas": now, "updatedReplicas": updated, "availableReplicas": available }
        })
    }
    fn words(progress: Progress) -> String {
        match progress {
            Progress::Ready => "ready".to_owned(),
            Progress::Waiting(words) => words,
            Progress::Stuck(words) => format!("stuck: {words}"),
        }
    }

    #[test]
    fn a_deployment_is_ready_when_only_new_available_replicas_are_left() {
        for (object, expected) in [
            (deployment(3, 3, 3), "ready"),
            (
                deployment(4, 3, 3),
                "3 of 3 replicas are updated, 3 are available, 1 old ones are still there",
            ),
            (
                deployment(3, 3, 2),
                "3 of 3 replicas are updated, 2 are available, 0 old ones are still there",
            ),
            (
                deployment(3, 1, 3),
                "1 of 3 replicas are updated, 3 are available, 2 old ones are still there",
            ),
        ] {
            assert_eq!(words(rollout(&DEPLOYMENTS, &object)), expected);
        }
    }

    #[test]
    fn an_old_status_says_nothing_of_the_new_generation() {
        let mut object = deployment(3, 3, 3);
        object["status"]["observedGeneration"] = json!(3);
        assert_eq!(
            words(rollout(&DEPLOYMENTS, &object)),
            "its controller has not seen the change yet"
        );
        assert_eq!(
            words(scaled(&DEPLOYMENTS, &object, 3)),
            "its controller has not seen the change yet"
        );
    }

    #[test]
    fn a_deployment_past_its_own_deadline_is_stuck() {
        let mut object = deployment(4, 1, 3);
        object["status"]["conditions"] = json!([
            { "type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "timed out" }
        ]);
        assert_eq!(words(rollout(&DEPLOYMENTS, &object)), "stuck: timed out");
        let verdict = rollout(&DEPLOYMENTS, &object);
        assert_eq!(
            words(since(&object, &object, verdict.clone())),
            "timed out",
            "it is that on the rollout before"
        );
        let before = deployment(3, 3, 3);
        assert_eq!(words(since(&before, &object, verdict)), "stuck: timed out");
    }

    #[test]
    fn a_stateful_set_is_ready_when_one_revision_is_left() {
        let set = |updated: u64, ready: u64, current: &str| {
            json!({
                "spec": { "replicas": 2 },
                "status": { "updatedReplicas": updated, "readyReplicas": ready, "updateRevision": "b", "currentRevision": current }
            })
        };
        assert_eq!(words(rollout(&STATEFUL_SETS, &set(2, 2, "b"))), "ready");
        assert_ne!(words(rollout(&STATEFUL_SETS, &set(2, 2, "a"))), "ready");
        assert_ne!(words(rollout(&STATEFUL_SETS, &set(2, 1, "b"))), "ready");
        let mut partial = set(1, 2, "a");
        partial["spec"]["updateStrategy"] = json!({ "rollingUpdate": { "partition": 1 } });
        assert_eq!(words(rollout(&STATEFUL_SETS, &partial)), "ready");
    }

    #[test]
    fn a_daemon_set_is_ready_on_every_node() {
        let set = |updated: u64, available: u64| {
            json!({
                "status": { "desiredNumberScheduled": 2, "updatedNumberScheduled": updated, "numberAvailable": available }
            })
        };
        assert_eq!(words(rollout(&DAEMON_SETS, &set(2, 2))), "ready");
        assert_eq!(
            words(rollout(&DAEMON_SETS, &set(1, 2))),
            "1 of 2 pods are updated, 2 are available"
        );
        let mut manual = set(2, 2);
        manual["spec"] = json!({ "updateStrategy": { "type": "OnDelete" } });
        assert!(words(rollout(&DAEMON_SETS, &manual)).starts_with("stuck"));
    }

    #[test]
    fn a_scaling_is_done_when_the_number_is_there() {
        assert_eq!(
            words(scaled(&DEPLOYMENTS, &deployment(3, 3, 3), 3)),
            "ready"
        );
        assert_eq!(
            words(scaled(&DEPLOYMENTS, &deployment(2, 2, 2), 3)),
            "2 of 3 replicas are available, 2 are there"
        );
        assert!(words(scaled(&DEPLOYMENTS, &deployment(3, 3, 3), 5)).contains("autoscaler"));
        let none = json!({ "spec": { "replicas": 0 }, "status": {} });
        assert_eq!(words(scaled(&STATEFUL_SETS, &none, 0)), "ready");
    }
}
