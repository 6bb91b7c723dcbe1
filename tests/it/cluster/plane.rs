//! The control plane of this run, and a test's own namespace in it.

#![expect(
    clippy::disallowed_methods,
    reason = "the control plane is made of processes of their own, and one that runs already is named by the environment"
)]

use crate::steps::{Run, world};
use orderly::{
    actions::framework::World,
    adapters::kubernetes::{Cluster, ConfiguredClusters, Credentials},
    domain::run::{StepReport, StepResult},
};
use rustix::process::Pid;
use serde_json::{Value, json};
use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// How `tests/cluster/up` ends where there is neither Go nor a folder of programs.
const NOTHING_TO_RUN: i32 = 3;

static PLANE: OnceLock<Result<Option<Plane>, String>> = OnceLock::new();
static SPACES: AtomicUsize = AtomicUsize::new(0);

/// A control plane that runs.
pub(crate) struct Plane {
    /// Kubeconfig, logs, process numbers.
    folder: PathBuf,
    /// Where its programs are, as a `PATH`.
    programs: String,
    /// What it said when it was ready.
    pub(crate) greeting: String,
    /// It lives as long as its standard input does, so it ends with this process, however that ends.
    _supervisor: Option<Child>,
}

impl Plane {
    /// The one of this run; nothing where none can be had, which is said aloud.
    fn shared() -> Option<&'static Self> {
        let plane = PLANE.get_or_init(|| match env::var("TEST_CLUSTER") {
            Ok(folder) => Ok(Some(Self::at(folder.into(), String::new(), None))),
            Err(_) => Self::started(),
        });
        plane
            .as_ref()
            .unwrap_or_else(|why| panic!("{why}"))
            .as_ref()
    }

    /// One that a single test may break.
    fn own() -> Option<&'static Self> {
        let plane = Self::started().unwrap_or_else(|why| panic!("{why}"));
        plane.map(|plane| &*Box::leak(Box::new(plane)))
    }

    fn started() -> Result<Option<Self>, String> {
        let up = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cluster/up");
        let mut child = Command::new(up)
            .arg("--until-eof")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut greeting = String::new();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        while said.read_line(&mut greeting).unwrap() > 0 {
            let line = greeting.lines().last().unwrap().trim();
            if let Some(folder) = line.strip_prefix("export TEST_CLUSTER=") {
                let folder = folder.split_whitespace().next().unwrap().into();
                child.stdout = Some(said.into_inner());
                return Ok(Some(Self::at(folder, greeting, Some(child))));
            }
        }
        let ended = child.wait().unwrap();
        if ended.code() != Some(NOTHING_TO_RUN) || env::var("ORDERLY_CI").is_ok() {
            return Err(format!("the control plane does not start: {ended}"));
        }
        let aloud =
            "!! LEFT OUT: the tests on a Kubernetes control plane (tests/cluster/README.md)";
        say(aloud);
        Ok(None)
    }

    fn at(folder: PathBuf, greeting: String, supervisor: Option<Child>) -> Self {
        let programs = fs::read_to_string(folder.join("programs")).unwrap();
        let said = greeting
            .lines()
            .next()
            .unwrap_or("a control plane was there");
        say(said);
        Self {
            programs: programs.trim().to_owned(),
            folder,
            greeting,
            _supervisor: supervisor,
        }
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.join("kubeconfig")
    }

    /// Where one of its programs is.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        let places = self.programs.split(':');
        let found = places.map(|folder| Path::new(folder).join(name));
        found.into_iter().find(|path| path.is_file()).unwrap()
    }

    /// The number of one of its processes; `up` is the one that holds the others.
    pub(crate) fn process(&self, name: &str) -> Pid {
        let file = if name == "up" {
            "pid".to_owned()
        } else {
            format!("{name}.pid")
        };
        let number = fs::read_to_string(self.folder.join(file)).unwrap();
        Pid::from_raw(number.trim().parse().unwrap()).unwrap()
    }
}

/// A namespace for one test, with what it needs beside it; it is deleted after the test.
pub(crate) struct Space {
    plane: &'static Plane,
    folder: TempDir,
    pub(crate) name: String,
}

impl Drop for Space {
    fn drop(&mut self) {
        let delete = ["delete", "namespace", &self.name, "--wait=false"];
        let _best_effort = self.kubectl_command(&delete).output();
    }
}

impl Space {
    /// A new namespace in which pods can be made; nothing where there is no control plane.
    pub(crate) fn new() -> Option<Self> {
        Plane::shared().map(Self::on)
    }

    /// The same, on a control plane that this test alone uses.
    pub(crate) fn alone() -> Option<Self> {
        Plane::own().map(Self::on)
    }

    fn on(plane: &'static Plane) -> Self {
        let number = SPACES.fetch_add(1, Ordering::Relaxed);
        let space = Self {
            plane,
            folder: tempfile::tempdir().unwrap(),
            name: format!("test-{}-{number}", std::process::id()),
        };
        space.kubectl(&["create", "namespace", &space.name]);
        // Pods are refused before it is there.
        let account = ["--for=create", "serviceaccount/default", "--timeout=60s"];
        space.kubectl(&[&["wait"][..], &account].concat());
        space
    }

    pub(crate) fn plane(&self) -> &'static Plane {
        self.plane
    }

    fn kubectl_command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command
            .env("PATH", &self.plane.programs)
            .env("HOME", self.folder.path())
            .env("KUBECONFIG", self.plane.kubeconfig())
            .args(["--namespace", &self.name])
            .args(words);
        command
    }

    /// A file or folder beside the agent's state.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// All files under the agent's artifacts, half-written ones too.
    pub(crate) fn artifacts(&self) -> Vec<PathBuf> {
        let folder = self.path("state/artifacts/nightly");
        let files = fs::read_dir(folder).into_iter().flatten();
        files.map(|file| file.unwrap().path()).collect()
    }

    /// What kubectl says, as the cluster's administrator.
    pub(crate) fn kubectl(&self, words: &[&str]) -> String {
        let done = self.kubectl_command(words).output().unwrap();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "kubectl {words:?}: {errors}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// Whether the API server is there.
    pub(crate) fn answers(&self) -> bool {
        let done = self
            .kubectl_command(&["version", "--request-timeout=2s"])
            .output();
        done.is_ok_and(|done| done.status.success())
    }

    /// What kubectl says, or why it does not do it.
    pub(crate) fn tried(&self, words: &[&str]) -> Result<String, String> {
        let done = self.kubectl_command(words).output().unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        if done.status.success() {
            return Ok(text(done.stdout));
        }
        Err(text(done.stderr))
    }

    /// What helm renders; it reaches no cluster.
    pub(crate) fn helm(&self, words: &[&str]) -> String {
        let mut command = Command::new("helm");
        command.env("PATH", &self.plane.programs);
        let done = command.env("HOME", self.folder.path()).args(words).output();
        let done = done.unwrap();
        let errors = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "helm {words:?}: {errors}");
        String::from_utf8(done.stdout).unwrap()
    }

    /// An object as JSON.
    pub(crate) fn get(&self, kind: &str, name: &str) -> Value {
        serde_json::from_str(&self.kubectl(&["get", kind, name, "-o", "json"])).unwrap()
    }

    /// Waits until it is so, as `kubectl wait --for` says it.
    pub(crate) fn wait(&self, object: &str, what: &str) {
        self.kubectl(&["wait", object, "--for", what, "--timeout=60s"]);
    }

    pub(crate) fn apply(&self, object: &Value) {
        self.apply_text(&object.to_string());
    }

    pub(crate) fn apply_text(&self, objects: &str) {
        let mut child = self
            .kubectl_command(&["apply", "--server-side", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(objects.as_bytes()).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success(), "{objects}");
    }

    /// Makes a deployment, and does not wait for it. `behaviour` is what `tests/cluster/kwok.yaml` knows, or nothing.
    pub(crate) fn deployment(&self, name: &str, replicas: u32, behaviour: &str) {
        self.apply(&json!({
            "apiVersion": "apps/v1", "kind": "Deployment", "metadata": { "name": name },
            "spec": {
                "replicas": replicas,
                "selector": { "matchLabels": { "app": name } },
                "template": pod(name, behaviour)
            }
        }));
    }

    /// Makes a deployment that is available.
    pub(crate) fn available(&self, name: &str, replicas: u32) {
        self.deployment(name, replicas, "");
        let wanted = format!("jsonpath={{.status.availableReplicas}}={replicas}");
        self.wait(&format!("deployment/{name}"), &wanted);
    }

    /// Makes a stateful set or daemon set, and waits until its pods are ready; a daemon set has no count of its own.
    pub(crate) fn workload(&self, kind: &str, name: &str, replicas: u32) {
        let mut spec = json!({
            "selector": { "matchLabels": { "app": name } }, "template": pod(name, "")
        });
        if kind == "StatefulSet" {
            spec["serviceName"] = json!(name);
            spec["replicas"] = json!(replicas);
        }
        self.apply(&json!({ "apiVersion": "apps/v1", "kind": kind, "metadata": { "name": name }, "spec": spec }));
        let object = format!("{kind}/{name}");
        self.kubectl(&["rollout", "status", &object, "--timeout=60s"]);
    }

    /// Makes a Job, and does not wait for it.
    pub(crate) fn job(&self, name: &str, behaviour: &str) {
        let mut template = pod(name, behaviour);
        template["spec"]["restartPolicy"] = json!("Never");
        self.apply(&json!({
            "apiVersion": "batch/v1", "kind": "Job", "metadata": { "name": name },
            "spec": { "backoffLimit": 0, "template": template }
        }));
    }

    /// A kubeconfig for somebody who may do only this in the namespace: a service account with a role of these rules.
    pub(crate) fn somebody(&self, name: &str, rules: &Value) -> PathBuf {
        self.kubectl(&["create", "serviceaccount", name]);
        let version = "rbac.authorization.k8s.io/v1";
        let role = json!({ "apiVersion": version, "kind": "Role", "metadata": { "name": name }, "rules": rules });
        let binding = json!({
            "apiVersion": version, "kind": "RoleBinding", "metadata": { "name": name },
            "roleRef": { "apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name },
            "subjects": [{ "kind": "ServiceAccount", "namespace": self.name, "name": name }]
        });
        let objects = [role, binding];
        self.apply(&json!({ "apiVersion": "v1", "kind": "List", "items": objects }));
        self.until_in_force(&objects);
        let token = self.kubectl(&["create", "token", name]);
        self.kubeconfig_with(name, token.trim())
    }

    /// Waits until the API server, which learns of roles and of their bindings a while after it has stored them, lets
    /// everybody who is bound do what the last rule of their role allows.
    pub(crate) fn until_in_force(&self, objects: &[Value]) {
        let rule_of = |binding: &Value| {
            let role = objects.iter().find(|object| {
                object["kind"] == binding["roleRef"]["kind"]
                    && object["metadata"]["name"] == binding["roleRef"]["name"]
                    && object["metadata"]["namespace"] == binding["metadata"]["namespace"]
            })?;
            role["rules"].as_array()?.last()
        };
        for binding in objects
            .iter()
            .filter(|object| object.get("roleRef").is_some())
        {
            let Some(rule) = rule_of(binding) else {
                continue;
            };
            let resource = rule["resources"][0].as_str().unwrap();
            let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
            let everywhere = binding["kind"] == "ClusterRoleBinding";
            let own = &binding["metadata"]["namespace"];
            let namespace = own
                .as_str()
                .unwrap_or(if everywhere { "" } else { &self.name });
            let subject = &binding["subjects"][0];
            let of = subject["namespace"].as_str().unwrap();
            let name = subject["name"].as_str().unwrap();
            let asked = json!({
                "group": rule["apiGroups"][0], "resource": resource, "subresource": subresource,
                "verb": rule["verbs"][0], "name": rule["resourceNames"][0], "namespace": namespace
            });
            let review = json!({
                "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
                "spec": { "user": format!("system:serviceaccount:{of}:{name}"), "resourceAttributes": asked }
            });
            let file = self.path("review.json");
            fs::write(&file, review.to_string()).unwrap();
            let file = file.display().to_string();
            let words = ["create", "-f", &file, "-o", "jsonpath={.status.allowed}"];
            let start = Instant::now();
            while self.kubectl(&words) != "true" {
                assert!(start.elapsed() < Duration::from_mins(1), "{review}");
                thread::sleep(Duration::from_millis(20));
            }
        }
    }

    /// The plane's kubeconfig with another token.
    pub(crate) fn kubeconfig_with(&self, name: &str, token: &str) -> PathBuf {
        let path = self.folder.path().join(format!("{name}.kubeconfig"));
        let text = fs::read_to_string(self.plane.kubeconfig()).unwrap();
        let (head, rest) = text.split_once("token: ").unwrap();
        let (_admin, tail) = rest.split_once(' ').unwrap();
        fs::write(&path, format!("{head}token: {token} {tail}")).unwrap();
        path
    }

    /// A folder that goes with the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The agent's world with this cluster in it, reached as the administrator.
    pub(crate) fn world(&self) -> World {
        self.world_of(self.plane.kubeconfig())
    }

    pub(crate) fn world_of(&self, path: PathBuf) -> World {
        world_at(self.folder.path(), path)
    }

    pub(crate) fn world_with(&self, cluster: Cluster) -> World {
        World {
            clusters: Arc::new(ConfiguredClusters::new(
                [("default".to_owned(), cluster)].into(),
            )),
            ..world(&self.folder.path().join("state"))
        }
    }

    /// One step of a run of its own.
    pub(crate) async fn step(&self, uses: &str, inputs: Value) -> StepReport {
        self.run().step(uses, inputs).await
    }

    /// A run of the agent.
    pub(crate) fn run(&self) -> Run {
        Run::new(self.world())
    }
}

/// The agent's world with the cluster of this kubeconfig in it.
pub(crate) fn world_at(folder: &Path, kubeconfig: PathBuf) -> World {
    let credentials = Credentials::Kubeconfig {
        path: kubeconfig,
        context: None,
    };
    World {
        clusters: Arc::new(ConfiguredClusters::new(
            [("default".to_owned(), credentials.into())].into(),
        )),
        ..world(&folder.join("state"))
    }
}

fn pod(name: &str, behaviour: &str) -> Value {
    let mut labels = json!({ "app": name });
    if !behaviour.is_empty() {
        labels["orderly.test/pod"] = json!(behaviour);
    }
    json!({
        "metadata": { "labels": labels },
        "spec": { "containers": [{ "name": "app", "image": "registry.example.org/app:1" }] }
    })
}

/// Not by `eprintln`, which is kept from the screen where a test succeeds.
fn say(aloud: &str) {
    let line = format!("{aloud}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// Why a step failed, and whether trying again may help.
pub(crate) fn failure(report: &StepReport) -> (&str, bool) {
    match &report.result {
        StepResult::Failed { error, retryable } => (error, *retryable),
        other => panic!("{other:?}: {}", report.summary),
    }
}
