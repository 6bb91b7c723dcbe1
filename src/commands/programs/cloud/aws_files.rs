//! `aws s3` and `aws configure`: what they copy, and where to.

use super::verbs::Sort;
use crate::{
    commands::{
        found::{Found, object},
        programs::files::{
            paths::{carried_off_whole, is_product},
            pattern,
            secrets::discloses,
        },
        programs::handbook::{Handbook, Page, file_written, guarded_file},
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Place, Reversible, Secrets, Tri, Verb},
};

/// `aws s3 cp`, `mv`, `sync` and `aws configure`.
pub(super) fn own(handbook: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let parsed = &page.parsed;
    let words = &parsed.words;
    for word in words {
        found.doubt(word);
    }
    if page.path.starts_with("configure") {
        return configure(page, call, found);
    }
    let [from, to] = words.as_slice() else {
        return found.unknown_code(
            &call.setting.place,
            "s3",
            "it does not say from where to where",
        );
    };
    let remote = |word: &Word| word.text().starts_with("s3://");
    let name = if remote(to) { to } else { from };
    let bucket = handbook.object(page.deed, page, call, name);
    if parsed.shows(&["dryrun"])
        || (matches!(to.text(), "-" | "/dev/stdout" | "/dev/stderr") && page.path == "s3 cp")
    {
        let shown = !parsed.shows(&["dryrun"]) && discloses(from.text());
        return found.effect(Effect {
            secrets: if shown {
                Secrets::Values
            } else {
                Secrets::None
            },
            ..Effect::read(Verb::Read, bucket)
        });
    }
    if remote(to) && !remote(from) {
        carried_off_whole(from, &call.setting.place, found);
    }
    let mut effect = if remote(to) {
        let object = Object {
            kind: "object".to_owned(),
            place: Place::Network("aws".to_owned()),
            ..bucket
        };
        sent(page, from, to, Sort::Change.effect(object))
    } else {
        guarded_file(to, &call.setting.place, found);
        file_written(&call.setting.place, to.text())
    };
    if page.path == "s3 mv" || parsed.has(&["delete"]) {
        effect.data_loss = Tri::Yes;
        effect.reversible = Reversible::No;
    }
    if parsed
        .value(&["acl"])
        .is_some_and(|acl| acl.text().contains("public") || acl.text().contains("authenticated"))
        || parsed.value(&["grants"]).is_some()
    {
        effect.access_change = Tri::Yes;
    }
    found.effect(effect);
}

/// What one file that is sent to a bucket makes of the effect: under a name of its own it can be removed again.
fn sent(page: &Page<'_>, from: &Word, to: &Word, effect: Effect) -> Effect {
    if page.path != "s3 cp" || page.parsed.has(&["recursive"]) || !is_new_object(from, to) {
        return effect;
    }
    Effect {
        reversible: Reversible::Undo(format!("aws s3 rm {}", to.text())),
        ..effect
    }
}

/// Whether an object's name, or that of the file sent into a folder, says that it is a dump or an archive of its own.
pub(super) fn is_new_object(from: &Word, to: &Word) -> bool {
    let dated = pattern::with_date(to);
    let Some(target) = dated.known() else {
        return false;
    };
    let path = target.split_once("://").map_or(target, |(_, path)| path);
    let path = path.split_once(':').map_or(path, |(_, path)| path);
    let key = path.split_once('/').map_or("", |(_, key)| key);
    let name = if key.is_empty() || key.ends_with('/') {
        from.text().rsplit('/').next().unwrap_or_default()
    } else {
        key
    };
    name != "-" && from.known().is_some() && is_product(name)
}

/// Whether a setting of this name is a credential.
fn is_secret(name: &str) -> bool {
    ["secret", "token", "password"]
        .iter()
        .any(|part| name.contains(part))
}

/// Settings of which the former value says all: who asks, where, and how it is shown.
const SETTINGS: [&str; 17] = [
    "region",
    "output",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "cli_timestamp_format",
    "cli_auto_prompt",
    "cli_history",
    "retry_mode",
    "max_attempts",
    "parameter_validation",
    "role_session_name",
    "duration_seconds",
    "max_concurrent_requests",
    "max_queue_size",
    "multipart_threshold",
    "multipart_chunksize",
];

/// `configure set`: some settings are commands that every later call runs, or say whom it asks.
fn set(name: Option<&Word>, call: &Call<'_>, found: &mut Found) {
    let name = name.and_then(Word::known).unwrap_or_default();
    let last = name.rsplit('.').next().unwrap_or_default();
    let runs = ["credential_process", "cli_pager"].contains(&last)
        || name.split('.').any(|part| part == "plugins");
    if runs || name.is_empty() {
        let reason = "every later call may run what this setting says";
        return found.unknown_code(&call.setting.place, "aws", reason);
    }
    if !SETTINGS.contains(&last) {
        found.opaque(format!(
            "`{name}` decides what later calls touch, and as whom"
        ));
    }
}

/// `configure get` of a secret prints it.
fn configure(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let name = page.parsed.words.first();
    let secret = name.is_none_or(|name| name.known().is_none_or(is_secret));
    let settings = object(&call.setting.place, "file", "~/.aws/config");
    if page.path == "configure set" {
        set(name, call, found);
    }
    found.effect(match (page.path, secret) {
        ("configure get", true) => Sort::Values.effect(settings),
        ("configure get", false) => Effect::read(Verb::FileRead, settings),
        _ => Effect::change(Verb::FileWrite, settings, "set the former value again"),
    });
}
