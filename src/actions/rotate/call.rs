//! HTTP requests that rotations send.

use crate::{
    actions::{
        framework::{
            address::Address,
            answers::{excerpt, positive, unless_stopped},
        },
        http::WantedStatus,
        rotate::scene::{Feed, Scene},
    },
    domain::{
        effect::{Confidence, Effect, Effects, Reversible, Verb},
        mask::Masker,
        secret::SecretValue,
        span::Span,
    },
    ports::network::{HttpRequest, NetworkError},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// The longest answer that is read.
const MAX_BODY: usize = 256 * 1024;

/// What is known of a credential beside its value, by which requests may name it.
const FACTS: [&str; 3] = ["id", "label", "username"];

/// A request in whose headers and body `{value}` and the like stand for parts of the credential.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct HttpCall {
    /// The method.
    #[serde(default)]
    pub(super) method: Method,
    /// Absolute, `http` or `https`. `{id}` and `{label}` stand for what is known of the credential beside its value; a secret part cannot
    /// stand here, because addresses are written into logs.
    pub(super) url: String,
    /// Sent with the request: `Authorization: Bearer {value}`.
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
    /// The body as JSON.
    #[serde(default)]
    pub(super) json: Option<Value>,
    /// Status codes that count as success: `200`, `"200-299"`, or a list of such.
    #[serde(default)]
    pub(super) expect_status: WantedStatus,
    /// A PEM file with further certificate authorities.
    #[serde(default)]
    pub(super) ca_file: Option<PathBuf>,
    /// How long the whole answer may take.
    #[serde(default = "thirty_seconds")]
    pub(super) timeout: Span,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub(super) enum Method {
    /// Only looks.
    #[default]
    Get,
    /// Makes something.
    Post,
    /// Replaces something.
    Put,
    /// Changes something.
    Patch,
    /// Removes something.
    Delete,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

fn thirty_seconds() -> Span {
    Span::from_secs(30)
}

/// What came back. No text here holds the credential but `body`.
#[derive(Debug)]
pub(super) struct Answered {
    /// The status, if there was an answer.
    pub(super) status: Option<u16>,
    /// Whether it is what was wanted.
    pub(super) well: bool,
    /// For people.
    pub(super) note: String,
    /// The answer as JSON; it may hold a new credential.
    pub(super) body: Value,
}

impl HttpCall {
    /// Refuses what cannot be sent.
    pub(super) fn check(&self, place: &str, parts: &[&str]) -> Result<(), String> {
        let at = |error: String| format!("in `with`, at `{place}`: {error}");
        if let Some(part) = parts.iter().find(|part| self.url.contains(&hole(part))) {
            return Err(at(format!(
                "`{{{part}}}` in an address would be written into logs\nhint: send it in a header"
            )));
        }
        self.address().map_err(at)?;
        let texts = std::iter::once(&self.url).chain(self.headers.values());
        for name in texts.flat_map(|text| holes(text)) {
            if !parts.contains(&name) && !FACTS.contains(&name) {
                let known: Vec<String> = parts.iter().chain(&FACTS).map(|one| hole(one)).collect();
                return Err(at(format!(
                    "`{{{name}}}` stands for nothing\nhint: known are {}",
                    known.join(", ")
                )));
            }
        }
        positive(self.timeout).map_err(at)
    }

    /// Whether it sends one of these parts.
    pub(super) fn sends(&self, parts: &[&str]) -> bool {
        let body = self.json.as_ref().map(Value::to_string);
        let mut texts = self.headers.values().chain(&body);
        texts.any(|text| holes(text).iter().any(|name| parts.contains(name)))
    }

    /// Whether it says which credential is meant.
    pub(super) fn names_one(&self) -> bool {
        let body = self.json.as_ref().map(Value::to_string);
        let texts = self.headers.values().chain(&body);
        let mut texts = std::iter::once(&self.url).chain(texts);
        texts.any(|text| !holes(text).is_empty())
    }

    fn address(&self) -> Result<Address, String> {
        Address::read(&self.url.replace(['{', '}'], "_"))
    }

    /// What it would do: a look, or something that the other side alone knows.
    pub(super) fn effects(&self) -> Result<Effects, String> {
        let address = self.address()?;
        if self.method == Method::Get {
            return Ok(Effects::exact(vec![address.read_effect()]));
        }
        let effect = Effect {
            reversible: Reversible::Unknown,
            ..Effect::read(Verb::NetworkSend, address.object())
        };
        Ok(Effects {
            confidence: Confidence::Bounded,
            reasons: vec![format!(
                "what {} does at {} is known to the server alone",
                self.method.as_str(),
                address.shown()
            )],
            ..Effects::exact(vec![address.effect(effect)])
        })
    }

    /// Sends it with this credential.
    pub(super) async fn send(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Answered {
        let said = |body: &[u8]| format!(": {}", excerpt(body, 200).trim());
        self.exchange(feed, scene, &said).await
    }

    /// The same where the answer may hold a new credential, of which nothing is told.
    pub(super) async fn ask(&self, feed: &Feed<'_>, scene: &Scene<'_>) -> Answered {
        self.exchange(feed, scene, &|_| String::new()).await
    }

    async fn exchange(
        &self,
        feed: &Feed<'_>,
        scene: &Scene<'_>,
        said: &(dyn Fn(&[u8]) -> String + Sync),
    ) -> Answered {
        let asked = scene.world.network.http(self.request(feed));
        let what = self.method.as_str();
        let nothing = |note: String| Answered {
            status: None,
            well: false,
            note: Masker::new(&feed.values()).mask(&note),
            body: Value::Null,
        };
        let answer = match unless_stopped(scene.session, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return nothing(words(&error)),
            Err(_) => return nothing("stopped while waiting for the answer".to_owned()),
        };
        let well = self.expect_status.contains(answer.status);
        let note = if well {
            format!("{what} answered {}", answer.status)
        } else {
            let said = said(&answer.body);
            let note = format!(
                "{what} answered {}, wanted {}{said}",
                answer.status, self.expect_status
            );
            note.trim_end_matches([' ', ':']).to_owned()
        };
        Answered {
            status: Some(answer.status),
            well,
            note: Masker::new(&feed.values()).mask(&note),
            // What is no JSON is not taken for nothing.
            body: serde_json::from_slice(&answer.body).unwrap_or_else(|_| {
                Value::String(String::from_utf8_lossy(&answer.body).trim().to_owned())
            }),
        }
    }

    fn request(&self, feed: &Feed<'_>) -> HttpRequest {
        let mut headers: Vec<(String, SecretValue)> = self
            .headers
            .iter()
            .map(|(name, text)| (name.clone(), SecretValue::new(filled(text, feed))))
            .collect();
        let mut body = None;
        if let Some(json) = &self.json {
            headers.push((
                "content-type".to_owned(),
                SecretValue::new("application/json".to_owned()),
            ));
            body = Some(SecretValue::new(filled_json(json, feed).to_string()));
        }
        let mut url = self.url.clone();
        for (name, value) in feed.facts {
            let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            url = url.replace(&hole(name), &value);
        }
        HttpRequest {
            method: self.method.as_str().to_owned(),
            url: SecretValue::new(url),
            headers,
            body,
            timeout: self.timeout,
            redirects: 0,
            max_body: MAX_BODY,
            authority_file: self.ca_file.clone(),
        }
    }
}

/// Errors of the network name the address, which holds no secret part.
fn words(error: &NetworkError) -> String {
    error.to_string()
}

fn hole(name: &str) -> String {
    format!("{{{name}}}")
}

/// What stands in braces in a text, where it may be a name.
fn holes(text: &str) -> Vec<&str> {
    let names = text
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}'));
    let is_name = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    names.map(|(name, _)| name).filter(is_name).collect()
}

fn filled(text: &str, feed: &Feed<'_>) -> String {
    let mut text = text.to_owned();
    for (name, value) in feed.facts {
        text = text.replace(&hole(name), value);
    }
    for (name, value) in feed.parts {
        text = text.replace(&hole(name), value.expose());
    }
    text
}

fn filled_json(value: &Value, feed: &Feed<'_>) -> Value {
    match value {
        Value::String(text) => Value::String(filled(text, feed)),
        Value::Array(items) => items.iter().map(|item| filled_json(item, feed)).collect(),
        Value::Object(map) => map
            .iter()
            .map(|(key, item)| (key.clone(), filled_json(item, feed)))
            .collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::HttpCall;
    use serde_json::{Value, json};

    fn call(value: Value) -> HttpCall {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn what_stands_in_braces_is_known() {
        let bearer = json!({ "Authorization": "Bearer {value}", "X-Shape": "{\"a\": {}}" });
        let good =
            call(json!({ "url": "https://a.example/keys/{id}?of={label}", "headers": bearer }));
        assert_eq!(good.check("test.http", &["value"]), Ok(()));
        for bad in [
            json!({ "url": "https://a.example/keys/{idd}" }),
            json!({ "url": "https://a.example", "headers": { "Authorization": "Bearer {valu}" } }),
        ] {
            let error = call(bad).check("test.http", &["value"]).unwrap_err();
            assert!(error.contains("stands for nothing"), "{error}");
            assert!(error.contains("hint: known are {value}, {id}"), "{error}");
        }
        assert!(call(json!({ "url": "https://a.example", "json": { "id": "{id}" } })).names_one());
        assert!(!call(json!({ "url": "https://a.example/keys" })).names_one());
    }
}
