//! Layers: defaults < file < environment < flags, each value with its origin.

use crate::config::{Config, ConfigError, ai, document::settings};
use serde_json::{Map, Value};
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
/// The first value that does not fit, with its origin and a hint.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
    let mut tree = serde_json::to_value(Config::default()).unwrap_or_default();
    let mut origins = BTreeMap::new();
    if let Some(path) = &inputs.file {
        let layer = read_file(path)?;
        merge(
            &mut tree,
            layer,
            "",
            &Origin::File(path.clone()),
            &mut origins,
        );
    }
    let known = settings();
    for setting in known.iter().filter(|setting| setting.scalar) {
        if let Some(text) = inputs.environment.get(&setting.variable) {
            let origin = Origin::Environment(setting.variable.clone());
            set(&mut tree, &setting.path, text, &origin)?;
            origins.insert(setting.path.clone(), origin);
        }
    }
    for flag in &inputs.flags {
        let setting = known.iter().find(|setting| setting.path == flag.path);
        let Some(setting) = setting.filter(|setting| setting.scalar) else {
            return Err(unknown_setting(flag, &known));
        };
        let origin = Origin::Flag(flag.flag.clone());
        set(&mut tree, &setting.path, &flag.value, &origin)?;
        origins.insert(setting.path.clone(), origin);
    }
    let config = serde_json::from_value(tree).map_err(|error| ConfigError::Value {
        origin: "configuration".to_owned(),
        problem: error.to_string(),
    })?;
    let is_unknown = |name: &&String| {
        name.starts_with("ORDERLY_")
            && !OTHER_VARIABLES.contains(&name.as_str())
            && !known
                .iter()
                .any(|setting| setting.scalar && setting.variable == **name)
    };
    let unknown_variables = inputs
        .environment
        .keys()
        .filter(is_unknown)
        .cloned()
        .collect();
    let loaded = Loaded {
        config,
        origins,
        unknown_variables,
    };
    check(&loaded)?;
    Ok(loaded)
}

fn unknown_setting(flag: &Flag, known: &[super::Setting]) -> ConfigError {
    let distance = |path: &str| strsim::damerau_levenshtein(path, &flag.path);
    let nearest = known
        .iter()
        .filter(|setting| setting.scalar)
        .min_by_key(|setting| distance(&setting.path));
    let hint = nearest
        .map(|setting| format!("\nhint: did you mean `{}`?", setting.path))
        .unwrap_or_default();
    ConfigError::Value {
        origin: flag.flag.clone(),
        problem: format!("`{}` is not a setting that a flag can set{hint}", flag.path),
    }
}

fn read_file(path: &Path) -> Result<Value, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
        path: path.display().to_string(),
        reason: error.to_string(),
    })?;
    if text.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let invalid = |error: serde_yaml::Error| {
        let place = error
            .location()
            .map(|at| format!(":{}:{}", at.line(), at.column()))
            .unwrap_or_default();
        ConfigError::Invalid {
            path: format!("{}{place}", path.display()),
            problem: with_hint(&error.to_string()),
        }
    };
    // Read into the types first: they know the keys, and errors carry their place.
    // A choice such as `file:` is a key here, not one of YAML's own tags.
    let reader = serde_yaml::Deserializer::from_str(&text);
    serde_yaml::with::singleton_map_recursive::deserialize::<Config, _>(reader).map_err(invalid)?;
    serde_yaml::from_str(&text).map_err(invalid)
}

/// Adds the nearest known name to serde's "unknown field `x`, expected one of `a`, `b`".
fn with_hint(message: &str) -> String {
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let Some((wrong, known)) = quoted
        .split_first()
        .filter(|_| message.contains("unknown field"))
    else {
        return message.to_owned();
    };
    let nearest = known
        .iter()
        .min_by_key(|name| strsim::damerau_levenshtein(name, wrong));
    nearest.map_or_else(
        || message.to_owned(),
        |name| format!("{message}\nhint: did you mean `{name}`?"),
    )
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
fn set(tree: &mut Value, path: &str, text: &str, origin: &Origin) -> Result<(), ConfigError> {
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
    Err(ConfigError::Value {
        origin: origin.to_string(),
        problem: format!("`{path}`: {}", fault.unwrap_or_default()),
    })
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
fn check(loaded: &Loaded) -> Result<(), ConfigError> {
    let config = &loaded.config;
    let fault = |path: &str, problem: &str| {
        Err(ConfigError::Value {
            origin: format!("`{path}` from {}", loaded.origin(path)),
            problem: problem.to_owned(),
        })
    };
    if config.source.branch.is_some() && config.source.tag.is_some() {
        return fault(
            "source.tag",
            "a branch and a tag cannot both be followed\nhint: keep one of them",
        );
    }
    if config.source.poll.is_zero() {
        return fault("source.poll", "must be longer than zero");
    }
    if config.runs.concurrency == 0 {
        return fault("runs.concurrency", "must be at least 1");
    }
    for token in &config.http.tokens {
        if !config.secrets.contains_key(&token.secret) {
            let problem = format!(
                "the token of {} names the secret `{}`, which is not under `secrets`",
                token.subject, token.secret
            );
            return fault("http.tokens", &problem);
        }
    }
    for (name, webhook) in &config.webhooks {
        if !config.secrets.contains_key(&webhook.secret) {
            let problem = format!(
                "webhook {name} names the secret `{}`, which is not under `secrets`",
                webhook.secret
            );
            return fault("webhooks", &problem);
        }
    }
    let secrets = config.secrets.keys().collect();
    ai::check(&config.ai, &secrets).or_else(|(setting, problem)| fault(setting, &problem))
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
