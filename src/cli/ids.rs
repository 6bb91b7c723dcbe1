//! Ids as people handle them: eight digits of the end are shown, and any part of the beginning or the end that names only one is taken.

use crate::cli::{
    client::{Address, Client},
    exit::CliError,
};
use serde_json::Value;
use std::{fmt::Display, str::FromStr};

/// How many digits are shown. They are random; the beginning of an id is the time it was made.
const SHOWN: usize = 8;
/// How many digits a part of an id must have.
const FEWEST: usize = 4;
/// How many of the newest are looked through.
const LOOKED_THROUGH: usize = 1000;

/// The end of an id, which tells it from others.
pub(super) fn short(id: &impl Display) -> String {
    let text = id.to_string();
    text.get(text.len().saturating_sub(SHOWN)..)
        .unwrap_or(&text)
        .to_owned()
}

/// What an id is of, in words.
struct Kind {
    one: &'static str,
    many: &'static str,
    /// The command that lists them.
    lists: &'static str,
}

const RUN: Kind = Kind {
    one: "a run",
    many: "runs",
    lists: "orderly runs",
};
const APPROVAL: Kind = Kind {
    one: "an approval",
    many: "approvals",
    lists: "orderly approvals --all",
};

const ARTIFACT: Kind = Kind {
    one: "an artifact",
    many: "artifacts",
    lists: "orderly artifacts",
};

/// The artifact that a text names.
pub(super) async fn artifact<T: FromStr>(client: &Client, text: &str) -> Result<T, CliError> {
    let list = Address::api(&["artifacts"])
        .with("removed", Some(true))
        .with("limit", Some(LOOKED_THROUGH));
    find(client, &ARTIFACT, text, &list).await
}

/// The run that a text names.
pub(super) async fn run<T: FromStr>(client: &Client, text: &str) -> Result<T, CliError> {
    let list = Address::api(&["runs"]).with("limit", Some(LOOKED_THROUGH));
    find(client, &RUN, text, &list).await
}

/// The approval that a text names.
pub(super) async fn approval<T: FromStr>(client: &Client, text: &str) -> Result<T, CliError> {
    let list = Address::api(&["approvals"])
        .with("state", Some("all"))
        .with("limit", Some(LOOKED_THROUGH));
    find(client, &APPROVAL, text, &list).await
}

async fn find<T: FromStr>(
    client: &Client,
    kind: &Kind,
    text: &str,
    list: &Address,
) -> Result<T, CliError> {
    let wanted = digits(text);
    if wanted.len() == 32
        && let Ok(id) = text.parse()
    {
        return Ok(id);
    }
    if wanted.len() < FEWEST || !wanted.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(CliError::Usage(format!(
            "`{text}` is not the id of {}: write at least {FEWEST} hexadecimal digits of its beginning or end\nhint: `{}` shows them",
            kind.one, kind.lists
        )));
    }
    let page = client.get(list).await?;
    let items = page.get("items").and_then(Value::as_array);
    let known = items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("id")?.as_str());
    let found: Vec<&str> = known.filter(|id| names(&wanted, id)).collect();
    match found.as_slice() {
        [one] => one
            .parse()
            .map_err(|_| CliError::Strange(format!("the agent shows `{one}` as an id"))),
        [] => Err(CliError::Refused(format!(
            "`{text}` is none of the newest {LOOKED_THROUGH} {}\nhint: `{}` shows them; an older one is named by its whole id",
            kind.many, kind.lists
        ))),
        more => Err(CliError::Usage(format!(
            "`{text}` names {} {}: {}\nhint: write more of it",
            more.len(),
            kind.many,
            more.iter().take(10).copied().collect::<Vec<_>>().join(", ")
        ))),
    }
}

fn digits(text: &str) -> String {
    text.chars()
        .filter(|character| *character != '-')
        .collect::<String>()
        .to_lowercase()
}

/// Whether a part of an id names this one: its beginning, its end, or the beginning of what is shown of it.
fn names(part: &str, id: &str) -> bool {
    let whole = digits(id);
    whole.starts_with(part) || whole.ends_with(part) || short(&whole).starts_with(part)
}

#[cfg(test)]
mod tests {
    use super::{digits, names, short};

    const ID: &str = "0199b1c2-7d3e-7a00-8000-0123456789ab";

    #[test]
    fn an_id_is_shown_by_its_end() {
        assert_eq!(short(&ID), "456789ab");
    }

    #[test]
    fn a_part_of_the_beginning_or_the_end_names_an_id() {
        for part in ["0199b1c2", "0199b1c2-7d3e", "456789ab", "4567", "89ab", ID] {
            assert!(names(&digits(part), ID), "{part}");
        }
        for part in ["7d3e", "0123"] {
            assert!(!names(part, ID), "{part}");
        }
    }
}
