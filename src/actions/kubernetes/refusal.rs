//! What a cluster has against an object that it was asked about, where that is nothing in the object: rights, quotas, rules of admission,
//! and webhooks that are away.

use super::{brought::NotAsked, forbidden::is_of_rights, subject::Subject};
use crate::ports::cluster::ClusterError;

/// What a server says of a quota.
const QUOTA: &str = "exceeded quota";
/// What it says of a webhook that it cannot ask, and what is told of that where it is about a Secret.
const UNREACHED: [&str; 2] = ["failed calling webhook", "` could not be reached"];
/// What it says where a webhook or a policy of admission says no, and what is told of that where it is about a Secret.
const DENIED: [&str; 3] = ["denied the request", "denied request", "` refuses it"];
/// What it says of a right that nobody may give on without having it.
const GRANTS: &str = "attempting to grant";

/// Of an object that the server has not found at fault.
pub(super) fn told(subject: &Subject, words: &str, error: &ClusterError) -> NotAsked {
    if let Some(told) = of_admission(subject, words) {
        return told;
    }
    match error {
        // The code is that of missing rights, and whoever admits objects uses it, too.
        ClusterError::Forbidden { message, .. }
            if !is_of_rights(message) && !message.contains(GRANTS) =>
        {
            NotAsked::Forbidden(
                format!(
                    "{subject}: the cluster forbids it, and not for want of a right: {message}\nhint: try it on a cluster that allows it"
                ),
                false,
            )
        }
        error => NotAsked::Away(words.to_owned(), error.retryable()),
    }
}

/// Of what is refused by a quota, a webhook or a policy, whatever the code; nothing of all else.
pub(super) fn of_admission(subject: &Subject, words: &str) -> Option<NotAsked> {
    let said = words.split("\nhint: ").next().unwrap_or(words);
    let said = said
        .strip_prefix(&format!("{subject}: "))
        .unwrap_or(said)
        .trim();
    let says = |marks: &[&str]| marks.iter().any(|mark| said.contains(mark));
    let (what, hint, again) = if says(&[QUOTA]) {
        let hint = "try it where there is room, or raise the quota";
        ("a quota of its namespace refuses it", hint, false)
    } else if says(&UNREACHED) {
        let hint = "see to the service behind the webhook, and try it again";
        let what = "an admission webhook of the cluster could not be reached";
        (what, hint, true)
    } else if says(&DENIED) {
        let hint = "try it on a cluster whose rules allow it";
        ("a rule of admission refuses it", hint, false)
    } else {
        return None;
    };
    // The server has answered, whatever its code is called.
    let at = said.find(UNREACHED[0]).unwrap_or_default();
    let said = said.get(at..).unwrap_or(said);
    let told = format!("{subject}: {what}: {said}\nhint: {hint}");
    Some(NotAsked::Forbidden(told, again))
}

#[cfg(test)]
mod tests {
    use super::{NotAsked, told};
    use crate::{actions::kubernetes::subject::Subject, ports::cluster::ClusterError};

    #[test]
    fn what_refuses_an_object_is_named_as_what_it_is() {
        let subject = Subject {
            cluster: "east".to_owned(),
            kind: "configmap".to_owned(),
            namespace: Some("shop".to_owned()),
            name: "a".to_owned(),
        };
        let forbidden = |message: &str| ClusterError::Forbidden {
            message: message.to_owned(),
            account: "the agent's own account".to_owned(),
        };
        let failed = |reason: &str| ClusterError::Unavailable {
            cluster: "east".to_owned(),
            reason: reason.to_owned(),
        };
        for (error, words, again) in [
            (
                forbidden(r#"configmaps "a" is forbidden: exceeded quota: few, used: 1"#),
                "a quota of its namespace refuses it",
                false,
            ),
            (
                failed(
                    r#"it failed with 500: Internal error occurred: failed calling webhook "x": refused"#,
                ),
                r#"could not be reached: failed calling webhook "x""#,
                true,
            ),
            (
                failed(
                    "it failed with 500: InternalError; the admission webhook `x` could not be reached",
                ),
                "webhook of the cluster could not be reached",
                true,
            ),
            (
                forbidden(r#"admission webhook "x" denied the request: no"#),
                "a rule of admission refuses it",
                false,
            ),
            (
                forbidden(
                    "unable to create new content in namespace shop because it is being terminated",
                ),
                "not for want of a right",
                false,
            ),
        ] {
            let said = format!("{subject}: {error}");
            let NotAsked::Forbidden(said, retryable) = told(&subject, &said, &error) else {
                panic!("{error}")
            };
            assert!(said.contains(words) && retryable == again, "{said}");
            assert!(!said.contains("grant this right"), "{said}");
        }
        let right = forbidden(r#"configmaps "a" is forbidden: User "x" cannot patch resource"#);
        let told = told(&subject, &right.to_string(), &right);
        assert!(matches!(told, NotAsked::Away(words, false) if words.contains("grant this right")));
    }
}
