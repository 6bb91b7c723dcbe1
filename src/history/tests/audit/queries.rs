use crate::{
    domain::audit::Entry,
    history::{
        AuditFilter, History, Write,
        audit::list::plan,
        tests::{OnDisk, at, entry},
    },
};
use serde_json::json;

#[tokio::test]
async fn the_log_is_found_by_every_filter_newest_first() {
    let history = History::temporary().unwrap();
    let batch = (1..=30).map(|number| Write::Audit(entry(number))).collect();
    history.write(batch).await.unwrap();
    let found = |filter: AuditFilter| {
        let history = history.clone();
        async move {
            let records = history.audit(filter).await.unwrap();
            records.iter().map(|record| record.seq).collect::<Vec<_>>()
        }
    };
    let all = AuditFilter {
        limit: 3,
        ..AuditFilter::default()
    };
    assert_eq!(found(all.clone()).await, [30, 29, 28]);
    let by_anna = AuditFilter {
        user: Some("anna".to_owned()),
        ..all.clone()
    };
    assert_eq!(found(by_anna).await, [29, 27, 25]);
    let votes = AuditFilter {
        action: Some("approval.".to_owned()),
        ..all.clone()
    };
    assert_eq!(found(votes).await, [30, 27, 24]);
    let exact = AuditFilter {
        action: Some("step.started".to_owned()),
        ..all.clone()
    };
    assert_eq!(found(exact).await, [29, 28, 26]);
    for none in ["step", "step.start", "approval"] {
        let half = AuditFilter {
            action: Some(none.to_owned()),
            ..all.clone()
        };
        assert_eq!(found(half).await, [0; 0], "{none}");
    }
    let failed = AuditFilter {
        failed: true,
        before: Some(30),
        ..all.clone()
    };
    assert_eq!(found(failed).await, [25, 20, 15]);
    let recent = AuditFilter {
        since: Some(at(29)),
        ..all.clone()
    };
    assert_eq!(found(recent).await, [30, 29]);
    let between = AuditFilter {
        since: Some(at(5)),
        until: Some(at(7)),
        ..all.clone()
    };
    assert_eq!(found(between).await, [6, 5]);
    let failed_votes = AuditFilter {
        failed: true,
        action: Some("approval.voted".to_owned()),
        ..all.clone()
    };
    assert_eq!(found(failed_votes).await, [30, 15]);
    let one = AuditFilter {
        resource: Some("run/7".to_owned()),
        ..all
    };
    let record = history.audit(one).await.unwrap().remove(0);
    assert_eq!(record.entry, entry(7));
}

/// A step that deleted something, and a run that is told of.
fn deleted(number: i64) -> Entry {
    let details = json!({"run": "r-1", "runbook": "tidy", "verb": "delete"});
    Entry::new(at(number), "anna", "step.ended", "kubernetes/delete pod/x").with(details)
}

#[tokio::test]
async fn what_a_step_did_and_what_a_record_is_about_are_looked_for_by_the_guides_words() {
    let history = History::temporary().unwrap();
    let suspended = Entry::new(at(2), "anna", "runbook.suspended", "runbook/tidy");
    let batch = [deleted(1), suspended, entry(3)].map(Write::Audit).into();
    history.write(batch).await.unwrap();
    for (filter, wanted) in [
        (
            AuditFilter {
                action: Some("delete".to_owned()),
                ..AuditFilter::default()
            },
            vec![1],
        ),
        (
            AuditFilter {
                action: Some("step.ended".to_owned()),
                ..AuditFilter::default()
            },
            vec![1],
        ),
        (
            AuditFilter {
                runbook: Some("tidy".to_owned()),
                ..AuditFilter::default()
            },
            vec![2, 1],
        ),
        (
            AuditFilter {
                run: Some("r-1".to_owned()),
                ..AuditFilter::default()
            },
            vec![1],
        ),
    ] {
        let found = history.audit(filter.clone()).await.unwrap();
        let found: Vec<u64> = found.iter().map(|record| record.seq).collect();
        assert_eq!(found, wanted, "{filter:?}");
    }
}

#[tokio::test]
async fn a_clock_that_went_back_changes_the_order_but_loses_nothing_between_pages() {
    let history = History::temporary().unwrap();
    let batch = [5, 6, 3, 4, 7]
        .map(|second| Write::Audit(entry(second)))
        .into();
    history.write(batch).await.unwrap();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let filter = AuditFilter {
            before,
            limit: 2,
            ..AuditFilter::default()
        };
        let page = history.audit(filter).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.seq);
        seen.extend(page.iter().map(|record| record.seq));
    }
    assert_eq!(seen, [5, 2, 1, 4, 3]);
}

/// Every question by itself, and a few together, with the index that leads.
fn questions() -> Vec<(&'static str, AuditFilter)> {
    let none = AuditFilter::default;
    let action = |text: &str| AuditFilter {
        action: Some(text.to_owned()),
        ..none()
    };
    let of = |change: fn(&mut AuditFilter, Option<String>)| {
        let mut filter = none();
        change(&mut filter, Some("x".to_owned()));
        filter
    };
    vec![
        ("audit_time", none()),
        ("audit_time", of(|filter, _| filter.since = Some(at(1)))),
        ("audit_time", of(|filter, _| filter.until = Some(at(1)))),
        ("audit_time", of(|filter, _| filter.before = Some(1))),
        ("audit_failed", of(|filter, _| filter.failed = true)),
        ("audit_user", of(|filter, x| filter.user = x)),
        ("audit_runbook", of(|filter, x| filter.runbook = x)),
        ("audit_run", of(|filter, x| filter.run = x)),
        ("audit_resource", of(|filter, x| filter.resource = x)),
        ("audit_action", action("a.b")),
        ("audit_word", action("delete")),
        (
            "audit_failed",
            of(|filter, x| {
                filter.failed = true;
                filter.user.clone_from(&x);
                filter.action.clone_from(&x);
                filter.runbook = x;
            }),
        ),
        (
            "audit_run",
            of(|filter, x| {
                filter.failed = true;
                filter.run = x;
                filter.since = Some(at(1));
            }),
        ),
        (
            "audit_word",
            of(|filter, x| {
                filter.action.clone_from(&x);
                filter.user = x;
            }),
        ),
    ]
}

#[test]
fn every_question_is_answered_by_an_index_without_sorting() {
    let disk = OnDisk::new();
    drop(disk.open());
    let connection = rusqlite::Connection::open(disk.path()).unwrap();
    connection
        .execute_batch(
            "INSERT INTO audit_records (seq, at, user, action, resource, namespace, details, success, error_msg, chain)
             VALUES (1, 1, '', '', '', '', '', 1, '', zeroblob(32))",
        )
        .unwrap();
    for (index, filter) in questions() {
        let steps = plan(&connection, &filter).unwrap().join("; ");
        let by = format!("USING INDEX {index}");
        assert!(steps.contains(&by), "{filter:?}: {steps}");
        assert!(!steps.contains("TEMP B-TREE"), "{filter:?}: {steps}");
    }
}

/// The guides' own questions.
const GUIDES: [(&str, &str); 4] = [
    (
        "audit_time",
        "SELECT * FROM audit_log ORDER BY timestamp DESC LIMIT 10;",
    ),
    ("audit_failed", "SELECT * FROM audit_log WHERE success = 0;"),
    (
        "audit_user",
        "SELECT * FROM audit_log WHERE user = 'admin@example.com';",
    ),
    (
        "audit_word",
        "SELECT * FROM audit_log WHERE action IN ('delete', 'kill');",
    ),
];

#[test]
fn the_guides_queries_are_answered_by_an_index() {
    let disk = OnDisk::new();
    drop(disk.open());
    let connection = rusqlite::Connection::open(disk.path()).unwrap();
    for (index, sql) in GUIDES {
        let mut statement = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let steps: Vec<String> = statement
            .query_map([], |row| row.get(3))
            .unwrap()
            .map(Result::unwrap)
            .collect();
        let steps = steps.join("; ");
        assert!(
            steps.contains(&format!("USING INDEX {index}")),
            "{sql}: {steps}"
        );
        assert!(!steps.contains("TEMP B-TREE"), "{sql}: {steps}");
    }
}

#[tokio::test]
async fn the_view_has_the_columns_of_the_guides_and_times_that_sqlite_compares() {
    let disk = OnDisk::new();
    let history = disk.open();
    let batch = [entry(5), deleted(6)].map(Write::Audit).into();
    history.write(batch).await.unwrap();
    let raw = rusqlite::Connection::open(disk.path()).unwrap();
    raw.execute_batch("PRAGMA trusted_schema = OFF").unwrap();
    let statement = raw.prepare("SELECT * FROM audit_log").unwrap();
    assert_eq!(
        statement.column_names().collect::<Vec<_>>(),
        [
            "id",
            "timestamp",
            "user",
            "action",
            "resource",
            "namespace",
            "details",
            "success",
            "error_msg"
        ]
    );
    let line: String = raw
        .query_row(
            "SELECT timestamp || ' ' || user || ' ' || action || ' ' || resource || ' ' || namespace || ' ' || success
             FROM audit_log WHERE id = 1",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(
        line,
        "2030-03-17 17:46:45.000 anna step.started run/5 default 0"
    );
    let later: String = raw
        .query_row(
            "SELECT action FROM audit_log WHERE timestamp > datetime('2030-03-17 17:46:45', '+1 seconds')",
            [],
            |row| row.get(0),
        )
        .unwrap();
    assert_eq!(later, "delete");
}
