//! What is not understood is refused with a document that says why.

use super::{
    fake::run_id,
    server::{Server, problem},
};
use reqwest::Method;

#[tokio::test]
async fn a_body_of_anything_but_known_json_is_refused() {
    let server = Server::start(true).await;
    let path = "/api/v1/runbooks/disk/runs";
    let json = |body: &str| {
        server
            .post(path)
            .header("content-type", "application/json")
            .body(body.to_owned())
    };
    for (body, says) in [
        ("{", "EOF"),
        ("[]", "invalid"),
        (r#"{"inptus":{}}"#, "unknown field `inptus`"),
        (r#"{"inputs":{},"inputs":{}}"#, "duplicate field"),
        (r#"{"dry_run":"yes"}"#, "invalid type"),
        (r#"{"runbook":"mail"}"#, "another runbook"),
        ("{} {}", "trailing"),
    ] {
        let response = json(body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{body}");
        let told = problem(response).await;
        assert!(
            told["detail"].as_str().unwrap().contains(says),
            "{body}: {told}"
        );
    }
    let response = server
        .post(path)
        .header("content-type", "text/plain")
        .body("{}")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 415);
    problem(response).await;
    assert!(server.agent.taken().is_empty());
}

#[tokio::test]
async fn a_body_that_is_too_long_is_refused() {
    let server = Server::start(true).await;
    for (path, length) in [
        ("/api/v1/runbooks/disk/runs", 64 * 1024 + 1),
        ("/api/v1/alerts", 1024 * 1024 + 1),
        ("/hooks/change", 1024 * 1024 + 1),
    ] {
        let body = format!("{{\"x\":\"{}\"}}", "x".repeat(length));
        let request = server
            .post(path)
            .header("content-type", "application/json")
            .body(body);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 413, "{path}");
        problem(response).await;
    }
    assert!(server.agent.taken().is_empty());
}

#[tokio::test]
async fn a_text_that_is_kept_is_short() {
    let server = Server::start(true).await;
    let run = run_id();
    let long = "x".repeat(1001);
    for path in [
        "/api/v1/runbooks/disk/suspend".to_owned(),
        format!("/api/v1/runs/{run}/cancel"),
        "/api/v1/runbooks/disk/reset".to_owned(),
        "/api/v1/halt".to_owned(),
        "/api/v1/unhalt".to_owned(),
        "/api/v1/clock/reset".to_owned(),
    ] {
        let request = server
            .post(&path)
            .json(&serde_json::json!({ "reason": long }));
        assert_eq!(request.send().await.unwrap().status(), 400, "{path}");
    }
    assert!(server.agent.taken().is_empty());
}

#[tokio::test]
async fn a_query_of_unknown_fields_is_refused() {
    let server = Server::start(true).await;
    for path in [
        "/api/v1/runs?runbok=disk",
        "/api/v1/runs?outcome=great",
        "/api/v1/runs?limit=many",
        "/api/v1/runs?since=yesterday",
        "/api/v1/runs?runbook=No%20Name",
        "/api/v1/runbooks?x=1",
        "/api/v1/runbooks/disk?x=1",
        "/api/v1/approvals?state=closed",
        "/api/v1/audit?before=x",
        "/api/v1/audit/verify?x=1",
        "/api/v1/audit?action=bogus",
        "/api/v1/audit/export?form=zip",
        "/api/v1/artifacts?verified=perhaps",
        "/api/v1/next?x=1",
        "/api/v1/skipped?reason=tired",
        "/api/v1/sync?x=1",
    ] {
        let response = server.get(path).send().await.unwrap();
        assert_eq!(response.status(), 400, "{path}");
        problem(response).await;
    }
}

#[tokio::test]
async fn what_is_not_there_is_said_to_be_not_there() {
    let server = Server::start(true).await;
    let run = run_id();
    for path in [
        "/nothing".to_owned(),
        "/api/v2/runs".to_owned(),
        "/api/v1/runbooks/absent".to_owned(),
        "/api/v1/runbooks/NOT_A_NAME".to_owned(),
        format!("/api/v1/runs/{run}"),
        format!("/api/v1/runs/{run}/steps"),
        format!("/api/v1/runs/{run}/events"),
        format!("/api/v1/runs/{run}/logs"),
        "/api/v1/runs/x".to_owned(),
        "/api/v1/runs/%FF".to_owned(),
        format!("/api/v1/approvals/{run}"),
        "/api/v1/approvals/..%2F..%2Fetc".to_owned(),
        format!("/runs/{run}"),
    ] {
        let response = server.get(&path).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        problem(response).await;
    }
}

#[tokio::test]
async fn a_method_that_an_address_does_not_take_is_refused_with_those_it_does() {
    let server = Server::start(true).await;
    for (method, path, allowed) in [
        (Method::DELETE, "/api/v1/sync", "GET"),
        (Method::PUT, "/healthz", "GET"),
        (Method::GET, "/api/v1/alerts", "POST"),
        (Method::POST, "/", "GET"),
        (Method::OPTIONS, "/api/v1/runs", "GET"),
    ] {
        let response = server.ask(method, path).send().await.unwrap();
        assert_eq!(response.status(), 405, "{path}");
        let allow = response.headers()["allow"].to_str().unwrap().to_owned();
        assert!(allow.contains(allowed), "{path}: {allow}");
        assert!(
            !response
                .headers()
                .contains_key("access-control-allow-origin")
        );
        problem(response).await;
    }
}

#[tokio::test]
async fn what_the_agent_refuses_has_a_status_of_its_own() {
    let server = Server::start(true).await;
    for (runbook, status) in [
        ("absent", 404),
        ("locked", 409),
        ("picky", 422),
        ("closing", 503),
    ] {
        let response = server
            .post(&format!("/api/v1/runbooks/{runbook}/runs"))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), status, "{runbook}");
        let told = problem(response).await;
        assert_eq!(
            told["hint"].as_str(),
            (runbook == "picky").then_some("try `y`")
        );
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let server = Server::start(true).await;
    let request = server
        .get("/healthz")
        .header("x-long", "x".repeat(1_000_000));
    // The server may close before the client has sent it all.
    if let Ok(response) = request.send().await {
        assert_eq!(response.status(), 431);
    }
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
}
