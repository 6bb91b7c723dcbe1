//! Rules that one value's type cannot say.

use crate::{
    config::{
        ChannelConfig, Config, ConfigProblem, Loaded, Origin, file::FileLayer, layers::nearest,
    },
    domain::name::SecretName,
};

/// Everything wrong between values. What may only follow from a problem told already is not told.
pub(super) fn check(loaded: &Loaded, file: Option<&FileLayer>) -> Vec<ConfigProblem> {
    let mut rules = Rules {
        loaded,
        file,
        problems: Vec::new(),
    };
    let config = &loaded.config;
    if config.source.branch.is_some() && config.source.tag.is_some() {
        let what = "a branch and a tag cannot both be followed";
        rules.tell("source.tag", "", what, Some("keep one of them".to_owned()));
    }
    if config.source.poll.is_zero() {
        rules.tell("source.poll", "", "must be longer than zero", None);
    }
    if config.runs.concurrency == 0 {
        rules.tell("runs.concurrency", "", "must be at least 1", None);
    }
    rules.secrets(config);
    rules.problems
}

struct Rules<'a> {
    loaded: &'a Loaded,
    file: Option<&'a FileLayer>,
    problems: Vec<ConfigProblem>,
}

impl Rules<'_> {
    /// Every secret that is named is there.
    fn secrets(&mut self, config: &Config) {
        for (index, token) in config.http.tokens.iter().enumerate() {
            let who = format!("the token of {}", token.subject);
            let below = format!("/{index}/secret");
            self.secret("http.tokens", &below, &who, token.secret.as_str());
        }
        for (name, webhook) in &config.webhooks {
            let below = format!("/{name}/secret");
            let who = format!("webhook {name}");
            self.secret("webhooks", &below, &who, webhook.secret.as_str());
        }
        for (name, channel) in &config.channels {
            if let ChannelConfig::WebhookSecret(secret) = channel {
                let below = format!("/{name}/webhookSecret");
                let who = format!("channel {name}");
                self.secret("channels", &below, &who, secret.as_str());
            }
        }
        let credentials = &config.source.credentials;
        let named = [
            ("source.credentials.token", &credentials.token),
            (
                "source.credentials.sshPassphrase",
                &credentials.ssh_passphrase,
            ),
        ];
        for (setting, secret) in named {
            if let Some(secret) = secret {
                self.secret(setting, "", "it", secret.as_str());
            }
        }
    }

    fn secret(&mut self, setting: &str, below: &str, who: &str, name: &str) {
        let known = &self.loaded.config.secrets;
        let is_refused = |file: &FileLayer| file.may_hold(&format!("/secrets/{name}"));
        if known.keys().any(|secret| secret.as_str() == name) || self.file.is_some_and(is_refused) {
            return;
        }
        let near = nearest(name, known.keys().map(SecretName::as_str));
        let hint = near.map_or_else(
            || format!("add `{name}` under `secrets`"),
            |near| format!("did you mean `{near}`?"),
        );
        let what = format!("{who} names the secret `{name}`, which is not under `secrets`");
        self.tell(setting, below, &what, Some(hint));
    }

    /// `below` leads on from the setting to what is wrong.
    fn tell(&mut self, setting: &str, below: &str, what: &str, hint: Option<String>) {
        let what = format!("`{setting}`: {what}");
        let pointer = format!("/{}{below}", setting.replace('.', "/"));
        let origin = self.loaded.origin(setting);
        let in_file = match &origin {
            Origin::File(_) => self
                .file
                .and_then(|file| file.problem(&pointer, &what, hint.clone())),
            Origin::Default | Origin::Environment(_) | Origin::Flag(_) => None,
        };
        let problem =
            in_file.unwrap_or_else(|| ConfigProblem::new(origin.to_string(), what).hint(hint));
        self.problems.push(problem);
    }
}
