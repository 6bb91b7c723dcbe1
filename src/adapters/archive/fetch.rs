//! Artifacts copied out, beside an agent that may be running: nothing of its folders is made, tidied or removed.

use super::{
    BucketAt, Keys,
    bucket::Bucket,
    places::{Work, chain, open_artifact},
    restore::Fault,
    seal::SEALED,
};
use crate::{
    adapters::network::HostNetwork,
    domain::{artifact::Location, digest::Digest, name::StoreName},
    ports::{
        BoxFuture,
        archive::{ArchiveError, Decode, Expected, Fetch},
        secrets::Secrets,
    },
};
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    io::{self, Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio_util::sync::CancellationToken;

/// A way out for artifacts.
#[derive(Debug, Clone)]
pub struct Outlet(Arc<Ways>);

#[derive(Debug)]
struct Ways {
    state: PathBuf,
    keys: Keys,
    buckets: BTreeMap<StoreName, Arc<Bucket>>,
}

impl Outlet {
    /// Of an agent with this state folder, these keys and stores.
    pub fn new(
        state: &Path,
        secrets: &Arc<dyn Secrets>,
        keys: Keys,
        buckets: BTreeMap<StoreName, BucketAt>,
    ) -> Self {
        let network = Arc::new(HostNetwork::new());
        let bucket = |(name, at): (StoreName, BucketAt)| {
            let bucket = Bucket::new(name.clone(), at, network.clone(), secrets.clone());
            (name, Arc::new(bucket))
        };
        Self(Arc::new(Ways {
            state: state.to_owned(),
            keys,
            buckets: buckets.into_iter().map(bucket).collect(),
        }))
    }
}

impl Fetch for Outlet {
    fn fetch<'a>(
        &'a self,
        location: &'a Location,
        expected: Expected,
        decode: Decode,
        to: Box<dyn Write + Send>,
    ) -> BoxFuture<'a, Result<u64, ArchiveError>> {
        let (ways, location) = (Arc::clone(&self.0), location.clone());
        Box::pin(async move {
            let doing = format!("fetching {location}");
            let work = Work {
                doing: doing.clone(),
                stop: CancellationToken::new(),
            };
            let fetching = tokio::task::spawn_blocking(move || {
                ways.fetch(&location, expected, &decode, (to, &work))
            });
            fetching.await.unwrap_or_else(|error| {
                let reason = error.to_string();
                Err(ArchiveError::Failed { doing, reason })
            })
        })
    }
}

impl Ways {
    fn fetch(
        &self,
        location: &Location,
        expected: Expected,
        decode: &Decode,
        (mut to, work): (Box<dyn Write + Send>, &Work),
    ) -> Result<u64, ArchiveError> {
        let fault = |fault| work.fault(location, fault);
        let stored = self.stored(location, work).map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                return work.failed(gone(location));
            }
            work.failed(error)
        })?;
        let mut hashing = Hashing {
            inner: stored,
            sha256: Sha256::new(),
            size: 0,
            failed: false,
        };
        let mut to = Watched {
            inner: &mut to,
            failed: false,
        };
        let sealed = location.file_name().ends_with(SEALED);
        let written = match (decode, sealed) {
            (Decode::No, _) => io::copy(&mut hashing, &mut to).map_err(passing),
            (Decode::Configured | Decode::With(_), false) => inflate(&mut hashing, &mut to),
            (Decode::Configured, true) => (self.keys.open(&mut hashing).map_err(Fault::from))
                .and_then(|clear| inflate(clear, &mut to)),
            (Decode::With(text), true) => (Keys::open_with(&mut hashing, text)
                .map_err(Fault::from))
            .and_then(|clear| inflate(clear, &mut to)),
        };
        let on_the_way = hashing.failed || to.failed;
        written.map_err(|why| fault(blamed(why, on_the_way)))?;
        // What follows the content belongs to the file, too.
        io::copy(&mut hashing, &mut io::sink()).map_err(|error| work.failed(error))?;
        to.flush().map_err(|error| work.failed(error))?;
        let sha256 = Digest::from_bytes(hashing.sha256.finalize().into());
        match expected.sha256.filter(|recorded| *recorded != sha256) {
            None => Ok(hashing.size),
            Some(recorded) => Err(fault(Fault::Damaged(format!(
                "its SHA-256 is {sha256}, and {recorded} was recorded"
            )))),
        }
    }

    fn stored(&self, location: &Location, work: &Work) -> io::Result<Box<dyn Read>> {
        match location {
            Location::File(path) => Ok(Box::new(open_artifact(&self.state.join(path))?)),
            Location::Object { store, key } => {
                let bucket = self.buckets.get(store).ok_or_else(|| {
                    io::Error::other(format!(
                        "the configuration names no store `{store}`\nhint: fetch it with the agent's configuration, `--config`"
                    ))
                })?;
                Ok(Box::new(bucket.connect(&work.stop)?.reader(key)?))
            }
        }
    }
}

fn inflate(compressed: impl Read, to: &mut impl Write) -> Result<u64, Fault> {
    let mut content = zstd::Decoder::new(compressed).map_err(passing)?;
    io::copy(&mut content, to).map_err(passing)
}

/// What was read and written without a fault, and is no content all the same, is damaged.
fn blamed(why: Fault, on_the_way: bool) -> Fault {
    match why {
        Fault::Failed(why) | Fault::Damaged(why) if on_the_way => Fault::Failed(why),
        Fault::Failed(why) | Fault::Damaged(why) => Fault::Damaged(why),
        unfit @ Fault::Unfit(_) => unfit,
    }
}

fn gone(location: &Location) -> &'static str {
    match location {
        Location::File(_) => {
            "there is no such file here\nhint: run this on the agent's host and with its `--state-dir`; if it is gone there, `orderly artifacts verify` enters that in the history"
        }
        Location::Object { .. } => {
            "the store holds no such object\nhint: see that the configuration is the agent's, by `--config`; if it is gone there, `orderly artifacts verify` enters that in the history"
        }
    }
}

/// Whether reading, writing or the content is at fault, [`blamed`] tells.
#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
fn passing(error: io::Error) -> Fault {
    Fault::Failed(chain(&error))
}

/// Takes the digest of what is read.
struct Hashing {
    inner: Box<dyn Read>,
    sha256: Sha256,
    size: u64,
    failed: bool,
}

impl Read for Hashing {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer);
        let again = |error: &io::Error| error.kind() == io::ErrorKind::Interrupted;
        self.failed |= read.as_ref().is_err_and(|error| !again(error));
        let read = read?;
        self.sha256.update(buffer.get(..read).unwrap_or_default());
        self.size += read as u64;
        Ok(read)
    }
}

/// Remembers that it could not be written to.
struct Watched<'a> {
    inner: &'a mut dyn Write,
    failed: bool,
}

impl Write for Watched<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.failed |= written.is_err();
        written
    }
    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
