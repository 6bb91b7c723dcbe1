//! Errors in words, with their causes and without credentials.

use crate::ports::network::NetworkError;
use std::error::Error;
use url::Url;

/// Words of libraries that say nothing beside their cause.
const EMPTY_WORDS: [&str; 5] = [
    "error sending request",
    "client error (Connect)",
    "client error (SendRequest)",
    "request or response body error",
    "error decoding response body",
];

/// Scheme, host and port of an address; no user, path or query, because credentials stand there.
pub(super) fn origin_of(address: &str) -> String {
    Url::parse(address).map_or_else(|_| "the address".to_owned(), |url| origin(&url))
}

/// The same of one that could be read.
pub(super) fn origin(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    }
}

/// Something between here and there went wrong before anything was sent.
pub(super) fn unreachable(target: &str, error: &(dyn Error + 'static)) -> NetworkError {
    broken(target, error, false)
}

/// The same from the HTTP library, whose words would show the whole address.
pub(super) fn from_client(target: &str, error: reqwest::Error) -> NetworkError {
    let sent = !error.is_connect() && !error.is_builder();
    broken(target, &error.without_url(), sent)
}

fn broken(target: &str, error: &(dyn Error + 'static), sent: bool) -> NetworkError {
    NetworkError::Unreachable {
        target: target.to_owned(),
        reason: with_causes(error),
        sent,
    }
}

fn with_causes(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let said = error.to_string();
        let known = words.last().is_some_and(|last| last.contains(&said));
        if !known && !EMPTY_WORDS.contains(&said.as_str()) {
            words.push(said);
        }
        next = error.source();
    }
    if words.is_empty() {
        return error.to_string();
    }
    words.join(": ")
}

#[cfg(test)]
mod tests {
    use super::origin_of;

    #[test]
    fn an_address_is_shown_without_what_may_be_secret() {
        assert_eq!(
            origin_of("https://u:p@h.example:8443/services/T0K3N?key=x"),
            "https://h.example:8443"
        );
        assert_eq!(origin_of("https://h/"), "https://h");
        assert_eq!(origin_of("s3cr3t"), "the address");
    }
}
