//! `create` with a kind: what its generators make.

use super::{Line, delete::dry, output::Shown, patch::ACCOUNT_TOKEN, starts, writes::new_object};
use crate::{
    commands::{
        found::Found,
        programs::{
            files::secrets::{Sight, discloses_folder, is_variables, sight},
            images::Meant,
        },
        word::{Stdin, Word},
    },
    domain::effect::{Effect, Reversible, Secrets, Tri, Verb},
};

/// What `create KIND` makes.
fn kind(path: &str) -> &str {
    match path {
        "create quota" => "resourcequotas",
        path if path.starts_with("create secret ") => "secrets",
        path if path.starts_with("create service ") => "services",
        path => path.strip_prefix("create ").unwrap_or(path),
    }
}

/// `create deployment web --image=nginx` and its kin.
pub(super) fn create(line: &Line<'_>, found: &mut Found) {
    if line.page.path == "create token" {
        return token(line, found);
    }
    let words = &line.page.parsed.words;
    let (names, command) = words.split_at(line.page.parsed.before_dashes.unwrap_or(words.len()));
    let mut effect = new_object(line, kind(line.page.path), names.first());
    if line.is_dry() {
        let mut look = Effect::read(Verb::Read, effect.object);
        let secret = line.page.path.starts_with("create secret");
        let seen = !line.call.setting.handed_on && line.shown() != Shown::Names;
        if secret && seen || shows_text(line) && carries_off(line) {
            look.secrets = Secrets::Values;
        }
        found.effect(look);
        let targets = super::targets::Targets::default();
        return dry(line, &targets, found);
    }
    for word in names {
        found.doubt(word);
    }
    if line.page.path != "create secret tls" && carries_off(line) {
        effect.secrets = Secrets::Values;
    }
    if effect.object.kind == "secret" {
        // It is new: deleting it takes it back.
        effect.reversible = Reversible::Undo("delete it again".to_owned());
    }
    let kind_of_secret = line.value(&["type"]).map(Word::text);
    if effect.object.kind == "secret" && kind_of_secret == Some(ACCOUNT_TOKEN) {
        effect.access_change = Tri::Yes;
    }
    if effect.object.kind.contains("binding.rbac") {
        effect.verb = Verb::Bind;
    }
    if let Some(replicas) = line.value(&["replicas", "r"]).and_then(Word::known)
        && replicas.parse() == Ok(0_u32)
        && effect.verb == Verb::Create
    {
        // A new workload without pods stops nothing.
        effect.service_cut = Tri::No;
    }
    let hard = line.value(&["hard"]).map_or("", Word::text);
    if line.page.path == "create quota" && hard.split(',').any(|limit| limit.ends_with("=0")) {
        // No pod starts again where there is room for none.
        effect.service_cut = Tri::Yes;
    }
    found.effect(effect);
    starts::new_pod_starts(
        line.value(&["image"]),
        command,
        Meant::Program,
        &Stdin::Nothing,
        line.call,
        found,
    );
}

/// Whether what would be made is printed.
fn shows_text(line: &Line<'_>) -> bool {
    line.value(&["o", "output"])
        .is_some_and(|form| form.known() != Some("name"))
}

/// Whether a file goes into the object that holds secrets of this host or of whoever works on it. What stands in the working folder
/// for the object's sake, as `.env` does, may become a secret of the cluster.
fn carries_off(line: &Line<'_>) -> bool {
    let secret = line.page.path.starts_with("create secret");
    let files = ["from-file", "from-env-file", "key", "cert"];
    line.page.parsed.values(&files).any(|word| {
        let path = match word.text().split_once('=') {
            Some((_, path)) => path,
            None => word.text(),
        };
        let here = !path.starts_with(['/', '~', '$']) && !path.contains("..");
        !(here && (secret || is_variables(path)))
            && (sight(&word.with_text(path)) == Sight::Secret || discloses_folder(path))
    })
}

/// `create token`: a credential, printed.
fn token(line: &Line<'_>, found: &mut Found) {
    let mut effect = new_object(line, "serviceaccounts", line.page.parsed.words.first());
    effect.verb = Verb::TokenIssue;
    effect.access_change = Tri::Yes;
    effect.secrets = Secrets::Values;
    effect.reversible = Reversible::No;
    found.effect(effect);
}
