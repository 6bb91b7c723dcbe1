//! Secrets that the agent's configuration names: variables of its environment, and files such as mounted Kubernetes secrets or
//! systemd credentials.
//!
//! Invariants
//! - A file is read anew each time, so that a rotated secret is seen; a variable keeps the value the agent was started with.
//! - One trailing newline is not part of a secret; an empty secret is an error, never a value.
//! - No value stands in an error, in `Debug`, or in a log.

use crate::{
    domain::{mask::SHORTEST, name::SecretName, secret::SecretValue},
    ports::secrets::{Issued, SecretError, Secrets},
};
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

/// The longest secret in bytes; a larger file is hardly one.
const LONGEST: u64 = 64 * 1024;

/// Where a secret's value is.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A variable of the agent's environment.
    Variable {
        /// Its name.
        name: String,
        /// What it held when the agent started, if it was set.
        value: Option<SecretValue>,
    },
    /// A file.
    File(PathBuf),
}

/// The secrets that the configuration names.
#[derive(Debug, Default)]
pub struct ConfiguredSecrets {
    origins: BTreeMap<SecretName, Origin>,
    issued: Arc<Issued>,
}

impl ConfiguredSecrets {
    /// Nothing is read yet.
    pub fn new(origins: BTreeMap<SecretName, Origin>) -> Self {
        Self {
            origins,
            issued: Arc::default(),
        }
    }

    /// Hides these values, too.
    #[must_use]
    pub fn hiding(self, issued: Arc<Issued>) -> Self {
        Self { issued, ..self }
    }

    /// What a person should know about the secrets as they are: unreadable ones, and files that others may read. For start-up's
    /// warnings and for `doctor`.
    pub fn concerns(&self) -> Vec<String> {
        let mut concerns = Vec::new();
        for (name, origin) in &self.origins {
            match self.get(name) {
                Err(error) => concerns.push(error.to_string()),
                Ok(value) if value.expose().trim().len() < SHORTEST => concerns.push(format!(
                    "the secret `{name}` is shorter than {SHORTEST} bytes: it is masked only where it is the whole of a text"
                )),
                Ok(_) => {}
            }
            if let Origin::File(path) = origin {
                concerns.extend(too_open(path));
            }
        }
        concerns
    }
}

impl Secrets for ConfiguredSecrets {
    fn get(&self, name: &SecretName) -> Result<SecretValue, SecretError> {
        let origin = self
            .origins
            .get(name)
            .ok_or_else(|| SecretError::Unknown(name.clone()))?;
        let unreadable = |reason: String| SecretError::Unreadable {
            name: name.clone(),
            origin: describe(origin),
            reason,
        };
        let text = read(origin).map_err(unreadable)?;
        let value = without_newline(&text);
        if value.is_empty() {
            return Err(unreadable("it is empty".to_owned()));
        }
        Ok(SecretValue::new(value.to_owned()))
    }

    fn all_values(&self) -> Vec<SecretValue> {
        self.origins
            .keys()
            .filter_map(|name| self.get(name).ok())
            .chain(self.issued.all())
            .collect()
    }
}

fn describe(origin: &Origin) -> String {
    match origin {
        Origin::Variable { name, .. } => format!("the variable {name}"),
        Origin::File(path) => path.display().to_string(),
    }
}

fn read(origin: &Origin) -> Result<String, String> {
    match origin {
        Origin::Variable {
            value: Some(value), ..
        } => Ok(value.expose().to_owned()),
        Origin::Variable { value: None, .. } => Err("it is not set".to_owned()),
        Origin::File(path) => read_file(path),
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a file".to_owned());
    }
    let mut bytes = Vec::new();
    file.take(LONGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| error.to_string())?;
    if bytes.len() as u64 > LONGEST {
        return Err(format!("it is longer than {LONGEST} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

/// Editors and `echo` end a file with a newline that nobody means.
fn without_newline(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

/// Why a secret's file is too open, if it is.
fn too_open(path: &Path) -> Option<String> {
    let mode = std::fs::metadata(path).ok()?.mode() & 0o777;
    (mode & 0o007 != 0).then(|| {
        format!(
            "the secret file {} can be used by every user of this host (mode {mode:04o})\nhint: chmod o= {}",
            path.display(),
            path.display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::{ConfiguredSecrets, Origin};
    use crate::{
        domain::{name::SecretName, secret::SecretValue},
        ports::secrets::Secrets as _,
    };
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    fn name() -> SecretName {
        SecretName::new("db").unwrap()
    }
    fn of(origin: Origin) -> ConfiguredSecrets {
        ConfiguredSecrets::new([(name(), origin)].into())
    }
    fn in_file(path: &Path) -> ConfiguredSecrets {
        of(Origin::File(path.to_owned()))
    }

    #[test]
    fn a_rotated_file_is_seen_at_once_without_its_newline() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let secrets = in_file(&path);
        for (written, read) in [
            ("old\n", "old"),
            ("new\r\n", "new"),
            ("two\nlines\n\n", "two\nlines\n"),
        ] {
            fs::write(&path, written).unwrap();
            assert_eq!(secrets.get(&name()).unwrap().expose(), read);
        }
    }

    #[test]
    fn what_is_missing_is_named_without_its_value() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        let error = in_file(&path).get(&name()).unwrap_err().to_string();
        assert!(
            error.contains("`db`") && error.contains("No such file"),
            "{error}"
        );
        fs::write(&path, "\n").unwrap();
        let error = in_file(&path).get(&name()).unwrap_err().to_string();
        assert!(error.contains("it is empty"), "{error}");
        fs::write(&path, vec![b'x'; 70_000]).unwrap();
        let error = in_file(&path).get(&name()).unwrap_err().to_string();
        assert!(error.contains("longer than 65536 bytes"), "{error}");
        fs::write(&path, [0xff]).unwrap();
        assert!(in_file(&path).get(&name()).is_err());
        assert!(in_file(folder.path()).get(&name()).is_err());
        let unset = of(Origin::Variable {
            name: "DB".into(),
            value: None,
        });
        let error = unset.get(&name()).unwrap_err().to_string();
        assert!(error.contains("the variable DB: it is not set"), "{error}");
        let other = SecretName::new("other").unwrap();
        assert!(unset.get(&other).unwrap_err().to_string().contains("hint:"));
    }

    #[test]
    fn every_value_that_can_be_had_is_known_for_masking() {
        let value = Some(SecretValue::new("s3cret".into()));
        let secrets = ConfiguredSecrets::new(
            [
                (
                    name(),
                    Origin::Variable {
                        name: "DB".into(),
                        value,
                    },
                ),
                (
                    SecretName::new("gone").unwrap(),
                    Origin::File("/not/there".into()),
                ),
            ]
            .into(),
        );
        let values = secrets.all_values();
        assert_eq!(values.len(), 1);
        assert_eq!(values.first().unwrap().expose(), "s3cret");
        assert!(!format!("{secrets:?}").contains("s3cret"));
        assert_eq!(secrets.concerns().len(), 1);
    }

    #[test]
    fn a_file_that_everybody_may_read_is_a_concern() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        fs::write(&path, "s3cret").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let concerns = in_file(&path).concerns();
        assert!(
            concerns.first().unwrap().contains("mode 0644"),
            "{concerns:?}"
        );
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(in_file(&path).concerns().is_empty());
    }

    #[test]
    fn a_value_too_short_to_be_masked_is_a_concern() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("db");
        fs::write(&path, "abc\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let concerns = in_file(&path).concerns();
        assert_eq!(concerns.len(), 1);
        assert!(concerns[0].contains("shorter than 4 bytes") && !concerns[0].contains("abc"));
    }
}
