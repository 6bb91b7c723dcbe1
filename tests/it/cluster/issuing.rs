//! What there is no controller and no node for here: one who plays cert-manager for a Certificate, through the real API server, and one
//! who mounts its Secret for a server that shows what is in it.

use super::plane::Space;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use orderly::{
    adapters::{
        certificates::MadeHere,
        clock::SystemClock,
        kubernetes::{ConfiguredClusters, Credentials},
    },
    domain::span::Span,
    ports::{
        certificates::{Certificates as _, Facts, Order},
        clock::Clock as _,
        cluster::{Change, ClusterError, Clusters as _, ObjectPath, Resource, Wanted},
    },
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    sync::{Arc, Condvar, Mutex, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};
use tempfile::TempDir;

/// The Certificate and its Secret.
pub(crate) const CERTIFICATE: &str = "web";
pub(crate) const SECRET: &str = "web-tls";
/// Between two looks.
const PACE: Duration = Duration::from_millis(50);
/// What the first one has left: it ends soon.
const DAYS_LEFT: u64 = 10;

/// What the one who plays cert-manager does when it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Issues,
    Fails,
    Idles,
}

/// What is known outside of the thread.
#[derive(Debug)]
struct Seen {
    mood: Mood,
    /// How often it has looked.
    looks: usize,
    /// How many it has issued.
    issued: usize,
    /// Whether nothing is left to do, and what is mounted is what the Secret holds.
    rests: bool,
}

/// Plays as long as it lives.
pub(crate) struct Issuer {
    folder: TempDir,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Where the server shows what is mounted.
    pub(crate) port: u16,
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

impl Issuer {
    pub(crate) fn new(space: &Space) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (crt, key) = (folder.path().join("tls.crt"), folder.path().join("tls.key"));
        let port = crate::servers::showing(crt, key);
        fs::write(folder.path().join("mounts"), "").unwrap();
        let seen = Seen {
            mood: Mood::Issues,
            looks: 0,
            issued: 0,
            rests: false,
        };
        let seen = Arc::new((Mutex::new(seen), Condvar::new()));
        let (stop, stopped) = mpsc::channel();
        let credentials = Credentials::Kubeconfig {
            path: space.plane().kubeconfig(),
            context: None,
        };
        let clusters = [("default".to_owned(), credentials.into())];
        let player = Player {
            clusters: ConfiguredClusters::new(clusters.into()),
            namespace: space.name.clone(),
            folder: folder.path().to_owned(),
            seen: seen.clone(),
            requests: BTreeMap::new(),
        };
        let thread = thread::spawn(move || player.play(&stopped));
        Self {
            folder,
            seen,
            stop: Some(stop),
            thread: Some(thread),
            port,
        }
    }

    /// With a Certificate whose first revision is there, and ends soon.
    pub(crate) fn with_certificate(space: &Space) -> Self {
        let issuer = Self::new(space);
        space.apply(&json!({
            "apiVersion": "cert-manager.io/v1", "kind": "Certificate", "metadata": { "name": CERTIFICATE },
            "spec": { "secretName": SECRET, "dnsNames": ["localhost"] }
        }));
        issuer.until(|seen| seen.issued > 0 && seen.rests);
        issuer
    }

    fn until(&self, done: impl Fn(&Seen) -> bool) {
        let (seen, changed) = &*self.seen;
        let waited =
            changed.wait_timeout_while(seen.lock().unwrap(), Duration::from_mins(1), |seen| {
                !done(seen)
            });
        let (seen, timeout) = waited.unwrap();
        assert!(!timeout.timed_out(), "{seen:?}");
    }

    pub(crate) fn be(&self, mood: Mood) {
        self.seen.0.lock().unwrap().mood = mood;
    }
    pub(crate) fn issued(&self) -> usize {
        self.seen.0.lock().unwrap().issued
    }
    /// Waits until it has looked a few times since, and has found nothing left to do.
    pub(crate) fn rests(&self) {
        let looks = self.seen.0.lock().unwrap().looks;
        self.until(|seen| seen.looks > looks + 3 && seen.rests);
    }
    /// A file: as long as it is there, the Secret is mounted.
    pub(crate) fn mounts(&self) -> PathBuf {
        self.folder.path().join("mounts")
    }
    /// What the server shows now.
    pub(crate) fn shown(&self) -> String {
        fs::read_to_string(self.folder.path().join("tls.crt")).unwrap_or_default()
    }
}

/// What the Secret holds, as the cluster's administrator sees it.
pub(crate) fn held(space: &Space) -> BTreeMap<String, String> {
    let secret = space.get("secret", SECRET);
    let data = secret["data"].as_object().unwrap().clone();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    data.iter()
        .map(|(key, value)| (key.clone(), text(value)))
        .collect()
}

struct Player {
    clusters: ConfiguredClusters,
    namespace: String,
    folder: PathBuf,
    seen: Arc<(Mutex<Seen>, Condvar)>,
    /// The number of the certificate of each revision, as the requests would tell it.
    requests: BTreeMap<u64, String>,
}

fn secrets() -> Resource {
    resource("", "secrets", "Secret")
}
fn certificates() -> Resource {
    resource("cert-manager.io", "certificates", "Certificate")
}
fn resource(group: &str, plural: &str, kind: &str) -> Resource {
    Resource {
        group: group.to_owned(),
        version: "v1".to_owned(),
        plural: plural.to_owned(),
        kind: kind.to_owned(),
        namespaced: true,
    }
}

impl Player {
    fn play(mut self, stopped: &mpsc::Receiver<()>) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        while stopped.recv_timeout(PACE) == Err(mpsc::RecvTimeoutError::Timeout) {
            let rests = runtime.block_on(self.look());
            let (seen, changed) = &*self.seen;
            let mut seen = seen.lock().unwrap();
            seen.looks += 1;
            seen.rests = rests;
            changed.notify_all();
        }
    }

    /// One look at everything; whether nothing is left to do. What has changed meanwhile is looked at again.
    async fn look(&mut self) -> bool {
        let secret = self.secret().await;
        let is_mounted = self.mount(secret.as_ref());
        let namespace = Some(self.namespace.as_str());
        let found = self
            .clusters
            .get("default", &certificates(), namespace, CERTIFICATE)
            .await;
        let Ok(found) = found else {
            return is_mounted;
        };
        let is_at_rest = match self.issue(&found, secret.as_ref()).await {
            Ok(is_at_rest) => is_at_rest,
            Err(ClusterError::Conflict { .. } | ClusterError::NotFound(_)) => false,
            Err(error) => panic!("{error}"),
        };
        is_mounted && is_at_rest
    }

    async fn secret(&self) -> Option<Value> {
        let wanted = Wanted::Named(SECRET);
        let namespace = Some(self.namespace.as_str());
        let (of, clusters) = (secrets(), &self.clusters);
        let page = clusters.kept_whole("default", &of, namespace, wanted);
        page.await.ok()?.objects.pop()
    }

    /// As a kubelet does it, which takes its time, too.
    fn mount(&self, secret: Option<&Value>) -> bool {
        if !self.folder.join("mounts").exists() {
            return true;
        }
        let Some(secret) = secret else { return true };
        let mut is_mounted = true;
        for name in ["tls.key", "tls.crt"] {
            let path = self.folder.join(name);
            let value = plain(secret, name);
            if fs::read_to_string(&path).unwrap_or_default() != value {
                fs::write(&path, value).unwrap();
                is_mounted = false;
            }
        }
        is_mounted
    }

    async fn issue(&mut self, found: &Value, secret: Option<&Value>) -> Result<bool, ClusterError> {
        let revision = found["status"]["revision"].as_u64().unwrap_or(0);
        let facts = secret.and_then(|secret| MadeHere.read(&plain(secret, "tls.crt")).ok());
        let mood = self.seen.0.lock().unwrap().mood;
        if issuing(found) == "True" {
            match mood {
                Mood::Issues => self.answer(found, revision + 1).await?,
                Mood::Fails => {
                    let why = "the order failed";
                    let status =
                        json!({ "conditions": conditions(found, Some(("False", "Failed", why))) });
                    self.status(found, status).await?;
                }
                Mood::Idles => return Ok(true),
            }
            return Ok(false);
        }
        let Some(facts) = facts else {
            self.trigger(found, "DoesNotExist").await?;
            return Ok(false);
        };
        let requested = self.requests.get(&revision);
        if requested.is_some_and(|serial| *serial != facts.serial) {
            self.trigger(found, "SecretMismatch").await?;
            return Ok(false);
        }
        self.tell(found, &facts).await
    }

    /// The Secret first, its number then, as cert-manager does it. From when to when it is good is told by another of its hands.
    async fn answer(&mut self, found: &Value, revision: u64) -> Result<(), ClusterError> {
        // No two are good until the same second, and the first one has been good for long.
        let (now, more) = (SystemClock::new().now(), Span::from_secs(revision * 3600));
        let lifetime = if revision == 1 { DAYS_LEFT } else { 90 } * 86_400;
        let begin = Span::from_secs(if revision == 1 { 80 * 86_400 } else { 0 });
        let order = Order {
            names: vec!["localhost".to_owned()],
            lifetime: Span::from_secs(lifetime + begin.millis() / 1000 + more.millis() / 1000),
            now: now.checked_sub(begin.signed()).unwrap(),
            signer: None,
        };
        let made = MadeHere.make(&order).unwrap();
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": { "name": SECRET, "annotations": { "cert-manager.io/certificate-name": CERTIFICATE } },
            "stringData": { "tls.crt": made.chain, "tls.key": made.key.expose(), "ca.crt": made.chain },
        });
        let apply = Change::Apply {
            object: &object,
            force: true,
        };
        self.change(&secrets(), (SECRET, None), apply).await?;
        self.requests.insert(revision, made.facts.serial);
        self.seen.0.lock().unwrap().issued += 1;
        let status = json!({ "revision": revision, "conditions": conditions(found, None) });
        self.status(found, status).await
    }

    async fn trigger(&self, found: &Value, reason: &str) -> Result<(), ClusterError> {
        let condition = Some(("True", reason, "it has to be issued"));
        let status = json!({ "conditions": conditions(found, condition) });
        self.status(found, status).await
    }

    async fn tell(&self, found: &Value, facts: &Facts) -> Result<bool, ClusterError> {
        let told = json!({ "notBefore": facts.not_before, "notAfter": facts.not_after });
        if found["status"]["notBefore"] == told["notBefore"]
            && found["status"]["notAfter"] == told["notAfter"]
        {
            return Ok(true);
        }
        self.status(found, told).await?;
        Ok(false)
    }

    async fn status(&self, found: &Value, status: Value) -> Result<(), ClusterError> {
        let patch = json!({
            "metadata": { "resourceVersion": found["metadata"]["resourceVersion"] },
            "status": status,
        });
        let part = (CERTIFICATE, Some("status"));
        self.change(&certificates(), part, Change::Replace(&patch))
            .await
    }

    async fn change(
        &self,
        resource: &Resource,
        (name, subresource): (&str, Option<&str>),
        change: Change<'_>,
    ) -> Result<(), ClusterError> {
        let path = ObjectPath {
            namespace: Some(&self.namespace),
            name,
            subresource,
        };
        let clusters = &self.clusters;
        let changed = clusters.change("default", resource, path, change, false);
        changed.await.map(drop)
    }
}

fn issuing(found: &Value) -> &str {
    let all = found["status"]["conditions"].as_array();
    let mut all = all.into_iter().flatten();
    let issuing = all.find(|one| one["type"] == "Issuing");
    issuing.and_then(|one| one["status"].as_str()).unwrap_or("")
}

/// It is ready, and issuing as this says; where nothing is said, it is not.
fn conditions(found: &Value, issuing: Option<(&str, &str, &str)>) -> Vec<Value> {
    let all = found["status"]["conditions"].as_array();
    let others = all.into_iter().flatten();
    let others = others.filter(|one| one["type"] != "Issuing" && one["type"] != "Ready");
    let at = SystemClock::new().now();
    let condition = |kind: &str, (status, reason, message): (&str, &str, &str)| json!({ "type": kind, "status": status, "reason": reason, "message": message, "lastTransitionTime": at });
    let ready = condition(
        "Ready",
        (
            "True",
            "Ready",
            "Certificate is up to date and has not expired",
        ),
    );
    let issuing = issuing.map(|said| condition("Issuing", said));
    others.cloned().chain([ready]).chain(issuing).collect()
}

/// A value of a Secret.
fn plain(secret: &Value, key: &str) -> String {
    let text = secret["data"][key].as_str().unwrap_or_default();
    String::from_utf8(STANDARD.decode(text).unwrap()).unwrap()
}
