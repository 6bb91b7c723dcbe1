//! From what is written to what is true: the checks that need more than one part of a document.
//!
//! Every check goes on after a fault, so that all faults of a document are told at once. Where a part was cut out because it does
//! not fit the schema ([`Draft::partial`]), names that lead nowhere are not told: they may have stood there.

mod others;
mod references;
mod runbook;
mod trigger;

use crate::{
    domain::schedule::{Cron, Zone},
    runbooks::{
        arguments::Actions,
        problems::{Fault, MAX_PROBLEMS, Place},
        source::inside,
        tree::Node,
    },
};

pub(super) use crate::runbooks::convert::{
    others::{calendar, environment, policy},
    runbook::runbook,
};

/// A document on its way to the domain.
pub(super) struct Draft<'a> {
    /// Its tree.
    pub(super) root: &'a Node<'a>,
    /// The text of its file.
    pub(super) text: &'a str,
    /// What steps can do.
    pub(super) actions: &'a Actions<'a>,
    /// Whether something was cut out of it.
    pub(super) partial: bool,
    /// What is wrong so far.
    pub(super) faults: Vec<Fault>,
}

impl<'a> Draft<'a> {
    /// Whether enough is wrong already.
    fn is_full(&self) -> bool {
        self.faults.len() >= MAX_PROBLEMS
    }

    /// The node that a JSON Pointer leads to.
    fn node(&self, pointer: &str) -> &'a Node<'a> {
        self.root.find(pointer).node
    }

    /// A fault at the value that a JSON Pointer leads to.
    fn fault(&mut self, pointer: &str, what: impl Into<String>) -> &mut Fault {
        let place = self.node(pointer).place;
        self.fault_at(place, what)
    }

    fn fault_at(&mut self, place: Place, what: impl Into<String>) -> &mut Fault {
        self.faults.push(Fault::new(place, what));
        let last = self.faults.len() - 1;
        &mut self.faults[last]
    }

    /// A place inside the text that a JSON Pointer leads to.
    fn inside(&self, pointer: &str, offset: usize) -> Place {
        let node = self.node(pointer);
        if self.is_full() {
            return node.place;
        }
        inside(
            self.text,
            node.place,
            node.text().unwrap_or_default(),
            offset,
        )
    }

    fn cron(&mut self, written: &str, pointer: &str) -> Option<Cron> {
        match Cron::parse(written) {
            Ok(cron) => {
                for warning in cron.warnings() {
                    let place = self.node(pointer).place;
                    self.faults.push(Fault::new(place, warning).warning());
                }
                Some(cron)
            }
            Err(error) => {
                let place = self.inside(pointer, error.column.saturating_sub(1));
                self.fault_at(place, error.what).hint = error.hint;
                None
            }
        }
    }

    fn zone(&mut self, written: Option<&str>, pointer: &str) -> Option<Zone> {
        let Some(written) = written else {
            return Some(Zone::utc());
        };
        match Zone::parse(written) {
            Ok(zone) => Some(zone),
            Err(error) => {
                self.fault(pointer, error.what).hint = error.hint;
                None
            }
        }
    }
}
