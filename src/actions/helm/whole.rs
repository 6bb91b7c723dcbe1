//! Releases as helm keeps them, for a backup: values, manifest, hooks and notes. They may hold secrets, so this is for what is encrypted
//! alone.

use crate::{
    actions::{
        framework::{Given, World},
        helm::{
            history::{Revision, STATES, Status},
            inputs::{self, RELEASE, Release},
            needed,
            program::{Call, Fault, Helm},
        },
        kubernetes::check_name,
    },
    domain::{
        effect::{Object, Place, Scope, Which},
        pinned::PinnedProgram,
        right::Rights,
    },
    ports::executor::Session,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Releases of a namespace: one, or all.
#[derive(Debug, Clone, Copy)]
pub(in crate::actions) struct Releases<'a> {
    pub(in crate::actions) cluster: &'a str,
    pub(in crate::actions) namespace: &'a str,
    pub(in crate::actions) name: Option<&'a str>,
}

/// A release, with all that it takes to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::actions) struct WholeRelease {
    pub(in crate::actions) name: String,
    pub(in crate::actions) namespace: String,
    pub(in crate::actions) revision: u32,
    /// As helm says it: `deployed`.
    pub(in crate::actions) status: String,
    /// When that came about (RFC 3339).
    pub(in crate::actions) updated: String,
    /// As `name-version`.
    pub(in crate::actions) chart: String,
    pub(in crate::actions) app_version: String,
    /// Those that it was given.
    pub(in crate::actions) values: Value,
    /// What it was rendered to.
    pub(in crate::actions) manifest: String,
    pub(in crate::actions) hooks: String,
    pub(in crate::actions) notes: String,
}

#[derive(Deserialize)]
struct Listed {
    name: String,
    status: Status,
}

/// In words, and whether trying again may help.
type Vain = (String, bool);

impl<'a> Releases<'a> {
    pub(in crate::actions) fn validate(self) -> Result<(), String> {
        match self.name {
            Some(name) => Release::new(self.cluster, self.namespace, name).map(drop),
            None => {
                check_name("cluster", self.cluster)?;
                check_name("namespace", self.namespace)
            }
        }
    }

    /// As effects name them.
    pub(in crate::actions) fn object(self) -> Object {
        Object {
            place: Place::Cluster(self.cluster.to_owned()),
            kind: RELEASE.to_owned(),
            scope: Scope::Namespace(self.namespace.to_owned()),
            which: match self.name {
                Some(name) => Which::Named(name.to_owned()),
                None => Which::All,
            },
        }
    }

    /// The secrets in which helm keeps them.
    pub(in crate::actions) fn rights(self) -> Rights {
        needed::kept(self.cluster, Some(self.namespace), needed::LOOKS)
    }

    /// The program that tells of them.
    pub(in crate::actions) fn pinned(
        given: &Given<'_>,
        dry_run: bool,
    ) -> Result<Vec<PinnedProgram>, String> {
        inputs::pinned(given, dry_run)
    }

    fn helm<'b>(self, name: &'b str, session: &'b Session, world: &'b World) -> Helm<'b>
    where
        'a: 'b,
    {
        let release = Release {
            cluster: self.cluster,
            namespace: self.namespace,
            name,
        };
        let (log, stop) = (session.log.clone(), session.stop.clone());
        Helm::new(release, &session.context, world, log, stop)
    }

    /// Their names, sorted. Those that were uninstalled, and of which only the history is left, are not among them.
    pub(in crate::actions) async fn names(
        self,
        session: &Session,
        world: &World,
    ) -> Result<Vec<String>, Vain> {
        if let Some(name) = self.name {
            return Ok(vec![name.to_owned()]);
        }
        let list = Call::new(&["list", "--max", "0"]).and(&STATES);
        let found = self
            .helm("", session, world)
            .json::<Vec<Listed>>(list)
            .await;
        let found = found.map_err(|fault| self.vain("", &fault))?;
        let there = found
            .into_iter()
            .filter(|release| release.status != Status::Uninstalled);
        let mut names: Vec<String> = there.map(|release| release.name).collect();
        names.sort();
        Ok(names)
    }

    /// One of them, at the revision that is in force.
    pub(in crate::actions) async fn read(
        self,
        name: &str,
        session: &Session,
        world: &World,
    ) -> Result<WholeRelease, Vain> {
        let helm = self.helm(name, session, world);
        let told = |fault: Fault| self.vain(name, &fault);
        let history = helm.history().await.map_err(told)?;
        let in_force = history.in_force().ok_or_else(|| {
            let words = format!("release {}/{name} is not there", self.namespace);
            (words, false)
        })?;
        gathered(&helm, in_force).await.map_err(told)
    }

    fn vain(self, name: &str, fault: &Fault) -> Vain {
        let words = format!(
            "reading release {}/{name}: {fault}{}",
            self.namespace,
            fault.hint()
        );
        (words, fault.retryable())
    }
}

async fn gathered(helm: &Helm<'_>, known: &Revision) -> Result<WholeRelease, Fault> {
    let number = known.revision.to_string();
    let name = helm.release.name;
    let get = |what: &str| Call::new(&["get", what, name, "--revision", &number]);
    let values: Value = helm.json(get("values")).await?;
    Ok(WholeRelease {
        name: name.to_owned(),
        namespace: helm.release.namespace.to_owned(),
        revision: known.revision,
        status: known.status.word().to_owned(),
        updated: known.updated.clone(),
        chart: known.chart.clone(),
        app_version: known.app_version.clone(),
        values,
        manifest: helm.text(get("manifest")).await?,
        hooks: helm.text(get("hooks")).await?,
        notes: helm.text(get("notes")).await?,
    })
}
