//! The last warnings of an object, for the words of a failure.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            kinds::EVENTS,
            located::Located,
            object::{ago, count_or, cut, event_time, text},
            signature::is_own,
        },
    },
    domain::quoted,
};
use jiff::Timestamp;
use serde_json::Value;

/// So many are told.
const TOLD: usize = 3;
/// Where events of objects lie that belong to no namespace.
const OF_THE_CLUSTER: &str = "default";

/// `; warning FailedMount (3×): …, 5s ago`, the newest first; empty where there is none, or nobody may read them. What was seen before
/// `since` is not told.
pub(super) async fn warnings(located: &Located, since: Option<Timestamp>, world: &World) -> String {
    let namespace = located.namespace.as_deref().unwrap_or(OF_THE_CLUSTER);
    let listed = world
        .clusters
        .list(&located.cluster, &EVENTS.resource(), Some(namespace), None)
        .await;
    let mut events = listed.unwrap_or_default();
    events.retain(|event| {
        let counts = is_of(event, located) && text(event, "/type") == "Warning";
        counts && !is_own(event) && is_since(event, since)
    });
    events.sort_by_key(|event| std::cmp::Reverse(event_time(event)));
    let now = world.clock.now();
    let told = events.iter().take(TOLD).map(|event| {
        format!(
            "; warning {} ({}×): {}, {}",
            text(event, "/reason"),
            count_or(event, "/series/count", count_or(event, "/count", 1)),
            message(event),
            ago(event, now)
        )
    });
    told.collect::<Vec<_>>().concat()
}

/// Whether an event was seen at that time or later; the cluster counts in whole seconds.
pub(super) fn is_since(event: &Value, since: Option<Timestamp>) -> bool {
    match (event_time(event), since) {
        (Some(seen), Some(since)) => seen.as_second() >= since.as_second(),
        (None, _) | (_, None) => true,
    }
}

/// An event's words. Whoever writes one about a Secret may quote it, so these are not told.
pub(super) fn message(event: &Value) -> String {
    let is_of_secret = text(event, "/involvedObject/kind") == "Secret";
    if is_of_secret {
        return quoted::LEFT_OUT.to_owned();
    }
    cut(text(event, "/message"))
}

fn is_of(event: &Value, located: &Located) -> bool {
    text(event, "/involvedObject/kind") == located.resource.kind
        && text(event, "/involvedObject/name") == located.name
        && text(event, "/involvedObject/namespace")
            == located.namespace.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{is_since, message};
    use crate::actions::kubernetes::object::{ago, changed_at};
    use serde_json::json;

    #[test]
    fn what_was_seen_before_a_change_is_not_told_of_it_and_the_rest_says_its_age() {
        let changed = json!({ "metadata": { "managedFields": [
            { "time": "2026-03-01T10:00:00Z" },
            { "time": "2026-03-01T11:00:00Z", "subresource": "status" }
        ] } });
        let since = changed_at(&changed);
        let seen = |at: &str| json!({ "lastTimestamp": at });
        assert!(!is_since(&seen("2026-03-01T09:59:59Z"), since));
        assert!(is_since(&seen("2026-03-01T10:00:00Z"), since));
        assert!(is_since(&seen("2026-03-01T09:59:59Z"), None));
        let now = "2026-03-01T10:00:00Z".parse().unwrap();
        for (at, words) in [
            ("2026-03-01T09:59:55Z", "5s ago"),
            ("2026-03-01T09:56:05Z", "3m ago"),
            ("2026-02-27T09:56:05Z", "2d ago"),
            ("2026-03-01T10:00:09Z", "0s ago"),
        ] {
            assert_eq!(ago(&seen(at), now), words);
        }
    }

    #[test]
    fn the_words_of_an_event_about_a_secret_are_not_told() {
        let of = |kind: &str| {
            message(&json!({ "involvedObject": { "kind": kind }, "message": "hunter2 is weak" }))
        };
        assert_eq!(of("Pod"), "hunter2 is weak");
        assert!(!of("Secret").contains("hunter2"));
    }
}
