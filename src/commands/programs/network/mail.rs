//! Sending mail.

use crate::commands::found::Found;
use crate::commands::programs::files::paths::carried_off;
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{doubt, has_word, program, says};
use crate::commands::word::{Call, Stdin, Word};
use crate::domain::effect::Reach;

/// mail and its kin: with somebody to send to they send; without, they show what lies in the box.
pub(super) fn mail(call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    let has = |list: &str| says(call, list);
    let looks = has("-H -e --help --version -bp -bv -bP -bpc") && !has("-s -t");
    let mut rest = call.arguments.iter();
    while let Some(word) = rest.next() {
        if has_word("-a -A --attach -attach --body  ", word.text())
            && let Some(file) = rest.next()
        {
            carried_off(
                &file.with_text(file.text().trim_start_matches('@')),
                place,
                found,
            );
        }
    }
    if let Stdin::File(file) = call.stdin {
        carried_off(file, place, found);
    }
    let alone = call.arguments.is_empty() && *call.stdin == Stdin::Nothing;
    let does = match () {
        () if looks || alone => Does::Look,
        () => Does::Send,
    };
    act(does, program(place, call), Reach::Exactly(1), found);
    if call.arguments.iter().any(|word: &Word| {
        word.text().starts_with("-be")
            || has_word("-C -D --eval -S", word.text())
            || word.text().starts_with("-X")
    }) {
        found.unknown_code(
            place,
            call.program,
            "its settings may run programs or write files",
        );
    }
    doubt(call.arguments, does != Does::Look, true, found);
}
