use crate::{
    actions::framework::{
        World,
        scripted::{act, intend, world},
    },
    domain::{
        effect::{Class, Confidence},
        name::{RunbookName, SecretName},
        run::{StepReport, StepResult},
        secret::marker,
    },
    ports::{
        BoxFuture,
        cluster::{
            Change, ClusterError, Clusters, Container, ExecEnd, ExecStreams, LogsOf, Matching,
            Names, ObjectPath, Resource, Sink, Sort,
        },
    },
};
use serde_json::{Value, json};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

fn exec(command: &[&str]) -> Value {
    json!({ "namespace": "shop", "object": "statefulset/db", "command": command })
}

#[tokio::test]
async fn what_reads_into_an_artifact_makes_a_file() {
    let mut read = exec(&["cat", "/var/lib/report.txt"]);
    let looks = intend("kubernetes/exec", read.clone()).await.unwrap();
    assert_eq!(looks.effects.class(), Class::Read, "{:?}", looks.effects);
    assert!(looks.idempotent);
    read["artifact"] = json!("report");
    let kept = intend("kubernetes/exec", read).await.unwrap();
    assert_eq!(kept.effects.class(), Class::Change);
    assert!(kept.idempotent, "one that broke off leaves nothing");
    let shown: Vec<String> = kept.effects.items.iter().map(ToString::to_string).collect();
    for effect in [
        "read statefulset.apps db in namespace shop on cluster default",
        "create artifact report of the agent",
    ] {
        assert!(shown.iter().any(|shown| shown == effect), "{shown:?}");
    }
}

#[tokio::test]
async fn what_runs_in_a_container_is_judged_by_what_it_does() {
    let judged = |command: &[&str]| intend("kubernetes/exec", exec(command));
    let removes = judged(&["sh", "-c", "rm -rf /data"]).await.unwrap();
    assert_eq!(removes.effects.class(), Class::Destructive);
    assert!(!removes.idempotent);
    let unknown = judged(&["some-program"]).await.unwrap();
    assert_eq!(unknown.effects.confidence, Confidence::Opaque);
}

#[tokio::test]
async fn inputs_that_make_no_sense_are_refused() {
    let secret = marker(&SecretName::new("db").unwrap());
    for (mut inputs, key, value, words) in [
        (exec(&["ls"]), "pod", json!("a"), "exactly one of"),
        (exec(&["ls"]), "any", json!(true), "goes with `selector`"),
        (exec(&[]), "any", json!(false), "name is missing"),
        (
            exec(&["psql", &secret]),
            "any",
            json!(false),
            "hint: pass it by `stdin`",
        ),
        (exec(&["ls"]), "extension", json!("../x"), "at `extension`"),
    ] {
        inputs[key] = value;
        let error = intend("kubernetes/exec", inputs).await.unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

/// A cluster with one pod, whose programs say back what they are fed, complain, and end so.
#[derive(Debug, Clone)]
struct OnePod(Result<ExecEnd, ClusterError>);

fn nothing<'a, T: Send + 'a>() -> BoxFuture<'a, Result<T, ClusterError>> {
    let error = ClusterError::NotFound("anything else".to_owned());
    Box::pin(std::future::ready(Err(error)))
}

impl Clusters for OnePod {
    fn get<'a>(
        &'a self,
        _: &'a str,
        _: &'a Resource,
        _: Option<&'a str>,
        name: &'a str,
    ) -> BoxFuture<'a, Result<Value, ClusterError>> {
        let pod = json!({
            "metadata": { "name": name }, "spec": { "containers": [{ "name": "app" }] }
        });
        Box::pin(std::future::ready(Ok(pod)))
    }
    fn exec<'a>(
        &'a self,
        _: &'a str,
        _: Container<'a>,
        _: &'a [String],
        streams: ExecStreams<'a>,
    ) -> BoxFuture<'a, Result<ExecEnd, ClusterError>> {
        Box::pin(async move {
            let mut fed = Vec::new();
            if let Some(stdin) = streams.stdin {
                stdin.read_to_end(&mut fed).await.unwrap();
            }
            streams.stdout.write_all(&fed).await.unwrap();
            streams.stderr.write_all(b"one\ntwo\n").await.unwrap();
            self.0.clone()
        })
    }
    fn version<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String, ClusterError>> {
        nothing()
    }
    fn list<'a>(
        &'a self,
        _: &'a str,
        _: &'a Resource,
        _: Option<&'a str>,
        _: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Vec<Value>, ClusterError>> {
        nothing()
    }
    fn names<'a>(
        &'a self,
        _: &'a str,
        _: &'a Resource,
        _: Option<&'a str>,
        _: Matching<'a>,
        _: usize,
    ) -> BoxFuture<'a, Result<Names, ClusterError>> {
        nothing()
    }
    fn is_reached_by_programs(&self, _: &str, _: Option<&str>) -> bool {
        false
    }
    fn assumed_namespace<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<String, ClusterError>> {
        nothing()
    }
    fn find<'a>(
        &'a self,
        _: &'a str,
        _: Sort<'a>,
    ) -> BoxFuture<'a, Result<Resource, ClusterError>> {
        nothing()
    }
    fn change<'a>(
        &'a self,
        _: &'a str,
        _: &'a Resource,
        _: ObjectPath<'a>,
        _: Change<'a>,
        _: bool,
    ) -> BoxFuture<'a, Result<Value, ClusterError>> {
        nothing()
    }
    fn logs<'a>(
        &'a self,
        _: &'a str,
        _: LogsOf<'a>,
        _: &'a mut Sink<'_>,
    ) -> BoxFuture<'a, Result<(), ClusterError>> {
        nothing()
    }
    fn acting_for(&self, _: &RunbookName) -> Arc<dyn Clusters> {
        Arc::new(self.clone())
    }
}

async fn ended(end: Result<ExecEnd, ClusterError>, stdin: &str) -> StepReport {
    let world = World {
        clusters: Arc::new(OnePod(end)),
        ..world()
    };
    let inputs = json!({ "namespace": "shop", "pod": "db-0", "command": ["psql"], "stdin": stdin, "capture": true });
    act(world, "kubernetes/exec", inputs).await
}

#[tokio::test]
async fn only_exit_code_0_is_a_success() {
    let report = ended(Ok(ExecEnd::Exited(0)), "select 1\n").await;
    assert_eq!(report.result, StepResult::Succeeded, "{}", report.summary);
    assert_eq!(report.outputs["stdout"], "select 1");
    let lost = ClusterError::Unavailable {
        cluster: "default".to_owned(),
        reason: "the connection was lost".to_owned(),
    };
    for (end, words, code) in [
        (
            Ok(ExecEnd::Exited(137)),
            "exited with 137: one; two",
            json!(137),
        ),
        (
            Ok(ExecEnd::Failed("no such file".to_owned())),
            "did not run to its end: no such file: one; two",
            Value::Null,
        ),
        (Err(lost), "the connection was lost: one; two", Value::Null),
    ] {
        let report = ended(end, "").await;
        assert!(matches!(report.result, StepResult::Failed { .. }));
        assert!(report.summary.contains(words), "{}", report.summary);
        assert_eq!(report.outputs["exitCode"], code);
    }
}

#[tokio::test]
async fn of_what_is_captured_no_line_is_cut() {
    let long = "0123456789\n".repeat(10_000);
    let report = ended(Ok(ExecEnd::Exited(0)), &long).await;
    assert_eq!(report.outputs["truncated"], true);
    let kept = report.outputs["stdout"].as_str().unwrap();
    assert!(kept.len() <= 64 * 1024 && kept.ends_with("\n0123456789"));
}
