//! The one writer: a named thread that owns the connection and turns batches that wait together into one commit.
//!
//! There is no delay to gather more: a lone batch is committed at once, and those that come meanwhile share the next commit. Where one
//! of them is refused, all are taken back and written again, each in its own savepoint, so that a refused one leaves the others alone.
//! When a commit fails, all its callers hear of it, nothing of it is kept, and nothing is tried again.

use crate::{
    domain::{audit::Stamp, digest::Digest},
    history::{
        apply::{self, Chain, Desk, Rejected},
        audit::head,
        error::{Failed, HistoryError, WriteError},
        lock_file::LockFile,
        open,
        write::Write,
    },
};
use rusqlite::{Connection, ErrorCode};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering},
    },
    thread::JoinHandle,
};
use tokio::sync::{mpsc, oneshot};

/// Batches that may wait; a further caller waits for a place.
pub(in crate::history) const QUEUE: usize = 4096;
/// Batches that share a commit at most. More would keep those that wait for the first of them idle, and save little.
const GROUP: usize = 256;

/// What the writer is asked to do.
pub(in crate::history) enum Order {
    /// Write these, and answer when they are on disk.
    Batch(Batch),
    /// Do this between two commits.
    Task(Task),
}

/// Work on the writer's connection that is not a batch.
pub(in crate::history) type Task = Box<dyn FnOnce(&mut Connection) + Send>;

/// Writes that stand or fall together.
pub(in crate::history) struct Batch {
    pub(in crate::history) writes: Vec<Write>,
    pub(in crate::history) answer: oneshot::Sender<Result<(), WriteError>>,
}

/// What the writer tells the handles.
#[derive(Debug, Default)]
pub(in crate::history) struct Shared {
    pub(in crate::history) commits: AtomicU64,
    pub(in crate::history) waiting: AtomicUsize,
    pub(in crate::history) faults: AtomicU32,
    failing: Mutex<Option<String>>,
    stamps: OnceLock<Stamps>,
}

/// Says when it is by the clock that never jumps.
pub(in crate::history) struct Stamps(pub(in crate::history) Box<dyn Fn() -> Stamp + Send + Sync>);

impl std::fmt::Debug for Stamps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stamps")
    }
}

impl Shared {
    /// Why the last commit failed, if it did.
    pub(in crate::history) fn failing(&self) -> Option<String> {
        self.failing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
    /// What stamps records from now on; the first one stays.
    pub(in crate::history) fn stamp_with(&self, stamps: Stamps) {
        drop(self.stamps.set(stamps));
    }
    /// When it is, where that is known.
    pub(in crate::history) fn stamp(&self) -> Option<Stamp> {
        self.stamps.get().map(|stamps| (stamps.0)())
    }
    fn note(&self, failing: Option<String>) {
        *self.failing.lock().unwrap_or_else(PoisonError::into_inner) = failing;
    }
    fn injected_fault(&self) -> bool {
        let one_less = |faults: u32| faults.checked_sub(1);
        self.faults
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, one_less)
            .is_ok()
    }
}

/// The writer's own things.
#[derive(Debug)]
pub(in crate::history) struct Writer {
    pub(in crate::history) connection: Connection,
    pub(in crate::history) path: PathBuf,
    pub(in crate::history) key: Vec<u8>,
    pub(in crate::history) chain: Chain,
    pub(in crate::history) shared: Arc<Shared>,
    pub(in crate::history) lock: LockFile,
    /// Ended before the writer closes, so that the last connection is one that may tidy up the log.
    pub(in crate::history) readers: Vec<JoinHandle<()>>,
}

impl Writer {
    /// Works until every handle is gone, then closes.
    pub(in crate::history) fn work(
        mut self,
        mut orders: mpsc::Receiver<Order>,
        closed: oneshot::Sender<Result<(), HistoryError>>,
    ) {
        while let Some(order) = orders.blocking_recv() {
            self.serve(order, &mut orders);
        }
        // Nobody may be listening.
        let _unheard = closed.send(self.close());
    }

    fn serve(&mut self, first: Order, orders: &mut mpsc::Receiver<Order>) {
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(order) = next.take() {
            match order {
                Order::Batch(batch) => group.push(batch),
                Order::Task(task) => {
                    self.commit_group(std::mem::take(&mut group));
                    task(&mut self.connection);
                }
            }
            if group.len() < GROUP {
                next = orders.try_recv().ok();
            }
        }
        self.commit_group(group);
    }

    fn commit_group(&mut self, group: Vec<Batch>) {
        if group.is_empty() {
            return;
        }
        let before = self.chain;
        let results = self.write_group(&group).unwrap_or_else(|error| {
            self.chain = before;
            let failed = self.failed(&error);
            self.shared.note(Some(failed.to_string()));
            // One that cannot be undone now is undone when the next group finds it.
            let _undone = self.undo();
            group.iter().map(|_| Err(failed.clone().into())).collect()
        });
        self.shared.waiting.fetch_sub(group.len(), Ordering::AcqRel);
        for (batch, result) in group.into_iter().zip(results) {
            // A caller that went away does not change what is written.
            let _unheard = batch.answer.send(result);
        }
    }

    /// Every batch's own result, or why none of them could be written.
    fn write_group(&mut self, group: &[Batch]) -> rusqlite::Result<Vec<Result<(), WriteError>>> {
        let results = if self.write_together(group)? {
            group.iter().map(|_| Ok(())).collect()
        } else {
            self.write_apart(group)?
        };
        let written = results.iter().any(Result::is_ok);
        if written && self.shared.injected_fault() {
            return Err(full());
        }
        self.run("COMMIT")?;
        if written {
            self.shared.commits.fetch_add(1, Ordering::AcqRel);
            self.shared.note(None);
        }
        Ok(results)
    }

    /// Writes every batch without a savepoint, for which SQLite would copy each page that changes. False where one of them is refused,
    /// or something is wrong: then nothing of it is kept.
    fn write_together(&mut self, group: &[Batch]) -> rusqlite::Result<bool> {
        let before = self.chain;
        self.run("BEGIN IMMEDIATE")?;
        let mut desk = self.desk();
        let mut writes = group.iter().flat_map(|batch| &batch.writes);
        let applied = writes.try_for_each(|write| apply::apply(&mut desk, write));
        if applied.is_ok() {
            return Ok(true);
        }
        self.chain = before;
        self.undo()?;
        Ok(false)
    }

    /// Writes every batch in its own savepoint; each one's own result.
    fn write_apart(&mut self, group: &[Batch]) -> rusqlite::Result<Vec<Result<(), WriteError>>> {
        self.run("BEGIN IMMEDIATE")?;
        group
            .iter()
            .map(|batch| self.write_batch(&batch.writes))
            .collect()
    }

    fn desk(&mut self) -> Desk<'_> {
        Desk {
            connection: &self.connection,
            key: &self.key,
            chain: &mut self.chain,
            shared: &self.shared,
        }
    }

    /// The batch's own result; an error where the whole group cannot go on.
    fn write_batch(&mut self, writes: &[Write]) -> rusqlite::Result<Result<(), WriteError>> {
        let before = self.chain;
        self.run("SAVEPOINT batch")?;
        let mut desk = self.desk();
        let applied = writes
            .iter()
            .try_for_each(|write| apply::apply(&mut desk, write));
        let error = match applied {
            Ok(()) => {
                self.run("RELEASE batch")?;
                return Ok(Ok(()));
            }
            Err(Rejected::Refused(refused)) => WriteError::Refused(refused),
            Err(Rejected::Database(error)) if self.concerns_all(&error) => return Err(error),
            Err(Rejected::Database(error)) => WriteError::Failed(self.failed(&error)),
        };
        self.chain = before;
        self.run("ROLLBACK TO batch")?;
        self.run("RELEASE batch")?;
        Ok(Err(error))
    }

    fn failed(&self, error: &rusqlite::Error) -> Failed {
        let reason = format!("writing to the history {}: {error}", self.path.display());
        Failed::new(reason, open::hint(error))
    }

    /// Whether an error is about the disk or the database rather than about one batch.
    fn concerns_all(&self, error: &rusqlite::Error) -> bool {
        let own = matches!(
            error.sqlite_error_code(),
            None | Some(
                ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch
            )
        );
        !own || self.connection.is_autocommit()
    }

    fn run(&self, sql: &str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(drop)
    }

    /// Back to before the group; SQLite may have gone there already.
    fn undo(&self) -> rusqlite::Result<()> {
        if self.connection.is_autocommit() {
            return Ok(());
        }
        self.run("ROLLBACK")
    }

    fn close(self) -> Result<(), HistoryError> {
        for reader in self.readers {
            // One that panicked has nothing left to do either.
            let _ended = reader.join();
        }
        let exported = head::export(&self.connection, &self.path, &self.key);
        let tidied = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .and_then(|()| self.connection.close().map_err(|(_, error)| error))
            .map_err(|error| open::database("closing the history".to_owned(), error));
        drop(self.lock);
        exported.map(drop).and(tidied)
    }
}

/// Where the chain of an open database is.
pub(in crate::history) fn chain_of(connection: &Connection) -> rusqlite::Result<Chain> {
    let head = head::of(connection)?;
    Ok((head.seq, head.chain))
}

/// The chain before the first record.
pub(in crate::history) fn genesis() -> Digest {
    Digest::from_bytes(crate::domain::audit::GENESIS)
}

fn full() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL),
        Some("database or disk is full".to_owned()),
    )
}
