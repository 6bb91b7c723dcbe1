//! Layers and rules, through the one door that loads them.

use super::{Flag, Inputs, Origin, load};
use std::collections::BTreeMap;

fn file(text: &str) -> (tempfile::TempDir, Inputs) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("orderly.yaml");
    std::fs::write(&path, text).unwrap();
    (
        folder,
        Inputs {
            file: Some(path),
            ..Inputs::default()
        },
    )
}

#[test]
fn a_later_layer_wins_and_is_named() {
    let (_folder, mut inputs) =
        file("source:\n  url: /srv/a\n  path: ops\nhttp:\n  listen: 127.0.0.1:1\n");
    inputs.environment = BTreeMap::from([("ORDERLY_SOURCE_URL".to_owned(), "/srv/b".to_owned())]);
    inputs.flags = vec![Flag {
        flag: "--listen".into(),
        path: "http.listen".into(),
        value: "127.0.0.1:2".into(),
    }];
    let loaded = load(&inputs).unwrap();
    assert_eq!(loaded.config.source.url, "/srv/b");
    assert_eq!(loaded.config.source.path, "ops");
    assert_eq!(loaded.config.http.listen.port(), 2);
    assert_eq!(
        loaded.origin("source.url"),
        Origin::Environment("ORDERLY_SOURCE_URL".into())
    );
    assert_eq!(
        loaded.origin("source.path"),
        Origin::File(inputs.file.clone().unwrap())
    );
    assert_eq!(
        loaded.origin("http.listen"),
        Origin::Flag("--listen".into())
    );
    assert_eq!(loaded.origin("log.filter"), Origin::Default);
}

#[test]
fn an_unknown_key_names_its_place_and_the_nearest_key() {
    let (_folder, inputs) = file("source:\n  urll: x\n");
    let message = load(&inputs).unwrap_err().to_string();
    assert!(message.contains("orderly.yaml:2:3"), "{message}");
    assert!(message.contains("did you mean `url`?"), "{message}");
}

#[test]
fn a_choice_is_written_as_a_key() {
    let (_folder, inputs) = file(
        "secrets:\n  a: { file: /a }\n  b: { env: B }\nchannels:\n  ops: { webhookSecret: a }\n",
    );
    let config = load(&inputs).unwrap().config;
    assert_eq!(
        serde_json::to_value(&config.secrets).unwrap(),
        serde_json::json!({"a": {"file": "/a"}, "b": {"env": "B"}})
    );
    let (_folder, inputs) = file("secrets:\n  a: { file: /a, env: A }\n");
    assert!(load(&inputs).is_err());
    let (_folder, inputs) = file("secrets:\n  a: { fille: /a }\n");
    let message = load(&inputs).unwrap_err().to_string();
    assert!(message.contains("orderly.yaml:2:"), "{message}");
}

#[test]
fn a_variable_that_does_not_fit_is_named() {
    let environment = BTreeMap::from([("ORDERLY_SOURCE_POLL".to_owned(), "soon".to_owned())]);
    let message = load(&Inputs {
        environment,
        ..Inputs::default()
    })
    .unwrap_err()
    .to_string();
    assert!(
        message.starts_with("$ORDERLY_SOURCE_POLL: `source.poll`"),
        "{message}"
    );
}

#[test]
fn every_layer_tells_what_is_wrong_with_it() {
    let (_folder, mut inputs) = file("http: { tokenz: 1 }\nlog: { format: xml }\n");
    inputs.environment = BTreeMap::from([("ORDERLY_SOURCE_POLL".to_owned(), "x".to_owned())]);
    let flag = |path: &str| Flag {
        flag: "--set".into(),
        path: path.into(),
        value: "x".into(),
    };
    inputs.flags = vec![flag("x"), flag("http.listn"), flag("http.tokens")];
    let faults = load(&inputs).unwrap_err().faults();
    let places: Vec<&str> = faults
        .iter()
        .map(|fault| fault.place.rsplit('/').next().unwrap())
        .collect();
    let file = ["orderly.yaml:1:9", "orderly.yaml:2:16"];
    assert_eq!(places[..2], file);
    assert_eq!(
        places[2..],
        ["$ORDERLY_SOURCE_POLL", "--set", "--set", "--set"]
    );
    let hints: Vec<&str> = faults
        .iter()
        .filter_map(|fault| fault.hint.as_deref())
        .collect();
    assert_eq!(
        hints[1..],
        [
            "`orderly config` lists the settings",
            "did you mean `http.listen`?",
            "it is set in the file"
        ]
    );
}

#[test]
fn rules_between_settings_are_told_all_at_once() {
    let (_folder, inputs) = file(
        "source: { branch: a, tag: b, poll: 0s }\nwebhooks: { x: { secret: no } }\nhttp: { tokens: [ { subject: a, role: viewer, secret: no } ] }\n",
    );
    assert_eq!(load(&inputs).unwrap_err().faults().len(), 4);
}

#[test]
fn a_slip_in_a_variable_is_noticed() {
    let environment = BTreeMap::from([("ORDERLY_SORCE_URL".to_owned(), "x".to_owned())]);
    let loaded = load(&Inputs {
        environment,
        ..Inputs::default()
    })
    .unwrap();
    assert_eq!(loaded.unknown_variables, ["ORDERLY_SORCE_URL"]);
}

#[test]
fn what_is_wrong_with_an_ai_provider_is_told_where_it_stands() {
    let (_folder, inputs) = file(
        "secrets: { k: { env: K } }
ai:
  providers:
    - { provider: ollama, model: m }
    - { provider: openai, model: m, key: k }
",
    );
    let message = load(&inputs).unwrap_err().to_string();
    assert!(message.contains("orderly.yaml:5:"), "{message}");
    assert!(
        message.contains("provider openai: it needs `prices`"),
        "{message}"
    );
}

#[test]
fn broken_rules_are_told_where_the_value_stands() {
    let (folder, mut inputs) = file(
        "source:
  branch: a
  tag: b
  poll: 0s
  credentials: { token: hok }
http:
  tokens:
    - { subject: ann, role: viewer, secret: hook }
    - { subject: bob, role: viewer, secret: hok }
webhooks: { ci: { secret: x } }
channels:
  ops: { webhookSecret: hok }
secrets: { hook: { env: A } }
",
    );
    inputs.flags = vec![Flag {
        flag: "--set".into(),
        path: "runs.concurrency".into(),
        value: "0".into(),
    }];
    let told: Vec<String> = load(&inputs)
        .unwrap_err()
        .faults()
        .iter()
        .map(ToString::to_string)
        .collect();
    let told = told.join("\n").replace(folder.path().to_str().unwrap(), "");
    insta::assert_snapshot!(told, @"
    /orderly.yaml:3:8: `source.tag`: a branch and a tag cannot both be followed
    hint: keep one of them
    /orderly.yaml:4:9: `source.poll`: must be longer than zero
    `runs.concurrency` from --set: must be at least 1
    /orderly.yaml:9:45: `http.tokens`: the token of bob names the secret `hok`, which is not under `secrets`
    hint: did you mean `hook`?
    /orderly.yaml:10:27: `webhooks`: webhook ci names the secret `x`, which is not under `secrets`
    hint: add `x` under `secrets`
    /orderly.yaml:12:25: `channels`: channel ops names the secret `hok`, which is not under `secrets`
    hint: did you mean `hook`?
    /orderly.yaml:5:25: `source.credentials.token`: it names the secret `hok`, which is not under `secrets`
    hint: did you mean `hook`?
    ");
}

#[test]
fn accounts_of_clusters_and_addresses_of_channels_are_judged_when_they_are_read() {
    let (folder, inputs) = file(
        "clusters:
  default:
    account: { token: nosuch }
    accounts: { web: { serviceAccount: nonsense }, db: { serviceAccount: ops/db } }
channels:
  ops: { webhook: notaurl }
",
    );
    let told = load(&inputs).unwrap_err();
    let told: Vec<String> = told.faults().iter().map(ToString::to_string).collect();
    let told = told.join("\n").replace(folder.path().to_str().unwrap(), "");
    insta::assert_snapshot!(told, @"
    /orderly.yaml:3:23: `clusters`: the account names the secret `nosuch`, which is not under `secrets`
    hint: add `nosuch` under `secrets`
    /orderly.yaml:4:40: `clusters`: `nonsense` is not `namespace/name`
    hint: write for example `ops/web-restart`
    /orderly.yaml:6:19: `channels`: this is no address
    hint: write for example `https://hooks.example.org/ops`
    ");
}

#[test]
fn stores_of_artifacts_are_judged_when_they_are_read() {
    let (folder, inputs) = file(
        "artifacts:
  store: offsight
  identity: nosuch
  stores:
    disk: { s3: { bucket: x } }
    offsite: { s3: { bucket: backups, endpoint: minio, accessKey: nosuch, partBytes: 100 } }
",
    );
    let told = load(&inputs).unwrap_err();
    let told: Vec<String> = told.faults().iter().map(ToString::to_string).collect();
    let told = told.join("\n").replace(folder.path().to_str().unwrap(), "");
    insta::assert_snapshot!(told, @"
    /orderly.yaml:3:13: `artifacts.identity`: it names the secret `nosuch`, which is not under `secrets`
    hint: add `nosuch` under `secrets`
    /orderly.yaml:6:67: `artifacts.stores`: store offsite names the secret `nosuch`, which is not under `secrets`
    hint: add `nosuch` under `secrets`
    /orderly.yaml:2:10: `artifacts.store`: there is no store `offsight`
    hint: known are disk, offsite
    /orderly.yaml:5:11: `artifacts.stores`: `disk` is the state folder
    hint: give the store another name
    /orderly.yaml:6:67: `artifacts.stores`: name both `accessKey` and `secretKey`, or neither
    /orderly.yaml:6:86: `artifacts.stores`: must be from 5242880 to 268435456
    /orderly.yaml:6:49: `artifacts.stores`: this is no address
    hint: write for example `https://minio.example.org:9000`
    ");
}

#[test]
fn every_setting_has_a_description_and_its_own_variable() {
    let settings = crate::config::settings();
    assert!(settings.len() > 30);
    let mut variables: Vec<_> = settings.iter().map(|setting| &setting.variable).collect();
    variables.sort();
    variables.dedup();
    assert_eq!(variables.len(), settings.len());
    assert!(
        settings
            .iter()
            .all(|setting| !setting.description.is_empty()),
        "{settings:#?}"
    );
}

#[test]
fn what_a_policy_lists_and_nothing_can_meet_is_refused_with_what_was_meant() {
    let (_folder, mut inputs) = file(
        "policy:
  protectedNamespaces: [kube-*, Kube_System, '']
  dangerousCommands: [mkfs, ' ']
  freshBackup: [{ namespaces: ['-x'], backup: db, youngerThan: 1h }]
  preapproved:
    - { runbook: a, action: kubernetes/scal, until: '2026-12-31T18:00:00Z' }
    - { runbook: a, action: kubernetes/scale, until: '2026-12-31T18:00:00Z' }
",
    );
    inputs.judges.actions = Some(|| vec!["kubernetes/scale", "sleep"]);
    let message = load(&inputs).unwrap_err().to_string();
    let path = inputs.file.unwrap().display().to_string();
    insta::assert_snapshot!(message.replace(&path, "f"), @r"
    the configuration cannot be used: 5 problems
      f:2:24: `policy.protectedNamespaces`: `` can be no namespace, so it would protect nothing
          hint: names have lower-case letters, digits and `-`; `*` stands for any characters, `?` for one
      f:2:24: `policy.protectedNamespaces`: `Kube_System` can be no namespace, so it would protect nothing
          hint: did you mean `kube-system`?
      f:4:31: `policy.freshBackup`: `-x` can be no namespace, so it would protect nothing
          hint: names have lower-case letters, digits and `-`; `*` stands for any characters, `?` for one
      f:3:29: `policy.dangerousCommands`: an empty text stands in no command
          hint: leave it out
      f:6:29: `policy.preapproved`: there is no action `kubernetes/scal`
          hint: did you mean `kubernetes/scale`?
    ");
}

#[test]
fn a_value_of_another_sort_is_told_what_it_should_be() {
    let (_folder, inputs) = file(
        "policy: { preapproved: [{ runbook: a, action: sleep, until: yesterday }] }
budget: { monthly_limit_usd: abc }
",
    );
    let message = load(&inputs).unwrap_err().to_string();
    let path = inputs.file.unwrap().display().to_string();
    insta::assert_snapshot!(message.replace(&path, "f"), @r#"
    the configuration cannot be used: 2 problems
      f:1:61: `policy.preapproved[0].until`: `yesterday` is not an instant
          hint: write it as RFC 3339 has it, `2026-12-31T18:00:00Z`
      f:2:30: `budget.monthly_limit_usd`: must be a number, not string "abc"
    "#);
}
