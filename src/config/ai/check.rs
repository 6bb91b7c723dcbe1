//! Rules for the AI reviewer that one value's type cannot say.

use super::{AiConfig, ProviderConfig, ProviderKind, StructuredOutput};
use crate::domain::{
    name::SecretName,
    span::Span,
    spending::{Cost, Price},
};
use std::collections::BTreeSet;

/// A setting that does not fit.
#[derive(Debug)]
pub(in crate::config) struct AiFault {
    /// Which.
    pub(in crate::config) setting: &'static str,
    /// In which provider of the list.
    pub(in crate::config) provider: Option<usize>,
    /// What is wrong with it.
    pub(in crate::config) problem: String,
}

/// Everything that does not fit.
pub(in crate::config) fn faults(ai: &AiConfig, secrets: &BTreeSet<&SecretName>) -> Vec<AiFault> {
    let mut names = BTreeSet::new();
    let mut faults = Vec::new();
    for (index, provider) in ai.providers.iter().enumerate() {
        let name = provider.called();
        let mut problems = provider_faults(provider, secrets);
        if !names.insert(name.clone()) {
            let problem = "another provider has this name\nhint: give each a `name` of its own";
            problems.push(problem.to_owned());
        }
        faults.extend(problems.into_iter().map(|problem| AiFault {
            setting: "ai.providers",
            provider: Some(index),
            problem: format!("provider {name}: {problem}"),
        }));
    }
    faults.extend(budget_faults(ai));
    faults
}

fn budget_faults(ai: &AiConfig) -> Vec<AiFault> {
    let budget = &ai.budget;
    let paid = ai
        .providers
        .iter()
        .any(|provider| provider.price() != Some(Price::default()));
    let no_percent = |value: u8| !(1..=100).contains(&value);
    let rules = [
        (
            no_percent(budget.warn_percent),
            "ai.budget.warnPercent",
            "must be between 1 and 100",
        ),
        (
            no_percent(budget.runbook_share_percent),
            "ai.budget.runbookSharePercent",
            "must be between 1 and 100",
        ),
        (
            Cost::from_dollars(budget.monthly_cost).is_none(),
            "ai.budget.monthlyCost",
            "must be a sum of US dollars, at most a billion",
        ),
        (
            paid && budget.monthly_cost == 0.0,
            "ai.budget.monthlyCost",
            "a provider costs money, but none may be spent\nhint: set a limit that you can afford, or remove the provider",
        ),
    ];
    let broken = rules.into_iter().filter(|(broken, _, _)| *broken);
    broken
        .map(|(_, setting, problem)| AiFault {
            setting,
            provider: None,
            problem: problem.to_owned(),
        })
        .collect()
}

/// What is wrong with a provider.
fn provider_faults(provider: &ProviderConfig, secrets: &BTreeSet<&SecretName>) -> Vec<String> {
    let faults = [
        model_fault(provider),
        address_fault(provider),
        key_fault(provider, secrets),
        price_fault(provider),
        limits_fault(provider),
        parameter_fault(provider),
    ];
    faults.into_iter().flatten().collect()
}

fn model_fault(provider: &ProviderConfig) -> Option<String> {
    let azure = provider.provider == ProviderKind::Azure;
    if !azure && (provider.deployment_id.is_some() || provider.api_version.is_some()) {
        return Some("`deploymentId` and `apiVersion` are for azure only".to_owned());
    }
    if provider.api_version.is_some() && provider.deployment_id.is_none() {
        return Some("`apiVersion` needs a `deploymentId`".to_owned());
    }
    if !azure && provider.model.is_none() {
        return Some("it needs a `model`".to_owned());
    }
    if provider.model_name().trim().is_empty() {
        return Some("it needs a `model` or a `deploymentId`".to_owned());
    }
    None
}

fn address_fault(provider: &ProviderConfig) -> Option<String> {
    let address = provider.address();
    if address.is_empty() {
        return Some("it needs an `endpoint`".to_owned());
    }
    let Ok(url) = url::Url::parse(address) else {
        return Some(format!("`endpoint`: `{address}` is not an address"));
    };
    let plain = url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !matches!(url.scheme(), "http" | "https") || !plain || url.password().is_some() {
        return Some(
            "`endpoint` must begin with https:// or http://, without user, query or fragment"
                .to_owned(),
        );
    }
    let public = match provider.provider {
        ProviderKind::Anthropic | ProviderKind::Openai | ProviderKind::Azure => true,
        ProviderKind::Ollama | ProviderKind::Compatible => false,
    };
    (public && url.scheme() == "http" && !is_loopback(&url)).then(|| {
        "`endpoint` is http: everybody on the way could read the key\nhint: use https".to_owned()
    })
}

fn is_loopback(url: &url::Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn key_fault(provider: &ProviderConfig, secrets: &BTreeSet<&SecretName>) -> Option<String> {
    match (&provider.key, provider.provider) {
        (Some(key), _) if !secrets.contains(key) => Some(format!(
            "its `key` names the secret `{key}`, which is not under `secrets`"
        )),
        (None, ProviderKind::Anthropic | ProviderKind::Openai | ProviderKind::Azure) => {
            Some("it needs a `key`: the name of an entry under `secrets`".to_owned())
        }
        (Some(_), _) | (None, ProviderKind::Ollama | ProviderKind::Compatible) => None,
    }
}

fn price_fault(provider: &ProviderConfig) -> Option<String> {
    provider.price().is_none().then(|| match &provider.prices {
        Some(_) => "its `prices` are not US dollars for a million tokens".to_owned(),
        None => "it needs `prices`: without them no budget can be kept\nhint: prices: { input: 3, output: 15 } means US dollars for a million tokens; a server of one's own costs 0".to_owned(),
    })
}

fn limits_fault(provider: &ProviderConfig) -> Option<String> {
    if provider.timeout < Span::from_millis(100) || provider.timeout > Span::from_secs(300) {
        return Some("its `timeout` must be between 100ms and 5m".to_owned());
    }
    if !(100..=100_000).contains(&provider.max_output_tokens) {
        return Some("its `maxOutputTokens` must be between 100 and 100000".to_owned());
    }
    let anthropic = provider.provider == ProviderKind::Anthropic;
    if !anthropic && provider.structured_output != StructuredOutput::Schema {
        return Some("`structuredOutput` is for anthropic only".to_owned());
    }
    let speaks_openai = match provider.provider {
        ProviderKind::Openai | ProviderKind::Azure | ProviderKind::Compatible => true,
        ProviderKind::Anthropic | ProviderKind::Ollama => false,
    };
    if !speaks_openai && provider.token_limit.is_some() {
        return Some("`tokenLimit` is for OpenAI's format only".to_owned());
    }
    None
}

/// Parameters that the agent sets by itself.
const OWN: [&str; 13] = [
    "model",
    "messages",
    "system",
    "max_tokens",
    "max_completion_tokens",
    "num_predict",
    "response_format",
    "format",
    "stream",
    "tools",
    "tool_choice",
    "n",
    "options",
];

fn parameter_fault(provider: &ProviderConfig) -> Option<String> {
    let own = provider
        .parameters
        .keys()
        .find(|key| OWN.contains(&key.as_str()));
    if let Some(key) = own {
        return Some(format!("the agent sets the parameter `{key}` itself"));
    }
    let format = provider
        .parameters
        .get("output_config")
        .is_some_and(|config| config.get("format").is_some() || !config.is_object());
    format.then(|| "the agent sets the parameter `output_config.format` itself".to_owned())
}

#[cfg(test)]
mod tests {
    use super::{AiConfig, ProviderConfig, ProviderKind, faults};
    use crate::domain::{name::SecretName, spending::Price};
    use serde_json::{Value, json};
    use std::collections::BTreeSet;

    fn anthropic() -> Value {
        json!({"provider": "anthropic", "model": "m", "key": "k", "prices": {"input": 3, "output": 15}})
    }

    fn changed(changes: Value) -> Value {
        let mut provider = anthropic();
        for (key, value) in changes.as_object().unwrap() {
            provider[key] = value.clone();
        }
        if let Value::Object(map) = &mut provider {
            map.retain(|_, value| !value.is_null());
        }
        provider
    }

    fn checked(ai: Value) -> Result<(), String> {
        let ai: AiConfig = serde_json::from_value(ai).map_err(|error| error.to_string())?;
        let key = SecretName::new("k").unwrap();
        let faults = faults(&ai, &BTreeSet::from([&key]));
        let told: Vec<String> = faults
            .into_iter()
            .map(|fault| format!("{}: {}", fault.setting, fault.problem))
            .collect();
        if told.is_empty() {
            Ok(())
        } else {
            Err(told.join("\n"))
        }
    }

    fn refused(changes: Value) -> String {
        checked(json!({"providers": [changed(changes)]})).unwrap_err()
    }

    #[test]
    fn each_sort_of_provider_can_be_named() {
        let fine = json!([
            anthropic(),
            changed(json!({"provider": "openai"})),
            changed(json!({"provider": "azure", "model": null, "endpoint": "https://x.openai.azure.com", "deploymentId": "d", "apiVersion": "2024-10-21"})),
            changed(json!({"name": "azure-v1", "provider": "azure", "endpoint": "https://x.openai.azure.com/"})),
            {"provider": "ollama", "model": "llama3.3"},
            {"provider": "compatible", "model": "m", "endpoint": "http://vllm:8000/v1", "prices": {"input": 0, "output": 0}},
        ]);
        assert_eq!(checked(json!({ "providers": fine })), Ok(()));
        assert_eq!(checked(json!({})), Ok(()));
    }

    #[test]
    fn an_unknown_price_of_a_paid_provider_is_refused() {
        let message = refused(json!({"prices": null}));
        assert!(
            message.contains("needs `prices`") && message.contains("hint:"),
            "{message}"
        );
        assert!(refused(json!({"prices": {"input": -1, "output": 1}})).contains("not US dollars"));
        assert!(refused(json!({"prices": {"input": 1}})).contains("missing field"));
        let provider: ProviderConfig =
            serde_json::from_value(json!({"provider": "ollama", "model": "m"})).unwrap();
        assert_eq!(provider.price(), Some(Price::default()));
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (changes, words) in [
            (json!({"modell": "x"}), "unknown field"),
            (json!({"model": null}), "needs a `model`"),
            (json!({"model": " "}), "needs a `model`"),
            (json!({"key": null}), "needs a `key`"),
            (json!({"key": "other"}), "not under `secrets`"),
            (json!({"deploymentId": "d"}), "for azure only"),
            (json!({"provider": "azure"}), "needs an `endpoint`"),
            (
                json!({"provider": "azure", "endpoint": "https://x", "apiVersion": "1"}),
                "needs a `deploymentId`",
            ),
            (json!({"endpoint": "ftp://x"}), "must begin with"),
            (json!({"endpoint": "https://u:p@x"}), "without user"),
            (json!({"endpoint": "https://x/?a=1"}), "without user"),
            (json!({"endpoint": "http://x"}), "could read the key"),
            (json!({"timeout": "0s"}), "`timeout`"),
            (json!({"maxOutputTokens": 1}), "`maxOutputTokens`"),
            (
                json!({"provider": "openai", "structuredOutput": "tool"}),
                "anthropic only",
            ),
            (json!({"tokenLimit": "max_tokens"}), "OpenAI's format"),
            (
                json!({"parameters": {"messages": []}}),
                "sets the parameter",
            ),
            (
                json!({"parameters": {"output_config": {"format": 1}}}),
                "sets the parameter",
            ),
        ] {
            let message = refused(changes.clone());
            assert!(message.contains(words), "{changes}: {message}");
        }
        assert_eq!(
            checked(json!({"providers": [changed(json!({"endpoint": "http://localhost:1"}))]})),
            Ok(())
        );
        let twice = checked(json!({"providers": [anthropic(), anthropic()]})).unwrap_err();
        assert!(twice.contains("another provider"), "{twice}");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let message = refused(json!({"model": null, "key": "other", "prices": null}));
        assert_eq!(
            message.matches("provider anthropic: ").count(),
            3,
            "{message}"
        );
    }

    #[test]
    fn a_budget_that_cannot_be_kept_is_refused() {
        let with = |budget: Value| {
            checked(json!({"providers": [anthropic()], "budget": budget})).unwrap_err()
        };
        assert!(with(json!({"warnPercent": 0})).contains("between 1 and 100"));
        assert!(with(json!({"runbookSharePercent": 101})).contains("between 1 and 100"));
        assert!(with(json!({"monthlyCost": -1})).contains("sum of US dollars"));
        assert!(with(json!({"monthlyCost": 0})).contains("none may be spent"));
        let free = json!({"providers": [{"provider": "ollama", "model": "m"}], "budget": {"monthlyCost": 0}});
        assert_eq!(checked(free), Ok(()));
    }

    #[test]
    fn an_exception_has_one_word() {
        assert_eq!(
            checked(json!({"onUnavailable": {"backup": "proceedIfExact"}})),
            Ok(())
        );
        assert!(checked(json!({"onUnavailable": {"backup": "proceed"}})).is_err());
    }

    #[test]
    fn each_kind_has_a_name() {
        for kind in [
            ProviderKind::Anthropic,
            ProviderKind::Openai,
            ProviderKind::Azure,
            ProviderKind::Ollama,
            ProviderKind::Compatible,
        ] {
            let provider: ProviderConfig =
                serde_json::from_value(json!({"provider": kind})).unwrap();
            assert_eq!(provider.called().as_str(), kind.as_str());
        }
    }
}
