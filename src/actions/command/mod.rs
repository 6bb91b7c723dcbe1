//! The `command` step: a program with its arguments, or a script.
//!
//! Invariants
//! - An expression never becomes shell text: a script cannot hold one, and an argument that holds one stays one word.
//! - A secret never stands on a command line, where every user of the host can read it; it comes by `env` or `stdin`.
//! - What a command would do is said by [`crate::commands`]; a text that needs no shell is carried out without one.

mod act;
mod inputs;
mod pinning;
mod report;
mod words;

pub(in crate::actions) use act::Command;
pub(in crate::actions) use inputs::{Inputs as CommandInputs, is_inner_path};
pub(crate) use words::{Word, judged_stdin};

use crate::actions::framework::AnyAction;

/// The actions of this folder.
pub(crate) fn actions() -> Vec<Box<dyn AnyAction>> {
    vec![Box::new(act::Command)]
}
