//! A bucket of S3, or of a service that speaks like it. All of it blocks; it must be called off the async threads.
//!
//! Invariants
//! - Requests go through an HTTP client of the agent's own making: its certificate authorities, no proxy.
//! - Keys to the bucket are read at each use, so that rotated ones are seen.
//! - Every request has a deadline. Faults of the service and of the way to it are tried again, with growing pauses; refusals are not.

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
    patience: Patience,
    /// Which store it is, for people.
    place: Arc<str>,
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
        let piece = session.asked(|| session.s3.get_range(&self.key, range.clone()))?;
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
            .with_http_connector(Ready(HttpClient::new(client)));
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
        let s3 = builder.build().map_err(|error| said(&place, &error))?;
        Ok(Session {
            s3: Arc::new(s3),
            runtime,
            stop: stop.clone(),
            prefix: self.at.prefix.clone(),
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

    /// Bytes of an object; none if there is none.
    pub(super) fn size(&self, key: &str) -> io::Result<Option<u64>> {
        let key = self.key(key);
        match self.wait(self.steady(|| self.s3.head(&key)))? {
            Ok(found) => Ok(Some(found.size)),
            Err(Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(self.said(&error)),
        }
    }

    fn said(&self, error: &Error) -> io::Error {
        said(&self.place, error)
    }

    pub(super) fn put(&self, key: &str, bytes: Vec<u8>) -> io::Result<()> {
        let (key, bytes) = (self.key(key), PutPayload::from(bytes));
        self.asked(|| self.s3.put(&key, bytes.clone())).map(drop)
    }

    /// Whether it was there.
    pub(super) fn remove(&self, key: &str) -> io::Result<bool> {
        if self.size(key)?.is_none() {
            return Ok(false);
        }
        let key = self.key(key);
        self.asked(|| self.s3.delete(&key))?;
        Ok(true)
    }

    /// Copies an object into a file; its size.
    pub(super) fn download(&self, key: &str, to: &mut impl io::Write) -> io::Result<u64> {
        io::copy(&mut self.reader(key)?, to)
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
        self.asked(|| self.s3.create_multipart(&key))
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
        put.await.map_err(|error| self.said(&error))
    }

    pub(super) fn complete(
        &self,
        key: &str,
        id: &MultipartId,
        parts: Vec<PartId>,
    ) -> io::Result<()> {
        let key = self.key(key);
        let complete = self.asked(|| self.s3.complete_multipart(&key, id, parts.clone()));
        complete.map(drop)
    }

    pub(super) async fn abort(self, key: String, id: MultipartId) -> io::Result<()> {
        let key = self.key(&key);
        match self.steady(|| self.s3.abort_multipart(&key, &id)).await {
            // It was completed or aborted before.
            Ok(()) | Err(Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.said(&error)),
        }
    }

    /// Asks, and waits for the answer unless the work is to stop.
    fn asked<T, F>(&self, ask: impl Fn() -> F) -> io::Result<T>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        self.wait(self.steady(ask))?
            .map_err(|error| self.said(&error))
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

/// What the store said, in few words, and a way out: the deepest cause tells most, and its client's own words nothing.
fn said(place: &str, error: &Error) -> io::Error {
    let (what, hint) = match error {
        Error::NotFound { .. } => (
            "there is no such object or bucket".to_owned(),
            "see that the bucket is there, and that `bucket` and `prefix` name it",
        ),
        Error::PermissionDenied { .. } => (
            "the store does not allow it (403)".to_owned(),
            "see what the access key may do with this bucket and prefix",
        ),
        Error::Unauthenticated { .. } => (
            "the store does not know the access key (401)".to_owned(),
            "see the secrets that `accessKey` and `secretKey` name",
        ),
        other => {
            let causes = std::iter::successors(Some(other as &dyn std::error::Error), |error| {
                error.source()
            });
            let last = causes.last().map(ToString::to_string).unwrap_or_default();
            answered(&last)
        }
    };
    io::Error::other(format!("{place}: {what}\nhint: {hint}"))
}

/// Of an answer its status and the code in its XML body, without the rest of it; where there was none, what happened on the way.
fn answered(text: &str) -> (String, &'static str) {
    let Some(answer) = text.strip_prefix("Server returned non-2xx status code: ") else {
        return (
            text.to_owned(),
            "see that the store runs and can be reached from here without a break, then try again",
        );
    };
    let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
    let code = body
        .split_once("<Code>")
        .and_then(|(_, rest)| rest.split_once("</Code>"));
    let hint = if status.starts_with('5') {
        "the fault is the store's: see its own log, then try again"
    } else {
        "see the store's settings under `artifacts.stores`"
    };
    let what = match code {
        Some((code, _)) if code.len() < 100 => format!("the store answers {status} ({code})"),
        _ => format!("the store answers {}", status.trim_end_matches([':', ' '])),
    };
    (what, hint)
}

#[cfg(test)]
mod tests {
    use super::answered;

    #[test]
    fn of_an_answer_the_status_and_the_code_are_told() {
        let what = |text: &str| answered(text).0;
        let xml = "Server returned non-2xx status code: 400 Bad Request: <?xml version=\"1.0\"?><Error><Code>EntityTooSmall</Code></Error>";
        assert_eq!(
            what(xml),
            "the store answers 400 Bad Request (EntityTooSmall)"
        );
        let html = "Server returned non-2xx status code: 502 Bad Gateway: <html>x</html>";
        assert_eq!(what(html), "the store answers 502 Bad Gateway");
        let bare = "Server returned non-2xx status code: 500 Internal Server Error: ";
        assert_eq!(what(bare), "the store answers 500 Internal Server Error");
        assert_eq!(what("connection refused"), "connection refused");
    }

    #[test]
    fn whose_fault_it_is_stands_in_the_hint() {
        let hint = |text: &str| answered(text).1;
        assert!(hint("Server returned non-2xx status code: 503 Slow Down: ").contains("store's"));
        assert!(hint("connection refused").contains("can be reached"));
    }
}
