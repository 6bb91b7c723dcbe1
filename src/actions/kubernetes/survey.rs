//! What a selector would touch, asked of the API server when a step is planned: names only, page by page, up to a bound.
//!
//! It informs the gate and the people who are asked; it grants nothing. What cannot be listed stays unknown, and unknown counts as
//! yes. A list is a moment's: between it and the step others may come, so what is bounded stays bounded.

use crate::{
    actions::kubernetes::kinds,
    commands::plural,
    domain::effect::{
        Class, Confidence, Effect, Effects, Listed, Object, Place, Reach, Scope, Which,
    },
    ports::{
        clock::Clock,
        cluster::{Clusters, Matching, More, Names, Resource},
    },
};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// So many names are read of each list.
const MOST: usize = 1000;
/// So many are kept, for people.
const SHOWN: usize = 50;
/// So many of a step's objects are looked at.
const MOST_OBJECTS: usize = 16;
/// So long all of it may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// What goes with a namespace and that policy has a word for.
const HELD: [&str; 7] = [
    "pod",
    "secret",
    "persistentvolumeclaim",
    "statefulset.apps",
    "networkpolicy.networking.k8s.io",
    "role.rbac.authorization.k8s.io",
    "rolebinding.rbac.authorization.k8s.io",
];
/// Programs that reach clusters of their own, or lead to another place or person.
const OWN_WAYS: [&str; 16] = [
    "k3s", "microk8s", "minikube", "oc", "ssh", "sudo", "su", "doas", "runuser", "env", "chroot",
    "nsenter", "docker", "podman", "crictl", "ctr",
];

/// Looks up what these effects would touch, where that is not known yet.
pub(in crate::actions) async fn survey(
    clusters: &dyn Clusters,
    clock: &dyn Clock,
    arguments: &Value,
    effects: Effects,
) -> Effects {
    if !effects.refusals.is_empty() {
        return effects;
    }
    let mut survey = Survey {
        clusters,
        found: Vec::new(),
        missing: Vec::new(),
    };
    let effects = survey.placed(effects, arguments).await;
    let open = open_objects(&effects);
    if open.is_empty() {
        return effects;
    }
    let looking = survey.look(&effects, arguments, &open);
    tokio::select! {
        () = looking => {}
        () = clock.sleep(DEADLINE) => {
            survey.missing.push(format!("the API server did not tell within {} s what is there", DEADLINE.as_secs()));
        }
    }
    let Survey { found, missing, .. } = survey;
    with(effects, found, missing)
}

/// Whose number is not known, or what goes with them: each once.
fn open_objects(effects: &Effects) -> Vec<Object> {
    let mut open: Vec<Object> = Vec::new();
    for effect in effects.items.iter().filter(|effect| is_open(effect)) {
        if !open.contains(&effect.object) {
            open.push(effect.object.clone());
        }
    }
    open.truncate(MOST_OBJECTS);
    open
}

fn is_open(effect: &Effect) -> bool {
    let in_cluster = matches!(effect.object.place, Place::Cluster(_));
    let many = match effect.object.which {
        Which::Selector(_) | Which::All => effect.reach == Reach::Unknown,
        Which::Named(_) => effect.deletes() && effect.object.kind == "namespace",
        Which::Unknown => false,
    };
    effect.class() > Class::Read && in_cluster && many
}

struct Survey<'a> {
    clusters: &'a dyn Clusters,
    found: Vec<Listed>,
    missing: Vec<String>,
}

impl Survey<'_> {
    async fn look(&mut self, effects: &Effects, arguments: &Value, open: &[Object]) {
        for object in open {
            let Place::Cluster(cluster) = &object.place else {
                continue;
            };
            if let Err(why) = self.same_cluster(cluster, effects, arguments) {
                self.missing.push(format!("{object} was not listed: {why}"));
                continue;
            }
            match &object.which {
                Which::Named(name) => self.holdings(cluster, object, name).await,
                Which::Selector(_) | Which::All | Which::Unknown => {
                    self.matching(cluster, object).await;
                }
            }
        }
    }

    /// A program that is told no namespace takes that of its kubeconfig or of its pod, which need not be `default`. Where that cannot be
    /// told, the namespace is not known.
    async fn placed(&self, mut effects: Effects, arguments: &Value) -> Effects {
        let assumed = Scope::Namespace("default".to_owned());
        let is_assumed = |effect: &&mut Effect| {
            effect.class() > Class::Read
                && effect.object.scope == assumed
                && effect.object.kind != "namespace"
        };
        let Some(cluster) = (effects.items.iter_mut().find(is_assumed))
            .map(|effect| effect.object.place.clone())
            .filter(|_| !says_namespace(&effects.calls))
        else {
            return effects;
        };
        let found = match self.assumed(&cluster, &effects, arguments).await {
            Ok(name) => Scope::Namespace(name),
            Err(why) => {
                let reason = format!(
                    "it names no namespace (`-n`), and which one its program takes is not known: {why}"
                );
                effects.reasons.push(reason);
                Scope::Unknown
            }
        };
        for effect in effects.items.iter_mut().filter(is_assumed) {
            effect.object.scope = found.clone();
        }
        effects
    }

    async fn assumed(
        &self,
        place: &Place,
        effects: &Effects,
        arguments: &Value,
    ) -> Result<String, String> {
        let Place::Cluster(cluster) = place else {
            return Err("it is of no cluster".to_owned());
        };
        self.same_cluster(cluster, effects, arguments)?;
        let name = self.clusters.assumed_namespace(cluster).await;
        let name = name.map_err(|error| first_line(&error.to_string()))?;
        if name != "default" && may_say_default(&effects.calls) {
            return Err(format!("it may mean `default` or `{name}`"));
        }
        Ok(name)
    }

    /// A program that a step starts finds its cluster by itself: only where that is surely the one that is asked here, the answer is
    /// worth something.
    fn same_cluster(
        &self,
        cluster: &str,
        effects: &Effects,
        arguments: &Value,
    ) -> Result<(), String> {
        if effects.calls.is_empty() {
            return Ok(());
        }
        let own = effects
            .calls
            .iter()
            .flatten()
            .find(|word| OWN_WAYS.contains(&base(word)));
        if let Some(own) = own {
            return Err(format!("{} finds a cluster of its own", base(own)));
        }
        let environment = arguments.get("env");
        let named = environment.and_then(|variables| variables.get("KUBECONFIG"));
        let elsewhere = environment.is_some_and(|variables| variables.get("HOME").is_some());
        let script = arguments
            .get("script")
            .is_some_and(|script| !script.is_null());
        let unclear = script && (named.is_some() || effects.confidence == Confidence::Opaque);
        if elsewhere || unclear {
            return Err("its variables may lead to a cluster of its own".to_owned());
        }
        let kubeconfig = named.and_then(Value::as_str);
        if self.clusters.is_reached_by_programs(cluster, kubeconfig) {
            return Ok(());
        }
        Err(format!(
            "the program may reach another cluster than the agent's `{cluster}`"
        ))
    }

    async fn matching(&mut self, cluster: &str, object: &Object) {
        match self.names(cluster, object).await {
            Ok(names) => self.found.push(listed(object, &names)),
            Err(why) => self.missing.push(format!("{object} was not listed: {why}")),
        }
    }

    async fn names(&self, cluster: &str, object: &Object) -> Result<Names, String> {
        let resource = self.resource(cluster, &object.kind).await?;
        let namespace = match &object.scope {
            Scope::Namespace(name) if resource.namespaced => Some(name.as_str()),
            Scope::Unknown => return Err("its namespace is not known".to_owned()),
            Scope::Namespace(_)
            | Scope::AllNamespaces
            | Scope::ClusterScoped
            | Scope::NotApplicable => None,
        };
        let matching = matching(&object.which)?;
        let names = self
            .clusters
            .names(cluster, &resource, namespace, matching, MOST);
        names.await.map_err(|error| first_line(&error.to_string()))
    }

    /// A kind that no table knows is asked for.
    async fn resource(&self, cluster: &str, kind: &str) -> Result<Resource, String> {
        let Some(known) = plural(kind) else {
            let found = kinds::resource(self.clusters, cluster, kind).await;
            return found.map_err(|error| first_line(&error.to_string()));
        };
        Ok(Resource {
            group: known.group.to_owned(),
            version: "v1".to_owned(),
            plural: known.plural.to_owned(),
            kind: kind.to_owned(),
            namespaced: known.namespaced,
        })
    }

    /// What would go with a namespace. A kind that cannot be listed is not in the answer, and so counts as being there.
    async fn holdings(&mut self, cluster: &str, object: &Object, namespace: &str) {
        let mut held = BTreeMap::new();
        let mut names = Vec::new();
        for kind in HELD {
            let inside = Object {
                kind: kind.to_owned(),
                scope: Scope::Namespace(namespace.to_owned()),
                which: Which::All,
                ..object.clone()
            };
            match self.names(cluster, &inside).await {
                Ok(found) => {
                    held.insert(kind.to_owned(), count(&found));
                    let each = found.names.iter().map(|name| format!("{kind} {name}"));
                    names.extend(each.take(SHOWN));
                }
                Err(why) => self
                    .missing
                    .push(format!("{inside} could not be listed: {why}")),
            }
        }
        names.truncate(SHOWN);
        self.found.push(Listed {
            object: object.clone(),
            reach: Reach::Exactly(1),
            names,
            held,
        });
    }
}

/// Whether every program that reaches a cluster is told a namespace; an action names its own.
fn says_namespace(calls: &[Vec<String>]) -> bool {
    const REACHING: [&str; 5] = ["kubectl", "helm", "oc", "k3s", "microk8s"];
    let reaches = |call: &&Vec<String>| {
        let program = call.first().map_or("", |word| base(word));
        REACHING.contains(&program) || program.starts_with("kubectl-")
    };
    let said = |word: &String| {
        word.starts_with("-n") || word.starts_with("--namespace") || word.starts_with("--all-n")
    };
    let mut calls = calls.iter().filter(reaches);
    calls.all(|call| call.iter().any(said))
}

/// Whether `default` is said in another way than by a flag: in a file, or as a part of a name.
fn may_say_default(calls: &[Vec<String>]) -> bool {
    let mut words = calls.iter().flatten();
    words.any(|word| {
        word.contains("default") || word.starts_with("-f") || word.starts_with("--filename")
    })
}

fn base(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// Which of them: a selector is passed on only if it is surely one, and not a text that a shell would change.
fn matching(which: &Which) -> Result<Matching<'_>, String> {
    let is_plain = |text: &str| {
        text.chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_./=!,() ".contains(letter))
    };
    match which {
        Which::All => Ok(Matching::All),
        Which::Selector(text) if is_plain(text) => Ok(match text.strip_prefix("fields ") {
            Some(fields) => Matching::Fields(fields),
            None => Matching::Labels(text),
        }),
        Which::Selector(_) | Which::Named(_) | Which::Unknown => {
            Err("what is selected is not known before it runs".to_owned())
        }
    }
}

fn listed(object: &Object, names: &Names) -> Listed {
    Listed {
        object: object.clone(),
        reach: reach(names),
        names: names.names.iter().take(SHOWN).cloned().collect(),
        held: BTreeMap::new(),
    }
}

fn count(names: &Names) -> u32 {
    u32::try_from(names.names.len()).unwrap_or(u32::MAX)
}

fn reach(names: &Names) -> Reach {
    match names.more {
        More::None => Reach::Exactly(count(names)),
        More::Some(more) => Reach::AtMost(count(names).saturating_add(more)),
        More::Unknown => Reach::Unknown,
    }
}

fn with(mut effects: Effects, found: Vec<Listed>, missing: Vec<String>) -> Effects {
    for effect in &mut effects.items {
        let known = found.iter().find(|listed| listed.object == effect.object);
        if let Some(listed) = known.filter(|_| effect.reach == Reach::Unknown) {
            effect.reach = listed.reach;
        }
    }
    effects.listed = found;
    effects.reasons.extend(missing);
    effects
}
