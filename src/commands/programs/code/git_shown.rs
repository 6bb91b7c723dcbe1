//! What git prints of files: `git show HEAD:.env` prints a secret, `git log --stat -- .env` does not.

use crate::commands::{
    folder::resolve,
    found::Found,
    programs::{
        files::{
            paths::printed,
            search::fits_all,
            secrets::{discloses, holds_secrets},
        },
        manual::Form,
        names::listed,
    },
    word::{Call, Stdin},
};
use crate::domain::effect::{Effect, Secrets, Verb};

/// Commands that print what stands in files.
const PRINTING: &str = "archive show cat-file diff grep blame annotate whatchanged range-diff diff-tree diff-index diff-files difftool";

/// Commands that only do so with a flag that asks for it.
const ASKED: &str = "log reflog stash format-patch rev-list";

/// Flags that ask for it.
const PATCH: [&str; 14] = [
    "p",
    "patch",
    "u",
    "U",
    "unified",
    "L",
    "W",
    "function-context",
    "patch-with-raw",
    "patch-with-stat",
    "c",
    "cc",
    "stdout",
    "word-diff",
];

/// Flags with which only names and numbers are shown, unless one of the others stands beside them.
const NAMES: [&str; 22] = [
    "stat",
    "numstat",
    "shortstat",
    "dirstat",
    "compact-summary",
    "summary",
    "name-only",
    "name-status",
    "raw",
    "s",
    "no-patch",
    "quiet",
    "q",
    "exit-code",
    "l",
    "files-with-matches",
    "files-without-match",
    "c",
    "count",
    "e",
    "t",
    "check",
];

/// Puts in what a call prints of secrets.
pub(super) fn judge(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let verb = form.path.first().copied().unwrap_or_default();
    if verb == "config" {
        for file in form.parsed.values(&["f", "file"]) {
            printed(file, &call.setting.place, found);
        }
    }
    repeated(verb, form, call, found);
    let asked = match verb {
        "grep" | "cat-file" => false,
        _ => form.parsed.has(&PATCH),
    };
    let names = form.parsed.has(&NAMES) && !asked && form.parsed.unknown.is_empty();
    if asked && listed(ASKED, verb) || listed(PRINTING, verb) && !names {
        disclosed(form, call, found);
    }
}

/// Files that a command repeats, or shows in its complaint about them.
fn repeated(verb: &str, form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let flags: &[&str] = match verb {
        "grep" => &["f"],
        "blame" | "annotate" => &["S", "contents", "ignore-revs-file"],
        "mailinfo" | "commit" | "tag" | "notes" => &["F", "file"],
        _ => &[],
    };
    for file in form.parsed.values(flags) {
        printed(file, &call.setting.place, found);
    }
    let fed =
        "shortlog stripspace interpret-trailers column mailinfo patch-id check-ref-format name-rev";
    if !listed(fed, verb) {
        return;
    }
    if let Stdin::File(file) = call.stdin {
        printed(file, &call.setting.place, found);
    }
    if verb == "interpret-trailers" {
        let words = form.parsed.words.iter();
        words.for_each(|word| printed(word, &call.setting.place, found));
    }
}

fn disclosed(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let mut folder = call.setting.folder.clone();
    for flag in form.parsed.flags.iter().take(form.before) {
        if let Some(path) = flag.value.as_ref().filter(|_| flag.name == "C") {
            folder.enter(path.known());
        }
    }
    for word in &form.parsed.words {
        let path = word
            .text()
            .split_once(':')
            .map_or(word.text(), |(_, path)| path);
        // Outside of a repository every file may be searched.
        let mut words = form.parsed.words.iter();
        let whole = form.parsed.has(&["no-index"])
            && (form.path == ["diff"]
                || form.path == ["grep"] && words.any(|word| fits_all(word.text())))
            && holds_secrets(path);
        if discloses(path) || discloses(&resolve(folder.known.as_deref(), path)) || whole {
            found.effect(Effect {
                secrets: Secrets::Values,
                ..Effect::read(Verb::FileRead, form.object(call))
            });
        }
    }
}
