//! Clients of other databases: which of their flags and words are statements.

use super::sql::{self, Client, Escape};
use crate::commands::{
    found::Found,
    programs::manual::{Does, Form},
    word::{Call, Word},
};
use sqlparser::dialect::{
    BigQueryDialect, ClickHouseDialect, GenericDialect, MsSqlDialect, SQLiteDialect,
    SnowflakeDialect,
};

const PLAIN: Client = Client {
    dialect: &GenericDialect {},
    escape: Escape::Nothing,
    own: |line, call, found| {
        let reason = format!("{}: what `{line}` does is not known", call.program);
        found.unknown_code(&call.setting.place, call.program, reason);
    },
    words: &[],
    loose: false,
    variables: false,
    system: false,
    people: sql::People::Kept,
};
const CLICKHOUSE: Client = Client {
    dialect: &ClickHouseDialect {},
    ..PLAIN
};
const CASSANDRA: Client = Client {
    words: &["source", "capture", "login"],
    ..PLAIN
};
const SQL_SERVER: Client = Client {
    dialect: &MsSqlDialect {},
    escape: Escape::Colon,
    loose: true,
    ..PLAIN
};
const SNOWFLAKE: Client = Client {
    dialect: &SnowflakeDialect {},
    escape: Escape::Colon,
    ..PLAIN
};
const BIG_QUERY: Client = Client {
    dialect: &BigQueryDialect {},
    ..PLAIN
};
const COCKROACH: Client = Client {
    variables: false,
    ..super::postgres::CLIENT
};
const OSQUERY: Client = Client {
    dialect: &SQLiteDialect {},
    escape: Escape::Dot,
    own: osquery,
    people: sql::People::Listed,
    ..PLAIN
};

/// Judges a line for osqueryi itself: it only looks, and shows whole tables.
fn osquery(line: &str, call: &Call<'_>, found: &mut Found) {
    let mut words = line.split_whitespace();
    match (words.next(), words.next()) {
        (Some("all"), Some(table)) => {
            sql::judge_inner(&format!("SELECT * FROM {table}"), &OSQUERY, call, found);
        }
        (
            Some(
                "tables" | "schema" | "summary" | "mode" | "help" | "types" | "features" | "print"
                | "exit" | "quit" | "show" | "socket" | "timer",
            ),
            _,
        ) => {
            sql::judge_inner("SELECT 1", &OSQUERY, call, found);
        }
        _ => (PLAIN.own)(line, call, found),
    }
}

/// Says what a call of such a client would do.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    if form.is_dry() {
        return form.effects(call, found);
    }
    match call.program {
        "clickhouse"
            if form.parsed.words.first().and_then(Word::known) == Some("client")
                || form.is(&["client"]) =>
        {
            let inner = Call {
                program: "clickhouse-client",
                arguments: call.arguments.get(1..).unwrap_or_default(),
                ..*call
            };
            judge(&inner, found);
        }
        "clickhouse-client" => statements(
            &form,
            &["q", "query"],
            &["queries-file"],
            &CLICKHOUSE,
            call,
            found,
        ),
        "cqlsh" => cqlsh(&form, call, found),
        "sqlcmd" => statements(&form, &["Q", "q"], &["i"], &SQL_SERVER, call, found),
        "snowsql" => statements(
            &form,
            &["q", "query"],
            &["f", "filename"],
            &SNOWFLAKE,
            call,
            found,
        ),
        "snow" if form.is(&["sql"]) => statements(
            &form,
            &["q", "query"],
            &["f", "filename"],
            &SNOWFLAKE,
            call,
            found,
        ),
        "cockroach" if form.is(&["sql"]) => statements(
            &form,
            &["e", "execute"],
            &["f", "file"],
            &COCKROACH,
            call,
            found,
        ),
        "osqueryi" => words(&form, &OSQUERY, call, found),
        "bq" if form.is(&["query"]) && !form.parsed.shows(&["dry_run"]) => {
            words(&form, &BIG_QUERY, call, found);
        }
        "influx" if first_version(call) => influx("influx-1", call, found),
        "influx" => influx("influx", call, found),
        _ => form.effects(call, found),
    }
}

/// Statements in flags, in files, or on the standard input.
fn statements(
    form: &Form<'_>,
    texts: &[&str],
    files: &[&str],
    client: &Client,
    call: &Call<'_>,
    found: &mut Found,
) {
    form.effects(call, found);
    let mut any = false;
    for value in form.parsed.values(texts) {
        sql::judge_word(value, client, call, found);
        any = true;
    }
    for value in form.parsed.values(files) {
        sql::judge_file(value, client, call, found);
        any = true;
    }
    if !any {
        sql::judge_stdin(client, call, found);
    }
}

/// cqlsh: in the keyspace of accounts every table is a list of hashes.
fn cqlsh(form: &Form<'_>, call: &Call<'_>, found: &mut Found) {
    let texts = ["e", "execute"];
    statements(form, &texts, &["f", "file"], &CASSANDRA, call, found);
    let used = |word: &Word| {
        let text = word.text().to_ascii_lowercase().replace('"', "");
        text.contains("use system_auth")
    };
    let keyspace = |word: &Word| {
        word.text()
            .trim_matches('"')
            .eq_ignore_ascii_case("system_auth")
    };
    let mut spaces = form.parsed.values(&["k", "keyspace"]);
    if spaces.any(keyspace) || form.parsed.values(&texts).any(used) {
        form.effects_of(Does::Secrets, call, found);
    }
}

/// Statements as words.
fn words(form: &Form<'_>, client: &Client, call: &Call<'_>, found: &mut Found) {
    form.effects(call, found);
    for word in &form.parsed.words {
        sql::judge_word(word, client, call, found);
    }
    if form.parsed.words.is_empty() {
        sql::judge_stdin(client, call, found);
    }
}

/// Whether these are flags of version 1 of influx, whose flags are words of one dash.
fn first_version(call: &Call<'_>) -> bool {
    call.arguments.iter().any(|word| {
        let name = word.text().trim_start_matches('-');
        word.text().starts_with('-') && name.starts_with("execute")
    })
}

/// influx: version 1 runs InfluxQL by `-execute`, version 2 Flux by `query`, which writes only by `to()` and deletes nothing.
fn influx(version: &str, call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(version) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    for value in form.parsed.values(&["execute"]) {
        sql::judge_word(value, &PLAIN, call, found);
    }
    let flux = |word: &Word| word.known().is_none_or(writes);
    if form.is(&["query"]) && form.parsed.values(&["f", "file"]).next().is_some() {
        form.effects_of(Does::Code, call, found);
    }
    if form.is(&["query"]) && form.parsed.words.iter().any(flux) {
        form.effects_of(Does::Code, call, found);
    }
}

/// Whether a Flux script may do more than look: `to`, by whatever name it is called, or a package that reaches out.
fn writes(script: &str) -> bool {
    let plain = [
        "array",
        "date",
        "dict",
        "interpolate",
        "join",
        "json",
        "math",
        "regexp",
        "sampledata",
        "strings",
        "timezone",
        "types",
        "universe",
        "influxdata/influxdb/schema",
        "influxdata/influxdb/sample",
    ];
    let imports = script.split("import").skip(1).any(|rest| {
        let path = rest.split('"').nth(1).unwrap_or_default();
        !plain.contains(&path)
    });
    let mut names = script.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    imports || names.any(|name| name == "to" || name == "wideTo")
}
