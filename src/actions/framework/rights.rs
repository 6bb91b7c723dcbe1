//! What effects on a cluster take there: each verb of ours as the requests that it is made of.
//!
//! An action is free to add to it, or to say something else, by [`crate::actions::framework::Action::rights`]. Looking up what a server
//! serves (discovery) is everybody's right, and so is not among them.

use crate::{
    actions::kubernetes::kinds::{PODS, TABLE},
    commands::plural,
    domain::{
        effect::{Confidence, Effect, Effects, Place, Scope, Verb, Which},
        right::{Need, Right, Rights},
    },
};

/// What a right is on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct On<'a> {
    /// The cluster's name.
    pub(crate) cluster: &'a str,
    /// None for everywhere, and for what belongs to none.
    pub(crate) namespace: Option<&'a str>,
    /// Empty for the core group.
    pub(crate) group: &'a str,
    /// The plural, with its part.
    pub(crate) resource: &'a str,
    /// None for every object.
    pub(crate) name: Option<&'a str>,
}

impl On<'_> {
    /// These verbs on it.
    pub(crate) fn to(self, verbs: &'static [&'static str]) -> impl Iterator<Item = Right> {
        let right = Right {
            cluster: self.cluster.to_owned(),
            namespace: self.namespace.map(str::to_owned),
            group: self.group.to_owned(),
            resource: self.resource.to_owned(),
            name: self.name.map(str::to_owned),
            verb: String::new(),
            need: Need::Acts,
        };
        verbs.iter().map(move |verb| Right {
            verb: (*verb).to_owned(),
            ..right.clone()
        })
    }
}

impl Rights {
    /// And, where this is waited for, the right to name the pods that are not ready: cluster and namespace.
    pub(crate) fn and_telling_of_pods(mut self, waits: Option<(&str, &str)>) -> Self {
        let pods = waits.into_iter().flat_map(|(cluster, namespace)| {
            let on = On {
                cluster,
                namespace: Some(namespace),
                group: PODS.group,
                resource: PODS.plural,
                name: None,
            };
            on.to(&["list"]).map(|right| Right {
                need: Need::Tells,
                ..right
            })
        });
        self.rights.extend(pods);
        self
    }
}

/// What these effects take. What a step does that is not understood cannot be told.
pub(crate) fn of_effects(effects: &Effects) -> Rights {
    let mut rights = Rights::default();
    for effect in &effects.items {
        if let Place::Cluster(cluster) = &effect.object.place {
            of_effect(effect, cluster, &mut rights);
        }
    }
    if effects.confidence == Confidence::Opaque && !rights.rights.is_empty() {
        let reasons = effects.reasons.iter();
        rights
            .untold
            .extend(reasons.map(|why| format!("more may be needed: {why}")));
    }
    rights
}

fn of_effect(effect: &Effect, cluster: &str, rights: &mut Rights) {
    let object = &effect.object;
    let Some((group, resource)) = served(&object.kind) else {
        let why = format!(
            "what `{effect}` takes is not known: {} is no kind that is known here",
            object.kind
        );
        rights.untold.push(why);
        return;
    };
    let namespace = match &object.scope {
        Scope::Namespace(name) => Some(name.as_str()),
        Scope::AllNamespaces | Scope::ClusterScoped | Scope::NotApplicable => None,
        Scope::Unknown => {
            let why = format!(
                "`{effect}` is granted in every namespace, because which one it is is not known"
            );
            rights.untold.push(why);
            None
        }
    };
    let name = match &object.which {
        Which::Named(name) => Some(name.as_str()),
        Which::Selector(_) | Which::All | Which::Unknown => None,
    };
    let on = On {
        cluster,
        namespace,
        group: &group,
        resource: &resource,
        name,
    };
    match requests(&effect.verb) {
        // Who makes something new cannot be held to a name: the request does not tell it.
        Some(Requests::Object(verbs)) if effect.verb == Verb::Create => {
            rights.rights.extend(On { name: None, ..on }.to(verbs));
        }
        Some(Requests::Object(verbs)) => rights.rights.extend(on.to(verbs)),
        Some(Requests::Part(part, verbs)) => {
            let resource = format!("{resource}/{part}");
            let on_part = On {
                resource: &resource,
                ..on
            };
            rights.rights.extend(on.to(&["get"]));
            rights.rights.extend(on_part.to(verbs));
        }
        None => rights
            .untold
            .push(format!("what `{effect}` takes is not known")),
    }
    // What is selected is listed first.
    if name.is_none() && !matches!(effect.verb, Verb::Create | Verb::List) {
        rights.rights.extend(on.to(&["list"]));
    }
}

/// What a verb of ours is made of.
enum Requests {
    /// Requests about the object.
    Object(&'static [&'static str]),
    /// Requests about a part of it, once it was looked at.
    Part(&'static str, &'static [&'static str]),
}

fn requests(verb: &Verb) -> Option<Requests> {
    Some(match verb {
        Verb::Read => Requests::Object(&["get"]),
        Verb::List => Requests::Object(&["list"]),
        Verb::Create => Requests::Object(&["create"]),
        // Server-side apply makes what is not there.
        Verb::Update | Verb::Bind => Requests::Object(&["create", "get", "patch"]),
        Verb::Patch | Verb::ScaleTo(_) | Verb::Restart => Requests::Object(&["get", "patch"]),
        Verb::Delete | Verb::DeleteCollection => Requests::Object(&["delete", "get"]),
        Verb::Impersonate => Requests::Object(&["impersonate"]),
        Verb::Evict => Requests::Part("eviction", &["create"]),
        // A connection is opened by a GET, and what it is for needs `create` since Kubernetes 1.35.
        Verb::Exec => Requests::Part("exec", &["create", "get"]),
        Verb::Tunnel => Requests::Part("portforward", &["create", "get"]),
        Verb::TokenIssue => Requests::Part("token", &["create"]),
        Verb::FileRead
        | Verb::FileWrite
        | Verb::FileDelete
        | Verb::ServiceStart
        | Verb::ServiceStop
        | Verb::ProcessKill
        | Verb::PackageInstall
        | Verb::DatabaseRead
        | Verb::DatabaseWrite
        | Verb::DatabaseSchema
        | Verb::NetworkSend
        | Verb::RunCode
        | Verb::Opaque => return None,
    })
}

/// Group and plural of a kind as effects name it. One that no table knows is taken for a plural, as steps write it.
fn served(kind: &str) -> Option<(String, String)> {
    let own = TABLE.iter().find(|known| known.effect_kind() == kind);
    if let Some(own) = own {
        return Some((own.group.to_owned(), own.plural.to_owned()));
    }
    if let Some(known) = plural(kind) {
        return Some((known.group.to_owned(), known.plural.to_owned()));
    }
    let (plural, group) = kind.split_once('.')?;
    Some((group.to_owned(), plural.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::of_effects;
    use crate::domain::effect::{Effect, Effects, Object, Place, Scope, Verb, Which};

    fn effect(verb: Verb, kind: &str, scope: Scope, which: Which) -> Effect {
        let object = Object {
            place: Place::Cluster("east".to_owned()),
            kind: kind.to_owned(),
            scope,
            which,
        };
        Effect::read(verb, object)
    }
    fn shown(effect: Effect) -> Vec<String> {
        let rights = of_effects(&Effects::exact(vec![effect]));
        let lines = rights.rights.into_iter().map(|right| {
            let place = right.namespace.unwrap_or("*".to_owned());
            let name = right.name.unwrap_or("*".to_owned());
            format!(
                "{} {}.{} {place}/{name}",
                right.verb, right.resource, right.group
            )
        });
        lines.chain(rights.untold).collect()
    }

    #[test]
    fn each_verb_is_the_requests_that_it_is_made_of() {
        let shop = || Scope::Namespace("shop".to_owned());
        let web = || Which::Named("web".to_owned());
        assert_eq!(
            shown(effect(Verb::Restart, "deployment.apps", shop(), web())),
            [
                "get deployments.apps shop/web",
                "patch deployments.apps shop/web"
            ]
        );
        assert_eq!(
            shown(effect(
                Verb::List,
                "podmetrics.metrics.k8s.io",
                Scope::AllNamespaces,
                Which::All
            )),
            ["list pods.metrics.k8s.io */*"]
        );
        assert_eq!(
            shown(effect(
                Verb::DeleteCollection,
                "pod",
                shop(),
                Which::Selector("a=b".to_owned())
            )),
            [
                "delete pods. shop/*",
                "get pods. shop/*",
                "list pods. shop/*"
            ]
        );
        assert_eq!(
            shown(effect(Verb::Create, "job.batch", shop(), web())),
            ["create jobs.batch shop/*"]
        );
        assert_eq!(
            shown(effect(Verb::Evict, "pod", shop(), web())),
            ["get pods. shop/web", "create pods/eviction. shop/web"]
        );
        assert_eq!(
            shown(effect(
                Verb::Read,
                "taskruns.agents.platform",
                shop(),
                web()
            )),
            ["get taskruns.agents.platform shop/web"]
        );
    }

    #[test]
    fn what_is_not_known_is_told() {
        let opaque = effect(Verb::Opaque, "pod", Scope::ClusterScoped, Which::All);
        assert!(
            shown(opaque)
                .iter()
                .any(|line| line.contains("is not known"))
        );
        let somewhere = effect(
            Verb::Read,
            "pod",
            Scope::Unknown,
            Which::Named("a".to_owned()),
        );
        let told = shown(somewhere);
        assert_eq!(told[0], "get pods. */a");
        assert!(told[1].contains("in every namespace"), "{told:?}");
    }
}
