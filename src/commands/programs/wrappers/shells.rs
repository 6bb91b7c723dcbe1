//! Shells: a text after `-c`, a file, or what comes in.

use super::{
    Call, Found, Grammar, Stdin, Word, content, interactive, object, shell, starts, too_deep,
};
use crate::domain::effect::{Effect, Verb};

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    if is_shell(program) {
        return Some(shell);
    }
    match program {
        "busybox" | "toybox" => Some(applet),
        "csh" | "tcsh" | "pwsh" | "powershell" | "nu" | "elvish" | "xonsh" | "rc" => Some(other),
        _ => None,
    }
}

/// Whether a program is a shell whose language is read here.
pub(super) fn is_shell(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    matches!(
        name,
        "sh" | "bash"
            | "dash"
            | "ash"
            | "zsh"
            | "ksh"
            | "ksh93"
            | "mksh"
            | "rbash"
            | "fish"
            | "hush"
    )
}

/// What a shell runs.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// The file that its first word names, or what comes in.
    #[default]
    File,
    /// Its first word.
    Text,
    /// What comes in.
    Input,
}

/// What a shell was told by its flags.
#[derive(Default)]
struct Told {
    runs: Runs,
    /// It only looks whether it could run it.
    checks: bool,
    /// It shows its version.
    shows: bool,
}

pub(super) fn shell(call: &Call<'_>, found: &mut Found) {
    if matches!(
        call.program,
        "zsh" | "ksh" | "ksh93" | "mksh" | "fish" | "hush"
    ) {
        found.opaque(format!("`{}` speaks a language of its own", call.program));
    }
    let mut told = Told::default();
    let mut rest = call.arguments;
    while let Some((first, more)) = rest.split_first() {
        let text = first.text();
        if !text.starts_with(['-', '+']) || first.known().is_none() && !text.starts_with(['-', '+'])
        {
            break;
        }
        rest = more;
        if text == "--" || text == "-" {
            break;
        }
        let skip = flag(text, rest.first(), &mut told, call, found);
        rest = rest.get(skip..).unwrap_or_default();
    }
    if told.shows {
        return;
    }
    operands(&told, rest, call, found);
}

/// One flag; how many words it takes.
fn flag(
    text: &str,
    next: Option<&Word>,
    told: &mut Told,
    call: &Call<'_>,
    found: &mut Found,
) -> usize {
    match text {
        "--version" | "--help" => told.shows = true,
        "--norc" | "--noprofile" | "--login" | "--posix" | "--restricted" | "--verbose"
        | "--noediting" => {}
        "--rcfile" | "--init-file" => {
            if let Some(file) = next {
                script(file, &[], call, found);
            }
            return 1;
        }
        "--command" => told.runs = Runs::Text,
        _ if text.starts_with("--") => unknown(text, call, found),
        _ => return cluster(text, told, call, found),
    }
    0
}

fn cluster(text: &str, told: &mut Told, call: &Call<'_>, found: &mut Found) -> usize {
    let mut words = 0;
    for letter in text.chars().skip(1) {
        match letter {
            'c' => told.runs = Runs::Text,
            's' if told.runs == Runs::File => told.runs = Runs::Input,
            's' => {}
            'n' => told.checks = text.starts_with('-'),
            'o' | 'O' => words += 1,
            letter if "abefhiklmprtuvxBCEHPTD".contains(letter) => {}
            _ => unknown(text, call, found),
        }
    }
    words
}

fn unknown(flag: &str, call: &Call<'_>, found: &mut Found) {
    found.unknown_code(
        &call.setting.place,
        call.program,
        format!("what `{flag}` means to `{}` is not known", call.program),
    );
}

fn operands(told: &Told, rest: &[Word], call: &Call<'_>, found: &mut Found) {
    match rest.split_first() {
        _ if told.checks => {}
        Some((text, words)) if told.runs == Runs::Text => {
            run(text.known(), words, call.stdin, call, found);
        }
        None if told.runs == Runs::Text => unknown("-c", call, found),
        Some((file, words)) if told.runs == Runs::File => script(file, words, call, found),
        _ => input(rest, call, found),
    }
}

/// Runs a text with these words as `$0` and so on.
fn run(text: Option<&str>, words: &[Word], stdin: &Stdin, call: &Call<'_>, found: &mut Found) {
    match (text, call.setting.deeper()) {
        (Some(text), Some(setting)) => {
            shell::judge_with(text, words.to_vec(), stdin, &setting, found);
        }
        (None, _) => found.unknown_code(
            &call.setting.place,
            call.program,
            format!("`{}` runs a text that is not known", call.program),
        ),
        (_, None) => too_deep(call, found),
    }
}

fn script(file: &Word, words: &[Word], call: &Call<'_>, found: &mut Found) {
    let Some(path) = file.known() else {
        return found.unknown_code(
            &call.setting.place,
            call.program,
            format!("`{}` runs a file that is not known", call.program),
        );
    };
    if path == "/dev/stdin" || path == "/proc/self/fd/0" {
        return input(words, call, found);
    }
    let own = std::iter::once(file.clone())
        .chain(words.iter().cloned())
        .collect::<Vec<_>>();
    match content(path, call) {
        Some(text) => run(Some(&text), &own, call.stdin, call, found),
        None => starts(
            path,
            call.setting,
            found,
            "what the script holds is not known",
        ),
    }
}

/// A shell without words: it runs what comes in.
pub(super) fn from_input(call: &Call<'_>, found: &mut Found) {
    input(&[], call, found);
}

fn input(words: &[Word], call: &Call<'_>, found: &mut Found) {
    let own = std::iter::once(Word::Known(call.program.to_owned()))
        .chain(words.iter().cloned())
        .collect::<Vec<_>>();
    match call.stdin {
        Stdin::Nothing => interactive(call, found),
        Stdin::Known(text) => run(Some(text), &own, &Stdin::Piped, call, found),
        Stdin::File(file) => script(
            file,
            words,
            &Call {
                stdin: &Stdin::Nothing,
                ..*call
            },
            found,
        ),
        Stdin::Piped => run(None, &own, &Stdin::Piped, call, found),
        Stdin::Downloaded => {
            found.unknown_code(
                &call.setting.place,
                call.program,
                format!("`{}` runs what was downloaded", call.program),
            );
        }
    }
}

/// `busybox rm -rf /`
fn applet(call: &Call<'_>, found: &mut Found) {
    match call.arguments.first().and_then(Word::known) {
        None if call.arguments.is_empty() => {}
        Some("--list" | "--list-full" | "--help") => {}
        Some("--install") => {
            let links = object(&call.setting.place, "file", "links to busybox");
            found.effect(Effect::change(Verb::FileWrite, links, "remove the links"));
            found.bounded("it makes a link for each of its programs");
        }
        _ => super::nested(call.arguments, call, found),
    }
}

/// Shells whose language is not read here.
fn other(call: &Call<'_>, found: &mut Found) {
    match call.arguments {
        [flag] if matches!(flag.known(), Some("--version" | "-v" | "--help")) => {}
        _ => {
            let reason = format!(
                "the language of `{}` is not known to the gate",
                call.program
            );
            found.unknown_code(&call.setting.place, call.program, reason);
        }
    }
}
