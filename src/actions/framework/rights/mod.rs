//! What effects on a cluster take there: each verb of ours as the requests that it is made of.
//!
//! An action is free to add to it, or to say something else, by [`crate::actions::framework::Action::rights`]. Looking up what a server
//! serves (discovery) is everybody's right, and so is not among them.

mod on;
mod served;

use crate::domain::{
    effect::{Confidence, Effect, Effects, Object, Place, Scope, Verb, Which},
    right::Rights,
};
use on::CHANGES;
use served::served;

pub(crate) use on::On;

/// Who may make one of these, or change it, must have the rights that it gives.
const GIVES_RIGHTS: [&str; 4] = [
    "clusterrolebindings",
    "clusterroles",
    "rolebindings",
    "roles",
];

/// What these effects take. What a step does that is not understood cannot be told.
pub(crate) fn of_effects(effects: &Effects) -> Rights {
    let mut rights = Rights::default();
    for effect in &effects.items {
        rights = rights.with(of_effect(effect));
    }
    if effects.confidence == Confidence::Opaque && !rights.rights.is_empty() {
        let reasons = effects.reasons.iter();
        rights
            .untold
            .extend(reasons.map(|why| format!("more may be needed: {why}")));
    }
    rights
}

fn of_effect(effect: &Effect) -> Rights {
    let object = &effect.object;
    let mut rights = match requests(&effect.verb) {
        // Who makes something new cannot be held to a name: the request does not tell it.
        Some(Requests::Object(verbs)) if effect.verb == Verb::Create => {
            let unnamed = Object {
                which: Which::All,
                ..object.clone()
            };
            on_object(&unnamed, None, verbs)
        }
        Some(Requests::Object(verbs)) => on_object(object, None, verbs),
        Some(Requests::Part(part, verbs)) => {
            on_object(object, None, &["get"]).and_also(on_object(object, Some(part), verbs))
        }
        None if matches!(object.place, Place::Cluster(_)) => Rights {
            rights: Vec::new(),
            untold: vec![format!("what `{effect}` takes is not known")],
        },
        None => Rights::default(),
    };
    // What is selected is listed first.
    let is_named = matches!(object.which, Which::Named(_));
    if !is_named && !matches!(effect.verb, Verb::Create | Verb::List) {
        rights = rights.and_also(on_object(object, None, &["list"]));
    }
    if effect.verb != Verb::Delete && gives_rights(&rights) {
        rights.untold.push(format!(
            "`{effect}` also takes the rights that it gives, or `escalate` or `bind` on what gives them"
        ));
    }
    rights
}

fn gives_rights(rights: &Rights) -> bool {
    let mut changed = rights
        .rights
        .iter()
        .filter(|right| CHANGES.contains(&right.verb.as_str()) && right.verb != "delete");
    changed.any(|right| GIVES_RIGHTS.contains(&right.resource.as_str()))
}

/// These verbs on an object as effects name it, or on a part of it. Nothing where it is in no cluster.
pub(crate) fn on_object(
    object: &Object,
    part: Option<&str>,
    verbs: &'static [&'static str],
) -> Rights {
    let mut rights = Rights::default();
    let Place::Cluster(cluster) = &object.place else {
        return rights;
    };
    let Some(served) = served(&object.kind) else {
        let why = format!(
            "what {object} takes is not known: {} is no kind that is known here",
            object.kind
        );
        rights.untold.push(why);
        return rights;
    };
    if served.is_guess {
        rights.untold.push(format!(
            "`{}` is taken for what the API calls {}, which only its server knows",
            served.plural, object.kind
        ));
    }
    let namespace = match &object.scope {
        Scope::Namespace(name) => Some(name.as_str()),
        Scope::AllNamespaces | Scope::ClusterScoped | Scope::NotApplicable => None,
        Scope::Unknown => {
            let why = format!(
                "what {object} takes is granted in every namespace, because which one it is is not known"
            );
            rights.untold.push(why);
            None
        }
    };
    let name = match &object.which {
        Which::Named(name) => Some(name.as_str()),
        Which::Selector(_) | Which::All | Which::Unknown => None,
    };
    let resource = match part {
        Some(part) => format!("{}/{part}", served.plural),
        None => served.plural,
    };
    let on = On {
        cluster,
        namespace,
        group: &served.group,
        resource: &resource,
        name,
    };
    rights.and(on, verbs)
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
