//! A snapshot put into a data folder, and nothing more: to let an etcd begin from it is for people.

use super::{check_file, trial::restored};
use crate::{
    actions::{backup::program::Fault, framework::World},
    domain::effect::{Effect, Object, Verb},
    ports::{archive::Unpacked, executor::Session},
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// The new data folder of a member.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EtcdTarget {
    /// The folder; it must not be there yet.
    pub data_dir: String,
    /// The member's name; `default` where nothing is said.
    #[serde(default)]
    pub member: Option<String>,
    /// All members and their addresses for each other, as in `a=https://10.0.0.1:2380,b=https://10.0.0.2:2380`. Each member is restored from
    /// the same snapshot.
    #[serde(default)]
    pub initial_cluster: Option<String>,
    /// This member's address for the others.
    #[serde(default)]
    pub peer_address: Option<String>,
    /// What tells this cluster from others.
    #[serde(default)]
    pub cluster_token: Option<String>,
}

impl EtcdTarget {
    fn flags(&self) -> Vec<String> {
        let all = [
            ("--name", &self.member),
            ("--initial-cluster", &self.initial_cluster),
            ("--initial-advertise-peer-urls", &self.peer_address),
            ("--initial-cluster-token", &self.cluster_token),
        ];
        let given = all.into_iter();
        let given = given.filter_map(|(flag, value)| Some(format!("{flag}={}", value.as_ref()?)));
        given.collect()
    }

    /// What can be said before anything runs; `at` is where it stands in the inputs.
    pub(in crate::actions::backup) fn check(&self, at: &str) -> Result<(), String> {
        check_file(&self.data_dir).map_err(|why| format!("in `with`, at `{at}.dataDir`: {why}"))?;
        let bad = |flag: &String| !flag.chars().all(|c| c.is_ascii_graphic());
        match self.flags().iter().find(|flag| bad(flag)) {
            Some(flag) => Err(format!(
                "in `with`, at `{at}`: `{}` is no plain word",
                crate::domain::secret::readable(flag)
            )),
            None => Ok(()),
        }
    }

    /// What a restore does.
    pub(in crate::actions::backup) fn effects(&self) -> Vec<Effect> {
        let folder = Object::host("file", &self.data_dir);
        vec![Effect::change(Verb::FileWrite, folder, "remove the folder")]
    }
}

/// Restores a snapshot into a folder that is not there yet; says what is left to do.
pub(in crate::actions::backup) async fn restore(
    content: &dyn Unpacked,
    target: &EtcdTarget,
    session: &Session,
    world: &World,
) -> Result<String, Fault> {
    let path = content.path().display().to_string();
    let folder = Path::new(&target.data_dir);
    restored(&path, folder, &target.flags(), session, world).await?;
    Ok(format!(
        "restored into {0}, which nothing uses yet. Left for a person: stop the API servers and every member of etcd; restore the same snapshot for each member; give {0} to the user of etcd; start the members with these data folders; start the API servers, and restart what watches them. On k3s, instead: stop k3s, then `k3s server --cluster-reset --cluster-reset-restore-path=FILE` with the snapshot's file",
        target.data_dir
    ))
}
