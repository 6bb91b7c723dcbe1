//! etcdctl: keys of Kubernetes hold secrets, and writing them goes around every rule of the API.

use super::registry;
use crate::{
    commands::{
        found::Found,
        programs,
        programs::handbook::{Handbook, Page},
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Reach, Reversible, Secrets, Tri, Verb},
};

/// Where Kubernetes and OpenShift keep secrets.
const SECRETS: [&str; 2] = ["/registry/secrets/", "/kubernetes.io/secrets/"];
/// Where they keep everything.
const CLUSTERS: [&str; 2] = ["/registry", "/kubernetes.io"];

/// The commands that the handbook leaves open.
pub(super) fn own(handbook: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let first = page
        .parsed
        .words
        .first()
        .cloned()
        .unwrap_or(Word::Known(String::new()));
    let mut key = handbook.object(page.deed, page, call, &first);
    "key".clone_into(&mut key.kind);
    match page.path {
        "get" => get(page, key, found),
        "put" => put(page, key, found),
        "del" => del(page, key, found),
        "watch" => {
            get(page, key, found);
            command(page, 1, call, found);
        }
        "lock" | "elect" => {
            found.effect(Effect::change(Verb::Create, key, "end the command"));
            command(page, 1, call, found);
        }
        _ => found.unknown_code(
            &call.setting.place,
            "etcdctl",
            "what a transaction does stands elsewhere",
        ),
    }
}

/// A command that runs under a lock or for each event.
fn command(page: &Page<'_>, skip: usize, call: &Call<'_>, found: &mut Found) {
    let at = page.parsed.before_dashes.unwrap_or(skip);
    let words = page.parsed.words.get(at..).unwrap_or(&[]);
    if words.is_empty() || (page.path == "watch" && page.parsed.before_dashes.is_none()) {
        return;
    }
    match call.setting.deeper() {
        Some(setting) => programs::judge(words, call.stdin, &setting, found),
        None => found.unknown_code(
            &call.setting.place,
            "etcdctl",
            "commands stand too deep in each other",
        ),
    }
}

fn get(page: &Page<'_>, key: Object, found: &mut Found) {
    let mut effect = Effect::read(Verb::Read, key);
    let only_names = page.parsed.has(&["keys-only", "count-only"]);
    let words: Vec<_> = page.parsed.words.iter().take(2).collect();
    if let Some(word) = words.iter().find(|word| word.known().is_none()) {
        found.opaque(format!(
            "`{}`: which keys are meant is not known",
            word.text()
        ));
    }
    if !only_names && shows_secrets(page, &words) {
        effect.secrets = Secrets::Values;
    }
    found.effect(effect);
}

/// Whether the keys asked for may be those of secrets. Whoever asks for many keys at once asks for whatever stands there, but below a
/// kind of objects of a cluster.
fn shows_secrets(page: &Page<'_>, words: &[&Word]) -> bool {
    if words.iter().any(|word| word.known().is_none()) {
        return true;
    }
    let key = words.first().map_or("", |word| word.text());
    let many = words.len() > 1 || page.parsed.has(&["prefix", "from-key"]);
    let of_a_cluster = CLUSTERS.iter().any(|start| key.starts_with(start));
    many && !of_a_cluster
        || SECRETS.iter().any(|secrets| match words.get(1) {
            _ if page.parsed.has(&["from-key"]) => key <= *secrets || key.starts_with(secrets),
            _ if page.parsed.has(&["prefix"]) => {
                secrets.starts_with(key) || key.starts_with(secrets)
            }
            Some(end) => (key <= *secrets || key.starts_with(secrets)) && end.text() > *secrets,
            None => key.starts_with(secrets),
        })
}

fn put(page: &Page<'_>, key: Object, found: &mut Found) {
    let name = page.parsed.words.first();
    let of_a_cluster = name.is_none_or(|name| {
        name.known()
            .is_none_or(|name| CLUSTERS.iter().any(|cluster| name.starts_with(cluster)))
    });
    let mut effect = Effect {
        reach: Reach::Exactly(1),
        reversible: Reversible::Unknown,
        ..Effect::read(Verb::Update, key)
    };
    if of_a_cluster {
        effect.access_change = Tri::Unknown;
        effect.data_loss = Tri::Unknown;
        effect.object = name.map_or_else(registry::unknown, |name| registry::object(name, false));
    }
    found.effect(effect);
    for word in &page.parsed.words {
        found.doubt(word);
    }
}

/// Keys that Kubernetes keeps its objects under are its objects.
fn del(page: &Page<'_>, key: Object, found: &mut Found) {
    let words = &page.parsed.words;
    let is_one = words.len() < 2 && !page.parsed.has(&["prefix", "from-key", "range"]);
    let verb = if is_one {
        Verb::Delete
    } else {
        Verb::DeleteCollection
    };
    let name = words.first();
    let of_a_cluster = name.is_none_or(|name| {
        let known = name.known();
        let may_hold = |start: &&str| {
            known.is_none_or(|name| name.starts_with(start) || !is_one && start.starts_with(name))
        };
        CLUSTERS.iter().any(may_hold)
    });
    let object = match name {
        Some(name) if of_a_cluster && words.len() < 2 && !page.parsed.has(&["from-key"]) => {
            registry::object(name, !is_one)
        }
        _ if of_a_cluster || !is_one && page.parsed.has(&["from-key"]) => registry::unknown(),
        _ => key,
    };
    found.effect(Effect {
        reach: if is_one {
            Reach::Exactly(1)
        } else {
            Reach::Unknown
        },
        ..Effect::destructive(verb, object)
    });
    for word in words {
        found.doubt(word);
    }
}
