//! sqlite3 and duckdb: SQL, and lines that begin with a full stop.

use super::{
    postgres::shell_text,
    sql::{self, Client, Escape},
};
use crate::commands::{
    found::{Found, object},
    programs::manual::written,
    word::{Call, Word},
};
use crate::domain::effect::{Effect, Verb};
use sqlparser::dialect::{DuckDbDialect, SQLiteDialect};

const SQLITE: Client = Client {
    dialect: &SQLiteDialect {},
    escape: Escape::Dot,
    own,
    words: &[],
    loose: false,
    variables: false,
    system: false,
    people: sql::People::Kept,
};

const DUCKDB: Client = Client {
    dialect: &DuckDbDialect {},
    ..SQLITE
};

/// Says what a call of sqlite3 or duckdb would do: a database, then statements or dot-commands, or the standard input.
pub(super) fn judge(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let client = if call.program == "duckdb" {
        &DUCKDB
    } else {
        &SQLITE
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    let mut any = false;
    // These run in their turn, even before a flag that only shows something.
    for value in form.parsed.values(&["cmd", "c", "s"]) {
        sql::judge_word(value, client, call, found);
        any |= call.program == "duckdb";
    }
    if form.is_dry() {
        return;
    }
    for value in form.parsed.values(&["f"]) {
        sql::judge_file(value, client, call, found);
        any = true;
    }
    for word in form.parsed.words.iter().skip(1) {
        sql::judge_word(word, client, call, found);
        any = true;
    }
    if !any {
        sql::judge_stdin(client, call, found);
    }
}

/// Dot-commands that look, or only change what is shown.
const LOOKING: &str = "tables schema databases indexes indices dump fullschema headers header mode show stats timer width separator \
    nullvalue echo print version help quit exit explain eqp changes bail binary prompt timeout lint sha3sum dbinfo \
    vfsinfo vfslist vfsname limit progress scanstats selecttrace auth dbtotxt connection columns maxrows \
    maxwidth rows intck recover large_number_rendering";

/// Judges a line for the client itself. Names may be cut short.
fn own(line: &str, call: &Call<'_>, found: &mut Found) {
    let line = line.trim();
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let (name, rest) = line.split_at(end);
    let name = name.to_ascii_lowercase();
    let rest = rest.trim();
    // A name may be cut short; where a grave one begins alike, it is meant.
    let is = |full: &str| full.starts_with(name.as_str());
    match name.as_str() {
        "" | "cd" => {}
        name if LOOKING.split_whitespace().any(|known| known == name) => look(call, found),
        "trace" if off(rest) => look(call, found),
        _ if is("shell") || is("system") => shell_text(rest, call, found),
        _ if is("excel") || is("www") => {
            let reason = format!(
                "{}: `.{name}` opens what it shows in another program",
                call.program
            );
            found.unknown_code(&call.setting.place, call.program, reason);
        }
        _ if is("output") || is("once") || is("trace") => {
            output(rest, call, found);
        }
        _ if is("restore") => sql::judge("DROP DATABASE main", &SQLITE, call, found),
        _ if is("read") => file_of_statements(rest, call, found),
        _ if is("import") => import(rest, call, found),
        _ if is("archive") => archive(rest, call, found),
        _ if is("log") && off(rest) => look(call, found),
        _ if ["backup", "save", "clone", "log", "iotrace"]
            .into_iter()
            .any(is) =>
        {
            written(rest, call, found);
        }
        _ if is("open") => open(rest, call, found),
        _ if LOOKING.split_whitespace().any(is) => look(call, found),
        _ => {
            let reason = format!("{}: what `.{name}` does is not known", call.program);
            found.unknown_code(&call.setting.place, call.program, reason);
        }
    }
}

fn off(rest: &str) -> bool {
    matches!(rest, "off" | "stdout" | "stderr" | "")
}

fn look(call: &Call<'_>, found: &mut Found) {
    found.effect(Effect::read(
        Verb::DatabaseRead,
        object(&call.setting.place, "database", call.program),
    ));
}

/// A file, or a program after `|`.
fn output(rest: &str, call: &Call<'_>, found: &mut Found) {
    let target = rest.trim_matches(['\'', '"']);
    match target.strip_prefix('|') {
        Some(program) => shell_text(program, call, found),
        None if off(target) => look(call, found),
        None => written(target, call, found),
    }
}

fn file_of_statements(rest: &str, call: &Call<'_>, found: &mut Found) {
    match rest.trim_matches(['\'', '"']).strip_prefix('|') {
        Some(program) => {
            shell_text(program, call, found);
            let reason = "it runs statements that a program prints";
            found.unknown_code(&call.setting.place, call.program, reason);
        }
        None => sql::judge_file(
            &Word::Known(rest.trim_matches(['\'', '"']).to_owned()),
            &SQLITE,
            call,
            found,
        ),
    }
}

fn import(rest: &str, call: &Call<'_>, found: &mut Found) {
    if let Some((_, program)) = rest.split_once('|') {
        shell_text(program, call, found);
    }
    sql::judge("INSERT INTO t VALUES (1)", &SQLITE, call, found);
}

/// `.open --new` empties the file.
fn open(rest: &str, call: &Call<'_>, found: &mut Found) {
    if rest.contains("-new") {
        sql::judge("DROP DATABASE main", &SQLITE, call, found);
    } else {
        written(rest, call, found);
    }
}

fn archive(rest: &str, call: &Call<'_>, found: &mut Found) {
    let lists = rest
        .split_whitespace()
        .next()
        .is_some_and(|flags| flags.starts_with("-t") || flags == "--list");
    if lists {
        look(call, found);
    } else {
        written(rest, call, found);
    }
}
