//! `delete`.

use super::{
    Line, raw,
    reads::{printed, printed_unread},
    targets::{Target, Targets, unknown_change},
};
use crate::{
    commands::found::Found,
    domain::effect::{Effect, Reversible, Tri, Verb, Which},
};

/// `delete`.
pub(super) fn delete(line: &Line<'_>, found: &mut Found) {
    if let Some(path) = line.value(&["raw"]) {
        return raw::delete(path, found);
    }
    let targets = line.targets(&line.page.parsed.words);
    if line.is_dry() {
        return dry(line, &targets, found);
    }
    targets.reserve(found);
    for target in &targets.all {
        found.effect(deleted(target, line.has(&["force"])));
    }
    if targets.all.is_empty() {
        found.effect(Effect::destructive(
            Verb::DeleteCollection,
            unknown_change(Verb::Delete).object,
        ));
        found.opaque(
            targets
                .unknown
                .unwrap_or_else(|| "it names no object".to_owned()),
        );
    }
}

/// The removal of this object; by force, its containers get no time to end well.
pub(super) fn deleted(target: &Target, force: bool) -> Effect {
    let verb = match target.object.which {
        Which::Named(_) => Verb::Delete,
        Which::Selector(_) | Which::All | Which::Unknown => Verb::DeleteCollection,
    };
    let mut effect = Effect::destructive(verb, target.object.clone());
    effect.reach = target.reach;
    if matches!(target.object.kind.as_str(), "pod" | "replicaset.apps") {
        // A controller makes it again, if it has one; nobody says that it has.
        effect.reversible = Reversible::Unknown;
        effect.data_loss = Tri::Unknown;
        effect.service_cut = Tri::Unknown;
    }
    if force {
        effect.data_loss = Tri::Yes;
    }
    effect.access_change = target.access_lost();
    effect
}

/// What a verb that writes does with `--dry-run`: it looks, and may print.
pub(super) fn dry(line: &Line<'_>, targets: &Targets, found: &mut Found) {
    for target in &targets.all {
        found.effect(target.look());
    }
    if targets.all.is_empty() {
        found.effect(Effect::read(Verb::Read, unknown_change(Verb::Read).object));
    }
    let flags = line
        .page
        .parsed
        .flags
        .iter()
        .filter_map(|flag| flag.value.as_ref());
    // Such a word could be `--dry-run=none`.
    line.page
        .parsed
        .words
        .iter()
        .chain(flags)
        .for_each(|word| found.doubt(word));
    if line.page.path != "delete" {
        printed(line, targets, found);
        printed_unread(line, targets, found);
    }
}
