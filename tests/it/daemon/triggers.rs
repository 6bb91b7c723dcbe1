//! What starts runs beside the clock.

use super::harness::{Agent, Place, resting, runbook, text, until};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;

const NOTHING: &str = r#"[{ name: nothing, uses: command, with: { argv: ["true"] } }]"#;

fn signature(key: &str, body: &str) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn hook(agent: &Agent, key: &str, body: &str) -> u16 {
    let signed = signature(key, body);
    let headers = [("X-Orderly-Signature-256", signed.as_str())];
    agent
        .try_ask("POST", "/hooks/deploy", &headers, body)
        .unwrap()
        .status
}

fn place() -> Place {
    let place = Place::new();
    let key = place.write("hook.key", "s3cret\n");
    let config = format!(
        "secrets:\n  hook: {{ file: {} }}\nwebhooks:\n  deploy: {{ secret: hook }}\n",
        key.display()
    );
    place.write("orderly.yaml", &config);
    place.commit(&[
        runbook("on-hook", "[{ webhook: { name: deploy } }]", NOTHING),
        runbook("follower", "[{ after: { runbook: on-hook } }]", NOTHING),
        runbook("on-start", "[{ agent: started }]", NOTHING),
        runbook(
            "on-alert",
            "[{ alert: { match: { alertname: DiskFull } } }]",
            NOTHING,
        ),
        resting("rest"),
    ]);
    place
}

#[test]
fn webhooks_alerts_ends_and_starts_start_runs() {
    let place = place();
    let agent = place.start(&[]);
    let run = agent.run_ended("on-start", "succeeded");
    assert_eq!(run["cause"]["kind"], "schedule");

    assert_eq!(hook(&agent, "wrong", "{}"), 403);
    let refused = agent.list("/api/v1/audit?action=webhook.refused");
    assert_eq!(refused.len(), 1);
    assert_eq!(agent.list("/api/v1/runs?runbook=on-hook").len(), 0);
    assert_eq!(hook(&agent, "s3cret", r#"{"ref":"main"}"#), 202);
    let run = agent.run_ended("on-hook", "succeeded");
    assert_eq!(run["cause"], json!({"kind": "webhook", "name": "deploy"}));
    let follower = agent.run_ended("follower", "succeeded");
    assert_eq!(follower["cause"]["run"], run["id"]);

    let alert = |status: &str, name: &str| json!({"status": status, "labels": {"alertname": name, "host": "a"}});
    let payload = json!({
        "version": "4", "status": "firing", "receiver": "orderly",
        "alerts": [alert("firing", "Other"), alert("resolved", "DiskFull"), alert("firing", "DiskFull")],
    });
    let answer = agent.post("/api/v1/alerts", &payload);
    assert_eq!(answer.status, 202, "{}", answer.body);
    let runs = answer.json()["runs"].clone();
    let run = agent.run_ended("on-alert", "succeeded");
    assert_eq!(runs, json!([run["id"]]));
    assert_eq!(agent.post("/api/v1/alerts", &json!({})).status, 422);
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_suspended_runbook_rests_until_it_is_resumed_even_over_a_restart() {
    let place = place();
    let agent = place.start(&[]);
    let done = place.cli(&agent, &["suspend", "on-hook", "--reason", "holidays"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(agent.stop(), Some(0));
    let agent = place.start(&[]);
    assert_eq!(agent.read("/api/v1/runbooks/on-hook")["state"], "suspended");
    let suspended = r#"runbook="on-hook""#;
    let rests = |agent: &Agent| agent.metric("orderly_runbook_suspended", suspended) > 0.0;
    assert!(rests(&agent));
    assert_eq!(hook(&agent, "s3cret", "{}"), 202);
    until("the skipped trigger", || {
        let skipped = agent.list("/api/v1/skipped?runbook=on-hook");
        skipped
            .iter()
            .any(|one| one["reason"] == "suspended")
            .then_some(())
    });
    assert_eq!(agent.list("/api/v1/runs?runbook=on-hook").len(), 0);
    let shown = place.cli(&agent, &["runs", "skipped", "--since", "1h"]);
    let shown = text(&shown.stdout);
    assert!(
        shown.contains("on-hook") && shown.contains("suspended"),
        "{shown}"
    );
    let done = place.cli(&agent, &["resume", "on-hook"]);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert!(!rests(&agent));
    assert_eq!(hook(&agent, "s3cret", "{}"), 202);
    agent.run_ended("on-hook", "succeeded");
    assert_eq!(agent.stop(), Some(0));
}
