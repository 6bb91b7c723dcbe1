//! What the options of a write to a cloud say.
//!
//! The verb of such a call says only that something is changed: what is changed, its options say. So a write that can be undone is
//! understood only where [`TABLE`] lists every one of its options as harmless; any other makes the call opaque. Options, or parts of
//! their values, that let somebody in, lose something or cut a service are told by marks in their names. What is made anew is removed
//! again, whatever its options are: of these only the grave ones count.

use super::{line::Line, verbs::Sort};
use crate::commands::{found::Found, word::Word};
use std::{collections::HashSet, sync::LazyLock};

const TABLE: &str = include_str!("options.table");

/// Ends of options that say which thing is meant.
const NAMING: [&str; 8] = [
    "-id",
    "-ids",
    "-name",
    "-names",
    "-arn",
    "-arns",
    "-identifier",
    "-identifiers",
];
/// Things that decide more than which one is meant: who may do what, what runs, what holds.
const DECIDING: [&str; 29] = [
    "role",
    "policy",
    "profile",
    "kms",
    "key",
    "security",
    "subnet",
    "cert",
    "secret",
    "parameter",
    "option",
    "template",
    "launch",
    "owner",
    "account",
    "principal",
    "trust",
    "author",
    "user",
    "domain",
    "document",
    "source",
    "vpc",
    "engine",
    "attribute",
    "s3-",
    "sns",
    "new-",
    "target-id",
];
/// Smallest numbers: none of them cuts nothing.
const FLOORS: [&str; 6] = [
    "mincapacity",
    "mincount",
    "minsize",
    "mininstances",
    "minnodes",
    "minreplica",
];

/// A mark of what is grave: all of its parts stand in a text.
struct Mark {
    sort: Sort,
    of_verb: bool,
    parts: Vec<&'static str>,
}

#[derive(Default)]
struct Table {
    named: HashSet<&'static str>,
    mild: HashSet<&'static str>,
    grave: Vec<Mark>,
}

static KNOWN: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table::default();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split(" | ");
        let what = columns.next().unwrap_or_default();
        let words = line.rsplit(" | ").next().unwrap_or_default();
        let words = words.split_whitespace();
        match (what, super::verbs::named(what)) {
            ("named", _) => table.named.extend(words),
            ("mild", _) => table.mild.extend(words),
            (_, Some(sort)) => {
                let of_verb = columns.next() == Some("verb");
                let parts = |word: &'static str| word.split(['&', '|']).collect();
                table.grave.extend(words.map(|word| Mark {
                    sort,
                    of_verb,
                    parts: parts(word),
                }));
            }
            (_, None) => {}
        }
    }
    table
});

/// Whether a setting of gcloud only says what is looked at by default: the former value says all.
pub(super) fn is_mild_property(name: &str) -> bool {
    let name = name.strip_prefix("core/").unwrap_or(name);
    matches!(
        name,
        "project" | "account" | "disable_prompts" | "verbosity" | "container/cluster"
    ) || name.ends_with("/zone")
        || name.ends_with("/region")
        || name.ends_with("/location")
}

/// Looks at the options of a call that does this; gives back what they do beyond it. What they do is opaque where nobody described it.
pub(super) fn weigh(sort: Sort, words: &[&str], line: &Line, found: &mut Found) -> Option<Sort> {
    if !matches!(sort, Sort::Undo(_) | Sort::Restart | Sort::Change) {
        return None;
    }
    let verb = words.last().copied().unwrap_or_default();
    let said = squeezed(&words.join("="));
    let by_verb = KNOWN
        .grave
        .iter()
        .find(|mark| mark.of_verb && mark.fits(&said));
    // `parameter set --name ssl`: the name says what is changed.
    let settings = [
        "parameter",
        "parameters",
        "configuration",
        "server-parameter",
    ];
    let by_name = words.iter().any(|word| settings.contains(word));
    let names = |name: &str| by_name && matches!(name, "n" | "name");
    // Some clouds take `name=value` without dashes.
    let pairs = line.words.iter().filter_map(|word| {
        let (name, value) = word.text().split_once('=')?;
        Some((name.to_owned(), vec![word.with_text(value)]))
    });
    let given: Vec<(String, Vec<Word>)> = line.flags.iter().cloned().chain(pairs).collect();
    let options = || {
        let flags = given.iter();
        flags.filter(|(name, values)| names(name) || !is_named(name, values))
    };
    let by_option = options().find_map(|(name, values)| grave(name, values));
    let sorted = by_verb.map(|mark| mark.sort).or(by_option);
    if makes(verb) {
        if sorted.is_some() {
            found.opaque("who may come in, or how long it lives, is not looked at");
        }
        return None;
    }
    if sorted.is_none() && sort != Sort::Change {
        for (name, _) in options().filter(|(name, _)| !KNOWN.mild.contains(name.as_str())) {
            found.opaque(format!(
                "what `{name}` changes there is not known to the gate"
            ));
        }
    }
    sorted
}

/// Whether a verb makes something of its own.
fn makes(verb: &str) -> bool {
    let first = verb.split(['-', '_']).next().unwrap_or_default();
    matches!(first, "create" | "snapshot" | "mb")
}

/// Whether an option only says which thing is meant, or what people call it.
fn is_named(name: &str, values: &[Word]) -> bool {
    let tags = name == "set" && values.iter().all(|value| value.text().starts_with("tags."));
    // A resource is no source.
    let thing = name.replace("resource", "");
    let naming = NAMING.iter().any(|end| name.ends_with(end))
        && !DECIDING.iter().any(|part| thing.contains(part));
    tags || naming || KNOWN.named.contains(name)
}

/// What an option does by its own name, or by one in its value.
fn grave(name: &str, values: &[Word]) -> Option<Sort> {
    let values: Vec<&str> = values.iter().map(Word::text).collect();
    let text = squeezed(&format!("{name}={}", values.join(",")));
    let mut marks = KNOWN.grave.iter().filter(|mark| !mark.of_verb);
    marks.find(|mark| mark.fits(&text)).map(|mark| mark.sort)
}

/// Small letters without dashes, blanks and quotation marks.
fn squeezed(text: &str) -> String {
    let kept = text.chars().filter(|letter| !"-_ \"'\\".contains(*letter));
    let mut text: String = kept
        .map(|letter| match letter {
            ':' => '=',
            letter => letter.to_ascii_lowercase(),
        })
        .collect();
    for floor in FLOORS {
        text = text.replace(floor, "floor");
    }
    // How long backups are kept says too little: only nearly none is a loss.
    text.replace("snapshotretentionlimit", "snapshotlimit")
        .replace("backupretention", "backupkept")
}

impl Mark {
    fn fits(&self, text: &str) -> bool {
        self.parts.iter().all(|part| stands_in(part, text))
    }
}

/// Whether a mark stands in a text; a number at its end is the whole number.
fn stands_in(mark: &str, text: &str) -> bool {
    let number = mark.ends_with(|letter: char| letter.is_ascii_digit());
    text.match_indices(mark).any(|(at, _)| {
        let next = text
            .get(at + mark.len()..)
            .and_then(|rest| rest.chars().next());
        !number || !next.is_some_and(|next| next.is_ascii_digit() || next == '.')
    })
}
