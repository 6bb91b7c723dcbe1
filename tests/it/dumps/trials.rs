//! Trial restores that fail for the sake of their server, on a real PostgreSQL: none of them makes a dump unsound.

use super::{
    Desk, failure,
    postgres::{dump, kept, server, trials, with_much, with_orders},
};
use crate::{cluster::postgres::Postgres, small_disk::SmallDisk, steps::Run};
use orderly::domain::run::StepReport;
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// The step failed, says why and that this is nothing against the artifact, and has left nothing.
fn told_as_not_made(report: &StepReport, words: &[&str]) -> bool {
    let (error, retryable) = failure(report);
    for words in words {
        assert!(error.contains(words), "{words}: {error}");
    }
    assert!(
        error.contains("the trial could not be made, which says nothing about the artifact"),
        "{error}"
    );
    assert!(error.contains("; hint: "), "{error}");
    assert!(report.outputs["unsound"].is_null(), "{:?}", report.outputs);
    retryable
}

async fn verified(run: &Run, artifact: &Value, postgres: &Postgres) -> StepReport {
    let verify = json!({ "artifact": artifact, "into": server(postgres) });
    run.step("backup/verify", verify).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_server_without_the_extension_makes_no_dump_unsound() {
    let Some(postgres) = with_orders() else {
        return;
    };
    postgres.query_in("shop", "create extension pgcrypto");
    // The list of a dump is not compressed: it wants an extension that no server has.
    let text = format!(
        "{} \"$@\" | LC_ALL=C sed s/pgcrypto/pgcryptx/g",
        postgres.program("pg_dump")
    );
    let desk = Desk::new().with_script("pg_dump", &text);
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    let report = verified(&run, &artifact, &postgres).await;
    let again = told_as_not_made(&report, &["pgcryptx", "the server of `into` what it lacks"]);
    assert!(!again, "another attempt does not install it");
    assert_eq!(trials(&postgres), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_server_whose_disk_is_full_makes_no_dump_unsound() {
    let Some(postgres) = with_much() else {
        return;
    };
    let Some(disk) = SmallDisk::new("size=24m,mode=777") else {
        return;
    };
    let desk = Desk::new();
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    let small = disk.path().join("small");
    postgres.query(&format!(
        "copy (select 1) to program 'cat > /dev/null; mkdir -m 700 {}'",
        small.display()
    ));
    postgres.query(&format!(
        "create tablespace small location '{}'",
        small.display()
    ));
    postgres.query("alter database template0 set tablespace small");
    let report = verified(&run, &artifact, &postgres).await;
    let left = trials(&postgres);
    let again = told_as_not_made(&report, &["No space left on device", "has room"]);
    assert!(again, "room may be made");
    assert_eq!(left, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_server_that_goes_away_half_way_makes_no_dump_unsound() {
    let Some(postgres) = with_much() else {
        return;
    };
    let desk = Desk::new();
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    let over = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        let (postgres, over) = (&postgres, &over);
        let killed = scope.spawn(move || {
            let kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pg_restore' and query like 'COPY public.much%'";
            while !over.load(Ordering::Relaxed) {
                if postgres.query(kill).trim() == "t" {
                    return true;
                }
            }
            false
        });
        let trying = verified(&run, &artifact, postgres);
        let report =
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(trying));
        over.store(true, Ordering::Relaxed);
        assert!(killed.join().unwrap(), "the restore was too fast");
        report
    });
    assert!(told_as_not_made(&report, &["`pg_restore` exited with 1"]));
    assert_eq!(trials(&postgres), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dump_whose_data_no_server_takes_is_unsound() {
    let Some(postgres) = with_orders() else {
        return;
    };
    // Rows are restored table by table, by their names: at this time `orders` is still empty.
    postgres.query_in(
        "shop",
        "create function filled() returns boolean language sql as 'select count(*) > 0 from public.orders';
         create table first (id int check (filled())); insert into first values (1)",
    );
    let desk = Desk::new();
    let run = desk.run();
    let artifact = kept(&run, dump(&postgres)).await;
    let report = verified(&run, &artifact, &postgres).await;
    let (error, retryable) = failure(&report);
    assert!(error.contains("violates check constraint"), "{error}");
    assert!(!retryable);
    assert_eq!(report.outputs["unsound"]["path"], artifact["path"]);
    assert_eq!(trials(&postgres), "");
}
