//! Editors, and the commands that they are started with.

use super::{Call, Found, Grammar, Stdin, Word, interactive, nested_text};
use crate::commands::shell::{decides_access, writing};

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "vi" | "vim" | "nvim" | "view" | "ex" | "vimdiff" | "rvim" => Some(vim),
        "ed" | "nano" | "pico" | "emacs" | "joe" | "mcedit" | "micro" => Some(editor),
        _ => None,
    }
}

/// `vim -c '!command'`, `vim '+!command'`
fn vim(call: &Call<'_>, found: &mut Found) {
    if let [only] = call.arguments
        && matches!(only.known(), Some("--version" | "--help" | "-h"))
    {
        return;
    }
    edits(call, found);
    let mut rest = call.arguments.iter();
    while let Some(word) = rest.next() {
        let text = word.text();
        let command = match text {
            "-c" | "--cmd" | "-S" | "-s" | "-u" => rest.next().cloned(),
            _ => text
                .strip_prefix('+')
                .or_else(|| text.strip_prefix("-c"))
                .map(|text| word.with_text(text)),
        };
        if let Some(command) = command {
            commanded(&command, call, found);
        }
    }
}

fn commanded(command: &Word, call: &Call<'_>, found: &mut Found) {
    let text = command.text();
    let tame = text
        .trim_start_matches(':')
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        || text.starts_with('/')
        || matches!(
            text.trim_start_matches(':'),
            "q" | "q!"
                | "qa"
                | "qa!"
                | "wq"
                | "w"
                | "x"
                | "set nu"
                | "set number"
                | "syntax on"
                | "$"
                | "wqa"
        );
    if command.known().is_some() && tame {
        return;
    }
    match text.split_once('!') {
        Some((_, shell)) if command.known().is_some() && !shell.is_empty() => {
            nested_text(&Word::Known(shell.to_owned()), &Stdin::Nothing, call, found);
        }
        _ => found.unknown_code(
            &call.setting.place,
            call.program,
            format!("what `{text}` does is not known"),
        ),
    }
}

/// Whoever edits decides what is written.
fn editor(call: &Call<'_>, found: &mut Found) {
    let check = call.arguments.first().and_then(Word::known);
    if matches!(check, Some("--version" | "-V" | "--help")) {
        return;
    }
    let commands = |word: &Word| {
        let text = word.text();
        text.starts_with("--eval")
            || text.starts_with("-f")
            || text.contains("batch")
            || text == "-l"
    };
    let runs = matches!(call.program, "emacs" | "ed") && call.arguments.iter().any(commands);
    if runs || call.program == "ed" && *call.stdin != Stdin::Nothing {
        let reason = "what the commands of the editor do is not known";
        found.unknown_code(&call.setting.place, call.program, reason);
    }
    edits(call, found);
}

/// Files that somebody edits; some of them decide who may do what.
pub(super) fn edits(call: &Call<'_>, found: &mut Found) {
    for file in call.arguments {
        let path = call.setting.resolve(file.text());
        if !path.starts_with(['-', '+']) && decides_access(&path) {
            found.effect(writing(&call.setting.place, &path, false));
        }
    }
    interactive(call, found);
}
