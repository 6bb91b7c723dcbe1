//! Objects that files and standard input describe: `apply`, `create -f`, `replace`.

use super::{
    super::kinds::{Kind, Nature},
    Line,
    delete::{deleted, dry},
    inside, openings,
    patch::{brings_in, weighed},
    raw,
    targets::{Target, scope_of, unknown_change},
};
use crate::{
    commands::{
        found::Found,
        programs::images::{Meant, started},
        word::{Call, Stdin, Word},
    },
    domain::effect::{Effect, Reach, Reversible, Scope, Tri, Verb, Which},
};
use serde_json::Value;

/// How many objects a line may describe before it is not looked at one by one.
const MOST: usize = 256;

/// The objects that `-f` and `-k` name, or why nobody can know them.
pub(super) fn documents(line: &Line<'_>) -> Result<Vec<Value>, String> {
    if line.value(&["k", "kustomize"]).is_some() {
        return Err("what a kustomization renders is not known".to_owned());
    }
    let mut all = Vec::new();
    for file in line.page.parsed.values(&["f", "filename"]) {
        let Some(paths) = file.known() else {
            return Err(format!("`{}` is not known before it runs", file.text()));
        };
        for path in paths.split(',') {
            for document in file_documents(line, path)? {
                flatten(document, &mut all);
            }
        }
    }
    if all.len() > MOST {
        return Err(format!("{} objects are too many to look at", all.len()));
    }
    Ok(all)
}

fn file_documents(line: &Line<'_>, path: &str) -> Result<Vec<Value>, String> {
    let files = line.call.setting.files;
    let text = match (path, line.call.stdin) {
        ("-", Stdin::Known(text)) => text.clone(),
        ("-", Stdin::File(Word::Known(path))) => read(line, path)?,
        ("-", _) => return Err("what arrives on standard input is not known".to_owned()),
        (url, _) if url.contains("://") => {
            return Err(format!("`{url}`: what a server sends may change"));
        }
        (path, _) => read(line, path)?,
    };
    files
        .documents(&text)
        .ok_or_else(|| format!("`{path}` cannot be read as YAML without doubt"))
}

fn read(line: &Line<'_>, path: &str) -> Result<String, String> {
    let bytes = line.call.setting.files.read(path);
    let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
    text.ok_or_else(|| format!("`{path}`: what it says is not known to the gate"))
}

/// A list is what it holds.
pub(super) fn flatten(document: Value, all: &mut Vec<Value>) {
    let is_list = document
        .get("kind")
        .and_then(Value::as_str)
        .is_some_and(|kind| kind.ends_with("List"));
    match document {
        Value::Null => {}
        Value::Object(mut fields) if is_list => match fields.remove("items") {
            Some(Value::Array(items)) => items.into_iter().for_each(|item| flatten(item, all)),
            _ => all.push(Value::Object(fields)),
        },
        document => all.push(document),
    }
}

/// The object that a document describes.
pub(super) fn target(document: &Value, namespace: impl FnOnce() -> Scope) -> Target {
    let text = |pointer: &str| document.pointer(pointer).and_then(Value::as_str);
    let kind = Kind::of_object(
        text("/apiVersion").unwrap_or(""),
        text("/kind").unwrap_or(""),
    );
    let which = match text("/metadata/name") {
        Some(name) => Which::Named(name.to_owned()),
        None => Which::Unknown,
    };
    let namespace = match text("/metadata/namespace") {
        Some(name) => Scope::Namespace(name.to_owned()),
        None => namespace(),
    };
    let scope = scope_of(&kind, &which, namespace);
    Target::new(kind, scope, which, Reach::Exactly(1))
}

/// `apply`.
pub(super) fn apply(line: &Line<'_>, found: &mut Found) {
    let undo = "apply the former object again, or delete it if it is new";
    let targets = written(line, Verb::Update, undo, found);
    if line.is_dry() {
        return;
    }
    if line.has(&["prune"]) {
        found.effect(Effect {
            reach: Reach::Unknown,
            ..Effect::destructive(
                Verb::DeleteCollection,
                unknown_change(Verb::DeleteCollection).object,
            )
        });
        found.bounded("what is pruned is found when it runs");
    }
    if line.has(&["force"]) {
        recreated(&targets, found);
    }
}

/// `create -f` and `create --raw`.
pub(super) fn create(line: &Line<'_>, found: &mut Found) {
    if let Some(path) = line.value(&["raw"]) {
        return raw::write(path, Verb::Create, found);
    }
    if !line.page.parsed.words.is_empty() {
        found.opaque("the gate does not know what is created");
    }
    written(line, Verb::Create, "delete it again", found);
    if line.has(&["edit"]) {
        found.opaque("what is written in the editor is not known");
    }
}

/// `replace`.
pub(super) fn replace(line: &Line<'_>, found: &mut Found) {
    if let Some(path) = line.value(&["raw"]) {
        return raw::write(path, Verb::Update, found);
    }
    let targets = written(line, Verb::Update, "replace it by the former object", found);
    if line.has(&["force"]) && !line.is_dry() {
        recreated(&targets, found);
    }
}

/// `apply set-last-applied` writes an annotation.
pub(super) fn last_applied(line: &Line<'_>, found: &mut Found) {
    written(line, Verb::Patch, "set the former annotation again", found);
}

/// `auth reconcile` writes roles and bindings.
pub(super) fn reconcile(line: &Line<'_>, found: &mut Found) {
    let targets = line.targets(&[]);
    if line.is_dry() {
        return dry(line, &targets, found);
    }
    let mut effect = unknown_change(Verb::Bind);
    effect.object.kind = "role.rbac.authorization.k8s.io".to_owned();
    effect.access_change = Tri::Yes;
    found.effect(effect);
    targets.each(Verb::Bind, "reconcile the former roles", found);
}

/// What is replaced by force is deleted first; nobody knows what that is where nobody knows what is written.
fn recreated(targets: &[Target], found: &mut Found) {
    for target in targets {
        found.effect(deleted(target, true));
    }
    if targets.is_empty() {
        found.effect(Effect {
            reach: Reach::Unknown,
            ..Effect::destructive(Verb::Delete, unknown_change(Verb::Delete).object)
        });
    }
}

/// The objects that are written, as far as they are known.
fn written(line: &Line<'_>, verb: Verb, undo: &str, found: &mut Found) -> Vec<Target> {
    let documents = documents(line);
    if line.is_dry() {
        let targets = line.targets(&[]);
        dry(line, &targets, found);
        return Vec::new();
    }
    let documents = match documents {
        Ok(documents) if !documents.is_empty() => documents,
        Ok(_) => return nothing(verb, "it names no object".to_owned(), found),
        Err(reason) => return nothing(verb, reason, found),
    };
    let mut targets = Vec::new();
    for document in &documents {
        let target = target(document, || line.namespace());
        found.effect(weighed(
            target.change(verb.clone(), undo),
            document,
            &target.object.kind,
        ));
        brought(&target, document, line.call, found);
        targets.push(target);
    }
    targets
}

/// What an object brings with it beside itself: commands of its containers, what its controller fetches.
pub(super) fn brought(target: &Target, document: &Value, call: &Call<'_>, found: &mut Found) {
    if let Some(opened) = openings::opened(target, document) {
        found.effect(opened);
    }
    if brings_in(&target.object.kind, target.nature) {
        found.opaque(format!(
            "what a {} brings in is not known",
            target.object.kind
        ));
    }
    if target.nature == Nature::Plain || target.nature == Nature::Workload {
        commands_of(document, call, found);
    }
}

fn nothing(verb: Verb, reason: String, found: &mut Found) -> Vec<Target> {
    found.effect(unknown_change(verb));
    found.opaque(reason);
    Vec::new()
}

/// Commands that containers run: what they destroy counts; a program that the gate does not know is the image's own.
fn commands_of(value: &Value, call: &Call<'_>, found: &mut Found) {
    match value {
        Value::Object(fields) => {
            let words = |key: &str| {
                let list = fields
                    .get(key)
                    .and_then(Value::as_array)
                    .into_iter()
                    .flatten();
                list.filter_map(Value::as_str)
                    .map(|word| Word::Known(word.to_owned()))
            };
            if let Some(image) = fields.get("image") {
                let command: Vec<Word> = words("command").chain(words("args")).collect();
                let meant = if fields.contains_key("command") {
                    Meant::Program
                } else {
                    Meant::Arguments
                };
                let command = started(image.as_str().unwrap_or_default(), &command, meant);
                inside::command_of_image(&command, call, found);
            }
            fields
                .values()
                .for_each(|value| commands_of(value, call, found));
        }
        Value::Array(items) => items.iter().for_each(|item| commands_of(item, call, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What an object's text, given on the command line, makes of an effect: `--overrides`.
pub(super) fn overridden(
    mut effect: Effect,
    overrides: &Word,
    line: &Line<'_>,
    found: &mut Found,
) -> Effect {
    let documents = overrides
        .known()
        .and_then(|text| line.call.setting.files.documents(text));
    match documents.as_deref() {
        Some([document]) => {
            effect = weighed(effect, document, "pod");
            commands_of(document, line.call, found);
        }
        _ => {
            effect.reversible = Reversible::Unknown;
            found.opaque("`--overrides` cannot be read");
        }
    }
    effect
}
