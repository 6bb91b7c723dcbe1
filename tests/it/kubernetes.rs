//! The Kubernetes adapter and actions against a server, over the wire.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "what fails here fails the test"
)]

use crate::{
    api_server::{Answer, ApiServer, answer, kubeconfig, ok, status},
    steps::{Run, world},
};
use orderly::{
    actions::framework::World,
    adapters::kubernetes::{Account, Answered, Called, Cluster, ConfiguredClusters, Credentials},
    domain::{
        check::CheckStatus,
        name::RunbookName,
        run::{StepReport, StepResult, Trace},
        span::Span,
    },
    ports::cluster::{
        Change, ClusterError, Clusters, Container, Deletion, LogsOf, ObjectPath, Resource, Sort,
    },
};
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};
use tempfile::TempDir;

const WEB: &str = "/apis/apps/v1/namespaces/shop/deployments/web";

struct Stage {
    folder: TempDir,
    server: ApiServer,
    clusters: Arc<ConfiguredClusters>,
}

impl Stage {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = ApiServer::start().await;
        let path = server.kubeconfig(folder.path(), "t0ken");
        let clusters = Arc::new(clusters(path));
        Self {
            folder,
            server,
            clusters,
        }
    }
    fn world(&self) -> World {
        World {
            clusters: self.clusters.clone(),
            ..world(&self.folder.path().join("state"))
        }
    }
    fn run(&self) -> Run {
        Run::new(self.world())
    }
    async fn change_web(&self, change: Change<'_>) -> Result<Value, ClusterError> {
        let web = ObjectPath {
            namespace: Some("shop"),
            name: "web",
            subresource: None,
        };
        let clusters = &self.clusters;
        clusters
            .change("default", &deployments(), web, change, false)
            .await
    }
    async fn get_web(&self) -> Result<Value, ClusterError> {
        let clusters = &self.clusters;
        clusters
            .get("default", &deployments(), Some("shop"), "web")
            .await
    }
}

/// A cluster in which the agent leaves no events: tests count what is sent.
fn clusters(path: PathBuf) -> ConfiguredClusters {
    let credentials = Credentials::Kubeconfig {
        path,
        context: None,
    };
    let cluster = Cluster {
        events: false,
        ..credentials.into()
    };
    ConfiguredClusters::new([("default".to_owned(), cluster)].into())
}
fn deployments() -> Resource {
    Resource {
        group: "apps".into(),
        version: "v1".into(),
        plural: "deployments".into(),
        kind: "Deployment".into(),
        namespaced: true,
    }
}
/// A deployment of generation 2 whose controller has seen `observed`.
fn web(observed: u64, updated: u64, available: u64) -> Value {
    json!({
        "metadata": { "name": "web", "namespace": "shop", "generation": 2 },
        "spec": { "replicas": 3, "selector": { "matchLabels": { "app": "web" } }, "template": { "metadata": {} } },
        "status": {
            "observedGeneration": observed, "replicas": 3, "updatedReplicas": updated, "availableReplicas": available
        }
    })
}
fn error(report: &StepReport) -> (&str, bool) {
    match &report.result {
        StepResult::Failed { error, retryable } => (error, *retryable),
        other @ (StepResult::Succeeded | StepResult::TimedOut | StepResult::Canceled) => {
            panic!("{other:?}: {}", report.summary)
        }
    }
}

#[tokio::test]
async fn an_object_is_read_with_the_kubeconfigs_credentials() {
    let stage = Stage::new().await;
    stage
        .server
        .script(&format!("GET {WEB}"), [ok(&web(2, 3, 3))]);
    stage
        .server
        .script("GET /version", [ok(&json!({ "gitVersion": "v1.35.0" }))]);
    assert_eq!(stage.get_web().await.unwrap()["metadata"]["name"], "web");
    assert_eq!(stage.clusters.version("default").await.unwrap(), "v1.35.0");
    let seen = stage.server.seen();
    assert_eq!(seen[0].headers["authorization"], "Bearer t0ken");
}

#[tokio::test]
async fn each_refusal_has_its_meaning_and_a_look_is_repeated_only_where_that_may_help() {
    for (answered, words, retryable, sent) in [
        (
            status(403, "deployments is forbidden for agent"),
            "forbidden for agent\nhint: grant",
            false,
            1,
        ),
        (
            status(404, "x"),
            "deployment web in namespace shop was not found",
            false,
            1,
        ),
        (
            status(409, "the object has been modified"),
            "deployment web in namespace shop: the object has been modified",
            true,
            1,
        ),
        (
            status(429, "too many requests"),
            "refused the request (429): too many requests",
            true,
            3,
        ),
        (
            status(422, "spec is invalid"),
            "refused the request (422): spec is invalid",
            false,
            1,
        ),
        (
            status(401, "Unauthorized"),
            "(401): Unauthorized\nhint: the agent's credentials",
            false,
            1,
        ),
        (
            status(500, "etcd is away"),
            "did not answer: it failed with 500: etcd is away",
            true,
            3,
        ),
        (
            answer(503, "<html>busy\u{1b}[2J</html>"),
            "it failed with 503: <html>busy[2J</html>",
            true,
            3,
        ),
        (
            answer(200, "<html>hello</html>"),
            "its answer is not JSON",
            true,
            3,
        ),
    ] {
        let stage = Stage::new().await;
        stage
            .server
            .script(&format!("GET {WEB}"), [answered.clone()]);
        let error = stage.get_web().await.unwrap_err();
        assert!(error.to_string().contains(words), "{answered:?}: {error}");
        assert_eq!(error.retryable(), retryable, "{error}");
        assert_eq!(stage.server.seen().len(), sent, "{answered:?}");
    }
}

#[tokio::test]
async fn a_change_is_sent_again_only_where_the_server_has_not_looked_at_it() {
    for (answers, sent) in [
        (vec![status(429, "busy"), ok(&web(2, 3, 3))], 2),
        (vec![status(500, "etcd is away")], 1),
        (vec![status(409, "modified")], 1),
    ] {
        let stage = Stage::new().await;
        stage.server.script(&format!("PATCH {WEB}"), answers);
        let _ended = stage
            .change_web(Change::Merge(&json!({ "spec": {} })))
            .await;
        assert_eq!(stage.server.seen().len(), sent);
    }
}

#[tokio::test]
async fn an_eviction_that_a_budget_forbids_is_not_repeated() {
    let stage = Stage::new().await;
    let path = "POST /api/v1/namespaces/shop/pods/web-1/eviction";
    stage
        .server
        .script(path, [status(429, "it would violate the budget")]);
    let pods = Resource {
        group: String::new(),
        plural: "pods".into(),
        kind: "Pod".into(),
        ..deployments()
    };
    let pod = ObjectPath {
        namespace: Some("shop"),
        name: "web-1",
        subresource: Some("eviction"),
    };
    let clusters = &stage.clusters;
    let empty = json!({});
    let evicted = clusters.change("default", &pods, pod, Change::Create(&empty), false);
    let error = evicted.await.unwrap_err().to_string();
    assert!(
        error.contains("(429): it would violate the budget"),
        "{error}"
    );
    assert_eq!(stage.server.seen().len(), 1);
}

#[tokio::test]
async fn each_change_is_sent_as_the_api_has_it() {
    let body = json!({ "metadata": { "name": "web" } });
    let removal = Deletion {
        uid: Some("u-1"),
        ..Deletion::default()
    };
    for (change, method, content_type, query) in [
        (
            Change::Create(&body),
            "POST /apis/apps/v1/namespaces/shop/deployments",
            "application/json",
            "fieldManager=orderly",
        ),
        (
            Change::Apply {
                object: &body,
                force: false,
            },
            &format!("PATCH {WEB}"),
            "application/apply-patch+yaml",
            "fieldValidation=Strict",
        ),
        (
            Change::Apply {
                object: &body,
                force: true,
            },
            &format!("PATCH {WEB}"),
            "application/apply-patch+yaml",
            "force=true",
        ),
        (
            Change::Merge(&body),
            &format!("PATCH {WEB}"),
            "application/strategic-merge-patch+json",
            "fieldManager=orderly",
        ),
        (
            Change::Replace(&body),
            &format!("PATCH {WEB}"),
            "application/merge-patch+json",
            "fieldManager=orderly",
        ),
        (
            Change::Json(&body),
            &format!("PATCH {WEB}"),
            "application/json-patch+json",
            "fieldManager=orderly",
        ),
        (
            Change::Delete(removal),
            &format!("DELETE {WEB}"),
            "application/json",
            "",
        ),
    ] {
        let stage = Stage::new().await;
        stage.server.script(method, [ok(&web(2, 3, 3))]);
        stage.change_web(change).await.unwrap();
        let seen = &stage.server.seen()[0];
        assert_eq!(seen.headers["content-type"], content_type, "{change:?}");
        assert!(seen.line.contains(query), "{}", seen.line);
        if let Change::Delete(_) = change {
            assert_eq!(seen.body["preconditions"]["uid"], "u-1");
            assert_eq!(seen.body["propagationPolicy"], "Background");
        }
    }
}

#[tokio::test]
async fn a_runbook_reaches_a_cluster_as_the_account_that_is_named_for_it() {
    let stage = Stage::new().await;
    stage
        .server
        .script(&format!("GET {WEB}"), [ok(&web(2, 3, 3))]);
    let runbook = |name: &str| RunbookName::new(name).unwrap();
    let account = |name: &str| Account::ServiceAccount {
        namespace: "ops".to_owned(),
        name: name.to_owned(),
    };
    let cluster = Cluster {
        credentials: Credentials::Kubeconfig {
            path: stage.folder.path().join("kubeconfig"),
            context: None,
        },
        accounts: [(runbook("restart"), account("restarter"))].into(),
        account: Some(account("others")),
        events: false,
    };
    let clusters = ConfiguredClusters::new([("default".to_owned(), cluster)].into());
    let deployments = deployments();
    let web = || async {
        let as_restart = clusters.acting_for(&runbook("restart"));
        let as_other = clusters.acting_for(&runbook("other"));
        for clusters in [&as_restart, &as_other] {
            let got = clusters.get("default", &deployments, Some("shop"), "web");
            got.await.unwrap();
        }
        let own = clusters.get("default", &deployments, Some("shop"), "web");
        own.await.unwrap();
    };
    web().await;
    let seen = stage.server.seen();
    assert_eq!(
        seen[0].headers["impersonate-user"],
        "system:serviceaccount:ops:restarter"
    );
    assert_eq!(
        seen[1].headers["impersonate-user"],
        "system:serviceaccount:ops:others"
    );
    assert!(!seen[2].headers.contains_key("impersonate-user"));
}

#[tokio::test]
async fn a_sort_of_object_is_asked_for_once() {
    let stage = Stage::new().await;
    let version = json!({ "preferredVersion": { "version": "v1" } });
    let kinds = json!({ "resources": [
        { "name": "certificates/status", "kind": "Certificate", "namespaced": true },
        { "name": "certificates", "kind": "Certificate", "namespaced": true },
        { "name": "clusterissuers", "kind": "ClusterIssuer", "namespaced": false }
    ] });
    stage
        .server
        .script("GET /apis/cert-manager.io", [ok(&version)]);
    stage
        .server
        .script("GET /apis/cert-manager.io/v1", [ok(&kinds)]);
    let clusters = &stage.clusters;
    for _ in 0..2 {
        let found = clusters.find("default", Sort::Effect("certificate.cert-manager.io"));
        let found = found.await.unwrap();
        assert_eq!(
            (found.plural.as_str(), found.namespaced),
            ("certificates", true)
        );
    }
    assert_eq!(stage.server.seen().len(), 2);
    let found = clusters.find(
        "default",
        Sort::Manifest("cert-manager.io/v1", "ClusterIssuer"),
    );
    assert!(!found.await.unwrap().namespaced);
    let missing = clusters.find("default", Sort::Manifest("cert-manager.io/v1", "Nothing"));
    let missing = missing.await.unwrap_err().to_string();
    assert!(
        missing.contains("Nothing of cert-manager.io/v1"),
        "{missing}"
    );
}

#[tokio::test]
async fn every_request_is_told_to_whoever_counts_them() {
    let stage = Stage::new().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let counted = told.clone();
    let path = stage.folder.path().join("kubeconfig");
    let clusters = clusters(path).watched(Arc::new(move |called: Called<'_>| {
        let mut told = counted.lock().unwrap();
        let what = match called.answered {
            Answered::With(code) => code.to_string(),
            Answered::Not => "none".to_owned(),
            Answered::Unusable(reason) => format!("unusable: {reason}"),
        };
        told.push((called.cluster.to_owned(), called.verb, what));
    }));
    let deployments = deployments();
    let web = clusters.get("default", &deployments, Some("shop"), "web");
    web.await.unwrap_err();
    let first = ("default".to_owned(), "get", "404".to_owned());
    assert_eq!(*told.lock().unwrap(), [first]);
    std::fs::write(stage.folder.path().join("kubeconfig"), "{ not: [yaml").unwrap();
    let again = self::clusters(stage.folder.path().join("kubeconfig"));
    let counted = told.clone();
    let again = again.watched(Arc::new(move |called: Called<'_>| {
        let is_unusable = matches!(called.answered, Answered::Unusable(_));
        let what = is_unusable.to_string();
        let mut told = counted.lock().unwrap();
        told.push((called.cluster.to_owned(), called.verb, what));
    }));
    again.version("default").await.unwrap_err();
    let last = told.lock().unwrap().pop().unwrap();
    assert_eq!(last, ("default".to_owned(), "version", "true".to_owned()));
}

#[tokio::test]
async fn a_log_flows_into_its_sink() {
    let stage = Stage::new().await;
    let path = "GET /api/v1/namespaces/shop/pods/web-1/log";
    stage.server.script(path, [answer(200, "one\ntwo\n")]);
    let of = LogsOf {
        container: Container {
            namespace: "shop",
            pod: "web-1",
            container: Some("app"),
        },
        previous: true,
        since_seconds: None,
        tail_lines: Some(2),
        follow: false,
    };
    let mut kept = Vec::new();
    stage.clusters.logs("default", of, &mut kept).await.unwrap();
    assert_eq!(kept, b"one\ntwo\n");
    let line = &stage.server.seen()[0].line;
    for part in ["container=app", "previous=true", "tailLines=2"] {
        assert!(line.contains(part), "{line}");
    }
    stage
        .server
        .script(path, [status(400, "container app is waiting to start")]);
    let error = stage
        .clusters
        .logs("default", of, &mut kept)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("waiting to start"), "{error}");
}

#[tokio::test]
async fn the_client_library_writes_no_log_lines_of_its_own() {
    let stage = Stage::new().await;
    let path = stage.folder.path().join("log");
    let file = Arc::new(std::fs::File::create(&path).unwrap());
    let lines = tracing_subscriber::fmt().with_writer(file).finish();
    let _until_the_end = tracing::subscriber::set_default(lines);
    stage
        .server
        .script(&format!("GET {WEB}"), [status(500, "etcd is away")]);
    stage.get_web().await.unwrap_err();
    assert_eq!(std::fs::read_to_string(path).unwrap(), "");
}

#[tokio::test]
async fn a_slow_server_is_given_up_at_the_deadline() {
    let stage = Stage::new().await;
    let path = stage.server.kubeconfig(stage.folder.path(), "t0ken");
    let hasty = clusters(path).with_deadline(Span::from_millis(150));
    let slow = Answer {
        delay: Duration::from_secs(30),
        ..ok(&web(2, 3, 3))
    };
    stage.server.script(&format!("GET {WEB}"), [slow]);
    let error = hasty
        .get("default", &deployments(), Some("shop"), "web")
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("no answer within 150ms"),
        "{error}"
    );
    assert!(error.retryable());
}

#[tokio::test]
async fn a_cluster_that_is_away_hurts_only_the_call_and_may_come_back() {
    let stage = Stage::new().await;
    let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}", free.local_addr().unwrap());
    drop(free);
    kubeconfig(stage.folder.path(), &nobody, "t0ken");
    let error = stage.get_web().await.unwrap_err();
    assert!(matches!(error, ClusterError::Unavailable { .. }), "{error}");
    assert!(
        error.to_string().to_lowercase().contains("refused"),
        "{error}"
    );
    stage.server.kubeconfig(stage.folder.path(), "t0ken");
    stage
        .server
        .script(&format!("GET {WEB}"), [ok(&web(2, 3, 3))]);
    stage.get_web().await.unwrap();
}

#[tokio::test]
async fn a_renewed_token_is_taken_up_after_the_old_one_is_refused() {
    let stage = Stage::new().await;
    let answers = [status(401, "Unauthorized"), ok(&web(2, 3, 3))];
    stage.server.script(&format!("GET {WEB}"), answers);
    stage.get_web().await.unwrap_err();
    stage.server.kubeconfig(stage.folder.path(), "renewed");
    stage.get_web().await.unwrap();
    assert_eq!(
        stage.server.seen()[1].headers["authorization"],
        "Bearer renewed"
    );
}

#[tokio::test]
async fn what_is_not_configured_is_said() {
    let none = ConfiguredClusters::new([].into());
    let error = none.version("prod").await.unwrap_err().to_string();
    assert!(
        error.contains("no Kubernetes cluster named `prod`"),
        "{error}"
    );
    let error = clusters("/not/there".into())
        .version("default")
        .await
        .unwrap_err();
    assert!(error.to_string().contains("/not/there"), "{error}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("kubeconfig");
    std::fs::write(&path, "{ not: [yaml").unwrap();
    let error = clusters(path).version("default").await.unwrap_err();
    assert!(
        matches!(error, ClusterError::Misconfigured { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_list_is_read_page_by_page() {
    let stage = Stage::new().await;
    let pod = |name: &str, ready: &str| {
        json!({
            "metadata": { "name": name, "namespace": "shop" },
            "status": { "conditions": [{ "type": "Ready", "status": ready }], "phase": "Running",
                "containerStatuses": [{ "name": "app", "state": { "waiting": { "reason": "ImagePullBackOff" } } }] }
        })
    };
    let pages = [
        ok(&json!({ "metadata": { "continue": "page-2" }, "items": [pod("a", "True")] })),
        ok(&json!({ "metadata": { "continue": "" }, "items": [pod("b", "False")] })),
    ];
    stage
        .server
        .script("GET /api/v1/namespaces/shop/pods", pages);
    let check = json!({ "what": "pods", "namespace": "shop", "selector": "app in (web)" });
    let report = stage.run().step("kubernetes/check", check).await;
    assert_eq!(report.check, Some(CheckStatus::Critical));
    assert_eq!(
        report.summary,
        "1 of 2 pods are ready; shop/b: app: ImagePullBackOff"
    );
    assert_eq!(report.outputs["problems"][0]["object"], "shop/b");
    let seen = stage.server.seen();
    assert!(
        seen[0]
            .line
            .contains("labelSelector=app+in+%28web%29&limit=500"),
        "{}",
        seen[0].line
    );
    assert!(seen[1].line.contains("continue=page-2"), "{}", seen[1].line);
}

#[tokio::test]
async fn a_check_that_may_not_look_is_unknown_and_one_of_nothing_is_critical() {
    let stage = Stage::new().await;
    stage
        .server
        .script("GET /api/v1/nodes", [status(403, "nodes is forbidden")]);
    stage.server.script(
        "GET /api/v1/namespaces/shop/services/web",
        [status(404, "x")],
    );
    let run = stage.run();
    let report = run
        .step("kubernetes/check", json!({ "what": "nodes" }))
        .await;
    assert_eq!(report.check, Some(CheckStatus::Unknown));
    let gone = json!({ "what": "endpoints", "namespace": "shop", "name": "web" });
    let report = run.step("kubernetes/check", gone).await;
    assert_eq!(report.check, Some(CheckStatus::Critical));
    assert!(
        report
            .summary
            .contains("service web in namespace shop was not found"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_restart_waits_until_all_pods_are_new() {
    let stage = Stage::new().await;
    // The first look is the plan's.
    let seen = [web(1, 3, 3), web(1, 3, 3), web(1, 3, 3)];
    let gets = seen.into_iter().chain([web(2, 1, 3), web(2, 3, 3)]);
    let gets: Vec<Value> = gets.collect();
    stage
        .server
        .script(&format!("GET {WEB}"), gets.iter().map(ok));
    stage
        .server
        .script(&format!("PATCH {WEB}"), [ok(&web(1, 3, 3))]);
    let restart = json!({ "namespace": "shop", "deployment": "web", "wait": "10s" });
    let report = stage
        .run()
        .step("kubernetes/rollout-restart", restart)
        .await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert!(report.outputs["readyAfterMs"].as_u64().unwrap() >= 200);
    let changes = stage.server.changes();
    assert_eq!(changes.len(), 1);
    assert_eq!(
        changes[0].headers["content-type"],
        "application/strategic-merge-patch+json"
    );
    assert!(
        changes[0].line.ends_with("fieldManager=orderly"),
        "{}",
        changes[0].line
    );
    let annotations = &changes[0].body["spec"]["template"]["metadata"]["annotations"];
    assert_eq!(
        annotations["kubectl.kubernetes.io/restartedAt"],
        report.outputs["restartedAt"]
    );
}

#[tokio::test]
async fn a_step_that_has_restarted_before_only_waits() {
    let stage = Stage::new().await;
    stage
        .server
        .script(&format!("GET {WEB}"), [ok(&web(2, 3, 3))]);
    stage
        .server
        .script(&format!("PATCH {WEB}"), [ok(&web(2, 3, 3))]);
    let (run, restart) = (
        stage.run(),
        json!({ "namespace": "shop", "deployment": "web" }),
    );
    let first = run
        .step("kubernetes/rollout-restart", restart.clone())
        .await;
    let mut restarted = web(2, 3, 3);
    let change = stage.server.changes()[0].body.clone();
    restarted["spec"]["template"] = change["spec"]["template"].clone();
    restarted["metadata"]["annotations"] = change["metadata"]["annotations"].clone();
    stage.server.script(&format!("GET {WEB}"), [ok(&restarted)]);
    let second = run
        .step("kubernetes/rollout-restart", restart.clone())
        .await;
    assert_eq!(first.outputs, second.outputs);
    assert_eq!(
        stage.server.changes().len(),
        1,
        "the same step of the same run"
    );
    stage
        .run()
        .step("kubernetes/rollout-restart", restart)
        .await;
    assert_eq!(stage.server.changes().len(), 2, "another run");
}

#[tokio::test]
async fn a_rollout_that_never_gets_ready_names_what_is_missing() {
    let stage = Stage::new().await;
    stage
        .server
        .script(&format!("GET {WEB}"), [ok(&web(2, 1, 2))]);
    let mut elsewhere = web(1, 3, 3);
    elsewhere["spec"]["template"]["metadata"]["labels"] = json!({ "app": "web" });
    stage
        .server
        .script(&format!("PATCH {WEB}"), [ok(&elsewhere)]);
    let pod = json!({
        "metadata": { "name": "web-1", "namespace": "shop" },
        "status": { "containerStatuses": [{ "name": "app", "state": { "waiting": { "reason": "CrashLoopBackOff" } } }] }
    });
    stage.server.script(
        "GET /api/v1/namespaces/shop/pods",
        [ok(&json!({ "items": [pod] }))],
    );
    let restart = json!({ "namespace": "shop", "deployment": "web", "wait": "500ms" });
    let report = stage
        .run()
        .step("kubernetes/rollout-restart", restart)
        .await;
    assert_eq!(
        error(&report),
        (
            "deployment shop/web was restarted, but is not ready: 1 of 3 replicas are updated, 2 are available, \
             2 old ones are still there, after 500ms; pod shop/web-1: app: CrashLoopBackOff; \
             it was not undone: something else has changed it since",
            true
        )
    );
}

#[tokio::test]
async fn a_server_that_is_away_for_a_moment_does_not_end_a_wait() {
    let stage = Stage::new().await;
    let gets = [
        ok(&web(1, 3, 3)),
        ok(&web(1, 3, 3)),
        status(500, "leader lost"),
        answer(200, "{"),
        ok(&web(2, 3, 3)),
    ];
    stage.server.script(&format!("GET {WEB}"), gets);
    stage
        .server
        .script(&format!("PATCH {WEB}"), [ok(&web(1, 3, 3))]);
    let restart = json!({ "namespace": "shop", "deployment": "web", "wait": "10s" });
    let report = stage
        .run()
        .step("kubernetes/rollout-restart", restart)
        .await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
}

#[tokio::test]
async fn a_wait_can_be_stopped() {
    let stage = Stage::new().await;
    stage
        .server
        .script(&format!("GET {WEB}"), [ok(&web(2, 1, 2))]);
    stage
        .server
        .script(&format!("PATCH {WEB}"), [ok(&web(1, 3, 3))]);
    let run = stage.run();
    let restart = json!({ "namespace": "shop", "deployment": "web", "wait": "10m" });
    let stop = async {
        while stage.server.changes().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        run.stop.cancel();
    };
    let (report, ()) = tokio::join!(run.step("kubernetes/rollout-restart", restart), stop);
    assert_eq!(report.result, StepResult::Canceled);
    assert!(
        report
            .summary
            .contains("was restarted; waiting for it was stopped"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_paused_deployment_is_not_restarted() {
    let stage = Stage::new().await;
    let mut paused = web(2, 3, 3);
    paused["spec"]["paused"] = json!(true);
    stage.server.script(&format!("GET {WEB}"), [ok(&paused)]);
    let restart = json!({ "namespace": "shop", "deployment": "web" });
    let report = stage
        .run()
        .step("kubernetes/rollout-restart", restart)
        .await;
    assert!(error(&report).0.contains("is paused"));
    assert!(stage.server.changes().is_empty());
}

#[tokio::test]
async fn a_scaling_tells_what_to_scale_back_to_even_when_tried_again() {
    let stage = Stage::new().await;
    let mut scaled = web(2, 3, 3);
    scaled["spec"]["replicas"] = json!(5);
    stage.server.script(
        &format!("GET {WEB}"),
        [
            ok(&web(2, 3, 3)),
            ok(&web(2, 3, 3)),
            ok(&web(2, 3, 3)),
            ok(&scaled),
        ],
    );
    stage.server.script(&format!("PATCH {WEB}"), [ok(&scaled)]);
    let (run, scale) = (
        stage.run(),
        json!({ "namespace": "shop", "deployment": "web", "replicas": 5, "wait": "300ms", "undoOnFailure": false }),
    );
    let first = run.step("kubernetes/scale", scale.clone()).await;
    assert!(
        error(&first)
            .0
            .contains("was scaled from 3 to 5, but is not ready: 3 of 5 replicas are available")
    );
    assert_eq!(first.outputs["previous"], 3);
    let change = stage.server.changes()[0].body.clone();
    assert_eq!(change["spec"], json!({ "replicas": 5 }));
    scaled["metadata"]["annotations"] = change["metadata"]["annotations"].clone();
    scaled["status"]["replicas"] = json!(5);
    scaled["status"]["availableReplicas"] = json!(5);
    stage.server.script(&format!("GET {WEB}"), [ok(&scaled)]);
    let second = run.step("kubernetes/scale", scale).await;
    assert_eq!(second.result, StepResult::Succeeded, "{}", second.summary);
    assert_eq!(second.outputs["previous"], 3);
}

#[tokio::test]
async fn a_workload_that_is_not_what_it_was_when_people_were_asked_is_told() {
    let stage = Stage::new().await;
    let named = |uid: &str, generation: i64| {
        let mut web = web(2, 3, 3);
        web["metadata"]["uid"] = json!(uid);
        web["metadata"]["generation"] = json!(generation);
        web
    };
    let now = |answer: Answer| stage.server.script(&format!("GET {WEB}"), [answer]);
    let run = stage.run();
    for (action, more) in [
        ("kubernetes/scale", json!({ "replicas": 0 })),
        ("kubernetes/rollout-restart", json!({})),
    ] {
        let mut arguments = json!({ "namespace": "shop", "deployment": "web" });
        arguments
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        now(ok(&named("a", 7)));
        let planned = run.planned(action, arguments.clone()).await;
        let mut same = named("a", 7);
        same["metadata"]["resourceVersion"] = json!("its status has changed");
        now(ok(&same));
        assert_eq!(run.still(&planned).await, Ok(()));
        for (answer, words) in [
            (ok(&named("a", 8)), "its generation was 7 and is 8"),
            (ok(&named("b", 7)), "the one of then was replaced"),
            (status(404, "gone"), "cannot be seen any more"),
        ] {
            now(answer);
            let told = run.still(&planned).await.unwrap_err();
            assert!(
                told.contains("deployment.apps shop/web on cluster default"),
                "{told}"
            );
            assert!(told.contains(words), "{told}");
            // What is gone is not asked about any more.
            if let Ok(again) = run.plan(action, arguments.clone()).await {
                assert_ne!(again.digest(), planned.digest(), "another question");
            }
        }
    }
}

#[tokio::test]
async fn a_change_names_the_object_that_was_looked_at() {
    let stage = Stage::new().await;
    let mut named = web(2, 3, 3);
    named["metadata"]["uid"] = json!("a");
    stage.server.script(&format!("GET {WEB}"), [ok(&named)]);
    stage.server.script(&format!("PATCH {WEB}"), [ok(&named)]);
    let run = stage.run();
    let workload = json!({ "namespace": "shop", "deployment": "web" });
    run.step("kubernetes/rollout-restart", workload).await;
    let scale = json!({ "namespace": "shop", "deployment": "web", "replicas": 5 });
    run.step("kubernetes/scale", scale).await;
    for change in stage.server.changes() {
        assert_eq!(change.body["metadata"]["uid"], "a", "{}", change.line);
    }
}

#[tokio::test]
async fn an_object_that_changes_between_the_look_and_the_change_is_looked_at_again() {
    let stage = Stage::new().await;
    let named = |uid: &str, version: &str| {
        let mut web = web(2, 3, 3);
        web["metadata"]["uid"] = json!(uid);
        web["metadata"]["resourceVersion"] = json!(version);
        ok(&web)
    };
    let conflict = || status(409, "the object has been modified");
    let (get, patch) = (format!("GET {WEB}"), format!("PATCH {WEB}"));
    let scale = json!({ "namespace": "shop", "deployment": "web", "replicas": 5 });
    // The first two looks are the plan's.
    let looks = ["1", "1", "1", "2"].map(|version| named("a", version));
    stage.server.script(&get, looks);
    stage.server.script(&patch, [conflict(), named("a", "3")]);
    let report = stage.run().step("kubernetes/scale", scale.clone()).await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    let versions: Vec<Value> = stage
        .server
        .changes()
        .iter()
        .map(|change| change.body["metadata"]["resourceVersion"].clone())
        .collect();
    assert_eq!(versions, [json!("1"), json!("2")]);
    stage.server.script(
        &get,
        [
            named("a", "1"),
            named("a", "1"),
            named("a", "1"),
            named("b", "2"),
        ],
    );
    stage.server.script(&patch, [conflict()]);
    let report = stage.run().step("kubernetes/scale", scale).await;
    assert_eq!(
        error(&report),
        (
            "deployment shop/web was replaced by another one of this name meanwhile",
            false
        )
    );
    assert_eq!(stage.server.changes().len(), 3, "another one is left alone");
}

#[tokio::test]
async fn a_change_without_an_answer_is_looked_for_before_it_is_called_a_failure() {
    let stage = Stage::new().await;
    stage
        .server
        .script(&format!("GET {WEB}"), [ok(&web(2, 3, 3))]);
    stage
        .server
        .script(&format!("PATCH {WEB}"), [status(500, "leader lost")]);
    let scale = json!({ "namespace": "shop", "deployment": "web", "replicas": 5 });
    let report = stage.run().step("kubernetes/scale", scale).await;
    let (words, retryable) = error(&report);
    assert!(words.contains("leader lost"), "{words}");
    assert!(retryable);
    let seen = stage.server.seen();
    assert!(
        seen.last().unwrap().line.starts_with("GET"),
        "it was looked for"
    );
}

#[tokio::test]
async fn a_dry_run_asks_the_server_and_changes_nothing() {
    let stage = Stage::new().await;
    stage
        .server
        .script(&format!("GET {WEB}"), [ok(&web(2, 3, 3))]);
    stage
        .server
        .script(&format!("PATCH {WEB}"), [ok(&web(2, 3, 3))]);
    let run = Run::dry(stage.world());
    let restart = json!({ "namespace": "shop", "deployment": "web", "wait": "1m" });
    let report = run.step("kubernetes/rollout-restart", restart).await;
    assert_eq!(
        report.summary,
        "would restart deployment shop/web; the server agrees"
    );
    let scale = json!({ "namespace": "shop", "deployment": "web", "replicas": 0, "wait": "1m" });
    let report = run.step("kubernetes/scale", scale).await;
    assert_eq!(
        report.summary,
        "would scale deployment shop/web from 3 to 0; the server agrees"
    );
    for change in stage.server.changes() {
        assert!(change.line.contains("dryRun=All"), "{}", change.line);
    }
}

#[tokio::test]
async fn a_change_that_is_refused_says_why() {
    let stage = Stage::new().await;
    stage
        .server
        .script(&format!("GET {WEB}"), [ok(&web(2, 3, 3))]);
    stage.server.script(
        &format!("PATCH {WEB}"),
        [status(403, "cannot patch deployments")],
    );
    let restart = json!({ "namespace": "shop", "deployment": "web" });
    let report = stage
        .run()
        .step("kubernetes/rollout-restart", restart)
        .await;
    let (words, retryable) = error(&report);
    assert!(
        words
            .starts_with("restarting deployment shop/web: the API server forbids it: cannot patch"),
        "{words}"
    );
    assert!(!retryable);
}

/// Of a server that quotes the whole object in its refusal.
#[tokio::test]
async fn a_refused_patch_of_a_secret_tells_none_of_its_values() {
    let stage = Stage::new().await;
    let path = "/api/v1/namespaces/shop/secrets/db";
    let copied = json!({ "kubectl.kubernetes.io/last-applied-configuration": "hunter2" });
    let metadata = json!({ "name": "db", "namespace": "shop", "uid": "1", "resourceVersion": "7", "annotations": copied });
    let secret = json!({ "kind": "PartialObjectMetadata", "metadata": metadata });
    stage.server.script(&format!("GET {path}"), [ok(&secret)]);
    let message = r#"Secret "db" is invalid: patch: Invalid value: "{\"data\":{\"a\":\"hunter2\"}}": json: cannot unmarshal object into Go struct field Secret.type of type v1.SecretType"#;
    let cause = json!({ "reason": "FieldValueInvalid", "message": "hunter2", "field": "patch" });
    let refusal = json!({
        "kind": "Status", "status": "Failure", "reason": "Invalid", "code": 422,
        "message": message, "details": { "causes": [cause] }
    });
    let refused = [answer(422, &refusal.to_string())];
    stage.server.script(&format!("PATCH {path}"), refused);
    let patch =
        json!({ "namespace": "shop", "object": "secret/db", "merge": { "type": { "x": 5 } } });
    for run in [stage.run(), Run::dry(stage.world())] {
        let (report, log) = run.logged_step("kubernetes/patch", patch.clone()).await;
        let told = format!("{}{log}{}", report.summary, report.outputs);
        assert!(!told.contains("hunter2"), "{told}");
        for words in [
            "(422): Invalid",
            "`Secret.type` cannot be of the type object",
            "left out",
        ] {
            assert!(told.contains(words), "{told}");
        }
        assert_eq!(report.trace, Trace::None, "nothing was touched");
    }
}
