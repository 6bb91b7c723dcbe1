//! Follows a git repository through libgit2, and gives its YAML files.
//!
//! Invariants
//! - Only commits are read, never a working tree; links, submodules and hostile names are refused one by one.
//! - Every call ends by its deadline, also against a server that says nothing (see `relay`). A thread that libgit2 does not give back,
//!   as on a dead network disk, keeps later calls waiting until their deadline, and no second one is started.
//! - No error shows a credential. Credentials go to the configured host only: redirects to others are not followed.
//! - A repository on this machine is read where it stands; one behind the network through a bare copy of depth 1, which may be lost at any
//!   time. It is deepened, by a bounded number of commits, where more than one has come since the last look: each one's author counts
//!   (see `lineage`).
//!
//! What it lacks on purpose: work trees, pushing, submodules, Git LFS, HTTP proxies, the `git` program.

mod address;
mod failure;
mod known_hosts;
mod lineage;
mod local;
mod objects;
mod options;
mod reference;
mod refusal;
mod relay;
mod remote;
mod tree;

pub use options::{Credentials, GitOptions, InvalidOptions};
pub use reference::Reference;

use crate::domain::lineage::Lineage;
use crate::ports::{
    BoxFuture,
    source::{Revision, Source, SourceError, Tree},
};
use address::{Address, Remote, Scheme};
use failure::{Blame, Failure};
use git2::{ErrorClass, ErrorCode, ObjectType, Oid, Repository};
use jiff::Timestamp;
use objects::Objects;
use refusal::Refusal;
use relay::Relay;
use remote::Fetch;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::{Mutex, OnceCell};
use tokio_rustls::{TlsConnector, rustls};
use tokio_util::sync::CancellationToken;
use tree::{Checked, Limits};

/// A repository that is followed.
pub struct GitSource {
    shared: Arc<Shared>,
    kept: Arc<Mutex<Kept>>,
    /// Made when first needed.
    trust: OnceCell<Result<TlsConnector, rustls::Error>>,
}

impl std::fmt::Debug for GitSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GitSource")
            .field("shared", &self.shared)
            .finish_non_exhaustive()
    }
}

/// What never changes.
#[derive(Debug)]
struct Shared {
    options: GitOptions,
    address: Address,
    path: String,
    copy: PathBuf,
    blame: Blame,
}

/// What is kept from call to call. Whoever works with libgit2 holds it.
#[derive(Debug, Default)]
struct Kept {
    checked: Checked,
    /// Something in the copy could not be read.
    suspect: bool,
}

/// What a blocking piece of work needs beside its own arguments.
struct Work {
    shared: Arc<Shared>,
    relay: u16,
    stop: CancellationToken,
    refusal: Refusal,
}

impl GitSource {
    /// Checks the options; nothing is opened or reached yet.
    ///
    /// # Errors
    /// What is wrong with the options.
    pub fn new(options: GitOptions) -> Result<Self, InvalidOptions> {
        let (address, path) = options::check(&options)?;
        let secret = match &options.credentials {
            Credentials::Token { token, .. } => Some(token.clone()),
            Credentials::None | Credentials::SshKey { .. } => None,
        };
        let blame = Blame {
            url: address.to_string(),
            secret,
        };
        let copy = options.state.join("source.git");
        Ok(Self {
            shared: Arc::new(Shared {
                options,
                address,
                path,
                copy,
                blame,
            }),
            kept: Arc::default(),
            trust: OnceCell::new(),
        })
    }

    /// Does a piece of work with libgit2 on a thread for blocking work, until the deadline.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Work, &mut Kept) -> Result<T, Failure> + Send + 'static,
    ) -> Result<T, SourceError> {
        let shared = &self.shared;
        let deadline = shared.options.deadline;
        let refusal = Refusal::default();
        let stop = CancellationToken::new();
        // Whether we time out or are dropped: callbacks see it, and libgit2 gives up.
        let _stopping = stop.clone().drop_guard();
        let working = self.work_until_done(work, stop, refusal.clone());
        match tokio::time::timeout(deadline.duration(), working).await {
            Ok(result) => result,
            Err(_) => {
                let why = refusal
                    .take()
                    .map_or_else(String::new, |why| format!(": {why}"));
                Err(shared
                    .blame
                    .unreachable(format!("it did not finish within {deadline}{why}")))
            }
        }
    }

    async fn work_until_done<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Work, &mut Kept) -> Result<T, Failure> + Send + 'static,
        stop: CancellationToken,
        refusal: Refusal,
    ) -> Result<T, SourceError> {
        let mut kept = Arc::clone(&self.kept).lock_owned().await;
        let shared = Arc::clone(&self.shared);
        let blame = &self.shared.blame;
        let relay = Relay::open()
            .await
            .map_err(|error| blame.unusable(format!("no port on this machine: {error}")))?;
        let context = Work {
            shared,
            relay: relay.port(),
            stop,
            refusal: refusal.clone(),
        };
        let done = tokio::task::spawn_blocking(move || work(&context, &mut kept));
        let done = match &self.shared.address {
            Address::Local(_) => done.await,
            Address::Remote(remote) => {
                let trust = self.trust(remote).await?;
                tokio::select! {
                    done = done => done,
                    never = relay.serve(remote, trust.as_ref(), &refusal) => match never {},
                }
            }
        };
        done.map_err(|error| blame.unusable(format!("reading was cut off: {error}")))?
            .map_err(|failure| blame.error(failure, &refusal))
    }
}

impl GitSource {
    /// The authorities that https goes by; none for what needs none.
    async fn trust(&self, remote: &Remote) -> Result<Option<TlsConnector>, SourceError> {
        if remote.scheme != Scheme::Https {
            return Ok(None);
        }
        let blame = &self.shared.blame;
        let read = || async {
            let reading = tokio::task::spawn_blocking(relay::trust).await;
            reading.map_err(|error| blame.unusable(format!("TLS: {error}")))
        };
        let trust = self.trust.get_or_try_init(read).await?;
        match trust {
            Ok(trust) => Ok(Some(trust.clone())),
            Err(error) => Err(blame.unusable(format!("TLS: {error}"))),
        }
    }
}

impl Source for GitSource {
    fn fetch<'a>(
        &'a self,
        known: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Tree>, SourceError>> {
        let known = known.and_then(|known| Oid::from_str(known).ok());
        Box::pin(self.work(move |work, kept| work.fetch(kept, known)))
    }

    fn lineage<'a>(&'a self, since: &'a str, revision: &'a Revision) -> BoxFuture<'a, Lineage> {
        let last = || Lineage::unknown(&revision.author);
        let ids = (Oid::from_str(since), Oid::from_str(&revision.id));
        let (Ok(since), Ok(newest)) = ids else {
            return Box::pin(async move { last() });
        };
        Box::pin(async move {
            let traced = self.work(move |work, _| work.lineage(since, newest)).await;
            traced.unwrap_or_else(|error| {
                tracing::warn!("who made the newest changes is not known: {error}");
                last()
            })
        })
    }

    fn read<'a>(&'a self, blobs: &'a [String]) -> BoxFuture<'a, Result<Vec<Vec<u8>>, SourceError>> {
        let blobs = blobs.to_vec();
        Box::pin(self.work(move |work, kept| work.read(kept, &blobs)))
    }

    fn describe(&self) -> String {
        let shared = &self.shared;
        let mut text = format!("{}, {}", shared.address, shared.options.reference);
        if !shared.path.is_empty() {
            text.push_str(", path ");
            text.push_str(&shared.path);
        }
        text
    }
}

impl Work {
    /// Fetches and lists; a copy that cannot be read is thrown away and fetched once more.
    fn fetch(&self, kept: &mut Kept, known: Option<Oid>) -> Result<Option<Tree>, Failure> {
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
    fn lineage(&self, since: Oid, newest: Oid) -> Result<Lineage, Failure> {
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
    fn open(&self) -> Result<Repository, Failure> {
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

    fn read(&self, kept: &mut Kept, blobs: &[String]) -> Result<Vec<Vec<u8>>, Failure> {
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
fn author(commit: &git2::Commit<'_>) -> String {
    let author = commit.author();
    let (name, mail) = (visible(author.name_bytes()), visible(author.email_bytes()));
    format!("{name} <{mail}>")
}

/// A commit's text, which is anybody's: at most 200 characters, control characters escaped.
fn visible(bytes: &[u8]) -> String {
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
