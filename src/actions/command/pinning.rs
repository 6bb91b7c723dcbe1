//! Files that a command names, and the programs that it starts: read once when the step is planned, and part of what is judged.
//!
//! A file's content is only taken into account where nothing in the command can have changed it, or the folder it is looked up in,
//! before it is read; otherwise the command is judged as if nothing were known of the file.

use super::{act, inputs::Inputs};
use crate::{
    actions::framework::Given,
    commands::{Analysis, Files},
    domain::{
        digest::Digest,
        effect::{Class, Place},
        pinned::{FileOf, PinnedFile, PinnedProgram},
    },
    ports::{
        materials::Looked,
        processes::{ProcessError, Work},
    },
    runbooks::plain_documents,
};
use serde_json::Value;
use std::{cell::RefCell, collections::BTreeMap};

/// Files whose content is another each time, or is none.
const NO_FILES: [&str; 3] = ["/dev/", "/proc/", "/sys/"];
/// Programs that start others where paths may mean other files.
const MOVERS: [&str; 17] = [
    "bwrap",
    "chroot",
    "direnv",
    "fakechroot",
    "fd",
    "find",
    "firejail",
    "flatpak",
    "make",
    "nsenter",
    "parallel",
    "proot",
    "runuser",
    "start-stop-daemon",
    "su",
    "systemd-run",
    "unshare",
];
/// Programs that do so with one of [`MOVING_FLAGS`].
const MAY_MOVE: [&str; 3] = ["doas", "env", "sudo"];
const MOVING_FLAGS: [&str; 8] = ["-C", "-D", "-R", "-i", "-l", "--ch", "--login", "-"];
/// Programs that run a file as a shell would.
const SHELLS: [&str; 6] = ["ash", "bash", "dash", "ksh", "sh", "zsh"];

/// What the command would do, and the files that this rests on.
pub(super) fn judged(inputs: &Inputs, given: &Given<'_>) -> (Analysis, Vec<PinnedFile>) {
    let reading = Reading {
        inputs,
        given,
        read: RefCell::default(),
    };
    let blind = act::analysis(inputs, &Unread);
    let seen = act::analysis(inputs, &reading);
    let mut read = reading.read.into_inner();
    let mut analysis = if read.is_empty() || !holds(inputs, &blind, &seen) {
        read.clear();
        blind
    } else {
        seen
    };
    // A shell reads such a file as it is, not as it was understood.
    let is_script = |path: &str| first_words(&analysis, path).any(|name| SHELLS.contains(&name));
    if read.keys().any(|(_, path)| is_script(path)) {
        analysis.effects.needs_shell = true;
    }
    read.extend(given.repository.iter().map(|file| {
        let key = (FileOf::Repository, file.path.clone());
        (key, file.sha256())
    }));
    let files = read
        .into_iter()
        .map(|((of, path), sha256)| PinnedFile { of, path, sha256 });
    (analysis, files.collect())
}

/// The programs that get a path as one of their words.
fn first_words<'a>(analysis: &'a Analysis, path: &'a str) -> impl Iterator<Item = &'a str> {
    let names_it = move |call: &&Vec<String>| call.iter().any(|word| word.ends_with(path));
    let calls = analysis.effects.calls.iter().filter(names_it);
    calls.filter_map(|call| call.first()).map(|name| base(name))
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Whether what was read is what will be read.
fn holds(inputs: &Inputs, blind: &Analysis, seen: &Analysis) -> bool {
    let is_one = inputs.script.is_none()
        || blind
            .plan
            .as_ref()
            .is_some_and(crate::domain::pipeline::Plan::is_one_program);
    if inputs.script.is_some() && blind.plan.is_none() {
        return false;
    }
    let stays = |call: &Vec<String>| {
        let name = call.first().map(|name| base(name)).unwrap_or_default();
        let may_move = MAY_MOVE.contains(&name);
        let is_flag = |word: &String| MOVING_FLAGS.iter().any(|flag| word.starts_with(flag));
        let moves = MOVERS.contains(&name) || may_move && call.iter().skip(1).any(is_flag);
        !moves
    };
    let changes_host = seen
        .effects
        .items
        .iter()
        .any(|effect| effect.class() > Class::Read && effect.object.place == Place::Host);
    seen.effects.calls.iter().all(stays) && (is_one || !changes_host)
}

/// The files that a grammar asks for.
struct Reading<'a> {
    inputs: &'a Inputs,
    given: &'a Given<'a>,
    read: RefCell<BTreeMap<(FileOf, String), Digest>>,
}

impl Reading<'_> {
    /// Where a path leads from the folder that the command runs in.
    fn place(&self, path: &str) -> Option<(FileOf, String)> {
        if path.starts_with('/') {
            let is_file = !NO_FILES.iter().any(|folder| path.starts_with(folder));
            return is_file.then(|| (FileOf::Host, path.to_owned()));
        }
        let names: Vec<&str> = path
            .split('/')
            .filter(|name| !matches!(*name, "" | "."))
            .collect();
        if names.is_empty() || names.contains(&"..") || path.starts_with(['~', '-', '$']) {
            return None;
        }
        let inner = names.join("/");
        match &self.inputs.working_directory {
            Some(folder) => {
                let path = folder.join(inner).to_str()?.to_owned();
                Some((FileOf::Host, path))
            }
            None => Some((FileOf::Repository, inner)),
        }
    }

    fn bytes(&self, of: FileOf, path: &str) -> Option<Vec<u8>> {
        match of {
            FileOf::Host => self.given.materials.file(path.as_ref()),
            FileOf::Repository => {
                let mut files = self.given.repository.iter();
                let file = files.find(|file| file.path == path)?;
                Some(file.bytes.clone())
            }
        }
    }
}

impl Files for Reading<'_> {
    fn read(&self, path: &str) -> Option<Vec<u8>> {
        let (of, path) = self.place(path)?;
        let bytes = self.bytes(of, &path)?;
        let digest = Digest::of_bytes(&bytes);
        self.read.borrow_mut().insert((of, path), digest);
        Some(bytes)
    }
    fn documents(&self, text: &str) -> Option<Vec<Value>> {
        plain_documents(text)
    }
}

/// No file is known.
struct Unread;

impl Files for Unread {
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }
    fn documents(&self, text: &str) -> Option<Vec<Value>> {
        plain_documents(text)
    }
}

/// The programs that it starts, as they are now. A single program that is not there is an error: nothing could be carried out.
pub(super) fn programs(
    inputs: &Inputs,
    analysis: &Analysis,
    is_dry: bool,
    given: &Given<'_>,
) -> Result<Vec<PinnedProgram>, String> {
    let mut programs = BTreeMap::new();
    let started: Vec<String> = match act::work(inputs) {
        Work::Words(words) => words.into_iter().take(1).collect(),
        Work::Pipelines(pipelines) => pipelines.plan.programs(),
    };
    let is_single = inputs.argv.is_some();
    for name in started {
        let found = match given.materials.program(&name) {
            Looked::Found(found) => Some(found),
            Looked::Missing if is_single && !is_dry => {
                return Err(ProcessError::NotFound(name).to_string());
            }
            Looked::Missing => None,
            Looked::NotLooked => continue,
        };
        programs.insert(name, found);
    }
    // What it would start in turn, as far as it is on this host.
    for name in analysis
        .effects
        .calls
        .iter()
        .filter_map(|call| call.first())
    {
        let is_named = name.starts_with('/') || !name.contains(['/', '$', '`', '*']);
        if is_named
            && !programs.contains_key(name)
            && let Looked::Found(found) = given.materials.program(name)
        {
            programs.insert(name.clone(), Some(found));
        }
    }
    let programs = programs.into_iter();
    Ok(programs
        .map(|(name, found)| PinnedProgram { name, found })
        .collect())
}
