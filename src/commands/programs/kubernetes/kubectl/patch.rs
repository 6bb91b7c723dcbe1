//! `patch`: what the patch says.

use super::{
    super::{kinds::Nature, scaling},
    Line, controllers,
    delete::dry,
    losses,
    reads::printed,
    starts,
    targets::{Target, unknown_change},
    weakness,
};
use crate::{
    commands::{found::Found, word::Call},
    domain::effect::{Effect, Reversible, Tri, Verb, Which},
};
use serde_json::{Map, Value};

/// The type of a Secret into which the cluster puts a token of an account.
pub(super) const ACCOUNT_TOKEN: &str = "kubernetes.io/service-account-token";

/// `patch`.
pub(super) fn patch(line: &Line<'_>, found: &mut Found) {
    let targets = line.targets(&line.page.parsed.words);
    if line.is_dry() {
        return dry(line, &targets, found);
    }
    targets.reserve(found);
    printed(line, &targets, found);
    let patch = text(line, found);
    for target in &targets.all {
        patched(target, patch.as_ref(), line.call, found);
    }
    if targets.all.is_empty() {
        found.effect(match &patch {
            Some(patch) => weighed(unknown_change(Verb::Patch), patch, ""),
            None => unknown_change(Verb::Patch),
        });
        found.opaque(
            targets
                .unknown
                .unwrap_or_else(|| "it names no object".to_owned()),
        );
    }
}

/// The patch as an object that holds what it sets; `None` if nobody knows it yet.
fn text(line: &Line<'_>, found: &mut Found) -> Option<Value> {
    let given = line.value(&["p", "patch"]);
    let file = line.value(&["patch-file"]);
    let text = match (given, file) {
        (Some(given), _) => match given.known() {
            Some(text) => text.to_owned(),
            None => {
                let place = super::cluster();
                found.unknown_code(
                    &place,
                    "patch",
                    format!("`{}`: the patch is not known before it runs", given.text()),
                );
                return None;
            }
        },
        (None, Some(file)) => {
            let bytes = file
                .known()
                .and_then(|path| line.call.setting.files.read(path));
            match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
                Some(text) => text,
                None => {
                    found.opaque(format!(
                        "`{}`: what the patch says stands in a file",
                        file.text()
                    ));
                    return None;
                }
            }
        }
        (None, None) => {
            found.opaque("it has no patch");
            return None;
        }
    };
    let documents = line.call.setting.files.documents(&text);
    let document =
        documents.and_then(|mut documents| (documents.len() == 1).then(|| documents.remove(0)));
    let kind = line
        .value(&["type"])
        .map_or("strategic", |word| word.text());
    let patch = match (kind, document) {
        ("json", Some(Value::Array(operations))) => of_operations(&operations),
        ("merge" | "strategic", Some(document @ Value::Object(_))) => Some(document),
        _ => None,
    };
    if patch.is_none() {
        found.opaque("the patch cannot be read");
    }
    patch
}

/// What JSON Patch operations set, as one object; what they remove is null.
pub(super) fn of_operations(operations: &[Value]) -> Option<Value> {
    let mut whole = Value::Object(Map::new());
    for operation in operations {
        let path = operation.get("path")?.as_str()?;
        let value = match operation.get("op")?.as_str()? {
            "test" => continue,
            "add" | "replace" => operation.get("value")?.clone(),
            "remove" => Value::Null,
            _ => return None,
        };
        set(&mut whole, path, value);
    }
    Some(whole)
}

/// Puts a value at a path. Indexes of lists become names: only what stands below them matters.
fn set(whole: &mut Value, path: &str, value: Value) {
    let segments: Vec<String> = path
        .split('/')
        .skip(1)
        .map(|segment| segment.replace("~1", "/").replace("~0", "~"))
        .collect();
    // What is removed from a list of finalizers is a finalizer; what is added to one is none.
    let (segments, value) = match segments.as_slice() {
        [before @ .., list, _] if list == "finalizers" && value.is_null() => {
            ([before, std::slice::from_ref(list)].concat(), Value::Null)
        }
        all => (all.to_vec(), value),
    };
    let mut at = whole;
    for segment in segments {
        if !at.is_object() {
            *at = Value::Object(Map::new());
        }
        let Value::Object(fields) = at else { return };
        at = fields.entry(segment).or_insert(Value::Null);
    }
    *at = value;
}

/// A patch of this object; none: nobody knows what it says.
pub(super) fn patched(target: &Target, patch: Option<&Value>, call: &Call<'_>, found: &mut Found) {
    let kind = &target.object.kind;
    let orders = patch.map(|patch| controllers::patch(kind, patch));
    let orders = orders.unwrap_or_default();
    let mut effect = of_patch(target, patch);
    orders.weigh(&mut effect);
    found.effect(effect);
    if orders.unknown {
        found.opaque(format!(
            "what a controller makes of it is not known: `{kind}`"
        ));
    }
    if let Some(patch) = patch {
        starts::commands_of_patch(patch, call, found);
    }
}

fn of_patch(target: &Target, patch: Option<&Value>) -> Effect {
    let effect = target.change(Verb::Patch, "patch the former values back");
    match patch {
        Some(patch) => {
            let mut effect = weighed(effect, patch, &target.object.kind);
            if let Which::Named(name) = &target.object.which
                && losses::gives_leave(name, patch)
            {
                effect.data_loss = Tri::Yes;
            }
            if weakness::of(patch).account {
                effect.access_change = Tri::Yes;
            }
            effect
        }
        // What an unread file patches is at least a change.
        None => Effect {
            reversible: Reversible::Unknown,
            ..effect
        },
    }
}

/// What a patch, or a whole object, makes of the effect.
pub(super) fn weighed(mut effect: Effect, text: &Value, kind: &str) -> Effect {
    let weakness = weakness::of(text);
    let spec = text.get("spec");
    let field = |name: &str| spec.and_then(|spec| spec.get(name));
    if matches!(effect.verb, Verb::Patch) {
        patch_takes(&mut effect, text, kind);
    }
    if field("replicas").is_some_and(|replicas| replicas.as_u64().is_none()) {
        effect.service_cut = Tri::Unknown;
    }
    if matches!(effect.verb, Verb::Patch | Verb::Update | Verb::Create) && scaling::to_nothing(text)
    {
        effect.verb = Verb::ScaleTo(0);
    }
    let empty = |name: &str| field(name).is_some_and(is_empty);
    let stops = match kind {
        "job.batch" => field("suspend") == Some(&Value::Bool(true)),
        "daemonset.apps" => field("template")
            .and_then(|template| template.pointer("/spec/nodeSelector"))
            .is_some(),
        "service" => ["selector", "ports"].into_iter().any(empty),
        "ingress.networking.k8s.io" => {
            empty("rules")
                || ["rules", "tls"]
                    .into_iter()
                    .any(|name| field(name).is_some_and(drops))
        }
        _ => false,
    };
    if matches!(kind, "secret" | "configmap") && loses_values(text) {
        effect.data_loss = Tri::Yes;
    }
    if kind == "persistentvolumeclaim" && field("resources").is_some() {
        // A volume grows, and never shrinks.
        effect.reversible = Reversible::No;
    }
    let is_token = text.get("type").and_then(Value::as_str) == Some(ACCOUNT_TOKEN);
    if weakness.access || kind == "secret" && is_token {
        effect.access_change = Tri::Yes;
    }
    if weakness.cut || stops {
        effect.service_cut = Tri::Yes;
    }
    if weakness.data || spec.is_some_and(Value::is_null) || text.is_null() {
        effect.data_loss = Tri::Yes;
    }
    if effect.class() > crate::domain::effect::Class::Change && effect.data_loss == Tri::Yes {
        effect.reversible = Reversible::No;
    }
    effect
}

fn patch_takes(effect: &mut Effect, patch: &Value, kind: &str) {
    if losses::cuts(kind, patch) {
        effect.service_cut = Tri::Yes;
    }
    if losses::deletes(kind, patch) {
        effect.data_loss = Tri::Yes;
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty() || fields.contains_key("$patch"),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether a part is taken out of a list.
fn drops(list: &Value) -> bool {
    let mut places = list.as_object().into_iter().flatten();
    list.is_null() || places.any(|(_, part)| part.is_null())
}

/// Whether values that an object holds are taken out of it.
fn loses_values(text: &Value) -> bool {
    ["data", "stringData", "binaryData"]
        .into_iter()
        .filter_map(|name| text.get(name))
        .any(|held| match held {
            Value::Object(fields) => {
                fields.values().any(Value::is_null) || fields.contains_key("$patch")
            }
            other => other.is_null(),
        })
}

/// Whether what this object brings in stands elsewhere: a chart, a repository.
pub(super) fn brings_in(kind: &str, nature: Nature) -> bool {
    nature == Nature::Unknown
        || matches!(
            kind,
            "helmchart.helm.cattle.io"
                | "helmchartconfig.helm.cattle.io"
                | "application.argoproj.io"
                | "applicationset.argoproj.io"
                | "kustomization.kustomize.toolkit.fluxcd.io"
                | "helmrelease.helm.toolkit.fluxcd.io"
                | "customresourcedefinition.apiextensions.k8s.io"
        )
}
