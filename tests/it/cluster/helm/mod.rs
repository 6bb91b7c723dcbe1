//! `helm/*` on a real control plane, with the real helm and a chart that is made for each test.

mod backups;
mod failures;
mod judged;
mod least;
mod others;
mod upgrades;

use super::plane::Space;
use crate::steps::Run;
use orderly::{
    actions::framework::World,
    adapters::{
        process::HostProcesses,
        secrets::{ConfiguredSecrets, Origin},
    },
    domain::{
        digest::Digest,
        name::SecretName,
        pinned::FoundProgram,
        run::{StepReport, StepResult},
        secret::SecretValue,
    },
    ports::{
        BoxFuture,
        executor::StepLog,
        materials::{Looked, Materials, RevisionFile},
        processes::{Ended, ProcessError, Processes, Program, Work},
    },
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};
use tokio_util::sync::CancellationToken;

/// What a values file of a test may hold in secret.
const SECRET: &str = "hunter2-very-secret";

const CHART: &str = "apiVersion: v2\nname: web\nversion: 1.0.0\nappVersion: \"7\"\n";
const VALUES: &str = "replicas: 1\npod: \"\"\nextra: true\nrole: false\npassword: none\n";
const WEB: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  replicas: {{ .Values.replicas }}
  selector: { matchLabels: { app: {{ .Release.Name }} } }
  template:
    metadata: { labels: { app: {{ .Release.Name }}, orderly.test/pod: "{{ .Values.pod }}" } }
    spec: { containers: [{ name: app, image: registry.example.org/app:1 }] }
---
apiVersion: v1
kind: Secret
metadata: { name: {{ .Release.Name }} }
stringData: { password: {{ .Values.password | quote }} }
{{ if .Values.extra }}
---
apiVersion: v1
kind: ConfigMap
metadata: { name: {{ .Release.Name }}-extra }
{{ end }}
{{ if .Values.role }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: {{ .Release.Namespace }}-all }
rules: [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }]
{{ end }}
"#;

/// A test's namespace, with a repository that has a chart in it, and the helm of the control plane.
struct Desk {
    space: Space,
    ran: Arc<Mutex<Vec<Program>>>,
}

impl Desk {
    fn new() -> Option<Self> {
        let space = Space::new()?;
        let desk = Self {
            space,
            ran: Arc::default(),
        };
        desk.write("charts/web/Chart.yaml", CHART);
        desk.write("charts/web/values.yaml", VALUES);
        desk.write("charts/web/templates/web.yaml", WEB);
        Some(desk)
    }

    fn repository(&self) -> PathBuf {
        self.space.folder().join("repository")
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.repository().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn world_as(&self, kubeconfig: PathBuf) -> World {
        let number = self.ran.lock().unwrap().len();
        let scratch = self.space.folder().join(format!("work-{number}"));
        let helm = self.space.plane().program("helm");
        let origin = Origin::Variable {
            name: "PASSWORD".to_owned(),
            value: Some(SecretValue::new(SECRET.to_owned())),
        };
        let secrets = [(SecretName::new("password").unwrap(), origin)];
        World {
            processes: Arc::new(WithHelm {
                host: HostProcesses::open(scratch).unwrap(),
                helm: helm.clone(),
                ran: self.ran.clone(),
            }),
            materials: Arc::new(Folder {
                repository: self.repository(),
                helm,
            }),
            secrets: Arc::new(ConfiguredSecrets::new(secrets.into())),
            ..self.space.world_of(kubeconfig)
        }
    }

    fn world(&self) -> World {
        self.world_as(self.space.plane().kubeconfig())
    }

    fn run(&self) -> Run {
        Run::new(self.world())
    }

    /// The inputs of an upgrade of the release `web`, and more.
    fn inputs(&self, more: Value) -> Value {
        let mut inputs = json!({
            "namespace": self.space.name, "release": "web", "chart": "charts/web", "install": true, "wait": "60s"
        });
        let more = more.as_object().unwrap().clone();
        inputs.as_object_mut().unwrap().extend(more);
        inputs
    }

    /// One upgrade in a run of its own.
    async fn upgrade(&self, more: Value) -> StepReport {
        self.run().step("helm/upgrade", self.inputs(more)).await
    }

    /// The same, that succeeds.
    async fn upgraded(&self, more: Value) -> Value {
        let report = self.upgrade(more).await;
        assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
        report.outputs
    }

    /// The states of all revisions, as helm notes them in the cluster.
    fn states(&self) -> Vec<String> {
        let records = self.space.kubectl(&[
            "get",
            "secrets",
            "--selector",
            "owner=helm,name=web",
            "--output",
            "json",
        ]);
        let records: Value = serde_json::from_str(&records).unwrap();
        let of = |record: &Value| {
            let labels = &record["metadata"]["labels"];
            let number: u32 = labels["version"].as_str().unwrap().parse().unwrap();
            (number, labels["status"].as_str().unwrap().to_owned())
        };
        let mut states: Vec<_> = records["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(of)
            .collect();
        states.sort();
        states.into_iter().map(|(_, state)| state).collect()
    }

    /// The number of a helm that runs with these words, once it does.
    async fn helm_that_runs(&self, word: &str) -> i32 {
        loop {
            let mut found = processes().into_iter().filter(|(_, line)| {
                let is_helm = line
                    .split('\0')
                    .next()
                    .is_some_and(|name| name.ends_with("/helm"));
                is_helm && line.contains(&self.space.name) && line.contains(word)
            });
            if let Some((number, _)) = found.next() {
                return number;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }
}

/// All processes with their words.
fn processes() -> Vec<(i32, String)> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let number = |entry: &fs::DirEntry| entry.file_name().to_str()?.parse().ok();
    entries
        .filter_map(|entry| {
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            Some((number(&entry)?, String::from_utf8_lossy(&line).into_owned()))
        })
        .collect()
}

/// The host's programs, where `helm` means that of the control plane.
#[derive(Debug)]
struct WithHelm {
    host: HostProcesses,
    helm: PathBuf,
    ran: Arc<Mutex<Vec<Program>>>,
}

impl Processes for WithHelm {
    fn run(
        &self,
        program: Program,
        log: Arc<dyn StepLog>,
        stop: CancellationToken,
    ) -> BoxFuture<'_, Result<Ended, ProcessError>> {
        self.ran.lock().unwrap().push(program.clone());
        let mut program = program;
        let Work::Words(words) = &mut program.work else {
            panic!("helm is no pipeline")
        };
        assert_eq!(words[0], "helm");
        words[0] = self.helm.display().to_string();
        self.host.run(program, log, stop)
    }
    fn kill_all(&self) {
        self.host.kill_all();
    }
}

/// A repository that is a folder.
#[derive(Debug)]
struct Folder {
    repository: PathBuf,
    helm: PathBuf,
}

impl Folder {
    fn collect(&self, path: &Path, found: &mut Vec<RevisionFile>) {
        let full = self.repository.join(path);
        if full.is_dir() {
            for entry in fs::read_dir(full).unwrap() {
                self.collect(&path.join(entry.unwrap().file_name()), found);
            }
            return;
        }
        found.push(RevisionFile {
            path: path.to_str().unwrap().to_owned(),
            bytes: fs::read(full).unwrap(),
            executable: false,
        });
    }
}

impl Materials for Folder {
    fn file(&self, path: &Path) -> Option<Vec<u8>> {
        fs::read(path).ok()
    }
    fn program(&self, name: &str) -> Looked {
        assert_eq!(name, "helm");
        Looked::Found(FoundProgram {
            path: self.helm.display().to_string(),
            sha256: Digest::of_bytes(b"helm"),
        })
    }
    fn repository<'a>(
        &'a self,
        _: &'a str,
        paths: &'a [String],
    ) -> BoxFuture<'a, Result<Vec<RevisionFile>, String>> {
        let mut found = Vec::new();
        for path in paths {
            self.collect(Path::new(path), &mut found);
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Box::pin(std::future::ready(Ok(found)))
    }
}
