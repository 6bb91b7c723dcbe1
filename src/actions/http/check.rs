//! `http/check`.

use crate::{
    actions::{
        framework::{
            Action, World,
            address::Address,
            answers::{LONGEST_TEXT, MaxLatency, excerpt, looks, positive, unless_stopped},
            outputs,
        },
        http::expectation::Expectation,
    },
    domain::{check::CheckStatus, run::StepReport, secret::SecretValue, span::Span},
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

/// The longest body that is looked at.
const MAX_BODY: usize = 1 << 20;

pub(crate) struct Check;

#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Inputs {
    /// Absolute, `http` or `https`.
    url: String,
    /// `GET` or `HEAD`.
    #[serde(default)]
    method: Method,
    /// Sent with the request; a secret belongs here, as in `Authorization: Bearer ${{ secret("token") }}`.
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// What the answer must be like.
    #[serde(default)]
    expect: Expectation,
    /// How slow the answer may be, from sending to its last byte.
    #[serde(default)]
    max_latency: MaxLatency,
    /// No answer within this is critical.
    #[serde(default = "ten_seconds")]
    timeout: Span,
    /// How many redirects are followed.
    #[serde(default)]
    #[schemars(range(max = 5))]
    follow_redirects: u8,
    /// A PEM file with further certificate authorities.
    #[serde(default)]
    ca_file: Option<PathBuf>,
}

#[derive(Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Method {
    #[default]
    Get,
    Head,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
        }
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outputs {
    /// The status code.
    status: u16,
    /// From sending to the last byte, in milliseconds.
    latency_ms: u64,
    /// The beginning of the body, at most 4 KiB.
    body: String,
}

fn ten_seconds() -> Span {
    Span::from_secs(10)
}

impl Action for Check {
    type Inputs = Inputs;
    type Outputs = Outputs;
    const NAME: &'static str = "http/check";
    const SUMMARY: &'static str =
        "Asks an HTTP server, and judges status, body and speed of its answer.";

    fn validate(&self, inputs: &Inputs) -> Result<(), String> {
        Address::read(&inputs.url)?;
        inputs.expect.validate()?;
        inputs.max_latency.validate()?;
        positive(inputs.timeout)?;
        if inputs.follow_redirects > 5 {
            return Err("in `with`, at `followRedirects`: at most 5".to_owned());
        }
        if matches!(inputs.method, Method::Head) && inputs.expect.wants_body() {
            return Err(
                "in `with`, at `expect`: an answer to HEAD has no body\nhint: use `method: GET`"
                    .to_owned(),
            );
        }
        Ok(())
    }

    fn intend(&self, inputs: &Inputs, _: &StepContext) -> Result<Intent, String> {
        Ok(looks(Address::read(&inputs.url)?.read_effect()))
    }

    fn execute<'a>(
        &'a self,
        inputs: Inputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            let asked = unless_stopped(session, world.network.http(request(&inputs))).await;
            match asked {
                Ok(Ok(answer)) => judge(&inputs, &answer),
                Ok(Err(error)) => {
                    StepReport::checked(gravity(&error), error.to_string(), Value::Null)
                }
                Err(stopped) => stopped,
            }
        })
    }
}

fn request(inputs: &Inputs) -> HttpRequest {
    let secret = |value: &String| SecretValue::new(value.clone());
    HttpRequest {
        method: inputs.method.as_str().to_owned(),
        url: secret(&inputs.url),
        headers: inputs
            .headers
            .iter()
            .map(|(name, value)| (name.clone(), secret(value)))
            .collect(),
        body: None,
        timeout: inputs.timeout,
        redirects: u32::from(inputs.follow_redirects),
        max_body: MAX_BODY,
        authority_file: inputs.ca_file.clone(),
    }
}

/// A server that does not answer is what this check looks for; a question that could not be asked is not.
fn gravity(error: &NetworkError) -> CheckStatus {
    match error {
        NetworkError::InvalidAddress(..) | NetworkError::NotAsked(..) => CheckStatus::Unknown,
        NetworkError::TimedOut(..) | NetworkError::Unreachable { .. } => CheckStatus::Critical,
    }
}

fn judge(inputs: &Inputs, answer: &HttpResponse) -> StepReport {
    let outputs = outputs(&Outputs {
        status: answer.status,
        latency_ms: answer.took.millis(),
        body: excerpt(&answer.body, LONGEST_TEXT),
    });
    let (speed, words) = inputs.max_latency.judge(answer.took);
    match inputs.expect.judge(answer) {
        Err(wrong) => StepReport::checked(CheckStatus::Critical, wrong, outputs),
        Ok(()) => StepReport::checked(speed, format!("status {}, {words}", answer.status), outputs),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        actions::framework::{
            World,
            scripted::{ScriptedNetwork, act, intend, world},
        },
        domain::{
            check::CheckStatus, effect::Class, name::SecretName, run::StepResult, secret::marker,
        },
        ports::network::NetworkError,
    };
    use serde_json::json;

    #[tokio::test]
    async fn a_good_answer_is_ok() {
        let network = ScriptedNetwork::answering(200, r#"{"status":"ok"}"#);
        let arguments = json!({
            "url": "http://h/health",
            "headers": { "Authorization": "Bearer x" },
            "expect": { "json": { "/status": "ok" } }
        });
        let report = act(
            World {
                network: network.clone(),
                ..world()
            },
            "http/check",
            arguments,
        )
        .await;
        assert_eq!(report.check, Some(CheckStatus::Ok));
        assert_eq!(report.summary, "status 200, took 12ms");
        assert_eq!(
            report.outputs,
            json!({ "status": 200, "latencyMs": 12, "body": r#"{"status":"ok"}"# })
        );
        let requests = network.requests.lock().unwrap();
        assert_eq!(requests[0].headers[0].1.expose(), "Bearer x");
        assert_eq!(requests[0].redirects, 0);
    }

    #[tokio::test]
    async fn a_wrong_or_missing_answer_is_critical_and_one_that_could_not_be_asked_for_is_unknown()
    {
        let bad = ScriptedNetwork::answering(503, "no");
        let report = act(
            World {
                network: bad,
                ..world()
            },
            "http/check",
            json!({ "url": "http://h/" }),
        )
        .await;
        assert_eq!(report.check, Some(CheckStatus::Critical));
        assert!(matches!(
            report.result,
            StepResult::Failed {
                retryable: true,
                ..
            }
        ));
        assert_eq!(report.outputs["status"], 503);
        let away = act(world(), "http/check", json!({ "url": "http://h/" })).await;
        assert_eq!(away.check, Some(CheckStatus::Critical));
        let network = std::sync::Arc::new(ScriptedNetwork::default());
        let not_asked = NetworkError::NotAsked("h".to_owned(), "no such file".to_owned());
        network.http.lock().unwrap().push_back(Err(not_asked));
        let unknown = act(
            World { network, ..world() },
            "http/check",
            json!({ "url": "http://h/" }),
        )
        .await;
        assert_eq!(unknown.check, Some(CheckStatus::Unknown));
    }

    #[tokio::test]
    async fn a_slow_answer_is_a_warning() {
        let network = ScriptedNetwork::answering(200, "");
        let arguments =
            json!({ "url": "http://h/", "maxLatency": { "warning": "10ms", "critical": "1s" } });
        let report = act(World { network, ..world() }, "http/check", arguments).await;
        assert_eq!(report.check, Some(CheckStatus::Warning));
        assert_eq!(report.result, StepResult::Succeeded);
    }

    #[tokio::test]
    async fn it_reads_and_tells_where() {
        let intent = intend("http/check", json!({ "url": "https://u:p@h.example/x" }))
            .await
            .unwrap();
        assert_eq!(intent.effects.class(), Class::Read);
        assert_eq!(
            intent.effects.items[0].to_string(),
            "read url https://h.example/x at h.example"
        );
        let mark = marker(&SecretName::new("token").unwrap());
        let arguments = json!({ "url": "https://h/", "headers": { "Authorization": format!("Bearer {mark}") } });
        assert_eq!(
            intend("http/check", arguments)
                .await
                .unwrap()
                .effects
                .class(),
            Class::Read
        );
    }

    #[tokio::test]
    async fn wrong_inputs_are_refused_before_anything_is_asked() {
        for (arguments, words) in [
            (json!({}), "missing field `url`"),
            (json!({ "url": "x" }), "not a usable URL"),
            (
                json!({ "url": "http://h/", "followRedirects": 6 }),
                "at most 5",
            ),
            (
                json!({ "url": "http://h/", "timeout": "0s" }),
                "longer than 0s",
            ),
            (
                json!({ "url": "http://h/", "method": "POST" }),
                "at `method`",
            ),
            (
                json!({ "url": "http://h/", "expect": { "status": 1000 } }),
                "at `expect.status`",
            ),
            (
                json!({ "url": "http://h/", "method": "HEAD", "expect": { "contains": "x" } }),
                "no body",
            ),
            (
                json!({ "url": "http://h/", "maxLatency": { "warning": "2s", "critical": "1s" } }),
                "below warning",
            ),
        ] {
            let error = intend("http/check", arguments).await.unwrap_err();
            assert!(error.contains(words), "{error}");
        }
    }
}
