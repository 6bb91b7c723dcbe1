//! aws, gcloud, az and their kin: storage, secrets, machines.

mod aws;
mod aws_files;
mod az;
mod by_book;
mod gcloud;
mod generic;
mod line;
mod objects;
mod options;
mod secrets;
mod verbs;

use super::{Grammar, files::paths::carried_off_whole};
use crate::commands::{
    found::Found,
    word::{Call, Word},
};

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "aws" => Some(|call, found| sent(aws::aws, call, found)),
        "gcloud" => Some(|call, found| sent(gcloud::gcloud, call, found)),
        "az" => Some(|call, found| sent(az::az, call, found)),
        _ if by_book::is_known(program) => Some(|call, found| {
            by_book::judge(call, found);
            objects::printed(call, found);
        }),
        _ if generic::is_known(program) => Some(generic::judge),
        _ => None,
    }
}

/// Whether the flags of a program are parameters of what it asks a cloud.
pub(super) fn asks_by_parameters(program: &str) -> bool {
    matches!(program, "aws" | "gcloud" | "az") || generic::is_known(program)
}

/// Flags whose file a program itself reads to show who it is, and sends to nobody.
const OWN: [&str; 6] = [
    "key-file",
    "cred",
    "certificate",
    "ca-bundle",
    "identity",
    "auth",
];

/// Whatever the call is about: a file of this host that it names is sent away.
fn sent(judge: Grammar, call: &Call<'_>, found: &mut Found) {
    judge(call, found);
    objects::printed(call, found);
    let mut own = false;
    for word in call.arguments {
        let text = word.text();
        let (flag, value) = match text.split_once('=') {
            Some((flag, value)) if text.starts_with('-') => (flag, value),
            _ if text.starts_with('-') => (text, ""),
            _ => ("", text),
        };
        let shows = OWN.iter().any(|part| flag.contains(part));
        if !std::mem::replace(&mut own, shows && value.is_empty()) && !shows {
            named(word, value, call, found);
        }
    }
}

/// A value that is a path, or names one: `@x`, `file://x`, `fileb://x`.
fn named(word: &Word, value: &str, call: &Call<'_>, found: &mut Found) {
    let path = ["fileb://", "file://", "@"]
        .iter()
        .find_map(|mark| value.strip_prefix(mark))
        .unwrap_or(value);
    // `/*` is what caches and firewalls call everything; it names no file.
    if path.starts_with(['/', '~', '.']) && !path.contains(['{', '"', ' ', '*']) {
        carried_off_whole(&word.with_text(path), &call.setting.place, found);
    }
}
