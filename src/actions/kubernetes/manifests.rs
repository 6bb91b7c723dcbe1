//! Objects as people write them: in a step, in files of the repository, or in a text.

use crate::{
    actions::kubernetes::{
        located::SECRET,
        subject::{Subject, check_object_name, placed},
    },
    commands::deeds,
    ports::materials::RevisionFile,
    runbooks::plain_documents,
};
use serde_json::Value;

/// So many objects one step may be about.
const MOST: usize = 256;
/// How files that hold objects end.
const ENDINGS: [&str; 3] = [".yaml", ".yml", ".json"];
/// What cannot be brought to a server as it is written.
const KUSTOMIZE: &str = "kustomize.config.k8s.io";

/// An object as it is written, in its place.
#[derive(Debug, Clone)]
pub(super) struct Manifest {
    pub(super) subject: Subject,
    pub(super) api_version: String,
    pub(super) kind: String,
    /// Whether it says itself in which namespace it lies.
    pub(super) names_namespace: bool,
    pub(super) object: Value,
}

/// Where objects go that do not say it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Destination<'a> {
    pub(super) cluster: &'a str,
    pub(super) namespace: Option<&'a str>,
}

impl Manifest {
    fn new(object: Value, place: &str, to: Destination<'_>) -> Result<Self, String> {
        let text = |pointer: &str| {
            let found = object.pointer(pointer).and_then(Value::as_str);
            found.map(str::to_owned).unwrap_or_default()
        };
        let (api_version, kind) = (text("/apiVersion"), text("/kind"));
        if api_version.is_empty() || kind.is_empty() {
            return Err(format!(
                "{place} is no object of Kubernetes: it needs `apiVersion` and `kind`"
            ));
        }
        if api_version.starts_with(KUSTOMIZE) {
            return Err(format!(
                "{place} is a {kind} for kustomize, which no server takes\nhint: name the files themselves, or what they are built into"
            ));
        }
        let name = text("/metadata/name");
        if name.is_empty() {
            return Err(format!(
                "{place}, a {kind}, has no name\nhint: write `metadata.name`; a generated name would make another object each time"
            ));
        }
        let at = |error: String| format!("{place}, {kind} {name}: {error}");
        check_object_name("metadata.name", &name).map_err(at)?;
        let effect_kind = deeds::kind_of(&api_version, &kind);
        let own = text("/metadata/namespace");
        let namespace = namespace(&effect_kind, &own, to).map_err(at)?;
        let subject = Subject {
            cluster: to.cluster.to_owned(),
            kind: effect_kind,
            namespace,
            name,
        };
        Ok(Self {
            subject,
            api_version,
            kind,
            names_namespace: !own.is_empty(),
            object,
        })
    }

    pub(super) fn is_secret(&self) -> bool {
        self.subject.kind == SECRET
    }

    /// Whether others may need it to be there first.
    pub(super) fn goes_first(&self) -> bool {
        self.subject.kind == "namespace" || self.is_definition()
    }

    pub(super) fn is_definition(&self) -> bool {
        self.subject.kind == "customresourcedefinition.apiextensions.k8s.io"
    }

    /// Whether this object is of the kind that `definition` defines.
    pub(super) fn is_defined_by(&self, definition: &Self) -> bool {
        let text = |pointer: &str| definition.object.pointer(pointer).and_then(Value::as_str);
        let group = self.api_version.split_once('/').map(|(group, _)| group);
        definition.is_definition()
            && text("/spec/group") == group
            && text("/spec/names/kind") == Some(self.kind.as_str())
    }
}

/// The namespace that the object names, or the step's where it names none and its kind may lie in one.
fn namespace(kind: &str, own: &str, to: Destination<'_>) -> Result<Option<String>, String> {
    if !own.is_empty() {
        return placed(kind, Some(own));
    }
    let in_none = crate::commands::plural(kind).is_some_and(|plural| !plural.namespaced);
    placed(kind, to.namespace.filter(|_| !in_none))
}

/// The objects that a step holds as a structure: one, or a list of them.
pub(super) fn of_value(value: &Value, to: Destination<'_>) -> Result<Vec<Manifest>, String> {
    let documents = match value {
        Value::Array(items) => items.clone(),
        one => vec![one.clone()],
    };
    let objects = deeds::objects(documents);
    let each = objects.into_iter().enumerate();
    let manifests = each.map(|(index, object)| {
        let place = format!("in `with`, at `manifest`: object {}", index + 1);
        Manifest::new(object, &place, to)
    });
    bounded(manifests.collect::<Result<_, _>>()?)
}

/// Objects as a backup holds them: each is there once, and there may be many.
pub(super) fn of_objects(
    objects: Vec<Value>,
    to: Destination<'_>,
) -> Result<Vec<Manifest>, String> {
    let each = objects.into_iter().enumerate();
    let manifests =
        each.map(|(index, object)| Manifest::new(object, &format!("object {}", index + 1), to));
    manifests.collect()
}

/// The objects of a text's documents.
pub(super) fn of_text(text: &str, to: Destination<'_>) -> Result<Vec<Manifest>, String> {
    bounded(read(text, "in `with`, at `text`", to)?)
}

/// The objects of these files, as far as they are ones that hold objects or are `named` themselves.
pub(super) fn of_files(
    files: &[RevisionFile],
    named: &[String],
    to: Destination<'_>,
) -> Result<Vec<Manifest>, String> {
    let mut all = Vec::new();
    for file in files.iter().filter(|file| holds_objects(file, named)) {
        let text = std::str::from_utf8(&file.bytes)
            .map_err(|_| format!("the file {} is no text", file.path))?;
        all.extend(read(text, &format!("the file {}", file.path), to)?);
    }
    bounded(all)
}

/// Whether a file is one that a step is about: by its ending, or because the step names it.
pub(super) fn holds_objects(file: &RevisionFile, named: &[String]) -> bool {
    let plain = |path: &str| path.trim_start_matches("./").to_owned();
    ENDINGS.iter().any(|ending| file.path.ends_with(ending))
        || named.iter().any(|path| plain(path) == file.path)
}

fn read(text: &str, place: &str, to: Destination<'_>) -> Result<Vec<Manifest>, String> {
    let documents = plain_documents(text).ok_or_else(|| {
        format!(
            "{place} cannot be read as YAML without doubt\nhint: write it without anchors, tags and repeated keys, and put quotes around words such as `yes` and `on`"
        )
    })?;
    let objects = deeds::objects(documents).into_iter().enumerate();
    let manifests = objects.map(|(index, object)| {
        Manifest::new(object, &format!("{place}, object {}", index + 1), to)
    });
    manifests.collect()
}

fn bounded(manifests: Vec<Manifest>) -> Result<Vec<Manifest>, String> {
    if manifests.is_empty() {
        return Err("there is no object to apply".to_owned());
    }
    if manifests.len() > MOST {
        return Err(format!(
            "{} objects are too many for one step\nhint: at most {MOST}; make several steps of it",
            manifests.len()
        ));
    }
    for (index, manifest) in manifests.iter().enumerate() {
        let before = manifests.iter().take(index);
        if before
            .clone()
            .any(|other| other.subject == manifest.subject)
        {
            return Err(format!("{} is written twice", manifest.subject));
        }
    }
    Ok(manifests)
}

#[cfg(test)]
mod tests {
    use super::{Destination, Manifest, of_files, of_text, of_value};
    use crate::ports::materials::RevisionFile;
    use serde_json::json;

    const SHOP: Destination<'_> = Destination {
        cluster: "default",
        namespace: Some("shop"),
    };

    fn names(manifests: &[Manifest]) -> Vec<String> {
        let name = |manifest: &Manifest| manifest.subject.to_string();
        manifests.iter().map(name).collect()
    }

    #[test]
    fn objects_come_from_lists_documents_and_files() {
        let map = |name: &str| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } });
        let list = json!([map("a"), { "kind": "List", "items": [map("b"), map("c")] }]);
        let found = of_value(&list, SHOP).unwrap();
        assert_eq!(
            names(&found),
            ["configmap shop/a", "configmap shop/b", "configmap shop/c"]
        );
        let text = "---\napiVersion: v1\nkind: Namespace\nmetadata: { name: shop }\n---\n# nothing\n---\napiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: other }\n";
        let found = of_text(text, SHOP).unwrap();
        assert_eq!(names(&found), ["namespace shop", "service other/web"]);
        let file = |path: &str, bytes: &[u8]| RevisionFile {
            path: path.to_owned(),
            bytes: bytes.to_vec(),
            executable: false,
        };
        let one = map("x").to_string();
        let files = [
            file("web/README.md", b"no object"),
            file("web/x.json", one.as_bytes()),
        ];
        let found = of_files(&files, &["web".to_owned()], SHOP).unwrap();
        assert_eq!(names(&found), ["configmap shop/x"]);
    }

    #[test]
    fn what_is_no_object_is_told_with_its_place() {
        let nowhere = Destination {
            namespace: None,
            ..SHOP
        };
        for (text, to, words) in [
            ("a: 1", SHOP, "it needs `apiVersion` and `kind`"),
            ("", SHOP, "there is no object"),
            ("a: &x 1\nb: *x", SHOP, "without doubt"),
            (
                "{apiVersion: v1, kind: ConfigMap, metadata: {generateName: a-}}",
                SHOP,
                "has no name",
            ),
            (
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
                nowhere,
                "lies in a namespace",
            ),
            (
                "{apiVersion: v1, kind: Node, metadata: {name: a, namespace: b}}",
                SHOP,
                "belongs to no namespace",
            ),
            (
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: ../a}}",
                SHOP,
                "is not the name of an object",
            ),
            (
                "{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization}",
                SHOP,
                "for kustomize",
            ),
            (
                "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
                SHOP,
                "configmap shop/a is written twice",
            ),
        ] {
            let error = of_text(text, to).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn a_definition_knows_its_objects() {
        let text = "{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: things.example.org}, spec: {group: example.org, names: {kind: Thing}}}\n---\n{apiVersion: example.org/v1, kind: Thing, metadata: {name: a}}";
        let found = of_text(text, SHOP).unwrap();
        assert!(found[1].is_defined_by(&found[0]));
        assert!(!found[0].is_defined_by(&found[0]));
    }
}
