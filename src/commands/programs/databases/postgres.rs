//! psql: SQL, and lines for psql itself that begin with a backslash.

use super::sql::{self, Client, Escape};
use crate::commands::{
    found::{Found, object},
    programs::{
        files::{guard::guard_of, paths, pattern},
        manual::{Does, Form, written},
        names::is_secret,
    },
    shell,
    word::{Call, Stdin, Word},
};
use crate::domain::effect::{Effect, Secrets, Verb};
use sqlparser::dialect::PostgreSqlDialect;

/// psql as a client.
pub(super) const CLIENT: Client = Client {
    dialect: &PostgreSqlDialect {},
    escape: Escape::Backslash,
    own,
    words: &[],
    loose: false,
    variables: true,
    system: false,
    people: sql::People::Kept,
};

/// Says what a call of psql would do.
pub(super) fn psql(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    if form.is_dry() || form.parsed.shows(&["l", "list"]) {
        return;
    }
    // `options=-c standard_conforming_strings=off` in the words that say where to connect.
    let shifts = |word: &Word| {
        let text = word.text().to_ascii_lowercase();
        sql::READING
            .split_whitespace()
            .any(|name| text.contains(name))
    };
    let targets = form.parsed.values(&["d", "dbname"]);
    if form.parsed.words.iter().chain(targets).any(shifts) {
        found.opaque("psql: a setting changes where strings end");
    }
    if !statements(&form, call, found) {
        sql::judge_stdin(&CLIENT, call, found);
    }
}

/// `pg_basebackup -D`: a copy of a whole server. It refuses a folder in which anything stands, but one in
/// which servers keep their data is soon a server's.
pub(super) fn base_backup(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    for folder in form.parsed.values(&["D", "pgdata", "waldir"]) {
        let inside = folder.with_text(&format!("{}/x", folder.text().trim_end_matches('/')));
        if !form.is_dry() && guard_of(&inside).is_some() {
            paths::written(&inside, paths::Write::Create, &call.setting.place, found);
        }
    }
}

/// `pg_dump`: a table of accounts that is asked for by its name, or by a pattern, is a list of passwords.
pub(super) fn dump(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    let named = |word: &Word| {
        let name = word.text().rsplit('.').next().unwrap_or_default();
        let name = name.trim_matches('"').to_ascii_lowercase();
        // Other signs of a pattern than a star are rare: what follows may be anything.
        let sign = |letter: char| "[](){}|+^$\\\"".contains(letter);
        let name = match name.find(sign) {
            Some(end) => format!("{}*", name.get(..end).unwrap_or_default()),
            None => name,
        };
        let tables = [
            "pg_authid",
            "pg_shadow",
            "pg_user_mapping",
            "pg_user_mappings",
            "pg_subscription",
            "pg_foreign_server",
        ];
        tables.iter().any(|table| pattern::fits(&name, table))
    };
    let schemas = |word: &Word| {
        word.text()
            .trim_matches('"')
            .eq_ignore_ascii_case("pg_catalog")
    };
    let flags = &form.parsed;
    let tables = flags.values(&["t", "table", "table-and-children"]);
    if !form.is_dry()
        && (tables.into_iter().any(named) || flags.values(&["n", "schema"]).any(schemas))
    {
        form.effects_of(Does::Secrets, call, found);
    }
}

/// `pg_ctlcluster VERSION CLUSTER VERB`: judged as if the verb came first.
pub(super) fn cluster(call: &Call<'_>, found: &mut Found) {
    let verb = call
        .arguments
        .iter()
        .enumerate()
        .filter(|(_, word)| !word.text().starts_with('-'))
        .nth(2);
    let mut arguments = call.arguments.to_vec();
    if let Some((place, _)) = verb {
        let verb = arguments.remove(place);
        arguments.insert(0, verb);
    }
    let inner = Call {
        arguments: &arguments,
        ..*call
    };
    super::by_manual(&inner, found);
}

/// What `-c` and `-f` give; whether there was any.
fn statements(form: &Form<'_>, call: &Call<'_>, found: &mut Found) -> bool {
    let mut any = false;
    for flag in &form.parsed.flags {
        let Some(value) = &flag.value else { continue };
        match flag.name.as_str() {
            "c" | "command" => sql::judge_word(value, &CLIENT, call, found),
            "f" | "file" if value.known() == Some("-") => sql::judge_stdin(&CLIENT, call, found),
            "f" | "file" => sql::judge_file(value, &CLIENT, call, found),
            _ => continue,
        }
        any = true;
    }
    any
}

/// Commands of psql that look, or only change what psql itself shows.
const LOOKING: &str = "l list z sf sv conninfo timing x a t T H C f pset echo qecho warn set unset encoding errverbose crosstabview \
    gdesc if elif else endif h help ? copyright q quit r reset p print watch lo_list cd gset bind getenv setenv \
    parse close";

/// Judges a line for psql.
fn own(line: &str, call: &Call<'_>, found: &mut Found) {
    let mut rest = line;
    loop {
        let end = rest
            .find(|letter: char| letter.is_whitespace() || letter == '\\')
            .unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let shell = name.starts_with('!');
        let stop = if shell { None } else { next_command(after) };
        let arguments = stop.map_or(after, |stop| after.get(..stop).unwrap_or(after));
        command(name, arguments.trim(), call, found);
        match stop.and_then(|stop| after.get(stop + 1..)) {
            Some(next) => rest = next,
            None => return,
        }
    }
}

/// Where the next backslash stands that is not in quotation marks.
fn next_command(text: &str) -> Option<usize> {
    let mut quote = None;
    for (place, letter) in text.char_indices() {
        match (quote, letter) {
            (None, '\'' | '"' | '`') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, '\\') => return Some(place),
            _ => {}
        }
    }
    None
}

fn command(name: &str, arguments: &str, call: &Call<'_>, found: &mut Found) {
    let described = name.starts_with('d') && !name.starts_with("di_") && name.len() < 8;
    let plain = name.trim_end_matches('+');
    if arguments.contains('`') {
        let reason = "psql: a command in backticks runs on the host";
        return found.unknown_code(&call.setting.place, "psql", reason);
    }
    let piped = arguments.starts_with('|');
    match plain {
        "" => {}
        "encoding" if sql::changes_reading(arguments) => {
            look(call, found);
            found.opaque("psql: in these characters strings end elsewhere");
        }
        "getenv" if arguments.split_whitespace().any(is_secret) => {
            found.effect(Effect {
                secrets: Secrets::Values,
                ..Effect::read(
                    Verb::Read,
                    object(&call.setting.place, "environment", arguments),
                )
            });
        }
        _ if described => look(call, found),
        name if LOOKING.split_whitespace().any(|known| known == name) => look(call, found),
        "g" | "gx" if arguments.is_empty() || arguments.starts_with('(') => look(call, found),
        "s" if arguments.is_empty() => look(call, found),
        "o" | "out" if arguments.is_empty() => look(call, found),
        "c" | "connect" => {
            look(call, found);
            found.bounded("psql: another connection");
            // The third word is a host.
            if arguments
                .split_whitespace()
                .nth(2)
                .is_some_and(|host| host != "-")
            {
                found.opaque("psql: another server");
            }
        }
        "copy" => sql::judge(&format!("COPY {arguments}"), &CLIENT, call, found),
        "o" | "out" | "w" | "write" | "g" | "gx" | "s" if !piped => written(arguments, call, found),
        name if name.starts_with('!') => shell_text(
            &format!("{} {arguments}", name.trim_start_matches('!')),
            call,
            found,
        ),
        "o" | "out" | "w" | "write" | "g" | "gx" => {
            shell_text(arguments.trim_start_matches('|'), call, found);
        }
        "i" | "ir" | "include" | "include_relative" => {
            let word = Word::Known(arguments.trim_matches('\'').to_owned());
            sql::judge_file(&word, &CLIENT, call, found);
        }
        "lo_unlink" => sql::judge("DROP LARGE OBJECT", &CLIENT, call, found),
        "lo_import" => sql::judge(
            "INSERT INTO pg_largeobject VALUES (1)",
            &CLIENT,
            call,
            found,
        ),
        "lo_export" => written(arguments, call, found),
        "password" => sql::judge("ALTER ROLE me PASSWORD 'x'", &CLIENT, call, found),
        name => {
            let reason = format!("psql: what `\\{name}` runs is not known");
            found.unknown_code(&call.setting.place, "psql", reason);
        }
    }
}

fn look(call: &Call<'_>, found: &mut Found) {
    found.effect(Effect::read(
        Verb::DatabaseRead,
        object(&call.setting.place, "database", call.program),
    ));
}

/// Judges a text that a client hands to a shell.
pub(super) fn shell_text(text: &str, call: &Call<'_>, found: &mut Found) {
    match call.setting.deeper() {
        Some(setting) if !text.trim().is_empty() => {
            shell::judge(text.trim(), &Stdin::Piped, &setting, found);
        }
        _ => {
            let reason = format!("`{}` opens a shell", call.program);
            found.unknown_code(&call.setting.place, call.program, reason);
        }
    }
}
