//! What a step about a release must be allowed: where helm keeps releases, and what their objects take.

use crate::{
    actions::{
        framework::rights::{self, On},
        helm::inputs::{RELEASE, Release},
    },
    domain::{
        effect::{Confidence, Effects, Object, Which},
        right::Rights,
    },
};

/// To look at one that is named.
pub(super) const LOOKS: &[&str] = &["get", "list"];
/// Old revisions are removed, and a first one that fails.
const CHANGES: &[&str] = &["create", "delete", "get", "list", "update"];

/// The secrets in which helm keeps releases; their names hold the number of a revision.
pub(super) fn kept(
    cluster: &str,
    namespace: Option<&str>,
    verbs: &'static [&'static str],
) -> Rights {
    let secrets = On {
        cluster,
        namespace,
        group: "",
        resource: "secrets",
        name: None,
    };
    Rights::default().and(secrets, verbs)
}

/// To change it, and its objects as far as they are known.
pub(super) fn changed(release: &Release<'_>, effects: &Effects) -> Rights {
    let objects = effects.items.iter().map(|effect| &effect.object);
    let objects = objects.filter(|object| object.kind != RELEASE);
    let mut needed = kept(release.cluster, Some(release.namespace), CHANGES);
    for object in objects {
        needed = needed.with(of_object(object));
    }
    if effects.confidence == Confidence::Opaque {
        let reasons = effects.reasons.iter();
        needed.untold.extend(reasons.map(|why| {
            format!("what the objects of {release} take is not among the rights: {why}")
        }));
    }
    needed
}

/// It is made, changed, waited for (helm watches all of a kind, which is a list where a server does not stream it, and looks at what a
/// workload is made of) and, on the way back, deleted.
fn of_object(object: &Object) -> Rights {
    let all = |kind: &str| Object {
        kind: kind.to_owned(),
        which: Which::All,
        ..object.clone()
    };
    let part = match object.kind.as_str() {
        "deployment.apps" => Some("replicaset.apps"),
        "replicaset.apps" | "statefulset.apps" => Some("pod"),
        _ => None,
    };
    let part = part.map(|part| rights::on_object(&all(part), None, &["list"]));
    let every = rights::on_object(&all(&object.kind), None, &["create", "list", "watch"]);
    rights::on_object(object, None, &["delete", "get", "patch"])
        .and_also(every)
        .with(part.unwrap_or_default())
}
