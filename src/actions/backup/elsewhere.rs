//! Artifacts that no path is enough for: what restores them is a step that somebody writes, and this is how it looks.

use super::ArtifactKind;
use crate::domain::id::ArtifactId;

/// Why such an artifact is not restored to a path, with the step that restores it; nothing where a path is enough.
pub(crate) fn not_to_a_path(kind: &str, id: ArtifactId) -> Option<String> {
    let (holds, with) = example(ArtifactKind::parse(kind)?)?;
    Some(format!(
        "artifact {id} holds {holds} and not to a path; this step restores it:\n  - name: restore\n    uses: backup/restore\n    with:\n      artifact: {{ id: {id} }}\n      {with}\nhint: commit a runbook with this step and with your names in it, and run it; docs/actions.md has all its inputs"
    ))
}

/// What it holds and where that goes, and what the step names for it.
fn example(kind: ArtifactKind) -> Option<(&'static str, &'static str)> {
    match kind {
        ArtifactKind::Postgres => Some((
            "a dump of PostgreSQL, which goes into a database",
            "into: { database: NAME, server: { host: HOST, user: ROLE } }",
        )),
        ArtifactKind::Kubernetes => Some((
            "objects of a cluster, which are applied to one",
            "objects: { cluster: default }",
        )),
        ArtifactKind::Volume => Some((
            "the files of a volume, which go into a claim",
            "volume: { namespace: NAMESPACE, mount: { claim: CLAIM, image: IMAGE } }",
        )),
        ArtifactKind::Files
        | ArtifactKind::Sqlite
        | ArtifactKind::Stream
        | ArtifactKind::Logs
        | ArtifactKind::Helm
        | ArtifactKind::Etcd => None,
    }
}

#[cfg(test)]
mod tests {
    use super::not_to_a_path;
    use crate::{actions::framework::Catalogue, domain::id::ArtifactId, runbooks};

    #[test]
    fn each_example_is_a_step_that_loads_and_a_path_is_enough_for_all_others() {
        let id = ArtifactId::new(jiff::Timestamp::UNIX_EPOCH, [1; 10]);
        for kind in ["files", "sqlite", "stream", "logs", "helm", "etcd"] {
            assert_eq!(not_to_a_path(kind, id), None, "{kind}");
        }
        for kind in ["postgres", "kubernetes", "volume"] {
            let told = not_to_a_path(kind, id).unwrap();
            let (said, _) = told.split_once("\nhint: ").unwrap();
            let (_, step) = said.split_once(":\n").unwrap();
            let image = ("IMAGE", "registry.example.org/tools/busybox:1.36.1");
            let names = [("NAMESPACE", "shop"), ("CLAIM", "data"), image];
            let step = names
                .iter()
                .fold(step.to_owned(), |step, (name, is)| step.replace(name, is));
            let text = format!(
                "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: back }}\nspec:\n  steps:\n{step}\n"
            );
            let loaded = runbooks::load_file("back.yaml", text.as_bytes(), &Catalogue::new());
            assert!(loaded.problems.is_empty(), "{text}\n{:#?}", loaded.problems);
        }
    }
}
