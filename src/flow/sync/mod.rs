//! A commit comes into use: fetched → compared with what is in use → changed files read and checked → merged → recorded → in use.
//!
//! Invariants
//! - Whatever fails on the way, what is in use stays in use. A failed or empty fetch removes nothing.
//! - What is put in use has been recorded; if it cannot be recorded, it is not used.
//! - Only files whose content changed are read: one among ten thousand costs one.
//! - The rules of what replaces what are in `merge`, and pure.

mod hands;
mod keep;
mod materials;
mod merge;
mod newest;
mod outcome;
mod take;
mod told;

#[cfg(test)]
mod tests;

use crate::{
    domain::{
        active::ActiveSet,
        id::Entropy,
        lineage::{Authors, Lineage},
        span::Span,
    },
    flow::{
        FlowError, trial,
        world::{World, held},
    },
    history::{SyncRecord, Write},
    ports::{
        agent::SyncView,
        executor::ActionCatalogue,
        source::{File, Source, Tree},
    },
    runbooks::Loader,
};
pub use outcome::SyncOutcome;

use hands::Hands;
use keep::{kept_files, set_of};
use materials::Materials;
use merge::{Files, Merged, Newest, Texts};
use newest::{Commit, NewestFile};
use outcome::{tell, tell_set, view_of};
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use take::{Next, take};

/// Files that are read at a time; each has at most 256 KiB.
const BATCH: usize = 128;

/// Follows the source.
pub struct Sync {
    source: Arc<dyn Source>,
    actions: Arc<dyn ActionCatalogue>,
    state: tokio::sync::Mutex<State>,
    view: Mutex<SyncView>,
}

impl std::fmt::Debug for Sync {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sync")
            .field("source", &self.source)
            .finish_non_exhaustive()
    }
}

struct State {
    /// What the files of the newest revision say.
    files: Files,
    /// What is in use.
    set: Arc<ActiveSet>,
    /// The revision that nothing more is to be done about.
    settled: Option<String>,
    record: SyncRecord,
    /// The rows in the history are of another source.
    clear: bool,
}

/// How long to wait before the next look: the interval, a tenth more or less, so that many agents do not come at once.
pub fn poll_delay(interval: Span, entropy: Entropy) -> Duration {
    let [one, other, ..] = entropy;
    let share = f64::from(u16::from_be_bytes([one, other])) / f64::from(u16::MAX);
    interval.duration().mul_f64(0.9 + 0.2 * share)
}

impl Sync {
    /// Puts in use what the history kept from the last time. The source is not asked yet.
    ///
    /// # Errors
    /// The history cannot be read.
    pub async fn open(
        world: &World,
        source: Arc<dyn Source>,
        actions: Arc<dyn ActionCatalogue>,
    ) -> Result<Self, FlowError> {
        let unreadable = |error: crate::history::HistoryError| {
            FlowError::unreadable("the runbooks in use", &error)
        };
        let described = source.describe();
        let record = world
            .history
            .last_sync()
            .await
            .map_err(unreadable)?
            .unwrap_or_default();
        let is_same = record.source == described;
        let mut state = State {
            files: Files::new(),
            set: Arc::default(),
            settled: None,
            clear: !is_same && !record.source.is_empty(),
            record: if is_same {
                record
            } else {
                SyncRecord::default()
            },
        };
        state.record.source = described;
        if is_same {
            state.files = kept_files(world).await.map_err(unreadable)?;
            state.set = Arc::new(set_of(&state.files));
            trust_what_was_there(world, &state).await?;
            world.put_in_use(Arc::clone(&state.set));
            tell_set(world, &state);
        }
        let view = Mutex::new(view_of(&state));
        Ok(Self {
            source,
            actions,
            state: tokio::sync::Mutex::new(state),
            view,
        })
    }

    /// Where following the source stands.
    pub fn view(&self) -> SyncView {
        held(&self.view).clone()
    }

    /// Looks at the source once. With `accept`, a held deletion of exactly that revision is carried out. Never more than one look at a
    /// time goes on.
    pub async fn sync_once(&self, world: &World, accept: Option<&str>) -> SyncOutcome {
        let mut state = self.state.lock().await;
        let began = world.clock.elapsed();
        let before = state.record.clone();
        state.record.last_attempt = Some(world.now());
        let outcome = match self.look(world, &mut state, accept).await {
            Ok(outcome) => {
                state.record.last_success = Some(world.now());
                state.record.error = None;
                outcome
            }
            Err(reason) => {
                state.record.error = Some(reason.clone());
                SyncOutcome::Failed(reason)
            }
        };
        record_if_new(world, &before, &mut state).await;
        *held(&self.view) = view_of(&state);
        tell(world, &state, &outcome, &before, began);
        outcome
    }

    async fn look(
        &self,
        world: &World,
        state: &mut State,
        accept: Option<&str>,
    ) -> Result<SyncOutcome, String> {
        let known = state.settled.as_deref().filter(|_| accept.is_none());
        let fetched = self
            .source
            .fetch(known)
            .await
            .map_err(|error| error.to_string())?;
        let Some(tree) = fetched else {
            return Ok(SyncOutcome::Unchanged);
        };
        state.record.attempted = Some(tree.revision.id.clone());
        let lineage = self.lineage(state, &tree).await;
        let mut files = self.newest_files(state, &tree, &lineage).await?;
        let materials = materials::look_up(&*self.source, &tree, &files).await?;
        let mut hands = Hands::new(&lineage, &tree, &state.files, &state.set);
        let revision: Arc<str> = tree.revision.id.as_str().into();
        materials::join(&mut files, &materials, &revision, &mut hands);
        let accepted = accept == Some(tree.revision.id.as_str());
        let next = self.merged(state, files, tree, materials, accepted).await?;
        take(world, state, next, lineage.descent, accepted).await
    }

    /// How the newest revision came from the one in use.
    async fn lineage(&self, state: &State, tree: &Tree) -> Lineage {
        let newest = &tree.revision;
        match state.record.applied.as_deref() {
            None => Lineage::none(Authors::one(&newest.author)),
            Some(applied) if applied == newest.id => Lineage::none(Authors::default()),
            Some(applied) => self.source.lineage(applied, newest).await,
        }
    }

    /// What the files of a tree say; those that did not change are not read.
    async fn newest_files(
        &self,
        state: &State,
        tree: &Tree,
        lineage: &Lineage,
    ) -> Result<Files, String> {
        let mut files = Vec::with_capacity(tree.files.len());
        let mut changed: Vec<Changed> = Vec::new();
        let mut hands = Hands::new(lineage, tree, &state.files, &state.set);
        let revision: Arc<str> = tree.revision.id.as_str().into();
        for file in &tree.files {
            let known = state.files.get_key_value(file.path.as_str());
            if let Some((path, known)) = known.filter(|(_, known)| *known.blob == *file.blob) {
                files.push((Arc::clone(path), Arc::clone(known)));
                continue;
            }
            let commit = Commit {
                revision: Arc::clone(&revision),
                author: hands.of(&file.path),
            };
            let path = known.map_or_else(|| file.path.as_str().into(), |(path, _)| path.clone());
            let blob = file.blob.clone();
            changed.push(Changed { path, blob, commit });
        }
        for batch in changed.chunks(BATCH) {
            files.extend(self.read(batch).await?);
        }
        Ok(files.into_iter().collect())
    }

    async fn read(&self, batch: &[Changed]) -> Result<Vec<(Arc<str>, Arc<NewestFile>)>, String> {
        let blobs: Vec<String> = batch.iter().map(|file| file.blob.clone()).collect();
        let contents = self
            .source
            .read(&blobs)
            .await
            .map_err(|error| error.to_string())?;
        let (actions, batch) = (Arc::clone(&self.actions), batch.to_vec());
        blocking(move || {
            let loader = Loader::new(actions.as_ref());
            let load = |(file, bytes): (Changed, Vec<u8>)| {
                let Changed { path, blob, commit } = file;
                let file = NewestFile::load(&loader, &path, &blob, &bytes, &commit);
                (path, Arc::new(file))
            };
            batch.into_iter().zip(contents).map(load).collect()
        })
        .await
    }

    /// What is in use next. Problems between documents are told at their places, which takes the texts of the files they are in.
    async fn merged(
        &self,
        state: &State,
        files: Files,
        tree: Tree,
        materials: Materials,
        accepted: bool,
    ) -> Result<Next, String> {
        let merging = Merging {
            old_files: state.files.clone(),
            old_set: Arc::clone(&state.set),
            folder: self.source.folder().to_owned(),
            files,
            tree,
            materials,
            accepted,
            texts: Texts::new(),
        };
        let (mut merged, mut before) = blocking(move || (merging.merge(), merging)).await?;
        if !merged.told_of.is_empty() {
            before.texts = self.texts(&before.tree, &merged).await?;
            (merged, before) = blocking(move || (before.merge(), before)).await?;
        }
        blocking(move || before.next(merged)).await
    }

    /// The texts of files between whose documents something is wrong; of many, those of the first.
    async fn texts(&self, tree: &Tree, merged: &Merged) -> Result<Texts, String> {
        let told_of = |file: &&File| merged.told_of.contains(file.path.as_str());
        let files: Vec<&File> = tree.files.iter().filter(told_of).take(BATCH).collect();
        let blobs: Vec<String> = files.iter().map(|file| file.blob.clone()).collect();
        let read = self.source.read(&blobs).await;
        let texts = read.map_err(|error| error.to_string())?;
        let paths = files.iter().map(|file| file.path.clone());
        Ok(paths.zip(texts).collect())
    }
}

/// What is in use, and the newest revision.
struct Merging {
    old_files: Files,
    old_set: Arc<ActiveSet>,
    folder: String,
    files: Files,
    tree: Tree,
    materials: Materials,
    accepted: bool,
    texts: Texts,
}

impl Merging {
    fn merge(&self) -> Merged {
        let newest = Newest {
            files: &self.files,
            refused: &self.tree.refused,
            accepted: self.accepted,
            folder: &self.folder,
            materials: &self.materials,
            texts: &self.texts,
        };
        merge::merge(&self.old_set, &newest)
    }

    fn next(self, merged: Merged) -> Next {
        let before = keep::State {
            files: &self.old_files,
            set: &self.old_set,
        };
        let after = keep::State {
            files: &self.files,
            set: &merged.set,
        };
        let changes = keep::changes(before, after);
        Next {
            revision: self.tree.revision,
            files: self.files,
            merged,
            changes,
        }
    }
}

/// A file that is to be read.
#[derive(Clone)]
struct Changed {
    path: Arc<str>,
    blob: String,
    commit: Commit,
}

/// Work for the processor, off the threads that must stay responsive.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| format!("reading the runbooks was cut off: {error}"))
}

/// An agent that did not ask for first runs before goes on with what it had.
async fn trust_what_was_there(world: &World, state: &State) -> Result<(), FlowError> {
    let knows = world.history.knows_whom_to_trust().await;
    let knows = knows.map_err(|error| FlowError::unreadable("whom to trust", &error))?;
    if knows || state.record.applied.is_none() {
        return Ok(());
    }
    let writes = vec![trial::trusted(&state.set, world.now())];
    world.write("the runbooks that are trusted", writes).await
}

/// Records where things stand, unless only the times are new.
async fn record_if_new(world: &World, before: &SyncRecord, state: &mut State) {
    let timeless = |record: &SyncRecord| SyncRecord {
        last_attempt: None,
        last_success: None,
        ..record.clone()
    };
    if timeless(before) == timeless(&state.record) || state.clear {
        return;
    }
    // That it could not be recorded is told there, and nothing depends on it.
    let _told = world
        .write(
            "where the sync stands",
            vec![Write::Sync(state.record.clone())],
        )
        .await;
}
