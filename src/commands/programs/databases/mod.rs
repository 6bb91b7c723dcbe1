//! Databases, caches and message brokers. SQL is read by a real tokenizer and parser ([`sql`]).

mod brokers;
mod clients;
mod mongo;
mod mysql;
mod postgres;
mod redis;
mod sql;
mod sqlite;

use super::{Grammar, manual::Manual};
use crate::commands::{found::Found, word::Call};
use std::sync::LazyLock;

static MANUAL: LazyLock<Manual> = LazyLock::new(|| Manual::new(&TEXTS));

const TEXTS: [&str; 6] = [
    include_str!("postgres.manual"),
    include_str!("mysql.manual"),
    include_str!("sqlite.manual"),
    include_str!("clients.manual"),
    include_str!("redis.manual"),
    include_str!("messages.manual"),
];

/// The grammar of a program of this family.
pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "psql" | "pgcli" => Some(postgres::psql),
        "pg_dump" => Some(postgres::dump),
        "pg_ctlcluster" => Some(postgres::cluster),
        "pg_basebackup" => Some(postgres::base_backup),
        "mysql" | "mariadb" | "mycli" => Some(mysql::mysql),
        "mysqladmin" | "mariadb-admin" => Some(mysql::admin),
        "sqlite3" | "sqlite" | "litecli" | "duckdb" => Some(sqlite::judge),
        "redis-cli" | "valkey-cli" | "keydb-cli" => Some(redis::judge),
        "mongosh" | "mongo" => Some(mongo::judge),
        "clickhouse-client" | "clickhouse" | "cqlsh" | "sqlcmd" | "osqueryi" | "snowsql"
        | "snow" | "cockroach" | "influx" | "bq" => Some(clients::judge),
        "consul" => Some(brokers::consul),
        "rabbitmqctl" | "kafka-configs" | "kafka-configs.sh" | "kafka-topics"
        | "kafka-topics.sh" => Some(brokers::judge),
        _ => MANUAL.program(program).map(|_| by_manual as Grammar),
    }
}

fn by_manual(call: &Call<'_>, found: &mut Found) {
    MANUAL.judge(call, found);
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_line_of_the_manuals_is_understood() {
        for text in super::TEXTS {
            let faults = crate::commands::programs::manual::faults(text);
            assert_eq!(faults, Vec::<String>::new());
        }
    }
}
