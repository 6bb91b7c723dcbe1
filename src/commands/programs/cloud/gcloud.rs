//! gcloud: the first word that is a verb says what is done; some verbs do more in some groups.

use super::aws_files::is_new_object;
use super::{
    aws::script,
    line::Line,
    options,
    verbs::{Sort, sort},
};
use crate::{
    commands::{
        found::{Found, object},
        programs::{
            files::paths::carried_off_whole,
            handbook::{file_written, guarded_file},
        },
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Place, Tri, Verb},
};
use std::{collections::HashSet, sync::LazyLock};

const VALUED: [&str; 11] = [
    "access-token-file",
    "account",
    "billing-project",
    "configuration",
    "flags-file",
    "flatten",
    "format",
    "impersonate-service-account",
    "project",
    "trace-token",
    "verbosity",
];
const PLAIN: [&str; 7] = [
    "help",
    "h",
    "quiet",
    "q",
    "log-http",
    "user-output-enabled",
    "no-user-output-enabled",
];
/// Release tracks.
const TRACKS: [&str; 3] = ["alpha", "beta", "preview"];
/// The last words of its commands.
static VERBS: LazyLock<HashSet<&str>> = LazyLock::new(|| {
    let lines = include_str!("gcloud.verbs").lines();
    lines
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_whitespace)
        .collect()
});
/// Groups whose every change says who may do what.
const ACCESS: [&str; 16] = [
    "firewall-rules",
    "firewall-policies",
    "network-firewall-policies",
    "security-policies",
    "service-accounts",
    "iam",
    "access-context-manager",
    "org-policies",
    "iap",
    "access-approval",
    "ssl-policies",
    "os-login",
    "roles",
    "acl",
    "binauthz",
    "ssh-keys",
];
/// Verbs that hand out credentials or values of secrets.
const VALUES: [&str; 13] = [
    "access",
    "print-access-token",
    "print-identity-token",
    "decrypt",
    "asymmetric-decrypt",
    "raw-decrypt",
    "get-key-string",
    "get-auth-string",
    "reset-windows-password",
    "generate-login-token",
    "sign-url",
    "fetch-read-token",
    "fetch-read-write-token",
];

/// Judges a call of gcloud.
pub(super) fn gcloud(call: &Call<'_>, found: &mut Found) {
    let line = Line::read(call.arguments, &VALUED, &PLAIN);
    found.line(&line.parsed(), |_| false);
    let words: Vec<&Word> = line
        .words
        .iter()
        .filter(|word| !TRACKS.contains(&word.text()))
        .collect();
    let cloud = |name: &str| {
        object(
            &Place::Network("gcloud".to_owned()),
            words.first().map_or("cloud", |word| word.text()),
            name,
        )
    };
    let asks = !words.is_empty() && line.shows(&["help", "h"])
        || words.first().is_some_and(|word| is_manual(word.text()));
    if words.is_empty() && !line.only_asks(&["version", "v"]) {
        let reason = "a flag stands before what is asked";
        return found.unknown_code(&call.setting.place, "gcloud", reason);
    }
    if asks || words.is_empty() {
        return found.effect(Effect::read(Verb::Read, cloud("help")));
    }
    if let Some(word) = words.first().filter(|word| word.known().is_none()) {
        return found.unknown_code(
            &call.setting.place,
            "gcloud",
            format!("`{}` is not known before it runs", word.text()),
        );
    }
    for word in line.unknown() {
        found.bounded(format!("`{}` is not known before it runs", word.text()));
    }
    let at = words.iter().skip(1).position(|word| is_verb(word));
    // Where no verb is known, a grave word among them counts.
    let at = at.or_else(|| {
        words
            .iter()
            .skip(1)
            .position(|word| matches!(sort(word.text()), Some(Sort::Delete | Sort::Cut)))
    });
    let Some((groups, rest)) = at.map(|at| words.split_at(at + 1)) else {
        let unknown = words.iter().any(|word| word.known().is_none());
        found.opaque("it has no verb that the gate knows");
        let effect = Sort::Run.effect(cloud("unknown"));
        return found.effect(if unknown {
            Effect::opaque(cloud("unknown"))
        } else {
            effect
        });
    };
    let groups: Vec<&str> = groups.iter().map(|word| word.text()).collect();
    let verb = rest.first().map_or("", |word| word.text());
    let name = rest.get(1).map_or("", |word| word.text());
    if groups == ["config"] && verb == "set" && !options::is_mild_property(name) {
        found.opaque(format!(
            "`{name}` decides what later calls touch, and as whom"
        ));
    }
    let sort = sort_of(&groups, verb);
    let said: Vec<&str> = groups.iter().copied().chain([verb]).collect();
    if let Some(graver) = options::weigh(sort, &said, &line, found) {
        found.effect(graver.effect(cloud(name)));
    }
    if !special(&groups, verb, rest, &line, &cloud(name), call, found) {
        found.effect(sort.effect(cloud(name)));
    }
}

/// Commands of the root that only tell.
fn is_manual(word: &str) -> bool {
    matches!(
        word,
        "help" | "info" | "version" | "cheat-sheet" | "feedback" | "survey" | "topic"
    )
}

fn is_verb(word: &Word) -> bool {
    word.known().is_some_and(|text| VERBS.contains(text))
}

fn sort_of(groups: &[&str], verb: &str) -> Sort {
    if VALUES.contains(&verb) {
        return Sort::Values;
    }
    let binding = ["iam-policy", "policy-binding", "iam-policies"]
        .iter()
        .any(|part| verb.contains(part));
    let access = binding || groups.iter().any(|group| ACCESS.contains(group));
    match (groups, verb, sort(verb)) {
        (_, "simulate-maintenance-event", _) => Sort::Restart,
        (_, _, Some(Sort::Read)) => Sort::Read,
        (["auth", ..], "revoke", _) => Sort::Delete,
        (["auth", ..], _, _) => Sort::Change,
        (["config", ..], "set", _) => Sort::Undo("set the former value again"),
        (["config", ..], "unset", _) => Sort::Change,
        (["config", "configurations"], "activate", _) => {
            Sort::Undo("activate the former one again")
        }
        (["container", "clusters"], "get-credentials", _) => Sort::Change,
        (["compute", .., "instances"], "reset", _) => Sort::Restart,
        (["run"], "deploy", _) => {
            Sort::Undo("gcloud run services update-traffic to the former revision")
        }
        (["app", ..], "deploy", _) => {
            Sort::Undo("gcloud app services set-traffic to the former version")
        }
        (["iam", "roles", ..] | ["iam", "service-accounts"], "create" | "update", _) => {
            Sort::Access
        }
        (_, _, Some(Sort::Delete)) => Sort::Delete,
        (_, _, Some(_)) if access => Sort::Access,
        (_, _, Some(sort)) => sort,
        (_, _, None) => Sort::Run,
    }
}

/// Verbs whose words or flags say what they do.
fn special(
    groups: &[&str],
    verb: &str,
    rest: &[&Word],
    line: &Line,
    thing: &Object,
    call: &Call<'_>,
    found: &mut Found,
) -> bool {
    match (groups, verb) {
        (_, "get-credentials") => found.effect(context_added(call)),
        (_, "resize") if groups.contains(&"disks") => {
            // A disk grows, and never shrinks.
            found.effect(Sort::Change.effect(thing.clone()));
        }
        (_, "resize") if line.has(&["num-nodes", "size"]) => {
            let size = line
                .value(&["num-nodes", "size"])
                .and_then(Word::known)
                .and_then(|size| size.parse::<u32>().ok());
            if size.is_none() {
                found.opaque("how many are wanted is not known");
            }
            let verb = Verb::ScaleTo(size.unwrap_or(0));
            found.effect(Effect::change(
                verb,
                thing.clone(),
                "resize it to the former number",
            ));
        }
        (_, "ssh") => match line.value(&["command"]) {
            Some(text) => script(text, call, found),
            None => remote_words(line, thing, call, found),
        },
        (_, "set-iam-policy") => found.effect(Sort::Access.effect(thing.clone())),
        (["storage", ..], "cp" | "mv" | "rsync") => copied(verb, rest, line, thing, call, found),
        (["storage"], "cat" | "ls" | "du" | "hash") => {
            found.effect(Sort::Read.effect(thing.clone()));
        }
        (["sql", ..], "import") => {
            found.effect(Sort::Run.effect(thing.clone()));
            found.opaque("what a dump does to a database is not known");
        }
        (_, "pull") if line.has(&["auto-ack"]) => found.effect(Sort::Delete.effect(thing.clone())),
        _ if line.flags.iter().any(|(name, values)| opens(name, values))
            && !matches!(sort(verb), Some(Sort::Read | Sort::Delete)) =>
        {
            found.effect(Sort::Access.effect(thing.clone()));
        }
        (["sql"], "connect") => {
            found.effect(Sort::Run.effect(thing.clone()));
            found.opaque("what is typed into a database is not known");
        }
        (["auth", ..], "application-default") => {
            let tokens = rest.iter().any(|word| word.text() == "print-access-token");
            let sort = if tokens { Sort::Values } else { Sort::Change };
            found.effect(sort.effect(thing.clone()));
        }
        (["builds"], "submit") | (["functions"], "call") => {
            found.effect(Sort::Run.effect(thing.clone()));
            found.opaque("what is run there stands elsewhere");
        }
        (["sql", "instances"], "patch")
            if line
                .value(&["activation-policy"])
                .is_some_and(|value| value.text().eq_ignore_ascii_case("never")) =>
        {
            found.effect(Sort::Cut.effect(thing.clone()));
        }
        (["sql", "instances"], "patch")
            if line.has(&["no-deletion-protection", "authorized-networks"]) =>
        {
            found.effect(Sort::Access.effect(thing.clone()));
        }
        (["run", "services"], "update")
            if line
                .value(&["max-instances"])
                .is_some_and(|value| value.text() == "0") =>
        {
            found.effect(Sort::Cut.effect(thing.clone()));
        }
        _ => return false,
    }
    true
}

/// Flags that let somebody in, whatever else the command does.
fn opens(name: &str, values: &[Word]) -> bool {
    let lets_in = [
        "authorized-networks",
        "public-access",
        "allow-unauthenticated",
        "metadata-from-file",
    ]
    .iter()
    .any(|part| name.contains(part));
    let keys = ["ssh-keys", "sshKeys", "startup-script", "enable-oslogin"];
    let metadata = || {
        values
            .iter()
            .any(|value| keys.iter().any(|key| value.text().contains(key)))
    };
    lets_in || name == "metadata" && metadata()
}

/// A cluster is added to the kubeconfig, and spoken to from now on.
pub(super) fn context_added(call: &Call<'_>) -> Effect {
    let undo = "kubectl config delete-context, and use the former one";
    Effect::change(
        Verb::FileWrite,
        object(&call.setting.place, "kubeconfig", "~/.kube/config"),
        undo,
    )
}

/// `ssh HOST -- COMMAND`.
fn remote_words(line: &Line, thing: &Object, call: &Call<'_>, found: &mut Found) {
    let words = line
        .flags
        .iter()
        .find(|(name, _)| name.is_empty())
        .map(|(_, words)| words);
    let known: Option<Vec<&str>> = words.and_then(|words| words.iter().map(Word::known).collect());
    match known {
        Some(known) if !known.is_empty() => script(&Word::Known(known.join(" ")), call, found),
        _ => {
            found.effect(Sort::Run.effect(thing.clone()));
            found.opaque("what is typed into a shell is not known");
        }
    }
}

/// `storage cp`, `mv` and `rsync`.
fn copied(
    verb: &str,
    rest: &[&Word],
    line: &Line,
    thing: &Object,
    call: &Call<'_>,
    found: &mut Found,
) {
    if line.shows(&["dry-run"]) {
        return found.effect(Sort::Read.effect(thing.clone()));
    }
    let last = rest.last().map_or("", |word| word.text());
    let last = line
        .flags
        .iter()
        .flat_map(|(_, values)| values)
        .next_back()
        .map_or(last, |word| word.text());
    if last == "-" {
        return found.effect(Sort::Read.effect(thing.clone()));
    }
    for from in rest
        .iter()
        .filter(|from| last.contains("://") && !from.text().contains("://"))
    {
        carried_off_whole(from, &call.setting.place, found);
    }
    let mut effect = if last.contains("://") {
        let one = verb == "cp" && !line.has(&["recursive", "r", "R"]);
        match rest {
            [.., from, to] if one && is_new_object(from, to) => {
                Sort::Undo("gcloud storage rm it").effect(thing.clone())
            }
            _ => Sort::Change.effect(thing.clone()),
        }
    } else {
        guarded_file(&Word::Known(last.to_owned()), &call.setting.place, found);
        file_written(&call.setting.place, last)
    };
    if verb == "mv" || line.has(&["delete-unmatched-destination-objects"]) {
        effect.data_loss = Tri::Yes;
    }
    found.effect(effect);
}
