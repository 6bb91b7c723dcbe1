//! Processes: looking at them, sending them signals, what holds files open.

use super::does::{Does, act};
use super::sheet::{asks_for_help, doubt, has_word, parse, program, table, words};
use crate::commands::flags::Table;
use crate::commands::found::Found;
use crate::commands::programs::Grammar;
use crate::commands::word::{Call, Word};
use crate::domain::effect::Reach;

/// The grammar of a program for processes.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    Some(match program {
        "kill" => kill,
        "pkill" | "killall" | "skill" => kill_by_name,
        "killall5" | "xkill" | "slay" => {
            |call, found| act(Does::Kill, program_of(call), Reach::Unknown, found)
        }
        "ps" => ps,
        "fuser" => fuser,
        "renice" => priority,
        _ => return None,
    })
}

fn program_of(call: &Call<'_>) -> crate::domain::effect::Object {
    program(&call.setting.place, call)
}

/// What a signal does to a process that handles it as daemons do.
fn signal(name: &str) -> Does {
    let name = name.to_ascii_uppercase();
    match name.strip_prefix("SIG").unwrap_or(&name) {
        "0" | "EXIT" => Does::Look,
        // What serves reads its settings again.
        "HUP" | "1" => Does::Renew,
        "CONT" | "18" | "WINCH" | "28" | "CHLD" | "17" | "URG" | "23" => Does::Alter,
        _ => Does::Kill,
    }
}

fn kill(call: &Call<'_>, found: &mut Found) {
    let mut does = Does::Kill;
    let mut pids = Vec::new();
    let mut rest = call.arguments.iter();
    let mut first = true;
    while let Some(word) = rest.next() {
        let text = word.text();
        match text {
            "-l" | "-L" | "--list" | "--table" | "--help" | "--version" | "-V" if first => {
                return act(Does::Look, program_of(call), Reach::Exactly(1), found);
            }
            "-s" | "-n" | "--signal" => {
                does = rest.next().and_then(Word::known).map_or(Does::Kill, signal);
            }
            "-a" | "--all" | "-p" | "--pid" | "--verbose" => {}
            "--" => pids.extend(rest.by_ref()),
            _ if text.starts_with("--signal=") => {
                does = signal(text.trim_start_matches("--signal="));
            }
            _ if first
                && text.len() > 2
                && (text.starts_with("-s") || text.starts_with("-n"))
                && word.known().is_some() =>
            {
                does = signal(text.get(2..).unwrap_or_default());
            }
            _ if first && text.starts_with('-') && word.known().is_some() => {
                does = signal(text.trim_start_matches('-'));
            }
            _ => pids.push(word),
        }
        first = false;
    }
    // A number below zero is a group of processes, and -1 all of them.
    let pids: Vec<Word> = pids.into_iter().cloned().collect();
    for word in &pids {
        if word.text() == "-1" && does != Does::Look {
            does = Does::Kill;
        }
    }
    let reach = Reach::Exactly(u32::try_from(pids.len()).unwrap_or(u32::MAX));
    act(does, program_of(call), reach, found);
    doubt(&pids, does != Does::Look, false, found);
}

/// pkill and killall: only one signal, plainly given, is believed.
fn kill_by_name(call: &Call<'_>, found: &mut Found) {
    let mut signals = Vec::new();
    let mut rest = call.arguments.iter();
    let mut opaque = false;
    while let Some(word) = rest.next() {
        let text = word.text();
        let name = text.trim_start_matches('-');
        match text {
            "-l" | "--list" | "--help" | "-V" | "--version" if call.arguments.len() == 1 => {
                return act(Does::Look, program_of(call), Reach::Exactly(1), found);
            }
            "--signal" | "-s" if text != "-s" || call.program == "killall" => {
                signals.push(rest.next().and_then(Word::known).map_or(Does::Kill, signal));
            }
            _ if text.starts_with("--sig") => {
                let value = text
                    .split_once('=')
                    .map(|(_, value)| value)
                    .or_else(|| rest.next().and_then(Word::known));
                signals.push(value.map_or(Does::Kill, signal));
            }
            _ if text.starts_with('-') && is_signal(name) => signals.push(signal(name)),
            _ => opaque |= matches!(word, Word::Unknown(text) if text.starts_with(['$', '`'])),
        }
    }
    let does = match signals.as_slice() {
        [one] if !opaque => *one,
        _ => Does::Kill,
    };
    act(does, program_of(call), Reach::Unknown, found);
    if opaque {
        found.opaque("which processes get the signal is not known");
    } else if does != Does::Look {
        found.bounded("every process of that name gets the signal");
    }
}

fn is_signal(name: &str) -> bool {
    let number = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit());
    let word = name.len() > 2
        && name.bytes().all(|byte| {
            byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'+' || byte == b'-'
        });
    number || word
}

const PS: Table = table(
    words!(
        "o O p q t U u g G C s k format pid ppid user User group Group tty sort sid cols columns width rows lines quick-pid delimiter"
    ),
    words!(
        "0 a A c d e f F h H j l L m M n N r S T v V w x X y Z all deselect forest headers no-headers no-heading noheader info version help cumulative context \
         threads heading noheading noheadings nul"
    ),
    words!("help"),
);

/// ps: an `e` without a dash shows the environment of every process, and so the secrets in it.
fn ps(call: &Call<'_>, found: &mut Found) {
    let parsed = parse(&PS, call.arguments);
    found.line(&parsed, |_| false);
    let mut value = false;
    let mut shows = false;
    for word in call.arguments {
        let text = word.text();
        if std::mem::take(&mut value) {
            continue;
        }
        if let Some(flag) = text.strip_prefix('-') {
            value = takes_value(flag);
        } else {
            // Letters without a dash; those behind an `o` are a format.
            let letters = text
                .split(['o', 'O', 'k', 'p', 'q', 't', 'U'])
                .next()
                .unwrap_or_default();
            shows |= letters.contains('e') && text.len() <= 12 && !text.contains([',', '=', '%']);
            value = text.ends_with(['o', 'O', 'k', 'p', 'q', 't', 'U']);
        }
    }
    let formats = parsed
        .values(&["o", "O", "format"])
        .any(|word| word.text().contains("environ"));
    let does = if shows || formats {
        Does::Reveal
    } else {
        Does::Look
    };
    act(does, program_of(call), Reach::Exactly(1), found);
    doubt(&parsed.words, false, true, found);
}

/// Whether a flag of ps takes the next word.
fn takes_value(flag: &str) -> bool {
    match flag.strip_prefix('-') {
        Some(long) => has_word(
            "format pid ppid user User group Group tty sort sid cols columns width rows lines quick-pid",
            long,
        ),
        None => flag.ends_with(['o', 'O', 'p', 'q', 't', 'u', 'U', 'g', 'G', 'C', 's', 'k']),
    }
}

/// fuser: with `-k` it kills whoever uses the file.
fn fuser(call: &Call<'_>, found: &mut Found) {
    const FUSER: Table = table(
        words!("n N namespace"),
        words!(
            "4 6 a c f i I k l m M s u v V w all inode ipv4 ipv6 ismountpoint kill list-signals mount silent user verbose version writeonly interactive help"
        ),
        &[],
    );
    // `-TERM` is a signal, not letters.
    let arguments: Vec<Word> = call
        .arguments
        .iter()
        .filter(|word| {
            !(word.text().starts_with('-') && is_signal(word.text().trim_start_matches('-')))
        })
        .cloned()
        .collect();
    let parsed = parse(&FUSER, &arguments);
    found.line(&parsed, |_| false);
    let kills = parsed.has(&["k", "kill"]) || !parsed.unknown.is_empty();
    let does = if kills && !asks_for_help(&parsed) {
        Does::Kill
    } else {
        Does::Look
    };
    act(does, program_of(call), Reach::Unknown, found);
    doubt(&parsed.words, kills, true, found);
}

/// renice.
fn priority(call: &Call<'_>, found: &mut Found) {
    let looks = call.arguments.is_empty()
        || call
            .arguments
            .iter()
            .any(|word| has_word("--help --version -V", word.text()));
    let does = if looks {
        Does::Look
    } else {
        Does::Undo("renice to the priority that ps shows before")
    };
    act(does, program_of(call), Reach::Exactly(1), found);
    doubt(call.arguments, does != Does::Look, true, found);
}
