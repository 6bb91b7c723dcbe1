//! The same judgement where nobody types a line: steps that change objects through the API.

use super::{
    super::kinds::{Kind, Nature},
    cluster, delete, inside, manifest,
    patch::{of_operations, patched, weighed},
    targets::{Target, scope_of},
};
use crate::{
    commands::{
        found::Found,
        scan,
        word::{Call, NoFiles, Setting, Stdin, Word},
    },
    domain::{
        effect::{Effects, Place, Reach, Scope, Verb, Which},
        likeness::nearest,
    },
};
use serde_json::Value;

/// What is done to objects of a cluster.
#[derive(Debug, Clone, Copy)]
pub enum Deed<'a> {
    /// Objects are made that were not there.
    Create(Manifest<'a>),
    /// Objects are as they are written from now on, whether they were there or not.
    Apply(Manifest<'a>),
    /// Fields of objects change, as this merge patch has them.
    Merge(Subject<'a>, &'a Value),
    /// Fields of objects change, by these operations (RFC 6902).
    Operations(Subject<'a>, &'a [Value]),
    /// Objects are removed.
    Delete(Subject<'a>),
    /// A program runs in a container of a pod.
    Exec(Exec<'a>),
}

/// A program in a container.
#[derive(Debug, Clone, Copy)]
pub struct Exec<'a> {
    /// The pod, or what it belongs to.
    pub subject: Subject<'a>,
    /// The program and its arguments.
    pub words: &'a [Word],
    /// What it is fed.
    pub stdin: &'a Stdin,
}

/// An object as it is written: `apiVersion`, `kind`, `metadata` and the rest.
#[derive(Debug, Clone, Copy)]
pub struct Manifest<'a> {
    /// The object.
    pub object: &'a Value,
    /// The namespace that it goes to where it names none; nothing for what belongs to none.
    pub namespace: Option<&'a str>,
}

/// Objects that are there.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// As effects name it: `deployment.apps`.
    pub kind: &'a str,
    /// In which namespace; nothing for what belongs to none.
    pub namespace: Option<&'a str>,
    /// Which of them.
    pub which: &'a Which,
}

/// The kind that a word names as kubectl reads it (`deploy`, `Deployments`, `certificates.cert-manager.io`), as effects name it. A kind
/// that no table knows stays as it is written.
pub fn kind(word: &str) -> String {
    Kind::of(word).name
}

/// Whether no server can serve what this word names: it names no group, and no kind that is built in or often installed. With the word
/// that was likely meant.
pub fn unknown_kind(word: &str) -> Option<Option<&'static str>> {
    let is_unknown = !word.contains('.') && Kind::of(word).nature == Nature::Unknown;
    is_unknown.then(|| nearest(word, Kind::words()))
}

/// The kind of an object that is written so, as effects name it.
pub fn kind_of(api_version: &str, kind: &str) -> String {
    Kind::of_object(api_version, kind).name
}

/// The objects of a text's documents: a list is what it holds, an empty document is none.
pub fn objects(documents: Vec<Value>) -> Vec<Value> {
    let mut all = Vec::new();
    for document in documents {
        manifest::flatten(document, &mut all);
    }
    all
}

/// What these deeds do to the cluster of this name.
pub fn of_deeds(place: &str, deeds: &[Deed<'_>]) -> Effects {
    let mut found = Found::default();
    for deed in deeds {
        judge(deed, &mut found);
    }
    let mut effects = found.into_analysis(None).effects;
    for effect in &mut effects.items {
        if effect.object.place == cluster() {
            effect.object.place = Place::Cluster(place.to_owned());
        }
    }
    effects
}

fn judge(deed: &Deed<'_>, found: &mut Found) {
    match deed {
        Deed::Create(manifest) => written(*manifest, Verb::Create, "delete it again", found),
        Deed::Apply(manifest) => {
            let undo = "apply the former object again, or delete it if it is new";
            written(*manifest, Verb::Update, undo, found);
        }
        Deed::Merge(subject, patch) => change(subject, Some(patch), found),
        Deed::Operations(subject, operations) => {
            let patch = of_operations(operations);
            if patch.is_none() {
                found.opaque("the patch cannot be read");
            }
            change(subject, patch.as_ref(), found);
        }
        Deed::Delete(subject) => found.effect(delete::deleted(&subject.target(), false)),
        Deed::Exec(exec) => exec.judge(found),
    }
}

/// What a field of an unknown kind stands for is not known either.
fn change(subject: &Subject<'_>, patch: Option<&Value>, found: &mut Found) {
    let target = subject.target();
    if target.nature == Nature::Unknown {
        found.opaque(format!(
            "the gate does not know the kind `{}`",
            subject.kind
        ));
    }
    patched(
        &target,
        patch,
        &nobodys(&Setting::new(cluster(), &NoFiles)),
        found,
    );
}

/// Stands for a line that nobody typed.
fn nobodys<'a>(setting: &'a Setting<'a>) -> Call<'a> {
    Call {
        program: "kubectl",
        arguments: &[],
        stdin: &Stdin::Nothing,
        setting,
    }
}

fn written(manifest: Manifest<'_>, verb: Verb, undo: &str, found: &mut Found) {
    let scope = || scope(manifest.namespace);
    let target = manifest::target(manifest.object, scope);
    let effect = target.change(verb, undo);
    found.effect(weighed(effect, manifest.object, &target.object.kind));
    let setting = Setting::new(cluster(), &NoFiles);
    manifest::brought(&target, manifest.object, &nobodys(&setting), found);
}

impl Exec<'_> {
    fn judge(&self, found: &mut Found) {
        if let Which::Selector(text) = self.subject.which {
            found.bounded(format!("what matches `{text}` is found when it runs"));
        }
        let known = self.words.iter().filter_map(Word::known);
        let known: Vec<String> = known.map(str::to_owned).collect();
        if let Err(refusal) = scan::refuse_words(&known) {
            found.refuse(refusal);
        }
        let setting = Setting::new(cluster(), &NoFiles);
        let call = Call {
            program: "kubectl",
            arguments: &[],
            stdin: self.stdin,
            setting: &setting,
        };
        let is_fed = *self.stdin != Stdin::Nothing;
        let target = self.subject.target();
        inside::command(self.words, is_fed, &target.object, &call, found);
    }
}

fn scope(namespace: Option<&str>) -> Scope {
    match namespace {
        Some(namespace) => Scope::Namespace(namespace.to_owned()),
        None => Scope::ClusterScoped,
    }
}

impl Subject<'_> {
    fn target(&self) -> Target {
        let kind = Kind::of(self.kind);
        let scope = scope_of(&kind, self.which, scope(self.namespace));
        let reach = match self.which {
            Which::Named(_) => Reach::Exactly(1),
            Which::Selector(_) | Which::All | Which::Unknown => Reach::Unknown,
        };
        Target::new(kind, scope, self.which.clone(), reach)
    }
}

#[cfg(test)]
mod tests {
    use super::{Deed, Exec, Manifest, Subject, kind, of_deeds};
    use crate::{
        commands::{self, NoFiles, Stdin, Word},
        domain::effect::{Class, Confidence, Effects, Tri, Which},
    };
    use serde_json::{Value, json};

    fn applied(object: &Value) -> Effects {
        let namespace = Some("shop");
        of_deeds("east", &[Deed::Apply(Manifest { object, namespace })])
    }

    #[test]
    fn an_object_is_judged_as_kubectl_would_apply_it() {
        let settings = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "web" }, "data": { "A": "1" } });
        let effects = applied(&settings);
        assert_eq!(effects.class(), Class::Change);
        assert_eq!(effects.confidence, Confidence::Exact);
        assert_eq!(
            effects.items[0].to_string(),
            "update configmap web in namespace shop on cluster east"
        );
        let role = json!({ "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": { "name": "all" } });
        assert_eq!(applied(&role).items[0].access_change, Tri::Yes);
        let task = json!({ "apiVersion": "x.org/v1", "kind": "Task", "metadata": { "name": "t" } });
        assert_eq!(applied(&task).confidence, Confidence::Opaque);
    }

    #[test]
    fn a_program_in_a_container_is_judged_as_kubectl_would_run_it() {
        let judged = |argv: &[&str]| {
            let words: Vec<Word> = argv
                .iter()
                .map(|word| Word::Known((*word).to_owned()))
                .collect();
            let which = Which::Named("web-0".to_owned());
            let subject = Subject {
                kind: "pod",
                namespace: Some("shop"),
                which: &which,
            };
            let exec = Exec {
                subject,
                words: &words,
                stdin: &Stdin::Nothing,
            };
            of_deeds("default", &[Deed::Exec(exec)])
        };
        let typed = |argv: &[&str]| {
            let kubectl = ["kubectl", "exec", "-n", "shop", "web-0", "--"];
            let line: Vec<String> = kubectl
                .iter()
                .chain(argv)
                .map(ToString::to_string)
                .collect();
            commands::of_argv(&line, &NoFiles).effects
        };
        for argv in [
            &["pg_dump", "-Fc", "shop"][..],
            &["sh", "-c", "rm -rf /var/lib/data"],
            &["sh"],
            &["env"],
            &["some-program", "--flag"],
            &["psql", "-c", "select '<name>'"],
            &["cat", "a\u{202e}b"],
            &["psql", "-c", "drop table orders"],
        ] {
            let (judged, typed) = (judged(argv), typed(argv));
            assert_eq!(judged.items, typed.items, "{argv:?}");
            assert_eq!(judged.confidence, typed.confidence, "{argv:?}");
            assert_eq!(judged.refusals, typed.refusals, "{argv:?}");
        }
    }

    #[test]
    fn a_patch_and_a_removal_name_their_object() {
        let which = Which::Named("web".to_owned());
        let subject = Subject {
            kind: &kind("deploy"),
            namespace: Some("shop"),
            which: &which,
        };
        let stop = json!({ "spec": { "replicas": 0 } });
        let stopped = of_deeds("east", &[Deed::Merge(subject, &stop)]);
        assert_eq!(stopped.class(), Class::Destructive);
        let operations = [json!({ "op": "replace", "path": "/spec/replicas", "value": 0 })];
        let stopped = of_deeds("east", &[Deed::Operations(subject, &operations)]);
        assert_eq!(stopped.class(), Class::Destructive);
        let thing = Subject {
            kind: "thing.example.org",
            ..subject
        };
        let changed = of_deeds("east", &[Deed::Merge(thing, &stop)]);
        assert_eq!(changed.confidence, Confidence::Opaque);
        let gone = of_deeds("east", &[Deed::Delete(subject)]);
        assert_eq!(
            gone.items[0].to_string(),
            "delete deployment.apps web in namespace shop on cluster east"
        );
    }
}
