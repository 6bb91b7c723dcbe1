//! `backup/etcd`, and what `backup/verify` and `backup/restore` do with what it makes.
//!
//! A snapshot holds every Secret of the cluster, so it is always encrypted; in the agent's scratch space, which only the agent may enter,
//! it lies in the clear for as long as it takes to keep it.

mod restore;
mod trial;

pub use restore::Member;
pub(super) use restore::restore;
pub(super) use trial::trial;

use crate::{
    actions::{
        backup::{
            ArtifactKind, BackupOutputs, Keep, check_path, intent, report_backup, report_error,
        },
        framework::{
            Action, World,
            program::{Call, Fault, note},
            said::Said,
        },
    },
    domain::{
        effect::{Effect, Object, Verb},
        name::ArtifactName,
        run::StepReport,
        secret::{self, SecretValue},
        span::Span,
    },
    ports::{
        BoxFuture,
        archive::{Scratch, StreamOf, Writing},
        executor::{Intent, LogStream, Session, StepContext},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;

/// What stands in the file name before `.zst`.
const EXTENSION: &str = "etcd";
/// Why it is always encrypted.
const HOLDS: &str = "a snapshot of etcd holds every Secret of its cluster";
/// What etcdctl writes in the scratch folder.
const SNAPSHOT: &str = "snapshot.db";

/// Keeps what an etcd holds.
#[derive(Debug, Clone, Copy)]
pub struct BackupEtcd;

/// What `backup/etcd` is told. Exactly one of `etcdctl` and `k3s` is given.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EtcdInputs {
    /// The name of the backup: the first part of the artifact's file name.
    #[schemars(
        with = "String",
        regex(pattern = r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")
    )]
    pub name: ArtifactName,
    /// By `etcdctl snapshot save` (3.4 or newer).
    #[serde(default)]
    pub etcdctl: Option<Etcdctl>,
    /// By `k3s etcd-snapshot save`, on a server of k3s with embedded etcd; the agent must run as root.
    #[serde(default)]
    pub k3s: Option<K3s>,
    /// How it is kept. It is always encrypted.
    #[serde(default)]
    pub keep: Keep,
}

/// How an etcd is reached.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Etcdctl {
    /// Addresses of members, as in `https://127.0.0.1:2379` or `unix:///run/etcd.sock`. A snapshot is of one member: they are tried in this order.
    #[schemars(length(min = 1, max = 100))]
    pub endpoints: Vec<String>,
    /// A PEM file with the authorities that the members' certificates are checked against.
    #[serde(default)]
    pub authority_file: Option<String>,
    /// A PEM file with the certificate to log in with.
    #[serde(default)]
    pub certificate_file: Option<String>,
    /// A PEM file with its key.
    #[serde(default)]
    pub key_file: Option<String>,
    /// The user, where etcd asks for one.
    #[serde(default)]
    pub user: Option<String>,
    /// The user's password: `${{ secret("…") }}`.
    #[serde(default)]
    #[schemars(extend("writeOnly" = true))]
    pub password: Option<String>,
}

/// k3s finds its own etcd.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct K3s {
    /// The folder of the server's data; what k3s takes where nothing is said.
    pub data_dir: Option<String>,
}

impl EtcdInputs {
    fn way(&self) -> Result<Way<'_>, String> {
        match (&self.etcdctl, &self.k3s) {
            (Some(etcdctl), None) => Ok(Way::Etcdctl(etcdctl)),
            (None, Some(k3s)) => Ok(Way::K3s(k3s)),
            _ => Err("in `with`: name exactly one of `etcdctl`, `k3s`".to_owned()),
        }
    }
}

enum Way<'a> {
    Etcdctl(&'a Etcdctl),
    K3s(&'a K3s),
}

impl Etcdctl {
    fn check(&self) -> Result<(), String> {
        if self.endpoints.is_empty() {
            return Err("in `with`, at `etcdctl.endpoints`: name at least one".to_owned());
        }
        for endpoint in &self.endpoints {
            check_endpoint(endpoint)
                .map_err(|why| format!("in `with`, at `etcdctl.endpoints`: {why}"))?;
        }
        for (key, path) in self.files() {
            check_file(path).map_err(|why| format!("in `with`, at `etcdctl.{key}`: {why}"))?;
        }
        if self.certificate_file.is_some() != self.key_file.is_some() {
            return Err(
                "in `with`, at `etcdctl`: `certificateFile` and `keyFile` go together".to_owned(),
            );
        }
        if self.user.is_some() != self.password.is_some() {
            return Err("in `with`, at `etcdctl`: `user` and `password` go together".to_owned());
        }
        Ok(())
    }

    fn files(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let all = [
            ("authorityFile", self.authority_file.as_deref()),
            ("certificateFile", self.certificate_file.as_deref()),
            ("keyFile", self.key_file.as_deref()),
        ];
        all.into_iter().filter_map(|(key, path)| Some((key, path?)))
    }

    /// Asks a member whether it is there, which has an end where saving has none, and saves its snapshot.
    fn calls(&self, endpoint: &str) -> Vec<Call> {
        let ask = self.call(endpoint, &["endpoint", "health"]);
        let save = self.call(endpoint, &["snapshot", "save", SNAPSHOT]);
        vec![ask, save]
    }

    fn call(&self, endpoint: &str, words: &[&str]) -> Call {
        let flag = |key: &str| match key {
            "authorityFile" => "--cacert",
            "certificateFile" => "--cert",
            _ => "--key",
        };
        let mut call = Call::new(&["etcdctl", "--endpoints", endpoint]);
        for (key, path) in self.files() {
            call.words.extend([flag(key).to_owned(), path.to_owned()]);
        }
        call.words
            .extend(words.iter().map(|word| (*word).to_owned()));
        let text = |text: &str| SecretValue::new(text.to_owned());
        if let (Some(user), Some(password)) = (&self.user, &self.password) {
            call.environment.push(("ETCDCTL_USER", text(user)));
            call.environment.push(("ETCDCTL_PASSWORD", text(password)));
        }
        call
    }
}

impl K3s {
    fn check(&self) -> Result<(), String> {
        self.data_dir.as_deref().map_or(Ok(()), |path| {
            check_file(path).map_err(|why| format!("in `with`, at `k3s.dataDir`: {why}"))
        })
    }

    /// k3s names the file after the node and the time.
    fn call(&self, folder: &str) -> Call {
        let save = ["k3s", "etcd-snapshot", "save", "--name", "orderly"];
        let mut call = Call::new(&save);
        let flags = ["--etcd-snapshot-dir".to_owned(), folder.to_owned()];
        call.words.extend(flags);
        if let Some(path) = &self.data_dir {
            let flags = ["--data-dir".to_owned(), path.clone()];
            call.words.extend(flags);
        }
        call
    }
}

/// The path of a member's socket on the agent's host, where that is its address.
fn socket(endpoint: &str) -> Option<&str> {
    let plain = endpoint.strip_prefix("unix://");
    plain.or_else(|| endpoint.strip_prefix("unixs://"))
}

/// An address alone: what stands in it is shown to the gate, and on a command line.
fn check_endpoint(endpoint: &str) -> Result<(), String> {
    if let Some(path) = socket(endpoint) {
        let fits = |c: char| c.is_ascii_alphanumeric() || "-._/:".contains(c);
        if path.starts_with('/') && path.chars().all(fits) && check_path(path).is_ok() {
            return Ok(());
        }
        return Err(format!(
            "`{}` is no socket of a member\nhint: write it as in `unix:///run/etcd/etcd.sock`",
            secret::readable(endpoint)
        ));
    }
    let address = endpoint
        .strip_prefix("https://")
        .or_else(|| endpoint.strip_prefix("http://"))
        .unwrap_or(endpoint);
    let fits = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    if !address.is_empty() && !address.starts_with('-') && address.chars().all(fits) {
        return Ok(());
    }
    Err(format!(
        "`{}` is no address of a member\nhint: write it as in `https://127.0.0.1:2379`",
        secret::readable(endpoint)
    ))
}

/// A file or folder of the host.
fn check_file(path: &str) -> Result<(), String> {
    check_path(path)?;
    if !path.starts_with('/') {
        return Err(format!("`{path}` is no absolute path"));
    }
    if secret::is_marked(path) || path.chars().any(char::is_control) {
        return Err("it holds a secret or a control character".to_owned());
    }
    Ok(())
}

impl Action for BackupEtcd {
    type Inputs = EtcdInputs;
    type Outputs = BackupOutputs;
    const NAME: &'static str = "backup/etcd";
    const SUMMARY: &'static str =
        "Keeps what an etcd holds, by a snapshot of `etcdctl` or `k3s`, always encrypted.";

    fn validate(&self, inputs: &EtcdInputs) -> Result<(), String> {
        inputs.keep.check(Some(HOLDS))?;
        match inputs.way()? {
            Way::Etcdctl(etcdctl) => etcdctl.check(),
            Way::K3s(k3s) => k3s.check(),
        }
    }

    fn intend(&self, inputs: &EtcdInputs, _: &StepContext) -> Result<Intent, String> {
        let sources: Vec<Effect> = match inputs.way()? {
            Way::Etcdctl(etcdctl) => {
                let read = |endpoint: &String| {
                    if socket(endpoint).is_some() {
                        return Effect::read(Verb::DatabaseRead, Object::host("etcd", "all keys"));
                    }
                    let address = endpoint.split_once("://");
                    let host = address.map_or(endpoint.as_str(), |(_, host)| host);
                    Effect::read(
                        Verb::DatabaseRead,
                        Object::network(host, "etcd", "all keys"),
                    )
                };
                etcdctl.endpoints.iter().map(read).collect()
            }
            Way::K3s(_) => vec![Effect::read(
                Verb::DatabaseRead,
                Object::host("etcd", "all keys"),
            )],
        };
        Ok(intent(&inputs.name, sources.into_iter()))
    }

    fn seals(&self, inputs: &EtcdInputs) -> bool {
        inputs.keep.seals(true)
    }

    fn execute<'a>(
        &'a self,
        inputs: EtcdInputs,
        session: &'a Session,
        world: &'a World,
    ) -> BoxFuture<'a, StepReport> {
        Box::pin(async move {
            match keep(&inputs, session, world).await {
                Ok(report) | Err(report) => report,
            }
        })
    }

    fn grace(&self, _: &EtcdInputs) -> Span {
        Span::from_secs(15)
    }
}

async fn keep(
    inputs: &EtcdInputs,
    session: &Session,
    world: &World,
) -> Result<StepReport, StepReport> {
    let way = inputs.way().map_err(|why| StepReport::failed(why, false))?;
    let label = inputs
        .keep
        .label(&inputs.name, true, &session.context, world)
        .await;
    // Told before a snapshot is taken in vain.
    if let Some(why) = world.archive.unfit(label.store.as_ref(), label.encrypt) {
        return Err(StepReport::failed(why, false));
    }
    let scratch = world.archive.scratch().await;
    let scratch = scratch.map_err(|error| report_error(&error))?;
    saved(&way, &*scratch, session, world)
        .await
        .map_err(Fault::report)?;
    let of = StreamOf {
        label: &label,
        what: "a snapshot of etcd",
        extension: EXTENSION,
        // As large as the snapshot.
        most: u64::MAX,
    };
    let writing = world.archive.stream(of, session.stop.clone()).await;
    let mut writing = writing.map_err(|error| report_error(&error))?;
    if let Err(why) = copied(&*scratch, &mut *writing).await {
        let fault = writing.fault();
        writing.discard().await;
        return Err(fault.map_or_else(
            || StepReport::failed(format!("keeping the snapshot: {why}"), true),
            |fault| report_error(&fault),
        ));
    }
    let stored = writing.finish().await;
    let kept = (&inputs.keep, &label);
    Ok(report_backup(ArtifactKind::Etcd, kept, stored, world).await)
}

/// One snapshot in the scratch folder, of the first member that gives one.
async fn saved(
    way: &Way<'_>,
    scratch: &dyn Scratch,
    session: &Session,
    world: &World,
) -> Result<(), Fault> {
    let folder = scratch.path();
    let ways: Vec<Vec<Call>> = match way {
        Way::Etcdctl(etcdctl) => {
            let endpoints = etcdctl.endpoints.iter();
            endpoints.map(|endpoint| etcdctl.calls(endpoint)).collect()
        }
        Way::K3s(k3s) => vec![vec![k3s.call(&folder.display().to_string())]],
    };
    let mut faults = Vec::new();
    for calls in ways {
        match carried_out(calls, folder, session, world).await {
            Ok(()) => return Ok(()),
            Err(Fault::Refused(why) | Fault::Failed(why)) => {
                note(session, &why);
                faults.push(why);
            }
            Err(fault) => return Err(fault),
        }
    }
    Err(Fault::Failed(faults.join("; ")))
}

/// One after the other, as long as they go well.
async fn carried_out(
    calls: Vec<Call>,
    folder: &Path,
    session: &Session,
    world: &World,
) -> Result<(), Fault> {
    for call in calls {
        let call = Call {
            directory: Some(folder.to_owned()),
            ..call
        };
        let mut said = Said::to(session.log.clone(), LogStream::Out, 0);
        let with = (session, world);
        call.run(None, &mut said, with, &session.stop).await?;
    }
    Ok(())
}

async fn copied(scratch: &dyn Scratch, writing: &mut dyn Writing) -> Result<(), String> {
    let mut snapshot = scratch.only_file().await?;
    let copied = tokio::io::copy(&mut snapshot, writing).await;
    match copied.map_err(|error| error.to_string())? {
        0 => Err("it is empty".to_owned()),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
