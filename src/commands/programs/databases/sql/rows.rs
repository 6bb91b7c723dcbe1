//! Whole rows of tables that hold secrets: by a star, by the table's name in the place of a column (`row_to_json(u)`), or by `TABLE`.

use super::{shown, tokens::Tokens};
use crate::commands::programs::names::listed;
use sqlparser::tokenizer::Token;

/// Tables that hold secrets, whatever their columns are called.
pub(in crate::commands::programs::databases) const SECRET_TABLES: &str = "secrets credentials api_keys apikeys access_tokens refresh_tokens oauth_tokens passwords api_tokens \
    personal_access_tokens pg_user_mappings credential data_source sql_logins cookies moz_cookies moz_logins api_key access_token auth_token user_auth user_auth_token login_token two_factor webauthn_credential user_tokens shadow process_envs user_credentials oauth_access_tokens oauth_clients";

/// Tables of people who may log in: among their columns is a password, or what is made of it.
pub(in crate::commands::programs::databases) const PEOPLE: &str = "users wp_users oc_users keystone_users app_users auth_user auth_users admin_users admins administrators user_accounts logins sessions session user_sessions django_session";

/// Schemas whose tables of users only list them.
const LISTS: &str = "information_schema pg_catalog system sys performance_schema dba";

/// Words after the name of a table that are no other name of it.
const AFTER: &str = "WHERE JOIN INNER LEFT RIGHT FULL CROSS NATURAL ON USING GROUP ORDER LIMIT OFFSET HAVING UNION EXCEPT INTERSECT FOR \
    WINDOW FETCH TABLESAMPLE SET VALUES RETURNING TO FROM WITH LATERAL";

/// A table that holds secrets, as the query calls it, and how deep in brackets it stands.
struct Source<'t> {
    names: Vec<&'t str>,
    depth: usize,
}

/// Whether whole rows of such a table are shown.
pub(super) fn shows(tokens: &Tokens<'_>) -> bool {
    // DuckDB shows all of a table where nothing is selected.
    if tokens.is(0, "FROM") && !tokens.has("SELECT") && table(tokens, 0) {
        return true;
    }
    let sources = sources(tokens);
    if !tokens.has("TABLE") && sources.is_empty() {
        return false;
    }
    let shown = shown::places(tokens);
    let called = |name: &str| {
        let mut names = sources.iter().flat_map(|source| &source.names);
        names.any(|known| known.eq_ignore_ascii_case(name))
    };
    let depths = depths(tokens);
    (0..tokens.len()).any(|place| {
        let depth = depths.get(place).copied().unwrap_or_default();
        match tokens.get(place) {
            _ if tokens.is(place, "TABLE") => table(tokens, place),
            _ if !shown.get(place).is_some_and(|shown| *shown) => false,
            Some(Token::Mul) => star(tokens, place, &called, || {
                sources.iter().any(|source| source.depth == depth)
            }),
            _ => tokens.name(place).is_some_and(&called) && row(tokens, place),
        }
    })
}

/// Whether such a table stands whole at this place: `COPY users TO …`, `TABLE users`.
pub(super) fn table(tokens: &Tokens<'_>, place: usize) -> bool {
    let mut name = place + 1;
    while tokens.get(name + 1) == Some(&Token::Period) {
        name += 2;
    }
    holds(tokens, name) && tokens.get(name + 1) != Some(&Token::LParen)
}

/// Whether a table that is called `user` stands here, which is a word for something else in any other place.
fn is_user(tokens: &Tokens<'_>, place: usize) -> bool {
    let before = place.checked_sub(1);
    tokens
        .name(place)
        .is_some_and(|name| name.eq_ignore_ascii_case("user"))
        && before.is_some_and(|before| tokens.any(before, &["FROM", "JOIN"]))
        && tokens.get(place + 1) != Some(&Token::LParen)
}

/// Whether the name at this place is that of such a table.
fn holds(tokens: &Tokens<'_>, place: usize) -> bool {
    let schema = match place.checked_sub(2) {
        Some(schema) if tokens.get(place - 1) == Some(&Token::Period) => tokens.name(schema),
        _ => None,
    };
    tokens.name(place).is_some_and(|name| {
        listed(SECRET_TABLES, name)
            || listed(PEOPLE, name) && !schema.is_some_and(|schema| listed(LISTS, schema))
    })
}

fn sources<'t>(tokens: &Tokens<'t>) -> Vec<Source<'t>> {
    let depths = depths(tokens);
    let shown = shown::places(tokens);
    let mut sources = Vec::new();
    for place in 0..tokens.len() {
        let column = shown.get(place).is_some_and(|shown| *shown);
        let user = is_user(tokens, place);
        if column || !user && !holds(tokens, place) || tokens.get(place + 1) == Some(&Token::Period)
        {
            continue;
        }
        let mut names: Vec<&str> = tokens.name(place).into_iter().filter(|_| !user).collect();
        let other = place + 1 + usize::from(tokens.is(place + 1, "AS"));
        names.extend(tokens.name(other).filter(|name| !listed(AFTER, name)));
        sources.push(Source {
            names,
            depth: depths.get(place).copied().unwrap_or_default(),
        });
    }
    sources
}

fn depths(tokens: &Tokens<'_>) -> Vec<usize> {
    let mut depth = 0_usize;
    let mut depths = Vec::with_capacity(tokens.len());
    for place in 0..tokens.len() {
        match tokens.get(place) {
            Some(Token::LParen) => depth += 1,
            Some(Token::RParen) => depth = depth.saturating_sub(1),
            _ => {}
        }
        depths.push(depth);
    }
    depths
}

/// `*` or `u.*`: of this query's own tables, or of this one; not a product, not `count(*)`.
fn star(
    tokens: &Tokens<'_>,
    place: usize,
    called: &impl Fn(&str) -> bool,
    own: impl Fn() -> bool,
) -> bool {
    let Some(before) = place.checked_sub(1) else {
        return false;
    };
    match tokens.get(before) {
        Some(Token::Period) => {
            let table = before.checked_sub(1).and_then(|place| tokens.name(place));
            table.is_some_and(called)
        }
        Some(Token::Comma) => own(),
        _ => tokens.any(before, &["SELECT", "ALL", "DISTINCT", "RETURNING"]) && own(),
    }
}

/// The row itself, not one of its columns, not how many there are.
fn row(tokens: &Tokens<'_>, place: usize) -> bool {
    let before = place.checked_sub(1);
    let of_another = before
        .is_some_and(|place| tokens.get(place) == Some(&Token::Period) || tokens.is(place, "AS"));
    let counted = place.checked_sub(2).is_some_and(|place| {
        tokens.any(place, &["COUNT"]) && tokens.get(place + 1) == Some(&Token::LParen)
    });
    let column = tokens.get(place + 1) == Some(&Token::RParen)
        && tokens.get(place + 2) == Some(&Token::Period)
        && tokens.get(place + 3) != Some(&Token::Mul);
    let part = matches!(tokens.get(place + 1), Some(Token::Period | Token::LParen));
    !(of_another || counted || column || part)
}
