//! Shell text to calls.
//!
//! ```text
//! text ─▶ parse (two parsers, the same commands) ─▶ walk (lists, pipelines, loops, functions)
//!           ─▶ words (what expansions are known to give) ─▶ programs::judge, builtins, redirections
//! ```
//!
//! What the text itself says of its variables is carried along ([`state::State`]); everything else that only a running shell knows is
//! [`Word::Unknown`](super::word::Word). A text that the parsers read differently is opaque as a whole.

mod assignments;
mod braces;
mod branches;
mod builtins;
mod decoders;
mod expand;
mod files;
#[cfg(test)]
mod folder_tests;
mod heads;
mod meanings;
mod parse;
mod plan;
mod quotes;
mod redirections;
mod running;
mod simple;
mod state;
mod streams;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod variable_tests;
mod variables;
mod walk;

use super::{
    found::Found,
    scan,
    word::{NoFiles, Setting, Stdin, Word},
};
use crate::domain::{
    effect::{Class, Place},
    pipeline::Plan,
};
pub(super) use assignments::{decides_code, declared, environment, is_secret};
use brush_parser::ast::Program;
pub(super) use quotes::{escapes, stretches};
pub(super) use redirections::{decides_access, writing};
use state::{State, Value};
use std::collections::BTreeMap;
use streams::Output;
use walk::Walker;

/// How many commands are looked at: loops and functions multiply.
const MOST_STEPS: u32 = 1_000;

/// How much text is parsed, texts inside texts included; they repeat each other.
const MOST_TEXT: usize = 32 * 1024;

/// Why a text is not looked at to its end.
const TOO_MUCH: &str = "it means more commands than the gate looks at";

/// Judges a text that a shell would run.
pub(super) fn judge(text: &str, stdin: &Stdin, setting: &Setting<'_>, found: &mut Found) {
    judge_with(text, Vec::new(), stdin, setting, found);
}

/// Judges a text that a shell would run with these words as `$0`, `$1`, …
pub(super) fn judge_with(
    text: &str,
    positional: Vec<Word>,
    stdin: &Stdin,
    setting: &Setting<'_>,
    found: &mut Found,
) {
    let mut state =
        State::default().with_positional(Some(positional).filter(|words| !words.is_empty()));
    state.folder = setting.folder.clone();
    text_with(text, state, stdin, setting, found, true);
}

/// How a text is carried out without a shell that gets variables of these names, if both parsers read it alike and it needs none.
pub(super) fn plan(text: &str, environment: &[&str]) -> Option<Plan> {
    planned(&parse::both(text).ok()?, environment)
}

fn planned(program: &Program, environment: &[&str]) -> Option<Plan> {
    let plan = plan::of(program, environment)?;
    // Names of files are put in for those that only look.
    let fine = !plan.matches_files() || {
        let setting = Setting::new(Place::Host, &NoFiles);
        let mut found = Found::default();
        Walker::new(State::default(), Stdin::Nothing, &setting, &mut found).program(program);
        found.class() == Class::Read
    };
    fine.then_some(plan)
}

/// Judges a whole text that gets these variables, and says how it could be carried out without a shell.
pub(super) fn judge_whole(
    text: &str,
    stdin: &Stdin,
    environment: &BTreeMap<String, String>,
    setting: &Setting<'_>,
    found: &mut Found,
) -> Option<Plan> {
    unfilled(text, found);
    let program = match parse::both(text) {
        Ok(program) => program,
        Err(reason) => {
            found.unknown_code(&setting.place, "shell", reason);
            return None;
        }
    };
    let mut walker = Walker::new(known(environment, setting), stdin.clone(), setting, found);
    walker.program(&program);
    assignments::exports(text, walker.found);
    let names: Vec<&str> = environment.keys().map(String::as_str).collect();
    planned(&program, &names)
}

/// What a shell knows at first: the variables that the step declares. A value that stands for a secret is not known, nor one with
/// characters that no reader sees.
fn known(environment: &BTreeMap<String, String>, setting: &Setting<'_>) -> State {
    let mut state = State::default();
    state.folder = setting.folder.clone();
    for (name, value) in environment {
        if plan::is_plain_variable(name) && name != "HOME" && scan::is_readable(value) {
            state.assign(name, Value::One(Word::Known(value.clone())));
        }
    }
    state
}

/// Refuses a text that somebody should have filled in.
fn unfilled(text: &str, found: &mut Found) {
    if let Some(place) = scan::placeholder(text) {
        found.refuse(format!("`{place}` was not filled in"));
    }
}

/// Judges a text in a shell that already knows something.
fn text_with(
    text: &str,
    state: State,
    stdin: &Stdin,
    setting: &Setting<'_>,
    found: &mut Found,
    shows: bool,
) -> (State, Output) {
    unfilled(text, found);
    let program = if found.read(text.len()) > MOST_TEXT {
        Err(TOO_MUCH)
    } else {
        parse::both(text)
    };
    match program {
        Ok(program) => {
            let mut walker = Walker::new(state, stdin.clone(), setting, found);
            walker.shows = shows;
            let output = walker.program(&program);
            walker.arrive();
            (walker.state, output)
        }
        Err(reason) => {
            found.unknown_code(&setting.place, "shell", reason);
            (state, Output::Unknown)
        }
    }
}
