//! Layers: defaults < file < environment < flags, each value with its origin.

use crate::{
    config::{
        Config, ConfigError,
        document::{Setting, settings},
        fault::{Fault, in_words},
        file::{Text, read, sift},
        rules::broken_rules,
    },
    domain::{likeness::nearest, policy::JudgeExamples},
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
    /// Who judges what other rooms know of.
    pub judges: Judges,
}

/// Who judges what other rooms know of; what nobody judges is not looked at.
#[derive(Debug, Clone, Default)]
pub struct Judges {
    /// Judges the examples of the policy.
    pub examples: Option<JudgeExamples>,
    /// Names every action that there is.
    pub actions: Option<fn() -> Vec<&'static str>>,
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
    let faults = broken_rules(&loaded, layers.file.as_ref(), &inputs.judges);
    if faults.is_empty() {
        Ok(loaded)
    } else {
        Err(ConfigError::Faults(faults))
    }
}

/// Layers being put on each other. What does not fit is left out and told.
struct Layers {
    /// The file as it was read.
    file: Option<Text>,
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
        let (layer, faults, text) = sift(text, file);
        self.faults.extend(faults);
        self.file = Some(text);
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
