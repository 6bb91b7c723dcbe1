//! Artifacts on the agent's own disk: `<state>/artifacts/<runbook>/<name>-<UTC time>-<run>.tar.zst` or `.sqlite.zst`; of streams, any
//! other ending before `.zst`.
//!
//! Invariants
//! - A file with a final name is whole, on disk, readable only by the agent, and never changed again.
//! - Nothing is held in memory whole; work happens off the async threads and looks at its stop token between chunks.
//! - What a dead agent left half-done is removed when the next one opens the store; scratch folders go when their work ends.
//!
//! Encryption, other stores, and retention are not here.

mod draft;
mod exclude;
mod notes;
mod pack;
mod places;
mod restore;
mod stream;
#[cfg(test)]
mod tests;

use crate::{
    domain::name::RunbookName,
    history,
    ports::{
        BoxFuture,
        archive::{Archive, ArchiveError, Expected, Inspection, Label, Stored, StreamOf, Writing},
        clock::Clock,
    },
};
use exclude::Exclude;
use places::{Places, Restored, Work, said};
use restore::Fault;
use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};
use stream::Stream;
use tokio_util::sync::CancellationToken;

/// Artifacts under the agent's state folder.
#[derive(Debug, Clone)]
pub struct LocalArchive(Arc<Places>);

impl LocalArchive {
    /// Opens the store, makes its folders, and removes what a dead agent left half-done.
    ///
    /// # Errors
    /// A folder cannot be made or listed.
    pub fn open(state: &Path, clock: Arc<dyn Clock>) -> io::Result<Self> {
        Places::open(state, clock).map(|places| Self(Arc::new(places)))
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

impl Archive for LocalArchive {
    fn absolute(&self, path: &Path) -> PathBuf {
        self.0.absolute(path)
    }

    fn folder(&self, runbook: &RunbookName) -> PathBuf {
        self.0.artifacts.join(runbook.as_str())
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
        let doing = format!("keeping a stream as `{}`", label.name);
        let work = Work {
            doing: doing.clone(),
            stop: stop.clone(),
        };
        Box::pin(async move {
            let opening = self.off_thread(doing, &stop, move |places, work| {
                let draft = places.draft(&label, &extension);
                draft.map_err(|error| work.failed(error))
            });
            let writing: Box<dyn Writing> = Box::new(Stream::of(opening.await?, most, work));
            Ok(writing)
        })
    }

    fn inspect_files<'a>(
        &'a self,
        path: &'a Path,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>> {
        self.inspect(path, expected, &stop, |work, file, scratch, most| {
            let contents = restore::unpack(file, scratch, most, &work.stop)?;
            Ok((contents.entries(), contents.by_name()))
        })
    }

    fn inspect_sqlite<'a>(
        &'a self,
        path: &'a Path,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>> {
        self.inspect(path, expected, &stop, |work, file, scratch, most| {
            let restored = scratch.join("restored.sqlite");
            restore::inflate(file, &restored, most, &work.stop)?;
            let stop = || work.stop.is_cancelled();
            let whole = history::integrity(&restored, &stop).map_err(|error| said(&error))?;
            Ok((whole.tables.len() as u64, whole.tables))
        })
    }

    fn inspect_stream<'a>(
        &'a self,
        path: &'a Path,
        expected: Expected,
        stop: CancellationToken,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>> {
        let path = self.absolute(path);
        let doing = format!("reading {} to its end", path.display());
        self.off_thread(doing, &stop, move |places, work| {
            places.inspect_stream(&path, expected, work)
        })
    }
}

impl LocalArchive {
    fn inspect<'a>(
        &'a self,
        path: &Path,
        expected: Expected,
        stop: &CancellationToken,
        restore: fn(&Work, &File, &Path, u64) -> Result<Restored, Fault>,
    ) -> BoxFuture<'a, Result<Inspection, ArchiveError>> {
        let path = self.absolute(path);
        let doing = format!("restoring {} for a trial", path.display());
        self.off_thread(doing, stop, move |places, work| {
            places.inspect(&path, expected, work, restore)
        })
    }
}
