//! What a chart renders to, and what that does to a cluster compared with what the release has now.

use crate::{
    actions::{
        helm::{
            inputs::Release,
            program::{Call, Fault, Helm},
        },
        kubernetes::{
            kinds,
            wait::{Named, unready},
        },
    },
    commands::deeds::{self, Deed, Manifest, Subject},
    domain::effect::{Confidence, Effect, Effects, Verb, Which},
    ports::cluster::ClusterError,
    runbooks::plain_documents,
};
use serde::Deserialize;
use serde_json::Value;

const HOOK: &str = "helm.sh/hook";
const POLICY: &str = "helm.sh/resource-policy";
/// Events of hooks that only `helm test` causes.
const TESTS: [&str; 3] = ["test", "test-success", "test-failure"];

/// The objects of a release.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Rendered {
    objects: Vec<Value>,
    /// Objects that helm makes on the way, and removes before it makes them.
    hooks: Vec<Value>,
}

/// A release as helm prints it; there is much more in it.
#[derive(Deserialize)]
struct Printed {
    manifest: String,
    #[serde(default)]
    hooks: Vec<PrintedHook>,
}

#[derive(Deserialize)]
struct PrintedHook {
    manifest: String,
}

/// What tells an object from others in its release.
#[derive(Debug, PartialEq, Eq)]
struct Identity {
    kind: String,
    namespace: String,
    name: String,
}

impl Rendered {
    /// From the text of a manifest, hooks and all.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let documents = plain_documents(text)
            .ok_or("what the chart renders cannot be read as YAML without doubt")?;
        let is_hook = |object: &Value| annotation(object, HOOK).is_some();
        let all = deeds::objects(documents).into_iter();
        let (hooks, objects) = all.partition(is_hook);
        let mut rendered = Self { objects, hooks };
        rendered.hooks.retain(|hook| !is_test(hook));
        Ok(rendered)
    }

    /// What keeps its workloads from being ready, for people.
    pub(super) async fn unready(&self, helm: &Helm<'_>) -> String {
        let release = &helm.release;
        let all: Vec<Identity> = self
            .objects
            .iter()
            .map(|object| Identity::of(object, release))
            .collect();
        let named = all.iter().map(|object| Named {
            kind: &object.kind,
            namespace: &object.namespace,
            name: &object.name,
        });
        unready(release.cluster, named, helm.world).await
    }

    /// How many objects there are, hooks included.
    pub(super) fn count(&self) -> usize {
        self.objects.len() + self.hooks.len()
    }
}

impl Helm<'_> {
    /// What a revision of the release holds.
    pub(super) async fn held(&self, revision: u32) -> Result<Rendered, String> {
        let number = revision.to_string();
        let mut text = String::new();
        for what in ["manifest", "hooks"] {
            let name = self.release.name;
            let call = Call::new(&["get", what, name, "--revision", &number]);
            let part = self.text(call).await.map_err(|fault| fault.to_string())?;
            text = format!("{text}\n---\n{part}");
        }
        Rendered::read(&text)
    }

    /// What helm would do by this call, by its own word.
    pub(super) async fn tried(&self, call: Call) -> Result<Rendered, Fault> {
        let call = call.and(&["--dry-run=server"]);
        let printed: Printed = self.json(call).await?;
        let hooks = printed.hooks.iter().map(|hook| hook.manifest.as_str());
        let all: Vec<&str> = [printed.manifest.as_str()]
            .into_iter()
            .chain(hooks)
            .collect();
        Rendered::read(&all.join("\n---\n")).map_err(Fault::Unreadable)
    }

    /// What it does to the cluster to bring a release from `before` to `now`; `of_release` is what becomes of the release itself.
    pub(super) async fn effects(
        &self,
        of_release: Effect,
        now: &Rendered,
        before: &Rendered,
    ) -> Effects {
        let release = &self.release;
        let namespace = Some(release.namespace);
        let mut deeds: Vec<Deed<'_>> = now
            .objects
            .iter()
            .map(|object| Deed::Apply(Manifest { object, namespace }))
            .collect();
        let mut gone: Vec<Identity> = vanished(release, now, before);
        for object in &now.hooks {
            deeds.push(Deed::Create(Manifest { object, namespace }));
            gone.extend(self.in_the_way(object, before).await);
        }
        let which: Vec<Which> = gone
            .iter()
            .map(|object| Which::Named(object.name.clone()))
            .collect();
        deeds.extend(gone.iter().zip(&which).map(|(object, which)| {
            Deed::Delete(Subject {
                kind: &object.kind,
                namespace: Some(&object.namespace),
                which,
            })
        }));
        let mut effects = deeds::of_deeds(release.cluster, &deeds);
        effects.items.insert(0, of_release);
        effects
    }

    /// A hook's object is removed before it is made again, whosever it is: where the release did not make it, it is another's.
    async fn in_the_way(&self, hook: &Value, before: &Rendered) -> Option<Identity> {
        let identity = Identity::of(hook, &self.release);
        let of_release = |known: &Value| Identity::of(known, &self.release) == identity;
        if before.hooks.iter().any(of_release) {
            return None;
        }
        match self.is_there(&identity).await {
            Err(ClusterError::NotFound(_)) => None,
            Ok(()) | Err(_) => Some(identity),
        }
    }

    async fn is_there(&self, object: &Identity) -> Result<(), ClusterError> {
        let clusters = &*self.world.clusters;
        let cluster = self.release.cluster;
        let resource = kinds::resource(clusters, cluster, &object.kind).await?;
        let namespace = Some(object.namespace.as_str()).filter(|_| resource.namespaced);
        let found = clusters.get(cluster, &resource, namespace, &object.name);
        found.await.map(drop)
    }
}

/// What helm removes because the chart does not render it any more, but for what says that it stays.
fn vanished(release: &Release<'_>, now: &Rendered, before: &Rendered) -> Vec<Identity> {
    let kept: Vec<Identity> = now
        .objects
        .iter()
        .map(|object| Identity::of(object, release))
        .collect();
    let stays = |object: &&Value| annotation(object, POLICY) == Some("keep");
    let objects = before.objects.iter().filter(|object| !stays(object));
    objects
        .map(|object| Identity::of(object, release))
        .filter(|object| !kept.contains(object))
        .collect()
}

impl Identity {
    fn of(object: &Value, release: &Release<'_>) -> Self {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        let (version, kind) = (text("/apiVersion"), text("/kind"));
        Self {
            kind: deeds::kind_of(version.unwrap_or_default(), kind.unwrap_or_default()),
            namespace: text("/metadata/namespace")
                .unwrap_or(release.namespace)
                .to_owned(),
            name: text("/metadata/name").unwrap_or_default().to_owned(),
        }
    }
}

fn annotation<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object
        .get("metadata")?
        .get("annotations")?
        .get(name)?
        .as_str()
}

fn is_test(hook: &Value) -> bool {
    let events = annotation(hook, HOOK).unwrap_or_default();
    events.split(',').all(|event| TESTS.contains(&event.trim()))
}

/// Whether it was judged that more may be done than is known.
pub(super) fn is_open(judged: &Effects) -> bool {
    let of_release = |effect: &Effect| effect.object.kind == "release.helm";
    judged
        .items
        .iter()
        .any(|effect| effect.verb == Verb::Opaque && of_release(effect))
}

/// What would be done now that was not judged, for people; nothing where all of it was.
pub(super) fn unjudged(now: &Effects, judged: &Effects) -> Option<String> {
    let mut new: Vec<String> = now
        .items
        .iter()
        .filter(|effect| !judged.items.contains(effect))
        .map(|effect| {
            let known = judged
                .items
                .iter()
                .any(|known| known.object == effect.object);
            let how = if known { " (in another way)" } else { "" };
            format!("{effect}{how}")
        })
        .collect();
    let less_sure = now.confidence == Confidence::Opaque && judged.confidence != Confidence::Opaque;
    if less_sure {
        new.extend(now.reasons.iter().cloned());
    }
    new.extend(
        now.refusals
            .iter()
            .filter(|why| !judged.refusals.contains(why))
            .cloned(),
    );
    (!new.is_empty()).then(|| new.join("; "))
}

#[cfg(test)]
mod tests {
    use super::{Rendered, unjudged, vanished};
    use crate::{
        actions::helm::inputs::Release,
        domain::effect::{Effect, Effects, Object, Verb},
    };

    const TEXT: &str = "
apiVersion: v1
kind: ConfigMap
metadata: { name: a, namespace: shop }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: kept, annotations: { helm.sh/resource-policy: keep } }
---
apiVersion: batch/v1
kind: Job
metadata: { name: migrate, annotations: { helm.sh/hook: 'pre-upgrade,post-install' } }
---
apiVersion: v1
kind: Pod
metadata: { name: try, annotations: { helm.sh/hook: test } }
---
apiVersion: v1
kind: ConfigMap
metadata: { name: b }
";

    #[test]
    fn what_is_not_rendered_any_more_vanishes_unless_it_is_to_be_kept() {
        let before = Rendered::read(TEXT).unwrap();
        assert_eq!(before.count(), 4);
        let now = "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n";
        let now = Rendered::read(now).unwrap();
        let release = Release::new("default", "shop", "web").unwrap();
        let gone = vanished(&release, &now, &before);
        let names: Vec<&str> = gone.iter().map(|object| object.name.as_str()).collect();
        assert_eq!(names, ["b"]);
    }

    #[test]
    fn doubtful_yaml_is_not_understood() {
        assert!(Rendered::read("a: &x 1\nb: *x\n").is_err());
    }

    #[test]
    fn less_than_what_was_judged_may_be_done_and_more_may_not() {
        let effect = |name: &str| Effect::change(Verb::Update, Object::host("x", name), "undo");
        let both = Effects::exact(vec![effect("a"), effect("b")]);
        let one = Effects::exact(vec![effect("a")]);
        assert_eq!(unjudged(&one, &both), None);
        let told = unjudged(&both, &one).unwrap();
        assert_eq!(told, "update x b on the host");
        let other = Effects::exact(vec![Effect::destructive(
            Verb::Update,
            Object::host("x", "a"),
        )]);
        assert!(unjudged(&other, &one).unwrap().contains("in another way"));
    }
}
