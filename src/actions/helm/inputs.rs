//! What every step about a release is told, and what is known of helm before one is carried out.

use crate::{
    actions::{
        framework::Given,
        kubernetes::{check_name, default_cluster},
    },
    domain::{
        effect::{Object, Place, Scope, Which},
        pinned::PinnedProgram,
    },
    ports::{materials::Looked, processes::ProcessError},
};
use std::fmt;

/// A release, as effects name its kind.
pub(super) const RELEASE: &str = "release.helm";
/// How helm is named where programs are looked up.
pub(super) const PROGRAM: &str = "helm";
/// The longest name of a release: helm makes names of objects from it.
const LONGEST_RELEASE: usize = 53;

/// Where a step names none.
pub(super) fn cluster() -> String {
    default_cluster()
}

/// A release in its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Release<'a> {
    pub(super) cluster: &'a str,
    pub(super) namespace: &'a str,
    pub(super) name: &'a str,
}

impl<'a> Release<'a> {
    /// Checks the names.
    pub(super) fn new(cluster: &'a str, namespace: &'a str, name: &'a str) -> Result<Self, String> {
        check_name("cluster", cluster)?;
        check_name("namespace", namespace)?;
        check_name("release", name)?;
        if name.len() > LONGEST_RELEASE {
            return Err(format!(
                "in `with`, at `release`: longer than {LONGEST_RELEASE} letters"
            ));
        }
        Ok(Self {
            cluster,
            namespace,
            name,
        })
    }

    /// As effects name it, and as the gate names what `helm` in a command changes.
    pub(super) fn object(&self) -> Object {
        Object {
            place: Place::Cluster(self.cluster.to_owned()),
            kind: RELEASE.to_owned(),
            scope: Scope::Namespace(self.namespace.to_owned()),
            which: Which::Named(self.name.to_owned()),
        }
    }
}

impl fmt::Display for Release<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "release {}/{}", self.namespace, self.name)
    }
}

/// The program that would be started. One that is not there is an error, but for a dry run.
pub(super) fn pinned(given: &Given<'_>, dry_run: bool) -> Result<Vec<PinnedProgram>, String> {
    let found = match given.materials.program(PROGRAM) {
        Looked::Found(found) => Some(found),
        Looked::Missing if !dry_run => {
            return Err(ProcessError::NotFound(PROGRAM.to_owned()).to_string());
        }
        Looked::Missing => None,
        Looked::NotLooked => return Ok(Vec::new()),
    };
    Ok(vec![PinnedProgram {
        name: PROGRAM.to_owned(),
        found,
    }])
}
