//! make: what it works out while it only says what it would do.

use crate::commands::{
    found::Found,
    word::{Call, Word},
};
use crate::domain::effect::{Effect, Reversible, Verb};

/// Variables that say which program runs the rest.
const PROGRAMS: [&str; 4] = ["SHELL", ".SHELLFLAGS", "MAKEFLAGS", "MAKE"];

/// Says what a call of make would do.
pub(super) fn make(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    if form.is_dry() {
        return;
    }
    if form.parsed.words.iter().any(runs) {
        found.unknown_code(
            &call.setting.place,
            call.program,
            "a variable on the line is code",
        );
    }
    let files = || form.parsed.values(&["f", "file", "makefile"]);
    if files().any(|file| file.text() == "-" || file.text().starts_with("<(")) {
        let reason = "a makefile that is made while it runs is code that nobody reads beforehand";
        found.unknown_code(&call.setting.place, call.program, reason);
    }
    if files().next().is_some() {
        // Nobody chose that file for this folder.
        found.effect(Effect {
            reversible: Reversible::Unknown,
            ..Effect::read(Verb::RunCode, form.object(call))
        });
    }
    found
        .opaque("a makefile runs commands while it is read, and some although they are only shown");
}

/// Whether a variable that is set on the line runs a command: `X!=reboot`, `X=$(shell reboot)`.
fn runs(word: &Word) -> bool {
    let text = word.text();
    let Some((name, value)) = text.split_once('=') else {
        return false;
    };
    let computed =
        word.known().is_some() && ["$(", "${", "`"].iter().any(|part| value.contains(part));
    let name = name.trim_end_matches([':', '+', '?', ' ']);
    computed || name.ends_with('!') || PROGRAMS.contains(&name)
}
