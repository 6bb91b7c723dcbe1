//! What a query does: it reads, unless it locks, writes, calls, or shows secrets.

use super::{
    functions,
    rows::{self, SECRET_TABLES},
    shown,
    statement::gravest,
    tokens::Tokens,
};
use crate::commands::{
    programs::{
        files::secrets::{Sight, sight},
        manual::Does,
        names::{is_secret, listed},
    },
    word::Word,
};
use sqlparser::{
    ast::Statement,
    dialect::Dialect,
    parser::Parser,
    tokenizer::{Token, TokenWithSpan},
};

/// How many tokens a query may have that is parsed.
const MOST_TOKENS: usize = 2000;

/// Words before a bracket that call nothing.
const NO_FUNCTIONS: &str = "ALL AND ANY ARRAY AS ASOF BERNOULLI BETWEEN BY CASE CROSS CUBE DISTINCT ELSE END ESCAPE EXCEPT EXISTS EXPLAIN \
    FETCH FILTER FORCE FORMAT FROM FULL GROUP GROUPING HAVING IGNORE ILIKE IN INDEX INNER INTERSECT INTERVAL IS \
    JOIN KEY LATERAL LEADING LEFT LIKE LIMIT MATERIALIZED NOT OFFSET ON ONLY OR OUTER OVER PARTITION PREWHERE \
    QUALIFY RECURSIVE REGEXP RETURNING RIGHT RLIKE ROLLUP SELECT SETS SOME THEN UNION USE USING VALUES WHEN WHERE \
    WITH";

/// Columns that hold secrets.
const SECRET_COLUMNS: &str = "password passwd pwd passphrase password_hash passwordhash encrypted_password hashed_password rolpassword \
    authentication_string secret secret_key secret_value client_secret app_secret api_key apikey api_token token \
    access_token refresh_token auth_token session_token private_key ssh_key credential credentials otp_secret \
    totp_secret salted_hash user_pass secure_json_data subconninfo srvoptions umoptions access_key";

/// Tables of accounts, with columns that may be looked at.
const ACCOUNTS: &str = "pg_shadow pg_authid global_priv pg_user_mapping syslogins";

/// Columns of accounts that are no secrets, and words around them.
const PLAIN_COLUMNS: &str = "SELECT FROM WHERE ORDER GROUP BY AND OR NOT LIKE ILIKE IN IS NULL LIMIT ASC DESC AS COUNT TRUE FALSE DISTINCT \
    PG_CATALOG PG_SHADOW PG_AUTHID MYSQL USER HOST PLUGIN ACCOUNT_LOCKED PASSWORD_EXPIRED PASSWORD_LAST_CHANGED \
    PASSWORD_LIFETIME MAX_CONNECTIONS SUPER_PRIV GRANT_PRIV ROLNAME USENAME USESYSID ROLSUPER ROLCANLOGIN \
    ROLVALIDUNTIL VALUNTIL USESUPER USEREPL ROLREPLICATION ROLCREATEROLE ROLCREATEDB OID";

/// What a query does. `Does::Read` alone if it only reads, with `Does::Trial` where no parser says so.
pub(super) fn does(tokens: &Tokens<'_>, dialect: &dyn Dialect) -> Vec<Does> {
    let mut does = deeds(tokens);
    if does.is_empty() {
        does.push(Does::Read);
        if !parses(tokens, dialect) {
            does.push(match gravest(tokens.words()) {
                Does::Unknown => Does::Unknown,
                _ => Does::Trial,
            });
        }
    }
    does
}

/// Whether a parser agrees that this is one query.
fn parses(tokens: &Tokens<'_>, dialect: &dyn Dialect) -> bool {
    if tokens.is(0, "TABLE") {
        return tokens.len() <= 8 && tokens.name(1).is_some();
    }
    if tokens.len() > MOST_TOKENS {
        return false;
    }
    let mut whole: Vec<TokenWithSpan> = tokens.whole();
    // What Cassandra adds, and no dialect knows.
    if tokens.are(tokens.len().saturating_sub(2), &["ALLOW", "FILTERING"]) {
        whole.truncate(whole.len() - 2);
    }
    let mut parser = Parser::new(dialect).with_tokens_with_locations(whole);
    let statement = parser.parse_statement();
    parser.peek_token().token == Token::EOF && matches!(statement, Ok(Statement::Query(_)))
}

/// What a query does beside reading, and what it shows.
pub(super) fn deeds(tokens: &Tokens<'_>) -> Vec<Does> {
    let mut does = calls(tokens);
    if locks(tokens) || writes(tokens) {
        does.push(Does::Change);
    }
    if let Some(inner) = modifies(tokens) {
        does.push(inner);
    }
    if writes(tokens) && tokens.reaches_rights() {
        does.push(Does::Access);
    }
    if shows_secrets(tokens) {
        does.push(Does::Secrets);
    }
    does
}

/// What the functions do that it calls.
pub(super) fn calls(tokens: &Tokens<'_>) -> Vec<Does> {
    let mut does = Vec::new();
    for place in 0..tokens.len() {
        if let Some(name) = call(tokens, place) {
            let deed = if foreign(tokens, place) {
                Does::Unknown
            } else {
                functions::does(name)
            };
            if deed != Does::Read && !does.contains(&deed) {
                does.push(deed);
            }
        }
    }
    does
}

/// The name of the function that is called at this place.
pub(super) fn call<'t>(tokens: &Tokens<'t>, place: usize) -> Option<&'t str> {
    let name = tokens.name(place)?;
    let before = place.checked_sub(1).and_then(|place| tokens.get(place));
    let named = place.checked_sub(1).is_some_and(|place| {
        tokens.any(
            place,
            &[
                "AS",
                "TABLE",
                "INTO",
                "RECURSIVE",
                "WITH",
                "VIEW",
                "TABLESAMPLE",
            ],
        )
    });
    let type_or_alias = named || matches!(before, Some(Token::DoubleColon | Token::RParen));
    if tokens.get(place + 1) != Some(&Token::LParen) || type_or_alias {
        return None;
    }
    let keyword = tokens.word(place).is_some() && listed(NO_FUNCTIONS, name);
    (!keyword).then_some(name)
}

/// Whether the function stands in a schema that is not the database's own.
fn foreign(tokens: &Tokens<'_>, place: usize) -> bool {
    let Some(schema) = place.checked_sub(2) else {
        return false;
    };
    if tokens.get(place - 1) != Some(&Token::Period) {
        return false;
    }
    let own = [
        "pg_catalog",
        "information_schema",
        "sys",
        "mysql",
        "safe",
        "net",
        "hll",
        "performance_schema",
    ];
    !tokens
        .name(schema)
        .is_some_and(|name| own.iter().any(|own| own.eq_ignore_ascii_case(name)))
}

/// `FOR UPDATE`, `FOR SHARE`, `LOCK IN SHARE MODE`.
fn locks(tokens: &Tokens<'_>) -> bool {
    (0..tokens.len()).any(|place| {
        tokens.is(place, "FOR") && tokens.any(place + 1, &["UPDATE", "SHARE", "NO", "KEY"])
            || tokens.are(place, &["LOCK", "IN"])
    })
}

/// `SELECT … INTO`; into a variable of the session is no matter.
fn writes(tokens: &Tokens<'_>) -> bool {
    (0..tokens.len()).any(|place| {
        tokens.is(place, "INTO")
            && !matches!(tokens.get(place + 1), Some(Token::AtSign))
            && !into_variable(tokens, place)
    })
}

fn into_variable(tokens: &Tokens<'_>, place: usize) -> bool {
    tokens
        .name(place + 1)
        .is_some_and(|name| name.starts_with('@'))
}

/// A statement inside that changes data: `WITH x AS (DELETE …) SELECT …`.
pub(super) fn modifies(tokens: &Tokens<'_>) -> Option<Does> {
    let inner = |place: usize| {
        let opened = place.checked_sub(1).and_then(|place| tokens.get(place));
        let begins = matches!(opened, Some(Token::LParen | Token::RParen));
        match tokens.word(place) {
            Some(word) if begins && word.eq_ignore_ascii_case("DELETE") => Some(Does::Delete),
            Some(word) if begins && word.eq_ignore_ascii_case("MERGE") => Some(Does::Lose),
            Some(word) if begins && word.eq_ignore_ascii_case("UPDATE") => Some(Does::Lose),
            Some(word)
                if begins
                    && word.eq_ignore_ascii_case("INSERT")
                    && !matches!(tokens.get(place + 1), Some(Token::LParen)) =>
            {
                Some(Does::Change)
            }
            _ => None,
        }
    };
    (0..tokens.len()).find_map(inner)
}

/// Whether it shows values of secrets: by the names of columns that are shown, or all of a table that holds them.
pub(super) fn shows_secrets(tokens: &Tokens<'_>) -> bool {
    names_secrets(tokens) || rows::shows(tokens)
}

/// The same, but for whole rows of tables of people.
pub(super) fn names_secrets(tokens: &Tokens<'_>) -> bool {
    let shown = shown::places(tokens);
    let any = |test: fn(&Tokens<'_>, usize) -> bool| {
        shown
            .iter()
            .enumerate()
            .any(|(place, shown)| *shown && test(tokens, place))
    };
    let star = tokens.is(0, "TABLE") || any(star);
    let tables = |list: &str| (0..tokens.len()).any(|place| named(tokens, place, list));
    let mysql_user = (2..tokens.len())
        .any(|place| named(tokens, place, "user") && named(tokens, place - 2, "mysql"));
    let accounts = (mysql_user || tables(ACCOUNTS)) && !only_plain_columns(tokens);
    any(secret_column)
        || shows_setting(tokens)
        || accounts
        || star && (tables("system_auth") || tables(SECRET_TABLES))
        || reads_secret_file(tokens)
}

/// Settings of a server in which a password stands.
const SECRET_SETTINGS: &str = "primary_conninfo ssl_passphrase_command";

/// Whether the value of such a setting is asked for, by its name.
pub(super) fn shows_setting(tokens: &Tokens<'_>) -> bool {
    let secret = |place: usize| match tokens.get(place) {
        Some(Token::SingleQuotedString(text)) => {
            let asked = place
                .checked_sub(2)
                .is_some_and(|call| named(tokens, call, "current_setting"));
            listed(SECRET_SETTINGS, text) || asked && is_secret(text)
        }
        _ => named(tokens, place, SECRET_SETTINGS),
    };
    (1..tokens.len()).any(secret)
}

/// Whether it shows the table `user` of the database that is in use, with more than plain columns.
pub(super) fn shows_accounts(tokens: &Tokens<'_>) -> bool {
    let shown = shown::places(tokens);
    let table = |place: usize| {
        let listed = tokens.get(place - 1) == Some(&Token::Comma)
            && shown.get(place).is_some_and(|shown| !shown);
        named(tokens, place, "user")
            && (listed || tokens.any(place - 1, &["FROM", "JOIN", "TABLE"]))
    };
    (1..tokens.len()).any(table) && !only_plain_columns(tokens)
}

/// Whether a table of accounts is named at all.
pub(super) fn names_accounts(tokens: &Tokens<'_>) -> bool {
    (0..tokens.len()).any(|place| named(tokens, place, "user") || named(tokens, place, ACCOUNTS))
}

/// Whether a column that holds a secret is named at all.
pub(super) fn names_secret_column(tokens: &Tokens<'_>) -> bool {
    (0..tokens.len()).any(|place| named(tokens, place, SECRET_COLUMNS))
}

/// Whether a file that holds secrets is read as a table, by any statement.
pub(super) fn reads_secret_file(tokens: &Tokens<'_>) -> bool {
    (0..tokens.len()).any(|place| secret_file(tokens, place))
}

/// Whether a file stands where a table stands, or the argument of a function that reads one, and it holds secrets.
fn secret_file(tokens: &Tokens<'_>, place: usize) -> bool {
    let text = match tokens.get(place) {
        Some(Token::SingleQuotedString(text) | Token::DoubleQuotedString(text)) => text,
        Some(Token::Word(word)) if word.quote_style.is_some() => &word.value,
        _ => return false,
    };
    let Some(before) = place.checked_sub(1) else {
        return false;
    };
    let table = tokens.any(
        before,
        &["FROM", "JOIN", "SUMMARIZE", "DESCRIBE", "ATTACH", "INFILE"],
    );
    let argument = matches!(
        tokens.get(before),
        Some(Token::LParen | Token::Comma | Token::LBracket)
    );
    let file = Word::Glob(text.clone());
    let reading = before
        .checked_sub(1)
        .and_then(|place| tokens.name(place))
        .is_some_and(|name| name.to_ascii_lowercase().starts_with("read_"));
    (table || argument && (reading || text.contains('/'))) && sight(&file) >= Sight::Possible
}

fn named(tokens: &Tokens<'_>, place: usize, list: &str) -> bool {
    tokens.name(place).is_some_and(|name| listed(list, name))
}

/// `*` for all columns, not for a product or in `count(*)`.
fn star(tokens: &Tokens<'_>, place: usize) -> bool {
    let before = place.checked_sub(1).and_then(|place| tokens.get(place));
    let selected = place
        .checked_sub(1)
        .is_some_and(|place| tokens.any(place, &["SELECT", "ALL", "DISTINCT"]));
    tokens.get(place) == Some(&Token::Mul)
        && (selected || matches!(before, Some(Token::Comma | Token::Period)))
}

fn secret_column(tokens: &Tokens<'_>, place: usize) -> bool {
    let secret = named(tokens, place, SECRET_COLUMNS);
    let function = place.checked_sub(2).is_some_and(|place| {
        tokens.any(place, &["COUNT", "LENGTH", "OCTET_LENGTH", "CHAR_LENGTH"])
    });
    let called = tokens.get(place + 1) == Some(&Token::LParen);
    let alias = place
        .checked_sub(1)
        .is_some_and(|place| tokens.is(place, "AS"));
    let measured = function && tokens.get(place - 1) == Some(&Token::LParen);
    let compared = tokens.is(place + 1, "IS");
    secret && !(called || alias || compared || measured)
}

/// Whether everything that is named is a column that may be looked at.
fn only_plain_columns(tokens: &Tokens<'_>) -> bool {
    (0..tokens.len()).all(|place| match tokens.name(place) {
        Some(name) => listed(PLAIN_COLUMNS, name),
        None => !star(tokens, place),
    })
}
