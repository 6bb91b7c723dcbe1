//! Links to the next page of a list.

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    /// The address of the next page, where there may be one.
    next: Option<String>,
}

impl<T> Page<T> {
    /// A list that is whole.
    pub(super) fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }

    /// A list that goes on at `next`, where it is as long as was asked for.
    pub(super) fn of(items: Vec<T>, limit: usize, next: impl FnOnce(&T) -> String) -> Self {
        let next = if items.len() >= limit {
            items.last().map(next)
        } else {
            None
        };
        Self { items, next }
    }
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        let link = self
            .next
            .as_ref()
            .map(|next| [(header::LINK, format!("<{next}>; rel=\"next\""))]);
        (link, Json(self)).into_response()
    }
}

/// An address being written.
#[derive(Debug)]
pub(super) struct Address(String);

impl Address {
    pub(super) fn new(path: &str) -> Self {
        Self(path.to_owned())
    }

    /// With a field of the query, where there is a value.
    #[must_use]
    pub(super) fn with(mut self, name: &str, value: Option<impl std::fmt::Display>) -> Self {
        if let Some(value) = value {
            self.0.push(if self.0.contains('?') { '&' } else { '?' });
            self.0.push_str(name);
            self.0.push('=');
            push_encoded(&mut self.0, &value.to_string());
        }
        self
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// Percent-encodes everything but RFC 3986's unreserved characters and `:`.
fn push_encoded(out: &mut String, text: &str) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b':') {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn a_value_cannot_become_another_field() {
        let address = Address::new("/x")
            .with("user", Some("a&b=c +ä"))
            .with("none", None::<u8>)
            .with("limit", Some(5))
            .finish();
        assert_eq!(address, "/x?user=a%26b%3Dc%20%2B%C3%A4&limit=5");
    }
}
