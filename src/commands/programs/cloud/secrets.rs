//! Programs that keep and open secrets, and one that keeps archives: gpg, age, sops, pass, borg. Their flags stand in handbooks.

use super::verbs::Sort;
use crate::{
    commands::{
        flags::Parsed,
        found::{Found, object},
        programs,
        programs::handbook::{Handbook, Page, file_made, file_written, guarded_file},
        shell,
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Reversible, Verb},
};

fn thing(call: &Call<'_>, parsed: &Parsed) -> Object {
    object(
        &call.setting.place,
        "secret",
        parsed.words.first().map_or("", Word::text),
    )
}

/// Words that are not known before they are read.
fn doubt(page: &Page<'_>, found: &mut Found) {
    for word in &page.parsed.words {
        found.doubt(word);
    }
}

/// gpg: its commands are flags.
#[expect(clippy::too_many_lines, reason = "one table of gpg's commands")]
pub(super) fn gpg(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    doubt(page, found);
    let place = &call.setting.place;
    let key = thing(call, parsed);
    let output = parsed
        .value(&["o", "output"])
        .filter(|file| file.text() != "-");
    let has = |names: &[&str]| parsed.has(names);
    let prints = has(&[
        "export",
        "dearmor",
        "enarmor",
        "export-ssh-key",
        "export-ownertrust",
    ]) && output.is_none();
    let looks = has(&[
        "verify",
        "verify-files",
        "k",
        "list-keys",
        "list-public-keys",
        "K",
        "list-secret-keys",
        "list-sigs",
        "list-signatures",
        "check-sigs",
        "fingerprint",
        "list-packets",
        "card-status",
        "search-keys",
        "show-keys",
        "print-md",
        "list-config",
        "locate-keys",
        "check-trustdb",
    ]);
    // Without `--yes` it overwrites nothing that nobody consents to.
    let new_file = !has(&["yes"]);
    let makes_file = has(&[
        "c",
        "symmetric",
        "e",
        "encrypt",
        "s",
        "sign",
        "b",
        "detach-sign",
        "detach-sig",
        "clearsign",
        "clear-sign",
    ]);
    let effect = if has(&[
        "export-secret-keys",
        "export-secret-subkeys",
        "d",
        "decrypt",
        "decrypt-files",
        "show-session-key",
    ]) {
        Sort::Values.effect(key)
    } else if has(&[
        "delete-key",
        "delete-keys",
        "delete-secret-key",
        "delete-secret-keys",
        "delete-secret-and-public-key",
    ]) {
        Sort::Delete.effect(key)
    } else if has(&[
        "edit-key",
        "card-edit",
        "edit-card",
        "sign-key",
        "lsign-key",
        "quick-sign-key",
        "import-ownertrust",
        "quick-revoke-uid",
    ]) {
        Sort::Access.effect(key)
    } else if looks || prints || parsed.shows(&["n", "dry-run"]) {
        Effect::read(Verb::Read, key)
    } else if parsed.flags.is_empty() && parsed.words.len() == 1 {
        // Without a command, gpg opens what it is given.
        Sort::Values.effect(key)
    } else if has(&[
        "import",
        "recv-keys",
        "receive-keys",
        "recv-key",
        "fetch-keys",
    ]) {
        Sort::Undo("gpg --delete-keys").effect(key)
    } else if new_file && makes_file {
        Sort::Undo("remove the file that it writes").effect(key)
    } else {
        Sort::Change.effect(key)
    };
    found.effect(effect);
    if let Some(file) = output {
        guarded_file(file, place, found);
        let mut effect = file_written(place, file.text());
        if new_file {
            effect.reversible = Reversible::Undo(format!("remove {}", file.text()));
        }
        found.effect(effect);
    }
}

/// age and age-keygen.
pub(super) fn age(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    doubt(page, found);
    let output = parsed
        .value(&["o", "output"])
        .filter(|file| file.text() != "-");
    let key = thing(call, parsed);
    let generates = call.program == "age-keygen" && !parsed.has(&["y"]);
    if parsed.has(&["d", "decrypt"]) || generates && output.is_none() {
        found.effect(Sort::Values.effect(key));
    } else {
        found.effect(Effect::read(Verb::Read, key));
    }
    if let Some(file) = output {
        file_made(file, &call.setting.place, found);
    }
}

/// sops: by flags as of old, or by verbs.
pub(super) fn sops(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    doubt(page, found);
    let key = thing(call, parsed);
    let has = |names: &[&str]| parsed.has(names);
    let output = parsed.value(&["output"]);
    let verb = parsed.verb().unwrap_or("");
    let writes = has(&["i", "in-place"]) || output.is_some();
    let effect = match verb {
        _ if has(&["d", "decrypt"]) => Sort::Values.effect(key),
        "decrypt" | "edit" | "exec-env" | "exec-file" => Sort::Values.effect(key),
        "updatekeys" | "groups" | "keyservice" | "publish" => Sort::Access.effect(key),
        "filestatus" | "completion" => Effect::read(Verb::Read, key),
        "set" | "rotate" | "unset" => Sort::Change.effect(key),
        _ if parsed
            .flags
            .iter()
            .any(|flag| flag.name.starts_with("add-") || flag.name.starts_with("rm-")) =>
        {
            Sort::Access.effect(key)
        }
        _ if has(&["r", "rotate", "set"]) => Sort::Change.effect(key),
        "encrypt" if writes => Sort::Undo("sops -d -i").effect(key),
        "encrypt" => Effect::read(Verb::Read, key),
        _ if has(&["e", "encrypt"]) && writes => Sort::Undo("sops -d -i").effect(key),
        _ if has(&["e", "encrypt"]) => Effect::read(Verb::Read, key),
        // A file alone is opened in an editor.
        _ => Sort::Values.effect(key),
    };
    found.effect(effect);
    if matches!(verb, "exec-env" | "exec-file") {
        match (
            parsed.words.get(2).and_then(Word::known),
            call.setting.deeper(),
        ) {
            (Some(text), Some(setting)) => shell::judge(text, call.stdin, &setting, found),
            _ => found.unknown_code(
                &call.setting.place,
                "sops",
                "what runs with the secrets is not known",
            ),
        }
    }
}

/// pass and gopass: a word that is no verb is the name of a secret.
pub(super) fn pass(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    doubt(page, found);
    let key = thing(call, parsed);
    let effect = match parsed.verb() {
        None if parsed.words.is_empty() => Effect::read(Verb::List, key),
        Some("ls" | "list" | "find" | "search" | "help" | "version") => {
            Effect::read(Verb::List, key)
        }
        // It asks before it overwrites.
        Some("insert" | "add") if !parsed.has(&["f", "force"]) => Sort::Undo("pass rm").effect(key),
        Some("insert" | "add" | "mv" | "rename" | "cp" | "copy" | "sync" | "create" | "link") => {
            Sort::Change.effect(key)
        }
        Some("init" | "recipients") => Sort::Access.effect(key),
        Some("rm" | "remove" | "delete") => Sort::Delete.effect(key),
        Some("git") => {
            let mut words = vec![Word::Known("git".to_owned())];
            words.extend_from_slice(call.arguments.get(1..).unwrap_or(&[]));
            return match call.setting.deeper() {
                Some(setting) => programs::judge(&words, call.stdin, &setting, found),
                None => found.unknown_code(
                    &call.setting.place,
                    "pass",
                    "commands stand too deep in each other",
                ),
            };
        }
        _ => Sort::Values.effect(key),
    };
    found.effect(effect);
}

/// borg.
pub(super) fn borg(_: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    doubt(page, found);
    let words = &parsed.words;
    let archive = object(
        &call.setting.place,
        "archive",
        words.get(1).map_or("", Word::text),
    );
    let verb = parsed.verb().unwrap_or("");
    let dry = parsed.shows(&["n", "dry-run"]);
    let undo = |effect: &'static str| Sort::Undo(effect);
    let sort = match verb {
        "" if words.is_empty() => Sort::Read,
        "list" | "info" | "diff" | "help" | "repo-list" | "repo-info" | "rinfo" | "rlist"
        | "version" | "analyze" => Sort::Read,
        "config" if parsed.shows(&["l", "list"]) => Sort::Read,
        "check" if parsed.has(&["repair"]) => Sort::Delete,
        "check" => Sort::Read,
        "create" | "prune" | "delete" | "extract" | "recreate" | "repo-delete" | "rdelete"
        | "upgrade" | "transfer" | "undelete"
            if dry =>
        {
            Sort::Read
        }
        "extract" if parsed.has(&["stdout"]) => Sort::Read,
        "create" | "import-tar" => undo("borg delete the archive"),
        "init" | "repo-create" | "rcreate" => undo("remove the repository"),
        "rename" => undo("rename it back"),
        "mount" => undo("borg umount"),
        "umount" => undo("borg mount"),
        "compact" | "upgrade" | "config" | "break-lock" | "transfer" | "tag" | "undelete" => {
            Sort::Change
        }
        "delete" | "prune" | "recreate" | "repo-delete" | "rdelete" => Sort::Delete,
        "key" => match words.get(1).map(Word::text) {
            Some("export") => Sort::Values,
            _ => Sort::Access,
        },
        "export-tar" if words.last().is_some_and(|word| word.text() == "-") => Sort::Read,
        "extract" | "export-tar" => {
            return found.effect(file_written(
                &call.setting.place,
                words.get(2).map_or(".", Word::text),
            ));
        }
        "with-lock" => {
            return match call.setting.deeper() {
                Some(setting) => {
                    programs::judge(words.get(2..).unwrap_or(&[]), call.stdin, &setting, found);
                }
                None => found.unknown_code(
                    &call.setting.place,
                    "borg",
                    "commands stand too deep in each other",
                ),
            };
        }
        _ => {
            found.opaque(format!("`borg {verb}` is not known to the gate"));
            Sort::Run
        }
    };
    found.effect(sort.effect(archive));
}
