//! What the API, the page, the probes and the metrics say.

use super::{
    fake::run_id,
    server::{Server, output_of, problem},
};
use orderly::{
    domain::audit::Entry,
    history::{Write, verify_file},
    ports::executor::LogStream,
};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn runbooks_are_listed_page_by_page() {
    let server = Server::start(true).await;
    let first = server.json("/api/v1/runbooks?limit=2").await;
    assert_eq!(first["items"].as_array().unwrap().len(), 2);
    let rest = server.json(first["next"].as_str().unwrap()).await;
    assert_eq!(rest["items"][0]["name"], "mail");
    assert!(rest["next"].is_null());
    let invalid = server.json("/api/v1/runbooks?state=invalid").await;
    assert_eq!(invalid["items"][0]["name"], "broken");
    assert_eq!(invalid["items"].as_array().unwrap().len(), 1);
    let one = server.json("/api/v1/runbooks/disk").await;
    assert_eq!(one["definition"]["name"], "disk");
    assert_eq!(one["upcoming"][0]["runbook"], "disk");
    assert_eq!(
        server.json("/api/v1/next?runbook=mail").await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn a_run_is_started_with_what_was_said() {
    let server = Server::start(true).await;
    let body = json!({"inputs": {"a": 1}, "dry_run": true, "override_window": true});
    let request = server
        .post("/api/v1/runbooks/disk/runs")
        .header("Idempotency-Key", "k1")
        .json(&body);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 202);
    assert_eq!(
        response.headers()["location"],
        format!("/api/v1/runs/{}", run_id()).as_str()
    );
    assert_eq!(
        response.json::<serde_json::Value>().await.unwrap(),
        json!({"run": run_id(), "existing": false})
    );
    assert_eq!(
        server.agent.taken(),
        [
            r#"start disk {"a": Number(1)} dry=true override=true key=Some("k1") by admin@example.org"#
        ]
    );
}

#[tokio::test]
async fn a_run_that_was_started_before_is_told_from_a_new_one() {
    let server = Server::start(true).await;
    let request = server
        .post("/api/v1/runbooks/disk/runs")
        .header("Idempotency-Key", "known");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert_eq!(
        response.json::<serde_json::Value>().await.unwrap(),
        json!({"run": run_id(), "existing": true})
    );
}

#[tokio::test]
async fn a_runbook_that_is_not_there_is_told_with_the_nearest_name() {
    let server = Server::start(true).await;
    for path in ["/api/v1/next?runbook=absent", "/api/v1/runbooks/dsk"] {
        let response = server.get(path).send().await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        let hint = problem(response).await["hint"].as_str().unwrap().to_owned();
        let wanted = if path.ends_with("dsk") {
            "did you mean `disk`?"
        } else {
            "there are broken, disk, mail"
        };
        assert_eq!(hint, wanted);
    }
}

#[tokio::test]
async fn a_suspension_has_an_end_or_none() {
    let server = Server::start(true).await;
    let path = "/api/v1/runbooks/disk/suspend";
    for (body, until) in [
        (
            json!({"for": "2h", "reason": "quiet"}),
            "Some(2026-03-02T14:00:00Z) by admin@example.org: quiet",
        ),
        (
            json!({"until": "2026-03-02T13:00:00Z"}),
            "Some(2026-03-02T13:00:00Z) by admin@example.org: ",
        ),
        (json!({}), "None by admin@example.org: "),
    ] {
        assert_eq!(
            server.post(path).json(&body).send().await.unwrap().status(),
            204
        );
        assert_eq!(
            server.agent.taken(),
            [format!("suspend disk until {until}")]
        );
    }
    for body in [
        json!({"until": "2026-03-02T11:00:00Z"}),
        json!({"for": "2h", "until": "2026-03-02T13:00:00Z"}),
        json!({"for": "soon"}),
    ] {
        assert_eq!(
            server.post(path).json(&body).send().await.unwrap().status(),
            400,
            "{body}"
        );
    }
    assert_eq!(
        server
            .post("/api/v1/runbooks/disk/resume")
            .send()
            .await
            .unwrap()
            .status(),
        204
    );
    assert_eq!(server.agent.taken(), ["resume disk by admin@example.org"]);
}

#[tokio::test]
async fn a_sync_may_accept_a_revision() {
    let server = Server::start(true).await;
    let path = "/api/v1/sync";
    assert_eq!(server.post(path).send().await.unwrap().status(), 200);
    let body = json!({"accept": "0123456789abcdef"});
    assert_eq!(
        server.post(path).json(&body).send().await.unwrap().status(),
        200
    );
    let body = json!({"accept": "HEAD; rm"});
    assert_eq!(
        server.post(path).json(&body).send().await.unwrap().status(),
        400
    );
    let calls = [
        "sync None by admin@example.org",
        r#"sync Some("0123456789abcdef") by admin@example.org"#,
    ];
    assert_eq!(server.agent.taken(), calls);
}

#[tokio::test]
async fn a_run_its_steps_and_its_events_are_shown() {
    let server = Server::start(true).await;
    server.fill().await;
    let run = run_id();
    let shown = server.json(&format!("/api/v1/runs/{run}")).await;
    assert_eq!(
        (&shown["runbook"], &shown["status"]),
        (&json!("disk"), &json!("waiting"))
    );
    let list = server.json("/api/v1/runs?runbook=disk&limit=1").await;
    assert_eq!(list["items"][0]["id"], json!(run));
    let next = list["next"].as_str().unwrap();
    assert_eq!(
        next,
        format!("/api/v1/runs?runbook=disk&before={run}&limit=1")
    );
    assert_eq!(server.json(next).await, json!({"items": [], "next": null}));
    assert_eq!(
        server.json("/api/v1/runs?outcome=failures").await["items"],
        json!([])
    );
    let steps = server.json(&format!("/api/v1/runs/{run}/steps")).await;
    assert_eq!(steps["items"][0]["outputs"]["free"], 20);
    let events = server.json(&format!("/api/v1/runs/{run}/events")).await;
    assert_eq!(events["items"][0]["event"], "started");
    let body = json!({"reason": "enough"});
    let request = server
        .post(&format!("/api/v1/runs/{run}/cancel"))
        .json(&body);
    assert_eq!(request.send().await.unwrap().status(), 202);
    assert_eq!(
        server.agent.taken(),
        [format!("cancel {run} by admin@example.org: enough")]
    );
}

#[tokio::test]
async fn an_approval_shows_the_whole_step_readably() {
    let server = Server::start(true).await;
    let id = server.fill().await;
    let list = server.json("/api/v1/approvals").await;
    assert_eq!(list["items"][0]["id"], json!(id));
    let shown = server.json(&format!("/api/v1/approvals/{id}")).await;
    assert_eq!(
        shown["effects"],
        json!(["file delete file /var/<b>data</b> on the host"])
    );
    assert_eq!(shown["class"], "destructive");
    assert_eq!(shown["standing"], json!({"state": "pending", "missing": 1}));
    let argv = json!([
        "rm",
        "-r",
        "/var/data",
        "secret(\"db\")",
        "x\\u{1b}[2K\\u{202e}y"
    ]);
    assert_eq!(shown["planned"]["arguments"]["argv"], argv);
    let digest = shown["digest"].as_str().unwrap();
    let body = json!({"verdict": "approve", "digest": digest, "comment": "fine"});
    let request = server.ask(
        reqwest::Method::POST,
        &format!("/api/v1/approvals/{id}/vote"),
    );
    let response = request
        .bearer_auth("approver-token")
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 200);
    let call =
        format!("vote {id} Approve Some({digest}) by approver@example.org of {{\"ops\"}}: fine");
    assert_eq!(server.agent.taken(), [call]);
}

#[tokio::test]
async fn an_operator_takes_a_question_back() {
    let server = Server::start(true).await;
    let id = server.fill().await;
    let path = format!("/api/v1/approvals/{id}/cancel");
    for (token, status) in [("approver-token", 403), ("operator-token", 200)] {
        let request = server.ask(reqwest::Method::POST, &path);
        let body = json!({"reason": "not today"});
        let response = request.bearer_auth(token).json(&body).send().await.unwrap();
        assert_eq!(response.status(), status, "{token}");
    }
    let call = format!("cancel approval {id} by operator@example.org: not today");
    assert_eq!(server.agent.taken(), [call]);
}

#[tokio::test]
async fn a_vote_about_no_digest_at_all_is_refused() {
    let server = Server::start(true).await;
    let id = server.fill().await;
    let path = format!("/api/v1/approvals/{id}/vote");
    for body in [
        json!({}),
        json!({"verdict": "maybe"}),
        json!({"verdict": "approve"}),
        json!({"verdict": "approve", "digest": "abc"}),
        json!({"verdict": "approve", "comment": "x".repeat(1001)}),
    ] {
        let response = server.post(&path).json(&body).send().await.unwrap();
        assert_eq!(response.status(), 400, "{body}");
        problem(response).await;
    }
    assert!(server.agent.taken().is_empty());
}

#[tokio::test]
async fn output_is_text_with_what_hides_made_visible() {
    let server = Server::start(true).await;
    server.fill().await;
    let of = output_of("look");
    server.output.print(&of, LogStream::Out, "one\ttab");
    server.output.print(&of, LogStream::Err, "two\u{1b}[31m");
    server.output.print(&of, LogStream::Note, "three");
    let text = server
        .text(&format!("/api/v1/runs/{}/logs", run_id()))
        .await;
    let lines = [
        "2026-03-02T12:00:00.000Z look out| one\ttab",
        "2026-03-02T12:00:00.000Z look err| two\\u{1b}[31m",
        "2026-03-02T12:00:00.000Z look note| three",
    ];
    assert_eq!(text, lines.map(|line| format!("{line}\n")).concat());
    let other = server
        .text(&format!("/api/v1/runs/{}/logs?step=wipe", run_id()))
        .await;
    assert_eq!(other, "");
}

#[tokio::test]
async fn output_is_followed_until_the_run_ends() {
    let server = Server::start(true).await;
    server.fill().await;
    let of = output_of("look");
    server.output.print(&of, LogStream::Out, "one");
    let path = format!("/api/v1/runs/{}/logs?follow=true", run_id());
    let mut response = server.get(&path).send().await.unwrap();
    let first = response.chunk().await.unwrap().unwrap();
    assert!(first.ends_with(b"look out| one\n"));
    server.end_run().await;
    assert_eq!(response.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_webhook_passes_its_raw_body_and_signature_on() {
    let server = Server::start(true).await;
    for header in ["X-Orderly-Signature-256", "X-Hub-Signature-256"] {
        let request = server
            .ask(reqwest::Method::POST, "/hooks/change")
            .header(header, "sha256=good")
            .body(vec![0xff, 0, 1]);
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 202);
        assert_eq!(
            response.json::<serde_json::Value>().await.unwrap(),
            json!({"runs": [run_id()]})
        );
        assert_eq!(
            server.agent.taken(),
            [r#"webhook change Some("sha256=good") 3 bytes"#]
        );
    }
    let response = server
        .ask(reqwest::Method::POST, "/hooks/change")
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 403);
    problem(response).await;
    let response = server
        .ask(reqwest::Method::POST, "/hooks/NO")
        .body("x")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 404);
}

#[tokio::test]
async fn only_alerts_of_version_four_are_taken() {
    let server = Server::start(true).await;
    let good = json!({"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "X"}}], "receiver": "orderly"});
    assert_eq!(
        server
            .post("/api/v1/alerts")
            .json(&good)
            .send()
            .await
            .unwrap()
            .status(),
        202
    );
    assert_eq!(server.agent.taken(), ["alerts 1"]);
    for bad in [
        json!({}),
        json!({"version": "3", "alerts": []}),
        json!({"version": "4"}),
        json!([]),
    ] {
        assert_eq!(
            server
                .post("/api/v1/alerts")
                .json(&bad)
                .send()
                .await
                .unwrap()
                .status(),
            422,
            "{bad}"
        );
    }
}

#[tokio::test]
async fn probes_fail_when_what_they_weigh_is_not_well() {
    let status = async |server: &Server, path: &str| {
        server.get(path).send().await.unwrap().status().as_u16()
    };
    for (broken, alive, ready, health, word) in [
        (None, 200, 200, 200, "ok"),
        (Some("source"), 200, 200, 200, "degraded"),
        (Some("history"), 200, 503, 503, "unready"),
        (Some("task/sync"), 503, 503, 503, "dead"),
        (Some("scheduler"), 503, 503, 503, "dead"),
    ] {
        let server = Server::start(true).await;
        if let Some(name) = broken {
            server.agent.break_dependency(name);
        }
        let seen = (
            status(&server, "/healthz").await,
            status(&server, "/readyz").await,
            status(&server, "/health").await,
        );
        assert_eq!(seen, (alive, ready, health), "{broken:?}");
        let body: serde_json::Value = server
            .get("/health")
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        assert_eq!(body["status"], word);
        assert_eq!(body["version"], "1.2.3");
        assert_eq!(body["timestamp"], "2026-03-02T12:00:00Z");
        assert_eq!(body["dependencies"].as_array().unwrap().len(), 4);
        let probe: serde_json::Value = server
            .get("/readyz")
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let failing = broken.filter(|_| ready == 503);
        assert_eq!(
            probe["failing"],
            json!(failing.into_iter().collect::<Vec<_>>())
        );
    }
}

#[tokio::test]
async fn metrics_are_text_that_counts_requests_by_route() {
    let server = Server::start(true).await;
    server.get("/api/v1/runbooks/disk").send().await.unwrap();
    server.get("/secret/path").send().await.unwrap();
    let response = server.get("/metrics").send().await.unwrap();
    assert_eq!(
        response.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = response.text().await.unwrap();
    assert!(text.contains(r#"orderly_http_requests_total{method="GET",route="/api/v1/runbooks/{name}",status="200"} 1"#), "{text}");
    assert!(
        text.contains(
            r#"orderly_http_requests_total{method="GET",route="unmatched",status="404"} 1"#
        )
    );
    assert!(!text.contains("/secret/path"));
    let types: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with("# TYPE "))
        .collect();
    assert_eq!(types.iter().collect::<BTreeSet<_>>().len(), types.len());
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap();
        assert!(value.parse::<f64>().is_ok() && !series.is_empty(), "{line}");
    }
}

#[tokio::test]
async fn the_page_says_what_waits_and_escapes_everything() {
    let server = Server::start(true).await;
    let id = server.fill().await;
    let page = server.text("/").await;
    for words in [
        "all is well",
        "Waiting for people",
        &format!("orderly approve {id}"),
        "in 1 min 5 s",
        "unknown field",
    ] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains("file delete file /var/&lt;b&gt;data&lt;/b&gt; on the host"));
    for raw in ["<script", "<b>", "\u{1b}", "\u{202e}"] {
        assert!(!page.contains(raw), "{raw:?}");
    }
    server
        .output
        .print(&output_of("look"), LogStream::Out, "<i>printed</i>");
    server.end_run().await;
    let page = server.text(&format!("/runs/{}", run_id())).await;
    assert!(
        page.contains("&lt;i&gt;printed&lt;/i&gt;") && page.contains("20 % free"),
        "{page}"
    );
    assert!(!page.contains("<b>") && !page.contains('\u{202e}'));
    assert!(
        !page.contains("http-equiv=\"refresh\""),
        "a run that has ended does not change"
    );
}

#[tokio::test]
async fn the_page_names_what_is_broken() {
    let server = Server::start(true).await;
    server.agent.break_dependency("scheduler");
    let page = server.text("/").await;
    assert!(
        page.contains("must be restarted") && page.contains("scheduler"),
        "{page}"
    );
}

#[tokio::test]
async fn the_audit_log_is_checked() {
    let server = Server::start(true).await;
    let verified = server.json("/api/v1/audit/verify").await;
    assert_eq!(verified["ok"], true);
    assert_eq!(
        server.json("/api/v1/audit?user=eva&failed=true").await["items"],
        json!([])
    );
}

#[tokio::test]
async fn a_word_that_stands_for_no_action_is_refused_with_what_was_meant() {
    let server = Server::start(true).await;
    let response = server
        .get("/api/v1/audit?action=deleet")
        .send()
        .await
        .unwrap();
    assert_eq!(response.status(), 400);
    let body = problem(response).await;
    assert_eq!(body["detail"], "no action is called `deleet`");
    assert_eq!(body["hint"], "did you mean `delete`?");
    for known in ["delete", "step.", "step.started", "clock.jumped"] {
        server.json(&format!("/api/v1/audit?action={known}")).await;
    }
}

#[tokio::test]
async fn the_audit_log_is_handed_out_as_a_sealed_file_in_each_form() {
    let server = Server::start(true).await;
    let nothing = server.get("/api/v1/audit/export").send().await.unwrap();
    assert_eq!(nothing.status(), 404);
    problem(nothing).await;
    let at: jiff::Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
    let entry = |number: u64| {
        let details = json!({"number": number, "text": "long ".repeat(200)});
        Write::Audit(Entry::new(at, "ann", "sync.requested", "source").with(details))
    };
    server
        .history
        .write((1..=2000).map(entry).collect())
        .await
        .unwrap();
    for (form, kind, begins) in [
        ("jsonl", "application/x-ndjson", &b"{"[..]),
        ("zst", "application/zstd", &[0x28, 0xb5, 0x2f, 0xfd]),
        ("gz", "application/gzip", &[0x1f, 0x8b]),
    ] {
        let path = format!("/api/v1/audit/export?form={form}");
        let answer = server.get(&path).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], kind);
        let file = answer.bytes().await.unwrap();
        assert!(file.starts_with(begins), "{form}");
        let span = verify_file(&file[..], b"temporary").unwrap();
        assert_eq!((span.first, span.last), (1, 2000), "{form}");
        let cut = verify_file(&file[..file.len() - 40], b"temporary");
        assert!(cut.is_err(), "{form}");
    }
    let later = "/api/v1/audit/export?since=2027-01-01T00:00:00Z";
    assert_eq!(server.get(later).send().await.unwrap().status(), 404);
}
