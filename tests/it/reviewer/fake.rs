//! Providers on this host: each speaks its own wire format, and misbehaves as it is told.

use crate::servers::{Server, http_with_body};
use jiff::{SignedDuration, Timestamp};
use orderly::{
    adapters::{ai::ProviderModel, network::HostNetwork},
    config::ProviderConfig,
    domain::{id::Entropy, name::SecretName, secret::SecretValue},
    flow::review::Provider,
    ports::{
        BoxFuture,
        clock::Clock,
        secrets::{SecretError, Secrets},
    },
};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    io::Write,
    sync::{Arc, Mutex},
    time::Duration,
};

/// The key that providers are asked with.
pub(crate) const KEY: &str = "sk-very-secret-key";

/// The secrets of these tests.
#[derive(Debug)]
pub(crate) struct OneKey;

impl Secrets for OneKey {
    fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        match name.as_str() {
            "key" => Ok(SecretValue::new(KEY.to_owned())),
            _ => Err(SecretError::Unknown(name.clone())),
        }
    }
    fn all_values(&self) -> Vec<SecretValue> {
        vec![SecretValue::new(KEY.to_owned())]
    }
}

/// A clock whose sleeps are over at once, and are remembered.
#[derive(Debug)]
pub(crate) struct QuickClock {
    elapsed: Mutex<Duration>,
    slept: Mutex<Vec<Duration>>,
    ids: Mutex<u64>,
}

impl QuickClock {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            elapsed: Mutex::default(),
            slept: Mutex::default(),
            ids: Mutex::default(),
        })
    }
    pub(crate) fn slept(&self) -> Vec<Duration> {
        self.slept.lock().unwrap().clone()
    }
    pub(crate) fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap() += by;
    }
}

impl Clock for QuickClock {
    fn now(&self) -> Timestamp {
        let start: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        start + SignedDuration::try_from(self.elapsed()).unwrap()
    }
    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }
    fn sleep(&self, duration: Duration) -> BoxFuture<'_, ()> {
        self.slept.lock().unwrap().push(duration);
        self.advance(duration);
        Box::pin(std::future::ready(()))
    }
    fn entropy(&self) -> Entropy {
        let mut bytes = [0; 10];
        let mut ids = self.ids.lock().unwrap();
        *ids += 1;
        bytes[2..].copy_from_slice(&ids.to_be_bytes());
        bytes
    }
}

/// Whose format a fake speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wire {
    Anthropic,
    AnthropicTool,
    OpenAi,
    Azure,
    AzureV1,
    Compatible,
    Ollama,
}

impl Wire {
    pub(crate) const ALL: [Self; 7] = [
        Self::Anthropic,
        Self::AnthropicTool,
        Self::OpenAi,
        Self::Azure,
        Self::AzureV1,
        Self::Compatible,
        Self::Ollama,
    ];

    /// The configuration of a provider at this address.
    pub(crate) fn config(self, endpoint: &str) -> Value {
        let mut config = json!({
            "endpoint": endpoint, "model": "m-1", "key": "key", "prices": { "input": 3, "output": 15 },
        });
        let further = match self {
            Self::Anthropic => json!({"provider": "anthropic"}),
            Self::AnthropicTool => {
                json!({"provider": "anthropic", "structuredOutput": "strictTool"})
            }
            Self::OpenAi => json!({"provider": "openai"}),
            Self::Azure => {
                json!({"provider": "azure", "deploymentId": "d-1", "apiVersion": "2024-10-21"})
            }
            Self::AzureV1 => json!({"provider": "azure", "bearer": true}),
            Self::Compatible => json!({"provider": "compatible"}),
            Self::Ollama => json!({"provider": "ollama", "prices": null}),
        };
        for (key, value) in further.as_object().unwrap() {
            config[key] = value.clone();
        }
        config
    }

    /// A whole and good answer around the model's text.
    pub(crate) fn answer(self, text: &str) -> Value {
        match self {
            Self::Anthropic => json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1",
                "content": [{ "type": "text", "text": text }],
                "stop_reason": "end_turn", "stop_sequence": null,
                "usage": { "input_tokens": 900, "output_tokens": 100, "cache_read_input_tokens": 100, "service_tier": "standard" },
            }),
            Self::AnthropicTool => json!({
                "id": "msg_1", "type": "message", "role": "assistant", "model": "m-1",
                "content": [{ "type": "tool_use", "id": "t", "name": "review", "input": serde_json::from_str::<Value>(text).unwrap_or_default() }],
                "stop_reason": "tool_use",
                "usage": { "input_tokens": 1000, "output_tokens": 100 },
            }),
            Self::OpenAi | Self::Azure | Self::AzureV1 | Self::Compatible => json!({
                "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m-1",
                "choices": [{
                    "index": 0, "finish_reason": "stop", "logprobs": null,
                    "message": { "role": "assistant", "content": text, "refusal": null },
                }],
                "usage": { "prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100 },
            }),
            Self::Ollama => json!({
                "model": "m-1", "created_at": "2026-11-21T08:00:00Z", "done": true, "done_reason": "stop",
                "message": { "role": "assistant", "content": text },
                "total_duration": 5, "prompt_eval_count": 1000, "eval_count": 100,
            }),
        }
    }

    /// The document in a request's body.
    pub(crate) fn document(self, body: &str) -> Value {
        let body: Value = serde_json::from_str(body).unwrap();
        let messages = body["messages"].as_array().unwrap();
        let last = messages.last().unwrap()["content"].as_str().unwrap();
        serde_json::from_str(last).unwrap()
    }
}

/// What a fake does with one question.
pub(crate) enum Does {
    /// Answers with this verdict.
    Says(&'static str),
    /// Answers with this text of the model, in which `DIGEST8` stands for the right one.
    Writes(String),
    /// Answers with this whole body.
    Body(Value),
    /// Answers with this status line, these headers and this body.
    Raw(&'static str, String, String),
    /// Begins an answer and never ends it.
    Dawdles,
    /// Answers with so many bytes.
    Floods(usize),
}

/// An answer that is one.
pub(crate) fn verdict(word: &str) -> String {
    let codes: &[&str] = if word == "no_objection" {
        &[]
    } else {
        &["purpose_mismatch"]
    };
    json!({"digest8": "DIGEST8", "verdict": word, "codes": codes, "effect_refs": [0], "note": "as you see"})
        .to_string()
}

/// A provider that passes its canaries, does what is scripted, and then says `no_objection` to everything.
pub(crate) struct Fake {
    pub(crate) wire: Wire,
    pub(crate) server: Server,
    script: Arc<Mutex<VecDeque<Does>>>,
    documents: Arc<Mutex<Vec<Value>>>,
}

impl Fake {
    pub(crate) fn new(wire: Wire, script: impl IntoIterator<Item = Does>) -> Self {
        Self::with_canaries(wire, script, ["block", "no_objection"])
    }

    /// The same, with these verdicts on the destructive and on the harmless canary.
    pub(crate) fn with_canaries(
        wire: Wire,
        script: impl IntoIterator<Item = Does>,
        canaries: [&'static str; 2],
    ) -> Self {
        let script = Arc::new(Mutex::new(script.into_iter().collect::<VecDeque<_>>()));
        let documents = Arc::new(Mutex::new(Vec::new()));
        let (doing, seen) = (script.clone(), documents.clone());
        let server = http_with_body(move |_, body, stream| {
            let document = wire.document(body);
            let digest8 = document["digest8"].as_str().unwrap().to_owned();
            let [destructive, harmless] = canaries;
            let does = match document["request"]["runbook"]["name"].as_str().unwrap() {
                "nightly-disk-report" => Does::Says(destructive),
                "set-banner" => Does::Says(harmless),
                _ => {
                    seen.lock().unwrap().push(document);
                    let next = doing.lock().unwrap().pop_front();
                    next.unwrap_or(Does::Says("no_objection"))
                }
            };
            act(wire, does, &digest8, stream)
        });
        Self {
            wire,
            server,
            script,
            documents,
        }
    }

    /// What it does next.
    pub(crate) fn then(&self, does: Does) {
        self.script.lock().unwrap().push_back(does);
    }

    /// What it does next, and nothing that it was told before.
    pub(crate) fn only(&self, does: impl IntoIterator<Item = Does>) {
        let mut script = self.script.lock().unwrap();
        script.clear();
        script.extend(does);
    }

    /// The documents that it was shown, canaries left out.
    pub(crate) fn documents(&self) -> Vec<Value> {
        self.documents.lock().unwrap().clone()
    }

    /// How often it was asked, canaries left out.
    pub(crate) fn asked(&self) -> usize {
        self.documents().len()
    }

    pub(crate) fn config(&self) -> ProviderConfig {
        let mut config = self.wire.config(&self.server.url(""));
        config.as_object_mut().unwrap().retain(|_, v| !v.is_null());
        serde_json::from_value(config).unwrap()
    }

    pub(crate) fn provider(&self, name: &str) -> Provider {
        provider(name, &self.config())
    }
}

/// A provider as the configuration describes it.
pub(crate) fn provider(name: &str, config: &ProviderConfig) -> Provider {
    Provider {
        name: name.parse().unwrap(),
        model_name: config.model_name().to_owned(),
        model: Arc::new(model(config)),
        price: config.price().unwrap_or_default(),
        timeout: config.timeout,
        max_output_tokens: config.max_output_tokens,
    }
}

pub(crate) fn model(config: &ProviderConfig) -> ProviderModel {
    ProviderModel::new(config, Arc::new(HostNetwork::new()), Arc::new(OneKey)).unwrap()
}

fn act(wire: Wire, does: Does, digest8: &str, stream: &mut dyn Write) -> bool {
    match does {
        Does::Says(word) => {
            let text = verdict(word).replace("DIGEST8", digest8);
            send(stream, "200 OK", JSON, &wire.answer(&text).to_string())
        }
        Does::Writes(text) => {
            let text = text.replace("DIGEST8", digest8);
            send(stream, "200 OK", JSON, &wire.answer(&text).to_string())
        }
        Does::Body(body) => {
            let body = body.to_string().replace("DIGEST8", digest8);
            send(stream, "200 OK", JSON, &body)
        }
        Does::Raw(status, headers, body) => {
            send(stream, status, &headers, &body.replace("DIGEST8", digest8))
        }
        Does::Dawdles => {
            let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n";
            let begun = stream.write_all(head.as_bytes());
            begun.is_ok() && {
                // The client gives up long before.
                while stream.write_all(b" ").and_then(|()| stream.flush()).is_ok() {
                    std::thread::sleep(Duration::from_millis(20));
                }
                false
            }
        }
        Does::Floods(bytes) => {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {bytes}\r\n\r\n{{\"a\":\""
            );
            let block = [b'x'; 8192];
            let begun = stream.write_all(head.as_bytes()).is_ok();
            begun && (0..bytes / block.len()).all(|_| stream.write_all(&block).is_ok())
        }
    }
}

/// The header of good answers.
pub(crate) const JSON: &str = "content-type: application/json\r\n";

fn send(stream: &mut dyn Write, status: &str, headers: &str, body: &str) -> bool {
    let length = body.len();
    // In one piece: small pieces would wait for each other's acknowledgement.
    let whole = format!("HTTP/1.1 {status}\r\n{headers}content-length: {length}\r\n\r\n{body}");
    stream.write_all(whole.as_bytes()).is_ok()
}
