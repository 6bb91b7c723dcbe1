//! Where artifacts are.

use crate::domain::name::StoreName;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    path::{Path, PathBuf},
};

/// The name that stands for the agent's own state folder.
pub const DISK: &str = "disk";

/// Where an artifact is. As text: a path, or `<store>:<key>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Location {
    /// A file of the agent's host.
    File(PathBuf),
    /// An object in a store that the configuration names.
    Object {
        /// Which.
        store: StoreName,
        /// Its key, without the prefix that the store is configured with.
        key: String,
    },
}

impl Location {
    /// Reads a location. Every text is one: what does not begin with the name of a store and a colon is a path.
    pub fn parse(text: &str) -> Self {
        let object = text.split_once(':').and_then(|(store, key)| {
            let store = StoreName::new(store).ok()?;
            let key = key.to_owned();
            (!key.is_empty()).then_some(Self::Object { store, key })
        });
        object.unwrap_or_else(|| Self::File(PathBuf::from(text)))
    }

    /// The store that it is in; none for a file of the agent's host.
    pub fn store(&self) -> Option<&StoreName> {
        match self {
            Self::File(_) => None,
            Self::Object { store, .. } => Some(store),
        }
    }

    /// The part of its name that says what is in it and how it is kept: everything that follows the last `/`.
    pub fn file_name(&self) -> &str {
        let whole = match self {
            Self::File(path) => path.file_name().and_then(|name| name.to_str()),
            Self::Object { key, .. } => key.rsplit('/').next(),
        };
        whole.unwrap_or_default()
    }

    /// The path, of a file.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Object { .. } => None,
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Object { store, key } => write!(f, "{store}:{key}"),
        }
    }
}

/// How far an artifact can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArtifactState {
    /// It was made, and nothing speaks against it; nobody has restored it yet.
    Sound,
    /// A trial restore found it good.
    Verified,
    /// It was made and is not plausible; a person has not accepted it.
    Doubted,
    /// A trial restore failed.
    Unsound,
    /// It was removed on purpose.
    Removed,
}

impl ArtifactState {
    /// Every state.
    pub const ALL: [Self; 5] = [
        Self::Sound,
        Self::Verified,
        Self::Doubted,
        Self::Unsound,
        Self::Removed,
    ];

    /// The word used in lists, answers and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Verified => "verified",
            Self::Doubted => "doubted",
            Self::Unsound => "unsound",
            Self::Removed => "removed",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Location;

    #[test]
    fn a_location_reads_back_as_it_is_written() {
        for text in [
            "/var/lib/orderly/artifacts/nightly/db-x.dump.zst",
            "artifacts/x.tar.zst",
            "offsite:nightly/db-x.dump.zst.age",
        ] {
            assert_eq!(Location::parse(text).to_string(), text);
        }
        let object = Location::parse("offsite:nightly/db.tar.zst");
        assert_eq!(object.file_name(), "db.tar.zst");
        assert!(object.path().is_none());
        for path in ["/a:b", "offsite:", "Not a store:x", "a/b:c"] {
            assert!(Location::parse(path).path().is_some(), "{path}");
        }
    }
}
