//! `dc` and `bc`: what they calculate is a text, and the text of `dc` may start programs.

use super::{Call, Found, Stdin};
use crate::commands::{
    flags::{Style, Table},
    found::object,
    programs::{
        files::paths::{looked_at, printed},
        files::secrets::{Sight, sight},
    },
    word::Word,
};
use crate::domain::effect::{Effect, Verb};

#[rustfmt::skip]
const DC: Table = calculator(
    &["e", "expression", "f", "file", "S", "scale", "O", "obase", "I", "ibase"],
    &["V", "version", "h", "help", "x", "extended-register", "i", "interactive", "P", "no-prompt", "R", "no-read-prompt"],
);
#[rustfmt::skip]
const BC: Table = calculator(
    &["e", "expression", "f", "file"],
    &[
        "l", "mathlib", "w", "warn", "s", "standard", "q", "quiet", "i", "interactive", "h", "help", "v", "V", "version", "g", "P",
        "no-prompt", "c",
    ],
);

const fn calculator(valued: &'static [&'static str], plain: &'static [&'static str]) -> Table {
    Table {
        style: Style::Clusters,
        valued,
        plain,
        glued: &[],
        until_word: false,
    }
}

/// `dc`: `!` starts a program, `?` reads more text, and strings may be put together and run.
pub(super) fn dc(call: &Call<'_>, found: &mut Found) {
    let parsed = DC.parse(call.arguments);
    let program = object(&call.setting.place, "program", "dc");
    found.effect(Effect::read(Verb::Read, program));
    let files: Vec<&Word> = parsed.values(&["f", "file"]).chain(&parsed.words).collect();
    for file in &files {
        read(file, call, found);
    }
    let files = files.iter().filter(|file| file.text() != "-");
    let strange = files.count() > 0 || !parsed.unknown.is_empty();
    let texts: Vec<&Word> = parsed.values(&["e", "expression"]).collect();
    let computes = |word: &&Word| word.known().is_some_and(only_computes);
    let fed = match call.stdin {
        Stdin::Known(text) => only_computes(text),
        Stdin::Nothing => true,
        Stdin::File(_) | Stdin::Piped | Stdin::Downloaded => !texts.is_empty(),
    };
    if strange || !fed || !texts.iter().all(computes) {
        let reason =
            "`dc` starts programs that its text names, and the text is more than a calculation";
        found.unknown_code(&call.setting.place, "dc", reason);
    }
}

/// `bc`: no text of it starts a program; a file that is not known may still never come to an end.
pub(super) fn bc(call: &Call<'_>, found: &mut Found) {
    let parsed = BC.parse(call.arguments);
    let program = object(&call.setting.place, "program", "bc");
    found.effect(Effect::read(Verb::Read, program));
    let mut files = parsed
        .values(&["f", "file"])
        .chain(&parsed.words)
        .peekable();
    if files.peek().is_some() || !parsed.unknown.is_empty() {
        found.opaque("what `bc` is to calculate stands in a file");
    }
    files.for_each(|file| read(file, call, found));
    if let Stdin::File(file) = call.stdin {
        read(file, call, found);
    }
}

/// A file whose lines come back in complaints.
fn read(file: &Word, call: &Call<'_>, found: &mut Found) {
    match sight(file) {
        Sight::Secret | Sight::Possible => printed(file, &call.setting.place, found),
        _ => looked_at(file, &call.setting.place, found),
    }
}

/// Numbers, and commands that compute with them and print them.
fn only_computes(text: &str) -> bool {
    let harmless = |letter: char| {
        letter.is_ascii_digit()
            || letter.is_whitespace()
            || "+-*/%^~|_.vkKioIOpnfqdrczRZABCDEF".contains(letter)
    };
    text.chars().all(harmless)
}
