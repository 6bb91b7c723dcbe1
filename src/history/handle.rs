//! The handle: opening, writing, closing.

use crate::{
    domain::audit::{Broken, Stamp},
    history::{
        audit::{head, verify},
        error::{Failed, HistoryError, WriteError},
        lock_file::LockFile,
        migrations::{self, Migrated},
        open::{self, Durability},
        read::{self, Job},
        write::Write,
        writer::{self, Batch, Order, Shared, Stamps, Writer},
    },
};
use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    thread::{self, JoinHandle},
};
use tokio::sync::{mpsc, oneshot};

/// How a history is opened.
#[derive(Clone)]
pub struct Options {
    /// The database file; its folder must exist.
    pub path: PathBuf,
    /// The key of the audit log's chain.
    pub key: Vec<u8>,
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// What opening found and did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Opened {
    /// The migration, even where there was nothing to do.
    pub migrated: Migrated,
    /// What is wrong with the audit log's end against the exported one; the whole log is checked by
    /// [`History::verify_audit`].
    pub audit: Option<Broken>,
}

/// How the writer is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Why the last commit failed, or that there is no writer any more. A commit that succeeds ends it.
    pub failing: Option<String>,
    /// Batches that wait for their commit.
    pub waiting: usize,
}

/// A handle to the history; cheap to clone. When the last one goes, what waits is written first.
#[derive(Debug, Clone)]
pub struct History {
    pub(in crate::history) inner: Arc<Inner>,
}

pub(in crate::history) struct Inner {
    pub(in crate::history) path: PathBuf,
    pub(in crate::history) key: Vec<u8>,
    opened: Opened,
    shared: Arc<Shared>,
    orders: Mutex<Option<mpsc::Sender<Order>>>,
    jobs: Mutex<Option<mpsc::Sender<Job>>>,
    closed: Mutex<Option<oneshot::Receiver<Result<(), HistoryError>>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    scratch: Option<PathBuf>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl History {
    /// Opens a history for writing, makes it where there is none, and migrates it. Blocks for as long as that takes.
    pub fn open(options: Options) -> Result<Self, HistoryError> {
        Self::start(options, Durability::Full, None)
    }

    /// Opens a history that another process may be writing to; every write fails.
    pub fn open_read_only(options: Options) -> Result<Self, HistoryError> {
        open::is_ours(&options.path)?;
        let connections = readers(&options.path)?;
        for connection in &connections {
            migrations::expect_newest(connection, &options.path)?;
        }
        let audit = tail(connections.first(), &options.path, &options.key)?;
        let (jobs, queue) = mpsc::channel(read::QUEUE);
        read::start(connections, queue).map_err(|source| no_thread(&options.path, source))?;
        let migrated = migrations::unchanged();
        Ok(Self::of(Inner {
            opened: Opened { migrated, audit },
            path: options.path,
            key: options.key,
            shared: Arc::default(),
            orders: Mutex::new(None),
            jobs: Mutex::new(Some(jobs)),
            closed: Mutex::new(None),
            thread: Mutex::new(None),
            scratch: None,
        }))
    }

    /// A history in a folder of its own that goes away with the last handle, and is never synced to disk; for tests.
    pub fn temporary() -> Result<Self, HistoryError> {
        let folder = scratch_folder()?;
        let options = Options {
            path: folder.join("history.db"),
            key: b"temporary".to_vec(),
        };
        Self::start(options, Durability::None, Some(folder))
    }

    fn start(
        options: Options,
        durability: Durability,
        scratch: Option<PathBuf>,
    ) -> Result<Self, HistoryError> {
        let path = options.path;
        let lock = LockFile::take(&path)?;
        let mut connection = open::for_writing(&path, durability)?;
        let migrated = migrations::upgrade(&mut connection, &path)?;
        let audit = tail(Some(&connection), &path, &options.key)?;
        let chain = writer::chain_of(&connection)
            .and_then(|chain| open::put_back_from_memory(&connection).map(|()| chain))
            .map_err(|error| opening(&path, error))?;
        let (jobs, job_queue) = mpsc::channel(read::QUEUE);
        let readers =
            read::start(readers(&path)?, job_queue).map_err(|source| no_thread(&path, source))?;
        let shared: Arc<Shared> = Arc::default();
        let writer = Writer {
            connection,
            path: path.clone(),
            key: options.key.clone(),
            chain,
            shared: Arc::clone(&shared),
            lock,
            readers,
        };
        let (orders, order_queue) = mpsc::channel(writer::QUEUE);
        let (closing, closed) = oneshot::channel();
        let thread = thread::Builder::new()
            .name("history-write".to_owned())
            .spawn(move || writer.work(order_queue, closing))
            .map_err(|source| no_thread(&path, source))?;
        Ok(Self::of(Inner {
            path,
            key: options.key,
            opened: Opened { migrated, audit },
            shared,
            orders: Mutex::new(Some(orders)),
            jobs: Mutex::new(Some(jobs)),
            closed: Mutex::new(Some(closed)),
            thread: Mutex::new(Some(thread)),
            scratch,
        }))
    }

    fn of(inner: Inner) -> Self {
        Self {
            inner: Arc::new(inner),
        }
    }

    /// What opening found and did.
    pub fn opened(&self) -> &Opened {
        &self.inner.opened
    }

    /// Stamps audit records with the clock that never jumps from now on. The first one given stays.
    pub fn stamp_with(&self, stamps: impl Fn() -> Stamp + Send + Sync + 'static) {
        self.inner.shared.stamp_with(Stamps(Box::new(stamps)));
    }

    /// When it is by the clock that never jumps, where that is known.
    pub fn stamp(&self) -> Option<Stamp> {
        self.inner.shared.stamp()
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Writes a batch whole or not at all, and returns when it is on disk. Waits while too many batches wait already.
    ///
    /// Once called, the batch may be written even if the future is dropped. After [`WriteError::Failed`] nothing of it is kept as
    /// far as this process can see; whoever goes on after a crash decides by what is there.
    pub async fn write(&self, writes: Vec<Write>) -> Result<(), WriteError> {
        if writes.is_empty() {
            return Ok(());
        }
        let orders = locked(&self.inner.orders).clone();
        let orders = orders.ok_or_else(closed)?;
        let (answer, answered) = oneshot::channel();
        let place = orders.reserve_owned().await.map_err(|_| closed())?;
        self.inner.shared.waiting.fetch_add(1, Ordering::AcqRel);
        drop(place.send(Order::Batch(Batch { writes, answer })));
        answered.await.map_err(|_| stopped())?
    }

    /// Writes what waits, exports the audit log's end, and closes. Later calls on other handles fail.
    pub async fn close(self) -> Result<(), HistoryError> {
        drop(locked(&self.inner.jobs).take());
        drop(locked(&self.inner.orders).take());
        let closed = locked(&self.inner.closed).take();
        match closed {
            Some(closed) => closed.await.map_err(|_| HistoryError::Closed)?,
            None => Ok(()),
        }
    }

    /// How the writer is.
    pub fn health(&self) -> Health {
        let gone = locked(&self.inner.orders)
            .as_ref()
            .is_none_or(mpsc::Sender::is_closed);
        let failing = if gone {
            Some("there is no writer".to_owned())
        } else {
            self.inner.shared.failing()
        };
        Health {
            failing,
            waiting: self.inner.shared.waiting.load(Ordering::Acquire),
        }
    }

    /// Commits so far.
    pub fn commits(&self) -> u64 {
        self.inner.shared.commits.load(Ordering::Acquire)
    }

    /// The next `count` commits fail as if the disk were full; for tests.
    #[doc(hidden)]
    pub fn fail_next_commits(&self, count: u32) {
        self.inner.shared.faults.store(count, Ordering::Release);
    }

    /// Runs something on a reader.
    pub(in crate::history) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        query: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let jobs = locked(&self.inner.jobs).clone();
        let jobs = jobs.ok_or(HistoryError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if !answer.is_closed() {
                // The caller may go away while it runs.
                let _unheard = answer.send(query(connection));
            }
        });
        jobs.send(job).await.map_err(|_| HistoryError::Closed)?;
        drop(jobs);
        let found = answered.await.map_err(|_| HistoryError::Closed)?;
        found.map_err(|error| read::failed(doing, error))
    }

    /// Runs something on the writer, between two commits.
    pub(in crate::history) async fn task<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> Result<T, HistoryError> {
        let orders = locked(&self.inner.orders).clone();
        let orders = orders.ok_or(HistoryError::Closed)?;
        let (answer, answered) = oneshot::channel();
        let task = Box::new(move |connection: &mut Connection| {
            // The caller may go away while it runs.
            let _unheard = answer.send(task(connection));
        });
        let sent = orders.send(Order::Task(task)).await;
        drop(orders);
        sent.map_err(|_| HistoryError::Closed)?;
        answered.await.map_err(|_| HistoryError::Closed)
    }
}

impl Drop for Inner {
    /// Waits for the writer, so that a history can be opened again as soon as the last handle is gone.
    fn drop(&mut self) {
        drop(locked(&self.jobs).take());
        drop(locked(&self.orders).take());
        if let Some(thread) = locked(&self.thread).take() {
            // A writer that panicked has told its callers by going away.
            let _ended = thread.join();
        }
        if let Some(folder) = &self.scratch {
            // What stays behind lies in the folder for temporary files.
            let _removed = std::fs::remove_dir_all(folder);
        }
    }
}

/// A new folder for temporary files; one that an earlier process left behind is passed over.
fn scratch_folder() -> Result<PathBuf, HistoryError> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("orderly-history-{}-{number}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        match std::fs::create_dir(&folder) {
            Ok(()) => return Ok(folder),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(source) => {
                return Err(HistoryError::File {
                    doing: "making the folder",
                    path: folder,
                    hint: "",
                    source,
                });
            }
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn closed() -> Failed {
    Failed::new(
        "the history cannot be written to: it is closed, or open for reading only",
        "",
    )
}

fn stopped() -> WriteError {
    Failed::new(
        "what writes to the history stopped before it answered",
        "look at the log, and restart the agent",
    )
    .into()
}

fn opening(path: &Path, error: rusqlite::Error) -> HistoryError {
    open::database(format!("opening the history {}", path.display()), error)
}

fn no_thread(path: &Path, source: std::io::Error) -> HistoryError {
    HistoryError::File {
        doing: "starting a thread for",
        path: path.to_owned(),
        hint: "",
        source,
    }
}

fn readers(path: &Path) -> Result<Vec<Connection>, HistoryError> {
    (0..read::READERS)
        .map(|_| open::beside_others(path))
        .collect()
}

fn tail(
    connection: Option<&Connection>,
    path: &Path,
    key: &[u8],
) -> Result<Option<Broken>, HistoryError> {
    let (Some(connection), Some(exported)) = (connection, head::read(path)?) else {
        return Ok(None);
    };
    if let Some(broken) = verify::other_key(key, std::slice::from_ref(&exported)) {
        return Ok(Some(broken));
    }
    let follows = head::follows(connection, &exported).map_err(|error| opening(path, error))?;
    Ok(follows.err())
}
