//! Files that a program names without their folder, or not at all: what they are where a text went to another folder.

use super::{
    guard::guard_of,
    paths::{Write, written},
    secrets::{Sight, sight},
};
use crate::commands::{
    folder::{is_relative, resolve},
    found::{Found, object},
    word::{Setting, Word},
};
use crate::domain::effect::{Class, Effect, Secrets, Verb, Which};

/// Kinds of things that paths name.
const KINDS: [&str; 6] = [
    "file",
    "folder",
    "device",
    "manifest",
    "private key",
    "kubeconfig",
];

/// A program did this; what it touched may be another thing as seen from where it stands.
pub(in crate::commands) fn touched(effect: &Effect, setting: &Setting<'_>, found: &mut Found) {
    let object = &effect.object;
    let Which::Named(name) = &object.which else {
        return;
    };
    let reads = effect.verb == Verb::FileRead;
    let looks = !reads && effect.verb != Verb::FileWrite && effect.class() == Class::Read;
    let is_path = KINDS.contains(&object.kind.as_str()) && is_relative(name);
    if object.place != setting.place || looks {
        return;
    }
    let unnamed = object.kind == "program" && !reads;
    if unnamed && (setting.folder.lost || setting.folder.all().any(|folder| weighty(folder))) {
        found.opaque(format!(
            "`{name}` may write files in the folder it stands in"
        ));
    }
    if !is_path {
        return;
    }
    for folder in setting.folder.all() {
        let word = word(resolve(Some(folder), name));
        if reads {
            read(&word, setting, found);
        } else if guard_of(&word).is_some() {
            written(&word, Write::Replace, &setting.place, found);
        }
    }
    if setting.folder.lost {
        found.opaque(format!(
            "`{name}`: in which folder it is looked up is not known"
        ));
    }
}

/// Whether files that are written in this folder, or below it, may decide what the host does.
fn weighty(folder: &str) -> bool {
    let tops = [
        "/", "/etc", "/usr", "/lib", "/bin", "/sbin", "/dev", "/proc", "/sys", "/run", "/root",
        "/var", "/home", "~",
    ];
    tops.contains(&folder) || guard_of(&Word::Known(format!("{folder}/x"))).is_some()
}

fn read(word: &Word, setting: &Setting<'_>, found: &mut Found) {
    let sight = sight(word);
    if sight < Sight::Possible {
        return;
    }
    found.effect(Effect {
        secrets: Secrets::Values,
        ..Effect::read(Verb::FileRead, object(&setting.place, "file", word.text()))
    });
    if sight == Sight::Possible {
        found.opaque(format!("`{}` may name a secret", word.text()));
    }
}

/// A path that an effect names, as a word.
fn word(path: String) -> Word {
    if path.contains(['$', '`']) {
        Word::Unknown(path)
    } else if path.contains(['*', '?', '[']) {
        Word::Glob(path)
    } else {
        Word::Known(path)
    }
}
