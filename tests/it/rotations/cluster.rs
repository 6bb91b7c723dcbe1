//! Rotations on a real Kubernetes control plane.

use super::place::{Cut, Place, error, succeeded};
use crate::cluster::plane::Space;
use orderly::{
    actions::framework::World,
    adapters::kubernetes::{Cluster, ConfiguredClusters, Credentials},
    domain::rotation::Stage,
};
use serde_json::{Value, json};
use std::{path::PathBuf, sync::Arc};

const OLD: &str = "the-old-value-in-the-cluster";

pub(super) fn reaching(kubeconfig: PathBuf) -> impl Fn(World) -> World {
    move |world| {
        let credentials = Credentials::Kubeconfig {
            path: kubeconfig.clone(),
            context: None,
        };
        let clusters = [("default".to_owned(), Cluster::from(credentials))];
        World {
            clusters: Arc::new(ConfiguredClusters::new(clusters.into())),
            ..world
        }
    }
}

pub(super) fn place(space: &Space) -> Place {
    Place::new().with(reaching(space.plane().kubeconfig()))
}

/// What a key of the secret holds, as the cluster's administrator sees it.
fn value(space: &Space, key: &str) -> String {
    let template = format!("go-template={{{{index .data \"{key}\" | base64decode}}}}");
    let all = space.kubectl(&["get", "secret", "app", "-o", "json"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    if all["data"][key].is_null() {
        return String::new();
    }
    space.kubectl(&["get", "secret", "app", "-o", &template])
}

fn keys(space: &Space) -> Vec<String> {
    let all = space.kubectl(&["get", "secret", "app", "-o", "json"]);
    let all: Value = serde_json::from_str(&all).unwrap();
    all["data"].as_object().unwrap().keys().cloned().collect()
}

fn make(space: &Space) {
    space.kubectl(&["delete", "secret", "app", "--ignore-not-found"]);
    let value = format!("--from-literal=password={OLD}");
    space.kubectl(&[
        "create",
        "secret",
        "generic",
        "app",
        &value,
        "--from-literal=user=app",
    ]);
}

fn step(space: &Space, more: Value) -> Value {
    let mut step = json!({
        "name": "app",
        "every": "90d",
        "distribute": [{ "secret": { "namespace": space.name, "name": "app", "keys": { "password": "value" } } }],
        "test": { "command": { "argv": ["grep", "-q", "."] } },
    });
    let more = more.as_object().unwrap().clone();
    step.as_object_mut().unwrap().extend(more);
    step
}

#[tokio::test]
async fn a_key_of_a_secret_is_replaced_and_its_pods_with_it() {
    let Some(space) = Space::new() else { return };
    make(&space);
    space.kubectl(&[
        "create",
        "deployment",
        "web",
        "--image=web:1",
        "--replicas=2",
    ]);
    let place = place(&space);
    let consumers = json!([{ "namespace": space.name, "deployment": "web", "wait": "1m" }]);
    let step = step(&space, json!({ "overlap": "1h", "consumers": consumers }));
    let report = succeeded(place.agent("rotate/secret", step, Cut::Never).await);
    let new = value(&space, "password");
    assert_ne!(new, OLD);
    assert_eq!(new.len(), 32);
    assert_eq!(value(&space, "password-previous"), OLD);
    assert_eq!(value(&space, "user"), "app");
    assert!(
        report.summary.contains("restarted, ready after"),
        "{}",
        report.summary
    );
    place.tells_nothing_of(&new);
}

#[tokio::test]
async fn killed_at_any_moment_the_secret_holds_a_value_and_the_next_run_ends_the_rotation() {
    let Some(space) = Space::new() else { return };
    for number in 0..2 + 2 * Stage::ALL.len() {
        for cut in [Cut::Before(number), Cut::After(number)] {
            make(&space);
            let place = place(&space);
            let killed = place.agent("rotate/secret", step(&space, json!({})), cut);
            assert!(killed.await.is_none(), "{cut:?}");
            let now = value(&space, "password");
            let previous = value(&space, "password-previous");
            assert!(now == OLD || previous == OLD || number > 14, "{cut:?}");
            let step = step(&space, json!({}));
            succeeded(place.agent("rotate/secret", step, Cut::Never).await);
            let new = value(&space, "password");
            assert_ne!(new, OLD, "{cut:?}");
            assert_eq!(keys(&space), ["password", "user"], "{cut:?}");
            place.is_at_rest("app").await;
        }
    }
}

#[tokio::test]
async fn what_fails_puts_the_former_value_back_and_a_new_secret_away() {
    let Some(space) = Space::new() else { return };
    make(&space);
    let place = place(&space);
    let broken = json!({ "test": { "command": { "argv": ["false"] } } });
    let report = place
        .agent("rotate/secret", step(&space, broken.clone()), Cut::Never)
        .await;
    let report = report.unwrap();
    let why = error(&report);
    assert!(why.contains("the former one counts again"), "{why}");
    assert_eq!(value(&space, "password"), OLD);
    assert_eq!(keys(&space), ["password", "user"]);

    // A key that was not there goes again, and so does an object.
    let other = json!([{ "secret": { "namespace": space.name, "name": "app", "keys": { "token": "value" } } }]);
    let mut step = step(&space, broken);
    step["distribute"] = other;
    step["name"] = json!("app-token");
    let report = place.agent("rotate/secret", step.clone(), Cut::Never).await;
    assert!(error(&report.unwrap()).contains("there is none, as before"));
    assert_eq!(keys(&space), ["password", "user"]);
    space.kubectl(&["delete", "secret", "app"]);
    let report = place.agent("rotate/secret", step.clone(), Cut::Never).await;
    let report = report.unwrap();
    let why = error(&report);
    let told = format!(
        "secret {}/app (token): it is not there; hint: make it first",
        space.name
    );
    assert!(why.contains(&told) && why.contains("create: true"), "{why}");
    step["distribute"][0]["secret"]["create"] = json!(true);
    let report = place.agent("rotate/secret", step.clone(), Cut::Never).await;
    assert!(error(&report.unwrap()).contains("there is none, as before"));
    let left = space.kubectl(&["get", "secrets", "-o", "name"]);
    assert!(!left.contains("secret/app"), "{left}");
    step["test"]["command"]["argv"] = json!(["grep", "-q", "."]);
    succeeded(place.agent("rotate/secret", step, Cut::Never).await);
    assert_eq!(keys(&space), ["token"]);
}

#[tokio::test]
async fn a_token_is_replaced_known_to_the_server_and_the_old_one_refused() {
    let Some(space) = Space::new() else { return };
    space.kubectl(&["create", "serviceaccount", "robot"]);
    let place = place(&space);
    let step = |more: Value| {
        let mut step = json!({
            "name": "robot",
            "namespace": space.name,
            "serviceAccount": "robot",
            "expiration": "2h",
            "renewBefore": "1h",
            "distribute": [{ "file": { "path": place.path("token") } }],
        });
        let more = more.as_object().unwrap().clone();
        step.as_object_mut().unwrap().extend(more);
        step
    };
    let uses = "rotate/service-account-token";
    let report = succeeded(place.agent(uses, step(json!({})), Cut::Never).await);
    let first = place.read("token");
    assert_eq!(first.split('.').count(), 3);
    let robot = format!("as system:serviceaccount:{}:robot", space.name);
    assert!(report.summary.contains(&robot), "{}", report.summary);
    let again = step(json!({ "force": true, "current": first }));
    let report = succeeded(place.agent(uses, again, Cut::Never).await);
    assert!(
        report.summary.contains("refused the old token"),
        "{}",
        report.summary
    );
    assert_ne!(place.read("token"), first);
    let bound = space.kubectl(&[
        "get",
        "secrets",
        "-l",
        "orderly.dev/token-of=robot",
        "-o",
        "name",
    ]);
    assert_eq!(bound.lines().count(), 1, "{bound}");
    place.is_at_rest("robot").await;
}

#[tokio::test]
async fn killed_at_any_moment_one_token_is_left_and_no_more() {
    let Some(space) = Space::new() else { return };
    space.kubectl(&["create", "serviceaccount", "robot"]);
    for number in 0..2 + 2 * Stage::ALL.len() {
        let place = place(&space);
        let step = json!({
            "name": "robot",
            "namespace": space.name,
            "serviceAccount": "robot",
            "expiration": "2h",
            "renewBefore": "1h",
            "distribute": [{ "file": { "path": place.path("token") } }],
        });
        let uses = "rotate/service-account-token";
        let killed = place.agent(uses, step.clone(), Cut::After(number)).await;
        assert!(killed.is_none());
        succeeded(place.agent(uses, step, Cut::Never).await);
        let label = ["-l", "orderly.dev/token-of=robot"];
        let bound = space.kubectl(&[&["get", "secrets", "-o", "name"][..], &label].concat());
        assert_eq!(bound.lines().count(), 1, "{number}: {bound}");
        place.is_at_rest("robot").await;
        space.kubectl(&[&["delete", "secrets"][..], &label].concat());
    }
}

/// The old value is taken from the Secret itself, so it is the one that is retired, however many rotations ago `current` was written.
#[tokio::test]
async fn the_value_that_stands_in_a_secret_is_the_one_that_is_proven_refused() {
    let Some(space) = Space::new() else { return };
    make(&space);
    let place = place(&space);
    place.write("accepted", OLD);
    let accepted = place.path("accepted");
    let accepts =
        json!({ "command": { "argv": ["cmp", "-s", "-", accepted] }, "refusedCodes": [1] });
    let takes_up = json!([{ "command": { "argv": ["cp", "/dev/stdin", accepted] } }]);
    let more = json!({ "force": true, "current": OLD, "test": accepts, "consumers": takes_up });
    for _ in 0..2 {
        let before = value(&space, "password");
        let step = step(&space, more.clone());
        let report = succeeded(place.agent("rotate/secret", step, Cut::Never).await);
        assert!(
            report.summary.contains("the old one was refused"),
            "{}",
            report.summary
        );
        assert_eq!(report.check, None);
        assert_ne!(value(&space, "password"), before);
        assert!(place.issued.lock().unwrap().contains(&before));
        place.is_at_rest("app").await;
    }

    // One that goes on being accepted is found, although `current` has been refused for long.
    let mut step = step(&space, more);
    step["test"]["command"]["argv"] = json!(["grep", "-qv", OLD]);
    let report = place
        .agent("rotate/secret", step, Cut::Never)
        .await
        .unwrap();
    assert!(
        error(&report).contains("the old one is still good"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_first_token_has_no_old_one_to_warn_of() {
    let Some(space) = Space::new() else { return };
    space.kubectl(&["create", "serviceaccount", "robot"]);
    let place = place(&space);
    let keys = json!({ "token": "token" });
    let secret = json!({ "namespace": space.name, "name": "robot", "create": true, "keys": keys });
    let step = json!({
        "name": "robot",
        "namespace": space.name,
        "serviceAccount": "robot",
        "expiration": "2h",
        "renewBefore": "1h",
        "force": true,
        "distribute": [{ "secret": secret }],
    });
    let uses = "rotate/service-account-token";
    let first = succeeded(place.agent(uses, step.clone(), Cut::Never).await);
    assert!(
        first.summary.contains("there was no old token"),
        "{}",
        first.summary
    );
    assert_eq!(first.check, None);
    let second = succeeded(place.agent(uses, step, Cut::Never).await);
    assert!(
        second.summary.contains("refused the old token"),
        "{}",
        second.summary
    );
    assert_eq!(second.check, None);
}

#[tokio::test]
async fn while_a_secret_was_written_by_somebody_else_the_old_one_is_not_revoked() {
    let Some(space) = Space::new() else { return };
    make(&space);
    let place = place(&space);
    let step = step(&space, json!({ "overlap": "1s" }));
    succeeded(place.agent("rotate/secret", step.clone(), Cut::Never).await);
    let back = json!({ "stringData": { "password": OLD } }).to_string();
    space.kubectl(&["patch", "secret", "app", "-p", &back]);
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    let report = place
        .agent("rotate/secret", step, Cut::Never)
        .await
        .unwrap();
    let told = error(&report);
    assert!(told.contains("does not hold the new one"), "{told}");
    assert_eq!(value(&space, "password-previous"), OLD);
}
