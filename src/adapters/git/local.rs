//! Follows a repository on this machine, where it stands.
//!
//! Nothing is copied: objects never change once written, so reading them beside a writer is safe, and an object that is not there
//! yet fails this fetch and not the next. Only commits are read, never the working tree. libgit2 refuses a repository that belongs to another
//! user unless `safe.directory` names it (git-config(1)); so do we, because whoever owns a repository decides what its configuration does.

use super::{failure::Failure, objects::Objects, reference::Reference};
use git2::{ErrorClass, ErrorCode, Oid, Repository};
use std::path::Path;

/// Opens the repository.
pub(super) fn open(path: &Path) -> Result<Repository, Failure> {
    Repository::open(path).map_err(|error| {
        if error.code() != ErrorCode::NotFound {
            return Failure::Objects(error);
        }
        let around = Repository::discover_path(path, std::iter::empty::<&Path>());
        let hint = match around.ok().as_deref().and_then(Path::parent) {
            Some(folder) => format!(
                "name the repository's own folder {}, and the rest as the followed path",
                folder.display()
            ),
            None => "check the path, or make one: git init".to_owned(),
        };
        Failure::Transport(git2::Error::from_str(&format!(
            "there is no git repository\nhint: {hint}"
        )))
    })
}

/// The commit that the reference leads to.
pub(super) fn newest(repository: &Repository, reference: &Reference) -> Result<Oid, Failure> {
    let objects = Objects::of(repository).map_err(Failure::Objects)?;
    match repository.find_reference(&reference.full_name()) {
        Ok(found) => match objects.commit_of(&found) {
            Ok(commit) => Ok(commit.id()),
            // HEAD of a repository without commits.
            Err(error) if error.class() == ErrorClass::Reference => {
                Err(absent(repository, reference)?)
            }
            Err(error) => Err(Failure::Objects(error)),
        },
        Err(error) if error.code() == ErrorCode::NotFound => Err(absent(repository, reference)?),
        Err(error) => Err(Failure::Objects(error)),
    }
}

fn absent(repository: &Repository, reference: &Reference) -> Result<Failure, Failure> {
    let names = repository.references().map_err(Failure::Objects)?;
    let names: Vec<String> = names
        .flatten()
        .filter_map(|found| found.name().ok().map(ToOwned::to_owned))
        .collect();
    Ok(reference.missing(names.iter().map(String::as_str)))
}
