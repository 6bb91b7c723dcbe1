//! Programs that only look: none of their flags writes or runs anything, whatever it is called. What they print decides.

use super::paths::{carried_off_whole, looked_at, printed};
use super::secrets::{Sight, holds_secrets, sight};
use crate::commands::found::Found;
use crate::commands::programs::Grammar;
use crate::commands::programs::host::sheet::{has_word, words};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::{Effect, Verb};

/// Show names, sizes, sums and the like, never what stands in a file.
const LOOKERS: &[&str] = words!(
    "ls dir vdir stat du df basename dirname realpath readlink wc cksum sum md5sum sha1sum sha224sum sha256sum sha384sum sha512sum \
     b2sum b3sum xxhsum shasum md5 crc32 locate plocate mlocate whereis which tput tty cmp \
     exa eza lsd pathchk getfacl lsattr dircolors nproc factor numfmt clear reset getfattr diffstat ncal cal \
     whatis apropos duf fincore namei getopt stty"
);

/// Print what stands in files; behind each, its short flags that take a value.
const PRINTERS: &[(&str, &str)] = &[
    ("cat", ""),
    ("tac", "s"),
    ("head", "nc"),
    ("tail", "ncs"),
    ("nl", "bdfhilnsvw"),
    ("od", "AjNStw"),
    ("hexdump", "efnLs"),
    ("hd", "efns"),
    ("strings", "netTs"),
    ("cut", "bcdf"),
    ("paste", "d"),
    ("join", "aeijotv12"),
    ("comm", ""),
    ("diff", "UCDFIxXSW"),
    ("colordiff", "UCDFIxXSW"),
    ("column", "cosNlHRTWOEdr"),
    ("fold", "w"),
    ("fmt", "wgp"),
    ("pr", "DehilNoSsWw"),
    ("expand", "t"),
    ("unexpand", "t"),
    ("tr", ""),
    ("rev", ""),
    ("look", "t"),
    ("colrm", ""),
    ("zcat", ""),
    ("gzcat", ""),
    ("bzcat", ""),
    ("xzcat", ""),
    ("lzcat", ""),
    ("zstdcat", ""),
    ("lz4cat", ""),
    ("zless", ""),
    ("zmore", ""),
    ("bzless", ""),
    ("xzless", ""),
    ("zdiff", ""),
    ("base64", "w"),
    ("base32", "w"),
    ("basenc", "w"),
    ("tsort", ""),
    ("hexyl", "n"),
    ("uuencode", ""),
    ("ts", ""),
];

/// The grammar of a program that looks.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    if LOOKERS.contains(&program) {
        return Some(looker);
    }
    PRINTERS
        .iter()
        .any(|(name, _)| *name == program)
        .then_some(printer)
}

/// A program that shows nothing of what stands in files.
pub(in crate::commands::programs) fn looker(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    for word in call
        .arguments
        .iter()
        .take(8)
        .filter(|word| !word.text().starts_with('-'))
    {
        looked_at(word, place, found);
    }
    lists(call, found);
    if call.arguments.is_empty() {
        looked_at(&Word::Known(call.program.to_owned()), place, found);
    }
    hazy(call.arguments, found);
}

/// Files that are printed all the same: lists of names, of which one that fits nothing is shown, and those that are compared byte by byte.
fn lists(call: &Call<'_>, found: &mut Found) {
    let flags: &[&str] = match call.program {
        "du" | "wc" => &["--files0-from"],
        "dig" | "kdig" | "delv" | "fping" => &["-f", "--file"],
        _ => &[],
    };
    let mut files: Vec<Word> = Vec::new();
    for (number, word) in call.arguments.iter().enumerate() {
        for flag in flags {
            match word.text().strip_prefix(flag) {
                Some("") => files.extend(call.arguments.get(number + 1).cloned()),
                Some(value) => files.push(word.with_text(value.trim_start_matches('='))),
                None => {}
            }
        }
    }
    let shows = |word: &Word| {
        let text = word.text();
        "--verbose".starts_with(text) && text.len() > 3
            || "--print-bytes".starts_with(text) && text.len() > 3
            || text.starts_with('-') && !text.starts_with("--") && text.contains(['l', 'b', 'c'])
    };
    // What is no number is repeated in the complaint.
    if has_word("numfmt factor", call.program) {
        from_stdin(call, found);
    }
    if call.program == "cmp" && call.arguments.iter().any(shows) {
        files.extend(
            (call.arguments.iter())
                .filter(|word| !word.text().starts_with('-'))
                .cloned(),
        );
    }
    for file in &files {
        printed(file, &call.setting.place, found);
    }
}

fn hazy(arguments: &[Word], found: &mut Found) {
    if let Some(word) = arguments
        .iter()
        .find(|word| matches!(word, Word::Unknown(text) if !text.starts_with("<(")))
    {
        found.bounded(format!("`{}` is not known before it runs", word.text()));
    }
}

fn printer(call: &Call<'_>, found: &mut Found) {
    let valued = PRINTERS
        .iter()
        .find(|(name, _)| *name == call.program)
        .map_or("", |(_, valued)| valued);
    print_files(call, valued, found);
}

/// Prints every file that the arguments may name. `valued`: short flags whose next word is no file.
pub(super) fn print_files(call: &Call<'_>, valued: &str, found: &mut Found) {
    let place = &call.setting.place;
    let mut value = false;
    let mut named = false;
    let mut flags = true;
    let whole = compares_folders(call);
    for word in call.arguments {
        let text = word.text();
        if std::mem::take(&mut value) {
            hazy(std::slice::from_ref(word), found);
        } else if flags && text == "--" {
            flags = false;
        } else if flags && text.starts_with('-') && text.len() > 1 {
            value = takes_value(text, valued);
            in_flag(word, call, found);
        } else if text != "-" {
            named = true;
            printed(word, place, found);
            if whole && holds_secrets(text) {
                carried_off_whole(word, place, found);
            }
        }
    }
    if !named {
        found.effect(Effect::read(
            Verb::Read,
            crate::commands::programs::object(place, "program", call.program),
        ));
    }
    from_stdin(call, found);
}

/// `diff -r` shows what stands in every file of a folder, unless it only says which differ.
fn compares_folders(call: &Call<'_>) -> bool {
    let short = |letter: char| {
        call.arguments.iter().any(|word| {
            let text = word.text();
            text.starts_with('-') && !text.starts_with("--") && text.contains(letter)
        })
    };
    let long = |name: &str| {
        (call.arguments.iter()).any(|word| word.text().len() > 4 && name.starts_with(word.text()))
    };
    has_word("diff colordiff", call.program)
        && (short('r') || long("--recursive"))
        && !(short('q') || long("--brief"))
}

/// What is printed because it comes in.
pub(super) fn from_stdin(call: &Call<'_>, found: &mut Found) {
    if let Stdin::File(word) = call.stdin
        && sight(word) != Sight::Plain
    {
        printed(word, &call.setting.place, found);
    }
}

fn takes_value(text: &str, valued: &str) -> bool {
    let mut letters = text.chars().skip(1);
    match letters.next() {
        None | Some('-') => false,
        Some(first) => text.chars().last().is_some_and(|last| {
            // `-n 5` and `-fn 5`, but not `-n5`.
            valued.contains(last) && (text.len() == 2 || !valued.contains(first))
        }),
    }
}

/// A file named inside a flag: `--files0-from=/etc/shadow`, `-f/etc/shadow`.
fn in_flag(word: &Word, call: &Call<'_>, found: &mut Found) {
    let text = word.text();
    let start = text
        .find('=')
        .map(|place| place + 1)
        .or_else(|| text.find(['/', '~']));
    let Some(value) = start
        .and_then(|start| text.get(start..))
        .filter(|value| !value.is_empty())
    else {
        return;
    };
    let value = word.with_text(value);
    match sight(&value) {
        Sight::Plain => {}
        Sight::Hazy | Sight::Blind => hazy(&[value], found),
        Sight::Possible | Sight::Secret => printed(&value, &call.setting.place, found),
    }
}
