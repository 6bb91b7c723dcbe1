//! Nodes and what stands at the edge of a cluster: `drain`, `cordon`, `taint`, `certificate`.

use super::{Line, delete::dry};
use crate::{
    commands::{found::Found, word::Word},
    domain::effect::{Effect, Reach, Reversible, Tri, Verb},
};

/// The words of a line as objects of one kind.
fn of_kind(line: &Line<'_>, kind: &str) -> Vec<Word> {
    let mut words = vec![Word::Known(kind.to_owned())];
    words.extend(line.page.parsed.words.iter().cloned());
    words
}

/// `drain`, `cordon` and `uncordon`.
pub(super) fn drain(line: &Line<'_>, found: &mut Found) {
    let targets = line.targets(&of_kind(line, "nodes"));
    if line.is_dry() {
        return dry(line, &targets, found);
    }
    match line.page.path {
        "cordon" => return targets.each(Verb::Patch, "kubectl uncordon", found),
        "uncordon" => return targets.each(Verb::Patch, "kubectl cordon", found),
        _ => {}
    }
    for target in &targets.all {
        found.effect(Effect {
            reach: Reach::Unknown,
            reversible: Reversible::Undo("kubectl uncordon".to_owned()),
            data_loss: if line.has(&["delete-emptydir-data", "delete-local-data", "force"]) {
                Tri::Yes
            } else {
                Tri::No
            },
            service_cut: Tri::Yes,
            ..Effect::destructive(Verb::Evict, target.object.clone())
        });
    }
    found.bounded("which pods a node holds is found when it runs");
}

/// `taint`: `NoExecute` evicts what runs there.
pub(super) fn taint(line: &Line<'_>, found: &mut Found) {
    let words = &line.page.parsed.words;
    let at = words
        .iter()
        .position(|word| word.text().contains([':', '=']) || word.text().ends_with('-'));
    let (objects, taints) = words.split_at(at.unwrap_or(words.len()));
    let targets = line.targets(objects);
    if line.is_dry() {
        return dry(line, &targets, found);
    }
    if taints.is_empty() || taints.iter().any(|taint| taint.known().is_none()) {
        found.opaque("which taint is set is not known");
    }
    let evicts = taints.iter().any(|taint| match taint.known() {
        Some(text) => text.contains("NoExecute") && !text.ends_with('-'),
        None => true,
    });
    targets.reserve(found);
    for target in &targets.all {
        let mut effect = target.change(Verb::Patch, "remove the taint, or set it again");
        if evicts {
            effect.verb = Verb::Evict;
            effect.service_cut = Tri::Yes;
        }
        found.effect(effect);
    }
    if targets.all.is_empty() {
        targets.each(
            if evicts { Verb::Evict } else { Verb::Patch },
            "remove the taint",
            found,
        );
    }
}

/// `certificate approve` and `deny`: somebody gets an identity, or none.
pub(super) fn certificate(line: &Line<'_>, found: &mut Found) {
    let targets = line.targets(&of_kind(line, "certificatesigningrequests"));
    let files = line.value(&["f", "filename", "k", "kustomize"]).is_some();
    if files || targets.all.is_empty() {
        return targets.each(Verb::Bind, "deny or revoke it", found);
    }
    targets.reserve(found);
    for target in &targets.all {
        found.effect(Effect {
            reversible: Reversible::No,
            ..target.change(Verb::Bind, "deny or revoke it")
        });
    }
}
