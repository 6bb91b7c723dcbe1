//! Objects of stores that are printed: one whose name says that it holds secrets is read like a file of that name.

use crate::commands::{
    found::{Found, object},
    programs::files::{
        paths::is_shown,
        secrets::{Sight, sight},
    },
    word::{Call, Word},
};
use crate::domain::effect::{Effect, Place, Secrets, Verb};

/// Programs that fetch objects.
const STORES: [&str; 9] = [
    "aws", "az", "azcopy", "gcloud", "gsutil", "mc", "mcli", "rclone", "s3cmd",
];

/// Words that say that what stands in an object is printed.
const PRINTING: [&str; 5] = ["cat", "head", "od", "sql", "tail"];

/// How many words the name of a command may have.
const MOST_WORDS: usize = 4;

/// Puts in what is shown of objects by a call.
pub(super) fn printed(call: &Call<'_>, found: &mut Found) {
    if !STORES.contains(&call.program) {
        return;
    }
    let words = call.arguments;
    let mut named = words.iter().filter(|word| !word.text().starts_with('-'));
    let prints = named
        .by_ref()
        .take(MOST_WORDS)
        .any(|word| PRINTING.contains(&word.text()));
    let secret = words.iter().position(names_secret);
    let Some((at, secret)) = secret.and_then(|at| Some((at, words.get(at)?))) else {
        return;
    };
    // What comes from standard input is called so too, and stands before the object.
    let mut after = words.get(at..).unwrap_or_default().iter();
    let shown = |word: &Word| is_shown(value(word));
    if prints || after.any(shown) || words.iter().any(|word| word.text() != "-" && shown(word)) {
        let store = Place::Network(call.program.to_owned());
        found.effect(Effect {
            secrets: Secrets::Values,
            ..Effect::read(Verb::Read, object(&store, "object", secret.text()))
        });
    }
}

/// What stands behind a flag in the same word, or the word.
fn value(word: &Word) -> &str {
    match word.text().split_once('=') {
        Some((flag, value)) if flag.starts_with('-') => value,
        _ => word.text(),
    }
}

/// Whether the name of an object, behind its bucket or without one, says that it holds secrets.
fn names_secret(word: &Word) -> bool {
    let name = value(word);
    let path = name.rsplit_once(':').map_or(name, |(_, path)| path);
    let says = path.contains(['/', '.']) || name.len() > path.len();
    let file = if path.contains(['*', '?']) {
        Word::Glob(path.to_owned())
    } else {
        Word::Known(path.to_owned())
    };
    says && !path.starts_with('-') && sight(&file) >= Sight::Possible
}
