//! salt: a function and its words, on the hosts that the first word means.

use crate::commands::{
    found::Found,
    programs::manual::Does,
    word::{Call, Word},
};
use crate::domain::effect::Place;

/// Says what a call of salt, salt-ssh or salt-call would do.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let (Some(program), Some(functions)) = (
        super::MANUAL.program(call.program),
        super::MANUAL.program("salt-function"),
    ) else {
        return;
    };
    let form = program.form(call.arguments);
    let (place, words) = match form.parsed.words.split_first() {
        Some((hosts, words)) if call.program != "salt-call" => {
            (Place::Network(hosts.text().to_owned()), words)
        }
        _ => (call.setting.place.clone(), form.parsed.words.as_slice()),
    };
    let raw = form.parsed.has(&["r", "raw", "raw-shell"]);
    if form.is_dry() || words.is_empty() && form.parsed.unknown.is_empty() {
        return form.effects(call, found);
    }
    let Some(setting) = call.setting.elsewhere(place) else {
        return form.effects_of(Does::Unknown, call, found);
    };
    // What `cmd.run` takes for itself beside the command.
    let own = [
        "runas=",
        "cwd=",
        "python_shell=",
        "timeout=",
        "output_loglevel=",
        "umask=",
        "saltenv=",
    ];
    let runs = words
        .first()
        .is_some_and(|word| word.text().starts_with("cmd."));
    let other = |word: &&Word| !(runs && own.iter().any(|name| word.text().starts_with(name)));
    let words: Vec<Word> = words.iter().filter(other).cloned().collect();
    let words = words.as_slice();
    let inner = Call {
        arguments: words,
        setting: &setting,
        ..*call
    };
    found.line(&form.parsed, |_| false);
    for flag in &form.parsed.unknown {
        found.opaque(format!("salt: the flag `{flag}` is not known"));
    }
    let several = words.first().is_some_and(|word| word.text().contains(','));
    if raw || several || words.first().and_then(Word::known).is_none() {
        return form.effects_of(Does::Unknown, call, found);
    }
    functions.form(words).effects(&inner, found);
}
