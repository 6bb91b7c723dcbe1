//! Sorts of objects that only the server knows: those of custom resources.

use super::{
    ConfiguredClusters,
    answers::{Words, unavailable},
    call::{Call, Repeat},
    request,
};
use crate::ports::cluster::{ClusterError, Resource, Sort};
use serde_json::Value;
use std::sync::PoisonError;

impl ConfiguredClusters {
    pub(super) async fn find_sort(
        &self,
        cluster: &str,
        sort: Sort<'_>,
    ) -> Result<Resource, ClusterError> {
        let key = (cluster.to_owned(), key(sort));
        let known = {
            let found = self
                .shared
                .found
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            found.get(&key).cloned()
        };
        if let Some(resource) = known {
            return Ok(resource);
        }
        let resource = self.look_up(cluster, sort).await?;
        let mut found = self
            .shared
            .found
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        found.insert(key, resource.clone());
        Ok(resource)
    }

    async fn look_up(&self, cluster: &str, sort: Sort<'_>) -> Result<Resource, ClusterError> {
        let (group, version) = match sort {
            Sort::Manifest(api_version, _) => {
                let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
                (group, version.to_owned())
            }
            Sort::Effect(text) => {
                let group = text.split_once('.').map_or("", |(_, group)| group);
                (group, self.preferred(cluster, group, sort).await?)
            }
        };
        let answer = self
            .ask(cluster, sort, request::kinds(group, &version)?)
            .await?;
        let served = answer.get("resources").and_then(Value::as_array);
        served
            .into_iter()
            .flatten()
            .find_map(|served| resource(served, group, &version, sort))
            .ok_or_else(|| not_served(sort))
    }

    /// Every version of every group, and every kind in it.
    pub(super) async fn served_by(&self, cluster: &str) -> Result<Vec<String>, ClusterError> {
        let call = Call {
            cluster,
            verb: "find",
            about: "what the server serves".to_owned(),
            request: request::served()?,
            repeat: Repeat::Freely,
            words: Words::Open,
        };
        let answer = self.call(call).await?;
        let groups = answer.get("items").and_then(Value::as_array);
        Ok(groups.into_iter().flatten().flat_map(versions).collect())
    }

    /// The version of a group that the server prefers.
    async fn preferred(
        &self,
        cluster: &str,
        group: &str,
        sort: Sort<'_>,
    ) -> Result<String, ClusterError> {
        if group.is_empty() {
            return Ok("v1".to_owned());
        }
        let answer = self.ask(cluster, sort, request::group(group)?).await?;
        let version = answer.pointer("/preferredVersion/version");
        version
            .and_then(Value::as_str)
            .map(str::to_owned)
            .ok_or_else(|| unavailable(cluster, "its answer names no version".to_owned()))
    }

    async fn ask(
        &self,
        cluster: &str,
        sort: Sort<'_>,
        request: http::Request<Vec<u8>>,
    ) -> Result<Value, ClusterError> {
        let call = Call {
            cluster,
            verb: "find",
            about: key(sort),
            request,
            repeat: Repeat::Freely,
            words: Words::Open,
        };
        self.call(call).await.map_err(|error| match error {
            ClusterError::NotFound(_) => not_served(sort),
            other => other,
        })
    }
}

/// `apps/v1`, `apps/v1/Deployment`, …
fn versions(group: &Value) -> Vec<String> {
    let name = group.pointer("/metadata/name").and_then(Value::as_str);
    let list = |value: &Value, key: &str| {
        let list = value.get(key).and_then(Value::as_array);
        list.cloned().unwrap_or_default()
    };
    let mut all = Vec::new();
    for version in list(group, "versions") {
        let number = version.get("version").and_then(Value::as_str);
        let (Some(name), Some(number)) = (name, number) else {
            continue;
        };
        all.push(format!("{name}/{number}"));
        let kinds = list(&version, "resources");
        let kinds = kinds
            .iter()
            .filter_map(|kind| kind.pointer("/responseKind/kind")?.as_str());
        all.extend(kinds.map(|kind| format!("{name}/{number}/{kind}")));
    }
    all
}

fn key(sort: Sort<'_>) -> String {
    match sort {
        Sort::Manifest(api_version, kind) => format!("{kind} of {api_version}"),
        Sort::Effect(text) => text.to_owned(),
    }
}

fn not_served(sort: Sort<'_>) -> ClusterError {
    ClusterError::NotFound(format!(
        "a kind of object called {} (its definition may not be installed there)",
        key(sort)
    ))
}

/// Parts of objects, such as `pods/log`, are no sort of their own.
fn resource(served: &Value, group: &str, version: &str, sort: Sort<'_>) -> Option<Resource> {
    let text = |name: &str| served.get(name).and_then(Value::as_str);
    let (plural, kind) = (text("name")?, text("kind")?);
    let is_it = match sort {
        Sort::Manifest(_, wanted) => kind == wanted,
        Sort::Effect(wanted) => {
            let wanted = wanted.split_once('.').map_or(wanted, |(kind, _)| kind);
            kind.to_lowercase() == wanted || plural == wanted
        }
    };
    (is_it && !plural.contains('/')).then(|| Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: plural.to_owned(),
        kind: kind.to_owned(),
        namespaced: served.get("namespaced").and_then(Value::as_bool) == Some(true),
    })
}
