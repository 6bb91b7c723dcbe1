//! `create` with a kind: what its generators make.

use super::{Line, delete::dry, inside, writes::new_object};
use crate::{
    commands::{found::Found, word::Word},
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
        let look = Effect::read(Verb::Read, effect.object);
        found.effect(look);
        let targets = super::targets::Targets::default();
        return dry(line, &targets, found);
    }
    for word in names {
        found.doubt(word);
    }
    if effect.object.kind == "secret" {
        // It is new: deleting it takes it back.
        effect.reversible = Reversible::Undo("delete it again".to_owned());
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
    found.effect(effect);
    inside::command_of_image(command, line.call, found);
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
