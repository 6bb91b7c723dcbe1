//! Language models at AI providers, each in its provider's own wire format.
//!
//! | provider | where its format is described |
//! |---|---|
//! | Anthropic | <https://platform.claude.com/docs/en/api/messages/create>, <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>, <https://platform.claude.com/docs/en/agents-and-tools/tool-use/strict-tool-use>, <https://platform.claude.com/docs/en/build-with-claude/handling-stop-reasons> |
//! | OpenAI | <https://platform.openai.com/docs/api-reference/chat/create>, <https://platform.openai.com/docs/guides/structured-outputs>, <https://platform.openai.com/docs/guides/error-codes> |
//! | Azure OpenAI | <https://learn.microsoft.com/azure/ai-foundry/openai/api-version-lifecycle>, <https://learn.microsoft.com/azure/ai-foundry/openai/how-to/structured-outputs>, <https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter> |
//! | Ollama | <https://github.com/ollama/ollama/blob/main/docs/api.md>, <https://docs.ollama.com/capabilities/structured-outputs> |
//!
//! Invariants
//! - One question is one request: whether to ask again is for the caller to say, who also pays.
//! - At most 64 KiB of an answer are read; what is longer, no JSON, or a redirect, is a fault.
//! - The key is read anew for each request, and is in no error.
//! - Only the fields that are needed are read; new ones may come at any time. The model's own text is handed on as it is: the caller
//!   reads it strictly.
//!
//! Deliberately lacking: streams, tools (beyond the one that gives an answer its form), conversations.

mod anthropic;
mod fault;
mod ollama;
mod openai;

use crate::{
    config::{ProviderConfig, ProviderKind, TokenLimit},
    domain::{name::SecretName, secret::SecretValue, span::Span},
    ports::{
        BoxFuture,
        completion::{Completion, CompletionError, CompletionRequest, Model},
        network::{HttpRequest, HttpResponse, Network},
        secrets::Secrets,
    },
};
use serde_json::{Map, Value};
use std::{path::PathBuf, sync::Arc};
use url::Url;

/// More of an answer is not read, in bytes.
const LARGEST: usize = 64 * 1024;

/// One model at one provider.
#[derive(Debug)]
pub struct ProviderModel {
    format: Format,
    url: Url,
    model: String,
    key: Option<(KeyHeader, SecretName)>,
    max_output_tokens: u32,
    parameters: Map<String, Value>,
    ca_file: Option<PathBuf>,
    network: Arc<dyn Network>,
    secrets: Arc<dyn Secrets>,
}

/// Whose format is spoken.
#[derive(Debug, Clone, Copy)]
enum Format {
    Anthropic(crate::config::StructuredOutput),
    OpenAi(TokenLimit),
    Ollama,
}

/// The header that the key is sent in.
#[derive(Debug, Clone, Copy)]
enum KeyHeader {
    Bearer,
    Own(&'static str),
}

/// The address is none.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not an address")]
pub struct InvalidEndpoint(String);

impl ProviderModel {
    /// As the configuration describes it.
    ///
    /// # Errors
    /// Its endpoint is not an address.
    pub fn new(
        config: &ProviderConfig,
        network: Arc<dyn Network>,
        secrets: Arc<dyn Secrets>,
    ) -> Result<Self, InvalidEndpoint> {
        let header = match (config.bearer, config.provider) {
            (true, _) => KeyHeader::Bearer,
            (false, ProviderKind::Anthropic) => KeyHeader::Own("x-api-key"),
            (false, ProviderKind::Azure) => KeyHeader::Own("api-key"),
            (false, ProviderKind::Openai | ProviderKind::Ollama | ProviderKind::Compatible) => {
                KeyHeader::Bearer
            }
        };
        Ok(Self {
            format: format(config),
            url: url(config).ok_or_else(|| InvalidEndpoint(config.address().to_owned()))?,
            model: model(config),
            key: config.key.clone().map(|key| (header, key)),
            max_output_tokens: config.max_output_tokens,
            parameters: config.parameters.clone().into_iter().collect(),
            ca_file: config.ca_file.clone(),
            network,
            secrets,
        })
    }

    fn body(&self, request: &CompletionRequest) -> Value {
        let own = match self.format {
            Format::Anthropic(form) => {
                anthropic::body(&self.model, self.max_output_tokens, form, request)
            }
            Format::OpenAi(limit) => {
                openai::body(&self.model, self.max_output_tokens, limit, request)
            }
            Format::Ollama => {
                let further = self.parameters.clone();
                return ollama::body(&self.model, self.max_output_tokens, further, request);
            }
        };
        let mut body = Value::Object(self.parameters.clone());
        overlay(&mut body, own);
        body
    }

    fn headers(&self) -> Result<Vec<(String, SecretValue)>, CompletionError> {
        let plain = |name: &str, value: &str| (name.to_owned(), SecretValue::new(value.to_owned()));
        let mut headers = vec![
            plain("content-type", "application/json"),
            plain("accept", "application/json"),
        ];
        if let Format::Anthropic(_) = self.format {
            headers.push(plain("anthropic-version", anthropic::VERSION));
        }
        if let Some((header, name)) = &self.key {
            let key = self.secrets.get(name).map_err(|error| not_sent(&error))?;
            headers.push(match header {
                KeyHeader::Own(name) => plain(name, key.expose()),
                KeyHeader::Bearer => plain("authorization", &format!("Bearer {}", key.expose())),
            });
        }
        Ok(headers)
    }

    async fn ask(&self, request: CompletionRequest) -> Result<Completion, CompletionError> {
        let http = HttpRequest {
            method: "POST".to_owned(),
            url: SecretValue::new(self.url.to_string()),
            headers: self.headers()?,
            body: Some(SecretValue::new(self.body(&request).to_string())),
            timeout: request.timeout,
            redirects: 0,
            max_body: LARGEST,
            authority_file: self.ca_file.clone(),
        };
        let timeout = request.timeout;
        let answer = self.network.http(http).await;
        let answer = answer.map_err(|error| fault::of_network(&error, timeout))?;
        self.read(&answer)
    }

    fn read(&self, answer: &HttpResponse) -> Result<Completion, CompletionError> {
        fault::of_status(answer)?;
        let body = fault::json(answer)?;
        match self.format {
            Format::Anthropic(form) => anthropic::read(body, form),
            Format::OpenAi(_) => openai::read(body),
            Format::Ollama => ollama::read(body),
        }
    }
}

impl Model for ProviderModel {
    fn complete(
        &self,
        request: CompletionRequest,
    ) -> BoxFuture<'_, Result<Completion, CompletionError>> {
        Box::pin(self.ask(request))
    }
}

fn not_sent(error: &dyn std::error::Error) -> CompletionError {
    CompletionError::Rejected {
        status: 0,
        reason: error.to_string(),
    }
}

fn format(config: &ProviderConfig) -> Format {
    let limit = |usual| Format::OpenAi(config.token_limit.unwrap_or(usual));
    match config.provider {
        ProviderKind::Anthropic => Format::Anthropic(config.structured_output),
        ProviderKind::Openai | ProviderKind::Azure => limit(TokenLimit::MaxCompletionTokens),
        ProviderKind::Compatible => limit(TokenLimit::MaxTokens),
        ProviderKind::Ollama => Format::Ollama,
    }
}

/// Azure calls a model by the name of its deployment.
fn model(config: &ProviderConfig) -> String {
    let named = match config.provider {
        ProviderKind::Azure => config.deployment_id.as_deref(),
        ProviderKind::Anthropic
        | ProviderKind::Openai
        | ProviderKind::Ollama
        | ProviderKind::Compatible => None,
    };
    named.unwrap_or(config.model_name()).to_owned()
}

fn url(config: &ProviderConfig) -> Option<Url> {
    let mut url = Url::parse(config.address()).ok()?;
    let parts: &[&str] = match (config.provider, &config.deployment_id, &config.api_version) {
        (ProviderKind::Anthropic, _, _) => &["v1", "messages"],
        (ProviderKind::Openai | ProviderKind::Compatible, _, _) => &["chat", "completions"],
        (ProviderKind::Azure, Some(deployment), Some(version)) => {
            url.query_pairs_mut().append_pair("api-version", version);
            &["openai", "deployments", deployment, "chat", "completions"]
        }
        (ProviderKind::Azure, _, _) => &["openai", "v1", "chat", "completions"],
        (ProviderKind::Ollama, _, _) => &["api", "chat"],
    };
    url.path_segments_mut().ok()?.pop_if_empty().extend(parts);
    Some(url)
}

/// Lays one value over another: objects are joined, anything else is replaced.
fn overlay(below: &mut Value, above: Value) {
    match (below, above) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                overlay(below.entry(key).or_insert(Value::Null), value);
            }
        }
        (slot, value) => *slot = value,
    }
}

/// Whole milliseconds as a span.
fn millis(number: f64) -> Option<Span> {
    // A wait of more than an hour is as good as for ever.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked: between 0 and an hour"
    )]
    (0.0..=3.6e6)
        .contains(&number)
        .then(|| Span::from_millis(number.ceil() as u64))
}

#[cfg(test)]
mod tests {
    use super::{overlay, url};
    use crate::config::ProviderConfig;
    use serde_json::{Value, json};

    fn address(config: Value) -> String {
        let config: ProviderConfig = serde_json::from_value(config).unwrap();
        url(&config).unwrap().to_string()
    }

    #[test]
    fn each_provider_has_its_address() {
        for (config, wanted) in [
            (
                json!({"provider": "anthropic"}),
                "https://api.anthropic.com/v1/messages",
            ),
            (
                json!({"provider": "openai"}),
                "https://api.openai.com/v1/chat/completions",
            ),
            (
                json!({"provider": "ollama"}),
                "http://127.0.0.1:11434/api/chat",
            ),
            (
                json!({"provider": "compatible", "endpoint": "http://vllm:8000/v1/"}),
                "http://vllm:8000/v1/chat/completions",
            ),
            (
                json!({"provider": "azure", "endpoint": "https://x.openai.azure.com/", "deploymentId": "d/1", "apiVersion": "2024-10-21"}),
                "https://x.openai.azure.com/openai/deployments/d%2F1/chat/completions?api-version=2024-10-21",
            ),
            (
                json!({"provider": "azure", "endpoint": "https://x.openai.azure.com", "deploymentId": "d"}),
                "https://x.openai.azure.com/openai/v1/chat/completions",
            ),
        ] {
            assert_eq!(address(config), wanted);
        }
    }

    #[test]
    fn our_own_parameters_win_and_join_the_configured_ones() {
        let mut body = json!({"output_config": {"effort": "low"}, "temperature": 0, "model": "x"});
        overlay(
            &mut body,
            json!({"output_config": {"format": 1}, "model": "m"}),
        );
        assert_eq!(
            body,
            json!({"output_config": {"effort": "low", "format": 1}, "temperature": 0, "model": "m"})
        );
    }
}
