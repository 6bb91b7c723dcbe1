//! Programs around clusters that their handbooks do not say enough of.

use super::kubectl;
use crate::{
    commands::{
        flags::{Style, Table},
        found::{Found, object},
        programs::handbook::{Handbook, Page},
        programs::{self, files::secrets},
        shell,
        word::{Call, Word},
    },
    domain::effect::{Effect, Reversible, Secrets, Tri, Verb},
};

const SWITCH: Table = Table {
    style: Style::Clusters,
    valued: &[],
    plain: &[
        "c", "current", "d", "u", "unset", "h", "help", "V", "version", "f", "force", "raw",
    ],
    glued: &[],
    until_word: false,
};

/// The commands that the handbooks leave open.
pub(super) fn own(handbook: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let words = &page.parsed.words;
    match (call.program, page.path) {
        ("minikube", "kubectl") => inner("kubectl", words, call, found),
        ("minikube", "ssh") => remote_shell(words, call, found),
        ("minikube", "profile") | ("argocd", "context") => {
            if page.parsed.has(&["delete"]) {
                found.effect(Effect::destructive(
                    Verb::Delete,
                    object(&call.setting.place, "context", "named"),
                ));
            } else {
                kubectl::switched(words, call, found);
            }
        }
        ("talosctl", "service") => service(handbook, page, call, found),
        ("talosctl", "read") => {
            let first = words.first().cloned().unwrap_or(Word::Known(String::new()));
            let mut effect =
                Effect::read(Verb::FileRead, handbook.object(None, page, call, &first));
            if secrets::discloses(first.text()) || first.known().is_none() {
                effect.secrets = Secrets::Values;
            }
            found.effect(effect);
        }
        _ => found.unknown_code(
            &call.setting.place,
            page.path,
            "a command that the gate does not know",
        ),
    }
}

/// Another program, of these words.
fn inner(program: &str, words: &[Word], call: &Call<'_>, found: &mut Found) {
    let Some(setting) = call.setting.deeper() else {
        return found.unknown_code(
            &call.setting.place,
            program,
            "commands stand too deep in each other",
        );
    };
    let mut line = vec![Word::Known(program.to_owned())];
    line.extend_from_slice(words);
    programs::judge(&line, call.stdin, &setting, found);
}

/// `minikube ssh [-- COMMAND]`: what is given becomes text for a shell.
fn remote_shell(words: &[Word], call: &Call<'_>, found: &mut Found) {
    let known: Option<Vec<&str>> = words.iter().map(Word::known).collect();
    let place = crate::domain::effect::Place::Network("minikube".to_owned());
    match (known, call.setting.elsewhere(place)) {
        (Some(known), Some(setting)) if !known.is_empty() => {
            shell::judge(&known.join(" "), call.stdin, &setting, found);
        }
        (Some(_), _) => {
            found.effect(Effect {
                reversible: Reversible::Unknown,
                ..Effect::read(Verb::Exec, object(&call.setting.place, "host", "minikube"))
            });
            found.opaque("what is typed into a shell is not known");
        }
        (None, _) => found.unknown_code(
            &call.setting.place,
            "ssh",
            "what runs there is not known before it runs",
        ),
    }
}

/// `talosctl service [ID [ACTION]]`.
fn service(handbook: &Handbook, page: &Page<'_>, call: &Call<'_>, found: &mut Found) {
    let words = &page.parsed.words;
    let name = words.first().cloned().unwrap_or(Word::Known(String::new()));
    let mut object = handbook.object(None, page, call, &name);
    "service".clone_into(&mut object.kind);
    found.effect(match words.get(1).map(Word::text) {
        None | Some("status") => Effect::read(Verb::Read, object),
        Some("start") => Effect::change(Verb::ServiceStart, object, "stop it again"),
        Some("restart") => Effect {
            reversible: Reversible::Recreated,
            ..Effect::read(Verb::Restart, object)
        },
        Some(_) => Effect {
            service_cut: Tri::Yes,
            ..Effect::change(Verb::ServiceStop, object, "start it again")
        },
    });
}

/// `kubectx` and `kubens`.
pub(super) fn switch(call: &Call<'_>, found: &mut Found) {
    let parsed = SWITCH.parse(call.arguments);
    found.line(&parsed, |_| false);
    for flag in &parsed.unknown {
        found.opaque(format!(
            "`{}`: the gate does not know the flag `{flag}`",
            call.program
        ));
    }
    let kubeconfig = object(&call.setting.place, "kubeconfig", "current");
    if parsed.has(&["d"]) {
        return found.effect(Effect::destructive(Verb::Delete, kubeconfig));
    }
    if parsed.shows(&["c", "current", "h", "help", "V", "version"]) {
        return found.effect(Effect::read(Verb::Read, kubeconfig));
    }
    let words: &[Word] = if parsed.has(&["u", "unset"]) {
        &[Word::Known(String::new())]
    } else {
        &parsed.words
    };
    kubectl::switched(words, call, found);
}

/// `k3s` and `rke2`: some of their words are other programs.
pub(super) fn k3s(handbook: &Handbook, call: &Call<'_>, found: &mut Found) {
    let first = call.arguments.first().and_then(Word::known);
    match first {
        Some(program @ ("kubectl" | "crictl" | "ctr")) => {
            inner(program, call.arguments.get(1..).unwrap_or(&[]), call, found);
        }
        Some("server" | "agent") => serve(call, found),
        _ => handbook.judge(call, found, own),
    }
}

fn serve(call: &Call<'_>, found: &mut Found) {
    let cluster = object(&call.setting.place, "service", call.program);
    let flag = |names: &[&str]| {
        call.arguments
            .iter()
            .any(|word| names.iter().any(|name| word.text().starts_with(name)))
    };
    if call
        .arguments
        .iter()
        .any(|word| matches!(word.text(), "--help" | "-h"))
    {
        return found.effect(Effect::read(Verb::Read, cluster));
    }
    let mut effect = Effect::change(Verb::ServiceStart, cluster, "end the command");
    if flag(&["--cluster-reset"]) {
        // Every other member is forgotten, and a snapshot overwrites what is there.
        effect.data_loss = Tri::Yes;
        effect.reversible = Reversible::No;
    }
    found.effect(effect);
    found.opaque("what a node of a cluster starts is not looked at");
}

/// `microk8s` and `microk8s.kubectl`.
pub(super) fn microk8s(handbook: &Handbook, call: &Call<'_>, found: &mut Found) {
    let mut words = call.arguments;
    let glued = call
        .program
        .strip_prefix("microk8s.")
        .map(|name| Word::Known(name.to_owned()));
    let first = match &glued {
        Some(word) => Some(word),
        None => {
            let first = words.first();
            words = words.get(1..).unwrap_or(&[]);
            first
        }
    };
    match first.and_then(Word::known) {
        Some(program @ ("kubectl" | "helm" | "ctr" | "istioctl" | "linkerd" | "cilium")) => {
            inner(program, words, call, found);
        }
        Some("helm3") => inner("helm", words, call, found),
        _ if glued.is_none() => handbook.judge(call, found, own),
        _ => found.unknown_code(
            &call.setting.place,
            call.program,
            "a program that the gate does not know",
        ),
    }
}

/// Scripts that end a node: they kill what runs there, or remove it.
pub(super) fn removal_script(call: &Call<'_>, found: &mut Found) {
    found.effect(Effect::destructive(
        Verb::Delete,
        object(&call.setting.place, "cluster", call.program),
    ));
}
