//! ansible: one module on the hosts that the first word means.

mod arguments;
mod modules;
mod sources;

use crate::commands::{
    found::Found,
    programs::manual::{Does, Form},
    shell,
    word::{Call, Setting, Word},
};
use crate::domain::effect::Place;
use arguments::Arguments;

/// Says what an ad-hoc call of ansible would do.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    sources::judge(&form, call, found);
    if form.is_dry() {
        return form.effects(call, found);
    }
    if form.parsed.shows(&["C", "check"]) && form.parsed.unknown.is_empty() {
        return form.effects_of(Does::Trial, call, found);
    }
    let hosts = form.parsed.words.first().map_or("hosts", Word::text);
    match call.setting.elsewhere(Place::Network(hosts.to_owned())) {
        Some(setting) => module(&form, &setting, call, found),
        None => form.effects_of(Does::Unknown, call, found),
    }
}

/// Says what a call of ansible would do that reads playbooks, or shows the inventory.
pub(super) fn plays(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    sources::judge(&form, call, found);
    form.effects(call, found);
    if form.parsed.shows(&["C", "check"]) && !form.is_dry() {
        sources::tried_out(&form, call, found);
    }
}

fn module(form: &Form<'_>, setting: &Setting<'_>, call: &Call<'_>, found: &mut Found) {
    let command = Word::Known("command".to_owned());
    let name = form.parsed.value(&["m", "module-name"]).unwrap_or(&command);
    let Some(name) = name.known() else {
        return form.effects_of(Does::Unknown, call, found);
    };
    let name = name.rsplit('.').next().unwrap_or(name);
    let arguments = match form.parsed.value(&["a", "args"]) {
        None => Arguments::default(),
        Some(word) => match word.known().and_then(Arguments::read) {
            Some(arguments) => arguments,
            None if modules::only_reads(name) => {
                found.bounded("the arguments stand in a file, or are known when it runs");
                Arguments::default()
            }
            None => return form.effects_of(Does::Unknown, call, found),
        },
    };
    form.effects(call, found);
    if matches!(
        name,
        "command" | "shell" | "raw" | "win_shell" | "win_command" | "expect"
    ) {
        match arguments.command() {
            Some(text) => shell::judge(&text, call.stdin, setting, found),
            None => form.effects_of(Does::Unknown, call, found),
        }
        return;
    }
    let inner = Call { setting, ..*call };
    for does in modules::does(name, &arguments) {
        form.effects_of(does, &inner, found);
    }
}
