//! A snapshot put into a data folder, and nothing more: to let an etcd begin from it is for people.

use super::trial::restored;
use crate::{
    actions::framework::{World, program::Fault},
    domain::secret,
    ports::{archive::Unpacked, executor::Session},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// A member of an etcd. Each member is restored from the same snapshot.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Member {
    /// Its name; `default` where nothing is said.
    pub name: Option<String>,
    /// All members and their addresses for each other, as in `a=https://10.0.0.1:2380,b=https://10.0.0.2:2380`.
    pub initial_cluster: Option<String>,
    /// Its address for the others.
    pub peer_address: Option<String>,
    /// What tells this etcd from others.
    pub cluster_token: Option<String>,
}

impl Member {
    fn flags(&self) -> Vec<String> {
        let all = [
            ("--name", &self.name),
            ("--initial-cluster", &self.initial_cluster),
            ("--initial-advertise-peer-urls", &self.peer_address),
            ("--initial-cluster-token", &self.cluster_token),
        ];
        let given = all.into_iter();
        let given = given.filter_map(|(flag, value)| Some(format!("{flag}={}", value.as_ref()?)));
        given.collect()
    }

    /// What can be said before anything runs.
    pub(in crate::actions::backup) fn check(&self) -> Result<(), String> {
        let bad = |flag: &String| !flag.chars().all(|c| c.is_ascii_graphic());
        match self.flags().iter().find(|flag| bad(flag)) {
            Some(flag) => Err(format!(
                "in `with`, at `member`: `{}` is no plain word",
                secret::readable(flag)
            )),
            None => Ok(()),
        }
    }
}

/// Restores a snapshot into a folder that is not there yet; says what is left to do.
pub(in crate::actions::backup) async fn restore(
    content: &dyn Unpacked,
    to: &str,
    member: Option<&Member>,
    session: &Session,
    world: &World,
) -> Result<String, Fault> {
    let path = content.path().display().to_string();
    let flags = member.map(Member::flags).unwrap_or_default();
    restored(&path, Path::new(to), &flags, session, world).await?;
    Ok(format!(
        "restored into {to}, which nothing uses yet. Left for a person: stop the API servers and every member of etcd; restore the same snapshot for each member; give {to} to the user of etcd; start the members with these data folders; start the API servers, and restart what watches them. On k3s, instead: stop k3s, then `k3s server --cluster-reset --cluster-reset-restore-path=FILE` with the snapshot's file"
    ))
}
