//! What every request gets: an id, a deadline, a line in the log, a count, and headers that keep browsers careful.

use crate::http::{Front, problem::Problem};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use std::{sync::Arc, time::Duration};
use tracing::Instrument as _;

/// How long a handler may take. A stream that it has begun to send is not bound by it.
const DEADLINE: Duration = Duration::from_secs(30);
/// How long a handler may take that waits for the source.
const SYNC_DEADLINE: Duration = Duration::from_secs(150);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest id that is taken over from a request.
const LONGEST_ID: usize = 64;

/// Wraps every request.
pub(super) async fn wrap(
    State(front): State<Arc<Front>>,
    request: Request,
    next: Next,
) -> Response {
    let id = given_id(request.headers()).unwrap_or_else(|| hex::encode(front.clock.entropy()));
    let trace_id = trace_id(request.headers());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "unmatched".to_owned(), |path| path.as_str().to_owned());
    let method = method_word(request.method());
    let span = tracing::info_span!("request", request_id = id, trace_id, method, route);
    let answered = async {
        let begun = front.clock.elapsed();
        let answer =
            tokio::time::timeout(deadline(request.method(), &route), next.run(request)).await;
        let response = answer.unwrap_or_else(|_| late());
        front.events.http_request(
            method,
            &route,
            response.status().as_u16(),
            front.clock.elapsed().saturating_sub(begun),
        );
        response
    };
    let mut response = answered.instrument(span).await;
    dress(response.headers_mut(), &id);
    response
}

fn deadline(method: &Method, route: &str) -> Duration {
    if method == Method::POST && route == "/api/v1/sync" {
        SYNC_DEADLINE
    } else {
        DEADLINE
    }
}

fn late() -> Response {
    let detail = "no answer in time; whether the wish was carried out is not known";
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "late", detail)
        .hint("look before you ask again")
        .into_response()
}

/// The caller's own id, where it is one that can be logged as it is.
fn given_id(headers: &HeaderMap) -> Option<String> {
    let text = headers.get(REQUEST_ID)?.to_str().ok()?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    ((1..=LONGEST_ID).contains(&text.len()) && text.bytes().all(plain)).then(|| text.to_owned())
}

/// The trace id of a `traceparent` header (W3C Trace Context, version 00).
fn trace_id(headers: &HeaderMap) -> Option<String> {
    let mut parts = headers.get("traceparent")?.to_str().ok()?.split('-');
    let trace = parts.nth(1)?;
    let hexadecimal = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    (trace.len() == 32 && trace.bytes().all(hexadecimal)).then(|| trace.to_owned())
}

/// The method as a metric label: one of a few words.
fn method_word(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        "PATCH" => "PATCH",
        _ => "other",
    }
}

/// Nothing here is a script, a frame or a form, and nothing is kept by a cache.
const HEADERS: [(HeaderName, &str); 6] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

fn dress(headers: &mut HeaderMap, id: &str) {
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    headers.extend(HeaderValue::from_str(id).ok().map(|id| (REQUEST_ID, id)));
}

#[cfg(test)]
mod tests {
    use super::{given_id, trace_id};
    use axum::http::{HeaderMap, HeaderValue};

    fn headers(name: &'static str, value: &str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), HeaderValue::from_str(value).unwrap())])
    }

    #[test]
    fn only_an_id_that_can_be_logged_is_taken_over() {
        assert_eq!(
            given_id(&headers("x-request-id", "abc-1.2_3")).as_deref(),
            Some("abc-1.2_3")
        );
        for bad in ["", "a b", "a\"b", &"x".repeat(65)] {
            assert_eq!(given_id(&headers("x-request-id", bad)), None, "{bad}");
        }
    }

    #[test]
    fn a_trace_is_taken_over() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(
            trace_id(&headers(
                "traceparent",
                &format!("00-{id}-00f067aa0ba902b7-01")
            ))
            .as_deref(),
            Some(id)
        );
        assert_eq!(trace_id(&headers("traceparent", "00-xyz-1-01")), None);
    }
}
