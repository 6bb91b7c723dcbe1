//! Clouds whose programs all speak alike: groups, a verb, names, flags. What a verb means is the same everywhere; what is not stands in
//! a short list for each program.

use super::{
    line::Line,
    options,
    verbs::{Sort, is_noun_too, sort},
};
use crate::{
    commands::{
        found::{Found, object},
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Place, Verb},
};

/// Flags that take a value and may stand before the verb.
const VALUED: [&str; 34] = [
    "config",
    "context",
    "c",
    "t",
    "access-token",
    "u",
    "api-url",
    "o",
    "output",
    "p",
    "profile",
    "region",
    "r",
    "zone",
    "z",
    "namespace",
    "n",
    "v",
    "verbose-level",
    "http-timeout",
    "poll-interval",
    "endpoint",
    "debug-file",
    "account",
    "A",
    "os-cloud",
    "os-project-name",
    "os-region-name",
    "f",
    "format",
    "token",
    "timeout",
    "cluster",
    "compartment-id",
];
const PLAIN: [&str; 8] = [
    "debug", "quiet", "q", "verbose", "trace", "help", "h", "no-color",
];

/// Groups and verbs of a program that mean something else than their first word, by the end of the words before any name.
const OTHERWISE: [(&str, &[&str], Sort); 41] = [
    ("hcloud", &["server", "shutdown"], Sort::Cut),
    ("hcloud", &["server", "reset"], Sort::Restart),
    ("hcloud", &["server", "rebuild"], Sort::Delete),
    ("hcloud", &["server", "reset-password"], Sort::Values),
    ("hcloud", &["server", "request-console"], Sort::Values),
    ("hcloud", &["server", "enable-rescue"], Sort::Values),
    ("hcloud", &["server", "ip"], Sort::Read),
    ("hcloud", &["server", "ssh"], Sort::Run),
    ("hcloud", &["server", "change-type"], Sort::Change),
    ("hcloud", &["context", "active"], Sort::Read),
    ("hcloud", &["firewall", "create"], Sort::Access),
    ("hcloud", &["firewall", "add-rule"], Sort::Access),
    ("hcloud", &["firewall", "replace-rules"], Sort::Access),
    ("hcloud", &["firewall", "apply-to-resource"], Sort::Access),
    ("hcloud", &["firewall", "update"], Sort::Access),
    ("hcloud", &["ssh-key", "create"], Sort::Access),
    ("hcloud", &["zone", "export-zonefile"], Sort::Read),
    ("hcloud", &["zone", "import-zonefile"], Sort::Delete),
    ("hcloud", &["storage-box", "reset-password"], Sort::Access),
    (
        "hcloud",
        &["storage-box", "rollback-snapshot"],
        Sort::Delete,
    ),
    ("doctl", &["garbage-collection", "start"], Sort::Delete),
    ("doctl", &["kubeconfig", "show"], Sort::Values),
    (
        "doctl",
        &["kubeconfig", "save"],
        Sort::Undo("kubectl config delete-context, and use the former one"),
    ),
    ("doctl", &["auth", "token"], Sort::Values),
    ("doctl", &["databases", "connection"], Sort::Values),
    ("doctl", &["user", "get"], Sort::Values),
    ("doctl", &["compute", "ssh"], Sort::Run),
    ("doctl", &["droplet-action", "power-cycle"], Sort::Restart),
    (
        "doctl",
        &["droplet-action", "power-on"],
        Sort::Undo("power it off again"),
    ),
    ("doctl", &["droplet-action", "password-reset"], Sort::Access),
    (
        "doctl",
        &["droplet-action", "snapshot"],
        Sort::Undo("delete the snapshot"),
    ),
    ("doctl", &["firewall", "create"], Sort::Access),
    ("doctl", &["firewall", "add-rules"], Sort::Access),
    ("doctl", &["firewall", "update"], Sort::Access),
    ("doctl", &["ssh-key", "create"], Sort::Access),
    ("eksctl", &["utils", "write-kubeconfig"], Sort::Change),
    (
        "eksctl",
        &["utils", "associate-iam-oidc-provider"],
        Sort::Access,
    ),
    ("eksctl", &["create", "iamserviceaccount"], Sort::Access),
    ("eksctl", &["create", "iamidentitymapping"], Sort::Access),
    ("eksctl", &["create", "accessentry"], Sort::Access),
    ("eksctl", &["drain", "nodegroup"], Sort::Cut),
];

/// Groups whose every change says who may do what.
const GUARDED: [&str; 15] = [
    "firewall",
    "security",
    "security-group",
    "role",
    "user",
    "users",
    "policy",
    "acl",
    "iam",
    "trust",
    "ssh-key",
    "sshkey",
    "group-policy",
    "firewalls",
    "ssh-keys",
];

/// Whether the gate knows this program.
pub(super) fn is_known(program: &str) -> bool {
    matches!(
        program,
        "hcloud"
            | "doctl"
            | "eksctl"
            | "scw"
            | "exo"
            | "linode-cli"
            | "oci"
            | "ibmcloud"
            | "openstack"
            | "upctl"
            | "civo"
            | "vultr-cli"
            | "ovhcloud"
            | "nova"
    )
}

/// Judges a call of such a program.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let line = Line::read(call.arguments, &VALUED, &PLAIN);
    found.line(&line.parsed(), |_| false);
    let thing = |name: &str| {
        let kind = line.words.first().map_or("cloud", |word| word.text());
        object(&Place::Network(call.program.to_owned()), kind, name)
    };
    let handbook = line
        .words
        .first()
        .is_none_or(|word| matches!(word.text(), "help" | "version" | "completion" | "info"));
    let version = line.only_asks(&["version"]);
    let asks = line.shows(&["help", "h"]) && !line.words.is_empty();
    if asks || version || handbook && line.flags.is_empty() {
        return found.effect(Effect::read(Verb::Read, thing("help")));
    }
    let Some(at) = verb_at(call.program, &line) else {
        return without_verb(&line, &thing(""), found);
    };
    for word in line.unknown() {
        found.bounded(format!("`{}` is not known before it runs", word.text()));
    }
    let verb = line.words.get(at).map_or("", Word::text);
    let thing = thing(line.words.get(at + 1).map_or("", Word::text));
    let own = otherwise(call.program, &line).or_else(|| guarded(&line, verb));
    let sort = own.or_else(|| sort(verb)).unwrap_or(Sort::Run);
    let count = line
        .value(&["nodes", "N", "count", "node-count", "num-nodes"])
        .map(Word::text);
    let scaled = count.and_then(|count| count.parse::<u32>().ok());
    let said: Vec<&str> = line.words.iter().take(at + 1).map(Word::text).collect();
    if !line.shows(&["dry-run"])
        && let Some(graver) = options::weigh(sort, &said, &line, found)
    {
        found.effect(graver.effect(thing.clone()));
    }
    let to_none = matches!(verb, "scale" | "resize" | "update") && count == Some("0");
    found.effect(match sort {
        _ if line.shows(&["dry-run"]) => Effect::read(Verb::Read, thing),
        _ if verb == "scale" && scaled.is_some() => Effect::change(
            Verb::ScaleTo(scaled.unwrap_or(0)),
            thing,
            "scale back to the former number",
        ),
        _ if to_none => Effect::change(Verb::ScaleTo(0), thing, "scale back to the former number"),
        sort => sort.effect(thing),
    });
    if sort == Sort::Run {
        found.opaque("what is run there is not known");
    }
}

/// `load-balancer delete`: what names a thing is no verb where one follows.
fn verb_at(program: &str, line: &Line) -> Option<usize> {
    let is_verb = |at: usize| {
        line.words
            .get(at)
            .is_some_and(|word| is_verb(program, line, word))
    };
    let is_noun = |at: usize| {
        line.words
            .get(at)
            .is_some_and(|word| is_noun_too(word.text()))
    };
    (0..line.words.len()).find(|at| is_verb(*at) && !(is_noun(*at) && is_verb(at + 1)))
}

/// No word is a verb; `--action STOP` may be one.
fn without_verb(line: &Line, thing: &Object, found: &mut Found) {
    let unknown = line.words.iter().any(|word| word.known().is_none());
    let action = line
        .value(&["action"])
        .and_then(Word::known)
        .map(str::to_ascii_lowercase);
    found.opaque("it has no verb that the gate knows");
    found.effect(match action.as_deref().and_then(action_sort) {
        Some(sort) => sort.effect(thing.clone()),
        None if unknown => Effect::opaque(thing.clone()),
        None => Sort::Run.effect(thing.clone()),
    });
}

fn action_sort(action: &str) -> Option<Sort> {
    let grave = ["stop", "terminate", "delete"]
        .iter()
        .any(|part| action.contains(part));
    if grave { Some(Sort::Cut) } else { sort(action) }
}

/// Groups that say who may do what, and credentials that are shown once.
fn guarded(line: &Line, verb: &str) -> Option<Sort> {
    let has = |names: &[&str]| line.words.iter().any(|word| names.contains(&word.text()));
    match verb {
        "issue" => Some(Sort::Values),
        // A volume grows, and never shrinks.
        "resize" if has(&["volume", "volumes", "disk"]) => Some(Sort::Change),
        _ if matches!(sort(verb), Some(Sort::Read | Sort::Delete) | None) => None,
        "create" if has(&["keypair", "credential", "api-key", "token"]) => Some(Sort::Values),
        _ if has(&GUARDED) => Some(Sort::Access),
        _ => None,
    }
}

fn is_verb(program: &str, line: &Line, word: &Word) -> bool {
    let Some(text) = word.known() else {
        return false;
    };
    let first = line
        .words
        .first()
        .is_some_and(|first| std::ptr::eq(first, word));
    // The first word is a group, but for programs that speak as people do: `eksctl delete cluster`.
    let may = !first || program == "eksctl" || line.words.len() == 1;
    may && (sort(text).is_some()
        || OTHERWISE
            .iter()
            .any(|(of, path, _)| *of == program && path.last() == Some(&text)))
}

fn otherwise(program: &str, line: &Line) -> Option<Sort> {
    let words: Vec<&str> = line.words.iter().map(Word::text).collect();
    let of = OTHERWISE.iter().filter(|(of, _, _)| *of == program);
    of.clone()
        .find(|(_, path, _)| words.windows(path.len()).any(|window| window == *path))
        .map(|(_, _, sort)| *sort)
}
