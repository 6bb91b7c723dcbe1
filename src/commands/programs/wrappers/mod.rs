//! Programs that run other programs: `sudo`, `env`, `xargs`, `timeout`, `ssh`, `nsenter`; shells and interpreters.
//!
//! Each takes its own flags off and hands the rest back to [`super::judge`] or to the shell. A flag that is not known may take the next
//! word, so that nobody knows where the command begins: then it is code that nobody knows.

mod builtins;
mod editors;
mod environment;
mod interpreters;
mod later;
mod many;
mod prefixes;
mod remote;
mod shells;
mod tables;
mod terminals;
mod users;

use super::Grammar;
use crate::commands::{
    flags::{Parsed, Table},
    found::{Found, object},
    programs::files::paths::{Write, others_may_write, written},
    shell,
    word::{Call, Setting, Stdin, Word},
};
use crate::domain::effect::{Effect, Reversible, Verb};

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    let families: [fn(&str) -> Option<Grammar>; 11] = [
        builtins::grammar,
        editors::grammar,
        environment::grammar,
        interpreters::grammar,
        later::grammar,
        many::grammar,
        prefixes::grammar,
        remote::grammar,
        shells::grammar,
        terminals::grammar,
        users::grammar,
    ];
    families.iter().find_map(|family| family(program))
}

/// A command inside the call, with the same input.
fn nested(words: &[Word], call: &Call<'_>, found: &mut Found) {
    nested_with(words, call.stdin, call, found);
}

/// A command inside the call that is carried out in this folder.
fn nested_from(folder: Option<&Word>, words: &[Word], call: &Call<'_>, found: &mut Found) {
    let Some(mut setting) = call.setting.deeper() else {
        return too_deep(call, found);
    };
    if let Some(folder) = folder {
        setting.folder.enter(folder.known());
    }
    super::judge(words, call.stdin, &setting, found);
}

fn nested_with(words: &[Word], stdin: &Stdin, call: &Call<'_>, found: &mut Found) {
    match inside(call) {
        Some(setting) => super::judge(words, stdin, &setting, found),
        None => too_deep(call, found),
    }
}

/// For what a wrapper starts: it stands where a flag says, or nobody knows where if that is not known.
fn inside<'a>(call: &Call<'a>) -> Option<Setting<'a>> {
    let mut setting = call.setting.deeper()?;
    for (place, word) in call.arguments.iter().enumerate() {
        if let Some(rest) = moves(call.program, word.text()) {
            let next = call.arguments.get(place + 1);
            let folder = match rest {
                "" => next.filter(|next| !next.text().starts_with('-')),
                _ => Some(word),
            };
            let known = folder.and_then(Word::known);
            let path = known.map(|path| if rest.is_empty() { path } else { rest });
            setting.folder.enter(path);
        }
    }
    Some(setting)
}

/// Whether a word tells a program in which folder it is to start another; the path, if it is glued to it.
fn moves<'t>(program: &str, text: &'t str) -> Option<&'t str> {
    let long = [
        "--wd",
        "--working-directory",
        "--workdir",
        "--chdir",
        "--pwd",
    ];
    let short = match program {
        "nsenter" | "unshare" => Some("-w"),
        "start-stop-daemon" => Some("-d"),
        _ => None,
    };
    let glued = |flag: &&str| {
        let rest = text.strip_prefix(*flag)?;
        (rest.is_empty() || rest.starts_with('=')).then(|| rest.trim_start_matches('='))
    };
    if let Some(rest) = long.iter().find_map(glued) {
        return Some(rest);
    }
    if let Some((_, path)) = text.split_once("WorkingDirectory=") {
        return Some(path.trim_start_matches('-'));
    }
    let rest = short.and_then(|flag| text.strip_prefix(flag))?;
    (!text.starts_with("--")).then(|| rest.trim_start_matches('='))
}

/// A text inside the call that a shell runs.
fn nested_text(text: &Word, stdin: &Stdin, call: &Call<'_>, found: &mut Found) {
    match (text.known(), inside(call)) {
        // `su -c -- TEXT`: the shell takes it for a flag of its own, and what follows for the text.
        (Some(flag), _) if flag.starts_with('-') => found.unknown_code(
            &call.setting.place,
            call.program,
            format!(
                "`{flag}` stands where `{}` expects a text to run",
                call.program
            ),
        ),
        (Some(text), Some(setting)) => shell::judge(text, stdin, &setting, found),
        (None, _) => found.unknown_code(
            &call.setting.place,
            call.program,
            format!("`{}` runs a text that is not known", call.program),
        ),
        (_, None) => too_deep(call, found),
    }
}

/// Words that a shell puts together to one text, as `watch` and `ssh` do.
fn joined(words: &[Word]) -> Word {
    let text = words.iter().map(Word::text).collect::<Vec<_>>().join(" ");
    if words.iter().all(|word| word.known().is_some()) {
        Word::Known(text)
    } else {
        Word::Unknown(text)
    }
}

fn too_deep(call: &Call<'_>, found: &mut Found) {
    found.unknown_code(
        &call.setting.place,
        call.program,
        "commands stand too deep in each other",
    );
}

/// Flags that nobody described: where the command begins is not known.
fn unknown_flags(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    if let Some(flag) = parsed.unknown.first() {
        found.unknown_code(
            &call.setting.place,
            call.program,
            format!("what `{flag}` means to `{}` is not known", call.program),
        );
    }
}

/// A program starts of which only the name is known.
fn starts(name: &str, setting: &Setting<'_>, found: &mut Found, reason: &str) {
    found.effect(Effect {
        verb: Verb::RunCode,
        reversible: Reversible::Unknown,
        ..Effect::read(Verb::Read, object(&setting.place, "program", name))
    });
    found.opaque(reason);
}

/// A shell, an editor, a session at which somebody types.
fn interactive(call: &Call<'_>, found: &mut Found) {
    found.effect(Effect {
        verb: Verb::Exec,
        reversible: Reversible::Unknown,
        ..Effect::read(
            Verb::Read,
            object(&call.setting.place, "program", call.program),
        )
    });
    found.opaque(format!("what is typed at `{}` is not known", call.program));
}

/// A file that the call writes.
fn writes(path: &str, call: &Call<'_>, found: &mut Found) {
    let word = Word::Known(path.to_owned());
    written(&word, Write::Replace, &call.setting.place, found);
}

/// A file whose text is known: pinned, or written before.
fn content(path: &str, call: &Call<'_>) -> Option<String> {
    String::from_utf8(call.setting.files.read(path)?).ok()
}

/// The same, of a program's text, if it lies where no others may write: elsewhere it may be another one by the time that it runs.
fn own_content(path: &str, call: &Call<'_>) -> Option<String> {
    content(path, call).filter(|_| !others_may_write(&call.setting.resolve(path)))
}
