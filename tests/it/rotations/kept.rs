//! `rotate/certificate` with a certificate that the agent makes and keeps in a Secret of a real cluster.

use super::{
    cluster::place,
    place::{Cut, error, succeeded},
};
use crate::cluster::{
    issuing::{Issuer, SECRET, held},
    plane::Space,
};
use orderly::domain::rotation::Stage;
use serde_json::{Value, json};
use std::fs;

const USES: &str = "rotate/certificate";

fn step(space: &Space, issuer: &Issuer, more: Value) -> Value {
    let secret = json!({
        "namespace": space.name, "name": SECRET, "create": true, "type": "kubernetes.io/tls",
        "keys": { "tls.crt": "tls.crt", "tls.key": "tls.key" },
    });
    let mut step = json!({
        "name": "web-tls",
        "names": ["localhost"],
        "force": true,
        "shownBy": { "host": "127.0.0.1", "port": issuer.port, "serverName": "localhost", "within": "20s" },
        "distribute": [{ "secret": secret }],
    });
    let more = more.as_object().unwrap().clone();
    step.as_object_mut().unwrap().extend(more);
    step
}

#[tokio::test]
async fn a_secret_for_tls_is_made_then_renewed_and_its_server_shows_what_it_holds() {
    let Some(space) = Space::new() else { return };
    let (issuer, place) = (Issuer::new(&space), place(&space));
    let step = step(&space, &issuer, json!({}));
    let report = succeeded(place.agent(USES, step.clone(), Cut::Never).await);
    assert!(
        report.summary.contains("was made with it"),
        "{}",
        report.summary
    );
    assert_eq!(space.get("secret", SECRET)["type"], "kubernetes.io/tls");
    let (first, shown) = (held(&space), issuer.shown());
    let report = succeeded(place.agent(USES, step, Cut::Never).await);
    assert!(
        report.summary.contains("shows the new certificate"),
        "{}",
        report.summary
    );
    let now = held(&space);
    assert_eq!(now.len(), 2);
    assert!(now["tls.crt"] != first["tls.crt"] && now["tls.key"] != first["tls.key"]);
    assert_ne!(issuer.shown(), shown);
    place.is_at_rest("web-tls").await;
}

#[tokio::test]
async fn a_server_that_does_not_take_it_up_gets_the_former_pair_back() {
    let Some(space) = Space::new() else { return };
    let (issuer, place) = (Issuer::new(&space), place(&space));
    let good = step(&space, &issuer, json!({}));
    succeeded(place.agent(USES, good, Cut::Never).await);
    let former = held(&space);
    fs::remove_file(issuer.mounts()).unwrap();
    let mut bad = step(&space, &issuer, json!({}));
    bad["shownBy"]["within"] = json!("1s");
    let report = place.agent(USES, bad, Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("which is not the new one"),
        "{}",
        report.summary
    );
    assert_eq!(held(&space), former);
    place.is_at_rest("web-tls").await;
}

#[tokio::test]
async fn killed_at_any_moment_the_secret_holds_a_whole_pair_and_the_next_run_renews_it() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::new(&space);
    let step = step(&space, &issuer, json!({}));
    succeeded(place(&space).agent(USES, step.clone(), Cut::Never).await);
    for number in 0..2 + 2 * Stage::ALL.len() {
        for cut in [Cut::Before(number), Cut::After(number)] {
            let (place, former) = (place(&space), held(&space));
            let killed = place.agent(USES, step.clone(), cut).await;
            assert!(killed.is_none(), "{cut:?}");
            let left = held(&space);
            let is_whole = |pair: [&str; 2]| {
                pair.map(|key| left.get(key)) == [former.get("tls.crt"), former.get("tls.key")]
            };
            let is_kept = is_whole(["tls.crt-previous", "tls.key-previous"]);
            assert!(
                is_whole(["tls.crt", "tls.key"]) || is_kept || number > 14,
                "{cut:?}"
            );
            succeeded(place.agent(USES, step.clone(), Cut::Never).await);
            let now = held(&space);
            assert_eq!(now.len(), 2, "{cut:?}");
            assert_ne!(now["tls.key"], former["tls.key"], "{cut:?}");
            place.is_at_rest("web-tls").await;
        }
    }
}
