//! A bucket of S3, or of a service that speaks like it. All of it blocks; it must be called off the async threads.
//!
//! Invariants
//! - Requests go through an HTTP client of the agent's own making: its certificate authorities, no proxy.
//! - Keys to the bucket are read at each use, so that rotated ones are seen.
//! - Every request has a deadline. Faults of the service and of the way to it are tried again, with growing pauses; refusals are not.
//! - That an object is not there is believed only of what answers as S3 for this bucket, and where other objects of its folder are:
//!   a wrong bucket, prefix, key or address answers 404 as well.

use super::answer::{ABORT, DELETE, LIST, LOOK, READ, Refusal, WRITE, Way, told};
use crate::{
    adapters::network::HostNetwork,
    domain::{
        artifact::Location,
        name::{SecretName, StoreName},
    },
    ports::secrets::Secrets,
};
use object_store::{
    BackoffConfig, ClientOptions, Error, MultipartId, ObjectStoreExt as _, PutPayload, RetryConfig,
    aws::{AmazonS3, AmazonS3Builder},
    client::{HttpClient, HttpConnector},
    list::{PaginatedListOptions, PaginatedListStore as _},
    multipart::{MultipartStore as _, PartId},
    path::Path as Key,
};
use std::{
    io::{self, Read},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

/// Bytes of one request for content.
const PIECE: u64 = 8 << 20;

/// What is known of a bucket.
#[derive(Debug, Clone)]
pub struct BucketAt {
    /// Its name.
    pub bucket: String,
    /// The service's address, where it is not AWS.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// What every key begins with.
    pub prefix: String,
    /// The secrets that hold the access key's id and the key.
    pub keys: Option<(SecretName, SecretName)>,
    /// A PEM file with further certificate authorities.
    pub authority_file: Option<PathBuf>,
    /// Whether the bucket stands in the host name.
    pub virtual_hosts: bool,
    /// Bytes of a part of an upload.
    pub part_bytes: usize,
    /// How long it is waited for.
    pub patience: Patience,
}

/// How long a store is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long one request may take, with what the store's client tries again by itself.
    pub deadline: Duration,
    /// How often a request is made that found no answer within its deadline.
    pub attempts: u32,
    /// How often a request is made again that the store or the way to it failed.
    pub retries: usize,
    /// The pause before the first of these; later ones grow.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            deadline: Duration::from_mins(5),
            attempts: 2,
            retries: 10,
            pause: Duration::from_millis(100),
        }
    }
}

impl Patience {
    /// For somebody who waits for the answer at a terminal.
    pub const SHORT: Self = Self {
        deadline: Duration::from_secs(10),
        attempts: 1,
        retries: 1,
        pause: Duration::from_millis(100),
    };

    fn retry(self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: self.pause,
                ..BackoffConfig::default()
            },
            max_retries: self.retries,
            ..RetryConfig::default()
        }
    }
}

/// A bucket under the name that the configuration gives it.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) name: StoreName,
    pub(super) at: BucketAt,
    network: Arc<HostNetwork>,
    secrets: Arc<dyn Secrets>,
}

/// A connection to a bucket, for one piece of work.
#[derive(Debug, Clone)]
pub(super) struct Session {
    s3: Arc<AmazonS3>,
    runtime: Handle,
    stop: CancellationToken,
    prefix: String,
    region: String,
    patience: Patience,
    /// Which store it is, for people.
    place: Arc<str>,
}

/// What there is of an object as the store says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// It has so many bytes.
    There(u64),
    /// The answer to a question about it alone is that it is not there. What answers may be no S3, or another bucket.
    Absent,
}

/// An object on its way here.
#[derive(Debug)]
pub(super) struct Reader {
    session: Session,
    key: Key,
    size: u64,
    done: u64,
    piece: io::Cursor<Vec<u8>>,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.piece.read(buffer)?;
        if read > 0 || buffer.is_empty() || self.done >= self.size {
            return Ok(read);
        }
        let range = self.done..self.size.min(self.done + PIECE);
        let session = &self.session;
        let piece = session.asked(READ, || session.s3.get_range(&self.key, range.clone()))?;
        if piece.len() as u64 != range.end - range.start {
            return Err(io::Error::other("the object changed while it was read"));
        }
        self.piece = io::Cursor::new(piece.to_vec());
        self.done = range.end;
        self.piece.read(buffer)
    }
}

/// A client that is there already.
#[derive(Debug)]
struct Ready(HttpClient);

impl HttpConnector for Ready {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(self.0.clone())
    }
}

impl Bucket {
    pub(super) fn new(
        name: StoreName,
        at: BucketAt,
        network: Arc<HostNetwork>,
        secrets: Arc<dyn Secrets>,
    ) -> Self {
        Self {
            name,
            at,
            network,
            secrets,
        }
    }

    pub(super) fn location(&self, key: String) -> Location {
        Location::Object {
            store: self.name.clone(),
            key,
        }
    }

    /// # Errors
    /// A key or a certificate authority cannot be read.
    pub(super) fn connect(&self, stop: &CancellationToken) -> io::Result<Session> {
        let runtime = Handle::current();
        let target = self.at.endpoint.as_deref().unwrap_or("S3");
        let client = self
            .network
            .client(self.at.authority_file.as_deref(), target);
        let client = runtime.block_on(client).map_err(io::Error::other)?;
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&self.at.bucket)
            .with_region(&self.at.region)
            .with_virtual_hosted_style_request(self.at.virtual_hosts)
            .with_allow_http(true)
            .with_retry(self.at.patience.retry())
            // Each removal is answered for itself, with a status and a code.
            .with_disable_bulk_delete(true)
            .with_http_connector(Ready(HttpClient::new(Way(HttpClient::new(client)))));
        if let Some(endpoint) = &self.at.endpoint {
            builder = builder.with_endpoint(endpoint);
        }
        if let Some((id, key)) = &self.at.keys {
            let value = |name| self.secrets.get(name).map_err(io::Error::other);
            builder = builder
                .with_access_key_id(value(id)?.expose())
                .with_secret_access_key(value(key)?.expose());
        }
        let place: Arc<str> = format!(
            "store {} (bucket {} at {target})",
            self.name, self.at.bucket
        )
        .into();
        let s3 = builder.build().map_err(|error| {
            let hint = "see the store's settings under `artifacts.stores`";
            told(&place, (error.to_string(), hint.to_owned()))
        })?;
        Ok(Session {
            s3: Arc::new(s3),
            runtime,
            stop: stop.clone(),
            prefix: self.at.prefix.clone(),
            region: self.at.region.clone(),
            patience: self.at.patience,
            place,
        })
    }
}

impl Session {
    fn key(&self, key: &str) -> Key {
        self.prefix.split('/').chain(key.split('/')).collect()
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }

    /// The same, whatever was stopped: what tidies up has to run to its end.
    pub(super) fn unstoppable(&self) -> Self {
        Self {
            stop: CancellationToken::new(),
            ..self.clone()
        }
    }

    /// Bytes of an object; none where the store holds others of its folder, and this one not.
    ///
    /// # Errors
    /// Among others: what answers does not list the bucket, or lists nothing in the object's folder. Then nothing is known of the object.
    pub(super) fn size(&self, key: &str) -> io::Result<Option<u64>> {
        if let Seen::There(size) = self.seen(key)? {
            return Ok(Some(size));
        }
        let folder = self.folder(key);
        match self.holds(&folder)? {
            Ok(true) => Ok(None),
            Ok(false) => {
                let what = format!(
                    "it holds nothing at all below `{folder}`, so it tells nothing of what was kept there"
                );
                let hint = "see that `bucket` and `prefix` are those that it was kept with, and whether somebody removed all of it";
                Err(told(&self.place, (what, hint.to_owned())))
            }
            Err(refusal) => {
                let (what, hint) = refusal.said(LIST, &self.region);
                let what = format!("whether the object is there cannot be told: {what}");
                Err(told(&self.place, (what, hint)))
            }
        }
    }

    /// What a question about the object alone is answered with. The answer has no body, so where it is a refusal, a list of the bucket is
    /// asked for the reason.
    pub(super) fn seen(&self, key: &str) -> io::Result<Seen> {
        let head = self.key(key);
        let refusal = match self.wait(self.steady(|| self.s3.head(&head)))? {
            Ok(found) => return Ok(Seen::There(found.size)),
            Err(error) => Refusal::of(&error),
        };
        if refusal.is_absence() {
            return Ok(Seen::Absent);
        }
        if !refusal.is_of_the_request() {
            return Err(self.said(&refusal, READ));
        }
        match self.holds(&self.folder(key))? {
            Err(reason) if reason.is_of_the_request() => Err(self.said(&reason, LOOK)),
            Ok(_) | Err(_) => Err(self.said(&refusal, READ)),
        }
    }

    /// Whether the key is taken. An account that may not list is no fault here: what it writes is looked for by its key afterwards.
    pub(super) fn is_taken(&self, key: &str) -> io::Result<bool> {
        if let Seen::There(_) = self.seen(key)? {
            return Ok(true);
        }
        match self.holds(&self.folder(key))? {
            Err(refusal) if !refusal.lacks_right() => Err(self.said(&refusal, LIST)),
            Ok(_) | Err(_) => Ok(false),
        }
    }

    /// Finds out that the store answers, lets the account in, and lists the place of the artifacts.
    pub(super) fn must_answer(&self) -> io::Result<()> {
        let place = self.folder("");
        match self.holds(&place)? {
            Err(refusal) => Err(self.said(&refusal, LIST)),
            Ok(_) => Ok(()),
        }
    }

    /// Finds out that what answers is S3, of which content can be believed.
    pub(super) fn must_be_s3(&self, key: &str) -> io::Result<()> {
        match self.holds(&self.folder(key))? {
            Err(refusal) if !refusal.is_of_s3() => Err(self.said(&refusal, LIST)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// What every key of an object's folder begins with.
    fn folder(&self, key: &str) -> String {
        let folder = self.key(key.rsplit_once('/').map_or("", |(folder, _)| folder));
        match folder.as_ref() {
            "" => String::new(),
            folder => format!("{folder}/"),
        }
    }

    /// Whether the bucket lists anything there.
    fn holds(&self, folder: &str) -> io::Result<Result<bool, Refusal>> {
        let first = || PaginatedListOptions {
            max_keys: Some(1),
            ..PaginatedListOptions::default()
        };
        let listed = self.wait(self.steady(|| self.s3.list_paginated(Some(folder), first())))?;
        Ok(match listed {
            Ok(found) => Ok(!found.result.objects.is_empty()),
            // It is there, under a name that no artifact has.
            Err(Error::InvalidPath { .. }) => Ok(true),
            Err(error) => Err(Refusal::of(&error)),
        })
    }

    fn said(&self, refusal: &Refusal, right: &str) -> io::Error {
        told(&self.place, refusal.said(right, &self.region))
    }

    pub(super) fn put(&self, key: &str, bytes: Vec<u8>) -> io::Result<()> {
        let (key, bytes) = (self.key(key), PutPayload::from(bytes));
        self.asked(WRITE, || self.s3.put(&key, bytes.clone()))
            .map(drop)
    }

    /// Whether it was there.
    pub(super) fn remove(&self, key: &str) -> io::Result<bool> {
        if self.size(key)?.is_none() {
            return Ok(false);
        }
        let key = self.key(key);
        self.asked(DELETE, || self.s3.delete(&key))?;
        Ok(true)
    }

    /// Reads an object from its beginning to its end, a piece at a time.
    pub(super) fn reader(&self, key: &str) -> io::Result<Reader> {
        let size = self
            .size(key)?
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such object"))?;
        Ok(Reader {
            session: self.clone(),
            key: self.key(key),
            size,
            done: 0,
            piece: io::Cursor::default(),
        })
    }

    pub(super) fn begin_parts(&self, key: &str) -> io::Result<MultipartId> {
        let key = self.key(key);
        self.asked(WRITE, || self.s3.create_multipart(&key))
    }

    pub(super) async fn put_part(
        self,
        key: String,
        id: MultipartId,
        index: usize,
        bytes: Vec<u8>,
    ) -> io::Result<PartId> {
        let (key, bytes) = (self.key(&key), PutPayload::from(bytes));
        let put = self.steady(|| self.s3.put_part(&key, &id, index, bytes.clone()));
        put.await
            .map_err(|error| self.said(&Refusal::of(&error), WRITE))
    }

    pub(super) fn complete(
        &self,
        key: &str,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> io::Result<()> {
        let key = self.key(key);
        let complete = || self.s3.complete_multipart(&key, id, parts.clone());
        self.asked(WRITE, complete).map(drop)
    }

    pub(super) async fn abort(self, key: String, id: MultipartId) -> io::Result<()> {
        let key = self.key(&key);
        match self.steady(|| self.s3.abort_multipart(&key, &id)).await {
            // It was completed or aborted before.
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.said(&Refusal::of(&error), ABORT)),
        }
    }

    /// Asks what takes this right, and waits for the answer unless the work is to stop.
    fn asked<T, F>(&self, right: &str, ask: impl Fn() -> F) -> io::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        self.wait(self.steady(ask))?
            .map_err(|error| self.said(&Refusal::of(&error), right))
    }

    pub(super) fn wait<T>(&self, work: impl Future<Output = T>) -> io::Result<T> {
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => Err(io::Error::other("stopped")),
                done = work => Ok(done),
            }
        })
    }

    /// Asks again where no answer came in time; what came is tried again by the client itself.
    async fn steady<T, F>(&self, ask: impl Fn() -> F) -> object_store::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let Patience {
            deadline, attempts, ..
        } = self.patience;
        for _ in 0..attempts {
            if let Ok(answer) = tokio::time::timeout(deadline, ask()).await {
                return answer;
            }
        }
        Err(Error::Generic {
            store: "S3",
            source: Silence(deadline).into(),
        })
    }
}

/// No answer came in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} s", .0.as_secs_f32())]
struct Silence(Duration);
