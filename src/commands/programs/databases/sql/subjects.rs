//! `CREATE` and `ALTER`, by what they are about.

use super::{functions, query, tokens::Tokens};
use crate::commands::programs::{manual::Does, names::listed};

/// Things that say who may do what.
const RIGHTS: &str =
    "ROLE USER GROUP POLICY LOGIN SERVER CREDENTIAL SECRET ACCESS QUOTA SECURITY CERTIFICATE";

/// Things that hold code, which runs when something else happens.
const CODE: &str =
    "FUNCTION PROCEDURE PROC TRIGGER RULE EVENT LANGUAGE AGGREGATE OPERATOR CAST TASK MACRO";

/// Things that are made, and dropped again.
const PLAIN: &str = "TABLE INDEX VIEW DATABASE SCHEMA SEQUENCE TYPE DOMAIN COLLATION STATISTICS TABLESPACE PUBLICATION EXTENSION \
    KEYSPACE MATERIALIZED TEXT CONVERSION DICTIONARY WAREHOUSE STAGE STREAM BUCKET MEASUREMENT RETENTION CATALOG \
    VIRTUAL DATASET";

/// Words between `CREATE` or `ALTER` and what it is about.
const BETWEEN: &str = "OR REPLACE TEMP TEMPORARY UNIQUE UNLOGGED GLOBAL LOCAL FULLTEXT SPATIAL CLUSTERED NONCLUSTERED RECURSIVE \
    FOREIGN EXTERNAL TRANSIENT DEFAULT SQL DEFINER CUSTOM COLUMNSTORE";

/// What the statement is about, and where that word stands.
fn subject(tokens: &Tokens<'_>) -> (String, usize) {
    let place = (1..tokens.len())
        .find(|place| !tokens.listed(*place, BETWEEN))
        .unwrap_or(1);
    let word = tokens.word(place).unwrap_or("").to_ascii_uppercase();
    (word, place)
}

/// What a `CREATE` does.
pub(super) fn create(tokens: &Tokens<'_>) -> Vec<Does> {
    let (word, place) = subject(tokens);
    let mut does = match word.as_str() {
        word if listed(RIGHTS, word) => vec![Does::Access],
        word if listed(CODE, word) => vec![Does::Code],
        "SUBSCRIPTION" => vec![Does::Change],
        "EXTENSION" if reaches_out(tokens) => vec![Does::Code],
        word if listed(PLAIN, word) && tokens.are(1, &["OR", "REPLACE"]) => vec![Does::Change],
        word if listed(PLAIN, word) => vec![Does::Make("DROP it")],
        _ => vec![Does::Code],
    };
    does.extend(query::modifies(tokens));
    if let Some(select) = tokens.find("SELECT").filter(|_| word != "VIEW") {
        does.extend(
            query::deeds(&tokens.from(select))
                .into_iter()
                .filter(|does| *does != Does::Secrets),
        );
    }
    if matches!(word.as_str(), "TABLE" | "INDEX") && computes(tokens, place) {
        does.push(Does::Change);
    }
    does
}

/// Whether an extension brings a language without limits, or ways out of the database: whoever may use it has the host.
fn reaches_out(tokens: &Tokens<'_>) -> bool {
    const OUT: &str = "plsh plproxy pllua plr plcontainer dblink file_fdw postgres_fdw mysql_fdw oracle_fdw multicorn adminpack pg_cron pg_net http \
        pg_background pageinspect pg_read_file aws_s3 lo";
    (2..tokens.len())
        .filter_map(|place| tokens.name(place))
        .any(|name| {
            let name = name.to_ascii_lowercase();
            listed(OUT, &name) || name.starts_with("pl") && name.ends_with('u')
        })
}

/// Words before a name in brackets that is no call: `REFERENCES other (id)`, `USING gin (data)`.
const NAMING: &str = "REFERENCES INDEX KEY ON CONSTRAINT TABLE EXISTS UNIQUE USING CONCURRENTLY COLUMN ADD ONLY PARTITION OF";

/// Types and clauses that take something in brackets.
const TYPES: &str = "VARCHAR CHAR CHARACTER VARYING NVARCHAR NCHAR BINARY VARBINARY BIT DECIMAL NUMERIC DEC FLOAT DOUBLE REAL INT INTEGER BIGINT SMALLINT TINYINT MEDIUMINT ENUM SET \
    TIMESTAMP TIMESTAMPTZ DATETIME DATETIME2 TIME TIMETZ INTERVAL VECTOR HALFVEC GEOMETRY GEOGRAPHY CHECK KEY UNIQUE PRIMARY FOREIGN INDEX IDENTITY DEFAULT GENERATED ALWAYS \
    STORED INCLUDE WITH WHERE TABLESPACE FILLFACTOR AND OR NOT IN VALUES FROM TO MODULUS REMAINDER RANGE LIST HASH LIKE COLLATE NULLABLE LOWCARDINALITY ARRAY MAP TUPLE \
    FIXEDSTRING DATETIME64 ENGINE MERGETREE REPLACINGMERGETREE REPLICATEDMERGETREE SUMMINGMERGETREE TEXT BLOB COMMENT NUMBER VARCHAR2 STRING FULLTEXT SPATIAL BTREE";

/// Whether something is computed by a function that is not known, for every row or for every new one.
fn computes(tokens: &Tokens<'_>, start: usize) -> bool {
    (start..tokens.len()).any(|place| {
        let Some(name) = query::call(tokens, place) else {
            return false;
        };
        let first = place <= start + 4 && tokens.is(1, "TABLE");
        let named = tokens.listed(place - 1, NAMING) || first;
        !named
            && !listed(TYPES, name)
            && !matches!(functions::does(name), Does::Read | Does::Change)
    })
}

/// What an `ALTER` does.
pub(super) fn alter(tokens: &Tokens<'_>) -> Vec<Does> {
    let (word, _) = subject(tokens);
    match word.as_str() {
        "ROLE" | "USER" if only_password(tokens) && !tokens.has("LOGIN") => {
            return vec![Does::Code];
        }
        "LOGIN" if only_password(tokens) => return vec![Does::Code],
        "PRIVILEGES" => return vec![Does::Access],
        word if listed(RIGHTS, word) => return vec![Does::Access],
        "SYSTEM" => return vec![system(tokens)],
        _ => {}
    }
    let mut does = Vec::new();
    for place in tokens.top() {
        does.extend(part(tokens, place));
    }
    does.sort_by_key(|does| matches!(does, Does::Undo(_)));
    does.dedup();
    if does.is_empty() {
        does.push(Does::Change);
    }
    if computes(tokens, 2) {
        does.push(Does::Change);
    }
    does
}

/// What one word of an `ALTER` adds.
fn part(tokens: &Tokens<'_>, place: usize) -> Option<Does> {
    let word = tokens.word(place)?.to_ascii_uppercase();
    let quoted_before = place
        .checked_sub(1)
        .is_some_and(|before| tokens.any(before, &["TABLE", "COLUMN", "EXISTS"]));
    if place < 2 || quoted_before {
        return None;
    }
    match word.as_str() {
        "DROP" if tokens.any(place + 1, &["NOT", "DEFAULT", "IDENTITY", "EXPRESSION"]) => {
            Some(Does::Change)
        }
        "DROP" | "TRUNCATE" | "DELETE" | "DISCARD" | "CLEAR" | "REMOVE" => Some(Does::Delete),
        "DETACH" => Some(Does::Cut),
        "OWNER" | "SECURITY" => Some(Does::Access),
        "ALLOW_CONNECTIONS" | "OFFLINE" | "SUSPEND" => Some(Does::Cut),
        "DISABLE" if tokens.len() == place + 1 => Some(Does::Cut),
        "ADD" if tokens.is(place + 1, "VALUE") => Some(Does::Change),
        "ADD" => Some(Does::Undo("ALTER … DROP what was added")),
        // Whoever is connected to it by its name is cut off.
        "RENAME" if tokens.is(1, "DATABASE") => Some(Does::Cut),
        "RENAME" => Some(Does::Undo("ALTER … RENAME it back")),
        "ALTER" | "MODIFY" | "CHANGE" | "SET" | "RESET" | "ENABLE" | "DISABLE" | "VALIDATE"
        | "ATTACH" | "INHERIT" | "NO" | "CLUSTER" | "ENGINE" | "UPDATE" | "CONVERT" | "MOVE"
        | "FREEZE" | "RESTART" | "REFRESH" | "DEPENDS" | "REPLICA" | "FORCE" | "AUTO_INCREMENT"
        | "CONNECTION" | "EXCHANGE" | "REPLACE" | "MATERIALIZE" | "FETCH" | "REBUILD"
        | "COMPRESS" | "RESUME" | "SPLIT" | "CONFIGURE" | "COMMENT" | "ORDER" | "COALESCE"
        | "REORGANIZE" => Some(Does::Change),
        _ => None,
    }
}

/// Whether only a password is replaced.
fn only_password(tokens: &Tokens<'_>) -> bool {
    let secret = tokens.has("PASSWORD")
        || tokens.has_all(&["IDENTIFIED", "BY"])
        || tokens.has_all(&["IDENTIFIED", "WITH"]);
    let rights = [
        "SUPERUSER",
        "NOSUPERUSER",
        "NOLOGIN",
        "CREATEROLE",
        "NOCREATEROLE",
        "CREATEDB",
        "NOCREATEDB",
        "REPLICATION",
        "NOREPLICATION",
        "BYPASSRLS",
        "NOBYPASSRLS",
        "INHERIT",
        "NOINHERIT",
        "VALID",
        "CONNECTION",
        "ACCOUNT",
        "LOCK",
        "UNLOCK",
        "EXPIRE",
        "REQUIRE",
        "DEFAULT",
        "RENAME",
        "SET",
        "RESET",
        "ENABLE",
        "DISABLE",
        "NULL",
        "DISCARD",
        "ADD",
        "DROP",
    ];
    secret
        && !tokens
            .words()
            .skip(2)
            .any(|word| rights.iter().any(|right| right.eq_ignore_ascii_case(word)))
}

/// Settings that decide whether data survives a crash.
const DURABLE: &[&str] = &[
    "fsync",
    "full_page_writes",
    "synchronous_commit",
    "wal_level",
    "archive_mode",
    "zero_damaged_pages",
    "ignore_checksum_failure",
    "autovacuum",
    "default_transaction_read_only",
];

/// `ALTER SYSTEM`: some settings run programs or load libraries.
fn system(tokens: &Tokens<'_>) -> Does {
    let name = tokens.name(3).unwrap_or("").to_ascii_lowercase();
    let runs =
        name.ends_with("_command") || name.ends_with("_libraries") || name.ends_with("_library");
    let guards = [
        "hba_file",
        "ident_file",
        "ssl",
        "password_encryption",
        "listen_addresses",
        "krb_server_keyfile",
        "ssl_ca_file",
        "ssl_cert_file",
        "ssl_key_file",
        "row_security",
    ];
    match tokens.word(2).unwrap_or("").to_ascii_uppercase().as_str() {
        "SET" | "RESET" if runs => Does::Unknown,
        "SET" | "RESET" if guards.contains(&name.as_str()) => Does::Access,
        "RESET" if tokens.is(3, "ALL") => Does::Lose,
        "SET" | "RESET" if DURABLE.contains(&name.as_str()) => Does::Change,
        "SET" | "RESET" => Does::Undo("ALTER SYSTEM SET it to the value that SHOW gives before"),
        "KILL" | "DISCONNECT" | "CANCEL" | "ENABLE" => Does::Cut,
        "SWITCH" | "CHECKPOINT" | "FLUSH" | "ARCHIVE" => Does::Again,
        _ => Does::Unknown,
    }
}
