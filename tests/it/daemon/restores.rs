//! An agent that is killed in the middle of a restore: what was there is there, nobody says that it is restored, and people are asked
//! whether it is to be done again.

use super::{
    backups::{ALONE, artifacts, files, word},
    harness::{Agent, Place, runbook, text, until},
};
use crate::cluster::postgres::Postgres;
use age::secrecy::ExposeSecret as _;
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

/// The built-in runbook of `orderly artifacts restore`.
const RESTORE: &str = "orderly-artifact-restore";
/// Takes a while to write, and no space in an artifact.
const MUCH: u64 = 256 << 20;

/// A runbook of one step.
fn keeps(step: &str) -> (String, String) {
    runbook("keep", "[]", &format!("[{step}]"))
}

/// The only artifact, once it is made.
fn kept(agent: &Agent) -> String {
    agent.start("keep");
    agent.run_ended("keep", "succeeded");
    let made = agent.list("/api/v1/artifacts");
    assert_eq!(made.len(), 1, "{made:?}");
    word(&made[0]["id"]).to_owned()
}

/// People consent to a restore in place of what is there.
fn restore(agent: &Agent, id: &str, body: &Value) {
    let answer = agent.post(&format!("/api/v1/artifacts/{id}/restore"), body);
    assert_eq!(answer.status, 202, "{}", answer.body);
    let question = agent.question(RESTORE);
    assert_eq!(agent.approve(&question).status, 200);
}

/// Where a restore writes before anything takes its place.
fn staging(to: &Path) -> PathBuf {
    let name = to.file_name().unwrap().to_str().unwrap();
    to.with_file_name(format!(".{name}.orderly-restoring"))
}

/// What was in the place of a restore before.
fn formers(to: &Path) -> Vec<PathBuf> {
    let name = format!("{}.before-", to.file_name().unwrap().to_str().unwrap());
    let all = fs::read_dir(to.parent().unwrap()).unwrap().flatten();
    let is_one = |path: &PathBuf| {
        let found = path.file_name().unwrap().to_string_lossy();
        found.starts_with(&name)
    };
    all.map(|entry| entry.path()).filter(is_one).collect()
}

/// Killed while the restored is written beside its place.
fn killed_half_way(agent: Agent, to: &Path) {
    until("half of a restore", || {
        let all = files(&staging(to));
        let begun = |path: &PathBuf| path.metadata().is_ok_and(|found| found.len() > 0);
        all.into_iter().find(begun)
    });
    agent.kill();
    assert!(
        !files(&staging(to)).is_empty(),
        "it was killed in the middle"
    );
    assert!(formers(to).is_empty(), "nothing has taken another's place");
}

/// The run is told as one whose step was interrupted; nobody says that it has ended well. What is asked now.
fn asked_again(agent: &Agent, name: &str) -> Value {
    let question = agent.question(name);
    let id = word(&question["run"]);
    let run = agent.read(&format!("/api/v1/runs/{id}"));
    assert!(run["outcome"].is_null(), "{run}");
    let events = agent.list(&format!("/api/v1/runs/{id}/events"));
    let kinds: Vec<&str> = events.iter().map(|event| word(&event["event"])).collect();
    assert!(kinds.contains(&"step_interrupted"), "{kinds:?}");
    assert!(!kinds.contains(&"step_ended"), "{kinds:?}");
    question
}

#[test]
fn killed_in_the_middle_of_a_restore_of_files_what_was_there_stays_and_people_are_asked_again() {
    let place = Place::new();
    let data = place.path("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("one"), "hello").unwrap();
    let large = fs::File::create(data.join("large")).unwrap();
    large.set_len(MUCH).unwrap();
    place.commit(&[keeps(&format!(
        "{{ name: keep, uses: backup/files, with: {{ name: data, paths: [{}] }} }}",
        data.display()
    ))]);
    let agent = place.start(&ALONE);
    let id = kept(&agent);
    let to = place.path("to");
    fs::create_dir(&to).unwrap();
    fs::write(to.join("mine"), "precious").unwrap();
    restore(
        &agent,
        &id,
        &json!({ "to": to, "only": data, "overwrite": true }),
    );
    killed_half_way(agent, &to);
    let untouched = || {
        assert_eq!(fs::read_to_string(to.join("mine")).unwrap(), "precious");
        assert_eq!(fs::read_dir(&to).unwrap().count(), 1);
    };
    untouched();

    let agent = place.start(&ALONE);
    let question = asked_again(&agent, RESTORE);
    untouched();
    assert_eq!(artifacts(&agent)[0]["state"], "sound");
    assert_eq!(agent.approve(&question).status, 200);
    agent.run_ended(RESTORE, "succeeded");
    assert_eq!(fs::read_to_string(to.join("one")).unwrap(), "hello");
    assert_eq!(to.join("large").metadata().unwrap().len(), MUCH);
    let formers = formers(&to);
    assert_eq!(formers.len(), 1, "{formers:?}");
    let mine = fs::read_to_string(formers[0].join("mine")).unwrap();
    assert_eq!(mine, "precious");
    assert!(!staging(&to).exists(), "what the dead one left is gone");
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn killed_in_the_middle_of_a_restore_of_sqlite_a_no_leaves_the_database_and_the_next_one_starts_over()
 {
    let place = Place::new();
    let path = place.path("shop.db");
    let database = Connection::open(&path).unwrap();
    let pieces = MUCH >> 22;
    database
        .execute_batch(&format!(
            "CREATE TABLE orders (note TEXT); INSERT INTO orders VALUES ('kept'); CREATE TABLE much (piece BLOB);
             INSERT INTO much WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {pieces}) SELECT zeroblob(4194304) FROM n",
        ))
        .unwrap();
    drop(database);
    place.commit(&[keeps(&format!(
        "{{ name: keep, uses: backup/sqlite, with: {{ name: shop, database: {} }} }}",
        path.display()
    ))]);
    let agent = place.start(&ALONE);
    let id = kept(&agent);
    let say = |note: &str| {
        let database = Connection::open(&path).unwrap();
        let say = format!("UPDATE orders SET note = '{note}'");
        database.execute_batch(&say).unwrap();
    };
    let said = || -> String {
        let database = Connection::open(&path).unwrap();
        let asked = database.query_row("SELECT note FROM orders", [], |row| row.get(0));
        asked.unwrap()
    };
    say("since");
    let body = json!({ "to": path, "overwrite": true });
    restore(&agent, &id, &body);
    killed_half_way(agent, &path);
    assert_eq!(said(), "since");

    let agent = place.start(&ALONE);
    let question = asked_again(&agent, RESTORE);
    let vote = json!({ "verdict": "deny", "digest": question["digest"] });
    let answer = agent.post(
        &format!("/api/v1/approvals/{}/vote", word(&question["id"])),
        &vote,
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    agent.run_ended(RESTORE, "interrupted");
    assert_eq!(said(), "since");

    restore(&agent, &id, &body);
    agent.run_ended(RESTORE, "succeeded");
    assert_eq!(said(), "kept");
    assert_eq!(formers(&path).len(), 1);
    assert!(!staging(&path).exists(), "what the dead one left is gone");
    assert_eq!(agent.stop(), Some(0));
}

/// A database that is kept, and a runbook that puts it back.
fn with_database(place: &Place, postgres: &Postgres) {
    let key = age::x25519::Identity::generate();
    let file = place.write("key", key.to_string().expose_secret());
    place.write(
        "orderly.yaml",
        &format!(
            "secrets: {{ age: {{ file: {} }} }}\nartifacts: {{ recipients: [{}], identity: age }}\n",
            file.display(),
            key.to_public()
        ),
    );
    let server = format!("{{ host: {}, user: admin }}", postgres.socket().display());
    place.commit(&[
        keeps(&format!(
            "{{ name: keep, uses: backup/postgres, with: {{ name: shop, database: shop, server: {server} }} }}"
        )),
        runbook(
            "back",
            "[]",
            &format!(
                "[{{ name: back, uses: backup/restore, with: {{ artifact: {{ newest: shop, runbook: keep }}, into: {{ database: shop, server: {server} }} }} }}]"
            ),
        ),
    ]);
}

#[test]
fn killed_in_the_middle_of_a_restore_of_postgres_nothing_of_it_stays_and_people_are_asked_again() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    postgres.query("create database shop");
    postgres.query_in(
        "shop",
        "create table orders (id int primary key); insert into orders select n from generate_series(1, 500) n",
    );
    let count = || {
        let counted = postgres.query_in("shop", "select count(*) from orders");
        counted.trim().to_owned()
    };
    let place = Place::new();
    with_database(&place, &postgres);
    let agent = place.start(&ALONE);
    kept(&agent);
    postgres.query_in("shop", "delete from orders where id > 7");
    // The restore waits for what somebody else holds, and is killed there.
    let mut holder = postgres.session("shop");
    let mut input = holder.stdin.take().unwrap();
    writeln!(input, "begin; lock table orders in access share mode;").unwrap();
    let locks = "select count(*) from pg_locks where relation = 'orders'::regclass and granted";
    until("the lock", || {
        (postgres.query_in("shop", locks).trim() == "1").then_some(())
    });
    agent.start("back");
    let question = agent.question("back");
    assert_eq!(agent.approve(&question).status, 200);
    let restoring = |more: &str| {
        let query = format!(
            "select count(*) from pg_stat_activity where application_name = 'pg_restore'{more}"
        );
        postgres.query(&query).trim().to_owned()
    };
    until("a restore that waits", || {
        (restoring(" and wait_event_type = 'Lock'") == "1").then_some(())
    });
    agent.kill();

    let agent = place.start(&ALONE);
    let question = asked_again(&agent, "back");
    drop(input);
    holder.wait().unwrap();
    until("the end of what the dead agent began", || {
        (restoring("") == "0").then_some(())
    });
    assert_eq!(count(), "7", "it is one transaction");
    assert_eq!(agent.approve(&question).status, 200);
    agent.run_ended("back", "succeeded");
    assert_eq!(count(), "500");
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn who_started_a_restore_may_consent_where_policy_lets_starters_for_nobody_wrote_its_runbook() {
    let place = Place::new();
    let data = place.path("data");
    fs::create_dir(&data).unwrap();
    fs::write(data.join("one"), "hello").unwrap();
    place.commit(&[keeps(&format!(
        "{{ name: keep, uses: backup/files, with: {{ name: data, paths: [{}] }} }}",
        data.display()
    ))]);
    let agent = place.start(&[]);
    let body = json!({ "to": place.path("to") });
    let path = format!("/api/v1/artifacts/{}/restore", kept(&agent));
    assert_eq!(agent.post(&path, &body).status, 202);
    let refused = agent.approve(&agent.question(RESTORE));
    assert_eq!(refused.status, 409, "{}", refused.body);
    let refused = refused.json();
    let detail = word(&refused["detail"]);
    assert!(detail.ends_with("they started the run"), "{detail}");
    let hint =
        "somebody else must answer; on a machine of your own, set `policy.triggerMayApprove`";
    assert_eq!(refused["hint"], hint);
    assert_eq!(agent.stop(), Some(0));

    let agent = place.start(&["--set", "policy.triggerMayApprove=true"]);
    let consented = || agent.approve(&agent.question(RESTORE)).status == 200;
    until("a question that the starter may answer", || {
        consented().then_some(())
    });
    agent.run_ended(RESTORE, "succeeded");
    assert_eq!(agent.stop(), Some(0));
}

#[test]
fn a_dump_that_is_to_be_restored_to_a_path_is_refused_with_the_step_that_restores_it() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    postgres.query("create database shop");
    postgres.query_in(
        "shop",
        "create table orders (id int primary key); insert into orders values (1)",
    );
    let place = Place::new();
    with_database(&place, &postgres);
    let agent = place.start(&ALONE);
    let id = kept(&agent);
    postgres.query_in("shop", "delete from orders");
    let refused = place.cli(&agent, &["artifacts", "restore", &id, "--to", "/srv/shop"]);
    assert!(!refused.status.success());
    let said = text(&refused.stderr);
    assert!(
        said.contains("holds a dump of PostgreSQL, which goes into a database"),
        "{said}"
    );
    assert!(
        said.contains("hint: commit a runbook with this step"),
        "{said}"
    );
    assert!(
        agent
            .list(&format!("/api/v1/runs?runbook={RESTORE}"))
            .is_empty()
    );

    // What it shows does it, with the names in it.
    let (_, step) = said.split_once("restores it:\n").unwrap();
    let (step, _) = step.split_once("hint: ").unwrap();
    let step = step
        .replace("NAME", "shop")
        .replace("HOST", postgres.socket().to_str().unwrap())
        .replace("ROLE", "admin");
    place.commit(&[(
        "shown.yaml".to_owned(),
        format!(
            "apiVersion: orderly.dev/v1\nkind: Runbook\nmetadata: {{ name: shown }}\nspec:\n  steps:\n{step}"
        ),
    )]);
    agent.sync();
    agent.start("shown");
    let question = agent.question("shown");
    assert_eq!(agent.approve(&question).status, 200);
    agent.run_ended("shown", "succeeded");
    let count = postgres.query_in("shop", "select count(*) from orders");
    assert_eq!(count.trim(), "1");
    assert_eq!(agent.stop(), Some(0));
}
