//! `perl`: one-liners that match, replace and print.

use super::{Call, Found, Stdin, Word, content, interactive, object, reads, starts};
use crate::commands::programs::files::{
    guard::guard_of,
    paths::{Write, written},
};
use crate::domain::effect::{Effect, Reversible, Verb};

/// Words that do more than match, replace, compute and print, wherever they stand in the program.
const GRAVE: &[&str] = &[
    "ARGV",
    "CORE",
    "DESTROY",
    "ENV",
    "INC",
    "SIG",
    "AUTOLOAD",
    "accept",
    "bind",
    "binmode",
    "bless",
    "can",
    "chdir",
    "chmod",
    "chown",
    "chroot",
    "connect",
    "dbmopen",
    "do",
    "dump",
    "eval",
    "evalbytes",
    "exec",
    "fcntl",
    "fork",
    "getc",
    "glob",
    "goto",
    "ioctl",
    "kill",
    "link",
    "listen",
    "local",
    "mkdir",
    "no",
    "open",
    "opendir",
    "package",
    "pipe",
    "qx",
    "readline",
    "readlink",
    "readpipe",
    "recv",
    "rename",
    "require",
    "rmdir",
    "select",
    "send",
    "setpgrp",
    "setpriority",
    "shmget",
    "shutdown",
    "socket",
    "socketpair",
    "symlink",
    "syscall",
    "sysopen",
    "sysread",
    "sysseek",
    "system",
    "syswrite",
    "tie",
    "truncate",
    "umask",
    "unlink",
    "use",
    "utime",
    "wait",
    "waitpid",
    "write",
];

/// Marks that reach code by another way.
const MARKS: &[&str] = &[
    "`", "@{", "${", "%{", "&{", "*{", "->", "::", "&$", "<<", "(?{", "(??{", "$^X", "\\&", "*STD",
    "<$",
];

/// When a flag that only shows something ends it.
#[derive(PartialEq, Eq)]
enum Shows {
    AtOnce,
    /// `-V`, after what `-e` and `-M` bring in.
    AfterCode,
}

/// What the flags say.
#[derive(Default)]
struct Told {
    code: Vec<Word>,
    /// `-i`, and the ending of the copies.
    in_place: Option<String>,
    shows: Option<Shows>,
    unknown: Option<String>,
    loops: bool,
    /// `-p`: every line is printed after the program.
    prints: bool,
}

pub(super) fn perl(call: &Call<'_>, found: &mut Found) {
    let (told, operands) = told(call.arguments);
    let bare = told.code.is_empty() && told.unknown.is_none();
    if told.shows == Some(Shows::AtOnce) || told.shows.is_some() && bare {
        return;
    }
    if let Some(flag) = &told.unknown {
        found.unknown_code(
            &call.setting.place,
            "perl",
            format!("what `{flag}` means to `perl` is not known"),
        );
    }
    if told.code.is_empty() {
        return without_code(operands, call, found);
    }
    for code in &told.code {
        judge(code, call, found);
    }
    let opens = |word: &&Word| told.loops && word.text().contains(['|', '>', '<']);
    if let Some(word) = operands.iter().find(opens) {
        found.unknown_code(
            &call.setting.place,
            "perl",
            format!("`{}` may be run as a command", word.text()),
        );
    }
    if let Some(ending) = &told.in_place {
        let keeps = told.prints || (told.code.iter()).any(|code| code.text().contains("print"));
        for file in operands {
            in_place(file, ending, call, found);
            if !keeps && ending.is_empty() {
                // Nothing is written back: the file is empty after.
                found.effect(Effect::destructive(
                    Verb::FileWrite,
                    object(&call.setting.place, "file", file.text()),
                ));
            }
        }
    } else if told.loops {
        reads(operands, call, found);
    }
}

/// A file that is edited where it stands.
pub(super) fn in_place(file: &Word, ending: &str, call: &Call<'_>, found: &mut Found) {
    let reversible = if ending.is_empty() {
        Reversible::Unknown
    } else {
        Reversible::Undo(format!("put back the copy whose name ends in {ending}"))
    };
    found.effect(Effect {
        reversible,
        ..crate::commands::shell::writing(&call.setting.place, file.text(), false)
    });
    if guard_of(file).is_some() {
        let how = if ending.is_empty() {
            Write::Replace
        } else {
            Write::Keep
        };
        written(file, how, &call.setting.place, found);
    }
    if file.known().is_none() {
        found.bounded(format!("which files `{}` means is not known", file.text()));
    }
    let _ = Verb::FileWrite;
}

fn without_code(operands: &[Word], call: &Call<'_>, found: &mut Found) {
    let file = match (operands.first(), call.stdin) {
        (Some(file), _) if file.known() != Some("-") => file,
        (_, Stdin::Known(text)) => return judge(&Word::Known(text.clone()), call, found),
        (_, Stdin::Nothing) => return interactive(call, found),
        (_, Stdin::File(file)) => file,
        (_, Stdin::Piped | Stdin::Downloaded) => {
            return found.unknown_code(&call.setting.place, "perl", "`perl` runs what comes in");
        }
    };
    match file.known().map(|path| content(path, call)) {
        Some(Some(text)) => judge(&Word::Known(text), call, found),
        Some(None) => starts(
            file.text(),
            call.setting,
            found,
            "what the script holds is not known",
        ),
        None => found.unknown_code(
            &call.setting.place,
            "perl",
            "which file is run is not known",
        ),
    }
}

fn judge(code: &Word, call: &Call<'_>, found: &mut Found) {
    match code.known().map(grave) {
        Some(None) => found.bounded("a program in perl that was read word by word"),
        Some(Some(word)) => {
            found.unknown_code(
                &call.setting.place,
                "perl",
                format!("what `{word}` does in a program in perl is not known"),
            );
        }
        None => found.unknown_code(&call.setting.place, "perl", "the program is not known"),
    }
    let _ = object;
}

fn grave(code: &str) -> Option<String> {
    let mark = MARKS
        .iter()
        .find(|mark| code.contains(**mark))
        .map(|mark| (*mark).to_owned());
    mark.or_else(|| {
        code.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .find(|word| GRAVE.contains(word))
            .map(ToOwned::to_owned)
    })
    .or_else(|| replaces_by_code(code).then(|| "s///e".to_owned()))
    .or_else(|| code.contains("print ").then_some(code).and_then(printed_to))
}

/// Whether a replacement may be run as a program: `s/(.*)/$1/ee`. One whose end is not found may be.
fn replaces_by_code(code: &str) -> bool {
    let part_of_name = |letter: char| letter.is_alphanumeric() || "_$@%&".contains(letter);
    code.match_indices('s').any(|(at, _)| {
        let (before, after) = code.split_at(at);
        let after = after.get(1..).unwrap_or_default();
        let named = before.ends_with(part_of_name)
            || after.starts_with(|letter: char| letter.is_alphanumeric() || letter == '_');
        // `/a/s` ends a pattern and `\s` stands in one, unless a replacement follows.
        let ends = before.ends_with(['/', '\\']);
        !named && modifiers(after).map_or(!ends, |letters| letters.contains('e'))
    })
}

/// The letters behind a replacement, where its three marks are found.
fn modifiers(text: &str) -> Option<&str> {
    let text = text.trim_start();
    let mark = text.chars().next()?;
    let mut rest = past(text.get(mark.len_utf8()..)?, mark)?;
    let mut second = mark;
    if closing(mark) != mark {
        rest = rest.trim_start();
        second = rest.chars().next()?;
        rest = rest.get(second.len_utf8()..)?;
    }
    rest = past(rest, second)?;
    let end = rest
        .find(|letter: char| !letter.is_ascii_alphabetic())
        .unwrap_or(rest.len());
    rest.get(..end)
}

fn closing(mark: char) -> char {
    match mark {
        '{' => '}',
        '(' => ')',
        '[' => ']',
        '<' => '>',
        other => other,
    }
}

/// What follows the mark that closes; marks that open another hide one.
fn past(text: &str, open: char) -> Option<&str> {
    let close = closing(open);
    let mut depth = 0_usize;
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '\\' => {
                letters.next();
            }
            letter if letter == close && depth == 0 => return text.get(at + letter.len_utf8()..),
            letter if letter == close => depth -= 1,
            letter if letter == open => depth += 1,
            _ => {}
        }
    }
    None
}

/// `print FILE …` prints into what was opened.
fn printed_to(code: &str) -> Option<String> {
    code.split("print ").skip(1).find_map(|rest| {
        let word: String = rest
            .chars()
            .take_while(char::is_ascii_alphanumeric)
            .collect();
        (word.len() > 1
            && word.chars().all(|letter| letter.is_ascii_uppercase())
            && word != "STDERR"
            && word != "STDOUT")
            .then_some(word)
    })
}

fn told(words: &[Word]) -> (Told, &[Word]) {
    let mut told = Told::default();
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
        if text == "--version" || text == "--help" {
            told.shows = Some(Shows::AtOnce);
        }
        if first.known().is_none() {
            told.unknown = Some(text.to_owned());
        }
        rest = cluster(text, rest, &mut told);
    }
    (told, rest)
}

fn cluster<'w>(text: &str, mut rest: &'w [Word], told: &mut Told) -> &'w [Word] {
    let mut letters = text.chars();
    letters.next();
    while let Some(letter) = letters.next() {
        match letter {
            'e' | 'E' => {
                if let Some((code, more)) = rest.split_first() {
                    told.code.push(code.clone());
                    rest = more;
                }
            }
            'n' => told.loops = true,
            'p' => (told.loops, told.prints) = (true, true),
            'i' => {
                told.in_place = Some(letters.as_str().to_owned());
                break;
            }
            'v' | 'h' => told.shows = Some(Shows::AtOnce),
            // `-V:name`
            'V' => {
                told.shows = told.shows.take().or(Some(Shows::AfterCode));
                if letters.as_str().starts_with(':') {
                    break;
                }
            }
            // Checks it, and runs its `BEGIN` and `use`.
            'c' => {}
            'F' if super::manners::only_parts(letters.as_str()) => break,
            '0' | 'l' => {
                let digits = letters.as_str().len()
                    - letters
                        .as_str()
                        .trim_start_matches(|letter: char| {
                            letter.is_ascii_hexdigit() && !letter.is_ascii_lowercase()
                                || letter == 'x'
                        })
                        .len();
                for _ in 0..digits {
                    letters.next();
                }
            }
            'a' | 'w' | 's' | 'T' | 't' | 'u' | 'U' | 'W' | 'X' | 'g' => {}
            'M' if matches!(
                letters.as_str(),
                "JSON::PP"
                    | "List::Util"
                    | "POSIX"
                    | "MIME::Base64"
                    | "Data::Dumper"
                    | "strict"
                    | "warnings"
                    | "Time::HiRes"
            ) =>
            {
                break;
            }
            _ => {
                told.unknown = Some(text.to_owned());
                break;
            }
        }
    }
    rest
}
