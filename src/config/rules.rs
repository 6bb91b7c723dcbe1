//! Rules that one value's type cannot say: those between settings, and those that other rooms judge.

use crate::{
    config::{
        AccountConfig, ChannelConfig, Config, PolicyConfig, StoreConfig, ai, artifacts, audit,
        fault::Fault,
        file::Text,
        layers::{Judges, Loaded, Origin},
    },
    domain::{
        likeness::nearest,
        name::SecretName,
        policy::{JudgeExamples, namespaces::fault_in},
    },
};
use std::collections::BTreeSet;

/// Every rule that is broken, at the place of its value.
pub(super) fn broken_rules(loaded: &Loaded, file: Option<&Text>, judges: &Judges) -> Vec<Fault> {
    let config = &loaded.config;
    let mut rules = Rules {
        loaded,
        file,
        faults: Vec::new(),
    };
    if config.source.branch.is_some() && config.source.tag.is_some() {
        let problem = "a branch and a tag cannot both be followed\nhint: keep one of them";
        rules.broken("source.tag", &[], problem);
    }
    if config.source.poll.is_zero() {
        rules.broken("source.poll", &[], "must be longer than zero");
    }
    if config.runs.concurrency == 0 {
        rules.broken("runs.concurrency", &[], "must be at least 1");
    }
    rules.policy(&config.policy, judges);
    rules.secrets(config);
    rules.channels(config);
    let secrets = config.secrets.keys().collect();
    for fault in ai::faults(&config.ai, &secrets) {
        let index = fault.provider.map(|index| index.to_string());
        let below: Vec<&str> = index.iter().map(String::as_str).collect();
        rules.broken(fault.setting, &below, &fault.problem);
    }
    let quorums = [
        ("policy.quorum", config.policy.quorum),
        ("policy.protectedQuorum", config.policy.protected_quorum),
    ];
    for (setting, people) in quorums {
        if people == 0 {
            let problem = "nobody at all cannot consent\nhint: 1 is the least; `autonomy` says what needs no consent";
            rules.broken(setting, &[], problem);
        }
    }
    for (setting, below, problem) in artifacts::faults(&config.artifacts) {
        let below: Vec<&str> = below.iter().map(String::as_str).collect();
        rules.broken(setting, &below, &problem);
    }
    for (setting, problem) in audit::faults(&config.audit, &config.state_dir) {
        rules.broken(setting, &[], problem);
    }
    rules.faults
}

/// Rules that are broken so far.
struct Rules<'a> {
    loaded: &'a Loaded,
    file: Option<&'a Text>,
    faults: Vec<Fault>,
}

impl Rules<'_> {
    /// What a policy lists can be met.
    fn policy(&mut self, policy: &PolicyConfig, judges: &Judges) {
        self.namespaces(
            "policy.protectedNamespaces",
            &[],
            &policy.protected_namespaces,
        );
        for (index, rule) in policy.fresh_backup.iter().enumerate() {
            let below = [&*index.to_string(), "namespaces"];
            self.namespaces("policy.freshBackup", &below, &rule.namespaces);
        }
        for (index, words) in policy.dangerous_commands.iter().enumerate() {
            if words.trim().is_empty() {
                let problem = "an empty text stands in no command\nhint: leave it out";
                self.broken("policy.dangerousCommands", &[&index.to_string()], problem);
            }
        }
        if let Some(actions) = judges.actions {
            self.actions(policy, &actions());
        }
        if let Some(judge) = judges.examples {
            self.examples(policy, judge);
        }
    }

    fn namespaces(&mut self, setting: &str, below: &[&str], listed: &BTreeSet<String>) {
        for (problem, hint) in listed.iter().filter_map(|listed| fault_in(listed)) {
            self.broken(setting, below, &format!("{problem}\nhint: {hint}"));
        }
    }

    /// Every action that is named is there.
    fn actions(&mut self, policy: &PolicyConfig, known: &[&str]) {
        for (index, scope) in policy.preapproved.iter().enumerate() {
            let wrong = scope.action.as_str();
            if known.contains(&wrong) {
                continue;
            }
            let near = nearest(wrong, known.iter().copied());
            let hint = near.map_or_else(
                || "`orderly schema actions` lists them".to_owned(),
                |near| format!("did you mean `{near}`?"),
            );
            let problem = format!("there is no action `{wrong}`\nhint: {hint}");
            let below = [&*index.to_string(), "action"];
            self.broken("policy.preapproved", &below, &problem);
        }
    }

    /// The policy does what its examples say.
    fn examples(&mut self, policy: &PolicyConfig, judge: JudgeExamples) {
        for failed in judge(&policy.policy(), &policy.examples) {
            let setting = format!("policy.examples.{}", failed.list.as_str());
            let problem = format!("{}\nhint: {}", failed.problem, failed.hint);
            self.broken(&setting, &[&failed.index.to_string()], &problem);
        }
    }

    /// Every secret that is named is there.
    fn secrets(&mut self, config: &Config) {
        for (index, token) in config.http.tokens.iter().enumerate() {
            let who = format!("the token of {}", token.subject);
            let below = [&*index.to_string(), "secret"];
            self.secret("http.tokens", &below, &who, &token.secret);
        }
        for (name, webhook) in &config.webhooks {
            let below = [name.as_str(), "secret"];
            self.secret(
                "webhooks",
                &below,
                &format!("webhook {name}"),
                &webhook.secret,
            );
        }
        for (name, channel) in &config.channels {
            if let ChannelConfig::WebhookSecret(secret) = channel {
                let below = [name.as_str(), "webhookSecret"];
                self.secret("channels", &below, &format!("channel {name}"), secret);
            }
        }
        for (name, cluster) in &config.clusters {
            if let Some(account) = &cluster.account {
                self.account(&[name.as_str(), "account"], account);
            }
            for (runbook, account) in &cluster.accounts {
                self.account(&[name.as_str(), "accounts", runbook.as_str()], account);
            }
        }
        if let Some(identity) = &config.artifacts.identity {
            self.secret("artifacts.identity", &[], "it", identity);
        }
        for (name, StoreConfig::S3(s3)) in &config.artifacts.stores {
            for (key, secret) in [("accessKey", &s3.access_key), ("secretKey", &s3.secret_key)] {
                if let Some(secret) = secret {
                    let below = [name.as_str(), "s3", key];
                    self.secret("artifacts.stores", &below, &format!("store {name}"), secret);
                }
            }
        }
        let credentials = &config.source.credentials;
        for (setting, secret) in [
            ("source.credentials.token", &credentials.token),
            (
                "source.credentials.sshPassphrase",
                &credentials.ssh_passphrase,
            ),
        ] {
            if let Some(secret) = secret {
                self.secret(setting, &[], "it", secret);
            }
        }
    }

    /// An account of a cluster is one that there can be.
    fn account(&mut self, below: &[&str], account: &AccountConfig) {
        let mut below = below.to_vec();
        match account {
            AccountConfig::Token(secret) => {
                below.push("token");
                self.secret("clusters", &below, "the account", secret);
            }
            AccountConfig::ServiceAccount(text) if account.service_account().is_none() => {
                below.push("serviceAccount");
                let problem = format!(
                    "`{text}` is not `namespace/name`\nhint: write for example `ops/web-restart`"
                );
                self.broken("clusters", &below, &problem);
            }
            AccountConfig::ServiceAccount(_) => {}
        }
    }

    /// Where messages are posted can be reached by HTTP.
    fn channels(&mut self, config: &Config) {
        for (name, channel) in &config.channels {
            let ChannelConfig::Webhook(url) = channel else {
                continue;
            };
            let parsed = url::Url::parse(url);
            if !parsed.is_ok_and(|url| matches!(url.scheme(), "http" | "https")) {
                let problem =
                    "this is no address\nhint: write for example `https://hooks.example.org/ops`";
                self.broken("channels", &[name.as_str(), "webhook"], problem);
            }
        }
    }

    fn secret(&mut self, setting: &str, below: &[&str], who: &str, secret: &SecretName) {
        let known = &self.loaded.config.secrets;
        if known.contains_key(secret) {
            return;
        }
        let near = nearest(secret.as_str(), known.keys().map(SecretName::as_str));
        let hint = near.map_or_else(
            || format!("add `{secret}` under `secrets`"),
            |near| format!("did you mean `{near}`?"),
        );
        let problem = format!(
            "{who} names the secret `{secret}`, which is not under `secrets`\nhint: {hint}"
        );
        self.broken(setting, below, &problem);
    }

    /// `below` leads on from the setting to what is wrong.
    fn broken(&mut self, setting: &str, below: &[&str], problem: &str) {
        let fault = match (self.loaded.origin(setting), self.file) {
            (Origin::File(_), Some(text)) => {
                let place = text.place_of(setting, below);
                Fault::new(place, &format!("`{setting}`: {problem}"))
            }
            (origin, _) => Fault::new(format!("`{setting}` from {origin}"), problem),
        };
        self.faults.push(fault);
    }
}
