//! az: the last word before the flags is the verb, the words before it are groups.

use super::{
    aws::script,
    gcloud::context_added,
    line::Line,
    options,
    verbs::{Sort, sort},
};
use crate::{
    commands::{
        found::{Found, object},
        programs::{files::paths::carried_off_whole, handbook::file_made},
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Place, Verb},
};

const VALUED: [&str; 5] = ["output", "o", "query", "subscription", "only-show-errors="];
const PLAIN: [&str; 5] = ["debug", "verbose", "only-show-errors", "help", "h"];
/// Groups whose every change says who may do what.
const ACCESS: [&str; 22] = [
    "role",
    "ad",
    "nsg",
    "policy",
    "firewall",
    "network-rule",
    "firewall-rule",
    "lock",
    "identity",
    "access-policy",
    "vnet-rule",
    "ip-rule",
    "asg",
    "waf-policy",
    "application-gateway-waf",
    "pim",
    "permission",
    "network-rule-set",
    "user",
    "auth",
    "waf-config",
    "tde",
];
/// Commands that print credentials or values of secrets, by their last words.
const VALUES: [&[&str]; 26] = [
    &["appsettings", "list"],
    &["appsettings", "show"],
    &["managed-identity", "get-token"],
    &["keyvault", "secret", "show"],
    &["keyvault", "secret", "download"],
    &["keyvault", "secret", "backup"],
    &["keyvault", "key", "decrypt"],
    &["keyvault", "certificate", "download"],
    &["account", "get-access-token"],
    &["storage", "account", "keys", "list"],
    &["storage", "account", "show-connection-string"],
    &["generate-sas"],
    &["acr", "credential", "show"],
    &["acr", "token", "credential"],
    &["cosmosdb", "keys", "list"],
    &["cosmosdb", "list-connection-strings"],
    &["redis", "list-keys"],
    &["list-keys"],
    &["keys", "list"],
    &["show-connection-string"],
    &["connection-string", "list"],
    &["connection-string", "show"],
    &["list-publishing-profiles"],
    &["list-publishing-credentials"],
    &["function", "keys", "list"],
    &["credential", "list"],
];

/// Judges a call of az.
pub(super) fn az(call: &Call<'_>, found: &mut Found) {
    let line = Line::read(call.arguments, &VALUED, &PLAIN);
    found.line(&line.parsed(), |_| false);
    let cloud = |kind: &str, name: &str| object(&Place::Network("azure".to_owned()), kind, name);
    let words: Option<Vec<&str>> = line.words.iter().map(Word::known).collect();
    let Some(words) = words else {
        return found.unknown_code(
            &call.setting.place,
            "az",
            "what is asked is not known before it runs",
        );
    };
    let asks = !words.is_empty() && line.shows(&["help", "h"]);
    if asks || line.only_asks(&["version", "v"]) {
        return found.effect(Effect::read(Verb::Read, cloud("help", "az")));
    }
    let Some((verb, groups)) = words.split_last() else {
        return found.unknown_code(
            &call.setting.place,
            "az",
            "a flag stands before what is asked",
        );
    };
    for word in line.unknown() {
        found.bounded(format!("`{}` is not known before it runs", word.text()));
    }
    let name = line.value(&["n", "name"]).map_or("", Word::text);
    let thing = cloud(groups.last().unwrap_or(&"cloud"), name);
    if verb.starts_with("upload") || ["import", "sync"].contains(verb) {
        let sources = ["file", "f", "source", "s", "source-path", "path"];
        for file in sources.iter().filter_map(|name| line.value(&[name])) {
            carried_off_whole(file, &call.setting.place, found);
        }
    }
    let sort = sort_of(&words, groups, verb);
    let graver = sort.and_then(|sort| options::weigh(sort, &words, &line, found));
    if let Some(graver) = graver {
        found.effect(graver.effect(thing.clone()));
    }
    if special(groups, verb, &line, &thing, call, found) {
        return;
    }
    match sort {
        Some(sort) => found.effect(sort.effect(thing)),
        None => {
            found.opaque(format!("`az {}` is not known to the gate", words.join(" ")));
            found.effect(Sort::Run.effect(thing));
        }
    }
}

fn sort_of(words: &[&str], groups: &[&str], verb: &str) -> Option<Sort> {
    if VALUES.iter().any(|path| words.ends_with(path)) {
        return Some(Sort::Values);
    }
    let access = groups.iter().any(|group| ACCESS.contains(group))
        || ["set-policy", "delete-policy"].contains(&verb);
    match (words, sort(verb)) {
        (["login"], _) => Some(Sort::Undo("az logout")),
        (["logout" | "configure" | "upgrade" | "init"], _) => Some(Sort::Change),
        (["account", "set"], _) => Some(Sort::Undo("set the former subscription again")),
        (["group", "export"] | ["deployment", _, "export"], _) => Some(Sort::Read),
        (["version" | "find" | "feedback" | "survey"], _) => Some(Sort::Read),
        ([.., "what-if"], _) => Some(Sort::Read),
        ([.., "get-credentials"], _) => Some(Sort::Change),
        ([.., "reset-credentials"] | [.., "credential", "reset"] | [.., "keys", "renew"], _) => {
            Some(Sort::Values)
        }
        (_, Some(Sort::Read)) => Some(Sort::Read),
        (_, Some(Sort::Delete)) => Some(Sort::Delete),
        (_, Some(_)) if access => Some(Sort::Access),
        // The former value of a secret is not shown, so nobody can put it back.
        ([.., "secret", _], Some(Sort::Undo(_))) => Some(Sort::Change),
        (_, sort) => sort,
    }
}

/// Commands whose flags say what they do.
#[expect(clippy::too_many_lines, reason = "one table of special cases")]
fn special(
    groups: &[&str],
    verb: &str,
    line: &Line,
    thing: &Object,
    call: &Call<'_>,
    found: &mut Found,
) -> bool {
    match (groups, verb) {
        (["aks"], "get-credentials") => {
            found.effect(context_added(call));
        }
        (_, "scale") => {
            let count = line.value(&[
                "node-count",
                "c",
                "instance-count",
                "new-capacity",
                "number-of-workers",
                "min-replicas",
                "replicas",
            ]);
            let count = count
                .and_then(Word::known)
                .and_then(|count| count.parse::<u32>().ok());
            if count.is_none() {
                found.opaque("how many are wanted is not known");
            }
            let verb = Verb::ScaleTo(count.unwrap_or(0));
            found.effect(Effect::change(
                verb,
                thing.clone(),
                "scale back to the former number",
            ));
        }
        (["vm" | "vmss", "run-command"], "invoke" | "create") => {
            match line.value(&["scripts", "script"]) {
                Some(text) => script(text, call, found),
                None => found.unknown_code(&call.setting.place, "az", "it names no script"),
            }
        }
        (["aks", "command"], "invoke") => match line.value(&["command", "c"]) {
            Some(text) => script(text, call, found),
            None => found.unknown_code(&call.setting.place, "az", "it names no command"),
        },
        ([], "rest") => rest(line, thing, found),
        (["storage", "blob" | "file" | "fs", ..], "download" | "download-batch") => {
            let here = Word::Known(".".to_owned());
            let to = line.value(&["file", "f", "destination", "d", "dest"]);
            file_made(to.unwrap_or(&here), &call.setting.place, found);
        }
        // What is there already is left alone, unless a flag says otherwise.
        (["storage", "blob"], "upload") if !line.has(&["overwrite"]) => {
            found.effect(Sort::Undo("az storage blob delete").effect(thing.clone()));
        }
        (["storage", "blob"], "sync")
            if line
                .value(&["delete-destination"])
                .is_some_and(|value| value.text() == "true") =>
        {
            found.effect(Sort::Delete.effect(thing.clone()));
        }
        (["extension"], "add" | "update") => {
            found.unknown_code(&call.setting.place, "az", "an extension brings in code");
        }
        (["deployment", ..], "create") => {
            found.effect(Sort::Change.effect(thing.clone()));
            found.opaque("what a template brings in is not looked at");
        }
        (["vm" | "vmss", "extension"], "set") => {
            found.effect(Sort::Run.effect(thing.clone()));
            found.opaque("an extension runs what its settings say");
        }
        (_, "update")
            if line.has(&[
                "allow-blob-public-access",
                "public-network-access",
                "default-action",
                "public-access",
                "admin-password",
            ]) =>
        {
            found.effect(Sort::Access.effect(thing.clone()));
        }
        (["group"], "create") => found.effect(Sort::Undo("az group delete").effect(thing.clone())),
        (_, "ssh") | (["ssh"], "vm") => {
            found.effect(Sort::Run.effect(thing.clone()));
            found.opaque("what is typed into a shell is not known");
        }
        _ => return false,
    }
    true
}

/// `rest --method`: as HTTP says.
fn rest(line: &Line, thing: &Object, found: &mut Found) {
    let method = line
        .value(&["method", "m"])
        .map_or("get".to_owned(), |word| word.text().to_ascii_lowercase());
    let url = line.value(&["url", "uri", "u"]).map_or("", Word::text);
    let reveals = ["listkeys", "listsecrets", "listcredentials", "secrets"]
        .iter()
        .any(|part| url.to_ascii_lowercase().contains(part));
    found.effect(match method.as_str() {
        _ if reveals => Sort::Values.effect(thing.clone()),
        "get" | "head" | "options" => Sort::Read.effect(thing.clone()),
        "delete" => Sort::Delete.effect(thing.clone()),
        _ => Sort::Run.effect(thing.clone()),
    });
    if !matches!(method.as_str(), "get" | "head" | "options") {
        found.opaque("what a request changes is not known");
    }
}
