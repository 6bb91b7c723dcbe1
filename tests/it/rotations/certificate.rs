//! `rotate/certificate` with a real TLS server that reads its files anew for each connection.

use super::place::{Cut, Place, error, succeeded};
use orderly::{
    adapters::{certificates::MadeHere, clock::SystemClock},
    domain::{
        rotation::{CredentialState, Stage},
        span::Span,
    },
    ports::{
        certificates::{Certificates as _, Order},
        clock::Clock as _,
    },
};
use serde_json::{Value, json};

const USES: &str = "rotate/certificate";

/// A server whose certificate ends in ten days.
fn place() -> (Place, u16) {
    let place = Place::new();
    let order = Order {
        names: vec!["localhost".to_owned()],
        lifetime: Span::from_secs(10 * 86_400),
        now: SystemClock::new().now(),
        signer: None,
    };
    let made = MadeHere.make(&order).unwrap();
    place.write("tls.crt", &made.chain);
    place.write("tls.key", made.key.expose());
    let port = crate::servers::showing(place.path("tls.crt"), place.path("tls.key"));
    (place, port)
}

fn step(place: &Place, port: u16, more: Value) -> Value {
    let file = |name: &str| json!({ "file": { "path": place.path(name), "part": name } });
    let mut step = json!({
        "name": "web-tls",
        "names": ["localhost"],
        "shownBy": { "host": "127.0.0.1", "port": port, "serverName": "localhost", "within": "1s" },
        "distribute": [file("tls.key"), file("tls.crt")],
    });
    let more = more.as_object().unwrap().clone();
    step.as_object_mut().unwrap().extend(more);
    step
}

#[tokio::test]
async fn a_certificate_that_ends_soon_is_renewed_and_seen_on_the_wire() {
    let (place, port) = place();
    let report = succeeded(
        place
            .agent(USES, step(&place, port, json!({})), Cut::Never)
            .await,
    );
    assert!(
        report.summary.contains("shows the new certificate"),
        "{}",
        report.summary
    );
    assert!(
        report.summary.contains("replaced, not revoked"),
        "{}",
        report.summary
    );
    place.is_at_rest("web-tls").await;
    let report = succeeded(
        place
            .agent(USES, step(&place, port, json!({})), Cut::Never)
            .await,
    );
    assert!(
        report.summary.contains("is not due until"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_first_certificate_that_fails_leaves_none_and_says_so() {
    let place = Place::new();
    let mut broken = step(
        &place,
        1,
        json!({ "test": { "command": { "argv": ["false"] } } }),
    );
    broken.as_object_mut().unwrap().remove("shownBy");
    let report = place.agent(USES, broken, Cut::Never).await.unwrap();
    let why = error(&report);
    assert!(why.contains("there is none, as before"), "{why}");
    let credential = place.credential("web-tls").await;
    assert_eq!(credential.state, CredentialState::Missing);
    assert!(!place.path("tls.crt").exists() && !place.path("tls.key").exists());
}

#[tokio::test]
async fn a_given_authority_signs_and_is_trusted() {
    let (place, port) = place();
    let authority = crate::servers::signing_authority();
    place.write("authority.pem", &authority.0);
    let mut step = step(
        &place,
        port,
        json!({
            "signer": { "certificate": authority.0, "key": authority.1 },
        }),
    );
    step["shownBy"]["caFile"] = json!(place.path("authority.pem"));
    step["shownBy"]["requireTrusted"] = json!(true);
    let report = succeeded(place.agent(USES, step, Cut::Never).await);
    assert!(
        report.summary.contains("shows the new certificate"),
        "{}",
        report.summary
    );
}

#[tokio::test]
async fn a_server_that_does_not_take_it_up_gets_its_former_one_back() {
    let (place, port) = place();
    let former = place.read("tls.crt");
    let mut step = step(&place, port, json!({}));
    step["distribute"][1]["file"]["path"] = json!(place.path("elsewhere.crt"));
    step["distribute"][0]["file"]["path"] = json!(place.path("elsewhere.key"));
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("which is not the new one"),
        "{}",
        report.summary
    );
    assert_eq!(place.read("tls.crt"), former);
    assert!(!place.path("elsewhere.crt").exists() && !place.path("elsewhere.key").exists());
    place.is_at_rest("web-tls").await;
}

#[tokio::test]
async fn killed_at_any_moment_a_whole_certificate_is_left_and_the_next_run_renews_it() {
    for number in 0..2 + 2 * Stage::ALL.len() {
        for cut in [Cut::Before(number), Cut::After(number)] {
            let (place, port) = place();
            let former = place.read("tls.crt");
            let killed = place.agent(USES, step(&place, port, json!({})), cut).await;
            assert!(killed.is_none(), "{cut:?}");
            succeeded(
                place
                    .agent(USES, step(&place, port, json!({})), Cut::Never)
                    .await,
            );
            assert_ne!(place.read("tls.crt"), former, "{cut:?}");
            place.is_at_rest("web-tls").await;
        }
    }
}

#[tokio::test]
async fn what_of_cert_managers_cannot_be_is_told_before_anything_is_done() {
    let good = json!({
        "name": "web-tls",
        "certManager": { "namespace": "shop", "certificate": "web", "secret": "web-tls" },
        "shownBy": { "host": "web.example.org" },
    });
    let place = Place::new();
    for (path, value, told) in [
        ("names", json!(["web.example.org"]), "leave `names` out"),
        ("lifetime", json!("90d"), "leave `lifetime` out"),
        (
            "signer",
            json!({ "certificate": "a", "key": "b" }),
            "leave `signer` out",
        ),
        (
            "distribute",
            json!([{ "file": { "path": "/etc/web.crt", "part": "tls.crt" } }]),
            "leave `distribute` out",
        ),
        ("shownBy", Value::Null, "give `shownBy`"),
        (
            "test",
            json!({ "command": { "argv": ["true"] } }),
            "and no `test`",
        ),
        (
            "overlap",
            json!("30d"),
            "must be shorter than `renewBefore`",
        ),
        (
            "certManager",
            json!({ "namespace": "shop", "certificate": "web", "secret": "a/b" }),
            "certManager.secret",
        ),
        (
            "certManager",
            json!({ "namespace": "shop", "certificate": "web", "secret": "web-tls", "wait": "0s" }),
            "certManager.wait",
        ),
    ] {
        let mut bad = good.clone();
        bad[path] = value;
        let report = place.agent(USES, bad, Cut::Never).await.unwrap();
        assert!(error(&report).contains(told), "{path}: {}", report.summary);
    }
}

#[tokio::test]
async fn a_certificate_whose_key_nobody_gets_is_refused() {
    let (place, port) = place();
    for file in [
        json!({ "path": place.path("tls.crt") }),
        json!({ "path": place.path("tls.crt"), "part": "tls.crt" }),
    ] {
        let step = step(&place, port, json!({ "distribute": [{ "file": file }] }));
        let report = place.agent(USES, step, Cut::Never).await.unwrap();
        let told = "no place gets the private key";
        assert!(error(&report).contains(told), "{}", report.summary);
    }
}
