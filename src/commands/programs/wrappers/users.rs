//! Programs that run a command as somebody else.

use super::{
    Call, Found, Grammar, Word, editors, environment::assignments, interactive, nested,
    nested_from, nested_text, shells, starts, tables, unknown_flags,
};

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "sudo" => Some(sudo),
        "sudoedit" => Some(editors::edits),
        "doas" => Some(doas),
        "su" => Some(su),
        "runuser" => Some(runuser),
        "gosu" | "su-exec" | "setuidgid" | "chpst" | "fakeroot" => Some(user_first),
        "pkexec" => Some(pkexec),
        "sg" => Some(sg),
        "capsh" => Some(capsh),
        _ => None,
    }
}

fn sudo(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::SUDO.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.shows(&["l", "list", "V", "version", "help"]) {
        return;
    }
    if parsed.has(&["e", "edit"]) {
        return interactive(call, found);
    }
    let own = assignments(&parsed.words, call, found);
    let command = parsed.words.get(own..).unwrap_or_default();
    if !command.is_empty() {
        let folder = parsed.value(&["D", "chdir"]);
        if folder.is_some_and(|folder| !folder.known().is_some_and(|path| path.starts_with('/'))) {
            found.opaque("in which folder it runs is not known");
        }
        nested_from(folder, command, call, found);
    } else if parsed.has(&["i", "login", "s", "shell"]) {
        shells::from_input(call, found);
    } else if !parsed.has(&[
        "v",
        "validate",
        "k",
        "reset-timestamp",
        "K",
        "remove-timestamp",
    ]) {
        interactive(call, found);
    }
}

fn doas(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::DOAS.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if !parsed.words.is_empty() {
        nested(&parsed.words, call, found);
    } else if parsed.has(&["s"]) {
        shells::from_input(call, found);
    } else if !parsed.has(&["L", "C"]) {
        interactive(call, found);
    }
}

/// `su [-] [user] -c text`
fn su(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::SU.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.shows(&["h", "help", "V", "version"]) {
        return;
    }
    if let Some(shell) = parsed.value(&["s", "shell"])
        && !shell.known().is_some_and(shells::is_shell)
    {
        starts(
            shell.text(),
            call.setting,
            found,
            "it starts a program in place of a shell",
        );
    }
    let words: Vec<&Word> = parsed
        .words
        .iter()
        .filter(|word| word.known() != Some("-"))
        .collect();
    match parsed.value(&["c", "command", "session-command"]) {
        Some(text) => nested_text(text, call.stdin, call, found),
        None if words.len() > 1 => {
            found.unknown_code(
                &call.setting.place,
                "su",
                "the words after the user are the shell's",
            );
        }
        None => shells::from_input(call, found),
    }
}

/// `runuser -u user -- command`, or like `su`.
fn runuser(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::RUNUSER.parse(call.arguments);
    if parsed.unknown.is_empty() && parsed.has(&["u", "user"]) {
        return nested(&parsed.words, call, found);
    }
    su(call, found);
}

/// `gosu user command`
fn user_first(call: &Call<'_>, found: &mut Found) {
    let skip = usize::from(call.program != "fakeroot");
    match call.arguments {
        [flag, ..] if flag.text().starts_with('-') => {
            found.unknown_code(
                &call.setting.place,
                call.program,
                format!("`{} {}`", call.program, flag.text()),
            );
        }
        words => nested(words.get(skip..).unwrap_or_default(), call, found),
    }
}

/// `sg group -c text`
fn sg(call: &Call<'_>, found: &mut Found) {
    let words: Vec<&Word> = call
        .arguments
        .iter()
        .filter(|word| !matches!(word.known(), Some("-" | "-c")))
        .collect();
    match words[..] {
        [_, text] => nested_text(text, call.stdin, call, found),
        _ => interactive(call, found),
    }
}

fn pkexec(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::PKEXEC.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.words.is_empty() && !parsed.shows(&["version", "help"]) {
        interactive(call, found);
    }
    nested(&parsed.words, call, found);
}

/// `capsh --drop=all -- -c text`: what follows `--` are words of a shell.
fn capsh(call: &Call<'_>, found: &mut Found) {
    let end = call
        .arguments
        .iter()
        .position(|word| matches!(word.known(), Some("--" | "==" | "-+" | "=+")));
    let flags = call
        .arguments
        .get(..end.unwrap_or(call.arguments.len()))
        .unwrap_or_default();
    let harmless = |word: &Word| {
        let flag = word
            .known()
            .map(|text| text.split_once('=').map_or(text, |(flag, _)| flag));
        matches!(
            flag,
            Some(
                "--print"
                    | "--decode"
                    | "--supports"
                    | "--has-p"
                    | "--has-i"
                    | "--has-a"
                    | "--has-b"
                    | "--current"
                    | "--explain"
                    | "--suggest"
                    | "--drop"
                    | "--caps"
                    | "--user"
                    | "--uid"
                    | "--gid"
                    | "--groups"
                    | "--keep"
                    | "--inh"
                    | "--addamb"
                    | "--delamb"
                    | "--noamb"
                    | "--secbits"
                    | "--mode"
                    | "--modes"
                    | "--noenv"
                    | "--help"
                    | "--license"
                    | "--is-uid"
                    | "--is-gid"
                    | "--iab"
                    | "--forkfor"
            )
        )
    };
    if let Some(flag) = flags.iter().find(|word| !harmless(word)) {
        found.unknown_code(
            &call.setting.place,
            "capsh",
            format!("what `{}` means to `capsh` is not known", flag.text()),
        );
    }
    if let Some(end) = end {
        let arguments = call.arguments.get(end + 1..).unwrap_or_default();
        shells::shell(
            &Call {
                program: "bash",
                arguments,
                ..*call
            },
            found,
        );
    }
}
