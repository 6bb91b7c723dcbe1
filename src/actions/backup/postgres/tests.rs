use super::PostgresTarget;
use crate::{
    actions::framework::scripted::intend,
    domain::{effect::Class, name::SecretName, secret::marker},
};
use serde_json::{Value, json};

fn inputs(more: &Value) -> Value {
    let mut inputs = json!({ "name": "shop", "database": "shop" });
    for (key, value) in more.as_object().unwrap() {
        inputs[key] = value.clone();
    }
    inputs
}

#[tokio::test]
async fn a_dump_reads_a_database_and_makes_an_artifact() {
    let inside = json!({ "namespace": "shop", "object": "statefulset/db" });
    for (server, read) in [
        (json!({}), vec!["database read database shop on the host"]),
        (
            json!({ "host": "db.example.org" }),
            vec!["database read database shop at db.example.org"],
        ),
        (
            json!({ "inside": inside }),
            vec![
                "read statefulset.apps db in namespace shop on cluster default",
                "database read database shop in namespace shop on cluster default",
            ],
        ),
    ] {
        let intent = intend("backup/postgres", inputs(&json!({ "server": server })));
        let intent = intent.await.unwrap();
        assert_eq!(intent.effects.class(), Class::Change);
        assert!(intent.idempotent);
        let made = std::iter::once("create artifact shop of the agent");
        let expected: Vec<&str> = made.chain(read).collect();
        assert_eq!(intent.effects.lines(), expected);
    }
}

#[tokio::test]
async fn inputs_that_make_no_sense_are_refused() {
    let secret = marker(&SecretName::new("db").unwrap());
    for (more, words) in [
        (
            json!({ "keep": { "encrypt": false } }),
            "never kept in the clear",
        ),
        (json!({ "database": "" }), "1 to 63 bytes"),
        (json!({ "database": secret }), "no secret may be"),
        (json!({ "server": { "user": secret } }), "no secret may be"),
        (json!({ "server": { "host": secret } }), "is not a host"),
        (
            json!({ "exclude": { "tables": [secret] } }),
            "no secret may be",
        ),
    ] {
        let error = intend("backup/postgres", inputs(&more)).await.unwrap_err();
        assert!(error.contains(words), "{more}: {error}");
    }
    let password = json!({ "server": { "password": secret } });
    assert!(intend("backup/postgres", inputs(&password)).await.is_ok());
}

#[test]
fn a_restore_loses_what_was_there() {
    let target: PostgresTarget = serde_json::from_value(json!({ "database": "shop" })).unwrap();
    let [replaced] = target.effects().try_into().unwrap();
    assert_eq!(replaced.class(), Class::Destructive);
    assert_eq!(target.check("to"), Ok(()));
}
