//! helm: what releases bring in stands in charts, so that changes of them are opaque; what they take away is not.
//!
//! `get values` is a bounded read: operators look at what they set every day, though some hold passwords. With `--all` the values are
//! those of the whole chart, what it makes up itself among them, and a release's manifests hold its Secrets: that shows secrets
//! ([`super::super::asked`]).

use super::scaling;
use crate::{
    commands::{
        found::Found,
        programs::handbook::{Handbook, Page, file_made},
        word::{Call, Word},
    },
    domain::effect::{Effect, Object, Reversible, Secrets, Tri, Verb},
};

/// The commands that the handbook leaves open.
pub(super) fn own(handbook: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let name = page
        .parsed
        .words
        .first()
        .cloned()
        .unwrap_or(Word::Known(String::new()));
    let mut release = handbook.object(page.deed, page, call, &name);
    release.kind = "release.helm".to_owned();
    for word in &page.parsed.words {
        found.doubt(word);
    }
    if page.parsed.has(&["post-renderer"]) {
        found.unknown_code(
            &call.setting.place,
            "post-renderer",
            "a program that a flag names changes what is rendered",
        );
    }
    match page.path {
        "get values" if page.parsed.has(&["a", "all"]) => found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::Read, release)
        }),
        "get all" | "get manifest" | "get values" => {
            found.effect(Effect::read(Verb::Read, release));
            found.bounded("what a release holds may show secrets");
        }
        "template" => template(page, call, release, found),
        _ if is_dry(page) => found.effect(dry(page, release)),
        "install" => changed(page, release, Verb::Create, "helm uninstall", found),
        "upgrade" => changed(page, release, Verb::Update, "helm rollback", found),
        "rollback" => rolled_back(page, release, found),
        _ => found.effect(Effect::destructive(Verb::Delete, release)),
    }
}

/// `--dry-run` alone, or with a word that says how; `none` and `false` are no dry run, and the gravest of several counts.
fn is_dry(page: &Page<'_>) -> bool {
    let mut values = page
        .parsed
        .flags
        .iter()
        .filter(|flag| flag.name == "dry-run")
        .peekable();
    values.peek().is_some()
        && values.all(|flag| match &flag.value {
            None => true,
            Some(value) => matches!(value.known(), Some("client" | "server" | "true")),
        })
}

/// What is rendered is printed, Secrets with the values of the release that runs among it, unless a flag hides them.
fn dry(page: &Page<'_>, release: Object) -> Effect {
    let renders = matches!(page.path, "install" | "upgrade");
    let secrets = if renders && !page.parsed.shows(&["hide-secret"]) {
        Secrets::Values
    } else {
        Secrets::None
    };
    Effect {
        secrets,
        ..Effect::read(Verb::Read, release)
    }
}

/// `template` renders here; `--validate` asks the cluster.
fn template(page: &Page<'_>, call: &Call<'_>, release: Object, found: &mut Found) {
    found.effect(Effect::read(Verb::Read, release));
    if let Some(folder) = page.parsed.value(&["output-dir"]) {
        file_made(folder, &call.setting.place, found);
    }
}

fn changed(page: &Page<'_>, release: Object, verb: Verb, undo: &str, found: &mut Found) {
    let mut effect = Effect::change(verb, release, undo);
    if page.parsed.has(&["force", "force-replace"]) {
        // What is replaced is deleted first.
        effect.data_loss = Tri::Yes;
        effect.reversible = Reversible::No;
    }
    if scales_to_zero(page) {
        effect.verb = Verb::ScaleTo(0);
    }
    found.effect(effect);
    if is_pinned(page) {
        found.bounded("a chart in one version, which is not rendered here");
    } else {
        found.opaque("what a chart brings in is not looked at");
    }
}

/// A chart of a repository in one version brings in what it did when somebody chose it, and what is set beside it is mild.
fn is_pinned(page: &Page<'_>) -> bool {
    let parsed = &page.parsed;
    let version = parsed.value(&["version"]).and_then(Word::known);
    let of_repository = parsed
        .words
        .last()
        .and_then(Word::known)
        .is_some_and(|chart| {
            chart.contains('/') && !chart.starts_with(['.', '/', '~']) && parsed.words.len() > 1
        });
    let strong = [
        "force",
        "force-replace",
        "force-conflicts",
        "post-renderer",
        "replace",
        "take-ownership",
        "dependency-update",
        "devel",
        "repo",
        "insecure-skip-tls-verify",
        "plain-http",
        "enable-dns",
        "reset-values",
    ];
    let mut set = parsed.values(&["set", "set-string", "set-json", "set-literal"]);
    of_repository
        && version.is_some_and(is_one_version)
        && !parsed.has(&strong)
        && parsed.unknown.is_empty()
        && set.all(|value| value.known().is_some_and(is_mild))
}

/// `1.2.3`, not `^1.2` and not `1.x`.
fn is_one_version(version: &str) -> bool {
    let numbers = version.trim_start_matches('v').split(['-', '+']).next();
    let numbers: Vec<&str> = numbers.unwrap_or_default().split('.').collect();
    let number = |part: &&str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    numbers.len() == 3 && numbers.iter().all(number)
}

/// Whether values that are set say nothing of rights, of data, or of who may come in.
fn is_mild(values: &str) -> bool {
    let strong = [
        "privileg",
        "host",
        "security",
        "rbac",
        "role",
        "account",
        "policy",
        "persist",
        "storage",
        "volume",
        "enabled=false",
        "null",
        "command",
        "args",
        "secret",
        "capabilit",
        "kind",
    ];
    let values = values.to_ascii_lowercase();
    !strong.iter().any(|part| values.contains(part))
}

/// `--set web.replicas=0`.
fn scales_to_zero(page: &Page<'_>) -> bool {
    let set = ["set", "set-string", "set-literal"];
    let mut pairs = page
        .parsed
        .values(&set)
        .flat_map(|value| value.text().split([',', '{', '}']));
    let mut json = page.parsed.values(&["set-json"]).map(Word::text);
    pairs.any(scaling::pair_to_nothing)
        || json.any(|text| {
            scaling::pair_to_nothing(text)
                || serde_json::from_str(text).is_ok_and(|value| scaling::to_nothing(&value))
                || text.split(',').any(scaling::pair_to_nothing)
        })
}

/// An earlier revision ran here before; what came since goes.
fn rolled_back(page: &Page<'_>, release: Object, found: &mut Found) {
    let mut effect = Effect::change(
        Verb::Update,
        release,
        "helm rollback to the revision that runs now",
    );
    if page.parsed.has(&["force", "force-replace"]) {
        effect.data_loss = Tri::Yes;
        effect.reversible = Reversible::No;
    }
    found.effect(effect);
    if page
        .parsed
        .has(&["cleanup-on-fail", "recreate-pods", "history-max"])
    {
        found.bounded("what the earlier revision holds is not looked at");
    }
}
