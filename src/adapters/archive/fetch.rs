//! Artifacts copied out, beside an agent that may be running: nothing of its folders is made, tidied or removed.

use super::{
    BucketAt, Keys,
    bucket::Bucket,
    places::{ARTIFACTS, kept_at},
    restore::Fault,
    seal::SEALED,
    trial::open_artifact,
    work::{Work, chain},
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

impl Outlet {
    /// Asks each store to list the place of its artifacts; why it does not is for people.
    pub async fn reach(&self) -> Vec<(StoreName, Result<(), String>)> {
        let mut asked = Vec::new();
        for (name, bucket) in self.0.buckets.clone() {
            let asking = tokio::task::spawn_blocking(move || {
                let session = bucket.connect(&CancellationToken::new())?;
                session.must_answer()
            });
            let answer = match asking.await {
                Ok(answer) => answer.map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            asked.push((name, answer));
        }
        asked
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
                let fetched = ways.fetch(&location, expected, &decode, (to, &work));
                fetched.map_err(|error| ways.explained(error, &location, expected, &work))
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

    /// What is not as it was recorded cannot be read as it should be: that says more than the words of whoever could not read it.
    fn explained(
        &self,
        error: ArchiveError,
        location: &Location,
        expected: Expected,
        work: &Work,
    ) -> ArchiveError {
        let reason = match &error {
            ArchiveError::Damaged { reason, .. } | ArchiveError::Failed { reason, .. } => reason,
            ArchiveError::Stopped(_)
            | ArchiveError::Unfit { .. }
            | ArchiveError::TooLarge { .. }
            | ArchiveError::Unreadable { .. } => return error,
        };
        let Some((recorded, sha256)) = expected.sha256.zip(self.digest(location, work)) else {
            return error;
        };
        if recorded == sha256 {
            return error;
        }
        let said = format!("its SHA-256 is {sha256}, and {recorded} was recorded");
        let said = if reason.contains("was recorded") {
            said
        } else {
            format!("{said}; reading it: {reason}")
        };
        let hint = "it was changed or cut since it was made; `orderly artifacts verify` enters that in the history, and `orderly artifacts` lists others";
        work.fault(location, Fault::Damaged(format!("{said}\nhint: {hint}")))
    }

    /// The digest of what is stored, if that can be read.
    fn digest(&self, location: &Location, work: &Work) -> Option<Digest> {
        let mut stored = self.stored(location, work).ok()?;
        let (mut sha256, mut buffer) = (Sha256::new(), vec![0; 64 * 1024]);
        loop {
            match stored.read(&mut buffer).ok()? {
                0 => return Some(Digest::from_bytes(sha256.finalize().into())),
                read => sha256.update(buffer.get(..read)?),
            }
        }
    }

    fn stored(&self, location: &Location, work: &Work) -> io::Result<Box<dyn Read>> {
        match location {
            Location::File(path) => {
                let path = kept_at(&self.state.join(ARTIFACTS), self.state.join(path));
                Ok(Box::new(open_artifact(&path)?))
            }
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

#[cfg(test)]
mod tests {
    use super::{Keys, Outlet};
    use crate::{
        adapters::secrets::ConfiguredSecrets,
        domain::{artifact::Location, digest::Digest},
        ports::{
            archive::{ArchiveError, Decode, Expected, Fetch as _},
            secrets::Secrets,
        },
    };
    use std::{fs, sync::Arc};

    #[tokio::test]
    async fn an_artifact_is_fetched_from_below_a_state_folder_that_was_moved() {
        let folder = tempfile::tempdir().unwrap();
        let moved = folder.path().join("artifacts/nightly");
        fs::create_dir_all(&moved).unwrap();
        fs::write(moved.join("x.zst"), b"kept").unwrap();
        let secrets: Arc<dyn Secrets> = Arc::new(ConfiguredSecrets::default());
        let keys = Keys::new(&[], None, secrets.clone()).unwrap();
        let outlet = Outlet::new(folder.path(), &secrets, keys, [].into());
        let expected = Expected {
            sha256: Some(Digest::of_bytes(b"kept")),
            raw_size: None,
        };
        let location = Location::parse("/former/artifacts/nightly/x.zst");
        let to = Box::new(std::io::sink());
        let fetched = outlet.fetch(&location, expected, Decode::No, to).await;
        assert_eq!(fetched.unwrap(), 4);
    }

    #[tokio::test]
    async fn what_was_changed_is_told_by_its_digest_and_not_by_who_could_not_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.zst");
        let whole = zstd::encode_all(&b"something to keep"[..], 3).unwrap();
        let recorded = Digest::of_bytes(&whole);
        fs::write(&path, b"not what was kept").unwrap();
        let secrets: Arc<dyn Secrets> = Arc::new(ConfiguredSecrets::default());
        let keys = Keys::new(&[], None, secrets.clone()).unwrap();
        let outlet = Outlet::new(folder.path(), &secrets, keys, [].into());
        let expected = Expected {
            sha256: Some(recorded),
            raw_size: None,
        };
        let location = Location::parse(path.to_str().unwrap());
        let fetched = outlet.fetch(
            &location,
            expected,
            Decode::Configured,
            Box::new(std::io::sink()),
        );
        let Err(ArchiveError::Damaged { reason, .. }) = fetched.await else {
            panic!("it is damaged");
        };
        let told = format!("and {recorded} was recorded; reading it: ");
        assert!(reason.contains(&told), "{reason}");
        assert!(reason.contains("hint: it was changed or cut"), "{reason}");
    }
}
