//! The AI reviewer: who is asked, what it may cost, and what happens without it.

mod check;

pub(super) use check::faults;

use crate::domain::{
    name::{ProviderName, RunbookName, SecretName},
    span::Span,
    spending::{Budget, Cost, Price, Spending},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// The AI reviewer. It can only make the gate stricter.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AiConfig {
    /// Who is asked, in this order: the next one where one does not answer. Without any, the gate works on policy alone.
    pub providers: Vec<ProviderConfig>,
    /// What may be spent.
    pub budget: AiBudgetConfig,
    /// After so many calls a provider is put to the test again with cases whose answer is known; 0: at the start only.
    pub canary_every: u32,
    /// How long a lack of objections to a change counts for exactly the same change; `0s`: never.
    pub cache_ttl: Span,
    /// Whether what the reviewer would block is denied; otherwise two people must consent.
    pub block_is_deny: bool,
    /// Runbooks whose exactly known changes go on when no provider answers, by name, each as `proceedIfExact`; all others ask people.
    #[schemars(with = "BTreeMap<String, OnUnavailable>")]
    pub on_unavailable: BTreeMap<RunbookName, OnUnavailable>,
}

/// What a runbook's changes do when no provider answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnUnavailable {
    /// They ask people, as those of a runbook that is not named.
    Ask,
    /// What is exactly known and destroys nothing goes on as policy has decided.
    ProceedIfExact,
}

/// What may be spent on AI in a month of UTC.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AiBudgetConfig {
    /// Tokens a month of UTC, read and written, by all providers together. What is used up is used up: changes ask people then.
    pub monthly_tokens: u64,
    /// US dollars a month of UTC.
    pub monthly_cost: f64,
    /// From this part of a limit on, the agent warns.
    pub warn_percent: u8,
    /// One runbook gets no more than this part of a limit.
    pub runbook_share_percent: u8,
}

/// One model at one provider.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProviderConfig {
    /// What it is called in metrics, logs and the audit log; by default as `provider`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub name: Option<ProviderName>,
    /// Whose format it speaks.
    pub provider: ProviderKind,
    /// Its address. `https://api.anthropic.com`, `https://api.openai.com/v1` and `http://127.0.0.1:11434` (Ollama) by default; Azure:
    /// `https://<resource>.openai.azure.com`; compatible: up to what stands before `/chat/completions`.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The model. Azure: not needed where `deploymentId` is given.
    #[serde(default)]
    pub model: Option<String>,
    /// Azure: the deployment's name.
    #[serde(default)]
    pub deployment_id: Option<String>,
    /// Azure: the version of its API, at least `2024-08-01-preview`; where none is given, the `v1` API is used.
    #[serde(default)]
    pub api_version: Option<String>,
    /// The secret that holds the key.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub key: Option<SecretName>,
    /// Whether the key is sent as a bearer token (Azure with Entra ID, gateways) instead of by the provider's own header.
    #[serde(default)]
    pub bearer: bool,
    /// A PEM file with further certificate authorities.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Anthropic: how the form of the answer is enforced.
    #[serde(default)]
    pub structured_output: StructuredOutput,
    /// OpenAI's format: which field holds the limit of output tokens; `max_tokens` for compatible servers, else `max_completion_tokens`.
    #[serde(default)]
    pub token_limit: Option<TokenLimit>,
    /// US dollars for a million tokens. Ollama costs nothing by default; a server of one's own has a price of 0.
    #[serde(default)]
    pub prices: Option<PriceConfig>,
    /// How long it may take, retries included.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// The longest answer, in tokens; a model that thinks before it answers needs several thousand.
    #[serde(default = "max_output_tokens")]
    pub max_output_tokens: u32,
    /// Further parameters of the request, such as `temperature`; none by default, because many models refuse them. Ollama: its options,
    /// `think` and `keep_alive`.
    #[serde(default)]
    pub parameters: BTreeMap<String, Value>,
}

/// Whose format a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ProviderKind {
    /// Anthropic's messages API.
    Anthropic,
    /// OpenAI's chat completions.
    Openai,
    /// Azure OpenAI.
    Azure,
    /// Ollama's own API.
    Ollama,
    /// Any other server that speaks OpenAI's chat completions with JSON schemas.
    Compatible,
}

impl ProviderKind {
    /// The word used in the configuration and as a default name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Anthropic => "anthropic",
            Self::Openai => "openai",
            Self::Azure => "azure",
            Self::Ollama => "ollama",
            Self::Compatible => "compatible",
        }
    }
}

/// How the form of an answer is enforced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StructuredOutput {
    /// By a schema of the output (Claude 4.5 and later).
    #[default]
    Schema,
    /// By a tool that must be called, its input held to the schema.
    StrictTool,
    /// By a tool that must be called (models that know neither of the others).
    Tool,
}

/// Which field holds the limit of output tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimit {
    /// What older servers know.
    MaxTokens,
    /// What OpenAI's newer models want.
    MaxCompletionTokens,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceConfig {
    /// Of what is read.
    pub input: f64,
    /// Of what is written.
    pub output: f64,
}

fn timeout() -> Span {
    Span::from_secs(20)
}

fn max_output_tokens() -> u32 {
    400
}

impl Default for AiConfig {
    fn default() -> Self {
        Self {
            providers: Vec::new(),
            budget: AiBudgetConfig::default(),
            canary_every: 200,
            cache_ttl: Span::from_secs(86_400),
            block_is_deny: false,
            on_unavailable: BTreeMap::new(),
        }
    }
}

impl Default for AiBudgetConfig {
    fn default() -> Self {
        Self {
            monthly_tokens: 50_000_000,
            monthly_cost: 100.0,
            warn_percent: 75,
            runbook_share_percent: 50,
        }
    }
}

impl AiBudgetConfig {
    /// As the history takes it.
    pub fn budget(&self) -> Budget {
        Budget {
            limit: Spending {
                tokens: self.monthly_tokens,
                // Checked at load; what is no sum buys nothing.
                cost: Cost::from_dollars(self.monthly_cost).unwrap_or_default(),
            },
            warn_percent: self.warn_percent,
            share_percent: self.runbook_share_percent,
        }
    }
}

impl ProviderConfig {
    /// What it is called.
    #[expect(
        clippy::expect_used,
        reason = "the words of the kinds are valid names, as the tests show"
    )]
    pub fn called(&self) -> ProviderName {
        self.name.clone().unwrap_or_else(|| {
            ProviderName::new(self.provider.as_str()).expect("a kind's word is a name")
        })
    }

    /// The model, for people and for the audit log; the deployment where Azure is not told the model.
    pub fn model_name(&self) -> &str {
        self.model
            .as_deref()
            .or(self.deployment_id.as_deref())
            .unwrap_or_default()
    }

    /// Its address, without a slash at the end.
    pub fn address(&self) -> &str {
        let usual = match self.provider {
            ProviderKind::Anthropic => "https://api.anthropic.com",
            ProviderKind::Openai => "https://api.openai.com/v1",
            ProviderKind::Ollama => "http://127.0.0.1:11434",
            ProviderKind::Azure | ProviderKind::Compatible => "",
        };
        self.endpoint
            .as_deref()
            .unwrap_or(usual)
            .trim_end_matches('/')
    }

    /// What a token costs; nothing where that is not known.
    pub fn price(&self) -> Option<Price> {
        match (&self.prices, self.provider) {
            (Some(prices), _) => Price::per_million(prices.input, prices.output),
            (None, ProviderKind::Ollama) => Some(Price::default()),
            (
                None,
                ProviderKind::Anthropic
                | ProviderKind::Openai
                | ProviderKind::Azure
                | ProviderKind::Compatible,
            ) => None,
        }
    }
}
