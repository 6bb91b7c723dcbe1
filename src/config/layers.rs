//! Layers: defaults < file < environment < flags, each value with its origin.

use crate::config::{
    Config, ConfigError, ConfigProblem, Setting, check::check, document::settings, file::FileLayer,
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
/// Everything that does not fit, each with its origin and a hint.
pub fn load(inputs: &Inputs) -> Result<Loaded, ConfigError> {
    let below = serde_json::to_value(Config::default()).unwrap_or_default();
    let file = inputs
        .file
        .as_ref()
        .map(|path| FileLayer::read(path, &below));
    let mut layers = Layers {
        tree: below,
        origins: BTreeMap::new(),
        problems: Vec::new(),
    };
    if let (Some(path), Some(file)) = (&inputs.file, &file) {
        layers.file(path, file);
    }
    let known = settings();
    layers.environment(&inputs.environment, &known);
    layers.flags(&inputs.flags, &known);
    let Layers {
        tree,
        origins,
        mut problems,
    } = layers;
    let config = match serde_json::from_value(tree) {
        Ok(config) => config,
        Err(error) => {
            problems.push(ConfigProblem::new("configuration", error.to_string()));
            return Err(problems.into());
        }
    };
    let loaded = Loaded {
        config,
        origins,
        unknown_variables: unknown_variables(&inputs.environment, &known),
    };
    problems.extend(check(&loaded, file.as_ref()));
    if problems.is_empty() {
        Ok(loaded)
    } else {
        Err(problems.into())
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

/// The values so far. Only what can be read stays in them.
struct Layers {
    tree: Value,
    origins: BTreeMap<String, Origin>,
    problems: Vec<ConfigProblem>,
}

impl Layers {
    fn file(&mut self, path: &Path, file: &FileLayer) {
        let origins = &mut self.origins;
        merge(&mut self.tree, file.value.clone(), "", &mut |setting| {
            origins.insert(setting.to_owned(), Origin::File(path.to_owned()));
        });
        self.problems.extend(file.problems.iter().cloned());
    }

    fn environment(&mut self, environment: &BTreeMap<String, String>, known: &[Setting]) {
        for setting in known.iter().filter(|setting| setting.scalar) {
            if let Some(text) = environment.get(&setting.variable) {
                let origin = Origin::Environment(setting.variable.clone());
                self.set(&setting.path, text, origin);
            }
        }
    }

    fn flags(&mut self, flags: &[Flag], known: &[Setting]) {
        for flag in flags {
            let setting = known.iter().find(|setting| setting.path == flag.path);
            match setting.filter(|setting| setting.scalar) {
                Some(setting) => {
                    self.set(&setting.path, &flag.value, Origin::Flag(flag.flag.clone()));
                }
                None => self.problems.push(unknown_setting(flag, known)),
            }
        }
    }

    /// Sets one value from text: as YAML would read it, or as a string where only that fits.
    fn set(&mut self, path: &str, text: &str, origin: Origin) {
        let scalar: Value =
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()));
        // What it says as a number or a word of its own tells more than what it would say as text.
        let mut fault = None;
        for candidate in [scalar, Value::String(text.to_owned())] {
            let mut trial = self.tree.clone();
            put(&mut trial, path, candidate);
            match serde_json::from_value::<Config>(trial.clone()) {
                Ok(_) => {
                    self.tree = trial;
                    self.origins.insert(path.to_owned(), origin);
                    return;
                }
                Err(error) => {
                    fault.get_or_insert_with(|| error.to_string());
                }
            }
        }
        let what = format!("`{path}`: {}", fault.unwrap_or_default());
        self.problems
            .push(ConfigProblem::new(origin.to_string(), what));
    }
}

fn unknown_setting(flag: &Flag, known: &[Setting]) -> ConfigProblem {
    let names = || {
        let scalars = known.iter().filter(|setting| setting.scalar);
        scalars.map(|setting| setting.path.as_str())
    };
    let last = |path: &str| path.rsplit('.').next() == Some(flag.path.as_str());
    let near = nearest(&flag.path, names()).or_else(|| names().find(|path| last(path)));
    if known.iter().any(|setting| setting.path == flag.path) {
        let what = format!("`{}` holds several values; set it in the file", flag.path);
        return ConfigProblem::new(&flag.flag, what);
    }
    let hint = near.map_or_else(
        || "`orderly config` lists the settings".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    let what = format!("`{}` is not a setting that a flag can set", flag.path);
    ConfigProblem::new(&flag.flag, what).hint(Some(hint))
}

/// The known name that is most like a wrong one; none where it would take more than a third of its letters to get there.
pub(super) fn nearest<'n>(wrong: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let most = wrong.chars().count().max(3) / 3;
    let near = known.map(|name| (strsim::damerau_levenshtein(name, wrong), name));
    let near = near.filter(|(distance, _)| *distance <= most).min();
    near.map(|(_, name)| name)
}

/// Puts values over others, and notes the path of each.
pub(super) fn merge(tree: &mut Value, layer: Value, path: &str, note: &mut impl FnMut(&str)) {
    match (tree, layer) {
        (Value::Object(below), Value::Object(above)) => {
            for (key, value) in above {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                merge(below.entry(key).or_insert(Value::Null), value, &path, note);
            }
        }
        (slot, value) => {
            *slot = value;
            note(path);
        }
    }
}

fn put(tree: &mut Value, path: &str, value: Value) {
    let mut slot = tree;
    for part in path.split('.') {
        let Value::Object(map) = slot else { return };
        slot = map.entry(part).or_insert(Value::Null);
    }
    *slot = value;
}

#[cfg(test)]
mod tests {
    use super::{Flag, Inputs, Origin, load, nearest};
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
    fn everything_wrong_is_told_at_once_each_at_its_place() {
        let (folder, mut inputs) = file(
            "environment: Lab_1
source:
  urll: /srv/a
  poll: soon
  tag: a
  tag: b
http:
  listen: here
  tokens:
    - { subject: ann, role: chief, secret: x }
    - { subject: bob, role: viewer, secret: hok }
secrets:
  hook: { file: /a }
  both: { file: /a, env: A }
  Not_A_Name: { env: B }
channels:
  ops: { webhookSecret: x }
runs: { concurrency: 0 }
reten: 5
",
        );
        inputs.environment = [
            ("ORDERLY_SOURCE_DEADLINE", "never"),
            ("ORDERLY_RUNS_LOG_LIMIT_BYTES", "-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        inputs.flags = [
            ("listen", "x"),
            ("secrets", "x"),
            ("source.pol", "1s"),
            ("zzz", "1"),
        ]
        .map(|(path, value)| Flag {
            flag: "--set".into(),
            path: path.into(),
            value: value.into(),
        })
        .into();
        let told = load(&inputs).unwrap_err().to_string();
        let told = told.replace(folder.path().to_str().unwrap(), "");
        insta::assert_snapshot!(told, @"
        the configuration has 18 problems
          /orderly.yaml:1:14: `environment`: `Lab_1` is not a valid environment name: use 1 to 63 lower-case letters, digits and `-`, starting and ending with a letter or digit
          /orderly.yaml:3:3: unknown key `urll`
            hint: did you mean `url`?
          /orderly.yaml:4:9: `soon` is not a length of time
            hint: write a number and a unit (ms, s, m, h, d, w), as in `90s` or `1h30m`
          /orderly.yaml:6:3: the key `tag` is repeated; it stands already at 5:3
            hint: keep one of them
          /orderly.yaml:8:11: `here` is not an address with a port
            hint: write it as in `127.0.0.1:8080` or `[::1]:8080`
          /orderly.yaml:10:29: `chief` is not one of viewer, operator, approver, admin
          /orderly.yaml:14:11: `file` cannot stand beside `env`
            hint: known here are env
          /orderly.yaml:15:3: `secrets.Not_A_Name`: `Not_A_Name` is not a valid secret name: use 1 to 63 lower-case letters, digits and `-`, starting and ending with a letter or digit
          /orderly.yaml:19:1: unknown key `reten`
            hint: did you mean `retention`?
          $ORDERLY_SOURCE_DEADLINE: `source.deadline`: `never` is not a length of time: write a number and a unit (ms, s, m, h, d, w), as in `90s` or `1h30m`
          $ORDERLY_RUNS_LOG_LIMIT_BYTES: `runs.logLimitBytes`: invalid value: integer `-1`, expected u64
          --set: `listen` is not a setting that a flag can set
            hint: did you mean `http.listen`?
          --set: `secrets` holds several values; set it in the file
          --set: `source.pol` is not a setting that a flag can set
            hint: did you mean `source.poll`?
          --set: `zzz` is not a setting that a flag can set
            hint: `orderly config` lists the settings
          /orderly.yaml:18:22: `runs.concurrency`: must be at least 1
          /orderly.yaml:11:45: `http.tokens`: the token of bob names the secret `hok`, which is not under `secrets`
            hint: did you mean `hook`?
          /orderly.yaml:17:25: `channels`: channel ops names the secret `x`, which is not under `secrets`
            hint: add `x` under `secrets`
        ");
    }

    #[test]
    fn one_problem_causes_no_second_one() {
        for (text, wanted) in [
            (
                "secrets: [a]\nwebhooks: { ci: { secret: hook } }\n",
                "orderly.yaml:1:10: `secrets` must be a mapping, not a list",
            ),
            (
                "secrets: { hook: no }\nwebhooks: { ci: { secret: hook } }\n",
                "orderly.yaml:1:18: `no` is true or false to some readers and text to others",
            ),
            (
                "webhooks: { ci: { secret: hook } }\nsecrets: { hook: \"\n",
                "orderly.yaml:2:18: this is not YAML: unclosed quote",
            ),
            ("- a\n", "orderly.yaml:1:1: a mapping is wanted"),
            ("a: 1\n---\nb: 1\n", "orderly.yaml:1:1: unknown key `a`"),
        ] {
            let (folder, inputs) = file(text);
            let error = load(&inputs).unwrap_err();
            let told = error.problems()[0].to_string();
            let told = told.replace(&format!("{}/", folder.path().display()), "");
            assert_eq!(told, wanted, "{error}");
            let most = if text.contains("---") { 2 } else { 1 };
            assert_eq!(error.problems().len(), most, "{error}");
        }
        let missing = Inputs {
            file: Some("/not/there.yaml".into()),
            ..Inputs::default()
        };
        assert_eq!(load(&missing).unwrap_err().problems().len(), 1);
    }

    #[test]
    fn a_file_that_is_no_configuration_is_refused_and_not_read_to_its_end() {
        let (folder, mut inputs) = file("");
        let huge = inputs.file.clone().unwrap();
        let written = std::fs::File::options().write(true).open(&huge).unwrap();
        written.set_len(3_000_000_000).unwrap();
        let told = load(&inputs).unwrap_err().to_string();
        assert!(told.contains("of 3000000000 bytes is too large"), "{told}");
        inputs.file = Some("/dev/zero".into());
        let told = load(&inputs).unwrap_err().to_string();
        assert!(told.contains("is too large"), "{told}");
        let pipe = folder.path().join("pipe");
        let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
        for no_file in [pipe, folder.path().to_owned()] {
            inputs.file = Some(no_file);
            let told = load(&inputs).unwrap_err().to_string();
            assert!(told.contains("cannot be read"), "{told}");
        }
    }

    #[test]
    fn what_is_empty_or_only_comments_says_nothing() {
        for text in ["", "\n", "# source: {}\n", "---\n"] {
            let (_folder, inputs) = file(text);
            assert_eq!(load(&inputs).unwrap().config.source.url, ".", "{text:?}");
        }
    }

    #[test]
    fn a_far_name_is_no_hint() {
        let known = ["url", "branch", "knownHosts"];
        let near = |wrong| nearest(wrong, known.into_iter());
        assert_eq!(near("urll"), Some("url"));
        assert_eq!(near("knownhosts"), Some("knownHosts"));
        assert_eq!(near("xyz"), None);
        assert_eq!(near("password"), None);
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
