//! `http/request`.

use crate::{
    actions::{
        framework::{
            Action, World,
            address::Address,
            answers::{excerpt, looks, positive, unless_stopped},
            outputs,
        },
        http::status::WantedStatus,
    },
    domain::{
        effect::{Confidence, Effect, Effects, Reversible, Secrets, Verb},
        run::StepReport,
        secret::{self, SecretValue},
        span::Span,
    },
    ports::{
        BoxFuture,
        executor::{Intent, Session, StepContext},
        network::{HttpRequest, HttpResponse, NetworkError},
    },
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// The longest body that is kept as an output.
const MAX_BODY: usize = 256 * 1024;
/// Headers that later steps may need; others may hold credentials.
const KEPT_HEADERS: [&str; 8] = [
    "content-length",
    "content-type",
    "date",
    "etag",
    "last-modified",
    "location",
    "retry-after",
    "x-request-id",
];
/// Inputs that say how dangerous the request is, and so must stand in the runbook as they are.
const LITERAL: [&str; 3] = ["method", "undo", "idempotent"];

pub(crate) struct Request;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// The method. `GET`, `HEAD` and `OPTIONS` only look; the others change something.
    method: Method,
    /// Absolute, `http` or `https`.
    url: String,
    /// Sent with the request.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// The body, as it is. Not together with `json`.
    #[serde(default)]
    body: Option<String>,
    /// The body as JSON; sets `Content-Type` unless `headers` does. Not together with `body`.
    #[serde(default)]
    json: Option<Value>,
    /// Status codes that count as success: `200`, `"200-299"`, or a list of such.
    #[serde(default)]
    expect_status: WantedStatus,
    /// How long the whole answer may take.
    #[serde(default = "thirty_seconds")]
    timeout: Span,
    /// How many redirects are followed; a request that changes something follows them only on the same server.
    #[serde(default)]
    #[schemars(range(max = 5))]
    follow_redirects: u8,
    /// A PEM file with further certificate authorities.
    #[serde(default)]
    ca_file: Option<PathBuf>,
    /// How a person takes the change back. Without it, nobody knows whether it can be. Cannot hold an expression.
    #[serde(default)]
    undo: Option<String>,
    /// Whether sending it twice is the same as sending it once; only then may it be tried again. Cannot hold an expression.
    #[serde(default)]
    idempotent: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    Get,
    Head,
    Options,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Options => "OPTIONS",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
    /// Safe in the sense of RFC 9110, section 9.2.1.
    fn only_looks(self) -> bool {
        match self {
            Self::Get | Self::Head | Self::Options => true,
            Self::Post | Self::Put | Self::Patch | Self::Delete => false,
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outputs {
    /// The status code.
    status: u16,
    /// Headers that later steps may need: `content-type`, `etag`, `location` and the like.
    headers: BTreeMap<String, String>,
    /// The body, where it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<Value>,
    /// The body as text, where it is not JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    /// Whether the body was longer than 256 KiB and is cut.
    truncated: bool,
    /// From sending to the last byte, in milliseconds.
    latency_ms: u64,
}

fn thirty_seconds() -> Span {
    Span::from_secs(30)
}

impl Action for Request {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "http/request";
    const SUMMARY: &'static str = "Sends an HTTP request and keeps its answer for later steps.";

    fn validate(&self, inputs: &Inputs) -> Result<(), String> {
        Address::read(&inputs.url)?;
        positive(inputs.timeout)?;
        if inputs.body.is_some() && inputs.json.is_some() {
            return Err("in `with`: `body` and `json` exclude each other".to_owned());
        }
        if inputs.follow_redirects > 5 {
            return Err("in `with`, at `followRedirects`: at most 5".to_owned());
        }
        Ok(())
    }

    fn check_template(&self, arguments: &Value) -> Result<(), String> {
        let holds = |key: &&str| {
            let text = arguments.get(key).and_then(Value::as_str);
            text.is_some_and(|text| text.contains("${{"))
        };
        match LITERAL.iter().find(|key| holds(key)) {
            Some(key) => Err(format!(
                "in `with`, at `{key}`: cannot hold an expression, because it says how dangerous the step is"
            )),
            None => Ok(()),
        }
    }

    fn intend(&self, inputs: &Inputs, _: &StepContext) -> Result<Intent, String> {
        let address = Address::read(&inputs.url)?;
        if inputs.method.only_looks() && inputs.body.is_none() && inputs.json.is_none() {
            return Ok(looks(address.read_effect()));
        }
        Ok(Intent {
            effects: change(inputs, &address),
            idempotent: inputs.idempotent,
            wants_approval: None,
            pinned: crate::domain::pinned::Pinned::default(),
        })
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let again = inputs.idempotent || inputs.method.only_looks();
            match unless_stopped(session, world.network.http(request(&inputs))).await {
                Ok(Ok(answer)) => report(&inputs, &answer, again),
                Ok(Err(error)) => StepReport::failed(error.to_string(), again && was_asked(&error)),
                Err(stopped) if again => stopped,
                Err(_) => StepReport::canceled(
                    "stopped while waiting for the answer; the request may have been carried out",
                ),
            }
        })
    }
}

/// What the other side does with the request is its own affair, so the effect is bounded at best: a message to one address, which can
/// be taken back only if the runbook says how.
fn change(inputs: &Inputs, address: &Address) -> Effects {
    let effect = match (inputs.method, &inputs.undo) {
        (Method::Delete, _) => Effect::destructive(Verb::Delete, address.object()),
        (_, Some(undo)) => Effect::change(Verb::NetworkSend, address.object(), undo),
        (_, None) => Effect {
            reversible: Reversible::Unknown,
            ..Effect::read(Verb::NetworkSend, address.object())
        },
    };
    let effect = if body_holds_secret(inputs) {
        Effect {
            secrets: Secrets::Values,
            ..effect
        }
    } else {
        address.effect(effect)
    };
    Effects {
        confidence: Confidence::Bounded,
        reasons: vec![format!(
            "what {} does at {} is known to the server alone",
            inputs.method.as_str(),
            address.shown()
        )],
        ..Effects::exact(vec![effect])
    }
}

fn body_holds_secret(inputs: &Inputs) -> bool {
    fn holds(value: &Value) -> bool {
        match value {
            Value::String(text) => secret::is_marked(text),
            Value::Array(items) => items.iter().any(holds),
            Value::Object(map) => map.values().any(holds),
            Value::Null | Value::Bool(_) | Value::Number(_) => false,
        }
    }
    inputs.body.as_deref().is_some_and(secret::is_marked) || inputs.json.as_ref().is_some_and(holds)
}

fn request(inputs: &Inputs) -> HttpRequest {
    let mut headers: Vec<_> = inputs
        .headers
        .iter()
        .map(|(name, value)| (name.clone(), SecretValue::new(value.clone())))
        .collect();
    let says_type = headers
        .iter()
        .any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if inputs.json.is_some() && !says_type {
        let json = SecretValue::new("application/json".to_owned());
        headers.push(("content-type".to_owned(), json));
    }
    let json = inputs.json.as_ref().map(ToString::to_string);
    HttpRequest {
        method: inputs.method.as_str().to_owned(),
        url: SecretValue::new(inputs.url.clone()),
        headers,
        body: json.or_else(|| inputs.body.clone()).map(SecretValue::new),
        timeout: inputs.timeout,
        redirects: u32::from(inputs.follow_redirects),
        max_body: MAX_BODY,
        authority_file: inputs.ca_file.clone(),
    }
}

fn was_asked(error: &NetworkError) -> bool {
    match error {
        NetworkError::InvalidAddress(..) | NetworkError::NotAsked(..) => false,
        NetworkError::TimedOut(..) | NetworkError::Unreachable { .. } => true,
    }
}

fn report(inputs: &Inputs, answer: &HttpResponse, again: bool) -> StepReport {
    let outputs = outputs(&kept(answer));
    let took = answer.took;
    if inputs.expect_status.contains(answer.status) {
        let summary = format!(
            "{} answered {} in {took}",
            inputs.method.as_str(),
            answer.status
        );
        return StepReport::succeeded(summary, outputs);
    }
    let error = format!(
        "{} answered {}, wanted {}: {}",
        inputs.method.as_str(),
        answer.status,
        inputs.expect_status,
        excerpt(&answer.body, 200).trim()
    );
    let passing = matches!(answer.status, 408 | 425 | 429 | 500..=599);
    StepReport {
        outputs,
        ..StepReport::failed(error.trim_end_matches([' ', ':']), again && passing)
    }
}

fn kept(answer: &HttpResponse) -> Outputs {
    let json = if answer.cut {
        None
    } else {
        serde_json::from_slice::<Value>(&answer.body).ok()
    };
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    Outputs {
        status: answer.status,
        headers: answer
            .headers
            .iter()
            .filter(|(name, _)| KEPT_HEADERS.contains(&name.as_str()))
            .cloned()
            .collect(),
        body: json.is_none().then_some(text),
        json,
        truncated: answer.cut,
        latency_ms: answer.took.millis(),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::{
            Catalogue, World,
            scripted::{ScriptedNetwork, act, intend, world},
        },
        domain::{
            effect::{Class, Confidence, Reversible, Verb},
            name::{ActionName, SecretName},
            run::StepResult,
            secret::marker,
        },
        ports::executor::ActionCatalogue,
    };
    use serde_json::json;

    async fn class(arguments: serde_json::Value) -> Class {
        intend("http/request", arguments)
            .await
            .unwrap()
            .effects
            .class()
    }

    #[tokio::test]
    async fn what_a_method_does_decides_how_grave_it_is() {
        let of = |method: &str| json!({ "method": method, "url": "https://h/x" });
        assert_eq!(class(of("GET")).await, Class::Read);
        assert_eq!(class(of("POST")).await, Class::Change);
        assert_eq!(class(of("PUT")).await, Class::Change);
        assert_eq!(class(of("DELETE")).await, Class::Destructive);
        let get_with_body = json!({ "method": "GET", "url": "https://h/x", "body": "{}" });
        assert_eq!(class(get_with_body).await, Class::Change);
    }

    #[tokio::test]
    async fn whether_a_change_can_be_undone_is_not_known_unless_the_runbook_says_how() {
        let plain = intend(
            "http/request",
            json!({ "method": "POST", "url": "https://h/x" }),
        )
        .await
        .unwrap();
        assert_eq!(plain.effects.items[0].verb, Verb::NetworkSend);
        assert_eq!(plain.effects.items[0].reversible, Reversible::Unknown);
        assert_eq!(plain.effects.confidence, Confidence::Bounded);
        assert!(!plain.idempotent);
        let arguments = json!({ "method": "POST", "url": "https://h/x", "undo": "post the old value", "idempotent": true });
        let told = intend("http/request", arguments).await.unwrap();
        assert_eq!(
            told.effects.items[0].reversible,
            Reversible::Undo("post the old value".into())
        );
        assert!(told.idempotent);
    }

    #[test]
    fn what_says_how_dangerous_it_is_cannot_be_an_expression() {
        let name = ActionName::new("http/request").unwrap();
        let catalogue = Catalogue::new();
        let arguments =
            json!({ "method": "POST", "url": "${{ inputs.u }}", "undo": "${{ inputs.x }}" });
        let error = catalogue.check_template(&name, &arguments).unwrap_err();
        assert!(error.contains("`undo`"), "{error}");
        let arguments = json!({ "method": "POST", "url": "${{ inputs.u }}" });
        assert_eq!(catalogue.check_template(&name, &arguments), Ok(()));
    }

    #[tokio::test]
    async fn a_secret_in_the_body_is_disclosed() {
        let mark = marker(&SecretName::new("db").unwrap());
        let arguments = json!({ "method": "POST", "url": "https://h/x", "json": { "a": [mark] } });
        assert_eq!(class(arguments).await, Class::Destructive);
    }

    #[tokio::test]
    async fn a_json_answer_is_kept_as_json() {
        let network = ScriptedNetwork::answering(201, r#"{"id":7}"#);
        let arguments = json!({ "method": "POST", "url": "https://h/x", "json": { "a": 1 } });
        let report = act(
            World {
                network: network.clone(),
                ..world()
            },
            "http/request",
            arguments,
        )
        .await;
        assert_eq!(report.result, StepResult::Succeeded);
        assert_eq!(
            report.outputs,
            json!({
                "status": 201, "headers": { "content-type": "text/plain" }, "json": { "id": 7 },
                "truncated": false, "latencyMs": 12
            })
        );
        let requests = network.requests.lock().unwrap();
        assert_eq!(requests[0].body.as_ref().unwrap().expose(), r#"{"a":1}"#);
        assert_eq!(requests[0].headers[0].0, "content-type");
    }

    #[tokio::test]
    async fn only_a_request_that_may_be_repeated_is_worth_another_try() {
        for (idempotent, status, retryable) in
            [(false, 503, false), (true, 503, true), (true, 404, false)]
        {
            let network = ScriptedNetwork::answering(status, "sorry");
            let arguments =
                json!({ "method": "POST", "url": "https://h/x", "idempotent": idempotent });
            let report = act(World { network, ..world() }, "http/request", arguments).await;
            let error = format!("POST answered {status}, wanted 200-299: sorry");
            assert_eq!(report.result, StepResult::Failed { error, retryable });
            assert_eq!(report.outputs["body"], "sorry");
        }
        let away = act(
            world(),
            "http/request",
            json!({ "method": "POST", "url": "https://h/x" }),
        )
        .await;
        assert!(matches!(
            away.result,
            StepResult::Failed {
                retryable: false,
                ..
            }
        ));
    }

    #[tokio::test]
    async fn body_and_json_exclude_each_other() {
        let arguments = json!({ "method": "POST", "url": "https://h/x", "body": "a", "json": 1 });
        assert!(
            intend("http/request", arguments)
                .await
                .unwrap_err()
                .contains("exclude")
        );
    }
}
