//! What a refused request is told: a problem document (RFC 9457) with a hint where there is a way out.

use crate::ports::agent::AgentError;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value};

/// A refusal.
#[derive(Debug, Clone)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    detail: String,
    hint: Option<String>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// `kind` names the sort of problem for programs; `detail` is for people.
    pub(super) fn new(status: StatusCode, kind: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            kind,
            detail: detail.into(),
            hint: None,
            headers: Vec::new(),
        }
    }

    /// With a way out.
    #[must_use]
    pub(super) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// With a header.
    #[must_use]
    pub(super) fn header(mut self, name: HeaderName, value: &str) -> Self {
        self.headers
            .extend(HeaderValue::from_str(value).ok().map(|value| (name, value)));
        self
    }

    pub(super) fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            format!("there is no {what}"),
        )
    }

    pub(super) fn invalid(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid-request", detail)
    }

    pub(super) fn too_large(most: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            format!("the body is longer than {most} bytes"),
        )
    }

    pub(super) fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
            .header(header::RETRY_AFTER, "5")
    }

    fn body(&self) -> Value {
        let mut body = Map::new();
        body.insert(
            "type".to_owned(),
            format!("urn:orderly:problem:{}", self.kind).into(),
        );
        body.insert(
            "title".to_owned(),
            self.status.canonical_reason().unwrap_or("Error").into(),
        );
        body.insert("status".to_owned(), self.status.as_u16().into());
        body.insert("detail".to_owned(), self.detail.as_str().into());
        if let Some(hint) = &self.hint {
            body.insert("hint".to_owned(), hint.as_str().into());
        }
        Value::Object(body)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let content = [(header::CONTENT_TYPE, "application/problem+json")];
        let mut response = (self.status, content, format!("{}\n", self.body())).into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}

impl From<AgentError> for Problem {
    /// A text of the agent may end with a line that begins with `hint: `.
    fn from(error: AgentError) -> Self {
        let text = error.to_string();
        let (detail, hint) = text
            .split_once("\nhint: ")
            .map_or((text.as_str(), None), |(detail, hint)| (detail, Some(hint)));
        let problem = match error {
            AgentError::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not-found", detail),
            AgentError::Invalid(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid-wish", detail)
            }
            AgentError::Conflict(_) => Self::new(StatusCode::CONFLICT, "conflict", detail),
            AgentError::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", detail),
            AgentError::Unavailable(_) => Self::unavailable(detail),
        };
        match hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;
    use crate::ports::agent::AgentError;

    #[test]
    fn a_hint_of_the_agent_has_a_place_of_its_own() {
        let problem = Problem::from(AgentError::Invalid(
            "`x` is not an input\nhint: did you mean `y`?".to_owned(),
        ));
        insta::assert_snapshot!(
            problem.body(),
            @r#"{"type":"urn:orderly:problem:invalid-wish","title":"Unprocessable Entity","status":422,"detail":"`x` is not an input","hint":"did you mean `y`?"}"#
        );
    }
}
