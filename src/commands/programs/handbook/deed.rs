//! What a command does, in a few words:
//!
//! ```text
//! delete container many lose=v,volumes : …
//!   │       │       │        │           └ how it is undone
//!   │       │       │        └ with one of these flags it also loses data
//!   │       │       └ every word names one
//!   │       └ to what
//!   └ what is done
//! ```

use crate::commands::found::{Found, object};
use crate::commands::programs::files::guard::{Guard, guard, guard_of};
use crate::commands::programs::files::paths::{Write, is_product, written};
use crate::commands::word::Word;
use crate::domain::effect::{Effect, Object, Place, Reach, Reversible, Secrets, Tri, Verb};

/// What a command does.
#[derive(Debug, Clone)]
pub(in crate::commands::programs) struct Deed {
    pub(super) what: What,
    pub(super) kind: &'static str,
    pub(super) undo: Option<&'static str>,
    pub(super) marks: Vec<Mark>,
}

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// Looks.
    Read(Verb, Secrets),
    /// Changes something, reversibly if there is an undo.
    Change(Verb),
    /// Removes, cuts or loses.
    Destroy(Verb),
    /// Changes who may do what.
    Access(Verb),
    /// Hands out a credential.
    Token,
    /// Brings in code and runs it.
    Code,
    /// The program's own grammar says.
    Own,
}

/// What makes a difference to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mark {
    /// With one of these flags nothing is done.
    Dry(Vec<&'static str>),
    /// … data is lost.
    Lose(Vec<&'static str>),
    /// … a service is cut.
    Cut(Vec<&'static str>),
    /// … somebody's rights change.
    Access(Vec<&'static str>),
    /// … values of secrets are shown.
    Values(Vec<&'static str>),
    /// … no values of secrets are shown, but names, sums or nothing.
    Names(Vec<&'static str>),
    /// … code runs that nobody knows.
    Code(Vec<&'static str>),
    /// … a file of that name is written.
    File(Vec<&'static str>),
    /// … files are written whose names are not given.
    Writes(Vec<&'static str>),
    /// The word at this place names a file that is written.
    To(usize),
    /// … everything is meant.
    All(Vec<&'static str>),
    /// Every word names one.
    Many,
    /// It may do more than is said: files or a chart say what.
    Opaque,
    /// It does at most what is said.
    Bounded,
    /// It comes again by itself.
    Recreated,
    /// It belongs to no namespace.
    ClusterWide,
    /// It is done where the command runs, not where the program's objects are.
    Here,
}

impl Mark {
    /// Whether it says what this flag does.
    pub(super) fn names(&self, flag: &str) -> bool {
        match self {
            Self::Lose(flags)
            | Self::Cut(flags)
            | Self::Access(flags)
            | Self::Values(flags)
            | Self::Code(flags)
            | Self::File(flags)
            | Self::Writes(flags) => flags.contains(&flag),
            Self::Dry(_)
            | Self::Names(_)
            | Self::All(_)
            | Self::To(_)
            | Self::Many
            | Self::Opaque
            | Self::Bounded
            | Self::Recreated
            | Self::ClusterWide
            | Self::Here => false,
        }
    }
}

impl Deed {
    /// Reads `list container many : undo`; `None` for an unknown word.
    pub(super) fn read(text: &'static str) -> Option<Self> {
        let (head, undo) = match text.split_once(" : ") {
            Some((head, undo)) => (head, Some(undo.trim())),
            None => (text, None),
        };
        let mut words = head.split_whitespace();
        let what = what(words.next()?)?;
        let kind = words.next().unwrap_or("program");
        let marks = words.map(mark).collect::<Option<Vec<_>>>()?;
        Some(Self {
            what,
            kind,
            undo,
            marks,
        })
    }

    /// Whether the program's own grammar says what is done.
    pub(in crate::commands::programs) fn is_own(&self) -> bool {
        self.what == What::Own
    }

    /// What this does to the object.
    pub(super) fn effect(&self, object: Object) -> Effect {
        match &self.what {
            What::Read(verb, secrets) => Effect {
                secrets: *secrets,
                ..Effect::read(verb.clone(), object)
            },
            What::Change(verb) => Effect {
                reversible: self.reversible(),
                ..Effect::read(verb.clone(), object)
            },
            What::Destroy(verb) => destroyed(verb.clone(), object),
            What::Access(verb) => Effect {
                reversible: self.reversible(),
                access_change: Tri::Yes,
                ..Effect::read(verb.clone(), object)
            },
            What::Token => Effect {
                reversible: Reversible::No,
                access_change: Tri::Yes,
                secrets: Secrets::Values,
                ..Effect::read(Verb::TokenIssue, object)
            },
            What::Code | What::Own => Effect::opaque(object),
        }
    }

    fn reversible(&self) -> Reversible {
        match self.undo {
            Some(undo) => Reversible::Undo(undo.to_owned()),
            None if self.marks.contains(&Mark::Recreated) => Reversible::Recreated,
            None => Reversible::Unknown,
        }
    }
}

/// A service that stops loses no data; what is deleted does.
fn destroyed(verb: Verb, object: Object) -> Effect {
    let stops = matches!(verb, Verb::ServiceStop | Verb::ProcessKill | Verb::Evict);
    let effect = Effect::destructive(verb, object);
    if stops {
        return Effect {
            data_loss: Tri::No,
            service_cut: Tri::Yes,
            reversible: Reversible::Undo("start it again".to_owned()),
            ..effect
        };
    }
    effect
}

/// A file written where a command runs; what it held before is not known.
pub(in crate::commands::programs) fn file_written(place: &Place, path: &str) -> Effect {
    let mut effect = Effect {
        reversible: Reversible::Unknown,
        ..Effect::read(Verb::FileWrite, object(place, "file", path))
    };
    match guard(path) {
        Some(Guard::Access) => effect.access_change = Tri::Yes,
        Some(Guard::Breaks) => effect.data_loss = Tri::Yes,
        // What stands in it is run later, or sets the kernel.
        Some(Guard::Runs | Guard::Tunes) => effect.reach = Reach::Unknown,
        None if is_product(path) => {
            effect.reversible = Reversible::Undo(format!("remove {path}"));
        }
        None => {}
    }
    effect
}

/// The same for a word: one that names a file of the system says more.
pub(in crate::commands::programs) fn file_made(file: &Word, place: &Place, found: &mut Found) {
    if !guarded_file(file, place, found) {
        found.effect(file_written(place, file.text()));
    }
}

/// Whether a word names a file of the system; what writing it does is said then.
pub(in crate::commands::programs) fn guarded_file(
    file: &Word,
    place: &Place,
    found: &mut Found,
) -> bool {
    let guarded = guard_of(file).is_some();
    if guarded {
        written(file, Write::Replace, place, found);
    }
    guarded
}

fn what(word: &str) -> Option<What> {
    Some(match word {
        "read" => What::Read(Verb::Read, Secrets::None),
        "list" => What::Read(Verb::List, Secrets::None),
        "names" => What::Read(Verb::List, Secrets::Names),
        "values" => What::Read(Verb::Read, Secrets::Values),
        "create" => What::Change(Verb::Create),
        "update" => What::Change(Verb::Update),
        "patch" => What::Change(Verb::Patch),
        "restart" => What::Change(Verb::Restart),
        "start" => What::Change(Verb::ServiceStart),
        "write" => What::Change(Verb::FileWrite),
        "send" => What::Change(Verb::NetworkSend),
        "tunnel" => What::Change(Verb::Tunnel),
        "run" => What::Change(Verb::RunCode),
        "exec" => What::Change(Verb::Exec),
        "install" => What::Change(Verb::PackageInstall),
        "delete" => What::Destroy(Verb::Delete),
        "deletes" => What::Destroy(Verb::DeleteCollection),
        "lose" => What::Destroy(Verb::Update),
        "stop" => What::Destroy(Verb::ServiceStop),
        "kill" => What::Destroy(Verb::ProcessKill),
        "evict" => What::Destroy(Verb::Evict),
        "access" => What::Access(Verb::Update),
        "bind" => What::Access(Verb::Bind),
        "token" => What::Token,
        "code" => What::Code,
        "own" => What::Own,
        _ => return None,
    })
}

fn mark(word: &'static str) -> Option<Mark> {
    let (name, flags) = word.split_once('=').unwrap_or((word, ""));
    let flags: Vec<_> = flags.split(',').collect();
    Some(match name {
        "dry" => Mark::Dry(flags),
        "lose" => Mark::Lose(flags),
        "cut" => Mark::Cut(flags),
        "access" => Mark::Access(flags),
        "values" => Mark::Values(flags),
        "names" => Mark::Names(flags),
        "code" => Mark::Code(flags),
        "file" => Mark::File(flags),
        "writes" => Mark::Writes(flags),
        "to" => Mark::To(flags.first()?.parse().ok()?),
        "all" => Mark::All(flags),
        "many" => Mark::Many,
        "opaque" => Mark::Opaque,
        "bounded" => Mark::Bounded,
        "recreated" => Mark::Recreated,
        "cluster" => Mark::ClusterWide,
        "here" => Mark::Here,
        _ => return None,
    })
}
