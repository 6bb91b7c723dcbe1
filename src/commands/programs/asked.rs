//! Secrets that a call asks for by name: one property of many, one key of a store, the form in which all is shown.
//!
//! To look at a unit, a function or a set of settings is a look. To pick the environment or the password from it is to show a secret.
//! [`TABLE`] says which words do so, program by program; it counts only for what looks.

use super::{
    files::secrets::{Sight, sight},
    names::is_secret,
};
use crate::commands::{
    found::{Found, object},
    word::{Call, Word},
};
use crate::domain::effect::{Class, Effect, Secrets, Verb};
use std::{collections::BTreeMap, sync::LazyLock};

const TABLE: &str = include_str!("asked.table");

/// One line of the table, without its programs.
struct Line {
    verbs: &'static str,
    asking: &'static str,
}

static LINES: LazyLock<BTreeMap<&'static str, Vec<Line>>> = LazyLock::new(|| {
    let mut lines = BTreeMap::<_, Vec<Line>>::new();
    for line in TABLE.lines().filter(|line| !line.starts_with('#')) {
        let mut columns = line.split('|');
        if let (Some(programs), Some(verbs), Some(asking)) =
            (columns.next(), columns.next(), columns.next())
        {
            for program in programs.split_whitespace() {
                let line = Line { verbs, asking };
                lines.entry(program).or_default().push(line);
            }
        }
    }
    lines
});

/// Puts in what a call asks for.
pub(super) fn judge(call: &Call<'_>, seen: &[Effect], found: &mut Found) {
    let Some(lines) = LINES.get(call.program) else {
        return;
    };
    let looks = seen.iter().all(|effect| effect.class() == Class::Read);
    for line in lines {
        let said = |verb: &str| call.arguments.iter().any(|word| word.text() == verb);
        let asks = |asked: &str| match asked.strip_prefix('!') {
            Some(asked) => asks(asked, call.arguments),
            None => looks && asks(asked, call.arguments),
        };
        if line.verbs.split_whitespace().all(said) && line.asking.split_whitespace().any(asks) {
            let secret = object(&call.setting.place, "secret", call.program);
            return found.effect(Effect {
                secrets: Secrets::Values,
                ..Effect::read(Verb::Read, secret)
            });
        }
    }
}

fn asks(asked: &str, words: &[Word]) -> bool {
    let own = |word: &&Word| !word.text().starts_with('-');
    match asked.split_once(':') {
        Some((flag, wanted)) => values(flag, words).any(|value| names(value, wanted)),
        None if asked == "~" => words.iter().filter(own).any(|word| is_secret(word.text())),
        None if asked == "*" => !picks(words),
        None if asked == "@" => words.iter().any(|word| sight(word) == Sight::Secret),
        None if asked.len() == 2 && asked.starts_with('-') => {
            words.iter().any(|word| clusters(word.text(), asked))
        }
        None => words.iter().any(|word| {
            let text = word.text();
            let glued = text
                .strip_prefix(asked)
                .is_some_and(|rest| rest.starts_with('='));
            let part = !asked.starts_with('-') && text.split(['.', '/']).any(|part| part == asked);
            text == asked || glued || part
        }),
    }
}

/// Whether a flag picks something from what is shown.
fn picks(words: &[Word]) -> bool {
    let flags = [
        "--query",
        "--format",
        "--template",
        "--jsonpath",
        "--help",
        "-h",
    ];
    words.iter().any(|word| {
        let name = word.text().split('=').next().unwrap_or_default();
        flags.contains(&name)
    })
}

/// `-A` in `-nnA`.
fn clusters(text: &str, flag: &str) -> bool {
    let letters = text.strip_prefix('-').filter(|rest| !rest.starts_with('-'));
    let short = |letters: &str| letters.bytes().all(|byte| byte.is_ascii_alphabetic());
    flag.strip_prefix('-')
        .is_some_and(|flag| letters.is_some_and(|letters| short(letters) && letters.contains(flag)))
}

/// The values of a flag: glued, after `=`, or the next word.
fn values<'w>(flag: &'w str, words: &'w [Word]) -> impl Iterator<Item = &'w str> {
    words.iter().enumerate().filter_map(move |(place, word)| {
        let rest = word.text().strip_prefix(flag)?;
        match rest.strip_prefix('=') {
            Some(value) => Some(value),
            None if rest.is_empty() => words.get(place + 1).map(Word::text),
            None if flag.starts_with("--") => None,
            None => Some(rest),
        }
    })
}

/// Whether a value names this, but for what stands in it as a text: ``Tags[?Key==`Environment`]``.
fn names(value: &str, wanted: &str) -> bool {
    let texts = value.split('`').step_by(2);
    let word = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    texts
        .flat_map(|text| text.split(move |letter| !word(letter)))
        .any(|part| part == wanted)
}

#[cfg(test)]
mod tests {
    use super::{LINES, names};

    #[test]
    fn every_line_has_three_columns() {
        let mut lines = super::TABLE.lines().filter(|line| !line.starts_with('#'));
        assert!(lines.all(|line| line.split('|').count() == 3));
        assert!(!LINES.is_empty());
    }

    #[test]
    fn a_text_in_a_query_names_nothing() {
        assert!(names("Environment.Variables", "Environment"));
        assert!(names("-", "-"));
        assert!(!names("Tags[?Key==`Environment`].Value", "Environment"));
        assert!(!names("Environments[].Status", "Environment"));
    }
}
