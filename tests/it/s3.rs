//! An S3-compatible server on this host that can be told to misbehave.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]
#![expect(
    clippy::disallowed_methods,
    reason = "the server ends with the test's runtime"
)]

use futures_util::stream;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::{
    Request, Response,
    body::{Frame, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use orderly::{
    adapters::archive::{BucketAt, Patience},
    domain::name::SecretName,
};
use s3s::{auth::SimpleAuth, service::S3ServiceBuilder};
use s3s_fs::FileSystem;
use std::{
    fs,
    future::pending,
    io,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;
use tokio::net::TcpListener;

pub(crate) const BUCKET: &str = "backups";

/// What the server does instead of answering.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// This status, for so many requests of this method.
    Status(u16, &'static str, usize),
    /// This status with this body, for every request of this method, or of any where none is named.
    Says(u16, &'static str, &'static str),
    /// Each answer takes this long.
    Slow(Duration),
    /// For so many requests of this method the connection ends half-way: in what is sent, or for want of that in the answer.
    Cut(&'static str, usize),
    /// So many requests of this method are carried out, and the connection ends before their answers.
    Unheard(&'static str, usize),
    /// No request of this method is ever answered.
    Silent(&'static str),
}

impl Fault {
    /// Whether it befalls this request; those that are counted are one fewer then.
    fn befalls(&mut self, now: &str) -> bool {
        match self {
            Self::Slow(_) => true,
            Self::Silent(method) => now == *method,
            Self::Says(_, method, _) => method.is_empty() || now == *method,
            Self::Status(_, method, left)
            | Self::Cut(method, left)
            | Self::Unheard(method, left) => {
                let befalls = now == *method && *left > 0;
                *left -= usize::from(befalls);
                befalls
            }
        }
    }
}

/// Where a connection ends, its server says nothing more.
type Broken = Box<dyn std::error::Error + Send + Sync>;

/// The server; it lives as long as the test's runtime.
pub(crate) struct S3 {
    pub(crate) port: u16,
    folder: TempDir,
    fault: Arc<Mutex<Option<Fault>>>,
    requests: Arc<Mutex<Vec<String>>>,
}

impl S3 {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(BUCKET)).unwrap();
        let mut service = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        service.set_auth(SimpleAuth::from_single("key-id", "key-of-the-bucket"));
        let service = service.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (fault, requests) = (Arc::default(), Arc::default());
        let server = Self {
            port,
            folder,
            fault: Arc::clone(&fault),
            requests: Arc::clone(&requests),
        };
        tokio::spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let (service, fault, requests) = (service.clone(), fault.clone(), requests.clone());
                let answer = service_fn(move |request: Request<Incoming>| {
                    let (service, fault, requests) =
                        (service.clone(), fault.clone(), requests.clone());
                    async move {
                        let line = format!("{} {}", request.method(), request.uri());
                        requests.lock().unwrap().push(line);
                        let method = request.method().to_string();
                        let fault = due(&fault, &method);
                        answered(&service, fault, request).await
                    }
                });
                tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), answer));
            }
        });
        server
    }

    pub(crate) fn misbehave(&self, fault: impl Into<Option<Fault>>) {
        *self.fault.lock().unwrap() = fault.into();
    }

    /// What was asked so far: methods and paths.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The file behind a key.
    pub(crate) fn file(&self, key: &str) -> PathBuf {
        self.folder.path().join(BUCKET).join(key)
    }

    /// Parts of uploads that nobody ended.
    pub(crate) fn unfinished(&self) -> usize {
        let all = walk(self.folder.path());
        let parts = all
            .iter()
            .filter(|path| path.to_string_lossy().contains(".upload_id"));
        parts.count()
    }

    /// Everything that is an object.
    pub(crate) fn keys(&self) -> Vec<String> {
        let bucket = self.folder.path().join(BUCKET);
        let all = walk(&bucket).into_iter();
        all.map(|path| path.strip_prefix(&bucket).unwrap().display().to_string())
            .filter(|path| !path.rsplit('/').next().unwrap().starts_with('.'))
            .collect()
    }

    pub(crate) fn bucket(&self, part_bytes: usize) -> BucketAt {
        let name = |name: &str| SecretName::new(name).unwrap();
        BucketAt {
            bucket: BUCKET.into(),
            endpoint: Some(format!("http://127.0.0.1:{}", self.port)),
            region: "us-east-1".into(),
            prefix: "host-1".into(),
            keys: Some((name("s3-id"), name("s3-key"))),
            authority_file: None,
            virtual_hosts: false,
            part_bytes,
            patience: Patience::default(),
        }
    }
}

fn due(fault: &Mutex<Option<Fault>>, method: &str) -> Option<Fault> {
    let mut set = fault.lock().unwrap();
    set.as_mut()?.befalls(method).then(|| *set)?
}

async fn answered(
    service: &s3s::service::S3Service,
    fault: Option<Fault>,
    request: Request<Incoming>,
) -> Result<Response<s3s::Body>, Broken> {
    let broken = || Err(Broken::from("the connection ends here"));
    match fault {
        Some(Fault::Status(status, ..)) => {
            // Who closes with something unread resets the connection, and the answer may be lost on its way.
            let _read = request.into_body().collect().await;
            let body = s3s::Body::from("<html>not today</html>".to_owned());
            return Ok(Response::builder().status(status).body(body).unwrap());
        }
        Some(Fault::Says(status, _, said)) => {
            let _read = request.into_body().collect().await;
            let body = s3s::Body::from(said.to_owned());
            return Ok(Response::builder().status(status).body(body).unwrap());
        }
        Some(Fault::Slow(time)) => tokio::time::sleep(time).await,
        Some(Fault::Silent(_)) => pending().await,
        Some(Fault::Cut(..)) if request.method() == "PUT" => {
            let _beginning = request.into_body().frame().await;
            return broken();
        }
        Some(Fault::Unheard(..)) => {
            let _unheard = service.call(request.map(s3s::Body::from)).await;
            return broken();
        }
        Some(Fault::Cut(..)) => {
            return Ok(half(
                service
                    .call(request.map(s3s::Body::from))
                    .await
                    .map_err(told)?,
            )
            .await);
        }
        None => {}
    }
    service
        .call(request.map(s3s::Body::from))
        .await
        .map_err(told)
}

fn told(error: impl std::fmt::Debug) -> Broken {
    format!("{error:?}").into()
}

/// The same answer, whose connection ends half-way.
async fn half(answer: Response<s3s::Body>) -> Response<s3s::Body> {
    let (head, body) = answer.into_parts();
    let whole = body.collect().await.unwrap().to_bytes();
    let first = Frame::data(whole.slice(..whole.len() / 2));
    let pieces = [Ok(first), Err(io::Error::other("the connection ends here"))];
    let body = s3s::Body::http_body_unsync(StreamBody::new(stream::iter(pieces)));
    Response::from_parts(head, body)
}

fn walk(folder: &std::path::Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(walk(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
