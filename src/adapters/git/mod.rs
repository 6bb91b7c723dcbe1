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
mod files;
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
mod work;

pub use options::{Credentials, GitOptions, InvalidOptions};
pub use reference::Reference;

use crate::{
    domain::lineage::Lineage,
    ports::{
        BoxFuture,
        materials::RevisionFile,
        source::{Revision, Source, SourceError, Tree},
    },
};
use address::{Address, Remote, Scheme};
use failure::{Blame, Failure};
use git2::Oid;
use refusal::Refusal;
use relay::Relay;
use std::{path::PathBuf, sync::Arc};
use tokio::sync::{Mutex, OnceCell};
use tokio_rustls::{TlsConnector, rustls};
use tokio_util::sync::CancellationToken;
use work::{Kept, Work};

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

    fn files<'a>(
        &'a self,
        revision: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<RevisionFile>, SourceError>> {
        let (revision, paths) = (revision.to_owned(), paths.to_vec());
        Box::pin(self.work(move |work, _| work.files(&revision, &paths)))
    }

    fn objects<'a>(
        &'a self,
        revision: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<Result<String, String>>, SourceError>> {
        let (revision, paths) = (revision.to_owned(), paths.to_vec());
        Box::pin(self.work(move |work, _| work.objects(&revision, &paths)))
    }

    fn folder(&self) -> &str {
        &self.shared.path
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
