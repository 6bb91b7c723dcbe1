//! `rotate/api-key` with a real HTTP server that gives keys out, and lets in who has one.

use super::place::{Cut, Place, error, succeeded};
use crate::servers::{Server, http_with_body};
use orderly::domain::rotation::{CredentialState, Stage};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

const USES: &str = "rotate/api-key";
const OLD: &str = "the-old-key-of-the-app";

#[derive(Debug, Clone)]
struct Key {
    value: String,
    label: String,
}

/// Keys by their numbers.
type Keys = Arc<Mutex<BTreeMap<String, Key>>>;

struct Provider {
    server: Server,
    keys: Keys,
}

impl Provider {
    fn new() -> Self {
        Self::slow(Duration::ZERO)
    }

    /// One that takes so long to make a key.
    fn slow(making: Duration) -> Self {
        let old = Key {
            value: OLD.to_owned(),
            label: String::new(),
        };
        let keys: Keys = Arc::new(Mutex::new([("k0".to_owned(), old)].into()));
        let (answering, mut number) = (keys.clone(), Mutex::new(0));
        let _ = number.get_mut();
        let server = http_with_body(move |head, body, stream| {
            if head.starts_with("POST") {
                std::thread::sleep(making);
            }
            let mut keys = answering.lock().unwrap();
            let (status, answer) = answer(head, body, &mut keys, &number);
            let length = answer.len();
            write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{answer}"
            )
            .is_ok()
        });
        Self { server, keys }
    }

    fn labels(&self) -> Vec<String> {
        let keys = self.keys.lock().unwrap();
        keys.keys().cloned().collect()
    }

    fn lets_in(&self, value: &str) -> bool {
        let keys = self.keys.lock().unwrap();
        keys.values().any(|key| key.value == value)
    }
}

fn answer(
    head: &str,
    body: &str,
    keys: &mut BTreeMap<String, Key>,
    number: &Mutex<usize>,
) -> (&'static str, String) {
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    match method {
        "POST" => {
            let asked: Value = serde_json::from_str(body).unwrap();
            let mut number = number.lock().unwrap();
            *number += 1;
            let id = format!("k{number}");
            let value = format!("key-number-{number}-{}", "0123456789abcdef".repeat(2));
            let label = asked["label"].as_str().unwrap().to_owned();
            let answer = json!({ "data": { "id": id, "key": value } }).to_string();
            keys.insert(id, Key { value, label });
            ("201 Created", answer)
        }
        "DELETE" => {
            let id = path.rsplit('/').next().unwrap();
            match keys.remove(id) {
                Some(_) => ("204 No Content", String::new()),
                None => ("404 Not Found", String::new()),
            }
        }
        _ if path.starts_with("/list") => {
            let label = path.split_once('=').unwrap().1;
            let found = keys.iter().filter(|(_, key)| key.label == label);
            let found: Vec<Value> = found.map(|(id, _)| json!({ "id": id })).collect();
            ("200 OK", json!(found).to_string())
        }
        _ if path.starts_with("/keys") => {
            let label = path.split_once('=').unwrap().1;
            let found = keys.iter().find(|(_, key)| key.label == label);
            let id = found.map(|(id, _)| id.clone());
            ("200 OK", json!({ "data": { "id": id } }).to_string())
        }
        _ => {
            let is_known = |key: &&Key| head.contains(&format!("Bearer {}\r\n", key.value));
            match keys.values().find(is_known) {
                Some(_) => ("200 OK", "welcome".to_owned()),
                None => ("401 Unauthorized", "who are you?".to_owned()),
            }
        }
    }
}

fn place() -> Place {
    let place = Place::new();
    place.write("key", OLD);
    place
}

fn step(place: &Place, provider: &Provider, more: Value) -> Value {
    let url = |path: &str| provider.server.url(path);
    let mut step = json!({
        "name": "mail-key",
        "every": "30d",
        "current": OLD,
        "currentId": "k0",
        "provider": {
            "create": { "http": { "method": "POST", "url": url("/keys"), "json": { "label": "{label}" } } },
            "value": "/data/key",
            "id": "/data/id",
            "find": { "http": { "url": url("/keys?label={label}") } },
            "revoke": { "http": { "method": "DELETE", "url": url("/keys/{id}"), "expectStatus": ["200-299", 404] } },
        },
        "test": { "http": { "url": url("/mail"), "headers": { "Authorization": "Bearer {value}" } } },
        "distribute": [{ "file": { "path": place.path("key") } }],
    });
    let more = more.as_object().unwrap().clone();
    step.as_object_mut().unwrap().extend(more);
    step
}

#[tokio::test]
async fn a_key_is_made_brought_tried_and_the_old_one_revoked_and_refused() {
    let (place, provider) = (place(), Provider::new());
    let report = succeeded(
        place
            .agent(USES, step(&place, &provider, json!({})), Cut::Never)
            .await,
    );
    let new = place.read("key");
    assert!(provider.lets_in(&new) && !provider.lets_in(OLD));
    assert_eq!(provider.labels(), ["k1"]);
    let summary = &report.summary;
    assert!(
        summary.contains("key k0 was revoked; the old one was refused"),
        "{summary}"
    );
    let credential = place.credential("mail-key").await;
    assert_eq!(credential.facts["id"], "k1");
    place.is_at_rest("mail-key").await;
}

/// Whenever the agent is killed, the key that the app has is good; and when all is over, the provider has one key and no more.
#[tokio::test]
async fn killed_at_any_moment_no_key_is_lost_and_none_is_left_over() {
    for number in 0..2 + 2 * Stage::ALL.len() {
        for cut in [Cut::Before(number), Cut::After(number)] {
            let (place, provider) = (place(), Provider::new());
            let killed = place.agent(USES, step(&place, &provider, json!({})), cut);
            assert!(killed.await.is_none(), "{cut:?}");
            assert!(provider.lets_in(&place.read("key")), "{cut:?}");
            let step = step(&place, &provider, json!({}));
            let report = succeeded(place.agent(USES, step, Cut::Never).await);
            assert!(provider.lets_in(&place.read("key")), "{cut:?}");
            assert!(!provider.lets_in(OLD), "{cut:?}: {}", report.summary);
            assert_eq!(provider.labels().len(), 1, "{cut:?}: {}", report.summary);
            place.is_at_rest("mail-key").await;
        }
    }
}

#[tokio::test]
async fn a_key_whose_number_is_not_known_is_not_said_to_be_revoked() {
    let (place, provider) = (place(), Provider::new());
    let step = step(&place, &provider, json!({ "currentId": null }));
    let report = succeeded(place.agent(USES, step, Cut::Never).await);
    assert!(provider.lets_in(OLD));
    assert!(
        report.summary.contains("the old key was not revoked"),
        "{}",
        report.summary
    );
    assert_eq!(
        report.check,
        Some(orderly::domain::check::CheckStatus::Warning)
    );
}

#[tokio::test]
async fn an_answer_without_a_key_leaves_nothing_behind() {
    let (place, provider) = (place(), Provider::new());
    let mut step = step(&place, &provider, json!({}));
    step["provider"]["value"] = json!("/data/secret");
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("has no key at `/data/secret`"),
        "{}",
        report.summary
    );
    assert_eq!(provider.labels(), ["k0"]);
    assert_eq!(place.read("key"), OLD);
    place.is_at_rest("mail-key").await;
}

#[tokio::test]
async fn a_provider_that_refuses_to_revoke_keeps_the_rotation_open() {
    let (place, provider) = (place(), Provider::new());
    let mut step = step(&place, &provider, json!({}));
    let revoke = step["provider"]["revoke"].clone();
    step["provider"]["revoke"]["http"]["expectStatus"] = json!([299]);
    let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("the new `mail-key` counts"),
        "{}",
        report.summary
    );
    assert_eq!(
        place.credential("mail-key").await.state,
        CredentialState::Retiring
    );
    assert!(provider.lets_in(&place.read("key")));
    step["provider"]["revoke"] = revoke;
    succeeded(place.agent(USES, step, Cut::Never).await);
    place.is_at_rest("mail-key").await;
}

#[tokio::test]
async fn a_provider_may_be_a_program() {
    let (place, provider) = (place(), Provider::new());
    let mut step = step(&place, &provider, json!({}));
    // It answers what the server would.
    place.write(
        "answer.json",
        r#"{"data":{"id":7,"key":"the-key-that-a-program-made"}}"#,
    );
    step["provider"]["create"] =
        json!({ "command": { "argv": ["cat", place.path("answer.json")] } });
    step["provider"]["revoke"] = json!({ "command": { "argv": ["touch", place.path("revoked")] } });
    step["test"] = json!({ "command": { "argv": ["grep", "-q", "that-a-program-made"] }, "refusedCodes": [1] });
    succeeded(place.agent(USES, step, Cut::Never).await);
    assert_eq!(place.read("key"), "the-key-that-a-program-made");
    assert!(place.path("revoked").exists());
    assert_eq!(place.credential("mail-key").await.facts["id"], "7");
}

/// From the second rotation on, `current` is the key of two rotations ago: that it is refused proves nothing.
#[tokio::test]
async fn a_key_that_was_revoked_long_ago_proves_nothing_of_the_one_that_is_retired() {
    let (place, provider) = (place(), Provider::new());
    succeeded(
        place
            .agent(USES, step(&place, &provider, json!({})), Cut::Never)
            .await,
    );
    let retired = place.read("key");
    let mut step = step(&place, &provider, json!({ "force": true }));
    // It says that all is well, and does nothing.
    step["provider"]["revoke"] = json!({ "command": { "argv": ["true"] } });
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    assert!(provider.lets_in(&retired));
    assert!(
        error(&report).contains("the old one is still good"),
        "{}",
        report.summary
    );
    let credential = place.credential("mail-key").await;
    assert_eq!(credential.state, CredentialState::Retiring);
    // Overdue since the end of its overlap, for an alert.
    assert_eq!(credential.next_at, credential.issued_at);
    // What did not go is revoked once more, and not only tried.
    let step = self::step(&place, &provider, json!({}));
    succeeded(place.agent(USES, step, Cut::Never).await);
    assert!(!provider.lets_in(&retired));
    assert_eq!(provider.labels(), ["k2"]);
    place.is_at_rest("mail-key").await;
}

/// A proxy that is being mended may say so with a code of success.
#[tokio::test]
async fn an_answer_that_is_not_the_providers_is_no_key_where_none_is_found() {
    let (place, provider) = (place(), Provider::new());
    let good = step(&place, &provider, json!({}));
    let mut garbled = good.clone();
    let url = provider.server.url("/mail");
    garbled["provider"]["create"] =
        json!({ "http": { "url": url, "headers": { "Authorization": format!("Bearer {OLD}") } } });
    let report = place.agent(USES, garbled, Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("has no key at `/data/key`"),
        "{}",
        report.summary
    );
    place.is_at_rest("mail-key").await;
    succeeded(place.agent(USES, good, Cut::Never).await);
    assert_eq!(provider.labels(), ["k1"]);
}

#[tokio::test]
async fn a_credential_with_another_place_is_due_at_once_and_one_that_is_given_up_stays_due() {
    let (place, provider) = (place(), Provider::new());
    let mut step = step(&place, &provider, json!({ "giveUp": "" }));
    succeeded(place.agent(USES, step.clone(), Cut::Never).await);
    let more = json!({ "file": { "path": place.path("copy") } });
    step["distribute"].as_array_mut().unwrap().push(more);
    succeeded(place.agent(USES, step.clone(), Cut::Never).await);
    assert_eq!(place.read("copy"), place.read("key"));
    assert_eq!(provider.labels(), ["k2"]);

    step["force"] = json!(true);
    step["provider"]["id"] = json!("/noid");
    let stuck = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
    error(&stuck);
    let rotation = place.credential("mail-key").await.rotation.unwrap();
    step["force"] = json!(false);
    step["giveUp"] = json!(rotation.to_string());
    succeeded(place.agent(USES, step, Cut::Never).await);
    assert!(place.credential("mail-key").await.next_at.is_some());
}

#[tokio::test]
async fn where_no_place_can_be_read_a_key_that_does_not_follow_is_a_warning_and_no_proof() {
    let (place, provider) = (place(), Provider::new());
    let command = json!({ "argv": ["cp", "/dev/stdin", place.path("key")] });
    let brought = json!([{ "command": { "bring": command, "undo": command } }]);
    let more = json!({ "distribute": brought, "force": true });
    let step = step(&place, &provider, more);
    let first = succeeded(place.agent(USES, step.clone(), Cut::Never).await);
    assert!(first.summary.contains("the old one was refused"));
    assert_eq!(first.check, None);
    let second = succeeded(place.agent(USES, step, Cut::Never).await);
    let summary = &second.summary;
    assert!(
        summary.contains("the old one was not tried: what `current` names was refused already"),
        "{summary}"
    );
    let warning = Some(orderly::domain::check::CheckStatus::Warning);
    assert_eq!(second.check, warning);
    assert_eq!(provider.labels(), ["k2"]);
}

#[tokio::test]
async fn a_key_that_was_made_without_a_known_number_is_not_said_to_be_gone() {
    let (place, provider) = (place(), Provider::new());
    let mut step = step(&place, &provider, json!({}));
    step["provider"]["id"] = json!("/noid");
    let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
    let why = error(&report);
    assert!(why.contains("labelled `orderly-mail-key-"), "{why}");
    assert!(why.contains("look, and revoke it by hand"), "{why}");
    // No run makes another one.
    let again = place.agent(USES, step, Cut::Never).await.unwrap();
    assert!(error(&again).contains("giveUp"), "{}", again.summary);
    assert_eq!(provider.labels(), ["k0", "k1"]);
    assert_eq!(place.read("key"), OLD);
}

#[tokio::test]
async fn a_key_whose_number_is_not_in_the_answer_is_found_by_its_label_and_revoked() {
    let (place, provider) = (place(), Provider::new());
    let mut step = step(&place, &provider, json!({}));
    step["provider"]["id"] = json!("/noid");
    step["provider"]["findId"] = json!("/data/id");
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    assert!(
        error(&report).contains("has no number at `/noid`"),
        "{}",
        report.summary
    );
    assert_eq!(provider.labels(), ["k0"]);
}

/// Providers answer lists, too.
#[tokio::test]
async fn killed_while_a_key_was_made_an_answer_that_is_not_understood_is_not_taken_for_none() {
    for (place_in_answer, left) in [("/id", 2), ("/0/id", 1)] {
        let (place, provider) = (place(), Provider::new());
        let mut step = step(&place, &provider, json!({}));
        step["provider"]["find"] =
            json!({ "http": { "url": provider.server.url("/list?label={label}") } });
        step["provider"]["findId"] = json!(place_in_answer);
        // The end of `issue`.
        let killed = place.agent(USES, step.clone(), Cut::Before(2)).await;
        assert!(killed.is_none());
        assert_eq!(provider.labels(), ["k0", "k1"]);
        let report = succeeded(place.agent(USES, step, Cut::Never).await);
        assert_eq!(provider.labels().len(), left, "{}", report.summary);
        let is_told = report.summary.contains("look, and revoke it by hand");
        assert_eq!(is_told, left == 2, "{}", report.summary);
        assert_eq!(report.check.is_some(), left == 2);
    }
}

#[tokio::test]
async fn an_end_that_is_no_time_is_told() {
    let (place, provider) = (place(), Provider::new());
    let mut step = step(&place, &provider, json!({}));
    step["provider"]["expiresAt"] = json!("/data/id");
    let report = succeeded(place.agent(USES, step, Cut::Never).await);
    let told = "whose end is not known: the provider's answer has no time as in RFC 3339";
    assert!(report.summary.contains(told), "{}", report.summary);
}

/// A provider that makes a key when nobody waits for its answer any more.
#[tokio::test]
async fn a_key_that_a_slow_provider_makes_late_is_found_and_revoked() {
    let (provider, place) = (Provider::slow(Duration::from_secs(3)), place());
    let mut step = step(&place, &provider, json!({}));
    step["provider"]["create"]["http"]["timeout"] = json!("1s");
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    let told = error(&report);
    assert!(
        told.contains("whether a key was made is not known"),
        "{told}"
    );
    assert_eq!(provider.labels(), ["k0"]);
    assert!(provider.lets_in(&place.read("key")));
}

#[tokio::test]
async fn a_key_that_may_be_made_yet_is_told_with_its_label() {
    let (provider, place) = (Provider::slow(Duration::from_mins(1)), place());
    let mut step = step(&place, &provider, json!({}));
    step["provider"]["create"]["http"]["timeout"] = json!("1s");
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    let told = error(&report);
    assert!(
        told.contains("may have a key labelled `orderly-mail-key-"),
        "{told}"
    );
}

#[tokio::test]
async fn a_trial_that_does_not_send_the_key_is_refused() {
    let (provider, place) = (Provider::new(), place());
    let mut step = step(&place, &provider, json!({}));
    step["test"]["http"]["headers"] = json!({});
    let report = place.agent(USES, step.clone(), Cut::Never).await.unwrap();
    assert!(error(&report).contains("does not send the credential"));
    step["test"] = json!({ "command": { "argv": ["check", "{value}"] } });
    let report = place.agent(USES, step, Cut::Never).await.unwrap();
    assert!(error(&report).contains("`{value}` stands for nothing here"));
}

#[tokio::test]
async fn a_place_that_keeps_the_former_content_of_another_is_refused() {
    let (provider, place) = (Provider::new(), place());
    let file = |name: &str| json!({ "file": { "path": place.path(name) } });
    let secret = json!({ "secret": { "namespace": "shop", "name": "mail", "keys": { "key": "value", "key-previous": "value" } } });
    for (places, words) in [
        (json!([file("key"), file("key.previous")]), "the same place"),
        (json!([file("key.previous"), file("key")]), "the same place"),
        (json!([secret]), "is where the former value of `key` stays"),
    ] {
        let step = step(&place, &provider, json!({ "distribute": places }));
        let report = place.agent(USES, step, Cut::Never).await.unwrap();
        assert!(error(&report).contains(words), "{}", error(&report));
    }
}
