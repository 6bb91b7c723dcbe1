//! What systemctl is told about units beyond their names: variables for all of them, files from elsewhere, limits.

use super::does::{Does, act};
use super::sheet::{has_word, object_of};
use crate::commands::flags::Parsed;
use crate::commands::found::Found;
use crate::commands::shell;
use crate::commands::word::{Call, Word};
use crate::domain::effect::Reach;

/// Folders whose units were put there to be found by name.
const FOLDERS: [&str; 6] = [
    "/etc/systemd/",
    "/lib/systemd/",
    "/usr/lib/systemd/",
    "/usr/local/lib/systemd/",
    "/run/systemd/",
    "~/.config/systemd/",
];

/// Limits below which hardly anything runs, with what is left of them.
const LEAST: &[(&str, u64)] = &[
    ("MemoryMax MemoryHigh MemoryLimit", 128 << 20),
    ("TasksMax", 64),
    ("CPUQuota", 10),
];

/// Says what the words after the verb do, where they are more than names.
pub(super) fn beyond_names(parsed: &Parsed, call: &Call<'_>, found: &mut Found) {
    let words = parsed.words.get(1..).unwrap_or_default();
    match parsed.verb().unwrap_or_default() {
        "set-environment" => {
            for word in words {
                let (name, value) = word.text().split_once('=').unwrap_or((word.text(), ""));
                shell::environment(name, &word.with_text(value), call.setting, found);
            }
        }
        "set-property" => {
            for word in words {
                limit(words, word, call, found);
            }
        }
        verb @ ("link" | "enable" | "reenable" | "preset") => {
            let elsewhere = |word: &&Word| {
                let text = word.text();
                text.contains('/') && !FOLDERS.iter().any(|folder| text.starts_with(folder))
                    || text.contains("..")
            };
            if let Some(word) = words.iter().find(elsewhere) {
                unit_from(word, verb == "link" && !parsed.has(&["now"]), call, found);
            }
        }
        _ => {}
    }
}

/// A unit that stands elsewhere is code; a link to it alone starts nothing yet.
fn unit_from(word: &Word, only_links: bool, call: &Call<'_>, found: &mut Found) {
    let reason = format!("`{}`: what the unit runs is not read", word.text());
    if only_links {
        found.opaque(reason);
    } else {
        found.unknown_code(&call.setting.place, word.text(), reason);
    }
}

/// `MemoryMax=1G`: how much a unit needs is not known, but some limits leave it nothing.
fn limit(words: &[Word], word: &Word, call: &Call<'_>, found: &mut Found) {
    let Some((name, value)) = word.text().split_once('=') else {
        return;
    };
    let starves = LEAST
        .iter()
        .any(|(names, least)| has_word(names, name) && amount(value).is_some_and(|it| it < *least));
    let shuts = name.starts_with("IPAddress")
        || has_word(
            "SocketBindDeny RestrictNetworkInterfaces AllowedCPUs AllowedMemoryNodes IPIngressFilterPath IPEgressFilterPath BPFProgram",
            name,
        );
    let opens = name.starts_with("Device") || name == "Delegate";
    let does = match () {
        () if starves || shuts && !value.is_empty() => Does::Cut,
        () if opens => Does::Grant,
        () => return found.bounded(format!("how much `{name}` must be is not known")),
    };
    let object = object_of("unit", words, &call.setting.place, call);
    act(does, object, Reach::Exactly(1), found);
}

/// Bytes, tasks, or parts in a hundred; a small part of all memory is little as well.
fn amount(value: &str) -> Option<u64> {
    let digits = value.find(|letter: char| !letter.is_ascii_digit());
    let (number, unit) = value.split_at(digits.unwrap_or(value.len()));
    let factor = match unit.trim_start_matches('.').chars().next() {
        Some('K' | 'k') => 1 << 10,
        Some('M' | 'm') => 1 << 20,
        Some('G' | 'g') => 1 << 30,
        Some('T' | 't') => 1 << 40,
        _ => 1,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
