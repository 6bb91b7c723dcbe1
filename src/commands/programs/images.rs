//! What a new container starts: the words after its image, with the image's own program before them where its name says which that is.

use super::{
    is_described, program_name,
    values::{parts, runs},
};
use crate::commands::word::Word;

/// Images that start a tool with the words after their name, and that tool.
const TOOLS: [(&str, &str); 27] = [
    ("argocd", "argocd"),
    ("aws-cli", "aws"),
    ("awscli", "aws"),
    ("consul", "consul"),
    ("crane", "crane"),
    ("curl", "curl"),
    ("flux-cli", "flux"),
    ("git", "git"),
    ("helm", "helm"),
    ("istioctl", "istioctl"),
    ("jq", "jq"),
    ("k8s-helm", "helm"),
    ("k8s-kubectl", "kubectl"),
    ("kubectl", "kubectl"),
    ("mc", "mc"),
    ("nomad", "nomad"),
    ("opentofu", "tofu"),
    ("rclone", "rclone"),
    ("restic", "restic"),
    ("s3cmd", "s3cmd"),
    ("s5cmd", "s5cmd"),
    ("skopeo", "skopeo"),
    ("terraform", "terraform"),
    ("trivy", "trivy"),
    ("vault", "vault"),
    ("velero", "velero"),
    ("yq", "yq"),
];

/// Images that start a server, and take its settings as words.
const SERVERS: [&str; 14] = [
    "alertmanager",
    "mariadb",
    "memcached",
    "minio",
    "mongo",
    "mysql",
    "node-exporter",
    "postgres",
    "postgresql",
    "prometheus",
    "redis",
    "registry",
    "traefik",
    "valkey",
];

/// Parts of the names of settings with which a server lets everybody in, or throws away what it finds.
const GRAVE: [&str; 13] = [
    "bootstrap",
    "delete",
    "force",
    "grant",
    "initialize",
    "insecure",
    "protected",
    "repair",
    "replicaof",
    "reset",
    "retention",
    "slaveof",
    "wsrep",
];

/// Programs that read commands: an image's own script hands them on as they are.
const SHELLS: [&str; 5] = ["sh", "bash", "ash", "busybox", "env"];

/// How the words after an image are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meant {
    /// As arguments of the image's own program, if it has one.
    Arguments,
    /// As the program itself.
    Program,
}

/// The program that a container of this image starts, with its arguments; empty: the image's own, with nothing but settings.
pub(super) fn started(image: &str, words: &[Word], meant: Meant) -> Vec<Word> {
    let name = name_of(image);
    let Some(first) = words.first() else {
        return Vec::new();
    };
    let set = first.text().starts_with('-') || first.known() == Some("server");
    if SERVERS.contains(&name) && set && words.iter().all(is_setting) {
        return Vec::new();
    }
    let Some((_, tool)) = TOOLS.iter().find(|(image, _)| *image == name) else {
        return words.to_vec();
    };
    let program = first.known().and_then(program_name).unwrap_or_default();
    let whole = program == *tool
        || SHELLS.contains(&program)
        || meant == Meant::Program && (first.text().contains('/') || is_described(program));
    let tool = (!whole).then(|| Word::Known((*tool).to_owned()));
    tool.into_iter().chain(words.iter().cloned()).collect()
}

/// `registry.example.org:5000/tools/kubectl:1.30` is `kubectl`; `quay.io/skopeo/stable` is `skopeo`.
fn name_of(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let (before, last) = image.rsplit_once('/').unwrap_or(("", image));
    let last = last.split(':').next().unwrap_or(last);
    match last {
        "stable" | "upstream" => before.rsplit('/').next().unwrap_or(before),
        _ => last,
    }
}

/// Whether words are nothing but settings.
pub(super) fn are_settings(words: &[Word]) -> bool {
    let first = words.first();
    first.is_none_or(|first| first.text().starts_with('-')) && words.iter().all(is_setting)
}

/// A setting of a server, or its value, that names no code.
fn is_setting(word: &Word) -> bool {
    let Some(text) = word.known() else {
        return false;
    };
    let name = text.trim_start_matches('-').split('=').next();
    let name = name.unwrap_or_default();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.,:/=%".contains(letter);
    text.chars().all(plain) && !runs(name) && !parts(name).any(|part| GRAVE.contains(&&*part))
}

#[cfg(test)]
mod tests {
    use super::{Meant, started};
    use crate::commands::word::Word;

    fn words(text: &str) -> Vec<Word> {
        let words = text.split_whitespace();
        words.map(|word| Word::Known(word.to_owned())).collect()
    }

    fn line(image: &str, text: &str, meant: Meant) -> String {
        let all = started(image, &words(text), meant);
        let all: Vec<_> = all.iter().map(Word::text).collect();
        all.join(" ")
    }

    #[test]
    fn the_name_of_an_image_says_which_tool_takes_the_words() {
        for image in [
            "bitnami/kubectl:1.30",
            "registry.acme.io:5000/x/kubectl@sha256:00",
            "kubectl",
        ] {
            let meant = line(image, "delete ns shop", Meant::Arguments);
            assert_eq!(meant, "kubectl delete ns shop", "{image}");
        }
        let skopeo = "quay.io/skopeo/stable:v1";
        let meant = line(skopeo, "delete docker://x", Meant::Arguments);
        assert_eq!(meant, "skopeo delete docker://x");
    }

    #[test]
    fn a_program_that_is_named_is_the_program() {
        for text in ["kubectl get pods", "sh -c x", "/bin/sh"] {
            assert_eq!(line("bitnami/kubectl", text, Meant::Arguments), text);
        }
        assert_eq!(line("alpine/git", "rm x", Meant::Arguments), "git rm x");
        assert_eq!(line("alpine/git", "rm x", Meant::Program), "rm x");
        assert_eq!(line("alpine:3", "rm x", Meant::Arguments), "rm x");
    }

    #[test]
    fn settings_of_a_server_are_no_program() {
        for text in ["--appendonly yes", "-c max_connections=200"] {
            assert_eq!(line("redis:7", text, Meant::Arguments), "");
        }
        for text in [
            "-c archive_command=x",
            "--skip-grant-tables",
            "redis-cli flushall",
        ] {
            assert_eq!(line("redis:7", text, Meant::Arguments), text);
        }
    }
}
