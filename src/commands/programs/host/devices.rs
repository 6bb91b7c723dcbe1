//! udevadm: what the kernel is said to have found, or lost.

use super::{
    does::{Does, act},
    sheet::{Sheet, table, words},
};
use crate::{
    commands::{
        found::{Found, object},
        word::{Call, Word},
    },
    domain::effect::Reach,
};

const UDEVADM: Sheet = Sheet::with_verbs(
    "device",
    table(
        words!(
            "q p n t s y b d e timeout query path name root property attribute-match subsystem-match sysname-match tag-match action type settle"
        ),
        words!(
            "h V a r x c version help attribute-walk export-db export cleanup-db token-only no-pager verbose dry-run debug udev kernel environment"
        ),
        &[],
    ),
    &[
        ("info monitor test test-builtin verify cat wait", Does::Look),
        ("settle", Does::Look),
        ("trigger", Does::Renew),
        ("control lock hwdb", Does::Alter),
    ],
);

/// udevadm: devices that are said to be gone are let go of by whoever uses them.
pub(super) fn udevadm(call: &Call<'_>, found: &mut Found) {
    UDEVADM.judge(call, found);
    let mut words = call.arguments.iter().map(Word::text);
    if words.next() != Some("trigger") && !words.any(|word| word == "trigger") {
        return;
    }
    for (place, word) in call.arguments.iter().enumerate() {
        let text = word.text();
        let value = match text {
            "-c" | "--action" => call.arguments.get(place + 1).map(Word::text),
            _ => text
                .strip_prefix("--a")
                .and_then(|rest| Some(rest.split_once('=')?.1)),
        };
        let value = value.or_else(|| text.strip_prefix("-c").filter(|rest| !rest.is_empty()));
        let device = object(&call.setting.place, "device", text);
        match value {
            None | Some("change" | "add" | "bind" | "online" | "move" | "help") => {}
            Some("remove" | "unbind" | "offline") => {
                act(Does::Cut, device, Reach::Unknown, found);
            }
            Some(_) => found.unknown_code(
                &call.setting.place,
                "udevadm",
                "what happened to the devices is not known before it runs",
            ),
        }
    }
}
