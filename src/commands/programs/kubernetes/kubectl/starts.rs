//! What pods start: commands of new ones, and those that a patch gives to containers that are there.

use super::{cluster, inside::is_bare_shell};
use crate::commands::{
    found::Found,
    programs::{
        self,
        images::{Meant, are_settings, started},
    },
    word::{Call, Stdin, Word},
};
use serde_json::Value;

/// What a new pod of this image starts: all of it counts, since such a pod has an account, a network and often volumes.
pub(super) fn new_pod_starts(
    image: Option<&Word>,
    words: &[Word],
    meant: Meant,
    stdin: &Stdin,
    call: &Call<'_>,
    found: &mut Found,
) {
    let words = started(image.map_or("", Word::text), words, meant);
    if words.is_empty() || is_bare_shell(&words) {
        return;
    }
    match call.setting.elsewhere(cluster()) {
        Some(setting) => programs::judge(&words, stdin, &setting, found),
        None => found.opaque("commands stand too deep in each other"),
    }
}

/// Commands that a patch gives to containers that are there.
pub(super) fn commands_of_patch(value: &Value, call: &Call<'_>, found: &mut Found) {
    match value {
        Value::Object(fields) => {
            let given = |key: &str| fields.get(key).map(words_of).unwrap_or_default();
            let (command, arguments) = (given("command"), given("args"));
            let image = fields.get("image").and_then(Value::as_str);
            let image = image.map(|image| Word::Known(image.to_owned()));
            let meant = if command.is_empty() {
                Meant::Arguments
            } else {
                Meant::Program
            };
            if !command.is_empty() || !are_settings(&arguments) {
                let words: Vec<Word> = command.into_iter().chain(arguments).collect();
                let stdin = &Stdin::Nothing;
                new_pod_starts(image.as_ref(), &words, meant, stdin, call, found);
            }
            for below in fields.values() {
                commands_of_patch(below, call, found);
            }
        }
        Value::Array(items) => {
            for item in items {
                commands_of_patch(item, call, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The words of a list, or of what operations set in one.
fn words_of(list: &Value) -> Vec<Word> {
    let text = |word: &Value| word.as_str().map(|word| Word::Known(word.to_owned()));
    match list {
        Value::Array(items) => items.iter().filter_map(text).collect(),
        Value::Object(places) => places.values().filter_map(text).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
