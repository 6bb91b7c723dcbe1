//! What a step is carried out with beside its arguments, as it was when the step was planned: files that its command names, the
//! programs that it starts, and the objects of a cluster that it changes by their names.
//!
//! They are part of the planned step, so an approval binds to them; what is no longer the same is refused.

use crate::domain::digest::Digest;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Files, programs and objects of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// Sorted by place and path.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<PinnedFile>,
    /// Sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub programs: Vec<PinnedProgram>,
    /// In the order of the step's effects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects: Vec<PinnedObject>,
}

/// An object of a cluster that a step changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PinnedObject {
    /// The cluster, as the configuration names it.
    pub cluster: String,
    /// `deployment.apps`
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it was; nothing where the API server did not show it.
    #[serde(flatten)]
    pub seen: Option<SeenObject>,
    /// Whether the API server said that there was none.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub absent: bool,
}

/// Which object it is, and which of its states. The generation counts what people and programs want of it; the resource version would
/// also count what the cluster itself notes down all the time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenObject {
    /// The one of this name that was there; another one of the same name has another.
    pub uid: String,
    /// How often what is wanted of it has changed.
    pub generation: u64,
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
        self.files.is_empty() && self.programs.is_empty() && self.objects.is_empty()
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

impl fmt::Display for PinnedObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            cluster,
            kind,
            namespace,
            name,
            ..
        } = self;
        write!(f, "{kind} {namespace}/{name} on cluster {cluster}")
    }
}

impl PinnedObject {
    /// Why it may not be changed, where this is there by its name now; nothing where it is the same.
    pub fn differs(&self, now: Option<&SeenObject>) -> Option<String> {
        match (&self.seen, now) {
            (before, now) if before.as_ref() == now => None,
            (Some(before), Some(now)) if before.uid != now.uid => Some(format!(
                "{self} is another one since it was approved: the one of then was replaced"
            )),
            (Some(before), Some(now)) => Some(format!(
                "{self} has changed since it was approved: its generation was {} and is {}",
                before.generation, now.generation
            )),
            (Some(_), None) => Some(format!("{self} cannot be seen any more")),
            (None, _) if self.absent => Some(format!(
                "{self} was not there when it was approved, and is there now"
            )),
            (None, _) => Some(format!("{self} could not be seen when it was approved")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        FileOf, FoundProgram, Pinned, PinnedFile, PinnedObject, PinnedProgram, SeenObject,
    };
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

    fn web(seen: Option<(&str, u64)>) -> PinnedObject {
        let seen = seen.map(|(uid, generation)| SeenObject {
            uid: uid.to_owned(),
            generation,
        });
        PinnedObject {
            cluster: "default".to_owned(),
            kind: "deployment.apps".to_owned(),
            namespace: "shop".to_owned(),
            name: "web".to_owned(),
            seen,
            absent: false,
        }
    }

    #[test]
    fn an_object_that_is_another_or_in_another_state_is_told() {
        let web = |seen| web(seen);
        let asked = web(Some(("a", 7)));
        assert_eq!(asked.differs(web(Some(("a", 7))).seen.as_ref()), None);
        for (now, words) in [
            (Some(("b", 7)), "the one of then was replaced"),
            (Some(("a", 8)), "its generation was 7 and is 8"),
            (None, "cannot be seen any more"),
        ] {
            let told = asked.differs(web(now).seen.as_ref()).unwrap();
            assert!(told.contains(words), "{told}");
        }
        let unseen = web(None);
        assert_eq!(unseen.differs(None), None);
        assert!(unseen.differs(asked.seen.as_ref()).is_some());
        let new = PinnedObject {
            absent: true,
            ..unseen
        };
        assert_eq!(new.differs(None), None);
        let told = new.differs(asked.seen.as_ref()).unwrap();
        assert!(told.contains("is there now"), "{told}");
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
            objects: vec![web(Some(("a", 7))), web(None)],
        };
        let text = serde_json::to_string(&pinned).unwrap();
        assert_eq!(serde_json::from_str::<Pinned>(&text).unwrap(), pinned);
        assert_eq!(serde_json::to_string(&Pinned::default()).unwrap(), "{}");
    }
}
