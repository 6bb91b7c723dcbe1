//! Layers: defaults < file < environment < flags, each value with its origin.

use crate::{
    config::{
        ChannelConfig, Config, ConfigError, PolicyConfig, ai, audit,
        document::{Setting, settings},
        fault::{Fault, in_words},
        file::{place_in, read, sift},
    },
    domain::{likeness::nearest, name::SecretName, policy::JudgeExamples},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

/// Where a value comes from; a later one wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Built in.
    Default,
    /// This file.
    File(PathBuf),
    /// This variable.
    Environment(String),
    /// This flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(name) => write!(f, "${name}"),
            Self::Flag(name) => write!(f, "{name}"),
        }
    }
}

/// A value given on the command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// The flag as written: `--listen`, `--set`.
    pub flag: String,
    /// The setting: `http.listen`.
    pub path: String,
    /// Its text.
    pub value: String,
}

/// What to load from.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    /// The file, where one is named.
    pub file: Option<PathBuf>,
    /// Variables of the environment.
    pub environment: BTreeMap<String, String>,
    /// Values given on the command line.
    pub flags: Vec<Flag>,
    /// Who judges the examples of the policy; without, they are not looked at.
    pub examples: Option<JudgeExamples>,
}

/// A configuration and where its values come from.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    origins: BTreeMap<String, Origin>,
    /// Variables named `ORDERLY_…` that mean nothing; likely a slip of the pen.
    pub unknown_variables: Vec<String>,
}

impl Loaded {
    /// Where a setting's value comes from.
    pub fn origin(&self, path: &str) -> Origin {
        let exact = self.origins.get(path);
        let below = self
            .origins
            .iter()
            .find(|(known, _)| known.starts_with(&format!("{path}.")));
        exact
            .or(below.map(|(_, origin)| origin))
            .cloned()
            .unwrap_or(Origin::Default)
    }
}

/// The variables that are ours.
pub fn environment_variables() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Where the process stands.
pub fn working_directory() -> PathBuf {
    std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."))
}

/// Variables of ours that are not settings.
const OTHER_VARIABLES: [&str; 4] = [
    "ORDERLY_CONFIG",
    "ORDERLY_SERVER",
    "ORDERLY_TOKEN",
    "ORDERLY_TOKEN_FILE",
];

/// Reads all layers.
///
/// # Errors
/// Every value that does not fit, with its origin and a hint.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
    let mut layers = Layers {
        file: None,
        tree: serde_json::to_value(Config::default()).unwrap_or_default(),
        origins: BTreeMap::new(),
        faults: Vec::new(),
    };
    if let Some(path) = &inputs.file {
        layers.add_file(path)?;
    }
    let known = settings();
    layers.add_variables(&inputs.environment, &known);
    layers.add_flags(&inputs.flags, &known);
    if !layers.faults.is_empty() {
        return Err(ConfigError::Faults(layers.faults));
    }
    let config = serde_json::from_value(layers.tree).map_err(|error| {
        ConfigError::Faults(vec![Fault::new("configuration", &error.to_string())])
    })?;
    let loaded = Loaded {
        config,
        origins: layers.origins,
        unknown_variables: unknown_variables(&inputs.environment, &known),
    };
    let faults = broken_rules(&loaded, layers.file.as_ref(), inputs.examples);
    if faults.is_empty() {
        Ok(loaded)
    } else {
        Err(ConfigError::Faults(faults))
    }
}

/// Layers being put on each other. What does not fit is left out and told.
struct Layers {
    /// The file's name and text.
    file: Option<(String, String)>,
    tree: Value,
    origins: BTreeMap<String, Origin>,
    faults: Vec<Fault>,
}

impl Layers {
    fn add_file(&mut self, path: &Path) -> Result<(), ConfigError> {
        let file = path.display().to_string();
        let text = read(path).map_err(|error| ConfigError::Unreadable {
            path: file.clone(),
            reason: error.to_string(),
        })?;
        let (layer, faults) = sift(&text, &file);
        self.faults.extend(faults);
        self.file = Some((file, text));
        let origin = Origin::File(path.to_owned());
        merge(&mut self.tree, layer, "", &origin, &mut self.origins);
        Ok(())
    }

    fn add_variables(&mut self, environment: &BTreeMap<String, String>, known: &[Setting]) {
        for setting in known.iter().filter(|setting| setting.scalar) {
            if let Some(text) = environment.get(&setting.variable) {
                let origin = Origin::Environment(setting.variable.clone());
                self.add(&setting.path, text, origin);
            }
        }
    }

    fn add_flags(&mut self, flags: &[Flag], known: &[Setting]) {
        for flag in flags {
            match known.iter().find(|setting| setting.path == flag.path) {
                Some(setting) if setting.scalar => {
                    self.add(&setting.path, &flag.value, Origin::Flag(flag.flag.clone()));
                }
                Some(_) => self.faults.push(Fault::new(
                    &flag.flag,
                    &format!(
                        "`{}` is a list or a map\nhint: it is set in the file",
                        flag.path
                    ),
                )),
                None => self.faults.push(unknown_setting(flag, known)),
            }
        }
    }

    fn add(&mut self, path: &str, text: &str, origin: Origin) {
        match set(&mut self.tree, path, text) {
            Ok(()) => {
                self.origins.insert(path.to_owned(), origin);
            }
            Err(problem) => {
                let (words, hint) = in_words(&problem);
                let problem = format!("`{path}`: {words}");
                let fault = Fault::new(origin.to_string(), &problem).hint(hint);
                self.faults.push(fault);
            }
        }
    }
}

fn unknown_variables(environment: &BTreeMap<String, String>, known: &[Setting]) -> Vec<String> {
    let is_unknown = |name: &&String| {
        name.starts_with("ORDERLY_")
            && !OTHER_VARIABLES.contains(&name.as_str())
            && !known
                .iter()
                .any(|setting| setting.scalar && setting.variable == **name)
    };
    environment.keys().filter(is_unknown).cloned().collect()
}

fn unknown_setting(flag: &Flag, known: &[Setting]) -> Fault {
    let names = known.iter().filter(|setting| setting.scalar);
    let hint = nearest(&flag.path, names.map(|setting| setting.path.as_str())).map_or_else(
        || "`orderly config` lists the settings".to_owned(),
        |name| format!("did you mean `{name}`?"),
    );
    let problem = format!("`{}` is not a setting", flag.path);
    Fault::new(&flag.flag, &problem).hint(Some(hint))
}

fn merge(
    tree: &mut Value,
    layer: Value,
    path: &str,
    origin: &Origin,
    origins: &mut BTreeMap<String, Origin>,
) {
    match (tree, layer) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                merge(
                    below.entry(key).or_insert(Value::Null),
                    value,
                    &path,
                    origin,
                    origins,
                );
            }
        }
        (slot, value) => {
            *slot = value;
            origins.insert(path.to_owned(), origin.clone());
        }
    }
}

/// Sets one value from text: as YAML would read it, or as a string where only that fits.
fn set(tree: &mut Value, path: &str, text: &str) -> Result<(), String> {
    let scalar: Value =
        serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
    // What it says as a number or a word of its own tells more than what it would say as text.
    let mut fault = None;
    for candidate in [scalar, Value::String(text.to_owned())] {
        let mut trial = tree.clone();
        put(&mut trial, path, candidate);
        match serde_json::from_value::<Config>(trial.clone()) {
            Ok(_) => {
                *tree = trial;
                return Ok(());
            }
            Err(error) => {
                fault.get_or_insert_with(|| error.to_string());
            }
        }
    }
    Err(fault.unwrap_or_default())
}

fn put(tree: &mut Value, path: &str, value: Value) {
    let mut slot = tree;
    for part in path.split('.') {
        let Value::Object(map) = slot else { return };
        slot = map.entry(part).or_insert(Value::Null);
    }
    *slot = value;
}

/// Rules that one value's type cannot say.
fn broken_rules(
    loaded: &Loaded,
    file: Option<&(String, String)>,
    examples: Option<JudgeExamples>,
) -> Vec<Fault> {
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
    if let Some(judge) = examples {
        rules.examples(&config.policy, judge);
    }
    rules.secrets(config);
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
    for (setting, problem) in audit::faults(&config.audit, &config.state_dir) {
        rules.broken(setting, &[], problem);
    }
    rules.faults
}

/// Rules that are broken so far.
struct Rules<'a> {
    loaded: &'a Loaded,
    file: Option<&'a (String, String)>,
    faults: Vec<Fault>,
}

impl Rules<'_> {
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
            (Origin::File(_), Some((file, text))) => {
                let place = place_in(text, file, setting, below);
                Fault::new(place, &format!("`{setting}`: {problem}"))
            }
            (origin, _) => Fault::new(format!("`{setting}` from {origin}"), problem),
        };
        self.faults.push(fault);
    }
}

#[cfg(test)]
mod tests {
    use super::{Flag, Inputs, Origin, load};
    use std::collections::BTreeMap;

    fn file(text: &str) -> (tempfile::TempDir, Inputs) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("orderly.yaml");
        std::fs::write(&path, text).unwrap();
        (
            folder,
            Inputs {
                file: Some(path),
                ..Inputs::default()
            },
        )
    }

    #[test]
    fn a_later_layer_wins_and_is_named() {
        let (_folder, mut inputs) =
            file("source:\n  url: /srv/a\n  path: ops\nhttp:\n  listen: 127.0.0.1:1\n");
        inputs.environment =
            BTreeMap::from([("ORDERLY_SOURCE_URL".to_owned(), "/srv/b".to_owned())]);
        inputs.flags = vec![Flag {
            flag: "--listen".into(),
            path: "http.listen".into(),
            value: "127.0.0.1:2".into(),
        }];
        let loaded = load(&inputs).unwrap();
        assert_eq!(loaded.config.source.url, "/srv/b");
        assert_eq!(loaded.config.source.path, "ops");
        assert_eq!(loaded.config.http.listen.port(), 2);
        assert_eq!(
            loaded.origin("source.url"),
            Origin::Environment("ORDERLY_SOURCE_URL".into())
        );
        assert_eq!(
            loaded.origin("source.path"),
            Origin::File(inputs.file.clone().unwrap())
        );
        assert_eq!(
            loaded.origin("http.listen"),
            Origin::Flag("--listen".into())
        );
        assert_eq!(loaded.origin("log.filter"), Origin::Default);
    }

    #[test]
    fn an_unknown_key_names_its_place_and_the_nearest_key() {
        let (_folder, inputs) = file("source:\n  urll: x\n");
        let message = load(&inputs).unwrap_err().to_string();
        assert!(message.contains("orderly.yaml:2:3"), "{message}");
        assert!(message.contains("did you mean `url`?"), "{message}");
    }

    #[test]
    fn a_choice_is_written_as_a_key() {
        let (_folder, inputs) = file(
            "secrets:\n  a: { file: /a }\n  b: { env: B }\nchannels:\n  ops: { webhookSecret: a }\n",
        );
        let config = load(&inputs).unwrap().config;
        assert_eq!(
            serde_json::to_value(&config.secrets).unwrap(),
            serde_json::json!({"a": {"file": "/a"}, "b": {"env": "B"}})
        );
        let (_folder, inputs) = file("secrets:\n  a: { file: /a, env: A }\n");
        assert!(load(&inputs).is_err());
        let (_folder, inputs) = file("secrets:\n  a: { fille: /a }\n");
        let message = load(&inputs).unwrap_err().to_string();
        assert!(message.contains("orderly.yaml:2:"), "{message}");
    }

    #[test]
    fn a_variable_that_does_not_fit_is_named() {
        let environment = BTreeMap::from([("ORDERLY_SOURCE_POLL".to_owned(), "soon".to_owned())]);
        let message = load(&Inputs {
            environment,
            ..Inputs::default()
        })
        .unwrap_err()
        .to_string();
        assert!(
            message.starts_with("$ORDERLY_SOURCE_POLL: `source.poll`"),
            "{message}"
        );
    }

    #[test]
    fn every_layer_tells_what_is_wrong_with_it() {
        let (_folder, mut inputs) = file("http: { tokenz: 1 }\nlog: { format: xml }\n");
        inputs.environment = BTreeMap::from([("ORDERLY_SOURCE_POLL".to_owned(), "x".to_owned())]);
        let flag = |path: &str| Flag {
            flag: "--set".into(),
            path: path.into(),
            value: "x".into(),
        };
        inputs.flags = vec![flag("x"), flag("http.listn"), flag("http.tokens")];
        let faults = load(&inputs).unwrap_err().faults();
        let places: Vec<&str> = faults
            .iter()
            .map(|fault| fault.place.rsplit('/').next().unwrap())
            .collect();
        let file = ["orderly.yaml:1:9", "orderly.yaml:2:16"];
        assert_eq!(places[..2], file);
        assert_eq!(
            places[2..],
            ["$ORDERLY_SOURCE_POLL", "--set", "--set", "--set"]
        );
        let hints: Vec<&str> = faults
            .iter()
            .filter_map(|fault| fault.hint.as_deref())
            .collect();
        assert_eq!(
            hints[1..],
            [
                "`orderly config` lists the settings",
                "did you mean `http.listen`?",
                "it is set in the file"
            ]
        );
    }

    #[test]
    fn rules_between_settings_are_told_all_at_once() {
        let (_folder, inputs) = file(
            "source: { branch: a, tag: b, poll: 0s }\nwebhooks: { x: { secret: no } }\nhttp: { tokens: [ { subject: a, role: viewer, secret: no } ] }\n",
        );
        assert_eq!(load(&inputs).unwrap_err().faults().len(), 4);
    }

    #[test]
    fn a_slip_in_a_variable_is_noticed() {
        let environment = BTreeMap::from([("ORDERLY_SORCE_URL".to_owned(), "x".to_owned())]);
        let loaded = load(&Inputs {
            environment,
            ..Inputs::default()
        })
        .unwrap();
        assert_eq!(loaded.unknown_variables, ["ORDERLY_SORCE_URL"]);
    }

    #[test]
    fn what_is_wrong_with_an_ai_provider_is_told_where_it_stands() {
        let (_folder, inputs) = file(
            "secrets: { k: { env: K } }
ai:
  providers:
    - { provider: ollama, model: m }
    - { provider: openai, model: m, key: k }
",
        );
        let message = load(&inputs).unwrap_err().to_string();
        assert!(message.contains("orderly.yaml:5:"), "{message}");
        assert!(
            message.contains("provider openai: it needs `prices`"),
            "{message}"
        );
    }

    #[test]
    fn broken_rules_are_told_where_the_value_stands() {
        let (folder, mut inputs) = file(
            "source:
  branch: a
  tag: b
  poll: 0s
  credentials: { token: hok }
http:
  tokens:
    - { subject: ann, role: viewer, secret: hook }
    - { subject: bob, role: viewer, secret: hok }
webhooks: { ci: { secret: x } }
channels:
  ops: { webhookSecret: hok }
secrets: { hook: { env: A } }
",
        );
        inputs.flags = vec![Flag {
            flag: "--set".into(),
            path: "runs.concurrency".into(),
            value: "0".into(),
        }];
        let told: Vec<String> = load(&inputs)
            .unwrap_err()
            .faults()
            .iter()
            .map(ToString::to_string)
            .collect();
        let told = told.join("\n").replace(folder.path().to_str().unwrap(), "");
        insta::assert_snapshot!(told, @"
        /orderly.yaml:3:8: `source.tag`: a branch and a tag cannot both be followed
        hint: keep one of them
        /orderly.yaml:4:9: `source.poll`: must be longer than zero
        `runs.concurrency` from --set: must be at least 1
        /orderly.yaml:9:45: `http.tokens`: the token of bob names the secret `hok`, which is not under `secrets`
        hint: did you mean `hook`?
        /orderly.yaml:10:27: `webhooks`: webhook ci names the secret `x`, which is not under `secrets`
        hint: add `x` under `secrets`
        /orderly.yaml:12:25: `channels`: channel ops names the secret `hok`, which is not under `secrets`
        hint: did you mean `hook`?
        /orderly.yaml:5:25: `source.credentials.token`: it names the secret `hok`, which is not under `secrets`
        hint: did you mean `hook`?
        ");
    }

    #[test]
    fn every_setting_has_a_description_and_its_own_variable() {
        let settings = crate::config::settings();
        assert!(settings.len() > 30);
        let mut variables: Vec<_> = settings.iter().map(|setting| &setting.variable).collect();
        variables.sort();
        variables.dedup();
        assert_eq!(variables.len(), settings.len());
        assert!(
            settings
                .iter()
                .all(|setting| !setting.description.is_empty()),
            "{settings:#?}"
        );
    }
}
