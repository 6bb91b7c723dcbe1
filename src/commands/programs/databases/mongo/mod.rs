//! mongosh: JavaScript, of which every call must be one that is known.

mod calls;
mod script;
mod shown;

use crate::commands::{
    found::Found,
    programs::manual::{Does, Form},
    word::{Call, Stdin, Word},
};

/// Says what a call of mongosh would do.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    if form.is_dry() {
        return;
    }
    let mut any = false;
    for value in form.parsed.values(&["eval"]) {
        text(&form, value.known(), call, found);
        any = true;
    }
    let files = form.parsed.values(&["f", "file"]);
    let scripts = form
        .parsed
        .words
        .iter()
        .filter(|word| word.text().ends_with("js"));
    for file in files.chain(scripts) {
        let path = file.known().map(|path| call.setting.resolve(path));
        let bytes = path.and_then(|path| call.setting.files.read(&path));
        match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(script) => text(&form, Some(&script), call, found),
            None => form.effects_of(Does::Code, call, found),
        }
        any = true;
    }
    match call.stdin {
        _ if any => {}
        Stdin::Known(script) => text(&form, Some(script), call, found),
        Stdin::Nothing | Stdin::File(Word::Known(_)) => form.effects_of(Does::Code, call, found),
        Stdin::File(_) | Stdin::Piped | Stdin::Downloaded => {
            form.effects_of(Does::Unknown, call, found);
        }
    }
}

fn text(form: &Form<'_>, text: Option<&str>, call: &Call<'_>, found: &mut Found) {
    for does in text.map_or_else(|| vec![Does::Unknown], script::does) {
        form.effects_of(does, call, found);
    }
}
