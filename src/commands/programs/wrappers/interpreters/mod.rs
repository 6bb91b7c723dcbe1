//! Interpreters of other languages. Their programs are read word by word: one that only computes and prints is a read, every other is
//! code that nobody knows.

mod awk;
mod calculators;
mod code;
mod languages;
mod manners;
mod perl;
mod sed;

use super::{
    Call, Found, Grammar, Stdin, Word, content, interactive, nested, own_content, starts, writes,
};
use crate::commands::found::object;
use crate::commands::programs::files::paths::{carried_off_whole, printed};
use crate::commands::programs::files::secrets::discloses;
use crate::domain::effect::{Effect, Secrets, Verb};
use code::Language;

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "awk" | "gawk" | "mawk" | "nawk" | "original-awk" => return Some(awk::awk),
        "sed" | "gsed" => return Some(sed::sed),
        "perl" => return Some(perl::perl),
        "dc" => return Some(calculators::dc),
        "bc" => return Some(calculators::bc),
        _ => {}
    }
    let name = program.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    match name {
        "python" | "pypy" => Some(python),
        "ruby" | "jruby" => Some(manners::ruby),
        "node" | "nodejs" => Some(manners::node),
        "php" => Some(manners::php),
        "lua" | "luajit" => Some(manners::lua),
        "deno" | "bun" | "tclsh" | "wish" | "guile" | "racket" | "sbcl" | "clisp" | "julia"
        | "Rscript" | "R" | "octave" | "groovy" | "scala" | "jshell" | "ghci" | "runghc"
        | "elixir" | "iex" | "erl" | "escript" | "pwsh" | "powershell" | "raku" | "ocaml"
        | "swipl" | "gjs" | "qjs" | "osascript" => Some(other_language),
        _ => None,
    }
}

/// How an interpreter is called.
struct Manner {
    language: &'static Language,
    /// Flags whose next word is a program.
    code: &'static [&'static str],
    /// Flags that take the next word, and say nothing that matters.
    valued: &'static [&'static str],
    /// Letters that say nothing that matters, in clusters or alone.
    letters: &'static str,
    /// Long flags that say nothing that matters.
    plain: &'static [&'static str],
    /// Flags with which nothing runs.
    shows: &'static [&'static str],
    /// Flags with which a file is only checked.
    checks: &'static [&'static str],
}

/// What is to be run.
enum Run<'w> {
    Code(&'w Word),
    Module(&'w Word, &'w [Word]),
    File(&'w Word),
    Input,
    Nothing,
    Unknown(&'w str),
}

impl Manner {
    fn read<'w>(&self, words: &'w [Word]) -> Run<'w> {
        let mut rest = words;
        while let Some((first, more)) = rest.split_first() {
            let text = first.text();
            if !text.starts_with('-') || text == "-" {
                break;
            }
            rest = more;
            if text == "--" {
                break;
            }
            if self.shows.contains(&text) {
                return Run::Nothing;
            }
            if self.checks.contains(&text) {
                // What other flags bring in is loaded before the file is looked at.
                let other = rest.iter().find(|word| word.text().starts_with('-'));
                return other.map_or(Run::Nothing, |other| Run::Unknown(other.text()));
            }
            if self.code.contains(&text) {
                return rest.first().map_or(Run::Nothing, Run::Code);
            }
            if text == "-m" && self.language.name == "python" {
                return rest
                    .split_first()
                    .map_or(Run::Nothing, |(module, words)| Run::Module(module, words));
            }
            let cluster = !text.starts_with("--")
                && text
                    .chars()
                    .skip(1)
                    .all(|letter| self.letters.contains(letter));
            if self.valued.contains(&text) {
                rest = rest.get(1..).unwrap_or_default();
            } else if first.known().is_none() || !cluster && !self.plain.contains(&text) {
                return self
                    .last_of_cluster(text, rest)
                    .unwrap_or(Run::Unknown(text));
            }
        }
        match rest.first() {
            Some(file) if file.known() != Some("-") => Run::File(file),
            _ => Run::Input,
        }
    }

    /// `-uc program`
    fn last_of_cluster<'w>(&self, text: &str, rest: &'w [Word]) -> Option<Run<'w>> {
        let last = text.chars().last()?;
        let middle = text.get(1..text.len() - last.len_utf8())?;
        let fits =
            !text.starts_with("--") && middle.chars().all(|letter| self.letters.contains(letter));
        (fits && self.code.contains(&format!("-{last}").as_str()))
            .then(|| rest.first())
            .flatten()
            .map(Run::Code)
    }
}

fn run(manner: &Manner, call: &Call<'_>, found: &mut Found) {
    // Alone, it says which version it is, whatever else it does beside others.
    if let [only] = call.arguments
        && only.known() == Some("-v")
        && manner.letters.contains('v')
        && manner.language.name != "python"
    {
        return;
    }
    match manner.read(call.arguments) {
        Run::Nothing => {}
        Run::Code(code) => program(manner.language, code, call, found),
        Run::Module(module, words) => python_module(module, words, call, found),
        Run::File(file) => script(manner.language, file, call, found),
        Run::Input => match call.stdin {
            Stdin::Known(text) => program(manner.language, &Word::Known(text.clone()), call, found),
            Stdin::File(file) => script(manner.language, file, call, found),
            Stdin::Nothing => interactive(call, found),
            Stdin::Piped | Stdin::Downloaded => {
                found.unknown_code(
                    &call.setting.place,
                    call.program,
                    format!("`{}` runs what comes in", call.program),
                );
            }
        },
        Run::Unknown(flag) => found.unknown_code(
            &call.setting.place,
            call.program,
            format!("what `{flag}` means to `{}` is not known", call.program),
        ),
    }
}

/// A program as text.
fn program(language: &Language, code: &Word, call: &Call<'_>, found: &mut Found) {
    match code.known().map(|code| language.look(code)) {
        Some(Ok(())) => found.bounded(format!(
            "a program in {} that was read word by word",
            language.name
        )),
        Some(Err(word)) => found.unknown_code(
            &call.setting.place,
            call.program,
            format!(
                "what `{word}` does in a program in {} is not known",
                language.name
            ),
        ),
        None => found.unknown_code(
            &call.setting.place,
            call.program,
            "the program is not known",
        ),
    }
}

fn script(language: &Language, file: &Word, call: &Call<'_>, found: &mut Found) {
    let Some(path) = file.known() else {
        return found.unknown_code(
            &call.setting.place,
            call.program,
            "which file is run is not known",
        );
    };
    match content(path, call) {
        Some(text) => program(language, &Word::Known(text), call, found),
        None => starts(
            path,
            call.setting,
            found,
            "what the script holds is not known",
        ),
    }
}

/// Files that a program reads.
fn reads(files: &[Word], call: &Call<'_>, found: &mut Found) {
    for file in files.iter().filter(|file| discloses(file.text())) {
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(
                Verb::FileRead,
                object(&call.setting.place, "file", file.text()),
            )
        });
    }
}

/// A language that nobody reads here.
fn other_language(call: &Call<'_>, found: &mut Found) {
    let only = call.arguments.first().and_then(Word::known);
    // Some take no such flag, and run what comes in.
    let nothing = matches!(call.stdin, Stdin::Nothing) && !matches!(call.program, "tclsh" | "wish");
    if nothing
        && call.arguments.len() == 1
        && matches!(only, Some("--version" | "-version" | "--help" | "-v"))
    {
        return;
    }
    let reason = format!("programs for `{}` are not read", call.program);
    found.unknown_code(&call.setting.place, call.program, reason);
}

fn python(call: &Call<'_>, found: &mut Found) {
    run(
        &Manner {
            language: &languages::PYTHON,
            code: &["-c"],
            valued: &["-W", "-X"],
            letters: "bBdEIOPqsSuvx",
            plain: &[],
            shows: &["-V", "-VV", "--version", "-h", "--help"],
            checks: &[],
        },
        call,
        found,
    );
}

/// `python -m json.tool`
fn python_module(module: &Word, words: &[Word], call: &Call<'_>, found: &mut Found) {
    let file = words
        .iter()
        .filter(|word| !word.text().starts_with('-'))
        .nth(1);
    if matches!(
        module.known(),
        Some("json.tool" | "base64" | "tokenize" | "tabnanny" | "ast" | "dis")
    ) {
        for word in words.iter().filter(|word| !word.text().starts_with('-')) {
            printed(word, &call.setting.place, found);
        }
    }
    match module.known() {
        Some("json.tool") => {
            if let Some(file) = file {
                writes(file.text(), call, found);
            }
        }
        Some(
            "base64" | "calendar" | "platform" | "this" | "site" | "sysconfig" | "uuid"
            | "zoneinfo" | "tabnanny" | "tokenize" | "ast" | "dis",
        ) => {}
        Some("zipfile" | "tarfile" | "gzip")
            if matches!(
                words.first().and_then(Word::known),
                Some("-l" | "--list" | "-t" | "--test")
            ) => {}
        Some("http.server") => {
            let server = object(&call.setting.place, "server", "http");
            found.effect(Effect::change(Verb::Tunnel, server, "end the program"));
            let stands = call.setting.folder.all();
            let mut served = folders(words);
            if served.is_empty() {
                served.extend(stands.map(|folder| Word::Known(folder.clone())));
            }
            for folder in &served {
                carried_off_whole(folder, &call.setting.place, found);
            }
            let mut local = words
                .windows(2)
                .map(|pair| (pair[0].text(), pair[1].text()));
            if !local
                .any(|pair| matches!(pair, ("-b" | "--bind", "127.0.0.1" | "localhost" | "::1")))
            {
                found.opaque("whoever reaches it reads what stands in the folder");
            }
        }
        Some("venv" | "virtualenv") => {
            let folder = words
                .iter()
                .find(|word| !word.text().starts_with('-'))
                .map_or("venv", Word::text);
            let folder = object(&call.setting.place, "file", folder);
            found.effect(Effect::change(Verb::Create, folder, "remove the folder"));
        }
        Some("pip") => {
            let own = std::iter::once(Word::Known("pip".to_owned()))
                .chain(words.iter().cloned())
                .collect::<Vec<_>>();
            nested(&own, call, found);
        }
        _ => starts(
            module.text(),
            call.setting,
            found,
            "what the module does is not known",
        ),
    }
}

/// The folders that `http.server` hands out.
fn folders(words: &[Word]) -> Vec<Word> {
    let mut folders = Vec::new();
    for (number, word) in words.iter().enumerate() {
        let text = word.text();
        let value = match text.strip_prefix("--") {
            Some(long) => {
                let (name, value) = long.split_once('=').unwrap_or((long, ""));
                (name.len() > 1 && "directory".starts_with(name)).then_some(value)
            }
            None => text.strip_prefix("-d"),
        };
        match value {
            Some("") => folders.extend(words.get(number + 1).cloned()),
            Some(value) => folders.push(word.with_text(value)),
            None => {}
        }
    }
    folders
}
