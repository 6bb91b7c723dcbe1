//! Keys of a Kubernetes Secret.
//!
//! Nothing here reads what is in a Secret: the API server itself copies the former values to `<key>-previous` (JSON patch, RFC 6902),
//! and moves them back. Whether the new ones are there already says an annotation, which is written in the same request. Every request
//! names the object and the state of it that was looked at.

use crate::{
    actions::{
        framework::rights,
        kubernetes::{check_name, default_cluster, kinds::Kind},
        rotate::{
            delivery::{
                Brought, Trouble,
                note::{Note, annotation, data, noting, only_of, previous, text},
            },
            intending::{Intending, in_namespace},
            program::check_part,
            scene::{Feed, Scene},
        },
    },
    domain::{
        effect::{Effect, Verb},
        right::Rights,
    },
    ports::{
        cluster::{Change, ClusterError, Deletion, ObjectPath},
        vault::Kept,
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{collections::BTreeMap, fmt};

pub(super) const SECRETS: Kind = Kind {
    group: "",
    version: "v1",
    plural: "secrets",
    kind: "Secret",
    namespaced: true,
};
/// How often a Secret that others keep changing is tried.
pub(super) const TRIES: u32 = 5;

/// Keys of a Kubernetes Secret that hold parts of the credential.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct SecretTarget {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub(super) cluster: String,
    /// Its namespace.
    pub(super) namespace: String,
    /// Its name.
    pub(super) name: String,
    /// Which part of the credential each key holds: `password: value`. What there was stays in `<key>-previous` until the old credential
    /// is revoked. Other keys stay as they are.
    #[schemars(length(min = 1))]
    pub(super) keys: BTreeMap<String, String>,
    /// Whether the Secret is made where it is not there.
    #[serde(default)]
    pub(super) create: bool,
    /// Its type where it is made.
    #[serde(default = "opaque", rename = "type")]
    pub(super) of_type: String,
}

fn opaque() -> String {
    "Opaque".to_owned()
}

impl SecretTarget {
    pub(super) fn check(&self, place: &str, parts: &[&str]) -> Result<(), String> {
        check_name("cluster", &self.cluster)?;
        check_name("namespace", &self.namespace)?;
        check_name("name", &self.name)?;
        if self.keys.is_empty() {
            return Err(format!(
                "in `with`, at `{place}.keys`: name at least one key"
            ));
        }
        for (key, part) in &self.keys {
            let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if key.is_empty() || key.len() > 240 || !key.chars().all(fits) {
                return Err(format!(
                    "in `with`, at `{place}.keys`: `{key}` is not a key of a Secret\nhint: use letters, digits, `-`, `_` and `.`"
                ));
            }
            if self.keys.contains_key(&previous(key)) {
                return Err(format!(
                    "in `with`, at `{place}.keys`: `{}` is where the former value of `{key}` stays until the old credential is revoked\nhint: give it another name",
                    previous(key)
                ));
            }
            check_part(&format!("{place}.keys.{key}"), part, parts)?;
        }
        Ok(())
    }

    pub(in crate::actions::rotate) fn intend(&self, doing: &mut Intending) {
        let object = in_namespace(&self.cluster, "secret", &self.namespace, &self.name);
        let undo = "the former values are put back from the keys that end in `-previous`";
        doing.effect(Effect::change(Verb::Patch, object.clone(), undo));
        if self.create {
            doing.effect(Effect::change(Verb::Create, object, "it is deleted again"));
        }
    }

    pub(in crate::actions::rotate) fn rights(&self) -> Rights {
        let object = in_namespace(&self.cluster, "secret", &self.namespace, &self.name);
        let needed = rights::on_object(&object, None, &["get", "patch"]);
        if !self.create {
            return needed;
        }
        // Who makes something new cannot be held to a name.
        let unnamed = crate::domain::effect::Object {
            which: crate::domain::effect::Which::All,
            ..object.clone()
        };
        needed
            .and_also(rights::on_object(&unnamed, None, &["create"]))
            .and_also(rights::on_object(&object, None, &["delete"]))
    }

    pub(super) async fn bring(&self, kept: &Kept, main: &str, scene: &Scene<'_>) -> Brought {
        let values = self
            .values(&Feed::new(kept, main))
            .map_err(Trouble::Lasting)?;
        for _ in 0..TRIES {
            let Some(found) = self.look(scene).await? else {
                if !self.create {
                    return Err(Trouble::Passing(
                        "it is not there\nhint: make it first, or let the step make it with `create: true`"
                            .to_owned(),
                    ));
                }
                match self.make(&values, scene).await {
                    Err(ClusterError::Conflict { .. }) => continue,
                    made => made.map_err(trouble)?,
                }
                return Ok(format!("{self} was made with it"));
            };
            match self.note(&found, scene) {
                Some(note) if self.wrote(&note) => {
                    return Ok(format!("{self} holds it already"));
                }
                Some(note) => {
                    return Err(Trouble::Lasting(format!(
                        "{self} is the Secret of another place of this step, which has written {}\nhint: put all keys of one Secret under one `keys`",
                        note.keys.join(", ")
                    )));
                }
                None => {}
            }
            let had = self.keys_there(scene).await?;
            let operations = self.bringing(&found, &values, &had, scene);
            match self.patch(&operations, false, scene).await {
                Err(ClusterError::Conflict { .. }) => {}
                patched => return patched.map(|_| format!("{self} holds it")).map_err(trouble),
            }
        }
        Err(Trouble::Passing(format!("{self} keeps changing")))
    }

    pub(super) async fn take_back(&self, scene: &Scene<'_>) -> Brought {
        for _ in 0..TRIES {
            let Some(found) = self.look(scene).await? else {
                return Ok(format!("{self} is not there"));
            };
            let Some(note) = self.noted(&found, scene) else {
                return Ok(format!("{self} was not changed"));
            };
            let undone = if note.made {
                self.delete(&found, scene).await
            } else {
                let operations = self.undoing(&found, &note, scene);
                self.patch(&operations, false, scene).await.map(drop)
            };
            match undone {
                Ok(()) => return Ok(format!("{self} holds the former one again")),
                Err(ClusterError::Conflict { .. }) => {}
                Err(ClusterError::Refused { code: 422, message }) => {
                    return Err(Trouble::Lasting(format!(
                        "{self} cannot be put back, because a key that was kept is not there any more: {message}"
                    )));
                }
                Err(error) => return Err(trouble(error)),
            }
        }
        Err(Trouble::Passing(format!("{self} keeps changing")))
    }

    pub(in crate::actions::rotate) async fn settle(&self, scene: &Scene<'_>) -> Brought {
        for _ in 0..TRIES {
            let Some(found) = self.look(scene).await? else {
                return Ok(String::new());
            };
            let Some(note) = self.noted(&found, scene) else {
                return Ok(String::new());
            };
            // A merge patch does not mind a key that somebody has removed.
            let gone = note.had.iter().map(|key| (previous(key), Value::Null));
            let gone: serde_json::Map<String, Value> = gone.collect();
            let patch = json!({
                "metadata": {
                    "uid": found.pointer("/metadata/uid"),
                    "resourceVersion": found.pointer("/metadata/resourceVersion"),
                    "annotations": { annotation(scene): null },
                },
                "data": gone,
            });
            match self.change(Change::Replace(&patch), false, scene).await {
                Ok(_) => return Ok(String::new()),
                Err(ClusterError::Conflict { .. }) => {}
                Err(error) => return Err(trouble(error)),
            }
        }
        Err(Trouble::Passing(format!("{self} keeps changing")))
    }

    /// Each key with its new value.
    fn values(&self, feed: &Feed<'_>) -> Result<BTreeMap<String, String>, String> {
        let value = |(key, part): (&String, &String)| {
            let value = feed
                .part(Some(part))
                .ok_or_else(|| format!("the new credential has no part `{part}`"))?;
            Ok((key.clone(), value.to_owned()))
        };
        self.keys.iter().map(value).collect()
    }

    /// Nothing where it is not there; metadata only.
    pub(super) async fn look(&self, scene: &Scene<'_>) -> Result<Option<Value>, Trouble> {
        let resource = SECRETS.resource();
        let found =
            scene
                .world
                .clusters
                .get(&self.cluster, &resource, Some(&self.namespace), &self.name);
        match found.await {
            Ok(found) => Ok(Some(found)),
            Err(ClusterError::NotFound(_)) => Ok(None),
            Err(error) => Err(trouble(error)),
        }
    }

    /// This rotation's note on it.
    /// What this rotation has left on it as this place.
    pub(super) fn noted(&self, found: &Value, scene: &Scene<'_>) -> Option<Note> {
        self.note(found, scene).filter(|note| self.wrote(note))
    }

    fn wrote(&self, note: &Note) -> bool {
        note.keys.iter().eq(self.keys.keys())
    }

    /// What this rotation has left on it, as whichever place.
    fn note(&self, found: &Value, scene: &Scene<'_>) -> Option<Note> {
        let annotations = found.pointer("/metadata/annotations")?;
        let text = annotations.get(annotation(scene))?.as_str()?;
        let note: Note = serde_json::from_str(text).ok()?;
        (note.rotation == scene.rotation).then_some(note)
    }

    /// Which of the keys are there. Their values are not read: the server is asked whether it could take each away and put an empty one
    /// there, which it does not do. (To copy what is not there counts for it as copying nothing.)
    pub(super) async fn keys_there(&self, scene: &Scene<'_>) -> Result<Vec<String>, Trouble> {
        let mut there = Vec::new();
        for key in self.keys.keys() {
            let replaced = json!([
                { "op": "remove", "path": data(key) },
                { "op": "add", "path": data(key), "value": "" },
            ]);
            match self.change(Change::Json(&replaced), true, scene).await {
                Ok(_) => there.push(key.clone()),
                Err(ClusterError::Refused { code: 422, .. }) => {}
                Err(error) => return Err(trouble(error)),
            }
        }
        Ok(there)
    }

    fn bringing(
        &self,
        found: &Value,
        values: &BTreeMap<String, String>,
        had: &[String],
        scene: &Scene<'_>,
    ) -> Vec<Value> {
        let note = Note {
            rotation: scene.rotation,
            keys: self.keys.keys().cloned().collect(),
            had: had.to_vec(),
            made: false,
        };
        let mut operations = only_of(found);
        operations.extend(Self::copied_aside(had));
        // What is written so needs no data to be there, and counts more than what is.
        operations.push(json!({ "op": "add", "path": "/stringData", "value": values }));
        operations.extend(Self::with_note(found, &note, scene));
        operations
    }

    /// Each of these keys under another name as well.
    pub(super) fn copied_aside(keys: &[String]) -> impl Iterator<Item = Value> {
        keys.iter()
            .map(|key| json!({ "op": "copy", "from": data(key), "path": data(&previous(key)) }))
    }

    pub(super) fn with_note(found: &Value, note: &Note, scene: &Scene<'_>) -> Vec<Value> {
        let noted = json!({ "op": "add", "path": noting(scene), "value": text(note) });
        if found.pointer("/metadata/annotations").is_some() {
            return vec![noted];
        }
        let none = json!({ "op": "add", "path": "/metadata/annotations", "value": {} });
        vec![none, noted]
    }

    fn undoing(&self, found: &Value, note: &Note, scene: &Scene<'_>) -> Vec<Value> {
        let mut operations = only_of(found);
        for key in self.keys.keys() {
            operations.push(if note.had.contains(key) {
                json!({ "op": "move", "from": data(&previous(key)), "path": data(key) })
            } else {
                json!({ "op": "remove", "path": data(key) })
            });
        }
        operations.push(json!({ "op": "remove", "path": noting(scene) }));
        operations
    }

    async fn make(
        &self,
        values: &BTreeMap<String, String>,
        scene: &Scene<'_>,
    ) -> Result<(), ClusterError> {
        let note = Note {
            rotation: scene.rotation,
            keys: self.keys.keys().cloned().collect(),
            had: Vec::new(),
            made: true,
        };
        let object = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "annotations": { annotation(scene): text(&note) },
            },
            "type": self.of_type,
            "stringData": values,
        });
        self.change(Change::Create(&object), false, scene)
            .await
            .map(drop)
    }

    async fn delete(&self, found: &Value, scene: &Scene<'_>) -> Result<(), ClusterError> {
        let state = |field: &str| {
            let found = found.pointer(&format!("/metadata/{field}"));
            found.and_then(Value::as_str)
        };
        let deletion = Deletion {
            uid: state("uid"),
            resource_version: state("resourceVersion"),
            ..Deletion::default()
        };
        self.change(Change::Delete(deletion), false, scene)
            .await
            .map(drop)
    }

    pub(super) async fn patch(
        &self,
        operations: &[Value],
        dry_run: bool,
        scene: &Scene<'_>,
    ) -> Result<Value, ClusterError> {
        let operations = Value::Array(operations.to_vec());
        self.change(Change::Json(&operations), dry_run, scene).await
    }

    async fn change(
        &self,
        change: Change<'_>,
        dry_run: bool,
        scene: &Scene<'_>,
    ) -> Result<Value, ClusterError> {
        let resource = SECRETS.resource();
        let path = ObjectPath {
            namespace: Some(&self.namespace),
            name: &self.name,
            subresource: None,
        };
        let clusters = &scene.world.clusters;
        clusters
            .change(&self.cluster, &resource, path, change, dry_run)
            .await
    }
}

impl fmt::Display for SecretTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.keys.keys().map(String::as_str).collect();
        let (namespace, name) = (&self.namespace, &self.name);
        write!(f, "secret {namespace}/{name} ({})", keys.join(", "))?;
        if self.cluster != default_cluster() {
            write!(f, " on {}", self.cluster)?;
        }
        Ok(())
    }
}

pub(super) fn trouble(error: ClusterError) -> Trouble {
    Trouble::Passing(error.to_string())
}
