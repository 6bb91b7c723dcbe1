//! Paths of the API itself: `--raw /api/v1/namespaces/shop/secrets/db`.

use super::{
    super::kinds::{Kind, Nature},
    cluster,
    targets::{Target, scope_of},
};
use crate::{
    commands::{
        found::{Found, object},
        word::Word,
    },
    domain::effect::{Effect, Reach, Reversible, Scope, Secrets, Tri, Verb, Which},
};

/// What programs are asked by a GET that only looks.
const LOOKS: [&str; 11] = [
    "metrics", "healthz", "health", "livez", "readyz", "ready", "ping", "version", "status", "api",
    "stats",
];

/// Paths of a node's kubelet that only show something.
const KUBELET: [&str; 9] = [
    "stats",
    "metrics",
    "configz",
    "healthz",
    "pods",
    "logs",
    "spec",
    "runningpods",
    "checkpoints",
];

/// What a path names.
struct Raw {
    target: Option<Target>,
    /// What follows the name: `log`, `proxy/metrics`, `token`.
    rest: Vec<String>,
}

/// `get --raw`.
pub(super) fn get(path: &Word, found: &mut Found) {
    let text = match path {
        Word::Known(text) => text.as_str(),
        // `/healthz?verbose` without quotes: a pattern to the shell, a question to the API.
        Word::Glob(text) if is_question(text) => text.as_str(),
        Word::Glob(_) | Word::Unknown(_) => {
            return found.unknown_code(
                &cluster(),
                path.text(),
                "the path asked of the API is not known before it runs",
            );
        }
    };
    let raw = parse(text);
    let Some(target) = &raw.target else {
        return found.effect(Effect::read(Verb::Read, object(&cluster(), "api", text)));
    };
    let mut effect = target.look();
    if target.nature == Nature::Secret {
        effect.secrets = Secrets::Values;
    }
    found.effect(effect);
    let rest: Vec<_> = raw.rest.iter().map(String::as_str).collect();
    match rest.as_slice() {
        ["proxy", first, ..] if target.object.kind == "node" && KUBELET.contains(first) => {}
        // The kubelet runs commands for whoever asks there.
        [
            "proxy",
            "run" | "exec" | "attach" | "portForward" | "cri",
            ..,
        ] if target.object.kind == "node" => {
            found.unknown_code(
                &cluster(),
                text,
                "a raw request runs something inside a pod",
            );
        }
        ["proxy", path @ ..] if path.iter().any(|part| is_telling(part)) => {
            let secret = object(&cluster(), "secret", text);
            found.effect(Effect {
                secrets: Secrets::Values,
                ..Effect::read(Verb::Read, secret)
            });
        }
        ["proxy", first, ..] if !LOOKS.contains(first) => {
            found.opaque("a GET through the API's proxy: what answers it is not known");
        }
        ["proxy", ..] => {
            found.bounded("a GET through the API's proxy: what answers it is not known");
        }
        ["exec" | "attach" | "portforward", ..] => {
            found.unknown_code(
                &cluster(),
                text,
                "a raw request runs something inside a pod",
            );
        }
        _ => {}
    }
}

/// Paths at which programs tell their settings, their memory or their secrets, or end.
fn is_telling(part: &str) -> bool {
    matches!(
        part,
        "env" | "environ" | "configprops" | "heapdump" | "secret" | "secrets" | "shutdown"
    )
}

/// Whether the first sign of a pattern is the `?` behind a path that holds no secrets.
fn is_question(text: &str) -> bool {
    let (path, rest) = text.split_once('?').unwrap_or((text, ""));
    let target = parse(path).target;
    !format!("{path}{rest}").contains(['*', '?', '[', '{'])
        && path.starts_with('/')
        && target.is_none_or(|target| matches!(target.nature, Nature::Plain | Nature::Workload))
}

/// `delete --raw`: `--dry-run` does not reach it.
pub(super) fn delete(path: &Word, found: &mut Found) {
    match path.known().and_then(deleted) {
        Some(effect) => found.effect(effect),
        None => found.unknown_code(&cluster(), path.text(), "a raw DELETE of what is not known"),
    }
}

/// What a DELETE of this path removes, if the path is one of the API.
pub(in crate::commands::programs) fn deleted(path: &str) -> Option<Effect> {
    let target = parse(path).target?;
    let verb = match target.object.which {
        Which::Named(_) => Verb::Delete,
        Which::Selector(_) | Which::All | Which::Unknown => Verb::DeleteCollection,
    };
    Some(Effect {
        reach: target.reach,
        ..Effect::destructive(verb, target.object)
    })
}

/// `create --raw` (POST) and `replace --raw` (PUT).
pub(super) fn write(path: &Word, verb: Verb, found: &mut Found) {
    let raw = path.known().map(parse);
    let Some((target, rest)) = raw.and_then(|raw| Some((raw.target?, raw.rest))) else {
        return found.unknown_code(
            &cluster(),
            path.text(),
            "a raw request to what is not known",
        );
    };
    let mut effect = target.change(verb, "");
    effect.reversible = Reversible::Unknown;
    match rest.first().map(String::as_str) {
        Some("token") => {
            effect.verb = Verb::TokenIssue;
            effect.secrets = Secrets::Values;
            effect.access_change = Tri::Yes;
        }
        Some("eviction") => effect.verb = Verb::Evict,
        // A namespace without finalizers is gone, and what it held stays behind.
        Some("finalize") => effect.data_loss = Tri::Yes,
        Some("approval") => effect.access_change = Tri::Yes,
        Some("scale") => effect.service_cut = Tri::Unknown,
        _ => {}
    }
    found.effect(effect);
    found.opaque("what a raw request sends stands in a file");
}

/// `/api/v1/namespaces/NS/KIND/NAME/…` or `/apis/GROUP/VERSION/…`.
fn parse(path: &str) -> Raw {
    let path = path.split(['?', '#']).next().unwrap_or("");
    let segments: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let (group, rest) = match segments.as_slice() {
        ["api", _, rest @ ..] => ("", rest),
        ["apis", group, _, rest @ ..] => (*group, rest),
        _ => (("none"), &[][..]),
    };
    let rest = rest.strip_prefix(&["watch"]).unwrap_or(rest);
    if segments
        .iter()
        .any(|part| part.contains('%') || *part == "..")
    {
        // An encoded path could name anything; the gravest of it is a secret.
        return Raw {
            target: Some(target("secrets", "", Scope::Unknown, None)),
            rest: Vec::new(),
        };
    }
    let (namespace, rest) = match rest {
        ["namespaces", namespace, kind, rest @ ..] if !matches!(*kind, "status" | "finalize") => (
            Scope::Namespace((*namespace).to_owned()),
            [&[*kind], rest].concat(),
        ),
        rest => (Scope::AllNamespaces, rest.to_vec()),
    };
    let Some((kind, rest)) = rest.split_first() else {
        return Raw {
            target: None,
            rest: Vec::new(),
        };
    };
    let (name, rest) = match rest.split_first() {
        Some((name, rest)) => (Some(*name), rest),
        None => (None, &[][..]),
    };
    Raw {
        target: Some(target(kind, group, namespace, name)),
        rest: rest.iter().map(|part| (*part).to_owned()).collect(),
    }
}

fn target(kind: &str, group: &str, namespace: Scope, name: Option<&str>) -> Target {
    let kind = match group {
        "" => Kind::of(&format!("{kind}.v1")),
        group => Kind::of(&format!("{kind}.{group}")),
    };
    let which = name.map_or(Which::All, |name| Which::Named(name.to_owned()));
    let reach = if name.is_some() {
        Reach::Exactly(1)
    } else {
        Reach::Unknown
    };
    let scope = scope_of(&kind, &which, namespace);
    Target::new(kind, scope, which, reach)
}
