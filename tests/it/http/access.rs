//! Who may do what.

use super::{
    fake::run_id,
    server::{Server, problem, rules},
};
use orderly::domain::access::{Right, Role};
use reqwest::{
    Method, StatusCode,
    header::{HOST, RETRY_AFTER, WWW_AUTHENTICATE},
};

/// Every changing route, and what it needs.
fn changes() -> Vec<(String, &'static str, Right)> {
    let run = run_id();
    vec![
        (
            "/api/v1/runbooks/disk/runs".to_owned(),
            "{}",
            Right::Operate,
        ),
        (
            "/api/v1/runbooks/disk/suspend".to_owned(),
            "{}",
            Right::Operate,
        ),
        (
            "/api/v1/runbooks/disk/resume".to_owned(),
            "{}",
            Right::Operate,
        ),
        (format!("/api/v1/runs/{run}/cancel"), "{}", Right::Operate),
        (
            "/api/v1/runbooks/disk/reset".to_owned(),
            "{}",
            Right::Operate,
        ),
        ("/api/v1/halt".to_owned(), "{}", Right::Operate),
        (
            format!("/api/v1/artifacts/{run}/accept"),
            "{}",
            Right::Operate,
        ),
        (
            format!("/api/v1/artifacts/{run}/verify"),
            "{}",
            Right::Operate,
        ),
        (
            format!("/api/v1/artifacts/{run}/restore"),
            r#"{"to":"/srv/x"}"#,
            Right::Operate,
        ),
        (
            "/api/v1/credentials/app/forget".to_owned(),
            r#"{"reason":"renamed"}"#,
            Right::Operate,
        ),
        ("/api/v1/unhalt".to_owned(), "{}", Right::Operate),
        ("/api/v1/clock/reset".to_owned(), "{}", Right::Operate),
        ("/api/v1/sync".to_owned(), "{}", Right::Operate),
        (
            "/api/v1/alerts".to_owned(),
            r#"{"version":"4","alerts":[]}"#,
            Right::Operate,
        ),
        (
            format!("/api/v1/approvals/{run}/cancel"),
            "{}",
            Right::Operate,
        ),
        (
            format!("/api/v1/approvals/{run}/vote"),
            r#"{"verdict":"deny"}"#,
            Right::Approve,
        ),
    ]
}

const READS: [&str; 16] = [
    "/api/v1/halt",
    "/",
    "/health",
    "/metrics",
    "/api/v1/runbooks",
    "/api/v1/runbooks/disk",
    "/api/v1/runs",
    "/api/v1/approvals",
    "/api/v1/approvals?state=all",
    "/api/v1/audit",
    "/api/v1/audit/verify",
    "/api/v1/sync",
    "/api/v1/next",
    "/api/v1/skipped",
    "/api/v1/artifacts",
    "/api/v1/runs?outcome=failures",
];

#[tokio::test]
async fn each_role_may_what_the_table_says() {
    let server = Server::start(true).await;
    for role in Role::ALL {
        for (path, body, right) in changes() {
            let request = server
                .ask(Method::POST, &path)
                .bearer_auth(format!("{}-token", role.as_str()))
                .header("content-type", "application/json")
                .body(body);
            let response = request.send().await.unwrap();
            if role.may(right) {
                // The approval is not there, which is found out only by one who may vote.
                let fine =
                    response.status().is_success() || response.status() == StatusCode::NOT_FOUND;
                assert!(fine, "{role:?} {path}: {}", response.status());
                assert_eq!(server.agent.taken().len(), 1, "{role:?} {path}");
            } else {
                assert_eq!(response.status(), 403, "{role:?} {path}");
                let body = problem(response).await;
                let needed = right.role().as_str();
                assert!(body["detail"].as_str().unwrap().contains(needed), "{body}");
                assert!(server.agent.taken().is_empty(), "{role:?} {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_change_without_a_known_token_is_refused_even_on_loopback() {
    for (path, body, _) in changes() {
        // A server of its own each time: it turns an address away that sends too many wrong tokens.
        let server = Server::start(true).await;
        let request = || {
            server
                .ask(Method::POST, &path)
                .header("content-type", "application/json")
                .body(body)
        };
        for request in [
            request(),
            request().bearer_auth("wrong"),
            request().basic_auth("x", Some("admin-token")),
        ] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status(), 401, "{path}");
            let challenge = response.headers()[WWW_AUTHENTICATE]
                .to_str()
                .unwrap()
                .to_owned();
            assert!(challenge.starts_with("Bearer "), "{challenge}");
            problem(response).await;
        }
        assert!(server.agent.taken().is_empty());
    }
}

#[tokio::test]
async fn reads_are_open_on_loopback_where_configured_so_and_closed_otherwise() {
    let (open, closed) = (Server::start(true).await, Server::start(false).await);
    for path in READS {
        assert_eq!(open.get(path).send().await.unwrap().status(), 200, "{path}");
        assert_eq!(
            closed.get(path).send().await.unwrap().status(),
            401,
            "{path}"
        );
        for role in Role::ALL {
            let request = closed
                .get(path)
                .bearer_auth(format!("{}-token", role.as_str()));
            assert_eq!(request.send().await.unwrap().status(), 200, "{path}");
        }
    }
    for path in ["/healthz", "/readyz", "/style.css"] {
        assert_eq!(
            closed.get(path).send().await.unwrap().status(),
            200,
            "{path}"
        );
    }
}

#[tokio::test]
async fn metrics_are_open_to_every_scraper_where_configured_so_and_nothing_else_is() {
    let server = Server::start(false).await;
    let scrape = |path: &'static str| server.get(path).header(HOST, "10.0.0.7:8080");
    assert_eq!(scrape("/metrics").send().await.unwrap().status(), 401);
    let mut open = rules(false);
    open.open_metrics = true;
    server.access.replace(open);
    let scraped = scrape("/metrics").send().await.unwrap();
    assert_eq!(scraped.status(), 200);
    assert!(scraped.text().await.unwrap().contains("# TYPE orderly_"));
    let with_other_token = scrape("/metrics").bearer_auth("of something else");
    assert_eq!(with_other_token.send().await.unwrap().status(), 200);
    for path in READS.into_iter().filter(|path| *path != "/metrics") {
        assert_eq!(scrape(path).send().await.unwrap().status(), 401, "{path}");
    }
}

#[tokio::test]
async fn a_browser_may_look_with_the_token_as_a_password() {
    let server = Server::start(false).await;
    let refused = server.get("/").send().await.unwrap();
    let challenges: Vec<_> = refused.headers().get_all(WWW_AUTHENTICATE).iter().collect();
    assert!(
        challenges
            .iter()
            .any(|one| one.to_str().unwrap().starts_with("Basic "))
    );
    let shown = server.get("/").basic_auth("anybody", Some("viewer-token"));
    assert_eq!(shown.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn an_open_read_must_call_the_agent_by_a_name_of_its_own() {
    let server = Server::start(true).await;
    for host in [
        "localhost",
        "localhost:8080",
        "127.0.0.1",
        "127.1.2.3:80",
        "[::1]:8080",
        "orderly.example.org",
    ] {
        let request = server.get("/api/v1/sync").header(HOST, host);
        assert_eq!(request.send().await.unwrap().status(), 200, "{host}");
    }
    for host in [
        "evil.example.org",
        "localhost.evil.org:80",
        "10.0.0.1",
        "127.0.0.1.evil.org",
    ] {
        let response = server
            .get("/api/v1/sync")
            .header(HOST, host)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 403, "{host}");
        problem(response).await;
        let known = server
            .get("/api/v1/sync")
            .header(HOST, host)
            .bearer_auth("viewer-token");
        assert_eq!(known.send().await.unwrap().status(), 200, "{host}");
        let probe = server.get("/healthz").header(HOST, host);
        assert_eq!(probe.send().await.unwrap().status(), 200, "{host}");
    }
}

#[tokio::test]
async fn many_wrong_tokens_are_told_to_wait_but_a_right_one_is_not() {
    let server = Server::start(false).await;
    let wrong = || server.get("/health").bearer_auth("wrong").send();
    for _ in 0..20 {
        assert_eq!(wrong().await.unwrap().status(), 401);
    }
    let response = wrong().await.unwrap();
    assert_eq!(response.status(), 429);
    assert!(response.headers().contains_key(RETRY_AFTER));
    let right = server.get("/health").bearer_auth("viewer-token");
    assert_eq!(right.send().await.unwrap().status(), 200);
    server
        .clock
        .seconds
        .store(61, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(wrong().await.unwrap().status(), 401);
}

#[tokio::test]
async fn other_rules_count_from_the_next_request_on() {
    let server = Server::start(true).await;
    let mut other = rules(false);
    other.tokens.retain(|entry| entry.role == Role::Viewer);
    server.access.replace(other);
    assert_eq!(server.get("/health").send().await.unwrap().status(), 401);
    assert_eq!(
        server.post("/api/v1/sync").send().await.unwrap().status(),
        401
    );
    let viewer = server.get("/health").bearer_auth("viewer-token");
    assert_eq!(viewer.send().await.unwrap().status(), 200);
}
