//! What a step is carried out with beside its arguments, as it was when the step was planned: files that its command names, and the
//! programs that it starts.
//!
//! They are part of the planned step, so an approval binds to them; what is no longer the same is refused.

use crate::domain::digest::Digest;
use serde::{Deserialize, Serialize};

/// Files and programs of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Sorted by place and path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PinnedFile>,
    /// Sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<PinnedProgram>,
}

/// Where a file lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileOf {
    /// On the agent's host; its path is absolute.
    Host,
    /// In the repository, at the run's revision; its path begins at the repository's top.
    Repository,
}

/// A file whose content counts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PinnedFile {
    /// Where it lies.
    pub of: FileOf,
    /// Its path there.
    pub path: String,
    /// Of its bytes.
    pub sha256: Digest,
}

/// A program that is started.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PinnedProgram {
    /// As the command names it.
    pub name: String,
    /// Where it was found; nothing where it was not there.
    #[serde(flatten)]
    pub found: Option<FoundProgram>,
}

/// A program's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FoundProgram {
    /// Its absolute path.
    pub path: String,
    /// Of its bytes.
    pub sha256: Digest,
}

impl Pinned {
    /// Whether nothing is pinned.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty() && self.programs.is_empty()
    }
}

impl PinnedFile {
    /// Why it may not be used, where its bytes have this digest now; nothing where it is the same. Without a digest it is gone.
    pub fn differs(&self, now: Option<Digest>) -> Option<String> {
        match now {
            Some(now) if now == self.sha256 => None,
            Some(_) => Some(format!(
                "the file {} is not what it was when the step was judged",
                self.path
            )),
            None => Some(format!(
                "the file {} was there when the step was judged, and cannot be read now",
                self.path
            )),
        }
    }
}

impl PinnedProgram {
    /// Why it may not be started, where this is found by its name now; nothing where it is the same.
    pub fn differs(&self, now: Option<&FoundProgram>) -> Option<String> {
        let name = &self.name;
        match (&self.found, now) {
            (before, now) if before.as_ref() == now => None,
            (Some(_), None) => Some(format!(
                "the program `{name}` was there when the step was judged, and is gone"
            )),
            (None, Some(now)) => Some(format!(
                "the program `{name}` was not there when the step was judged, and is now {}",
                now.path
            )),
            (Some(before), Some(now)) if before.path != now.path => Some(format!(
                "the program `{name}` was {} when the step was judged, and is now {}",
                before.path, now.path
            )),
            (_, _) => Some(format!(
                "the program `{name}` is not what it was when the step was judged"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{FileOf, FoundProgram, Pinned, PinnedFile, PinnedProgram};
    use crate::domain::digest::Digest;

    fn found(path: &str, bytes: &[u8]) -> FoundProgram {
        FoundProgram {
            path: path.to_owned(),
            sha256: Digest::of_bytes(bytes),
        }
    }

    #[test]
    fn a_file_or_program_that_is_not_the_same_is_told() {
        let file = PinnedFile {
            of: FileOf::Host,
            path: "/etc/x".to_owned(),
            sha256: Digest::of_bytes(b"one"),
        };
        assert_eq!(file.differs(Some(Digest::of_bytes(b"one"))), None);
        assert!(file.differs(Some(Digest::of_bytes(b"two"))).is_some());
        assert!(file.differs(None).is_some());
        let program = PinnedProgram {
            name: "ls".to_owned(),
            found: Some(found("/bin/ls", b"one")),
        };
        assert_eq!(program.differs(Some(&found("/bin/ls", b"one"))), None);
        for other in [found("/bin/ls", b"two"), found("/sbin/ls", b"one")] {
            assert!(program.differs(Some(&other)).is_some());
        }
        assert!(program.differs(None).is_some());
    }

    #[test]
    fn what_is_pinned_survives_json() {
        let pinned = Pinned {
            files: vec![PinnedFile {
                of: FileOf::Repository,
                path: "web.yaml".to_owned(),
                sha256: Digest::of_bytes(b""),
            }],
            programs: vec![
                PinnedProgram {
                    name: "jq".to_owned(),
                    found: None,
                },
                PinnedProgram {
                    name: "ls".to_owned(),
                    found: Some(found("/bin/ls", b"")),
                },
            ],
        };
        let text = serde_json::to_string(&pinned).unwrap();
        assert_eq!(serde_json::from_str::<Pinned>(&text).unwrap(), pinned);
        assert_eq!(serde_json::to_string(&Pinned::default()).unwrap(), "{}");
    }
}
