//! What stages are carried out with.

use crate::{
    actions::framework::World,
    domain::{
        id::RotationId,
        mask::{MaskStream, Masker},
        name::CredentialName,
        rotation::Outcome,
        secret::SecretValue,
    },
    ports::{
        executor::{LogStream, Session, StepLog},
        vault::{Kept, Parts},
    },
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

/// Which rotation of which credential, and with what.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    pub(super) name: &'a CredentialName,
    pub(super) rotation: RotationId,
    pub(super) session: &'a Session,
    pub(super) world: &'a World,
}

/// A credential as programs and requests are given it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Feed<'a> {
    /// Its values.
    pub(super) parts: &'a Parts,
    /// Which of them is meant where none is named.
    pub(super) main: &'a str,
    /// What is no secret.
    pub(super) facts: &'a BTreeMap<String, String>,
}

impl<'a> Feed<'a> {
    /// The new one.
    pub(super) fn new(kept: &'a Kept, main: &'a str) -> Self {
        Self {
            parts: &kept.new,
            main,
            facts: &kept.facts,
        }
    }
    /// The old one, as far as it is known.
    pub(super) fn old(kept: &'a Kept, main: &'a str) -> Self {
        Self {
            parts: &kept.old,
            main,
            facts: &kept.former,
        }
    }
    /// A part, be it secret or not; the main one where none is named.
    pub(super) fn part(&self, name: Option<&str>) -> Option<&'a str> {
        let name = name.unwrap_or(self.main);
        let value = self.parts.get(name).map(SecretValue::expose);
        value.or_else(|| self.facts.get(name).map(String::as_str))
    }
    /// All values, for masking.
    pub(super) fn values(&self) -> Vec<SecretValue> {
        self.parts.values().cloned().collect()
    }
}

pub(super) fn done(note: impl Into<String>) -> Outcome {
    Outcome::Done { note: note.into() }
}
pub(super) fn not_needed(note: impl Into<String>) -> Outcome {
    Outcome::NotNeeded { note: note.into() }
}
pub(super) fn proven(note: impl Into<String>) -> Outcome {
    Outcome::Proven { note: note.into() }
}
pub(super) fn unproven(note: impl Into<String>) -> Outcome {
    Outcome::Unproven { note: note.into() }
}
pub(super) fn failed(note: impl Into<String>) -> Outcome {
    Outcome::Failed { note: note.into() }
}
pub(super) fn hopeless(note: impl Into<String>) -> Outcome {
    Outcome::Hopeless { note: note.into() }
}

/// The same log, without the values of this credential: the step's own masking learned its secrets before this one was made.
pub(super) fn masked(log: Arc<dyn StepLog>, feed: &Feed<'_>) -> Arc<MaskedLog> {
    let masker = Masker::new(&feed.values());
    let stream = || MaskStream::new(masker.clone());
    Arc::new(MaskedLog {
        log,
        streams: Mutex::new([stream(), stream(), stream()]),
    })
}

/// A log that hides values.
pub(super) struct MaskedLog {
    log: Arc<dyn StepLog>,
    streams: Mutex<[MaskStream; 3]>,
}

const STREAMS: [LogStream; 3] = [LogStream::Out, LogStream::Err, LogStream::Note];

impl MaskedLog {
    /// Lets go of what was held back because it might have been the beginning of a value.
    pub(super) fn finish(&self) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        for (stream, masking) in STREAMS.into_iter().zip(streams.iter_mut()) {
            let mut rest = Vec::new();
            masking.finish(&mut rest);
            if !rest.is_empty() {
                self.log.append(stream, &rest);
            }
        }
    }
}

impl StepLog for MaskedLog {
    fn append(&self, stream: LogStream, bytes: &[u8]) {
        let mut streams = self.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let all = STREAMS.into_iter().zip(streams.iter_mut());
        for (_, masking) in all.filter(|(own, _)| *own == stream) {
            let mut hidden = Vec::new();
            masking.push(bytes, &mut hidden);
            self.log.append(stream, &hidden);
        }
    }
}
