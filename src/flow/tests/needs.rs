//! What runbooks need of the configuration.

use super::stage::{Stage, active};
use crate::{
    domain::{
        name::{RunbookName, SecretName},
        run::RunOutcome,
    },
    flow::{needs, view, world::held},
};
use std::sync::Arc;

const BOOK: &str = "apiVersion: orderly.dev/v1
kind: Runbook
metadata: { name: a }
spec:
  description: x
  steps:
  - { name: change, uses: play/change }
  - { name: tell, uses: play/read, with: { key: '${{ secret(\"db\") }}' } }
  finally:
  - { name: clean, uses: play/change }
";

const LACKING: &str = "orderly_runbooks_lacking_configuration";

#[tokio::test]
async fn a_run_whose_secret_is_not_configured_touches_nothing_and_says_what_to_do() {
    let stage = Stage::new(BOOK);
    let run = stage.start("a").await.unwrap();
    assert_eq!(stage.outcome(run).await, RunOutcome::Failed);
    assert!(stage.script.touched().is_empty());
    let row = stage.world.history.run(run).await.unwrap().unwrap();
    assert_eq!(
        row.reason,
        "the secret `db` is not in the agent's configuration; hint: add it under `secrets:`"
    );
    stage.secrets.configure("db", "s3cret");
    assert_eq!(stage.run("a").await, RunOutcome::Succeeded);
    assert_eq!(stage.script.touched(), ["change", "tell", "clean"]);
}

#[tokio::test]
async fn a_missing_secret_is_told_when_the_set_comes_into_use_and_until_it_is_configured() {
    let stage = Stage::new("");
    let found = "orderly_source_problems_found_total";
    stage.put(BOOK);
    let problems = needs::problems(&stage.world);
    assert_eq!(
        problems,
        [
            ":1:1: the runbook `a` needs secrets that are not in the agent's configuration: `db` (add them under `secrets:`; its runs fail until then)"
        ]
    );
    assert_eq!((stage.metric(LACKING), stage.metric(found)), (1.0, 1.0));
    let shown = view::runbooks(&stage.world).await.unwrap();
    assert_eq!(shown[0].problem.as_ref(), problems.first());

    // The same set once more is no news; a configuration that names the secret ends it.
    let settings = stage.world.settings().as_ref().clone();
    stage.world.reconfigure(settings.clone());
    assert_eq!((stage.metric(LACKING), stage.metric(found)), (1.0, 1.0));
    stage.secrets.configure("db", "s3cret");
    stage.world.reconfigure(settings);
    assert_eq!((stage.metric(LACKING), stage.metric(found)), (0.0, 1.0));
    assert!(needs::problems(&stage.world).is_empty());
}

#[tokio::test]
async fn a_runbook_that_leaves_takes_its_problem_with_it() {
    let stage = Stage::new("");
    stage.put(BOOK);
    let name = RunbookName::new("a").unwrap();
    assert!(held(&stage.world.lacks).contains_key(&name));
    stage.world.put_in_use(Arc::new(active("")));
    assert!(held(&stage.world.lacks).is_empty());
}

#[tokio::test]
async fn an_account_for_a_runbook_that_is_not_there_is_told_until_it_is() {
    let stage = Stage::new("");
    let mut settings = stage.world.settings().as_ref().clone();
    settings.accounts = ["a", "b"]
        .map(|name| ("east".to_owned(), RunbookName::new(name).unwrap()))
        .into();
    stage.world.reconfigure(settings);
    assert!(
        needs::problems(&stage.world).is_empty(),
        "nobody knows yet what is there"
    );
    let book = |name: &str| BOOK.replace("name: a", &format!("name: {name}"));
    stage.secrets.configure("db", "s3cret");
    stage.put(&book("a"));
    assert_eq!(
        needs::problems(&stage.world),
        [
            "clusters.east.accounts: there is no runbook `b`, so nobody acts as this account; hint: name a runbook, or remove it"
        ]
    );
    assert!(stage.metric(LACKING) < 1.0);
    stage.put(&format!("{}---\n{}", book("a"), book("b")));
    assert!(needs::problems(&stage.world).is_empty());
}

#[tokio::test]
async fn a_webhook_that_is_not_configured_is_told_until_it_is() {
    let stage = Stage::new("");
    let hooked = BOOK.replace(
        "  steps:",
        "  triggers: [ { webhook: { name: ci } } ]\n  steps:",
    );
    stage.secrets.configure("db", "s3cret");
    stage.put(&hooked);
    assert_eq!(
        needs::problems(&stage.world),
        [
            ":1:1: the runbook `a` needs webhooks that are not in the agent's configuration: `ci` (add them under `webhooks:`; nothing starts it by them until then)"
        ]
    );
    let mut settings = stage.world.settings().as_ref().clone();
    let secret = SecretName::new("db").unwrap();
    settings.webhooks.insert("ci".to_owned(), secret);
    stage.world.reconfigure(settings);
    assert!(needs::problems(&stage.world).is_empty());
}
