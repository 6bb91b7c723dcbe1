//! Which objects a kubectl line names: `deploy web`, `deploy/web`, `cm,secret`, `pods -l app=x`, `-f file`.

use super::{
    super::kinds::{Kind, Nature},
    Line, cluster, manifest,
};
use crate::{
    commands::{found::Found, word::Word},
    domain::effect::{Effect, Object, Reach, Reversible, Scope, Tri, Verb, Which},
};

/// How many objects of a line are looked at one by one.
const MOST: usize = 64;

/// What `all` means to kubectl.
const ALL: [&str; 10] = [
    "pods",
    "replicationcontrollers",
    "services",
    "daemonsets",
    "deployments",
    "replicasets",
    "statefulsets",
    "hpa",
    "jobs",
    "cronjobs",
];
/// ConfigMaps that say who may do what.
const ACCESS_MAPS: [&str; 4] = [
    "aws-auth",
    "argocd-rbac-cm",
    "extension-apiserver-authentication",
    "oauth-config",
];

/// One object, or all of a kind that match.
#[derive(Debug, Clone)]
pub(super) struct Target {
    pub(super) object: Object,
    pub(super) nature: Nature,
    pub(super) reach: Reach,
}

/// The objects of a line.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) all: Vec<Target>,
    /// A word or a file decides what is touched, and is not known.
    pub(super) unknown: Option<String>,
    /// A selector or a word not known says which.
    pub(super) vague: Option<String>,
}

impl Line<'_> {
    /// The objects that these words, and the line's files, name.
    pub(super) fn targets(&self, words: &[Word]) -> Targets {
        let mut targets = Targets::default();
        let files = self
            .page
            .parsed
            .values(&["f", "filename", "k", "kustomize"])
            .count()
            > 0;
        if files && self.page.is_own_flag("filename") {
            match manifest::documents(self) {
                Ok(documents) => targets.all.extend(
                    documents
                        .iter()
                        .map(|document| manifest::target(document, || self.namespace())),
                ),
                Err(reason) => targets.unknown = Some(reason),
            }
            return targets;
        }
        if words.iter().any(|word| word.text().contains('/')) {
            for word in words.iter().take(MOST) {
                self.slashed(word, &mut targets);
            }
            if words.len() > MOST {
                targets.unknown = Some("it names more objects than the gate looks at".to_owned());
            }
        } else if let Some((kinds, names)) = words.split_first() {
            self.listed(kinds, names, &mut targets);
        }
        targets
    }

    /// `TYPE/NAME`.
    fn slashed(&self, word: &Word, targets: &mut Targets) {
        let Some((kind, name)) = word.text().split_once('/') else {
            targets.unknown = Some(format!(
                "`{}` names no object beside others that do",
                word.text()
            ));
            return;
        };
        if word.known().is_none() && !is_plain(kind) {
            targets.unknown = Some(format!(
                "`{}`: its kind is not known before it runs",
                word.text()
            ));
            return;
        }
        let name = word.with_text(name);
        for kind in kind.split(',') {
            self.one(kind, Some(&name), targets);
        }
    }

    /// `TYPE[,TYPE] [NAME…]`.
    fn listed(&self, kinds: &Word, names: &[Word], targets: &mut Targets) {
        let Some(kinds) = kinds.known() else {
            targets.unknown = Some(format!(
                "`{}`: the kind is not known before it runs",
                kinds.text()
            ));
            return;
        };
        if kinds.split(',').count() > MOST {
            targets.unknown = Some("it names more kinds than the gate looks at".to_owned());
            return;
        }
        for kind in kinds.split(',') {
            let expanded = if kind == "all" { &ALL[..] } else { &[kind][..] };
            for kind in expanded {
                match names {
                    [] => self.one(kind, None, targets),
                    names if names.len() > MOST => self.many(kind, names, targets),
                    names => names
                        .iter()
                        .for_each(|name| self.one(kind, Some(name), targets)),
                }
            }
        }
    }

    /// More objects of a kind than are looked at one by one.
    fn many(&self, kind: &str, names: &[Word], targets: &mut Targets) {
        let kind = Kind::of(kind);
        let (which, reach) = match names.iter().find(|name| name.known().is_none()) {
            Some(name) => {
                targets.vague = Some(format!("`{}` is not known before it runs", name.text()));
                (Which::Unknown, Reach::Unknown)
            }
            None => {
                let count = u32::try_from(names.len()).unwrap_or(u32::MAX);
                (
                    Which::Selector(format!("{count} names")),
                    Reach::Exactly(count),
                )
            }
        };
        let scope = scope_of(&kind, &which, self.namespace());
        targets.all.push(Target::new(kind, scope, which, reach));
    }

    fn one(&self, kind: &str, name: Option<&Word>, targets: &mut Targets) {
        let kind = Kind::of(kind);
        let selector = self.value(&["l", "selector"]);
        let fields = self.value(&["field-selector"]);
        // Where there are both, the labels alone say at least as many.
        let (which, reach) = match (name, selector.or(fields)) {
            (Some(Word::Known(name)), _) => (Which::Named(name.clone()), Reach::Exactly(1)),
            (Some(word), _) => {
                targets.vague = Some(format!("`{}` is not known before it runs", word.text()));
                (
                    Which::Unknown,
                    if word.may_be_flag() {
                        Reach::Unknown
                    } else {
                        Reach::Exactly(1)
                    },
                )
            }
            (None, Some(matching)) => {
                let text = matching.text();
                targets.vague = Some(format!("what matches `{text}` is found when it runs"));
                let written = match selector {
                    Some(_) => text.to_owned(),
                    None => format!("fields {text}"),
                };
                (Which::Selector(written), Reach::Unknown)
            }
            (None, None) => {
                targets.vague = Some(format!("every {} is meant", kind.name));
                (Which::All, Reach::Unknown)
            }
        };
        let scope = scope_of(&kind, &which, self.namespace());
        targets.all.push(Target::new(kind, scope, which, reach));
    }
}

/// The scope of an object: a namespace belongs to itself, as the API server's own authorisation sees it.
pub(super) fn scope_of(kind: &Kind, which: &Which, namespace: Scope) -> Scope {
    match (kind.name.as_str(), which) {
        ("namespace" | "project.project.openshift.io", Which::Named(name)) => {
            Scope::Namespace(name.clone())
        }
        _ if !kind.namespaced => Scope::ClusterScoped,
        _ => namespace,
    }
}

/// Whether a text holds nothing that a shell would replace.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-.,".contains(letter))
}

impl Target {
    /// An object of this kind.
    pub(super) fn new(kind: Kind, scope: Scope, which: Which, reach: Reach) -> Self {
        let mut nature = kind.nature;
        if kind.name == "configmap"
            && matches!(&which, Which::Named(name) if ACCESS_MAPS.contains(&name.as_str()))
        {
            nature = Nature::Access;
        }
        Self {
            object: Object {
                place: cluster(),
                kind: kind.name,
                scope,
                which,
            },
            nature,
            reach,
        }
    }

    /// A change of this object.
    pub(super) fn change(&self, verb: Verb, undo: &str) -> Effect {
        let mut effect = Effect::change(verb, self.object.clone(), undo);
        effect.reach = self.reach;
        match self.nature {
            Nature::Access => effect.access_change = Tri::Yes,
            // The former value is not shown to anybody, so nobody can put it back.
            Nature::Secret => effect.reversible = Reversible::Unknown,
            Nature::Plain | Nature::Workload | Nature::Unknown => {}
        }
        effect
    }

    /// Whether somebody's rights change when it is gone. Which ConfigMaps match may be one that says who may do what.
    pub(super) fn access_lost(&self) -> Tri {
        let is_named = matches!(self.object.which, Which::Named(_));
        match self.nature {
            Nature::Access => Tri::Yes,
            Nature::Plain if self.object.kind == "configmap" && !is_named => Tri::Unknown,
            Nature::Plain | Nature::Secret | Nature::Workload | Nature::Unknown => Tri::No,
        }
    }

    /// A look at this object.
    pub(super) fn look(&self) -> Effect {
        let verb = match self.object.which {
            Which::Named(_) => Verb::Read,
            Which::Selector(_) | Which::All | Which::Unknown => Verb::List,
        };
        Effect::read(verb, self.object.clone())
    }
}

impl Targets {
    /// Says what is not sure of the objects of a verb that writes.
    pub(super) fn reserve(&self, found: &mut Found) {
        if let Some(reason) = &self.unknown {
            found.opaque(reason.clone());
        }
        if let Some(reason) = &self.vague {
            if self.all.iter().any(|target| {
                target.object.which == Which::Unknown && target.reach == Reach::Unknown
            }) {
                found.opaque(reason.clone());
            } else {
                found.bounded(reason.clone());
            }
        }
        for target in self
            .all
            .iter()
            .filter(|target| target.nature == Nature::Unknown)
        {
            found.opaque(format!(
                "the gate does not know the kind `{}`",
                target.object.kind
            ));
        }
    }

    /// Whether one of them holds values of secrets.
    pub(super) fn hold_secrets(&self) -> bool {
        self.all
            .iter()
            .any(|target| target.nature == Nature::Secret)
    }

    /// Puts this effect in for each of them; without any, one of which nothing is known.
    pub(super) fn each(&self, verb: Verb, undo: &str, found: &mut Found) {
        self.reserve(found);
        for target in &self.all {
            found.effect(target.change(verb.clone(), undo));
        }
        if self.all.is_empty() {
            let reason = self
                .unknown
                .clone()
                .unwrap_or_else(|| "it names no object".to_owned());
            found.effect(unknown_change(verb));
            found.opaque(reason);
        }
    }
}

/// A change of an object of which nothing is known.
pub(super) fn unknown_change(verb: Verb) -> Effect {
    Effect {
        reach: Reach::Unknown,
        reversible: Reversible::Unknown,
        ..Effect::read(
            verb,
            Object {
                place: cluster(),
                kind: Object::UNKNOWN_KIND.to_owned(),
                scope: Scope::Unknown,
                which: Which::Unknown,
            },
        )
    }
}
