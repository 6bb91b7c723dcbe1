//! SQL: statements to what they do.
//!
//! ```text
//! text ── cut ──▶ statements, and lines for the client itself ──▶ statement (by its first words) ──▶ query (what a reading one calls)
//! ```
//!
//! The tokens come from a real tokenizer, so comments, quotation marks and case hide nothing. What only reads must also be understood by
//! a parser, call only functions that are known to compute and look, and neither lock nor write.

mod cut;
mod functions;
mod query;
pub(in crate::commands::programs::databases) mod rows;
mod shown;
mod statement;
mod subjects;
mod tokens;

use crate::commands::{
    found::{Found, object},
    programs::{files::paths::carried_off, manual::Does},
    word::{Call, Stdin, Word},
};
use crate::domain::effect::{Effect, Object, Reach, Reversible, Secrets, Tri, Verb};
use cut::Piece;
use sqlparser::dialect::Dialect;
use tokens::Tokens;
pub(in crate::commands::programs) use tokens::{READING, changes_reading};

/// How long a text may be.
const LONGEST: usize = 64 * 1024;

/// How many statements it may hold.
const MOST_STATEMENTS: usize = 256;

/// What a client of a database makes of a text.
#[derive(Debug, Clone, Copy)]
pub(in crate::commands::programs) struct Client {
    pub(in crate::commands::programs) dialect: &'static dyn Dialect,
    /// Begins a line for the client itself: `\d`, `.tables`.
    pub(in crate::commands::programs) escape: Escape,
    /// Judges such a line, without the sign that begins it.
    pub(in crate::commands::programs) own: fn(&str, &Call<'_>, &mut Found),
    /// Words that begin such a line without a sign: `source`, `system`.
    pub(in crate::commands::programs) words: &'static [&'static str],
    /// Whether statements may follow each other with nothing between them.
    pub(in crate::commands::programs) loose: bool,
    /// Whether `:name` is replaced by a text that is not shown.
    pub(in crate::commands::programs) variables: bool,
    /// Whether names without a schema are those of the server's own database.
    pub(in crate::commands::programs) system: bool,
    /// What stands in its tables of people.
    pub(in crate::commands::programs) people: People,
}

/// What stands in a table of people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::programs) enum People {
    /// What an application keeps of them, their passwords among it.
    Kept,
    /// Their names and numbers, as the host lists them.
    Listed,
}

/// What begins a line for the client itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands::programs) enum Escape {
    /// Nothing does.
    Nothing,
    /// A backslash, anywhere.
    Backslash,
    /// A full stop at the beginning of a line.
    Dot,
    /// A colon at the beginning of a line.
    Colon,
}

/// Judges a text that a client sends.
pub(in crate::commands::programs) fn judge(
    text: &str,
    client: &Client,
    call: &Call<'_>,
    found: &mut Found,
) {
    if text.len() > LONGEST {
        return unreadable(text, "it is too long", call, found);
    }
    let hidden = text.contains("/*!") || text.contains("/*M!");
    if hidden && client.dialect.supports_multiline_comment_hints() {
        found.opaque("SQL: what stands in `/*! … */` runs on some servers and not on others");
        let shown = text.replace("/*M!", "/*!");
        cut_and_judge(&shown.replace("/*!", "/* "), client, call, found);
        return cut_and_judge(&shown, client, call, found);
    }
    cut_and_judge(text, client, call, found);
}

fn cut_and_judge(text: &str, client: &Client, call: &Call<'_>, found: &mut Found) {
    let pieces = match cut::pieces(text, client) {
        Ok(pieces) if pieces.len() <= MOST_STATEMENTS => pieces,
        Ok(_) => return unreadable(text, "it has too many statements", call, found),
        Err(reason) => return unreadable(text, &reason, call, found),
    };
    let mut system = client.system;
    for piece in pieces {
        match piece {
            Piece::Own(line) => {
                let mut words = line.split_whitespace();
                system |= words.next() == Some("u") && words.next() == Some("mysql");
                (client.own)(&line, call, found);
            }
            Piece::Statement(tokens) => {
                let tokens = Tokens::new(&tokens);
                if sets(&tokens) && tokens.changes_reading() {
                    found.opaque("SQL: a setting changes where the strings after it end");
                }
                system |= tokens.is(0, "USE") && named_mysql(&tokens);
                if query::reads_secret_file(&tokens) || system && query::shows_accounts(&tokens) {
                    effect(Does::Secrets, &tokens, call, found);
                }
                if client.variables && tokens.has_variable() {
                    let reason = "SQL: the value of a variable goes into a statement unseen";
                    found.unknown_code(&call.setting.place, "sql", reason);
                }
                if client.loose
                    && let Some(does) = statement::behind(&tokens)
                {
                    effect(does, &tokens, call, found);
                }
                let spared = client.people == People::Listed && !query::names_secrets(&tokens);
                for does in statement::does(&tokens, client.dialect) {
                    if does == Does::Secrets && spared {
                        continue;
                    }
                    effect(does, &tokens, call, found);
                }
            }
        }
    }
}

/// Whether it sets what is valid for the statements after it.
fn sets(tokens: &Tokens<'_>) -> bool {
    let setter = |name: &str| name.eq_ignore_ascii_case("set_config");
    tokens.is(0, "SET") || (0..tokens.len()).any(|place| tokens.name(place).is_some_and(setter))
}

fn named_mysql(tokens: &Tokens<'_>) -> bool {
    tokens
        .name(1)
        .is_some_and(|name| name.eq_ignore_ascii_case("mysql"))
}

/// Judges a word that is a text.
pub(in crate::commands::programs) fn judge_word(
    word: &Word,
    client: &Client,
    call: &Call<'_>,
    found: &mut Found,
) {
    match word.known() {
        Some(text) => judge(text, client, call, found),
        None => {
            let reason = format!(
                "{}: what `{}` says is not known before it runs",
                call.program,
                word.text()
            );
            found.unknown_code(&call.setting.place, "sql", reason);
        }
    }
}

/// Judges what a client reads from its standard input.
pub(in crate::commands::programs) fn judge_stdin(
    client: &Client,
    call: &Call<'_>,
    found: &mut Found,
) {
    match call.stdin {
        Stdin::Known(text) => judge(text, client, call, found),
        Stdin::File(word) => judge_file(word, client, call, found),
        Stdin::Nothing => {
            found.effect(written(
                Reversible::Unknown,
                object(&call.setting.place, "database", call.program),
            ));
            found.opaque(format!("`{}` waits for statements", call.program));
        }
        Stdin::Piped | Stdin::Downloaded => {
            let reason = format!(
                "`{}` runs statements that another program prints",
                call.program
            );
            found.unknown_code(&call.setting.place, "sql", reason);
        }
    }
}

/// Judges a text inside a text, as far as they may stand in each other.
pub(in crate::commands::programs) fn judge_inner(
    text: &str,
    client: &Client,
    call: &Call<'_>,
    found: &mut Found,
) {
    match call.setting.deeper() {
        Some(setting) => {
            let setting = &setting;
            judge(text, client, &Call { setting, ..*call }, found);
        }
        None => {
            let reason = format!("{}: statements stand too deep in others", call.program);
            found.unknown_code(&call.setting.place, "sql", reason);
        }
    }
}

/// Judges a file with statements.
pub(in crate::commands::programs) fn judge_file(
    word: &Word,
    client: &Client,
    call: &Call<'_>,
    found: &mut Found,
) {
    let path = word.known().map(|path| call.setting.resolve(path));
    let bytes = path.and_then(|path| call.setting.files.read(&path));
    let name = word.text();
    match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
        Some(text) => judge_inner(&text, client, call, found),
        None if name.starts_with("<(") => {
            let reason = "the statements are made while it runs, so nobody reads them beforehand";
            found.unknown_code(&call.setting.place, call.program, reason);
        }
        None => {
            // A line that is no statement is shown with the complaint about it.
            carried_off(word, &call.setting.place, found);
            let object = object(&call.setting.place, "sql", name);
            found.effect(written(Reversible::Unknown, object));
            found.opaque(format!(
                "`{}` runs the statements in `{name}`",
                call.program
            ));
        }
    }
}

/// A text that cannot be taken apart: the gravest word in it decides.
fn unreadable(text: &str, reason: &str, call: &Call<'_>, found: &mut Found) {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    let does = statement::gravest(words);
    found.effect(effect_of(does, object(&call.setting.place, "sql", "text")));
    found.opaque(format!("SQL that cannot be read: {reason}"));
}

fn effect(does: Does, tokens: &Tokens<'_>, call: &Call<'_>, found: &mut Found) {
    let title = tokens.title();
    match does {
        Does::Unknown => {
            let reason = format!("SQL `{title}`: what it runs is not known");
            found.unknown_code(&call.setting.place, "sql", reason);
        }
        Does::Trial => {
            let object = object(&call.setting.place, "sql", &title);
            found.effect(Effect::read(Verb::DatabaseRead, object));
            found.opaque(format!(
                "SQL `{title}` reads, but is not understood in full"
            ));
        }
        Does::Code | Does::Otherwise => {
            let object = object(&call.setting.place, "sql", &title);
            found.effect(written(Reversible::Unknown, object));
            found.opaque(format!("SQL `{title}` is not understood in full"));
        }
        does => found.effect(effect_of(does, object(&call.setting.place, "sql", &title))),
    }
}

fn written(reversible: Reversible, object: Object) -> Effect {
    Effect {
        reversible,
        reach: Reach::Unknown,
        ..Effect::read(Verb::DatabaseWrite, object)
    }
}

fn effect_of(does: Does, object: Object) -> Effect {
    match does {
        Does::Read | Does::Dry | Does::Trial | Does::File => {
            Effect::read(Verb::DatabaseRead, object)
        }
        Does::Secrets => Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::DatabaseRead, object)
        },
        Does::Undo(how) | Does::Make(how) => Effect::change(Verb::DatabaseSchema, object, how),
        Does::Dump => Effect::change(Verb::Create, object, "remove what it wrote"),
        Does::Start(how) => Effect::change(Verb::ServiceStart, object, how),
        Does::Again | Does::Refresh => Effect {
            reversible: Reversible::Recreated,
            ..Effect::read(Verb::DatabaseWrite, object)
        },
        Does::Change | Does::Code | Does::Otherwise => written(Reversible::Unknown, object),
        Does::Delete => Effect::destructive(Verb::Delete, object),
        Does::Lose => Effect::destructive(Verb::DatabaseWrite, object),
        Does::Cut => Effect {
            service_cut: Tri::Yes,
            reversible: Reversible::Unknown,
            ..Effect::read(Verb::ServiceStop, object)
        },
        Does::Access => Effect {
            access_change: Tri::Yes,
            reversible: Reversible::Unknown,
            ..Effect::read(Verb::Bind, object)
        },
        Does::Unknown | Does::Runs(_) | Does::Script(_) | Does::Shell => Effect::opaque(object),
    }
}

#[cfg(test)]
mod tests;
