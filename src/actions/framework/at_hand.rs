//! What is known of files and programs without reading any.

use crate::ports::{
    BoxFuture,
    materials::{Looked, Materials, RevisionFile},
};
use std::{
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
};

/// Materials that read nothing, and note whether something would have had to be read.
#[derive(Debug)]
pub(super) struct AtHand<'a> {
    materials: &'a dyn Materials,
    lacking: AtomicBool,
}

impl<'a> AtHand<'a> {
    pub(super) fn of(materials: &'a dyn Materials) -> Self {
        Self {
            materials,
            lacking: AtomicBool::default(),
        }
    }

    /// Whether it was asked for what it does not have: then its answers count for nothing.
    pub(super) fn is_lacking(&self) -> bool {
        self.lacking.load(Ordering::Relaxed)
    }

    fn lacks(&self) {
        self.lacking.store(true, Ordering::Relaxed);
    }
}

impl Materials for AtHand<'_> {
    fn file(&self, _: &Path) -> Option<Vec<u8>> {
        self.lacks();
        None
    }
    fn program(&self, name: &str) -> Looked {
        let known = self.materials.known_program(name);
        known.unwrap_or_else(|| {
            self.lacks();
            Looked::NotLooked
        })
    }
    fn repository<'b>(
        &'b self,
        _: &'b str,
        _: &'b [String],
    ) -> BoxFuture<'b, Result<Vec<RevisionFile>, String>> {
        self.lacks();
        Box::pin(async { Err("nothing is read here".to_owned()) })
    }
}
