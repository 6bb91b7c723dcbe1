//! A restore of objects: they are applied again.

use super::{
    lines::{Objects, kind},
    selected::{self, Pick},
};
use crate::{
    actions::{
        backup::miss::Miss,
        framework::{World, rights},
        kubernetes::{self, Bringing, check_name, default_cluster, text},
    },
    domain::{
        effect::{Effect, Effects, Object, Place, Scope, Verb, Which},
        right::Rights,
        run::StepReport,
        span::Span,
    },
    ports::{archive::Unpacked, executor::Session},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// So many objects are restored at once; each is held in memory with what it replaces.
const MOST: usize = 20_000;

/// How objects are restored.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KubernetesRestore {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// Only these, as in `configmap/todo-config`, `secret/*` or `deployments`; everything where nothing is named.
    #[serde(default)]
    #[schemars(length(max = 200))]
    pub resources: Vec<String>,
    /// Only what lies in this namespace; what belongs to none is left out then.
    #[serde(default)]
    pub namespace: Option<String>,
    /// Whether namespaces that are not there are made. Without it, nothing is restored where one is missing.
    #[serde(default)]
    pub create_namespaces: bool,
    /// Whether fields that others manage are taken over. Without it such a field is a conflict, and the failure names it and its manager.
    #[serde(default)]
    pub force: bool,
    /// How long to wait until every object is ready; without it, the step does not wait.
    #[serde(default)]
    pub wait: Option<Span>,
}

impl KubernetesRestore {
    /// What the types cannot say.
    pub(in crate::actions::backup) fn validate(&self) -> Result<(), String> {
        check_name("cluster", &self.cluster)?;
        if let Some(namespace) = &self.namespace {
            check_name("namespace", namespace)?;
        }
        self.only().map(drop)
    }

    /// What a restore does, before anybody has looked into the backup.
    pub(in crate::actions::backup) fn unread(&self) -> Effects {
        let scope = match &self.namespace {
            Some(namespace) => Scope::Namespace(namespace.clone()),
            None => Scope::Unknown,
        };
        let object = Object {
            place: Place::Cluster(self.cluster.clone()),
            kind: Object::UNKNOWN_KIND.to_owned(),
            scope,
            which: Which::Unknown,
        };
        Effects::opaque(
            object,
            "what is restored is known when the backup is looked into",
        )
    }

    /// What a restore of this backup does: each object is judged as if it were applied by itself.
    pub(in crate::actions::backup) async fn effects(
        &self,
        content: &dyn Unpacked,
        world: &World,
    ) -> Result<Effects, String> {
        let chosen = self.chosen(content).await;
        let mut chosen = chosen.map_err(|report| report.summary)?;
        if self.create_namespaces {
            let there = named_namespaces(&chosen);
            let made: Vec<Value> = there.iter().map(|name| namespace(name)).collect();
            chosen.splice(0..0, made);
        }
        kubernetes::brought(&self.cluster, chosen, world).await
    }

    /// What becomes of the cluster by these effects, for a question: what would be made is told from what would be changed.
    pub(in crate::actions::backup) fn how(&self, effects: &Effects) -> String {
        let place = Place::Cluster(self.cluster.clone());
        let of = |verb: &Verb| {
            let all = effects.items.iter();
            all.filter(|effect| effect.object.place == place && effect.verb == *verb)
                .count()
        };
        match (of(&Verb::Create), of(&Verb::Update)) {
            (0, _) => "in place of what is there".to_owned(),
            (1, 0) => "making 1 object that is not there yet".to_owned(),
            (new, 0) => format!("making {new} objects that are not there yet"),
            (new, others) => {
                format!(
                    "making {new} that are not there yet, and {others} in place of what is there"
                )
            }
        }
    }

    /// What a restore with these effects must be allowed. Whether each namespace is there is looked at first.
    pub(in crate::actions::backup) fn rights(&self, effects: &Effects) -> Rights {
        let place = Place::Cluster(self.cluster.clone());
        let in_cluster = effects.items.iter().map(|effect| &effect.object);
        let in_cluster = in_cluster.filter(|object| object.place == place);
        let namespaces: BTreeSet<&str> = in_cluster
            .filter_map(|object| match &object.scope {
                Scope::Namespace(name) => Some(name.as_str()),
                Scope::AllNamespaces
                | Scope::ClusterScoped
                | Scope::NotApplicable
                | Scope::Unknown => None,
            })
            .collect();
        // What is new is applied, too, and may be there by then.
        let applied = effects
            .items
            .iter()
            .cloned()
            .map(|effect| match effect.verb {
                Verb::Create if effect.object.place == place => Effect {
                    verb: Verb::Update,
                    ..effect
                },
                _ => effect,
            });
        let applied = Effects {
            items: applied.collect(),
            ..effects.clone()
        };
        let looked_at = namespaces.into_iter().map(|name| Object {
            place: place.clone(),
            kind: "namespace".to_owned(),
            scope: Scope::ClusterScoped,
            which: Which::Named(name.to_owned()),
        });
        looked_at.fold(rights::of_effects(&applied), |needed, namespace| {
            needed.and_also(rights::on_object(&namespace, None, &["get"]))
        })
    }

    fn only(&self) -> Result<Vec<(String, Pick)>, String> {
        let mut only = Vec::new();
        for (index, written) in self.resources.iter().enumerate() {
            only.extend(selected::words(&format!("resources[{index}]"), written)?);
        }
        Ok(only)
    }

    /// The objects of the backup that are restored.
    async fn chosen(&self, content: &dyn Unpacked) -> Result<Vec<Value>, StepReport> {
        let unfit = |why: String| StepReport::failed(why, false);
        let only = self.only().map_err(unfit)?;
        let mut objects = Objects::of(content).await.map_err(Miss::report)?;
        let mut chosen = Vec::new();
        while let Some(object) = objects.next().await.map_err(Miss::report)? {
            if self.is_chosen(&object, &only) {
                chosen.push(object);
            }
            if chosen.len() > MOST {
                return Err(unfit(format!(
                    "there are more than {MOST} objects\nhint: restore them in several steps, by `resources` or `namespace`"
                )));
            }
        }
        let missed = only.iter().find(|(kind, pick)| match pick {
            Pick::All => false,
            Pick::Named(name) => !chosen.iter().any(|object| is(object, kind, name)),
        });
        match missed {
            Some((kind, Pick::Named(name))) => {
                Err(unfit(format!("there is no {kind} {name} in the backup")))
            }
            _ if chosen.is_empty() => Err(unfit(
                "there is nothing in the backup of what is to be restored".to_owned(),
            )),
            _ => Ok(chosen),
        }
    }

    fn is_chosen(&self, object: &Value, only: &[(String, Pick)]) -> bool {
        let here = self
            .namespace
            .as_deref()
            .is_none_or(|namespace| text(object, "/metadata/namespace") == namespace);
        let kind_of = kind(object);
        let name = text(object, "/metadata/name");
        let named = |(kind, pick): &(String, Pick)| {
            *kind == kind_of
                && match pick {
                    Pick::All => true,
                    Pick::Named(wanted) => wanted == name,
                }
        };
        here && (only.is_empty() || only.iter().any(named))
    }

    /// The namespaces that are needed and are neither there nor among what is restored.
    async fn missing(&self, chosen: &[Value], world: &World) -> Result<Vec<String>, StepReport> {
        let mut missing = Vec::new();
        for name in named_namespaces(chosen) {
            let there = kubernetes::has_namespace(&self.cluster, &name, world).await;
            let there = there.map_err(|error| {
                let words = format!("looking for namespace {name}: {error}");
                StepReport::failed(words, error.retryable())
            })?;
            if !there {
                missing.push(name);
            }
        }
        Ok(missing)
    }
}

/// Applies the objects of a backup again, under the manager `orderly`. What it did before a failure stays, and is told.
pub(in crate::actions::backup) async fn restore_objects(
    content: &dyn Unpacked,
    to: &KubernetesRestore,
    session: &Session,
    world: &World,
) -> StepReport {
    match restore(content, to, session, world).await {
        Ok(report) | Err(report) => report,
    }
}

async fn restore(
    content: &dyn Unpacked,
    to: &KubernetesRestore,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let mut chosen = to.chosen(content).await?;
    let missing = to.missing(&chosen, world).await?;
    if !missing.is_empty() && !to.create_namespaces {
        let words = format!(
            "nothing is restored: there is no namespace {}\nhint: make it, or set `createNamespaces: true`",
            missing.join(", ")
        );
        return Err(StepReport::failed(words, false));
    }
    let made: Vec<Value> = missing.iter().map(|name| namespace(name)).collect();
    chosen.splice(0..0, made);
    let bringing = Bringing {
        cluster: &to.cluster,
        force: to.force,
        wait: to.wait,
    };
    Ok(kubernetes::bring(bringing, chosen, session, world).await)
}

/// Namespaces that objects lie in and that are not among the objects themselves.
fn named_namespaces(objects: &[Value]) -> Vec<String> {
    let named: BTreeSet<&str> = objects
        .iter()
        .map(|object| text(object, "/metadata/namespace"))
        .filter(|name| !name.is_empty())
        .collect();
    let among = |name: &str| objects.iter().any(|object| is(object, "namespace", name));
    let lacking = named.into_iter().filter(|name| !among(name));
    lacking.map(str::to_owned).collect()
}

fn is(object: &Value, wanted: &str, name: &str) -> bool {
    text(object, "/metadata/name") == name && kind(object) == wanted
}

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}
