use crate::{
    actions::framework::scripted::{context, intend},
    domain::{
        effect::{Class, Confidence},
        name::SecretName,
        secret::marker,
    },
};
use serde_json::{Value, json};

fn template(command: &[&str]) -> Value {
    json!({ "namespace": "shop", "name": "dump", "template": { "image": "registry/tools:1", "command": command } })
}

#[tokio::test]
async fn the_job_is_named_and_what_its_containers_run_is_judged() {
    let intent = intend("kubernetes/run-job", template(&["true"]))
        .await
        .unwrap();
    assert_eq!(intent.effects.class(), Class::Change);
    assert!(intent.idempotent);
    let create = intent.effects.items[0].to_string();
    assert!(
        create.starts_with("create job.batch dump-")
            && create.ends_with("-1 in namespace shop on cluster default"),
        "{create}"
    );
    let destroys = intend("kubernetes/run-job", template(&["rm", "-rf", "/data"]))
        .await
        .unwrap();
    assert_eq!(destroys.effects.class(), Class::Destructive);
    let from = json!({ "namespace": "shop", "fromCronJob": "report" });
    let from = intend("kubernetes/run-job", from).await.unwrap();
    assert_eq!(from.effects.confidence, Confidence::Bounded);
}

#[tokio::test]
async fn inputs_that_make_no_sense_are_refused() {
    let secret = marker(&SecretName::new("db").unwrap());
    let with = |key: &str, value: Value| {
        let mut inputs = template(&["true"]);
        inputs["template"][key] = value;
        inputs
    };
    for (inputs, words) in [
        (
            json!({ "namespace": "a" }),
            "exactly one of `job`, `template`, `fromCronJob`",
        ),
        (with("image", json!("")), "at `template.image`"),
        (
            with("env", json!({ "A": secret })),
            "name a Secret of the namespace",
        ),
        (
            with(
                "volumes",
                json!([{ "path": "/a", "claim": "b", "scratch": true }]),
            ),
            "volumes[0]",
        ),
        (
            json!({ "namespace": "a", "job": { "kind": "Pod", "spec": {} } }),
            "it is a Pod",
        ),
        (
            json!({ "namespace": "a", "job": { "metadata": { "labels": 1 }, "spec": { "template": {} } } }),
            "labels`: want an object",
        ),
        (
            json!({ "namespace": "a", "job": { "parallelism": 1 } }),
            "has no `template`",
        ),
    ] {
        let error = intend("kubernetes/run-job", inputs).await.unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn a_template_becomes_a_job_whose_secrets_are_named() {
    let inputs: super::RunJobInputs = serde_json::from_value(json!({
        "namespace": "shop", "ttlSecondsAfterFinished": 600,
        "template": {
            "image": "registry/tools:1", "args": ["--port", 5432],
            "env": { "HOST": "db", "PASSWORD": { "secret": "db", "key": "password" } },
            "volumes": [{ "path": "/data", "claim": "data", "readOnly": true }, { "path": "/tmp", "scratch": true }],
            "resources": { "limits": { "memory": "64Mi" } }
        }
    }))
    .unwrap();
    let job = inputs.manifest(&context());
    let pod = &job["spec"]["template"]["spec"];
    assert_eq!(job["spec"]["ttlSecondsAfterFinished"], 600);
    assert_eq!(job["spec"]["backoffLimit"], 0);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let container = &pod["containers"][0];
    assert_eq!(container["args"], json!(["--port", "5432"]));
    assert_eq!(
        container["env"][1],
        json!({ "name": "PASSWORD", "valueFrom": { "secretKeyRef": { "name": "db", "key": "password" } } })
    );
    assert_eq!(
        pod["volumes"][0]["persistentVolumeClaim"]["claimName"],
        "data"
    );
    assert_eq!(container["volumeMounts"][0]["readOnly"], true);
}

#[test]
fn a_cron_jobs_job_is_what_the_cron_job_would_start() {
    let inputs: super::RunJobInputs =
        serde_json::from_value(json!({ "namespace": "shop", "fromCronJob": "report" })).unwrap();
    let cron_job = json!({ "spec": { "jobTemplate": { "metadata": { "labels": { "a": "b" } }, "spec": { "template": { "spec": {} } } } } });
    let job = inputs.of_cron_job(&cron_job, &context());
    assert!(
        job["metadata"]["name"]
            .as_str()
            .unwrap()
            .starts_with("report-")
    );
    assert_eq!(job["metadata"]["labels"]["a"], "b");
    assert_eq!(
        job["metadata"]["annotations"]["cronjob.kubernetes.io/instantiate"],
        "manual"
    );
    assert!(job["spec"]["template"].is_object());
}
