//! The program with a provider beside it.

use super::harness::{Agent, Place, runbook, text, until};
use crate::reviewer::fake::{Does, Fake, KEY, Wire};
use rustix::process::Signal;
use serde_json::{Value, json};

/// A backup of a file: a change that is exactly known and can be taken back.
fn backup(name: &str, place: &Place) -> (String, String) {
    let path = place.write("precious.txt", "gold\n");
    let steps = format!(
        "[{{ name: keep, uses: backup/files, with: {{ name: {name}, paths: [\"{}\"] }} }}]",
        path.display()
    );
    runbook(name, "[]", &steps)
}

fn configure(place: &Place, fake: &Fake, further: &str) {
    let key = place.write("ai.key", KEY);
    let config = format!(
        "secrets:\n  key: {{ file: {} }}\nai:\n  providers: [{}]\n{further}",
        key.display(),
        serde_json::to_value(fake.config()).map(trimmed).unwrap()
    );
    place.write("orderly.yaml", &config);
}

/// Without what is not set.
fn trimmed(mut config: Value) -> Value {
    config
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    config
}

fn asked(agent: &Agent) -> Vec<Value> {
    let all = agent.list("/api/v1/audit?action=review.asked&limit=100");
    all.into_iter()
        .filter(|record| record["details"].get("canary").is_none())
        .collect()
}

#[test]
fn a_change_is_reviewed_recorded_and_asked_about_where_the_reviewer_objects() {
    let place = Place::new();
    let fake = Fake::new(
        Wire::Anthropic,
        [Does::Says("no_objection"), Does::Says("needs_human")],
    );
    configure(&place, &fake, "");
    place.commit(&[backup("calm", &place), backup("doubtful", &place)]);
    let agent = place.start(&[]);
    let described = agent.dependency("reviewer");
    assert!(
        described["detail"]
            .as_str()
            .unwrap()
            .contains("anthropic (m-1)"),
        "{described}"
    );
    agent.start("calm");
    agent.run_ended("calm", "succeeded");
    assert_eq!(asked(&agent).len(), 1);

    // Nobody answers to what they have started, so somebody else does.
    let config = place.path("orderly.yaml");
    let more = std::fs::read_to_string(&config).unwrap() + "policy: { triggerMayApprove: true }\n";
    place.write("orderly.yaml", &more);
    let before = agent.metric("orderly_config_reloads_total", "applied");
    agent.signal(Signal::HUP);
    until("the reload", || {
        (agent.metric("orderly_config_reloads_total", "applied") > before).then_some(())
    });
    agent.start("doubtful");
    let question = agent.question("doubtful");
    let said = question["contributions"].to_string();
    assert!(
        said.contains("anthropic (m-1) wants a person to look"),
        "{said}"
    );
    assert_eq!(agent.approve(&question).status, 200);
    agent.run_ended("doubtful", "succeeded");
    assert_eq!(
        fake.asked(),
        2,
        "what people consented to is not asked about again"
    );
    assert!(agent.metric("orderly_review_requests_total", "outcome=\"needs_human\"") >= 1.0);
    assert!(agent.metric("orderly_review_cost_dollars_total", "anthropic") > 0.0);
    assert!(!agent.errors().contains(KEY));
    let verified = text(&place.cli(&agent, &["audit", "verify"]).stdout);
    assert!(!verified.contains("broken"), "{verified}");
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_reload_swaps_the_reviewer_and_a_wrong_one_is_refused() {
    let place = Place::new();
    let first = Fake::new(Wire::OpenAi, []);
    let second = Fake::new(Wire::Ollama, []);
    configure(&place, &first, "");
    place.commit(&[backup("copy", &place)]);
    let agent = place.start(&[]);
    agent.start("copy");
    agent.run_ended("copy", "succeeded");
    assert_eq!(first.asked(), 1);

    let reload = |result: &str| {
        let before = agent.metric("orderly_config_reloads_total", result);
        agent.signal(Signal::HUP);
        until("the reload", || {
            (agent.metric("orderly_config_reloads_total", result) > before).then_some(())
        });
    };
    configure(&place, &second, "  budget: { warnPercent: 0 }\n");
    reload("refused");
    assert!(agent.errors().contains("ai.budget.warnPercent"));
    configure(&place, &second, "");
    reload("applied");
    let passed = "orderly_review_canaries_total";
    until("the canaries", || {
        (agent.metric(passed, "provider=\"ollama\",result=\"passed\"") >= 1.0).then_some(())
    });
    agent.start("copy");
    until("the second run", || {
        let ended = agent.list("/api/v1/runs?runbook=copy&outcome=succeeded");
        (ended.len() == 2).then_some(())
    });
    assert_eq!((first.asked(), second.asked()), (1, 1));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn an_agent_stops_while_a_provider_dawdles() {
    let place = Place::new();
    let fake = Fake::new(Wire::Compatible, [Does::Dawdles]);
    configure(&place, &fake, "runs: { shutdownGrace: 100ms }\n");
    place.commit(&[backup("copy", &place)]);
    let agent = place.start(&[]);
    agent.start("copy");
    until("the question", || (fake.asked() > 0).then_some(()));
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn doctor_tries_each_provider_out_and_shows_no_key() {
    let place = Place::new();
    let blind = Fake::with_canaries(Wire::OpenAi, [], ["no_objection", "no_objection"]);
    for (fake, verdict, words) in [
        (
            Fake::new(Wire::Anthropic, []),
            "ok",
            "judged both canaries rightly",
        ),
        (blind, "fail", "judged the destructive canary wrongly"),
    ] {
        configure(&place, &fake, "");
        let config = place.path("orderly.yaml");
        let said = place.offline(&["doctor", "-o", "json", "--config", config.to_str().unwrap()]);
        let findings: Value = serde_json::from_slice(&said.stdout).unwrap();
        let all = findings.as_array().unwrap();
        let found = all.iter().find(|one| one["name"] == "reviewer").unwrap();
        assert_eq!(found["verdict"], verdict, "{found}");
        assert!(found["detail"].as_str().unwrap().contains(words), "{found}");
        assert!(!text(&said.stdout).contains(KEY));
    }
}

#[test]
fn a_paid_provider_without_a_price_does_not_start() {
    let place = Place::new();
    place.write(
        "orderly.yaml",
        &format!(
            "secrets: {{ key: {{ env: KEY }} }}\nai:\n  providers: [{}]\n",
            json!({"provider": "openai", "model": "m", "key": "key"})
        ),
    );
    place.commit(&[backup("copy", &place)]);
    let (code, said) = place.refused(&[]);
    assert!(code.is_some_and(|code| code != 0));
    assert!(
        said.contains("provider openai: it needs `prices`") && said.contains("hint:"),
        "{said}"
    );
}
