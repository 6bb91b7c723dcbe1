//! `rollout` and `set`: workloads that are replaced step by step.

use super::{Line, delete::dry, reads::printed};
use crate::{
    commands::{found::Found, shell, word::Word},
    domain::effect::{Effect, Reversible, Secrets, Tri, Verb},
};

const UNDO: &str = "kubectl rollout undo";

/// `rollout restart`, `undo`, `pause`, `resume`.
pub(super) fn rollout(line: &Line<'_>, found: &mut Found) {
    let targets = line.targets(&line.page.parsed.words);
    if line.is_dry() {
        return dry(line, &targets, found);
    }
    let (verb, undo) = match line.page.path {
        "rollout restart" => (Verb::Restart, UNDO),
        "rollout undo" => (
            Verb::Update,
            "kubectl rollout undo to the revision that runs now",
        ),
        "rollout pause" => (Verb::Patch, "kubectl rollout resume"),
        _ => (Verb::Patch, "kubectl rollout pause"),
    };
    targets.each(verb, undo, found);
}

/// `set image`, `env`, `resources`, `selector`, `serviceaccount`, `subject`.
pub(super) fn set(line: &Line<'_>, found: &mut Found) {
    let words = &line.page.parsed.words;
    let pair = |text: &str| text.contains('=') || text.ends_with('-');
    let at = match line.page.path {
        // The last word is the account.
        "set serviceaccount" => words.len().saturating_sub(1),
        _ => words
            .iter()
            .position(|word| pair(word.text()))
            .unwrap_or(words.len()),
    };
    let (objects, pairs) = words.split_at(at);
    let targets = line.targets(objects);
    let lists = line.page.path == "set env" && line.has(&["list"]) && pairs.is_empty();
    if line.is_dry() || lists {
        dry(line, &targets, found);
        if line.has(&["resolve"]) {
            // What the variables are taken from is shown: also secrets.
            found.effect(Effect {
                secrets: Secrets::Values,
                ..Effect::read(
                    Verb::Read,
                    crate::commands::found::object(
                        &super::cluster(),
                        "secret",
                        "of the environment",
                    ),
                )
            });
        }
        return;
    }
    printed(line, &targets, found);
    let (access, undo) = match line.page.path {
        "set serviceaccount" | "set subject" => (true, "set the former account again"),
        "set selector" => (false, "set the former selector again"),
        _ => (false, UNDO),
    };
    if let Some(word) = pairs.iter().find(|word| word.known().is_none()) {
        found.bounded(format!("`{}` is not known before it runs", word.text()));
    }
    if line.page.path == "set env" {
        variables(line, pairs, found);
    }
    targets.reserve(found);
    for target in &targets.all {
        let mut effect = target.change(Verb::Patch, undo);
        if access {
            effect.access_change = Tri::Yes;
        }
        if line.page.path == "set selector" {
            effect.reversible = Reversible::Unknown;
        }
        found.effect(effect);
    }
    if targets.all.is_empty() {
        targets.each(if access { Verb::Bind } else { Verb::Patch }, undo, found);
    }
}

/// Variables that decide which code programs run.
fn variables(line: &Line<'_>, pairs: &[Word], found: &mut Found) {
    let Some(setting) = line.call.setting.elsewhere(super::cluster()) else {
        return found.opaque("commands stand too deep in each other");
    };
    let named = |pair: &Word| {
        let (name, value) = pair.text().split_once('=')?;
        Some((name.to_owned(), pair.with_text(value)))
    };
    for (name, value) in pairs.iter().filter_map(named) {
        if shell::decides_code(&name) {
            shell::environment(&name, &value, &setting, found);
        }
    }
}
