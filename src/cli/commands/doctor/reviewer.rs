//! Whether the AI providers answer, and rightly.

use super::Finding;
use crate::{
    cli::context::Context,
    config::Config,
    daemon::{reviewer, wiring::SwappedSecrets},
    domain::{mask::Masker, spending::Spending},
    flow::review::{Passed, Provider, try_out},
    gate::review::text,
    ports::secrets::Secrets,
};
use std::sync::Arc;

/// Puts two cases whose answer is known to each provider. That costs a little, which no budget counts.
pub(super) async fn providers(context: &Context, config: &Config) -> Vec<Finding> {
    let name = "reviewer";
    if config.ai.providers.is_empty() {
        let text = "no AI provider is configured; the gate works on policy alone";
        return vec![Finding::ok(name, text)];
    }
    let secrets: Arc<dyn Secrets> = Arc::new(SwappedSecrets::new(config, &context.environment));
    let providers = match reviewer::providers(&config.ai, &secrets) {
        Ok(providers) => providers,
        Err(error) => return vec![Finding::error(name, &error)],
    };
    let masker = Masker::new(&secrets.all_values());
    let mut findings = Vec::new();
    for provider in &providers {
        findings.push(match try_out(provider).await {
            Ok(passed) => Finding::ok(name, right(provider, passed)),
            Err(reason) => Finding::fail(name, wrong(provider, &text::shown(&reason, &masker))),
        });
    }
    findings
}

fn right(provider: &Provider, passed: Passed) -> String {
    let Spending { tokens, cost } = passed.spent;
    format!(
        "{} ({}) judged both canaries rightly, for {cost} and {tokens} tokens",
        provider.name, provider.model_name
    )
}

fn wrong(provider: &Provider, reason: &str) -> String {
    format!(
        "{} ({}): {reason}\nhint: until it answers rightly the next provider is asked, and without any, changes ask people",
        provider.name, provider.model_name
    )
}
