//! Verbs that only look.

use super::{
    super::kinds::Nature,
    Line, cluster,
    output::Shown,
    raw,
    targets::{Target, Targets},
};
use crate::{
    commands::{
        found::{Found, object},
        programs::handbook::file_made,
    },
    domain::effect::{Effect, Secrets, Verb, Which},
};

/// `get`.
pub(super) fn get(line: &Line<'_>, found: &mut Found) {
    if let Some(path) = line.value(&["raw"]) {
        return raw::get(path, found);
    }
    let targets = line.targets(&line.page.parsed.words);
    let shown = line.shown();
    nothing_known(line, &targets, shown, found);
    looks(line, &targets, shown, found);
}

/// Verbs that look at objects and show no values: `describe`, `logs`, `wait`, `rollout status`.
pub(super) fn look(line: &Line<'_>, found: &mut Found) {
    let words = &line.page.parsed.words;
    let targets = match line.page.path {
        "logs" => pods(line),
        _ => line.targets(words),
    };
    let shown = match line.page.path {
        // Of a token of a service account, even a description shows the value.
        "describe" if targets.all.iter().any(is_token) => Shown::Values,
        "describe" | "logs" | "rollout status" if !line.logs_bodies() => Shown::Names,
        // The last applied state of a secret is the secret.
        "apply view-last-applied" => Shown::Values,
        _ => line.shown(),
    };
    looks(line, &targets, shown, found);
}

/// The pods of `logs web-0 -c app` and `logs deploy/web`.
fn pods(line: &Line<'_>) -> Targets {
    let words = &line.page.parsed.words;
    match words.first() {
        Some(word) if word.text().contains('/') => line.targets(words.get(..1).unwrap_or(&[])),
        _ => Targets::default(),
    }
}

/// Whether an object is a secret that is called a token.
fn is_token(target: &Target) -> bool {
    let named = match &target.object.which {
        Which::Named(name) => name.split(['-', '.', '_']).any(|part| part == "token"),
        Which::Selector(_) | Which::All | Which::Unknown => false,
    };
    named && target.nature == Nature::Secret
}

fn looks(line: &Line<'_>, targets: &Targets, shown: Shown, found: &mut Found) {
    for target in &targets.all {
        found.effect(looked(target, shown));
        if target.nature == Nature::Unknown && shown != Shown::Names {
            found.bounded(format!(
                "the gate does not know the kind `{}`",
                target.object.kind
            ));
        }
    }
    if targets.all.is_empty() {
        found.effect(Effect::read(
            Verb::Read,
            object(&cluster(), "object", line.page.path),
        ));
    }
    let flags = line
        .page
        .parsed
        .flags
        .iter()
        .filter_map(|flag| flag.value.as_ref());
    for word in line.page.parsed.words.iter().chain(flags) {
        if word.known().is_none() {
            found.bounded(format!("`{}` is not known before it runs", word.text()));
        }
    }
}

fn looked(target: &Target, shown: Shown) -> Effect {
    let secrets = match (target.nature, shown) {
        (Nature::Secret, Shown::Names) => Secrets::Names,
        (Nature::Secret, Shown::Values | Shown::Unknown) => Secrets::Values,
        _ => Secrets::None,
    };
    Effect {
        secrets,
        ..target.look()
    }
}

/// What is got is not known: a word could be `secret`, and `-o yaml` with it.
fn nothing_known(line: &Line<'_>, targets: &Targets, shown: Shown, found: &mut Found) {
    let Some(reason) = &targets.unknown else {
        return;
    };
    let from_file = line
        .page
        .parsed
        .values(&["f", "filename", "k", "kustomize"])
        .count()
        > 0;
    match (shown, from_file) {
        (Shown::Names, true) => {}
        (_, true) => found.opaque(reason.clone()),
        (_, false) => found.unknown_code(&cluster(), "kubectl get", reason.clone()),
    }
}

/// `diff` and `kustomize`: they render and print, and hide the values of secrets unless asked.
pub(super) fn render(line: &Line<'_>, found: &mut Found) {
    let mut effect = Effect::read(Verb::Read, object(&cluster(), "manifest", line.page.path));
    if line.has(&["show-secrets"]) || line.logs_bodies() {
        effect.secrets = Secrets::Values;
    }
    found.effect(effect);
    if line.has(&[
        "enable-alpha-plugins",
        "enable-exec",
        "enable-star",
        "helm-command",
        "network",
    ]) {
        found.unknown_code(
            &line.call.setting.place,
            "kustomize",
            "a kustomization may run programs with this flag",
        );
    }
    if line.page.path == "kustomize"
        && let Some(file) = line.value(&["o", "output"])
    {
        file_made(file, &line.call.setting.place, found);
    }
    for word in &line.page.parsed.words {
        if word.may_be_flag() {
            found.opaque(format!("`{}` is not known before it runs", word.text()));
        }
    }
}

/// `cluster-info dump` prints states and logs, never secrets; it may write them to files.
pub(super) fn dump(line: &Line<'_>, found: &mut Found) {
    found.effect(Effect::read(
        Verb::List,
        object(&cluster(), "cluster", "state and logs"),
    ));
    let folder = line
        .value(&["output-directory"])
        .filter(|folder| folder.text() != "-");
    if let Some(folder) = folder {
        file_made(folder, &line.call.setting.place, found);
    }
}

/// Objects of a file that nobody has read are printed: a Secret may be among them.
pub(super) fn printed_unread(line: &Line<'_>, targets: &Targets, found: &mut Found) {
    let workloads = ["set ", "scale", "autoscale", "rollout ", "expose", "run"];
    let any = !workloads
        .iter()
        .any(|path| line.page.path.starts_with(path));
    if any && line.shown() != Shown::Names && targets.all.is_empty() && targets.unknown.is_some() {
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::Read, object(&cluster(), "secret", line.page.path))
        });
    }
}

/// Verbs that print the object they change show its values, if it is a secret.
pub(super) fn printed(line: &Line<'_>, targets: &Targets, found: &mut Found) {
    if line.shown() == Shown::Names || !targets.hold_secrets() {
        return;
    }
    for target in targets
        .all
        .iter()
        .filter(|target| target.nature == Nature::Secret)
    {
        found.effect(looked(target, Shown::Values));
    }
}
