//! What a command of a text does to those behind it: another cluster, another namespace, another account is meant from there on.
//!
//! `kubectl config use-context x; kubectl rollout restart …` restarts something that the second command alone does not say. So what is
//! done behind such a switch is opaque, but for a namespace that is known: there it is judged in both, since the switch may fail.

use crate::commands::{
    found::Found,
    word::{Call, Word},
};
use crate::domain::effect::{Class, Effect, Place, Scope};

/// What is aimed anew.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::commands) enum Moved {
    /// The namespace of everything that is done to the cluster, where no other is named.
    Namespace(String),
    /// The cluster.
    Cluster,
    /// Programs: which account, server or engine they speak to.
    Programs(&'static [&'static str]),
}

/// A program, how the words behind it begin, and what is aimed anew then.
type Switch = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const DOCKER: &[&str] = &["docker", "docker-compose", "podman", "podman-compose"];
const GCLOUD: &[&str] = &["gcloud", "gsutil", "bq"];

/// Programs that speak to another account, server or engine behind a switch.
#[rustfmt::skip]
const SWITCHES: &[Switch] = &[
    ("docker", &["context", "use"], DOCKER),
    ("podman", &["system", "connection", "default"], DOCKER),
    ("gcloud", &["config", "set"], GCLOUD),
    ("gcloud", &["config", "unset"], GCLOUD),
    ("gcloud", &["config", "configurations", "activate"], GCLOUD),
    ("gcloud", &["auth", "login"], GCLOUD),
    ("gcloud", &["auth", "activate-service-account"], GCLOUD),
    ("az", &["account", "set"], &["az", "azcopy"]),
    ("az", &["account", "clear"], &["az", "azcopy"]),
    ("az", &["configure"], &["az", "azcopy"]),
    ("az", &["config", "set"], &["az", "azcopy"]),
    ("az", &["cloud", "set"], &["az", "azcopy"]),
    ("az", &["login"], &["az", "azcopy"]),
    ("aws", &["configure", "set"], &["aws", "eksctl", "terraform", "tofu"]),
    ("aws", &["configure", "import"], &["aws", "eksctl", "terraform", "tofu"]),
    ("hcloud", &["context", "use"], &["hcloud"]),
    ("doctl", &["auth"], &["doctl"]),
    ("scw", &["config"], &["scw"]),
    ("ibmcloud", &["target"], &["ibmcloud"]),
    ("ibmcloud", &["login"], &["ibmcloud"]),
    ("civo", &["apikey"], &["civo"]),
    ("argocd", &["context"], &["argocd"]),
    ("argocd", &["login"], &["argocd"]),
    ("talosctl", &["config"], &["talosctl"]),
    ("terraform", &["workspace", "select"], &["terraform", "tofu"]),
    ("tofu", &["workspace", "select"], &["terraform", "tofu"]),
    ("pulumi", &["stack", "select"], &["pulumi"]),
    ("mc", &["alias", "set"], &["mc"]),
    ("vault", &["login"], &["vault"]),
    ("velero", &["client", "config", "set"], &["velero"]),
];

/// Commands that aim whatever speaks to a cluster at another one.
#[rustfmt::skip]
const CLUSTERS: &[(&str, &[&str])] = &[
    ("kubectl", &["config", "use-context"]), ("kubectl", &["config", "use"]), ("kubectl", &["config", "set"]),
    ("kubectl", &["config", "unset"]), ("kubectl", &["config", "set-cluster"]), ("kubectl", &["config", "set-credentials"]),
    ("kubectl", &["config", "delete-context"]), ("kubectl", &["config", "rename-context"]), ("kubectl", &["ctx"]),
    ("oc", &["login"]), ("oc", &["config", "use-context"]), ("oc", &["config", "set"]), ("oc", &["config", "set-cluster"]),
    ("aws", &["eks", "update-kubeconfig"]), ("gcloud", &["container", "clusters", "get-credentials"]),
    ("az", &["aks", "get-credentials"]), ("doctl", &["kubernetes", "cluster", "kubeconfig", "save"]),
    ("minikube", &["profile"]), ("kind", &["export", "kubeconfig"]), ("k3d", &["kubeconfig", "merge"]), ("tsh", &["kube", "login"]),
];

/// Judges what a call did by what stood before it, then says what it does to those behind it.
pub(super) fn judge(call: &Call<'_>, seen: &[Effect], found: &mut Found) {
    for moved in found.moved() {
        follow(&moved, call, seen, found);
    }
    let changes = seen.iter().any(|effect| effect.class() > Class::Read);
    if let Some(moved) = moves(call).filter(|_| changes) {
        found.moves(moved);
    }
}

fn follow(moved: &Moved, call: &Call<'_>, seen: &[Effect], found: &mut Found) {
    let done = seen.iter().filter(|effect| effect.class() > Class::Read);
    let mut there = done
        .clone()
        .filter(|effect| matches!(effect.object.place, Place::Cluster(_)));
    match moved {
        Moved::Namespace(name) => {
            for effect in
                there.filter(|effect| effect.object.scope == Scope::Namespace("default".to_owned()))
            {
                let mut effect = effect.clone();
                effect.object.scope = Scope::Namespace(name.clone());
                found.effect(effect);
            }
        }
        Moved::Cluster if there.next().is_some() => {
            found.opaque("what stands before it says which cluster is meant");
        }
        Moved::Programs(programs) if programs.contains(&call.program) && done.count() > 0 => {
            found.opaque(format!(
                "what stands before it says whom `{}` speaks to",
                call.program
            ));
        }
        Moved::Cluster | Moved::Programs(_) => {}
    }
}

/// What is aimed anew by this call.
fn moves(call: &Call<'_>) -> Option<Moved> {
    let words = || {
        call.arguments
            .iter()
            .filter(|word| !word.text().starts_with('-'))
    };
    let begins = |start: &[&str]| {
        let mut given = words();
        start
            .iter()
            .all(|part| given.next().is_some_and(|word| word.known() == Some(part)))
    };
    let program = match call.program {
        "k" | "kubecolor" => "kubectl",
        program => program,
    };
    if program == "kubectx" || program == "kubectl-ctx" {
        return Some(Moved::Cluster);
    }
    if matches!(program, "kubens" | "kubectl-ns") {
        return Some(namespace(words().next()));
    }
    if program == "kubectl" && begins(&["ns"]) || program == "oc" && begins(&["project"]) {
        return Some(namespace(words().nth(1)));
    }
    if matches!(program, "kubectl" | "oc") && begins(&["config", "set-context"]) {
        return Some(context(call));
    }
    if CLUSTERS
        .iter()
        .any(|(of, start)| *of == program && begins(start))
    {
        return Some(Moved::Cluster);
    }
    let mut switches = SWITCHES.iter();
    let switch = switches.find(|(of, start, _)| *of == program && begins(start));
    switch.map(|(_, _, programs)| Moved::Programs(programs))
}

/// A namespace that is named; one that is not known is as good as another cluster.
fn namespace(name: Option<&Word>) -> Moved {
    match name.and_then(Word::known) {
        Some(name) => Moved::Namespace(name.to_owned()),
        None => Moved::Cluster,
    }
}

/// `set-context --current --namespace=x`: any other flag may aim at another cluster, or as somebody else.
fn context(call: &Call<'_>) -> Moved {
    let mut name = None;
    let mut arguments = call.arguments.iter();
    while let Some(word) = arguments.next() {
        let text = word.text();
        match text {
            "config" | "set-context" | "--current" | "--current=true" => {}
            "-n" | "--namespace" => name = arguments.next().cloned(),
            _ => match text
                .strip_prefix("--namespace=")
                .or(text.strip_prefix("-n="))
            {
                Some(value) => name = Some(word.with_text(value)),
                None => return Moved::Cluster,
            },
        }
    }
    namespace(name.as_ref())
}
