//! Emptying a node by the eviction API: what happens to each of its pods, asked until the disruption budgets allow it.

use crate::{
    actions::{
        framework::World,
        kubernetes::{
            kinds::PODS,
            object::{annotation, items, text},
            poll::{Vain, stoppable},
            subject::Subject,
        },
    },
    domain::span::Span,
    ports::{
        cluster::{Change, ClusterError, Matching, ObjectPath},
        executor::{LogStream, Session},
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// No node holds more.
const MOST_PODS: usize = 10_000;
/// How many pods a failure names.
const NAMED: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// What may become of pods.
#[derive(Debug, Clone, Copy)]
pub(super) struct Manner {
    /// Also of those that keep data in volumes that go with them.
    pub(super) empty_dirs: bool,
    /// Also of those that nothing brings back.
    pub(super) unmanaged: bool,
    /// How long their containers get to end; what each pod says itself where none is named.
    pub(super) grace: Option<Span>,
}

/// What becomes of one pod.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Fate {
    /// It stays: nothing could be done about it, or it comes back at once.
    Stays,
    /// It is to go, and why it could not yet.
    ToGo(Option<String>),
    /// It was told to go.
    Going,
    /// It has gone.
    Gone,
    /// It may not be evicted, for this reason.
    Kept(&'static str),
}

/// A pod of the node.
#[derive(Debug, Clone)]
struct Pod {
    uid: String,
    fate: Fate,
    /// Whether this step has evicted it.
    evicted: bool,
}

/// The pods of a node, by `namespace/name`.
#[derive(Debug, Default)]
pub(super) struct Evictions(BTreeMap<String, Pod>);

/// Where this happens.
#[derive(Debug, Clone, Copy)]
pub(super) struct On<'a> {
    pub(super) node: &'a Subject,
    pub(super) manner: Manner,
    pub(super) session: &'a Session,
    pub(super) world: &'a World,
}

impl On<'_> {
    fn note(&self, words: &str) {
        let line = format!("{words}\n");
        self.session.log.append(LogStream::Note, line.as_bytes());
    }

    async fn names(&self) -> Result<Vec<String>, ClusterError> {
        let of_node = format!("spec.nodeName={}", self.node.name);
        let matching = Matching::Fields(&of_node);
        let (clusters, pods) = (&self.world.clusters, PODS.resource());
        let found = clusters.names(&self.node.cluster, &pods, None, matching, MOST_PODS);
        Ok(found.await?.names)
    }

    async fn pod(&self, full_name: &str) -> Result<Option<Value>, ClusterError> {
        let (namespace, name) = full_name.split_once('/').unwrap_or(("", full_name));
        let (clusters, pods) = (&self.world.clusters, PODS.resource());
        let pod = clusters.get(&self.node.cluster, &pods, Some(namespace), name);
        match pod.await {
            Ok(pod) => Ok(Some(pod)),
            Err(ClusterError::NotFound(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn evict(
        &self,
        full_name: &str,
        uid: &str,
        dry_run: bool,
    ) -> Result<Value, ClusterError> {
        let (namespace, name) = full_name.split_once('/').unwrap_or(("", full_name));
        let mut options = json!({ "preconditions": { "uid": uid } });
        if let Some(grace) = self.manner.grace {
            options["gracePeriodSeconds"] = json!(grace.millis().div_ceil(1000));
        }
        let eviction = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": { "name": name, "namespace": namespace }, "deleteOptions": options
        });
        let path = ObjectPath {
            namespace: Some(namespace),
            name,
            subresource: Some("eviction"),
        };
        let (clusters, pods) = (&self.world.clusters, PODS.resource());
        let change = Change::Create(&eviction);
        let asked = clusters.change(&self.node.cluster, &pods, path, change, dry_run);
        asked.await
    }
}

impl Evictions {
    /// Looks at the pods that are on the node now; one that is known already is not looked at again.
    pub(super) async fn look(&mut self, on: On<'_>) -> Result<(), ClusterError> {
        let names = on.names().await?;
        for (name, pod) in &mut self.0 {
            let left = matches!(pod.fate, Fate::Going | Fate::ToGo(_)) && !names.contains(name);
            if left {
                pod.fate = Fate::Gone;
            }
        }
        for name in names {
            if self.0.contains_key(&name) {
                continue;
            }
            if let Some(pod) = on.pod(&name).await? {
                let uid = text(&pod, "/metadata/uid").to_owned();
                let fate = fate(&pod, on.manner);
                let evicted = false;
                self.0.insert(name, Pod { uid, fate, evicted });
            }
        }
        Ok(())
    }

    /// Those that may not be evicted, each with its reason.
    pub(super) fn kept(&self) -> Option<String> {
        let kept = self.0.iter().filter_map(|(name, pod)| match &pod.fate {
            Fate::Kept(why) => Some(format!("pod {name} {why}")),
            _ => None,
        });
        let kept: Vec<String> = kept.collect();
        (!kept.is_empty()).then(|| shown(&kept))
    }

    /// Asks for each that is to go, and until all have gone.
    pub(super) async fn carry_out(&mut self, on: On<'_>, limit: Span) -> Result<(), Vain> {
        let clock = &on.world.clock;
        let until = clock.elapsed() + limit.duration();
        let mut pause = FIRST_PAUSE;
        loop {
            let away = match stoppable(on.session, self.once(on)).await? {
                Ok(()) => None,
                Err(error) if error.retryable() => Some(error.to_string()),
                Err(error) => return Err(Vain::Refused(error)),
            };
            if let Some(kept) = self.kept() {
                return Err(Vain::NotReady(kept, false));
            }
            if away.is_none() && self.left().is_empty() {
                return Ok(());
            }
            let rest = until.saturating_sub(clock.elapsed());
            if rest.is_zero() {
                let missing = away.unwrap_or_else(|| shown(&self.left()));
                return Err(Vain::NotReady(format!("{missing}, after {limit}"), true));
            }
            stoppable(on.session, clock.sleep(pause.min(rest))).await?;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn once(&mut self, on: On<'_>) -> Result<(), ClusterError> {
        self.look(on).await?;
        if self.kept().is_some() {
            return Ok(());
        }
        for (name, pod) in &mut self.0 {
            match pod.fate.clone() {
                Fate::ToGo(before) => {
                    pod.fate = ask(on, name, &pod.uid, before).await?;
                    pod.evicted = pod.fate == Fate::Going;
                }
                // Another one of the same name, which came after it.
                Fate::Going => {
                    let now = on.pod(name).await?;
                    let same = now.is_some_and(|now| text(&now, "/metadata/uid") == pod.uid);
                    if !same {
                        pod.fate = Fate::Gone;
                    }
                }
                Fate::Stays | Fate::Gone | Fate::Kept(_) => {}
            }
        }
        Ok(())
    }

    /// What is still waited for, each with its reason.
    fn left(&self) -> Vec<String> {
        let left = self.0.iter().filter_map(|(name, pod)| match &pod.fate {
            Fate::ToGo(Some(why)) => Some(format!("pod {name}: {why}")),
            Fate::ToGo(None) => Some(format!("pod {name} was not asked to go yet")),
            Fate::Going => Some(format!("pod {name} is still ending")),
            Fate::Stays | Fate::Gone | Fate::Kept(_) => None,
        });
        left.collect()
    }

    /// What this step has evicted.
    pub(super) fn evicted(&self) -> Vec<String> {
        let evicted = self.0.iter().filter(|(_, pod)| pod.evicted);
        evicted.map(|(name, _)| name.clone()).collect()
    }

    /// What stays on the node.
    pub(super) fn stayed(&self) -> Vec<String> {
        let stay = self.0.iter().filter(|(_, pod)| pod.fate == Fate::Stays);
        stay.map(|(name, _)| name.clone()).collect()
    }

    /// Which pods would go, and which the server would not let go now.
    pub(super) async fn tried(
        &self,
        on: On<'_>,
    ) -> Result<(Vec<String>, Vec<String>), ClusterError> {
        let (mut would, mut held) = (Vec::new(), Vec::new());
        for (name, pod) in &self.0 {
            if !matches!(pod.fate, Fate::ToGo(_)) {
                continue;
            }
            match on.evict(name, &pod.uid, true).await {
                Ok(_) | Err(ClusterError::NotFound(_)) => would.push(name.clone()),
                Err(error) if error.retryable() => held.push(format!("pod {name}: {error}")),
                Err(error) => return Err(error),
            }
        }
        Ok((would, held))
    }
}

fn shown(words: &[String]) -> String {
    let shown: Vec<&str> = words.iter().take(NAMED).map(String::as_str).collect();
    let more = words.len().saturating_sub(NAMED);
    let more = if more > 0 {
        format!("; and {more} more")
    } else {
        String::new()
    };
    format!("{}{more}", shown.join("; "))
}

async fn ask(
    on: On<'_>,
    name: &str,
    uid: &str,
    before: Option<String>,
) -> Result<Fate, ClusterError> {
    let held = match on.evict(name, uid, false).await {
        Ok(_) => {
            on.note(&format!("evicted pod {name}"));
            return Ok(Fate::Going);
        }
        // Gone, or another one of this name by now.
        Err(ClusterError::NotFound(_) | ClusterError::Conflict { .. }) => return Ok(Fate::Gone),
        Err(ClusterError::Refused { code: 429, message }) => message,
        // Its namespace is on its way out, and takes it along.
        Err(ClusterError::Forbidden { message, .. }) if message.contains("being terminated") => {
            message
        }
        Err(error) => return Err(error),
    };
    if before.as_ref() != Some(&held) {
        on.note(&format!("waiting to evict pod {name}: {held}"));
    }
    Ok(Fate::ToGo(Some(held)))
}

fn fate(pod: &Value, manner: Manner) -> Fate {
    let mirrored = annotation(pod, "/metadata/annotations", "kubernetes.io/config.mirror");
    let mut owners = items(pod, "/metadata/ownerReferences").iter();
    let controller = owners.find(|owner| owner.pointer("/controller") == Some(&Value::Bool(true)));
    let controller = controller.map(|owner| text(owner, "/kind"));
    let ended = matches!(text(pod, "/status/phase"), "Succeeded" | "Failed");
    let mut volumes = items(pod, "/spec/volumes").iter();
    let keeps_data = volumes.any(|volume| volume.get("emptyDir").is_some());
    if !mirrored.is_empty() || controller == Some("DaemonSet") {
        return Fate::Stays;
    }
    if pod.pointer("/metadata/deletionTimestamp").is_some() {
        return Fate::Going;
    }
    match (controller, ended) {
        (_, true) => Fate::ToGo(None),
        (None, false) if !manner.unmanaged => Fate::Kept("has nothing that would bring it back"),
        (_, false) if keeps_data && !manner.empty_dirs => {
            Fate::Kept("keeps data in an emptyDir, which goes with it")
        }
        (_, false) => Fate::ToGo(None),
    }
}

#[cfg(test)]
mod tests {
    use super::{Fate, Manner, fate};
    use serde_json::{Value, json};

    fn pod(owner: &str, more: &Value) -> Value {
        let mut pod = json!({ "metadata": { "name": "web-1", "namespace": "shop" }, "status": { "phase": "Running" } });
        if !owner.is_empty() {
            pod["metadata"]["ownerReferences"] = json!([{ "kind": owner, "controller": true }]);
        }
        for (pointer, value) in more.as_object().unwrap() {
            let (part, field) = pointer.split_once('.').unwrap();
            pod[part][field] = value.clone();
        }
        pod
    }

    #[test]
    fn what_becomes_of_a_pod_is_decided_as_kubectl_does() {
        let careful = Manner {
            empty_dirs: false,
            unmanaged: false,
            grace: None,
        };
        let bold = Manner {
            empty_dirs: true,
            unmanaged: true,
            grace: None,
        };
        let volumes = json!({ "spec.volumes": [{ "name": "cache", "emptyDir": {} }] });
        let ended = json!({ "status.phase": "Succeeded" });
        let mirror = json!({ "metadata.annotations": { "kubernetes.io/config.mirror": "x" } });
        let none = json!({});
        for (pod, cautiously, boldly) in [
            (pod("ReplicaSet", &none), "evict", "evict"),
            (pod("DaemonSet", &volumes), "stays", "stays"),
            (pod("", &mirror), "stays", "stays"),
            (pod("", &none), "kept", "evict"),
            (pod("", &ended), "evict", "evict"),
            (pod("StatefulSet", &volumes), "kept", "evict"),
        ] {
            for (manner, expected) in [(careful, cautiously), (bold, boldly)] {
                let word = match fate(&pod, manner) {
                    Fate::Stays => "stays",
                    Fate::ToGo(_) => "evict",
                    Fate::Kept(_) => "kept",
                    Fate::Going | Fate::Gone => "going",
                };
                assert_eq!(word, expected, "{pod}");
            }
        }
        let leaving = json!({ "metadata.deletionTimestamp": "2026-03-14T09:26:53Z" });
        assert_eq!(fate(&pod("Job", &leaving), careful), Fate::Going);
    }
}
