//! What operators type, and what it would do: a command line or shell text to [`Effects`], before anything runs.
//!
//! ```text
//! text ── scan ──▶ shell (two parsers that must agree) ──▶ calls ─┐
//! argv ───────────────────────────────────────────────▶ one call ┴─▶ programs (a grammar each) ──▶ Found ──▶ Analysis
//! ```
//!
//! Invariants
//! - Total: every text gets an answer, quickly; no panic, no unbounded recursion ([`Setting::deeper`]).
//! - What is not understood is opaque, never a guess: an unknown program, an unknown flag, a word that only the shell could expand.
//! - Closed by structure: every value that a flag takes has a described kind, from its grammar or from `programs/values`. One that nobody
//!   described is harmless only if it is inert by form (a number, a size, a date, a plain word) and its flag does not sound as if it ran,
//!   loaded or aimed at something; a word that is an address or a command needs a description as well. Anything else is opaque. It holds
//!   for every grammar alike: each hands over what it left undescribed ([`Found::line`]), and a line that none took apart is read as written.
//! - Nothing lowers: [`Found`] only collects; confidence only falls, classes only rise.
//! - Pure: no file, no network, no clock. Files that a command names are read through [`Files`], which hands out pinned bytes.
//!
//! Deliberately lacking: lists of forbidden texts. The policy's `dangerousCommands` work on [`Effects::calls`], word by word.

mod flags;
mod folder;
mod found;
mod programs;
mod scan;
mod shell;
mod word;

pub use found::{Analysis, Found};
pub use programs::{Plural, deeds, plural};

pub use word::{Call, Files, NoFiles, Setting, Stdin, Word};

use crate::domain::{effect::Place, pipeline::Plan};
use std::collections::BTreeMap;

/// A command, as a step holds it or as somebody types it.
#[derive(Debug, Clone)]
pub struct Command<'a> {
    /// What runs.
    pub what: What<'a>,
    /// What it is fed.
    pub stdin: Stdin,
    /// The variables that the step declares.
    pub environment: &'a BTreeMap<String, String>,
    /// The folder that it runs in, where the step says so.
    pub folder: Option<Word>,
}

/// What runs.
#[derive(Debug, Clone, Copy)]
pub enum What<'a> {
    /// A program and its arguments, as far as they are known; no shell sees them.
    Words(&'a [Word]),
    /// Text that a shell would run.
    Text(&'a str),
}

/// What a command would do, and, of a text that needs no shell, how it is carried out without one.
pub fn of(command: &Command<'_>, files: &dyn Files) -> Analysis {
    let mut setting = Setting::new(Place::Host, files);
    setting.folder.begin(command.folder.as_ref());
    let mut found = Found::default();
    let stdin = &command.stdin;
    for (name, value) in command.environment {
        shell::declared(name, value, &command.what, &setting, &mut found);
    }
    match command.what {
        What::Words(words) => {
            let known: Vec<String> = words
                .iter()
                .filter_map(Word::known)
                .map(str::to_owned)
                .collect();
            if let Err(refusal) = scan::refuse_words(&known) {
                found.refuse(refusal);
            }
            programs::judge(words, stdin, &setting, &mut found);
            found.into_analysis(None)
        }
        What::Text(text) => {
            if let Err(refusal) = scan::refuse(text) {
                found.unknown_code(&Place::Host, "shell", "the text was not read");
                found.refuse(refusal);
                return found.into_analysis(None);
            }
            let plan = shell::judge_whole(text, stdin, command.environment, &setting, &mut found);
            // The first program of a plan reads nothing.
            let plan = plan.filter(|_| *stdin == Stdin::Nothing);
            let mut analysis = found.into_analysis(plan);
            analysis.effects.needs_shell = analysis.plan.is_none();
            analysis
        }
    }
}

/// The first place that somebody should have filled in before this runs, as in `<name>`. Nobody may consent to such a command.
pub fn unfilled(what: &What<'_>) -> Option<String> {
    match what {
        What::Words(words) => {
            let known: Vec<String> = words
                .iter()
                .filter_map(Word::known)
                .map(str::to_owned)
                .collect();
            scan::placeholder(&scan::quoted(&known)).map(str::to_owned)
        }
        What::Text(text) => scan::placeholder(text).map(str::to_owned),
    }
}

/// Why nobody may consent to this text whatever it would do: it is too long or too deep, or holds what no reader sees.
pub fn unreadable(text: &str) -> Option<String> {
    scan::refuse(text).err()
}

/// How a text that gets variables of these names is carried out without a shell, if it needs none. Their values do not matter: by the
/// time that it is carried out they may hold secrets.
pub fn plan(text: &str, environment: &[&str]) -> Option<Plan> {
    scan::refuse(text).ok()?;
    shell::plan(text, environment)
}

/// What a command line would do: a program and its arguments, carried out without a shell.
pub fn of_argv(argv: &[String], files: &dyn Files) -> Analysis {
    let words: Vec<Word> = argv.iter().cloned().map(Word::Known).collect();
    of(
        &Command {
            what: What::Words(&words),
            stdin: Stdin::Nothing,
            environment: &BTreeMap::new(),
            folder: None,
        },
        files,
    )
}

/// What a text would do that a shell would run.
pub fn of_script(text: &str, files: &dyn Files) -> Analysis {
    of(
        &Command {
            what: What::Text(text),
            stdin: Stdin::Nothing,
            environment: &BTreeMap::new(),
            folder: None,
        },
        files,
    )
}

#[cfg(test)]
mod tests;
