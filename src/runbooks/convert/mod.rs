//! From what is written to what is true: the checks that need more than one part of a document.
//!
//! Every check goes on after a fault, so that all faults of a document are told at once. Where a part was cut out because it was
//! refused before ([`Draft::gaps`]), what may have stood there is not told as missing.

mod kinds;
mod others;
mod references;
mod runbook;
mod times;
mod trigger;

use crate::{
    domain::{
        name::StepName,
        schedule::{Cron, Zone},
    },
    runbooks::{
        arguments::Actions,
        document::Lost,
        gaps::Gaps,
        problems::{Fault, MAX_PROBLEMS, Place},
        source::inside,
        tree::Node,
    },
};

pub(in crate::runbooks) use crate::runbooks::convert::kinds::input_kind;
pub(super) use crate::runbooks::convert::{
    others::{calendar, environment, policy},
    runbook::runbook,
};

/// The lists of steps.
const LISTS: [&str; 3] = ["steps", "rollback", "finally"];

/// A document on its way to the domain.
pub(super) struct Draft<'a> {
    /// Its tree.
    pub(super) root: &'a Node<'a>,
    /// The text of its file.
    pub(super) text: &'a str,
    /// What steps can do.
    pub(super) actions: &'a Actions<'a>,
    /// What was cut out of it.
    pub(super) gaps: &'a Gaps,
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

    /// Whether the content may have had this key, or more in it than is known.
    fn may_lack(&self, key: &str) -> bool {
        let spec = self.node("/spec");
        let below = spec.get(key);
        self.gaps.may_hold(spec, key) || below.is_some_and(|below| self.gaps.are_in(below))
    }

    /// What it lost that other documents may ask for.
    pub(super) fn lost(&self) -> Lost {
        if self.gaps.is_empty() {
            return Lost::default();
        }
        let lists = LISTS.iter().filter_map(|list| self.node("/spec").get(list));
        let steps = lists.flat_map(Node::items);
        let cut = steps.filter(|step| self.gaps.are_below(step));
        let names = cut.filter_map(|step| StepName::new(step.get("name")?.text()?).ok());
        Lost {
            inputs: self.may_lack("inputs"),
            values: self.may_lack("values"),
            steps: names.collect(),
        }
    }

    /// Whether there may be steps that are not known by their names.
    fn may_lack_steps(&self) -> bool {
        let is_renamed = |step: &Node<'_>| self.gaps.may_hold(step, "name");
        let spec = self.node("/spec");
        LISTS.iter().any(|list| {
            let steps = spec.get(list).map(Node::items).unwrap_or_default();
            self.may_lack(list) || steps.iter().any(is_renamed)
        })
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

    /// A place inside a text.
    fn inside(&self, node: &Node<'_>, offset: usize) -> Place {
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
                let place = self.inside(self.node(pointer), error.column.saturating_sub(1));
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
