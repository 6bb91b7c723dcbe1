//! `env` and `printenv`.

use super::{Call, Found, Grammar, Word, nested_from, object, tables, unknown_flags};
use crate::commands::shell::{self, stretches};
use crate::domain::effect::{Effect, Secrets, Verb};

pub(super) fn grammar(program: &str) -> Option<Grammar> {
    match program {
        "env" => Some(env),
        "printenv" => Some(printenv),
        _ => None,
    }
}

fn env(call: &Call<'_>, found: &mut Found) {
    let parsed = tables::ENV.parse(call.arguments);
    unknown_flags(&parsed, call, found);
    if parsed.shows(&["help", "version"]) {
        return;
    }
    let mut words = Vec::new();
    for text in parsed.values(&["S", "split-string"]) {
        match text.known().and_then(split) {
            Some(more) => words.extend(more),
            None => found.unknown_code(
                &call.setting.place,
                "env",
                "`env -S` runs a text that is not known",
            ),
        }
    }
    let fresh = parsed.words.first().and_then(Word::known) == Some("-");
    words.extend(parsed.words.iter().skip(usize::from(fresh)).cloned());
    let own = assignments(&words, call, found);
    let command = words.get(own..).unwrap_or_default();
    if !command.is_empty() {
        nested_from(parsed.value(&["C", "chdir"]), command, call, found);
    } else if !fresh && !parsed.has(&["i", "ignore-environment"]) {
        shows(call, found);
    }
}

/// Takes off `NAME=value` words, and says how many there are.
pub(super) fn assignments(words: &[Word], call: &Call<'_>, found: &mut Found) -> usize {
    let mut count = 0;
    for word in words {
        let Some((name, value)) = word.text().split_once('=') else {
            break;
        };
        if name.starts_with(['$', '`', '/']) {
            break;
        }
        shell::environment(name, &word.with_text(value), call.setting, found);
        count += 1;
    }
    count
}

/// The words of `env -S`; none if they depend on variables.
fn split(text: &str) -> Option<Vec<Word>> {
    if text.contains(['$', '#']) {
        return None;
    }
    let (mut words, mut word, mut open) = (Vec::new(), String::new(), false);
    for stretch in stretches(text) {
        if stretch.quoted {
            word.push_str(&stretch.text);
            open = true;
            continue;
        }
        for letter in stretch.text.chars() {
            if !letter.is_whitespace() {
                word.push(letter);
                open = true;
            } else if open {
                words.push(Word::Known(std::mem::take(&mut word)));
                open = false;
            }
        }
    }
    if open {
        words.push(Word::Known(word));
    }
    Some(words)
}

fn shows(call: &Call<'_>, found: &mut Found) {
    found.effect(Effect {
        secrets: Secrets::Values,
        ..Effect::read(
            Verb::Read,
            object(&call.setting.place, "environment", "every variable"),
        )
    });
}

fn printenv(call: &Call<'_>, found: &mut Found) {
    let names = call
        .arguments
        .iter()
        .filter(|word| !word.text().starts_with('-'));
    let (mut any, mut secret) = (false, false);
    for name in names {
        any = true;
        secret |= name.known().is_none_or(shell::is_secret);
    }
    if !any || secret {
        shows(call, found);
    }
}
