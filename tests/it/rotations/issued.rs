//! `rotate/certificate` with certificates that cert-manager issues, on a real control plane; the test itself plays cert-manager.

use super::{
    cluster::{place, reaching},
    place::{Cut, Place, error, succeeded},
};
use crate::{
    cluster::{
        issuing::{CERTIFICATE, Issuer, Mood, SECRET, held},
        plane::Space,
    },
    steps::{Run, world},
};
use orderly::{
    actions::framework::World,
    adapters::network::HostNetwork,
    domain::{effect::Class, rotation::Stage},
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, sync::Arc};

const USES: &str = "rotate/certificate";
const KEYS: [&str; 3] = ["ca.crt", "tls.crt", "tls.key"];

fn step(space: &Space, issuer: &Issuer, more: Value) -> Value {
    let mut step = json!({
        "name": "web-tls",
        "certManager": {
            "namespace": space.name, "certificate": CERTIFICATE, "secret": SECRET, "wait": "30s",
        },
        "shownBy": { "host": "127.0.0.1", "port": issuer.port, "serverName": "localhost", "within": "20s" },
    });
    let more = more.as_object().unwrap().clone();
    step.as_object_mut().unwrap().extend(more);
    step
}

fn status(space: &Space) -> Value {
    space.get("certificate", CERTIFICATE)["status"].clone()
}

fn issuing(space: &Space) -> Value {
    let status = status(space);
    let all = status["conditions"].as_array().unwrap().clone();
    let found = all.into_iter().find(|one| one["type"] == "Issuing");
    found.unwrap_or_default()
}

fn names(held: &BTreeMap<String, String>) -> Vec<&str> {
    held.keys().map(String::as_str).collect()
}

#[tokio::test]
async fn one_that_ends_soon_is_issued_anew_taken_up_and_seen_on_the_wire() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::with_certificate(&space);
    space.kubectl(&["create", "deployment", "web", "--image=web:1"]);
    let (place, former) = (place(&space), held(&space));
    let consumers = json!([{ "namespace": space.name, "deployment": "web", "wait": "1m" }]);
    let step = step(&space, &issuer, json!({ "consumers": consumers }));
    let report = succeeded(place.agent(USES, step.clone(), Cut::Never).await);
    for told in [
        "cert-manager has issued revision 2",
        "restarted, ready after",
        "shows the new certificate",
        "replaced, not revoked",
    ] {
        assert!(report.summary.contains(told), "{}", report.summary);
    }
    let now = held(&space);
    assert_eq!(names(&now), KEYS);
    assert_ne!(now["tls.crt"], former["tls.crt"]);
    assert_eq!(place.credential("web-tls").await.facts["revision"], "2");
    place.is_at_rest("web-tls").await;
    let report = succeeded(place.agent(USES, step, Cut::Never).await);
    assert!(
        report.summary.contains("is not due until"),
        "{}",
        report.summary
    );
    assert_eq!(issuer.issued(), 2);
}

#[tokio::test]
async fn what_would_be_done_is_exactly_told_and_a_dry_run_does_nothing() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::with_certificate(&space);
    let folder = tempfile::tempdir().unwrap();
    let world = || {
        reaching(space.plane().kubeconfig())(World {
            network: Arc::new(HostNetwork::new()),
            ..world(folder.path())
        })
    };
    let step = step(&space, &issuer, json!({}));
    let effects = Run::new(world()).effects(USES, &step).await;
    let told: Vec<String> = effects.items.iter().map(ToString::to_string).collect();
    let there = format!("namespace {} on cluster default", space.name);
    let port = issuer.port;
    assert_eq!(
        told,
        [
            "update credential web-tls of the agent".to_owned(),
            format!("patch certificate.cert-manager.io {CERTIFICATE} in {there}"),
            format!("patch secret {SECRET} in {there}"),
            format!("read certificate 127.0.0.1:{port} at 127.0.0.1"),
        ]
    );
    // Nobody is asked about what can only fail.
    for (key, other) in [("certificate", "nobody"), ("secret", "other")] {
        let mut doomed = step.clone();
        doomed["certManager"][key] = json!(other);
        let effects = Run::new(world()).planned(USES, doomed).await.effects;
        assert_eq!(effects.class(), Class::Read, "{key}: {effects:?}");
    }
    let former = held(&space);
    succeeded(Some(Run::dry(world()).step(USES, step).await));
    issuer.rests();
    assert_eq!((issuer.issued(), held(&space)), (1, former));
}

#[tokio::test]
async fn the_old_one_lies_beside_the_new_one_until_the_overlap_is_over() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::with_certificate(&space);
    let (place, former) = (place(&space), held(&space));
    let step = step(&space, &issuer, json!({ "overlap": "1h" }));
    succeeded(place.agent(USES, step, Cut::Never).await);
    let now = held(&space);
    for key in KEYS {
        assert_eq!(now[&format!("{key}-previous")], former[key]);
    }
    assert_ne!(now["tls.crt"], former["tls.crt"]);
}

#[tokio::test]
async fn a_new_one_that_is_not_shown_goes_and_the_former_one_stays_for_good() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::with_certificate(&space);
    let (place, former) = (place(&space), held(&space));
    fs::remove_file(issuer.mounts()).unwrap();
    let mut step = step(&space, &issuer, json!({}));
    step["shownBy"]["within"] = json!("1s");
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    for told in ["which is not the new one", "the former one counts again"] {
        assert!(error(&report).contains(told), "{}", report.summary);
    }
    issuer.rests();
    assert_eq!(held(&space), former);
    assert_eq!(status(&space)["revision"], 1);
    assert_eq!(issuer.issued(), 2, "it is not issued once more");
    place.is_at_rest("web-tls").await;
}

#[tokio::test]
async fn an_issuing_that_fails_or_never_ends_leaves_the_former_one_where_it_is() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::with_certificate(&space);
    let (place, former) = (place(&space), held(&space));
    let mut step = step(&space, &issuer, json!({}));
    issuer.be(Mood::Fails);
    let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("could not issue it: the order failed"),
        "{}",
        report.summary
    );
    assert_eq!(held(&space), former);

    issuer.be(Mood::Idles);
    step["certManager"]["wait"] = json!("1s");
    let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("has not issued it within 1s: a new certificate is asked for"),
        "{}",
        report.summary
    );
    assert_eq!(issuing(&space)["reason"], "CalledOff");
    issuer.be(Mood::Issues);
    issuer.rests();
    assert_eq!((issuer.issued(), held(&space)), (1, former));

    step["certManager"]["secret"] = json!("other");
    let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("fills the secret `web-tls`, not `other`"),
        "{}",
        report.summary
    );
    step["certManager"]["certificate"] = json!("nobody");
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("was not found"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn what_cert_manager_has_issued_by_itself_is_taken_up_and_not_issued_again() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::with_certificate(&space);
    let place = place(&space);
    fs::remove_file(issuer.mounts()).unwrap();
    space.kubectl(&["delete", "secret", SECRET]);
    issuer.rests();
    assert_eq!(issuer.issued(), 2);
    let renewed = held(&space);
    // Nobody takes it up: it stays all the same, and nothing else is said.
    let mut step = step(&space, &issuer, json!({}));
    step["shownBy"]["within"] = json!("1s");
    let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("issued by itself before stays in its Secret"),
        "{}",
        report.summary
    );
    assert_eq!(held(&space), renewed);
    step["shownBy"]["within"] = json!("20s");
    step["consumers"] = json!([{ "command": { "argv": ["touch", issuer.mounts()] } }]);
    let report = succeeded(place.agent(USES, step, Cut::Never).await);
    assert!(
        report.summary.contains("revision 2 by itself before"),
        "{}",
        report.summary
    );
    assert_eq!((issuer.issued(), held(&space)), (2, renewed));
}

#[tokio::test]
async fn killed_at_any_moment_a_whole_certificate_is_left_and_the_next_run_renews_it() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::with_certificate(&space);
    let step = step(&space, &issuer, json!({ "force": true }));
    for number in 0..2 + 2 * Stage::ALL.len() {
        for cut in [Cut::Before(number), Cut::After(number)] {
            issuer.rests();
            let (place, former): (Place, _) = (place(&space), held(&space));
            let killed = place.agent(USES, step.clone(), cut).await;
            assert!(killed.is_none(), "{cut:?}");
            let left = held(&space);
            let is_kept = left.get("tls.key-previous") == Some(&former["tls.key"]);
            assert!(
                left["tls.key"] == former["tls.key"] || is_kept || number > 14,
                "{cut:?}"
            );
            succeeded(place.agent(USES, step.clone(), Cut::Never).await);
            let now = held(&space);
            assert_ne!(now["tls.key"], former["tls.key"], "{cut:?}");
            assert_eq!(names(&now), KEYS, "{cut:?}");
            place.is_at_rest("web-tls").await;
        }
    }
}

#[tokio::test]
async fn a_way_back_that_is_cut_off_is_gone_to_its_end() {
    let Some(space) = Space::new() else { return };
    let issuer = Issuer::with_certificate(&space);
    fs::remove_file(issuer.mounts()).unwrap();
    let former = held(&space);
    let mut step = step(&space, &issuer, json!({ "force": true }));
    step["shownBy"]["within"] = json!("1s");
    // Eleven records until the test has failed, then two for each stage that is taken back, and the end.
    for number in 11..20 {
        for cut in [Cut::Before(number), Cut::After(number)] {
            let place = place(&space);
            let killed = place.agent(USES, step.clone(), cut).await;
            assert!(killed.is_none(), "{cut:?}");
            let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
            assert!(
                error(&report).contains("the former one counts again"),
                "{cut:?}: {}",
                report.summary
            );
            issuer.rests();
            assert_eq!(held(&space), former, "{cut:?}");
            assert_eq!(status(&space)["revision"], 1, "{cut:?}");
            place.is_at_rest("web-tls").await;
        }
    }
}
