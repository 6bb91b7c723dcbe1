//! `label`, `annotate`, `scale`, `autoscale`, `expose`, `edit`.

use super::{
    super::{
        kinds::{Kind, Nature},
        scaling,
    },
    Line,
    controllers::{self, Orders},
    delete::dry,
    reads::printed,
    targets::{Target, unknown_change},
    weakness,
};
use crate::{
    commands::{found::Found, word::Word},
    domain::effect::{Effect, Reach, Reversible, Scope, Secrets, Tri, Verb, Which},
};

/// `label` and `annotate`.
pub(super) fn label(line: &Line<'_>, found: &mut Found) {
    let words = &line.page.parsed.words;
    let at = words
        .iter()
        .position(|word| is_pair(word.text()))
        .unwrap_or(words.len());
    let (objects, pairs) = words.split_at(at);
    let targets = line.targets(objects);
    if line.is_dry() || (line.has(&["list"]) && pairs.is_empty()) {
        return dry(line, &targets, found);
    }
    printed(line, &targets, found);
    let access = pairs
        .iter()
        .any(|pair| weakness::is_access_key(pair.text()));
    let orders = |kind: &str| {
        let all = pairs.iter().map(|pair| ordered(line, kind, pair.text()));
        all.fold(Orders::default(), Orders::and)
    };
    let unknown_key = pairs.iter().find(|pair| pair.may_be_flag());
    if let Some(pair) = unknown_key {
        found.opaque(format!("`{}` is not known before it runs", pair.text()));
    }
    let which = if line.page.path == "label" {
        "labels"
    } else {
        "annotations"
    };
    let undo = format!("set the former {which} again, or remove new ones");
    // An annotation can tell a controller to scale.
    let to_nothing = pairs
        .iter()
        .any(|pair| scaling::pair_to_nothing(pair.text()));
    let verb = if to_nothing {
        Verb::ScaleTo(0)
    } else {
        Verb::Patch
    };
    targets.reserve(found);
    for target in &targets.all {
        let mut effect = target.change(verb.clone(), &undo);
        if access || unknown_key.is_some() {
            effect.access_change = if access { Tri::Yes } else { Tri::Unknown };
        } else if line.page.path == "label" && pairs.iter().any(|pair| unselects(pair.text()))
            || moves_pod(line, &target.object.kind, pairs)
        {
            effect.service_cut = Tri::Yes;
        } else if target.nature == Nature::Secret {
            // A label is not a secret: it can be put back.
            effect.reversible = Reversible::Undo(undo.clone());
        }
        let orders = orders(&target.object.kind);
        orders.weigh(&mut effect);
        found.effect(effect);
        if orders.unknown {
            let kind = &target.object.kind;
            found.opaque(format!(
                "what a controller makes of it is not known: `{kind}`"
            ));
        }
    }
    if targets.all.is_empty() {
        targets.each(verb, &undo, found);
    }
}

/// What a controller makes of `key=value` or `key-`.
fn ordered(line: &Line<'_>, kind: &str, pair: &str) -> Orders {
    if line.page.path == "label" {
        return Orders::default();
    }
    match pair.split_once('=') {
        Some((key, value)) => controllers::annotation(kind, key, Some(value)),
        None => controllers::annotation(kind, pair.strip_suffix('-').unwrap_or(pair), None),
    }
}

/// Whether pods get another value of a label by which services and workloads usually choose them: they are taken out of service.
fn moves_pod(line: &Line<'_>, kind: &str, pairs: &[Word]) -> bool {
    let keys = pairs.iter().filter_map(|pair| pair.text().split_once('='));
    let mut keys = keys.map(|(key, _)| format!("{key}-"));
    kind == "pod"
        && line.page.path == "label"
        && line.has(&["overwrite"])
        && keys.any(|key| unselects(&key))
}

/// Whether a label is taken away by which services and workloads usually choose their pods.
fn unselects(pair: &str) -> bool {
    let key = pair.strip_suffix('-').unwrap_or_default();
    let recommended = key.strip_prefix("app.kubernetes.io/");
    matches!(key, "app" | "k8s-app")
        || recommended.is_some_and(|key| matches!(key, "name" | "instance" | "component"))
}

/// `key=value` or `key-`, as kubectl tells pairs from objects.
fn is_pair(text: &str) -> bool {
    text.contains('=') && !text.starts_with('=') || text.ends_with('-') && text != "-"
}

/// `scale`.
pub(super) fn scale(line: &Line<'_>, found: &mut Found) {
    let targets = line.targets(&line.page.parsed.words);
    if line.is_dry() {
        return dry(line, &targets, found);
    }
    let verb = match line
        .value(&["replicas"])
        .and_then(Word::known)
        .map(str::parse::<u32>)
    {
        Some(Ok(replicas)) => Verb::ScaleTo(replicas),
        _ => {
            found.opaque("the number of replicas is not known");
            // It could be none.
            Verb::ScaleTo(0)
        }
    };
    targets.each(verb, "scale back to the former number of replicas", found);
}

/// `autoscale`: it makes an object that scales another, perhaps to nothing.
pub(super) fn autoscale(line: &Line<'_>, found: &mut Found) {
    made(line, "horizontalpodautoscalers", found);
    let bound = |flag: &str| line.value(&[flag]).map(|word| word.known().map(str::parse));
    let to_nothing = |bound| !matches!(bound, None | Some(Some(Ok(1..=u32::MAX))));
    if !line.is_dry() && [bound("min"), bound("max")].into_iter().any(to_nothing) {
        let targets = line.targets(&line.page.parsed.words);
        let undo = "remove the autoscaler and scale back to the former number of replicas";
        targets.each(Verb::ScaleTo(0), undo, found);
    }
}

/// `expose`: it makes a service.
pub(super) fn expose(line: &Line<'_>, found: &mut Found) {
    if let Some(overrides) = line.value(&["overrides"]) {
        found.opaque(format!(
            "`--overrides={}` may change what is made",
            overrides.text()
        ));
    }
    made(line, "services", found);
}

/// An object made beside the ones named.
fn made(line: &Line<'_>, kind: &str, found: &mut Found) {
    let targets = line.targets(&line.page.parsed.words);
    if line.is_dry() {
        return dry(line, &targets, found);
    }
    let kind = Kind::of(kind);
    let named = line.value(&["name"]).cloned();
    if let Some(reason) = &targets.vague {
        found.bounded(reason.clone());
    }
    for target in &targets.all {
        let which = match &named {
            Some(Word::Known(name)) => Which::Named(name.clone()),
            Some(Word::Glob(_) | Word::Unknown(_)) => Which::Unknown,
            None => target.object.which.clone(),
        };
        let made = Target::new(
            kind.clone(),
            target.object.scope.clone(),
            which,
            target.reach,
        );
        found.effect(made.change(Verb::Create, "delete it again"));
    }
    if targets.all.is_empty() {
        targets.each(Verb::Create, "delete it again", found);
    }
}

/// `edit`: an editor opens, and whatever is written there happens.
pub(super) fn edit(line: &Line<'_>, found: &mut Found) {
    let targets = line.targets(&line.page.parsed.words);
    for target in &targets.all {
        let mut effect = target.change(Verb::Update, "apply the former object again");
        effect.reversible = Reversible::Unknown;
        if target.nature == Nature::Secret {
            effect.secrets = Secrets::Values;
        }
        found.effect(effect);
    }
    if targets.all.is_empty() {
        found.effect(unknown_change(Verb::Update));
    }
    found.opaque("what is written in the editor is not known");
}

/// One new object of this kind.
pub(super) fn new_object(line: &Line<'_>, kind: &str, name: Option<&Word>) -> Effect {
    let kind = Kind::of(kind);
    let which = match name {
        Some(Word::Known(name)) => Which::Named(name.clone()),
        _ => Which::Unknown,
    };
    let scope = match (kind.namespaced, &which) {
        (true, _) => line.namespace(),
        (false, Which::Named(name)) if kind.name == "namespace" => Scope::Namespace(name.clone()),
        (false, _) => Scope::ClusterScoped,
    };
    Target::new(kind, scope, which, Reach::Exactly(1)).change(Verb::Create, "delete it again")
}
