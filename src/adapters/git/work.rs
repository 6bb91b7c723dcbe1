//! One piece of work with libgit2, on a thread for blocking work.

use super::{
    Shared,
    address::{Address, Remote},
    failure::Failure,
    lineage, local,
    objects::Objects,
    refusal::Refusal,
    remote::{self, Fetch},
    tree::{self, Checked, Limits},
};
use crate::{
    domain::lineage::Lineage,
    ports::source::{Revision, Tree},
};
use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Repository};
use jiff::Timestamp;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What is kept from call to call. Whoever works with libgit2 holds it.
#[derive(Debug, Default)]
pub(super) struct Kept {
    pub(super) checked: Checked,
    /// Something in the copy could not be read.
    pub(super) suspect: bool,
}

/// What a blocking piece of work needs beside its own arguments.
pub(super) struct Work {
    pub(super) shared: Arc<Shared>,
    pub(super) relay: u16,
    pub(super) stop: CancellationToken,
    pub(super) refusal: Refusal,
}

impl Work {
    /// Fetches and lists; a copy that cannot be read is thrown away and fetched once more.
    pub(super) fn fetch(
        &self,
        kept: &mut Kept,
        known: Option<Oid>,
    ) -> Result<Option<Tree>, Failure> {
        if kept.suspect {
            remote::discard(&self.shared.copy)?;
            kept.suspect = false;
        }
        let first = self.fetch_once(kept, known);
        match (&self.shared.address, &first) {
            (Address::Remote(_), Err(Failure::Objects(_))) => {
                remote::discard(&self.shared.copy)?;
                self.fetch_once(kept, known)
            }
            (Address::Remote(_), Err(Failure::Transport(error))) => {
                kept.suspect = !is_elsewhere(error.class());
                first
            }
            _ => first,
        }
    }

    fn fetch_once(&self, kept: &mut Kept, known: Option<Oid>) -> Result<Option<Tree>, Failure> {
        let newest = match &self.shared.address {
            Address::Local(path) => {
                let repository = local::open(path)?;
                let newest = local::newest(&repository, &self.shared.options.reference)?;
                (Some(newest) != known).then_some((repository, newest))
            }
            Address::Remote(remote) => self.from(remote).newest(known, &self.shared.blame.url)?,
        };
        newest
            .map(|(repository, commit)| self.list(&repository, commit, kept))
            .transpose()
    }

    fn from<'a>(&'a self, remote: &'a Remote) -> Fetch<'a> {
        Fetch {
            copy: &self.shared.copy,
            remote,
            relay: self.relay,
            reference: &self.shared.options.reference,
            credentials: &self.shared.options.credentials,
            stop: &self.stop,
            refusal: &self.refusal,
        }
    }

    /// A copy in which the way ends too early is deepened once.
    pub(super) fn lineage(&self, since: Oid, newest: Oid) -> Result<Lineage, Failure> {
        let repository = self.open()?;
        let trace = || {
            let objects = Objects::of(&repository).map_err(Failure::Objects)?;
            Ok(lineage::trace(&objects, &self.shared.path, since, newest))
        };
        let traced = trace()?;
        match &self.shared.address {
            Address::Remote(remote) if !traced.is_whole => {
                self.from(remote).deepen(&repository)?;
                Ok(trace()?.lineage)
            }
            Address::Remote(_) | Address::Local(_) => Ok(traced.lineage),
        }
    }

    /// The repository, or the copy of it.
    pub(super) fn open(&self) -> Result<Repository, Failure> {
        match &self.shared.address {
            Address::Local(path) => local::open(path),
            Address::Remote(_) => {
                Repository::open_bare(&self.shared.copy).map_err(Failure::Objects)
            }
        }
    }

    fn list(&self, repository: &Repository, commit: Oid, kept: &mut Kept) -> Result<Tree, Failure> {
        let objects = Objects::of(repository).map_err(Failure::Objects)?;
        let commit = objects.commit(commit).map_err(Failure::Objects)?;
        let folder = self.followed_folder(&objects, &commit)?;
        let limits = Limits {
            file_bytes: self.shared.options.max_file_bytes,
            files: self.shared.options.max_files,
        };
        let listing =
            tree::list(&objects, folder, limits, &mut kept.checked).map_err(Failure::Objects)?;
        Ok(Tree {
            revision: revision(&commit),
            files: listing.files,
            refused: listing.refused,
        })
    }

    fn followed_folder(
        &self,
        objects: &Objects<'_>,
        commit: &git2::Commit<'_>,
    ) -> Result<Oid, Failure> {
        let path = &self.shared.path;
        let missing = |hint: &str| Failure::Missing(format!("folder `{path}`"), hint.to_owned());
        let mut folder = objects.tree(commit.tree_id()).map_err(Failure::Objects)?;
        for name in path.split('/').filter(|name| !name.is_empty()) {
            let entry = folder
                .get_name(name)
                .map(|entry| (entry.id(), entry.kind()));
            folder = match entry {
                Some((id, Some(ObjectType::Tree))) => objects.tree(id).map_err(Failure::Objects)?,
                Some(_) => return Err(missing("it is there, but it is not a folder")),
                None => {
                    return Err(missing(&format!(
                        "commit {} on {} does not hold it; check the path",
                        commit.id(),
                        self.shared.options.reference
                    )));
                }
            };
        }
        Ok(folder.id())
    }

    pub(super) fn read(&self, kept: &mut Kept, blobs: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
        let repository = self.open()?;
        let is_copy = matches!(self.shared.address, Address::Remote(_));
        let objects = Objects::of(&repository).map_err(Failure::Objects)?;
        let read = |blob: &String| {
            let blob = objects.blob(Oid::from_str(blob)?)?;
            if blob.size() > self.shared.options.max_file_bytes {
                return Err(git2::Error::from_str("the file is too large"));
            }
            Ok(blob.content().to_vec())
        };
        let bytes: Result<_, git2::Error> = blobs.iter().map(read).collect();
        kept.suspect |= is_copy && bytes.is_err();
        bytes.map_err(|error| match error.code() {
            ErrorCode::NotFound => Failure::Unusable(format!(
                "a file's content is gone ({}); the next fetch brings it again",
                error.message()
            )),
            _ => Failure::Objects(error),
        })
    }
}

/// Whether an error of this class comes from the other side, and not from the copy.
fn is_elsewhere(class: ErrorClass) -> bool {
    use ErrorClass::{Callback, Http, Net, Os, Ssh, Ssl};
    matches!(class, Callback | Http | Net | Os | Ssh | Ssl)
}

/// What is said about a commit.
fn revision(commit: &git2::Commit<'_>) -> Revision {
    Revision {
        id: commit.id().to_string(),
        author: author(commit),
        summary: visible(commit.summary_bytes().unwrap_or_default()),
        at: Timestamp::from_second(commit.time().seconds()).unwrap_or_default(),
    }
}

/// `name <mail>`
pub(super) fn author(commit: &git2::Commit<'_>) -> String {
    person(&commit.author())
}

/// The same of anybody whom a commit names.
pub(super) fn person(person: &git2::Signature<'_>) -> String {
    let (name, mail) = (visible(person.name_bytes()), visible(person.email_bytes()));
    format!("{name} <{mail}>")
}

/// A commit's text, which is anybody's: at most 200 characters, control characters escaped.
pub(super) fn visible(bytes: &[u8]) -> String {
    let mut text = String::new();
    for character in String::from_utf8_lossy(bytes).chars().take(200) {
        if character.is_control() {
            text.extend(character.escape_default());
        } else {
            text.push(character);
        }
    }
    text
}
