use super::Member;
use crate::{actions::framework::scripted::intend, domain::effect::Class};
use serde_json::{Value, json};

fn inputs(etcdctl: &Value) -> Value {
    json!({ "name": "etcd", "etcdctl": etcdctl })
}

#[tokio::test]
async fn a_snapshot_reads_the_members_and_makes_an_artifact() {
    let etcdctl = json!({ "endpoints": ["https://10.0.0.1:2379"] });
    let intent = intend("backup/etcd", inputs(&etcdctl)).await.unwrap();
    assert_eq!(intent.effects.class(), Class::Change);
    assert!(intent.idempotent);
    let shown: Vec<String> = intent.effects.lines();
    assert_eq!(
        shown,
        [
            "create artifact etcd of the agent",
            "database read etcd all keys at 10.0.0.1:2379"
        ]
    );
}

#[tokio::test]
async fn a_member_may_be_reached_by_a_socket_of_the_host() {
    for endpoint in ["unix:///run/etcd/etcd.sock", "unixs:///run/etcd.sock:0"] {
        let etcdctl = json!({ "endpoints": [endpoint] });
        let intent = intend("backup/etcd", inputs(&etcdctl)).await.unwrap();
        let shown: Vec<String> = intent.effects.lines();
        assert_eq!(shown[1], "database read etcd all keys on the host");
    }
}

#[tokio::test]
async fn inputs_that_make_no_sense_are_refused() {
    let at = |more: Value| {
        let mut etcdctl = json!({ "endpoints": ["https://10.0.0.1:2379"] });
        for (key, value) in more.as_object().unwrap() {
            etcdctl[key] = value.clone();
        }
        inputs(&etcdctl)
    };
    let mut in_the_clear = at(json!({}));
    in_the_clear["keep"] = json!({ "encrypt": false });
    for (inputs, words) in [
        (in_the_clear, "never kept in the clear"),
        (json!({ "name": "etcd" }), "exactly one of"),
        (at(json!({ "endpoints": [] })), "at least one"),
        (at(json!({ "endpoints": ["https://u:p@h"] })), "no address"),
        (at(json!({ "endpoints": ["--debug"] })), "no address"),
        (
            at(json!({ "endpoints": ["unix://run/x"] })),
            "no socket of a member",
        ),
        (
            at(json!({ "endpoints": ["unix:///run/../x"] })),
            "no socket of a member",
        ),
        (at(json!({ "keyFile": "/etc/key" })), "go together"),
        (at(json!({ "user": "root" })), "go together"),
        (at(json!({ "authorityFile": "ca.crt" })), "no absolute path"),
        (at(json!({ "authorityFile": "/etc/../ca.crt" })), "goes up"),
    ] {
        let error = intend("backup/etcd", inputs.clone()).await.unwrap_err();
        assert!(error.contains(words), "{inputs}: {error}");
    }
}

#[test]
fn a_member_is_told_in_plain_words() {
    let member = |value: Value| serde_json::from_value::<Member>(value).unwrap();
    assert_eq!(member(json!({ "name": "a" })).check(), Ok(()));
    assert!(member(json!({ "name": "a b" })).check().is_err());
}
