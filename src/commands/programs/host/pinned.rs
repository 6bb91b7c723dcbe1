//! Whether one version and no other is installed.

use super::does::{Does, act};
use super::language_tables::{CONDA, GEM};
use super::sheet::{asks_for_help, has_word, program};
use crate::commands::flags::Parsed;
use crate::commands::found::Found;
use crate::commands::word::{Call, Word};
use crate::domain::effect::Reach;

/// Software whose version is left open: what is installed, and what it runs, is not known, and nobody knows what was there before.
pub(super) fn unless_pinned(parsed: &Parsed, marks: &[&str], call: &Call<'_>, found: &mut Found) {
    let pinned = |word: &Word| {
        let ends = marks
            .iter()
            .filter_map(|mark| word.text().rsplit_once(mark));
        ends.map(|(_, end)| word.with_text(end))
            .any(|end| is_version(&end))
    };
    if parsed.words.len() > 1 && parsed.words.iter().skip(1).all(pinned) {
        return;
    }
    any_version(call, found);
}

/// Some version is installed.
pub(super) fn any_version(call: &Call<'_>, found: &mut Found) {
    let itself = program(&call.setting.place, call);
    act(Does::Install(""), itself, Reach::Unknown, found);
    found.bounded("which version is installed, and what it runs, is not known");
}

/// One version and no other: `1.2.3`, `v1.2.3`, `=1.2.3`.
pub(super) fn is_version(word: &Word) -> bool {
    let text = word.known().unwrap_or_default();
    let text = text.trim_start_matches(['=', 'v']);
    text.starts_with(|first: char| first.is_ascii_digit())
        && text.contains('.')
        && !text.contains(['*', 'x', '<', '>', '~', '^', ',', ' ', '|'])
}

/// gem.
pub(super) fn gem(call: &Call<'_>, found: &mut Found) {
    let parsed = GEM.parse(call.arguments);
    GEM.decide(&parsed, call, found);
    let pinned = parsed.value(&["v", "version"]).is_some_and(is_version);
    if parsed.verb() == Some("install") && !pinned && !asks_for_help(&parsed) {
        unless_pinned(&parsed, &[":"], call, found);
    }
}

/// conda and its kin.
pub(super) fn conda(call: &Call<'_>, found: &mut Found) {
    let parsed = CONDA.parse(call.arguments);
    CONDA.decide(&parsed, call, found);
    let installs = has_word("install create", parsed.verb().unwrap_or_default());
    let dry = parsed.unknown.is_empty() && parsed.shows(&["d", "dry-run"]);
    let empty = parsed.words.len() == 1 && parsed.flags.iter().all(|flag| flag.name != "file");
    if installs && !dry && !empty && !asks_for_help(&parsed) {
        unless_pinned(&parsed, &["="], call, found);
    }
}
