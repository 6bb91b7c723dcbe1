//! terraform and tofu: what depends on values.

use crate::commands::{
    found::Found,
    programs::{handbook::guarded_file, manual::Does, names::is_secret},
    word::{Call, Word},
};

/// Says what a call of terraform would do.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    let off = |name: &str| {
        form.parsed.flags.iter().any(|flag| flag.name == name) && !form.parsed.has(&[name])
    };
    let first = form.parsed.words.first();
    if form.is(&["plan"])
        && let Some(file) = form.parsed.value(&["out"])
    {
        guarded_file(file, &call.setting.place, found);
    }
    match form.path.as_slice() {
        ["fmt"] if off("write") => form.effects_of(Does::Read, call, found),
        ["output"] if first.is_some_and(|name| is_secret(name.text())) => {
            form.effects_of(Does::Secrets, call, found);
        }
        ["output"] if form.parsed.has(&["json"]) && first.is_none() => {
            form.effects_of(Does::Secrets, call, found);
        }
        ["plan"]
            if form
                .parsed
                .value(&["out"])
                .is_some_and(|file| file.known() == Some("/dev/null")) =>
        {
            form.effects_of(Does::Read, call, found);
        }
        ["plan"]
            if form
                .parsed
                .value(&["out"])
                .is_some_and(|file| file.known().is_some()) =>
        {
            form.effects_of(Does::Make("remove the file with the plan"), call, found);
            if let Some(file) = form.parsed.value(&["out"]) {
                guarded_file(file, &call.setting.place, found);
            }
        }
        ["plan"] if form.parsed.value(&["out"]).is_some() => {
            form.effects_of(Does::Change, call, found);
        }
        ["apply"]
            if form
                .parsed
                .words
                .iter()
                .any(|word| matches!(word, Word::Unknown(_))) =>
        {
            form.effects_of(Does::Unknown, call, found);
        }
        _ => form.effects(call, found),
    }
}
