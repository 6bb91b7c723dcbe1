//! What a statement does, by its first words.

use super::{functions, query, rows, subjects, tokens::Tokens};
use crate::commands::programs::{manual::Does, names::listed};
use sqlparser::{dialect::Dialect, tokenizer::Token};

/// Words that make a statement grave which is not understood.
const GRAVE: &str = "DROP TRUNCATE DELETE GRANT REVOKE DENY KILL SHUTDOWN PURGE PROGRAM EXEC EXECUTE CALL UPDATE ALTER REASSIGN \
    SYSTEM STOP DETACH RESTORE UNDROP XP_CMDSHELL FLUSHALL RENAME MERGE DO";

/// What the statement does, in every way that is known of it.
pub(super) fn does(tokens: &Tokens<'_>, dialect: &dyn Dialect) -> Vec<Does> {
    let mut does = main(tokens, dialect);
    let reads = does == [Does::Read];
    for place in 0..tokens.len() {
        if tokens.get(place + 1) == Some(&Token::LParen) {
            let deed = tokens.name(place).and_then(functions::deed);
            does.extend(deed.filter(|_| !reads));
        }
    }
    does
}

fn main(tokens: &Tokens<'_>, dialect: &dyn Dialect) -> Vec<Does> {
    let start = (0..tokens.len()).find(|place| tokens.get(*place) != Some(&Token::LParen));
    let start = start.unwrap_or(0);
    let Some(word) = tokens.word(start) else {
        return vec![unknown(tokens)];
    };
    let word = word.to_ascii_uppercase();
    if start > 0
        && !matches!(
            word.as_str(),
            "SELECT" | "WITH" | "VALUES" | "TABLE" | "FROM"
        )
    {
        return vec![unknown(tokens)];
    }
    match word.as_str() {
        "SELECT" | "WITH" | "VALUES" | "TABLE" | "FROM" => query::does(tokens, dialect),
        "EXPLAIN" | "DESCRIBE" | "DESC" | "ANALYZE" | "ANALYSE" | "PROFILE" | "PREPARE"
        | "DECLARE" => inner(&word, tokens, dialect),
        "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "REPLACE" | "UPSERT" | "COPY" | "LOAD"
        | "UNLOAD" | "EXPORT" | "IMPORT" => data(&word, tokens, dialect),
        "SET" if tokens.is(1, "STATEMENT") => match tokens.find("FOR") {
            Some(place) => main(&tokens.from(place + 1), dialect),
            None => vec![unknown(tokens)],
        },
        "HANDLER" if query::names_accounts(tokens) || rows::table(tokens, 0) => vec![Does::Secrets],
        "CREATE" => subjects::create(tokens),
        "ALTER" => subjects::alter(tokens),
        "SET" | "RESET" | "SHOW" | "PRAGMA" | "START" | "STOP" | "FLUSH" | "VACUUM" | "COMMIT"
        | "ROLLBACK" | "BACKUP" | "RESTORE" | "EXEC" | "EXECUTE" | "SYSTEM" | "RENAME"
        | "ATTACH" | "BEGIN" => several(&word, tokens),
        word => vec![one(word, tokens)],
    }
}

/// Statements of which the first word says all.
fn one(word: &str, tokens: &Tokens<'_>) -> Does {
    match word {
        "USE" | "SAVEPOINT" | "RELEASE" | "FETCH" | "MOVE" | "CLOSE" | "DEALLOCATE" | "DISCARD"
        | "LISTEN" | "UNLISTEN" | "CHECK" | "CHECKSUM" | "PRINT" | "HELP" | "EXISTS" | "LIST"
        | "UNLOCK" | "END" | "ABORT" | "WAITFOR" | "GO" | "CONSISTENCY" | "TRACING" | "PAGING"
        | "EXPAND" | "LS" | "STATUS" | "HANDLER" | "SUMMARIZE" | "DETACH" | "CLEAR"
            if word != "DETACH" || tokens.is(1, "DATABASE") =>
        {
            Does::Read
        }
        "REINDEX" | "CHECKPOINT" | "REFRESH" | "OPTIMIZE" | "MSCK" => Does::Again,
        "COMMENT" => Does::Undo("COMMENT on it what stood there before"),
        "CLUSTER" | "NOTIFY" | "LOCK" | "CHANGE" | "REPAIR" | "CACHE" | "UNCACHE" | "EXCHANGE"
        | "UNDROP" | "XA" | "PUT" | "GET" | "CAPTURE" | "RESUME" => Does::Change,
        "DROP" | "TRUNCATE" | "PURGE" | "UNINSTALL" | "REMOVE" | "RM" => Does::Delete,
        "GRANT" | "REVOKE" | "DENY" | "REASSIGN" | "SECURITY" => Does::Access,
        "KILL" | "SHUTDOWN" | "RESTART" | "CANCEL" | "PAUSE" | "DETACH" => Does::Cut,
        "DO" | "CALL" | "INSTALL" | "SOURCE" => Does::Unknown,
        _ => unknown(tokens),
    }
}

/// What could stand behind the first statement with nothing between them, as SQL Server reads it.
pub(super) fn behind(tokens: &Tokens<'_>) -> Option<Does> {
    let begins = |place: &usize| {
        let named = matches!(tokens.get(place - 1), Some(Token::Period))
            || tokens.any(place - 1, &["AS", "FOR", "INTO", "ON", "EXPLAIN"]);
        tokens.listed(*place, GRAVE) && !tokens.is(*place, "SYSTEM") && !named
    };
    (1..tokens.len()).find(begins).map(|_| Does::Unknown)
}

/// A statement that is not understood: the gravest word in it decides.
fn unknown(tokens: &Tokens<'_>) -> Does {
    gravest(tokens.words())
}

/// What a text does that is not understood: anything if a grave word is in it, otherwise it writes.
pub(super) fn gravest<'t>(mut words: impl Iterator<Item = &'t str>) -> Does {
    if words.any(|word| listed(GRAVE, word)) {
        Does::Unknown
    } else {
        Does::Code
    }
}

/// `EXPLAIN`, `ANALYZE`, `PREPARE … AS`: another statement stands inside.
fn inner(word: &str, tokens: &Tokens<'_>, dialect: &dyn Dialect) -> Vec<Does> {
    let verbs = [
        "SELECT", "WITH", "INSERT", "UPDATE", "DELETE", "MERGE", "REPLACE", "VALUES", "TABLE",
        "EXECUTE", "CREATE", "REFRESH", "ALTER", "UPSERT", "DROP", "TRUNCATE", "COPY", "CALL",
        "FROM",
    ];
    let place =
        (1..tokens.len()).find(|place| tokens.any(*place, &verbs) && !column(tokens, *place));
    match word {
        "EXPLAIN" | "PROFILE" | "DESCRIBE" | "DESC" => match place {
            Some(place) if word == "PROFILE" || analyzes(tokens, place) => {
                main(&tokens.from(place), dialect)
            }
            None if word == "EXPLAIN" && analyzes(tokens, tokens.len()) => vec![unknown(tokens)],
            _ => vec![Does::Read],
        },
        "ANALYZE" | "ANALYSE" => match place {
            // MariaDB runs the statement, whatever options stand before it; elsewhere these words follow it nowhere.
            Some(place) if !tokens.is(1, "TABLE") && !tokens.is(2, "TABLE") => {
                main(&tokens.from(place), dialect)
            }
            _ => vec![Does::Again],
        },
        "PREPARE" if tokens.is(1, "TRANSACTION") => vec![Does::Change],
        "PREPARE" if tokens.has("FROM") && !tokens.has("AS") => vec![Does::Unknown],
        _ => match place {
            Some(place) => main(&tokens.from(place), dialect),
            None => vec![unknown(tokens)],
        },
    }
}

fn column(tokens: &Tokens<'_>, place: usize) -> bool {
    tokens.get(place - 1) == Some(&Token::Period)
}

/// Whether `EXPLAIN` runs what it explains: `ANALYZE` stands before the statement and is not switched off.
fn analyzes(tokens: &Tokens<'_>, statement: usize) -> bool {
    (1..statement).any(|place| {
        tokens.any(place, &["ANALYZE", "ANALYSE", "DEBUG"])
            && !tokens.any(place + 1, &["FALSE", "OFF"])
            && !zero(tokens.get(place + 1))
    })
}

fn zero(token: Option<&Token>) -> bool {
    matches!(token, Some(Token::Number(number, _)) if number == "0")
}

/// Statements about rows.
fn data(word: &str, tokens: &Tokens<'_>, dialect: &dyn Dialect) -> Vec<Does> {
    let mut does = match word {
        "DELETE" => vec![Does::Delete],
        "UPDATE" if narrowed(tokens) => vec![Does::Change],
        "UPDATE" => vec![Does::Lose],
        "MERGE" if tokens.has("DELETE") => vec![Does::Delete],
        "INSERT" if tokens.is(1, "OVERWRITE") => vec![Does::Lose],
        "COPY" => return copy(tokens, dialect),
        // `LOAD 'library'` runs code in the server.
        "LOAD" if !tokens.any(1, &["DATA", "XML", "INDEX"]) => vec![Does::Unknown],
        _ => vec![Does::Change],
    };
    does.extend(query::modifies(tokens));
    if let Some(place) = tokens.find("SELECT") {
        does.extend(
            query::deeds(&tokens.from(place))
                .into_iter()
                .filter(|does| *does != Does::Secrets),
        );
    }
    does
}

/// Whether an `UPDATE` has a condition that is not always true.
fn narrowed(tokens: &Tokens<'_>) -> bool {
    let Some(place) = tokens.top().find(|place| tokens.is(*place, "WHERE")) else {
        return false;
    };
    let number = |place: usize| match tokens.get(place) {
        Some(Token::Number(number, _)) => Some(number.clone()),
        _ => None,
    };
    let always = tokens.is(place + 1, "TRUE")
        || number(place + 1).is_some()
            && (tokens.get(place + 2) != Some(&Token::Eq)
                || number(place + 1) == number(place + 3));
    !always
}

/// `COPY`: into or out of the database, by way of the client, a file of the server, or a program.
/// What stands in its brackets is run like any other statement, so one that writes has its effects.
fn copy(tokens: &Tokens<'_>, dialect: &dyn Dialect) -> Vec<Does> {
    if tokens.has("PROGRAM") {
        return vec![Does::Unknown];
    }
    let mut does = match tokens.get(1) {
        Some(Token::LParen) => main(&tokens.inside(1), dialect),
        _ => Vec::new(),
    };
    does.retain(|does| *does != Does::Read);
    if tokens.reaches_rights() {
        does.push(Does::Access);
    }
    let out = tokens
        .top()
        .any(|place| tokens.is(place, "TO") && tokens.is(place + 1, "STDOUT"));
    does.push(if out { Does::Read } else { Does::Change });
    let columns = out && query::names_secret_column(tokens);
    let whole = out && rows::table(tokens, 0);
    if columns
        || whole
        || query::shows_secrets(tokens)
        || tokens.any(1, &["pg_shadow", "pg_authid"])
    {
        does.push(Does::Secrets);
    }
    does
}

/// Statements of which the second word, or a later one, says what they do.
fn several(word: &str, tokens: &Tokens<'_>) -> Vec<Does> {
    match word {
        "SET" => vec![set(tokens)],
        "RESET"
            if tokens.any(
                1,
                &["MASTER", "SLAVE", "REPLICA", "BINARY", "QUERY", "PERSIST"],
            ) =>
        {
            vec![Does::Lose]
        }
        "SHOW" if tokens.are(1, &["CREATE", "USER"]) || query::shows_setting(tokens) => {
            vec![Does::Secrets]
        }
        "RESET" | "SHOW" => vec![Does::Read],
        "PRAGMA" => vec![pragma(tokens)],
        "START" | "BEGIN"
            if tokens.len() == 1
                || tokens.any(
                    1,
                    &[
                        "TRANSACTION",
                        "WORK",
                        "ISOLATION",
                        "READ",
                        "DEFERRED",
                        "IMMEDIATE",
                        "EXCLUSIVE",
                        "TRAN",
                    ],
                ) =>
        {
            vec![Does::Read]
        }
        "START" if tokens.any(1, &["REPLICA", "SLAVE", "ALL", "GROUP_REPLICATION"]) => {
            vec![Does::Start("STOP it")]
        }
        "STOP" => vec![Does::Cut],
        "COMMIT" | "ROLLBACK" if tokens.is(1, "PREPARED") => vec![Does::Change],
        "COMMIT" | "ROLLBACK" => vec![Does::Read],
        "FLUSH" if tokens.has("LOGS") && !tokens.has("LOCK") => vec![Does::Again],
        "FLUSH" => vec![Does::Change],
        "VACUUM" if tokens.has("INTO") || tokens.has("FULL") => vec![Does::Change],
        "VACUUM" => vec![Does::Again],
        "BACKUP" => vec![Does::Change],
        "RESTORE"
            if tokens.any(
                1,
                &["VERIFYONLY", "HEADERONLY", "FILELISTONLY", "LABELONLY"],
            ) =>
        {
            vec![Does::Read]
        }
        "RESTORE" => vec![Does::Lose],
        "EXEC" | "EXECUTE" => vec![procedure(tokens)],
        "SYSTEM" => vec![system(tokens)],
        "RENAME" if tokens.is(1, "USER") => vec![Does::Access],
        "RENAME" => vec![Does::Undo("RENAME it the other way")],
        "ATTACH" => vec![Does::Change],
        _ => vec![unknown(tokens)],
    }
}

fn set(tokens: &Tokens<'_>) -> Does {
    if tokens.is(1, "PASSWORD") {
        return Does::Code;
    }
    if tokens.are(1, &["DEFAULT", "ROLE"]) {
        return Does::Access;
    }
    if query::calls(tokens).iter().any(|does| *does != Does::Read) {
        return Does::Unknown;
    }
    let scope = |word: &str| {
        let word = word.trim_start_matches('@');
        ["GLOBAL", "PERSIST", "PERSIST_ONLY", "CLUSTER"]
            .iter()
            .any(|scope| scope.eq_ignore_ascii_case(word))
    };
    if (1..tokens.len()).any(|place| tokens.name(place).is_some_and(scope)) {
        Does::Change
    } else {
        Does::Read
    }
}

/// Settings of SQLite that are only looked at, even with a value in brackets.
const LOOKING: &str = "table_info table_xinfo table_list index_list index_info index_xinfo foreign_key_list foreign_key_check \
    integrity_check quick_check database_list collation_list compile_options function_list module_list pragma_list \
    page_count freelist_count data_version stats database_size show_tables storage_info version";

/// Settings of SQLite that only concern the connection.
const OWN: &str = "busy_timeout cache_size foreign_keys query_only temp_store mmap_size synchronous case_sensitive_like threads \
    automatic_index recursive_triggers memory_limit";

fn pragma(tokens: &Tokens<'_>) -> Does {
    let place = if tokens.get(2) == Some(&Token::Period) {
        3
    } else {
        1
    };
    let name = tokens.name(place).unwrap_or("").to_ascii_lowercase();
    let given = tokens.len() > place + 1;
    match name.as_str() {
        "wal_checkpoint" | "optimize" | "incremental_vacuum" | "shrink_memory" => Does::Again,
        name if listed(LOOKING, name) || listed(OWN, name) => Does::Read,
        "writable_schema" if given => Does::Lose,
        _ if given => Does::Change,
        _ => Does::Read,
    }
}

/// `EXEC`: procedures of SQL Server that only look.
fn procedure(tokens: &Tokens<'_>) -> Does {
    let name = (1..tokens.len()).rev().find_map(|place| {
        tokens
            .name(place)
            .filter(|name| name.starts_with("sp_") || name.starts_with("xp_"))
    });
    let looks = [
        "sp_who",
        "sp_who2",
        "sp_helpdb",
        "sp_help",
        "sp_helptext",
        "sp_helpindex",
        "sp_spaceused",
        "sp_lock",
        "sp_databases",
        "sp_tables",
        "sp_columns",
        "sp_helpuser",
        "sp_helprole",
        "xp_readerrorlog",
        "sp_readerrorlog",
        "sp_whoisactive",
        "sp_helpfile",
        "sp_server_info",
        "sp_monitor",
        "xp_fixeddrives",
    ];
    match name {
        Some(name)
            if tokens.len() < 8 && looks.iter().any(|look| look.eq_ignore_ascii_case(name)) =>
        {
            Does::Read
        }
        _ => Does::Unknown,
    }
}

/// `SYSTEM …` of ClickHouse.
fn system(tokens: &Tokens<'_>) -> Does {
    if tokens.any(1, &["FLUSH", "RELOAD", "SYNC", "WAIT"]) {
        return Does::Again;
    }
    if tokens.is(1, "START") {
        return Does::Start("SYSTEM STOP it");
    }
    if tokens.any(1, &["STOP", "SHUTDOWN", "KILL", "RESTART"]) {
        return Does::Cut;
    }
    Does::Unknown
}
