//! gRPC: listing and describing look; a call does what its method does.

use crate::commands::flags::Table;
use crate::commands::found::{Found, object};
use crate::commands::programs::host::does::{Does, act};
use crate::commands::programs::host::sheet::{has_word, program, whole, words};
use crate::commands::word::{Call, Word};
use crate::domain::effect::{Place, Reach};

const GRPCURL: Table = whole(
    words!(
        "H d cacert cert key authority servername max-time max-msg-sz connect-timeout keepalive-time import-path proto protoset format rpc-header reflect-header user-agent protoset-out proto-out-dir alts-handshaker-service"
    ),
    words!(
        "plaintext insecure v vv emit-defaults expand-headers unix use-reflection allow-unknown-fields format-error msg-template help version alts"
    ),
);

/// grpcurl.
pub(super) fn grpcurl(call: &Call<'_>, found: &mut Found) {
    let parsed = GRPCURL.parse(call.arguments);
    found.line(&parsed, |_| false);
    let place = &call.setting.place;
    let words: Vec<&str> = parsed.words.iter().map(Word::text).collect();
    let looks = words.len() < 2
        || words
            .iter()
            .skip(1)
            .take(1)
            .any(|word| has_word("list describe", word))
        || words
            .first()
            .is_some_and(|word| has_word("list describe", word));
    let method = words.last().map_or("", |method| {
        method.rsplit(['/', '.']).next().unwrap_or_default()
    });
    let host = words.first().copied().unwrap_or_default();
    let does = if looks { Does::Look } else { called(method) };
    act(
        does,
        object(
            &Place::Network(host.to_owned()),
            "method",
            words.last().copied().unwrap_or_default(),
        ),
        Reach::Exactly(1),
        found,
    );
    if !parsed.unknown.is_empty() || parsed.words.iter().any(|word| word.known().is_none()) {
        act(Does::Send, program(place, call), Reach::Unknown, found);
        found.opaque("what is called is not fully known");
    }
}

/// What a method does, by its name: services name those that only look alike everywhere.
fn called(method: &str) -> Does {
    let looks = [
        "Get", "List", "Check", "Watch", "Describe", "Find", "Search", "Lookup", "Status",
        "Health", "Query", "Read", "Ping", "Version", "Count",
    ];
    let grave = [
        "Delete",
        "Remove",
        "Drop",
        "Destroy",
        "Purge",
        "Stop",
        "Shutdown",
        "Kill",
        "Terminate",
        "Truncate",
        "Clear",
        "Reset",
        "Revoke",
        "Disable",
        "Drain",
        "Evict",
    ];
    match () {
        () if grave.iter().any(|start| method.contains(start)) => Does::Remove,
        () if looks.iter().any(|start| method.starts_with(start)) => Does::Look,
        () => Does::Send,
    }
}

/// grpc_health_probe only asks.
pub(super) fn probe(call: &Call<'_>, found: &mut Found) {
    act(
        Does::Look,
        program(&call.setting.place, call),
        Reach::Exactly(1),
        found,
    );
}
