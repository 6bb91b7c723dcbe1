//! An artifact on its way into a store: in parts, a few at a time, each tried again by itself.
//!
//! Invariants
//! - The object appears whole or not at all: parts become an object by the last request alone, which is checked by the object's size.
//! - What was begun is noted on the agent's disk first to last, so that an upload which a dead agent left is ended when the next one
//!   begins ([`Notes::left`]): its parts would be paid for and never seen.
//! - At most [`FLYING`] parts and the one that is being filled are in memory.

use super::{
    bucket::{Bucket, Seen, Session},
    disk::{private_file, private_folder},
    fresh::Naming,
};
use crate::domain::{artifact::Location, digest::Digest, name::StoreName};
use object_store::{MultipartId, multipart::PartId};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// Parts on their way at once.
const FLYING: usize = 2;
/// S3's limit.
const MOST_PARTS: usize = 10_000;

/// An upload.
pub(super) struct Upload {
    bucket: Arc<Bucket>,
    session: Session,
    key: String,
    filling: Vec<u8>,
    begun: Option<Begun>,
    notes: Notes,
}

/// One in parts.
struct Begun {
    id: MultipartId,
    note: PathBuf,
    count: usize,
    done: BTreeMap<usize, PartId>,
    flying: JoinSet<io::Result<(usize, PartId)>>,
}

impl Upload {
    pub(super) fn new(
        bucket: Arc<Bucket>,
        key: String,
        notes: Notes,
        stop: &CancellationToken,
    ) -> io::Result<Self> {
        let session = bucket.connect(stop)?;
        // A store that cannot be reached or does not let us in is found before the source is asked for anything.
        if session.is_taken(&key)? {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists));
        }
        Ok(Self {
            bucket,
            session,
            key,
            filling: Vec::new(),
            begun: None,
            notes,
        })
    }

    /// Sends what is left, and makes an object of it all; its name is noted first.
    pub(super) fn publish(mut self: Box<Self>, size: u64, naming: &Naming) -> io::Result<Location> {
        let location = self.bucket.location(self.key.clone());
        naming.note(&location)?;
        let whole = self.whole(size);
        if whole.is_err() && matches!(self.session.seen(&self.key), Ok(Seen::Absent)) {
            naming.take_back(location.clone());
        }
        whole.map(|()| location)
    }

    fn whole(&mut self, size: u64) -> io::Result<()> {
        if self.begun.is_none() {
            self.session
                .put(&self.key, std::mem::take(&mut self.filling))?;
        } else {
            if !self.filling.is_empty() {
                self.send()?;
            }
            self.complete()?;
        }
        match self.session.seen(&self.key)? {
            Seen::There(found) if found == size => Ok(()),
            Seen::There(found) => {
                self.session.unstoppable().remove(&self.key)?;
                Err(io::Error::other(format!(
                    "the store holds {found} bytes instead of {size} bytes"
                )))
            }
            Seen::Absent => Err(io::Error::other(format!(
                "the store holds nothing instead of {size} bytes"
            ))),
        }
    }

    fn complete(&mut self) -> io::Result<()> {
        self.land(0)?;
        let Some(begun) = &mut self.begun else {
            return Ok(());
        };
        let parts: Vec<PartId> = std::mem::take(&mut begun.done).into_values().collect();
        let completed = self.session.complete(&self.key, &begun.id, parts);
        // An answer that got lost leaves the object there; its size is looked at next.
        if let Err(error) = completed
            && self.session.seen(&self.key)? == Seen::Absent
        {
            return Err(error);
        }
        if let Some(begun) = self.begun.take() {
            Notes::settled(&begun.note);
        }
        Ok(())
    }

    /// Sends the part that is full.
    fn send(&mut self) -> io::Result<()> {
        let part_bytes = self.bucket.at.part_bytes;
        let bytes = std::mem::replace(&mut self.filling, Vec::with_capacity(part_bytes));
        self.land(FLYING - 1)?;
        let (session, key) = (self.session.clone(), self.key.clone());
        let begun = match &mut self.begun {
            Some(begun) => begun,
            none => none.insert(Begun::new(&session, &self.bucket.name, &key, &self.notes)?),
        };
        let (id, index) = (begun.id.clone(), begun.count);
        if index >= MOST_PARTS {
            return Err(io::Error::other(format!(
                "it is larger than {MOST_PARTS} parts of {part_bytes} bytes\nhint: set a larger `partBytes` for the store"
            )));
        }
        begun.count += 1;
        let runtime = session.runtime().clone();
        let part = async move { Ok((index, session.put_part(key, id, index, bytes).await?)) };
        begun.flying.spawn_on(part, &runtime);
        Ok(())
    }

    /// Waits until no more than so many parts are on their way.
    fn land(&mut self, most: usize) -> io::Result<()> {
        let Some(begun) = &mut self.begun else {
            return Ok(());
        };
        while begun.flying.len() > most {
            let landed = self.session.wait(begun.flying.join_next())?;
            if let Some(landed) = landed {
                let (index, part) = landed.map_err(io::Error::other)??;
                begun.done.insert(index, part);
            }
        }
        Ok(())
    }
}

impl Begun {
    fn new(session: &Session, store: &StoreName, key: &str, notes: &Notes) -> io::Result<Self> {
        let id = session.begin_parts(key)?;
        let note = notes.note(&Left {
            store: store.clone(),
            key: key.to_owned(),
            id: id.clone(),
        })?;
        Ok(Self {
            id,
            note,
            count: 0,
            done: BTreeMap::new(),
            flying: JoinSet::new(),
        })
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = self.bucket.at.part_bytes - self.filling.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.filling.extend_from_slice(taken);
        if self.filling.len() == self.bucket.at.part_bytes {
            self.send()?;
        }
        Ok(taken.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(mut begun) = self.begun.take() else {
            return;
        };
        begun.flying.abort_all();
        let (session, key) = (self.session.unstoppable(), self.key.clone());
        self.session.runtime().spawn(async move {
            // What cannot be ended now is ended at the next start.
            if session.abort(key, begun.id).await.is_ok() {
                Notes::settled(&begun.note);
            }
        });
    }
}

/// An upload that was begun, as it is noted.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Left {
    pub(super) store: StoreName,
    pub(super) key: String,
    pub(super) id: MultipartId,
}

/// Notes of uploads that are under way.
#[derive(Debug, Clone)]
pub(super) struct Notes {
    folder: PathBuf,
    /// Of an agent before this one.
    left: Vec<PathBuf>,
}

impl Notes {
    pub(super) fn open(folder: PathBuf) -> io::Result<Self> {
        private_folder(&folder)?;
        let mut left = Vec::new();
        for note in fs::read_dir(&folder)? {
            left.push(note?.path());
        }
        Ok(Self { folder, left })
    }

    fn note(&self, left: &Left) -> io::Result<PathBuf> {
        let text = serde_json::to_vec(left)?;
        let name = Digest::of_bytes(&text).to_string();
        let path = self.folder.join(format!("{name}.json"));
        let mut file = private_file(&path)?;
        file.write_all(&text)?;
        file.sync_all()?;
        Ok(path)
    }

    fn settled(note: &Path) {
        // Where it stays, the next start finds an upload that is no more.
        let _removed = fs::remove_file(note);
    }

    /// Ends what a dead agent left; what was ended, or why it could not be.
    pub(super) fn left(&self, buckets: &BTreeMap<StoreName, Arc<Bucket>>) -> Vec<String> {
        let mut told = Vec::new();
        for note in &self.left {
            let read = fs::read(note).ok();
            let left = read.and_then(|text| serde_json::from_slice::<Left>(&text).ok());
            let Some(left) = left else {
                // It was settled since, or cut while it was written: before any part was sent.
                Self::settled(note);
                continue;
            };
            let what = format!("the unfinished upload of {}:{}", left.store, left.key);
            match end(&left, buckets) {
                Ok(()) => {
                    Self::settled(note);
                    told.push(format!("{what} was ended"));
                }
                Err(error) => told.push(format!("{what} could not be ended: {error}")),
            }
        }
        told
    }
}

fn end(left: &Left, buckets: &BTreeMap<StoreName, Arc<Bucket>>) -> io::Result<()> {
    let bucket = buckets.get(&left.store).ok_or_else(|| {
        io::Error::other("the configuration no longer names the store; its parts stay there until the bucket's own rules remove them")
    })?;
    let session = bucket.connect(&CancellationToken::new())?;
    let runtime = session.runtime().clone();
    runtime.block_on(session.abort(left.key.clone(), left.id.clone()))
}
