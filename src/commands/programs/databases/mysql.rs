//! mysql and mysqladmin.

use super::{
    postgres::shell_text,
    sql::{self, Client, Escape},
};
use crate::commands::{
    found::{Found, object},
    programs::manual::{Does, written},
    word::{Call, Stdin, Word},
};
use crate::domain::effect::{Effect, Verb};
use sqlparser::dialect::MySqlDialect;

/// mysql as a client.
const CLIENT: Client = Client {
    dialect: &MySqlDialect {},
    escape: Escape::Backslash,
    own,
    words: &[
        "source",
        "system",
        "tee",
        "notee",
        "pager",
        "nopager",
        "edit",
        "delimiter",
        "connect",
        "charset",
        "prompt",
    ],
    loose: false,
    variables: false,
    system: false,
    people: sql::People::Kept,
};

/// The same in the server's own database, where the accounts are in the table `user`.
const SYSTEM: Client = Client {
    system: true,
    ..CLIENT
};

/// Says what a call of mysql would do.
pub(super) fn mysql(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    if form.is_dry() {
        return;
    }
    statements_cut_short(&form.parsed.unknown, call, found);
    for value in form.parsed.values(&["init-command", "init-command-add"]) {
        sql::judge_word(value, &CLIENT, call, found);
    }
    let own = |word: &Word| word.text().eq_ignore_ascii_case("mysql");
    let mut databases = form
        .parsed
        .values(&["D", "database"])
        .chain(&form.parsed.words);
    // Texts of several flags are one text to the server.
    let used = |word: &Word| {
        let text = word.text().to_ascii_lowercase().replace('`', "");
        text.contains("use mysql") || text.contains("\\u mysql")
    };
    let uses = form
        .parsed
        .values(&["e", "execute", "init-command", "init-command-add"])
        .any(used);
    let client = if uses || databases.any(own) {
        &SYSTEM
    } else {
        &CLIENT
    };
    if form
        .parsed
        .values(&["default-character-set"])
        .any(|set| sql::changes_reading(set.text()))
    {
        found.opaque("mysql: in these characters strings end elsewhere");
    }
    let mut any = false;
    for value in form.parsed.values(&["e", "execute"]) {
        sql::judge_word(value, client, call, found);
        any = true;
    }
    if !any {
        sql::judge_stdin(client, call, found);
    }
}

/// Flags whose values are statements, cut short so that more than one is meant: versions differ in which ones there are.
fn statements_cut_short(flags: &[String], call: &Call<'_>, found: &mut Found) {
    let means = |flag: &&String| {
        let name = flag.split('=').next().unwrap_or_default();
        let name = name.strip_prefix("--").filter(|name| !name.is_empty());
        name.is_some_and(|name| "init-command".starts_with(name) || "execute".starts_with(name))
    };
    if let Some(flag) = flags.iter().find(means) {
        let reason = format!("`{flag}` may bring in statements");
        found.unknown_code(&call.setting.place, call.program, reason);
    }
}

/// Judges a line for mysql: a letter after a backslash, or a word.
fn own(line: &str, call: &Call<'_>, found: &mut Found) {
    let mut line = line.trim();
    let word = line
        .split(|letter: char| !letter.is_ascii_alphabetic())
        .next()
        .unwrap_or("");
    let word = word.to_ascii_lowercase();
    let listed = CLIENT.words.contains(&word.as_str());
    let first = line.chars().next();
    // What follows a semicolon is a statement again.
    if listed
        && let Some((before, after)) = line.split_once(';')
        && !matches!(word.as_str(), "system" | "delimiter")
    {
        line = before;
        if !after.trim().is_empty() {
            sql::judge_inner(after, &CLIENT, call, found);
        }
    }
    let rest = if listed {
        line.get(word.len()..).unwrap_or("").trim()
    } else {
        line.get(first.map_or(0, char::len_utf8)..)
            .unwrap_or("")
            .trim()
    };
    match (word.as_str(), first) {
        ("charset", _) | (_, Some('C'))
            if sql::changes_reading(rest.trim_end_matches(';').trim()) =>
        {
            look(call, found);
            found.opaque("mysql: in these characters strings end elsewhere");
        }
        ("notee" | "nopager" | "charset" | "prompt", _) => look(call, found),
        ("connect", _) => look(call, found),
        ("system", _) => shell_text(rest.trim_end_matches(';'), call, found),
        ("source", _) => sql::judge_file(
            &Word::Known(rest.trim_end_matches(';').to_owned()),
            &CLIENT,
            call,
            found,
        ),
        ("tee", _) => written(rest, call, found),
        _ if listed => unknown(line, call, found),
        (_, None) => {}
        // `\G` and `\g` end a statement; what follows is the next one.
        (
            _,
            Some(
                'G' | 'g' | 'q' | 's' | 'h' | '?' | 'c' | 'C' | 'W' | 'w' | 'n' | 't' | 'p' | 'r'
                | 'u' | '#' | 'x' | 'R',
            ),
        ) => {
            look(call, found);
            if !rest.is_empty() {
                sql::judge_inner(rest, &CLIENT, call, found);
            }
        }
        (_, Some('!')) => shell_text(rest, call, found),
        (_, Some('.')) => sql::judge_file(&Word::Known(rest.to_owned()), &CLIENT, call, found),
        (_, Some('T')) => written(rest, call, found),
        (_, Some(_)) => unknown(line, call, found),
    }
}

fn unknown(line: &str, call: &Call<'_>, found: &mut Found) {
    let reason = format!("mysql: what `{line}` does is not known");
    found.unknown_code(&call.setting.place, "mysql", reason);
}

fn look(call: &Call<'_>, found: &mut Found) {
    found.effect(Effect::read(
        Verb::DatabaseRead,
        object(&call.setting.place, "database", call.program),
    ));
}

/// Says what a call of mysqladmin would do: each of its words is a command, and some take one or two words.
pub(super) fn admin(call: &Call<'_>, found: &mut Found) {
    let Some(program) = super::MANUAL.program(call.program) else {
        return;
    };
    let form = program.form(call.arguments);
    form.effects(call, found);
    if form.is_dry() {
        return;
    }
    let mut words = form.parsed.words.iter();
    while let Some(word) = words.next() {
        let (does, takes) = word.known().map_or((Does::Unknown, 0), command);
        form.effects_of(does, call, found);
        for _ in 0..takes {
            words.next();
        }
    }
    if matches!(call.stdin, Stdin::Downloaded) {
        found.opaque("mysqladmin reads from another host");
    }
}

/// What a command does, and how many words it takes. It may be cut short.
fn command(name: &str) -> (Does, usize) {
    const COMMANDS: [(&str, Does, usize); 31] = [
        ("create", Does::Make("mysqladmin drop it"), 1),
        ("debug", Does::Change, 0),
        ("drop", Does::Delete, 1),
        ("extended-status", Does::Read, 0),
        ("flush-all-statistics", Does::Lose, 0),
        ("flush-all-status", Does::Lose, 0),
        ("flush-binary-log", Does::Change, 0),
        ("flush-engine-log", Does::Change, 0),
        ("flush-hosts", Does::Again, 0),
        ("flush-logs", Does::Again, 0),
        ("flush-privileges", Does::Change, 0),
        ("flush-status", Does::Change, 0),
        ("flush-tables", Does::Change, 0),
        ("flush-threads", Does::Change, 0),
        ("kill", Does::Cut, 1),
        ("old-password", Does::Code, 1),
        ("password", Does::Code, 1),
        ("ping", Does::Read, 0),
        ("processlist", Does::Read, 0),
        ("refresh", Does::Change, 0),
        ("reload", Does::Change, 0),
        ("shutdown", Does::Cut, 0),
        (
            "start-all-replicas",
            Does::Start("mysqladmin stop-all-replicas"),
            0,
        ),
        ("start-replica", Does::Start("mysqladmin stop-replica"), 0),
        ("start-slave", Does::Start("mysqladmin stop-slave"), 0),
        ("status", Does::Read, 0),
        ("stop-all-replicas", Does::Cut, 0),
        ("stop-replica", Does::Cut, 0),
        ("stop-slave", Does::Cut, 0),
        ("variables", Does::Read, 0),
        ("version", Does::Read, 0),
    ];
    let exact = COMMANDS.iter().find(|(known, ..)| *known == name);
    let mut longer = COMMANDS
        .iter()
        .filter(|(known, ..)| known.starts_with(name));
    let only = longer.next().filter(|_| longer.next().is_none());
    exact
        .or(only)
        .map_or((Does::Unknown, 0), |(_, does, takes)| (*does, *takes))
}
