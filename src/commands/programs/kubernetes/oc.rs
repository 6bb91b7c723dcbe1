//! oc: kubectl, and what OpenShift adds.

use super::{
    by_book,
    kubectl::{self, inside},
};
use crate::{
    commands::{
        found::{Found, object},
        programs::handbook::{Handbook, Page, file_written, guarded_file},
        word::{Call, Word},
    },
    domain::effect::{Effect, Reversible, Secrets, Tri, Verb},
};

/// Judges a call of oc.
pub(super) fn oc(call: &Call<'_>, found: &mut Found) {
    let Some(handbook) = by_book::handbook("oc") else {
        return kubectl::kubectl(call, found);
    };
    let page = handbook.page(call.arguments);
    if page.deed.is_some() {
        return handbook.judge_page(&page, call, found, own);
    }
    // `oc adm drain` and its kin are kubectl's own.
    let arguments: Vec<Word> = match page.path {
        "adm" | "adm top" => {
            let at = call.arguments.iter().position(|word| word.text() == "adm");
            call.arguments
                .iter()
                .enumerate()
                .filter(|(index, _)| Some(*index) != at)
                .map(|(_, word)| word.clone())
                .collect()
        }
        _ => call.arguments.to_vec(),
    };
    kubectl::kubectl(
        &Call {
            arguments: &arguments,
            ..*call
        },
        found,
    );
}

fn own(handbook: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let words = &page.parsed.words;
    match page.path {
        "project" => kubectl::switched(words, call, found),
        "whoami" => {
            let mut effect =
                Effect::read(Verb::Read, object(&call.setting.place, "user", "current"));
            if page.parsed.has(&["t", "show-token"]) {
                effect.secrets = Secrets::Values;
            }
            found.effect(effect);
        }
        "extract" => extract(page, call, found),
        "debug" => inside::debug_page(page, call, found),
        "rsh" => {
            let (pod, command) = words.split_at(words.len().min(1));
            for word in pod {
                found.doubt(word);
            }
            let target = inside::pod("pod");
            if command.is_empty() {
                found.effect(Effect {
                    reversible: Reversible::Unknown,
                    ..Effect::read(Verb::Exec, target)
                });
                return found.opaque("what is typed into a shell is not known");
            }
            inside::command(command, true, &target, call, found);
        }
        "adm upgrade" => upgrade(handbook, page, call, found),
        _ => found.unknown_code(
            &call.setting.place,
            page.path,
            "a command of oc that the gate does not know",
        ),
    }
}

/// `extract` writes what a secret or a ConfigMap holds into files, or prints it.
fn extract(page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let secret = page.parsed.words.first().is_none_or(|word| {
        !word.text().starts_with("cm/") && !word.text().starts_with("configmap")
    });
    if let Some(folder) = page.parsed.value(&["to"]) {
        guarded_file(folder, &call.setting.place, found);
    }
    let target = page.parsed.value(&["to"]).map_or(".", Word::text);
    let mut effect = match target {
        "-" => Effect::read(
            Verb::Read,
            object(&call.setting.place, "object", "extracted"),
        ),
        folder => file_written(&call.setting.place, folder),
    };
    if secret {
        effect.secrets = Secrets::Values;
    }
    found.effect(effect);
}

/// `adm upgrade` alone only tells.
fn upgrade(handbook: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let object = handbook.object(None, page, call, &Word::Known("cluster".to_owned()));
    let acts = page.parsed.has(&["to", "to-image", "to-latest", "clear"]);
    if !acts {
        return found.effect(Effect::read(Verb::Read, object));
    }
    found.effect(Effect {
        reversible: Reversible::No,
        service_cut: Tri::No,
        ..Effect::read(Verb::Update, object)
    });
}
