use crate::commands::{Analysis, NoFiles, of_argv};
use crate::domain::effect::{Class, Confidence};
use proptest::prelude::*;

const READING: [&str; 8] = [
    "SELECT 1",
    "SELECT count(*) FROM orders WHERE note = 'drop table x'",
    "SHOW max_connections",
    "EXPLAIN DELETE FROM orders",
    "WITH t AS (SELECT id FROM orders) SELECT max(id) FROM t",
    "VALUES (1), (2)",
    "SELECT now() -- ; DROP TABLE x",
    "SELECT /* ; DELETE FROM x */ 1",
];
const GRAVE: [&str; 9] = [
    "DROP TABLE users",
    "TRUNCATE users",
    "DELETE FROM users WHERE id = 1",
    "UPDATE users SET admin = true",
    "GRANT ALL ON users TO bob",
    "EXPLAIN ANALYZE DELETE FROM users",
    "SELECT pg_terminate_backend(1)",
    "WITH g AS (DELETE FROM users RETURNING id) SELECT * FROM g",
    "ALTER TABLE users DROP COLUMN name",
];

fn psql(statements: &str) -> Analysis {
    let argv = ["psql", "-c", statements].map(str::to_owned);
    of_argv(&argv, &NoFiles)
}

fn class(program: &[&str]) -> (Class, Confidence) {
    let argv: Vec<String> = program.iter().map(|word| (*word).to_owned()).collect();
    let effects = of_argv(&argv, &NoFiles).effects;
    (effects.class(), effects.confidence)
}

#[test]
fn reading_statements_read_and_nothing_else() {
    for statement in READING {
        let effects = psql(statement).effects;
        let found = (effects.class(), effects.confidence);
        assert_eq!(found, (Class::Read, Confidence::Exact), "{statement}");
    }
}

#[test]
fn a_grave_statement_is_grave_wherever_it_stands() {
    for grave in GRAVE {
        for reading in READING {
            // A comment to the end of the line would hide what follows on it.
            let after = format!("{reading}\n; {grave}");
            let before = format!("{grave}; {reading}");
            let shouted = format!("/* x */ {}", grave.to_uppercase());
            for text in [after, before, shouted, grave.to_lowercase()] {
                assert_eq!(psql(&text).effects.class(), Class::Destructive, "{text}");
            }
        }
    }
}

#[test]
fn grave_words_in_a_text_are_only_words() {
    for grave in GRAVE {
        let text = format!("SELECT '{grave}' AS text, $${grave}$$ AS other");
        assert_eq!(psql(&text).effects.class(), Class::Read, "{text}");
    }
}

#[test]
fn what_servers_run_in_comments_is_seen() {
    let hidden = ["mysql", "-e", "SELECT 1; /*!50000 DROP TABLE users */"];
    assert_eq!(class(&hidden).0, Class::Destructive);
    let elsewhere = ["psql", "-c", "SELECT 1 /*! DROP TABLE users */"];
    assert_eq!(class(&elsewhere), (Class::Read, Confidence::Exact));
}

#[test]
fn a_condition_that_is_always_true_narrows_nothing() {
    for condition in ["true", "1=1", "1", "2 = 2"] {
        let text = format!("UPDATE users SET admin = false WHERE {condition}");
        assert_eq!(psql(&text).effects.class(), Class::Destructive, "{text}");
    }
    let narrowed = "UPDATE users SET admin = false WHERE id = 1";
    assert_eq!(psql(narrowed).effects.class(), Class::Change);
}

#[test]
fn secrets_are_values_only_where_they_are_shown() {
    let shown = [
        "SELECT passwd FROM pg_shadow",
        "SELECT * FROM pg_authid",
        "SELECT name, extract(epoch FROM at), api_key FROM clients",
        "SELECT id FROM a UNION SELECT token FROM sessions",
        "WITH s AS (SELECT password_hash FROM users) SELECT * FROM s",
    ];
    for text in shown {
        assert_eq!(psql(text).effects.class(), Class::Destructive, "{text}");
    }
    let compared = [
        "SELECT usename FROM pg_shadow",
        "SELECT count(*) FROM users WHERE password_hash IS NULL",
        "SELECT count(token) FROM sessions",
        "SELECT id FROM users WHERE id IN (SELECT user_id FROM sessions WHERE token = 'x')",
    ];
    for text in compared {
        assert_eq!(psql(text).effects.class(), Class::Read, "{text}");
    }
}

#[test]
fn a_line_for_the_client_hides_no_statement() {
    let apart = "\\echo it's\nDROP TABLE users;\nSELECT 'x'";
    assert_eq!(psql(apart).effects.class(), Class::Destructive);
}

#[test]
fn long_and_deep_texts_get_an_answer() {
    let deep = format!("SELECT {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    let sums = format!("SELECT 1{}", "+1".repeat(10_000));
    let many = "SELECT 1;".repeat(5_000);
    for text in [deep, sums, many, "x".repeat(1 << 20)] {
        psql(&text);
    }
}

proptest! {
    #[test]
    fn any_text_gets_an_answer(text in "\\PC{0,120}") {
        for program in ["psql", "mysql", "sqlite3", "sqlcmd", "clickhouse-client", "mongosh"] {
            let flag = match program {
                "mysql" => "-e",
                "sqlite3" => "x.db",
                "sqlcmd" => "-Q",
                "clickhouse-client" => "-q",
                "mongosh" => "--eval",
                _ => "-c",
            };
            class(&[program, flag, &text]);
        }
    }

    #[test]
    fn a_drop_is_never_read(before in "[ -~]{0,40}", after in "[ -~]{0,40}") {
        let text = format!("{before}; DROP TABLE users; {after}");
        let found = psql(&text).effects;
        // Only a text or a comment that begins before it may swallow it.
        let swallowed = before.contains(['\'', '"', '$', '\\']) || before.contains("--") || before.contains("/*");
        prop_assert!(swallowed || found.class() == Class::Destructive, "{}", text);
    }
}
