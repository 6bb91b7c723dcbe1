//! Reads: a small pool of threads with read-only connections. Every statement sees everything acknowledged before it.

pub(in crate::history) mod agent;
pub(in crate::history) mod approvals;
pub(in crate::history) mod artifacts;
pub(in crate::history) mod circuit;
pub(in crate::history) mod rotations;
pub(in crate::history) mod runs;
pub(in crate::history) mod schedule;
pub(in crate::history) mod spending;

use crate::history::{
    error::HistoryError,
    open,
    rows::{DEFAULT_LIMIT, MAX_LIMIT},
};
use rusqlite::{Connection, Row, ToSql};
use std::{
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
};
use tokio::sync::mpsc;

/// Threads that read.
pub(in crate::history) const READERS: usize = 2;
/// Reads that may wait; a further caller waits for a place.
pub(in crate::history) const QUEUE: usize = 256;

/// One read.
pub(in crate::history) type Job = Box<dyn FnOnce(&Connection) + Send>;

/// Starts the readers. They end when every sender of the channel is gone.
pub(in crate::history) fn start(
    connections: Vec<Connection>,
    jobs: mpsc::Receiver<Job>,
) -> std::io::Result<Vec<JoinHandle<()>>> {
    let jobs = Arc::new(Mutex::new(jobs));
    (1..)
        .zip(connections)
        .map(|(number, connection)| {
            let jobs = Arc::clone(&jobs);
            thread::Builder::new()
                .name(format!("history-read-{number}"))
                .spawn(move || work(&connection, &jobs))
        })
        .collect()
}

fn work(connection: &Connection, jobs: &Mutex<mpsc::Receiver<Job>>) {
    loop {
        let job = jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        match job {
            Some(job) => job(connection),
            None => return,
        }
    }
}

/// An error of a read, told apart into damage and trouble.
pub(in crate::history) fn failed(doing: &'static str, error: rusqlite::Error) -> HistoryError {
    if let rusqlite::Error::FromSqlConversionFailure(column, _, reason) = error {
        return HistoryError::Malformed {
            what: doing,
            reason: format!("column {column}: {reason}"),
        };
    }
    open::database(format!("reading {doing} from the history"), error)
}

/// A caller's limit within the history's own.
pub(in crate::history) fn limit(wanted: usize) -> i64 {
    let wanted = if wanted == 0 { DEFAULT_LIMIT } else { wanted };
    i64::try_from(wanted.min(MAX_LIMIT)).unwrap_or(i64::MAX)
}

/// A `WHERE` made of conditions that were asked for.
#[derive(Default)]
pub(in crate::history) struct Conditions<'a> {
    texts: Vec<&'static str>,
    pub(in crate::history) values: Vec<(&'static str, &'a dyn ToSql)>,
}

impl<'a> Conditions<'a> {
    /// Whether nothing was asked for so far.
    pub(in crate::history) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
    /// A condition without a value.
    pub(in crate::history) fn plain(&mut self, text: &'static str) {
        self.texts.push(text);
    }
    /// A condition on one named value, as in `runbook = :runbook`.
    pub(in crate::history) fn on(
        &mut self,
        text: &'static str,
        name: &'static str,
        value: &'a dyn ToSql,
    ) {
        self.texts.push(text);
        self.values.push((name, value));
    }
    /// A condition that counts only if its value is there.
    pub(in crate::history) fn on_some<T: ToSql>(
        &mut self,
        text: &'static str,
        name: &'static str,
        value: Option<&'a T>,
    ) {
        if let Some(value) = value {
            self.on(text, name, value);
        }
    }
    /// Runs `select … WHERE … tail`; both texts are the program's own.
    pub(in crate::history) fn rows<T>(
        &self,
        connection: &Connection,
        select: &str,
        tail: &str,
        make: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let sql = self.sql(select, tail);
        connection
            .prepare_cached(&sql)?
            .query_map(self.values.as_slice(), make)?
            .collect()
    }
    fn sql(&self, select: &str, tail: &str) -> String {
        let conditions = match self.texts.as_slice() {
            [] => String::new(),
            some => format!(" WHERE {}", some.join(" AND ")),
        };
        format!("{select}{conditions} {tail}")
    }
}
