//! What the verbs of clouds do: `describe-instances`, `instances delete`, `vm deallocate` begin or end with one.

use crate::domain::effect::{Effect, Object, Reach, Reversible, Secrets, Tri, Verb};
use std::{collections::HashMap, sync::LazyLock};

/// What a verb does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    /// Looks.
    Read,
    /// Looks, and prints a credential or the value of a secret.
    Values,
    /// Makes or changes something that this takes back.
    Undo(&'static str),
    /// Changes something whose former state is not kept.
    Change,
    /// Stops and starts again.
    Restart,
    /// Runs something.
    Run,
    /// Ends a service.
    Cut,
    /// Removes something.
    Delete,
    /// Changes who may do what.
    Access,
}

/// What each verb does.
static WORDS: LazyLock<HashMap<&str, Sort>> = LazyLock::new(|| {
    let mut words = HashMap::new();
    for line in include_str!("verbs.words").lines() {
        let (sort, verbs) = line.split_once(' ').unwrap_or((line, ""));
        match (named(sort), verbs.split_once(' ')) {
            (Some(sort), _) => words.extend(verbs.split(' ').map(|verb| (verb, sort))),
            (None, Some((verb, undo))) if sort == "undo" => {
                words.insert(verb, Sort::Undo(undo));
            }
            (None, _) => {}
        }
    }
    words
});

/// The sort of this name.
pub(super) fn named(name: &str) -> Option<Sort> {
    Some(match name {
        "read" => Sort::Read,
        "values" => Sort::Values,
        "change" => Sort::Change,
        "restart" => Sort::Restart,
        "run" => Sort::Run,
        "cut" => Sort::Cut,
        "delete" => Sort::Delete,
        "access" => Sort::Access,
        _ => return None,
    })
}

/// Words before the verb itself: `batch-delete-image`, `admin-get-user`.
const MANY: [&str; 5] = ["batch-", "admin-", "bulk-", "transact-", "global-"];
/// Parts of a name that are graver than its first word: `start-remote-delete`.
const GRAVE: [&str; 8] = [
    "delete",
    "deletion",
    "terminat",
    "revocation",
    "revoke",
    "disassociat",
    "destroy",
    "purge",
];
/// Parts of a name whose former value nobody keeps, or to which nothing goes back.
const UNKEPT: [&str; 9] = [
    "password",
    "secret",
    "version",
    "code",
    "engine",
    "token",
    "credential",
    "master",
    "login",
];
/// Verbs that also name things: `load-balancer`, `backup`, `record-set`.
const NOUNS: &str = "load record backup snapshot log logs lock label index build batch report usage metrics status history info version test bulk stream print scan import export restore preview connect deploy patch configure translate release query copy link tag schedule monitor run";

/// What a verb does: the whole word, or the part of it before the first `-` or `_`.
pub(super) fn sort(word: &str) -> Option<Sort> {
    if let Some(rest) = MANY.iter().find_map(|many| word.strip_prefix(many)) {
        return sort(rest);
    }
    let first = first_part(word);
    let sort = whole(word)
        .or_else(|| whole(first))
        .map(|sort| milder(word, sort));
    let grave = first != "undelete"
        && word.len() > first.len()
        && GRAVE.iter().any(|part| word.contains(part));
    match sort {
        Some(Sort::Undo(undo))
            if undo.contains("former") && UNKEPT.iter().any(|part| word.contains(part)) =>
        {
            Some(Sort::Change)
        }
        Some(Sort::Undo(_) | Sort::Change | Sort::Run | Sort::Restart) if grave => {
            Some(Sort::Delete)
        }
        sort => sort,
    }
}

fn first_part(word: &str) -> &str {
    word.split(['-', '_']).next().unwrap_or(word)
}

/// Whether a word that may be a verb may also name a group of things.
pub(super) fn is_noun_too(word: &str) -> bool {
    NOUNS.split(' ').any(|noun| noun == first_part(word))
}

fn whole(word: &str) -> Option<Sort> {
    WORDS.get(word).copied()
}

/// Labels and tags that are taken away can be set again.
fn milder(word: &str, sort: Sort) -> Sort {
    let marks = ["-tag", "-label", "_tag", "_label", "-metadata"]
        .iter()
        .any(|mark| word.contains(mark));
    if marks && matches!(sort, Sort::Delete | Sort::Cut) && !word.contains("policies") {
        Sort::Undo("set the tags again")
    } else {
        sort
    }
}

impl Sort {
    /// What this does to the object.
    pub(super) fn effect(self, object: Object) -> Effect {
        match self {
            Self::Read => Effect::read(Verb::Read, object),
            Self::Values => Effect {
                secrets: Secrets::Values,
                ..Effect::read(Verb::Read, object)
            },
            Self::Undo(undo) => Effect::change(Verb::Update, object, undo),
            Self::Change => Effect {
                reversible: Reversible::Unknown,
                ..Effect::read(Verb::Update, object)
            },
            Self::Restart => Effect {
                reversible: Reversible::Recreated,
                ..Effect::read(Verb::Restart, object)
            },
            Self::Run => Effect {
                reversible: Reversible::Unknown,
                reach: Reach::Unknown,
                ..Effect::read(Verb::RunCode, object)
            },
            Self::Cut => Effect {
                service_cut: Tri::Yes,
                reversible: Reversible::Unknown,
                ..Effect::read(Verb::ServiceStop, object)
            },
            Self::Delete => Effect::destructive(Verb::Delete, object),
            Self::Access => Effect {
                access_change: Tri::Yes,
                reversible: Reversible::Unknown,
                ..Effect::read(Verb::Bind, object)
            },
        }
    }
}
