//! The last warnings of an object, for the words of a failure.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            kinds::EVENTS,
            located::Located,
            object::{count_or, cut, event_time, text},
            signature::is_own,
        },
    },
    domain::quoted,
};
use serde_json::Value;

/// So many are told.
const TOLD: usize = 3;
/// Where events of objects lie that belong to no namespace.
const OF_THE_CLUSTER: &str = "default";

/// `; warning FailedMount (3×): …`, the newest first; empty where there is none, or nobody may read them.
pub(super) async fn warnings(located: &Located, world: &World) -> String {
    let namespace = located.namespace.as_deref().unwrap_or(OF_THE_CLUSTER);
    let listed = world
        .clusters
        .list(&located.cluster, &EVENTS.resource(), Some(namespace), None)
        .await;
    let mut events = listed.unwrap_or_default();
    events.retain(|event| {
        is_of(event, located) && text(event, "/type") == "Warning" && !is_own(event)
    });
    events.sort_by_key(|event| std::cmp::Reverse(event_time(event)));
    let told = events.iter().take(TOLD).map(|event| {
        format!(
            "; warning {} ({}×): {}",
            text(event, "/reason"),
            count_or(event, "/series/count", count_or(event, "/count", 1)),
            message(event)
        )
    });
    told.collect::<Vec<_>>().concat()
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
    use super::message;
    use serde_json::json;

    #[test]
    fn the_words_of_an_event_about_a_secret_are_not_told() {
        let of = |kind: &str| {
            message(&json!({ "involvedObject": { "kind": kind }, "message": "hunter2 is weak" }))
        };
        assert_eq!(of("Pod"), "hunter2 is weak");
        assert!(!of("Secret").contains("hunter2"));
    }
}
