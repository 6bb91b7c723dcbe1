//! What servers answer: pages, refusals, and their words.

use crate::ports::cluster::ClusterError;
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

/// New credentials or a new connection may help against it.
pub(super) fn may_be_the_connection(error: &ClusterError) -> bool {
    match error {
        ClusterError::Unavailable { .. } => true,
        ClusterError::Refused { code, .. } => *code == 401,
        ClusterError::NotConfigured(..)
        | ClusterError::Misconfigured { .. }
        | ClusterError::NotFound(_)
        | ClusterError::Forbidden(_)
        | ClusterError::Conflict { .. } => false,
    }
}

/// An object of another shape than its kind has; server-side apply tells that as a fault of its own.
const NOT_TYPED: &str = "failed to create typed patch object";

pub(super) fn refusal(cluster: &str, about: String, code: u16, body: &[u8]) -> ClusterError {
    match code {
        404 => ClusterError::NotFound(about),
        403 => ClusterError::Forbidden(message(body, SHOWN)),
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

/// The server's words: `message` of a `Status`, or the beginning of whatever came.
fn message(body: &[u8], most: usize) -> String {
    let status: Option<Value> = serde_json::from_slice(body).ok();
    let message = status
        .as_ref()
        .and_then(|status| status.get("message"))
        .and_then(Value::as_str);
    match message {
        Some(message) => {
            let said = message.chars().take(most).collect();
            budgets(status.as_ref())
                .into_iter()
                .fold(said, |said: String, budget| said + " " + budget)
        }
        None => String::from_utf8_lossy(body)
            .chars()
            .filter(|c| !c.is_control())
            .take(SHOWN)
            .collect(),
    }
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
    text
}
