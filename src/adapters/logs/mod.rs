//! Output of steps on disk: `<root>/<yyyy-mm-dd>/<run>/<phase>-<step>-<attempt>.log`, the day being that on which the run was made
//! (UTC).
//!
//! A line of a file reads `2026-11-21T08:00:00.123Z out text`, the middle word being `out`, `err` or `note`. What would not show on
//! a screen, or would act on it, is written as an escape (`\x1b`, `\u{202e}`).
//!
//! Invariants
//! - Secrets are masked before a byte is written, however the output is cut into chunks: those that have a value when the attempt's
//!   first output comes, and the values they had before, which a rotation may leave valid for a while.
//! - A silent attempt costs no file.
//! - A file stays within its cap: its beginning and its end are kept, and a note between says how much was left out.
//! - Files are for the agent's user alone (0600, folders 0700).
//! - A disk that takes no more loses output, never a run: the loss is noted in the file as soon as that can be written, counted, and told
//!   with the end of the attempt.

mod entry;
mod place;
mod read;
mod sink;
mod write;

use crate::{
    adapters::logs::{place::Place, read::read, write::AttemptLog},
    domain::{id::RunId, mask::Masker, run::StepKey, secret::SecretValue},
    ports::{
        BoxFuture,
        clock::Clock,
        executor::StepLog,
        logs::{LogStore, Losses},
        output::{OutputError, OutputOf, OutputPage, StepOutput},
        secrets::Secrets,
    },
};
use jiff::Timestamp;
use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Bytes of one attempt's file, where the configuration says nothing else.
pub const DEFAULT_CAP: u64 = 1024 * 1024;

/// Every attempt's output.
pub struct StepLogs {
    root: PathBuf,
    cap: u64,
    shared: Arc<Shared>,
}

/// How many former values are remembered; the oldest are forgotten first.
const MOST_FORMER: usize = 1000;

/// Every value seen since the agent started.
struct Known {
    /// Former ones first.
    values: Vec<SecretValue>,
    masker: Masker,
}

/// What every attempt's log needs.
struct Shared {
    clock: Arc<dyn Clock>,
    secrets: Arc<dyn Secrets>,
    known: Mutex<Known>,
    losses: Mutex<Losses>,
}

impl fmt::Debug for StepLogs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StepLogs")
            .field("root", &self.root)
            .field("cap", &self.cap)
            .finish_non_exhaustive()
    }
}

impl StepLogs {
    /// Keeps at most `cap` bytes of each attempt under `root`.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn open(
        root: &Path,
        clock: Arc<dyn Clock>,
        secrets: Arc<dyn Secrets>,
        cap: u64,
    ) -> io::Result<Self> {
        place::make_folder(root)?;
        let shared = Arc::new(Shared {
            clock,
            secrets,
            known: Mutex::new(Known {
                values: Vec::new(),
                masker: Masker::new(&[]),
            }),
            losses: Mutex::default(),
        });
        Ok(Self {
            root: root.to_owned(),
            cap,
            shared,
        })
    }

    /// Removes the output of all runs that were made on a day before that of `before`; how many days.
    ///
    /// # Errors
    /// A folder cannot be read or removed; the others are removed all the same.
    pub async fn prune(&self, before: Timestamp) -> io::Result<usize> {
        let root = self.root.clone();
        tokio::task::spawn_blocking(move || place::prune(&root, before)).await?
    }

    fn place(&self, run: RunId, key: &StepKey, attempt: u32) -> Place {
        Place::new(&self.root, run, key, attempt)
    }
}

impl Shared {
    fn losses(&self) -> MutexGuard<'_, Losses> {
        self.losses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hides every secret's present and former values.
    fn masker(&self) -> Masker {
        let present = self.secrets.all_values();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.learn(present);
        known.masker.clone()
    }
}

impl Known {
    /// Learning is dear, so it is done only when a value is new.
    fn learn(&mut self, present: Vec<SecretValue>) {
        if present.iter().all(|value| holds(&self.values, value)) {
            return;
        }
        let mut values = std::mem::take(&mut self.values);
        values.retain(|value| !holds(&present, value));
        values.drain(..values.len().saturating_sub(MOST_FORMER));
        values.extend(present);
        self.masker = Masker::new(&values);
        self.values = values;
    }
}

fn holds(values: &[SecretValue], value: &SecretValue) -> bool {
    values.iter().any(|one| one.expose() == value.expose())
}

impl LogStore for StepLogs {
    fn open(&self, run: RunId, key: &StepKey, attempt: u32) -> Arc<dyn StepLog> {
        let place = self.place(run, key, attempt);
        Arc::new(AttemptLog::new(place, self.cap, self.shared.clone()))
    }
    fn losses(&self) -> Losses {
        self.shared.losses().clone()
    }
}

impl StepOutput for StepLogs {
    fn read<'a>(
        &'a self,
        of: &'a OutputOf,
        from: u64,
        most: usize,
    ) -> BoxFuture<'a, Result<OutputPage, OutputError>> {
        let place = self.place(of.run, &of.key, of.attempt);
        Box::pin(async move {
            let reading = tokio::task::spawn_blocking(move || read(&place, from, most));
            let page = match reading.await {
                Ok(page) => page,
                Err(error) => Err(io::Error::other(error)),
            };
            page.map_err(|error| OutputError {
                run: of.run,
                step: of.key.step.to_string(),
                reason: error.to_string(),
            })
        })
    }
}

#[cfg(test)]
mod tests;
