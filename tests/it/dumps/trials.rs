//! Trial restores that fail for the sake of their server, on a real PostgreSQL: none of them makes a dump unsound.

use super::{
    Desk, failure,
    postgres::{dump, kept, server, trials, with_much, with_orders},
    succeeded,
};
use crate::{cluster::postgres::Postgres, small_disk::SmallDisk, steps::Run};
use jiff::SignedDuration;
use orderly::{
    adapters::clock::SystemClock,
    domain::{check::CheckStatus, id::RunId, run::StepReport},
    ports::{
        BoxFuture,
        clock::Clock as _,
        executor::StepContext,
        runs::{ChildRun, ChildWish, Runs, Standing},
    },
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};
use tokio_util::sync::CancellationToken;

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

/// The runs that an agent knows.
#[derive(Debug)]
struct Known(BTreeMap<RunId, Standing>);

impl Runs for Known {
    fn run_child<'a>(
        &'a self,
        _: &'a StepContext,
        _: ChildWish,
        _: CancellationToken,
    ) -> BoxFuture<'a, Result<ChildRun, String>> {
        Box::pin(std::future::ready(Err("no runs here".to_owned())))
    }
    fn standing(&self, run: RunId) -> BoxFuture<'_, Result<Standing, String>> {
        let found = self.0.get(&run).copied();
        Box::pin(std::future::ready(Ok(found.unwrap_or(Standing::Unknown))))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_trial_left_goes_with_the_next_one_and_nothing_of_others_does() {
    let Some(postgres) = with_orders() else {
        return;
    };
    let now = SystemClock::new().now();
    let run = |hours: i64, byte: u8| {
        let at = now - SignedDuration::from_hours(hours);
        let run = RunId::new(at, [byte; 10]);
        let digits = run.to_string().replace('-', "");
        let database = format!("orderly_trial_{digits}_0a1b2c3d");
        postgres.query(&format!("create database {database}"));
        (run, database)
    };
    let (ended, _) = run(1, 1);
    let (going, of_going) = run(30, 2);
    let (_, of_others) = run(1, 3);
    let (_, of_nobody) = run(30, 4);
    let runs: Arc<dyn Runs> = Arc::new(Known(
        [(ended, Standing::Ended), (going, Standing::Going)].into(),
    ));
    let desk = Desk::new();
    let run = desk.run_among(&runs);
    let artifact = kept(&run, dump(&postgres)).await;
    let report = succeeded(verified(&run, &artifact, &postgres).await);
    let left = trials(&postgres);
    let mut left: Vec<&str> = left.lines().map(str::trim).collect();
    left.sort_unstable();
    let mut wanted = [of_going.as_str(), of_others.as_str(), of_nobody.as_str()];
    wanted.sort_unstable();
    assert_eq!(left, wanted);
    assert_eq!(report.check, Some(CheckStatus::Warning));
    assert!(report.summary.contains(&of_nobody), "{}", report.summary);
    for other in [&of_going, &of_others] {
        assert!(!report.summary.contains(other), "{}", report.summary);
    }
    assert!(!report.outputs["verified"].is_null());
}
