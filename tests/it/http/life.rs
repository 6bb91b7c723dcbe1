//! Ids, headers, connections, and the end.

use super::{fake::run_id, server::Server};
use reqwest::Method;
use std::time::Duration;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

#[tokio::test]
async fn a_request_keeps_its_id_or_gets_one() {
    let server = Server::start(true).await;
    let given = server.get("/healthz").header("X-Request-ID", "abc-123");
    assert_eq!(
        given.send().await.unwrap().headers()["x-request-id"],
        "abc-123"
    );
    let long = "x".repeat(65);
    for bad in ["a b", "a\"b", long.as_str()] {
        let response = server
            .get("/healthz")
            .header("X-Request-ID", bad)
            .send()
            .await
            .unwrap();
        assert_ne!(response.headers()["x-request-id"], bad);
        assert_eq!(response.headers()["x-request-id"].len(), 20);
    }
    let refused = server
        .get("/nothing")
        .header("X-Request-ID", "n-1")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.headers()["x-request-id"], "n-1");
}

#[tokio::test]
async fn every_answer_keeps_browsers_careful() {
    let server = Server::start(true).await;
    for path in ["/", "/healthz", "/metrics", "/api/v1/runs", "/nothing"] {
        let response = server.get(path).send().await.unwrap();
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        assert!(
            header("content-security-policy").starts_with("default-src 'none'"),
            "{path}"
        );
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");
        assert!(
            !response
                .headers()
                .contains_key("access-control-allow-origin")
        );
        assert!(!response.headers().contains_key("set-cookie"));
    }
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let server = Server::start(true).await;
    for path in ["/", "/healthz", "/metrics", "/api/v1/runbooks"] {
        let response = server.ask(Method::HEAD, path).send().await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        assert!(response.bytes().await.unwrap().is_empty(), "{path}");
    }
}

#[tokio::test]
async fn a_change_is_carried_to_its_end_though_its_caller_went_away() {
    let server = Server::start(true).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let request = "POST /hooks/slow HTTP/1.1\r\nHost: localhost\r\nX-Orderly-Signature-256: sha256=good\r\nContent-Length: 2\r\n\r\nhi";
    stream.write_all(request.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(stream);
    let (stop, agent) = (server.stop.clone(), server.agent.clone());
    stop.cancel();
    let end = server.task.await.unwrap();
    assert_eq!(end.cut, 0);
    assert_eq!(
        agent.taken(),
        [r#"webhook slow Some("sha256=good") 2 bytes"#]
    );
}

#[tokio::test]
async fn an_answer_in_flight_ends_and_nothing_new_is_taken() {
    let server = Server::start(true).await;
    let slow = server
        .ask(Method::POST, "/hooks/slow")
        .header("X-Orderly-Signature-256", "sha256=good")
        .body("hi");
    let stop = server.stop.clone();
    let (answer, ()) = tokio::join!(slow.send(), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        stop.cancel();
    });
    assert_eq!(answer.unwrap().status(), 202);
    assert_eq!(server.task.await.unwrap().cut, 0);
    assert!(TcpStream::connect(server.address).await.is_err());
}

#[tokio::test]
async fn a_follower_is_let_go_when_the_server_ends() {
    let server = Server::start(true).await;
    server.fill().await;
    let path = format!("/api/v1/runs/{}/logs?follow=true", run_id());
    let response = server.get(&path).send().await.unwrap();
    server.stop.cancel();
    assert_eq!(response.text().await.unwrap(), "");
    assert_eq!(server.task.await.unwrap().cut, 0);
}

#[tokio::test]
async fn a_connection_that_says_nothing_does_not_hold_up_the_end() {
    let server = Server::start(true).await;
    let mut idle = TcpStream::connect(server.address).await.unwrap();
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(b"GET /healthz HTTP/1.1\r\nHost: loc")
        .await
        .unwrap();
    assert_eq!(server.get("/healthz").send().await.unwrap().status(), 200);
    server.stop.cancel();
    // At worst the grace cuts them.
    let end = tokio::time::timeout(Duration::from_secs(8), server.task)
        .await
        .unwrap()
        .unwrap();
    assert!(end.cut <= 1, "{end:?}");
    let mut rest = Vec::new();
    idle.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty());
}
