//! `backup/postgres`, and what verifies and restores what it makes, on a real PostgreSQL.

use super::{Desk, PASSWORD, failure, password, succeeded};
use crate::{cluster::postgres::Postgres, small_disk::SmallDisk, steps::Run};
use orderly::domain::{check::CheckStatus, effect::Class, run::StepResult};
use serde_json::{Value, json};
use std::{
    fs,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

pub(super) fn server(postgres: &Postgres) -> Value {
    json!({ "host": postgres.socket(), "user": "admin" })
}

pub(super) fn dump(postgres: &Postgres) -> Value {
    json!({ "name": "shop", "database": "shop", "server": server(postgres) })
}

/// Two tables and a view.
pub(super) fn with_orders() -> Option<Postgres> {
    let postgres = Postgres::start()?;
    postgres.query("create database shop");
    postgres.query_in(
        "shop",
        "create table orders (id int primary key, note text); insert into orders select n, repeat('x', 100) from generate_series(1, 5000) n;
         create schema audit; create table audit.log (at timestamptz); insert into audit.log select now() from generate_series(1, 10);
         create view big as select * from orders where id > 10",
    );
    Some(postgres)
}

/// A table that takes a while to dump.
pub(super) fn with_much() -> Option<Postgres> {
    let postgres = with_orders()?;
    postgres.query_in(
        "shop",
        "create unlogged table much as select n, md5(n::text) || md5((n + 1)::text) || md5((n + 2)::text) as noise from generate_series(1, 600000) n",
    );
    Some(postgres)
}

/// Does something as soon as the rows of that table are read; whether it came to that before `over`.
fn once_reading(postgres: &Postgres, statement: &str, over: &AtomicBool) -> bool {
    while !over.load(Ordering::Relaxed) {
        let reading = format!(
            "select {statement} from pg_stat_activity where application_name = 'pg_dump' and query like 'COPY public.much%'"
        );
        if postgres.query(&reading).trim() == "t" {
            return true;
        }
    }
    false
}

/// Databases of trials that are still there.
pub(super) fn trials(postgres: &Postgres) -> String {
    let query = "select datname from pg_database where datname like 'orderly%'";
    postgres.query(query).trim().to_owned()
}

pub(super) async fn kept(run: &Run, inputs: Value) -> Value {
    let report = succeeded(run.step("backup/postgres", inputs).await);
    assert_eq!(report.check, None, "{}", report.summary);
    report.outputs["artifact"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_is_kept_encrypted_and_verified_in_a_database_that_goes_afterwards() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let desk = Desk::new();
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    assert_eq!(artifact["kind"], "postgres");
    assert_eq!(artifact["encrypted"], true);
    let path = artifact["path"].as_str().unwrap();
    assert!(path.ends_with(".pgdump.zst.age"), "{path}");
    assert!(fs::read(path).unwrap().starts_with(b"age-encryption.org"));
    let verify = json!({
        "artifact": artifact, "into": server(&postgres),
        "expect": { "tables": { "orders": 5000, "audit.log": 1, "big": 4990 }, "query": "select max(id) = 5000 from orders" }
    });
    let effects = run.effects("backup/verify", &verify).await;
    assert_eq!(effects.class(), Class::Change, "{:?}", effects.lines());
    let verified = succeeded(run.step("backup/verify", verify).await);
    let verified = &verified.outputs["verified"];
    assert_eq!(
        verified["content"],
        json!({ "orders": 5000, "audit.log": 10, "big": 4990 })
    );
    assert!(verified["entries"].as_u64().unwrap() > 5, "{verified}");
    assert_eq!(trials(&postgres), "");
    assert_eq!(desk.left().len(), 1, "{:?}", desk.left());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_server_a_dump_is_read_to_its_end_and_that_is_said() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let desk = Desk::new();
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    let verify = json!({ "artifact": artifact });
    let verified = succeeded(run.step("backup/verify", verify).await);
    assert!(
        verified.summary.contains("restored into no database"),
        "{}",
        verified.summary
    );
    assert!(verified.outputs["checked"].is_object());
    assert!(verified.outputs["verified"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_out_is_not_there_and_what_is_expected_is_missed() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let desk = Desk::new();
    let run = desk.run();
    let mut inputs = dump(&postgres);
    inputs["exclude"] = json!({ "schemas": ["audit"], "rows": ["orders"] });
    let artifact = kept(&run, inputs).await;
    let verify = |expect: Value| json!({ "artifact": artifact, "into": server(&postgres), "expect": expect });
    for (expect, at_fault, words) in [
        (
            json!({ "tables": { "orders": 1, "audit.log": 0, "nothing": 0 } }),
            true,
            vec![
                "no table `audit.log`",
                "no table `nothing`",
                "0 rows in `orders` instead of at least 1",
            ],
        ),
        (
            json!({ "query": "select count(*) > 0 from orders" }),
            true,
            vec!["the query does not hold"],
        ),
        (
            // It may be misspelt.
            json!({ "query": "select nosuch from orders" }),
            false,
            vec![
                "nosuch",
                "says nothing about the artifact",
                "correct `expect.query`",
            ],
        ),
    ] {
        let report = run.step("backup/verify", verify(expect)).await;
        let (error, _) = failure(&report);
        for words in words {
            assert!(error.contains(words), "{error}");
        }
        let unsound = &report.outputs["unsound"];
        let path = if at_fault {
            &artifact["path"]
        } else {
            &Value::Null
        };
        assert_eq!(&unsound["path"], path, "{error}");
    }
    assert_eq!(trials(&postgres), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_away_makes_no_artifact_unsound() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let desk = Desk::new();
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    let verify = json!({ "artifact": artifact, "into": { "host": "/nowhere", "user": "admin" } });
    let report = run.step("backup/verify", verify).await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("/nowhere"), "{error}");
    assert!(retryable);
    assert!(report.outputs["unsound"].is_null(), "{:?}", report.outputs);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_handed_over_unseen_and_a_wrong_one_leaves_nothing() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let quoted = PASSWORD.replace('\'', "''");
    postgres.query(&format!(
        "create role keeper login password '{quoted}'; grant pg_read_all_data to keeper"
    ));
    let rules = "local all keeper scram-sha-256\nlocal all all trust\n";
    fs::write(postgres.socket().join("data/pg_hba.conf"), rules).unwrap();
    postgres.query("select pg_reload_conf()");
    let desk = Desk::new();
    let run = desk.run();
    let as_keeper = |password: &str| {
        let mut inputs = dump(&postgres);
        inputs["server"]["user"] = json!("keeper");
        inputs["server"]["password"] = json!(password);
        inputs
    };
    let wrong = run.step("backup/postgres", as_keeper("wrong")).await;
    let (error, _) = failure(&wrong);
    assert!(error.contains("password authentication failed"), "{error}");
    assert!(desk.left().is_empty(), "{:?}", desk.left());
    let planned = run.planned("backup/postgres", as_keeper(&password())).await;
    assert!(!planned.arguments.to_string().contains("quoted"));
    kept(&run, as_keeper(&password())).await;
    assert!(!run.heard().contains("quoted"), "{}", run.heard());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_whose_server_dies_half_way_leaves_nothing() {
    let Some(postgres) = with_much() else {
        return;
    };
    let desk = Desk::new();
    let over = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        let killed = scope.spawn(|| once_reading(&postgres, "pg_terminate_backend(pid)", &over));
        let run = desk.run();
        let dumping = run.step("backup/postgres", dump(&postgres));
        let report =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(dumping));
        over.store(true, Ordering::Relaxed);
        assert!(
            killed.join().unwrap(),
            "the dump was too fast: {}",
            report.summary
        );
        report
    });
    let (error, retryable) = failure(&report);
    assert!(error.contains("`pg_dump` exited with 1"), "{error}");
    assert!(retryable);
    assert!(desk.left().is_empty(), "{:?}", desk.left());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_is_stopped_half_way_leaves_nothing_and_its_program_is_gone() {
    let Some(postgres) = with_much() else {
        return;
    };
    let desk = Desk::new();
    let over = AtomicBool::new(false);
    let run = desk.run();
    let report = thread::scope(|scope| {
        let stop = run.stop.clone();
        let (postgres, over) = (&postgres, &over);
        let stopped = scope.spawn(move || {
            let reading = once_reading(postgres, "true", over);
            stop.cancel();
            reading
        });
        let dumping = run.step("backup/postgres", dump(postgres));
        let report =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(dumping));
        over.store(true, Ordering::Relaxed);
        assert!(stopped.join().unwrap(), "the dump was too fast");
        report
    });
    assert_eq!(report.result, StepResult::Canceled, "{}", report.summary);
    assert!(desk.left().is_empty(), "{:?}", desk.left());
    let there = "select count(*) from pg_stat_activity where application_name = 'pg_dump'";
    while postgres.query(there).trim() != "0" {
        thread::yield_now();
    }
}

/// What a pipe without `pipefail` does: half a dump, and an exit code of 0.
#[tokio::test(flavor = "multi_thread")]
async fn half_a_dump_with_exit_0_is_found_by_its_trial() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let whole = kept(&Desk::new().run(), dump(&postgres)).await;
    let half = whole["rawSize"].as_u64().unwrap() / 2;
    let text = format!("{} \"$@\" | head -c {half}", postgres.program("pg_dump"));
    let desk = Desk::new().with_script("pg_dump", &text);
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    assert_eq!(artifact["rawSize"], half);
    for verify in [
        json!({ "artifact": artifact, "into": server(&postgres) }),
        json!({ "artifact": artifact }),
    ] {
        let report = run.step("backup/verify", verify).await;
        let (error, retryable) = failure(&report);
        assert!(error.contains("could not read from input file"), "{error}");
        assert!(!retryable);
        assert_eq!(report.outputs["unsound"]["path"], artifact["path"]);
    }
    assert_eq!(trials(&postgres), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_and_what_is_no_dump_are_no_backups_whatever_their_exit_code() {
    for (text, words) in [
        ("exit 0", "nothing came"),
        ("echo 'all is well'", "no dump in custom format"),
        ("printf PGDMP; exit 3", "exited with 3"),
        ("printf PGDMP; kill -9 $$", "signal 9"),
    ] {
        let desk = Desk::new().with_script("pg_dump", text);
        let inputs = json!({ "name": "shop", "database": "shop" });
        let report = desk.run().step("backup/postgres", inputs).await;
        let (error, _) = failure(&report);
        assert!(error.contains(words), "{error}");
        assert!(desk.left().is_empty(), "{:?}", desk.left());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_is_not_made_where_there_is_nobody_to_encrypt_it_for() {
    let desk = Desk::new().with_script("pg_dump", "printf PGDMP");
    let inputs = json!({ "name": "shop", "database": "shop" });
    let report = desk.run_for_nobody().step("backup/postgres", inputs).await;
    let (error, retryable) = failure(&report);
    assert!(
        error.contains("`artifacts.recipients`") || error.contains("artifacts.recipients"),
        "{error}"
    );
    assert!(!retryable);
    assert!(desk.left().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_the_dump_and_leaves_nothing() {
    let Some(disk) = SmallDisk::new("size=2m") else {
        return;
    };
    let desk = Desk::new().with_script("pg_dump", "printf PGDMP; exec cat /dev/urandom");
    let state = disk.path().join("state");
    let inputs = json!({ "name": "shop", "database": "shop" });
    let run = desk.run_in(&state);
    let report = run.step("backup/postgres", inputs).await;
    let (mut left, artifacts) = (Vec::new(), state.join("artifacts"));
    super::walk(&artifacts, &artifacts, &mut left);
    let (error, retryable) = failure(&report);
    let folder = artifacts.display().to_string();
    for words in [&folder, "No space left on device", "hint: make room"] {
        assert!(error.contains(words), "{error}");
    }
    assert!(retryable);
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_puts_back_what_was_there_in_one_transaction() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let desk = Desk::new();
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    postgres.query_in(
        "shop",
        "drop view big; delete from orders; drop table audit.log",
    );
    let restore = json!({
        "artifact": artifact, "into": { "database": "shop", "server": server(&postgres) }
    });
    let planned = run.planned("backup/restore", restore.clone()).await;
    assert_eq!(planned.effects.class(), Class::Destructive);
    let report = succeeded(run.step("backup/restore", restore.clone()).await);
    assert!(
        report.summary.contains("database shop"),
        "{}",
        report.summary
    );
    let count = |table: &str| {
        let query = format!("select count(*) from {table}");
        postgres.query_in("shop", &query).trim().to_owned()
    };
    assert_eq!(
        (count("orders"), count("audit.log")),
        ("5000".into(), "10".into())
    );

    // What stands in its way undoes all of it.
    postgres.query_in(
        "shop",
        "delete from orders where id > 7; create view mine as select id from orders",
    );
    let report = run.step("backup/restore", restore).await;
    let (error, _) = failure(&report);
    assert!(error.contains("nothing of it stays"), "{error}");
    assert_eq!((count("orders"), count("mine")), ("7".into(), "7".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_into_a_database_that_is_not_there_says_to_make_it() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let desk = Desk::new();
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    let restore = json!({
        "artifact": artifact, "into": { "database": "nowhere", "server": server(&postgres) }
    });
    let report = run.step("backup/restore", restore).await;
    let (error, _) = failure(&report);
    let hint = "hint: make it first, as in `createdb nowhere`";
    assert!(error.ends_with(hint), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_is_stopped_leaves_no_database() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let desk = Desk::new();
    let artifact = kept(&desk.run(), dump(&postgres)).await;
    // A restore that does not end by itself.
    let text = format!(
        "case \"$*\" in *--exit-on-error*) exec sleep 600;; esac; exec {} \"$@\"",
        postgres.program("pg_restore")
    );
    let desk = desk.with_script("pg_restore", &text);
    let run = desk.run();
    let verify = json!({ "artifact": artifact, "into": server(&postgres) });
    let report = thread::scope(|scope| {
        let (stop, postgres) = (run.stop.clone(), &postgres);
        scope.spawn(move || {
            while trials(postgres).is_empty() {
                thread::yield_now();
            }
            stop.cancel();
        });
        let trying = run.step("backup/verify", verify);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(trying))
    });
    assert_eq!(report.result, StepResult::Canceled, "{}", report.summary);
    assert_eq!(trials(&postgres), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_that_shrank_is_doubted_only_against_what_the_history_knows() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let desk = Desk::new();
    let mut inputs = dump(&postgres);
    inputs["keep"] = json!({ "minBytes": "1GiB" });
    let report = desk.run().step("backup/postgres", inputs).await;
    let (error, _) = failure(&report);
    assert!(
        error.contains("at least 1073741824 were expected"),
        "{error}"
    );
    assert_ne!(report.check, Some(CheckStatus::Ok));
    assert!(report.outputs["artifact"]["doubt"].is_string());
    assert_eq!(desk.left().len(), 1);
}
