//! What `kubernetes/snapshot-volume` is told, and the objects that it makes.

use crate::{
    actions::{
        framework::rights,
        kubernetes::{
            check_name, default_cluster,
            own::{Own, stamp_room},
            subject::Subject,
        },
    },
    commands::deeds::{Deed, Manifest, of_deeds},
    domain::{
        effect::{Effect, Effects, Object, Place, Scope, Verb, Which},
        right::Rights,
        span::Span,
    },
    ports::executor::StepContext,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub(super) const VOLUME_SNAPSHOT: &str = "volumesnapshot.snapshot.storage.k8s.io";
pub(super) const LONGHORN_SNAPSHOT: &str = "snapshot.longhorn.io";
pub(super) const LONGHORN_BACKUP: &str = "backup.longhorn.io";

/// What `kubernetes/snapshot-volume` is told. Exactly one of `claim` and `longhorn` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnapshotInputs {
    /// The cluster's name in the agent's configuration.
    #[serde(default = "default_cluster")]
    pub cluster: String,
    /// The claim's namespace; for Longhorn the one that Longhorn runs in, such as `longhorn-system`.
    pub namespace: String,
    /// The first part of the snapshot's name; the claim's or volume's name where it is not said. The due time, the step and the attempt
    /// follow.
    #[serde(default)]
    pub name: Option<String>,
    /// A claim of a volume whose CSI driver makes snapshots.
    #[serde(default)]
    pub claim: Option<String>,
    /// The class of the snapshot; the cluster's default one where it is not said. For `claim`.
    #[serde(default)]
    pub class: Option<String>,
    /// A backup by Longhorn instead, to its backup target.
    #[serde(default)]
    pub longhorn: Option<Longhorn>,
    /// Labels of the snapshot or backup, so that others find it.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// How long to wait until it can be restored from.
    #[serde(default = "ten_minutes")]
    pub wait: Span,
    /// Whether one that does not get ready is deleted.
    #[serde(default = "yes")]
    pub undo_on_failure: bool,
}

/// A backup by Longhorn.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Longhorn {
    /// The volume, as Longhorn names it.
    pub volume: String,
    /// A snapshot of it that is there; without it, one is made first.
    #[serde(default)]
    pub snapshot: Option<String>,
    /// Labels that Longhorn writes into the backup itself.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

fn ten_minutes() -> Span {
    Span::from_secs(600)
}
fn yes() -> bool {
    true
}

impl SnapshotInputs {
    pub(super) fn validate(&self) -> Result<(), String> {
        check_name("cluster", &self.cluster)?;
        check_name("namespace", &self.namespace)?;
        let names = [
            ("name", self.name.as_ref()),
            ("claim", self.claim.as_ref()),
            ("class", self.class.as_ref()),
            (
                "longhorn.volume",
                self.longhorn.as_ref().map(|of| &of.volume),
            ),
            (
                "longhorn.snapshot",
                self.longhorn.as_ref().and_then(|of| of.snapshot.as_ref()),
            ),
        ];
        for (field, name) in names {
            name.map_or(Ok(()), |name| check_name(field, name))?;
        }
        match (&self.claim, &self.longhorn) {
            (Some(_), None) => Ok(()),
            (None, Some(_)) if self.class.is_some() => {
                Err("in `with`, at `class`: it goes with `claim`".to_owned())
            }
            (None, Some(_)) => Ok(()),
            _ => Err("in `with`: give exactly one of `claim`, `longhorn`".to_owned()),
        }
    }

    /// The first part of names, with the due time, so that they sort.
    pub(super) fn prefix(&self, context: &StepContext) -> String {
        let volume = self.longhorn.as_ref().map(|of| &of.volume);
        let name = self.name.as_ref().or(self.claim.as_ref()).or(volume);
        let at = context.nominal.strftime("-%Y%m%d-%H%M%S").to_string();
        let room = stamp_room().saturating_sub(at.len());
        let name: String = name
            .into_iter()
            .flat_map(|name| name.chars())
            .take(room)
            .collect();
        format!("{}{at}", name.trim_end_matches(['-', '.']))
    }

    pub(super) fn own<'a>(
        &'a self,
        kind: &'a str,
        prefix: &'a str,
        context: &'a StepContext,
    ) -> Own<'a> {
        Own {
            cluster: &self.cluster,
            namespace: &self.namespace,
            kind,
            prefix,
            context,
        }
    }

    pub(super) fn volume_snapshot(&self, own: &Own<'_>) -> Value {
        let mut spec = json!({ "source": { "persistentVolumeClaimName": self.claim } });
        if let Some(class) = &self.class {
            spec["volumeSnapshotClassName"] = json!(class);
        }
        self.stamped("snapshot.storage.k8s.io/v1", "VolumeSnapshot", spec, own)
    }

    pub(super) fn longhorn_snapshot(&self, longhorn: &Longhorn, own: &Own<'_>) -> Value {
        let spec =
            json!({ "volume": longhorn.volume, "createSnapshot": true, "labels": longhorn.labels });
        self.stamped("longhorn.io/v1beta2", "Snapshot", spec, own)
    }

    pub(super) fn longhorn_backup(
        &self,
        longhorn: &Longhorn,
        snapshot: &str,
        own: &Own<'_>,
    ) -> Value {
        let spec = json!({ "snapshotName": snapshot, "labels": longhorn.labels });
        let mut backup = self.stamped("longhorn.io/v1beta2", "Backup", spec, own);
        // By this Longhorn tells which volume it is of.
        backup["metadata"]["labels"]["backup-volume"] = json!(longhorn.volume);
        backup
    }

    fn stamped(&self, version: &str, kind: &str, spec: Value, own: &Own<'_>) -> Value {
        let mut object = json!({
            "apiVersion": version, "kind": kind,
            "metadata": { "labels": self.labels }, "spec": spec
        });
        own.stamp(&mut object);
        object
    }

    /// What is made, and what is looked at for it.
    pub(super) fn effects(&self, context: &StepContext) -> Effects {
        let prefix = self.prefix(context);
        let own = |kind| self.own(kind, &prefix, context);
        let objects = match &self.longhorn {
            None => vec![self.volume_snapshot(&own(VOLUME_SNAPSHOT))],
            Some(longhorn) => {
                let snapshot = own(LONGHORN_SNAPSHOT);
                let backup = own(LONGHORN_BACKUP);
                let named = snapshot.name(context.attempt);
                match &longhorn.snapshot {
                    Some(named) => vec![self.longhorn_backup(longhorn, named, &backup)],
                    None => vec![
                        self.longhorn_snapshot(longhorn, &snapshot),
                        self.longhorn_backup(longhorn, &named, &backup),
                    ],
                }
            }
        };
        let namespace = Some(self.namespace.as_str());
        let deeds: Vec<Deed<'_>> = objects
            .iter()
            .map(|object| Deed::Create(Manifest { object, namespace }))
            .collect();
        let mut effects = of_deeds(&self.cluster, &deeds);
        let read = self
            .claim()
            .map(|claim| Effect::read(Verb::Read, claim.object()));
        effects.items.extend(read);
        effects
    }

    /// Names of what is made follow from the run, so no right can be held to them.
    pub(super) fn rights(&self) -> Rights {
        let kinds = match &self.longhorn {
            None => vec![VOLUME_SNAPSHOT],
            Some(longhorn) if longhorn.snapshot.is_some() => vec![LONGHORN_BACKUP],
            Some(_) => vec![LONGHORN_SNAPSHOT, LONGHORN_BACKUP],
        };
        let claim = self.claim().map(|claim| claim.object());
        let mut needed = claim.map_or_else(Rights::default, |claim| {
            rights::on_object(&claim, None, &["get"])
        });
        for kind in kinds {
            let made = Object {
                place: Place::Cluster(self.cluster.clone()),
                kind: kind.to_owned(),
                scope: Scope::Namespace(self.namespace.clone()),
                which: Which::All,
            };
            needed = needed.with(rights::on_object(&made, None, &["create", "get"]));
            if self.undo_on_failure {
                needed = needed.and_also(rights::on_object(&made, None, &["delete"]));
            }
        }
        needed
    }

    pub(super) fn claim(&self) -> Option<Subject> {
        Some(Subject {
            cluster: self.cluster.clone(),
            kind: "persistentvolumeclaim".to_owned(),
            namespace: Some(self.namespace.clone()),
            name: self.claim.clone()?,
        })
    }
}
