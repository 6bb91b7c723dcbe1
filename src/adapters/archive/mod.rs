//! Artifacts, on the agent's own disk and in the stores that the configuration names.
//!
//! One is called `<runbook>/<name>-<UTC time>-<revision>-<run>.<ending>.zst`, and `.age` is added where it is encrypted. The ending is
//! `tar` for files, `sqlite` for databases, any other for streams. On disk that is below `<state>/artifacts`, in a bucket below its prefix.
//!
//! Invariants
//! - An artifact with a final name is whole, stored for good, readable only by the agent, and never changed again.
//! - Nothing is held in memory whole; work happens off the async threads and looks at its stop token between chunks.
//! - A name is noted before it is given, until the history is seen to know it (`fresh`).
//! - What a dead agent left half-done is removed when the next one opens the store; scratch folders go when their work ends.
//! - A restore for good (`replace`, `place`, `members`) puts all of it in its place at once, and removes nothing that was there.
//! - A remote artifact is read from a copy in the scratch space, whose digest was compared before anything looks into it.

mod answer;
mod bucket;
mod disk;
mod draft;
mod exclude;
mod fetch;
mod fresh;
mod holders;
mod make;
mod members;
mod notes;
mod pack;
mod place;
mod places;
mod replace;
mod restore;
mod scratch;
mod seal;
mod stream;
#[cfg(test)]
mod tests;
mod trial;
mod upload;
mod work;

pub use bucket::{BucketAt, Patience};
pub use fetch::Outlet;
pub use seal::Keys;

use crate::{
    adapters::network::HostNetwork,
    domain::{artifact::Location, name::StoreName},
    ports::{
        BoxFuture,
        archive::{
            Archive, ArchiveError, Destination, Encrypt, Expected, Form, Fresh, Inspection, Label,
            Placed, Scratch, Standing, Stored, StreamOf, Unpacked, Writing,
        },
        clock::Clock,
        secrets::Secrets,
    },
};
use bucket::Bucket;
use exclude::Exclude;
use places::Places;
use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use stream::Stream;
use tokio_util::sync::CancellationToken;
use work::Work;

/// Artifacts.
#[derive(Debug, Clone)]
pub struct Artifacts(Arc<Places>);

/// Stores beside the disk.
#[derive(Debug, Default)]
pub struct Stores {
    /// Where artifacts go that name none; the disk if none is named here either.
    pub usual: Option<StoreName>,
    /// By name.
    pub buckets: BTreeMap<StoreName, BucketAt>,
}

impl Artifacts {
    /// Opens the store, makes its folders, and removes what a dead agent left half-done on disk.
    ///
    /// # Errors
    /// A folder cannot be made or listed.
    pub fn open(
        state: &Path,
        clock: Arc<dyn Clock>,
        secrets: Arc<dyn Secrets>,
        keys: Keys,
        stores: Stores,
    ) -> io::Result<Self> {
        let network = Arc::new(HostNetwork::new());
        let bucket = |(name, at): (StoreName, BucketAt)| {
            let bucket = Bucket::new(name.clone(), at, network.clone(), secrets.clone());
            (name, Arc::new(bucket))
        };
        let buckets = stores.buckets.into_iter().map(bucket).collect();
        let places = Places::open(state, clock, keys, (stores.usual, buckets))?;
        Ok(Self(Arc::new(places)))
    }

    /// Works off the async threads. The work is told to stop when the future is dropped, too.
    fn off_thread<'a, T: Send + 'static>(
        &'a self,
        doing: String,
        stop: &CancellationToken,
        work: impl FnOnce(&Places, &Work) -> Result<T, ArchiveError> + Send + 'static,
    ) -> BoxFuture<'a, Result<T, ArchiveError>> {
        let places = Arc::clone(&self.0);
        let stop = stop.child_token();
        Box::pin(async move {
            let dropped = stop.clone().drop_guard();
            let work_of = Work {
                doing: doing.clone(),
                stop,
            };
            let ended = tokio::task::spawn_blocking(move || work(&places, &work_of)).await;
            drop(dropped);
            ended.unwrap_or_else(|error| {
                let reason = error.to_string();
                Err(ArchiveError::Failed { doing, reason })
            })
        })
    }
}

impl Archive for Artifacts {
    fn absolute(&self, path: &Path) -> PathBuf {
        self.0.absolute(path)
    }

    fn unfit(&self, store: Option<&StoreName>, encrypt: Encrypt) -> Option<String> {
        self.0.why_unfit(store, encrypt)
    }

    fn files<'a>(
        &'a self,
        label: &'a Label,
        paths: &'a [PathBuf],
        exclude: &'a [String],
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Stored, ArchiveError>> {
        let (label, paths, exclude) = (label.clone(), paths.to_vec(), Exclude::new(exclude));
        let doing = format!("backing up files as `{}`", label.name);
        self.off_thread(doing, &stop, move |places, work| {
            places.files(&label, &paths, &exclude, work)
        })
    }

    fn sqlite<'a>(
        &'a self,
        label: &'a Label,
        database: &'a Path,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Stored, ArchiveError>> {
        let (label, database) = (label.clone(), self.absolute(database));
        let doing = format!("backing up the database {}", database.display());
        self.off_thread(doing, &stop, move |places, work| {
            places.sqlite(&label, &database, work)
        })
    }

    fn stream<'a>(
        &'a self,
        of: StreamOf<'a>,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Writing>, ArchiveError>> {
        let (label, most) = (of.label.clone(), of.most);
        let extension = format!("{}.zst", of.extension);
        let doing = format!("keeping {} as `{}`", of.what, label.name);
        let work = Work {
            doing: doing.clone(),
            stop: stop.clone(),
        };
        Box::pin(async move {
            // What is begun here goes on after it is opened, so it obeys the caller's token and not that of the opening.
            let all_along = work.clone();
            let opening = self.off_thread(doing, &stop, move |places, _| {
                places.draft(&label, &extension, &all_along)
            });
            let writing: Box<dyn Writing> = Box::new(Stream::of(opening.await?, most, work));
            Ok(writing)
        })
    }

    fn inspect<'a>(
        &'a self,
        form: Form,
        location: &'a Location,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>> {
        let location = location.clone();
        let doing = format!("restoring {location} for a trial");
        self.off_thread(doing, &stop, move |places, work| {
            places.inspect(form, &location, expected, work)
        })
    }

    fn unpack<'a>(
        &'a self,
        form: Form,
        location: &'a Location,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Box<dyn Unpacked>, ArchiveError>> {
        let location = location.clone();
        let doing = format!("restoring {location}");
        self.off_thread(doing, &stop, move |places, work| {
            let unpacked = places.unpack(form, &location, expected, work)?;
            let unpacked: Box<dyn Unpacked> = Box::new(unpacked);
            Ok(unpacked)
        })
    }

    fn look<'a>(
        &'a self,
        form: Form,
        destination: &'a Destination,
    ) -> BoxFuture<'a, Result<Standing, ArchiveError>> {
        let destination = destination.clone();
        let doing = format!("restoring to {}", destination.to.display());
        self.off_thread(doing, &CancellationToken::new(), move |places, work| {
            places.standing(form, &destination, work)
        })
    }

    fn restore<'a>(
        &'a self,
        form: Form,
        location: &'a Location,
        expected: Expected,
        destination: &'a Destination,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Placed, ArchiveError>> {
        let (location, destination) = (location.clone(), destination.clone());
        let doing = format!("restoring {location} to {}", destination.to.display());
        self.off_thread(doing, &stop, move |places, work| {
            places.restore(form, &location, expected, &destination, work)
        })
    }

    fn size<'a>(
        &'a self,
        location: &'a Location,
    ) -> BoxFuture<'a, Result<Option<u64>, ArchiveError>> {
        let location = location.clone();
        let doing = format!("looking for {location}");
        self.off_thread(doing, &CancellationToken::new(), move |places, work| {
            places.size(&location, work)
        })
    }

    fn remove<'a>(&'a self, location: &'a Location) -> BoxFuture<'a, Result<bool, ArchiveError>> {
        let location = location.clone();
        let doing = format!("removing {location}");
        self.off_thread(doing, &CancellationToken::new(), move |places, work| {
            places.remove(&location, work)
        })
    }

    fn tidy(&self) -> BoxFuture<'_, Vec<String>> {
        let places = Arc::clone(&self.0);
        Box::pin(async move {
            let tidied = tokio::task::spawn_blocking(move || places.tidy()).await;
            tidied.unwrap_or_else(|error| vec![error.to_string()])
        })
    }

    fn fresh(&self) -> BoxFuture<'_, Result<Vec<Fresh>, String>> {
        let places = Arc::clone(&self.0);
        Box::pin(async move {
            let found = tokio::task::spawn_blocking(move || places.fresh.all()).await;
            let found = found.map_err(|error| error.to_string())?;
            found.map_err(|error| format!("the notes of new artifacts cannot be read: {error}"))
        })
    }

    fn settle<'a>(&'a self, fresh: &'a Fresh) -> BoxFuture<'a, ()> {
        let (places, fresh) = (Arc::clone(&self.0), fresh.clone());
        Box::pin(async move {
            // A note that stays is settled an hour later.
            let _settled = tokio::task::spawn_blocking(move || places.fresh.settle(&fresh)).await;
        })
    }

    fn scratch(&self) -> BoxFuture<'_, Result<Box<dyn Scratch>, ArchiveError>> {
        let doing = "making a scratch folder".to_owned();
        self.off_thread(doing, &CancellationToken::new(), |places, work| {
            let scratch = places.scratch().map_err(|error| work.failed(error))?;
            let scratch: Box<dyn Scratch> = Box::new(scratch);
            Ok(scratch)
        })
    }
}
