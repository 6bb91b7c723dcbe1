//! patch: changes to files that stand in another file.

use super::{
    super::{
        super::{
            flags::Table,
            found::Found,
            word::{Call, Word},
        },
        host::{
            does::{Does, act},
            sheet::{asks_for_help, named, parse, program, table, words},
        },
    },
    guard::guard_of,
    paths::{Write, carried_off, unsure, written},
    writers::unknown,
};
use crate::domain::effect::Reach;

/// patch: its first word is the file that is changed, its second the text that says how.
pub(super) fn patch(call: &Call<'_>, found: &mut Found) {
    const PATCH: Table = table(
        words!(
            "d D F g i o p r V Y z B directory ifdef fuzz get input output strip reject-file version-control basename-prefix suffix prefix read-only reject-format quoting-style"
        ),
        words!(
            "b c e E f l n N R s t T u v Z backup binary batch dry-run ed context follow-symlinks force forward help ignore-whitespace \
             merge normal posix quiet reverse remove-empty-files set-time set-utc silent unified verbose version backup-if-mismatch no-backup-if-mismatch"
        ),
        &[],
    );
    let parsed = parse(&PATCH, call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    if asks_for_help(&parsed) {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    for file in parsed.values(&["o", "output", "r", "reject-file"]) {
        written(file, Write::Replace, place, found);
    }
    let editing = parsed.has(&["e", "ed"]);
    if editing {
        found.unknown_code(
            place,
            "patch",
            "what the script of the editor does is not known",
        );
    }
    unknown(&parsed.unknown, call, found);
    if parsed.shows(&["dry-run"]) && parsed.unknown.is_empty() && !editing {
        return act(Does::Look, program(place, call), Reach::Exactly(1), found);
    }
    let elsewhere = parsed.values(&["d", "directory"]).next().is_some();
    match parsed.words.first() {
        Some(file) if !elsewhere => {
            let to_another = parsed.values(&["o", "output"]).next().is_some();
            patched(file, to_another, call, found);
        }
        _ => {
            act(Does::Alter, program(place, call), Reach::Unknown, found);
            found.opaque("which files the patch changes is not known");
        }
    }
}

/// The file that a patch is for: the same patch takes the change back, unless the outcome goes to another file.
fn patched(file: &Word, to_another: bool, call: &Call<'_>, found: &mut Found) {
    let place = &call.setting.place;
    if to_another {
        return carried_off(file, place, found);
    }
    if guard_of(file).is_some() {
        return written(file, Write::Replace, place, found);
    }
    let undo = Does::Undo("patch -R with the same input");
    act(undo, named("file", file, place), Reach::Exactly(1), found);
    unsure(file, found);
}
