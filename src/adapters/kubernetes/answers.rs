//! What servers answer: pages, refusals, and their words.

use crate::{domain::quoted, ports::cluster::ClusterError};
use serde_json::Value;

/// How much of an error that is not JSON is shown.
const SHOWN: usize = 300;
/// Conflicts of server-side apply name every field and its manager.
const SHOWN_OF_CONFLICT: usize = 2000;

/// The objects of a page, and the token of the next one.
pub(super) fn take_page(
    cluster: &str,
    mut page: Value,
) -> Result<(Vec<Value>, Option<String>), ClusterError> {
    let more = page
        .pointer("/metadata/continue")
        .and_then(Value::as_str)
        .filter(|token| !token.is_empty())
        .map(str::to_owned);
    match page.get_mut("items").map(Value::take) {
        Some(Value::Array(items)) => Ok((items, more)),
        // An empty list of Go is written as null.
        Some(Value::Null) => Ok((Vec::new(), more)),
        _ => Err(unavailable(cluster, "its answer is not a list".to_owned())),
    }
}

/// Where `kubectl apply` leaves a copy of the whole object, a Secret's values as well.
const COPY: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object's metadata; of a Secret, without the copy that `kubectl apply` has left in it.
pub(super) fn bare(words: Words, mut object: Value) -> Value {
    let annotations = object.pointer_mut("/metadata/annotations");
    match (words, annotations.and_then(Value::as_object_mut)) {
        (Words::OfSecret, Some(annotations)) => drop(annotations.remove(COPY)),
        (Words::OfSecret, None) | (Words::Open, _) => {}
    }
    object
}

/// New credentials or a new connection may help against it.
pub(super) fn may_be_the_connection(error: &ClusterError) -> bool {
    match error {
        ClusterError::Unavailable { .. } | ClusterError::Misconfigured { .. } => true,
        ClusterError::Refused { code, .. } => *code == 401,
        ClusterError::NotConfigured(..)
        | ClusterError::NotFound(_)
        | ClusterError::Forbidden { .. }
        | ClusterError::ForbiddenForNow { .. }
        | ClusterError::Conflict { .. } => false,
    }
}

/// An object of another shape than its kind has; server-side apply tells that as a fault of its own.
const NOT_TYPED: &str = "failed to create typed patch object";

/// Who asked for what.
pub(super) struct Asked<'a> {
    pub(super) cluster: &'a str,
    /// The object.
    pub(super) about: String,
    /// Who asked, and what names them.
    pub(super) account: String,
    /// Whether the agent's own account impersonates them.
    pub(super) is_impersonated: bool,
    /// Whether the server's words may be told as they are.
    pub(super) words: Words,
}

/// What may be told of a server's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    /// All of them, but for long values that they quote.
    Open,
    /// They are about a Secret and may quote it: only what is known to hold no value.
    OfSecret,
}

pub(super) fn refusal(asked: Asked<'_>, code: u16, body: &[u8]) -> ClusterError {
    let Asked {
        cluster,
        about,
        account,
        is_impersonated,
        words,
    } = asked;
    let message = |body: &[u8], most| message(body, words, most);
    match code {
        404 if is_unserved(body) => ClusterError::NotFound(format!(
            "{about} (a kind that is not served there: its definition may not be installed)"
        )),
        404 => ClusterError::NotFound(absent_namespace(body).unwrap_or(about)),
        403 => ClusterError::Forbidden {
            message: message(body, SHOWN),
            account: if is_impersonated && refuses_impersonation(body) {
                format!("the agent's own account, which acts as {account}")
            } else {
                account
            },
        },
        409 => ClusterError::Conflict {
            about,
            message: message(body, SHOWN_OF_CONFLICT),
        },
        401 => ClusterError::Refused {
            code,
            message: format!(
                "{}\nhint: the agent's credentials for cluster `{cluster}` are not accepted; renew them",
                message(body, SHOWN)
            ),
        },
        // What the server says of fields that a kind does not have, in an object that is applied.
        500 if message(body, SHOWN_OF_CONFLICT).contains(NOT_TYPED) => ClusterError::Refused {
            code,
            message: message(body, SHOWN_OF_CONFLICT),
        },
        500.. => unavailable(
            cluster,
            format!("it failed with {code}: {}", message(body, SHOWN)),
        ),
        _ => ClusterError::Refused {
            code,
            message: message(body, SHOWN_OF_CONFLICT),
        },
    }
}

/// Whether the server did not even let one act as the other.
fn refuses_impersonation(body: &[u8]) -> bool {
    String::from_utf8_lossy(body).contains(" cannot impersonate resource ")
}

/// What is to be made in a namespace that is not there is refused for want of the namespace.
fn absent_namespace(body: &[u8]) -> Option<String> {
    let status: Value = serde_json::from_slice(body).ok()?;
    let of = |pointer: &str| status.pointer(pointer).and_then(Value::as_str);
    (of("/details/kind") == Some("namespaces")).then_some(())?;
    Some(format!("namespace {}", of("/details/name")?))
}

/// Whether the path itself is unknown, and not what it names: of an unknown group the server says so in plain text, of an unknown kind in
/// a `Status` without details.
fn is_unserved(body: &[u8]) -> bool {
    let Ok(status) = serde_json::from_slice::<Value>(body) else {
        return body.starts_with(b"404 page not found");
    };
    let message = status.get("message").and_then(Value::as_str);
    message == Some("the server could not find the requested resource")
}

/// The server's words: `message` of a `Status`, or the beginning of whatever came.
fn message(body: &[u8], words: Words, most: usize) -> String {
    let status: Option<Value> = serde_json::from_slice(body).ok();
    let message = status
        .as_ref()
        .and_then(|status| status.get("message"))
        .and_then(Value::as_str);
    match (words, message) {
        (Words::OfSecret, _) => of_secret(status.as_ref(), message.unwrap_or_default()),
        (Words::Open, Some(message)) => {
            let said = quoted::shortened(message).chars().take(most).collect();
            budgets(status.as_ref())
                .into_iter()
                .fold(said, |said: String, budget| said + " " + budget)
        }
        (Words::Open, None) => String::from_utf8_lossy(body)
            .chars()
            .filter(|c| !c.is_control())
            .take(SHOWN)
            .collect(),
    }
}

/// Reason and fields, or fields and managers of a conflict, and of the words those that are known to hold no value.
fn of_secret(status: Option<&Value>, message: &str) -> String {
    let reason = status.and_then(|status| status.get("reason")?.as_str());
    let reason = reason.filter(|reason| reason.chars().all(char::is_alphanumeric));
    let causes = status.and_then(|status| status.pointer("/details/causes")?.as_array());
    let causes: Vec<&Value> = causes.into_iter().flatten().collect();
    let conflicts: Vec<String> = causes.iter().filter_map(|cause| conflict(cause)).collect();
    if !conflicts.is_empty() {
        return conflicts.join("\n");
    }
    let fields = causes.iter().filter_map(|cause| field(cause));
    let mut told: Vec<String> = reason.map(str::to_owned).into_iter().collect();
    told.extend(quoted::of_secret(message));
    told.extend(fields.map(|field| format!("field `{field}`")));
    if !quoted::is_of_rights(message) {
        told.push(quoted::LEFT_OUT.to_owned());
    }
    told.join("; ")
}

fn field(cause: &Value) -> Option<&str> {
    let field = cause.get("field").and_then(Value::as_str);
    field.filter(|field| !field.is_empty())
}

/// Of a conflict of server-side apply, whose the field is.
fn conflict(cause: &Value) -> Option<String> {
    let words = cause.get("message").and_then(Value::as_str)?;
    let (manager, _) = words.strip_prefix("conflict with \"")?.split_once('"')?;
    Some(format!("conflict with \"{manager}\": {}", field(cause)?))
}

/// Of a refused eviction: which disruption budget forbids it, and what it needs.
fn budgets(status: Option<&Value>) -> Vec<&str> {
    let causes = status.and_then(|status| status.pointer("/details/causes")?.as_array());
    let forbids = |cause: &&Value| {
        let reason = cause.get("reason").and_then(Value::as_str);
        reason == Some("DisruptionBudget")
    };
    let causes = causes.into_iter().flatten().filter(forbids);
    causes
        .filter_map(|cause| cause.get("message")?.as_str())
        .collect()
}

pub(super) fn unavailable(cluster: &str, reason: String) -> ClusterError {
    ClusterError::Unavailable {
        cluster: cluster.to_owned(),
        reason,
    }
}

/// What the library says of a server whose certificate is not to be trusted by what the configuration names.
const NOT_TRUSTED: [&str; 3] = ["UnknownIssuer", "BadSignature", "not valid for name"];

/// A request without an answer: nobody was there, or not the one whom the configuration describes.
pub(super) fn unanswered(cluster: &str, reason: String) -> ClusterError {
    let is_certificate = reason.contains("invalid peer certificate");
    if is_certificate && NOT_TRUSTED.iter().any(|words| reason.contains(words)) {
        return ClusterError::Misconfigured {
            cluster: cluster.to_owned(),
            reason: format!(
                "its certificate is not one that the configuration trusts: {reason}\nhint: compare `server` and `certificate-authority` in the kubeconfig, or in a pod the `ca.crt` of its service account, with the API server's own"
            ),
        };
    }
    unavailable(cluster, reason)
}

/// What libraries put into their words for those who program with them.
const OF_LIBRARIES: [&str; 3] = [
    "ServiceError: ",
    "client error (Connect): ",
    "client error (SendRequest): ",
];

/// The same words without what is meant for programmers: names of types, addresses of manuals.
fn plain(text: &str) -> String {
    let text = OF_LIBRARIES
        .iter()
        .fold(text.to_owned(), |text, words| text.replace(words, ""));
    match text.split_once("https://docs.rs/") {
        None => text,
        Some((before, after)) => {
            let address = after.split(char::is_whitespace).next().unwrap_or_default();
            let rest = after.strip_prefix(address).unwrap_or_default();
            format!("{}{rest}", before.trim_end_matches([' ', ':', '(']))
        }
    }
}

/// An error with its causes. `kube` repeats causes in its own text; what was said already is left out.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let words = cause.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        source = cause.source();
    }
    plain(&text)
}

#[cfg(test)]
mod tests {
    use super::{Asked, Words, plain, refusal, unanswered};
    use crate::ports::cluster::ClusterError;
    use serde_json::json;

    fn refused(code: u16, body: &str) -> ClusterError {
        refused_of(Words::Open, code, body)
    }

    fn refused_of(words: Words, code: u16, body: &str) -> ClusterError {
        let asked = Asked {
            words,
            cluster: "east",
            about: "configmap a in namespace shop".to_owned(),
            account: "the agent's own account".to_owned(),
            is_impersonated: false,
        };
        refusal(asked, code, body.as_bytes())
    }

    #[test]
    fn a_refused_impersonation_is_the_lack_of_who_impersonates() {
        let told = |message: &str| {
            let asked = Asked {
                words: Words::OfSecret,
                cluster: "east",
                about: "secret a in namespace shop".to_owned(),
                account: "the service account accts/restart".to_owned(),
                is_impersonated: true,
            };
            let body = json!({ "kind": "Status", "reason": "Forbidden", "message": message });
            refusal(asked, 403, body.to_string().as_bytes()).to_string()
        };
        let refused = told(
            r#"serviceaccounts "restart" is forbidden: User "agent" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "accts""#,
        );
        let lacks = "grant this right to the agent's own account, which acts as the service account accts/restart;";
        assert!(refused.contains(lacks), "{refused}");
        let refused = told(
            r#"secrets "a" is forbidden: User "system:serviceaccount:accts:restart" cannot get resource "secrets" in API group "" in the namespace "shop""#,
        );
        let lacks = "grant this right to the service account accts/restart;";
        assert!(refused.contains(lacks), "{refused}");
    }

    #[test]
    fn a_namespace_that_is_not_there_is_told_instead_of_what_was_to_be_made_in_it() {
        let body = r#"{"message":"namespaces \"shop\" not found","details":{"name":"shop","kind":"namespaces"}}"#;
        assert_eq!(
            refused(404, body).to_string(),
            "namespace shop was not found"
        );
        let body = r#"{"details":{"name":"a","kind":"configmaps"}}"#;
        assert_eq!(
            refused(404, body).to_string(),
            "configmap a in namespace shop was not found"
        );
    }

    #[test]
    fn a_kind_that_is_not_served_is_told_from_an_object_that_is_not_there() {
        let of_group = "404 page not found\n";
        let of_kind = r#"{"message":"the server could not find the requested resource","reason":"NotFound","details":{}}"#;
        for body in [of_group, of_kind] {
            let told = refused(404, body).to_string();
            assert!(told.contains("a kind that is not served there"), "{told}");
        }
        let told = refused(
            404,
            r#"{"message":"configmaps \"a\" not found","details":{"name":"a"}}"#,
        );
        assert!(!told.to_string().contains("served"), "{told}");
    }

    #[test]
    fn no_answer_about_a_secret_tells_its_values() {
        let causes = json!([
            { "reason": "FieldValueInvalid", "message": "Invalid value: hunter2", "field": "type" },
        ]);
        let message = r#"Secret "a" is invalid: patch: Invalid value: "{\"data\":{\"a\":\"hunter2\"}}": field is immutable"#;
        let body =
            json!({ "message": message, "reason": "Invalid", "details": { "causes": causes } })
                .to_string();
        for code in [400, 401, 403, 409, 422, 429, 500] {
            for body in [body.as_str(), "hunter2", r#"{"message":"hunter2"}"#] {
                let told = refused_of(Words::OfSecret, code, body).to_string();
                assert!(!told.contains("hunter2"), "{code}: {told}");
            }
        }
        let told = refused_of(Words::OfSecret, 422, &body).to_string();
        for words in ["Invalid", "field is immutable", "field `type`"] {
            assert!(told.contains(words), "{told}");
        }
        let cause = json!({ "message": "conflict with \"other\" using v1", "field": ".data.a" });
        let body = json!({ "message": "hunter2", "details": { "causes": [cause] } }).to_string();
        let told = refused_of(Words::OfSecret, 409, &body).to_string();
        assert!(
            told.ends_with(": conflict with \"other\": .data.a"),
            "{told}"
        );
    }

    #[test]
    fn words_of_libraries_are_left_out() {
        for (words, told) in [
            (
                "ServiceError: client error (Connect): tcp connect error: Connection refused",
                "tcp connect error: Connection refused",
            ),
            (
                "peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof",
                "peer closed connection without sending TLS close_notify",
            ),
        ] {
            assert_eq!(plain(words), told);
        }
    }

    #[test]
    fn a_server_that_is_not_trusted_is_not_away() {
        let stranger = unanswered("east", "invalid peer certificate: UnknownIssuer".to_owned());
        assert!(matches!(stranger, ClusterError::Misconfigured { .. }));
        assert!(!stranger.retryable());
        let late = unanswered("east", "invalid peer certificate: Expired".to_owned());
        assert!(matches!(late, ClusterError::Unavailable { .. }));
    }
}
